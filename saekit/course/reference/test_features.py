"""Reference answers of lesson 08_test_features, built from solutions/08_test_features.py: edit that file, not this one."""

import numpy as np


def change_latent(x, old, new, atom):
    """x + (new - old) atom, row by row: x (n, d_in), old (n,), new a number or (n,), atom (d_in,).

    >>> print(change_latent(np.array([[1.0, 1.0]]), np.array([2.0]), 0.0, np.array([0.0, 0.5])))
    [[1. 0.]]
    """
    return x + (new - old)[:, None] * atom


def loss_change(clean, changed, targets):
    """Loss with the change minus loss without, in nats, of each prediction: (n,).
    clean, changed (n, d_vocab) logits, targets (n,) ints.

    >>> print(loss_change(np.array([[0.0, 0.0]]), np.array([[0.0, np.log(3)]]), np.array([0])).round(3))
    [0.693]
    """
    def loss(logits):
        top = logits.max(axis=1, keepdims=True)
        return np.log(np.exp(logits - top).sum(axis=1)) + top[:, 0] - logits[np.arange(len(targets)), targets]
    return loss(changed) - loss(clean)


def control_directions(atom, noise):
    """The rows of noise (n, d), each scaled to the length of atom (d,).

    >>> print(control_directions(np.array([0.0, 2.0]), np.array([[3.0, 0.0]])))
    [[2. 0.]]
    """
    return noise / np.linalg.norm(noise, axis=1, keepdims=True) * np.linalg.norm(atom)


def best_cut(score, truth):
    """The number c for which `score > c` predicts truth with the best F1; score (n,), truth (n,) True or False.

    >>> print(1 < best_cut(np.array([0.0, 1.0, 2.0, 3.0]), np.array([False, False, True, True])) < 2)
    True
    """
    order = np.argsort(-score)
    f1 = 2 * np.cumsum(truth[order]) / (np.arange(1, len(score) + 1) + truth.sum())
    ranked = score[order]
    f1[:-1][ranked[:-1] == ranked[1:]] = -1
    last = f1.argmax()
    return (ranked[last] + ranked[last + 1]) / 2 if last + 1 < len(score) else ranked[last] - 1


def most_different(x, has, k):
    """Positions of the k units of x (n, n_units) with the largest |mean with - mean without| / standard deviation;
    has (n,) True or False.

    >>> x, has = np.array([[0.0, 0.0], [1.0, 9.0], [0.0, 4.0], [1.0, 5.0]]), np.array([False, True, False, True])
    >>> print(most_different(x, has, 1))
    [0]
    """
    gap = np.abs(x[has].mean(axis=0) - x[~has].mean(axis=0)) / np.maximum(x.std(axis=0), 1e-9)
    return np.argsort(-gap)[:k]


def balanced_accuracy(answers, truth):
    """Mean of the shares of right answers among true and among untrue cases; answers, truth (n,) True or False.

    >>> print(balanced_accuracy(np.array([True, True, False, True]), np.array([True, True, False, False])))
    0.75
    """
    return (answers[truth].mean() + (~answers[~truth]).mean()) / 2


def cohen_kappa(a, b):
    """(agreement - expected) / (1 - expected) of two raters' answers a, b (n,) whole numbers.

    >>> print(cohen_kappa(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 1])))
    1.0
    """
    agreement = np.mean(a == b)
    expected = sum(np.mean(a == value) * np.mean(b == value) for value in np.union1d(a, b))
    return (agreement - expected) / (1 - expected)
