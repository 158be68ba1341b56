"""Reference answers of lesson 01_lasso, built from solutions/01_lasso.py: edit that file, not this one."""

import numpy as np


def coherence(D):
    """Largest |cosine| between two different rows of D (n_atoms, d_in), as one number.

    >>> print(coherence(np.array([[1.0, 0.0], [0.6, 0.8]])))
    0.6
    """
    unit = D / np.linalg.norm(D, axis=1, keepdims=True)
    cosines = np.abs(unit @ unit.T)
    np.fill_diagonal(cosines, 0)
    return cosines.max()


def soft_threshold(x, lam, positive=False):
    """Minimiser of 1/2 (z - x)^2 + lam |z| for every entry of x, over z >= 0 if positive.

    >>> print(soft_threshold(np.array([3.0, 0.5, -2.0]), 1.0))
    [ 2.  0. -1.]
    """
    if positive:
        return np.maximum(x - lam, 0)
    return np.sign(x) * np.maximum(np.abs(x) - lam, 0)


def lam_max(x, D, positive=False):
    """Smallest lam at which z = 0 solves the LASSO, for each row of x (n, d_in): shape (n,)."""
    c = x @ D.T
    return (np.maximum(c, 0) if positive else np.abs(c)).max(axis=1)


def kkt_violation(x, D, z, lam):
    """Largest breach of the LASSO's optimality conditions per sample: x (n, d_in), z (n, n_atoms) -> (n,)."""
    c = (x - z @ D) @ D.T
    used = np.abs(c - lam * np.sign(z))
    unused = np.maximum(np.abs(c) - lam, 0)
    return np.where(z != 0, used, unused).max(axis=1)


def ista_step(z, x, D, lam, positive=False):
    """One step of iterative shrinkage for the LASSO: z (n, n_atoms), x (n, d_in) -> new z (n, n_atoms)."""
    L = np.linalg.norm(D, 2) ** 2
    return soft_threshold(z + (x - z @ D) @ D.T / L, lam / L, positive)


def fista(x, D, lam, n_iter):
    """Codes after n_iter steps of FISTA from zero: x (n, d_in) -> z (n, n_atoms)."""
    z = y = np.zeros((len(x), len(D)))
    t = 1.0
    for _ in range(n_iter):
        z_old, z = z, ista_step(y, x, D, lam)
        t_old, t = t, (1 + np.sqrt(1 + 4 * t ** 2)) / 2
        y = z + (t_old - 1) / t * (z - z_old)
    return z


def coordinate_pass(z, x, D, lam):
    """z (n, n_atoms) after one pass of coordinate descent over the unit atoms of D, in order; x (n, d_in)."""
    z = z.copy()
    r = x - z @ D
    for i in range(len(D)):
        new = soft_threshold(r @ D[i] + z[:, i], lam)
        r = r - np.outer(new - z[:, i], D[i])
        z[:, i] = new
    return z


def omp(x, D, k):
    """Code (n_atoms,) of x (d_in,) with k non-zeros by orthogonal matching pursuit;
    D (n_atoms, d_in) has unit rows.
    """
    z, support = np.zeros(len(D)), []
    for _ in range(k):
        residual = x - z @ D
        support.append(int(np.abs(D @ residual).argmax()))
        z[support] = np.linalg.lstsq(D[support].T, x, rcond=None)[0]
    return z
