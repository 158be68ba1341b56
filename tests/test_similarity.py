"""The similarity report flags copies through new names and layout, and no class that merely solved the same exercise."""

import csv
import json
import random

import pytest

from saekit.course import copies
from saekit.course.lesson import ROOT
from saekit.course.similarity import labels, function_in, rarity, runs, similar_pairs
from tests.test_wrong_answers import LESSONS, table

LONG = '''
def omp(x, D, k):
    """Greedy."""
    chosen, z = [], np.zeros(len(D))
    rest = x.copy()
    for step in range(k):
        score = np.abs(D @ rest)
        score[chosen] = -1
        chosen.append(int(score.argmax()))
        coef, *_ = np.linalg.lstsq(D[chosen].T, x, rcond=None)
        rest = x - coef @ D[chosen]
    z[chosen] = coef
    return z
'''
RENAMED = '''
def omp(signal, atoms, n):
    # my own
    idx, code = [], np.zeros(len(atoms))
    left = signal.copy()
    for i in range(n):
        s = np.abs(atoms @ left)
        s[idx] = -1
        idx.append(int(s.argmax()))

        w, *_ = np.linalg.lstsq(atoms[idx].T, signal, rcond=None)
        left = signal - w @ atoms[idx]
    code[idx] = w
    return code
'''
OTHER = '''
def omp(x, D, k):
    z = np.zeros(D.shape[0])
    S = np.array([], dtype=int)
    while len(S) < k:
        r = x - z @ D
        S = np.append(S, np.argmax(abs(r @ D.T)))
        A = D[S]
        z[S] = np.linalg.solve(A @ A.T, A @ x)
    return z
'''
SHORT = "def soft_threshold(x, lam):\n    return np.sign(x) * np.maximum(np.abs(x) - lam, 0)\n"


def pairs(answers, name="omp", ours=()):
    """The flagged pairs of a class that answered one exercise."""
    return similar_pairs({student: {name: text} for student, text in answers.items()}, {name: list(ours)})


def test_a_copy_with_new_names_comments_and_layout_is_flagged():
    found = pairs({"Ada": LONG, "Ben": RENAMED, "Cleo": OTHER})
    assert [pair.students for pair in found] == [("Ada", "Ben")]
    assert found[0].alike == 1.0 and not found[0].same_text
    assert labels(function_in(LONG)) == labels(function_in(RENAMED)) != labels(function_in(OTHER))


def test_a_copy_with_one_line_more_is_still_flagged():
    more = LONG.replace("    rest = x.copy()\n", "    rest = x.copy()\n    size = np.linalg.norm(x)\n")
    found = pairs({"Ada": LONG, "Ben": more, "Cleo": OTHER})
    assert [pair.students for pair in found] == [("Ada", "Ben")]


def test_the_same_text_is_told():
    assert pairs({"Ada": LONG, "Ben": LONG.replace("\n", "\n\n")})[0].same_text


def test_one_liners_that_all_write_alike_flag_nobody():
    assert pairs({f"s{i}": SHORT for i in range(30)}, "soft_threshold") == []
    assert pairs({"Ada": SHORT, "Ben": SHORT.replace("lam", "t")}, "soft_threshold") == []


def test_what_we_wrote_ourselves_is_no_evidence():
    assert pairs({"Ada": LONG, "Ben": RENAMED, "Cleo": OTHER}, ours=[LONG]) == []


def test_what_most_of_a_class_writes_is_no_evidence_and_a_copy_among_them_still_is():
    many = {f"s{i:02}": LONG for i in range(30)}
    odd = OTHER.replace("while len(S) < k", "while S.size != k and np.isfinite(x).all()")
    found = pairs({**many, "y": odd, "z": odd.replace("S", "picked").replace("A", "B")})
    assert [pair.students for pair in found] == [("y", "z")]


def test_the_weight_of_a_run_falls_from_one_to_nearly_nothing():
    assert rarity(2, 200) == 1.0 and rarity(2, 2) == 1.0 and rarity(1, 50) == 0.0
    weights = [rarity(holders, 50) for holders in range(2, 51)]
    assert weights == sorted(weights, reverse=True) and weights[-1] < 0.01


@pytest.mark.parametrize("source", ["", "def f(:", "\x00", "(" * 5000, "def f(x):\n    raise NotImplementedError()", "π = '😀'"])
def test_stubs_and_what_is_no_python_are_no_answers(source):
    assert len(runs(source)) <= 1
    assert pairs({"Ada": source, "Ben": source}) == []


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_class_that_took_its_answers_from_our_own_tables_flags_nobody(lesson):
    known, draw = table(lesson), random.Random(0)
    given = {f"s{i}": {f"{lesson}.{name}": draw.choice(sources + [w.source for w in known.WRONG[name]])
                       for name, sources in known.RIGHT.items()} for i in range(12)}
    assert similar_pairs(given, copies.our_answers(lesson, ROOT)) == []


def test_the_command_reads_notebooks_and_writes_the_pairs(tmp_path, capsys):
    for student, text in {"=Ada": LONG, "Ben": RENAMED, "Cleo": OTHER}.items():
        cells = [{"cell_type": "code", "metadata": {}, "source": f"@exercise{text}", "outputs": []}]
        (tmp_path / "in" / student).mkdir(parents=True)
        notebook = {"cells": cells, "metadata": {"saekit": {"lesson": "01_lasso"}}, "nbformat": 4, "nbformat_minor": 5}
        (tmp_path / "in" / student / "01_lasso.ipynb").write_text(json.dumps(notebook), "utf-8")
    blank = notebook | {"cells": [cells[0] | {"source": "def omp(D, x, k):\n    raise NotImplementedError()"}]}
    (tmp_path / "in" / "Ben" / "02_older.ipynb").write_text(json.dumps(blank), "utf-8")  # is not the one that is marked
    assert copies.similar(tmp_path / "in", tmp_path / "out.csv") == 0
    assert "1 pairs among 3 students" in capsys.readouterr().out
    rows = list(csv.reader((tmp_path / "out.csv").read_text("utf-8").splitlines()))
    assert rows[1][:3] == ["lasso.omp", "'=Ada", "Ben"]


def test_in_a_class_of_100_only_the_planted_copy_is_flagged():
    draw = random.Random(1)
    lines = [f"    v{i} = np.{draw.choice(['abs', 'sum', 'max'])}(x * {draw.random():.3f})\n" for i in range(400)]
    given = {f"s{n:03}": "def f(x):\n" + "".join(draw.sample(lines, 10)) for n in range(100)}
    given["copy"] = given["s042"].replace("v", "w").replace("x", "data")
    assert [pair.students for pair in pairs(given, "f")] == [("copy", "s042")]
