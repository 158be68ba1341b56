"""The classroom: what a lesson imports. Loads NumPy, neither torch nor matplotlib nor IPython.

Modules here are named so that none hides a function of the same name: `exercises` holds `exercise`, `record` holds `progress`.
"""

from saekit.course.answers import budget, claim, predict
from saekit.course.exercises import begin, exercise, require
from saekit.course.record import progress

__all__ = ["begin", "budget", "claim", "exercise", "predict", "progress", "require"]
