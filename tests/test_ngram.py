"""Kneser-Ney against a plain dictionary implementation of Chen and Goodman's equations."""

import math
from collections import Counter, defaultdict

import numpy as np
import pytest

from saekit import ngram

D_VOCAB = 60


def stream(n=600, seed=0):
    """Tokens of Zipf's frequencies in repeating phrases, so that n-grams of every count occur at every order."""
    rng = np.random.default_rng(seed)
    phrases = [rng.zipf(1.4, 6) % D_VOCAB for _ in range(60)]
    return np.concatenate([phrases[min(rng.zipf(1.5), 60) - 1] for _ in range(n // 6)]).astype(np.uint16)


class Plain:
    """p(w | h) by recursion over dictionaries, straight from the equations."""

    def __init__(self, tokens, max_order):
        tokens = tuple(int(t) for t in tokens)
        self.counts = {max_order: Counter(tokens[i : i + max_order] for i in range(len(tokens) - max_order + 1))}
        for n in range(max_order - 1, 0, -1):
            neighbours = defaultdict(set)
            for gram in self.counts[n + 1]:
                neighbours[gram[1:]].add(gram[0])
            self.counts[n] = Counter({gram: len(left) for gram, left in neighbours.items()})

    def discount(self, n, count):
        of = [None] + [sum(c == i for c in self.counts[n].values()) for i in (1, 2, 3, 4)]
        y, i = of[1] / (of[1] + 2 * of[2]), min(count, 3)
        return i - (i + 1) * y * of[i + 1] / of[i]

    def p(self, word, history):
        n = len(history) + 1
        lower = 1 / D_VOCAB if n == 1 else self.p(word, history[1:])
        followers = {gram[-1]: c for gram, c in self.counts[n].items() if gram[:-1] == history}
        if not followers:
            return lower
        total = sum(followers.values())
        left = sum(self.discount(n, c) for c in followers.values()) / total
        kept = followers[word] - self.discount(n, followers[word]) if word in followers else 0
        return kept / total + left * lower


@pytest.mark.parametrize("max_order", [1, 2, 3])
def test_cross_entropy_equals_the_plain_dictionary_model(max_order):
    train = stream(seed=17)
    test = np.r_[train[100:160], stream(60, seed=9)]  # known histories and new ones
    plain = Plain(train, max_order)
    assert all(
        0 < plain.discount(n, c) < c for n in range(1, max_order + 1) for c in (1, 2, 3)
    )  # so nothing is clipped
    positions = np.arange(max_order - 1, len(test))
    expected = -np.mean(
        [math.log(plain.p(int(test[i]), tuple(int(t) for t in test[i - max_order + 1 : i]))) for i in positions]
    )
    assert ngram.cross_entropy(ngram.fit(train, max_order, D_VOCAB), test, positions, D_VOCAB) == pytest.approx(
        expected, rel=1e-12
    )


@pytest.mark.parametrize("max_order", [1, 2, 4])
def test_probabilities_of_the_next_token_sum_to_one_after_any_history(max_order):
    orders = ngram.fit(stream(), max_order, D_VOCAB)
    for history in ([0, 0, 0], [59, 59, 59], [1, 2, 4], [3, 1, 1]):
        total = sum(
            math.exp(-ngram.cross_entropy(orders, np.array(history + [word]), np.array([3]), D_VOCAB))
            for word in range(D_VOCAB)
        )
        assert total == pytest.approx(1, rel=1e-12)


def test_a_token_never_seen_still_has_a_probability():
    train = np.array([0, 1, 1, 2, 1, 2, 2, 1, 0, 1, 3, 4, 4])
    assert math.isfinite(ngram.cross_entropy(ngram.fit(train, 2, D_VOCAB), np.array([1, 50]), np.array([1]), D_VOCAB))


def test_before_the_first_token_there_is_no_history():
    train = np.array([5, 1, 2, 6, 1, 3] * 20)  # after 5 1 comes 2, after 6 1 comes 3
    orders, texts = ngram.fit(train, 3, D_VOCAB), (np.array([1, 2, 6, 5]), np.array([1, 2, 5, 6]))
    first = [ngram.cross_entropy(orders, tokens, np.array([1]), D_VOCAB) for tokens in texts]
    assert first[0] == first[1]  # the text's last token is no history of its first


def test_higher_orders_predict_a_deterministic_stream_better():
    tokens = np.tile([1, 2, 1, 3, 1, 4], 50)  # after 1 comes 2, 3 or 4: the second-last token tells
    ce = [ngram.cross_entropy(ngram.fit(tokens, n, D_VOCAB), tokens, np.arange(4, 290), D_VOCAB) for n in (1, 2, 3)]
    assert ce[0] > ce[1] > ce[2] > 0


def test_orders_whose_keys_outgrow_63_bits_are_refused():
    with pytest.raises(ValueError, match="63-bit"):
        ngram.fit(stream(), 6, 4096)
