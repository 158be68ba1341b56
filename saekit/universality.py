"""Which latents come again: in a dictionary from another seed, or on another model that reads the same tokens.

    cosine[i, j]       = <a_i, b_j> of unit directions                 two dictionaries of one layer
    correlation[i, j]  = Pearson correlation of activations over tokens  any two dictionaries, even of other models
    mutual best        i's best is j and j's best is i
What two unrelated dictionaries would reach is measured beside it: `shuffled_coordinates` keeps all angles within a
dictionary and breaks those to the other; `expected_max_cosine` is the same for directions drawn evenly.
References: Sharkey et al. 2022 (mean max cosine), Bricken et al. 2023 (universality), Paulo & Belrose 2025 (seeds).
"""

import numpy as np
from scipy.integrate import quad
from scipy.special import betainc

from saekit.geometry import unit_norm
from saekit.survey import correlations


def cosines(A, B):
    """Cosine of every row of A (p, d) with every row of B (q, d): (p, q). ValueError unless both have finite, non-zero
    rows of one width."""
    if A.shape[1] != B.shape[1]:
        raise ValueError(f"A has rows of length {A.shape[1]}, B of {B.shape[1]}; directions of two layers or models "
                         "cannot be compared by angle (use activation_correlations)")
    return unit_norm(A) @ unit_norm(B).T


def mutual_pairs(similarity):
    """Pairs that are each other's best, (m, 2) rows (i, j), i rising: j = argmax of row i and i = argmax of column j."""
    best, back = similarity.argmax(1), similarity.argmax(0)
    first = np.flatnonzero(back[best] == np.arange(len(best)))
    return np.stack([first, best[first]], 1)


def activation_correlations(a, b):
    """Pearson correlation over rows of every column of a with every column of b: (p, q); 0 where a column is constant.

    a (n_rows, p), b (n_rows, q): scipy sparse matrices over the same rows. ValueError if they have different numbers of
    rows.
    """
    if a.shape[0] != b.shape[0]:
        raise ValueError(f"a has {a.shape[0]} rows, b has {b.shape[0]}; expected activations on the same tokens")
    a, b = a.astype(np.float64), b.astype(np.float64)
    moments = [(np.asarray(part.sum(0)).ravel(), np.asarray(part.multiply(part).sum(0)).ravel()) for part in (a, b)]
    return correlations((a.T @ b).toarray(), a.shape[0], *moments)[0]


def shuffled_coordinates(W, seed=0):
    """W (n, d) with its columns in a drawn order, the same for all rows: angles within W stay, those to others go."""
    return W[:, np.random.default_rng(seed).permutation(W.shape[1])]


def expected_max_cosine(d, n):
    """Mean of the largest cosine of a fixed direction with n directions drawn evenly on the sphere of d dimensions.

    P(cosine <= t) = F(t) with (t + 1)/2 ~ Beta((d - 1)/2, (d - 1)/2), so E max = 1 - integral of F(t)^n from -1 to 1.
    ValueError unless d >= 2 and n >= 1.
    """
    if d < 2 or n < 1:
        raise ValueError(f"d is {d} and n is {n}; expected at least 2 dimensions and 1 direction")
    half = (d - 1) / 2
    middle = np.sqrt(2 * np.log(max(n, 2)) / d)  # near it F^n rises from 0 to 1: a hint for the integration
    area = quad(lambda t: betainc(half, half, (t + 1) / 2) ** n, -1, 1, points=[min(middle, 0.99)], limit=200)[0]
    return 1 - area


def share_by_group(hit, score, n_groups=10):
    """(middle of the score, share of hits) in n_groups of equally many items, by rising score: two arrays (n_groups,).

    hit (n,) True or False, score (n,). ValueError for fewer items than groups.
    """
    if not 1 <= n_groups <= len(hit):
        raise ValueError(f"{len(hit)} items cannot make {n_groups} groups")
    groups = np.array_split(np.argsort(score, kind="stable"), n_groups)
    return np.array([np.median(score[part]) for part in groups]), np.array([hit[part].mean() for part in groups])
