"""Checks and predictions of lesson 2, dictionary learning."""

import numpy as np

from saekit.course.answers import Prediction
from saekit.course.checking import check, close, expect, expect_array, expect_number, expect_parts, to_numpy

PREDICTIONS = [
    Prediction(
        "equal-dictionaries",
        right="664f600dcc5702ec",
        reply="Three rows in any of 6 orders, each with one of 2 signs: 6 · 2 · 2 · 2 = 48.",
        wrong={
            1: "The codes can follow when you turn an atom round. Then it explains the star just as well, does it not?",
            3: "In how many orders can three rows stand, and how many signs has each?",
            6: "Those are the orders. May each atom also be turned into its opposite?",
            8: "Those are the signs. May the rows also stand in another order?",
            9: "Every order goes with every choice of signs: the numbers of choices multiply. How many orders of"
            " three?",
            14: "Every order goes with every choice of signs, so the two numbers multiply. What is 6 times 8?",
        },
        otherwise="Not that. Count the orders of three rows, and for each order the choices of signs. Do they add up"
        " or multiply?",
    ),
    Prediction(
        "good-starts",
        right="3940a174c3674efa",
        options=("a", "b", "c"),
        wrong={
            "a": "The error never rises, but may it not stop falling too early? Remember the hill. Run the next cell.",
            "c": "In the plane an arrow is never far from the line it should find. Run the next cell.",
        },
        reply="A good part, not all: each run goes downhill from its own start, and some valleys are not the deepest.",
    ),
    Prediction(
        "image-atoms",
        right="92fa028cc7365c36",
        options=("a", "b", "c"),
        wrong={
            "a": "Things come in endless variety, and five atoms must do for any patch. What do patches of leaves"
            " and of roofs share? Run on.",
            "b": "So it would be if the atoms had to be orthogonal and dense codes cost nothing. Here only five may"
            " be used. Run on.",
        },
        reply="Edges are what most patches share, and an edge is somewhere and points somewhere.",
    ),
]


@check
def explained_energy(f, rng):
    x, z, D = rng.normal(size=(6, 4)) + 1, rng.normal(size=(6, 5)), rng.normal(size=(5, 4))
    square = rng.normal(size=(4, 4))
    perfect = expect_number(f(z @ D, z, D))
    expect(
        not close(perfect, 0.0),
        "a perfect reconstruction should score 1, and yours scores 0. Is that the share left over?",
    )
    expect(
        close(perfect, 1.0), "a perfect reconstruction should score 1. What do you add up?", expected=1.0, got=perfect
    )
    nothing = expect_number(f(x, 0 * z, D))
    expect(
        close(nothing, 0.0),
        "codes of zero explain nothing and should score 0. Is the mean of x taken off below the line, or another"
        " baseline used?",
        expected=0.0,
        got=nothing,
    )
    half = expect_number(f(x @ square, x / 2, square))
    expect(
        not close(half, 0.5),
        "halving every code leaves a quarter of the energy, so it should score 0.75, and yours scores 0.5. Are the"
        " entries squared?",
    )
    expect(
        close(half, 0.75),
        "halving every code leaves a quarter of the energy, so it should score 0.75. What is squared, and when?",
        expected=0.75,
        got=half,
    )
    loud, loud_z = x * [[1], [2], [3], [4], [5], [6]], z * 0.1
    wanted = 1 - sum(float(r @ r) for r in loud - loud_z @ D) / sum(float(r @ r) for r in loud)
    got = expect_number(f(loud, loud_z, D))
    each = np.mean([1 - float(r @ r) / float(s @ s) for r, s in zip(loud - loud_z @ D, loud, strict=True)])
    expect(
        not close(got, each),
        "you averaged the scores of the samples, so quiet samples count as much as loud ones. Should the sums not"
        " come first and one division last?",
    )
    expect(
        close(got, wanted),
        "six samples of different loudness scored differently from the two sums over all of them. Over what do you"
        " add up?",
        expected=wanted,
        got=got,
    )
    bad = expect_number(f(x, -3 * x, np.eye(4)))
    expect(
        close(bad, -15.0),
        "a reconstruction of -3 x misses by 4 x, so it should score 1 - 16 = -15. Is the score cut off at 0, or its"
        " sign lost?",
        expected=-15.0,
        got=bad,
    )


@check
def mean_max_cosine(f, rng):
    A = rng.normal(size=(4, 3))
    expect_number(f(A, A))
    expect(
        close(f(A, 3 * A), f(A, A)),
        "learned atoms three times as long changed the score. A cosine does not depend on length: are both"
        " dictionaries scaled?",
    )
    expect(
        close(f(5 * A, A), f(A, A)),
        "true atoms five times as long changed the score. Are the rows of D_true scaled as well?",
    )
    more = np.vstack([A, rng.normal(size=(5, 3))])
    for learned, message in (
        (A, "a dictionary compared with itself should score 1. What is the largest cosine in each row?"),
        (-A, "every atom with its sign turned is as good as before and should score 1. What becomes of a cosine of -1?"),
        (A[[2, 0, 3, 1]], "the same atoms in another order should score 1. Do you compare row i with row i only?"),
        (more, "five superfluous learned atoms should not lower the score: every true atom is there. Along which axis"
               " do you take the maximum?"),
    ):
        got = f(A, learned)
        expect(close(got, 1.0), message, expected=1.0, got=got)
    E = np.array([[1.0, 0, 0], [0, 1, 0]])
    got = expect_number(f(E, E[:1]))
    expect(
        not close(got, 1.0),
        "of two orthogonal true atoms one was found and one has cosine 0, and you returned 1. Is it the best, where"
        " a mean is asked for?",
    )
    expect(
        not close(got, 0.0),
        "of two orthogonal true atoms one was found and one has cosine 0, and you returned 0. Is it the worst, where"
        " a mean is asked for?",
    )
    expect(
        close(got, 0.5),
        "of two orthogonal true atoms one was found and one has cosine 0: their mean is 0.5. What do you average?",
        expected=0.5,
        got=got,
    )
    B = np.array([[0.6, 0.8, 0], [0, 0.6, 0.8]])
    got = expect_number(f(E, B))
    expect(
        not close(got, (0.36 + 0.64) / 2),
        "the cosines here are 0.6 and 0.8 and you averaged their squares. Which is asked for?",
    )
    expect(
        close(got, 0.7),
        "the largest cosines of the two true atoms are 0.6 and 0.8. What do you average?",
        expected=0.7,
        got=got,
    )


@check
def mod_update(f, rng):
    z = rng.normal(size=(12, 4)) * (rng.random((12, 4)) < 0.6) + 0.01 * np.eye(12, 4)
    z[:, 3] += 0.5
    truth, D = rng.normal(size=(4, 3)) * [[1], [2], [3], [4]], rng.normal(size=(4, 3))
    out = expect_array(f(z @ truth, z, D), (4, 3))
    expect(
        not close(np.linalg.norm(out, axis=1), np.ones(4)),
        "your rows have length 1, but the best dictionary for these codes has rows of other lengths. Who asked for"
        " scaling here?",
    )
    expect(
        not close(out, D),
        "you returned the old dictionary, though better atoms exist for these codes. Where do x and z come in?",
    )
    expect(
        not close(out, z.T @ (z @ truth)),
        "that is zᵀx, which would be right only if the codes of different atoms never overlapped. Which matrix is to"
        " be divided out?",
    )
    step, downhill = out - D, z.T @ (z @ (truth - D))
    expect(
        not close(step, (step * downhill).sum() / (downhill**2).sum() * downhill),
        "you moved the old rows along zᵀ(x − zD), which is downhill, but not to the bottom. How far does one"
        " gradient step go?",
    )
    near = np.abs(z @ out - z @ truth).max()
    expect(
        not 1e-9 < near < 0.05,
        "your D reproduces x nearly, though x was made as z @ D without noise. Does your D reproduce x, or is"
        " something small added to zᵀz?",
    )
    expect(
        close(out, truth),
        "x was made as z @ D without noise, so the best D is the one that made it. Do you treat the atoms one at a"
        " time, as if no sample used two?",
        expected=truth[0],
        got=out[0],
    )
    x = rng.normal(size=(12, 3))
    out = expect_array(f(x, z, D), (4, 3))
    expect(
        close(f(x, z, 7 * D), out),
        "another old dictionary gave another answer, though every atom is used. Should used atoms depend on their"
        " old rows?",
    )
    slope = z.T @ (x - z @ out)
    expect(
        np.abs(slope).max() < 1e-6,
        "at the minimum the residual is orthogonal to every atom's codes, zᵀ(x − zD) = 0, and yours is not. Is"
        " something added to the equations, or solved atom by atom?",
        expected=0.0,
        got=float(np.abs(slope).max()),
    )
    z = z * [1, 0, 1, 1]
    out = expect_array(f(x, z, D), (4, 3))
    expect(
        not close(out[1], 0 * D[1]), "no sample uses atom 1, and it came back as zeros. What is an unused atom to keep?"
    )
    expect(
        close(out[1], D[1]),
        "no sample uses atom 1, so it should keep its old row. What did you put there?",
        expected=D[1],
        got=out[1],
    )
    expect(
        np.abs((z.T @ (x - z @ (out * [[1], [0], [1], [1]])))[[0, 2, 3]]).max() < 1e-6,
        "with one unused atom the other three should still be the best for their codes, and they are not. Is the old"
        " row of the unused one in the way?",
    )


@check
def renormalise(f, rng):
    z, D = rng.normal(size=(6, 4)) * (rng.random((6, 4)) < 0.7), rng.normal(size=(4, 3)) * [[0.5], [2], [3], [4]]
    parts = expect_parts(f(z, D), 2)
    codes, atoms = to_numpy(parts[0]), to_numpy(parts[1])
    expect(
        codes.shape != D.shape or atoms.shape != z.shape,
        "the dictionary came first and the codes second. In which order does the docstring return them?",
    )
    codes, atoms = expect_array(codes, (6, 4), what="the codes"), expect_array(atoms, (4, 3), what="the dictionary")
    before = np.linalg.norm(D, axis=1)
    expect(
        not close(np.linalg.norm(atoms, axis=0), np.ones(3)),
        "the columns of your dictionary have length 1, the rows do not. Which axis is an atom?",
    )
    expect(
        not close(atoms, D),
        "the rows of your dictionary are as long as before. Should they not come out with length 1?",
    )
    expect(not close(np.linalg.norm(atoms), 1.0), "all rows together have length 1. Is there one length per row?")
    expect(
        not close(atoms, D / (before**2)[:, None]),
        "the rows are divided by their squared lengths. Is a square root missing?",
    )
    expect(
        close(np.linalg.norm(atoms, axis=1), np.ones(4)),
        "some row of your dictionary does not have length 1. What did you divide by?",
        expected=np.ones(4),
        got=np.linalg.norm(atoms, axis=1),
    )
    expect(
        not close(codes, z),
        "the codes are what they were, but the atoms became shorter or longer, so z @ D changed. What should the"
        " codes do when an atom is halved?",
    )
    expect(
        not close(codes, z / before),
        "an atom of length 2 became half as long, and you halved its codes too. Which way must they go, so that the"
        " product stays?",
    )
    expect(close(codes @ atoms, z @ D), "z @ D is not what it was. Which code belongs to which row of D?")


@check
def replace_dead(f, rng):
    D = np.vstack([np.eye(4), rng.normal(size=(2, 4))])
    z = np.zeros((7, 6))
    z[np.arange(7), [0, 1, 3, 5, 0, 3, 1]] = [2.0, -1.0, 1.5, -1.0, -2.0, 0.7, 3.0]  # atoms 2 and 4 are dead
    x, size = np.zeros((7, 4)), np.array([1.0, 3.0, 0.2, 2.0, 0.5, 0.1, 0.3])
    while (x**2).sum(axis=1).argmax() in (0, 1):  # until the worst sample is not the loudest, too
        miss = rng.normal(size=(7, 4))
        miss *= size[:, None] / np.linalg.norm(miss, axis=1, keepdims=True)
        x = z @ D + miss  # worst: sample 1, then sample 3
    out = expect_array(f(x, z, D), (6, 4))
    alive, unit = [0, 1, 3, 5], x / np.linalg.norm(x, axis=1, keepdims=True)
    expect(
        not close(out, D),
        "atoms 2 and 4 are used by nobody, and your dictionary is unchanged. How do you find an unused atom?",
    )
    expect(
        close(out[alive], D[alive]),
        "an atom that samples use was changed, too. Does an atom whose codes are negative, or few, count as dead?",
    )
    expect(
        not close(out[2], D[2]) and not close(out[4], D[4]),
        "there are two unused atoms and only one was replaced. Is there a loop, or a list, missing?",
    )
    expect(
        not close(np.linalg.norm(out[[2, 4]], axis=1), np.linalg.norm(x[[1, 3]], axis=1)),
        "the new atoms are as long as samples. Which length do atoms have?",
    )
    expect(
        not close(np.abs(out[[2, 4]] @ unit[1]), np.ones(2)),
        "both dead atoms were replaced by the same sample, so they are duplicates now. Who gets the second worst"
        " sample?",
    )
    expect(
        not close(out[[2, 4]], unit[[3, 1]]),
        "the two worst samples are there, but the second worst went to the first dead atom. Worst first?",
    )
    wrong_way = np.argsort((miss**2).sum(axis=1))[:2]
    expect(
        not close(out[[2, 4]], unit[wrong_way]),
        "the new atoms are the samples that were explained best. In which direction does argsort sort?",
    )
    longest = np.argsort(-(x**2).sum(axis=1))[:2]
    expect(
        not close(out[2], unit[longest[0]]) or longest[0] == 1,
        "the new atoms are the loudest samples, not those with the largest error. What does z @ D already explain?",
    )
    rest = miss / np.linalg.norm(miss, axis=1, keepdims=True)
    expect(
        not close(out[[2, 4]], rest[[1, 3]]),
        "the new atoms are the residuals of the worst samples. This exercise asks for the samples themselves: is `z"
        " @ D` taken off once too often?",
    )
    expect(
        close(out[[2, 4]], unit[[1, 3]]),
        "the dead atoms 2 and 4 should be samples 1 and 3, those with the largest errors, at length 1. Which did you"
        " take?",
        expected=unit[1],
        got=out[2],
    )
    busy = z + 0.0
    busy[0, 2] = busy[1, 4] = 1e-6
    expect(
        close(f(x, busy, D), D),
        "every atom is used, if only by one small code, yet something was replaced. What does unused mean?",
    )


@check
def ksvd_atom(f, rng):
    D = rng.normal(size=(4, 3))
    D /= np.linalg.norm(D, axis=1, keepdims=True)
    z = rng.normal(size=(9, 4)) * (rng.random((9, 4)) < 0.5)
    z[:, 1] = [1.0, -2.0, 0, 0.5, 0, 3.0, -1.0, 0, 2.0]
    new, sizes = (
        np.array([2.0, -1.0, 2.0]) / 3,
        np.where(z[:, 1] != 0, rng.uniform(1, 2, 9) * [1, -1, 1, 1, 1, 1, -1, 1, 1], 0),
    )
    others = z * [1, 0, 1, 1] @ D
    strangers = rng.normal(size=(9, 3)) * (z[:, [1]] == 0)  # what other samples hold is none of atom 1's business
    atom, codes = expect_parts(f(others + np.outer(sizes, new) + strangers, z, D, 1), 2)
    atom, codes = expect_array(atom, (3,), what="the atom"), expect_array(codes, (9,), what="the codes")
    length = float(np.linalg.norm(atom))
    expect(
        close(length, 1.0),
        "the atom should have length 1. Which factor of the svd has rows of length 1, and where does s[0] go?",
        expected=1.0,
        got=length,
    )
    expect(
        close(codes[z[:, 1] == 0], np.zeros(3)),
        "samples that did not use the atom use it now, so the codes are less sparse. Is the fit restricted to the"
        " users?",
    )
    expect(
        not close(atom, D[1]),
        "the atom is what it was, though a better one exists. What is left when all other atoms have been taken away?",
    )
    expect(
        close(abs(atom @ new), 1.0),
        "apart from the other atoms, the users are exact multiples of one direction, and your atom is another one."
        " Was the old atom i added back to the residual, and only that one?",
        expected=new,
        got=atom * np.sign(atom @ new),
    )
    expect(
        not close(np.outer(codes, atom), -np.outer(sizes, new)),
        "atom and codes have opposite signs, so their product is the negative of what it should be. Was one of the"
        " two turned without the other?",
    )
    sized = np.abs(codes[z[:, 1] != 0])
    expect(
        not close(np.linalg.norm(sized), 1.0),
        "your codes have length 1 over the samples. Where does the singular value s[0] go?",
    )
    expect(
        not close(codes, z[:, 1]),
        "the codes are what they were. K-SVD changes an atom and its codes together: what are the best codes for the"
        " new atom?",
    )
    expect(
        close(np.outer(codes, atom), np.outer(sizes, new)),
        "here atom times codes can be exactly what the other atoms leave, and yours is not. Are the codes those of"
        " the new atom?",
    )
    x = others + rng.normal(size=(9, 3)) + np.outer(sizes, new) + 2
    atom, codes = map(to_numpy, f(x, z, D, 1))
    users = z[:, 1] != 0
    E = (x - others)[users]
    best = float((E**2).sum() - np.linalg.eigvalsh(E.T @ E)[-1])
    got = float(((E - np.outer(codes[users], atom)) ** 2).sum())
    expect(
        close(got, best, 1e-6),
        "with noise a rank-one fit with a smaller error exists. Is the residual centred first, or are only the codes"
        " or only the atom optimal?",
        expected=best,
        got=got,
    )


@check
def whitening_matrix(f, rng):
    mix, offset = rng.normal(size=(5, 5)) * [[3], [2], [1.5], [0.7], [0.3]], rng.normal(size=5) + 4
    x = rng.normal(size=(80, 5)) @ mix + offset
    out = expect_array(f(x, 5), (5, 5))
    cov = np.cov(x, rowvar=False)
    white = out.T @ cov @ out
    expect(not close(out, cov, 1e-6), "that is the covariance itself. What must stand between V and Vᵀ to undo it?")
    expect(
        not close(out @ out, cov, 1e-6),
        "directions that vary much vary even more after your matrix. Multiply by the root, or divide by it?",
    )
    expect(
        not close(white @ cov, np.eye(5), 1e-5),
        "you divided by the variances: the variance after whitening became 1/variance instead of 1. Is a square root"
        " missing?",
    )
    expect(
        close(f(x + 10, 5), out, 1e-5),
        "raising all samples by 10 changed the matrix, though a covariance does not see the mean. Is the mean taken"
        " off?",
    )
    factor = white[0, 0]
    expect(
        not (close(white, factor * np.eye(5), 1e-5) and not close(factor, 1.0, 1e-5)),
        "after your matrix all directions vary equally, but not with variance 1. Is the covariance a mean, divided"
        " by n − 1?",
        expected=1.0,
        got=float(factor),
    )
    expect(
        close(white, np.eye(5), 1e-5),
        "with all directions kept the covariance after whitening should be the identity. Are eigenvectors the"
        " columns of V?",
        expected=np.ones(5),
        got=np.diag(white),
    )
    expect(
        close(out, out.T, 1e-6),
        "the data come out white, but the matrix is not symmetric, so patches are turned into other coordinates."
        " Which product turns them back?",
    )
    kept = expect_array(f(x, 2), (5, 5))
    variance, V = np.linalg.eigh(cov)
    spread = np.diag(V.T @ kept.T @ cov @ kept @ V)
    expect(
        not close(spread, np.ones(5), 1e-5), "with n_kept=2 all five directions still vary. Where does n_kept come in?"
    )
    expect(
        not close(spread, [1, 1, 0, 0, 0], 1e-5),
        "with n_kept=2 you kept the two directions of smallest variance. In which order does eigh sort?",
    )
    expect(
        close(spread, [0, 0, 0, 1, 1], 1e-5),
        "with n_kept=2 the two directions of largest variance should vary with variance 1 and the others not at all."
        " What is kept?",
        expected=np.array([0.0, 0, 0, 1, 1]),
        got=spread,
    )
