"""Answers are found in damaged notebooks, with what they need and nothing else."""

import json

import pytest

from saekit.course import record
from saekit.course.extraction import answers
from saekit.course.lesson import ROOT
from saekit.course.salvage import read_notebook

NAMES = ["soft_threshold", "ista_step"]
RIGHT = "@exercise\ndef soft_threshold(x, lam):\n    return x - lam\n"
STUB = "def soft_threshold(x, lam):\n    # YOUR CODE HERE\n    raise NotImplementedError()\n"


def notebook(*sources, kind="code", **more):
    """A notebook of cells with these sources."""
    cells = [{"cell_type": kind, "metadata": {}, "source": source} for source in sources]
    return read_notebook(json.dumps({"cells": cells, **more}).encode())


def found(*sources, **more):
    return answers(notebook(*sources, **more), NAMES)


def test_an_answer_brings_the_imports_helpers_and_constants_it_uses_and_no_others():
    answer = found(
        "import numpy as np, os",
        "SCALE = [1]\nother = open('x')",
        "def helper(x):\n    return np.abs(x) * SCALE[0]",
        "SCALE[0] = 2",
        "for i in range(10**9): pass",
        "def soft_threshold(x, lam):\n    return helper(x) - lam",
    )["soft_threshold"]
    assert answer.helpers.splitlines() == [
        "import numpy as np, os",
        "SCALE = [1]",
        "def helper(x):",
        "    return np.abs(x) * SCALE[0]",
        "SCALE[0] = 2",
    ]
    assert answer.source.endswith("return helper(x) - lam\n")


@pytest.mark.parametrize("lesson", [entry["lesson"] for entry in record.index()])
def test_our_own_answers_need_nothing_but_imports_of_the_lesson_around_them(lesson):
    names = [exercise["name"] for entry in record.index() if entry["lesson"] == lesson for exercise in entry["exercises"]]
    for answer in answers(read_notebook((ROOT / "solutions" / f"{lesson}.ipynb").read_bytes()), names).values():
        assert all(line.startswith(("import ", "from ")) for line in answer.helpers.splitlines()), answer.exercise


def test_a_call_of_a_modules_function_is_no_change_of_the_module_and_a_change_of_an_array_is_one():
    answer = found(
        "import numpy as np",
        "np.testing.assert_allclose(soft_threshold(np.ones(1), 1.0), 0)",
        "STEPS = []",
        "STEPS.append(1)",
        "def soft_threshold(x, lam):\n    return np.abs(x) - STEPS[0]",
    )["soft_threshold"]
    assert answer.helpers.splitlines() == ["import numpy as np", "STEPS = []", "STEPS.append(1)"]


def test_a_scratch_cell_that_reuses_the_name_is_no_answer_beside_a_function():
    answer = found(RIGHT, "soft_threshold = soft_threshold(2, 1)")["soft_threshold"]
    assert answer.text == RIGHT.strip() and not answer.person
    assert "lambda" in found(STUB, "soft_threshold = lambda x, lam: x - lam")["soft_threshold"].text


@pytest.mark.parametrize("line", ["np.sign?", "np.sign??", "?np.sign", "files = !ls", "%timeit soft_threshold(1, 2)", "!ls"])
def test_what_ipython_alone_reads_does_not_spoil_the_cell(line):
    answer = found(f"{RIGHT}{line}\n")["soft_threshold"]
    assert answer.error is None and answer.text == RIGHT.strip()


def test_an_import_of_the_librarys_own_function_under_an_exercises_name_is_left_out():
    answer = found(
        "from saekit.lasso import ista_step, lam_max", "def soft_threshold(x, lam):\n    return lam_max(ista_step(x))"
    )
    assert answer["soft_threshold"].helpers == "from saekit.lasso import lam_max"


def test_a_written_answer_wins_over_the_stub_wherever_it_stands():
    assert found(RIGHT, STUB)["soft_threshold"].text == found(STUB, RIGHT)["soft_threshold"].text == RIGHT.strip()


def test_of_two_different_answers_the_last_is_taken_and_a_person_is_told():
    answer = found(RIGHT, RIGHT.replace("-", "+"), RIGHT.replace("-", "*"))["soft_threshold"]
    assert "x * lam" in answer.text and "3 different answers" in answer.person[0]
    assert not found(RIGHT, RIGHT.replace("-", " -  "))["soft_threshold"].person  # the same but for spaces


@pytest.mark.parametrize("text", [RIGHT, f"My answer:\n```python\n{RIGHT}```\nas above"])
def test_an_answer_in_a_markdown_cell_counts_with_a_remark(text):
    answer = answers(notebook(text, kind="markdown"), NAMES)["soft_threshold"]
    assert "x - lam" in answer.text and "markdown" in answer.remarks[0]


def test_a_cell_that_python_cannot_read_is_kept_with_its_error_and_magics_are_no_error():
    assert found("def soft_threshold(x, lam)\n    return 1")["soft_threshold"].error.lineno == 1
    assert found("%matplotlib inline\n!ls\n" + RIGHT)["soft_threshold"].error is None


@pytest.mark.parametrize(
    "source",
    [
        "def soft_threshold(x):\n    return " + "-" * 10**5 + "1",
        "def soft_threshold(x):\n    return " + "1+" * 10**4 + "1",
        "def soft_threshold(x):\n\0",
    ],
)
def test_source_made_to_break_parsers_is_an_error_of_that_cell_alone(source):
    both = found(source, "def ista_step(z):\n    return z")
    assert isinstance(both["soft_threshold"].error, SyntaxError) and both["ista_step"].error is None


def test_a_renamed_function_in_its_own_cell_is_taken_with_a_note_for_a_person():
    cell = {
        "cell_type": "code",
        "metadata": {"saekit": {"exercise": "soft_threshold"}},
        "source": "def mine(x, lam):\n    return x",
    }
    answer = answers(read_notebook(json.dumps({"cells": [cell]}).encode()), NAMES)["soft_threshold"]
    assert "called mine" in answer.person[0]
