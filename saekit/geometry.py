"""Angles between atoms: how close a dictionary is to orthogonal, and what that promises.

D (n_atoms, d_in) holds one atom per row, usually of length 1. With coherence mu = max_{i != j} |<d_i, d_j>|, a code
with k < (1 + 1/mu) / 2 non-zeros is the only one that sparse, and both basis pursuit and OMP find it.
References: Welch (1974); Donoho & Elad (2003); Tropp (2004) for the exact recovery condition; Donoho & Tanner (2009);
Kabatiansky & Levenshtein (1978) for how many directions can fit.
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq, linear_sum_assignment
from scipy.special import gammaln, xlogy
from scipy.stats import norm


class Matching(NamedTuple):
    """One-to-one pairs: atom index[i] of the second dictionary goes with atom true_index[i] of the first."""

    true_index: np.ndarray
    index: np.ndarray
    cosine: np.ndarray


def check_dictionary(D, name="D"):
    """D as a float array (n_atoms, d_in), or a ValueError that says which atom is unusable."""
    D = np.asarray(D)
    D = D if D.dtype in (np.float32, np.float64) else D.astype(float)
    if D.ndim != 2 or 0 in D.shape:
        raise ValueError(f"{name} has shape {D.shape}, expected (n_atoms, d_in) with one atom per row")
    bad = ~np.isfinite(D).all(axis=1)
    if bad.any():
        raise ValueError(f"{name} has a NaN or infinite entry in atom {bad.argmax()}, expected finite rows "
                         f"({bad.sum()} of {len(D)} atoms are affected; did a training run diverge?)")
    zero = ~D.any(axis=1)
    if zero.any():
        raise ValueError(f"{name} has an all-zero atom in row {zero.argmax()}, expected non-zero rows "
                         f"({zero.sum()} of {len(D)} atoms; was an unused atom not replaced?)")
    return D


def unit_norm(D):
    """Every row divided by its length: d_i / ||d_i||. ValueError unless all rows are finite and non-zero."""
    D = check_dictionary(D)
    D = D / np.abs(D).max(axis=1, keepdims=True)  # first to a safe range: squares of 1e-200 would vanish
    return D / np.linalg.norm(D, axis=1, keepdims=True)


def coherence(D):
    """Largest |cosine| between two different atoms: max_{i != j} |<d_i, d_j>| / (||d_i|| ||d_j||), in [0, 1].
    ValueError unless all rows are finite and non-zero."""
    gram = np.abs(unit_norm(D) @ unit_norm(D).T)
    np.fill_diagonal(gram, 0)
    return min(1.0, float(gram.max()))    # rounding must not pass 1


def welch_bound(n_atoms, d_in):
    """No n directions in d dimensions have a coherence below this: sqrt((n - d) / (d (n - 1))), and 0 if n <= d.

    For n > d only equiangular tight frames reach it; many n and d have none (real ones of n = 2d need an odd d), and
    then the least coherence is larger. Welch (1974); Sustik et al. (2007) for which can exist. ValueError if n_atoms or
    d_in is below 1.
    """
    if n_atoms < 1 or d_in < 1:
        raise ValueError(f"n_atoms={n_atoms} and d_in={d_in}: both must be at least 1")
    return float(np.sqrt(max(n_atoms - d_in, 0) / (d_in * max(n_atoms - 1, 1))))


def uniqueness_bound(mu):
    """(1 + 1/mu) / 2: a code with fewer non-zeros than this is the sparsest one, whatever its values. ValueError unless
    0 < mu <= 1."""
    if not 0 < mu <= 1:
        raise ValueError(f"mu is {mu}, expected a coherence in (0, 1]")
    return (1 + 1 / mu) / 2


def exact_recovery_coefficient(D, support):
    """max over atoms j outside the support S of ||D_S^+T d_j||_1; below 1, basis pursuit and OMP recover codes on S.

    support: indices of independent atoms. Tropp (2004), theorem 3.1; it needs the support, coherence does not.
    ValueError unless all atoms are finite and non-zero.
    """
    D = unit_norm(D)
    support = np.arange(len(D))[np.asarray(support)]    # a mask or negative indices too
    outside = np.setdiff1d(np.arange(len(D)), support)
    return float(np.abs(D[outside] @ np.linalg.pinv(D[support])).sum(axis=1).max(initial=0.0))


def match_atoms(D_true, D, signed=False):
    """Pair the atoms of two dictionaries one to one so that the sum of |cosines| is largest (Hungarian algorithm).

    D_true (m, d_in), D (n_atoms, d_in); min(m, n_atoms) pairs come back, cosines with their sign. Dictionary learning
    cannot know an atom's sign, so |cosine| is what is matched; with signed=True (non-negative codes) the cosine itself.
    ValueError unless both have finite, non-zero rows of one width.
    """
    cosine = _cosines(D_true, D)
    true_index, index = linear_sum_assignment(cosine if signed else np.abs(cosine), maximize=True)
    return Matching(true_index, index, cosine[true_index, index])


def mean_max_cosine(D_true, D, signed=False):
    """Mean over the true atoms of the largest |cosine| to any atom of D (the cosine itself if signed).

    1 means every true atom was found. Several true atoms may share one atom of D: match_atoms is the strict version.
    ValueError unless both have finite, non-zero rows of one width.
    """
    cosine = _cosines(D_true, D)
    return float((cosine if signed else np.abs(cosine)).max(axis=1).mean())


def _cosines(D_true, D):
    D_true, D = check_dictionary(D_true, "D_true"), check_dictionary(D)
    if D_true.shape[1] != D.shape[1]:
        raise ValueError(f"D_true has atoms of length {D_true.shape[1]} and D of length {D.shape[1]}: atoms are rows, "
                         "so both need the same number of columns (is one of them transposed?)")
    return unit_norm(D_true) @ unit_norm(D).T


def donoho_tanner(delta, positive=False):
    """Weak phase transition of L1 recovery: the rho = k/d up to which typical codes are found, given delta = d/n_atoms.

    With phi, Phi the normal density and distribution and the curve's parameter t > 0 (signed codes):
        delta = 2 phi / (t + 2 (phi - t Phi(-t))),   rho = 1 - t Phi(-t) / phi;
    for non-negative codes delta = phi / (t + phi - t Phi(-t)), same rho. Holds for random dictionaries and large sizes.
    delta: number or array in (0, 1). ValueError for any other. Donoho & Tanner (2009), in the form of Donoho, Maleki &
    Montanari (2009).
    """
    delta = np.asarray(delta, dtype=float)
    if not ((delta > 0) & (delta < 1)).all():
        raise ValueError(f"delta must lie in (0, 1): it is d_in / n_atoms, got {delta.min()} to {delta.max()}")
    sides = 1 if positive else 2

    def rho(target):
        def excess(t):
            return sides * norm.pdf(t) / (t + sides * (norm.pdf(t) - t * norm.sf(t))) - target
        t = brentq(excess, 0, 30, xtol=1e-13)  # delta falls from 1 at t = 0 to below 1e-190
        return 1 - t * norm.sf(t) / norm.pdf(t)

    return np.vectorize(rho, otypes=[float])(delta)[()]


def directions_that_fit(d_in, eps):
    """How many unit vectors with all |cosines| <= eps surely exist in d dimensions: exp(d eps^2 / 4), rounded down.

    Random ones do: a pair fails with probability at most 2 exp(-d eps^2 / 2) (Ball 1997), there are fewer than n^2 / 2
    pairs, and n^2 exp(-d eps^2 / 2) <= 1. This is the Johnson-Lindenstrauss argument, a lower bound. ValueError unless
    0 < eps < 1.
    """
    _check_cosine(eps)
    return np.floor(np.exp(np.asarray(d_in) * eps**2 / 4))


def directions_at_most(d_in, eps, max_order=200):
    """No more unit vectors than this have all |cosines| <= eps in d dimensions: Welch's bounds of every order k.

    With N = C(d + k - 1, k) and N eps^(2k) < 1, n <= N (1 - eps^(2k)) / (1 - N eps^(2k)); inf if no order applies.
    ValueError unless 0 < eps < 1.
    """
    _check_cosine(eps)
    k = np.arange(1, max_order + 1)
    log_size = gammaln(d_in + k) - gammaln(k + 1) - gammaln(d_in)
    log_share = log_size + 2 * k * np.log(eps)
    usable = log_share < 0
    log_bound = log_size[usable] + np.log1p(-eps ** (2.0 * k[usable])) - np.log(-np.expm1(log_share[usable]))
    return float(np.exp(log_bound.min())) if usable.any() else np.inf


def kabatiansky_levenshtein_rate(eps):
    """Upper bound on lim (1/d) ln n for unit vectors with cosines <= eps (Kabatiansky & Levenshtein 1978).

    a ln a - b ln b with s = sqrt(1 - eps^2), a = (1 + s) / (2 s), b = (1 - s) / (2 s); about eps^2/4 ln(4 e / eps^2).
    ValueError unless 0 < eps < 1.
    """
    _check_cosine(eps)
    s = np.sqrt(1 - np.asarray(eps, float) ** 2)
    a, b = (1 + s) / (2 * s), (1 - s) / (2 * s)
    return xlogy(a, a) - xlogy(b, b)


def _check_cosine(eps):
    if not (np.all(np.asarray(eps) > 0) and np.all(np.asarray(eps) < 1)):
        raise ValueError(f"eps is {eps}, expected a cosine in (0, 1)")
