"""Reference answers of lesson 05_transformer, built from solutions/05_transformer.py: edit that file, not this one."""

import numpy as np


def nearest_tokens(atom, embeddings, n):
    """Positions of the n rows of embeddings (n_tokens, d) with the largest cosine to atom (d,),
    largest first, as integers.

    >>> print(nearest_tokens(np.array([1.0, 0.0]), np.array([[2.0, 2.0], [0.0, 1.0], [0.5, 0.0]]), 2))
    [2 0]
    """
    cosines = embeddings @ atom / np.linalg.norm(embeddings, axis=1)
    return np.argsort(-cosines)[:n]


def recipe(z, n):
    """(which, shares, others) of a code z (n_atoms,) >= 0: its n largest entries' positions (n,),
    their shares (n,) of z.sum(), and the rest's share.

    >>> which, shares, others = recipe(np.array([0.0, 3.0, 1.0]), 1)
    >>> print(which, shares, others)
    [1] [0.75] 0.25
    """
    which = np.argsort(-z)[:n]
    shares = z[which] / z.sum()
    return which, shares, 1 - shares.sum()


def dimensions_for(x, share):
    """Smallest number of principal directions that together hold at least `share` of the variance of x (n, d),
    as one number.

    >>> print(dimensions_for(np.array([[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0], [0.0, -1.0]]), 0.8))
    1
    """
    squares = np.linalg.svd(x - x.mean(axis=0), compute_uv=False) ** 2
    return int((np.cumsum(squares) / squares.sum() < share).sum()) + 1


def line_and_plane(x, level):
    """(line, plane): shares of the spread of the levels' means that their best line and their best plane hold.

    x (n, d), level (n,) integers; each level that occurs counts once.

    >>> line, plane = line_and_plane(np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]]), np.array([0, 1, 2]))
    >>> print(round(line, 6), round(plane, 6))
    1.0 1.0
    """
    means = np.array([x[level == one].mean(axis=0) for one in np.unique(level)])
    squares = np.linalg.svd(means - means.mean(axis=0), compute_uv=False) ** 2
    return float(squares[0] / squares.sum()), float(squares[:2].sum() / squares.sum())


def mlp_post(inputs):
    """relu(LayerNorm(hidden) W_in + b_in), (tokens, d_mlp), from a dict of arrays.

    hidden (tokens, d_model), scale and shift (d_model,), W_in (d_model, d_mlp), b_in (d_mlp,), eps a number.
    """
    hidden = inputs["hidden"]
    centred = hidden - hidden.mean(axis=1, keepdims=True)
    normed = centred / np.sqrt(hidden.var(axis=1, keepdims=True) + inputs["eps"])
    normed = normed * inputs["scale"] + inputs["shift"]
    return np.maximum(normed @ inputs["W_in"] + inputs["b_in"], 0)


def kurtosis(x):
    """mean (x - mean)^4 / variance^2 of each column of x (n, d): (d,). 3 for a normal distribution.

    >>> print(kurtosis(np.array([[1.0], [-1.0]])))
    [1.]
    """
    centred = x - x.mean(axis=0)
    return (centred ** 4).mean(axis=0) / x.var(axis=0) ** 2


def f1(fires, concept):
    """F1 of every unit against every concept, (n_units, n_concepts): 2 both / (fires + concept) in counts;
    0 where both never occur.

    fires (n, n_units), concept (n, n_concepts): True or False.

    >>> print(f1(np.array([[True], [True], [False]]), np.array([[True], [False], [False]])).round(2))
    [[0.67]]
    """
    fires, concept = fires.astype(np.float32), concept.astype(np.float32)
    both = fires.T @ concept
    total = fires.sum(axis=0)[:, None] + concept.sum(axis=0)
    return 2 * both / np.maximum(total, 1)


def best_thresholds(activations, concept, candidates):
    """The candidate threshold with the largest F1, for every unit and concept: (n_units, n_concepts).

    activations (n, n_units), concept (n, n_concepts) True or False, candidates (n_candidates, n_units);
    a unit fires above its threshold.

    >>> concept = np.array([[True], [False], [True]])
    >>> print(best_thresholds(np.array([[3.0], [1.0], [2.0]]), concept, np.array([[0.0], [1.5], [2.5]])))
    [[1.5]]
    """
    scores = np.array([f1(activations > row, concept) for row in candidates])
    best = scores.argmax(axis=0)
    return candidates[best, np.arange(activations.shape[1])[:, None]]
