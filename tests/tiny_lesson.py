"""A lesson of three exercises that exists only in memory, for tests of the classroom itself."""

import sys
import types

from saekit.course import checking, exercises
from saekit.course.answers import Prediction, hashed
from tests.cells import define

REFERENCE = '''
import numpy as np

def shrink(x, lam):
    """Shrink every entry of x towards zero by lam.

    >>> shrink(np.array([3.0]), 1.0)
    array([2.])
    """
    return np.sign(x) * np.maximum(np.abs(x) - lam, 0)

def energy(x):
    return float(np.sum(x ** 2))

def two_steps(x, lam):
    return shrink(shrink(x, lam), lam)
'''

CHECKS = '''
import numpy as np
from saekit.course.checking import check, close, expect, expect_array, expect_number

@check
def shrink(f, rng):
    x = rng.normal(size=(4, 3))
    z = expect_array(f(x, 0.5), (4, 3))
    small = np.abs(x) <= 0.5
    expect(np.all(z[small] == 0), "entries within lam of zero should become 0. Is the maximum with 0 missing?")
    expect(close(np.abs(x[~small] - z[~small]), 0.5 + 0 * x[~small]), "large entries should move by lam", expected=0.5,
           got=float(np.abs(x - z).max()))

@check
def energy(f, rng):
    x = rng.normal(size=(3, 2))
    expect(close(expect_number(f(x)), x.ravel() @ x.ravel()), "the energy is off")

@check
def two_steps(f, rng):
    x = rng.normal(size=(3, 2)) * 3
    expect_array(f(x, 0.5), (3, 2))
'''

PREDICTIONS = [
    Prediction("how-many", right=hashed("how-many", "3"), reply="Three.", wrong={1: "One is too few."}),
    Prediction(
        "which", right=hashed("which", "b"), reply="Yes.", wrong={"a": "Not a.", "c": "Not c."}, options=("a", "b", "c")
    ),
    Prediction("share", right=hashed("share", "0.92"), reply="Right.", digits=2),
]

def install(monkeypatch):
    """Make the lesson importable as saekit.course.{reference,checks}.tiny, for the length of one test."""
    for kind, source in (("reference", REFERENCE), ("checks", CHECKS)):
        module = types.ModuleType(f"saekit.course.{kind}.tiny")
        define(source, vars(module))
        monkeypatch.setitem(sys.modules, module.__name__, module)
    sys.modules["saekit.course.checks.tiny"].PREDICTIONS = PREDICTIONS
    monkeypatch.setattr(exercises, "_room", None)
    monkeypatch.setitem(checking.CHECKS, "tiny", dict(checking.CHECKS["tiny"]))
