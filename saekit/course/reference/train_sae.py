"""Reference answers of lesson 06_train_sae, built from solutions/06_train_sae.py: edit that file, not this one."""

import numpy as np


def pre_acts(x, W_enc, b_enc, b_dec):
    """What the encoder computes before its activation: x (batch, d_in) -> (batch, d_sae).

    W_enc (d_in, d_sae), b_enc (d_sae,), b_dec (d_in,).
    """
    return (x - b_dec) @ W_enc + b_enc


def relu_l1_loss(x, x_hat, latents, l1_coeff):
    """mean_batch ||x - x_hat||^2 + l1_coeff * mean_batch sum_i latents_i, as one number.

    x, x_hat: (batch, d_in); latents: (batch, d_sae), not negative.
    """
    error = ((x - x_hat) ** 2).sum(axis=1)
    price = latents.sum(axis=1)
    return error.mean() + l1_coeff * price.mean()


def project_gradient(grad, W_dec):
    """grad (d_sae, d_in) minus, row by row, its component along the unit row of W_dec (d_sae, d_in)."""
    along = (grad * W_dec).sum(axis=1, keepdims=True)
    return grad - along * W_dec


def topk(pre, k):
    """The k largest entries of each row of pre (batch, d_sae), negative ones set to 0; zero elsewhere.

    >>> print(topk(np.array([[3.0, -1.0, 2.0, 0.5]]), 2))
    [[3. 0. 2. 0.]]
    """
    threshold = np.sort(pre, axis=1)[:, [-k]]
    return np.maximum(np.where(pre >= threshold, pre, 0), 0)


def jumprelu(pre_acts, threshold, bandwidth):
    """(latents, slope): pre_acts above the threshold, else 0; d latents / d threshold, the step as a ramp.

    pre_acts (batch, d_sae), threshold (d_sae,). slope is -threshold / bandwidth where
    |pre_acts - threshold| < bandwidth / 2, else 0.

    >>> latents, slope = jumprelu(np.array([[1.0, 1.4, 1.6, 2.0]]), np.full(4, 1.5), 0.5)
    >>> print(latents, slope)
    [[0.  0.  1.6 2. ]] [[ 0. -3. -3.  0.]]
    """
    near = np.abs(pre_acts - threshold) < bandwidth / 2
    return np.where(pre_acts > threshold, pre_acts, 0), np.where(near, -threshold / bandwidth, 0)


def turnover(W_old, W_new):
    """1 - mean over the rows of W_new of the largest cosine to any row of W_old, as one number.

    W_old, W_new: (d_sae, d_in), rows of any length.

    >>> print(round(float(turnover(np.eye(2), np.array([[0.0, 3.0], [4.0, 3.0]]))), 3))
    0.1
    """
    old = W_old / np.linalg.norm(W_old, axis=1, keepdims=True)
    new = W_new / np.linalg.norm(W_new, axis=1, keepdims=True)
    return 1 - (new @ old.T).max(axis=1).mean()


def tokens_since_fired(silent, latents):
    """New counts (d_sae,) of tokens since each latent last fired, after a batch of latents (batch, d_sae).

    silent (d_sae,): the counts before it, integers.

    >>> print(tokens_since_fired(np.array([5, 5]), np.array([[0.0, 0.0], [0.0, 2.0], [0.0, 0.0]])))
    [8 0]
    """
    fired = (latents > 0).any(axis=0)
    return np.where(fired, 0, silent + len(latents))


def explained_variance(x, x_hat):
    """1 - sum (x - x_hat)^2 / sum (x - mean of x per column)^2, as one number; x, x_hat (n, d)."""
    error = ((x - x_hat) ** 2).sum()
    variance = ((x - x.mean(axis=0)) ** 2).sum()
    return 1 - error / variance
