"""benchmarks/quality.py with nothing trained: matching of L0, sweeps, a peer's weights in our form, the schedule."""

import math
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "benchmarks"))  # last, so that it shadows nothing

import contestants  # noqa: E402
import matching  # noqa: E402
import quality  # noqa: E402


def test_a_metric_is_read_off_on_the_line_in_log_l0():
    assert matching.at_l0([(28, 0.2), (256 / 7, 0.1)], 32) == pytest.approx(0.15)  # half way from 28 to 36.6 in logs


def test_only_the_nearest_below_and_above_count():
    assert matching.at_l0([(1, 9.0), (28, 0.2), (256 / 7, 0.1), (4096, -5.0)], 32) == pytest.approx(0.15)


def test_nothing_is_read_off_across_a_wide_gap():
    assert matching.at_l0([(25, 0.2), (40, 0.1)], 32) is None
    assert matching.at_l0([(25, 0.2), (32.1, 0.1), (40, 0.0)], 32) == pytest.approx(0.1, abs=0.002)


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
    assert matching.at_l0([(l0, 1.0) for _, l0 in tried], 32) == 1.0      # surrounded closely, or met
    assert 100 * matching.knob_at(tried, 32, slope) ** true_slope == pytest.approx(32, rel=0.02)


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


def test_a_rate_that_loses_more_with_more_latents_is_beaten():
    assert matching.beaten([(200, 0.5)], [(45, 0.4)], 32)
    assert not matching.beaten([(200, 0.3)], [(45, 0.4)], 32)    # more latents bought something
    assert not matching.beaten([(40, 0.5)], [(45, 0.4)], 32)     # fewer: nobody knows yet
    assert not matching.beaten([(20, 0.9)], [(10, 0.5)], 32)     # the wanted l0 lies the other way
    assert not matching.beaten([(200, 0.5)], [], 32)


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


# ---- the schedule, with SAEs whose ce_increase follows from the learning rate ----


CE = {"saekit": 0.1, "SAELens": 0.2, "dictionary_learning": 0.15}    # at a rate of 4e-4, in proportion to 1 / rate


@pytest.fixture
def bench(monkeypatch, tmp_path):
    """A function: the rows of one call of quality.py with these options, and the runs that it trained."""
    trained = []

    def train(self, run):
        trained.append(run)
        if run["contestant"] == "SAELens" and run["lr"] > 5e-4:
            raise ValueError("diverged")
        return run, {"seconds": 1.0}

    def measure(run, *_):
        return {"l0": 32.0, "ce_increase": CE[run["contestant"]] * 4e-4 / run["lr"], "explained_variance": 0.9,
                "dead_fraction": run["seed"] / 100}

    monkeypatch.setattr(quality, "load_lm", lambda *_: SimpleNamespace(name="lm", d_mlp=8, model=None))
    monkeypatch.setattr(quality, "texts", lambda *_: (None, None, None, "sha"))
    monkeypatch.setattr(quality, "weight_hash", lambda *_: "hash")
    monkeypatch.setattr(quality, "evaluate_sae", measure)
    monkeypatch.setattr(quality.Bench, "trained", train)
    monkeypatch.setattr(sys, "argv", ["quality.py"])

    def call(*options):
        trained.clear()
        monkeypatch.setattr(sys, "argv", ["quality.py", "--peers", "python", "--json", str(tmp_path / "a.json"),
                                          *map(str, options)])
        args = quality.arguments()
        run = quality.Bench(args)
        quality.schedule(run, args)
        if not args.table:
            run.save()
        return run.rows, list(trained)

    return call


def of(rows, contestant, seed=0):
    return next(row for row in rows if row["contestant"] == contestant and row["seed"] == seed)


TOPK = ("--tokens", "2e6", "--lrs", 3, "--only", "topk")


def test_peers_take_their_best_rate_and_ours_its_default(bench):
    rows, trained = bench(*TOPK, "--seeds", 0)
    assert of(rows, "dictionary_learning")["lr"] == 8e-4 and of(rows, "dictionary_learning")["ce_increase"] == 0.075
    default = contestants.recipe_of("saekit", "topk", 2_000_000).lr
    assert of(rows, "saekit")["lr"] == default
    assert set(of(rows, "saekit")["rates"]) == {default / 2, default, 2 * default}
    assert all(run["config"]["lr"] == run["lr"] and run["settings"]["k"] == 32 for run in trained
               if run["contestant"] == "saekit")


def test_a_run_that_failed_is_reported_tried_again_and_does_not_stop_the_others(bench):
    rows, _ = bench(*TOPK, "--seeds", 0)
    assert of(rows, "SAELens")["failed"] == 1 and of(rows, "SAELens")["lr"] == 3e-4
    rows, trained = bench(*TOPK, "--seeds", 0)
    assert [run["lr"] for run in trained] == [6e-4]


def test_a_call_goes_on_where_another_stopped_and_the_table_needs_no_training(bench):
    bench(*TOPK, "--seeds", 0)
    rows, trained = bench(*TOPK, "--seeds", 1)
    default = contestants.recipe_of("saekit", "topk", 2_000_000).lr
    assert {(run["contestant"], run["seed"], run["lr"]) for run in trained} - {("SAELens", 0, 6e-4)} == {
        ("saekit", 1, default), ("SAELens", 1, 3e-4), ("dictionary_learning", 1, 8e-4)}
    rows, trained = bench("--table", "--lrs", 3)
    assert trained == [] and len(rows) == 6 and of(rows, "SAELens")["failed"] == 1


def test_the_table_shows_the_rates_that_were_run(bench):
    bench("--tokens", "2e6", "--lrs", 1, "--only", "topk", "--seeds", 0)
    rows, trained = bench("--table", "--lrs", 3)
    assert trained == [] and {row["contestant"]: list(row["rates"]) for row in rows} == {
        row["contestant"]: [row["lr"]] for row in rows}
    assert {row["contestant"] for row in rows} == {"saekit", "SAELens", "dictionary_learning"}


def test_the_ratio_compares_the_seeds_that_both_have(bench, capsys):
    ours = [{"seed": seed, "ce_increase": value} for seed, value in enumerate((0.1, 0.05, 0.05))]
    peers = [{"seed": 0, "ce_increase": 0.1, "lr": 2.0, "rates": {1.0: None, 2.0: None}}]
    assert quality.ratio_text(ours, "peer", peers) == (
        "saekit / peer = 1.000 over 1 seeds, at the highest of its rates")
    quality.show(bench(*TOPK, "--seeds", 0)[0])
    printed = capsys.readouterr().out
    ratio = 0.1 * 4e-4 / contestants.recipe_of("saekit", "topk", 2_000_000).lr / 0.075
    assert f"saekit / dictionary_learning = {ratio:.3f} over 1 seeds, at the highest of its rates" in printed
