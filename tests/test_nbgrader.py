"""nbgrader itself over the tree that `saekit build --nbgrader` writes: the points are those of `saekit grade`.

One class of four passes through the real commands. The third and fourth walk into the traps of nbgrader's scoring: text
on stderr or an error in a test cell is 0, a number as its last value is partial credit, a cell beyond the timeout takes
the ones after it along.
"""

import importlib.util
import os
import shutil
import subprocess
import sys

import nbformat
import pytest

from saekit.course.assignments import write_nbgrader
from saekit.course.grade import grade
from saekit.course.lesson import ROOT, lesson_paths, read_lesson, without_markers
from tests.wrong_answers.start_here import WRONG

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("nbgrader") is None,
                       reason="nbgrader is not installed: pip install -e .[instructor]"),
]
LESSON = read_lesson(lesson_paths()[0])
RIGHT = {cell.exercise: without_markers(cell.text) for cell in LESSON.exercises}
NOISE = "    import sys, warnings\n    warnings.warn('noise')\n    print('noise', file=sys.stderr)\n    return "
CLASS = {
    "good": RIGHT,
    "empty": {},
    "half": {
        "l0": RIGHT["l0"].replace("    return ", NOISE),  # right, and on stderr: 1 point all the same
        "unit_norm": RIGHT["unit_norm"] + "\n\n0.5",  # right, and ends in a number: no partial credit
        "measure": "@exercise\n" + WRONG["measure"][0].source + "\n\n-3.0",  # wrong, and ends in a number
    },
    "traps": {
        "l0": "@exercise\ndef l0(z):\n    while True:\n        pass",  # must not take the next ones along
        "unit_norm": "@exercise\ndef unit_norm(D:\n    return D",
        "reconstruct": RIGHT["reconstruct"],
        "measure": "import warnings\nwarnings.warn('noise')\n" + RIGHT["measure"] + "\n\n1 / 0",
    },
}
POINTS = {"good": 4, "empty": 0, "half": 2, "traps": 2}


def nbgrader(*words, folder):
    """Run one nbgrader command in the course's folder, as an instructor does."""
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])  # it calls alembic by name
    env = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "HOME": str(folder)}
    done = subprocess.run([sys.executable, "-m", "nbgrader", *words], cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]


def hand_in(folder, student, answers):
    """The released notebook with these answers, as the student's submission."""
    notebook = nbformat.read(folder / "release" / LESSON.stem / f"{LESSON.stem}.ipynb", as_version=4)
    for cell in notebook.cells:
        cell.source = answers.get(cell.metadata.get("saekit", {}).get("exercise")) or cell.source
        if cell.id == "setup":
            cell.source += "\nmine = True"
    target = folder / "submitted" / student / LESSON.stem
    target.mkdir(parents=True)
    nbformat.write(notebook, target / f"{LESSON.stem}.ipynb")


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course folder in which the class was assigned, collected, marked and answered."""
    folder = tmp_path_factory.mktemp("nbgrader")
    write_nbgrader([LESSON], folder)
    nbgrader("generate_assignment", LESSON.stem, folder=folder)
    for student, answers in CLASS.items():
        hand_in(folder, student, answers)
    nbgrader("autograde", LESSON.stem, "--create", folder=folder)
    nbgrader("generate_feedback", LESSON.stem, folder=folder)
    return folder


def points_in(folder):
    """{student: points} from nbgrader's own gradebook."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}") as book:
        return {student: book.find_submission(LESSON.stem, student).score for student in CLASS}


def test_nbgrader_gives_the_points_that_saekit_grade_gives(course, tmp_path):
    assert points_in(course) == POINTS
    shutil.copytree(course / "submitted", tmp_path / "submitted")
    records = grade(tmp_path / "submitted", tmp_path / "grades.csv", jobs=1)
    given = {each["student"]: [row["points"] for row in each["lessons"][0]["exercises"]] for each in records}
    assert {student: sum(points) for student, points in given.items()} == POINTS


def test_the_released_notebook_holds_stubs_and_no_answer(course):
    text = (course / "release" / LESSON.stem / f"{LESSON.stem}.ipynb").read_text("utf-8")
    assert text.count("raise NotImplementedError()") == len(LESSON.exercises)
    assert "count_nonzero(z, axis=1)" not in text and "SOLUTION" not in text


def test_every_student_gets_a_feedback_page_and_nothing_was_lost(course):
    pages = {path.parents[1].name for path in (course / "feedback").rglob("*.html")}
    assert pages == set(CLASS)


def test_a_changed_setup_cell_is_put_back_before_marking(course):
    autograded = nbformat.read(course / "autograded" / "good" / LESSON.stem / f"{LESSON.stem}.ipynb", as_version=4)
    setup = next(cell for cell in autograded.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == "setup")
    assert setup.source == LESSON.code_cells[0].text


def test_a_question_in_words_is_left_for_a_person(tmp_path):
    lesson = next(each for each in map(read_lesson, lesson_paths()) if each.questions)
    write_nbgrader([lesson], tmp_path)
    nbgrader("generate_assignment", lesson.stem, folder=tmp_path)
    notebook = nbformat.read(tmp_path / "release" / lesson.stem / f"{lesson.stem}.ipynb", as_version=4)
    cell = next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id", "").startswith("question"))
    assert cell.metadata.nbgrader.grade and cell.metadata.nbgrader.solution
    assert "YOUR ANSWER HERE" in cell.source and "One point" not in cell.source
