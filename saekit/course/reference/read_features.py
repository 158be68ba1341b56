"""Reference answers of lesson 07_read_features, built from solutions/07_read_features.py: edit that file, not this one."""

import numpy as np


def density_kinds(counts, n_tokens, low):
    """0 where a latent never fires, 1 where its density is above 0 and below low, 2 elsewhere: (d_sae,) ints
    from counts (d_sae,).

    >>> print(density_kinds(np.array([0, 3, 40]), 1_000_000, 1e-5))
    [0 1 2]
    """
    density = counts / n_tokens
    return np.where(counts == 0, 0, np.where(density < low, 1, 2))


def interval_of(activations):
    """The interval of each activation (n,) > 0, as ints:
    s where (10 - s)/10 < activation / largest <= (11 - s)/10.

    >>> print(interval_of(np.array([2.0, 1.5, 0.1])))
    [ 1  3 10]
    """
    share = activations / activations.max()
    return (11 - np.ceil(10 * share)).astype(int)


def logit_lens(direction, W_down, gamma, sigma, W_U):
    """Logits per unit of activation that a direction in the neurons writes, centred over the tokens: (d_vocab,).

    direction (d_mlp,), W_down (d_mlp, d_model), gamma (d_model,) and sigma (a number) of the final norm,
    W_U (d_model, d_vocab).
    """
    written = direction @ W_down
    logits = written * gamma / sigma @ W_U
    return logits - logits.mean()


def nearest_neuron(W):
    """Largest cosine of each row of W (n, d_mlp) with a single neuron's axis: (n,).

    >>> print(nearest_neuron(np.array([[0.0, 2.0], [3.0, 4.0]])))
    [1.  0.8]
    """
    return W.max(axis=1) / np.linalg.norm(W, axis=1)


def pearson(a, b):
    """Pearson correlation over rows of each column of a (n, p) with each column of b (n, q): (p, q);
    0 for a constant column.

    >>> print(pearson(np.array([[0.0], [1.0], [2.0]]), np.array([[1.0, 5.0], [2.0, 3.0], [3.0, 1.0]])).round(6))
    [[ 1. -1.]]
    """
    def unit(x):
        centred = x - x.mean(axis=0)
        length = np.linalg.norm(centred, axis=0)
        return centred / np.where(length > 0, length, 1)
    return unit(a).T @ unit(b)


def token_means(tokens, activations, d_vocab):
    """Mean activation on each token id, the overall mean for ids that do not occur: (d_vocab,);
    tokens, activations (n,).

    >>> print(token_means(np.array([0, 2, 2]), np.array([1.0, 4.0, 4.0]), 4))
    [1. 3. 4. 3.]
    """
    counts = np.bincount(tokens, minlength=d_vocab)
    sums = np.bincount(tokens, weights=activations, minlength=d_vocab)
    return np.where(counts > 0, sums / np.maximum(counts, 1), activations.mean())


def formula_correlation(n, s, n_rows, mean, sd):
    """(s/N - n/N mean) / (sd sqrt(n/N (1 - n/N))) for formulas that hold on n (m,) of N = n_rows rows,
    where activations sum to s (m,).

    mean, sd > 0: of the activations over all rows. 0 where n is 0 or N.
    """
    share = n / n_rows
    spread = sd * np.sqrt(share * (1 - share))
    covariance = s / n_rows - share * mean
    return np.where(spread > 0, covariance / np.where(spread > 0, spread, 1), 0.0)
