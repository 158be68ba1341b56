"""Smoothed n-gram models: the baseline that a language model's cross-entropy is printed beside.

Interpolated Kneser-Ney with three discounts per order (Chen and Goodman 1999, eq. 26-27):
    p_n(w | h) = max(c(hw) - D(c(hw)), 0) / c(h) + gamma(h) p_{n-1}(w | h'),
where below the highest order c counts the distinct left neighbours of hw, and p_0 is uniform.
"""

from typing import NamedTuple

import numpy as np


class Order(NamedTuple):
    """Counts of one order, sorted by key: an n-gram's key is its tokens as base-d_vocab digits."""

    grams: np.ndarray      # (n_grams,) keys
    counts: np.ndarray     # (n_grams,) counts, or distinct left neighbours below the highest order
    contexts: np.ndarray   # (n_contexts,) keys of the histories
    totals: np.ndarray     # (n_contexts,) sum of counts over the history's continuations
    backoff: np.ndarray    # (n_contexts,) probability mass left to the lower order
    discounts: np.ndarray  # (4,) D(0), D(1), D(2), D(3 and more)


def fit(tokens, max_order, d_vocab):
    """Orders 1..max_order of a Kneser-Ney model of the tokens (n_tokens,). ValueError where keys outgrow 63 bits."""
    if d_vocab**max_order >= 2**63:
        raise ValueError(f"n-grams of order {max_order} over {d_vocab} tokens outgrow 63-bit keys; use a lower order")
    tokens = tokens.astype(np.int64)
    orders, grams = [], np.sort(_keys(tokens, max_order, d_vocab))
    grams, counts = _runs(grams)
    for n in range(max_order, 0, -1):
        orders.append(_order(grams, counts, d_vocab))
        grams, counts = _runs(np.sort(grams % d_vocab**(n - 1)))  # the first token dropped: a row per left neighbour
    return orders[::-1]


def cross_entropy(orders, tokens, positions, d_vocab):
    """Mean of -log p(tokens[i] | the tokens before it) over `positions` i, in nats, all given orders interpolated."""
    tokens = tokens.astype(np.int64)
    p = np.full(len(positions), 1 / d_vocab)
    for n, order in enumerate(orders, start=1):
        keys = np.zeros(len(positions), dtype=np.int64)
        for back in range(n - 1, -1, -1):
            keys = keys * d_vocab + tokens[positions - back]
        gram, known_gram = _find(order.grams, keys)
        context, known_context = _find(order.contexts, keys // d_vocab)
        known_context &= positions >= n - 1  # nothing stands before the first token
        count = np.where(known_gram, order.counts[gram], 0)
        kept = np.maximum(count - order.discounts[np.minimum(count, 3)], 0)
        p = np.where(known_context, kept / order.totals[context] + order.backoff[context] * p, p)
    return float(-np.log(p).mean())


def table(train, stream, n_ctx, d_vocab, max_order=4):
    """Cross-entropy in nats of Kneser-Ney models of order 1..max_order on exactly the predictions that
    `pretrain.evaluate` counts.

    The n-gram models see the true history across context borders, which the transformer does not: the comparison
    favours them.
    """
    usable = (len(stream.tokens) - 1) // (n_ctx - 1) * (n_ctx - 1)
    positions = np.arange(1, usable + 1).reshape(-1, n_ctx - 1)[:, 1:].ravel()
    positions = positions[stream.tokens[positions - 1] != 0]
    return {f"{n}-gram": cross_entropy(fit(train.tokens, n, d_vocab), stream.tokens, positions, d_vocab)
            for n in range(1, max_order + 1)}


def _order(grams, counts, d_vocab):
    histories, first = np.unique(grams // d_vocab, return_index=True)
    totals = np.add.reduceat(counts, first)
    n1, n2, n3, n4 = (max(1, int((counts == c).sum())) for c in (1, 2, 3, 4))
    y = n1 / (n1 + 2 * n2)
    discounts = np.clip([0, 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3], 0, [0, 1, 2, 3])
    removed = np.add.reduceat(discounts[np.minimum(counts, 3)], first)
    return Order(grams, counts, histories, totals, removed / totals, discounts)


def _keys(tokens, n, d_vocab):
    """Key of every window of n tokens."""
    keys = np.zeros(max(0, len(tokens) - n + 1), dtype=np.int64)
    for i in range(n):
        keys = keys * d_vocab + tokens[i:len(tokens) - n + 1 + i]
    return keys


def _runs(sorted_keys):
    """Distinct values of a sorted array and how often each occurs."""
    first = np.flatnonzero(np.r_[True, sorted_keys[1:] != sorted_keys[:-1]])
    return sorted_keys[first], np.diff(np.r_[first, len(sorted_keys)])


def _find(sorted_keys, keys):
    """Index of each key in the sorted array (any valid index if absent) and whether it is there."""
    index = np.minimum(np.searchsorted(sorted_keys, keys), len(sorted_keys) - 1)
    return index, sorted_keys[index] == keys
