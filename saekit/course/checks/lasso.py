"""Checks and predictions of lesson 1, too many atoms."""

import numpy as np

from saekit import lasso
from saekit.course.answers import Prediction
from saekit.course.checking import check, close, expect, expect_array, expect_number

PREDICTIONS = [
    Prediction(
        "dct-needs",
        right="91ed5538d3e3f4f1",
        options=("a", "b", "c"),
        wrong={
            "a": "Six atoms made the frame, but three of them are clicks. How many cosines does one click need?",
            "b": "The tones need three. But a click contains a little of how many frequencies?",
        },
        reply="More than 150: each click is spread over nearly all of the 256 cosines.",
    ),
    Prediction(
        "two-atoms",
        right="3311a9b139c30c29",
        digits=1,
        reply="1.5. The atom between does most of east's work and all of north's, for less.",
        wrong={
            2.0: "That is what the true code costs. Could the atom between do part of the work for less?",
            1.4: "That is the length of the signal, and the price if an atom pointed exactly along it. Ours does not.",
            1.0: "One atom of size 1 has length 1, and the signal is longer than that.",
        },
        otherwise="Not that. Take 1.25 of the atom (0.6, 0.8): what is left to be explained, and at which price?",
    ),
    Prediction(
        "thirty-atoms",
        right="68013ea906c1b0c8",
        reply="All 4. The promise covers every code, also the nastiest; random ones are not nasty.",
        wrong={
            0: "That would be so if the promise were also a limit. It says what is safe, and nothing about the rest.",
            2: "Half way would mean that we stand at the edge. Run the next cell: is the edge near?",
        },
        otherwise="Not that. The promise says what is safe for every code. What does it say about a typical one?",
    ),
    Prediction(
        "fista-rate",
        right="a10f8b324f879c1e",
        reply="100: its guarantee falls like 1/k². ISTA's, like 1/k, improves by 10.",
        wrong={
            10: "That is ISTA's, which falls like 1/k. What stands below the line in FISTA's?",
            2: "The 2 is a constant and stays. What happens to (k + 1)² when k is ten times larger?",
        },
        otherwise="Not that. How much larger is k², when k is ten times larger?",
    ),
    Prediction(
        "alpha",
        right="547086a4205248c0",
        options=("a", "b", "c"),
        wrong={
            "a": "Its squared error is divided by d_in and its price is not. Which alpha restores the balance?",
            "c": "What does it average over: the atoms, or the entries of the sample?",
        },
        reply="lam / d_in: the whole objective is ours divided by d_in.",
    ),
]


@check
def coherence(f, rng):
    D = rng.normal(size=(5, 3))
    mu = expect_number(f(D))
    scaled = expect_number(f(2 * D))
    expect(close(scaled, mu), f"coherence went from {mu:.2f} to {scaled:.2f} when every atom was doubled. Does your"
           " result depend on the length of the atoms?")
    basis = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    got = expect_number(f(basis))
    expect(not close(got, 1.0), "you returned 1 for an orthonormal basis, whose coherence is 0. Is an atom being"
           " compared with itself?", expected=0.0, got=got)
    columns = D / np.linalg.norm(D, axis=0)
    expect(not close(mu, np.abs(columns.T @ columns - np.eye(3)).max()), "there are 5 atoms in 3 dimensions, and your"
           " answer comes from a 3 × 3 table. Which axis is an atom?")
    pair = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [-2.7, 0.0, np.sqrt(9 - 2.7**2)]])  # cosines 0, -0.9 and 0
    _one_bad_pair(expect_number(f(pair)), f)
    middle = np.array([[1.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.8, 0.0, 0.6], [0.0, 0.28, 0.96]])  # worst pair: 0 and 2
    got = expect_number(f(middle))
    expect(close(got, 0.8), "of these four atoms the first and the third are most alike, with cosine 0.8. Is every"
           " pair looked at?", expected=0.8, got=got)
    expect(close(f(-D), mu), "turning every atom round changed your answer. What is the cosine of two turned atoms?")


def _one_bad_pair(got, f):
    """The verdict on three atoms with cosines 0, 0 and -0.9."""
    expect(not close(got, 0.0), "two atoms have the cosine -0.9, and you returned 0. What does a negative cosine mean"
           " for the code?", expected=0.9, got=got)
    expect(not close(got, -0.9), "you returned -0.9. Is a largest |cosine| negative?", expected=0.9, got=got)
    expect(not close(got, 0.81), "the cosine is -0.9 and you returned its square. Is a square root missing?",
           expected=0.9, got=got)
    expect(not (close(got, 0.3) or close(got, 0.2) or close(got, 0.6)), "one pair has the cosine -0.9 and you"
           f" returned {got:.2f}, an average. One bad pair is enough to spoil recovery: which summary shows it?",
           expected=0.9, got=got)
    expect(close(got, 0.9), "three atoms with the cosines 0, 0 and -0.9: what is the largest in absolute value?",
           expected=0.9, got=got)


@check
def soft_threshold(f, rng):
    x = rng.uniform(1, 3, size=(7, 5)) * rng.choice([-1.0, 1.0], size=(7, 5))  # all sizes above 0.5
    z = expect_array(f(x, 0.5), (7, 5))
    expect(not close(z[x < 0], np.zeros((x < 0).sum())), "every negative entry became 0, though positive is False."
           " What does a large negative entry shrink to?")
    expect(not close(z, np.abs(x) - 0.5), "the sizes are right and all signs are positive. Where does the sign come"
           " back?")
    expect(not close(z, x), "entries beyond lam came out as they went in. They survive, but at which price?")
    expect(not close(z, x - 0.5), "a negative entry moved away from zero. In which direction is zero, seen from there?")
    moved = float(np.mean(np.abs(x) - np.abs(z)))
    expect(not close(np.abs(z), np.abs(x) * 0.5), "entries came out multiplied by 0.5. Is lam a factor, or an amount?")
    expect(close(np.abs(x) - np.abs(z), np.full((7, 5), 0.5)), "with lam = 0.5 an entry should move 0.5 towards zero;"
           f" yours moved by {moved:.2f}. What is subtracted?")
    expect(close(z, np.sign(x) * (np.abs(x) - 0.5)), "the sizes are right, but some sign is not. Which sign has the"
           " answer?")
    small = f(x, 4.0)
    expect(not close(small, x), "entries within lam of zero came out as they went in. What do they become?")
    expect(close(small, np.zeros((7, 5))), "entries within lam of zero should become 0, and yours passed through it to"
           " the other side. What is the least size?", got=small[:2, :2])
    _non_negative(f, rng)


def _non_negative(f, rng):
    """The cases with positive=True."""
    x = np.array([[2.0, -3.0, 0.3, -0.2]])
    z = expect_array(f(x, 0.5, True), (1, 4))
    expect(not close(z, [[1.5, -2.5, 0, 0]]), "with positive=True a code of -2.5 came out. Is the argument used?")
    expect(not close(z, [[1.5, 2.5, 0, 0]]), "with positive=True the entry -3 became 2.5. Can an atom that should be"
           " subtracted be added instead?")
    expect(not close(z, [[2.0, 0, 0.3, 0]]), "with positive=True negative entries are gone, but nothing shrank. Where"
           " does lam come in?")
    expect(close(z, [[1.5, 0, 0, 0]]), "with positive=True, [2, -3, 0.3, -0.2] at lam = 0.5 should give [1.5, 0, 0,"
           " 0].", expected=np.array([1.5, 0, 0, 0]), got=z[0])
    y = rng.normal(size=(3, 4))
    expect(close(f(y, 0.0), y), "with lam = 0 nothing shrinks, yet your answer differs from x. Does lam stand where it"
           " should?")


@check
def lam_max(f, rng):
    x, D = rng.normal(size=(4, 6)), rng.normal(size=(9, 6))
    x[1] = -2 * D[(D**2).sum(axis=1).argmax()]  # the longest atom's: its largest correlation is negative
    lam = expect_array(f(x, D), (4,))
    c = np.array([[sum(a * b) for b in D] for a in x])
    expect(not close(lam, c.max(axis=1)), "sample 1 is -2 times an atom, which can be subtracted, yet its negative"
           " correlation was not counted. What does the sign change?", expected=float(-c[1].min()), got=float(lam[1]))
    largest = np.sort(np.abs(c), axis=1)
    expect(not close(lam, largest[:, 0]), "that is the smallest |correlation|. Which atom is the first to be worth its"
           " price?")
    expect(not close(lam, 2 * largest[:, -1]), "that is twice what was expected. Does our objective have the ½?")
    expect(not close(lam, largest[:, -1] / 6), "that is too small by the factor 6, the number of dimensions. Is it a"
           " sum, or a mean?")
    expect(not close(lam, largest[:, -1] / np.linalg.norm(x, axis=1)), "that is divided by the length of the sample."
           " Does a louder sample not need a higher lam?")
    expect(close(f(x, 2 * D), 2 * lam), "with atoms twice as long, lam_max should double, and yours does not. Is"
           " something normalised?")
    expect(close(lam, largest[:, -1]), "lam_max should be the largest |<x, atom>|.", expected=largest[:, -1], got=lam)
    positive = expect_array(f(x, D, True), (4,))
    expect(not close(positive, lam) or close(lam, c.max(axis=1)), "positive=True changed nothing, though sample 1"
           " correlates most with an atom that would have to be subtracted. Is the argument used?",
           expected=float(max(c[1].max(), 0)), got=float(positive[1]))
    alone = f(np.abs(x), -np.abs(D), True)  # every correlation is negative
    expect(not (alone < 0).any(), "with positive=True and only negative correlations you returned a negative lam."
           " Which lam is enough for silence then?", expected=np.zeros(4), got=alone)
    expect(close(alone, np.zeros(4)), "with positive=True and only negative correlations, no atom is worth adding at"
           " any price. What is the answer then?", expected=np.zeros(4), got=alone)
    expect(close(positive, np.maximum(c, 0).max(axis=1)), "with positive=True only positive correlations tempt.",
           expected=np.maximum(c, 0).max(axis=1), got=positive)


@check
def kkt_violation(f, rng):
    D = np.eye(3)  # c is the residual itself
    def hand(x, z, lam=0.5):
        return float(expect_array(f(np.array([x]), D, np.array([z]), lam), (1,))[0])
    _used_atoms(hand)
    _unused_atoms(hand)
    x, D = rng.normal(size=(4, 6)), rng.normal(size=(9, 6))
    solution = lasso.coordinate_descent(x, D, 0.3, tol=1e-12).z
    got = expect_array(f(x, D, solution, 0.3), (4,))
    expect(got.max() < 1e-4, "these codes are optimal, as another solver agrees, and your violation is not 0. With what"
           " is the residual measured?", expected=np.zeros(4), got=got)
    off = f(x, D, solution + [[0], [0], [0.1], [0]], 0.3)
    expect(off[2] > 0.01 and np.delete(off, 2).max() < 1e-4, "only sample 2 was spoilt. Is there one number per"
           " sample?", got=off)


def _used_atoms(hand):
    """Atoms in use: c must equal lam times the sign."""
    got = hand([2.0, 0.0, 0.0], [1.5, 0.0, 0.0])
    expect(not close(got, 1.5), "the code 1.5 for x = 2 is optimal at lam = 0.5, and you found a breach of 1.5. Is c"
           " taken of the residual?", expected=0.0, got=got)
    expect(not close(got, 1.0), "the code 1.5 for x = 2 leaves the residual 0.5 = lam, as it should; you found 1.0. Is"
           " the residual x - zD?", expected=0.0, got=got)
    expect(not close(got, 0.5), "two atoms that are not used have c = 0, and you found a breach of 0.5. Does an atom"
           " that is not used have to reach lam?", expected=0.0, got=got)
    expect(close(got, 0.0), "the code 1.5 for x = 2 is optimal at lam = 0.5.", expected=0.0, got=got)
    got = hand([-2.0, 0.0, 0.0], [-1.5, 0.0, 0.0])
    expect(close(got, 0.0), "the code -1.5 for x = -2 is as good as 1.5 for 2. Which sign has lam where the code is"
           " negative?", expected=0.0, got=got)
    got = hand([2.0, 0.0, 0.0], [1.8, 0.0, 0.0])
    expect(not close(got, 0.0), "the code 1.8 for x = 2 has c = 0.2, and an atom in use must have exactly lam = 0.5."
           " Is less than lam good enough for it?", expected=0.3, got=got)
    expect(not close(got, 0.09), "c misses lam by 0.3 and you returned its square. Is it squared?",
           expected=0.3, got=got)
    expect(close(got, 0.3), "the code 1.8 for x = 2 has c = 0.2, which misses lam = 0.5 by 0.3.", expected=0.3, got=got)


def _unused_atoms(hand):
    """Atoms not in use: |c| may not exceed lam."""
    got = hand([0.4, -0.3, 0.1], [0.0, 0.0, 0.0])
    expect(not got < 0, "z = 0 is optimal here, with room to spare, and you returned a negative breach. What is the"
           " breach of a condition that holds?", expected=0.0, got=got)
    expect(close(got, 0.0), "z = 0 is optimal here: every |c| is below lam. What is left of a breach then?",
           expected=0.0, got=got)
    got = hand([0.0, -2.0, 0.0], [0.0, 0.0, 0.0])
    expect(not close(got, 0.0), "an unused atom has c = -2, far beyond lam = 0.5, and you found no breach. Are atoms"
           " that are not used looked at, on both sides?", expected=1.5, got=got)
    expect(close(got, 1.5), "an unused atom has c = -2: that is 1.5 beyond lam = 0.5.", expected=1.5, got=got)
    got = hand([2.0, -2.0, 1.0], [1.8, 0.0, 0.0])  # breaches 0.3, 1.5, 0.5
    expect(not (close(got, 2.3) or close(got, 2.3 / 3)), "breaches of 0.3, 1.5 and 0.5 were added up or averaged."
           " Which one tells how bad it is?", expected=1.5, got=got)
    expect(close(got, 1.5), "the breaches are 0.3, 1.5 and 0.5. Which is the answer?", expected=1.5, got=got)


@check
def ista_step(f, rng):
    z, x, D = rng.normal(size=(3, 9)), rng.normal(size=(3, 6)), rng.normal(size=(9, 6))
    L = float(np.linalg.eigvalsh(D @ D.T).max())
    gradient = (x - z @ D) @ D.T
    move = expect_array(f(z, x, D, 0.0), (3, 9)) - z
    expect(not close(move + z, f(0 * z, x, D, 0.0)), "your step forgets where it started: z makes no difference to it."
           " Where is the residual taken?")
    expect(not close(move, -gradient / L), "with lam = 0 your step goes uphill. Does the residual have the right sign?")
    expect(not close(move + z, gradient / L), "with lam = 0 your step is right, but it starts from zero. To what is it"
           " added?")
    expect(not close(move, x @ D.T / L), "with lam = 0 the step should follow the residual x - zD, and yours follows"
           " x. What does z explain already?")
    _step_length(move, gradient, D, L)
    expect(close(move, gradient / L), "with lam = 0 the step should be (x - zD)Dᵀ/L, and yours points elsewhere. What"
           " is multiplied with what?")
    _shrinkage(f, z, x, D, L)


def _step_length(move, gradient, D, L):
    """Is the step 1/L long?"""
    length = float((move * gradient).sum() / (gradient**2).sum())
    if not close(move, length * gradient):
        return
    expect(not close(length, 1.0), "your step is the whole gradient: it will overshoot. By what is it divided?",
           expected=1 / L, got=length)
    expect(not close(length, 1 / np.sqrt(L)), "you divide by the largest singular value of D. Does L hold its square?",
           expected=1 / L, got=length)
    expect(not close(length, 2 / L), "your step is twice as long as it should be. Does the objective have the ½?",
           expected=1 / L, got=length)
    expect(not close(length, 1 / (D**2).sum()), "you divide by the sum of all squares in D (the Frobenius norm, which"
           " np.linalg.norm gives without its 2). Is that the largest eigenvalue?", expected=1 / L, got=length)
    expect(close(length, 1 / L), "with lam = 0 the step should be 1/L of the gradient.", expected=1 / L, got=length)


def _shrinkage(f, z, x, D, L):
    """What the threshold does after the step."""
    before, after = f(z, x, D, 0.0), f(z, x, D, 1.0)
    large = np.abs(before) > 1.5 / L
    lost = np.abs(before[large]) - np.abs(after[large])
    expect(lost.any(), "lam = 1 gives the same as lam = 0. Where is the price paid?")
    expect(not close(lost, np.minimum(1, np.abs(before[large]))), "each entry lost lam, but the step was only 1/L"
           " long. How much of the price falls due?", expected=1 / L)
    expect(not close(after, before - np.sign(z) / L), "the price was taken off along the sign of the old z, and nothing"
           " became exactly 0. What does the soft threshold do that a gradient does not?")
    expect(close(lost, np.full(lost.shape, 1 / L)), "after the step every large entry should lose lam / L. What did"
           " yours lose?", expected=1 / L, got=float(lost.mean()))
    small = after[np.abs(before) < 1 / L]
    expect(not small.any(), "an entry within lam / L of zero did not become 0. Is the threshold the last thing done?")
    positive = f(z, x, D, 1.0, True)
    expect((positive >= 0).all(), "with positive=True a negative code came out. Is positive handed on?",
           got=float(positive.min()))
    expect(close(positive, np.maximum(before - 1 / L, 0)), "with positive=True the step should give what remains of it"
           " above lam / L. Is something done twice?")


@check
def fista(f, rng):
    x, D, lam = rng.normal(size=(3, 6)), rng.normal(size=(9, 6)), 0.2
    first = _momentum(x, D, lam, 1)[0]
    one = expect_array(f(x, D, lam, 1), (3, 9))
    expect(np.any(one), "after one step the code is still all zero. Is the loop run n_iter times?")
    expect(not close(one, _momentum(x, D, lam, 2)[0]), "for n_iter = 1 you took two steps. How often does the loop"
           " run?")
    expect(close(one, first), "after one step from zero you should be where one step of ISTA leads. Where does yours"
           " start?")
    for n in (3, 8):
        _compare_with_slips(f(x, D, lam, n), x, D, lam, n)
    end = f(x, D, lam, 1000)
    gap = lasso.duality_gap(x, D, end, lam)
    expect(gap.max() < 1e-4, "after 1000 steps the minimum should be reached.", got=float(gap.max()))


def _compare_with_slips(got, x, D, lam, n):
    """Compare n steps with the right ones and with those of typical slips."""
    right, y = _momentum(x, D, lam, n)
    slips = {
        "plain": "you are where ISTA would be, without momentum. Does the step start from y, and does t change?",
        "backwards": "your momentum points back to where z came from. Is it new minus old, or old minus new?",
        "new t": "your momentum is too strong: (t - 1)/t with the new t in both places. Which t stands above the line?",
        "full": "your momentum adds the whole last step. By which number below 1 is it multiplied?",
        "from old": "y starts from the old z. From which z does the momentum go on?",
    }
    for slip, message in slips.items():
        expect(not close(got, _momentum(x, D, lam, n, slip)[0]), f"after {n} steps {message}")
    expect(not close(got, y), f"after {n} steps you returned y, the point beyond. Which of the two is the code?")
    expect(close(got, right), f"after {n} steps the code differs from FISTA's. Are z, t and y renewed in this order?",
           expected=right[0, :4], got=got[0, :4])


def _momentum(x, D, lam, n, slip=""):
    """n steps with momentum, written out with the numbers t_k first; or with one typical slip. Returns (z, y)."""
    L, t = np.linalg.eigvalsh(D @ D.T).max(), [1.0]
    for _ in range(n):
        t.append((1 + np.sqrt(1 + 4 * t[-1] ** 2)) / 2)
    z = [np.zeros((len(x), len(D)))]
    y = z[0]
    for k in range(n):
        v = y - (y @ D - x) @ D.T / L
        z.append(v - np.clip(v, -lam / L, lam / L))
        weight = {"plain": 0, "backwards": -1, "full": 1}.get(slip, 1)
        if slip != "full":
            weight *= (t[k + (slip == "new t")] - 1) / t[k + 1]
        y = z[k + (slip != "from old")] + weight * (z[k + 1] - z[k])
    return z[-1], y


@check
def coordinate_pass(f, rng):
    D = rng.normal(size=(9, 6))
    D /= np.linalg.norm(D, axis=1, keepdims=True)
    z, x, lam = rng.normal(size=(3, 9)), rng.normal(size=(3, 6)), 0.2
    out = expect_array(f(z, x, D, lam), (3, 9))
    expect(not close(out, z), "your pass returned z as it was. Is the new value stored?")
    expect(not close(out[:, 1:], z[:, 1:]), "only the first atom was renewed. Does `return` stand inside the loop?")
    for change, message in _PASS_SLIPS.items():
        expect(not close(out, _sequential(z, x, D, lam, change)), message)
    right = z.copy()
    for i in range(9):
        right[:, i] = 0
        alone = (x - right @ D) @ D[i]
        right[:, i] = alone - np.clip(alone, -lam, lam)
    expect(close(out[:, 0], right[:, 0]), "already the first atom differs from the minimiser with all others fixed."
           " What does it measure?", expected=right[:, 0], got=out[:, 0])
    expect(close(out, right), "the first atom is right, a later one is not. Does it see the residual that the ones"
           " before it left?", expected=right[0, :4], got=out[0, :4])
    again, passes = out, 0
    while passes < 2000 and lasso.duality_gap(x, D, again, lam).max() >= 1e-4:
        passes += 1
        again = f(again, x, D, lam)
    expect(passes < 2000, "2000 passes should end at the minimum, and yours do not.")


_PASS_SLIPS = {
    "stale": "all atoms looked at the residual from before the pass, so two alike atoms both claim the same part."
             " When is the residual renewed?",
    "without own": "each atom measured the residual, from which its own contribution is gone already."
                   " What did it explain itself?",
    "no price": "nothing was shrunk: these are least-squares values. Where is the price paid?",
    "wrong way": "when an entry grows, your residual grows too. Which way should it go?",
    "from zero": "the residual is x itself at the beginning. What does the z you were given explain already?",
    "backward": "you went from the last atom to the first. Which order was asked for?",
    "whole": "the residual loses the whole new value of an entry, old part included. By how much did the entry grow?",
}


def _sequential(z, x, D, lam, slip):
    """One pass that keeps its residual, with one typical slip."""
    out = z.copy()
    order = range(len(D))[::-1] if slip == "backward" else range(len(D))
    r = x - (0 if slip == "from zero" else 1) * (z @ D)
    for i in order:
        own = 0 if slip == "without own" else out[:, i]
        v = r @ D[i] + own
        new = v - (0 if slip == "no price" else np.clip(v, -lam, lam))
        grown = new if slip == "whole" else new - out[:, i]
        r = r - {"stale": 0, "wrong way": -1}.get(slip, 1) * grown[:, None] * D[i]
        out[:, i] = new
    return out


@check
def omp(f, rng):
    D = rng.normal(size=(12, 6))
    D /= np.linalg.norm(D, axis=1, keepdims=True)
    x = D[4] * -3.0 + D[7] + D[2] * 0.5
    z = expect_array(f(x, D, 3), (12,))
    one = expect_array(f(x, D, 1), (12,))
    best = int(np.argmax([abs(sum(x * atom)) for atom in D]))
    expect(np.count_nonzero(one), "for k = 1 no atom was chosen. How often does the loop run?")
    signed = int(np.argmax(D @ x))
    expect(np.flatnonzero(one).tolist() != [signed], "the atom with the largest correlation was chosen, but another"
           " has a larger one with a minus. What does the sign matter?")
    expect(np.flatnonzero(one).tolist() == [best], f"for k = 1 the atom {best} correlates most with x.",
           expected=best, got=np.flatnonzero(one))
    expect(close(one[best], float(x @ D[best])), "for k = 1 the coefficient should be the least-squares one.",
           expected=float(x @ D[best]), got=float(one[best]))
    largest = np.argsort(-np.abs(D @ x))[:3]
    expect(set(np.flatnonzero(z)) != set(largest.tolist()), "the three atoms that look most like x were chosen at"
           " once. What should the second one be compared with, after the first has taken its share?")
    sizes = z[z != 0]
    expect(not close(sizes, (D @ x)[z != 0]), "the size of each chosen atom is its dot product with x, as if the"
           " others were not there. What is fitted to what?")
    expect(np.count_nonzero(z) == 3, f"k is 3 and {np.count_nonzero(z)} atoms are in the code. Is x itself fitted anew"
           " each time, or only its residual? Is an atom chosen twice, or is one missing?", expected=3, got=int(np.count_nonzero(z)))
    _refitted(f, z, x, D)


def _refitted(f, z, x, D):
    """Least squares over all chosen atoms, and recovery where it is promised."""
    chosen = np.flatnonzero(z)
    left = float(np.abs(D[chosen] @ (x - z @ D)).max())
    first = int(np.abs(D @ x).argmax())
    expect(left < 1e-9 or not close(z[first], float(x @ D[first])), "the first coefficient stayed as it was when more"
           " atoms came in. Are *all* chosen atoms refitted each time?", got=left)
    expect(left < 1e-9, "the residual still correlates with atoms in the code, so their sizes are not the"
           " least-squares ones. What does the last line of the loop fit?", expected=0.0, got=left)
    order = [np.flatnonzero(f(x, D, k)) for k in (1, 2, 3)]
    expect(set(order[0]) <= set(order[1]) <= set(order[2]), "with k = 2 an atom is missing that k = 1 had chosen. Does"
           " the support keep what it has?")
    cosines = np.cos(np.pi * (np.arange(32) + 0.5) * np.arange(32)[:, None] / 32)
    union = np.vstack([np.eye(32), cosines / np.linalg.norm(cosines, axis=1, keepdims=True)])
    true = np.zeros(64)
    true[[3, 40]] = 1.5, -1.0
    expect(close(f(true @ union, union, 2), true), "one spike and one cosine were not found, though two atoms are safe"
           " here. What is the residual compared with?")
