"""Reference answers of lesson 09_splitting, built from solutions/09_splitting.py: edit that file, not this one."""

import numpy as np


def together(both, n_small, n_large):
    """P(parent i fires | child j fires): both (n_parents, n_children), n_small (n_parents,), n_large (n_children,)
    counts of tokens.

    >>> print(together(np.array([[2, 2]]), np.array([4]), np.array([2, 4])))
    [[1.  0.5]]
    """
    return both / np.maximum(n_large, 1)


def parents_of(cosine, together, least_cosine, least_together):
    """Each child's parent (n_children,): row of its largest cosine, -1 if cosine or together there is too low;
    both are (n_parents, n_children).

    >>> print(parents_of(np.array([[0.9, 0.2], [0.1, 0.3]]), np.array([[1.0, 1.0], [1.0, 1.0]]), 0.4, 0.5))
    [ 0 -1]
    """
    nearest, child = cosine.argmax(axis=0), np.arange(cosine.shape[1])
    enough = (cosine[nearest, child] >= least_cosine) & (together[nearest, child] >= least_together)
    return np.where(enough, nearest, -1)


def absorbed(latents, W_dec, own, direction, size):
    """Samples (n,) on which latent `own` is silent while the feature is there and others write at least half
    of it; latents (n, d_sae), W_dec (d_sae, d_in), direction (d_in,) of length 1, size (n,).

    >>> print(absorbed(np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([[1.0, 0.0], [0.6, 0.8]]), 0,
    ...                np.array([1.0, 0.0]), np.array([1.0, 1.0])))
    [ True False]
    """
    written = latents @ (W_dec @ direction)
    return (latents[:, own] == 0) & (size > 0) & (written >= size / 2)


def matryoshka_loss(x, latents, W_dec, b_dec, prefixes):
    """Mean over prefixes m of mean_samples ||x - (latents[:, :m] W_dec[:m] + b_dec)||^2;
    x (n, d_in), latents (n, d_sae), prefixes (n_prefixes,) ints.

    >>> print(matryoshka_loss(np.array([[2.0]]), np.array([[1.0, 1.0]]), np.array([[1.0], [1.0]]),
    ...                       np.array([0.0]), np.array([1, 2])))
    0.5
    """
    errors = [((x - latents[:, :m] @ W_dec[:m] - b_dec) ** 2).sum(axis=1).mean() for m in prefixes]
    return np.mean(errors)


def mutual_pairs(similarity):
    """Pairs (i, j) that are each other's most similar, (m, 2) integers with i rising; similarity (p, q).

    >>> print(mutual_pairs(np.array([[0.9, 0.1], [0.8, 0.3]])))
    [[0 0]]
    """
    best, back = similarity.argmax(axis=1), similarity.argmax(axis=0)
    i = np.flatnonzero(back[best] == np.arange(len(best)))
    return np.stack([i, best[i]], axis=1)


def correlations(products, a_sum, a_square, b_sum, b_square, n):
    """Pearson correlation (p, q) over n tokens: products (p, q) = sum a_i b_j, sums and sums of squares
    (p,) and (q,); 0 where one side is constant.

    >>> print(correlations(np.array([[2.0]]), np.array([2.0]), np.array([2.0]),
    ...                    np.array([2.0]), np.array([2.0]), 4))
    [[1.]]
    """
    covariance = products / n - np.outer(a_sum / n, b_sum / n)
    variances = [np.maximum(square / n - (total / n) ** 2, 0)
                 for total, square in ((a_sum, a_square), (b_sum, b_square))]
    spread = np.sqrt(np.outer(*variances))
    return np.where(spread > 1e-9, covariance / np.where(spread > 1e-9, spread, 1), 0)


def effect(values, where):
    """[mean, standard error] of values over the tokens where, (2,), contexts being the independent units;
    both (n_contexts, n_ctx), where True or False.

    >>> print(effect(np.array([[1.0, 3.0], [5.0, 7.0]]), np.array([[True, True], [True, True]])))
    [4. 2.]
    """
    mean, n = values[where].mean(), where.any(axis=1).sum()
    sums = ((values - mean) * where).sum(axis=1)
    return np.array([mean, np.sqrt(n / (n - 1) * (sums ** 2).sum()) / where.sum()])
