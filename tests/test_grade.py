"""A small class from the command line: books, pages, resuming, marks by hand; and what is refused with one line."""

import csv
import json
import os
import re
import shutil

import pytest

from saekit import cli
from saekit.course import gradebook, grade, record, report
from saekit.course.limits import Limits
from tests.class_parts import dumps, read, zipped

LESSON = read("00_start_here")


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """Four students, graded once: right, one wrong answer, nothing readable, a name that is HTML."""
    folder = tmp_path_factory.mktemp("class")
    wrong = LESSON.best() | {"l0": LESSON.wrong["l0"][0]}
    right = dumps(LESSON.filled(LESSON.best()))
    for name, data in {
        "ada/x.ipynb": right,
        "bo.zip": zipped({"x.ipynb": dumps(LESSON.filled(wrong))}),
        "=cy/x.ipynb": b"{",
        "<b>dee/x.ipynb": right,
    }.items():
        (folder / "all" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "all" / name).write_bytes(data)
    assert cli.main(["grade", str(folder / "all"), "--out", str(folder / "grades.csv"), "--jobs", "1"]) == 0
    return folder


def table(path):
    return list(csv.DictReader(path.read_text("utf-8-sig").splitlines()))


def test_every_student_has_a_row_per_exercise_with_points_state_and_note(graded):
    rows = table(graded / "grades.csv")
    if os.name == "posix":
        assert {(graded / name).stat().st_mode & 0o077 for name in ("grades.csv", "grades.json")} == {0}
    assert len(rows) == 4 * len(LESSON.exercises)
    totals = {row["student"]: (row["points"], row["look"]) for row in table(graded / "grades" / "totals.csv")}
    assert totals == {"ada": ("4", ""), "bo": ("3", ""), "'=cy": ("0", "yes"), "<b>dee": ("4", "")}
    assert next(row for row in rows if row["student"] == "bo" and row["exercise"] == "l0")["note"]
    assert len(json.loads((graded / "grades.json").read_text("utf-8"))) == 4


def test_pages_escape_what_students_wrote_and_say_what_isolation_held(graded):
    page = (graded / "grades" / "report.html").read_text("utf-8")
    assert "&lt;b&gt;dee" in page and "<b>dee" not in page and "isolation, not a security boundary" in page
    for link in re.findall(r'href="([^"]+)"', page):
        assert (graded / "grades" / link).is_file()
    assert len(list((graded / "grades" / "feedback").iterdir())) == 4


def test_the_report_names_wrong_answers_by_their_cause(graded):
    records = json.loads((graded / "grades.json").read_text("utf-8"))
    causes = dict(report.common_causes(records))
    from tests.wrong_answers import start_here

    assert causes == {("00_start_here", "l0", start_here.WRONG["l0"][0].cause): 1}


def test_a_second_run_marks_nothing_again_and_a_changed_submission_only_itself(graded, monkeypatch):
    started = []
    monkeypatch.setattr(grade, "_mark_all", lambda waiting, *_: started.extend(s.student for s in waiting) or ())
    grade.grade(graded / "all", graded / "grades.csv")
    assert started == []
    shutil.copy(graded / "all" / "ada" / "x.ipynb", graded / "all" / "ada" / "y.ipynb")
    try:
        grade.grade(graded / "all", graded / "grades.csv")
    finally:
        (graded / "all" / "ada" / "y.ipynb").unlink()
    assert started == ["ada"]


def test_marks_given_by_hand_are_merged_and_wrong_ones_refused(graded, tmp_path, capsys):
    marks = tmp_path / "marks.csv"

    def merged(student, points):
        marks.write_text(f"student,lesson,exercise,points\n{student},00_start_here,l0,{points}\nbo,,,\n", "utf-8")
        return cli.main(["grade", str(graded / "all"), "--out", str(graded / "grades.csv"), "--marks", str(marks)])

    assert merged("'=cy", "0.5") == 0
    row = next(r for r in table(graded / "grades.csv") if r["student"] == "'=cy" and r["exercise"] == "l0")
    assert (row["points"], row["state"]) == ("0.5", "marked")
    for student, points, said in (
        ("nobody", "1", "was not graded"),
        ("bo", "7", "from 0 to 1"),
        ("bo", "x", "from 0 to 1"),
    ):
        assert merged(student, points) == 2
        assert said in (error := capsys.readouterr().err) and error.count("\n") == 1


def test_marks_given_by_hand_outlive_later_runs(graded, tmp_path):
    command = ["grade", str(graded / "all"), "--out", str(graded / "grades.csv")]
    (tmp_path / "marks.csv").write_text("student,lesson,exercise,points\nbo,00_start_here,l0,0.5\n", "utf-8")
    for marks in (["--marks", str(tmp_path / "marks.csv")], [], []):
        assert cli.main(command + marks) == 0
        for path in (graded / "grades.csv", graded / "grades" / "by_hand.csv"):
            assert [r["points"] for r in table(path) if (r["student"], r["exercise"]) == ("bo", "l0")] == ["0.5"]
    assert max(row["remarks"].count("marked by hand") for row in _rows_of(graded)) == 1
    path = graded / "all" / "bo.zip"
    wrong = path.read_bytes()
    path.write_bytes(zipped({"x.ipynb": dumps(LESSON.filled(LESSON.best()))}))
    try:
        assert cli.main(command) == 0
        late = next(r for r in table(graded / "grades.csv") if (r["student"], r["exercise"]) == ("bo", "l0"))
        assert late["points"] == "1" and "0.5 points were for an answer that has changed" in late["note"]
    finally:
        path.write_bytes(wrong)


@pytest.mark.parametrize("head", ["student;lesson;exercise;points", "Student,Lesson,Exercise,Points"])
def test_marks_of_a_spreadsheet_with_decimal_commas_are_read_and_a_head_without_the_columns_is_refused(tmp_path, head):
    row = {"exercise": "why", "points": None, "out_of": 3, "state": "by hand", "message": "", "remarks": [], "person": ["?"]}
    records = [{"student": "ada", "problems": [], "lessons": [{"lesson": "01_lasso", "exercises": [row]}]}]
    (tmp_path / "marks.csv").write_text(f"{head}\nada;01_lasso;why;2,5\n", "utf-8-sig")
    if head.islower():
        gradebook.merge_marks(records, tmp_path / "marks.csv")
        assert row["points"] == 2.5
    else:
        with pytest.raises(ValueError, match="has no column student, lesson, exercise, points"):
            gradebook.merge_marks(records, tmp_path / "marks.csv")


def test_a_lesson_that_one_student_alone_handed_in_was_not_assigned():
    def class_of(*handed):
        rows = [{"exercise": "l0", "points": 1, "out_of": 1, "message": "", "trace": ""}]
        return [{"lessons": [{"lesson": name, "exercises": rows} for name in names]} for names in handed]

    ahead = gradebook.completed(class_of(["01_lasso", "10_scale"], ["01_lasso"], ["01_lasso"]))
    assert [len(record["lessons"]) for record in ahead] == [2, 1, 1]
    behind = gradebook.completed(class_of(["01_lasso", "02_dictionary"], ["01_lasso", "02_dictionary"], ["01_lasso"]))
    assert [gradebook.total(record) for record in behind] == [(2, 2), (2, 2), (1, 2)]


def test_what_waits_for_a_person_waits_until_there_are_points_and_a_changed_answer_is_asked_for_again(tmp_path):
    def books(points, state, message, person):
        row = {"exercise": "l0", "points": points, "out_of": 4, "state": state, "message": message, "remarks": [],
               "person": person, "seconds": 0.0}  # fmt: skip
        records = [{"student": "ada", "problems": [], "lessons": [{"lesson": "01_lasso", "exercises": [row]}]}]
        if (tmp_path / "by_hand.csv").exists():
            gradebook.merge_marks(records, tmp_path / "by_hand.csv")
        gradebook.write_books(records, tmp_path / "grades.csv", tmp_path)
        return row

    two = ["2 different answers stand in the notebook"]
    for _ in range(2):  # nobody has touched by_hand.csv
        assert books(4, "passed", "", list(two))["person"] == two
    assert [line["points"] for line in table(tmp_path / "by_hand.csv")] == [""]
    filled = (tmp_path / "by_hand.csv").read_text("utf-8").replace("l0,,4", "l0,3,4")
    (tmp_path / "by_hand.csv").write_text(filled, "utf-8")
    assert (books(4, "passed", "", list(two))["points"], books(4, "passed", "", list(two))["state"]) == (3, "marked")
    for _ in range(2):  # a late hand-in that is wrong, and a run after it
        late = books(0, "not yet", "the sign is wrong", [])
        assert late["points"] == 0 and "3 points were for an answer that has changed" in late["person"][0]


def test_the_student_copy_of_every_lesson_filled_with_right_answers_gets_every_point(tmp_path):
    for entry in record.index():
        lesson, path = read(entry["lesson"]), tmp_path / "all" / "ada" / f"{entry['lesson']}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(dumps(lesson.filled(lesson.best())))
    (graded,) = grade.grade(tmp_path / "all", tmp_path / "grades.csv", jobs=1, limits=Limits(seconds=60, wall=180))
    words = {question["name"] for entry in record.index() for question in entry["questions"]}
    assert [row["exercise"] for _, row in gradebook.rows(graded) if row["state"] != "passed"] == [
        name for _, row in gradebook.rows(graded) if (name := row["exercise"]) in words
    ]


def test_where_the_sandbox_failed_the_next_run_tries_again(graded, monkeypatch):
    unjudged = [{"exercise": "l0", "points": 0, "out_of": 1, "state": "not judged", "message": "", "person": ["?"],
                 "trace": "", "rows": [], "remarks": [], "seconds": 0.0}]  # fmt: skip
    lessons = [{"lesson": "00_start_here", "title": "", "variant": "", "file": "x.ipynb", "exercises": unjudged}]
    started = []

    def mark(waiting, *_):
        started.append([submission.student for submission in waiting])
        return [(s, {"student": s.student, "problems": [], "held": None, "lessons": lessons}) for s in waiting]

    alone, out = graded / "all" / "ada", graded / "again.csv"
    monkeypatch.setattr(grade, "_mark_all", mark)
    for _ in range(2):
        grade.grade(alone, out)
    assert started[0] and started[0] == started[1]


def _rows_of(folder):
    return [row for record in json.loads((folder / "grades.json").read_text("utf-8")) for _, row in gradebook.rows(record)]


def test_an_answer_that_changed_after_it_was_marked_is_asked_for_again(tmp_path):
    def record(text):
        row = {"exercise": "why", "points": None, "out_of": 2, "state": "by hand", "message": text, "remarks": [],
               "rubric": "one point: because", "person": ["to be marked by hand"], "seconds": 0.0}  # fmt: skip
        return {"student": "ada", "problems": [], "lessons": [{"lesson": "01_lasso", "exercises": [row]}]}

    def row_of(text):
        records = [record(text)]
        gradebook.merge_marks(records, tmp_path / "by_hand.csv")
        gradebook.write_books(records, tmp_path / "grades.csv", tmp_path)
        return records[0]["lessons"][0]["exercises"][0]

    gradebook.write_books([record("=Because\nit is.")], tmp_path / "grades.csv", tmp_path)
    filled = (tmp_path / "by_hand.csv").read_text("utf-8").replace("why,,2", "why,1.5,2")
    (tmp_path / "by_hand.csv").write_text(filled, "utf-8")
    for _ in range(2):  # what the first run wrote is read by the second
        assert (row_of("=Because\nit is.")["points"], row_of("=Because it is.")["state"]) == (1.5, "marked")
    again = row_of("Because it was.")
    assert again["points"] is None and "1.5 points were for an answer that has changed" in again["person"][0]


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["nowhere", "--out", "g.csv"], "does not exist"),
        ([".", "--out", "g.xlsx"], "ends in .csv"),
        (["all", "--out", "g.csv", "--jobs", "0"], "expected more than 0"),
        ([".", "--out", "g.csv"], "among the submissions"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(arguments, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["grade", *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1


def test_a_worker_that_dies_leaves_a_note_and_is_replaced(tmp_path, monkeypatch):
    from saekit.course.limits import Limits
    from saekit.course.submissions import Submission

    worker = grade.Worker(Limits())
    worker.give(Submission("ada"))
    worker.process.kill()
    worker.process.join()
    submission, record = worker.take()
    assert submission.student == "ada" and "by hand" in record["problems"][-1] and worker.process is None
    assert gradebook.needs_person(record)
