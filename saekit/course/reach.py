"""References that may not be called: of an exercise while it is checked, of graded ones in a student's copy."""

import contextlib
import inspect


@contextlib.contextmanager
def out_of_reach(reference):
    """While open, calling the reference under any name raises; yields a list, non-empty once that happened."""
    plain, used = inspect.unwrap(reference), []
    code = plain.__code__
    _watchers.append(used)
    plain.__code__ = _refuse.__code__
    try:
        yield used
    finally:
        plain.__code__ = code
        _watchers.remove(used)


_watchers = []


def _refuse(*args, **kwargs):
    from saekit.course.reach import reference_called  # the code runs with the reference module's globals

    reference_called()


def reference_called():
    """Runs in place of a reference that is out of reach."""
    for used in _watchers:
        used.append(True)
    raise RuntimeError("our own answer is out of reach while yours is checked")


def withheld(name):
    """What a graded exercise's reference calls in a student's bundle: the student's function, if it passed.

    Raises `Withheld` if not: the bundle holds no other version.
    """
    from saekit.course import exercises

    room = exercises.room()
    verdict = room.verdicts.get(name) if room else None
    if verdict is None or verdict.state != "passed":
        raise Withheld(f"{name} is graded, so this copy holds no version of ours. Write yours in its cell, run it, and"
                       " then run this cell again.")
    return room.current[name]


class Withheld(RuntimeError):
    """A cell needs the answer to a graded exercise; shown in one line, because no traceback helps."""

    def _render_traceback_(self):
        return [str(self)]
