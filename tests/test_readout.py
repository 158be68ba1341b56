"""What a direction writes, against numerical derivatives; what a removed latent costs, against the model by hand."""

import numpy as np
import pytest
import torch

from saekit import readout
from saekit.sae import new_sae
from saekit.survey import survey
from saekit.transformer import replace_mlp_post
from tests import tiny_lm
from tests.test_transformer import losses_by_hand


def an_sae(seed=3, d_sae=40, arch="relu", **settings):
    """An SAE of the tiny model whose latents fire on some tokens and not on others."""
    sae = new_sae(arch, tiny_lm.D_MLP, d_sae, seed=seed, **settings)
    with torch.no_grad():
        sae.b_enc.uniform_(-3, 0.2, generator=torch.Generator().manual_seed(seed))
    return sae.requires_grad_(False)


def every_pair(found):
    """(rows, latents, activations) of all that fires."""
    latents = found.latents.tocoo()
    return latents.row, latents.col, latents.data


def test_the_lens_is_the_derivative_with_the_final_norms_mean_and_scale_frozen():
    lm, sae = tiny_lm.lm(), an_sae()
    resid, logits = readout._run(lm, readout.as_tokens(lm, tiny_lm.contexts(1)))
    x, norm, head = resid[0, 5].double(), lm.model.transformer.ln_f, lm.model.lm_head.weight.double()
    mean, sigma = x.mean(), float(x.std(correction=0))
    frozen = lambda y: ((y - mean) / sigma * norm.weight + norm.bias) @ head.t()  # noqa: E731
    written = (sae.W_dec[7] @ lm.model.transformer.h[0].mlp.c_proj.weight).double()
    slope = (frozen(x + 0.5 * written) - frozen(x - 0.5 * written)).detach()
    lens = readout.logit_lens(lm, sae.W_dec[7:8], sigma)[0]
    np.testing.assert_allclose(lens, slope - slope.mean(), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(frozen(x).detach(), logits[0, 5], rtol=1e-3, atol=1e-3)  # the frame itself is right


def test_the_final_residual_is_what_norm_and_unembedding_turn_into_the_logits():
    lm, contexts = tiny_lm.lm(2), tiny_lm.contexts(3)
    with torch.no_grad():
        again = lm.model.lm_head(lm.model.transformer.ln_f(readout.final_residual(lm, contexts)))
        logits = lm.model(input_ids=readout.as_tokens(lm, contexts)).logits
    torch.testing.assert_close(again, logits)


def test_the_scale_is_the_mean_standard_deviation_over_tokens_of_files():
    lm, contexts = tiny_lm.lm(), tiny_lm.contexts(4)
    resid = readout._run(lm, readout.as_tokens(lm, contexts))[0].numpy()[contexts != 0]
    assert readout.final_scale(lm, contexts) == pytest.approx(resid.std(1).mean(), rel=1e-4)


def test_effects_equal_the_forward_pass_written_out_with_the_latent_taken_away():
    lm, sae, contexts = tiny_lm.lm(), an_sae(), tiny_lm.contexts(6)
    found = survey(sae, lm, contexts)
    predictions, effects = readout.read_out(sae, lm, 0, found, every_pair(found), contexts_at_once=2)
    clean = np.pad(losses_by_hand(lm, contexts), ((0, 0), (0, 1)), constant_values=np.nan).ravel()[found.cells]
    np.testing.assert_allclose(predictions.loss, clean, rtol=1e-4, atol=1e-4)
    grid = np.zeros((contexts.size, sae.d_sae))
    grid[found.cells] = found.latents.toarray()
    for latent in np.argsort(found.density)[-3:]:
        gone = grid[:, latent].reshape(*contexts.shape, 1) * sae.W_dec[latent].numpy()
        ablated = losses_by_hand(lm, contexts, lambda neurons, gone=gone: neurons - gone)
        expected = np.pad(ablated, ((0, 0), (0, 1)), constant_values=np.nan).ravel()[found.cells] - clean
        rows, latents, _ = every_pair(found)
        np.testing.assert_allclose(effects[latents == latent], expected[rows[latents == latent]], atol=1e-3)
        assert np.nanmax(np.abs(expected)) > 0.01


@pytest.mark.parametrize("layer", [0, 1])
def test_at_a_lower_layer_the_context_is_run_again_and_at_the_last_both_ways_agree(layer):
    lm, sae, contexts = tiny_lm.lm(2), an_sae(), tiny_lm.contexts(3)
    found = survey(sae, lm, contexts, layer)
    removal = readout._Removal(sae, lm, layer, found)
    assert removal.straight == (layer == 1)
    rows, latents, activations = (part[:60] for part in every_pair(found))
    tokens = readout.as_tokens(lm, contexts)
    slow = removal.again(tokens, 0, found.cells[rows], latents)
    if layer == 1:
        quick = removal.at_once(tokens, readout._run(lm, tokens)[0], found.cells[rows], latents, activations)
        np.testing.assert_allclose(slow, quick, atol=1e-3)
    i = int(np.nanargmax(slow))
    context, place = divmod(found.cells[rows[i]], contexts.shape[1])
    gone = removal._latent(context, latents[i])[None, :, None] * sae.W_dec[latents[i]]
    with replace_mlp_post(lm, layer, lambda x: x - gone):
        logits = lm.model(input_ids=tokens[context:context + 1]).logits[0, place]
    assert slow[i] == pytest.approx(-float(logits.log_softmax(0)[tokens[context, place + 1]]), abs=1e-3)


def test_predictions_are_the_likeliest_tokens_in_order():
    lm, contexts = tiny_lm.lm(), tiny_lm.contexts(2)
    found = survey(an_sae(), lm, contexts)
    predictions, _ = readout.read_out(an_sae(), lm, 0, found, ([], [], []))
    logits = lm.model(input_ids=readout.as_tokens(lm, contexts)).logits.flatten(0, 1)[found.cells]
    np.testing.assert_array_equal(predictions.likeliest, logits.argsort(1, descending=True)[:, :3])


def test_a_model_without_a_known_final_norm_is_told():
    with pytest.raises(ValueError, match="Headless has no final norm named ln_f"):
        readout.final_norm(Headless(2, 2))


class Headless(torch.nn.Linear):
    base_model = None
