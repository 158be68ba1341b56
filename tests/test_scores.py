"""Judges that know, judges that guess, and marks by hand."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from saekit import scores
from tests import tiny_lm

FIRES = np.random.default_rng(0).random(4000) < 0.04


def test_a_judge_who_knows_scores_one_and_one_who_always_says_yes_a_half():
    rows, truth = scores.detection_task(FIRES, n=30)
    assert truth.sum() == 30 and len(truth) == 60
    assert scores.balanced_accuracy(scores.formula_detects(FIRES, rows), truth) == 1
    assert scores.balanced_accuracy(np.ones(60, bool), truth) == 0.5
    assert np.isnan(scores.balanced_accuracy([True], [True]))


def test_fuzzing_marks_the_right_tokens_in_half_of_the_excerpts_and_as_many_others_in_the_rest():
    rows, marked, truth = scores.fuzzing_task(FIRES, n=30)
    assert (marked[truth] == FIRES[rows[truth]]).all() and not (marked[~truth] & FIRES[rows[~truth]]).any()
    assert (marked.sum(1) == FIRES[rows].sum(1)).all() and truth.mean() == 0.5
    assert scores.balanced_accuracy(scores.formula_fuzzes(FIRES, rows, marked), truth) == 1
    other = np.random.default_rng(1).random(4000) < 0.04
    assert scores.balanced_accuracy(scores.formula_fuzzes(other, rows, marked), truth) < 0.7


def test_the_token_table_predicts_means_of_train_rows():
    tokens, activations = np.array([1, 1, 2, 2, 1, 3]), np.array([2.0, 4.0, 1.0, 1.0, 9.0, 9.0])
    train = np.array([True] * 4 + [False] * 2)
    np.testing.assert_allclose(scores.token_table(tokens, activations, train), [3, 3, 1, 1, 3, 2])


def test_the_largest_cosine_is_with_another_living_row():
    W = np.array([[2.0, 0.0], [3.0, 3.0], [1.0, 0.01], [0.0, -1.0]])
    found = scores.largest_cosine(W, np.array([True, True, False, True]))
    np.testing.assert_allclose(found, [0.5**0.5, 0.5**0.5, 1 / (1 + 1e-4) ** 0.5, 0], atol=1e-9)


def test_effects_are_means_with_their_standard_errors():
    latents, changes = np.array([0, 2, 0, -1, 0, 1]), np.array([1.0, 5.0, 2.0, 9.0, 3.0, 4.0])
    mean, error, count = scores.effect_per_latent(latents, changes, 4, least=2)
    assert mean[0] == 2 and error[0] == pytest.approx((1 / 3) ** 0.5) and count.tolist() == [3, 1, 1, 0]
    assert np.isnan(mean[1:]).all() and np.isnan(error[1:]).all()


def test_the_four_marks_by_hand():
    nan = np.nan
    marks = scores.four_marks(density=np.array([0.001, 0.02, 0.0]), coherence=np.array([0.5, 0.2, nan]),
                              effect=np.array([0.3, 0.3, nan]), error=np.array([0.1, 0.2, nan]),
                              cosine=np.array([0.2, 0.9, 0.1]))
    assert marks.tolist() == [[True] * 4, [False] * 4, [False, False, False, True]]


def test_a_language_model_answers_yes_or_no_whatever_the_length_of_the_excerpt():
    excerpts = ["x = 1", "y" * 300, "def f(): pass"]
    first, again = (scores.language_judge(tiny_lm.lm(), "numbers", excerpts) for _ in range(2))
    assert first.shape == (3,) and first.dtype == bool and (first == again).all()


def test_a_judge_whose_tokenizer_splits_the_blank_off_still_says_yes_and_no():
    class Tokenizer:
        def encode(self, text, add_special_tokens):
            return SimpleNamespace(ids={" yes": [1, 2], " no": [1, 3]}.get(text, [4] * len(text)))

    def model(likely):
        return lambda input_ids, use_cache: SimpleNamespace(logits=torch.eye(5)[[likely]][None])

    for likely, said in ((2, True), (3, False)):
        lm = SimpleNamespace(tokenizer=Tokenizer(), model=model(likely), n_ctx=8, boundary=0)
        assert scores.language_judge(lm, "numbers", ["x"]).tolist() == [said]
