"""The classroom: what an answer turns into, what the cards say, and that a working function is always left."""

import functools
import re
import subprocess
import sys
import types

import numpy as np
import pytest

from saekit.course import cards, exercises, record, watchdog
from tests import tiny_lesson
from tests.cells import define

GOOD = "def shrink(x, lam):\n    return np.where(np.abs(x) > lam, x - lam * np.sign(x), 0.0)\n"


@pytest.fixture
def lesson(monkeypatch, tmp_path):
    """The open tiny lesson; its cards are collected in `lesson.cards` instead of being shown."""
    monkeypatch.setenv("SAEKIT_PROGRESS", str(tmp_path / "progress.json"))
    tiny_lesson.install(monkeypatch)
    room = exercises.open_room("tiny", {"np": np, "exercise": exercises.exercise})
    monkeypatch.setattr(exercises, "_room", room)
    room.cards = []
    monkeypatch.setattr(cards, "show", room.cards.append)
    return room


def answer(lesson, source):
    """Run an answer cell; returns the card it shows."""
    define("@exercise\n" + source, lesson.names)
    return lesson.cards[-1]


def body(line):
    """An answer to `shrink` with this body."""
    return f"def shrink(x, lam):\n    {line}\n"


def test_an_answer_that_passes_is_what_the_notebook_uses(lesson):
    card = answer(lesson, GOOD)
    assert card.state == "passed"
    assert lesson.names["shrink"].__code__.co_filename.startswith("<cell")
    assert record.load() == {"tiny": {"shrink": "passed"}}


def test_a_wrong_answer_is_replaced_by_the_reference(lesson):
    card = answer(lesson, body("return x - lam"))
    assert card.state == "not yet" and "maximum with 0" in card.text
    assert lesson.names["shrink"](np.array([3.0]), 1.0) == 2.0


def test_the_card_shows_the_tested_call_with_expected_and_got(lesson):
    card = answer(lesson, body("return np.sign(x) * np.maximum(np.abs(x) - 2 * lam, 0)"))
    assert [label for label, _ in card.rows] == ["tested", "expected", "got"]
    assert card.rows[0][1] == "shrink(array of shape (4, 3), 0.5) → array of shape (4, 3)"


def test_the_stub_is_not_started(lesson):
    card = answer(
        lesson, 'def shrink(x, lam):\n    """Doc."""\n    # YOUR CODE HERE\n    raise NotImplementedError()\n'
    )
    assert card.state == "not started" and not card.remarks


def test_a_stub_line_left_under_an_answer_is_named(lesson):
    assert "still reached" in answer(lesson, "def shrink(x, lam):\n    y = x\n    raise NotImplementedError()\n").text


def test_a_crash_keeps_the_learners_own_lines_only(lesson):
    source = "def helper(x):\n    return x @ x\n"
    define(source, lesson.names)
    card = answer(lesson, body("return helper(x)"))
    lines = card.verbatim.splitlines()
    assert lines[0] == "line 3, in shrink: return helper(x)"
    assert lines[1] == "line 2, in helper: return x @ x"
    assert lines[2].startswith("ValueError: matmul")
    assert "Which shapes" in card.text


@pytest.mark.parametrize(
    "line, words",
    [
        ("x -= lam; return np.sign(x + lam) * np.maximum(np.abs(x + lam) - lam, 0)", "changed its own input"),
        ("print('x'); x[:] = np.sign(x) * np.maximum(np.abs(x) - lam, 0); return x", "changed its own input"),
        (
            "global calls; calls = globals().get('calls', 0) + 1; "
            "return np.sign(x) * np.maximum(np.abs(x) - lam, 0) + calls * 1e-9 * (np.abs(x) > lam)",
            "second time",
        ),
        ("return np.sign(x) * np.log(np.abs(x) - lam)", "NaN"),
        ("return None", "returned None"),
        ("np.sign(x)", "returned None"),
        ("return [1.0, 2.0]", "it is a list"),
        ("return (np.sign(x) * np.maximum(np.abs(x) - lam, 0)).T", "transposed"),
        ("return np.sign(x).sum()", "an axis too many"),
        ("return x[..., None]", "an axis left over"),
        ("return np.abs(x) > lam", "returned? the comparison|return the comparison"),
        ("return np.round(x).astype(int)", "integers"),
        ("return x.astype(object)", "dtype is object"),
        ("exit()", "end Python"),
        ("return shrink(x, lam)", "call itself"),
        ("from saekit.course.reference.tiny import shrink as s; return s(x, lam)", "saekit's own"),
        (
            "import sys; return getattr(sys.modules['saekit.course.reference.tiny'], 'shr' + 'ink')(x, lam)",
            "our own answer",
        ),
        ("return two_steps(x, lam / 2)", "our own answer"),
    ],
)
def test_each_way_of_going_wrong_has_its_own_words(lesson, line, words):
    card = answer(lesson, body(line))
    assert card.state == "not yet" and re.search(words, card.text), card.text


def test_a_view_of_the_input_is_told(lesson):
    define("from saekit.course.checking import check\n@check\ndef energy(f, rng):\n    f(rng.normal(size=4))\n",
                       {"__name__": "saekit.course.checks.tiny"})
    lesson.checks = exercises.checking.CHECKS["tiny"]
    assert "shares its memory" in answer(lesson, "def energy(x):\n    return x[:2]\n").text


def test_printing_is_held_back_and_told_while_the_answer_passes(lesson, capsys):
    card = answer(lesson, GOOD.replace("    return", "    print('shape', x.shape)\n    return"))
    assert card.state == "passed" and "the first: shape (4, 3)" in card.remarks[0]
    assert capsys.readouterr() == ("", "")


def test_a_warning_becomes_a_remark(lesson):
    card = answer(lesson, body("np.array([1.0]) / 0; return np.sign(x) * np.maximum(np.abs(x) - lam, 0)"))
    assert card.state == "passed" and "divide by zero" in card.remarks[0]


def test_a_library_function_of_the_same_name_is_recognised_under_any_alias(lesson):
    library = types.ModuleType("saekit.fake")
    define(tiny_lesson.REFERENCE, vars(library))
    lesson.names.update(lib=library, borrowed=library.shrink)
    for line in ("return lib.shrink(x, lam)", "return borrowed(x, lam)", "return getattr(lib, 'shrink')(x, lam)"):
        assert "Line 3 calls saekit's own `shrink`" in answer(lesson, body(line)).text


def test_earlier_references_stay_callable_while_a_later_answer_is_checked(lesson):
    assert answer(lesson, "def two_steps(x, lam):\n    return shrink(shrink(x, lam), lam)\n").state == "passed"


def test_the_reference_works_again_after_it_was_out_of_reach(lesson):
    answer(lesson, body("return two_steps(x, lam)"))
    assert lesson.references["two_steps"](np.array([3.0]), 1.0) == 1.0


def test_a_swallowed_refusal_still_counts_as_using_the_reference(lesson):
    lesson.names["ours"] = lesson.references["shrink"].__call__
    source = ("def shrink(x, lam):\n    try:\n        return ours(x, lam)\n    except Exception:\n"
              "        return np.sign(x) * np.maximum(np.abs(x) - lam, 0)\n")
    assert "out of reach" in answer(lesson, source).text


def test_changed_arguments_are_told_and_further_ones_with_defaults_are_fine(lesson):
    assert "first line was changed" in answer(lesson, GOOD.replace("x, lam):", "lam, x):")).text
    assert answer(lesson, GOOD.replace("x, lam):", "x, lam, note=None):")).state == "passed"


def test_a_decorated_answer_that_stops_gets_a_card_like_any_other(lesson):
    lesson.names["functools"] = functools
    card = answer(lesson, "@functools.cache\n" + GOOD)  # an array cannot be looked up in a cache
    assert card.state == "not yet" and "our code stopped with TypeError" in card.text


def test_a_name_that_is_no_exercise_is_left_alone(lesson):
    card = answer(lesson, "def shrnk(x, lam):\n    return x\n")
    assert "shrink, energy, two_steps" in card.text and lesson.names["shrnk"](7, 0) == 7


@pytest.mark.parametrize("with_signals", [True, False])
def test_an_endless_loop_is_stopped(lesson, monkeypatch, with_signals):
    monkeypatch.setattr(exercises.judging.judge, "__defaults__", (True, 0.2, None, ""))
    if not with_signals:
        monkeypatch.delattr(watchdog.signal, "setitimer", raising=False)
    card = answer(lesson, body("while True: lam += 1"))
    assert "No answer after 0.2 seconds" in card.text and "compiled" not in card.text


def test_a_compiled_call_that_cannot_be_stopped_is_said_to_be_so(lesson, monkeypatch):
    monkeypatch.setattr(exercises.judging.judge, "__defaults__", (True, 0.1, None, ""))
    monkeypatch.setattr(watchdog, "GRACE", 0.05)
    assert "Python cannot interrupt" in answer(lesson, body("sum(range(30_000_000)); return x")).text


def test_a_loop_that_swallows_every_exception_is_stopped(lesson, monkeypatch):
    monkeypatch.setattr(exercises.judging.judge, "__defaults__", (True, 0.1, None, ""))
    monkeypatch.setattr(watchdog, "GRACE", 0.1)
    source = (
        "def shrink(x, lam):\n    for _ in range(2):\n        try:\n            while True: pass\n        except:"
        " pass\n    return x\n"
    )
    assert answer(lesson, source).state == "not yet"


def test_the_stop_button_is_no_error(lesson):
    assert "you stopped" in answer(lesson, body("raise KeyboardInterrupt")).text.lower()


def test_require_raises_with_the_message_until_the_answer_passes(lesson):
    with pytest.raises(AssertionError, match="no answer was checked"):
        exercises.require("shrink")
    answer(lesson, body("return x - lam"))
    with pytest.raises(AssertionError, match="maximum with 0"):
        exercises.require("shrink")
    answer(lesson, GOOD)
    assert exercises.require("shrink") is None


def test_beginning_again_keeps_what_has_passed(lesson, monkeypatch):
    monkeypatch.setattr(exercises.notebook, "namespace", lambda: lesson.names)
    answer(lesson, GOOD)
    mine = lesson.names.pop("shrink")
    exercises.begin("07_tiny")
    assert lesson.names["shrink"] is mine


def test_an_unknown_lesson_is_an_error_that_lists_the_known(monkeypatch):
    with pytest.raises(ValueError, match="expected one of"):
        exercises.begin("99_nothing")


def test_the_exercise_line_before_begin_says_what_to_run(lesson, monkeypatch):
    monkeypatch.setattr(exercises, "_room", None)
    assert "run the first code cell" in answer(lesson, GOOD).text


def test_the_course_package_loads_no_torch_matplotlib_or_ipython():
    code = (
        "import sys, saekit.course; print([m for m in ('torch', 'matplotlib', 'IPython', 'transformers') if m in"
        " sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"
