"""Blind human ratings: who rates what without knowing which kind it is, how answers are kept, and how far raters agree.

    Cohen's kappa   (agreement - expected) / (1 - expected) of two raters, expected from each one's own frequencies
    Fleiss' kappa   the same for any number of raters, expected from the pooled frequencies
1 is perfect agreement, 0 what chance would give. Simulated raters are marked as such wherever they appear: a kappa says
something about people only if people gave the answers.
"""

import hashlib
from typing import NamedTuple

import numpy as np

from saekit import files

SCALE = ("one clear thing", "mostly one thing", "several things", "nothing I can see")


class Item(NamedTuple):
    """One thing to rate. A rater sees `key` and the excerpts, never kind and unit."""

    key: str
    kind: str
    unit: int


def blind_list(units, n, seed=0):
    """n units of each kind in one mixed list of `Item`; units: {kind: indices}. The same seed gives the same list.

    ValueError if a kind has fewer than n units.
    """
    rng, items = np.random.default_rng(seed), []
    for kind, indices in sorted(units.items()):
        if len(indices) < n:
            raise ValueError(f"{kind} has {len(indices)} units, expected at least n = {n}")
        for unit in rng.choice(np.asarray(indices), n, replace=False):
            items.append(Item(hashlib.sha256(f"{seed}/{kind}/{unit}".encode()).hexdigest()[:8], kind, int(unit)))
    return [items[i] for i in rng.permutation(len(items))]


def save_answers(path, rater, answers, simulated=False):
    """Write one rater's answers {item key: place in SCALE} as JSON. ValueError unless answers is a dict of such
    places."""
    _check_answers(answers, path)
    files.write_json(path, {"rater": rater, "simulated": bool(simulated), "scale": list(SCALE), "answers": answers})


def load_answers(path):
    """(rater, {key: place in SCALE}, simulated) of a file of `save_answers`, checked. ValueError naming the file."""
    record = files.read_json(path)
    if not isinstance(record, dict) or not {"rater", "simulated", "scale", "answers"} <= record.keys():
        raise ValueError(f"{path} holds no answers of saekit; was it written by another program?")
    if record["scale"] != list(SCALE):
        raise ValueError(f"{path} was answered on another scale, {record['scale']}; expected {list(SCALE)}")
    _check_answers(record["answers"], path)
    return str(record["rater"]), record["answers"], bool(record["simulated"])


def _check_answers(answers, path):
    if not isinstance(answers, dict):
        raise ValueError(f"{path}: answers is a {type(answers).__name__}, expected {{item: place in the scale}}")
    bad = [value for value in answers.values() if type(value) is not int or value not in range(len(SCALE))]
    if bad:
        raise ValueError(f"{path}: an answer is {bad[0]!r}; expected 0 to {len(SCALE) - 1}, a place in the scale")


def table(records):
    """Answers of several raters as (keys, (n_items, n_raters) ints), over the items that all of them answered.

    records: (rater, answers, simulated) triples. ValueError for fewer than two raters or no common item.
    """
    if len(records) < 2:
        raise ValueError(f"there are answers of {len(records)} rater(s); agreement needs two")
    keys = sorted(set.intersection(*(set(answers) for _, answers, _ in records)))
    if not keys:
        raise ValueError("no item was answered by all raters; did they rate lists of different seeds?")
    return keys, np.array([[answers[key] for _, answers, _ in records] for key in keys])


def who(records):
    """Who gave the answers, to stand beside every number made of them: "2 people", "3 simulated raters", …"""
    simulated = sum(record[2] for record in records)
    people, parts = len(records) - simulated, []
    if people:
        parts.append(f"{people} {'person' if people == 1 else 'people'}")
    if simulated:
        parts.append(f"{simulated} simulated rater{'s' if simulated > 1 else ''}")
    return " and ".join(parts) or "nobody"


def cohen_kappa(a, b):
    """Cohen's kappa of two raters' answers (n,) each; NaN where both always give one and the same answer."""
    values, (a, b) = np.unique([a, b]), (np.asarray(a), np.asarray(b))
    expected = sum(np.mean(a == value) * np.mean(b == value) for value in values)
    return float((np.mean(a == b) - expected) / (1 - expected)) if expected < 1 else float("nan")


def fleiss_kappa(answers):
    """Fleiss' kappa of answers (n_items, n_raters); NaN where everybody always gives one and the same answer."""
    answers = np.asarray(answers)
    values, n = np.unique(answers), answers.shape[1]
    counts = np.stack([(answers == value).sum(axis=1) for value in values], axis=1)
    agreement = ((counts**2).sum(axis=1) - n) / (n * (n - 1))
    expected = ((counts.sum(axis=0) / counts.sum()) ** 2).sum()
    return float((agreement.mean() - expected) / (1 - expected)) if expected < 1 else float("nan")


def bootstrap(statistic, answers, draws=1000, seed=0, level=0.95):
    """(low, high) of statistic(answers) over items drawn again with replacement; answers: (n_items, …)."""
    answers, rng = np.asarray(answers), np.random.default_rng(seed)
    values = [statistic(answers[rng.integers(0, len(answers), len(answers))]) for _ in range(draws)]
    low, high = np.nanquantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def simulated_answers(items, chance, seed=0):
    """Answers of a made-up rater, to try the protocol: the first place of SCALE with probability chance[kind], else
    any."""
    rng = np.random.default_rng(seed)
    return {item.key: 0 if rng.random() < chance[item.kind] else int(rng.integers(len(SCALE))) for item in items}
