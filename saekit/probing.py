"""Classify concepts from units: one unit and a threshold, a few units, all of them.

Whatever is chosen (units, signs, thresholds, weights) is chosen on the rows of `train`, and every score is that of
the other rows, which lie in other files. Rivals are to bring equally many units. A unit may speak by high or by low
values: both signs are tried for all. Scores are F1 = 2 hits / (rows said to have the concept + rows that have it).
    single    the unit, sign and threshold with the best F1 on train
    k         logistic regression on the k units whose means differ most between rows with and without the concept,
              in units of their standard deviation (Gurnee et al. 2023), cut at its best threshold
    all       the same on all units
"""

from typing import NamedTuple

import numpy as np

# Of train rows on which a unit, by either sign, may say "yes": the candidates for its threshold.
SHARES = (0.5, 0.3, 0.2, 0.1, 0.05, 0.03, 0.01, 0.003, 0.001)


class Single(NamedTuple):
    """Every unit as a detector of every concept, at the sign and threshold that are best for the pair on train rows."""

    train_f1: np.ndarray   # (n_units, n_concepts)
    f1: np.ndarray         # (n_units, n_concepts), on held-out rows
    sign: np.ndarray       # (n_units, n_concepts), 1 or -1
    cut: np.ndarray        # (n_units, n_concepts): says yes where sign * unit > cut


def single(x, labels, train, shares=SHARES):
    """All of x's units (n_rows, n_units) as detectors of all concepts, labels (n_rows, n_concepts): `Single`.

    train: (n_rows,) True or False. ValueError where the rows do not belong together.
    """
    _check(x, labels, train)
    seen, unseen = x[train], x[~train]
    truth, held = labels[train].astype(np.float32), labels[~train].astype(np.float32)
    best = Single(*(np.full((x.shape[1], labels.shape[1]), start, np.float64) for start in (-1, 0, 1, 0)))
    places = [len(seen) - 1 - max(1, round(share * len(seen))) for share in shares]
    for sign in (1, -1):
        for cut in np.partition(sign * seen, places, axis=0)[places]:
            score, held_score = _f1_table(sign * seen > cut, truth), _f1_table(sign * unseen > cut, held)
            better = score > best.train_f1
            for table, value in zip(best, (score, held_score, sign, cut[:, None])):
                np.copyto(table, value, where=better)
    return best


def _check(x, labels, train):
    if not (len(x) == len(labels) == len(train)) or np.asarray(train).dtype != bool or np.ndim(labels) != 2:
        raise ValueError(f"x has {len(x)} rows, labels is {np.shape(labels)}, train {np.shape(train)} of "
                         f"{np.asarray(train).dtype}; expected rows that belong together, one True or False each")
    if not 0 < np.sum(train) < len(train):
        raise ValueError(f"train holds {np.sum(train)} of {len(train)} rows; probes are fitted on some files "
                         "and scored on others")


def _f1_table(fires, truth):
    fires = fires.astype(np.float32)
    return 2 * (fires.T @ truth) / np.maximum(fires.sum(0)[:, None] + truth.sum(0), 1)


def f1(says, truth):
    """F1 of a yes-or-no answer (n_rows,) for truth (n_rows,)."""
    return 2 * np.sum(says & truth) / max(1, np.sum(says) + np.sum(truth))


def best_threshold(score, truth):
    """The number above which `score` (n_rows,) says truth with the best F1."""
    order = np.argsort(-score, kind="stable")
    hits = np.cumsum(truth[order])
    f1_at = 2 * hits / (np.arange(1, len(score) + 1) + truth.sum())
    ordered = score[order]
    f1_at[:-1][ordered[:-1] == ordered[1:]] = -1  # a cut lies between two different values
    last = int(np.argmax(f1_at))
    return (ordered[last] + ordered[last + 1]) / 2 if last + 1 < len(score) else ordered[last] - 1


def most_different(x, labels, k):
    """The k units of x (n_rows, n_units) whose means differ most between rows with and without each concept, as a
    share of the unit's standard deviation: (k, n_concepts), the most different first."""
    truth = labels.astype(np.float32)
    n, sums = truth.sum(0), x.T @ truth
    gap = sums / np.maximum(n, 1) - (x.sum(0)[:, None] - sums) / np.maximum(len(x) - n, 1)
    return np.argsort(-np.abs(gap) / np.maximum(x.std(0), 1e-6)[:, None], axis=0, kind="stable")[:k]


def k_sparse(x, labels, train, ks=(2, 5, 10, 50), max_rows=6000, seed=0):
    """F1 on held-out rows of logistic regression on k units for every concept: {k: (n_concepts,)}; k at least n_units
    is "all units".

    Fitted on at most max_rows rows of two thirds of train (up to half of them with the concept), cut where F1 is best
    on the last third: on the rows it was fitted on, a probe of many units is too sure of itself. ValueError where the
    rows do not belong together, or train holds all or none of them.
    """
    _check(x, labels, train)
    seen, unseen, rng = x[train], x[~train], np.random.default_rng(seed)
    mean, scale = seen.mean(0), np.maximum(seen.std(0), 1e-6)
    order, scores = most_different(seen, labels[train], max(ks)), {k: [] for k in ks}
    for concept in range(labels.shape[1]):
        truth, held = labels[train, concept], labels[~train, concept]
        to_fit = rng.random(len(truth)) < 2 / 3
        rows = _some_rows(truth, to_fit, max_rows, rng)
        for k in ks:
            units = order[:k, concept]
            weights, bias = _logistic((seen[np.ix_(rows, units)] - mean[units]) / scale[units], truth[rows])
            read = [(part[:, units] - mean[units]) / scale[units] @ weights + bias for part in (seen[~to_fit], unseen)]
            scores[k].append(f1(read[1] > best_threshold(read[0], truth[~to_fit]), held))
    return {k: np.array(values) for k, values in scores.items()}


def _some_rows(truth, allowed, max_rows, rng):
    """Rows to fit on: at most max_rows of those allowed, up to half of them with the concept."""
    yes, no = (rng.permutation(np.flatnonzero(allowed & (truth == value))) for value in (True, False))
    yes = yes[:max_rows // 2]
    return np.concatenate([yes, no[:max_rows - len(yes)]])


def _logistic(x, truth):
    """(weights, bias) of a logistic regression with a unit Gaussian prior on the weights of standardised units."""
    from sklearn.linear_model import LogisticRegression

    if truth.all() or not truth.any():
        return np.zeros(x.shape[1], np.float32), 0.0
    model = LogisticRegression(max_iter=200, tol=1e-3).fit(x, truth)
    return model.coef_[0].astype(np.float32), float(model.intercept_[0])
