"""Reference answers of lesson 04_pca_to_sae, built from solutions/04_pca_to_sae.py: edit that file, not this one."""

import numpy as np


def largest_angle(A, B):
    """Largest principal angle in radians between the spans of the rows of A (m, d) and of B (m, d), as one number.

    >>> print(np.round(largest_angle(np.array([[2.0, 0.0]]), np.array([[0.0, 3.0]])), 3))
    1.571
    """
    Q_A, Q_B = np.linalg.qr(A.T)[0], np.linalg.qr(B.T)[0]
    cosines = np.linalg.svd(Q_A.T @ Q_B, compute_uv=False)
    return np.arccos(np.clip(cosines.min(), -1, 1))


def one_step_encoder(D, lam):
    """(W_enc (d_in, n_atoms), b_enc (n_atoms,)) of the first step of non-negative ISTA
    for D (n_atoms, d_in) and lam.

    >>> W_enc, b_enc = one_step_encoder(np.eye(2), 0.5)
    >>> print(W_enc, b_enc)
    [[1. 0.]
     [0. 1.]] [-0.5 -0.5]
    """
    L = np.linalg.norm(D, 2) ** 2
    return D.T / L, np.full(len(D), -lam / L)


def unrolled_ista(x, D, lam, n_layers):
    """Codes (n, n_atoms) of x (n, d_in) after n_layers >= 1 steps of non-negative ISTA from zero."""
    W, b = one_step_encoder(D, lam)
    S = np.eye(len(D)) - D @ W
    z = np.maximum(x @ W + b, 0)
    for _ in range(n_layers - 1):
        z = np.maximum(x @ W + z @ S + b, 0)
    return z


def amortisation_gap(x, D, z, z_exact, lam):
    """Mean over samples of 1/2 ||x - z D||^2 + lam sum z, less that of z_exact: one number.

    x (n, d_in), codes (n, n_atoms) >= 0.
    """
    def objective(code):
        return 0.5 * ((x - code @ D) ** 2).sum(axis=1) + lam * code.sum(axis=1)
    return (objective(z) - objective(z_exact)).mean()


def refit(target, latents, W_dec):
    """Least-squares values on each row's own support: latents (n, d_sae) -> (n, d_sae);
    target (n, d_in), W_dec (d_sae, d_in).

    >>> print(refit(np.array([[2.0, 3.0]]), np.array([[1.5, 0.0]]), np.eye(2)))
    [[2. 0.]]
    """
    refitted = np.zeros(latents.shape)
    for i, row in enumerate(latents):
        active = np.flatnonzero(row)
        if len(active):
            refitted[i, active] = np.linalg.lstsq(W_dec[active].T, target[i])[0]
    return refitted


def plant_worst(x, x_hat, noise):
    """Unit rows (n_dead, d_in) near the direction of the worst sample's residual;
    x, x_hat (n, d_in), noise (n_dead, d_in).

    >>> x, x_hat = np.array([[1.0, 0.0], [0.0, 9.0]]), np.array([[1.0, 1.0], [0.0, 4.0]])
    >>> print(plant_worst(x, x_hat, np.zeros((1, 2))))
    [[0. 1.]]
    """
    resid = x - x_hat
    worst = resid[np.argmax((resid ** 2).sum(axis=1))]
    rows = worst / np.linalg.norm(worst) + noise
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def planting_odds(x, x_hat):
    """Probabilities (n,) proportional to (||x - x_hat||^2)^2, for x and x_hat (n, d_in)."""
    loss = ((x - x_hat) ** 2).sum(axis=1)
    return loss ** 2 / (loss ** 2).sum()
