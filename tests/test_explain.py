"""Explanations against planted formulas, NumPy's own correlation and Python's own logic."""

import numpy as np
import pytest
from scipy import sparse

from saekit import corpus, explain
from saekit.concepts import CONCEPTS
from tests import tiny_lm

N, HALF = 6000, 3000


def some_properties(rng, n_properties=12):
    held = (rng.random((N, n_properties)) < rng.uniform(0.25, 0.4, n_properties)) & (rng.random((N, 1)) < 0.15)
    names = [f"property{i}" for i in range(n_properties)]
    return explain.Properties(names, sparse.csr_matrix(held, dtype=np.float32)), held


TRAIN = np.arange(N) < HALF


@pytest.mark.parametrize(
    "text, rule",
    [
        ("property3", lambda a: a[:, 3]),
        ("property3 and property5", lambda a: a[:, 3] & a[:, 5]),
        ("property3 or property5", lambda a: a[:, 3] | a[:, 5]),
        ("property3 and not property5", lambda a: a[:, 3] & ~a[:, 5]),
    ],
)
def test_a_planted_formula_is_found_and_scores_one_on_unseen_rows(text, rule):
    rng = np.random.default_rng(0)
    properties, held = some_properties(rng)
    unit = rule(held) * rng.uniform(2, 2.1, N)
    (found,) = explain.explain(sparse.csc_matrix(unit[:, None]), properties, TRAIN)
    assert set(found.text.split()) == set(text.split()) and found.sign == 1
    assert found.f1 == found.precision == found.recall == 1 and found.correlation > 0.99


def test_scores_are_those_of_the_formula_on_held_out_rows():
    rng = np.random.default_rng(1)
    properties, held = some_properties(rng)
    unit = np.maximum(held[:, 2] + 0.8 * held[:, 7] + rng.normal(0, 0.7, N) - 0.9, 0)
    (found,) = explain.explain(sparse.csc_matrix(unit[:, None]), properties, TRAIN)
    a, b = (held[:, i] for i in (found.properties * 2)[:2])
    rule = {"": a, "and": a & b, "or": a | b, "and not": a & ~b}[found.operator]
    assert found.correlation == pytest.approx(np.corrcoef(rule[HALF:], unit[HALF:])[0, 1])
    np.testing.assert_array_equal(explain.where([found], properties)[:, 0], rule)
    assert found.train_correlation == pytest.approx(np.corrcoef(rule[:HALF], unit[:HALF])[0, 1])
    fires = unit[HALF:] > found.threshold
    both = (rule[HALF:] & fires).sum()
    assert found.precision == pytest.approx(both / rule[HALF:].sum())
    assert found.recall == pytest.approx(both / fires.sum())
    assert found.f1 == pytest.approx(2 * both / (rule[HALF:].sum() + fires.sum()))


def test_no_formula_of_two_properties_from_the_beam_does_better_on_train():
    rng = np.random.default_rng(2)
    properties, held = some_properties(rng, 8)
    units = rng.normal(size=(N, 3)) + held[:, :3] - held[:, 4:7]
    for unit, found in zip(units.T, explain.explain(units, properties, TRAIN, beam=8, penalty=0, signed=True)):
        r = lambda rule: abs(np.corrcoef(rule[:HALF], unit[:HALF])[0, 1])  # noqa: E731
        pairs = [(held[:, i], held[:, j]) for i in range(8) for j in range(8) if i != j]
        best = max([r(held[:, i]) for i in range(8)] + [r(rule) for a, b in pairs for rule in (a & b, a | b, a & ~b)])
        assert found.train_correlation == pytest.approx(best)


def test_a_second_property_must_earn_its_penalty():
    rng = np.random.default_rng(3)
    properties, held = some_properties(rng)
    unit = sparse.csc_matrix((held[:, 1] - 0.7 * (held[:, 1] & held[:, 4]))[:, None].astype(float))
    lengths = [len(explain.explain(unit, properties, TRAIN, penalty=penalty)[0].properties) for penalty in (0.0, 0.5)]
    assert lengths == [2, 1]


def test_the_sign_of_a_direction_does_not_matter_when_it_is_signed():
    rng = np.random.default_rng(4)
    properties, held = some_properties(rng)
    unit = held[:, [6]] + rng.normal(0, 0.3, (N, 1))
    plus, minus = (explain.explain(sign * unit, properties, TRAIN, signed=True)[0] for sign in (1, -1))
    assert plus.text == minus.text == "property6" and (plus.sign, minus.sign) == (1, -1)
    assert minus[1:7] == pytest.approx(plus[1:7])


def test_dense_and_sparse_units_of_the_same_values_have_the_same_formula():
    rng = np.random.default_rng(5)
    properties, held = some_properties(rng)
    unit = np.maximum(held[:, [2]] + rng.normal(0, 0.3, (N, 1)) - 0.5, 0)
    dense, thin = (explain.explain(one, properties, TRAIN)[0] for one in (unit, sparse.csc_matrix(unit)))
    assert dense.text == thin.text and dense.correlation == pytest.approx(thin.correlation)


def test_a_unit_that_is_silent_on_unseen_rows_has_no_score():
    properties, held = some_properties(np.random.default_rng(6))
    (found,) = explain.explain(sparse.csc_matrix((held[:, 2] * TRAIN)[:, None].astype(float)), properties, TRAIN)
    assert found.train_correlation == pytest.approx(1) and np.isnan(found.correlation) and np.isnan(found.f1)


def test_a_unit_that_hardly_fires_on_train_is_not_explained():
    properties, _ = some_properties(np.random.default_rng(6))
    rare = sparse.csc_matrix((np.arange(N) % 500 == 0)[:, None].astype(float))  # on 6 rows of the first half
    (found,) = explain.explain(rare, properties, TRAIN)
    assert found.text == "" and found.properties == () and np.isnan(found.train_correlation)
    assert not explain.where([found], properties).any()


def test_no_unit_fires_on_more_than_a_tenth_of_the_rows():
    rng = np.random.default_rng(9)
    units = explain.as_sparse(rng.normal(size=(1000, 2))).tocsc()
    for share, cut in zip(explain.SHARES, explain.thresholds(units)):
        assert explain.above(units, cut).sum(axis=0).tolist() == [[1000 * share] * 2]
    rare = sparse.csc_matrix((np.arange(1000) < 20)[:, None] * 2.5)
    assert explain.above(rare, explain.thresholds(rare)[0]).sum() == 20


def test_noise_explains_better_on_the_rows_that_chose_the_formula():
    rng = np.random.default_rng(7)
    properties, _ = some_properties(rng, 60)
    found = explain.explain(rng.normal(size=(N, 20)), properties, TRAIN, signed=True)
    assert np.mean([one.train_correlation for one in found]) > 0.04 > 0.02 > np.mean([one.correlation for one in found])


def test_properties_are_concepts_tokens_and_the_tokens_before_them():
    contexts, rng = tiny_lm.contexts(40), np.random.default_rng(0)
    labels = rng.random((*contexts.shape, len(CONCEPTS))) < 0.1
    properties = explain.make_properties(contexts, labels, tiny_lm.tokenizer(), min_count=3)
    assert properties.matrix.shape == ((contexts != 0).sum(), len(properties.names))
    columns = dict(zip(properties.names, properties.matrix.toarray().T))
    strings = [tiny_lm.tokenizer().decode([i], skip_special_tokens=False) for i in range(tiny_lm.D_VOCAB)]
    keep = contexts != 0
    single = [i for i in np.unique(contexts) if i and strings.count(strings[i]) == 1]
    one = next(i for i in single if f"after {strings[i]!r}" in columns)
    before = np.roll(contexts, 1, axis=1)
    np.testing.assert_array_equal(columns[f"after {strings[one]!r}"], (before == one)[keep])
    np.testing.assert_array_equal(columns["comment"], labels[keep][:, list(CONCEPTS).index("comment")])
    assert properties.matrix.sum(axis=0).min() >= 3


def test_every_row_knows_its_file_and_a_file_is_on_one_side():
    tokens = np.array([0, 5, 6, 7, 0, 8, 9, 0, 3, 3, 3, 3], dtype=np.uint16)
    stream = corpus.TokenStream(tokens, np.array([0, 4, 7]), ["a.py", "b.py", "c.py"], None)
    contexts = corpus.contexts(stream, 4)  # 0 567 | 0 0 8 9 | 0 0 3 3
    files = explain.file_of_rows(stream, contexts)
    assert files.tolist() == [0, 0, 0, 1, 1, 2, 2]
    assert explain.file_of_rows(stream, contexts[[2]], rows=[2]).tolist() == [2, 2]
    side = explain.train_half(stream, files)
    assert all(len(set(side[files == i])) == 1 for i in range(3))


def test_rows_that_do_not_belong_together_are_an_error():
    properties, _ = some_properties(np.random.default_rng(8))
    with pytest.raises(ValueError, match="units have 5 rows, properties 6000"):
        explain.explain(np.ones((5, 1)), properties, TRAIN)
    with pytest.raises(ValueError, match="train holds 6000 of 6000"):
        explain.explain(np.ones((N, 1)), properties, np.ones(N, bool))
