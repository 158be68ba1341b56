"""Checks and predictions of lesson 8, test the features."""

import numpy as np

from saekit.course.answers import Prediction
from saekit.course.checking import check, close, expect, expect_array, expect_number

PREDICTIONS = [
    Prediction("probe-all", right="9436ed0de1263be4", options=("a", "b", "c"), wrong={
        "a": "With one unit the basis decides. But can a linear reader of all units not turn the basis as it likes? Run the next cell.",
        "c": "They span the same space as the neurons. What could a linear reader find in one and not in the other? Run the next cell.",
    }, reply="In principle such a reader does not care about the basis; a real one, with few rows and a penalty, still does a little. Run the next cell for the numbers."),
]


@check
def change_latent(f, rng):
    x, old, atom = rng.normal(size=(6, 4)), rng.uniform(1, 2, 6), rng.normal(size=4)
    out = expect_array(f(x, old, 0.0, atom), (6, 4))
    expect(not close(out, x + old[:, None] * atom), "setting the latent to 0 should take its share away; yours adds it once more. Is it new − old or old − new?")
    expect(not close(out, x), "new = 0 and your rows are x as it was. Where does old come in?")
    right = np.array([[x[i, j] - old[i] * atom[j] for j in range(4)] for i in range(6)])
    expect(not close(out, -right + x), "this is what the latent held, without the rest of x. Is x left out?")
    expect(not close(out, right - x), "this is only the change. What must it be added to?")
    expect(not close(out, x - old.mean() * atom), "every row moved by the same distance. Does each row have its own old value?")
    unit = atom / np.linalg.norm(atom)
    expect(not close(out, x - old[:, None] * unit), "you scaled the atom to length 1. Whose business is the atom's length here?")
    expect(not close(out, x - (x @ unit)[:, None] * unit), "you removed all of x along the atom: a projection. How much of it does the latent hold?")
    expect(close(out, right), "with new = 0, row 2 should have lost old · atom, no more and no less. What else did you change?",
           expected=right[2], got=out[2])
    new = rng.normal(size=6)
    right = np.array([[x[i, j] + (new[i] - old[i]) * atom[j] for j in range(4)] for i in range(6)])
    out = expect_array(f(x, old, new, atom), (6, 4))
    expect(not close(out, x - old[:, None] * atom), "new was one number per row, and your answer ablates. Is 0 fixed that should be new?")
    expect(not close(out, x + new[:, None] * atom), "the latent's new share is there, and its old share too. Is old taken off?")
    expect(close(out, right), "with one new value per row the result is not x + (new − old) · atom. In which order do rows and atom go?", expected=right[1], got=out[1])


@check
def loss_change(f, rng):
    clean, changed, targets = rng.normal(size=(5, 7)), rng.normal(size=(5, 7)), np.array([0, 6, 2, 2, 5])
    right = _loss(changed, targets) - _loss(clean, targets)
    out = expect_array(f(clean, changed, targets), (5,))
    expect(not close(out, -right), "the signs are turned round: you call a better prediction worse. Which loss is taken off which?")
    expect(not close(out, _loss(changed, targets)), "that is the loss with the change. And without?")
    plain = clean[np.arange(5), targets] - changed[np.arange(5), targets]
    expect(not close(out, plain), "you subtract logits, and a logit is no log-probability yet. What does softmax divide by?")
    expect(not close(out, np.exp(-_loss(clean, targets)) - np.exp(-_loss(changed, targets))), "these are differences of probabilities. Of what is the loss the logarithm?")
    expect(not close(out, right / np.log(2)), "these are bits. Which logarithm gives nats?")
    expect(not close(out, right.mean() * np.ones(5)) , "all predictions have the same change. Did a mean slip in?")
    first = _loss(changed, np.zeros(5, int)) - _loss(clean, np.zeros(5, int))
    expect(not close(out, first), "you score token 0 in every row. Which token really came next?")
    over = np.log(np.exp(clean).sum(axis=0))[targets] - np.log(np.exp(changed).sum(axis=0))[targets]
    expect(not close(out, -over - plain * -1) and not close(out, plain - over), "your sums run over the predictions instead of over the tokens. Along which axis do probabilities add up to 1?")
    expect(close(out, right, 1e-6), "the change of the loss of prediction 1 is another. Is it −log p after, minus −log p before?", expected=float(right[1]), got=float(out[1]))
    large = f(clean + 800, changed + 900, targets)
    expect(np.all(np.isfinite(large)) and close(large, right, 1e-6), "800 was added to all logits, which changes no probability, and your answer did. Does exp overflow?")


def _loss(logits, targets):
    return np.array([np.log(sum(np.exp(row))) - row[target] for row, target in zip(logits, targets)])


@check
def control_directions(f, rng):
    atom, noise = rng.normal(size=5) * 3, rng.normal(size=(4, 5)) * np.array([[1], [2], [0.1], [7]])
    out = expect_array(f(atom, noise), (4, 5))
    lengths, wanted = np.array([sum(row**2) ** 0.5 for row in out]), sum(atom**2) ** 0.5
    expect(not close(out, noise), "the rows of noise came back as they were. To which length should they be scaled?")
    expect(not close(lengths, np.ones(4)), "your rows have length 1. What is the length of the atom?")
    expect(not close(lengths, wanted**2 * np.ones(4)), "your rows have the squared length of the atom. Is a root missing?")
    expect(not close(out, np.tile(atom, (4, 1))), "every row is the atom itself. Whose direction should it keep?")
    expect(not close(lengths / lengths[0], np.array([sum(row**2) for row in noise]) ** 0.5 / sum(noise[0] ** 2) ** 0.5),
           "your rows still differ in length as the noise does. By what is each row to be divided, and is it one length for all of them?")
    cosines = [out[i] @ noise[i] / lengths[i] / np.linalg.norm(noise[i]) for i in range(4)]
    expect(close(cosines, np.ones(4), 1e-6), "a row of your answer points elsewhere than its row of noise. Are lengths taken along the rows?", expected=np.ones(4), got=np.array(cosines))
    expect(close(lengths, wanted * np.ones(4), 1e-6), "every row should be as long as the atom. How is the length of a vector made of its entries?",
           expected=wanted * np.ones(4), got=lengths)


@check
def best_cut(f, rng):
    truth = np.array([True] * 3 + [False] * 5)
    score = np.array([9.0, 8.0, 7.0, 4.0, 3.0, 2.0, 1.0, 0.5])
    cut = expect_number(f(score, truth))
    expect(not close(cut, 1.0), "you returned 1, the best F1 itself. At which cut is it reached?")
    expect(not (cut == 7.0), "cut at 7, the token with score 7 is left out: only what is *above* the cut is said to have it. Where must the cut lie?")
    expect(4 <= cut < 7, "scores above 5 have the concept, scores below do not: any cut from 4 to just below 7 is perfect. How is yours found?", expected="4 to 7", got=cut)
    order = rng.permutation(8)
    again = expect_number(f(score[order], truth[order]))
    expect(4 <= again < 7, "the same tokens in another order gave another cut. Does truth go with its own score?", expected="4 to 7", got=again)
    shifted = expect_number(f(score - 20, truth))
    expect(-16 <= shifted < -13, "20 was taken from every score, so that all are negative, and the cut did not go along. Do you begin at 0?", expected="-16 to -13", got=shifted)
    _imperfect(f, rng)


def _imperfect(f, rng):
    truth = np.array([True, False, False, False, True, True] + [False] * 14)
    score = np.arange(20, 0, -1.0)
    reached = _f1(score > expect_number(f(score, truth)), truth)
    expect(not close(reached, 0.5), "the concept is rare and yours leaves most of it out. By accuracy, or by F1?", got=reached)
    best = max(_f1(score > cut - 0.5, truth) for cut in range(1, 22))
    expect(close(reached, best), f"where no cut is perfect, F1 of {best:.2f} can be reached and yours reaches less. By what do you choose?", expected=best, got=reached)
    score = np.round(rng.normal(size=60), 0)  # many equal scores
    truth = score + rng.normal(size=60) > 0.7
    reached = _f1(score > expect_number(f(score, truth)), truth)
    best = max(_f1(score > value, truth) for value in np.r_[score.min() - 1, score])
    expect(close(reached, best), "many scores are equal, and your cut is not the best. Can a cut pass between two equal scores?", expected=best, got=reached)
    every = expect_number(f(np.array([3.0, 2.0, 1.0]), np.array([True, False, True])))
    expect(every < 1, "scores 3, 2, 1, of which the first and last have the concept: it is best to say yes to all. Is there a cut below all scores among yours?", expected="below 1", got=every)


def _f1(says, truth):
    return float(2 * sum(says & truth) / max(1, sum(says) + sum(truth)))


@check
def most_different(f, rng):
    has = np.arange(40) % 5 == 0
    wave = np.tile([1.0, -1.0], 20)
    gaps, scales = np.array([0.1, -2.0, 0.8, 0.0, 1.2]), np.array([50, 1, 3, 100, 0.1])
    x = (has[:, None] * gaps + wave[:, None] * 0.7) * scales + 3 * scales
    x = np.column_stack([x, np.full(40, 5.0)])  # unit 5 never varies
    out = expect_array(f(x, has, 3), (3,), "number")
    expect(not np.any(np.abs(out - np.round(out)) > 1e-9), "these are the differences themselves. Which function gives their places?")
    expect(not close(out, [4, 2, 0]), "unit 1 is clearly *lower* on tokens with the concept, and you leave it out. Does the sign count?")
    by_raw = np.argsort(-np.abs(gaps * scales))[:3]
    expect(not close(out, by_raw), "units with large values win in your answer. By what must a difference of means be divided?")
    loudest = np.argsort(-x[has].mean(axis=0))[:3]
    expect(not close(out, loudest), "these are the units with the largest mean on the concept. Largest compared with what?")
    expect(not set(out.tolist()) <= {0, 3, 5}, "these are the units that differ least. From which end do you take them?")
    expect(not close(out, [2, 4, 1]), "the right units, but the most different should come first. Which way does np.argsort sort?")
    expect(5 not in out, "unit 5 has the same value on every token, and you choose it. What is 0 / 0?")
    expect(close(out, [1, 4, 2]), "the most different units are 1, 4 and 2. Along which axis do you take means and deviations?", expected=np.array([1, 4, 2]), got=out)
    two = expect_array(f(x, has, 2), (2,), "int")
    expect(close(two, [1, 4]), "with k = 2 there should be two units, 1 and 4. Where does k come in?", got=two)


@check
def balanced_accuracy(f, rng):
    truth = np.arange(20) < 4
    answers = truth.copy()
    answers[[0, 10, 11]] = [False, True, True]  # 3 of 4 true ones, 14 of 16 untrue ones
    out = expect_number(f(answers, truth))
    slips = {17 / 20: "that is plain accuracy: who always says no has 0.80 here. Where do both kinds count the same?",
             3 / 4: "that is the share of true cases found. And the untrue ones?",
             14 / 16: "that is the share of untrue cases left alone. And the true ones?",
             (3 / 4 + 2 / 16) / 2: "of the untrue cases you count those answered *yes*. What is a right answer there?",
             3 / 5: "that is precision: of the answers yes, how many are right. Of which cases is the share asked for?",
             (3 / 5 + 14 / 15) / 2: "you take shares of the *answers* yes and no. Shares of which cases are asked for?",
             3 / 4 + 14 / 16: "that is the sum of the two shares, up to 2. Is a mean missing?",
             (3 / 4 * 14 / 16): "that is the product of the two shares. Which mean is asked for?",
             2 * 3 / 9: "that is F1. Which two shares are asked for?"}
    for value, question in slips.items():
        expect(not close(out, value, 1e-9), question)
    right = (3 / 4 + 14 / 16) / 2
    expect(close(out, right), "3 of 4 true and 14 of 16 untrue cases are answered rightly. What is the mean of the two shares?", expected=right, got=out)
    expect(close(f(np.ones(20, bool), truth), 0.5), "who always says yes should have 0.5. What does yours give?", got=expect_number(f(np.ones(20, bool), truth)))
    expect(close(f(~answers, ~truth), right), "yes and no exchanged everywhere gave another answer. Does one kind weigh more?")


@check
def cohen_kappa(f, rng):
    a, b = np.repeat([1, 1, 0, 0], [20, 5, 10, 15]), np.repeat([1, 0, 1, 0], [20, 5, 10, 15])
    out = expect_number(f(a, b))
    slips = {0.7: "that is the agreement itself. How much of it would chance give?",
             0.2: "that is agreement minus expected. By what is it divided, so that perfect agreement is 1?",
             (0.7 - 0.5) / 0.7: "you divide by the agreement. How much agreement beyond chance is possible at most?",
             (0.7 - 0.505) / (1 - 0.505): "you pool the two raters' habits (Scott's pi). Whose frequencies does each factor come from?",
             0.5: "that is the expected agreement. What does κ compare it with?",
             (0.5 - 0.7) / 0.5: "the sign is turned round: raters who agree should be above 0. What is taken off what?"}
    for value, question in slips.items():
        expect(not close(out, value, 1e-9), question)
    expect(close(out, 0.4), "agreement 0.7, expected 0.5 · 0.6 + 0.5 · 0.4 = 0.5, so κ = 0.4. Which of the three is another in yours?", expected=0.4, got=out)
    three = np.array([0, 0, 1, 1, 2, 2, 2, 2]), np.array([0, 1, 1, 1, 2, 2, 0, 2])
    right = (6 / 8 - (2 * 2 + 2 * 3 + 4 * 3) / 64) / (1 - (2 * 2 + 2 * 3 + 4 * 3) / 64)
    got = expect_number(f(*three))
    expect(not close(got, (6 / 8 - 1 / 3) / (2 / 3)) and not close(got, 0.5), "with three answers, yours takes chance as the same for all answers. How often does each rater give each answer?")
    expect(close(got, right), "with the answers 0, 1 and 2 your κ is another. Are all answers in your sum, and only answers?", expected=right, got=got)
    renamed = [np.array([7, 3, 40])[part] for part in three]
    expect(close(f(*renamed), right), "the answers 0, 1, 2 were renamed 7, 3, 40 and κ changed. Do you count from 0, or the values that occur?", got=expect_number(f(*renamed)))
