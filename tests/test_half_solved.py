"""Half-solved notebooks run to their end, tell exactly what is solved, and use the student's functions that passed.

Answers are marked: their first act is to print a line, so that a later cell's output shows whose function it called.
"""

import ast
import copy
import importlib
import json

import pytest

from saekit.course.build import read_notebook
from saekit.course.execute import environment, execute
from saekit.course.lesson import ROOT, lesson_paths, read_lesson, without_markers

pytestmark = pytest.mark.slow
LESSONS = [read_lesson(path) for path in lesson_paths()]
every_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.stem)


def marked(source, name):
    """The source with a line printed whenever the function `name` is called."""
    tree = ast.parse(source)
    function = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name)
    after_docstring = 1 if ast.get_docstring(function) else 0
    function.body.insert(after_docstring, ast.parse(f"print('called the answer to {name}')").body[0])
    return ast.unparse(tree)


def answers(lesson):
    """{exercise: (state to be told, answer cell)}: every second one solved, one wrong, one unreadable, others not."""
    wrong_ones = importlib.import_module(f"tests.wrong_answers.{lesson.name}").WRONG
    chosen, spoilt = (
        {},
        [
            lambda name: "@exercise\n" + marked(wrong_ones[name][0].source, name),
            lambda name: f"@exercise\ndef {name}(:\n    return 1",
        ],
    )
    for position, cell in enumerate(lesson.exercises):
        if position % 2:
            chosen[cell.exercise] = "passed", marked(without_markers(cell.text), cell.exercise)
        elif spoilt:
            chosen[cell.exercise] = "not yet", spoilt.pop(0)(cell.exercise)
        else:
            chosen[cell.exercise] = "not started", None
    return chosen


def run(lesson, sources, scratch):
    """Execute the student copy with these answer cells at smoke; returns the notebook and the recorded states."""
    notebook = copy.deepcopy(read_notebook(ROOT / "notebooks" / f"{lesson.stem}.ipynb"))
    for cell in notebook.cells:
        cell.source = sources.get(cell.metadata.get("saekit", {}).get("exercise")) or cell.source
    done = execute(notebook, ROOT / "notebooks", environment(scratch, "smoke"))
    return done, json.loads((scratch / "progress.json").read_text("utf-8"))["states"][lesson.name]


def called_below(notebook, name):
    """Whether a cell below the answer to `name` called that answer."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    place = next(i for i, cell in enumerate(cells) if cell.metadata.get("saekit", {}).get("exercise") == name)
    return any(f"called the answer to {name}" in json.dumps(cell.outputs) for cell in cells[place + 1 :])


@every_lesson
def test_a_half_solved_copy_runs_to_its_end_and_tells_exactly_what_is_solved(lesson, tmp_path):
    chosen = answers(lesson)
    notebook, states = run(lesson, {name: source for name, (_, source) in chosen.items()}, tmp_path)
    assert states == {name: state for name, (state, _) in chosen.items()}
    assert not any(called_below(notebook, name) for name, (state, _) in chosen.items() if state != "passed")
    passed = sum(state == "passed" for state, _ in chosen.values())
    assert f"{passed} of {sum(len(other.exercises) for other in LESSONS)} exercises passed" in json.dumps(
        notebook.cells
    )


@every_lesson
def test_at_least_three_answers_of_a_lesson_feed_cells_below(lesson, tmp_path):
    sources = {cell.exercise: marked(without_markers(cell.text), cell.exercise) for cell in lesson.exercises}
    notebook, states = run(lesson, sources, tmp_path)
    assert set(states.values()) == {"passed"}
    assert sum(called_below(notebook, name) for name in sources) >= 3
