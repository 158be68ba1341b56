"""Explain a unit without a language model: the short formula of concepts and tokens that goes best with its activation.

A *property* of a token holds or not: a concept of `concepts.CONCEPTS`, "it is this token", "the token before is that
one". A formula is one property or two, joined by "and", "or" or "and not". It is found on some files and scored on
others, since the best of many thousand formulas always flatters on the text that chose it. Rivals (neurons, random
directions) are to be given the same search: `signed=True` lets a unit speak by low values too.
    correlation of a formula that holds on n of N rows, where the activations a sum to s:
        (s / N - n / N mean(a)) / (sd(a) sqrt(n / N (1 - n / N)))
so that all formulas cost sums over sets of rows, which are sparse products. A *row* is one token that is no boundary
token, in reading order.
"""

import hashlib
from typing import NamedTuple

import numpy as np
from scipy import sparse

from saekit.concepts import CONCEPTS
from saekit.interpret import token_strings

OPERATORS = ("", "and", "or", "and not")
# Shares of the tokens on which a unit may fire, the candidates for its threshold: no more than a tenth, since a unit
# that is on nearly always has a good F1 with anything.
SHARES = (0.1, 0.03, 0.01, 0.003, 0.001)
BLOCK = 256      # units that are worked on together
MIN_FIRES = 10   # rows of the train files on which a unit must be active to be explained at all


class Properties(NamedTuple):
    """What formulas are made of: names, and matrix (n_rows, n_properties), scipy CSR of ones."""

    names: list
    matrix: sparse.csr_matrix


class Explanation(NamedTuple):
    """A unit's formula in words and how well it does on held-out files; NaN where the unit is silent there."""

    text: str                 # "" for a unit that is active on too few rows of the train files
    correlation: float        # of the formula with the activation (with its negative where sign is -1)
    f1: float                 # of the formula as a prediction of "above threshold"
    precision: float          # share of the formula's tokens on which the unit fires
    recall: float             # share of the unit's tokens on which the formula holds
    train_correlation: float
    threshold: float          # chosen on train files from those at which the unit fires on SHARES of the tokens
    sign: int
    properties: tuple         # columns of `Properties.matrix`, one or two
    operator: str


def make_properties(contexts, labels, tokenizer, boundary=0, min_count=20, tokens=True):
    """Properties of contexts (n, n_ctx): every concept, token and previous token that holds on min_count rows or more.

    labels: (n, n_ctx, n_concepts) from `concepts.label_stream`. tokens=False leaves tokens and previous tokens out.
    ValueError if labels have another shape.
    """
    keep = contexts != boundary
    if labels.shape != (*contexts.shape, len(CONCEPTS)):
        raise ValueError(f"labels is {labels.shape}, expected {(*contexts.shape, len(CONCEPTS))}; label exactly these "
                         "contexts")
    names, parts = list(CONCEPTS), [sparse.csr_matrix(labels[keep], dtype=np.float32)]
    if tokens:
        strings = token_strings(tokenizer, range(tokenizer.get_vocab_size()))
        previous = np.concatenate([np.full((len(contexts), 1), boundary, contexts.dtype), contexts[:, :-1]], axis=1)
        for word, ids in (("token", contexts[keep]), ("after", previous[keep])):
            entries = np.ones(len(ids), np.float32), ids.astype(np.int32), np.arange(len(ids) + 1)
            parts.append(sparse.csr_matrix(entries, (len(ids), len(strings))))
            names += [f"{word} {string!r}" for string in strings]
    matrix = sparse.hstack(parts, format="csc")
    kept = np.flatnonzero(np.diff(matrix.indptr) >= min_count)
    return Properties([names[i] for i in kept], matrix[:, kept].tocsr())


def file_of_rows(stream, contexts, boundary=0, rows=None):
    """Index into stream.names of the file of each row of contexts (n, n_ctx), which are those `rows` (default: the
    first n) of `corpus.contexts(stream, n_ctx)`."""
    which, width = np.arange(len(contexts)) if rows is None else np.asarray(rows), contexts.shape[1] - 1
    context, position = np.nonzero(contexts != boundary)
    return np.searchsorted(stream.starts, which[context] * width + position, side="right") - 1


def train_half(stream, files):
    """True for rows (given by the index of their file) of the files that formulas may be fitted on: about half, by a
    hash of the name, so that a file is on the same side on every machine."""
    side = np.array([hashlib.sha256(b"half" + name.encode()).digest()[0] % 2 == 0 for name in stream.names])
    return side[files]


def explain(units, properties, train, *, penalty=0.02, signed=False, beam=4, min_count=20):
    """The best formula of every unit on the rows of `train` and its scores on all other rows: a list of `Explanation`.

    units: (n_rows, n_units), scipy sparse (latents) or an array (neurons, directions; deviations from the mean count).
    train: (n_rows,) True or False, constant within a file. Maximised is correlation - penalty for a second property,
    over all single ones and all pairs whose first is among the `beam` best; formulas hold on at least min_count rows.
    signed: take the sign of each unit that has the better formula. ValueError where rows do not belong together.
    """
    _check(units, properties.matrix, train)
    matrices = {True: properties.matrix[train], False: properties.matrix[~train]}
    together, found = (matrices[True].T @ matrices[True]).tocsr(), []
    for first in range(0, units.shape[1], BLOCK):
        block = as_sparse(units[:, first:first + BLOCK])
        seen, unseen = block[train].tocsc(), block[~train].tocsc()
        formulas = [_search(seen, unit, scores, matrices[True], together, penalty, signed, beam, min_count)
                    for unit, scores in enumerate(_single(seen, matrices[True]))]
        sign = sparse.diags([float(formula[3]) for formula in formulas])
        found += _scored(formulas, (seen @ sign).tocsc(), (unseen @ sign).tocsc(), matrices, properties.names)
    return found


def _check(units, matrix, train):
    if not (units.shape[0] == matrix.shape[0] == len(train)) or np.asarray(train).dtype != bool:
        raise ValueError(f"units have {units.shape[0]} rows, properties {matrix.shape[0]}, train {np.shape(train)} of "
                         f"{np.asarray(train).dtype}; expected one True or False per row (other contexts harvested?)")
    if not 0 < np.sum(train) < len(train):
        raise ValueError(f"train holds {np.sum(train)} of {len(train)} rows; formulas need rows to be found on and "
                         "others to be scored on")


def as_sparse(units):
    """units as CSR in float64; an array is taken as deviations from each column's mean."""
    if sparse.issparse(units):
        return units.tocsr().astype(np.float64)
    return sparse.csr_matrix(units - units.mean(axis=0, dtype=np.float64))


def correlations(n, s, units):
    """Correlation of sets of rows (n rows each, activations there sum to s) with the columns of `units`, a CSC matrix.

    n, s: (…, n_units). 0 where the set or the unit does not vary.
    """
    n_rows, mean = units.shape[0], np.asarray(units.mean(axis=0)).ravel()
    variance = np.asarray(units.multiply(units).mean(axis=0)).ravel() - mean**2
    share = n / n_rows
    spread = np.sqrt(np.maximum(variance, 0) * np.maximum(share * (1 - share), 0))
    return np.where(spread > 1e-12, (s / n_rows - share * mean) / np.maximum(spread, 1e-12), 0.0)


def _single(units, matrix):
    """For every unit its (sums (n_properties,), counts (n_properties,)) over each property's rows."""
    counts = np.asarray(matrix.sum(axis=0), dtype=np.float64).ravel()
    sums = (matrix.T @ units).toarray()
    return [(sums[:, unit], counts) for unit in range(units.shape[1])]


def _search(units, unit, scores, matrix, together, penalty, signed, beam, min_count):
    """(first property, second property, index of the operator, sign) of a unit's best formula."""
    column, (sums, counts) = units[:, [unit]], scores

    def gain(n, s):
        r = correlations(n[..., None], s[..., None], column)[..., 0]
        return np.where(n >= min_count, r, -1.0), np.where(n >= min_count, -r if signed else -1.0, -1.0)

    single = np.maximum(*gain(counts, sums))
    firsts = np.argsort(-single, kind="stable")[:beam]
    part = matrix[column.indices] if column.nnz < len(matrix.indptr) - 1 else matrix
    joint = part.T @ (part[:, firsts].toarray() * column.data[:, None])  # (n_properties, beam): sums over rows of both
    n_joint = together[firsts].toarray().T
    n = np.stack([n_joint, counts[:, None] + counts[firsts] - n_joint, counts[firsts] - n_joint])
    s = np.stack([joint, sums[:, None] + sums[firsts] - joint, sums[firsts] - joint])
    plus, minus = gain(n, s)
    pairs = np.maximum(plus, minus)
    operator, second, place = np.unravel_index(pairs.argmax(), pairs.shape)
    if pairs[operator, second, place] - penalty <= single[firsts[0]]:
        up, down = gain(counts[firsts[:1]], sums[firsts[:1]])
        return firsts[0], firsts[0], 0, 1 if up[0] >= down[0] else -1
    sign = 1 if plus[operator, second, place] >= minus[operator, second, place] else -1
    return firsts[place], second, operator + 1, sign


def holds(formulas, matrix):
    """Where each formula holds, (n_rows, n_formulas) CSC of ones; formulas: tuples (first, second, operator, …)."""
    columns = matrix.tocsc()
    a, b = (columns[:, [formula[i] for formula in formulas]] for i in (0, 1))
    both = a.multiply(b).tocsc()
    operator = np.array([formula[2] for formula in formulas])
    weights = np.isin(operator, (0, 2, 3)), operator == 2, np.select([operator == 1, operator >= 2], [1, -1])
    out = sparse.csc_matrix(sum(part @ sparse.diags(np.asarray(weight, dtype=np.float64))
                                for part, weight in zip((a, b, both), weights)))
    out.eliminate_zeros()
    return out


def where(found, properties):
    """On which rows the formula of each `Explanation` holds: (n_rows, len(found)) True or False."""
    out = np.zeros((properties.matrix.shape[0], len(found)), dtype=bool)
    told = [i for i, one in enumerate(found) if one.properties]    # of a silent unit no formula tells anything
    formulas = [(*(found[i].properties * 2)[:2], OPERATORS.index(found[i].operator)) for i in told]
    if told:
        out[:, told] = holds(formulas, properties.matrix).toarray() > 0
    return out


def thresholds(units):
    """Candidates for the threshold of each column, (len(SHARES), n_units): above them it fires on SHARES of the rows,
    or wherever it is positive if that is less. units: CSC."""
    counts = [max(1, round(share * units.shape[0])) for share in SHARES]
    cuts = np.zeros((len(SHARES), units.shape[1]))
    for unit in range(units.shape[1]):
        values = np.sort(units.data[units.indptr[unit]:units.indptr[unit + 1]])[::-1]
        values = values[values > 0]
        cuts[:, unit] = [values[count] if count < len(values) else 0.0 for count in counts]
    return cuts


def above(units, cut):
    """1 where a unit exceeds its threshold: CSC like units (n_rows, n_units); cut (n_units,), at least 0."""
    fires = units.copy()
    fires.data = (units.data > np.repeat(cut, np.diff(units.indptr))).astype(np.float64)
    fires.eliminate_zeros()
    return fires


def _overlap(formula, units, cut):
    """(rows of both, rows of the formula, rows on which the unit fires), each (n_units,)."""
    fires = above(units, cut)
    return [_sum(counts) for counts in (formula.multiply(fires), formula, fires)]


def _f1(both, formula, fires):
    return 2 * both / np.maximum(formula + fires, 1)


def _ratio(a, b):
    return np.divide(a, b, out=np.full(np.shape(a), np.nan), where=np.asarray(b) > 0)


def _scored(formulas, seen, unseen, matrices, names):
    """The Explanations of a block of units: thresholds from train rows `seen`, scores from held-out rows `unseen`."""
    on_train, on_held = (holds(formulas, matrices[part]) for part in (True, False))
    cuts = thresholds(seen)
    fits = [_f1(*_overlap(on_train, seen, cut)) for cut in cuts]
    cut = cuts[np.argmax(fits, axis=0), np.arange(seen.shape[1])]
    both, formula, fires = _overlap(on_held, unseen, cut)
    r_train = correlations(_sum(on_train), _sum(on_train.multiply(seen)), seen)
    r_held = correlations(_sum(on_held), _sum(on_held.multiply(unseen)), unseen)
    r_held, f1 = np.where(_sum(abs(unseen)) > 0, r_held, np.nan), np.where(fires > 0, _f1(both, formula, fires), np.nan)
    numbers = zip(r_held, f1, _ratio(both, formula), _ratio(both, fires), r_train, cut)
    silent = Explanation("", *[np.nan] * 6, 1, (), "")
    return [Explanation(in_words(one, names), *map(float, values), int(one[3]), tuple({int(one[0]): 0, int(one[1]): 0}),
                        OPERATORS[one[2]]) if enough else silent
            for one, values, enough in zip(formulas, numbers, np.diff(seen.indptr) >= MIN_FIRES)]


def _sum(matrix):
    return np.asarray(matrix.sum(axis=0)).ravel()


def in_words(formula, names):
    """A formula (first, second, operator index, …) as text, such as "comment and not token ' #'"."""
    first, second, operator = formula[:3]
    return names[first] if not operator else f"{names[first]} {OPERATORS[operator]} {names[second]}"
