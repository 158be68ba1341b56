"""The feature map: planted clumps are found and kept together, and shuffled weights show what noise looks like."""

import sys
from math import comb

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from saekit import feature_map as fm
from saekit.geometry import unit_norm


def planted(groups=12, size=8, loose=60, d_in=32, seed=0):
    """Directions in `groups` tight clumps, then loose ones: (rows, group of each row or -1)."""
    rng = np.random.default_rng(seed)
    kinds = np.concatenate([np.repeat(np.arange(groups), size), np.full(loose, -1)])
    rows = rng.normal(size=(len(kinds), d_in))
    rows[kinds >= 0] = rng.normal(size=(groups, d_in))[kinds[kinds >= 0]] + 0.2 * rows[kinds >= 0]
    return rows * rng.uniform(0.2, 5, (len(rows), 1)), kinds


ROWS, KINDS = planted()


def test_planted_clumps_are_clusters_and_neighbours_on_the_map():
    labels, xy = fm.clusters(unit_norm(ROWS)), fm.layout(ROWS)
    for group in range(12):
        found = labels[KINDS == group]
        assert (found == found[0]).mean() > 0.8 and found[0] >= 0
    assert fm.agreement(xy[KINDS >= 0], KINDS[KINDS >= 0]) > 0.95
    assert xy.shape == (len(ROWS), 2) and np.abs(xy).max() == pytest.approx(1)


def test_the_map_depends_on_directions_and_seed_only():
    first = fm.layout(ROWS, seed=1)
    np.testing.assert_array_equal(first, fm.layout(ROWS, seed=1))
    same = fm.layout(3 * ROWS, seed=1)
    assert fm.neighbours_kept(ROWS, same) == pytest.approx(fm.neighbours_kept(ROWS, first), abs=0.05)


def test_the_largest_cluster_is_number_0():
    rows, _ = planted(groups=4)
    sizes = np.bincount(fm.clusters(np.concatenate([unit_norm(rows), unit_norm(rows[:8]) + 1e-3])) + 1)[1:]
    assert (np.diff(sizes) <= 0).all() and len(sizes) >= 4


def test_shuffling_keeps_every_columns_entries_and_loses_the_clumps():
    control = fm.shuffled_control(ROWS, seed=3)
    np.testing.assert_allclose(np.linalg.norm(control, axis=1), 1)
    unscaled = np.random.default_rng(3).permuted(unit_norm(ROWS), axis=0)
    np.testing.assert_allclose(np.sort(unscaled, axis=0), np.sort(unit_norm(ROWS), axis=0))
    np.testing.assert_allclose(unit_norm(unscaled), control)
    assert not np.allclose(np.argsort(unscaled[:, 0]), np.argsort(unscaled[:, 1]))
    real, noise = (fm.structure(rows, fm.layout(rows), fm.clusters(unit_norm(rows))) for rows in (ROWS, control))
    assert real.tight > noise.tight + 0.3 and real.nearest > noise.nearest + 0.3


def test_tightness_is_the_mean_cosine_of_pairs():
    labels = np.array([0, 0, 0, fm.NOISE, 1, 1])
    rows = np.array([[1, 0], [0, 1], [3, 0], [1, 1], [1, 1], [2, 2.0]])
    assert fm.tightness(rows, labels) == pytest.approx([1 / 3, 1])  # cosines 0, 1, 0 and 1
    assert fm.tighter_than_control([0.1, 0.5], [0.2, 0.3, 0.4]).tolist() == [False, True]
    assert fm.tighter_than_control([0.1], []).all() and len(fm.tightness(rows, np.full(6, fm.NOISE))) == 0


def test_neighbours_kept_is_one_on_a_faithful_map_and_chance_on_a_random_one():
    rng = np.random.default_rng(0)
    angle = np.sort(rng.uniform(0, 6, 80))
    circle = np.column_stack([np.cos(angle), np.sin(angle)])
    assert fm.neighbours_kept(circle, circle, k=5) == 1
    random = np.mean([fm.neighbours_kept(ROWS, rng.normal(size=(len(ROWS), 2))) for _ in range(5)])
    assert random == pytest.approx(10 / (len(ROWS) - 1), abs=0.03)
    cosine, far = unit_norm(ROWS) @ unit_norm(ROWS).T, cdist(xy := fm.layout(ROWS), xy)
    np.fill_diagonal(cosine, -2), np.fill_diagonal(far, 9)
    by_hand = [len(set(np.argsort(-c)[:10]) & set(np.argsort(f)[:10])) / 10 for c, f in zip(cosine, far)]
    assert fm.neighbours_kept(ROWS, xy) == pytest.approx(np.mean(by_hand))


def test_a_clusters_trait_is_the_one_its_members_share_beyond_chance():
    traits = [{"everywhere", f"group {kind}" if kind >= 0 else f"own {i}"} for i, kind in enumerate(KINDS)]
    found = fm.cluster_traits(KINDS, traits)
    assert [trait.text for trait in found] == [f"group {i}" for i in range(12)]
    assert found[0].members == found[0].everywhere == 8
    assert found[0].p == pytest.approx(1 / comb(156, 8))  # one of all choices of 8 latents
    shuffled = np.random.default_rng(0).permutation(KINDS)
    assert sum(trait is not None for trait in fm.cluster_traits(shuffled, traits)) <= 1
    assert fm.cluster_traits(np.full(3, fm.NOISE), [set()] * 3) == []


def test_agreement_by_chance_is_what_dealt_out_kinds_give():
    xy, rng = fm.layout(ROWS), np.random.default_rng(0)
    dealt = np.mean([fm.agreement(xy, rng.permutation(KINDS)) for _ in range(200)])
    assert dealt == pytest.approx(fm.chance_agreement(KINDS), abs=0.015)
    assert fm.chance_agreement(["a", "a", "b"]) == pytest.approx(1 / 3)


def test_several_dictionaries_share_one_map():
    rows, which = fm.stack([ROWS[:50], ROWS])
    assert rows.shape == (206, 32) and np.bincount(which).tolist() == [50, 156]
    xy = fm.layout(rows)
    assert np.linalg.norm(xy[:50] - xy[50:100], axis=1).max() < 0.1  # the same directions twice


@pytest.mark.parametrize("call, message", [
    (lambda: fm.layout(ROWS, "pca"), 'method is \'pca\', expected "tsne" or "umap"'),
    (lambda: fm.layout(ROWS[:20]), "perplexity is 30 and W_dec has 20 rows"),
    (lambda: fm.stack([ROWS, ROWS[:, :9]]), r"directions of length \[32, 9\]"),
    (lambda: fm.clusters(ROWS, 1), "min_cluster_size is 1"),
    (lambda: fm.neighbours_kept(ROWS, np.zeros((3, 2))), "156 directions, 3 points"),
    (lambda: fm.cluster_traits(KINDS, [{"a"}]), "156 labels but 1 collections"),
])
def test_bad_input_is_told_in_one_line(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_without_umap_the_error_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(ValueError, match="pip install"):
        fm.layout(ROWS, "umap")


@pytest.mark.slow
def test_umap_with_the_papers_numbers_finds_the_planted_clumps():
    pytest.importorskip("umap", reason="umap-learn is not installed (pip install -e .[umap])")
    xy = fm.layout(ROWS, "umap")
    labels = fm.clusters(fm.reduce_by_umap(ROWS, 10, min_dist=0.1))
    assert fm.agreement(xy[KINDS >= 0], KINDS[KINDS >= 0]) > 0.9
    assert np.mean([(found == found[0]).mean() for found in (labels[KINDS == g] for g in range(12))]) > 0.8
