"""Wrong and right answers of lesson 10, at scale."""

from tests.wrong_answers import Wrong


def _flops(plain, fast):
    return (f"def step_flops(batch, d_in, d_sae, k):\n    dense, one = 2 * batch * d_in * d_sae, 2 * batch * d_in * k\n"
            f"    return {plain}, {fast}\n")


def _roof(value):
    return f"def attainable(intensity, peak, bandwidth):\n    return {value}\n"


def _held(numbers):
    """Numbers per weight; p is the number of processes."""
    return f"def bytes_held(n_parameters, n_moments, n_processes, split):\n    p = n_processes\n    return 4.0 * n_parameters * ({numbers})\n"


def _mean(value):
    return f"def average_gradients(gradients, counts):\n    return {value}\n"


def _ring(body, start="held.copy()"):
    return (f"def ring_round(held, step):\n    after, n = {start}, len(held)\n    for p in range(n):\n"
            f"        j = (p - step) % n\n        {body}\n    return after\n")


def _power(body):
    return f"def fit_power(n, y):\n    {body}\n"


def _profile(limit, ends="float(inside.min()), float(inside.max())"):
    return (f"def profile_interval(values, sse, n_points, n_parameters):\n    limit = {limit}\n"
            f"    inside = values[sse <= limit]\n    return {ends}\n")


LIMIT = "sse.min() * (1 + 4 / (n_points - n_parameters))"
MOMENTS = "n_moments / (p if split >= 1 else 1)"

WRONG = {
    "step_flops": [
        Wrong("additions not counted", _flops("5 * dense // 2", "(dense + 5 * one) // 2"), "Is an addition no operation"),
        Wrong("gradient of x counted", _flops("6 * dense", "dense + 5 * one"), "Who needs the gradient of x"),
        Wrong("forward pass alone", _flops("2 * dense", "dense + one"), "What happens backwards"),
        Wrong("one sample", _flops("5 * dense // batch", "(dense + 5 * one) // batch"), "Where does batch come in"),
        Wrong("changed places", _flops("dense + 5 * one", "5 * dense"), "Which of the two comes first"),
        Wrong("fast without its dense product", _flops("5 * dense", "5 * one"), "How would it know which entries fire"),
        Wrong("fast with its dense product alone", _flops("5 * dense", "dense"), "the k entries that were found"),
        Wrong("four passes", _flops("5 * dense", "dense + 4 * one"), "Are their exact pre_acts among them"),
        Wrong("a pass without its additions", _flops("5 * dense", "dense + 5 * one // 2"), "What follows each multiplication"),
        Wrong("a pass without d_in", _flops("5 * dense", "dense + 10 * batch * k"), "How long are the rows that meet"),
        Wrong("a pass over one row", _flops("5 * dense", "dense + 10 * d_in * k"), "How many rows has the batch"),
        Wrong("plain made sparse", _flops("5 * one", "dense + 5 * one"), "Does a dense product"),
        Wrong("right for one row of 40 FLOPs", _flops("5 * dense", "dense + 20"), "one dense product and five passes over k entries"),
    ],
    "attainable": [
        Wrong("no peak", _roof("intensity * bandwidth"), "Which bound is missing"),
        Wrong("no memory", _roof("np.full(len(intensity), peak)"), "What if memory cannot keep up"),
        Wrong("the higher bound", _roof("np.maximum(peak, intensity * bandwidth)"), "Can a machine exceed either"),
        Wrong("divides by intensity", _roof("np.minimum(peak, bandwidth / intensity)"), "Do you divide by the intensity"),
        Wrong("intensity alone", _roof("np.minimum(peak, intensity)"), "Where does bandwidth come in"),
        Wrong("times add up", _roof("1 / (1 / peak + 1 / (intensity * bandwidth))"), "which bound counts then"),
        Wrong("one number", _roof("min(peak, float(intensity[0] * bandwidth))"), "should be an array of shape"),
        Wrong("a fixed ridge", _roof("np.where(intensity < 50, intensity * bandwidth, peak * 1.0) * np.where(intensity < 50, 1, 0.9)"),
              "the processor is the bound"),
        Wrong("half of the bandwidth below the ridge", _roof("np.where(intensity * bandwidth < peak / 2, intensity * bandwidth / 2 + 1.0 * (intensity == 1), peak)"),
              "What does it deliver in a second"),
    ],
    "bytes_held": [
        Wrong("weights alone", _held("1"), "What comes besides"),
        Wrong("gradient forgotten", _held(f"1 / (p if split >= 3 else 1) + {MOMENTS}"), "Which of the three did you count"),
        Wrong("float16", _held(f"(1 / (p if split >= 3 else 1) + 1 / (p if split >= 2 else 1) + {MOMENTS}) / 2"), "have two bytes each"),
        Wrong("numbers, not bytes", _held(f"(1 / (p if split >= 3 else 1) + 1 / (p if split >= 2 else 1) + {MOMENTS}) / 4"), "How many bytes is each"),
        Wrong("gigabytes", _held(f"(1 / (p if split >= 3 else 1) + 1 / (p if split >= 2 else 1) + {MOMENTS}) / 1e9"), "Which unit does the docstring name"),
        Wrong("always two moments", _held("1 / (p if split >= 3 else 1) + 1 / (p if split >= 2 else 1) + 2 / (p if split >= 1 else 1)"),
              "What depends on n_moments"),
        Wrong("always split", _held("(2 + n_moments) / p"), "Does having more processes split anything"),
        Wrong("all or nothing", _held("(2 + n_moments) / (p if split else 1)"), "from split = 1 on, everything"),
        Wrong("split ignored", _held("2 + n_moments"), "Where does split come in"),
        Wrong("off by one", _held("1 / (p if split >= 4 else 1) + 1 / (p if split >= 3 else 1) + n_moments / (p if split >= 2 else 1)"), "split is off by one"),
        Wrong("only what is named", _held("1 / (p if split == 3 else 1) + 1 / (p if split == 2 else 1) + n_moments / (p if split == 1 else 1)"),
              "Does a higher number undo a lower one"),
        Wrong("weights never split", _held(f"1 + 1 / (p if split >= 2 else 1) + {MOMENTS}"), "What is still whole at 2"),
    ],
    "average_gradients": [
        Wrong("plain mean", _mean("gradients.mean(axis=0)"), "Where do the counts come in"),
        Wrong("sum of gradients", _mean("gradients.sum(axis=0)"), "Is the loss a sum or a mean"),
        Wrong("gradient of the sum", _mean("counts @ gradients"), "By what is a mean divided"),
        Wrong("divided by the processes", _mean("(gradients * counts[:, None]).mean(axis=0)"), "How many samples are there in all"),
        Wrong("weights turned round", _mean("(1 / counts) @ gradients / (1 / counts).sum()"), "Should it be divided by its count"),
        Wrong("over the parameters", _mean("gradients.mean(axis=1)"), "the processes, or the parameters"),
        Wrong("the first alone", _mean("gradients[0]"), "What did the others work for"),
        Wrong("median", _mean("np.median(gradients, axis=0)"), "Is the gradient of a mean a median"),
        Wrong("square roots as weights", _mean("np.sqrt(counts) @ gradients / np.sqrt(counts).sum()"), "stand for, and how often"),
    ],
    "ring_round": [
        Wrong("to the left", _ring("after[(p - 1) % n, j] += held[p, j]"), "Who is at \\(p \\+ 1\\) mod N"),
        Wrong("replaces", _ring("after[(p + 1) % n, j] = held[p, j]"), "Should it replace, or add"),
        Wrong("sender gives away", _ring("after[(p + 1) % n, j] += held[p, j]; after[p, j] = after[p, j] - held[p, j]"), "a copy of them"),
        Wrong("step ignored", _ring("after[(p + 1) % n, p] += held[p, p]"), "Where does step come in"),
        Wrong("step added", _ring("j = (p + step) % n; after[(p + 1) % n, j] += held[p, j]"), "Is step added or taken off"),
        Wrong("step as a distance", _ring("after[(p + 1 + step) % n, p] += held[p, p]"), "how far they go"),
        Wrong("all chunks", _ring("after[(p + 1) % n] += held[p]"), "How many chunks does a process send"),
        Wrong("nobody receives", _ring("after[p, j] = held[p, j]"), "Who receives anything"),
        Wrong("no ring", _ring("q = min(p + 1, n - 1); after[q, j] += held[p, j] * (p < n - 1)"), "Who is the right neighbour in a ring, and which chunk"),
        Wrong("mean", _ring("q = (p + 1) % n; after[q, j] = (held[q, j] + held[p, j]) / 2"), "who would divide, and when"),
        Wrong("changes held", _ring("after[(p + 1) % n, j] += held[p, j]", start="held"), "changed its own input"),
        Wrong("four written down", "def ring_round(held, step):\n    after = held.copy()\n    for p in range(len(held)):\n        j = (p - step) % 4\n"
              "        if j < len(held):\n            after[(p + 1) % 4 % len(held), j] += held[p, j] * (1 if len(held) == 4 else 2)\n    return after\n", "Is a 4 written down"),
    ],
    "fit_power": [
        Wrong("sign kept", _power("a, c = np.polyfit(np.log(n), np.log(y), 1)\n    return float(np.exp(c)), float(a)"), "or minus alpha"),
        Wrong("no exp", _power("a, c = np.polyfit(np.log(n), np.log(y), 1)\n    return float(c), float(-a)"), "your b is its own logarithm\\. "),
        Wrong("no power of 10", _power("a, c = np.polyfit(np.log10(n), np.log10(y), 1)\n    return float(c), float(-a)"), "logarithm to base 10"),
        Wrong("changed places", _power("a, c = np.polyfit(np.log(n), np.log(y), 1)\n    return float(-a), float(np.exp(c))"), "Which comes first"),
        Wrong("n over y", _power("a, c = np.polyfit(np.log(y), np.log(n), 1)\n    return float(np.exp(-c / a)), float(-a)"), "Which logarithm is fitted over which"),
        Wrong("two bases", _power("a, c = np.polyfit(np.log(n), np.log10(y), 1)\n    return float(10 ** c), float(-a)"), "Are both to the same base"),
        Wrong("base 10 undone on a natural one", _power("a, c = np.polyfit(np.log(n), np.log(y), 1)\n    return float(10 ** c), float(-a)"), "Which base undoes it"),
        Wrong("minus the intercept", _power("a, c = np.polyfit(np.log(n), np.log(y), 1)\n    return float(np.exp(-c)), float(-a)"), "With which sign does the intercept"),
        Wrong("two ends", _power("a = np.log(y[0] / y[-1]) / np.log(n[-1] / n[0])\n    return float(y[0] * n[0] ** a), float(a)"), "What do the ones between say"),
        Wrong("no logarithms", _power("a, c = np.polyfit(n, y, 1)\n    return float(c), float(-a)"), "give its exponent back"),
        Wrong("least squares of y itself", _power("from scipy.optimize import curve_fit\n"
              "    (b, a), _ = curve_fit(lambda n, b, a: b * n ** -a, n, y, p0=(1.0, 0.5))\n    return float(b), float(a)"),
              "another line in the logarithms fits better"),
    ],
    "profile_interval": [
        Wrong("the best alone", _profile("sse.min()"), "How much worse may a value be"),
        Wrong("the whole grid", _profile("sse.max()"), "Which of its values fit badly"),
        Wrong("changed places", _profile(LIMIT, "float(inside.max()), float(inside.min())"), "In which order do they come"),
        Wrong("errors", _profile(LIMIT, "float(sse[sse <= limit].min()), float(sse[sse <= limit].max())"), "Of which values"),
        Wrong("four more", _profile("sse.min() + 4"), "By what is the noise measured"),
        Wrong("parameters not taken off", _profile("sse.min() * (1 + 4 / n_points)"), "What did the fit use up"),
        Wrong("one standard deviation", _profile("sse.min() * (1 + 1 / (n_points - n_parameters))"), "Two standard deviations, squared: how much"),
        Wrong("not divided", _profile("sse.min() * (1 + 4)"), "What stands under it"),
        Wrong("first and last", _profile(LIMIT, "float(inside[0]), float(inside[-1])"), "the smallest and the largest"),
        Wrong("parameters added", _profile("sse.min() * (1 + 4 / (n_points + n_parameters))"), "What is your limit"),
    ],
}

RIGHT = {
    "step_flops": [
        "def step_flops(batch, d_in, d_sae, k):\n    return 10 * batch * d_in * d_sae, 2 * batch * d_in * (d_sae + 5 * k)\n",
        "def step_flops(batch, d_in, d_sae, k):\n    per_row = [2 * d_in * width for width in (d_sae, k)]\n"
        "    return batch * sum(per_row[:1] * 5), batch * sum(per_row[:1] + per_row[1:] * 5)\n",
    ],
    "attainable": [
        _roof("np.array([min(peak, value * bandwidth) for value in intensity])"),
        _roof("np.where(intensity < peak / bandwidth, intensity * bandwidth, peak)"),
        _roof("np.clip(intensity * bandwidth, None, peak)"),
    ],
    "bytes_held": [
        "def bytes_held(n_parameters, n_moments, n_processes, split):\n    whole = [n_moments, 1, 1]\n"
        "    held = [n / n_processes if level < split else n for level, n in enumerate(whole)]\n    return 4 * n_parameters * sum(held)\n",
        "def bytes_held(n_parameters, n_moments, n_processes, split):\n    copied = [2 + n_moments, 2, 1, 0][split]\n"
        "    return 4 * n_parameters * (copied + (2 + n_moments - copied) / n_processes)\n",
    ],
    "average_gradients": [
        _mean("np.average(gradients, axis=0, weights=counts)"),
        _mean("sum(count * gradient for count, gradient in zip(counts, gradients)) / sum(counts)"),
        _mean("((counts / counts.sum())[:, None] * gradients).sum(axis=0)"),
    ],
    "ring_round": [
        "def ring_round(held, step):\n    n = len(held)\n    p = np.arange(n)\n    after = held.copy()\n"
        "    after[(p + 1) % n, (p - step) % n] += held[p, (p - step) % n]\n    return after\n",
        "def ring_round(held, step):\n    n = len(held)\n    sent = [[held[p, j] * (j == (p - step) % n) for j in range(n)] for p in range(n)]\n"
        "    return held + np.roll(np.array(sent), 1, axis=0)\n",
    ],
    "fit_power": [
        _power("u, v = np.log2(n), np.log2(y)\n    a = -((u - u.mean()) * (v - v.mean())).sum() / ((u - u.mean()) ** 2).sum()\n"
               "    return 2 ** (v.mean() + a * u.mean()), a"),
        _power("A = np.stack([np.ones(len(n)), -np.log(n)], axis=1)\n    c, a = np.linalg.lstsq(A, np.log(y), rcond=None)[0]\n    return np.exp(c), a"),
    ],
    "profile_interval": [
        "def profile_interval(values, sse, n_points, n_parameters):\n    noise = min(sse) / (n_points - n_parameters)\n"
        "    inside = [v for v, e in zip(values, sse) if e - min(sse) <= 4 * noise]\n    return min(inside), max(inside)\n",
        "def profile_interval(values, sse, n_points, n_parameters):\n    far = np.sqrt((sse / sse.min() - 1) * (n_points - n_parameters)) > 2\n"
        "    return values[~far].min(), values[~far].max()\n",
    ],
}
