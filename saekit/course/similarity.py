"""Answers that are alike beyond chance, listed for a person to look at: a question to ask, never a verdict.

An answer is read as the sequence of its syntax tree's nodes, in which the names it makes up itself, comments, layout,
docstring and annotations do not count. Of two answers two numbers are told. `alike`: the share of runs of RUN nodes of
the shorter answer that the other holds too. `evidence`: how many runs they share, each counted less the more answers
of the class hold it, log((n + 1) / holders) / log((n + 1) / 2): 1 for a run that only these two have, near 0 for one
that everybody writes, 0 for one of our own texts. A one-liner that all write alike is therefore no evidence, however
alike; nor is one that few write, being short. After Schleimer, Wilkerson and Aiken, "Winnowing" (2003), whose
selection of runs answers this short do not need.
"""

import ast
import math
import textwrap
from itertools import combinations
from typing import NamedTuple

RUN = 6  # nodes: about one call with its arguments
MANY = 10  # answers: in a small class, how many may hold a run that still counts
ALIKE, EVIDENCE = 0.8, 20.0  # what is flagged; 20 runs that nobody else has are two or three lines of code


class Pair(NamedTuple):
    """Two students whose answers to one exercise are alike; same_text: letter by letter, layout aside."""

    exercise: str
    students: tuple
    alike: float
    evidence: float
    same_text: bool


def similar_pairs(given, ours=None):
    """The pairs worth a look, most evidence first: a list of `Pair`.

    given: {student: {exercise: source of the answer}}; what is no Python is left out. ours: {exercise: [sources]} that
    every student has seen or may well write: stubs, our own answer, the right and wrong answers of the tables.
    """
    found = []
    for name in dict.fromkeys(name for mine in given.values() for name in mine):
        sources = {student: mine[name] for student, mine in given.items() if name in mine}
        found += _pairs_of(name, sources, (ours or {}).get(name, ()))
    return sorted(found, key=lambda pair: (-pair.evidence, pair.exercise, pair.students))


def _pairs_of(exercise, sources, ours):
    """The flagged pairs of one exercise."""
    known = set().union(*(runs(text) for text in ours)) if ours else set()
    held = {student: held for student, text in sources.items() if (held := runs(text))}
    holders = {}
    for student, own in held.items():
        for run in own - known:
            holders.setdefault(run, []).append(student)
    weight = {run: rarity(len(who), len(held)) for run, who in holders.items()}
    shared = {}
    for run, who in holders.items():
        # what more than a quarter of a class writes is no evidence, and would cost most of the time
        for pair in combinations(who, 2) if len(who) <= max(MANY, len(held) // 4) else ():
            shared[pair] = shared.get(pair, 0.0) + weight[run]
    for (a, b), evidence in shared.items():
        alike = len(held[a] & held[b]) / min(len(held[a]), len(held[b]))
        if evidence >= EVIDENCE and alike >= ALIKE:
            same = _plain(sources[a]) == _plain(sources[b])
            yield Pair(exercise, tuple(sorted((a, b))), alike, evidence, same)


def rarity(holders, students):
    """Weight of a run that so many of the students hold: 1 for two of them, towards 0 for all."""
    return math.log((students + 1) / holders) / math.log((students + 1) / 2) if holders > 1 else 0.0


def runs(source):
    """All runs of RUN consecutive nodes of an answer, as a set; empty where it is no Python or only a stub."""
    nodes = labels(function_in(source), number=False)
    return {tuple(nodes[i : i + RUN]) for i in range(len(nodes) - RUN + 1)}


def function_in(source):
    """The syntax tree of an answer cell; an empty module where it cannot be read."""
    try:
        return ast.parse(textwrap.dedent(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # MemoryError: nested too deeply for the parser
        return ast.Module([], [])


def labels(tree, number=True):
    """The nodes of a tree in reading order, one word each, for what it does and not for how it is named.

    number: made-up names become v0, v1, … in order of appearance, so that equal sequences mean equal functions; else
    all become one word, so that one more variable changes little.
    """
    made, found, stack = _made_up(tree), [], [tree]
    order = {}
    while stack:
        node = stack.pop()
        if isinstance(node, (ast.expr_context, ast.Pass, ast.Module)) or _is_text(node):
            stack += [] if not isinstance(node, ast.Module) else reversed(node.body)
            continue
        found.append(_label(node, made, order if number else None))
        stack += reversed([child for child in ast.iter_child_nodes(node) if not _is_annotation(node, child)])
    return found


def _label(node, made, order):
    """One word for one node."""
    kind = type(node).__name__
    name = getattr(node, "id", None) or getattr(node, "arg", None) or getattr(node, "name", None)
    if isinstance(node, ast.Constant):
        return repr(node.value)
    if isinstance(node, (ast.Attribute, ast.keyword)):
        return f".{node.attr}" if isinstance(node, ast.Attribute) else f"{name}="
    if not isinstance(name, str):
        return kind
    if name not in made:
        return name
    return f"{kind} v{order.setdefault(name, len(order))}" if order is not None else f"{kind} v"


def _made_up(tree):
    """Names that an answer binds itself: functions, arguments, variables; not what it imports."""
    nodes = list(ast.walk(tree))
    made = {node.name for node in nodes if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef))}
    made |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    return made | {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


def _is_text(node):
    """A docstring or another string that stands alone."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _is_annotation(node, child):
    return child in (getattr(node, "annotation", None), getattr(node, "returns", None)) or (
        child in getattr(node, "decorator_list", ()))


def _plain(source):
    return [line.strip() for line in source.splitlines() if line.strip()]
