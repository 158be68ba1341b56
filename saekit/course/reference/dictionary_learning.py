"""Reference answers of lesson 02_dictionary_learning, built from solutions/02_dictionary_learning.py: edit that file, not this one."""

import numpy as np


def explained_energy(x, z, D):
    """1 - sum ||x - z D||^2 / sum ||x||^2 as one number; x (n, d_in), z (n, n_atoms), D (n_atoms, d_in).

    >>> print(explained_energy(np.array([[3.0, 4.0]]), np.array([[3.0]]), np.array([[1.0, 0.0]])))
    0.36
    """
    return 1 - ((x - z @ D) ** 2).sum() / (x ** 2).sum()


def mean_max_cosine(D_true, D):
    """Mean over the rows of D_true (m, d_in) of the largest |cosine| to any row of D (n_atoms, d_in),
    as one number.

    >>> print(mean_max_cosine(np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[-2.0, 0.0]])))
    0.5
    """
    true_rows = D_true / np.linalg.norm(D_true, axis=1, keepdims=True)
    rows = D / np.linalg.norm(D, axis=1, keepdims=True)
    return np.abs(true_rows @ rows.T).max(axis=1).mean()


def mod_update(x, z, D):
    """argmin over the used rows of D (n_atoms, d_in) of sum ||x - z D||^2;
    rows whose column of z is zero stay as they are.

    x (n, d_in), z (n, n_atoms).

    >>> print(mod_update(np.array([[2.0, 4.0], [0.0, 1.0]]), np.array([[2.0, 0.0], [0.0, 1.0]]), np.eye(2)))
    [[1. 2.]
     [0. 1.]]
    """
    used = z.any(axis=0)
    D = D.copy()
    D[used] = np.linalg.lstsq(z[:, used], x)[0]
    return D


def renormalise(z, D):
    """(z, D) rescaled so that every row of D (n_atoms, d_in) has length 1 and z @ D is what it was;
    z (n, n_atoms).

    >>> z, D = renormalise(np.array([[1.0]]), np.array([[3.0, 4.0]]))
    >>> print(z, D)
    [[5.]] [[0.6 0.8]]
    """
    lengths = np.linalg.norm(D, axis=1)
    return z * lengths, D / lengths[:, None]


def replace_dead(x, z, D):
    """D (n_atoms, d_in) with unused rows replaced by the worst explained samples, worst first, scaled to length 1.

    x (n, d_in), z (n, n_atoms); an atom is unused when its column of z is zero.

    >>> print(replace_dead(np.array([[1.0, 0.0], [0.0, 4.0]]), np.array([[1.0, 0.0], [0.0, 0.0]]),
    ...                    np.array([[1.0, 0.0], [1.0, 0.0]])))
    [[1. 0.]
     [0. 1.]]
    """
    dead = np.flatnonzero(~z.any(axis=0))
    error = ((x - z @ D) ** 2).sum(axis=1)
    worst = x[np.argsort(-error)[:len(dead)]]
    D = D.copy()
    D[dead] = worst / np.linalg.norm(worst, axis=1, keepdims=True)
    return D


def ksvd_atom(x, z, D, i):
    """(atom (d_in,), codes (n,)): best rank-one fit to the residual without atom i,
    on the samples that use atom i.

    x (n, d_in), z (n, n_atoms), D (n_atoms, d_in). The atom has length 1; codes are zero where z[:, i] is zero.
    """
    users = z[:, i] != 0
    E = x[users] - z[users] @ D + np.outer(z[users, i], D[i])
    U, s, Vt = np.linalg.svd(E, full_matrices=False)
    codes = np.zeros(len(x))
    codes[users] = s[0] * U[:, 0]
    return Vt[0], codes


def whitening_matrix(x, n_kept):
    """V diag(1 / sqrt(variance)) V^T over the n_kept leading eigenvectors
    of the covariance of x (n, d_in): (d_in, d_in).

    >>> print(whitening_matrix(np.array([[2.0, 0.0], [-2.0, 0.0], [0.0, 1.0], [0.0, -1.0]]) * 1.5**0.5, 1)
    ...       .round(3) + 0.0)
    [[0.5 0. ]
     [0.  0. ]]
    """
    variance, V = np.linalg.eigh(np.cov(x, rowvar=False))
    V, variance = V[:, -n_kept:], variance[-n_kept:]
    return (V / np.sqrt(variance)) @ V.T
