"""Matches between dictionaries: hand cases, planted copies, and the baselines against simulation."""

import numpy as np
import pytest
from scipy.sparse import csc_matrix

from saekit import synthetic, universality


def test_mutual_pairs_by_hand():
    similarity = np.array([[0.9, 0.1, 0.3], [0.8, 0.2, 0.1]])
    # both rows prefer column 0, which prefers row 0
    assert universality.mutual_pairs(similarity).tolist() == [[0, 0]]
    assert universality.mutual_pairs(np.array([[0.1, 0.9], [0.8, 0.7]])).tolist() == [[0, 1], [1, 0]]


def test_a_permuted_copy_is_found_whole():
    W, order = synthetic.random_dictionary(40, 12, seed=0), np.random.default_rng(1).permutation(40)
    pairs = universality.mutual_pairs(universality.cosines(W, 3 * W[order]))
    assert len(pairs) == 40 and (order[pairs[:, 1]] == pairs[:, 0]).all()


def test_activation_correlations_are_numpys():
    rng = np.random.default_rng(0)
    a, b = (np.maximum(rng.normal(size=(200, width)) - 1, 0) for width in (4, 3))
    a[:, 2] = 0
    expected = np.zeros((4, 3))
    expected[[0, 1, 3]] = np.corrcoef(np.delete(a, 2, 1).T, b.T)[:3, 3:]
    found = universality.activation_correlations(csc_matrix(a), csc_matrix(b.astype(np.float32)))
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_correlation_finds_the_same_feature_in_a_rotated_model():
    """Angles between the two mean nothing, since the second model has other coordinates; activations agree."""
    z = synthetic.sparse_codes(3000, 20, 3, seed=0, positive=True)
    order = np.random.default_rng(3).permutation(20)
    pairs = universality.mutual_pairs(universality.activation_correlations(csc_matrix(z), csc_matrix(2 * z[:, order])))
    assert (order[pairs[:, 1]] == pairs[:, 0]).all() and len(pairs) == 20


def test_other_tokens_and_other_widths_are_errors():
    with pytest.raises(ValueError, match="a has 3 rows, b has 4"):
        universality.activation_correlations(csc_matrix((3, 2)), csc_matrix((4, 2)))
    with pytest.raises(ValueError, match="use activation_correlations"):
        universality.cosines(np.ones((2, 3)), np.ones((2, 4)))


def test_shuffled_coordinates_keep_the_angles_within():
    W = np.random.default_rng(0).normal(size=(6, 30))
    shuffled = universality.shuffled_coordinates(W, seed=1)
    np.testing.assert_allclose(shuffled @ shuffled.T, W @ W.T)
    assert np.abs(np.diag(universality.cosines(W, shuffled))).max() < 0.9


@pytest.mark.parametrize("d, n", [(512, 2048), (16, 5), (3, 40), (128, 1)])
def test_the_expected_largest_cosine_is_that_of_a_simulation(d, n):
    rng = np.random.default_rng(0)
    best = [universality.cosines(rng.normal(size=(1, d)), rng.normal(size=(n, d))).max() for _ in range(200)]
    error = np.std(best) / 200**0.5
    assert abs(np.mean(best) - universality.expected_max_cosine(d, n)) < 4 * error


def test_in_the_plane_the_largest_cosine_of_two_has_a_closed_form():
    # angles t uniform on (0, pi): E max(cos a, cos b) = E cos(min) = 2/pi^2 int (pi - t) cos t dt = 4 / pi^2
    assert universality.expected_max_cosine(2, 2) == pytest.approx(4 / np.pi**2, abs=1e-4)


def test_sizes_that_make_no_sense_are_errors():
    with pytest.raises(ValueError, match="d is 1"):
        universality.expected_max_cosine(1, 5)
    with pytest.raises(ValueError, match="3 items cannot make 10 groups"):
        universality.share_by_group(np.ones(3, bool), np.ones(3))


def test_shares_by_group_by_hand():
    score, hit = np.array([5.0, 1, 3, 2, 9, 7]), np.array([True, False, False, False, True, True])
    middle, share = universality.share_by_group(hit, score, 3)
    # sorted: 1 2 | 3 5 | 7 9
    assert middle.tolist() == [1.5, 4, 8] and share.tolist() == [0, 0.5, 1]
