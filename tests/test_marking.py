"""One submission marked: the notebook's verdicts come out, and no answer can give itself points."""

import json
import re

import pytest

from saekit.course import record
from saekit.course.extraction import Answer
from saekit.course.lesson import ROOT
from saekit.course.limits import Limits
from saekit.course.marking import Marker
from saekit.course.submissions import HandedIn, Submission
from tests.class_hostile import AST_PATCH
from tests.wrong_answers import lasso

ENTRY = next(entry for entry in record.index() if entry["lesson"] == "01_lasso")
RIGHT, WRONG = lasso.RIGHT["soft_threshold"][0], lasso.WRONG["soft_threshold"]


@pytest.fixture(scope="module")
def marker():
    with Marker(Limits(seconds=0.5, wall=60)) as warm:
        yield warm


@pytest.fixture
def verdict(marker):
    """The verdict on a text for soft_threshold."""

    def verdict(text, helpers=""):
        return marker.judge("lasso", "soft_threshold", Answer("soft_threshold", text, helpers))

    return verdict


@pytest.fixture
def marked(marker, tmp_path):
    """The record of a notebook of these cells."""

    def marked(*sources, **cell):
        cells = [{"cell_type": "code", "metadata": {}, "source": source} | cell for source in sources]
        path = tmp_path / "x.ipynb"
        path.write_text(json.dumps({"cells": cells, "metadata": {"saekit": {"lesson": "01_lasso"}}}))
        return marker.mark(Submission("ada", [HandedIn("x.ipynb", path)]))

    return marked


def test_right_answers_pass_and_wrong_ones_fail_with_the_notebooks_message(verdict):
    assert verdict(RIGHT).state == "passed"
    for wrong in WRONG[:3]:
        found = verdict(wrong.source)
        assert found.state == "not yet" and re.search(wrong.message, found.plain)


def test_the_patch_that_gives_full_marks_in_nbgrader_gives_none_here(marked):
    grading = 'from saekit.course import require\nrequire("soft_threshold")'
    rows = marked(AST_PATCH, WRONG[0].source, grading)["lessons"][0]["exercises"]
    assert sum(row["points"] for row in rows) == 0
    assert next(row for row in rows if row["exercise"] == "soft_threshold")["state"] == "not yet"


@pytest.mark.parametrize(
    "text, said",
    [
        (
            "def soft_threshold(x, lam, positive=False):\n    '''Doc.'''\n    raise NotImplementedError()",
            "nothing is written",
        ),
        ("def soft_threshold(x, lam: float):\n    return x", "first line was changed"),
        (
            (
                "def soft_threshold(x, lam, positive=open('/nowhere')):\n    from saekit import lasso\n    return"
                " lasso.soft_threshold(x, lam)"
            ),
            "line 3 calls saekit's own",
        ),
        ("def soft_threshold(x, lam, positive=False):\n    return ours(x, lam)", "calls saekit's own"),
    ],
)
def test_what_the_text_tells_is_told_without_running_it(verdict, text, said):
    assert said in verdict(text, "from saekit.lasso import soft_threshold as ours").message


def test_our_own_answer_called_in_disguise_is_out_of_reach(verdict):
    text = (
        "def soft_threshold(x, lam, positive=False):\n    import saekit.course.reference.lasso as m\n"
        "    return [vars(m)['soft_' + 'threshold']][0](x, lam, positive)"
    )
    assert "out of reach" in verdict(text).message


def test_an_answer_may_use_earlier_exercises_and_its_own_helpers(marker):
    found = marker.judge("lasso", "ista_step", Answer("ista_step", lasso.RIGHT["ista_step"][0]))
    assert found.state == "passed"


def test_a_helper_that_fails_or_exits_is_the_answers_loss_alone(verdict):
    assert "ZeroDivisionError before" in verdict(RIGHT, "1 / 0").message
    assert "ended Python" in verdict(RIGHT, "import sys\nsys.exit()").message


def test_every_exercise_has_a_row_and_what_is_not_there_is_not_found(marked):
    rows = marked("@exercise\n" + RIGHT)["lessons"][0]["exercises"]
    names = [e["name"] for e in ENTRY["exercises"] + ENTRY["questions"]]
    assert [row["exercise"] for row in rows] == names
    assert {row["state"] for row in rows} == {"passed", "not found"} and sum(row["points"] for row in rows) == 3


def test_an_answer_in_words_is_listed_with_its_rubric_and_an_untouched_one_gives_nothing(marked):
    row = marked("Because a corner lies on an axis.", cell_type="markdown", id="q-why-l1")["lessons"][0]["exercises"][
        -1
    ]
    assert (row["points"], row["state"], row["message"]) == (None, "by hand", "Because a corner lies on an axis.")
    assert row["exercise"] == "why_l1" and row["out_of"] == 3 and len(row["rubric"]) > 20
    copy = json.loads((ROOT / "notebooks" / "01_lasso.ipynb").read_text("utf-8"))
    prompt = next("".join(cell["source"]) for cell in copy["cells"] if cell["id"] == "q-why-l1")
    row = marked(prompt, cell_type="markdown")["lessons"][0]["exercises"][-1]  # found by its text alone
    assert (row["points"], row["state"], row["person"]) == (0, "not started", [])


def test_an_answer_in_words_may_stand_in_a_cell_of_its_own_below(marked, marker, tmp_path):
    copy = json.loads((ROOT / "notebooks" / "01_lasso.ipynb").read_text("utf-8"))
    at = next(number for number, cell in enumerate(copy["cells"]) if cell["id"] == "q-why-l1")
    path = tmp_path / "copy.ipynb"
    for own in ([], [{"cell_type": "markdown", "id": "3f0c", "metadata": {}, "source": "A corner lies on an axis."}]):
        path.write_text(json.dumps(copy | {"cells": copy["cells"][: at + 1] + own + copy["cells"][at + 1 :]}), "utf-8")
        row = marker.mark(Submission("ada", [HandedIn("x.ipynb", path)]))["lessons"][0]["exercises"][-1]
        assert row["exercise"] == "why_l1"
        assert (row["state"], row["message"]) == (("by hand", own[0]["source"]) if own else ("not started", ""))


def test_a_variant_draws_the_checks_other_numbers(marker):
    same = Answer("soft_threshold", "def soft_threshold(x, lam, positive=False):\n    raise ValueError(str(x[0, 0]))")
    traces = [marker.judge("lasso", "soft_threshold", same, variant).trace for variant in ("a", "a", "b", "")]
    assert traces[0] == traces[1] and len(set(traces)) == 3


def test_what_is_no_notebook_of_the_course_asks_for_a_person(marked):
    found = marked("print(1)")
    assert found["lessons"] and all(row["state"] == "not found" for row in found["lessons"][0]["exercises"])
