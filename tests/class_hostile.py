"""Answers that attack the grader, its machine or the other students, each in place of one exercise's answer."""

from tests.class_parts import PLACE, ROOT, Expected, dumps


def maker(code):
    """Hostile code in place of one answer, with the points of the others; code is a value of `hostile`."""

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

    tries = (
        "\n".join(
            [
                f"{line}",
                "    import glob",
                *(
                    f"    for path in {paths}:\n        try:\n            {steal}{arguments}\n"
                    "        except Exception: pass"
                    for paths in (
                        repr([str(ROOT / "solutions" / f"{lesson.stem}.py"), str(traps.secrets / "answers.py")]),
                        f"glob.glob({str(ROOT / 'saekit/course/reference')!r} + '/**/*', recursive=True)",
                    )
                ),
            ]
        )
        + "\n"
    )
    return {
        "sys.exit": (name, body("import sys; sys.exit()"), "", False),
        "os._exit": (name, body("import os; os._exit(0)"), "", False),
        "infinite loop": (name, body("while True: pass"), "", False),
        "waits for ever": (name, body("import time; time.sleep(10**6)"), "", False),
        "reads the keyboard": (name, body("return input('answer? ')"), "", False),
        "fork bomb": (
            name,
            body("import os", "while True:", "    try: os.fork()", "    except OSError: pass"),
            "",
            False,
        ),
        "memory bomb": (
            name,
            body("import numpy as np", "kept = []", "while True: kept.append(np.ones(10**6))"),
            "",
            False,
        ),
        "stays behind": (
            name,
            also("if os.fork() == 0:", "    os.setsid()", "    import time; time.sleep(600)"),
            "",
            True,
        ),
        "writes outside": (
            name,
            also(
                f"for place in ({str(traps.outside)!r}, {str(ROOT / 'saekit' / 'forged.py')!r}, '/etc/forged',"
                " '../forged'):",
                "    try: open(place, 'w').write('x')",
                "    except OSError: pass",
            ),
            "",
            True,
        ),
        "fills the disk": (
            name,
            also("try:", "    for i in range(40): open(f'{i}', 'wb').write(bytes(10**7))", "except OSError: pass"),
            "",
            True,
        ),
        "reads the grader's files": (name, tries, "", False),
        "opens a socket": (
            name,
            also(
                "import socket",
                "try:",
                f"    socket.create_connection(('127.0.0.1', {traps.port}), timeout=1).send(b'here')",
                "except OSError: pass",
            ),
            "",
            True,
        ),
        "monkeypatches numpy": (
            name,
            "import numpy as np\n"
            + inside(
                wrong,
                "for f in ('allclose', 'array_equal', 'all', 'isclose', 'abs'): setattr(np, f, lambda *a, **k: True)",
                "np.ndarray = type('ndarray', (), {'__eq__': lambda *a: True})",
            ),
            "",
            False,
        ),
        "monkeypatches the checks": (
            name,
            inside(
                wrong,
                "import saekit.course.checking as c, saekit.course.judging as j, saekit.course.exchange as e",
                "c.close = j._same = lambda *a: True",
                "c.expect = lambda *a, **k: None",
                "j.shared = lambda *a: False",
            ),
            "",
            False,
        ),
        "prints a forged verdict": (
            name,
            body(
                "import os, struct",
                f"print('✓ {name} · passed')",
                'text = b\'{"value": 1, "state": "passed", "points": 99}\'',
                "for n in range(3, 20):",
                "    try: os.write(n, struct.pack('>QQ', len(text), 0) + text)",
                "    except OSError: pass",
                "return 0",
            ),
            "",
            False,
        ),
        "ast_transformers": (name, wrong, AST_PATCH, False),
        "calls our answer": (
            name,
            body(f"import saekit.course.reference.{module} as ours", f"return [vars(ours)[{name!r}]][0]{arguments}"),
            "",
            False,
        ),
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
