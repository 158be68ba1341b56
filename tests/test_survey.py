"""One pass over text against the same numbers from all activations at once."""

from collections import deque

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from saekit.activations import harvest
from saekit.sae import new_sae
from saekit.survey import correlations, stack_columns, survey
from tests import tiny_lm
from tests.test_readout import an_sae


def raw(sae, contexts):
    """(x, latents) of all rows as dense float64 arrays."""
    x = harvest(tiny_lm.lm(), contexts)
    return x.double().numpy(), sae.encode(x).double().numpy()


@pytest.mark.parametrize("arch, settings", [("relu", {}), ("topk", {"k": 5}), ("jumprelu", {}), ("gated", {}),
                                            ("batchtopk", {"k": 5})])
def test_latents_counts_and_products_are_those_of_all_rows_at_once(arch, settings):
    sae, contexts = an_sae(arch=arch, **settings), tiny_lm.contexts(9)
    found = survey(sae, tiny_lm.lm(), contexts, tokens_at_once=40)
    x, latents = raw(sae, contexts)
    np.testing.assert_allclose(found.latents.toarray(), latents, atol=1e-4)
    np.testing.assert_array_equal(found.cells, np.flatnonzero(contexts))
    np.testing.assert_allclose(found.density, (latents != 0).mean(0))
    np.testing.assert_allclose(found.products, latents.T @ x, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(found.peaks, latents.max(0), atol=1e-4)
    np.testing.assert_allclose(found.squares, (latents**2).sum(0), rtol=1e-3, atol=1e-4)
    rows, activations = found.fires(int(np.argmax(found.density)))
    np.testing.assert_array_equal(rows, np.flatnonzero(latents[:, np.argmax(found.density)]))


def test_neuron_correlations_are_numpys_and_a_dead_latent_has_none():
    sae, contexts = an_sae(), tiny_lm.contexts(20)
    sae.b_enc[4] = -1e6
    found = survey(sae, tiny_lm.lm(), contexts)
    x, latents = raw(sae, contexts)
    pearson, cosine = found.neuron_correlations()
    latent = int(np.argmax(found.density))
    for neuron in range(3):
        assert pearson[latent, neuron] == pytest.approx(np.corrcoef(latents[:, latent], x[:, neuron])[0, 1], abs=1e-4)
        angle = latents[:, latent] @ x[:, neuron] / np.linalg.norm(latents[:, latent]) / np.linalg.norm(x[:, neuron])
        assert cosine[latent, neuron] == pytest.approx(angle, abs=1e-4)
    assert not pearson[4].any() and not cosine[4].any() and found.peaks[4] == 0 == found.counts[4]


def test_the_closest_latent_of_the_same_sae_is_itself_and_of_another_the_most_correlated():
    sae, other, contexts = an_sae(), an_sae(seed=8, d_sae=30), tiny_lm.contexts(20)
    found, beside = survey(sae, tiny_lm.lm(), contexts), survey(other, tiny_lm.lm(), contexts)
    alive = np.flatnonzero(found.density)
    indices, pearson, cosine = found.closest(found, at_once=16)
    np.testing.assert_allclose(pearson[alive, 0], 1, atol=1e-4)
    indices, pearson, _ = found.closest(beside)
    latent = int(np.argmax(found.density))
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = np.corrcoef(raw(sae, contexts)[1][:, latent], raw(other, contexts)[1], rowvar=False)[0, 1:]
    assert indices[latent, 0] == np.nanargmax(expected)
    np.testing.assert_allclose(pearson[latent], np.sort(np.nan_to_num(expected))[::-1][:3], atol=1e-4)


def test_correlations_by_hand():
    # a = (0, 2), b = (1, 3): both move together; products a.b = 6, |a| = 2, |b| = sqrt 10
    sums = (np.array([2.0]), np.array([4.0])), (np.array([4.0]), np.array([10.0]))
    pearson, cosine = correlations(np.array([[6.0]]), 2, *sums)
    assert pearson[0, 0] == pytest.approx(1) and cosine[0, 0] == pytest.approx(6 / (2 * np.sqrt(10)))


def test_blocks_stack_to_the_columns_of_the_whole():
    rng = np.random.default_rng(0)
    whole = rng.random((11, 5)).astype(np.float32) * (rng.random((11, 5)) < 0.4)
    blocks = deque(csr_matrix(part) for part in np.split(whole, [4, 4, 9]))
    stacked = stack_columns(blocks)
    np.testing.assert_array_equal(stacked.toarray(), whole)
    assert not blocks and stacked.has_sorted_indices


def test_an_sae_of_another_width_and_surveys_of_other_text_are_errors():
    with pytest.raises(ValueError, match="d_in=12 but tiny has d_mlp=24"):
        survey(new_sae("relu", 12, 8), tiny_lm.lm(), tiny_lm.contexts(1))
    one, two = (survey(an_sae(), tiny_lm.lm(), tiny_lm.contexts(4, seed=seed)) for seed in (0, 1))
    with pytest.raises(ValueError, match="same text under both"):
        one.closest(two)
