"""INSTRUCTORS.md says what the sources say: its generated parts are current, complete, and never overwrite the rest."""

import re

import pytest

from saekit.course import guide
from saekit.course.lesson import ROOT, lesson_paths, read_lesson
from tests.mini_course import make_course
from tests.test_wrong_answers import LESSONS, table

LESSON_SOURCES = [read_lesson(path) for path in lesson_paths()]
HANDBOOK = (ROOT / "INSTRUCTORS.md").read_text("utf-8")


def part(name):
    """One generated part of the handbook."""
    return next(match[0] for match in guide.PART.finditer(HANDBOOK) if match[2] == name)


def test_the_handbook_is_current():
    assert guide.filled(HANDBOOK, LESSON_SOURCES, ROOT) == HANDBOOK, "run `saekit build`"


def test_every_plan_holds_each_of_the_eleven_lessons_once():
    for weeks, plan in guide.PLANS.items():
        assert len(plan) == weeks
        assert [n for week in plan if isinstance(week, list) for n in week] == list(range(11))


@pytest.mark.parametrize("lesson", LESSONS)
def test_every_typical_error_of_every_exercise_is_in_the_handbook(lesson):
    listed = part("errors")
    for name, rows in table(lesson).WRONG.items():
        line = next(line for line in listed.splitlines() if line.startswith(f"| `{name}`") and rows[0].cause in line)
        assert all(wrong.cause.replace("|", "\\|") in line for wrong in rows)


def test_the_points_add_up():
    rows = re.findall(r"^\| \d+ .*?\| (\d+) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$", part("points"), re.MULTILINE)
    assert len(rows) == len(LESSON_SOURCES)
    points = [cell.options["points"] for lesson in LESSON_SOURCES for cell in lesson.exercises + lesson.questions]
    assert sum(int(row[4]) for row in rows) == sum(points)
    assert f"**{sum(points)}**" in part("points")


def test_every_question_in_words_has_its_rubric_in_the_handbook_and_not_in_the_student_copy():
    for lesson in LESSON_SOURCES:
        student = (ROOT / "notebooks" / f"{lesson.stem}.ipynb").read_text("utf-8")
        for cell in lesson.questions:
            assert f"**`{cell.question}`**, in words" in part("errors")
            assert "YOUR ANSWER HERE" in student and "One point" not in student


def test_the_build_fills_the_parts_and_leaves_the_rest(tmp_path):
    text = "mine\n<!-- generated: points -->\nold\n<!-- end -->\nmine too\n"
    (tmp_path / "INSTRUCTORS.md").write_text(text, "utf-8")
    make_course(tmp_path)
    written = (tmp_path / "INSTRUCTORS.md").read_text("utf-8")
    assert written.startswith("mine\n<!--") and written.endswith("<!-- end -->\nmine too\n")
    assert "| 1 Mini | 1 | 3 | 0 | 0 | 3 |" in written and "old" not in written


def test_an_unknown_part_is_named():
    with pytest.raises(ValueError, match="asks for the part 'pints', expected one of: plan, points, errors"):
        guide.filled("<!-- generated: pints -->\n<!-- end -->", LESSON_SOURCES, ROOT)
