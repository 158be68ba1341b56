"""Principal components: the orthonormal directions along which centred data vary most.

    x_hat = mean + z components,   z = (x - mean) components^T,   minimising sum ||x - x_hat||^2 over M <= d_in directions
x (n, d_in), components (n_components, d_in), one unit direction per row. Reference: Eckart & Young (1936).
"""

from typing import NamedTuple

import numpy as np


class PCA(NamedTuple):
    """components (n_components, d_in) by falling variance, that variance (divisor n - 1), and the mean taken off."""

    components: np.ndarray
    variance: np.ndarray
    mean: np.ndarray


def pca(x, n_components):
    """Leading right singular vectors of x - mean(x): the n_components directions of largest variance."""
    x = np.asarray(x, dtype=float)
    if x.ndim != 2 or len(x) < 2 or not np.isfinite(x).all():
        raise ValueError(f"x has shape {x.shape}, expected (n, d_in) with at least two samples, all finite")
    if not 1 <= n_components <= min(x.shape):
        raise ValueError(f"n_components={n_components}, expected 1 to {min(x.shape)} for x of shape {x.shape}")
    mean = x.mean(axis=0)
    _, singular, directions = np.linalg.svd(x - mean, full_matrices=False)
    return PCA(directions[:n_components], singular[:n_components] ** 2 / (len(x) - 1), mean)
