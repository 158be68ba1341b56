"""The pure parts of benchmarks/quality.py: matching of L0, the sweep, and a peer's weights in our form."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "benchmarks"))  # last, so that it shadows nothing

import contestants  # noqa: E402
import matching  # noqa: E402


def test_a_metric_is_read_off_on_the_line_in_log_l0():
    assert matching.at_l0([(16, 0.2), (64, 0.1)], 32) == pytest.approx(0.15)  # 32 is half way from 16 to 64 in logs


def test_only_the_nearest_below_and_above_count():
    assert matching.at_l0([(1, 9.0), (16, 0.2), (64, 0.1), (4096, -5.0)], 32) == pytest.approx(0.15)


def test_without_a_pair_around_it_an_l0_counts_only_within_two_percent():
    assert matching.at_l0([(32.5, 0.1), (50, 0.05)], 32) == 0.1
    assert matching.at_l0([(33, 0.1)], 32) is None
    assert matching.at_l0([], 32) is None


def test_the_next_knob_goes_just_across_the_wanted_l0():
    # penalty 1 gave 64 where 32 is wanted and L0 falls as 1 / penalty: 2 would give 32, e^0.05 more gives 30.4
    assert matching.next_knob([(1.0, 64)], 32, slope=-1) == pytest.approx(2 * math.exp(0.05), rel=1e-3)
    assert matching.next_knob([(1.0, 16)], 32, slope=-1) == pytest.approx(0.5 * math.exp(-0.05), rel=1e-3)


def test_a_matched_or_closely_surrounded_l0_needs_no_further_knob():
    assert matching.next_knob([(1.0, 32.4)], 32, slope=-1) is None
    assert matching.next_knob([(1.0, 28), (0.8, 36)], 32, slope=-1) is None


def test_a_whole_number_is_not_tried_twice():
    assert matching.next_knob([(31, 30.5)], 32, slope=1, whole=True) == 34  # 31 * 32 / 30.5 * e^0.05 = 34.2
    assert matching.next_knob([(1, 60)], 32, slope=1, whole=True) is None   # rounds to 1 again


@pytest.mark.parametrize("slope, true_slope", [(-1, -0.6), (-0.5, -1.2), (1, 0.7)])
def test_knobs_close_in_on_an_l0_that_is_a_power_of_them(slope, true_slope):
    tried, knob = [], 1.0
    while knob is not None and len(tried) < 5:
        tried.append((knob, 100 * knob**true_slope))
        knob = matching.next_knob(tried, 32, slope)
    found = math.exp(matching.at_l0([(l0, math.log(knob)) for knob, l0 in tried], 32))
    assert 100 * found**true_slope == pytest.approx(32, rel=0.02)


def test_a_sweep_stops_once_its_best_learning_rate_lies_inside():
    found = matching.sweep(lambda lr: [(32, abs(math.log(lr)))], 1.0, 32)
    assert sorted(found) == [0.5, 1.0, 2.0]


def test_a_sweep_goes_on_past_a_best_learning_rate_at_its_end():
    found = matching.sweep(lambda lr: [(32, abs(math.log(lr / 4)))], 1.0, 32)
    assert sorted(found) == [0.5, 1.0, 2.0, 4.0, 8.0]
    assert matching.best_lr(found, 32) == 4.0


def test_a_sweep_of_one_takes_the_centre_alone():
    assert list(matching.sweep(lambda lr: [(32, 1 / lr)], 1.0, 32, most=1)) == [1.0]


def test_in_a_sweep_an_l0_nearly_right_counts_in_proportion():
    assert matching.score([(36, 0.08)], 32) == (0, pytest.approx(0.09))  # 0.08 * 36 / 32
    assert matching.score([(40, 0.08)], 32)[0] == 1                      # 25 % away: not reached


def test_the_knob_for_the_wanted_l0_is_read_between_two_or_carried_on_from_a_near_one():
    assert matching.knob_at([(1.0, 16), (4.0, 64)], 32, slope=1) == pytest.approx(2)
    assert matching.knob_at([(1.0, 36)], 32, slope=-1) == pytest.approx(36 / 32)
    assert matching.knob_at([(1.0, 50)], 32, slope=-1) is None


def test_a_learning_rate_that_does_not_reach_the_l0_loses_whatever_its_loss():
    found = {1.0: [(300, 0.01)], 2.0: [(32, 0.5)], 3.0: []}
    assert matching.best_lr(found, 32) == 2.0
    assert sorted(found, key=lambda lr: matching.score(found[lr], 32)) == [2.0, 1.0, 3.0]


def peer(centres, generator):
    """Hand-made weights of a thresholded peer with decoder rows of any length, and its reconstruction of rows x."""
    arrays = {"W_enc": generator.normal(size=(3, 5)), "b_enc": generator.normal(size=5),
              "W_dec": generator.normal(size=(5, 3)) * [[0.1], [1], [2], [5], [0.5]], "b_dec": generator.normal(size=3),
              "threshold": np.array([0.0, 0.3, 0.1, 0.5, 0.2]), "x": generator.normal(size=(40, 3))}
    pre_acts = (arrays["x"] - centres * arrays["b_dec"]) @ arrays["W_enc"] + arrays["b_enc"]
    latents = np.where(pre_acts > arrays["threshold"], pre_acts, 0)
    return {**arrays, "x_hat": latents @ arrays["W_dec"] + arrays["b_dec"]}


@pytest.mark.parametrize("centres", [True, False])
def test_a_folded_peer_reconstructs_as_before_with_unit_decoder_rows(centres):
    arrays = peer(centres, np.random.default_rng(0))
    sae, error = contestants.as_ours(arrays, "jumprelu", 0.1, centres)
    assert error < 1e-12
    np.testing.assert_allclose(sae.W_dec.detach().norm(dim=1), 1, rtol=1e-6)


def test_folding_by_hand():
    # row (3, 4) has length 5: pre_act, bias and threshold grow fivefold; b_dec @ W_enc = 2 joins an uncentred bias
    one = {"W_enc": np.array([[1.0], [1.0]]), "b_enc": np.array([0.5]), "W_dec": np.array([[3.0, 4.0]]),
           "b_dec": np.array([2.0, 0.0]), "threshold": np.array([0.1])}
    ours = matching.folded(one, centres=False)
    assert ours["W_enc"].tolist() == [[5.0], [5.0]] and ours["b_enc"].tolist() == [12.5]
    assert ours["W_dec"].tolist() == [[0.6, 0.8]] and ours["threshold"].tolist() == [0.5]
    assert matching.folded(one, centres=True)["b_enc"].tolist() == [2.5]


def test_a_wrong_fold_is_an_error():
    arrays = peer(True, np.random.default_rng(0))
    with pytest.raises(ValueError, match="folding is wrong"):
        contestants.as_ours(arrays, "jumprelu", 0.1, centres=False)


def test_weights_of_a_run_that_diverged_are_an_error():
    arrays = peer(True, np.random.default_rng(0)) | {"b_enc": np.full(5, np.nan)}
    with pytest.raises(ValueError, match="diverged"):
        contestants.as_ours(arrays, "jumprelu", 0.1, centres=True)
