"""`saekit build --check`: everything that must hold of the course's files, read without executing anything.

Drift between sources and generated files, the shape of every exercise, answers that leak into a student copy, faults in
stored outputs, and outputs older than the code they came from. Each problem names a file and a line; long cells are
only a warning.
"""

import ast
import re

from saekit.course.build import (
    code_of,
    generated,
    read_notebook,
    solution_notebook,
    source_problems,
    student_notebook,
    worked_in,
)
from saekit.course.lesson import BEGIN, ROOT, Problem, lesson_paths, read_lesson, solution_lines
from saekit.course.outputs import output_problems, stale_sources

CHECKED = "nbval-check-output"
CHECKED_CELLS = 5  # per lesson: nbval compares their printed numbers
SETUP_LINES = 6
RUN = 3  # solution lines in a row that count as leaked
PLAIN, LONG = 10, 25  # lines: an ordinary code cell, and one that defines something
WIDE = 115  # characters of a code line that JupyterLab shows without scrolling; alt texts are not for the eye


def check(root=ROOT):
    """Print every problem of the course's files; returns 1 if there is one, else 0."""
    lessons = [read_lesson(path) for path in lesson_paths(root)]
    problems = [problem for lesson in lessons for problem in lesson_problems(lesson)]
    if not problems:
        problems = drift(lessons, root) + [problem for lesson in lessons for problem in stored_problems(lesson, root)]
    for problem in problems:
        print(problem)
    warnings = [warning for lesson in lessons for warning in size_warnings(lesson)]
    for warning in warnings:
        print(f"warning: {warning}")
    print(f"build --check: {len(lessons)} lessons, {len(problems)} problems, {len(warnings)} warnings")
    return 1 if problems else 0


def lesson_problems(lesson):
    """Faults of one source: unreadable, ids missing, incomplete exercises, untagged numbers, a leaked answer."""
    missing = [
        Problem(lesson.path, cell.line, "a cell without id; `saekit build` writes one")
        for cell in lesson.cells
        if "id" not in cell.options
    ]
    found = missing + source_problems(lesson)
    if found:
        return found
    for cell in lesson.cells:
        found += [
            Problem(lesson.path, cell.line, f"tag {tag!r} is not used here; only {CHECKED}")
            for tag in cell.options.get("tags", [])
            if tag != CHECKED
        ]
    tagged = sum(CHECKED in cell.options.get("tags", []) for cell in lesson.code_cells)
    if tagged < CHECKED_CELLS:
        found.append(
            Problem(lesson.path, 1, f"{tagged} cells carry the tag {CHECKED}; a lesson has at least {CHECKED_CELLS}")
        )
    for cell, before in zip(lesson.cells[1:], lesson.cells):
        found += exercise_problems(lesson, cell, before) if cell.exercise else []
        found += question_problems(lesson, cell) if cell.question else []
    return found + setup_problems(lesson) + list(leaks(lesson))


def setup_problems(lesson):
    """The first code cell begins the lesson, in at most six lines."""
    first = lesson.code_cells[0] if lesson.code_cells else lesson.cells[0]
    lines = len(first.text.splitlines())
    if first.options["id"] != "setup" or f'begin("{lesson.stem}")' not in first.text:
        return [
            Problem(lesson.path, first.line, f'the first code cell has id="setup" and calls begin("{lesson.stem}")')
        ]
    return (
        [Problem(lesson.path, first.line, f"the setup cell has {lines} lines; at most {SETUP_LINES}")]
        if lines > SETUP_LINES
        else []
    )


def exercise_problems(lesson, cell, before):
    """An exercise is a decorated function with marked answer; its task tells difficulty, minutes, points, hints."""

    def problem(message):
        return Problem(lesson.path, cell.line, f"exercise {cell.exercise}: {message}")

    difficulty, minutes, points = (cell.options.get(key) for key in ("difficulty", "minutes", "points"))
    functions = [
        node for node in ast.parse(cell.text).body if isinstance(node, ast.FunctionDef) and node.name == cell.exercise
    ]
    decorated = any(isinstance(d, ast.Name) and d.id == "exercise" for node in functions for d in node.decorator_list)
    stated = f"Difficulty {difficulty} of 5 · {minutes} minutes · {points} points".replace(" 1 points", " 1 point")
    rules = {
        "needs `@exercise` above a function of that name in its cell": decorated,
        "difficulty is a whole number from 1 to 5": difficulty in range(1, 6),
        "minutes is a whole number above 0": isinstance(minutes, int) and minutes > 0,
        "points is a whole number above 0": isinstance(points, int) and points > 0,
        f"no {BEGIN} in its cell": BEGIN in cell.text,
        "the cell before it is the task, in markdown, with a heading": before.kind == "markdown"
        and "### " in before.text,
        f"its task says {stated!r}, like the cell header": stated in before.text,
        "its task holds Hint 1 of 3, Hint 2 of 3 and Hint 3 of 3, each folded in <details>": all(
            f"<summary>Hint {n} of 3</summary>" in before.text for n in (1, 2, 3)
        ),
    }
    return [problem(rule) for rule, holds in rules.items() if not holds]


def question_problems(lesson, cell):
    """A question is Markdown, tells its minutes and points, and holds its rubric between the markers."""
    minutes, points = (cell.options.get(key) for key in ("minutes", "points"))
    stated = f"In words · {minutes} minutes · {points} points"
    rules = {
        "is a markdown cell": cell.kind == "markdown",
        "minutes and points are whole numbers above 0": all(isinstance(n, int) and n > 0 for n in (minutes, points)),
        f"says {stated!r}, like the cell header": stated in cell.text,
        f"no {BEGIN} with its rubric": BEGIN in cell.text,
    }
    broken = [rule for rule, holds in rules.items() if not holds]
    return [Problem(lesson.path, cell.line, f"question {cell.question}: {rule}") for rule in broken]


def leaks(lesson):
    """Answers that a student could read in the student copy: three lines of one in a row, or all of a shorter one."""
    cells = [(cell, squeeze(made["source"])) for cell, made in zip(lesson.cells, student_notebook(lesson)["cells"])]
    for exercise in lesson.exercises + lesson.questions:
        lines = [squeeze(line) for line in solution_lines(exercise) if line.strip()]
        size = min(RUN, max(len(lines), 2))  # a single line may well stand elsewhere
        runs = [" ".join(lines[i : i + size]) for i in range(len(lines) - size + 1)]
        for cell, text in cells:
            if any(run in text for run in runs):
                yield Problem(
                    lesson.path,
                    cell.line,
                    f"{size} lines of the answer to {exercise.exercise or exercise.question} stand here, readable to "
                    "students",
                )


def squeeze(text):
    """Text with every run of white space made one space."""
    return re.sub(r"\s+", " ", text).strip()


def drift(lessons, root):
    """Generated files that differ from what the sources give, and files whose source is gone."""
    found, files = [], generated(lessons, root)
    for path, text in files.items():
        old = path.read_text("utf-8") if path.exists() else ""
        if old != text:
            line = next((i for i, (a, b) in enumerate(zip(old.splitlines(), text.splitlines()), 1) if a != b), 1)
            found.append(
                Problem(
                    path,
                    line,
                    _cure(path, old),
                )
            )
    folders = {"notebooks": "*.ipynb", "solutions": "*.ipynb", "saekit/course/reference": "*.py"}
    strays = [
        path
        for folder, pattern in folders.items()
        for path in sorted((root / folder).glob(pattern))
        if path not in files
    ]
    return found + [Problem(path, 1, "no lesson source makes this file; delete it") for path in strays]


def _cure(path, old):
    """What to do about a generated file that holds `old`."""
    if path.suffix == ".ipynb" and path.exists() and worked_in(read_notebook(path)):
        return "somebody has worked in it, so it is no copy to test; move it away and run `saekit build`"
    return "is not what the source gives; run `saekit build`" if old else "is missing; run `saekit build`"


def stored_problems(lesson, root):
    """Faults of the stored outputs of one lesson, and what they are older than."""
    path = root / "solutions" / f"{lesson.stem}.ipynb"
    stored = read_notebook(path)
    if stored is None:
        return []  # drift has told
    again = f"run `saekit build --execute {lesson.stem[:2]}`"
    if code_of(solution_notebook(lesson)) != code_of(stored) or all(
        cell["execution_count"] is None for cell in code(stored)
    ):
        return [Problem(path, 1, f"outputs older than the source; {again}")]
    stale = stale_sources(lesson, stored, root)
    older = [Problem(path, 1, f"outputs older than {', '.join(stale)}; {again}")] if stale else []
    empty = [
        Problem(path, 1, f"cell {cell['id']} carries {CHECKED} but printed nothing to compare")
        for cell in code(stored)
        if CHECKED in cell["metadata"].get("tags", []) and not cell["outputs"]
    ]
    return older + empty + list(output_problems(path))


def code(made):
    """The code cells of a notebook."""
    return [cell for cell in made["cells"] if cell["cell_type"] == "code"]


def size_warnings(lesson):
    """Code cells longer than a reader takes in at once (blank lines do not count), and lines wider than the screen."""
    for cell in lesson.code_cells:
        lines = len([line for line in cell.text.splitlines() if line.strip()])
        defines = any(isinstance(node, (ast.FunctionDef, ast.ClassDef)) for node in ast.parse(cell.text).body)
        if lines > (LONG if defines else PLAIN):
            yield Problem(
                lesson.path, cell.line, f"{lines} lines of code in one cell; {LONG if defines else PLAIN} are enough"
            )
        for number, line in enumerate(cell.text.splitlines(), cell.line + 1):
            if len(line) > WIDE and "alt=" not in line:
                yield Problem(lesson.path, number, f"{len(line)} characters in a line of code; {WIDE} are seen at once")
