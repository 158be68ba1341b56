"""Predictions, claims, and the budget of the active profile."""

import subprocess
import types

import pytest

from saekit.course import answers, cards, exercises
from tests import tiny_lesson


@pytest.fixture
def shown(monkeypatch):
    """The cards that predictions of the tiny lesson show."""
    tiny_lesson.install(monkeypatch)
    monkeypatch.setattr(exercises, "_room", exercises.open_room("tiny", {}))
    collected = []
    monkeypatch.setattr(cards, "show", collected.append)
    return collected


@pytest.mark.parametrize(
    "question, answer, word, text",
    [
        ("how-many", 3, "right", "Three."),
        ("how-many", 3.0, "right", "Three."),
        ("how-many", 1, "not that", "One is too few."),
        ("how-many", 7, "not that", "Not that. Run"),
        ("how-many", "x", "not that", "asks for a number"),
        ("how-many", ..., "not answered yet", "Put your guess"),
        ("how-many", None, "not answered yet", "Put your guess"),
        ("which", " B ", "right", "Yes."),
        ("which", "a", "not that", "Not a."),
        ("which", 2, "not that", "one of 'a', 'b', 'c'"),
        ("share", 0.916, "right", "Right."),
        ("share", 92, "not that", "Not that."),
    ],
)
def test_each_answer_gets_its_reply(shown, question, answer, word, text):
    assert answers.predict(question, answer) is None
    assert shown[-1].word == word and text in shown[-1].text


def test_a_question_nobody_asked_is_an_error_that_lists_the_known(shown):
    with pytest.raises(ValueError, match="expected one of: how-many, which, share"):
        answers.predict("unknown", 1)


def test_the_same_answer_has_another_hash_in_another_question():
    assert answers.hashed("how-many", 3) != answers.hashed("which", 3)


def test_a_claim_prints_one_line_without_the_value(monkeypatch, capsys):
    monkeypatch.setenv("SAEKIT_PROFILE", "laptop")
    answers.claim("share", 0.512, at_least=0.5, at_most=1, unit="of all")
    assert capsys.readouterr().out == "claim holds: share ≥ 0.5 and ≤ 1 of all\n"


@pytest.mark.parametrize("value", [0.4, float("nan"), 1.2])
def test_a_violated_claim_raises_with_the_value(monkeypatch, value):
    monkeypatch.setenv("SAEKIT_PROFILE", "gpu")
    with pytest.raises(AssertionError, match=f"but it is {value:.4g}"):
        answers.claim("share", value, at_least=0.5, at_most=1)


def test_a_claim_at_smoke_says_that_it_was_not_checked(monkeypatch, capsys):
    monkeypatch.setenv("SAEKIT_PROFILE", "smoke")
    answers.claim("share", 0.0, at_least=0.5)
    assert capsys.readouterr().out == "claim not checked at smoke: share ≥ 0.5\n"


def test_a_claim_without_a_bound_is_an_error():
    with pytest.raises(ValueError, match="no bound"):
        answers.claim("share", 0.0)


def test_the_budget_follows_the_named_profile(monkeypatch):
    got = []
    for name in answers.PROFILES:
        monkeypatch.setenv("SAEKIT_PROFILE", name)
        got.append(answers.budget(smoke=1, laptop=2, gpu=3))
    assert got == [1, 2, 3] and answers.budget(smoke=1, laptop=2) == 2


def test_an_unknown_profile_is_an_error_that_lists_the_known(monkeypatch):
    monkeypatch.setenv("SAEKIT_PROFILE", "fast")
    with pytest.raises(ValueError, match="'fast', expected one of: smoke, laptop, gpu"):
        answers.profile()


@pytest.mark.parametrize(
    "listed, version, hidden, found",
    [
        ("GPU 0: NVIDIA H200", "2.13.0", None, "gpu"),
        ("GPU 0: NVIDIA H200", "2.13.0+cpu", None, "laptop"),
        ("No devices were found", "2.13.0", None, "laptop"),
        ("GPU 0: NVIDIA H200", "2.13.0", "", "laptop"),
        (None, "2.13.0", None, "laptop"),
    ],
)
def test_a_gpu_is_found_without_loading_pytorch(monkeypatch, listed, version, hidden, found):
    monkeypatch.delenv("SAEKIT_PROFILE", raising=False)
    monkeypatch.delitem(answers.sys.modules, "torch", raising=False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES") if hidden is None else monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    monkeypatch.setattr(answers.shutil, "which", lambda _: listed)
    monkeypatch.setattr(answers.subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 0, listed, ""))
    monkeypatch.setattr(answers.importlib.metadata, "version", lambda _: version)
    answers._driver_lists_a_gpu.cache_clear(), answers._torch_has_cuda.cache_clear()
    try:
        assert answers.profile() == found
    finally:
        answers._driver_lists_a_gpu.cache_clear(), answers._torch_has_cuda.cache_clear()


def test_a_loaded_pytorch_is_asked_itself(monkeypatch):
    monkeypatch.setitem(
        answers.sys.modules, "torch", types.SimpleNamespace(cuda=types.SimpleNamespace(is_available=lambda: True))
    )
    assert answers.has_cuda()
