"""Reference answers of lesson 03_superposition, built from solutions/03_superposition.py: edit that file, not this one."""

import numpy as np
from saekit import lasso


def reconstruct(x, W, b):
    """x_hat = relu(x W W^T + b).

    x (batch, n_features), W (n_features, d_hidden), b (n_features,) -> (batch, n_features).

    >>> print(reconstruct(np.array([[0.0, 0.5]]), np.array([[1.0], [-1.0]]), np.zeros(2)))
    [[0.  0.5]]
    """
    return np.maximum(x @ W @ W.T + b, 0)


def three_losses(p, importance):
    """Expected losses (not represented, orthogonal, superposed) of two features in one dimension,
    as an array (3,).

    Importances are 1 and `importance`; each feature is on with probability p and then uniform in [0, 1].
    """
    variance = p / 3 - p**2 / 4
    return np.array([importance * variance, variance, (1 + importance) * p**2 / 6])


def dimensionality(W):
    """D_i = ||W_i||^4 / sum_j <W_i, W_j>^2 for every row of W (n_features, d_hidden), as (n_features,);
    0 for a zero row.

    >>> print(dimensionality(np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]])))
    [0.5 0.5 1. ]
    """
    gram = W @ W.T
    total = (gram**2).sum(axis=1)
    shares = np.zeros(len(W))
    shares[total > 0] = np.diag(gram)[total > 0] ** 2 / total[total > 0]
    return shares


def collision_probability(n, p):
    """Probability that at least two of n independent features are on, each with probability p.

    >>> print(round(collision_probability(2, 0.5), 4))
    0.25
    """
    return 1 - (1 - p) ** n - n * p * (1 - p) ** (n - 1)


def interference(W, p):
    """Mean over samples of (sum_{j != i} <W_i, W_j> x_j)^2 for every row i of W (n_features, d_hidden),
    as (n_features,).

    Features x_j are independent, non-zero with probability p, then uniform in [0, 1].
    """
    c = W @ W.T
    np.fill_diagonal(c, 0)
    return (c**2).sum(axis=1) * (p / 3 - p**2 / 4) + (c.sum(axis=1) * p / 2) ** 2


def abs_weights(n):
    """(W_in (n, 2n), W_out (2n, n)) such that relu(x W_in) W_out = |x| for every x (batch, n)."""
    eye = np.eye(n)
    return np.hstack([eye, -eye]), np.vstack([eye, eye])


def read_back(hidden, W, lam):
    """Features x >= 0 with hidden ~ x W: non-negative LASSO codes z of the unit rows of W,
    then x_i = z_i / ||W_i||.

    hidden (n, d_hidden), W (n_features, d_hidden) -> (n, n_features);
    z minimises 1/2 ||hidden - z U||^2 + lam sum z.
    """
    length = np.linalg.norm(W, axis=1)
    return lasso.fista(hidden, W / length[:, None], lam, positive=True).z / length
