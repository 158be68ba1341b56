"""One submission marked: each exercise's answer read, then judged here while its body runs in a sandbox.

    found = Marker(limits).mark(submission)

A record is plain JSON: {student, problems, held, lessons: [{lesson, title, file, exercises: [{exercise, points, out_of,
state, message, rows, trace, remarks, person, seconds}]}]}. points is None where only a person can give them; `person`
lists why a person should look. The static reading (stub, changed first line, saekit's own function borrowed) is done
here too, on the syntax tree: nothing that an answer does can change it.
"""

import ast
import copy
import importlib
import time
import types

from saekit.course import checking, exercises, judging, reading
from saekit.course.extraction import fullest, shipped
from saekit.course.judging import StudentError, Verdict
from saekit.course.lesson import TEXT_STUB, solution_lines, student_text
from saekit.course.limits import Limits
from saekit.course.salvage import lesson_of, read_notebook
from saekit.course.sandbox import Sandbox, Stopped

LONGEST = 3_000  # characters of a message


class Marker:
    """Marks submissions one after the other, with warm sandboxes that stay open; use as a context manager."""

    def __init__(self, limits=Limits()):
        self.limits, self.sandbox = limits, None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._close()

    def _close(self):
        if self.sandbox is not None:
            self.sandbox.__exit__()
            self.sandbox = None

    def mark(self, submission):
        """The record of one submission."""
        lessons, problems = {}, list(submission.problems)
        for file in sorted(submission.files, key=lambda f: f.name):
            try:
                notebook = read_notebook(file.read())
            except ValueError as error:
                problems.append(str(error))
                continue
            problems += [f"{file.name}: {problem}" for problem in notebook.problems]
            entry = lesson_of(notebook, file.name)
            if entry is None:
                problems.append(f"{file.name}: no exercise of any lesson was found in it")
            else:
                lessons.setdefault(entry["lesson"], []).append((entry, file.name, notebook))
        marked = [self._lesson(*fullest(found, problems)) for _, found in sorted(lessons.items())]
        held = self.sandbox.held.record() if self.sandbox else None
        return {"student": submission.student, "problems": problems, "held": held, "lessons": marked}

    def _lesson(self, entry, file, notebook, found):
        """One lesson's exercises in their order, then its questions for a person."""
        rows = [
            self.exercise(entry, exercise, found.get(exercise["name"]), notebook.variant)
            for exercise in entry["exercises"]
        ]
        rows += [free_text(question, entry["lesson"], notebook) for question in entry.get("questions", [])]
        return {
            "lesson": entry["lesson"],
            "title": entry["title"],
            "file": file,
            "variant": notebook.variant,
            "exercises": rows,
        }

    def exercise(self, entry, exercise, answer, variant=""):
        """The row of one exercise; answer: an extraction.Answer or None."""
        started, name = time.monotonic(), exercise["name"]
        if answer is None:
            verdict = Verdict(name, "not found", "no answer to this exercise was found in the notebook.")
        else:
            verdict = self.judge(entry["name"], name, answer, variant)
        passed, person = verdict.state == "passed", list(answer.person) if answer else []
        if verdict.state == "not judged":
            person.append(verdict.message)
        return {
            "exercise": name, "points": exercise["points"] if passed else 0, "out_of": exercise["points"],
            "state": verdict.state, "message": verdict.message[:LONGEST], "trace": verdict.trace[:LONGEST],
            "rows": [[label, value[:LONGEST]] for label, value in verdict.rows],
            "remarks": [r[:LONGEST] for r in (*verdict.remarks, *(answer.remarks if answer else ()))],
            "person": person, "seconds": round(time.monotonic() - started, 2),
        }  # fmt: skip

    def judge(self, lesson, name, answer, variant=""):
        """The verdict on one answer of the lesson ("lasso"), with the numbers of a variant (`saekit release`)."""
        found = read(name, answer, importlib.import_module(f"saekit.course.reference.{lesson}"))
        if found is not None:
            return found
        said = "not yet"
        try:
            with self._sandbox(answer.source).answer(
                lesson, name, answer.source, _bound_name(answer.text, name)
            ) as proxy:
                verdict = judging.judge(checking.load_checks(lesson)[name], proxy, seconds=None, variant=variant)
                return Verdict(name, "not yet", exercises.BORROWED) if proxy.borrowed else verdict
        except Stopped as stopped:
            text, trace = str(stopped), ""
        except StudentError as error:
            text, trace = f"the cell stopped with {error.kind} before `{name}` could be checked: {error}", error.lines
        except SystemExit:
            text, trace = "the cell ended Python (`exit` or `quit`) before the answer could be checked.", ""
        except OSError as error:
            self._close()
            said, text, trace = "not judged", f"the sandbox failed, so nothing was judged ({error})", ""
        return Verdict(name, said, reading.without_addresses(text), trace=trace)

    def _sandbox(self, source):
        """The open sandbox; one that has PyTorch loaded as soon as an answer speaks of it."""
        modules = ("numpy", "torch") if "torch" in source else ("numpy",)
        if self.sandbox is None or len(self.sandbox.modules) < len(modules) or self.sandbox.process.poll() is not None:
            self._close()
            self.sandbox = Sandbox(self.limits, modules).__enter__()
        return self.sandbox


def read(name, answer, reference):
    """A verdict from the text alone, or None."""
    if answer.error is not None:
        return exercises.syntax_error(name, answer.error)
    tree = ast.parse(answer.text).body[-1]
    if isinstance(tree, ast.FunctionDef):
        if reading.is_stub(tree):
            return Verdict(name, "not started", "nothing is written yet.")
        changed = reading.changed_first_line(_first_line(tree), getattr(reference, name))
        if changed:
            return Verdict(name, "not yet", changed)
    names = {key: value for key, value in vars(reference).items() if isinstance(value, types.ModuleType)}
    line = reading.borrowed(types.SimpleNamespace(__globals__=names | _imported(answer.helpers)), tree, name)
    if line:
        return Verdict(
            name,
            "not yet",
            f"line {line} calls saekit's own `{name}`. Can you write it yourself? The first hint says where to begin.",
        )
    return None


def _first_line(tree):
    """A function with the arguments of a definition and nothing else of it; defaults become None."""
    arguments = copy.deepcopy(tree.args)
    for argument in (node for node in ast.walk(arguments) if isinstance(node, ast.arg)):
        argument.annotation = None
    arguments.defaults = [ast.Constant(None) for _ in arguments.defaults]
    arguments.kw_defaults = [default and ast.Constant(None) for default in arguments.kw_defaults]
    expression = ast.fix_missing_locations(ast.Expression(ast.Lambda(arguments, ast.Constant(0))))
    return eval(compile(expression, "<first line>", "eval"), {"__builtins__": {}})


def _imported(helpers):
    """What the helpers import from saekit, as stand-ins that `reading.borrowed` recognises; nothing is imported."""
    names = {}
    for node in ast.walk(ast.parse(helpers)):
        if isinstance(node, ast.Import):
            ours = [alias for alias in node.names if alias.name.split(".")[0] == "saekit"]
            names.update({alias.asname or "saekit": types.ModuleType(alias.name) for alias in ours})
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "saekit":
            for alias in node.names:
                function = types.SimpleNamespace(__module__=node.module, __name__=alias.name)
                module = types.ModuleType(f"saekit.{alias.name}")
                names[alias.asname or alias.name] = module if node.module == "saekit" else function
    return names


def _bound_name(text, name):
    """The name that the answer's text defines: the exercise's, or the other one that its cell gave it."""
    tree = ast.parse(text).body[-1]
    return tree.name if isinstance(tree, ast.FunctionDef) else name


def free_text(question, stem, notebook):
    """The row of a question that a person marks, with what the student wrote and the rubric."""
    lesson = shipped(stem)
    source = lesson.questions.get(question["name"])
    prompt = student_text(source).split(TEXT_STUB[0])[0].strip() if source else ""
    ids = {question["name"], source.options.get("id") if source else None} - {"", None}
    cells = [
        cell for cell in notebook.cells if cell.question in ids or cell.id in ids or (prompt and prompt in cell.text)
    ]
    text = cells[-1].text.strip().removeprefix(prompt).strip() if cells else ""
    if cells and text in ("", TEXT_STUB[0]):  # it may stand in a cell of its own below
        at = next(number for number, cell in enumerate(notebook.cells) if cell is cells[-1])
        for cell in notebook.cells[at + 1 : at + 2]:
            if cell.kind != "code" and lesson.own and not lesson.own & {cell.id, cell.text.strip()}:
                text = cell.text.strip()
    begun = text not in ("", TEXT_STUB[0])
    return {
        "exercise": question["name"],
        "points": None if begun else 0,
        "out_of": question["points"],
        "state": "by hand" if begun else "not started" if cells else "not found",
        "message": text[:20_000] if begun else "",
        "trace": "",
        "rows": [],
        "remarks": [],
        "person": ["to be marked by hand"] if begun else [],
        "seconds": 0.0,
        "rubric": "\n".join(solution_lines(source)) if source else "",
    }
