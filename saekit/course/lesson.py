"""A lesson's one source, `solutions/NN_name.py` in jupytext's percent format, read into cells that know their line.

Code cells start with `# %% id="…" key=value …`, markdown cells with `# %% [markdown] id="…"`; values are JSON. An
exercise cell also carries exercise, difficulty (1-5), minutes and points, and marks its answer with `### BEGIN
SOLUTION` / `### END SOLUTION`. A markdown cell with question="name" minutes=… points=… is answered in words and marked
by hand: between the same markers stands the rubric. The same reading serves the notebooks, the references and the
checks of `saekit build`.
"""

import ast
import json
import re
from pathlib import Path
from typing import NamedTuple

from saekit.files import write_atomic

ROOT = Path(__file__).resolve().parents[2]
HEADER = re.compile(r"# %%(?: \[(markdown)\])?(?: (.*))?$")
OPTION = re.compile(r'\s*(\w+)=("(?:[^"\\]|\\.)*"|\[[^\]]*\]|[\w.]+)')
CELL_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}$")
STEM = re.compile(r"(\d\d)_([a-z][a-z0-9_]*)$")
EXERCISE_KEYS = ("exercise", "difficulty", "minutes", "points")
QUESTION_KEYS = ("question", "minutes", "points")
BEGIN, END = "BEGIN SOLUTION", "END SOLUTION"  # nbgrader looks for these as substrings
STUB = (
    "# YOUR CODE HERE",
    "raise NotImplementedError()",
)  # nbgrader's own, so that its tools recognise an untouched answer
TEXT_STUB = ("YOUR ANSWER HERE",)  # nbgrader's for an answer in words


class Problem(NamedTuple):
    """One thing `saekit build --check` refuses: where it is and what to do about it."""

    path: Path
    line: int
    message: str

    def __str__(self):
        path = self.path.relative_to(ROOT) if self.path.is_relative_to(ROOT) else self.path
        return f"{path}:{self.line}: {self.message}"


class Cell(NamedTuple):
    """One cell: kind "code" or "markdown", its text, the line of its header (1-based) and the header's options."""

    kind: str
    text: str
    line: int
    options: dict

    @property
    def exercise(self):
        return self.options.get("exercise")

    @property
    def question(self):
        return self.options.get("question")


class Lesson(NamedTuple):
    """A parsed source file; `problems` holds what the file itself does wrong."""

    path: Path
    cells: list
    problems: list

    @property
    def stem(self):
        return self.path.stem

    @property
    def name(self):
        return self.stem.split("_", 1)[1]

    @property
    def title(self):
        """The first `# ` heading without its "Lesson 6 ·"."""
        heading = re.search(r"^# (.+)$", self.cells[0].text if self.cells else "", re.MULTILINE)
        return re.sub(r"^Lesson \d+\s*[·:.]\s*", "", heading[1].strip()) if heading else self.stem

    @property
    def exercises(self):
        return [cell for cell in self.cells if cell.exercise]

    @property
    def questions(self):
        return [cell for cell in self.cells if cell.question]

    @property
    def code_cells(self):
        return [cell for cell in self.cells if cell.kind == "code"]


def lesson_paths(root=ROOT):
    """The lesson sources in course order; ValueError where there are none, as in a student's bundle."""
    if not (root / "solutions").is_dir():
        raise ValueError(f"no folder solutions/ in {root}: this copy of the course holds no lesson sources")
    return sorted(path for path in (root / "solutions").glob("*.py") if STEM.match(path.stem))


def read_lesson(path):
    """Parse one source file into a `Lesson`; every fault becomes a `Problem` with its line, none raises."""
    path, cells, problems = Path(path), [], []
    lines = path.read_text("utf-8").splitlines()
    starts = [i for i, line in enumerate(lines) if HEADER.match(line)]
    if any(line.strip() for line in lines[: starts[0] if starts else len(lines)]):
        problems.append(Problem(path, 1, "text before the first cell header (`# %% …`)"))
    for start, stop in zip(starts, starts[1:] + [len(lines)]):
        markdown, options = HEADER.match(lines[start]).groups()
        text = "\n".join(lines[start + 1 : stop]).strip("\n")
        cell = Cell(
            "markdown" if markdown else "code",
            uncomment(text) if markdown else text,
            start + 1,
            read_options(options or "", path, start + 1, problems),
        )
        cells.append(cell)
        problems += cell_problems(path, cell)
    return Lesson(path, cells, problems + id_problems(path, cells))


def uncomment(text):
    """Markdown out of its `# ` comment lines."""
    return re.sub(r"^# ?", "", text, flags=re.MULTILINE).strip("\n")


def read_options(text, path, line, problems):
    """The `key=value` pairs of a cell header; what is not one is added to problems."""
    options, rest = {}, text
    while match := OPTION.match(rest):
        try:
            options[match[1]] = json.loads(match[2])
        except json.JSONDecodeError:
            problems.append(Problem(path, line, f"{match[1]}={match[2]} is not JSON; strings need double quotes"))
        rest = rest[match.end() :]
    if rest.strip():
        problems.append(Problem(path, line, f"cannot read {rest.strip()!r} in the cell header; expected key=value"))
    for key in options.keys() - {"id", "tags", *EXERCISE_KEYS, *QUESTION_KEYS}:
        problems.append(Problem(path, line, f"unknown key {key!r} in the cell header"))
    return options


def cell_problems(path, cell):
    """Faults within one cell: syntax, NBVAL comments, unclosed or nested or misplaced solution markers."""

    def problem(offset, message):
        return Problem(path, cell.line + offset, message)

    found, open_at = [], None
    for offset, line in enumerate(cell.text.splitlines(), 1):
        if "NBVAL_" in line:
            found.append(problem(offset, "NBVAL_ comments are easily missed; use tags in the cell header"))
        if BEGIN in line:
            if open_at:
                found.append(problem(offset, f"nested {BEGIN}: one is open since line {cell.line + open_at}"))
            elif not (cell.exercise or cell.question):
                found.append(problem(offset, f'{BEGIN} in a cell without exercise="…" or question="…"'))
            open_at = offset
        if END in line:
            if not open_at:
                found.append(problem(offset, f"{END} without {BEGIN}"))
            open_at = None
    if open_at:
        found.append(problem(open_at, f"{BEGIN} is never closed in this cell"))
    if cell.kind == "code":
        try:
            ast.parse(cell.text)
        except SyntaxError as error:
            found.append(problem(error.lineno or 0, f"not valid Python: {error.msg}"))
    return found


def id_problems(path, cells):
    """Ids that are malformed or used twice; a missing one is legal until --check, because the first build writes it."""
    seen, found = {}, []
    for cell in cells:
        cell_id = cell.options.get("id")
        if cell_id is None:
            continue
        if not isinstance(cell_id, str) or not CELL_ID.match(cell_id):
            found.append(Problem(path, cell.line, f"id={cell_id!r} is not 1-64 characters of a-z A-Z 0-9 - _"))
        elif cell_id in seen:
            found.append(Problem(path, cell.line, f"id {cell_id!r} is already used in line {seen[cell_id]}"))
        else:
            seen[cell_id] = cell.line
    return found


def write_missing_ids(path):
    """Write an id, made from exercise or first words, into every cell header that lacks one; returns how many."""
    lesson = read_lesson(path)
    lines = Path(path).read_text("utf-8").splitlines()
    taken = {cell.options.get("id") for cell in lesson.cells}
    missing = [cell for cell in lesson.cells if "id" not in cell.options]
    for cell in missing:
        words = f"ex-{cell.exercise}" if cell.exercise else " ".join(re.findall(r"[a-zA-Z0-9]+", cell.text)[:4])
        base = re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")[:50] or "cell"
        cell_id = next(name for n in range(1, 10_000) if (name := base if n == 1 else f"{base}-{n}") not in taken)
        taken.add(cell_id)
        head = "# %% [markdown]" if cell.kind == "markdown" else "# %%"
        lines[cell.line - 1] = lines[cell.line - 1].replace(head, f'{head} id="{cell_id}"', 1)
    if missing:
        write_atomic(path, ("\n".join(lines) + "\n").encode())
    return len(missing)


def solution_lines(cell):
    """The lines between the markers of an exercise cell, or a question's rubric, without the markers."""
    kept, inside = [], False
    for line in cell.text.splitlines():
        if BEGIN in line or END in line:
            inside = BEGIN in line
        elif inside:
            kept.append(line)
    return kept


def without_markers(text):
    """The text with the marker lines taken out, the answer kept."""
    return "\n".join(line for line in text.splitlines() if BEGIN not in line and END not in line)


def student_text(cell):
    """What a student meets: the stub between the markers, `...` for the answer in every `predict("id", answer)`."""
    kept, inside = [], False
    for line in cell.text.splitlines():
        if BEGIN in line:
            indent = line[: len(line) - len(line.lstrip())]
            kept += [indent + stub for stub in (TEXT_STUB if cell.question else STUB)]
        if BEGIN in line or END in line:
            inside = BEGIN in line
        elif not inside:
            kept.append(line)
    text = "\n".join(kept)
    return blank_predictions(text) if cell.kind == "code" else text


def blank_predictions(text):
    """Replace the answer (second argument, or `answer=`) of each `predict(...)` call by `...`."""
    if "predict(" not in text:
        return text
    lines = text.encode().splitlines(keepends=True)  # ast counts columns in bytes
    starts = [sum(map(len, lines[:i])) for i in range(len(lines))]
    data, spans = b"".join(lines), []
    for call in (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)):
        if isinstance(call.func, ast.Name) and call.func.id == "predict":
            answers = call.args[1:2] + [keyword.value for keyword in call.keywords if keyword.arg == "answer"]
            spans += [
                (starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset)
                for node in answers
            ]
    for start, stop in sorted(spans, reverse=True):
        data = data[:start] + b"..." + data[stop:]
    return data.decode()
