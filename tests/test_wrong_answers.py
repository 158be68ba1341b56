"""The checks are tested here: every typical wrong answer is rejected by its own message, every right one accepted.

A quick part runs always (the stub, one right answer, the first two wrong ones, trivial answers); the whole table under
`test --all`.
"""

import doctest
import importlib
import inspect
import pkgutil
import re

import pytest

import saekit.course.checks
from saekit.course import checking, exercises
from tests.cells import define

LESSONS = sorted(module.name for module in pkgutil.iter_modules(saekit.course.checks.__path__))
EXERCISES = [(lesson, name) for lesson in LESSONS for name in checking.load_checks(lesson)]
every_exercise = pytest.mark.parametrize("lesson, name", EXERCISES)


def verdict_on(lesson, name, source):
    """The verdict on one answer, in a fresh classroom."""
    reference = importlib.import_module(f"saekit.course.reference.{lesson}")
    room = exercises.open_room(lesson, dict(vars(reference)))
    define(source, room.names)
    answer, room.names[name] = room.names[name], room.references[name]
    return room.judge(answer)


def table(lesson):
    """The lesson's module of wrong and right answers."""
    return importlib.import_module(f"tests.wrong_answers.{lesson}")


def first_line(lesson, name):
    """`def name(arguments):` of the reference."""
    room = exercises.open_room(lesson, {})
    return f"def {name}{inspect.signature(room.references[name])}:"


def assert_rejected_by_its_own_message(lesson, name, rows, others):
    """Every row is rejected; its pattern matches its message and no pattern of the others does."""
    for wrong in rows:
        verdict = verdict_on(lesson, name, wrong.source)
        assert verdict.state == "not yet", f"accepted: {wrong.cause}"
        assert re.search(wrong.message, verdict.plain), f"{wrong.cause}: {wrong.message!r} is not in\n{verdict.plain}"
        stray = [other.cause for other in others if other is not wrong and re.search(other.message, verdict.plain)]
        assert not stray, f"the message for {wrong.cause!r} also fits {stray}:\n{verdict.plain}"


def test_every_lesson_with_checks_has_its_table():
    for lesson in LESSONS:
        assert set(table(lesson).WRONG) == set(table(lesson).RIGHT) == set(checking.load_checks(lesson))


@every_exercise
def test_the_first_wrong_answers_are_rejected_and_a_right_one_accepted(lesson, name):
    rows = table(lesson).WRONG[name]
    assert_rejected_by_its_own_message(lesson, name, rows[:2], rows)
    verdict = verdict_on(lesson, name, table(lesson).RIGHT[name][0])
    assert verdict.state == "passed", verdict.plain


@pytest.mark.slow
@every_exercise
def test_every_wrong_answer_is_rejected_by_its_own_message(lesson, name):
    rows = table(lesson).WRONG[name]
    assert_rejected_by_its_own_message(lesson, name, rows, rows)


@pytest.mark.slow
@every_exercise
def test_every_right_answer_is_accepted_without_a_remark(lesson, name):
    for source in table(lesson).RIGHT[name]:
        verdict = verdict_on(lesson, name, source)
        assert (verdict.state, verdict.remarks) == ("passed", ()), f"{verdict.plain}\n{verdict.remarks}\n{source}"


@every_exercise
def test_there_are_five_causes_and_two_right_answers(lesson, name):
    assert len({wrong.cause for wrong in table(lesson).WRONG[name]}) >= 5
    assert len(set(table(lesson).RIGHT[name])) >= 2


@every_exercise
def test_one_wrong_answer_is_right_on_the_example_in_the_docstring(lesson, name):
    reference = importlib.import_module(f"saekit.course.reference.{lesson}")
    example = doctest.DocTestParser().get_doctest(inspect.getdoc(getattr(reference, name)) or "", {}, name, None, 0)
    if not example.examples:
        pytest.skip(f"the docstring of {name} has no example")
    assert any(
        passes_example(example, define(wrong.source, dict(vars(reference)))) for wrong in table(lesson).WRONG[name]
    )


def passes_example(example, names):
    """True when the docstring's example comes out as printed there."""
    example.globs = dict(names)
    return doctest.DocTestRunner(verbose=False).run(example, out=lambda _: None, clear_globs=False).failed == 0


@every_exercise
def test_the_stub_is_not_started(lesson, name):
    stub = f"{first_line(lesson, name)}\n    # YOUR CODE HERE\n    raise NotImplementedError()\n"
    assert verdict_on(lesson, name, stub).state == "not started"


@every_exercise
def test_returning_the_reference_is_caught(lesson, name):
    arguments = list(inspect.signature(exercises.open_room(lesson, {}).references[name]).parameters)
    call = f"[vars(module)['{name}']][0]({', '.join(arguments)})"
    source = f"{first_line(lesson, name)}\n    import saekit.course.reference.{lesson} as module\n    return {call}\n"
    assert "our own answer" in verdict_on(lesson, name, source).plain


@every_exercise
@pytest.mark.parametrize(
    "trivial",
    [
        "return {first}",
        "return 1.0",
        "return 0.0",
        "return np.zeros_like(np.asarray({first}, dtype=float))",
        "return np.zeros_like({first})",
        "return np.ones_like(np.asarray({first}, dtype=float))",
    ],
)
def test_trivial_answers_are_rejected(lesson, name, trivial):
    first = next(iter(inspect.signature(exercises.open_room(lesson, {}).references[name]).parameters))
    source = f"{first_line(lesson, name)}\n    import numpy as np\n    {trivial.format(first=first)}\n"
    assert verdict_on(lesson, name, source).state == "not yet"


@pytest.mark.parametrize("lesson", LESSONS)
def test_every_wrong_option_of_a_prediction_has_a_reply_and_the_right_one_none(lesson):
    for question in exercises.open_room(lesson, {}).predictions.values():
        right = [option for option in question.options if question.answer_to(option)[0]]
        assert len(right) == bool(question.options)
        assert set(question.options) - set(right) <= {question.normal(key) for key in question.wrong}
        assert not any(question.answer_to(key)[0] for key in question.wrong)
