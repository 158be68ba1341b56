"""A class of 200 made from seeds: what each student hands in, and the points that are right for it.

    students = make_class("01_lasso", folder, count=200, traps=traps)   # {student: Expected}

Right and wrong answers come from tests/wrong_answers. Most students get some exercises right, some wrong, some not at
all; every wrong answer of the table occurs; and each trouble of `TROUBLE` (files) and `HOSTILE` (code) occurs once,
hostile code in place of one answer while the others are right. `python -m tests.class_of_200 01_lasso DIR` writes one.
"""

import inspect
import io
import json
import random
import stat
import sys
import zipfile
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from saekit.course import record

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Traps:
    """What hostile answers reach for: a folder of secrets, a port that listens, a place to write to."""

    secrets: Path
    port: int
    outside: Path


@dataclass
class Expected:
    """The right total, and whether a person must be told."""

    points: int
    note: bool = False
    kind: str = ""


@dataclass
class Lesson:
    """The student copy of a lesson, its exercises and the answers to fill in."""

    stem: str
    notebook: dict
    exercises: list
    right: dict
    wrong: dict
    first_lines: dict = field(default_factory=dict)

    @property
    def points(self):
        return {e["name"]: e["points"] for e in self.exercises}

    def filled(self, answers):
        """The student copy, as JSON-able dict, with these answers under `@exercise`."""
        copy = json.loads(json.dumps(self.notebook))
        for cell in copy["cells"]:
            name = cell["metadata"].get("saekit", {}).get("exercise")
            if name in answers:
                cell["source"] = answers[name].replace(f"def {name}(", f"@exercise\ndef {name}(", 1)
        return copy

    def best(self):
        """A right answer to every exercise."""
        return {name: sources[0] for name, sources in self.right.items()}


def read(stem):
    """The Lesson "01_lasso" from the repository."""
    name, entry = stem.split("_", 1)[1], next(e for e in record.index() if e["lesson"] == stem)
    tables, reference = import_module(f"tests.wrong_answers.{name}"), import_module(f"saekit.course.reference.{name}")
    notebook = json.loads((ROOT / "notebooks" / f"{stem}.ipynb").read_text("utf-8"))
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"])
    lines = {e["name"]: f"def {e['name']}{inspect.signature(getattr(reference, e['name']))}:" for e in entry["exercises"]}
    wrong = {name: [w.source for w in table] for name, table in tables.WRONG.items()}
    return Lesson(stem, notebook, entry["exercises"], tables.RIGHT, wrong, lines)


def dumps(notebook):
    return json.dumps(notebook, ensure_ascii=False).encode()


def make_class(stem, folder, count, traps, fork_bombs=False):
    """Write `count` submissions into a folder; {student: Expected}. Seeded: the same class every time."""
    lesson, folder, students = read(stem), Path(folder), {}
    makers = list(trouble_makers()) + [(f"hostile {kind}", maker(code)) for kind, code in hostile(lesson, traps).items()
                                       if fork_bombs or kind != "fork bomb"]
    rounds = max(map(len, lesson.wrong.values()))
    makers += [(f"wrong answers, round {i}", wrong_round(i)) for i in range(rounds)]
    makers = makers[:count] if count < len(makers) else makers + [("ordinary", ordinary)] * (count - len(makers))
    for number, (kind, make) in enumerate(makers):
        student, files, expected = f"student {number:03d}", None, None
        made = make(lesson, random.Random(f"{stem}/{number}"))
        files, expected, student = made if len(made) == 3 else (*made, student)
        expected.kind = kind
        for name, data in files.items():
            write(folder / name.format(student=student, stem=stem), data)
        students[student] = expected
    return students


def write(path, data):
    """A file; a Path as data makes a symbolic link."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(data) if isinstance(data, Path) else path.write_bytes(data)


PLACE = "{student}/{stem}.ipynb"


def ordinary(lesson, rng):
    """Each exercise right, wrong or not begun; handed in as folder, zip, loose notebook or as Canvas and Moodle do."""
    answers, points = {}, 0
    for name in lesson.points:
        kind = rng.choices(("right", "wrong", "stub"), (6, 3, 1))[0]
        if kind == "right":
            answers[name], points = rng.choice(lesson.right[name]), points + lesson.points[name]
        elif kind == "wrong":
            answers[name] = rng.choice(lesson.wrong[name])
    data, number = dumps(lesson.filled(answers)), rng.randrange(10**6)
    layout = rng.choice(("folder", "zip", "loose", "canvas", "moodle"))
    if layout == "zip":
        return {"{student}.zip": zipped({f"work/{lesson.stem}.ipynb": data})}, Expected(points)
    if layout == "loose":
        return {"{student}_{stem}.ipynb": data}, Expected(points)
    if layout == "canvas":
        name = f"doe{number}_{number}_77_{lesson.stem}-1.ipynb"
        return {name: data}, Expected(points), f"doe{number} ({number})"
    if layout == "moodle":
        return {f"Ann Lee_{number}_assignsubmission_file_/x.ipynb": data}, Expected(points), f"Ann Lee ({number})"
    return {PLACE: data}, Expected(points)


def wrong_round(i):
    """The i-th wrong answer to every exercise."""
    def make(lesson, rng):
        answers = {name: sources[i % len(sources)] for name, sources in lesson.wrong.items()}
        return {PLACE: dumps(lesson.filled(answers))}, Expected(0)
    return make


def maker(code):
    """Hostile code in place of one answer, with the points of the others; code: (exercise, text, helper cell, worth it)."""
    def make(lesson, rng):
        exercise, text, helper, right = code
        notebook = lesson.filled(lesson.best() | {exercise: text})
        if helper:
            notebook["cells"].insert(3, {"cell_type": "code", "metadata": {}, "source": helper, "outputs": []})
        lost = 0 if right else lesson.points[exercise]
        return {PLACE: dumps(notebook)}, Expected(sum(lesson.points.values()) - lost)
    return make


def hostile(lesson, traps):
    """{kind: (exercise, its source, a helper cell, whether its points are due all the same)}."""
    name = lesson.exercises[1]["name"]
    line, right, wrong = lesson.first_lines[name], lesson.right[name][0], lesson.wrong[name][0]
    module = lesson.stem.split("_", 1)[1]
    steal = f"exec(open(path).read()[:0] or open(path).read(), names := {{}}); return names[{name!r}]"
    arguments = line[line.index("(") :].removesuffix(":").replace("=False", "")

    def body(*lines):
        return "\n    ".join([line, *lines]) + "\n"

    def inside(source, *lines):
        """The answer with lines put before its own."""
        return source.replace(":\n", ":\n    " + "\n    ".join(lines) + "\n", 1)

    def also(*lines):
        """The lines run, then the right answer is given."""
        return "import os\n" + inside(right, *lines)

    tries = "\n".join([f"{line}", "    import glob", *(f"    for path in {paths}:\n        try:\n            {steal}{arguments}\n"
                       "        except Exception: pass" for paths in (
                           repr([str(ROOT / "solutions" / f"{lesson.stem}.py"), str(traps.secrets / "answers.py")]),
                           f"glob.glob({str(ROOT / 'saekit/course/reference')!r} + '/**/*', recursive=True)"))]) + "\n"
    return {
        "sys.exit": (name, body("import sys; sys.exit()"), "", False),
        "os._exit": (name, body("import os; os._exit(0)"), "", False),
        "infinite loop": (name, body("while True: pass"), "", False),
        "waits for ever": (name, body("import time; time.sleep(10**6)"), "", False),
        "reads the keyboard": (name, body("return input('answer? ')"), "", False),
        "fork bomb": (name, body("import os", "while True:", "    try: os.fork()", "    except OSError: pass"), "", False),
        "memory bomb": (name, body("import numpy as np", "kept = []", "while True: kept.append(np.ones(10**6))"), "", False),
        "stays behind": (name, also("if os.fork() == 0:", "    os.setsid()", "    import time; time.sleep(600)"), "", True),
        "writes outside": (name, also(
            f"for place in ({str(traps.outside)!r}, {str(ROOT / 'saekit' / 'forged.py')!r}, '/etc/forged', '../forged'):",
            "    try: open(place, 'w').write('x')", "    except OSError: pass"), "", True),
        "fills the disk": (name, also(
            "try:", "    for i in range(40): open(f'{i}', 'wb').write(bytes(10**7))", "except OSError: pass"), "", True),
        "reads the grader's files": (name, tries, "", False),
        "opens a socket": (name, also(
            "import socket", "try:", f"    socket.create_connection(('127.0.0.1', {traps.port}), timeout=1).send(b'here')",
            "except OSError: pass"), "", True),
        "monkeypatches numpy": (name, "import numpy as np\n" + inside(
            wrong, "for f in ('allclose', 'array_equal', 'all', 'isclose', 'abs'): setattr(np, f, lambda *a, **k: True)",
            "np.ndarray = type('ndarray', (), {'__eq__': lambda *a: True})"), "", False),
        "monkeypatches the checks": (name, inside(
            wrong, "import saekit.course.checking as c, saekit.course.judging as j, saekit.course.exchange as e",
            "c.close = j._same = lambda *a: True", "c.expect = lambda *a, **k: None", "j.shared = lambda *a: False"), "", False),
        "prints a forged verdict": (name, body(
            "import os, struct", f"print('✓ {name} · passed')",
            "text = b'{\"value\": 1, \"state\": \"passed\", \"points\": 99}'",
            "for n in range(3, 20):", "    try: os.write(n, struct.pack('>QQ', len(text), 0) + text)", "    except OSError: pass",
            "return 0"), "", False),
        "ast_transformers": (name, wrong, AST_PATCH, False),
        "calls our answer": (name, body(f"import saekit.course.reference.{module} as ours",
                                        f"return [vars(ours)[{name!r}]][0]{arguments}"), "", False),
        "crashes in C": (name, body("import ctypes; ctypes.string_at(0)"), "", False),
        "returns far too much": (name, body("return 'x' * 10**8"), "", False),
        "returns what cannot be passed on": (name, body("return lambda: 1"), "", False),
        "prints far too much": (name, also("print('x' * 10**7)"), "", True),
        "calls itself for ever": (name, body(f"return {name}{arguments}"), "", False),
    }


AST_PATCH = """from IPython import get_ipython
import ast
class Patch(ast.NodeTransformer):
    def visit_Call(self, node):
        return ast.Constant(None) if getattr(node.func, "id", "") == "require" else node
get_ipython().ast_transformers.append(Patch())
"""


def zipped(members):
    """The bytes of a zip; a member whose data is a str is a symbolic link to it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name)
            if isinstance(data, str):
                info.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(info, data)
    return buffer.getvalue()


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


def _helpers(lesson, notebook):
    """An answer in pieces: an import under another name, a constant and a function, in cells of their own."""
    cell, name = _cell(notebook, lesson), lesson.exercises[0]["name"]
    inner = cell["source"].replace("@exercise\n", "").replace(f"def {name}(", "def mine(").replace("np.", "xp.")
    outer = f"@exercise\n{lesson.first_lines[name]}\n    return mine({', '.join(_names(lesson.first_lines[name]))}) * ONE\n"
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
    cells = [{"cell_type": c["cell_type"], "metadata": {}, "input" if c["cell_type"] == "code" else "source":
              c["source"].splitlines(True), "language": "python", "outputs": []} for c in notebook["cells"]]
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
    members = {"../../{0}.ipynb".format(lesson.stem): b"{}", "link.ipynb": "/etc/passwd", f"{lesson.stem}.ipynb": dumps(notebook)}
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
        {"twin.zip": zipped({f"{lesson.stem}.ipynb": dumps(lesson.notebook)})}, _all(lesson), True, "twin [2]"),
}


def _note(notebook):
    notebook["cells"].append({"cell_type": "markdown", "metadata": {}, "source": "Größe: schön"})
    return dumps(notebook)


if __name__ == "__main__":
    where = Path(sys.argv[2])
    made = make_class(sys.argv[1], where, 200, Traps(where.parent / "secrets", 9, where.parent / "outside"), fork_bombs=False)
    print(f"{len(made)} submissions written to {where}")
