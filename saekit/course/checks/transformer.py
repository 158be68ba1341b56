"""Checks and predictions of lesson 5, inside a small transformer."""

import numpy as np

from saekit.course.answers import Prediction
from saekit.course.checking import check, close, expect, expect_array, expect_number, expect_parts, to_numpy

PREDICTIONS = [
    Prediction("dimensions", right="5a387365f09b5b5c", options=("a", "b", "c"), wrong={
        "a": "That would be a low-rank cloud, as large models are said to have. A small one has thousands of things to say in 128 numbers. Run the next cell.",
        "c": "For noise it would be so. A few directions of this cloud are far stronger than others, though. Run the next cell.",
    }, reply="Uneven, but far from low-rank. Run the next cell for the numbers."),
    Prediction("neuron-gap", right="24723ad9b87a5d8f", options=("a", "b", "c"), wrong={
        "a": "That would be so if training gave each concept a neuron of its own. Are there enough of them, at one token in ten? Run the next cells.",
        "c": "Overfitting would show, since scores are those of files never seen. But 512 weights against tens of thousands of tokens do not overfit much. Run the next cells.",
    }, reply="What is said is said by many neurons together."),
    Prediction("transfer", right="9db39e026928199d", options=("a", "b", "c"), wrong={
        "a": "The concept may be the same. But do the 512 numbers that stand for it at one block mean anything at another? Run the next cell.",
        "c": "They do build on them, but through their own weights. What does neuron 7 of one block have in common with neuron 7 of the next? Run the next cell.",
    }, reply="The neurons of two blocks share their numbering and nothing else."),
    Prediction("overcomplete-factor", right="6b510d713e6c4905", reply="16,384 / 512 = 32 latents for every dimension.", wrong={
        0.03: "That is dimensions per latent. Which of the two is the larger?",
        109: "That is 16,384 / 150, latents per active latent. Over-complete with respect to what?",
    }, otherwise="The factor compares the size of the dictionary with the dimension of what it codes."),
    Prediction("sparsity-level", right="d23ac04d41a6154e", digits=2, reply="150 of 16,384. So 99.08 % of the latents are silent on a typical input.", wrong={
        0.91: "Cut off after two decimals. What is the third?",
        0.01: "That is the fraction, rounded. Asked for is the percentage.",
        29.3: "That is 150 / 512. Of which number are the 150 a part?",
        99.08: "That is the share of latents that are silent. And those that are not?",
    }, otherwise="Of M latents, 150 are active: what percentage is that?"),
    Prediction("why-overcomplete", right="425478283aa06f44", options=("a", "b", "c"), wrong={
        "a": "512 independent atoms already make every code exact, and more could not. What do exact codes lack?",
        "c": "A LASSO finds 150 of 512 well or badly by how alike the atoms are, not because of a limit on their number. What is it that has to be told apart?",
    }, reply="An orthogonal basis of 512 could give no more than 512 features an atom of their own. And each input must be a sum of few."),
]


@check
def dimensions_for(f, rng):
    flat, turn = _planted(rng, (50, 30, 15, 5), 40), np.linalg.qr(rng.normal(size=(4, 4)))[0]
    x = flat @ turn  # shares of the variance 0.5, 0.3, 0.15, 0.05 along turned axes
    count = expect_number(f(x, 0.7))
    expect(not close(count, 0.8, 1e-6), "you returned 0.8, the share that the directions hold. How many directions are they?")
    expect(not close(count, 0.5, 1e-6), "you returned 0.5: 2 of 4 directions as a fraction. Which of the two numbers is asked for?")
    expect(f(x, 0.4) != f(x, 0.99), "a share of 0.4 and a share of 0.99 need the same number of directions in your answer. Where does share come in?",
           got=count)
    expect(f(x + 30, 0.7) == count, "30 was added to every entry of x, and your answer changed. Is the mean taken off?")
    expect(f(x + [60, 0, 0, -90], 0.7) == count,
           "a different number was added to each column of x, and your answer changed. Is there one mean for each column?")
    expect(f(flat, 0.7) == count, "the same samples in turned axes gave another answer. Are these the variances of the columns, or of the principal directions?")
    _counts_of_planted_shares(f, x + [3, -2, 4, 1])


def _planted(rng, squares, n):
    """(n, d) samples with mean 0 whose columns are orthogonal and have these sums of squares."""
    noise = rng.normal(size=(n, len(squares)))
    return np.linalg.qr(noise - noise.mean(axis=0))[0] * np.sqrt(squares)


def _counts_of_planted_shares(f, x):
    counts = np.array([expect_number(f(x, share)) for share in (0.4, 0.7, 0.9, 0.99)])
    rows = {"expected": np.array([1, 2, 3, 4]), "got": counts}
    message = "the directions hold 0.5, 0.3, 0.15 and 0.05 of the variance; shares of 0.4, 0.7, 0.9 and 0.99 then need 1, 2, 3 and 4 of them. "
    expect(not close(counts, [0, 1, 2, 3]), message + "Yours is one too few each time. Which place has index 0?", **rows)
    expect(not close(counts, [2, 3, 4, 4]), message + "Is a singular value a variance, or its root?", **rows)
    expect(not close(counts, [3, 4, 4, 4]), message + "Do you begin with the smallest?", **rows)
    expect(not close(counts, [2, 3, 4, 5]), message + "Yours is one too many each time. What does your search count?", **rows)
    expect(close(counts, [1, 2, 3, 4]), message + "When is enough enough in yours?", **rows)


@check
def nearest_tokens(f, rng):
    cosine = np.array([0.1, 0.9, -0.95, 0.5, 0.7, -0.2, 0.3, 0.6])
    length = np.array([10, 1, 3, 6, 0.5, 2, 8, 1])
    axes = np.linalg.qr(rng.normal(size=(9, 9)))[0]
    embeddings = length[:, None] * (cosine[:, None] * axes[0] + np.sqrt(1 - cosine[:, None] ** 2) * axes[1:])
    out = f(3 * axes[0], embeddings, 3)
    expect(getattr(out, "shape", (3,)) != (8,), "n is 3 and you returned all 8 tokens. Where does n come in?")
    out = expect_array(out, (3,), "number")
    expect(not close(out, [0.9, 0.7, 0.6]) and not close(out, [2.7, 2.1, 1.8]), "these are the similarities themselves. Which function gives their places?")
    out = expect_array(out, (3,), "int")
    expect(not close(out, [3, 6, 0]), "tokens 3, 6 and 0 have long embeddings, but not the nearest directions. Is a dot product a cosine, and has each row a length of its own?")
    expect(not close(out, [2, 1, 4]), "token 2 points almost the opposite way (cosine −0.95), and you call it near. Is a sign lost?")
    expect(not close(out, [2, 5, 0]), "these are the tokens farthest away. From which end of the order do you take them?")
    expect(not close(out, [7, 4, 1]), "the right tokens, but the nearest should come first. Which way does np.argsort sort?")
    distance = np.argsort([sum((row - 3 * axes[0]) ** 2) for row in embeddings])
    expect(not close(out, distance[:3]), "these embeddings lie closest in distance, which depends on how long they are. Does a direction have a length?")
    expect(close(out, [1, 4, 7]), "the three tokens with the largest cosine are others. Along which axis do you take lengths?",
           expected=np.array([1, 4, 7]), got=out)
    expect(close(f(0.01 * axes[0], embeddings, 5), [1, 4, 7, 3, 6]), "with a shorter atom and n = 5 the answer is not 1, 4, 7, 3, 6. Is a number fixed that should be n?")


@check
def recipe(f, rng):
    z = np.array([0, 2, 0, 5, 1, 0, 1.5, 0.5])
    which, shares, others = expect_parts(f(z, 2), 3)
    which = expect_array(which, (2,), "int", what="the first thing")
    expect(not close(which, [0, 2]), "atoms 0 and 2 have the coefficient 0. From which end of the order do you take the atoms?")
    expect(not close(which, [1, 3]), "atoms 1 and 3 are right, but the larger coefficient should come first. What does your order follow?")
    expect(close(which, [3, 1]), "the two largest coefficients are those of atoms 3 and 1. Which ones are yours?", expected=np.array([3, 1]), got=which)
    shares = expect_array(shares, (2,), "number", what="the second thing")
    expect(not close(shares, [5, 2]), "these are the coefficients 5 and 2. By what must they be divided to become shares?")
    expect(not close(shares, np.array([5, 2]) / 7), "your two shares add up to 1, but five atoms are in the code. Shares of which sum?")
    expect(not close(shares, np.array([25, 4]) / 32.5), "your shares are those of the squares. Is the coefficient 5 a share of 5 in 10, or of 25?")
    expect(not close(shares, np.array([5, 2]) / np.sqrt(32.5)), "you divide by the length of z, and then all shares together are not 1. What adds up to 1?")
    expect(not close(shares, [5 / 8, 2 / 8]), "you divide by the number of atoms in the dictionary. What is the whole of which this is a share?")
    expect(close(shares, [0.5, 0.2]), "coefficients 5 and 2 in a code whose coefficients add up to 10 have shares 0.5 and 0.2. What are yours of?",
           expected=np.array([0.5, 0.2]), got=shares)
    others = expect_number(others, what="the third thing")
    expect(not close(others, 3.0), "the third thing is 3. Is that how many others there are, or how much they hold together?")
    expect(not close(others, 0.7), "0.7 is what the two named atoms hold. What is left for the others?")
    expect(not close(others, 0.1), "0.1 is the share of one of the others, or their mean. How much do they hold together?")
    expect(close(others, 0.3), "the named atoms hold 0.5 and 0.2, so 0.3 is left for the others. What is yours?", expected=0.3, got=others)
    z = rng.uniform(1, 2, size=30)
    which, shares, others = expect_parts(f(z, 7), 3)
    expect(len(which) == 7 and close(sum(shares) + others, 1.0), "for n = 7 of 30 atoms the seven shares and the others should add up to 1. Is a number fixed that should be n?")


@check
def line_and_plane(f, rng):
    means = _planted(rng, (8, 3, 1), 4) @ np.linalg.qr(rng.normal(size=(5, 5)))[0][:3]  # 4 levels in 5 dimensions
    level = np.array([0, 0, 0, 0, 2, 2, 3, 3, 7, 7])
    noise = np.array([1, -1, 1, -1, 1, -1, 1, -1, 1, -1])[:, None] * rng.normal(size=5)
    x = means[np.array([0, 0, 0, 0, 1, 1, 2, 2, 3, 3])] + 4
    line, plane = [expect_number(part, what=name) for part, name in zip(expect_parts(f(x, level), 2), ("the first thing", "the second thing"))]
    expect(not close(line, 3 / 12, 1e-6) and not close(plane, 3 / 12, 1e-6), "0.25 is what the second direction adds by itself. What do a line and a second one hold together?")
    expect(line <= plane, "your line holds more than your plane, though the plane contains the line. Which one comes first?", got=np.array([line, plane]))
    expect(close(f(x + 6 * noise, level), (line, plane), 1e-6),
           "samples were moved within their levels, all means stayed, and your answer changed. Whose spread is it, that of the samples or of the means?")
    expect(close(f(x + 50, level), (line, plane), 1e-6), "50 was added to everything, and your answer changed. From which point is the spread of the means measured?")
    twice = np.vstack([x, x[:4], x[:4]]), np.concatenate([level, level[:4], level[:4]])
    expect(close(f(*twice), (line, plane), 1e-6), "the samples of one level were entered three times, and your answer changed. Does each level count once?")
    roots = np.sqrt([8, 3, 1]) / np.sqrt([8, 3, 1]).sum()
    expect(not close(line, roots[0], 1e-6), "your shares are those of singular values. Which power of a singular value is a spread?")
    expect(not close(line, 8 / 11, 1e-6), "your line and what the plane adds make up everything, but the means spread in three directions. What is the whole?")
    expect(close((line, plane), (8 / 12, 11 / 12), 1e-6), "the means were laid out to spread 8, 3 and 1 along three directions. Which shares do a line and a plane hold?",
           expected=np.array([8 / 12, 11 / 12]), got=np.array([line, plane]))


@check
def mlp_post(f, rng):
    inputs = {"hidden": rng.normal(size=(6, 4)) * 2 + 1, "scale": rng.uniform(0.5, 2, size=4), "shift": rng.normal(size=4),
              "W_in": rng.normal(size=(4, 7)), "b_in": rng.normal(size=7) * 0.3, "eps": 1e-5}
    out = expect_array(f(inputs), (6, 7))
    expect(out.min() >= 0 or out.min() < -0.2, "some neurons are slightly negative, as after a GELU. Which non-linearity has this model?", got=float(out.min()))
    expect(out.min() >= 0, "some neurons are far below zero. Is this before or after the ReLU?", got=float(out.min()))
    expect((out > 0).any(), "no neuron is active on any token. With which sign does W_in come in?")
    expect(close(f({**inputs, "hidden": inputs["hidden"][:2]}), out[:2]),
           "two tokens by themselves have other neurons than among six. Are mean and variance taken over the tokens, or over the entries of one token?")
    expect(not close(f({**inputs, "b_in": inputs["b_in"] + 1}), out), "every entry of b_in was raised and nothing changed. Where does b_in come in?")
    expect(not close(f({**inputs, "scale": 2 * inputs["scale"]}), out), "the scale of the norm was doubled and nothing changed. Where does scale come in?")
    expect(not close(f({**inputs, "shift": inputs["shift"] + 1}), out), "another shift of the norm changed nothing. Where does shift come in?")
    expect(close(f({**inputs, "hidden": inputs["hidden"] + 5}), out, 1e-5), "5 was added to all entries of every hidden state, and the neurons changed. Is each token's own mean taken off?")
    expect(close(f({**inputs, "hidden": inputs["hidden"] * 100}), out, 1e-3),
           "hidden states a hundred times as long gave other neurons. Is each token divided by its own standard deviation?")
    _neurons_by_hand(f, inputs)


def _neurons_by_hand(f, inputs):
    """Entry by entry, with the slips that leave all the invariances as they are."""
    hidden = inputs["hidden"]
    for eps in (1e-5, 3.0):
        out = to_numpy(f({**inputs, "eps": eps}))
        centred = hidden - np.array([[sum(row) / 4] for row in hidden])
        squares = np.array([[sum(row ** 2)] for row in centred])
        right = _neurons(centred / np.sqrt(squares / 4 + eps), inputs)
        wrong = {"The variance of a token divides by 4 entries, not by 3. Which does yours?": centred / np.sqrt(squares / 3 + eps),
                 "Is the division by the variance, where it should be by its root?": centred / (squares / 4 + eps),
                 "Does eps stand under the root, or outside?": centred / (np.sqrt(squares / 4) + eps),
                 "Is eps left out?": centred / np.sqrt(squares / 4),
                 "Is it the length of the token that you divide by?": centred / np.sqrt(squares + eps)}
        for question, normed in wrong.items():
            expect(not close(out, _neurons(normed, inputs), 1e-6) or close(out, right, 1e-6),
                   f"with eps = {eps:g} the neurons are not those of a LayerNorm. {question}")
        early = np.maximum((centred / np.sqrt(squares / 4 + eps) * inputs["scale"] + inputs["shift"]) @ inputs["W_in"], 0) + inputs["b_in"]
        expect(not close(out, np.maximum(early, 0)), "b_in is added after the ReLU, where it can no longer hold a neuron back. In which order?")
        swapped = (centred / np.sqrt(squares / 4 + eps) + inputs["shift"]) * inputs["scale"]
        expect(not close(out, np.maximum(swapped @ inputs["W_in"] + inputs["b_in"], 0)), "the shift is scaled too. Which of scale and shift comes first?")
        expect(close(out, right, 1e-6), "token 2 should have another value at neuron 5. LayerNorm, product, bias, ReLU: what else is in yours?",
               expected=float(right[2, 5]), got=float(out[2, 5]))


def _neurons(normed, inputs):
    W_in, b_in = inputs["W_in"], inputs["b_in"]
    normed = normed * inputs["scale"] + inputs["shift"]
    return np.array([[max(0.0, sum(row[i] * W_in[i, j] for i in range(4)) + b_in[j]) for j in range(7)] for row in normed])


@check
def kurtosis(f, rng):
    x = np.column_stack([[1.0, -1] * 10, [0.0] * 18 + [10, 10], rng.normal(size=20), np.arange(20.0)])
    out = expect_array(f(x), (4,))
    expect(not close(out[0], 0.0), "a column of +1 and −1 gave 0. Which power is asked for, the third or the fourth?")
    expect(not close(out[0], -2.0), "a column of +1 and −1 should give 1, and yours gave −2. Is 3 taken off?")
    expect(not close(out[0], (19 / 20) ** 2), "a column of +1 and −1 should give 1, and yours is a little less. Does the variance divide by n, or by n − 1?")
    expect(close(f(x + [0, 5, -3, 2]), out, 1e-6), "a number was added to each column, and your answer changed. Fourth power of the distance from where?")
    expect(close(f(3 * x), out, 1e-6), "entries three times as large should leave the answer as it was. By which power of the variance do you divide?",
           expected=float(out[1]), got=float(to_numpy(f(3 * x))[1]))
    expect(close(out[0], 1.0), "a column of +1 and −1 should give 1. What is its mean fourth power, and what the square of its variance?", expected=1.0, got=float(out[0]))
    right = (0.9 ** 4 * 2 + 0.1 ** 4 * 18) / 20 / 0.09 ** 2  # 0 eighteen times, then a value twice: p = 0.1
    expect(not close(out[1], np.sqrt(right), 1e-6), "a column that is 10 on two of 20 tokens gave the root of what it should. Which power of the variance is below the line?")
    expect(close(out[1], right, 1e-6), "a column that is 10 on two of 20 tokens and else 0 should give 8.11. What is yours?", expected=float(right), got=float(out[1]))


@check
def f1(f, rng):
    fires, concept = np.zeros((20, 3), dtype=bool), np.zeros((20, 2), dtype=bool)
    fires[:8, 0], fires[4:16, 1], concept[2:12, 0], concept[16:18, 1] = True, True, True, True
    # unit 0 on concept 0: fires on 8, of them 6 right, of 10; unit 1 on concept 0: fires on 12, 8 right, of 10
    out = expect_array(f(fires, concept), (3, 2), "number") if not _bool(f(fires, concept)) else None
    expect(out is not None, "your answer holds True and False. What is the product of two arrays of True and False: a count?")
    scores = out[:2, 0]
    for slip, question in _slips_of_f1():
        expect(not close(scores, slip, 1e-6), question)
    right = [12 / 18, 16 / 22]
    expect(close(scores, right, 1e-6), "a unit fires on 8 tokens, 6 of them among the 10 of the concept; another on 12, 8 of them right. What are precision and recall, and what their harmonic mean?",
           expected=np.array(right), got=scores)
    expect(close(out[:, 1], [0, 0, 0]) and close(out[2], [0, 0]), "where no firing is right, F1 is 0, and yours is not. What does it count?", got=out[:, 1])
    never = to_numpy(f(fires, np.zeros((20, 2), dtype=bool)))
    expect(close(never, np.zeros((3, 2))), "a concept that never occurs should give F1 = 0 for every unit. What does yours count there?", got=never[2])
    many = np.repeat(fires, 40, axis=0), np.repeat(concept, 40, axis=0)
    expect(close(f(*many), out, 1e-6), "every token forty times gave another F1. Is something counted in too small a type?")


def _bool(value):
    return hasattr(value, "dtype") and value.dtype == bool


def _slips_of_f1():
    """(what a slip gives for the two units, its question)."""
    precision, recall = np.array([6 / 8, 8 / 12]), np.array([6 / 10, 8 / 10])
    return [
        (precision, "that is precision: how much of the firing is right. What about the tokens of the concept that are missed?"),
        (recall, "that is recall: how much of the concept is found. A unit that always fires has a recall of 1. What keeps it in check?"),
        ((precision + recall) / 2, "that is the ordinary mean of precision and recall. Which mean is small as soon as one of the two is?"),
        (np.sqrt(precision * recall), "that is the geometric mean of precision and recall. Which one is the harmonic mean?"),
        (precision * recall, "that is the product of precision and recall. What is still to be divided?"),
        (precision * recall / (precision + recall), "every score is half of what it should be, so a perfect unit would have 0.5. Is a factor missing?"),
        (np.array([2 / 18, 2 / 22]), "all firings that are right count as one in yours. What is the product of two arrays of True and False: a count?"),
        (np.array([6 / 12, 8 / 14]), "that is the overlap over the union. How often does F1 count a token that is found?"),
        (np.array([14 / 20, 14 / 20]), "that is accuracy: it credits every token on which rightly nothing happens. For a rare concept, who gets nearly 1?"),
    ]


@check
def best_thresholds(f, rng):
    concept = np.zeros((30, 2), dtype=bool)
    concept[:6, 0], concept[:20, 1] = True, True
    rising = np.linspace(3, 0.1, 30)  # unit 0 falls steadily, so the best cut is where the concept ends
    activations = np.column_stack([rising, 10 * rising, [2.9, 2.6, 2.5] + [0.3] * 3 + [1.5] * 3 + [0.25] * 21])
    cuts = np.array([2.45, 1.05, 0.2, 2.8])
    candidates = cuts[:, None] * [1, 10, 1]
    out = expect_array(f(activations, concept, candidates), (3, 2), "number")
    expect(not close(out[:2], [[0, 1], [0, 1]]), "these are the places of the best candidates in their column. Which values stand there?")
    expect(not (close(out[0, 0], 1.0) and close(out[1, 0], 1.0)), "these are the best F1 scores themselves. At which threshold are they reached?")
    expect(not close(out[:, 0], out[:, 1]), "both concepts have the same thresholds in your answer, though one is three times as frequent. Is the best one chosen for each concept?")
    expect(not close(out[0], [0.2, 2.8]) or not close(out[1], [2, 28]), "these are the candidates with the lowest F1. Which end is wanted?")
    expect(not close(out[0], [1.05, 2.45]), "the two concepts have each other's thresholds. Does the candidate go with its own concept?")
    expect(not close(out[0], out[1]), "unit 1 is ten times as large as unit 0 and has the same thresholds. Does each unit have its own column of candidates?")
    expect(close(out[:2], [[2.45, 1.05], [24.5, 10.5]]), "unit 0 is largest on the concept's tokens, so one candidate separates them perfectly. Which of its candidates is that?",
           expected=np.array([2.45, 1.05]), got=out[0])
    _brute_force(activations, concept, candidates, out)
    edge = to_numpy(f(np.array([[2.0], [1.0], [1.0]]), np.array([[True], [False], [False]]), np.array([[0.5], [1.0]])))
    expect(close(edge, [[1.0]]), "activations 2, 1, 1, a concept on the first: the threshold 1 separates them, if a unit fires only above it. Do you fire at the threshold itself?", got=edge)
    ties = to_numpy(f(np.array([[2.0], [1.0]]), np.array([[True], [False]]), np.array([[0.5], [1.2], [1.5]])))
    expect(close(ties, [[1.2]]), "the thresholds 1.2 and 1.5 separate activations 2 and 1 equally well, and the first of them is asked for. Which of equals do you take?", got=ties)


def _brute_force(activations, concept, candidates, out):
    for unit in range(3):
        for column in range(2):
            scores = []
            for cut in candidates[:, unit]:
                fired = activations[:, unit] > cut
                scores.append(2 * sum(fired & concept[:, column]) / (sum(fired) + sum(concept[:, column])))
            expect(close(out[unit, column], candidates[int(np.argmax(scores)), unit]), "another candidate of unit 2 has a higher F1 than the one you chose. By what do you choose?",
                   expected=float(candidates[int(np.argmax(scores)), unit]), got=float(out[unit, column]))
