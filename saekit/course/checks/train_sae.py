"""Checks and predictions of lesson 6, train an SAE."""

import numpy as np

from saekit.course.answers import Prediction
from saekit.course.checking import check, close, expect, expect_array, expect_number, expect_parts, to_numpy

PREDICTIONS = [
    Prediction("active-neurons", right="fa58dec7ab624a1b", options=("a", "b", "c"), wrong={
        "a": "A good latent will be as rare as that, further down. Can 512 neurons afford it, if they must say everything? Run the next cell.",
        "c": "That is where a ReLU starts, with its input as often positive as negative. Training has made these neurons choosier. Run the next cell.",
    }, reply="About sixty of 512 at a time, with a wide spread: some speak on one token in a hundred, a few on more than half."),
    Prediction("l1-and-lasso", right="815ac2bb1f5f9557", options=("a", "b", "c"), wrong={
        "b": "The LASSO's penalty is on coefficients, not on the dictionary. What are the coefficients of an SAE?",
        "c": "Size is not the point: any weight could make up for it. How does each penalty change when a small coefficient gets smaller still?",
    }, reply="The latents are the LASSO's coefficients. L1 keeps pushing with the same force down to zero and holds them there; L2's push fades with the coefficient."),
    Prediction("latents-at-64", right="55d86c6f780cb6ab", otherwise="64 latents for each of 4,096 dimensions. Let Python multiply.",
               reply="64 · 4,096 = 262,144, the page's ~262,000."),
]


@check
def pre_acts(f, rng):
    x, W_enc, b_enc, b_dec = rng.normal(size=(6, 4)), rng.normal(size=(4, 7)), rng.normal(size=7), rng.normal(size=4) + 2
    out = expect_array(f(x, W_enc, b_enc, b_dec), (6, 7))
    expect(out.min() < 0, "no entry of your answer is negative, though many should be. Is this before or after the ReLU?")
    risen = expect_array(f(x, W_enc, b_enc + 1, b_dec), (6, 7)) - out
    expect(not close(risen, 0 * risen), "another b_enc gave the same answer. Where does b_enc come in?")
    expect(not close(risen, 0 * risen - 1), "b_enc was raised by 1 and your answer fell by 1. Is b_enc added or taken off?")
    expect(close(risen, 0 * risen + 1), "b_enc was raised by 1, so every pre-activation should rise by 1. Is b_enc added last?",
           expected=1.0, got=float(risen.mean()))
    expect(not close(f(x, W_enc, b_enc, b_dec + 1), out), "another b_dec gave the same answer. Where does b_dec come in?")
    expect(not close(f(x + 1, W_enc, b_enc, b_dec - 1), out),
           "x was raised by 1 and b_dec lowered by 1, and your answer stayed the same. Is b_dec added to x, or taken off?")
    expect(close(f(x[:2], W_enc, b_enc, b_dec), out[:2]),
           "the first two samples have other pre-activations by themselves than among six. Is something averaged over the batch?")
    expect(close(f(x + 1, W_enc, b_enc, b_dec + 1), out),
           "x and b_dec were both raised by 1, which leaves their difference as it was, yet your answer changed. What becomes of x - b_dec?")
    expect(close(f(x, 2 * W_enc, 0 * b_enc, b_dec), 2 * to_numpy(f(x, W_enc, 0 * b_enc, b_dec))),
           "W_enc twice as large should give pre-activations twice as large before b_enc is added. Is it scaled to length 1 on the way?")
    entry = sum((x[2, i] - b_dec[i]) * W_enc[i, 5] for i in range(4)) + b_enc[5]
    expect(not close(b_enc[5] - out[2, 5], entry - b_enc[5]),
           "before b_enc comes in, your answer has the opposite sign. What is taken off what?")
    expect(close(out[2, 5], entry), "sample 2 should have another pre-activation at latent 5. With which column of W_enc does latent 5 listen?",
           expected=float(entry), got=float(out[2, 5]))


@check
def relu_l1_loss(f, rng):
    x, x_hat = rng.normal(size=(5, 3)), rng.normal(size=(5, 3))
    latents = rng.uniform(1, 2, size=(5, 7)) * (rng.random((5, 7)) < 0.5)
    error = _error_part(f, x, x_hat, 0 * latents)
    price = _price_part(f, x, latents)
    both = expect_number(f(x, x_hat, latents, 0.5))
    expect(close(both, error + price), "the error and the price are right one at a time, but not together. How do you combine the two?",
           expected=error + price, got=both)


def _error_part(f, x, x_hat, silent):
    """The loss while no latent is active, when it is right."""
    error = expect_number(f(x, x_hat, silent, 0.5))
    expect(error != 0, "while no latent is active, a wrong reconstruction costs nothing in your loss. Is the price added to the error?")
    expect(close(f(x, x, silent, 0.5), 0.0), "a perfect reconstruction without active latents should cost nothing. What else do you add?",
           expected=0.0, got=f(x, x, silent, 0.5))
    expect(close(f(x, x_hat, silent, 1.5), error), "no latent is active, yet another l1_coeff changed your loss. Which term does it multiply?")
    expect(close(f(np.vstack([x, x]), np.vstack([x_hat, x_hat]), np.vstack([silent, silent]), 0.5), error),
           "every sample twice should leave the average error as it was, and yours changed. Is the error averaged over the samples?")
    wide = np.ones((5, 2))
    expect(close(f(np.hstack([x, wide]), np.hstack([x_hat, wide]), silent, 0.5), error),
           "two more dimensions, both reconstructed exactly, changed your error. Sum or mean over the dimensions?")
    expect(not close(f(x, 2 * x_hat - x, silent, 0.5), 2 * error),
           "a miss twice as far should cost four times as much, and yours cost twice as much. Is the error squared?")
    miss = expect_number(f(np.array([[3.0, 4.0]]), np.zeros((1, 2)), silent[:1], 0.5))
    expect(not close(miss, 12.5), "a sample missed by (3, 4) should cost 9 + 16 = 25, and yours cost half of it. Is that lesson 1's ½?")
    expect(close(miss, 25.0), "a sample missed by (3, 4) should cost 9 + 16. Which squares are added up?", expected=25.0, got=miss)
    return error


def _price_part(f, x, latents):
    """The loss of a perfect reconstruction, when it is right."""
    price = expect_number(f(x, x, latents, 0.5))
    expect(not close(price, 0.0), "with a perfect reconstruction your loss is 0, whatever the latents are. Where does the price come in?")
    expect(price > 0, "using more latents lowers your loss. With which sign does the price come in?", expected="a number above 0", got=price)
    expect(not close(f(x, x, latents, 1.5), price), "three times the l1_coeff gave the same price. Where does l1_coeff come in?")
    expect(not close(f(x, x, 3 * latents, 0.5), price), "latents three times as large cost the same. Do you price how many are active?")
    expect(not close(f(x, x, 3 * latents, 0.5), 9 * price),
           "latents three times as large cost nine times as much. Should the price square them?")
    lengths = np.sqrt([sum(row**2) for row in latents])
    expect(not any(close(price, 0.5 * length) for length in (lengths.mean(), lengths.sum(), np.sqrt(sum(lengths**2)))),
           "your price is the length of the latents, the root of their squares. Which norm is the L1 norm?")
    expect(close(f(np.vstack([x, x]), np.vstack([x, x]), np.vstack([latents, latents]), 0.5), price),
           "every sample twice should leave the average price as it was, and yours changed. Is the price averaged over the samples?")
    expect(close(f(x, x, np.hstack([latents, np.zeros((5, 4))]), 0.5), price),
           "four more latents that are never active changed your price. Sum or mean over the latents?")
    added = 0.5 * float(sum(map(sum, latents))) / 5
    expect(close(price, added), "the price should be each sample's latents added up, averaged, times l1_coeff. What else is in yours?",
           expected=added, got=price)
    return price


@check
def project_gradient(f, rng):
    W_dec, grad = rng.normal(size=(5, 3)), rng.normal(size=(5, 3)) * 3
    W_dec /= np.sqrt((W_dec**2).sum(axis=1, keepdims=True))
    before = np.array([g @ w for g, w in zip(grad, W_dec)])
    out = expect_array(f(grad, W_dec), (5, 3))
    moved = expect_array(f(grad + np.array([[0]] * 4 + [[1]]) * [1, 0, 0], W_dec), (5, 3))[0] - out[0]  # only grad[4, 0] differs
    expect(not (abs(moved[0]) > 1e-9 and close(moved[1:], [0, 0])),
           "one entry in the last row of grad changed, and the same column of your answer's first row with it. Along which axis do you sum?")
    expect(close(moved, np.zeros(3)),
           "the last row of grad changed, and with it the first row of your answer. Is there one dot product for each row?")
    expect(not close(out, W_dec - before[:, None] * grad), "this is W_dec without its part along grad. Did the two change places?")
    expect(not close(f(W_dec, W_dec), W_dec), "a gradient along its atom should be gone entirely, and yours came out whole. "
                                              "Do you return the part along the atom, or the rest?")
    left = np.array([o @ w for o, w in zip(out, W_dec)])
    expect(not close(left, 2 * before), "the part along the atom is twice what it was. Is it added where it should be taken off?")
    expect(not close(out, grad - before[:, None]),
           "you took one and the same number off all entries of a row. Into which direction does the shadow of the row point?")
    expect(close(f(-grad, W_dec), -out),
           "the opposite gradient should leave the opposite, and yours does not. Did the sign of a dot product get lost?")
    expect(close(left, np.zeros(5)), "what you return still points along its atom in part. How long is a row's shadow on its atom?",
           expected=np.zeros(5), got=left)
    expect(close(out + before[:, None] * W_dec, grad),
           "what you return is at right angles to its atom, yet is not what grad has there. Is it scaled or turned besides?")


@check
def topk(f, rng):
    pre = rng.uniform(1, 2, size=(4, 7)) * [[1], [2], [4], [8]]  # the rows do not overlap in size
    out = expect_array(f(pre, 3), (4, 7))
    rows, columns = (out != 0).sum(axis=1), (out != 0).sum(axis=0)
    expect(rows.min() < 7, "all entries are positive, k is 3, and you kept all 7 of each row. Where does k come in?")
    expect(not np.all(columns == 3), "you kept 3 of every column. Which axis is one token's latents?")
    expect(rows[0] > 0 or rows[3] == 0, "you kept entries of the row with the largest values, and none of the row with the smallest. "
                                        "Does each row have its own k?")
    expect(not np.all(rows == 4), "k is 3 and each row keeps 4. Which column of the sorted rows holds the k-th largest, counted from the end?")
    expect(not np.all(rows == 2), "k is 3 and each row keeps 2. Does the k-th largest pass your comparison itself?")
    expect(np.all(rows == 3),
           "each row should keep exactly k entries when all are positive. How many does yours keep?", expected=np.full(4, 3), got=rows)
    expect(np.all((to_numpy(f(pre, 1)) != 0).sum(axis=1) == 1), "for k = 1 each row should keep one entry. Is a number fixed that should be k?")
    expect(not np.all((out == 0) | (out == 1)), "you returned 1 where an entry is kept. Should it keep its value?")
    lowest = np.array([min(o[o != 0]) == min(p) for o, p in zip(out, pre)])
    expect(not lowest.all(), "each row kept its smallest entry. Do you sort upwards, and take from the wrong end?")
    ranked = [sorted(row, reverse=True)[:3] for row in pre]
    expect(close(-np.sort(-out, axis=1)[:, :3], ranked), "the values that are kept are not the 3 largest of each row. Which ones are they?",
           expected=np.array(ranked[0]), got=-np.sort(-out[0])[:3])
    expect(close(out[out != 0], pre[out != 0]), "the right values, but they left their places. Is the answer sorted?")
    _topk_of_negative_entries(f)


def _topk_of_negative_entries(f):
    few = np.array([[-9.0, 0.5, 2.0, -1.0, 1.5, -8.0, -0.2]])
    three = expect_array(f(few, 3), (1, 7))
    expect(close(three, [[0, 0.5, 2.0, 0, 1.5, 0, 0]]),
           "0.5, 2 and 1.5 are the 3 largest here, and yours are others. Is -9 large?",
           expected=np.array([0, 0.5, 2, 0, 1.5, 0, 0]), got=three[0])
    five = expect_array(f(few, 5), (1, 7))
    expect(five.min() >= 0, "with k = 5 only 3 entries are positive, and you kept negative ones. Is a step missing at the end?", got=five[0])
    expect(close(five, [[0, 0.5, 2.0, 0, 1.5, 0, 0]]),
           "with k = 5 and 3 positive entries, those 3 should be left. What became of the negative ones?",
           expected=np.array([0, 0.5, 2, 0, 1.5, 0, 0]), got=five[0])
    none = expect_array(f(-1 - np.abs(few), 2), (1, 7))
    expect(close(none, np.zeros((1, 7))), "where all entries are negative, nothing should be left. What did you keep?", got=none[0])


@check
def jumprelu(f, rng):
    threshold, bandwidth = np.array([1.0, 2.5, 0.5]), 0.4
    offset = np.array([[-3.0, -0.9, 0.05], [0.12, -0.12, -0.3], [0.3, -0.3, 0.12], [2.0, 4.0, -0.12], [-0.8, 0.3, 3.0]])
    offset = offset * rng.uniform(1, 1.2, size=offset.shape)      # windows end at 0.2: no entry changes sides
    parts = expect_parts(f(threshold + offset, threshold, bandwidth), 2)
    latents = expect_array(parts[0], (5, 3), what="the first of the two")
    slope = expect_array(parts[1], (5, 3), "number", what="the second of the two")
    expected_slope = np.array([[-t / bandwidth * (abs(o) < 0.2) for t, o in zip(threshold, row)] for row in offset])
    expect(not close(latents, expected_slope), "the derivative stands where the latents should. Which of the two comes first?")
    _jumprelu_values(latents, threshold + offset, offset, threshold)
    _jumprelu_slopes(slope, expected_slope, offset, threshold)


def _jumprelu_values(latents, z, offset, threshold):
    fires, wanted = latents != 0, offset > 0
    expect(not np.array_equal(fires, z > 0),
           "pre-activations below their threshold come through, if only they are positive. Where is the threshold compared?")
    expect(not np.array_equal(fires, ~wanted), "what is below its threshold comes through, and what is above does not. Which way does the comparison point?")
    expect(not (fires[0, 0] and z[0, 0] < -threshold[0]),
           "a pre-activation far below 0 comes through. Do you compare its size without the sign?")
    expect(not np.array_equal(fires, z > threshold[0]) and not np.array_equal(fires, z > threshold.mean()),
           "all latents seem to share one threshold. Does each column have its own?")
    expect(not close(latents, offset * wanted),
           "what comes through has lost its threshold in size. Is that lesson 1's soft threshold?")
    expect(not close(latents, 1.0 * wanted), "whatever fires comes out as 1. Should it keep its size?")
    expect(close(latents, np.array([[a if b else 0 for a, b in zip(*pair)] for pair in zip(z, wanted)])),
           "sample 1 should keep what is above its threshold, as it is, and nothing else. What does yours keep?",
           expected=z[1] * wanted[1], got=latents[1])


def _jumprelu_slopes(slope, wanted, offset, threshold):
    near = abs(offset) < 0.2
    expect(slope.any(), "no threshold gets a derivative, so none could learn. What does the docstring say happens near the threshold?")
    expect(not np.array_equal(slope != 0, abs(offset) < 0.4),
           "0.3 away from its threshold an entry still has a derivative, with a bandwidth of 0.4. How much of the window lies on each side?")
    expect(not np.array_equal(slope != 0, near & (offset > 0)),
           "just below its threshold an entry has no derivative in your answer. Does the window lie on one side only?")
    expect(not close(slope, -wanted), "a higher threshold lets less through, and your derivative is positive. Which sign does it need?")
    expect(not close(slope, wanted / threshold),
           "this is how fast the *count* falls. How large is a latent at its threshold, which is what goes missing?")
    expect(not close(slope, wanted * 0.4), "your derivative does not depend on how wide the window is. By what is the threshold divided?")
    expect(not close(slope, wanted * (1 + offset / threshold)),
           "entries in one window have different derivatives. Is it their own size that you take, in place of the threshold?")
    expect(np.array_equal(slope != 0, near), "the derivative should differ from 0 where |z - threshold| < bandwidth / 2 and nowhere else. Where does yours?",
           expected=near[1], got=slope[1] != 0)
    expect(close(slope, wanted), "inside its window an entry should have the derivative -threshold / bandwidth. What is yours?",
           expected=wanted[1], got=slope[1])


@check
def turnover(f, rng):
    W = rng.normal(size=(5, 3)) * [[1], [2], [3], [4], [5]]
    units = np.array([row / np.sqrt(row @ row) for row in W])
    same = expect_number(f(units, units))
    expect(not close(same, 1.0), "nothing has changed, and you returned 1. Is that what stayed, or what turned over?")
    expect(close(same, 0.0), "the two are the same unit rows, so nothing turned over. Which entries of the table of cosines do you take?",
           expected=0.0, got=same)
    expect(close(f(W, units), 0.0) and close(f(units, W), 0.0),
           "rows that only became longer count as turned over in your answer. Are they brought to length 1, each row by itself?")
    expect(close(f(units, units[[3, 0, 4, 1, 2]]), 0.0),
           "the rows only changed places, and nothing else. Do you compare row i with row i alone?")
    expect(close(f(np.eye(3), np.eye(3)[[0, 0, 0, 0, 1]]), 0.0),
           "each new row has its like among the old ones, so the turnover is 0. Over the rows of which matrix do you average?")
    expect(not close(f(np.eye(3), -np.eye(3)), 0.0),
           "all rows were turned to point the opposite way, and you say nothing changed. Does the sign of a cosine count?")
    _turnover_of_known_changes(f, W)


def _turnover_of_known_changes(f, W):
    one_new = expect_number(f(np.eye(5)[:4], np.eye(5)[[0, 1, 2, 4]]))
    expect(not close(one_new, 1.0), "of four rows one is new, and you returned 1. Do you take the worst row alone?")
    expect(not close(one_new, 0.0), "of four rows one is new, and you returned 0. Which summary of the rows lets one of them vanish?")
    expect(not close(one_new, 1.0 - 3), "of four rows three stayed, and you returned 1 - 3. Is the sum divided by how many there are?")
    expect(close(one_new, 0.25), "of four rows three stayed and one is at right angles to all old ones: 1/4 turned over. What do you average?",
           expected=0.25, got=one_new)
    turned = np.array([[0.8, 0.6, 0.0], [0.0, 0.8, 0.6]])      # cosines 0.8 to one old row, 0.6 to another
    slanted = expect_number(f(np.eye(3), turned))
    expect(not close(slanted, 1 - 0.64), "the largest cosine is 0.8 for each row, and you returned 1 - 0.8². Why squared?")
    expect(close(slanted, 0.2), "each new row has the largest cosine 0.8 to an old one. What did you make of it?", expected=0.2, got=slanted)


@check
def explained_variance(f, rng):
    x = rng.normal(size=(8, 3)) * [4, 1, 0.5] + [6, -2, 3]
    centre = np.array([[sum(column) / 8 for column in x.T]] * 8)
    x_hat = x + rng.normal(size=(8, 3)) * 0.3
    score = expect_number(f(x, x_hat))
    perfect = expect_number(f(x, x))
    expect(not close(perfect, 0.0),
           "a perfect reconstruction should score 1, and yours scored 0. Is that the share explained, or the share that is not?")
    expect(close(perfect, 1.0),
           "a perfect reconstruction should score 1. Which of the two sums stands below the line?", expected=1.0, got=perfect)
    expect(close(f(x + 10, x_hat + 10), score),
           "10 added to all of x and x_hat changed your score, though the error is the same. Is the mean taken off below the line?")
    expect(close(f(x + [0, 10, 30], x_hat + [0, 10, 30]), score),
           "another number added to each column of x and x_hat changed your score. Is there one mean for each column?")
    expect(not close(f(x, x_hat + 1), score),
           "every reconstruction was moved by 1, and your score did not notice. Do you take the mean off the error too?")
    _scores_of_known_guesses(f, x, centre)


def _scores_of_known_guesses(f, x, centre):
    mirror = expect_number(f(x, 2 * centre - x))
    expect(not close(mirror, 0.0),
           "a guess mirrored in the mean is worse than the mean and should score below 0, and you gave it 0. Is something cut off?")
    expect(not close(mirror, 1.0), "a guess mirrored in the mean should score below 0, and yours scored 1. Is x_hat compared with x entry by entry?")
    half = expect_number(f(x, (x + centre) / 2))
    expect(not close(half, 0.5),
           "half way from the mean to the sample a quarter of the square is left, so the score is 0.75, not 0.5. Are the errors squared?")
    ratio = expect_number(f(x, np.hstack([x[:, :1], centre[:, 1:]])))
    expect(not close(ratio, 1 / 3), "the widest column was reconstructed exactly, the other two guessed by their mean, and you returned 1/3. "
                                    "Do all columns count alike, however wide they are?")
    ratio = expect_number(f(x, np.vstack([x[:2], centre[2:]])))
    expect(not close(ratio, 1 / 4),
           "2 samples of 8 were reconstructed exactly, the others are at the mean, and you returned 1/4. Is there one division for each sample?")
    mean = expect_number(f(x, centre))
    expect(close(mean, 0.0), "predicting the mean should score 0. Are both sums taken over the same entries?", expected=0.0, got=mean)
    expect(close(half, 0.75),
           "half way from the mean to the sample a quarter of the square is left. What is your share of it?", expected=0.75, got=half)
    squares = [sum((row - centre[0])**2) for row in x]
    gone = sum(squares[:2]) / sum(squares)
    expect(close(ratio, gone),
           "2 samples of 8 were reconstructed exactly, and your score is not their share of the whole. Is there one division, at the end?",
           expected=float(gone), got=ratio)


@check
def tokens_since_fired(f, rng):
    silent = np.array([70, 0, 900, 30, 400])
    latents = np.zeros((6, 5))  # latent 0 fires first, 1 last, 2 not at all, 3 throughout, 4 not at all
    latents[0, 0], latents[5, 1], latents[:, 3] = 2.0, 1.5, rng.uniform(1, 2, size=6)
    out = expect_array(f(silent, latents), (5,), "number")
    expect(out[[2, 4]].any() or not out[3],
           "in your answer latents that fired count on, and silent ones are at 0. Did the two cases change places?")
    expect(out[[2, 4]].any() or not to_numpy(f(silent, 0 * latents)).any(),
           "when any latent fires, you set the counts of all to 0. Over which axis does `any` look?")
    expect(not close(out[[2, 4]], [0, 0]), "a latent that was exactly zero throughout has the count 0 in your answer. What does it take to fire?")
    grown = out[[2, 4]] - silent[[2, 4]]
    expect(not close(grown, [1, 1]), "6 tokens went by in silence, and your count grew by 1. Is it tokens that you count, or batches?")
    expect(not close(grown, [5, 5]),
           "6 tokens went by in silence, and your count grew by 5, the number of latents. Which axis holds the tokens?")
    expect(not close(grown, [0, 0]), "6 tokens went by in silence, and the counts stayed as they were. Where does the batch come in?")
    expect(not close(out[[2, 4]], [6, 6]),
           "latents that were silent before and are silent still have the count 6. What about the tokens before this batch?")
    expect(close(grown, [6, 6]), "6 tokens went by in silence, so the count of a silent latent should grow by 6. By how much does yours?",
           expected=6, got=float(grown[0]))
    _counts_of_fired_latents(out, silent)
    weak = expect_array(f(silent[:2], np.array([[0.0, 1e-6], [0.0, 0.0], [0.0, 0.0]])), (2,), "number")
    expect(close(weak[1], 0), "a latent of 0.000001 is weak, but not zero, and in your answer it did not fire. Is there a threshold?")
    expect(close(weak[0], 73), "3 tokens more after 70 make 73. How long is a batch?", expected=73, got=float(weak[0]))


def _counts_of_fired_latents(out, silent):
    expect(not close(out[3], silent[3]), "in your answer a latent that fired keeps its old count. Where does it start again?")
    expect(not close(out[3], 6), "a latent that fired on every token has the count 6. Is the batch added after the zero was set?")
    expect(not close(out[0], 5),
           "a latent fired on the first of 6 tokens, and you went on counting within the batch. Does the place in the batch matter?")
    expect(out[0] == 0 or out[1] == 0 or out[3] != 0, "only a latent that fired on every token of the batch was set to 0. Is once enough?")
    expect(out[0] == 0 or out[1] != 0,
           "a latent that fired on the first token was not set to 0, one that fired on the last was. Do you look at the last token only?")
    expect(close(out[[0, 1, 3]], [0, 0, 0]),
           "a latent that fired somewhere in the batch should have the count 0. Do you look at all its tokens?",
           expected=np.zeros(3, dtype=int), got=out[[0, 1, 3]])
