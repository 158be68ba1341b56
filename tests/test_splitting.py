"""Trees and absorption on cases small enough to read."""

import numpy as np
import pytest
from scipy.sparse import csc_matrix

from saekit import files, splitting, synthetic
from saekit.concepts import CONCEPTS


def test_fires_together_is_the_share_of_the_childs_rows_by_hand():
    parents = csc_matrix(np.array([[2.0, 0], [1, 3], [0, 1], [0, 0]]))
    children = csc_matrix(np.array([[5.0, 0, 0], [1, 0, 0], [1, 0, 0], [0, 4, 0]]))  # the last one never fires
    # child 0 fires on rows 0, 1, 2: parent 0 on two of them, parent 1 on two; child 1 on row 3, where none does
    np.testing.assert_allclose(splitting.fires_together(parents, children), [[2 / 3, 0, 0], [2 / 3, 0, 0]])


def test_stored_zeros_are_no_firings():
    latents = csc_matrix((np.array([0.0, 1.0]), np.array([0, 1]), np.array([0, 2])), shape=(2, 1))
    assert splitting.fires_together(latents, latents).tolist() == [[1.0]]
    assert latents.data.tolist() == [0.0, 1.0]  # the input stays as it was


def test_rows_of_other_tokens_are_an_error():
    with pytest.raises(ValueError, match="parents have 3 rows, children 4"):
        splitting.fires_together(csc_matrix((3, 2)), csc_matrix((4, 2)))


def test_a_child_goes_to_its_nearest_parent_or_to_none():
    cosine = np.array([[0.9, 0.5, 0.39, 0.6], [0.2, 0.8, 0.1, 0.7]])
    together = np.array([[0.5, 1.0, 1.0, 1.0], [1.0, 0.6, 1.0, 0.2]])
    # child 2: cosine too low; child 3: its nearest is parent 1, silent there, and the second nearest does not step in
    assert splitting.parents_of(cosine, together, 0.4, 0.5).tolist() == [0, 1, splitting.NONE, splitting.NONE]


def test_firing_f1_by_hand():
    latents = csc_matrix(np.array([[1.0, 0], [2, 0], [0, 0], [3, 0]]))
    labels = np.array([[True, False], [True, False], [True, False], [False, True]])
    # latent 0: 2 hits, 3 fired, 3 have it: 4 / 6; second label: 1 hit, 3 fired, 1 has it: 2 / 4
    np.testing.assert_allclose(splitting.firing_f1(latents, labels), [[4 / 6, 2 / 4], [0, 0]])


def test_an_absorbed_row_is_one_where_another_latent_writes_the_feature():
    feature = np.array([1.0, 0.0])
    W_dec = np.array([[1.0, 0.0], [0.6, 0.8]])
    latents = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.5], [0.0, 0.0], [0.5, 1.0]])
    # written by latent 1: 0, 0.6, 0.3, 0, 0.6 of a feature of size 1, and own is silent in rows 1 to 3
    found = splitting.absorbed(latents, W_dec, 0, feature, 1.0)
    assert found.tolist() == [False, True, False, False, False]
    assert not splitting.absorbed(latents, W_dec, 0, feature, np.array([1, 0, 0, 0, 0])).any()


def test_the_true_dictionary_absorbs_nothing_and_one_of_compounds_does():
    data = synthetic.hierarchy(2000, n_parents=2, n_children=2, d_in=8, noise=0.0)
    has = data.z[:, 0]
    assert not splitting.absorbed(data.z, data.D, 0, data.D[0], has).any()
    compounds, codes = data.D.copy(), data.z.copy()
    compounds[2:] += data.D[data.parent[2:]]                            # each child brings its parent along
    codes[:, :2] *= data.z[:, 2:].reshape(-1, 2, 2).sum(2) == 0         # whose own latent then rests
    rows = splitting.absorbed(codes, compounds, 0, data.D[0], has)
    np.testing.assert_array_equal(rows, data.z[:, 2:4].sum(1) > 0)


def test_own_latents_are_the_nearest_directions():
    D = np.eye(3)
    assert splitting.own_latents(np.array([[0.0, 1, 0], [0.8, 0, 0.6], [0, 0, 1]]), D).tolist() == [1, 0, 2]


def test_a_tree_hangs_every_descendant_on_its_parent():
    from saekit import plots

    fig, ax = plots.panels()
    parents = [np.array([0, -1, 0, 0]), np.array([2, 0, 1, 2])]
    plots.splitting_tree(ax, [np.array([0]), np.array([0, 2]), np.array([0, 1, 3])], parents, [1, 4, 4], [np.full(4, 0.01)] * 3, {(0, 0): "root"})
    dots = {tuple(np.ravel(line.get_data())) for line in ax.lines if len(line.get_xdata()) == 1}
    edges = [np.array(line.get_data()) for line in ax.lines if len(line.get_xdata()) == 2]
    assert len(dots) == 6 and len(edges) == 5  # the root, 0 and 2, and 1 | 0 and 3 below them
    assert all(tuple(edge[:, 0]) in dots and tuple(edge[:, 1]) in dots for edge in edges)
    assert [text.get_text() for text in ax.texts if text.get_text()] == ["root"]
    plots.png(fig)


def test_what_is_stored_of_the_dictionaries_too_large_to_ship_belongs_to_those_that_are():
    data = files.data_folder()
    paths = sorted(data.glob("splitting-*.safetensors"))
    assert [int(path.stem.split("-")[1]) for path in paths] == [16384, 8192]
    for path in paths:
        arrays, record = files.load_arrays(path)
        card = files.read_json(data / "saes" / f"python-1l-topk-{path.stem.removeprefix('splitting-')}" / "card.json")
        assert card["weights"] == "not shipped" and card["run"]["d_sae"] == record["d_sae"]
        assert record["weight_hash"] == files.read_json(data / "python-1l" / "card.json")["weight_hash"]
        parents = files.read_json(data / "saes" / "python-1l-topk-4096" / "card.json")
        assert record["parents_in"] == parents["command"] and record["concepts"] == list(CONCEPTS)
        for name in ("parent_by_rule", "parent_by_firing"):
            found = arrays[name]
            assert found.shape == (record["d_sae"],) and -1 == found.min() < 100 < found.max() < parents["run"]["d_sae"]
