"""Signals, codes and dictionaries whose truth is known, so that recovery can be scored.

    x = z D + noise,   z (n, n_atoms) with k non-zeros per row, D (n_atoms, d_in) with unit rows.
Every function takes a seed: the same call returns the same numbers.
"""

from typing import NamedTuple

import numpy as np
from scipy.fft import dct

from saekit.geometry import check_dictionary, unit_norm


class Planted(NamedTuple):
    """Samples x (n, d_in) with the dictionary D (n_atoms, d_in) and codes z (n, n_atoms) that made them."""

    x: np.ndarray
    D: np.ndarray
    z: np.ndarray


class Hierarchy(NamedTuple):
    """Samples x (n, d_in) of features D (n_features, d_in), their codes z (n, n_features), and which feature each one
    implies: parent (n_features,), -1 for none."""

    x: np.ndarray
    D: np.ndarray
    z: np.ndarray
    parent: np.ndarray


class ClicksAndTones(NamedTuple):
    """A sound x = clicks + tones, each (n_frames, d): one frame per row, x.ravel() is what one hears at `rate` Hz."""

    x: np.ndarray
    clicks: np.ndarray
    tones: np.ndarray
    rate: int


def random_dictionary(n_atoms, d_in, seed=0):
    """n_atoms directions drawn uniformly on the unit sphere of d_in dimensions: D (n_atoms, d_in). ValueError unless
    both sizes are whole numbers of at least 1."""
    check_sizes(n_atoms=n_atoms, d_in=d_in)
    return unit_norm(np.random.default_rng(seed).standard_normal((n_atoms, d_in)))


def dct_dictionary(d):
    """The orthonormal DCT-II basis, row f = sqrt(2/d) cos(pi f (i + 1/2) / d) (row 0: 1/sqrt(d)), shape (d, d).
    ValueError unless d is a whole number of at least 1."""
    check_sizes(d=d)
    return dct(np.eye(d), axis=0, norm="ortho")


def spikes_dct(d):
    """Union of two bases, 2d atoms in d dimensions: rows 0..d-1 are spikes, rows d..2d-1 are the DCT's cosines.
    ValueError unless d is a whole number of at least 1."""
    return np.vstack([np.eye(d), dct_dictionary(d)])


def sparse_codes(n, n_atoms, k, seed=0, positive=False):
    """Codes (n, n_atoms) with k non-zeros per row: uniform support, size uniform in [0.5, 2], random sign. ValueError
    unless n, n_atoms and k are whole numbers of at least 1 and k <= n_atoms."""
    check_sizes(n=n, n_atoms=n_atoms, k=k)
    if k > n_atoms:
        raise ValueError(f"k={k} non-zeros asked of {n_atoms} atoms: k must not exceed n_atoms")
    rng = np.random.default_rng(seed)
    support = rng.permuted(np.tile(np.arange(n_atoms), (n, 1)), axis=1)[:, :k]
    values = rng.uniform(0.5, 2, (n, k))
    z = np.zeros((n, n_atoms))
    np.put_along_axis(z, support, values if positive else values * rng.choice([-1, 1], (n, k)), axis=1)
    return z


def adversarial_codes(D, n, k, seed=0):
    """Codes (n, n_atoms) made to mislead: a decoy atom outside the support looks as present as possible.

    Per row a decoy is drawn; the support is the k atoms most correlated with it (ties at random), with equal sizes and
    the signs that make all k contributions to <x, decoy> add up: OMP's first choice and the L1 norm are both tempted.
    ValueError unless D has finite, non-zero rows, n and k are whole numbers of at least 1, and k < n_atoms.
    """
    D = check_dictionary(D)
    check_sizes(n=n, k=k)
    if k >= len(D):
        raise ValueError(f"k={k} with {len(D)} atoms: an atom must remain outside the support")
    rng = np.random.default_rng(seed)
    z = np.zeros((n, len(D)))
    for row, decoy in zip(z, rng.integers(len(D), size=n), strict=True):
        cosine = D @ D[decoy]
        order = np.argsort(-np.abs(cosine) + 1e-9 * rng.random(len(D)))
        support = order[order != decoy][:k]
        row[support] = np.where(cosine[support] < 0, -1.0, 1.0)
    return z


def planted(n, d_in=64, n_atoms=128, k=4, noise=0.01, seed=0):
    """Samples of a random dictionary: x = z D + e, e normal, E ||e||^2 = noise^2 ||z D||^2 (over all rows). ValueError
    unless noise >= 0, sizes are whole numbers of at least 1 and k <= n_atoms."""
    if not noise >= 0:
        raise ValueError(f"noise is {noise}, expected a non-negative fraction of the signal's length (0.01 is 1 %)")
    D = random_dictionary(n_atoms, d_in, seed)
    z = sparse_codes(n, n_atoms, k, seed + 1)
    x = z @ D
    error = np.random.default_rng(seed + 2).standard_normal(x.shape)
    return Planted(x + noise * np.sqrt((x ** 2).mean()) * error, D, z)


def hierarchy(n, n_parents=8, n_children=4, d_in=48, p=0.15, child=0.75, noise=0.01, seed=0):
    """Features of two ranks, where a child never comes without its parent: x = z D + noise, D with orthonormal rows.

    Each parent is on with probability p, and then with probability `child` one of its n_children, drawn evenly. Values
    are uniform in [0.8, 1.2], noise per coordinate. Features 0 to n_parents - 1 are the parents; the children of parent
    g are n_parents + g n_children and those after it. The same seed gives the same D for every n. ValueError unless
    sizes are whole numbers of at least 1, d_in holds all features, 0 < p <= 1 and 0 <= child <= 1.
    """
    check_sizes(n=n, n_parents=n_parents, n_children=n_children, d_in=d_in)
    n_features = n_parents * (1 + n_children)
    if n_features > d_in or not (0 < p <= 1 and 0 <= child <= 1):
        raise ValueError(f"{n_features} orthogonal features in d_in={d_in} dimensions with p={p} and child={child}: "
                         "expected no more features than dimensions and probabilities")
    D = np.linalg.qr(np.random.default_rng(seed).standard_normal((d_in, n_features)))[0].T
    rng = np.random.default_rng(seed + 1)
    on = rng.random((n, n_parents)) < p
    which = rng.integers(n_children, size=on.shape)
    which[rng.random(on.shape) >= child] = -1
    children = on[:, :, None] & (which[:, :, None] == np.arange(n_children))
    z = np.concatenate([on, children.reshape(n, -1)], 1) * rng.uniform(0.8, 1.2, (n, n_features))
    parent = np.concatenate([np.full(n_parents, -1), np.repeat(np.arange(n_parents), n_children)])
    return Hierarchy(z @ D + noise * rng.standard_normal((n, d_in)), D, z, parent)


def clicks_and_tones(n_frames=16, d=1024, n_clicks=4, n_tones=4, seed=0):
    """Two seconds of sound that neither basis codes sparsely and their union does: x = clicks + tones.

    Per frame of d samples: n_clicks spikes and n_tones cosines of the DCT (f * rate / 2d Hz, from 150 to 1,500 Hz),
    so n_clicks + n_tones atoms of spikes_dct(d). A chord lasts four frames, and its sign (-1)^f from frame to frame
    continues each cosine without a jump. ValueError unless sizes are whole numbers of at least 1 and a frame has room
    for the clicks and tones.
    """
    check_sizes(n_frames=n_frames, d=d, n_clicks=n_clicks, n_tones=n_tones)
    rate, rng = 8000, np.random.default_rng(seed)
    lowest, highest = (int(np.ceil(2 * d * hertz / rate)) for hertz in (150, 1500))
    if n_clicks > d or n_tones > highest - lowest:
        raise ValueError(f"n_clicks={n_clicks} and n_tones={n_tones} do not fit a frame of d={d} samples: at most {d} "
                         f"clicks and {highest - lowest} tones between 150 and 1,500 Hz")
    cosines, clicks, tones = dct_dictionary(d), np.zeros((n_frames, d)), np.zeros((n_frames, d))
    for frame in range(n_frames):
        if frame % 4 == 0:
            chord = rng.choice(np.arange(lowest, highest), n_tones, replace=False)
            loudness = rng.uniform(0.5, 2, n_tones)
        tones[frame] = (loudness * (-1.0) ** (chord * frame)) @ cosines[chord]
        size = rng.uniform(0.5, 2, n_clicks) * rng.choice([-1, 1], n_clicks)
        clicks[frame, rng.choice(d, n_clicks, replace=False)] = size
    return ClicksAndTones(clicks + tones, clicks, tones, rate)


def check_sizes(**sizes):
    """ValueError unless every size is a whole number of at least 1."""
    for name, size in sizes.items():
        if size != int(size) or size < 1:
            raise ValueError(f"{name} is {size}, expected a whole number of at least 1")
