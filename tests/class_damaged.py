"""Files that come back damaged, edited, converted or wrapped, with right answers in them."""

import json
import random
from pathlib import Path

from tests.class_parts import PLACE, ROOT, Expected, dumps, zipped


def trouble_makers():
    """(kind, maker) for every way in which a file comes back damaged; the answers in it are right."""
    for kind, change in TROUBLE.items():

        def make(lesson, rng, change=change):
            notebook, everything = lesson.filled(lesson.best()), sum(lesson.points.values())
            made = change(lesson, notebook)
            if made is None:
                return {PLACE: dumps(notebook)}, Expected(everything)
            files, lost, note, *student = made if isinstance(made, tuple) else ({PLACE: made}, 0, False)
            return files, Expected(everything - lost, note), *student

        yield kind, make


def _cell(notebook, lesson, i=0):
    """The answer cell of the i-th exercise."""
    name = lesson.exercises[i]["name"]
    return next(c for c in notebook["cells"] if c["metadata"].get("saekit", {}).get("exercise") == name)


def _without(test):
    def change(lesson, notebook):
        notebook["cells"] = [c for c in notebook["cells"] if not test(c)]

    return change


def _double(lesson, notebook):
    notebook["cells"] += json.loads(json.dumps([_cell(notebook, lesson), _cell(notebook, lesson, 1)]))


def _two_answers(lesson, notebook):
    again, name = json.loads(json.dumps(_cell(notebook, lesson))), lesson.exercises[0]["name"]
    again["source"] = lesson.wrong[name][0]
    notebook["cells"].append(again)
    return {PLACE: dumps(notebook)}, lesson.points[name], True


def _lost_answer(lesson, notebook):
    notebook["cells"].remove(_cell(notebook, lesson))
    return {PLACE: dumps(notebook)}, lesson.exercises[0]["points"], False


def _renamed_function(lesson, notebook):
    cell, name = _cell(notebook, lesson), lesson.exercises[0]["name"]
    cell["source"] = cell["source"].replace(f"def {name}", "def mine")
    return {PLACE: dumps(notebook)}, 0, True


def _markdown(lesson, notebook):
    for i in (0, 2):
        cell = _cell(notebook, lesson, i)
        cell["cell_type"] = "markdown"
        cell["source"] = cell["source"] if i else f"My answer:\n```python\n{cell['source']}\n```"


def _stripped(lesson, notebook):
    notebook["metadata"] = {}
    for cell in notebook["cells"]:
        cell["metadata"] = {}
        cell.pop("id", None)
    return {"{student}/Untitled3.ipynb": dumps(notebook)}, 0, False


def _reordered(lesson, notebook):
    random.Random(0).shuffle(notebook["cells"])


def _torch(lesson, notebook):
    """A right answer that goes through PyTorch."""
    cell, name = _cell(notebook, lesson), lesson.exercises[0]["name"]
    first, *rest = cell["source"].replace("@exercise\n", "").strip().split("\n")
    inner = "\n    ".join([first.replace(name, "inner"), *rest])
    arguments = ", ".join(_names(lesson.first_lines[name]))
    value = f"torch.as_tensor(np.asarray(inner({arguments}))).clone()"
    cell["source"] = f"import torch\n@exercise\n{lesson.first_lines[name]}\n    {inner}\n    return {value}"


def _helpers(lesson, notebook):
    """An answer in pieces: an import under another name, a constant and a function, in cells of their own."""
    cell, name = _cell(notebook, lesson), lesson.exercises[0]["name"]
    inner = cell["source"].replace("@exercise\n", "").replace(f"def {name}(", "def mine(").replace("np.", "xp.")
    outer = (
        f"@exercise\n{lesson.first_lines[name]}\n    return mine({', '.join(_names(lesson.first_lines[name]))}) * ONE\n"
    )
    for source in (outer, inner, "ONE = 1", "%matplotlib inline\nimport numpy as xp"):
        piece = {"cell_type": "code", "metadata": {}, "source": source, "outputs": []}
        notebook["cells"].insert(5, piece)
    notebook["cells"].remove(cell)


def _names(first_line):
    inside = first_line[first_line.index("(") + 1 : first_line.rindex(")")]
    return [part.split("=")[0].strip() for part in inside.split(",")]


def _syntax_error(lesson, notebook):
    cell = _cell(notebook, lesson, 1)
    cell["source"] = cell["source"].replace("):", ")", 1)
    return {PLACE: dumps(notebook)}, lesson.exercises[1]["points"], False


def _nbformat3(lesson, notebook):
    cells = [
        {
            "cell_type": c["cell_type"],
            "metadata": {},
            "input" if c["cell_type"] == "code" else "source": c["source"].splitlines(True),
            "language": "python",
            "outputs": [],
        }
        for c in notebook["cells"]
    ]
    return dumps({"metadata": {"name": ""}, "nbformat": 3, "nbformat_minor": 0, "worksheets": [{"cells": cells}]})


def _huge(lesson, notebook):
    output = {"output_type": "stream", "name": "stdout", "text": ["x" * 1000 + "\n"] * 40_000}
    notebook["cells"][2]["outputs"] = [output]


def _truncated(lesson, notebook):
    data = dumps(notebook)
    last = json.dumps(_cell(notebook, lesson, -1)["source"], ensure_ascii=False).encode()
    return {PLACE: data[: data.index(last) + 20]}, lesson.exercises[-1]["points"], True


def _link(lesson, notebook):
    return {PLACE: dumps(notebook), "{student}/more.ipynb": Path("/etc/passwd")}, 0, True


def _slip(lesson, notebook):
    members = {
        "../../{0}.ipynb".format(lesson.stem): b"{}",
        "link.ipynb": "/etc/passwd",
        f"{lesson.stem}.ipynb": dumps(notebook),
    }
    return {"{student}.zip": zipped(members)}, 0, True


def _all(lesson):
    return sum(lesson.points.values())


TROUBLE = {
    "correct": lambda lesson, notebook: None,
    "correct, as solved by us": lambda lesson, notebook: (ROOT / "solutions" / f"{lesson.stem}.ipynb").read_bytes(),
    "not begun": lambda lesson, notebook: ({PLACE: dumps(lesson.notebook)}, _all(lesson), False),
    "empty file": lambda lesson, notebook: ({PLACE: b""}, _all(lesson), True),
    "no cells": lambda lesson, notebook: ({PLACE: dumps(notebook | {"cells": []})}, _all(lesson), True),
    "no notebook": lambda lesson, notebook: ({"{student}/report.pdf": b"%PDF"}, _all(lesson), True),
    "not a notebook": lambda lesson, notebook: ({PLACE: b"<html>Sign in</html>"}, _all(lesson), True),
    "broken zip": lambda lesson, notebook: ({"{student}.zip": b"PK\x03\x04..."}, _all(lesson), True),
    "deeply nested JSON": lambda lesson, notebook: ({PLACE: b"[" * 10**6}, _all(lesson), True),
    "duplicated cells": _double,
    "two different answers": _two_answers,
    "an answer deleted": _lost_answer,
    "function renamed": _renamed_function,
    "check cells deleted": _without(lambda c: "require" in c["source"] or "progress" in c["source"]),
    "setup cell deleted": _without(lambda c: "begin(" in c["source"]),
    "answers turned to markdown": _markdown,
    "metadata stripped, notebook renamed": _stripped,
    "cells reordered": _reordered,
    "answer in pieces": _helpers,
    "an answer with PyTorch": _torch,
    "Windows-1252": lambda lesson, notebook: ({PLACE: _note(notebook).decode().encode("cp1252", "replace")}, 0, True),
    "UTF-16": lambda lesson, notebook: dumps(notebook).decode().encode("utf-16"),
    "UTF-8 with a mark": lambda lesson, notebook: b"\xef\xbb\xbf" + dumps(notebook),
    "carriage returns": lambda lesson, notebook: dumps(notebook).replace(b"\\n", b"\\r\\n"),
    "truncated": _truncated,
    "nbformat 3": _nbformat3,
    "40 MB of output": _huge,
    "syntax error": _syntax_error,
    "symbolic link": _link,
    "zip-slip and a link in a zip": _slip,
    "emoji in the name": lambda lesson, notebook: ({PLACE: dumps(notebook)}, 0, False, "🦊 Fuchs"),
    "a name from right to left": lambda lesson, notebook: ({PLACE: dumps(notebook)}, 0, False, "שרה כהן"),
    "formula as a name": lambda lesson, notebook: ({PLACE: dumps(notebook)}, 0, False, "=1+1"),
    "one name, first": lambda lesson, notebook: ({"twin/{stem}.ipynb": dumps(notebook)}, 0, True, "twin"),
    "one name, second": lambda lesson, notebook: (
        {"twin.zip": zipped({f"{lesson.stem}.ipynb": dumps(lesson.notebook)})},
        _all(lesson),
        True,
        "twin [2]",
    ),
}


def _note(notebook):
    notebook["cells"].append({"cell_type": "markdown", "metadata": {}, "source": "Größe: schön"})
    return dumps(notebook)
