"""Checks and predictions of lesson 10, at scale."""

import numpy as np

from saekit.course.answers import Prediction
from saekit.course.checking import check, close, expect, expect_array, expect_number, expect_parts

PREDICTIONS = [
    Prediction("flops-saved", right="71b73eddb1d59f1a", wrong={
        4096: "That is how many latents there are for each one that fires. But what must be computed to know which ones fire?",
        1: "Count the dense products again: plain has five of them. How many has fast?",
        2: "Count the dense products again: plain has five of them. How many has fast?",
    }, otherwise="Divide the two numbers that your function returns for (1, 512, 131072, 32).",
        reply="Five products against one, and the 32 entries hardly show. A smarter kernel cannot do without the encoder's product."),
    Prediction("terabytes", right="ba238bd0348d930d", wrong={
        4: "One byte a number? float16 has 16 bits.",
        16: "That is float32. How many bytes has a float16?",
        1: "8 billion · 512 numbers. How many bytes has each?",
    }, otherwise="8e9 samples · 512 numbers · 2 bytes, in units of 1e12.", reply="8e9 · 512 · 2 = 8.2e12 bytes."),
    Prediction("floor-exponent", right="1e4456e88b16a825", options=("a", "b", "c"), wrong={
        "b": "Take 10, 5 and a floor of 4: by which factor does the loss fall, and by which factor what lies above the floor?",
        "c": "It shifts the curve, but a power law is about factors. Take 10, 5 and a floor of 4: by which factor does what lies above it fall?",
    }, reply="What lies above the floor falls by a larger factor than the whole, so the line in logarithms is steeper."),
]


@check
def step_flops(f, rng):
    batch, d_in, d_sae, k = (int(value) for value in rng.integers([3, 5, 200, 4], [9, 30, 400, 12]))
    plain, fast = (expect_number(part, what) for part, what in
                   zip(expect_parts(f(batch, d_in, d_sae, k), 2), ("plain", "fast")))
    dense, one_pass = batch * d_in * d_sae, batch * d_in * k
    expect(not (close(fast, 10 * dense) and close(plain, 2 * dense + 10 * one_pass)), "the first number is the smaller one. Which of the two comes first?")
    _plain_flops(f, plain, dense, (batch, d_in, d_sae, k))
    expect(not close(fast, 10 * one_pass), "the fast step has no dense product in your count. How would it know which entries fire?")
    expect(not close(fast, 2 * dense), "the fast step consists of its dense product alone in your count. What is done with the k entries that were found?")
    expect(not close(fast, 2 * dense + 8 * one_pass), "the fast step walks over its entries four times in your count. Are their exact pre_acts among them?")
    expect(not close(fast, 2 * dense + 10 * batch * k), "a pass over the entries does not depend on d_in in your count. How long are the rows that meet at an entry?")
    expect(not close(fast, 2 * dense + 10 * d_in * k), "the entries of one row alone are counted. How many rows has the batch?")
    expect(not close(fast, 2 * dense + 5 * one_pass), "a pass costs one operation for each number in your count. What follows each multiplication?")
    expect(close(fast, 2 * dense + 10 * one_pass), "the fast step is one dense product and five passes over k entries per row. What does yours count?",
           expected=float(2 * dense + 10 * one_pass), got=fast)


def _plain_flops(f, plain, dense, sizes):
    batch, d_in, d_sae, k = sizes
    expect(not close(plain, 5 * dense), "your plain step is half of what it should be. Is an addition no operation?")
    expect(not close(plain, 12 * dense), "six dense products are counted. Who needs the gradient of x?")
    expect(not close(plain, 4 * dense), "two dense products are counted, those of the forward pass. What happens backwards?")
    expect(not close(plain, 10 * dense / batch), "ten samples cost as much as one in your count. Where does batch come in?")
    expect(not close(plain, 10 * batch * d_in * k), "your plain step knows which k entries it needs. Does a dense product?")
    other = expect_number(expect_parts(f(batch, d_in, d_sae, k + 1), 2)[0], "plain")
    expect(close(other, plain), "another k changed the plain step, whose products are dense. Which of the two knows of k?")
    expect(close(plain, 10 * dense), "the plain step is five dense products. What does yours count?", expected=float(10 * dense), got=plain)


@check
def attainable(f, rng):
    peak, bandwidth = 60.0, float(rng.uniform(2, 4))
    low, high = rng.uniform(0.5, 5, size=3), rng.uniform(40, 90, size=2)
    intensity = np.concatenate([low, high])
    out = expect_array(f(intensity, peak, bandwidth), (5,))
    expect(not close(out, intensity * bandwidth), "at high intensity your rate exceeds the machine's peak. Which bound is missing?")
    expect(not close(out, np.full(5, peak)), "at every intensity you promise the peak. What if memory cannot keep up?")
    expect(not close(out, [max(peak, i * bandwidth) for i in intensity]), "you return the higher one of the two bounds. Can a machine exceed either?")
    expect(not close(out, [min(peak, bandwidth / i) for i in intensity]),
           "the more FLOPs a byte serves, the slower it gets in your answer. Do you divide by the intensity where you should multiply?")
    expect(not close(out, [min(peak, i) for i in intensity]), "memory twice as fast changed nothing. Where does bandwidth come in?")
    expect(not close(out, [1 / (1 / peak + 1 / (i * bandwidth)) for i in intensity]),
           "computing and waiting for memory add up in your answer. The roofline lets them overlap: which bound counts then?")
    expect(close(out[:3], low * bandwidth), "at low intensity memory is the bound. What does it deliver in a second, and what is that good for?",
           expected=low * bandwidth, got=out[:3])
    expect(close(out[3:], [peak, peak]), "at high intensity the processor is the bound. What does yours say?", expected=np.full(2, peak), got=out[3:])


@check
def bytes_held(f, rng):
    n, processes = int(rng.integers(200, 900)), 4
    whole = expect_number(f(n, 1, 1, 0))
    expect(not close(whole, 4 * n), "a run with momentum holds no more than its weights in your count. What comes besides?")
    expect(not close(whole, 4 * n * 2), "one of weights, gradients and the moment is missing. Which of the three did you count?")
    expect(not close(whole, 2 * n * 3), "your numbers have two bytes each. How many has a float32?")
    expect(not close(whole, n * 3), "you return a count of numbers. How many bytes is each?")
    expect(not close(whole, 4 * n * 3 / 1e9, 1e-12), "this is in gigabytes. Which unit does the docstring name?")
    expect(not close(whole, 4 * n * 4), "with one moment you count two, as Adam would. What depends on n_moments?")
    expect(close(whole, 12 * n), "with one moment, one process holds three numbers for each weight. What do you count?", expected=12.0 * n, got=whole)
    expect(close(f(n, 0, 1, 0), 8 * n), "without moments, weights and gradients are left. What else do you count, or what not?",
           expected=8.0 * n, got=f(n, 0, 1, 0))
    _split_bytes([expect_number(f(n, 2, processes, split)) / (4 * n) for split in range(4)], processes)


def _split_bytes(held, p):
    """Numbers per weight that one of p processes holds at split 0, 1, 2, 3, when those without processes are right."""
    expect(not close(held[0], 4 / p), "with split = 0 nothing is divided, and yours is. Does having more processes split anything by itself?")
    expect(close(held[0], 4.0), "with split = 0 every process holds all. What do more processes change in your count?", expected=4.0, got=held[0])
    expect(not close(held[1:], [4 / p] * 3), "from split = 1 on, everything is divided in your count. What does 1 divide?")
    expect(not close(held[1:], [4.0] * 3), "nothing is ever divided in your count. Where does split come in?")
    expect(not close(held[1:], [3 + 1 / p, 2 + 2 / p, 4 / p]) and not close(held[1:], [1 + 3 / p, 1 + 3 / p, 4 / p]),
           "the two moments do not go together in your count. Which of them does split = 1 leave whole?")
    expect(not close(held[1:], [4.0, 2 + 2 / p, 1 + 3 / p]), "split is off by one in your count. What does 1 divide, by the task?")
    expect(not close(held[1:], [2 + 2 / p, 3 + 1 / p, 3 + 1 / p]), "split = 2 divides the gradients and leaves the moments whole again in your count. Does a higher number undo a lower one?")
    expect(not close(held[1:], [3 + 1 / p, 2 + 2 / p, 2 + 2 / p]) and not close(held[1:], [2 + 2 / p, 1 + 3 / p, 1 + 3 / p]),
           "split = 3 holds as much as split = 2. What is still whole at 2?")
    expect(close(held[1:], [2 + 2 / p, 1 + 3 / p, 4 / p]), "split 1, 2 and 3 divide moments, then gradients too, then all. In units of the weights, yours differ.",
           expected=np.array([2 + 2 / p, 1 + 3 / p, 4 / p]), got=np.array(held[1:]))


@check
def average_gradients(f, rng):
    X, y, w = rng.normal(size=(12, 5)), rng.normal(size=12), rng.normal(size=5)
    per_sample = [2 * (row @ w - target) * row for row, target in zip(X, y)]      # of (x w - y)^2
    ends = [(0, 7), (7, 9), (9, 12)]
    gradients, counts = np.array([sum(per_sample[a:b]) / (b - a) for a, b in ends]), np.array([7, 2, 3])
    whole = sum(per_sample) / 12
    out = f(gradients, counts)
    expect(getattr(out, "shape", None) != (3,), "you return one number for each process. Over what should the sum run: the processes, or the parameters?")
    out = expect_array(out, (5,))
    expect(not close(out, sum(gradients) / 3), "a process with 2 samples weighs as much as one with 7 in your mean. Where do the counts come in?")
    expect(not close(out, sum(gradients)), "this is the sum of the three gradients. Is the loss a sum or a mean?")
    expect(not close(out, 12 * whole), "this is the gradient of the summed loss. By what is a mean divided?")
    expect(not close(out, 4 * whole), "your answer is four times too large: a sum over 12 samples is divided by the 3 processes. How many samples are there in all?")
    inverse = (gradients.T / counts).T
    expect(not close(out, sum(inverse) / sum(1 / counts)) and not close(out, sum(inverse)),
           "the more samples a process had, the less it weighs in your answer. Should it be divided by its count, or multiplied?")
    expect(not close(out, gradients[0]), "this is the first process's gradient alone. What did the others work for?")
    expect(not close(out, np.sort(gradients, axis=0)[1]), "this is the median of the processes. Is the gradient of a mean a median?")
    expect(close(f(gradients[[2, 0, 1]], counts[[2, 0, 1]]), out), "the order of the processes changed your answer. Does it matter who is first?")
    expect(close(out, whole), "the gradient over all 12 samples is another. What does a process's mean stand for, and how often?", expected=whole, got=out)


@check
def ring_round(f, rng):
    held = rng.normal(size=(4, 4, 3))
    out = expect_array(f(held, 0), (4, 4, 3))
    changed = {(int(p), int(j)) for p, j in zip(*np.nonzero(abs(out - held).max(axis=2) > 1e-9))}
    expect(changed, "after a round all hold what they held before. Who receives anything?")
    right, left = {((p + 1) % 4, p) for p in range(4)}, {((p - 1) % 4, p) for p in range(4)}
    expect(changed != left, "each process's chunk went to its left neighbour. Who is at (p + 1) mod N?")
    expect(len(changed) < 16, "every chunk of every process changed. How many chunks does a process send in one round?")
    expect(not changed >= right | {(p, p) for p in range(4)},
           "the sender's own chunk changed too. Does it give its values away, or a copy of them?")
    expect((0, 3) in changed, "the last process's chunk 3 did not become part of process 0's chunk 3. Who is the right neighbour in a ring, and which chunk receives?")
    expect(changed == right, "in round 0 process p sends its chunk p to process p + 1. In yours other places changed.", expected=str(sorted(right)), got=str(sorted(changed)))
    expect(not close(out[1, 0], held[0, 0]), "process 1 now holds what it was sent, in place of its own. Should it replace, or add?")
    expect(not close(out[1, 0], (held[0, 0] + held[1, 0]) / 2), "process 1 holds the mean of the two. The docstring's round only adds: who would divide, and when?")
    expect(close(out[1, 0], held[0, 0] + held[1, 0]), "process 1 should hold the sum of two chunks 0. What does it hold?",
           expected=held[0, 0] + held[1, 0], got=out[1, 0])
    _later_rounds(f, held)


def _later_rounds(f, held):
    later = expect_array(f(held, 1), (4, 4, 3))
    moved = {(int(p), int(j)) for p, j in zip(*np.nonzero(abs(later - held).max(axis=2) > 1e-9))}
    expect(moved != {((p + 1) % 4, p) for p in range(4)}, "round 1 sends the same chunks as round 0. Where does step come in?")
    expect(moved != {((p + 1) % 4, (p + 1) % 4) for p in range(4)},
           "in round 1 process p sends chunk p + 1 in your answer, which it has not yet received anything for. Is step added or taken off?")
    expect(not close(later[2, 0], held[2, 0] + held[0, 0]), "in round 1 your chunks jump over a process. Does step say how far they go, or which are sent?")
    mixed = held
    for step in range(3):
        mixed = expect_array(f(mixed, step), (4, 4, 3))
    complete = np.array([mixed[p, (p + 1) % 4] for p in range(4)])
    total = np.array([sum(held[:, j]) for j in range(4)])
    expect(close(complete, total[[1, 2, 3, 0]]), "after rounds 0, 1 and 2, process p should hold the sum of all four chunks p + 1, and does not in yours. What is sent in round 2?",
           expected=total[1], got=complete[0])
    two = expect_array(f(np.ones((2, 2, 1)), 0), (2, 2, 1), what="the answer for two processes")
    expect(close(two[:, :, 0], [[1, 2], [2, 1]]), "with two processes another thing happens than with four. Is a 4 written down somewhere?",
           expected=np.array([[1, 2], [2, 1]]), got=two[:, :, 0])


@check
def fit_power(f, rng):
    n, b, alpha = np.array([2.0, 5.0, 11.0, 40.0, 90.0]), float(rng.uniform(2.5, 4)), float(rng.uniform(0.3, 0.45))
    found = expect_parts(f(n, np.array([b * float(value) ** -alpha for value in n])), 2)
    got_b, got_alpha = expect_number(found[0], "b"), expect_number(found[1], "alpha")
    expect(not (close(got_alpha, b) and close(got_b, alpha)), "b and alpha have changed places. Which comes first?")
    expect(not close(got_alpha, -alpha, 1e-5), "the curve falls and your alpha is negative. Is the slope alpha, or minus alpha?")
    expect(not close(got_alpha, 1 / alpha, 1e-5), "your alpha is the inverse of the exponent. Which logarithm is fitted over which?")
    expect(not close(got_alpha, alpha / np.log(10), 1e-5) and not close(got_alpha, alpha * np.log(10), 1e-5),
           "two kinds of logarithm seem to be mixed. Are both to the same base?")
    expect(close(got_alpha, alpha, 1e-5), "an exact power law should give its exponent back. What is fitted to what?", expected=alpha, got=got_alpha)
    expect(not close(got_b, np.log(b), 1e-5), "your b is its own logarithm. What undoes log?")
    expect(not close(got_b, np.log10(b), 1e-5), "your b is its own logarithm to base 10. What undoes it?")
    expect(not close(got_b, 1 / b, 1e-5), "your b is the inverse of the factor. With which sign does the intercept come out?")
    expect(not close(got_b, 10 ** np.log(b), 1e-5) and not close(got_b, np.exp(np.log10(b)), 1e-5), "your b takes a logarithm to one base and a power of the other. Which base undoes it?")
    expect(close(got_b, b, 1e-5), "an exact power law should give its factor back. What is the curve's height at n = 1?", expected=b, got=got_b)
    _noisy_power(f, n, rng)


def _noisy_power(f, n, rng):
    y = 3 * n**-0.4 * np.exp(rng.normal(size=5) * 0.4)
    b, alpha = (expect_number(part) for part in expect_parts(f(n, y), 2))
    left = np.log(y) - np.log(b) + alpha * np.log(n) if b > 0 else np.ones(5)
    two = [(np.log(y[0]) - np.log(y[-1])) / (np.log(n[-1]) - np.log(n[0]))]
    expect(not close(alpha, two[0]), "you join the first and the last point. What do the ones between say?")
    expect(abs(sum(left)) < 1e-4 and abs(left @ np.log(n)) < 1e-3,
           "with scattered points another line in the logarithms fits better, in squares. Is it log y over log n that you fit?", expected="residuals that add up to 0", got=float(sum(left)))


@check
def profile_interval(f, rng):
    values = np.sort(rng.uniform(0.1, 8, size=801))
    centre = float(values[417])
    sse = float(rng.uniform(3, 6)) * (1 + (values - centre) ** 2)
    n_points, n_parameters = 30, 5
    low, high = (expect_number(part, what) for part, what in zip(expect_parts(f(values, sse, n_points, n_parameters), 2), ("low", "high")))

    def at_most(limit):
        inside = [float(value) for value, error in zip(values, sse) if error <= limit]
        return np.array([inside[0], inside[-1]])

    out, best = np.array([low, high]), float(sse.min())
    wanted = at_most(best * (1 + 4 / 25))
    expect(not close(out, wanted[::-1]) or close(low, high), "low is above high. In which order do they come?")
    expect(not close(out, [values[0], values[-1]]), "this is the whole grid. Which of its values fit badly?")
    expect(not close(out, [centre, centre]), "this is the best value alone. How much worse may a value be?")
    expect(not close(out, [min(e for e in sse if e <= best * 1.16), max(e for e in sse if e <= best * 1.16)]),
           "these are errors. Of which values should low and high be the ends?")
    expect(not close(out, at_most(best + 4)), "you allow 4 more, whatever the size of the errors. By what is the noise measured?")
    expect(not close(out, at_most(best * (1 + 4 / 30))), "your noise is divided by the number of points. What did the fit use up?")
    expect(not close(out, at_most(best * (1 + 2 / 25))) and not close(out, at_most(best * (1 + 1 / 25))),
           "your interval is too narrow. Two standard deviations, squared: how much is that?")
    expect(not close(out, at_most(best * 5)), "the 4 is not divided by anything in your limit. What stands under it?")
    expect(close(out, wanted), "the values within the limit end elsewhere. What is your limit?", expected=wanted, got=out)
    place = rng.permutation(801)
    expect(close(f(values[place], sse[place], n_points, n_parameters), wanted),
           "the same values in another order gave another interval. Do you take the first and the last, or the smallest and the largest?")
