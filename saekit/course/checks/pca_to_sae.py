"""Checks and predictions of lesson 4, from PCA to the SAE."""

import numpy as np

from saekit.course.answers import Prediction
from saekit.course.checking import check, close, expect, expect_array, expect_number, expect_parts

PREDICTIONS = [
    Prediction("decayed-gain", right="6f7b5a915c470654", digits=2,
               reply="The derivative −2v(1 − s) + 2 · decay is zero at s = 1 − decay / v. The next cell finds the same by descent.",
               wrong={1.0: "That is the gain without decay. What does the price 2 · decay · s do to it?",
                      0.8: "That is v / (v + decay), the gain of ridge regression, whose price grows like s². Here it grows like s: what is the derivative?",
                      0.88: "The price is 2 · decay · s. Is its 2 lost in the derivative?",
                      0.5: "Is a factor 2 lost on one side? The derivative is −2v(1 − s) + 2 · decay.",
                      0.25: "That is what is taken off. What is left?"}),
    Prediction("ten-layers", right="9419e1e22406ef3e", options=("a", "b", "c"), wrong={
        "a": "The nine further layers can look at the residual, which the first cannot. Is that worth so little? Run the next cells.",
        "b": "Three layers do better than that already. Run the next cells.",
    }, reply="And three layers come close to that."),
    Prediction("k-too-low", right="1523548cd85b3c28", options=("a", "b", "c"), wrong={
        "a": "That would be the honest way out, and some latents do. But one that says both partners at once explains more per active latent. Run the next cell.",
        "c": "More latents will not help: k limits how many may speak, not how many there are. Run the next cell.",
    }, reply="One latent for two features explains more per active latent, so the loss asks for it."),
]


def _turn(rng, d):
    """A random rotation of d dimensions."""
    return np.linalg.qr(rng.normal(size=(d, d)))[0]


@check
def largest_angle(f, rng):
    turn = _turn(rng, 5)
    tilts = np.zeros((2, 5))
    tilts[0, [0, 2]], tilts[1, [1, 3]] = [np.cos(0.5), np.sin(0.5)], [np.cos(0.3), np.sin(0.3)]  # principal angles 0.5 and 0.3
    flat, tilted = np.eye(5)[:2] @ turn, tilts @ turn
    angle = expect_number(f(flat, tilted))
    expect(not close(angle, 0.0, 1e-4), "two planes with principal angles 0.5 and 0.3 gave 0. Atoms and directions are rows: are these the spaces of the rows?")
    expect(not close(angle, 0.3, 1e-4), "two planes with principal angles 0.5 and 0.3 gave 0.3. Does the largest cosine belong to the largest angle?")
    expect(not close(angle, np.cos(0.5), 1e-4), "two planes whose largest angle is 0.5 gave the cosine of 0.5. Is a step missing at the end?")
    expect(not close(angle, 0.5 * 180 / np.pi, 1e-4), "two planes whose largest angle is 0.5 gave 28.6. In which unit do you answer?")
    expect(not close(angle, 0.4, 1e-4), "the two principal angles are 0.5 and 0.3, and you returned their mean. Which one is asked for?")
    expect(close(angle, 0.5, 1e-4), "two planes with principal angles 0.5 and 0.3 have 0.5 as their largest. Between which vectors is yours?",
           expected=0.5, got=angle)
    long = expect_number(f(4 * flat, tilted))
    expect(close(long, 0.5, 1e-4), "rows four times as long span the same plane, and your angle changed. Does it depend on how long the rows are?",
           expected=0.5, got=long)
    A, B = rng.normal(size=(3, 6)), rng.normal(size=(3, 6))
    mixed = expect_number(f(A, rng.normal(size=(3, 3)) @ A))
    expect(mixed < 1e-4, "three rows and three mixtures of them span the same space, and your angle between the two is not 0. "
                         "Are the rows of each made orthonormal before they are compared?", expected=0.0, got=mixed)
    expect(close(f(A, B), f(B, A), 1e-4), "exchanging A and B changed the angle. Which of the two do you treat differently?")
    expect(close(f(A[:1], -A[:1]), 0.0, 1e-4), "a row and its opposite span the same line, and your angle is not 0. What became of a sign?")


@check
def one_step_encoder(f, rng):
    D, lam = rng.normal(size=(5, 3)), 0.4
    W_enc, b_enc = expect_parts(f(D, lam), 2)
    W_enc, b_enc = expect_array(W_enc, (3, 5), what="W_enc"), expect_array(b_enc, (5,), what="b_enc")
    expect((b_enc < 0).all(), "b_enc should hold every latent back, so all its entries are below 0. What does shrinking do to a pre-activation?",
           got=b_enc)
    ratio = W_enc / D.T
    expect(close(ratio, np.full((3, 5), ratio[0, 0])), "W_enc is not the transpose of D times one number. Is L one number for all atoms?")
    L = np.linalg.eigvalsh(D @ D.T).max()
    expect(not close(ratio[0, 0], 1.0), "W_enc is D turned round, without the step's length. By what is the gradient divided?")
    expect(not close(ratio[0, 0], 1 / np.sqrt(L)), "W_enc is divided by the largest singular value. L is an eigenvalue of DᵀD: which power is missing?")
    expect(not close(ratio[0, 0], 1 / (D * D).sum()), "W_enc is divided by the sum of all squared entries of D. Which norm of a matrix is its largest singular value?")
    expect(not close(ratio[0, 0], L), "W_enc grows with L, where it should shrink. Is the step multiplied where it should be divided?")
    expect(close(ratio[0, 0], 1 / L), "W_enc should be the transpose of D over L. Which number is yours divided by?", expected=1 / L, got=1 / ratio[0, 0])
    expect(not close(b_enc, np.full(5, -lam)), "b_enc is −lam. The step is 1/L long: by how much does the soft threshold shrink after it?")
    expect(close(b_enc, np.full(5, -lam / L)), "b_enc should be the amount that the soft threshold takes off after a step of length 1/L. What is yours?",
           expected=np.full(5, -lam / L), got=b_enc)


@check
def unrolled_ista(f, rng):
    D = rng.normal(size=(6, 4))
    D /= np.sqrt((D * D).sum(axis=1, keepdims=True))
    x, lam = 2 * rng.normal(size=(7, 4)), 0.3
    L = np.linalg.eigvalsh(D @ D.T).max()
    one = expect_array(f(x, D, lam, 1), (7, 6))
    expect(one.min() >= 0 or not (one == 0).any(), "some codes are 0 and some are negative. Is that the soft threshold for codes of either sign?")
    expect(one.min() >= 0, "some codes of a single layer are negative. What comes after the bias in every layer?", got=float(one.min()))
    relu = np.array([[max(0.0, (float(row @ atom) - lam) / L) for atom in D] for row in x])
    expect(not close(one, 0 * one), "with one layer all codes are 0. How often does the loop run, or where does it start?")
    expect(not close(one, np.maximum(x @ D.T / L, 0)), "with one layer your codes are not shrunk. Where is the bias?")
    expect(not close(one, _step(relu, x, D, lam, L)), "with one layer you have taken two steps of ISTA. Does the first layer count?")
    expect(not close(one, np.maximum((x @ D.T) / L - lam, 0)), "after a step of length 1/L you take off lam and not lam / L. Which exercise has the bias?")
    expect(close(one, relu), "with one layer the code should be one step of non-negative ISTA from 0. What else happens in yours?",
           expected=relu[0], got=one[0])
    two, right = expect_array(f(x, D, lam, 2), (7, 6)), _step(relu, x, D, lam, L)
    expect(not close(two, one), "two layers give what one gives. What does the second one see that the first did not?")
    expect(not close(two, np.maximum(relu @ (np.eye(6) - D @ D.T / L) - lam / L, 0)),
           "your second layer no longer sees x. What feeds every layer beside the code so far?")
    expect(not close(two, np.maximum(x @ D.T / L + relu @ (np.eye(6) + D @ D.T / L) - lam / L, 0)),
           "your second layer adds what the code explains already. What is taken off x before the next step?")
    expect(not close(two, np.maximum((x - relu @ D) @ D.T / L - lam / L, 0)),
           "your second layer starts from 0 again and codes the residual alone. To what is the step added?")
    expect(not close(two, np.maximum(x @ D.T / L + relu @ (np.eye(6) - D @ D.T / L), 0)), "your second layer is not shrunk. Does every layer have the bias?")
    expect(close(two, right), "with two layers the code should be two steps of non-negative ISTA. What does your second step start from?",
           expected=right[0], got=two[0])
    many = expect_array(f(x, D, lam, 3000), (7, 6))
    expect(close(many, _step(many, x, D, lam, L), 1e-6), "3,000 layers should have arrived: another step of ISTA should change nothing, and it does. "
                                                         "Is the number of layers n_layers?")


def _step(z, x, D, lam, L):
    """One step of non-negative ISTA from z, sample by sample."""
    return np.array([np.maximum(code + D @ (sample - code @ D) / L - lam / L, 0) for code, sample in zip(z, x)])


@check
def amortisation_gap(f, rng):
    D, lam = rng.normal(size=(6, 4)), 0.5
    x, z, z_exact = rng.normal(size=(5, 4)), rng.uniform(0.1, 1, size=(5, 6)), rng.uniform(0.1, 1, size=(5, 6))
    same = expect_number(f(x, D, z, z, lam))
    expect(close(same, 0.0), "the exact codes themselves should have a gap of 0, and yours is not. Which two codes do you compare?",
           expected=0.0, got=same)
    nothing = np.zeros((1, 6))
    miss = expect_number(f(np.array([[3.0, 4.0, 0, 0]]), np.eye(6, 4), nothing, np.array([[3.0, 4.0, 0, 0, 0, 0]]), 1e-9))
    expect(not close(miss, -12.5, 1e-6), "zeros in place of the exact code gave a gap below 0. Which objective is taken off which?")
    expect(not close(miss, 25.0, 1e-6), "missing (3, 4) entirely cost 25. Which factor stands before the squared error in lesson 1's objective?")
    expect(not close(miss, 0.0, 1e-6), "missing (3, 4) entirely cost nothing while lam is 0. Where does the error come in?")
    expect(not close(miss, 5.0, 1e-6), "missing (3, 4) entirely cost 5, the length of the error. Is it squared?")
    expect(not close(miss, 2.5, 1e-6), "missing (3, 4) entirely cost 2.5. Is the error squared?")
    expect(close(miss, 12.5, 1e-6), "missing (3, 4) entirely costs ½ · 25 more than the exact code. What does it cost in yours?", expected=12.5, got=miss)
    twice = expect_number(f(np.vstack([x, x]), D, np.vstack([z, z]), np.vstack([z_exact, z_exact]), lam))
    once = expect_number(f(x, D, z, z_exact, lam))
    expect(close(twice, once), "every sample twice should leave the gap as it was, and yours changed. Is it averaged over the samples?", expected=once, got=twice)
    swapped = expect_number(f(x, D, z_exact, z, lam))
    expect(close(swapped, -once), "with the two codes exchanged the gap should change its sign, and yours does not. Are differences made positive?",
           expected=-once, got=swapped)
    dear = expect_number(f(z @ D, D, z, z_exact, 0.0)) - expect_number(f(z @ D, D, z, z_exact, lam))
    price = lam * float((z_exact - z).sum()) / 5
    expect(not close(dear, 0.0), "another lam gave the same gap. Is the price of the codes part of the objective?")
    expect(close(dear, price), "the price of a code should be lam times its sum, averaged over the samples. What is it in yours?", expected=price, got=dear)
    first = [float(f(x[i:i + 1], D, z[i:i + 1], z_exact[i:i + 1], lam)) for i in range(5)]
    expect(close(once, sum(first) / 5), "the gap of five samples is not the mean of their five gaps. How are they put together?",
           expected=sum(first) / 5, got=once)


@check
def refit(f, rng):
    W = rng.normal(size=(7, 5))
    W /= np.sqrt((W * W).sum(axis=1, keepdims=True))
    on = np.array([[1, 1, 0, 0, 0, 0, 0], [0, 1, 1, 1, 0, 0, 0], [0, 0, 0, 0, 1, 0, 0], [1, 0, 1, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 1, 0]])
    true = rng.uniform(0.5, 2, size=(6, 7)) * on
    shrunk = 0.6 * true - 0.1 * on
    out = expect_array(f(true @ W, shrunk, W), (6, 7))
    expect(not close(out, shrunk), "your answer is the latents as they came. Where does the target come in?")
    expect(not out[4].any(), "a row without active latents should stay zero, and yours does not. What is there to fit?", got=out[4])
    expect(not out[:, 6].any(), "the last latent is silent on all samples, and you gave it values. Which latents may be non-zero at all?")
    expect(not out[on == 0].any(), "latents that a sample did not use have become active. Which rows of W_dec may a sample use?")
    expect(not close(out, true @ W @ W.T * on), "each value is what its latent measures alone, as if the others explained nothing. Are the active latents fitted together?")
    everyone = np.array([np.linalg.pinv(W.T) @ row for row in true @ W]) * on
    expect(not close(out, everyone), "silent latents took part in the fit, and what they explained was thrown away. When do you choose the active ones?")
    expect(not close(out, true - shrunk), "you return what each latent lacks, not what it should be. Which target is fitted?")
    factor = out[0, :2] / shrunk[0, :2]
    expect(close(out, true, 1e-6) or not close(factor[0], factor[1]),
           "all latents of a sample are multiplied by one and the same factor. Has each active latent a value of its own?")
    expect(close(out, true, 1e-6), "the target was made of these latents, at other sizes, and you do not get those sizes back. What is fitted to what?",
           expected=true[0], got=out[0])
    target, fits = true @ W, [np.zeros(1)]
    while min(fit.min(initial=0) for fit in fits) >= 0:  # until some best value is negative
        target = true @ W + rng.normal(size=(6, 5))
        fits = [np.linalg.lstsq(W[row > 0].T, one, rcond=None)[0] for row, one in zip(on, target)]
    out = expect_array(f(target, shrunk, W), (6, 7))
    left = (target - out @ W) @ W.T * on
    expect(close(left, np.zeros((6, 7)), 1e-6), "with noise, your residual still leans towards an active latent: another value would be better. "
                                                "Is the fit cut off at zero afterwards?")
    expect(close(f(target[:2], shrunk[:2], W), out[:2], 1e-6), "two samples by themselves get other values than among six. Is each sample fitted on its own?")


@check
def planting_odds(f, rng):
    x = np.zeros((4, 3))
    x_hat = np.array([[1.0, 0, 0], [0, 2, 0], [0, 0, 0], [0, 0, -3]])  # squared errors 1, 4, 0, 9
    odds = expect_array(f(x, x_hat), (4,))
    total = float(sum(odds))
    expect(not close(odds, [0, 0, 0, 1]), "the worst sample gets everything. Is this a draw, or the article's choice?")
    expect(abs(total - 1) < 1e-6, "your four numbers do not add up to 1. What turns weights into probabilities?", expected=1.0, got=total)
    expect(close(odds[2], 0.0), "a sample that is reconstructed exactly can be drawn. What is its loss?", expected=0.0, got=float(odds[2]))
    expect(not close(odds, np.array([1, 4, 0, 9]) / 14), "p follows the loss itself. Which power of it is asked for?")
    expect(not close(odds, np.array([1, 2, 0, 3]) / 6), "p follows the length of the error, whose square is the loss. Which power of the loss is asked for?")
    expect(not close(odds, np.array([1, 64, 0, 729]) / 794), "p follows the cube of the loss. How often do you square?")
    expect(close(odds, np.array([1, 16, 0, 81]) / 98), "losses of 1, 4, 0 and 9 should give odds of 1 : 16 : 0 : 81. What are yours?",
           expected=np.array([1, 16, 0, 81]) / 98, got=odds)
    slanted = expect_array(f(np.zeros((2, 2)), np.array([[3.0, 4.0], [5.0, 0.0]])), (2,))
    expect(close(slanted, [0.5, 0.5]), "errors of (3, 4) and (5, 0) have the same length, and your odds differ. Is the loss squared entry by entry, "
                                       "or after the sum over the dimensions?", expected=np.array([0.5, 0.5]), got=slanted)
    shift = rng.normal(size=(4, 3)) * 5
    moved = expect_array(f(x + shift, x_hat + shift), (4,))
    expect(close(moved, odds), "x and x_hat were moved together, and the odds changed. What is the loss of a sample?")


@check
def plant_worst(f, rng):
    x, x_hat = rng.normal(size=(6, 4)), rng.normal(size=(6, 4))
    x_hat[2] = x[2] + [0, -6, 8, 0]  # by far the worst: its residual x - x_hat is (0, 6, -8, 0)
    still = expect_array(f(x, x_hat, np.zeros((3, 4))), (3, 4))
    lengths = np.sqrt((still * still).sum(axis=1))
    expect(close(lengths, np.ones(3)), "your rows do not have length 1. What must a row of W_dec be?", expected=np.ones(3), got=lengths)
    expect(not close(still[0], [0, -0.6, 0.8, 0]), "your rows point away from what is missing. Is the residual x − x_hat or x_hat − x?")
    expect(not close(still[0], x[2] / np.sqrt(x[2] @ x[2])), "you planted the sample itself. What does the article plant: the input, or what is left of it?")
    expect(not close(still[0], x_hat[2] / np.sqrt(x_hat[2] @ x_hat[2])), "you planted the reconstruction, which the SAE has already. What is it missing?")
    errors = ((x - x_hat) ** 2).sum(axis=1)
    best, second = int(errors.argmin()), int(np.argsort(errors)[-2])
    expect(not close(still[0], (x - x_hat)[best] / np.sqrt(errors[best])), "you planted the residual of the sample with the smallest error. At which end is the worst?")
    expect(close(still[0], [0, 0.6, -0.8, 0]), "the worst sample leaves (0, 6, -8, 0), and your first row does not point there. Which sample and which direction is yours?",
           expected=np.array([0, 0.6, -0.8, 0]), got=still[0])
    expect(not close(still[1], (x - x_hat)[second] / np.sqrt(errors[second])),
           "your second row comes from the second worst sample. How many samples does the article's rule look at?")
    expect(close(still, np.tile(still[0], (3, 1))), "without noise all rows should be the same direction, and yours differ. What tells them apart?")
    noise = 0.5 * rng.normal(size=(3, 4))
    noisy = expect_array(f(x, x_hat, noise), (3, 4))
    expect(not close(noisy, still), "with noise your rows are the same as without. Where does the perturbation come in?")
    lengths = np.sqrt((noisy * noisy).sum(axis=1))
    expect(close(lengths, np.ones(3)), "with noise added your rows no longer have length 1. When do you normalise?", expected=np.ones(3), got=lengths)
    raw = np.array([[0, 6, -8, 0]] * 3) + noise
    expect(not close(noisy, raw / np.sqrt((raw * raw).sum(axis=1, keepdims=True))),
           "the noise is added to a residual of length 10, so it hardly counts. What length should the direction have before it is perturbed?")
    aimed = np.array([0, 0.6, -0.8, 0]) + noise
    aimed /= np.sqrt((aimed * aimed).sum(axis=1, keepdims=True))
    expect(close(noisy, aimed), "each row should be the unit direction plus its own row of noise, at length 1. What is yours?", expected=aimed[0], got=noisy[0])
