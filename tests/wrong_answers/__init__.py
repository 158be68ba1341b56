"""Typical wrong answers to every exercise, one module per lesson; tests/test_wrong_answers.py runs them all.

A module `tests/wrong_answers/<lesson>.py` holds two dicts by exercise name:

    WRONG = {"soft_threshold": [Wrong(cause="threshold halved", source="def soft_threshold(x, lam): …", message="moved
    by 0.25"), …]} RIGHT = {"soft_threshold": ["def soft_threshold(x, lam): …", …]}

Sources run among the names of the lesson's reference module: its imports and all references. They may import what else
they need.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Wrong:
    """One wrong answer: the misunderstanding behind it, its source, and a pattern for its message alone."""

    cause: str
    source: str
    message: str
