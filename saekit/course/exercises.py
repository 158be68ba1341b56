"""Your code or ours: `begin` puts our reference under every exercise's name, `@exercise` swaps in the student's
function once it passes.

    begin("01_lasso")     # in the setup cell
    @exercise             # above every answer
    require("prox")       # in a grading cell: raises unless the answer passed

After every cell a hook looks at what `@exercise` could not see, a syntax error or an exercise's name bound to
something else; it shows one card and puts a working function back. (A lesson cell must not bind an exercise's name
either: `from saekit import lasso`, not `from saekit.lasso import soft_threshold`.) The exercises of a lesson are
listed in `saekit/course/reference/index.json`, which `saekit build` writes: a list of {lesson, title, exercises:
[{name, difficulty, minutes, points}]}, lesson being the stem "01_lasso".
"""

import importlib
import inspect
import re

from saekit.course import cards, checking, judging, notebook, reading, record
from saekit.course.judging import Verdict
from saekit.course.reach import out_of_reach

DEFINED = re.compile(r"^def[ \t]+(\w+)", re.MULTILINE)  # methods of the same name are indented
OURS = "Our version is used below."
BORROWED = ("this calls our own answer, which is out of reach while yours is checked. Can you write it yourself? The first "
            "hint says where to begin.")
NO_OURS = "This exercise is graded: no version of ours stands in, so cells below that need it wait for yours."


class Classroom:
    """One open lesson: its references and checks, the function now in use under each name, and the verdicts so far.

    graded: exercises without a reference in a student's bundle (`saekit release --graded`). variant: `begin`'s.
    """

    def __init__(self, lesson, references, checks, names, predictions=()):
        self.lesson, self.references, self.checks, self.names = lesson, references, checks, names
        self.current = dict(references)
        self.verdicts = {}
        self.looked_at = set()  # exercises that @exercise judged in the cell that is running
        self.predictions = {p.id: p for p in predictions}
        self.graded, self.variant = frozenset(), ""
        self.names.update(references)

    def judge(self, function, on_stuck=None):
        """The verdict on a function: by reading it, then by its check, with its own reference out of reach."""
        name, reference = function.__name__, self.references[function.__name__]
        found = self._read(function, reference)
        if found is not None:
            return found
        before = self.names.get(name, reference)
        self.names[name] = function  # what a def without @exercise would mean: a recursive call is a recursive call
        with out_of_reach(reference) as used:
            try:
                verdict = judging.judge(self.checks[name], function, on_stuck=on_stuck, variant=self.variant)
            finally:
                self.names[name] = before
        return Verdict(name, "not yet", BORROWED) if used else verdict

    def _read(self, function, reference):
        """A verdict from the source alone, or None."""
        name = function.__name__
        if function is reference:
            return Verdict(
                name,
                "not yet",
                "this is our own answer. Can you write it yourself? The first hint says where to begin.",
            )
        tree = reading.tree_of(function)
        if tree is not None and reading.is_stub(tree):
            said = judging.NOT_WRITTEN_GRADED if name in self.graded else judging.NOT_WRITTEN
            return Verdict(name, "not started", said)
        line = tree is not None and reading.borrowed(inspect.unwrap(function), tree, name)
        if line:
            return Verdict(name, "not yet", f"line {line} calls saekit's own `{name}`. Can you write it yourself? "
                                            "The first hint says where to begin.")
        changed = reading.changed_first_line(function, reference)
        return Verdict(name, "not yet", changed) if changed else None

    def keep(self, verdict, function=None):
        """Record a verdict and bind the name to the student's function if it passed, else to the reference."""
        name = verdict.name
        self.verdicts[name] = verdict
        self.current[name] = function if verdict.state == "passed" else self.references[name]
        self.names[name] = self.current[name]
        record.note(self.lesson, name, verdict.state)


_room = None  # the lesson that is open in this process


def room():
    """The open classroom, or None before `begin`."""
    return _room


def begin(lesson, variant=""):
    """Open a lesson, "01_lasso": references under all exercise names, checks loaded, hook installed. Running it again
    changes nothing.

    variant: any word; checks draw other numbers and multiple choice is lettered differently for each (`saekit release
    --variant`). Raises ValueError for an unknown lesson.
    """
    global _room
    name = re.sub(r"^\d+_", "", lesson)
    names = notebook.namespace()
    if _room is not None and _room.lesson == name and _room.names is names:
        names.update(_room.current)
    else:
        _room = open_room(name, names)
    _room.variant = variant
    shell = notebook.shell()
    if shell is not None:
        _install(shell)


def open_room(name, names):
    """A classroom for the lesson `name` ("lasso") over a dict of names, without a notebook. ValueError for an unknown
    lesson."""
    try:
        module = importlib.import_module(f"saekit.course.reference.{name}")
        checks = checking.load_checks(name)
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("saekit.course"):
            raise
        known = ", ".join(entry["lesson"] for entry in record.index()) or "none built"
        raise ValueError(
            f"begin got lesson {name!r}, expected one of: {known} (is its name misspelt, or `saekit build` missing?)"
        ) from None
    listed = [e["name"] for entry in record.index() if entry["lesson"].endswith(f"_{name}") for e in entry["exercises"]]
    references = {n: getattr(module, n) for n in listed or checks if hasattr(module, n)}
    predictions = getattr(importlib.import_module(f"saekit.course.checks.{name}"), "PREDICTIONS", ())
    opened = Classroom(name, references, checks, names, predictions)
    opened.graded = frozenset(getattr(module, "GRADED", ()))
    return opened


def exercise(function):
    """Check the function under its own name, show one card, and return it if it passed, else our reference."""
    name = getattr(function, "__name__", "")
    if _room is None:
        cards.show(
            cards.Card(name, text="The lesson is not open yet: run the first code cell (`begin`), then this one again.")
        )
        return function
    _room.looked_at.add(name)
    if name not in _room.references or name not in _room.checks:
        known = ", ".join(_room.references)
        cards.show(
            cards.Card(
                name,
                text=f"This lesson has no exercise of that name, so nothing was checked. Its exercises are: {known}.",
            )
        )
        return function
    verdict = _room.judge(function, on_stuck=lambda: cards.show(stuck_card(name)))
    _room.keep(verdict, function)
    cards.show(verdict_card(verdict))
    return _room.current[name]


def require(name):
    """For grading cells: raise AssertionError with the card's message unless the answer passed its check."""
    verdict = _room.verdicts.get(name) if _room else None
    if verdict is None:
        raise AssertionError(
            f"{name}: no answer was checked; is the line `@exercise` above `def {name}`, and was the cell run?"
        )
    if verdict.state != "passed":
        raise AssertionError(f"{name}: {verdict.plain}")
    if _room.names.get(name) is not _room.current[name]:
        raise AssertionError(f"{name}: the answer passed, but the name stands for something else now")


def verdict_card(verdict):
    """The card of one verdict."""
    text = sentence(verdict.message, verdict.name)
    if verdict.state == "passed":
        text = "The cells below now use your function."
    ours = NO_OURS if _room is not None and verdict.name in _room.graded else OURS
    # a stub's own words say that ours is used, a graded one's do not say what happens instead
    told = verdict.state == "not yet" or (verdict.state == "not started" and ours is NO_OURS)
    remarks = verdict.remarks + ((ours,) if told else ())
    return cards.Card(verdict.name, verdict.state, text, verdict.rows, verdict.trace, remarks)


def sentence(message, name):
    """The message with a capital first letter, unless it begins with the exercise's name or a variable's."""
    word = re.match(r"\w*", message)[0]
    is_name = word == name or not word.isalpha() or (len(word) == 1 and word != "a")
    return message if is_name else message[:1].upper() + message[1:]


def stuck_card(name):
    """Said while a compiled call does not come back."""
    return cards.Card(
        name,
        "not yet",
        f"More than {judging.SECONDS:g} seconds, and inside one compiled call, which Python cannot interrupt. "
        "You can wait, or choose Kernel → Restart and make the input of that call smaller.",
    )


def _install(shell):
    """Register the hook, once per shell."""
    before = getattr(shell, "saekit_hook", None)
    if before is not None:
        shell.events.unregister("post_run_cell", before)
    shell.saekit_hook = after_cell
    shell.events.register("post_run_cell", after_cell)


def after_cell(result):
    """The post_run_cell hook: answer what `@exercise` could not see, and leave a working function under every name."""
    if _room is None:
        return
    looked_at, _room.looked_at = _room.looked_at, set()
    unseen = [name for name in written_in(result.info.raw_cell or "") if name not in looked_at]
    error = result.error_before_exec or result.error_in_exec
    for name in unseen:
        if isinstance(result.error_before_exec, SyntaxError):
            _answer(syntax_error(name, result.error_before_exec))
        elif error is not None:
            _answer(
                Verdict(
                    name,
                    "not yet",
                    f"the cell stopped with {type(error).__name__} before `{name}` could be checked: "
                    f"{reading.without_addresses(error)}",
                )
            )
        elif inspect.isfunction(_room.names.get(name)) and _room.names[name] is not _room.current[name]:
            _answer(
                Verdict(
                    name,
                    "not yet",
                    f"the line `@exercise` above `def {name}` is missing, so nothing was checked. Can you put it back?",
                )
            )
    for name, function in _room.current.items():
        if _room.names.get(name) is not function:
            _room.names[name] = function
            cards.show(
                cards.Card(
                    name,
                    "note",
                    f"This cell gave the name `{name}` to something else. It stands for the exercise's "
                    "function again; please choose another name.",
                )
            )


def written_in(raw_cell):
    """The exercises a cell defines or, where even the word def is broken, the first that it mentions."""
    names = [name for name in DEFINED.findall(raw_cell) if name in _room.references]
    if not names and "@exercise" in raw_cell:
        names = [word for word in re.findall(r"\w+", raw_cell) if word in _room.references][:1]
    return list(dict.fromkeys(names))


def _answer(verdict):
    _room.keep(verdict)
    cards.show(verdict_card(verdict))


def syntax_error(name, error):
    """The verdict on a cell that Python could not read, with the line and a caret under the place."""
    line = (error.text or "").rstrip("\n")
    caret = " " * max(0, (error.offset or 1) - 1) + "^"
    return Verdict(name, "not yet", f"Python could not read this cell (line {error.lineno}: {error.msg}). "
                                    "Is a bracket, a colon, a quote or an indent missing, there or just before?",
                   trace=f"{line}\n{caret}" if line else "")
