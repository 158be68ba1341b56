"""Probes against planted detectors, thresholds against trying all of them, and rows that were never seen."""

import numpy as np
import pytest

from saekit import probing

N = 4000
TRAIN = np.arange(N) % 2 == 0


def planted(seed=0, n_units=12):
    """Units, concept 0 in unit 3, concept 1 in low values of unit 5, concept 2 in the sum of units 7 and 8."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(N, n_units)).astype(np.float32)
    labels = np.stack([x[:, 3] > 1.28, x[:, 5] < -1.64, x[:, 7] + x[:, 8] > 1.8], axis=1)
    return x, labels


def test_the_single_unit_sign_and_threshold_of_a_planted_detector_are_found():
    x, labels = planted()
    found = probing.single(x, labels, TRAIN)
    assert found.train_f1.argmax(0)[:2].tolist() == [3, 5]
    assert (found.sign[3, 0], found.sign[5, 1]) == (1, -1)
    assert found.f1[3, 0] > 0.9 and found.f1[5, 1] > 0.9 and found.f1[:, 2].max() < 0.7


def test_single_scores_are_those_of_the_stated_sign_and_cut():
    x, labels = planted(1)
    found = probing.single(x, labels, TRAIN)
    for unit, concept in ((3, 0), (5, 1), (0, 2), (8, 2)):
        says = found.sign[unit, concept] * x[:, unit] > found.cut[unit, concept]
        for table, rows in ((found.train_f1, TRAIN), (found.f1, ~TRAIN)):
            assert table[unit, concept] == pytest.approx(probing.f1(says[rows], labels[rows, concept]), abs=1e-6)


def test_labels_of_held_out_rows_change_no_choice():
    x, labels = planted(2)
    other = labels.copy()
    other[~TRAIN] = ~other[~TRAIN]
    a, b = (probing.single(x, truth, TRAIN) for truth in (labels, other))
    for name in ("train_f1", "sign", "cut"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    assert (probing.k_sparse(x, other, TRAIN, ks=(2,))[2] < 0.35).all()


def test_turning_a_unit_round_changes_no_score():
    x, labels = planted(3)
    a, b = probing.single(x, labels, TRAIN), probing.single(-x, labels, TRAIN)
    np.testing.assert_allclose(a.f1, b.f1)
    np.testing.assert_array_equal(a.sign[a.train_f1 > 0.5], -b.sign[a.train_f1 > 0.5])


def test_two_units_read_what_no_single_one_does():
    x, labels = planted(4)
    scores = probing.k_sparse(x, labels, TRAIN, ks=(1, 2, 12))
    assert scores[1][2] < 0.7 < 0.9 < scores[2][2] and scores[2][0] > 0.9
    assert abs(scores[12] - scores[2]).max() < 0.1


def test_a_rotation_does_not_change_what_all_units_can_read():
    x, labels = planted(5)
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(12, 12)))[0].astype(np.float32)
    a, b = (probing.k_sparse(part, labels, TRAIN, ks=(12,))[12] for part in (x, x @ turn))
    np.testing.assert_allclose(a, b, atol=0.02)


def test_the_best_threshold_is_the_best_of_all():
    rng = np.random.default_rng(0)
    score = rng.integers(0, 6, 60).astype(float)
    truth = score + rng.normal(0, 2, 60) > 3
    cuts = np.arange(-1, 6) + 0.5
    best = max(probing.f1(score > cut, truth) for cut in cuts)
    assert probing.f1(score > probing.best_threshold(score, truth), truth) == pytest.approx(best)


def test_the_most_different_units_are_found_whatever_their_scale():
    x, labels = planted(6)
    assert set(probing.most_different(x * np.linspace(1, 100, 12), labels, 2)[:, 2]) == {7, 8}
    assert probing.most_different(x, labels, 1)[0, :2].tolist() == [3, 5]


def test_a_concept_without_rows_scores_zero_and_rows_must_belong_together():
    x, labels = planted(7)
    nothing = np.zeros((N, 1), bool)
    assert probing.k_sparse(x, nothing, TRAIN, ks=(2,))[2] == 0 and probing.single(x, nothing, TRAIN).f1.max() == 0
    with pytest.raises(ValueError, match="x has 10 rows"):
        probing.single(x[:10], labels, TRAIN)
    with pytest.raises(ValueError, match="train holds 0 of 4000"):
        probing.k_sparse(x, labels, np.zeros(N, bool))
