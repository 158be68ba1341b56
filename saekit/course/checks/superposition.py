"""Checks and predictions of lesson 3, more features than dimensions."""

from itertools import product

import numpy as np

from saekit.course.answers import Prediction
from saekit.course.checking import check, close, expect, expect_array, expect_number, expect_parts

PREDICTIONS = [
    Prediction(
        "boundary",
        right="fb6accdc9450f4aa",
        digits=2,
        reply="1/3 − p/4 = p/3, so p = 4/7: below it, rare collisions cost less than a feature that is only guessed.",
        wrong={
            1.33: "Is it 1/3 − p/4 = p/3 after dividing by p? Bring both terms with p to one side.",
            0.5: "Close, but solve it: 1/3 − p/4 = p/3 after dividing by p.",
            1.0: "At p = 1 a guess costs 1/12 and a collision in every sample 1/3. Divide by p and solve.",
            4.0: "p is a probability. Bring both terms with p to one side: 1/3 = p/4 + p/3.",
        },
        otherwise="Not that. Divide both sides by p: 1/3 − p/4 = p/3. Which p makes it true?",
    ),
    Prediction(
        "dense-features",
        right="491d37f38aa20f0e",
        reply="As PCA would: with every feature always on, a third one in two dimensions disturbs the others all the time.",
        wrong={
            5: "Each of the five would hear the other four in every single sample. Look at the phase diagram at p = 1.",
            4: "Two pairs of opposites collide in every sample when p = 1. What did section 3.2 say about p above 0.57?",
            3: "Three directions in two dimensions cannot be orthogonal, and at p = 1 echoes never pause.",
            1: "There are two dimensions, and two directions in them can be orthogonal.",
        },
        otherwise="Not that. How many directions in the plane do not disturb each other?",
    ),
    Prediction(
        "opposite-pairs",
        right="6c262307dee53b28",
        options=("together", "never"),
        reply="Opposite features hurt each other only when both are on, and these never are.",
        wrong={
            "together": "On one line with opposite signs, both on at once, they cancel. How often would that happen?",
        },
    ),
    Prediction(
        "linear-interference",
        right="ccb739c43e993e17",
        options=("falls", "stays"),
        reply="Signal and interference both need just one feature to be on, so both fall like p.",
        wrong={
            "falls": "A linear reader of feature i hears feature j whenever j alone is on. How often is that, compared"
            " with i being on? Run on.",
        },
    ),
]


@check
def reconstruct(f, rng):
    x, W, b = rng.uniform(0.2, 1, (6, 4)), rng.normal(size=(4, 3)), rng.uniform(0.3, 0.9, 4)
    expect_array(f(x, W, b), (6, 4))
    W = rng.uniform(0.2, 1, (4, 3))
    pre = np.array([[sum(h * w for h, w in zip(hidden, row, strict=True)) for row in W] for hidden in x @ W])
    expect(
        not close(f(x, W, b), pre) and not close(f(x, W, b), pre - b),
        "raising b by 0.5 did not raise outputs that are above zero by 0.5. Is b left out, or subtracted?",
    )
    expect(
        close(f(x, W, b), pre + b),
        "with all weights and biases positive no ReLU cuts anything, and yet x_hat is not x W Wᵀ + b. Which products"
        " do you take, and is b added once?",
        expected=(pre + b)[0],
        got=f(x, W, b)[0],
    )
    pre = np.ones((6, 4))
    while not (pre + b < 1).any():  # until the ReLU has something to cut
        W = rng.normal(size=(4, 3))
        pre = x @ (W @ W.T)
    low = expect_array(f(x, W, b - 1), (6, 4))
    expect(
        not close(low, pre + b - 1),
        "outputs below zero came back as they are. Is the ReLU missing?",
    )
    pair = np.array([[1.0], [-1.0]])
    got = expect_array(f(np.array([[0.0, 0.5]]), pair, np.zeros(2)), (1, 2))
    expect(
        not close(got, [[0.0, 0.0]]),
        "the second of two opposite features was on with 0.5 and came back as 0. Is there a ReLU on the hidden number"
        " as well? It must be able to be negative.",
    )
    expect(close(got, [[0.0, 0.5]]), "features (0, 0.5) stored in opposite directions came back otherwise.", got=got[0])
    expect(
        not (low < 0).any(),
        "with negative biases some outputs came back negative, others not. Is b added before the ReLU?",
    )
    expect(
        close(low, np.maximum(pre + b - 1, 0)),
        "with weights of both signs and negative biases every output should be relu(x W Wᵀ + b). Which of the steps"
        " differs?",
        expected=np.maximum(pre + b - 1, 0)[0],
        got=low[0],
    )
    W = rng.uniform(1, 2, (4, 3))
    big = f(5 * x, W, b)
    expect(
        close(big, 5 * x @ (W @ W.T) + b),
        "large features came back cut off or scaled. ReLU has no upper limit: is something clipped or normalised?",
        expected=(5 * x @ (W @ W.T) + b)[0],
        got=np.asarray(big)[0],
    )


def _expected_losses(p, importance, steps=400):
    """The three losses by summing over a fine grid of values: a second route."""
    u = (np.arange(steps) + 0.5) / steps
    both = np.minimum(u[:, None], u) ** 2
    guess = (1 - p) * (p / 2) ** 2 + p * ((u - p / 2) ** 2).mean()
    return np.array([importance * guess, guess, (1 + importance) * p**2 * both.mean()])


@check
def three_losses(f, rng):
    p, importance = 0.4, 3.0
    got = expect_array(f(p, importance), (3,))
    wanted = _expected_losses(p, importance)
    near = lambda a, b: close(a, b, 2e-5)  # the grid's own error is below 1e-5
    expect(
        not near(got, wanted / 2),
        "all three are half of what they should be. The loss adds the errors of the two features: do you average?",
        expected=wanted,
        got=got,
    )
    swap = wanted[[1, 0, 2]]
    expect(
        not near(got, swap),
        "the first two are exchanged: where feature 2 is *not represented*, which importance weighs the guess?",
    )
    expect(
        not near(got[1], importance * wanted[1]),
        "the orthogonal solution was weighed with the importance of feature 2. Which of the two features is guessed"
        " there?",
    )
    expect(
        not (near(got[0], importance * p / 3) or near(got[1], p / 3)),
        "a feature that is not represented costs p/3 with you, as if the model said 0. What does the best constant"
        " guess save?",
    )
    expect(
        not near(got[1], 1 / 12),
        "you took the variance of a value that is on, 1/12. The feature is off most of the time: what is the variance"
        " of the whole?",
    )
    expect(
        near(got[0], wanted[0]),
        "the loss of not representing feature 2 is its variance p/3 − p²/4 times its importance.",
        expected=wanted[0],
        got=got[0],
    )
    expect(near(got[1], wanted[1]), "the orthogonal solution guesses feature 1.", expected=wanted[1], got=got[1])
    expect(
        not near(got[2], wanted[2] / p),
        "superposed features err only when *both* are on, and your loss grows like p. How probable is both?",
    )
    expect(
        not near(got[2], wanted[2] / (1 + importance)),
        "only one of the superposed features errs with you, and with weight 1. What does the other one read in a"
        " collision?",
    )
    expect(
        not near(got[2], 2 * wanted[2]),
        "you used the mean of min(U, V), which is 1/3. The loss squares the error: which mean was given for that?",
    )
    expect(
        near(got[2], wanted[2]),
        "the superposed loss is the chance that both are on, times 1/6, times the sum of both importances.",
        expected=wanted[2],
        got=got[2],
    )
    for p, importance in ((1.0, 0.5), (0.05, 7.0)):
        got = expect_array(f(p, importance), (3,))
        expect(
            near(got, _expected_losses(p, importance)),
            f"right at p = 0.4, I = 3, but not at p = {p}, I = {importance}. Is a number written in where p or I should"
            " stand?",
            expected=_expected_losses(p, importance),
            got=got,
        )


@check
def dimensionality(f, rng):
    W = rng.normal(size=(7, 3))
    got = expect_array(f(W), (7,))
    expect(
        close(f(np.eye(4, 6)), np.ones(4)),
        "four orthogonal features have a dimension each, so all shares should be 1. Is feature i itself among the j, and"
        " which axis is summed?",
        expected=np.ones(4),
        got=f(np.eye(4, 6)),
    )
    scaled = f(3 * W)
    expect(
        close(scaled, got),
        "making all features three times as long changed the shares. Count the lengths: four factors above the line,"
        " four below. Is everything squared that should be?",
        expected=got,
        got=scaled,
    )
    pair = f(np.array([[1.0, 0], [-1, 0]]))
    expect(
        np.isfinite(pair).all(),
        "two opposite features gave infinity: does −1 cancel 1 in the sum? Each inner product is to be squared.",
    )
    expect(
        close(pair, [0.5, 0.5]),
        "two opposite features share one dimension, half each.",
        expected=np.array([0.5, 0.5]),
        got=pair,
    )
    uneven = np.array([[2.0, 0], [1, 0]])
    got = expect_array(f(uneven), (2,))
    expect(
        not close(got, [0.5, 0.5]),
        "features of lengths 2 and 1 on the same line came out with equal shares. Did you divide both by their lengths?"
        " The longer one has more of the line.",
    )
    expect(
        not close(got, [2 / 3, 1 / 3]),
        "features of lengths 2 and 1 on one line got 2/3 and 1/3, so inner products enter as absolute values. Which"
        " power do they have in the formula?",
    )
    # 16 / (16 + 4) and 1 / (4 + 1)
    expect(
        close(got, [0.8, 0.2]),
        "features of lengths 2 and 1 on one line: ‖W_i‖⁴ is 16 and 1, the sums over j are 16 + 4 and 4 + 1.",
        expected=np.array([0.8, 0.2]),
        got=got,
    )
    second = np.array([(w @ w) / sum(((w / np.linalg.norm(w)) @ v) ** 2 for v in W) for w in W])
    expect(close(f(W), second), "seven features in three dimensions came out otherwise.", expected=second, got=f(W))
    missing = expect_array(f(np.array([[1.0, 1], [0, 0]])), (2,))
    expect(close(missing, [1.0, 0.0]), "a row of zeros should have 0.", expected=np.array([1.0, 0]), got=missing)


@check
def collision_probability(f, rng):
    n, p = 5, 0.3
    cases = {k: sum(p**k * (1 - p) ** (n - k) for on in product((0, 1), repeat=n) if sum(on) == k) for k in range(n + 1)}
    wanted, got = 1 - cases[0] - cases[1], expect_number(f(n, p))
    expect(
        not close(got, 1 - cases[0]),
        "that is the chance that *at least one* is on. One alone is not a collision: how probable is that?",
    )
    expect(
        not close(got, cases[2]),
        "you count exactly two on. Three at once collide as well: what is left when none and one are taken away?",
    )
    expect(
        not close(got, 1 - cases[0] - cases[1] / n),
        "you took away the chance that one *particular* feature is on alone. How many could be the one?",
    )
    expect(
        not close(got, n * (n - 1) / 2 * p**2),
        "you added p² over all pairs, and samples with three on count three times. It is a bound, not the probability:"
        " what is the chance of *no* collision?",
    )
    expect(not close(got, p**2), "that is the chance for two particular features. There are more of them: where is n?")
    expect(close(got, wanted), "five features with p = 0.3: counted over all 32 cases.", expected=wanted, got=got)
    for n, p in ((2, 0.5), (1, 0.7), (40, 1.0), (9, 1e-3)):
        wanted = 1 - (1 - p) ** n - n * p * (1 - p) ** (n - 1)
        got = expect_number(f(n, p))
        expect(close(got, wanted, 1e-12), f"n = {n}, p = {p} came out otherwise.", expected=wanted, got=got)


@check
def interference(f, rng):
    W, p = rng.normal(size=(5, 3)), 0.4
    got = expect_array(f(W, p), (5,))
    c = W @ W.T
    mean, square = p / 2, p / 3
    moments = np.full((5, 5), mean**2)
    np.fill_diagonal(moments, square)  # E x_j x_k
    whole = np.einsum("ij,jk,ik->i", c, moments, c)
    others = [np.delete(np.arange(5), i) for i in range(5)]
    wanted = np.array([c[i, o] @ moments[np.ix_(o, o)] @ c[i, o] for i, o in enumerate(others)])
    squares = np.array([(c[i, o] ** 2).sum() for i, o in enumerate(others)])
    sums = np.array([c[i, o].sum() for i, o in enumerate(others)])
    expect(not close(got, whole), "feature i is among its own interference. Which entry of the table must be zero?")
    expect(
        not close(got, squares * p / 3),
        "you added the mean squares of the terms. Two others can be on in the same sample: what is the mean of their"
        " product?",
    )
    expect(
        not close(got, squares * (p / 3 - p**2 / 4)),
        "that is the variance of the sum. Its mean is not zero: what has the mean of a square besides the variance?",
    )
    expect(
        not close(got, (sums * p / 2) ** 2),
        "that is the square of the mean of the sum. The sum also varies from sample to sample: where is its variance?",
    )
    expect(
        not close(got, np.sqrt(np.maximum(wanted, 0))),
        "that is the root of the mean square. The mean of the square itself is asked for: is there a root too many?",
    )
    expect(
        not close(got, p * wanted),
        "your result is p times too small. Feature i itself need not be on to hear the others: is a factor p too many?",
    )
    expect(
        not close(got, squares * p),
        "you let every feature that is on have the value 1. They are uniform in [0, 1]: what is the mean square?",
    )
    expect(
        not close(f(2 * W, p), got),
        "directions twice as long gave the same interference. Are they scaled to length 1 on the way?",
    )
    expect(
        close(got, wanted),
        "five random directions with p = 0.4: mean square of the sum, from E x_j² = p/3 and E x_j x_k = p²/4.",
        expected=wanted,
        got=got,
    )
    quiet = expect_array(f(np.eye(4), 0.3), (4,))
    expect(close(quiet, np.zeros(4)), "orthogonal features do not interfere.", expected=np.zeros(4), got=quiet)
    for p in (1.0, 0.01):
        got, pair = expect_array(f(np.array([[1.0], [-2.0]]), p), (2,)), 4 * p / 3
        expect(close(got, [pair, pair]), f"directions 1 and −2 with p = {p}: 4 E x² either way.", expected=pair, got=got)


@check
def abs_weights(f, rng):
    x = rng.normal(size=(50, 3))
    y = _two_layers(f(3), x)
    expect(
        not close(y, x),
        "the network returned x itself: relu(x) − relu(−x). With which sign does the second half come out?",
    )
    expect(not close(y, -np.abs(x)), "the network returned −|x|. Which sign has W_out?")
    expect(
        not close(y, 2 * np.abs(x)),
        "the network returned 2|x|. Only one of the two neurons is on at a time: need either be doubled?",
    )
    expect(not close(y, np.abs(x) / 2), "the network returned |x|/2. Is it an average where a sum is needed?")
    expect(
        not close(y, np.maximum(x, 0)) and not close(y, 2 * np.maximum(x, 0)),
        "negative features came back as 0. Which neuron hears −x?",
    )
    expect(
        close(y, np.abs(x)) or not close(y.sum(axis=1), np.abs(x).sum(axis=1)),
        "all the parts are there, but they came out at the wrong features. In which order do neurons go in, and in which"
        " order out?",
    )
    expect(close(y, np.abs(x)), "relu(x W_in) W_out is not |x|.", expected=np.abs(x)[0], got=y[0])
    for n in (1, 6):
        x = rng.normal(size=(9, n))
        expect(close(_two_layers(f(n), x), np.abs(x)), f"it works for n = 3 but not for n = {n}.")


def _two_layers(weights, x):
    """relu(x W_in) W_out for x (batch, n), if the weights are two arrays (n, 2n) and (2n, n)."""
    n = x.shape[1]
    W_in, W_out = expect_parts(weights, 2)
    W_in, W_out = expect_array(W_in, (n, 2 * n), what="W_in"), expect_array(W_out, (2 * n, n), what="W_out")
    return np.maximum(x @ W_in, 0) @ W_out


@check
def read_back(f, rng):
    U = rng.normal(size=(7, 4))
    U /= np.linalg.norm(U, axis=1, keepdims=True)
    length = rng.uniform(0.5, 3, 7)
    W, lam = U * length[:, None], 0.05
    x = np.zeros((6, 7))
    x[np.arange(6), rng.integers(0, 7, 6)] = rng.uniform(1, 2, 6)
    x[3:, 2] += 1
    hidden = x @ W
    hidden[3:] += 0.5 * rng.normal(size=(3, 4))
    got = expect_array(f(hidden, W, lam), (6, 7))
    expect(
        not (got < -1e-9).any() and not (expect_array(f(-W[:3], W, lam), (3, 7)) < -1e-9).any(),
        "some features came back negative. Lesson 1's solvers have an argument for codes that may not be.",
    )
    expect(
        not close(got, np.maximum(hidden @ U.T - lam, 0)) and not close(got, np.maximum(hidden @ W.T, 0)),
        "you measured every feature against the hidden vector and did not search. Measuring is not decomposing: which"
        " solver of lesson 1 decomposes?",
    )
    for codes, slip in (
        (got, "Are the codes of the unit rows converted back by dividing by the lengths?"),
        (got / length, "Multiplied by the lengths, or divided by them?"),
    ):
        expect(
            not _is_optimal(hidden, U, codes, lam),
            f"your numbers are the codes of the rows of length 1, times a power of the lengths that is wrong. {slip}",
        )
    z = got * length
    expect(
        not _is_optimal(hidden, W, got, lam),
        "you solved the LASSO with the rows of W as they are, so long rows are cheap. Should all atoms not have length"
        " 1?",
    )
    for factor, said in ((2, "twice"), (0.5, "half")):
        expect(
            not _is_optimal(hidden, U, z, factor * lam),
            f"these are the codes for {said} the penalty. Which ½ stands in lesson 1's objective?",
        )
    expect(
        np.linalg.norm(hidden - got @ W, axis=1).min() > 1e-3,
        "a reconstruction is exact, as if there were no penalty, but each feature that is on should be a little too"
        " small. Is lam handed on?",
    )
    expect(
        _is_optimal(hidden, U, z, lam),
        "your features, times the lengths of the rows, are not the non-negative LASSO codes of the unit rows: the"
        " optimality conditions of lesson 1 fail.",
    )


def _is_optimal(hidden, atoms, z, lam, tol=3e-2):
    """KKT conditions of the non-negative LASSO: correlations at most lam, and equal to lam where z > 0."""
    slack = lam - (hidden - z @ atoms) @ atoms.T
    return (z >= -1e-9).all() and slack.min() > -tol * lam and np.abs(slack[z > 1e-6]).max(initial=0) < tol * lam
