"""Checks and predictions of lesson 0, start here."""

import numpy as np

from saekit.course.answers import Prediction
from saekit.course.checking import check, close, expect, expect_array, expect_number

PREDICTIONS = [
    Prediction(
        "measured-tones",
        right="b11956f0e8e88600",
        reply="Three. The tones are orthogonal, so a tone answers only to itself.",
        wrong={
            61: "61 is how many of them are silent. What does a silent tone measure, if tones are orthogonal?",
            64: (
                "That would be so if every tone looked a little like the others. What was the largest cosine between"
                " two tones?"
            ),
            1: "One per chord? The chord is measured against each tone by itself. How many tones sound in it?",
            0: "A tone that sounds does answer: its dot product with itself is 1, not 0. How many sound?",
        },
        otherwise="Not that. A tone answers to itself and, being orthogonal, to no other. How many tones sound?",
    ),
    Prediction(
        "measured-clicks",
        right="bdae73f74d6a0dd4",
        options=("a", "b", "c"),
        wrong={
            "a": "That is what we would like to hear. But is a click orthogonal to a tone? Run the next cell.",
            "b": (
                "A click contains some of how many tones, and at how many of the 64 times is the chord zero? Run the"
                " next cell."
            ),
        },
        reply="Nearly all. A click contains a little of every tone, and the chord is non-zero at every time.",
    ),
]


@check
def l0(f, rng):
    z = rng.normal(size=(3, 6)) * [[1, 0, 0, 0, 0, 0], [1, 0, 1, 0, 0, 0], [1, 1, 0, 0, 0, 1]]  # 1, 2 and 3 entries
    z[0, 0], z[1, 2], z[2, 5] = -1.5, 2.5, -0.5
    count = expect_number(f(z))
    expect(
        not (close(count, 1.0) and close(expect_number(f(np.vstack([z, z]))), 2.0)),
        "you counted down the columns: 6 entries that are not zero, over 6 columns. Which axis is one sample?",
    )
    expect(
        close(expect_number(f(np.vstack([z, z]))), count),
        "the same three rows twice have the same number of entries per row, yet your count doubled. Is a mean over the"
        " rows missing?",
    )
    expect(
        not close(count, 4.0),
        "these rows hold 4 zeros on average, and that is what you returned. Which entries are to be counted?",
    )
    expect(
        close(expect_number(f(3 * z)), count),
        "multiplying all entries by 3 leaves as many of them non-zero, yet your answer changed. Do you add up values"
        " where you should count?",
    )
    expect(close(expect_number(f(np.hstack([z, np.zeros((3, 4))]))), count),
           "four more atoms that no row uses changed your answer. Do you divide by the number of atoms?")
    expect(
        close(expect_number(f(-z)), count),
        "turning every sign changed your answer. Does a negative entry count as non-zero?",
    )
    expect(
        close(expect_number(f(1e-4 * z)), count),
        "entries of 0.0001 are small, but not zero, and you left them out. Is there a threshold?",
    )
    uneven = z[[0, 0, 2, 2, 2, 2]]  # 1, 1, 3, 3, 3, 3
    expect(
        close(count, 2.0),
        "three rows with 1, 2 and 3 non-zero entries have 2 on average. What does your function do with one row?",
        expected=2.0,
        got=count,
    )
    expect(close(expect_number(f(uneven)), 14 / 6),
           "six rows with 1, 1, 3, 3, 3 and 3 non-zero entries have 14/6 on average. Is it rounded, or a median?",
           expected=14 / 6, got=expect_number(f(uneven)))


@check
def unit_norm(f, rng):
    D = rng.normal(size=(5, 3)) * [[1], [2], [0.5], [4], [3]]
    out = expect_array(f(D), (5, 3))
    lengths, before = np.linalg.norm(out, axis=1), np.linalg.norm(D, axis=1)
    expect(
        not close(np.linalg.norm(out, axis=0), np.ones(3)),
        "the columns of your answer have length 1, the rows do not. Which axis is an atom?",
    )
    expect(
        not close(np.linalg.norm(out), 1.0),
        "all atoms together have length 1 now, so each is shorter. Is there one length per row?",
    )
    expect(
        not close(lengths * before, np.ones(5)),
        f"an atom of length {before[3]:.2f} came out with length {lengths[3]:.2f}: divided by its length twice. Is a"
        " square root missing?",
    )
    expect(
        not close(np.abs(out).sum(axis=1), np.ones(5)),
        "the entries of each row add up to 1 in absolute value. Is that the Euclidean length?",
    )
    expect(
        not close(np.abs(out).max(axis=1), np.ones(5)),
        "the largest entry of each row is 1. Is that the length of the row?",
    )
    expect(
        close(lengths, np.ones(5)),
        "some row does not have length 1. What did you divide by?",
        expected=np.ones(5),
        got=lengths,
    )
    expect(
        close((out * D).sum(axis=1), before),
        "the lengths are right, but an atom points elsewhere than before. Did a sign get lost on the way?",
    )


@check
def reconstruct(f, rng):
    z, D = rng.normal(size=(4, 5)), rng.normal(size=(5, 3)) * [[1], [2], [0.5], [4], [3]]
    expect_array(f(z, D), (4, 3))
    alone = expect_array(f(np.eye(5), D), (5, 3))
    share = float(alone[3] @ D[3] / (D[3] @ D[3]))
    expect(
        not close(share * np.linalg.norm(D[3]), 1.0),
        "a code that takes 1 of an atom should give that atom as it is, and you gave it at length 1. Who asked for unit"
        " length here?",
    )
    expect(
        close(share, 1.0),
        f"a code that takes 1 of an atom should give that atom, and you gave {share:.2f} of it. Sum or mean?",
    )
    expect(
        close(alone, D), "a code that takes 1 of an atom and nothing else should give that atom. What else comes in?"
    )
    expect(
        close(f(-np.eye(5), D), -D),
        "a code that takes -1 of an atom should give its negative. What happens to negative entries?",
    )
    expect(
        close(f(3 * np.eye(5), D), 3 * D),
        "a code that takes 3 of an atom should give 3 times that atom. Where do the values of z come in?",
    )
    both = z[:1] * [1, 0, 0, 0, 1]
    expect(close(f(both, D), both[0, 0] * D[:1] + both[0, 4] * D[4:]),
           "a code with two entries should add two atoms. Does one of them get lost?")
    full = sum(z[2, j] * D[j] for j in range(5))
    expect(
        close(f(z, D)[2], full),
        "a code that uses every atom came out differently from the sum, atom by atom. Is every entry used?",
        expected=full,
        got=f(z, D)[2],
    )


@check
def measure(f, rng):
    x, D = rng.normal(size=(4, 3)), rng.normal(size=(5, 3))
    out = expect_array(f(x, D), (4, 5))
    expect(
        close(f(-x, D), -out),
        "the opposite sample should measure the opposite, and yours does not. Did the sign get lost?",
    )
    other = np.vstack([D[:4], 2 * D[4:] + 1])
    expect(
        close(f(x, other)[:, :4], out[:, :4]),
        "replacing the last atom changed what the first four measure. A measurement looks at one atom alone: is"
        " something solved for, or averaged?",
    )
    expect(
        close(f(2 * x, D), 2 * out),
        "a sample twice as loud should measure twice as much, and yours does not. Is it divided by its length?",
    )
    expect(
        close(f(x, 2 * D), 2 * out),
        "an atom twice as long should measure twice as much, and yours does not. Is it divided by its length?",
    )
    entry = sum(x[2, i] * D[1, i] for i in range(3))
    expect(
        close(out[2, 1], entry),
        "sample 2 with atom 1 is not their dot product. Which entries are multiplied, and are they summed?",
        expected=float(entry),
        got=float(out[2, 1]),
    )
