"""Kappas against numbers worked out by hand, blindness, and answers that are kept and checked."""

import json

import numpy as np
import pytest

from saekit import ratings

UNITS = {"latents": range(50), "neurons": range(30), "random directions": range(20)}


def test_cohens_kappa_by_hand():
    # 20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no: agreement 0.7, expected 0.5 * 0.6 + 0.5 * 0.4 = 0.5
    a = np.repeat([1, 1, 0, 0], [20, 5, 10, 15])
    b = np.repeat([1, 0, 1, 0], [20, 5, 10, 15])
    assert ratings.cohen_kappa(a, b) == pytest.approx(0.4)
    assert ratings.cohen_kappa(a, a) == 1 and np.isnan(ratings.cohen_kappa([1, 1], [1, 1]))
    assert ratings.cohen_kappa([0, 1], [1, 0]) == -1


def test_fleiss_kappa_by_hand():
    # three raters, items 000, 001, 111: agreements 1, 1/3, 1; pooled 5/9 and 4/9, expected 41/81
    answers = [[0, 0, 0], [0, 0, 1], [1, 1, 1]]
    assert ratings.fleiss_kappa(answers) == pytest.approx((7 / 9 - 41 / 81) / (1 - 41 / 81))
    assert ratings.fleiss_kappa([[2, 2], [0, 0]]) == 1


def test_kappas_of_raters_who_guess_are_near_zero_and_inside_the_interval():
    answers = np.random.default_rng(0).integers(0, 4, (400, 3))
    low, high = ratings.bootstrap(ratings.fleiss_kappa, answers, draws=200)
    assert low < 0.0 + 0.05 and high > -0.05 and low < ratings.fleiss_kappa(answers) < high and high - low < 0.2


def test_the_list_mixes_equal_numbers_and_keys_tell_nothing():
    items = ratings.blind_list(UNITS, 10, seed=3)
    kinds = [item.kind for item in items]
    assert {kind: kinds.count(kind) for kind in UNITS} == {kind: 10 for kind in UNITS}
    assert len(set(items)) == len({item.key for item in items}) == 30 and items == ratings.blind_list(UNITS, 10, seed=3)
    assert items != ratings.blind_list(UNITS, 10, seed=4) and kinds != sorted(kinds)
    assert all(set(item.key) <= set("0123456789abcdef") for item in items)
    with pytest.raises(ValueError, match="random directions has 20 units"):
        ratings.blind_list(UNITS, 21)


def test_answers_come_back_and_damaged_ones_are_named(tmp_path):
    path = tmp_path / "ada.json"
    ratings.save_answers(path, "Ada", {"ab12": 0, "cd34": 3})
    assert ratings.load_answers(path) == ("Ada", {"ab12": 0, "cd34": 3}, False)
    with pytest.raises(ValueError, match="an answer is 4"):
        ratings.save_answers(path, "Ada", {"ab12": 4})
    path.write_text(json.dumps({"rater": "Ada", "simulated": False, "scale": ["a", "b"], "answers": {}}))
    with pytest.raises(ValueError, match="another scale"):
        ratings.load_answers(path)


def test_only_items_that_all_answered_are_compared_and_simulated_raters_are_called_so():
    records = [("Ada", {"a": 0, "b": 1, "c": 2}, False), ("bot", {"a": 0, "b": 2}, True)]
    keys, answers = ratings.table(records)
    assert keys == ["a", "b"] and answers.tolist() == [[0, 0], [1, 2]]
    assert ratings.who(records) == "1 person and 1 simulated rater" and ratings.who([]) == "nobody"
    with pytest.raises(ValueError, match="no item was answered by all"):
        ratings.table([("Ada", {"a": 0}, False), ("Bo", {"b": 0}, False)])
    with pytest.raises(ValueError, match=r"1 rater\(s\)"):
        ratings.table(records[:1])


def test_simulated_answers_follow_their_chances():
    items = ratings.blind_list(UNITS, 20, seed=1)
    answers = ratings.simulated_answers(items, {"latents": 1.0, "neurons": 0.0, "random directions": 0.0})
    clear = {kind: sum(answers[item.key] == 0 for item in items if item.kind == kind) for kind in UNITS}
    assert clear["latents"] == 20 and clear["neurons"] < 15
