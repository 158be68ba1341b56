"""The reference answers: a lesson's exercise functions, taken from its source into `saekit/course/reference/<name>.py`.

A reference module holds the lesson's imports as far as the answers use them, then each exercise cell's definitions
without `@exercise` and without markers. A name that would be missing there is a problem of the lesson, found without
running anything.
"""

import ast
import builtins
import json
import symtable

from saekit.course.lesson import EXERCISE_KEYS, QUESTION_KEYS, Problem, without_markers

HEADER = '"""Reference answers of lesson {stem}, built from solutions/{stem}.py: edit that file, not this one."""\n'
PACKAGE = '"""Built from solutions/: the reference answers, one module per lesson, and the index of all exercises."""\n'
DEFINITIONS = (ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)


def reference_source(lesson):
    """The text of `saekit/course/reference/<name>.py`."""
    bodies = [body for cell in lesson.exercises for body in definitions(cell)]
    wanted = global_names("\n\n".join(bodies))
    imports = [text for cell in lesson.code_cells for text in import_lines(cell, wanted)]
    parts = [HEADER.format(stem=lesson.stem)] + (["\n".join(dict.fromkeys(imports)) + "\n"] if imports else [])
    return "\n".join(parts) + "".join(f"\n\n{body}\n" for body in bodies)


def definitions(cell):
    """Functions, classes and constants of an exercise cell, as source text without `@exercise` and markers."""
    lines = cell.text.splitlines()
    for node in ast.parse(cell.text).body:
        if not isinstance(node, DEFINITIONS):
            continue
        decorators = getattr(node, "decorator_list", [])
        kept = [ast.unparse(d) for d in decorators if not (isinstance(d, ast.Name) and d.id == "exercise")]
        yield without_markers("\n".join([f"@{d}" for d in kept] + lines[node.lineno - 1 : node.end_lineno]))


def import_lines(cell, wanted):
    """The cell's top-level imports that bind one of the wanted names, one statement each; saekit.course is left out."""
    for node in ast.parse(cell.text).body:
        if not isinstance(node, (ast.Import, ast.ImportFrom)) or (getattr(node, "module", None) or "").startswith(
            "saekit.course"
        ):
            continue
        node.names = [alias for alias in node.names if (alias.asname or alias.name.split(".")[0]) in wanted]
        if node.names:
            yield ast.unparse(node)


def global_names(source):
    """Names that the functions of a module look up outside themselves."""
    names, tables = set(), [symtable.symtable(source, "reference", "exec")]
    while tables:
        table = tables.pop()
        tables += table.get_children()
        names |= {
            s.get_name()
            for s in table.get_symbols()
            if s.is_referenced() and (s.is_global() or table.get_type() == "module")
        }
    return names


def reference_problems(lesson):
    """Names that the reference module would not find: defined in some other cell of the lesson, or nowhere."""
    source = reference_source(lesson)
    bound = {
        s.get_name()
        for s in symtable.symtable(source, "reference", "exec").get_symbols()
        if s.is_assigned() or s.is_imported()
    }
    for name in sorted(global_names(source) - bound - set(dir(builtins))):
        cell = next(
            (c for c in lesson.exercises if name in global_names("\n\n".join(definitions(c)))), lesson.exercises[0]
        )
        yield Problem(
            lesson.path,
            cell.line,
            f"exercise {cell.exercise} uses {name!r}, which its reference module will not have: "
            "import it at the top of a cell, or make it an argument",
        )


def index(lessons):
    """The text of `reference/index.json`: every lesson with its exercises and questions, in course order."""
    records = [
        {
            "lesson": lesson.stem,
            "name": lesson.name,
            "title": lesson.title,
            "exercises": [
                {"name" if key == "exercise" else key: cell.options.get(key) for key in EXERCISE_KEYS}
                for cell in lesson.exercises
            ],
            "questions": [
                {"name" if key == "question" else key: cell.options.get(key) for key in QUESTION_KEYS}
                for cell in lesson.questions
            ],
        }
        for lesson in lessons
    ]
    return json.dumps(records, indent=1, ensure_ascii=False) + "\n"
