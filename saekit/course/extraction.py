"""Answers out of a notebook as it really comes back: edited, cut off, converted, without its metadata.

`read_notebook(bytes)` never raises: what was wrong is told in `problems`. `answers(notebook)` finds each exercise by
its id in the metadata, else by the function's name, and takes along the student's own imports, helpers and constants
that it uses (a backward slice over the top-level statements of all code cells). Nothing is executed here.
"""

import ast
import json
import re
import symtable
from typing import NamedTuple

from saekit.course import reading, record
from saekit.course.references import global_names

UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)  # what parsing hostile source can raise
FENCE = re.compile(r"```(?:python|py)?[ \t]*\n(.*?)```", re.DOTALL)
MAGIC = re.compile(r"^(\s*)[%!?].*$", re.MULTILINE)
VARIANT = re.compile(r'^begin\("\w+", variant="([\w.@+-]{1,64})"\)', re.MULTILINE)
LONGEST = 200_000  # characters of one cell


class Cell(NamedTuple):
    """kind "code", "markdown" or "raw"; exercise, question: the name in its metadata, if any."""

    kind: str
    text: str
    id: str = ""
    exercise: str = ""
    question: str = ""


class Notebook(NamedTuple):
    """Cells in their order, lesson ("01_lasso") and variant as far as told, and sentences about what was wrong."""

    cells: list
    lesson: str
    problems: list
    variant: str = ""


class Answer(NamedTuple):
    """One exercise as handed in: its definition, what else of the notebook it needs, a syntax error, and remarks.

    remarks: for the student. person: what a person should look at.
    """

    exercise: str
    text: str
    helpers: str = ""
    error: object = None
    remarks: tuple = ()
    person: tuple = ()

    @property
    def source(self):
        """Helpers, then the answer."""
        return f"{self.helpers}\n\n{self.text}\n" if self.helpers else f"{self.text}\n"


def read_notebook(data):
    """A `Notebook` from the bytes of a file, however damaged."""
    text, problems = _decode(data)
    try:
        record_ = json.loads(text)
    except (ValueError, RecursionError):
        record_ = {"cells": list(_whole_cells(text)), "metadata": _metadata_in(text)}
        problems.append(f"the file is damaged or cut off; {len(record_['cells'])} cells could be read"
                        if record_["cells"] else "the file is not a notebook that can be read")
    if not isinstance(record_, dict):
        return Notebook([], "", [*problems, "the file is not a notebook"])
    sheets = record_.get("worksheets")
    if isinstance(sheets, list):  # nbformat 3
        record_["cells"] = [c for sheet in sheets if isinstance(sheet, dict) for c in sheet.get("cells") or []]
    raw = record_.get("cells")
    cells = [_cell(c) for c in raw if isinstance(c, dict)] if isinstance(raw, list) else []
    if not cells and not problems:
        problems.append("the notebook has no cells")
    ours = _dict(_dict(record_.get("metadata")).get("saekit"))
    told = next((match[1] for cell in cells if (match := VARIANT.search(cell.text))), "")
    return Notebook(cells, _word(ours.get("lesson")), problems, _word(ours.get("variant")) or told)


def _decode(data):
    """(text, problems) from bytes in UTF-8, UTF-16 with its mark, or whatever else."""
    for mark, encoding in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig")):
        if data.startswith(mark):
            return data.decode(encoding, "replace"), []
    try:
        return data.decode("utf-8"), []
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace"), ["the file is not in UTF-8; it was read as Windows-1252"]


def _whole_cells(text):
    """The cells of a notebook that is cut off, up to the last whole one."""
    start = re.search(r'"cells"\s*:\s*\[', text)
    place, decoder = start.end() if start else len(text), json.JSONDecoder()
    while match := re.compile(r"[\s,]*(?=\{)").match(text, place):
        try:
            cell, place = decoder.raw_decode(text, match.end())
        except (ValueError, RecursionError):
            return
        yield cell


def _metadata_in(text):
    lesson = re.search(r'"lesson"\s*:\s*"(\w+)"', text)
    return {"saekit": {"lesson": lesson[1]}} if lesson else {}


def _dict(value):
    return value if isinstance(value, dict) else {}


def _word(value):
    return value if isinstance(value, str) else ""


def _cell(raw):
    """A Cell from any version's JSON; what has the wrong type counts as absent."""
    source = raw.get("source", raw.get("input", ""))
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    ours = _dict(_dict(raw.get("metadata")).get("saekit"))
    kind = raw.get("cell_type") if raw.get("cell_type") in ("code", "markdown", "raw") else "markdown"
    return Cell(kind, source.replace("\r\n", "\n")[:LONGEST] if isinstance(source, str) else "",
                _word(raw.get("id")), _word(ours.get("exercise")), _word(ours.get("question")))


def lesson_of(notebook, filename=""):
    """The index entry of the notebook's lesson: by its metadata, its file name, or most exercises in it; else None."""
    entries = record.index()
    for entry in entries:
        if notebook.lesson in (entry["lesson"], entry["name"]):
            return entry
    defined = {name for cell in notebook.cells for name in re.findall(r"^\s*def\s+(\w+)", cell.text, re.MULTILINE)}
    named = defined | {cell.exercise for cell in notebook.cells}
    counts = [len(named & {e["name"] for e in entry["exercises"]}) for entry in entries]
    for entry, count in zip(entries, counts):
        if count and (entry["lesson"] in filename or entry["name"] in filename):
            return entry
    best = max(counts, default=0)
    return entries[counts.index(best)] if best and counts.count(best) == 1 else None


class Statement(NamedTuple):
    """One top-level statement: its text, the names it binds or changes, and those it looks up."""

    node: object
    text: str
    binds: set
    uses: set


def answers(notebook, names=None, given=frozenset()):
    """{exercise: Answer} for the exercises (default: those of the notebook's lesson) of which there is any trace.

    given: `definitions` of the lesson's own cells, which are nobody's answer.
    """
    if names is None:
        entry = lesson_of(notebook)
        names = [e["name"] for e in entry["exercises"]] if entry else []
    parsed = [(cell, *_statements(cell.text)) for cell in notebook.cells if cell.kind == "code"]
    parsed = [(cell, [s for s in found if ast.dump(s.node) not in given], error) for cell, found, error in parsed]
    found = {name: answer for name in names if (answer := _answer(name, names, parsed)) is not None}
    for name in names:
        if (name not in found or _is_stub(found[name])) and (rescued := _not_in_code(name, names, notebook, parsed)):
            found[name] = rescued
    return found


def definitions(notebook, names):
    """The definitions of exercises in cells that ask for no answer, as a set of syntax trees in text form."""
    cells = [cell for cell in notebook.cells if cell.kind == "code" and not cell.exercise]
    return frozenset(ast.dump(s.node) for cell in cells for s in _statements(cell.text)[0] if s.binds & set(names)
                     and isinstance(s.node, ast.FunctionDef))


def _answer(name, names, parsed):
    """The last written answer under a name, or the stub, or the cell that Python cannot read; None without a trace."""
    candidates = [(s, cell) for cell, statements, _ in parsed for s in statements if name in s.binds and _defines(s, name)]
    broken = [(cell, error) for cell, _, error in parsed if error and _mentions(cell, name)]
    written = {ast.dump(s.node): s for s, _ in candidates if not _stub(s.node)}
    if not written and broken:
        return Answer(name, broken[-1][0].text, error=broken[-1][1])
    if not written:
        renamed = [s for cell, statements, _ in parsed if cell.exercise == name
                   for s in statements if isinstance(s.node, ast.FunctionDef) and not s.binds & set(names)]
        if len(renamed) == 1 and not candidates:
            return Answer(name, renamed[0].text, person=(f"the function is called {renamed[0].node.name}, not {name}",))
        return Answer(name, candidates[-1][0].text) if candidates else None
    last = next(s for s, _ in reversed(candidates) if not _stub(s.node))
    person = (f"{len(written)} different answers stand in the notebook; the last one was marked",)
    return Answer(name, last.text, _helpers(last, names, parsed), person=person * (len(written) > 1))


def _not_in_code(name, names, notebook, parsed):
    """An answer that stands in a markdown or raw cell, fenced or bare."""
    for cell in reversed(notebook.cells):
        if cell.kind == "code" or f"def {name}" not in cell.text:
            continue
        for text in [*FENCE.findall(cell.text), cell.text]:
            for statement in _statements(text)[0]:
                if _defines(statement, name) and not _stub(statement.node):
                    said = f"the answer stood in a {cell.kind} cell, where it does not run; it was marked all the same"
                    return Answer(name, statement.text, _helpers(statement, names, parsed), remarks=(said,))
    return None


def _mentions(cell, name):
    return cell.exercise == name or re.search(rf"^\s*def\s+{name}\b", cell.text, re.MULTILINE)


def _defines(statement, name):
    """True for `def name` and `name = …`; an import or a loop that binds the name is no answer."""
    return name in statement.binds and isinstance(statement.node, (ast.FunctionDef, ast.Assign))


def _stub(node):
    return isinstance(node, ast.FunctionDef) and reading.is_stub(node)


def _is_stub(answer):
    statements, _ = _statements(answer.text)
    return bool(statements) and _stub(statements[-1].node)


def _helpers(answer, names, parsed):
    """The student's own statements that the answer needs, in notebook order, as text."""
    everything = [s for _, statements, _ in parsed for s in map(lambda s: _without(s, names), statements) if s is not None]
    needed, chosen, before = set(answer.uses), set(), -1
    while len(chosen) > before:
        before = len(chosen)
        for number, statement in enumerate(everything):
            if number not in chosen and statement.binds & needed:
                chosen.add(number)
                needed |= statement.uses
    return "\n".join(dict.fromkeys(everything[number].text for number in sorted(chosen)))


def _without(statement, names):
    """A statement as far as it binds something else than exercises, whose names are bound already; None if it does not."""
    if not statement.binds & set(names):
        return statement
    if not isinstance(statement.node, (ast.Import, ast.ImportFrom)):
        return None
    kept = [alias for alias in statement.node.names if (alias.asname or alias.name) not in names]
    if not kept:
        return None
    copy = ast.parse(ast.unparse(statement.node)).body[0]
    copy.names = kept
    return Statement(copy, ast.unparse(copy), statement.binds - set(names), set())


def _statements(text):
    """(top-level statements, None) of a cell's source, or ([], SyntaxError-like error)."""
    tree, error = _parse(text)
    if tree is None:
        text = MAGIC.sub(r"\1pass", text)
        tree, again = _parse(text)
        if again:
            return [], error
    lines, found = text.split("\n"), []
    for node in tree.body:
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
        piece = "\n".join(lines[first - 1 : node.end_lineno])
        try:
            found.append(Statement(node, piece, _bound(node, piece), global_names(piece)))
        except UNREADABLE:  # two statements on one line, or one that only parses in its place
            piece = ast.unparse(node)
            found.append(Statement(node, piece, _bound(node, piece), global_names(piece)))
    return found, None


def _parse(text):
    try:
        tree = ast.parse(text)
        symtable.symtable(text, "cell", "exec")
        return tree, None
    except SyntaxError as error:
        return None, error
    except UNREADABLE:
        return None, SyntaxError("it holds a null byte, or is nested too deeply", ("", 1, None, None))


def _bound(node, text):
    """Names that a statement binds, or whose value it changes: a[0] = …, a.b = …, a.append(…)."""
    table = symtable.symtable(text, "cell", "exec")
    names = {s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported()}
    for inner in ast.walk(node) if not isinstance(node, (ast.FunctionDef, ast.ClassDef)) else ():
        if isinstance(inner, (ast.Attribute, ast.Subscript)) and isinstance(inner.ctx, ast.Store):
            names.add(_root(inner))
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Attribute):
        names.add(_root(node.value.func))
    return names - {""}


def _root(node):
    """The name at the left end of a.b[c].d."""
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
