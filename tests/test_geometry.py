"""Angles between atoms, against hand numbers, brute force and the other known form of the phase transition."""

from itertools import permutations

import numpy as np
import pytest
from scipy.optimize import brentq, minimize_scalar
from scipy.stats import norm

from saekit import geometry, synthetic


def test_unit_norm_divides_three_four_by_five():
    np.testing.assert_allclose(geometry.unit_norm([[3, 4], [0, -2]]), [[0.6, 0.8], [0, -1]])


def test_unit_norm_survives_tiny_and_huge_rows():
    np.testing.assert_allclose(geometry.unit_norm([[3e-200, 4e-200], [3e200, 4e200]]), [[0.6, 0.8], [0.6, 0.8]])


def test_coherence_of_three_directions_at_120_degrees_is_one_half():
    angles = 2 * np.pi * np.arange(3) / 3
    D = np.column_stack([np.cos(angles), np.sin(angles)])
    assert geometry.coherence(5 * D) == pytest.approx(0.5)
    assert geometry.welch_bound(3, 2) == pytest.approx(0.5)  # sqrt((3 - 2) / (2 * 2)): the frame is optimal


def test_coherence_of_spikes_and_cosines_has_the_closed_form():
    # largest entry of the DCT is sqrt(2/d) cos(pi/2d), from frequency 1 at sample 0
    expected = np.sqrt(2 / 64) * np.cos(np.pi / 128)
    assert geometry.coherence(synthetic.spikes_dct(64)) == pytest.approx(expected, rel=1e-12)


def test_no_dictionary_goes_below_the_welch_bound():
    for seed in range(20):
        D = synthetic.random_dictionary(12, 5, seed)
        assert geometry.coherence(D) >= geometry.welch_bound(12, 5)
    assert geometry.welch_bound(5, 5) == 0 == geometry.coherence(np.eye(5))


def test_uniqueness_bound_for_spikes_and_cosines_at_1024_allows_eleven():
    mu = geometry.coherence(synthetic.spikes_dct(1024))
    assert mu == pytest.approx(0.044, abs=3e-4)
    assert 11 < geometry.uniqueness_bound(mu) < 12


def test_exact_recovery_coefficient_by_hand():
    D = [[1, 0], [0, 1], [0.6, 0.8]]
    assert geometry.exact_recovery_coefficient(D, [0, 1]) == pytest.approx(1.4)  # 0.6 + 0.8: OMP may fail here
    assert geometry.exact_recovery_coefficient(D, [0]) == pytest.approx(0.6)


def test_exact_recovery_coefficient_stays_below_its_coherence_bound():
    D, k = synthetic.spikes_dct(64), 3
    mu = geometry.coherence(D)
    for seed in range(20):
        support = np.random.default_rng(seed).choice(len(D), k, replace=False)
        assert geometry.exact_recovery_coefficient(D, support) <= k * mu / (1 - (k - 1) * mu)  # Tropp (2004), thm 3.5


def test_matching_equals_the_best_of_all_permutations():
    rng = np.random.default_rng(0)
    D_true, D = rng.standard_normal((5, 4)), rng.standard_normal((5, 4))
    cosine = np.abs(geometry.unit_norm(D_true) @ geometry.unit_norm(D).T)
    best = max(cosine[np.arange(5), list(order)].sum() for order in permutations(range(5)))
    assert np.abs(geometry.match_atoms(D_true, D).cosine).sum() == pytest.approx(best)


def test_matching_undoes_a_shuffle_with_flipped_signs_and_lengths():
    D = synthetic.random_dictionary(7, 9, seed=1)
    order = np.random.default_rng(2).permutation(7)
    match = geometry.match_atoms(D, -3 * D[order])
    np.testing.assert_array_equal(order[match.index], match.true_index)
    np.testing.assert_allclose(match.cosine, -1)


def test_matching_pairs_as_many_atoms_as_the_smaller_dictionary_has():
    D = synthetic.random_dictionary(6, 8, seed=0)
    match = geometry.match_atoms(D, D[[4, 1]])
    assert sorted(zip(match.true_index, match.index, strict=True)) == [(1, 1), (4, 0)]


def test_signed_mean_max_cosine_does_not_accept_a_reversed_atom():
    D = np.eye(3)
    flipped = D * [[1], [1], [-1]]
    assert geometry.mean_max_cosine(D, flipped) == pytest.approx(1)
    assert geometry.mean_max_cosine(D, flipped, signed=True) == pytest.approx(2 / 3)  # cosines 1, 1 and max(0, 0, -1)


def _minimax_rho(delta, positive):
    """Phase transition by its other definition: k/d where the minimax risk of soft thresholding reaches delta."""
    sides = 1 if positive else 2

    def risk(eps):
        def at(t):
            return eps * (1 + t * t) + (1 - eps) * sides * ((1 + t * t) * norm.sf(t) - t * norm.pdf(t))
        bounds = (-6, 8) if positive else (0, 8)
        return minimize_scalar(at, bounds=bounds, method="bounded", options={"xatol": 1e-11}).fun

    return brentq(lambda rho: risk(rho * delta) - delta, 1e-6, 1 - 1e-6)


@pytest.mark.parametrize("positive", [False, True])
def test_donoho_tanner_curve_equals_the_minimax_risk_of_soft_thresholding(positive):
    deltas = np.array([0.02, 0.1, 0.3, 0.5, 0.8, 0.97])
    expected = [_minimax_rho(delta, positive) for delta in deltas]
    np.testing.assert_allclose(geometry.donoho_tanner(deltas, positive), expected, atol=1e-6)


def test_donoho_tanner_curve_rises_to_one_and_positivity_helps():
    deltas = np.linspace(0.01, 0.999, 30)
    signed, positive = geometry.donoho_tanner(deltas), geometry.donoho_tanner(deltas, positive=True)
    assert (np.diff(signed) > 0).all() and (positive > signed).all() and signed[-1] > 0.95


@pytest.mark.parametrize("call, message", [
    (lambda: geometry.unit_norm([[1, 0], [0, 0]]), "all-zero atom in row 1"),
    (lambda: geometry.coherence([[1, np.nan], [0, 1]]), "NaN or infinite entry in atom 0"),
    (lambda: geometry.unit_norm([1, 2]), r"expected \(n_atoms, d_in\)"),
    (lambda: geometry.match_atoms(np.eye(3), np.eye(4)), "atoms of length 3 and D of length 4.*transposed"),
    (lambda: geometry.welch_bound(0, 3), "at least 1"),
    (lambda: geometry.uniqueness_bound(0), r"coherence in \(0, 1\]"),
    (lambda: geometry.donoho_tanner(1.5), r"\(0, 1\)"),
])
def test_bad_input_names_the_argument_and_the_cause(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_random_directions_keep_what_the_existence_bound_promises():
    n = int(geometry.directions_that_fit(600, 0.25))
    assert n > 5_000  # exp(600 / 64)
    D = synthetic.random_dictionary(500, 600, seed=0)  # a tenth of what is promised, to stay quick
    assert geometry.coherence(D) <= 0.25


def test_what_exists_never_exceeds_what_can():
    for d_in in (5, 50, 500):
        for eps in (0.05, 0.2, 0.5):
            assert geometry.directions_that_fit(d_in, eps) <= geometry.directions_at_most(d_in, eps)


def test_the_upper_bound_is_met_by_a_simplex_and_by_mutually_unbiased_bases():
    assert geometry.directions_at_most(3, 1 / 3) == pytest.approx(4)  # four corners of a tetrahedron
    assert geometry.directions_at_most(2, 0.5) == pytest.approx(3)  # three lines at 60 degrees
    assert geometry.directions_at_most(3, 1 / np.sqrt(5)) == pytest.approx(6)  # the diagonals of an icosahedron


def test_the_kabatiansky_levenshtein_rate_is_the_published_one_at_60_degrees_and_small_for_small_cosines():
    assert geometry.kabatiansky_levenshtein_rate(0.5) / np.log(2) == pytest.approx(0.401, abs=5e-4)
    eps = 0.01
    assert geometry.kabatiansky_levenshtein_rate(eps) == pytest.approx(eps**2 / 4 * np.log(4 * np.e / eps**2), rel=0.01)


@pytest.mark.parametrize("eps", [0, 1, -0.3, np.nan])
def test_a_cosine_outside_0_to_1_has_no_count_of_directions(eps):
    with pytest.raises(ValueError, match="expected a cosine"):
        geometry.directions_that_fit(10, eps)


def test_a_doubled_atom_has_coherence_1_and_a_support_may_be_a_mask():
    D = np.random.default_rng(0).normal(size=(5, 7))
    assert geometry.coherence(np.concatenate([D, D[:1]])) <= 1
    mask = np.array([False, False, True, True, False])
    by_index = geometry.exact_recovery_coefficient(D, [2, 3])
    assert geometry.exact_recovery_coefficient(D, mask) == by_index
    assert geometry.exact_recovery_coefficient(D, np.arange(5)) == 0
