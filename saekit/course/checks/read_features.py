"""Checks and predictions of lesson 7, read the features."""

import numpy as np

from saekit.course.answers import Prediction
from saekit.course.checking import check, close, expect, expect_array

PREDICTIONS = [
    Prediction("flatter", right="a9df8aef1021f9a4", options=("a", "b", "c"), wrong={
        "a": "Then any sample of firings would do, and the page would need no intervals. Run the next cell.",
        "c": "Would a weak activation be a surer sign than a strong one? Run the next cell.",
    }, reply="The weaker the firing, the less often the concept is there. By how much? Run the next cell."),
    Prediction("blue", right="e7a2ed7aabb1eb75", options=("a", "b", "c"), wrong={
        "a": "Blue: the loss is *lower* once the latent is gone. Was it of use, then?",
        "c": "Then the loss would not change, and there would be no underline.",
    }, reply="Without it the model would have predicted this token better. Red marks where it helps."),
]


@check
def density_kinds(f, rng):
    n, low = int(rng.integers(20_000, 30_000)), 1e-3
    counts = np.array([0, 1, n // 2000, n // 20, 0, n])
    right = np.array([0, 1, 1, 2, 0, 2])
    out = expect_array(f(counts, n, low), (6,), "number")
    expect(not close(out, [1, 1, 1, 2, 1, 2]) or close(out, right), "a latent that never fired came out as ultra-low. What sets the dead apart?")
    expect(not close(out, [0, 2, 2, 2, 0, 2]), f"low = {low:g} is a share of the tokens, and your answer finds nothing below it. Is it compared with counts?")
    expect(not close(out, 2 - right), "dead should be 0 and alive 2. Are the numbers given from the other end?")
    expect(not close(out, [0, 2, 2, 1, 0, 1]), "ultra-low is 1, alive is 2. Are those two the wrong way round?")
    expect(not close(out, right > 0), "your answer only tells dead from not dead. Where does low come in?")
    expect(close(out, right), f"of {n} tokens these latents fire on {counts.tolist()}; with low = {low:g} the kinds are another. Which comparison goes wrong?", expected=right, got=out)
    at = expect_array(f(np.array([9, 10, 11]), 10_000, 1e-3), (3,), "int")
    expect(not close(at, [1, 1, 2]), "a density of exactly low is not *below* low. Which of < and <= is meant?", expected=np.array([1, 2, 2]), got=at)
    expect(close(at, [1, 2, 2]), "with low = 0.001 in 10,000 tokens, 9 firings are ultra-low and 10 are not. Is low fixed in your answer?", expected=np.array([1, 2, 2]), got=at)
    wide = expect_array(f(np.array([40, 4]), 100, 0.1), (2,), "int")
    expect(close(wide, [2, 1]), "with low = 0.1, 4 firings in 100 tokens are ultra-low. Is low fixed in your answer?", expected=np.array([2, 1]), got=wide)


@check
def interval_of(f, rng):
    share = np.array([0.93, 0.47, 0.55, 1.0, 0.81, 0.42, 0.68])
    right = np.array([1, 6, 5, 1, 2, 6, 4])
    out = expect_array(f(7 * share), (7,), "number")
    expect(not close(np.minimum(out, 10), 11 - right), "the strongest activations should be in interval 1, and yours are in 10. From which end are intervals counted?")
    expect(not close(out, right - 1), "intervals are numbered from 1 to 10, and yours begin at 0. Is one missing?")
    lifted = (share - share.min()) / np.ptp(share)
    expect(not close(out, 11 - np.ceil(10 * lifted)) and not close(out, np.clip(11 - np.ceil(10 * lifted), 1, 10)), "your ten parts begin at the smallest activation. Where does the range begin?")
    order = np.argsort(np.argsort(-share))
    expect(not close(out, order * 10 // 7 + 1), "your intervals hold equally many activations. Parts of what are asked for: of the list, or of the range?")
    expect(not close(out, np.clip(11 - np.ceil(10 * 7 * share), 1, 10)) and not close(out, 11 - np.ceil(10 * 7 * share)), "activations here go up to 7. What are they a share of?")
    expect(not np.any(out == 0) and not np.any(out == 11), "there is no interval 0 or 11. On which side of an edge does an activation belong?", expected=right, got=out)
    expect(close(out, right), "activations at 93, 47, 55, 100, 81, 42 and 68 % of the largest are in other intervals. Is the tenth rounded up?", expected=right, got=out)
    edges = expect_array(f(np.array([8.0, 4.0, 6.0, 2.0])), (4,), "int")  # shares 1, 1/2, 3/4, 1/4: only 1/2 is an edge
    expect(close(edges, [1, 6, 3, 8]), "exactly half of the largest belongs to interval 6, above 0.4 up to 0.5. Is the tenth rounded up or down?", expected=np.array([1, 6, 3, 8]), got=edges)


@check
def logit_lens(f, rng):
    direction, W_down, gamma, W_U = rng.normal(size=6), rng.normal(size=(6, 4)), rng.uniform(0.5, 2, 4), rng.normal(size=(4, 9))
    scale, words = 0.37, lambda d, g, s: np.array([sum(d[i] * W_down[i, j] * g[j] * W_U[j, t] for i in range(6) for j in range(4)) / s for t in range(9)])
    full = words(direction, gamma, scale)
    out = expect_array(f(direction, W_down, gamma, scale, W_U), (9,))
    centred = lambda logits: logits - logits.mean()  # noqa: E731
    expect(not close(out, full), "these logits do not sum to 0. What does softmax not feel, and the lens takes off?")
    expect(not close(out, centred(words(direction, np.ones(4), scale))), "γ has no effect on your answer. Where does the norm's weight go?")
    expect(not close(out, centred(words(direction, gamma, 1))), "σ has no effect on your answer. What does a norm divide by?")
    expect(not close(out, centred(words(direction, gamma, 1 / scale))), "your logits grow with σ. Does a norm multiply or divide by it?")
    expect(not close(out, centred(full) / full.std()), "your logits are standardised. Only their mean is to be taken off: what would be lost with their size?")
    expect(not close(out, np.exp(full) / np.exp(full).sum()), "these are probabilities. Which step comes after logits, and is not asked for?")
    written = direction @ W_down
    expect(not close(out, centred((written - written.mean()) * gamma / scale @ W_U)), "you take the mean off what is written. The norm's mean is frozen: of what is the mean taken off here?")
    expect(not close(out, centred(words(direction / np.linalg.norm(direction), gamma, scale))), "you scaled the direction to length 1. Logits per unit of activation: whose length counts?")
    expect(close(out, centred(full)), "the logits of 9 tokens are others. Do the steps come in the formula's order?", expected=centred(full)[:3], got=out[:3])


@check
def nearest_neuron(f, rng):
    W = rng.normal(size=(5, 7)) * np.array([[1], [3], [0.2], [10], [1]])
    W[1, 2], W[3, 5] = -9.0, 40.0
    right = np.array([max(row) / sum(value**2 for value in row) ** 0.5 for row in W.tolist()])
    out = expect_array(f(W), (5,), "number")
    expect(not close(out, [max(abs(row)) / np.linalg.norm(row) for row in W]), "row 1 pushes a neuron strongly *down*, and you count it as that neuron. Do signs count?")
    expect(not close(out, W.max(axis=1)), "your answer grows with the length of the row. What is a cosine divided by?")
    expect(not close(out, [row.max() / np.abs(row).sum() for row in W]), "you divide by the sum of absolute entries: the page's share of L1, no cosine. What is the length of a row?")
    expect(not close(out, [row.max() / (row**2).sum() for row in W]), "you divide by the squared length. Is a root missing?")
    expect(not close(out, W.argmax(axis=1)), "these are the neurons' numbers. How near are they?")
    expect(not close(out, [row.max() / np.linalg.norm(W) for row in W]), "one length is used for all rows. Whose length belongs to a row?")
    expect(close(out, right), "row 3 lies mostly on one axis, and its cosine is another. Is the largest entry divided by the row's length?", expected=right, got=out)


@check
def pearson(f, rng):
    mix = rng.normal(size=(40, 5)) + 3
    a, b = mix[:, :2] * np.array([1, 5]) + 4, (mix @ rng.normal(size=(5, 3)))
    right = np.array([[np.corrcoef(a[:, i], b[:, j])[0, 1] for j in range(3)] for i in range(2)])
    out = expect_array(f(a, b), (2, 3))
    cosine = (a / np.linalg.norm(a, axis=0)).T @ (b / np.linalg.norm(b, axis=0))
    expect(not close(out, cosine), "that is the cosine, which activations with a mean above 0 always raise. What is taken off first?")
    centred_a, centred_b = a - a.mean(axis=0), b - b.mean(axis=0)
    expect(not close(out, centred_a.T @ centred_b / 40) and not close(out, centred_a.T @ centred_b / 39), "these are covariances: twice the activation, twice the number. What are they divided by?")
    expect(not close(out, centred_a.T @ centred_b), "these are sums of products. What makes them correlations, from −1 to 1?")
    expect(not close(out, np.abs(right)), "a falls where b rises, and your answer is positive. Where did the sign go?")
    expect(not close(out, right**2), "that is r², the share explained. Is a root (with its sign) missing?")
    expect(not close(out, right * 40) and not close(out, right / 40), "your answer depends on the number of rows. Is a mean taken twice, or not at all?")
    expect(not close(out, right * 39 / 40) and not close(out, right * 40 / 39), "n stands in one place and n − 1 in another. Which of the two do covariance and spread divide by?")
    expect(close(out, right, 1e-6), "the correlation of the first columns is another. Is each column centred and scaled by itself?", expected=right, got=out)
    flat = f(np.column_stack([a[:, 0], np.full(40, 2.5)]), b)
    expect(np.all(np.isfinite(flat)) and close(np.asarray(flat)[1], np.zeros(3), 1e-6), "column 1 of a never varies: its correlation should be 0. What is 0 / 0?", expected=np.zeros(3), got=np.asarray(flat)[1])


@check
def token_means(f, rng):
    tokens, activations = np.array([5, 1, 1, 5, 5, 3, 1]), rng.uniform(1, 9, 7)
    overall = activations.sum() / 7
    right = np.array([np.mean([v for t, v in zip(tokens, activations) if t == i]) if i in tokens else overall for i in range(8)])
    counts = np.bincount(tokens, minlength=8)
    out = expect_array(f(tokens, activations, 8), (8,), "number")
    expect(not close(out, np.where(counts, right, 0)), "a token that does not occur got 0. What is the best guess about it?")
    expect(not close(out, np.where(counts, right * counts, overall)) and not close(out, right * counts), "frequent tokens have large entries in yours: these are sums. How many rows make each?")
    expect(not close(out, np.where(counts, right * counts / 7, overall)) and not close(out, right * counts / 7), "each sum is divided by the number of all rows. Which rows belong to a token?")
    expect(not close(out, counts), "these are counts. Where do activations come in?")
    last = dict(zip(tokens.tolist(), activations))
    expect(not close(out, [last.get(i, overall) for i in range(8)]) and not close(out, [last.get(i, 0) for i in range(8)]),
           "each token has its *last* activation in yours: NumPy writes a repeated index once. What adds up over rows?")
    largest = [activations[tokens == i].max() if i in tokens else overall for i in range(8)]
    expect(not close(out, largest), "these are each token's largest activations. Which summary of them is asked for?")
    expect(not close(out, np.where(counts, right, np.mean(right[counts > 0]))), "for an unseen token you take the mean over *tokens*. Over what is the overall mean?")
    expect(close(out, right), "token 5 stands in rows 0, 3 and 4, and its mean is another. Are activations matched with their own tokens?", expected=right, got=out)
    shifted = expect_array(f(tokens, activations - 6, 8), (8,))
    expect(close(shifted, right - 6), "6 was taken from all activations, and the means did not go along. Are some rows left out?", expected=right - 6, got=shifted)


@check
def formula_correlation(f, rng):
    activations = np.maximum(rng.normal(size=50), 0) * 3
    holds = rng.random((4, 50)) < np.array([[0.1], [0.4], [0.7], [0.3]])
    n, s, mean, sd = holds.sum(axis=1), holds @ activations, activations.mean(), activations.std()
    right = np.array([np.corrcoef(row, activations)[0, 1] for row in holds])
    out = expect_array(f(n, s, 50, mean, sd), (4,), "number")
    share = n / 50
    spread = sd * np.sqrt(share * (1 - share))
    expect(not close(out, s / 50 / spread), "formulas that hold often come out high: what would chance give? Which product is to be taken off?")
    expect(not close(out, (s / 50 - share * mean) / sd), "you divide by the spread of the activations alone. A formula varies too: how much?")
    expect(not close(out, (s / 50 - share * mean) / np.sqrt(share * (1 - share))), "twice the activation gives twice your number. Whose spread is missing?")
    expect(not close(out, (s / 50 - share * mean) / sd * np.sqrt(share * (1 - share))), "you multiply by the formula's spread. Is a bracket missing below the line?")
    expect(not close(out, (s / 50 - share * mean) / (sd * share * (1 - share))), "the formula's variance stands where its standard deviation belongs. Is a root missing?")
    expect(not close(out, (s / 50 - share * mean) / (sd * np.sqrt(share))), "the spread of a yes-or-no property has two factors: share and …?")
    expect(not close(out, (s - n * mean) / spread), "your numbers are 50 times too large. Are sums turned into means?")
    expect(not close(out, (s / np.maximum(n, 1) - mean) / sd), "you compare the mean where the formula holds with the mean of all. What is a covariance?")
    expect(not close(out, np.abs(right)), "a formula that holds where activations are low correlates negatively. Where did the sign go?")
    expect(close(out, right, 1e-9), "np.corrcoef of the same activations gives other numbers. Which of the four parts of the formula differs?", expected=right, got=out)
    ends = f(np.array([0, 50]), np.array([0.0, activations.sum()]), 50, mean, sd)
    expect(np.all(np.isfinite(ends)) and close(ends, [0, 0], 1e-6), "a formula that holds nowhere, or everywhere, should get 0. What is 0 / 0?", expected=np.zeros(2), got=ends)
