"""Principal components, and the linear autoencoder that finds the same subspace by going downhill.

    x_hat = mean + z components,      z = (x - mean) components^T,   minimising sum ||x - x_hat||^2 over M <= d_in directions
    x_hat = mean + (x - mean) W_enc W_dec,      minimising mean ||x - x_hat||^2 + weight_decay (||W_enc||^2 + ||W_dec||^2)
x (n, d_in), components (n_components, d_in) with one unit direction per row, W_enc (d_in, n_latents), W_dec
(n_latents, d_in). References: Eckart & Young (1936); Baldi & Hornik (1989), whose theorem is that the second problem
without decay has no bad minimum; Kunin et al. (2019) for what the decay changes.
"""

from typing import NamedTuple

import numpy as np
from scipy.linalg import subspace_angles as column_angles
from scipy.optimize import minimize

from saekit.geometry import check_dictionary


class PCA(NamedTuple):
    """components (n_components, d_in) by falling variance, that variance (divisor n - 1), and the mean taken off."""

    components: np.ndarray
    variance: np.ndarray
    mean: np.ndarray


def pca(x, n_components):
    """Leading right singular vectors of x - mean(x): the n_components directions of largest variance. ValueError unless
    x (n, d_in) is finite, n >= 2 and 1 <= n_components <= min(n, d_in)."""
    x = _check_data(x)
    if not 1 <= n_components <= min(x.shape):
        raise ValueError(f"n_components={n_components}, expected 1 to {min(x.shape)} for x of shape {x.shape}")
    mean = x.mean(axis=0)
    _, singular, directions = np.linalg.svd(x - mean, full_matrices=False)
    return PCA(directions[:n_components], singular[:n_components] ** 2 / (len(x) - 1), mean)


def subspace_angles(A, B):
    """Principal angles between the spans of the rows of A (m, d) and B (n, d), in radians, the largest first.

    min(m, n) of them; all are 0 if one span holds the other. Rows must be independent and may have any length.
    ValueError unless both have finite, non-zero rows of one width.
    """
    A, B = check_dictionary(A, "A"), check_dictionary(B, "B")
    if A.shape[1] != B.shape[1]:
        raise ValueError(f"A has rows of length {A.shape[1]} and B of length {B.shape[1]}; directions are rows, so both "
                         "need the same number of columns (is one of them transposed?)")
    return column_angles(A.T, B.T)


def linear_loss(W_enc, W_dec, covariance, weight_decay=0.0):
    """Loss of a linear autoencoder on centred data with this covariance (divisor n), and its two gradients.

    With R = I - W_enc W_dec:  tr(R^T C R) + weight_decay (||W_enc||^2 + ||W_dec||^2), the mean over samples of
    ||x - x_hat||^2 plus the decay.
    """
    R = np.eye(len(covariance)) - W_enc @ W_dec
    CR = covariance @ R
    loss = np.sum(R * CR) + weight_decay * (np.sum(W_enc**2) + np.sum(W_dec**2))
    return loss, 2 * (weight_decay * W_enc - CR @ W_dec.T), 2 * (weight_decay * W_dec - W_enc.T @ CR)


class LinearAutoencoder:
    """x_hat = mean + (x - mean) W_enc W_dec; `fit` starts from the weights it finds, drawn at random from seed.
    ValueError if d_in or n_latents is below 1."""

    def __init__(self, d_in, n_latents, seed=0):
        if d_in < 1 or n_latents < 1:
            raise ValueError(f"d_in is {d_in} and n_latents is {n_latents}; both must be at least 1")
        rng = np.random.default_rng(seed)
        self.W_enc = rng.standard_normal((d_in, n_latents)) / np.sqrt(d_in)
        self.W_dec = rng.standard_normal((n_latents, d_in)) / np.sqrt(d_in)
        self.mean = np.zeros(d_in)

    def encode(self, x):
        """z = (x - mean) W_enc: (n, d_in) -> (n, n_latents)."""
        return (x - self.mean) @ self.W_enc

    def decode(self, z):
        """x_hat = mean + z W_dec: (n, n_latents) -> (n, d_in)."""
        return self.mean + z @ self.W_dec

    def fit(self, x, weight_decay=0.0, centre=True, max_iter=5000):
        """Go downhill with L-BFGS until the arithmetic allows no more; returns self. centre=False leaves mean at 0.

        The loss depends on the data through the covariance alone, so a step costs the same for any number of samples.
        ValueError unless x (n, d_in) is finite and weight_decay >= 0; RuntimeError if max_iter steps are not enough.
        """
        x, shape = _check_data(x), self.W_enc.shape
        if x.shape[1] != shape[0] or not weight_decay >= 0:
            raise ValueError(f"x has {x.shape[1]} columns for d_in={shape[0]}, and weight_decay is {weight_decay}; "
                             "expected as many columns as d_in and a decay from 0 up")
        self.mean = x.mean(axis=0) if centre else np.zeros(shape[0])
        C = (x - self.mean).T @ (x - self.mean) / len(x)
        scale = np.trace(C) or 1.0  # to unit total variance, so that the stopping rule means the same for all data

        def objective(flat):
            W_enc, W_dec = flat[: self.W_enc.size].reshape(shape), flat[self.W_enc.size :].reshape(shape[::-1])
            loss, *gradients = linear_loss(W_enc, W_dec, C / scale, weight_decay / scale)
            return loss, np.concatenate([gradient.ravel() for gradient in gradients])

        start = np.concatenate([self.W_enc.ravel(), self.W_dec.ravel()])
        found = minimize(objective, start, jac=True, method="L-BFGS-B",
                         options={"maxiter": max_iter, "maxfun": 4 * max_iter, "ftol": 1e-16, "gtol": 1e-10, "maxcor": 30})
        if found.nit >= max_iter:
            raise RuntimeError(f"not at the bottom after {max_iter} steps: the gradient is {np.abs(found.jac).max():.1e}")
        self.W_enc, self.W_dec = found.x[: self.W_enc.size].reshape(shape), found.x[self.W_enc.size :].reshape(shape[::-1])
        return self


def _check_data(x):
    x = np.asarray(x, dtype=float)
    if x.ndim != 2 or len(x) < 2 or not np.isfinite(x).all():
        raise ValueError(f"x has shape {x.shape}, expected (n, d_in) with at least two samples, all finite")
    return x
