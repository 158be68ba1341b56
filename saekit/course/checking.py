"""What a lesson's checks are written with. A check calls the student's function and says what it finds.

    from saekit.course.checking import check, close, expect, expect_array, show

    @check                                   # registers under (lesson, function name); the lesson is the module's name
    def soft_threshold(f, rng):              # f: the student's function or a proxy; rng: a NumPy Generator
        x = rng.normal(size=(7, 5))          # not square, nothing zero
        z = expect_array(f(x, 0.5), (7, 5))  # wrong type, shape, kind and NaN have their own words
        expect(close(f(x, 0.0), x), "with lam = 0 nothing shrinks, yet … Did you …?")

Rules. A check only calls f(args) with arrays, dicts of arrays, numbers or strings and judges what comes back, so that
it serves the notebook and the grader. It tests properties on a second route and never runs the reference. A message
says what was tested, what was expected and what came back, and asks about the likely slip; `expect(…, expected=,
got=)` shows the two values as rows. f sees copies of the arguments. `@check(nan_ok=True)` where NaN is an honest
answer, `@check(view_ok=True)` where a view of the input is. Predictions of the lesson stand in the same module as a
list PREDICTIONS of `saekit.course.answers.Prediction`.
"""

import importlib
import zlib
from dataclasses import dataclass

import numpy as np

CHECKS = {}  # lesson name -> {exercise name: Check}
KINDS = {"float": np.floating, "int": np.integer, "bool": np.bool_, "number": np.number}
WORDS = {"float": "floating-point numbers", "int": "integers", "bool": "True and False", "number": "numbers"}


class Slip(AssertionError):
    """What a check has to say to the learner. `rows` are (label, value) pairs beside the message."""

    def __init__(self, message, rows=()):
        super().__init__(message)
        self.rows = tuple(rows)


@dataclass(frozen=True)
class Check:
    """A registered check: `body(f, rng)`, and what it allows f to return."""

    lesson: str
    name: str
    body: object
    nan_ok: bool = False
    view_ok: bool = False


def check(body=None, *, nan_ok=False, view_ok=False):
    """Register a function of (f, rng) as the check of the exercise that has its name; returns it unchanged."""
    if body is None:
        return lambda inner: check(inner, nan_ok=nan_ok, view_ok=view_ok)
    lesson = body.__module__.rpartition(".")[2]
    CHECKS.setdefault(lesson, {})[body.__name__] = Check(lesson, body.__name__, body, nan_ok, view_ok)
    return body


def load_checks(lesson):
    """The checks of a lesson by exercise name: imports `saekit.course.checks.<lesson>`."""
    importlib.import_module(f"saekit.course.checks.{lesson}")
    return CHECKS.get(lesson, {})


def rng(*words):
    """A generator whose seed is a fixed function of the words: the same inputs on every machine and in every run."""
    return np.random.default_rng(zlib.crc32("/".join(map(str, words)).encode()))


def expect(condition, message, expected=None, got=None):
    """Say `message` to the learner unless the condition holds."""
    if not condition:
        rows = [(label, show(value)) for label, value in (("expected", expected), ("got", got)) if value is not None]
        raise Slip(message, rows)


def expect_array(value, shape, kind="float", what="your answer"):
    """`value` as a NumPy array of this shape and kind ("float", "int", "bool", "number"), or a Slip."""
    if not hasattr(value, "shape"):
        raise Slip(
            f"{what} should be an array of shape {shape}, but it is {_a_kind(value)}. Is a conversion with np.array"
            " missing?"
        )
    array = to_numpy(value)
    if array.shape != tuple(shape):
        raise Slip(
            f"{what} should have shape {tuple(shape)}, but it has shape {array.shape}."
            f" {_shape_slip(array.shape, tuple(shape))}"
        )
    if not np.issubdtype(array.dtype, KINDS[kind]):
        raise Slip(f"{what} should hold {WORDS[kind]}, but its dtype is {array.dtype}. {_kind_slip(array.dtype)}")
    return array


def expect_number(value, what="your answer"):
    """`value` as a Python float, or a Slip that names what it is instead."""
    shape = getattr(value, "shape", None)
    if shape:
        raise Slip(
            f"{what} should be one number, but it is an array of shape {tuple(shape)}. Is a sum, mean or maximum"
            " missing?"
        )
    if isinstance(value, (bool, np.bool_)) or not (shape == () or isinstance(value, (int, float))):
        raise Slip(f"{what} should be one number, but it is {_a_kind(value)}. What does the docstring say it is?")
    return float(value)


def expect_parts(value, count, what="your answer"):
    """`value` as a tuple of `count` things, or a Slip."""
    if not isinstance(value, (tuple, list)) or len(value) != count:
        found = f"{_a_kind(value)} of {len(value)}" if isinstance(value, (tuple, list)) else _a_kind(value)
        raise Slip(
            f"{what} should be {count} things, as in `return a, b`, but it is {found}. Is one missing after `return`?"
        )
    return tuple(value)


def close(a, b, tol=1e-7):
    """True when a and b have the same shape and agree within tol times the larger of 1 and the largest entry of b."""
    a, b = to_numpy(a), to_numpy(b)
    scale = max(1.0, float(np.max(np.abs(b), initial=0.0)))
    return a.shape == b.shape and bool(np.all(np.abs(a - b) <= tol * scale))


def show(value):
    """A value in few characters, the same on every machine: small arrays in full, large ones by shape."""
    if isinstance(value, (tuple, list)):
        return "(" + ", ".join(map(show, value)) + ")"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {show(item)}" for key, item in value.items()) + "}"
    if hasattr(value, "shape") and value.shape != ():
        array = to_numpy(value)
        if array.size > 8 or array.dtype.kind not in "fiub":
            return f"{'array' if isinstance(value, np.ndarray) else 'tensor'} of shape {tuple(array.shape)}"
        return np.array2string(
            array if array.dtype == bool else array + 0, precision=3, suppress_small=True, separator=", "
        ).replace("\n", "")
    if isinstance(value, (float, np.floating)):
        return f"{value:.4g}"
    return str(value.item() if hasattr(value, "item") else value) if not isinstance(value, str) else repr(value)


def to_numpy(value):
    """An array from an array, a tensor or a number."""
    return value.detach().cpu().numpy() if hasattr(value, "detach") else np.asarray(value)


def _a_kind(value):
    kind = type(value).__name__
    return "None (is `return` missing?)" if value is None else f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def _shape_slip(got, want):
    if got == want[::-1]:
        return "Is something transposed?"
    if len(got) < len(want):
        return "Did a sum, mean or maximum take away an axis too many?"
    if len(got) > len(want):
        return "Is there an axis left over, that a sum or a mean should have taken away?"
    return "Which axis holds the samples, and which one is summed over?"


def _kind_slip(dtype):
    if dtype == bool:
        return "Did you return the comparison instead of the values?"
    if np.issubdtype(dtype, np.integer):
        return "Was it made from integers, or rounded on the way?"
    if np.issubdtype(dtype, np.floating):
        return "Is a comparison or an integer type missing?"
    return "How did entries of that kind get in?"
