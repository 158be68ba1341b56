"""Examples, units and concepts of latents against sums and sorts by hand."""

import numpy as np
import pytest
from scipy.sparse import csc_matrix

from saekit import corpus, interpret


def test_the_top_is_the_largest_and_every_interval_holds_only_its_own_tenth():
    activations = np.random.default_rng(0).gamma(1.0, size=3000)
    index, sections = interpret.choose_examples(activations)
    np.testing.assert_array_equal(index[sections == 0], np.argsort(-activations)[:20])
    shares = activations[index] / activations.max()
    for s in range(1, 11):
        assert ((shares[sections == s] > (10 - s) / 10) & (shares[sections == s] <= (11 - s) / 10)).all()
        assert (np.diff(activations[index[sections == s]]) <= 0).all()
    assert max(np.bincount(sections)[1:]) == 5 == np.bincount(sections)[10] and 1 in sections


def test_few_firings_are_shown_once_in_the_top_and_once_in_their_interval():
    index, sections = interpret.choose_examples(np.array([1.0, 0.05, 0.55]))
    assert list(zip(index, sections)) == [(0, 0), (2, 0), (1, 0), (0, 1), (2, 5), (1, 10)]


def test_an_interval_is_drawn_evenly_and_another_seed_draws_others():
    activations = np.append(np.linspace(0.51, 0.59, 50), 1.0)
    drawn = [set(i) for i in (interpret.choose_examples(activations, s)[0][20:] for s in range(200))]
    counts = np.bincount([i for one in drawn for i in one if i != 50], minlength=50)
    assert drawn[0] != drawn[1] and counts.min() > 5 and counts.max() < 45  # 20 each on average


def test_alignment_by_hand():
    # the row's L1 norm is 5: weights 2, 1.5 and 0.5 are 40, 30 and 10 %; -1 does not activate anything
    neurons, weights, shares = interpret.neuron_alignment(np.array([[0.5, 2.0, -1.0, 1.5, 0.0]]))
    assert neurons.tolist() == [[1, 3, 0]] and weights.tolist() == [[2.0, 1.5, 0.5]]
    np.testing.assert_allclose(shares, [[0.4, 0.3, 0.1]])


def test_the_nearest_latents_are_those_of_all_cosines():
    W_dec = np.random.default_rng(1).normal(size=(12, 4))
    unit = W_dec / np.linalg.norm(W_dec, axis=1, keepdims=True)
    latents, cosines = interpret.nearest_latents(W_dec, 3)
    expected = np.where(np.eye(12, dtype=bool), -2, unit @ unit.T)
    np.testing.assert_array_equal(latents, np.argsort(-expected, axis=1)[:, :3])
    np.testing.assert_allclose(cosines, np.sort(expected, axis=1)[:, ::-1][:, :3])


def test_the_order_puts_copies_of_a_direction_side_by_side():
    rng = np.random.default_rng(2)
    W_dec = np.repeat(rng.normal(size=(6, 30)), 2, axis=0) + 0.01 * rng.normal(size=(12, 30))
    mixed = rng.permutation(12)
    position = interpret.similarity_order(W_dec[mixed])
    assert sorted(position) == list(range(12))
    where = position[np.argsort(mixed)]  # of the rows in their first order
    assert (np.abs(where[0::2] - where[1::2]) == 1).all()


def test_concept_scores_by_hand():
    labels = np.array([[1, 0], [1, 0], [0, 1], [0, 0], [1, 0]], bool)
    # above 1.5, latent 0 fires on rows 0, 1: both have concept 0, which three rows have
    latents = csc_matrix(np.array([[2.0, 0], [1.8, 0], [0.1, 0], [0.1, 0], [0, 0]], np.float32))
    # unseen: above it on rows 0, 1, 3; one of them has concept 0, as have two rows: P 1/3, R 1/2, F1 2 / (3 + 2)
    unseen = np.array([[1, 0], [0, 0], [1, 0], [0, 0]], bool)
    other = csc_matrix(np.array([[1.9, 0], [1.9, 0], [0, 0], [2, 0]], np.float32))
    scores = interpret.concept_scores((latents, labels), (other, unseen), n=1)
    assert scores[1] == []
    [best] = scores[0]
    assert best.concept == 0 and 0.1 < best.threshold <= 1.8
    assert (best.precision, best.recall, best.f1) == pytest.approx((1 / 3, 1 / 2, 2 / 5))


def test_an_example_knows_its_file_and_its_place_also_among_chosen_contexts():
    tokens = np.array([0, 5, 6, 7, 0, 8, 9, 0, 3, 4, 3, 3], dtype=np.uint16)
    stream = corpus.TokenStream(tokens, np.array([0, 4, 7]), ["a.py", "b.py", "c.py"], None)
    chosen = corpus.contexts(stream, 4)[[2, 0]]  # 0 0 3 4 | 0 5 6 7
    activations = np.array([0.0, 1.0, 0.0, 2.0, 0.0])
    first, second = interpret.examples([1, 3], activations, chosen, stream, Letters(), before=1, which=np.array([2, 0]))
    assert (first.tokens, first.at, first.file) == (["3", "4"], 1, "c.py")
    assert (second.tokens, second.at, second.file) == (["5", "6", "7"], 1, "a.py")
    assert second.activations.tolist() == [0, 2, 0]


class Letters:
    def decode(self, ids, skip_special_tokens):
        return str(ids[0])
