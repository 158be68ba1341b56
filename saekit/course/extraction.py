"""Answers out of a notebook that was handed in: edited, in pieces, doubled, turned to markdown.

`answers(notebook)` finds each exercise by the function's name, else by its id in the metadata, and takes along the
student's own imports, helpers and constants that it uses (a backward slice over the top-level statements of all code
cells). Nothing is executed here.
"""

import ast
import functools
import re
import symtable
from typing import NamedTuple

from saekit.course import reading, record
from saekit.course.lesson import ROOT, read_lesson
from saekit.course.references import global_names
from saekit.course.salvage import Notebook, lesson_of, read_notebook

UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)  # what parsing hostile source can raise
FENCE = re.compile(r"```(?:python|py)?[ \t]*\n(.*?)```", re.DOTALL)
# what IPython reads and Python does not: %magic, !shell, ?help, help?, files = !ls
MAGIC = re.compile(r"^(\s*)(?:[%!?].*|[\w.]+ *= *[%!].*|[\w.*%]+\?\??[ \t]*)$", re.MULTILINE)


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
    return frozenset(
        ast.dump(s.node)
        for cell in cells
        for s in _statements(cell.text)[0]
        if s.binds & set(names) and isinstance(s.node, ast.FunctionDef)
    )


def fullest(found, problems):
    """Of several notebooks for one lesson the one with most answers written; ties go to the last."""
    counted = []
    for entry, file, notebook in found:
        names = [exercise["name"] for exercise in entry["exercises"]]
        taken = answers(notebook, names, shipped(entry["lesson"]).given)
        counted.append((sum(not _is_stub(answer) for answer in taken.values()), entry, file, notebook, taken))
    best = max(counted, key=lambda row: row[0])
    best = [row for row in counted if row[0] == best[0]][-1]
    if len(found) > 1:
        problems.append(
            f"{len(found)} notebooks of {best[1]['lesson']} were handed in; {best[2]} was marked, with most answers"
        )
    return best[1:]


class Shipped(NamedTuple):
    """What a lesson holds itself: definitions of exercises, question cells by name, ids and texts of all cells."""

    given: frozenset
    questions: dict
    own: frozenset


@functools.cache
def shipped(stem):
    """The `Shipped` of a lesson, from its notebook and its source as far as they are there."""
    names = [e["name"] for entry in record.index() if entry["lesson"] == stem for e in entry["exercises"]]
    notebook, source = ROOT / "notebooks" / f"{stem}.ipynb", ROOT / "solutions" / f"{stem}.py"
    ours = read_notebook(notebook.read_bytes()) if notebook.is_file() else Notebook([], stem, [])
    given = definitions(ours, names)
    questions = read_lesson(source).questions if source.is_file() else []
    own = frozenset(word for cell in ours.cells for word in (cell.id, cell.text.strip()))
    return Shipped(given, {cell.question: cell for cell in questions}, own)


def _answer(name, names, parsed):
    """The last written answer under a name, or the stub, or the cell that Python cannot read; None without a trace."""
    candidates = [
        (s, cell) for cell, statements, _ in parsed for s in statements if name in s.binds and _defines(s, name)
    ]
    broken = [(cell, error) for cell, _, error in parsed if error and _mentions(cell, name)]
    written = {ast.dump(s.node): s for s, _ in candidates if not _stub(s.node)}
    functions = {dump: s for dump, s in written.items() if isinstance(s.node, ast.FunctionDef)}
    written = functions or written  # a scratch cell's `l0 = l0(x)` is no answer beside `def l0`
    if not written and broken:
        return Answer(name, broken[-1][0].text, error=broken[-1][1])
    if not written:
        renamed = [
            s
            for cell, statements, _ in parsed
            if cell.exercise == name
            for s in statements
            if isinstance(s.node, ast.FunctionDef) and not s.binds & set(names)
        ]
        if len(renamed) == 1 and not candidates:
            return Answer(name, renamed[0].text, person=(f"the function is called {renamed[0].node.name}, not {name}",))
        return Answer(name, candidates[-1][0].text) if candidates else None
    last = next(s for s, _ in reversed(candidates) if ast.dump(s.node) in written)
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
    everything = [
        s for _, statements, _ in parsed for s in map(lambda s: _without(s, names), statements) if s is not None
    ]
    imports = (ast.Import, ast.ImportFrom)
    modules = {name for s in everything if isinstance(s.node, imports) for name in s.binds}
    needed, chosen, before = set(answer.uses), set(), -1
    while len(chosen) > before:
        before = len(chosen)
        for number, statement in enumerate(everything):
            # np.put(a, …) may change a, but not np
            binds = statement.binds - (set() if isinstance(statement.node, imports) else modules)
            if number not in chosen and binds & needed:
                chosen.add(number)
                needed |= statement.uses
    return "\n".join(dict.fromkeys(everything[number].text for number in sorted(chosen)))


def _without(statement, names):
    """A statement as far as it binds something else than exercises, whose names are bound already, or None."""
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
