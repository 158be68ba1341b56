"""Checks and predictions of lesson 9, splitting and universality."""

import numpy as np

from saekit.course.answers import Prediction
from saekit.course.checking import check, close, expect, expect_array, expect_number

PREDICTIONS = [
    Prediction("absorb", right="709d3f04eecc1eea", options=("a", "b", "c"), wrong={
        "a": "The loss has never heard of features. Compare “active per sample” and “sum of latents”: which dictionary needs less?",
        "c": "Both are exact, so the error does not decide. What else is there in the loss, or in a budget of k latents?",
    }, reply="Fewer latents, and a smaller sum of latents. But now p's own latent is silent whenever c is there: it has been absorbed."),
    Prediction("best-of-2048", right="054965f23a9185db", options=("a", "b", "c"), wrong={
        "a": "A single one has a typical cosine of 1/√512, about 0.04. But you may choose the best of 2,048. Run the next cell.",
        "c": "Cosines of random directions have a spread of about 0.04. How many spreads away is the best of 2,048? Run the next cell.",
    }, reply="The best of n grows like √(2 ln n / d): far from 0, far from 1, and slowly. Whoever reports a best cosine must report this number too."),
]


@check
def together(f, rng):
    both, n_small, n_large = np.array([[4, 1, 0], [2, 5, 0]]), np.array([20, 8]), np.array([5, 10, 0])
    out = expect_array(f(both, n_small, n_large), (2, 3))
    slips = [(both / n_small[:, None], "that is P(child fires | parent fires). A child of a broad parent fires on few of its tokens: whose count goes below the line?"),
             (both / np.maximum(n_small[:, None] + n_large - both, 1), "that is the overlap over the union, and a rare child of a broad parent would get next to nothing. Given which of the two is the share?"),
             (both / n_large.sum(), "you divide every entry by the same number. Whose own count belongs to a column?"),
             (both / np.sqrt(np.outer(n_small, np.maximum(n_large, 1))), "that is a cosine of firings, the same whoever is parent. Of whose tokens is it a share?"),
             (both / np.maximum(both.sum(axis=0), 1), "your columns add up to 1, as if a token had one parent only. Is the sum of a column the child's count?")]
    for wrong, message in slips:
        expect(not close(out, wrong), message)
    expect(close(out[:, 2], [0, 0]), "the last child never fires, and its share should be 0. What have you put there?", got=out[:, 2])
    expect(close(out, [[0.8, 0.1, 0], [0.4, 0.5, 0]]), "child 0 fires 5 times, 4 of them with parent 0: 0.8. What is yours divided by?", expected=0.8, got=float(out[0, 0]))
    wide = rng.integers(1, 9, (3, 5))
    expect(close(f(wide, wide.sum(axis=1), wide.sum(axis=0) + 2), wide / (wide.sum(axis=0) + 2)), "with 3 parents and 5 children a share is another. Is anything of the first example's size in yours?")


@check
def parents_of(f, rng):
    cosine = np.array([[0.9, 0.5, 0.3, 0.6, 0.1, 0.4, 0.8], [0.2, 0.8, 0.1, 0.7, 0.9, 0.3, 0.1], [0.1, 0.1, 0.2, 0.5, 0.0, 0.1, 0.2]])
    share = np.array([[0.5, 1.0, 1.0, 1.0, 1.0, 0.9, 0.1], [1.0, 0.6, 1.0, 0.2, 0.5, 1.0, 0.3], [0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.2]])
    out = expect_array(f(cosine, share, 0.4, 0.5), (7,), "number")
    expect(not np.any(np.abs(out - np.round(out)) > 1e-9), "parents are positions, whole numbers. Is that the cosine itself, where its place is asked for?")
    allowed = np.where((cosine >= 0.4) & (share >= 0.5), cosine, -1)
    second = np.where(allowed.max(axis=0) >= 0, allowed.argmax(axis=0), -1)
    nearest = cosine.argmax(axis=0)
    by_share = np.where((share.max(axis=0) >= 0.5) & (cosine[share.argmax(axis=0), np.arange(7)] >= 0.4), share.argmax(axis=0), -1)
    expect(not close(out, nearest), "every child has a parent in yours, though one has no cosine of 0.4 with anybody. Where do the bounds come in?")
    expect(not close(out, second), "child 3's nearest parent is 1, which is silent on most of its tokens. You give it to the next one. May the second nearest step in?")
    expect(not close(out, by_share), "you take the parent that fires with it most. By what is *the one* parent chosen?")
    expect(not close(out, np.where(cosine.max(axis=0) >= 0.4, nearest, -1)), "child 3's parent fires on 0.2 of its tokens, below the bound. Where does together come in?")
    expect(not close(out, np.where(share[nearest, np.arange(7)] >= 0.5, nearest, -1)), "child 2's largest cosine is 0.3, below the bound. Where does least_cosine come in?")
    any_share = np.where((cosine.max(axis=0) >= 0.4) & (share.max(axis=0) >= 0.5), nearest, -1)
    expect(not close(out, any_share), "the bound on together is met by another parent than the nearest one. On which pair are both tested?")
    own, largest = share[nearest, np.arange(7)], cosine.max(axis=0)
    strict = [np.where(enough, nearest, -1) for enough in
              ((largest > 0.4) & (own > 0.5), (largest > 0.4) & (own >= 0.5), (largest >= 0.4) & (own > 0.5))]
    expect(not any(close(out, one) for one in strict), "child 0 has together 0.5 and child 5 a cosine of 0.4, exactly at the bounds. *At least*: is that > or ≥?")
    expect(not close(out, [0, 1, 0, 0, 1, 0, 0]), "children without a parent get 0 in yours, which is the first parent's place. What stands for none?")
    expect(close(out, [0, 1, -1, -1, 1, 0, -1]), "the parents are 0, 1, none, none, 1, 0, none. Along which axis do you look?", expected=np.array([0, 1, -1, -1, 1, 0, -1]), got=out)
    expect(close(f(cosine, share, 0.2, 0.1), nearest), "with the low bounds 0.2 and 0.1 every child goes to its nearest parent, and not in yours. Are your bounds fixed?")


@check
def absorbed(f, rng):
    W_dec = np.array([[1.0, 0.0, 0.0], [0.6, 0.8, 0.0], [0.3, 0.5, 0.8], [-0.8, 0.0, 0.6]])
    direction = np.array([1.0, 0.0, 0.0])
    latents = np.array([[1.0, 0.2, 0, 0],    # own fires
                        [0, 1, 0, 0],        # absorbed: others write 0.6 of 1
                        [0, 0.5, 1, 0],      # absorbed: two of them write 0.3 each
                        [0, 1, 0, 0],        # the feature is not there
                        [0, 2, 0, 1],        # others write 1.2 - 0.8 = 0.4 of 1
                        [0, 0.9, 0, 0],      # 0.54 of 2
                        [0, 0, 0, 0],        # missed by all
                        [0.1, 2, 0, 0],      # own fires, weakly
                        [0, 0, 1, 0],        # 0.3 of 1
                        [0, 0, 0.3, 0.3]])   # less than nothing
    size = np.array([1.0, 1, 1, 0, 1, 2, 1, 1, 1, 1])
    out = expect_array(f(latents, W_dec, 0, direction, size), (10,), "bool")
    silent, there, written = latents[:, 0] == 0, size > 0, latents @ W_dec[:, 0]
    slips = [(silent & there, "yours holds wherever the latent is silent though the feature is there. Sample 6 is simply missed: who writes the feature in its place?"),
             (silent & (written >= size / 2), "sample 3 does not have the feature at all, and you call it absorbed. Which condition is missing?"),
             (there & (written >= size / 2), "in sample 0 the feature's own latent fires. Can it be absorbed then?"),
             (there & (written - latents[:, 0] >= size / 2), "in sample 7 the feature's own latent fires, if weakly. Is it silent?"),
             (silent & there & (latents[:, 1:].sum(axis=1) >= size / 2), "you add up latents, whatever they write. How much of W_dec[i] points along the direction?"),
             (silent & there & (written >= 0.5), "sample 5 has the feature at size 2, so half of it is 1. Half of what do you ask for?"),
             (silent & there & (written > 0), "a trace of the feature is enough for you. How much of it must others write?"),
             (silent & there & ((latents * W_dec[:, 0]).max(axis=1) >= size / 2), "in sample 4 one latent writes the feature and another takes it back. Do you look at one of them, or at all together?"),
             (silent & there & (np.abs(latents * W_dec[:, 0]).sum(axis=1) >= size / 2), "in sample 4 one latent writes against the direction. Does its sign count?"),
             (silent & there & (np.linalg.norm(latents @ W_dec, axis=1) >= size / 2), "you take the length of all that is written. Which part of it lies along the direction?")]
    right = np.isin(np.arange(10), [1, 2])
    for wrong, message in slips:
        expect(not np.array_equal(out, wrong), message)
    expect(np.array_equal(out, right), "only samples 1 and 2 are absorbed. Which of the three conditions goes another way?", expected=right, got=out)
    order = np.array([2, 0, 3, 1])
    again = expect_array(f(latents[:, order], W_dec[order], 1, direction, size), (10,), "bool")
    expect(np.array_equal(again, right), "the same latents in another order, the own one now number 1, and your answer changed. Is its place fixed in yours?")
    turned = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    expect(np.array_equal(f(latents, W_dec @ turned, 0, direction @ turned, size), right), "all directions were turned together and your answer changed. Where does direction come in?")


@check
def matryoshka_loss(f, rng):
    x, z, W, b, prefixes = rng.normal(size=(6, 3)), rng.random((6, 5)), rng.normal(size=(5, 3)), rng.normal(size=3) + 1, np.array([1, 3, 5])
    out = expect_number(f(x, z, W, b, prefixes))
    def error(m, bias=b, first=0):
        return np.array([[x[s, k] - bias[k] - sum(z[s, i] * W[i, k] for i in range(first, m)) for k in range(3)] for s in range(6)])
    def loss(e):
        return (e ** 2).sum() / 6
    each = [loss(error(m)) for m in prefixes]
    slips = [(each[-1], "that is the ordinary loss, with all latents. Where do the smaller dolls come in?"),
             (sum(each), "that is the sum over the prefixes. Is a mean missing?"),
             (np.mean(each) / 3, "you average over the dimensions too. Which sums and which means does the formula have?"),
             (np.mean(each) * 6, "you add up over the samples. Sum or mean?"),
             (np.mean([loss(error(m, 0 * b)) for m in prefixes]), "b_dec is left out. Where does it come in?"),
             (np.mean([loss(error(m, -b)) for m in prefixes]), "b_dec goes in with the other sign. Is it part of x̂?"),
             (np.mean([loss(error(5, first=5 - m)) for m in prefixes]), "you take the last m latents. Which ones make up a doll?"),
             (np.mean([loss(error(end, first=start)) for start, end in ((0, 1), (1, 3), (3, 5))]), "each of your dolls holds only the latents that were added. Do dolls lie inside each other?"),
             (min(each), "that is the best doll alone. What of the others?"),
             (np.mean([loss(error(m - 1)) for m in prefixes]), "each doll lacks its last latent. What does [:m] leave out?")]
    for value, message in slips:
        expect(not close(out, value, 1e-9), message)
    expect(close(out, np.mean(each), 1e-9), "for prefixes 1, 3, 5 the mean of the three errors is another. Does each prefix use the same columns of latents and rows of W_dec?", expected=float(np.mean(each)), got=out)
    expect(close(f(x, z, W, b, np.array([2])), loss(error(2)), 1e-9), "with the single prefix 2 it is the error of the first two latents. Is the whole dictionary always among yours?")


@check
def mutual_pairs(f, rng):
    S = np.array([[0.9, 0.1, 0.3, 0.2], [0.8, 0.2, 0.1, 0.0], [0.1, 0.4, 0.5, 0.7], [0.0, 0.6, 0.3, 0.2], [0.2, 0.1, 0.4, 0.1]])
    value = f(S)
    expect(not (hasattr(value, "shape") and np.shape(value) == (2, 3)), "three pairs should make an array (3, 2), one pair per row. Is yours lying on its side?")
    expect(not (hasattr(value, "shape") and np.shape(value) == (3,)), "yours has one number per pair. Where is the partner?")
    expect(not (hasattr(value, "shape") and np.shape(value) == (5, 2)), "you give a pair for every row. Rows 0 and 1 both prefer column 0: whom does column 0 prefer?")
    expect(not (hasattr(value, "shape") and np.shape(value) == (4, 2)), "you give a pair for every column, or one per row and column as an assignment does. Must both sides agree, and nobody be forced?")
    out = expect_array(value, (3, 2), "number")
    right = [[0, 0], [2, 3], [3, 1]]
    expect(not close(out, [[0, 0], [3, 1], [2, 3]]), "the right pairs, but i should rise. In which order do you go through them?")
    expect(not close(out, [[0, 0], [3, 2], [1, 3]]), "your pairs are (column, row). Which of the two comes first?")
    expect(close(out, right), "the pairs are (0, 0), (2, 3) and (3, 1). Which argmax goes along which axis?", expected=np.array(right), got=out)
    low = expect_array(f(S - 2), (3, 2), "number")
    expect(close(low, right), "2 was taken from every similarity, so that all are negative, and the pairs changed. Is there a bound at 0 in yours?")
    order = rng.permutation(7)
    many = np.eye(7)[order] + 0.3 * rng.random((7, 7))
    expect(close(f(many), np.stack([np.arange(7), np.argmax(np.eye(7)[order], axis=1)], axis=1)), "a shuffled identity with a little noise should pair all seven. Does yours find them?")
    best_not_diagonal = np.array([[0.1, 0.9], [0.2, 0.3]])
    expect(close(f(best_not_diagonal), [[0, 1]]), "rows 0 and 1 both prefer column 1, which prefers row 0: one pair, (0, 1). Whose partner do you write down?", expected="(0, 1)")


@check
def correlations(f, rng):
    a, b = np.maximum(rng.normal(size=(40, 3)) + 0.5, 0), np.maximum(rng.normal(size=(40, 4)) - 0.2, 0)
    b[:, 1] += 0.8 * a[:, 2]
    moments = a.T @ b, a.sum(axis=0), (a ** 2).sum(axis=0), b.sum(axis=0), (b ** 2).sum(axis=0), 40
    out = expect_array(f(*moments), (3, 4))
    centred = a - a.mean(axis=0), b - b.mean(axis=0)
    covariance = centred[0].T @ centred[1] / 40
    spread = np.outer(a.std(axis=0), b.std(axis=0))
    slips = [(covariance, "these are covariances. What are they divided by?"),
             (a.T @ b / np.sqrt(np.outer((a ** 2).sum(axis=0), (b ** 2).sum(axis=0))), "that is the cosine, without taking off the means. Would two latents that are always on agree in it?"),
             (covariance / spread ** 2, "you divide by the variances. Is a root missing?"),
             (a.T @ b / 40 / spread, "the product of the means is not taken off. What does the covariance subtract?"),
             (covariance / np.sqrt(np.outer((a ** 2).mean(axis=0), (b ** 2).mean(axis=0))), "below the line stand mean squares, not variances. What is missing there?"),
             (covariance * 40 / spread, "your answer grows with the number of tokens. Is each sum divided by n?"),
             (covariance / a.std(axis=0)[:, None], "you divide by one side's spread only. That is a slope. And the other side's?"),
             (np.abs(covariance / spread), "all correlations are positive in yours. Does the sign count?")]
    for wrong, message in slips:
        expect(not close(out, wrong, 1e-6), message)
    expect(close(out, covariance / spread, 1e-6), "latent 2 of a goes into latent 1 of b, and their correlation is another. Covariance over both standard deviations?",
           expected=float((covariance / spread)[2, 1]), got=float(out[2, 1]))
    a[:, 1] = 0
    silent = expect_array(f(a.T @ b, a.sum(axis=0), (a ** 2).sum(axis=0), b.sum(axis=0), (b ** 2).sum(axis=0), 40), (3, 4))
    expect(close(silent[1], np.zeros(4), 1e-6), "latent 1 of a never fires, and its correlations should be 0. What have you put there?", got=silent[1])


@check
def effect(f, rng):
    values = np.array([[1.0, 6, 0, 9], [5, 7, 4, -2], [8, 8, 8, 8], [1, 0, -6, 0]])
    where = np.array([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0]]) > 0
    out = expect_array(f(values, where), (2,))
    mean, errors = out
    marked, by_context = values[where], np.array([3.5, 6, 1])
    expect(not close(mean, values.mean()), "your mean is over all tokens. Over which of them is it asked for?", expected=4.0, got=mean)
    expect(not close(mean, by_context.mean()), "the third marked context has one marked token and counts as much as those with two. Is your mean one of means?", expected=4.0, got=mean)
    expect(not close(errors, 4.0), "the mean comes second in yours. Which of the two comes first?")
    expect(close(mean, 4.0), "the marked values are 1, 6, 5, 7 and 1. What is their mean?", expected=4.0, got=mean)
    deviations = (values - 4.0) * where
    sums = deviations.sum(axis=1)
    right = np.sqrt(3 / 2 * (sums ** 2).sum()) / 5
    slips = [(marked.std(ddof=1) / np.sqrt(5), "your error treats five tokens as five independent draws. What do tokens of one context share?"),
             (marked.std() / np.sqrt(5), "your error treats tokens as independent, and divides the variance by n. Which sums are squared here?"),
             (np.sqrt(4 / 3 * (sums ** 2).sum()) / 5, "one context has no marked token, and you count it among the n. How many contexts say something?"),
             (np.sqrt(5 / 4 * (sums ** 2).sum()) / 5, "your n is the number of tokens. Of what are there n?"),
             (np.sqrt((sums ** 2).sum()) / 5, "n/(n − 1) is missing. With few contexts, is that small?"),
             (3 / 2 * (sums ** 2).sum() / 25, "that is the squared error, in squared units. Is a root missing?"),
             (np.sqrt(3 / 2 * (sums ** 2).sum()), "yours grows with the number of tokens: it is the error of their sum. And of their mean?"),
             (np.sqrt(3 / 2 * (sums ** 2).sum()) / 3, "you divide by the number of contexts. The mean was a sum divided by what?"),
             (np.sqrt(3 / 2 * (deviations ** 2).sum()) / 5, "you square every token's deviation and then add up. Which comes first, if deviations within a context go together?"),
             (np.sqrt(3 / 2 * (np.abs(deviations).sum(axis=1) ** 2).sum()) / 5, "within a context you add up sizes. May a deviation up and one down cancel?"),
             (by_context.std(ddof=1) / np.sqrt(3), "that is the error of the mean of the contexts' means. Which mean did you report?")]
    for wrong, message in slips:
        expect(not close(errors, wrong, 1e-6), message, expected=right, got=errors)
    expect(close(errors, right, 1e-6), "the sums of deviations of the three contexts are −1, 4 and −3. Where does yours part from that?", expected=right, got=errors)
    one_each = rng.normal(size=(30, 1))
    expect(close(f(one_each, np.ones((30, 1), bool))[1], one_each.std(ddof=1) / np.sqrt(30), 1e-6), "with one token in each context the error is the usual one, std / √n, and not in yours. Is a number of the first example's in it?")
    again = f(np.repeat(one_each, 4, axis=1), np.ones((30, 4), bool))
    expect(close(again, f(one_each, np.ones((30, 1), bool)), 1e-6), "every token was repeated four times, which tells nothing new, and your answer changed. Why?")
