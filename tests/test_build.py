"""`saekit build`: what it writes, what it keeps, and what `--check` refuses, on a lesson in a temporary folder."""

import difflib
import json
import re
import shutil

import jupytext
import nbformat
import numpy as np
import pytest

from saekit.course import audit, lesson
from saekit.course.build import build
from tests.mini_course import LESSON, cell, load, make_course


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """A built and executed course; tests copy it before they change anything."""
    root = tmp_path_factory.mktemp("course")
    make_course(root)
    assert build(execute=["mini"], root=root) == 0
    return root


@pytest.fixture
def course(executed, tmp_path):
    """A copy of the executed course to change."""
    return shutil.copytree(executed, tmp_path / "course")


def said_by_check(root, capsys):
    """What `build --check` prints, after asserting that it fails."""
    capsys.readouterr()
    assert audit.check(root) == 1
    return capsys.readouterr().out


def edit(path, old, new):
    """Replace the one occurrence of old."""
    text = path.read_text("utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), "utf-8")


@pytest.mark.parametrize("path", lesson.lesson_paths(), ids=lambda path: path.stem)
def test_cells_are_those_that_jupytext_reads(path):
    ours, theirs = lesson.read_lesson(path).cells, jupytext.read(path, fmt="py:percent").cells
    assert [(c.kind, c.text) for c in ours] == [(c.cell_type, c.source.strip("\n")) for c in theirs]
    spacing = "lines_to_next_cell"  # jupytext's own note for writing the file again
    assert [c.options for c in ours] == [
        {key: value for key, value in c.metadata.items() if key != spacing} for c in theirs
    ]


def test_a_complete_course_passes_the_check(executed, capsys):
    assert audit.check(executed) == 0, capsys.readouterr().out


def test_answers_in_a_student_copy_are_never_overwritten(course, capsys):
    path = course / "notebooks" / "01_mini.ipynb"
    made = nbformat.read(path, as_version=4)
    answer = next(cell for cell in made.cells if cell["id"] == "ex-soft")
    answer.source = answer.source.replace("raise NotImplementedError()", "x = np.sign(x) * np.maximum(abs(x) - lam, 0)")
    nbformat.write(made, path)
    kept = path.read_text("utf-8")
    edit(course / "solutions" / "01_mini.py", "one word to change", "another word")
    assert build(root=course) == 1 and "01_mini.ipynb: left as it is" in capsys.readouterr().out
    assert path.read_text("utf-8") == kept and "another word" in (course / "solutions" / "01_mini.ipynb").read_text("utf-8")
    assert "notebooks/01_mini.ipynb" in (said := said_by_check(course, capsys)) and "somebody has worked in it" in said
    assert build(["1"], root=course) == 1
    for other in ("[]", '{"cells": 3}'):
        path.write_text(other, "utf-8")
        with pytest.raises(ValueError, match="01_mini.ipynb is not a notebook"):
            build(root=course)
    path.unlink()
    assert build(root=course) == 0 and "another word" in path.read_text("utf-8")


@pytest.mark.parametrize("change", [
    lambda cells: cells.append(nbformat.v4.new_markdown_cell("my own words")),
    lambda cells: next(cell for cell in cells if cell.id == "ex-soft").update(source="def soft(x, lam):\n    return x"),
    lambda cells: cells[0].update(source=cells[0].source + "\n\nI think it is 3."),
    lambda cells: cells.pop(),
], ids=["a cell of their own", "an answer", "words", "a cell less"])
def test_a_copy_that_differs_in_any_cell_is_left_alone(course, change):
    path = course / "notebooks" / "01_mini.ipynb"
    made = nbformat.read(path, as_version=4)
    nbformat.write(made, path)  # as an editor writes it, without any change
    assert build(root=course) == 0
    change(made.cells)
    nbformat.write(made, path)
    kept = path.read_text("utf-8")
    assert build(root=course) == 1 and path.read_text("utf-8") == kept


def test_long_cells_and_wide_lines_are_warnings_with_their_place(course):
    source = course / "solutions" / "01_mini.py"
    text = source.read_text("utf-8")
    many = "\n".join(f"a{i} = {i}" for i in range(11))
    wide = f"b = '{'x' * 110}'", f"c = '{'x' * 109}'", f"d(alt='{'x' * 200}')"
    source.write_text(text + f'\n# %% id="more"\n{many}\n\n# %% id="wide"\n' + "\n".join(wide) + "\n", "utf-8")
    start = len(text.splitlines()) + 2
    assert [(one.line, one.message.partition(";")[0]) for one in audit.size_warnings(lesson.read_lesson(source))] == [
        (start, "11 lines of code in one cell"), (start + 14, "116 characters in a line of code")]


def test_the_student_copy_has_nbgraders_stub_in_place_of_the_answer(executed):
    answer = cell(load(executed, "notebooks"), "ex-soft")
    assert (
        "    if lam > 0:\n        # YOUR CODE HERE\n        raise NotImplementedError()\n    return x"
        in answer["source"]
    )
    assert "size = np.maximum" not in (executed / "notebooks" / "01_mini.ipynb").read_text("utf-8")
    assert answer["metadata"]["tags"] == ["raises-exception"]


def test_predictions_are_blanked_in_the_student_copy_alone(executed):
    blanked = cell(load(executed, "notebooks"), "guess")["source"]
    assert blanked == 'predict("größe", ...); predict("other", answer=...)'
    assert "round(3.7)" in cell(load(executed), "guess")["source"]


def test_student_copies_have_no_outputs_and_are_valid(executed):
    student = nbformat.read(executed / "notebooks" / "01_mini.ipynb", as_version=4)
    nbformat.validate(student)
    assert not any(c.outputs or c.execution_count for c in student.cells if c.cell_type == "code")


def test_execution_stores_counts_and_outputs_but_neither_times_nor_versions(executed):
    solution = load(executed)
    code = [c for c in solution["cells"] if c["cell_type"] == "code"]
    assert [c["execution_count"] for c in code] == list(range(1, len(code) + 1))
    assert "".join(cell(solution, "one")["outputs"][0]["text"]) == "one [ 2. -0.]\n"
    assert "version" not in json.dumps(solution["metadata"]) and not any("execution" in c["metadata"] for c in code)


def test_a_second_build_changes_nothing(course):
    before = {path: path.read_bytes() for path in course.rglob("*") if path.is_file()}
    assert build(root=course) == 0
    assert before == {path: path.read_bytes() for path in course.rglob("*") if path.is_file()}


def test_one_edited_word_changes_one_line_of_each_notebook_and_keeps_the_outputs(course):
    before = (course / "solutions" / "01_mini.ipynb").read_text("utf-8").splitlines()
    edit(course / "solutions" / "01_mini.py", "one word to change", "one word that changed")
    build(root=course)
    after = (course / "solutions" / "01_mini.ipynb").read_text("utf-8").splitlines()
    assert [line[0] for line in difflib.ndiff(before, after) if line[0] in "+-"] == ["-", "+"]


def test_edited_code_drops_the_outputs_and_the_check_says_so(course, capsys):
    edit(course / "solutions" / "01_mini.py", 'print("two")', 'print("2")')
    assert "solutions/01_mini.ipynb" in said_by_check(course, capsys)
    build(root=course)
    assert cell(load(course), "three")["outputs"] == []
    assert "outputs older than the source" in said_by_check(course, capsys)


def test_missing_ids_are_written_into_the_source_once(tmp_path):
    source = make_course(tmp_path, LESSON.replace(' id="title"', "").replace(' id="two"', ""))
    written = source.read_text("utf-8")
    assert '# %% [markdown] id="lesson-1-mini-a"' in written and '# %% id="print-two" tags=' in written
    build(root=tmp_path)
    assert source.read_text("utf-8") == written


FAULTS = {
    "nested": (
        "        size = np.abs(x)\n",
        "        ### BEGIN SOLUTION\n",
        "28: nested BEGIN SOLUTION: one is open since line 27",
    ),
    "unclosed": ("        ### END SOLUTION\n", "", "27: BEGIN SOLUTION is never closed"),
    "without begin": ("        ### BEGIN SOLUTION\n", "", "30: END SOLUTION without BEGIN SOLUTION"),
    "outside an exercise": (
        'print("two")\n',
        "### BEGIN SOLUTION\n2\n### END SOLUTION\n",
        "41: BEGIN SOLUTION in a cell without exercise=",
    ),
    "the same id twice": ('id="two"', 'id="one"', "40: id 'one' is already used in line 37"),
    "an id with a space": ('id="two"', 'id="t wo"', "40: id='t wo' is not"),
    "a misspelt key": ("minutes=8", "minuts=8", "22: unknown key 'minuts'"),
    "a value that is no JSON": ("minutes=8", "minutes=eight", "22: minutes=eight is not JSON"),
    "a syntax error": ('print("two")', 'print("two"', "41: not valid Python"),
    "an NBVAL comment": ('print("two")', 'print("two")  # NBVAL_SKIP', "41: NBVAL_ comments"),
    "a name the reference lacks": ("size = np.abs(x)", "size = helper(x)", "22: exercise soft uses 'helper'"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_source_is_refused_with_file_and_line(fault, tmp_path, capsys):
    old, new, message = FAULTS[fault]
    assert LESSON.count(old) == 1
    make_course(tmp_path, LESSON.replace(old, new))
    assert f"01_mini.py:{message}" in capsys.readouterr().out
    assert not (tmp_path / "notebooks").exists()


INCOMPLETE = {
    "difficulty out of range": ("difficulty=2", "difficulty=6", "difficulty is a whole number from 1 to 5"),
    "no points": (" points=3\n", "\n", "points is a whole number above 0"),
    "two hints": ("Hint 3 of 3", "Hint 3", "its task holds Hint 1 of 3"),
    "the task says other minutes": (
        "· 8 minutes ·",
        "· 9 minutes ·",
        "its task says 'Difficulty 2 of 5 · 8 minutes · 3 points'",
    ),
    "four checked cells": (
        'id="two" tags=["nbval-check-output"]',
        'id="two"',
        "4 cells carry the tag nbval-check-output",
    ),
    "a tag that skips": (
        'id="two" tags=["nbval-check-output"]',
        'id="two" tags=["nbval-skip"]',
        "tag 'nbval-skip' is not used here",
    ),
    "not decorated": ("@exercise\n", "", "needs `@exercise`"),
    "another lesson begun": ('begin("01_mini")', 'begin("02_mini")', 'calls begin("01_mini")'),
    "answer in a hint": (
        "# <details><summary>Hint 3 of 3</summary>three",
        "# <details><summary>Hint 3 of 3</summary>size = np.abs(x)\n"
        "#   size = np.maximum(size - lam, 0)\n# x = np.sign(x) * size",
        "01_mini.py:13: 3 lines of the answer to soft stand here",
    ),
}


@pytest.mark.parametrize("fault", INCOMPLETE)
def test_an_incomplete_lesson_fails_the_check(fault, course, capsys):
    old, new, message = INCOMPLETE[fault]
    edit(course / "solutions" / "01_mini.py", old, new)
    build(root=course)
    assert message in said_by_check(course, capsys)


def test_two_lines_of_a_longer_answer_may_stand_elsewhere(course, capsys):
    edit(
        course / "solutions" / "01_mini.py",
        "</summary>three",
        "</summary>size = np.abs(x)\n# size = np.maximum(size - lam, 0)",
    )
    build(root=course)
    assert audit.check(course) == 0, capsys.readouterr().out


STORED = {
    "an address": ({"output_type": "stream", "name": "stdout", "text": "<A at 0x7f3a2b1c>\n"}, "a memory address"),
    "stderr": ({"output_type": "stream", "name": "stderr", "text": "a warning\n"}, "text on stderr"),
    "an error": (
        {"output_type": "error", "ename": "KeyError", "evalue": "3", "traceback": []},
        "a stored error (KeyError: 3)",
    ),
    "a widget": (
        {"output_type": "display_data", "metadata": {}, "data": {"application/vnd.jupyter.widget-view+json": {}}},
        "a live widget",
    ),
    "a huge figure": (
        {"output_type": "display_data", "metadata": {}, "data": {"image/png": "A" * 1_500_000}},
        "stays under 1.5 MB",
    ),
}


@pytest.mark.parametrize("fault", STORED)
def test_a_stored_output_that_differs_by_machine_is_refused(fault, course, capsys):
    output, message = STORED[fault]
    notebook = load(course)
    next(c for c in notebook["cells"] if c["id"] == "two")["outputs"] = [output]
    (course / "solutions" / "01_mini.ipynb").write_text(json.dumps(notebook), "utf-8")
    assert message in said_by_check(course, capsys)


def test_a_null_count_and_a_run_out_of_order_are_refused(course, capsys):
    path = course / "solutions" / "01_mini.ipynb"
    text = path.read_text("utf-8")
    path.write_text(text.replace('"execution_count": 4,\n   "id"', '"execution_count": null,\n   "id"'), "utf-8")
    assert re.search(r"01_mini.ipynb:\d\d+: cell one has no execution count", said_by_check(course, capsys))
    path.write_text(text.replace('"execution_count": 4,\n   "id"', '"execution_count": 9,\n   "id"'), "utf-8")
    assert "cell one ran as number 9, not 4" in said_by_check(course, capsys)


@pytest.fixture
def importing(tmp_path):
    """An executed course whose lesson imports saekit.top, which imports saekit.deep; returns its root."""
    package = tmp_path / "saekit"
    package.mkdir()
    (package / "top.py").write_text("def f():\n    from saekit import deep\n    return deep.A\n")
    (package / "deep.py").write_text('"""Text."""\nA = 1\n')
    make_course(tmp_path, LESSON.replace('print("two")', "if False:\n    from saekit.top import f"))
    assert build(execute=["1"], root=tmp_path) == 0
    return tmp_path


def test_outputs_are_stale_once_an_imported_module_computes_otherwise(importing, capsys):
    deep = importing / "saekit" / "deep.py"
    deep.write_text('"""Other text."""\n\nA = 1  # the same\n')
    assert "older" not in said_by_check(importing, capsys)  # it fails for the empty output of a tagged cell
    deep.write_text('"""Text."""\nA = 2\n')
    assert "outputs older than saekit/deep.py; run `saekit build --execute 01`" in said_by_check(importing, capsys)


def test_a_notebook_without_source_is_told(course, capsys):
    shutil.copy(course / "notebooks" / "01_mini.ipynb", course / "notebooks" / "07_gone.ipynb")
    assert "07_gone.ipynb:1: no lesson source makes this file" in said_by_check(course, capsys)


def test_the_reference_module_is_the_answer_with_only_the_imports_it_needs(executed):
    text = (executed / "saekit" / "course" / "reference" / "mini.py").read_text("utf-8")
    names = {}
    exec(text, names)
    assert names["soft"](np.array([3.0, -0.5, -2.0]), 1.0).tolist() == [2.0, 0.0, -1.0]  # 3-1, inside the band, -2+1
    assert "statistics" not in text and "@exercise" not in text and "SOLUTION" not in text


def test_the_index_lists_every_exercise(executed):
    index = json.loads((executed / "saekit" / "course" / "reference" / "index.json").read_text("utf-8"))
    assert index == [
        {
            "lesson": "01_mini",
            "name": "mini",
            "title": "Mini",
            "exercises": [{"name": "soft", "difficulty": 2, "minutes": 8, "points": 3}],
            "questions": [],
        }
    ]


def test_a_failing_cell_stops_the_execution_and_stores_nothing(course, capsys):
    edit(course / "solutions" / "01_mini.py", 'print("four")', "1 / 0")
    before = load(course)["cells"][0]
    assert build(execute=["all"], root=course) == 1
    assert "ZeroDivisionError" in capsys.readouterr().out
    assert load(course)["cells"][0] == before and cell(load(course), "one")["execution_count"] is None


def test_an_unknown_lesson_is_named_with_those_there_are(course):
    with pytest.raises(ValueError, match="no lesson '7'; there are 01_mini"):
        build(execute=["7"], root=course)


def test_nbgrader_notebooks_follow_schema_3(course):
    build(nbgrader=course / "grading", root=course)
    notebook = nbformat.read(course / "grading" / "source" / "01_mini" / "01_mini.ipynb", as_version=4)
    nbformat.validate(notebook)
    graded = {c.metadata.nbgrader.grade_id: c for c in notebook.cells if "nbgrader" in c.metadata}
    answer, test = graded["answer-soft"], graded["test-soft"]
    common = {"schema_version": 3, "task": False}
    assert answer.metadata.nbgrader == {
        **common,
        "grade_id": "answer-soft",
        "grade": False,
        "solution": True,
        "locked": False,
    }
    assert test.metadata.nbgrader == {
        **common,
        "grade_id": "test-soft",
        "grade": True,
        "solution": False,
        "locked": True,
        "points": 3,
    }
    assert "### BEGIN SOLUTION" in answer.source and test.source.endswith('require("soft")')
    assert notebook.cells.index(test) == notebook.cells.index(answer) + 1


QUESTION = """# %% [markdown] id="q-why" question="why" minutes=5 points=2
# Why?
#
# In words · 5 minutes · 2 points
#
# ### BEGIN SOLUTION
# - One point: because.
# ### END SOLUTION

# %% id="one\""""


def test_a_question_in_words_has_its_rubric_in_the_solution_alone(course):
    edit(course / "solutions" / "01_mini.py", '# %% id="one"', QUESTION)
    build(nbgrader=course / "grading", root=course)
    student, solution = (cell(load(course, folder), "q-why") for folder in ("notebooks", "solutions"))
    assert student["source"].endswith("2 points\n\nYOUR ANSWER HERE") and not student["metadata"]["deletable"]
    assert solution["source"].endswith("2 points\n\n- One point: because.")
    index = json.loads((course / "saekit" / "course" / "reference" / "index.json").read_text("utf-8"))
    assert index[0]["questions"] == [{"name": "why", "minutes": 5, "points": 2}]
    assigned = nbformat.read(course / "grading" / "source" / "01_mini" / "01_mini.ipynb", as_version=4)
    nbgrader = next(c for c in assigned.cells if c.id == "q-why").metadata.nbgrader
    assert (nbgrader.grade_id, nbgrader.grade, nbgrader.solution, nbgrader.points) == ("question-why", True, True, 2)


@pytest.mark.parametrize("old, new, said", [
    ("points=2", "points=3", "question why: says 'In words · 5 minutes · 3 points'"),
    ("# ### BEGIN SOLUTION\n# - One point: because.\n# ### END SOLUTION\n", "", "question why: no BEGIN SOLUTION with its rubric"),
])  # fmt: skip
def test_a_faulty_question_is_told(old, new, said, course, capsys):
    edit(course / "solutions" / "01_mini.py", '# %% id="one"', QUESTION.replace(old, new))
    build(root=course)
    assert audit.check(course) == 1
    assert said in capsys.readouterr().out
