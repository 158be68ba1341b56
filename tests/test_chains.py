"""Chains in a tiny model of three blocks, and in one where the upper neuron is wired to the lower one."""

import numpy as np
import pytest
import torch

from saekit import chains, intervene
from saekit.sae import new_sae
from saekit.transformer import logits, mlp_post, next_token_loss
from tests import tiny_lm


def tokens(n=6):
    return torch.from_numpy(tiny_lm.contexts(n).astype(np.int64))


def neurons_as_latents():
    """An SAE whose latents are the neurons themselves."""
    sae = new_sae("relu", tiny_lm.D_MLP, tiny_lm.D_MLP)
    with torch.no_grad():
        sae.W_dec.copy_(torch.eye(tiny_lm.D_MLP))
        sae.W_enc.copy_(torch.eye(tiny_lm.D_MLP))
    return sae.requires_grad_(False)


def link(layer, latent):
    return chains.Link(layer, neurons_as_latents(), latent)


def test_without_changes_the_monitor_shows_the_latent():
    lm, seen = tiny_lm.lm(3), chains.monitor(tiny_lm.lm(3), tokens(), link(2, 5))
    keep = tokens() != lm.boundary
    torch.testing.assert_close(seen[keep], mlp_post(lm, tokens(), 2)[keep][:, 5])
    assert (seen[~keep] == 0).all() and (seen > 0).any()


def test_two_layers_are_changed_in_one_run():
    lm, zero = tiny_lm.lm(3), torch.zeros_like
    both = chains.spliced_at(logits, lm, tokens(), {0: zero, 2: zero})
    with intervene.replace_mlp_post(lm, 0, lambda x: torch.where((tokens() != lm.boundary)[..., None], 0.0, x)):
        expected = intervene.spliced(logits, lm, tokens(), 2, zero)
    torch.testing.assert_close(both, expected)
    assert not torch.allclose(both, intervene.spliced(logits, lm, tokens(), 2, zero))


def test_a_change_below_shows_above_and_a_change_above_not_below():
    lm, lower, upper = tiny_lm.lm(3), link(0, 3), link(2, 5)
    gone = {0: intervene.ablate(lower.sae, 3)}
    assert (chains.monitor(lm, tokens(), upper, gone) != chains.monitor(lm, tokens(), upper)).any()
    assert (chains.monitor(lm, tokens(), lower, gone) == 0).all()
    above = {2: intervene.ablate(upper.sae, 5)}
    assert torch.equal(chains.monitor(lm, tokens(), lower, above), chains.monitor(lm, tokens(), lower))


def test_blocking_holds_the_upper_latent_and_lets_the_rest_pass():
    lm, lower, upper = tiny_lm.lm(3), link(0, 3), link(2, 5)
    changes = chains.blocked(lm, tokens(), lower, upper, intervene.ablate(lower.sae, 3))
    torch.testing.assert_close(chains.monitor(lm, tokens(), upper, changes), chains.monitor(lm, tokens(), upper))
    other = link(2, 6)
    free = {0: intervene.ablate(lower.sae, 3)}
    torch.testing.assert_close(chains.monitor(lm, tokens(), other, changes), chains.monitor(lm, tokens(), other, free))
    full, blocked = (chains.loss_change(lm, tokens(), part) for part in (free, changes))
    assert (full - blocked).abs().max() > 1e-4


def test_a_chain_goes_up():
    with pytest.raises(ValueError, match="lower latent is in layer 2, the upper in 0"):
        chains.blocked(tiny_lm.lm(3), tokens(), link(2, 1), link(0, 1), lambda x: x)


def test_redirecting_moves_what_a_latent_writes_to_another():
    sae, x = neurons_as_latents(), torch.rand(5, tiny_lm.D_MLP)
    moved = chains.redirect(sae, 2, 7)(x)
    expected = x.clone()
    expected[:, 7] += x[:, 2]
    expected[:, 2] = 0
    torch.testing.assert_close(moved, expected)
    with pytest.raises(ValueError, match="latent is 24"):
        chains.redirect(sae, 2, 24)


def test_the_change_of_loss_is_the_difference_of_two_losses():
    lm, changes = tiny_lm.lm(3), {1: torch.zeros_like}
    loss, counts = next_token_loss(lm, tokens())
    zeroed = intervene.spliced_loss(lm, tokens(), 1, torch.zeros_like)[0]
    torch.testing.assert_close(chains.loss_change(lm, tokens(), changes), (zeroed - loss) * counts)


def test_an_effect_by_hand_counts_contexts():
    values, where = np.array([[1.0, 3, 0], [5, 7, 9]]), np.array([[True, True, False], [True, True, False]])
    found = chains.effect(values, where)
    # mean 4; deviations -3 -1 | 1 3 sum to -4 and 4 per context: error = sqrt(2 / 1 * (16 + 16)) / 4 = 2
    assert found == chains.Effect(4.0, 2.0, 4)
    assert np.isnan(chains.effect(values[:1], where[:1]).error) and chains.effect(values, where & False).count == 0


def test_contexts_as_units_equal_the_usual_error_where_each_has_one_token():
    values = np.random.default_rng(0).normal(size=(50, 1))
    found = chains.effect(values, np.ones((50, 1), bool))
    assert found.error == pytest.approx(values.std(ddof=1) / 50**0.5)


def test_attributions_are_the_slope_of_the_upper_latent_s_sum():
    """Half of a small change of the lower latent, measured on either side, against the gradient's word for it."""
    lm, sae, step, seen = tiny_lm.lm(3), neurons_as_latents(), 1e-2, tokens(20)
    estimate = chains.attributions(lm, seen, 0, sae, 2, sae, [5, 6])
    assert estimate.shape == (2, sae.d_sae) and (np.abs(estimate).max(1) > 1e-3).all()
    for latent in np.abs(estimate[1]).argsort()[-3:]:
        ends = [float(chains.monitor(lm, seen, link(2, 6), {0: intervene.clamp(sae, latent, lambda z: (1 + s) * z)})
                      .double().sum()) for s in (-step, step)]
        assert (ends[0] - ends[1]) / (2 * step) == pytest.approx(estimate[1, latent], rel=0.05, abs=1e-3)
    with pytest.raises(ValueError, match="the lower layer is 2, the upper 2"):
        chains.attributions(lm, seen, 2, sae, 2, sae, [5])
