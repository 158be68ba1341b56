"""Running one check on one function, and what comes out: a Verdict.

The function is called through `Guarded`, which notices what values alone do not show: crashes and NaN everywhere; in
the notebook also changed inputs, returned views and answers that differ from call to call. Printed lines and warnings
are held back and reported. The message of the check itself comes first; these findings speak when the values are
right.
"""

import contextlib
import io
import time
import warnings
from dataclasses import dataclass

import numpy as np

from saekit.course import checking, reading, watchdog
from saekit.course.checking import Slip

SECONDS = 10.0
NOT_WRITTEN = "nothing written yet; our version is used below."
NOT_WRITTEN_GRADED = "nothing written yet."


class StudentError(Exception):
    """What a proxy raises for an error elsewhere: its kind, its message and the learner's own lines."""

    def __init__(self, kind, message, lines=""):
        super().__init__(message)
        self.kind, self.lines = kind, lines


@dataclass(frozen=True)
class Verdict:
    """What one check found: state "passed", "not started" or "not yet", and what the card will say."""

    name: str
    state: str
    message: str = ""
    rows: tuple = ()
    trace: str = ""
    remarks: tuple = ()

    @property
    def plain(self):
        """Everything on one page of text."""
        return "\n".join([self.message, *(f"{label}: {value}" for label, value in self.rows), self.trace]).strip()


class Crash(Exception):
    """The student's function raised; `error` is what it raised."""

    def __init__(self, error):
        super().__init__(str(error))
        self.error = error


class Guarded:
    """The student's function as the check sees it: gets copies of the arguments, and is watched."""

    def __init__(self, function, check, in_notebook=True):
        self.function, self.check, self.in_notebook = function, check, in_notebook
        self.findings, self.first, self.call, self.result = [], None, "", None

    def __call__(self, *args, **kwargs):
        given = _copy((args, kwargs))
        self.call, self.result = (args, kwargs), None
        self.result = result = self._run(*given)
        if self.in_notebook:
            self._compare(given, (args, kwargs), result)
        self._look_at(result, args)
        return result

    def _run(self, args, kwargs):
        try:
            return self.function(*args, **kwargs)
        except Exception as error:  # whatever a learner's code raises is what the card is about
            raise Crash(error) from error

    def _compare(self, given, before, result):
        """Note a changed input or a returned view; keep the first call for a second try."""
        in_process = hasattr(self.function, "changed")  # a proxy: what was changed or shared there, it tells
        changed = self.function.changed if in_process else not _same(given, before)
        view = self.function.shared if in_process else shared(result, given)
        if changed:
            self.findings.append(
                "the values are right, but your function changed its own input, which the cells below still need. "
                "Do you assign into an argument, or use `+=` on it?"
            )
        elif not self.check.view_ok and view:
            self.findings.append(
                "the values are right, but what you return shares its memory with the input: whoever changes one "
                "changes the other. Would a `.copy()` help?"
            )
        if self.first is None:
            self.first = (before, _copy(result))

    def _look_at(self, result, args):
        """None and NaN have their own words at once: no comparison makes sense of them."""
        if result is None:
            raise Slip("your function returned None. Is `return` missing?")
        odd = sum(int(np.isnan(a).sum()) for a in map(checking.to_numpy, _arrays(result)) if a.dtype.kind in "fc")
        odd += sum(isinstance(leaf, float) and leaf != leaf for leaf in _leaves(result))
        if odd and not self.check.nan_ok:
            raise Slip(
                f"{odd} of the numbers you returned {'is' if odd == 1 else 'are'} NaN, though every input was finite. "
                "Is something divided by zero, or a logarithm taken of it?"
            )

    def settle(self):
        """After a check without complaint: what else there is to say."""
        if self.findings:
            raise Slip(self.findings[0])
        if self.in_notebook and self.first is not None:
            call, before = self.first
            if not _same(self._run(*_copy(call)), before):
                raise Slip(
                    "the same input gave a different answer the second time. Is something drawn at random, or kept"
                    " between calls?"
                )

    def tested(self):
        """The last call as text: arguments, and the result where it is small."""
        if not self.call:
            return ""
        args, kwargs = self.call
        inside = [checking.show(a) for a in args] + [f"{key}={checking.show(value)}" for key, value in kwargs.items()]
        result = "" if self.result is None else f" → {checking.show(self.result)}"
        return reading.without_addresses(f"{self.check.name}({', '.join(inside)}){result}")


def judge(check, function, in_notebook=True, seconds=SECONDS, on_stuck=None, variant=""):
    """Run a check on a function; always returns a Verdict. seconds=None: no time limit (a grader has its own).

    variant: any word; the check draws its inputs from another seed for each ("" is the course's own).
    """
    guarded, printed, started = Guarded(function, check, in_notebook), Printed(), time.monotonic()
    state, message, rows, trace = "not yet", "", (), ""
    try:
        with (
            warnings.catch_warnings(record=True) as warned,
            contextlib.redirect_stdout(printed),
            contextlib.redirect_stderr(printed),
        ):
            warnings.simplefilter("always")
            with watchdog.time_limit(seconds, on_stuck):
                check.body(guarded, checking.rng(check.lesson, check.name, *filter(None, [variant])))
                guarded.settle()
        state = "passed"
    except Slip as slip:
        message, rows = str(slip), slip.rows
    except Crash as crash:
        state, message, trace = _crashed(crash.error, function)
    except watchdog.TimeUp:
        message = _too_slow(seconds, time.monotonic() - started)
    except KeyboardInterrupt:
        message = "you stopped the check, so nothing is known yet. Run the cell again for an answer."
    except SystemExit:
        message = "your function tried to end Python (`exit` or `quit`). Did you mean `return`?"
    except Exception as error:  # the check could not compare what it got: that is the value's fault
        message = (
            f"the check could not work with what you returned ({type(error).__name__}:"
            f" {reading.without_addresses(error)}). Is it the kind of thing the docstring describes?"
        )
    if state == "not yet" and guarded.tested():
        rows = (("tested", guarded.tested()), *rows)
    return Verdict(check.name, state, message, rows, trace, printed.remarks() + _warnings(warned))


def _crashed(error, function):
    """State, message and the learner's own lines for an exception from their function."""
    kind = error.kind if isinstance(error, StudentError) else type(error).__name__
    if kind == "NotImplementedError":
        return (
            "not yet",
            "the line `raise NotImplementedError()` is still reached. Can it go, now that your code stands there?",
            "",
        )
    trace = error.lines if isinstance(error, StudentError) else reading.own_lines(error, function)
    return "not yet", f"your code stopped with {kind}. {_question(kind, str(error))}", trace


def _question(kind, text):
    """The likely slip behind an exception, as a question."""
    if "broadcast" in text or "matmul" in text or "not aligned" in text:
        return "Which shapes stand on the two sides, and which axes have to agree?"
    return {
        "NameError": "Is the name spelt as in the first line of the function?",
        "UnboundLocalError": "Is the name used before it gets its value?",
        "AttributeError": "Does this kind of object have what stands after the dot?",
        "IndexError": "How long is the axis you index, and does counting start at 0?",
        "RecursionError": "Does the function call itself?",
        "TypeError": "Is each argument of the kind that is used there?",
        "ZeroDivisionError": "What should happen when the denominator is 0?",
    }.get(kind, "What was the value on that line?")


def _too_slow(seconds, took):
    message = (
        f"no answer after {seconds:g} seconds, so the check was stopped. Is there a loop that never ends, or one an"
        " array could replace?"
    )
    if took < seconds + 2 * watchdog.GRACE:
        return message
    return (
        f"{message}\nIt stood inside one compiled call, which Python cannot interrupt, and stopped only when that call"
        " came back."
    )


class Printed(io.TextIOBase):
    """Keeps the first characters of what is printed and counts the lines of the rest."""

    limit = 300

    def __init__(self):
        self.head, self.lines = "", 0

    def write(self, text):
        self.head += text[:max(0, self.limit - len(self.head))]
        self.lines += text.count("\n")
        return len(text)

    def remarks(self):
        """What was printed, as a remark; nothing when nothing was."""
        if not self.head.strip():
            return ()
        count = max(1, self.lines)
        first = self.head.strip().splitlines()[0][:100]
        return (f"It printed {count} line{'s' * (count > 1)} while it was checked; the first: {first}",)


def _warnings(warned):
    """One remark per different warning."""
    texts = dict.fromkeys(f"{w.category.__name__}: {reading.without_addresses(w.message)}" for w in warned)
    return tuple(f"Python warned: {text}" for text in list(texts)[:3])


def _leaves(value):
    """All arrays, tensors, numbers and strings in a nest of tuples, lists and dicts."""
    if isinstance(value, dict):
        value = tuple(value.values())
    if isinstance(value, (tuple, list)):
        return [leaf for item in value for leaf in _leaves(item)]
    return [value]


def _arrays(value):
    return [leaf for leaf in _leaves(value) if isinstance(leaf, np.ndarray) or hasattr(leaf, "detach")]


def _copy(value):
    """A deep copy of a nest of arrays, tensors, numbers and strings."""
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return tuple(map(_copy, value)) if isinstance(value, tuple) else list(map(_copy, value))
    if hasattr(value, "detach"):
        return value.detach().clone().requires_grad_(value.requires_grad)
    return value.copy() if isinstance(value, np.ndarray) else value


def _same(a, b):
    """True when two nests hold the same values; numbers within the rounding of sums done in another order."""
    first, second = _leaves(a), _leaves(b)
    return len(first) == len(second) and all(map(_same_leaf, first, second))


def _same_leaf(a, b):
    if isinstance(a, str) or isinstance(b, str) or a is None or b is None:
        return a == b
    a, b = checking.to_numpy(a), checking.to_numpy(b)
    if a.shape != b.shape or a.dtype.kind not in "fiubc":
        return a.shape == b.shape and bool(np.all(a == b))
    rounding = 1e-10 if a.dtype.itemsize >= 8 else 1e-5
    return bool(np.allclose(a, b, rtol=rounding, atol=1e-12, equal_nan=True))


def shared(result, given):
    """True when an array of the result lives in the memory of an array of the arguments."""
    return any(_overlap(a, b) for a in _arrays(result) for b in _arrays(given))


def _overlap(a, b):
    """True when two arrays, or two tensors, live in the same memory."""
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return np.may_share_memory(a, b)
    if hasattr(a, "untyped_storage") and hasattr(b, "untyped_storage"):
        return a.untyped_storage().data_ptr() == b.untyped_storage().data_ptr()
    return False
