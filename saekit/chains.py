"""Chains through a model: does a latent of a lower layer feed one of a layer above?

    monitor    the upper latent's value on every token, while the model runs as it is or changed
    ablate, activate   `intervene.ablate`, `intervene.clamp` on the lower latent
    redirect   what latent i writes goes along latent j's direction instead: x' = x - z_i W_dec[i] + z_i W_dec[j]
    block      the lower latent is changed and the upper one held at what it was: what still happens runs past it
Which lower latents are worth ablating, `attributions` estimates for all at once by one backward pass.
Tokens of one context are no independent samples, so standard errors count contexts.
References: Vig et al. 2020 (mediation), Nanda 2023 (attribution patching), Marks et al. 2024 (chains of SAE latents).
"""

from functools import partial
from typing import NamedTuple

import numpy as np
import torch

from saekit.intervene import clamp, spliced
from saekit.transformer import mlp_post, next_token_loss, replace_mlp_post


class Link(NamedTuple):
    """One latent in its place: the block, the SAE that reads its neurons, the latent's index."""

    layer: int
    sae: object
    latent: int


class Effect(NamedTuple):
    """Mean change per token, its standard error over contexts, and the number of tokens."""

    mean: float
    error: float
    count: int


def spliced_at(compute, lm, tokens, changes):
    """`intervene.spliced` at several layers in one run; changes: {layer: replacement}."""
    for layer, replacement in changes.items():
        compute = partial(_under, compute, layer, replacement)
    return compute(lm, tokens)


def _under(compute, layer, replacement, lm, tokens):
    return spliced(compute, lm, tokens, layer, replacement)


@torch.no_grad()
def monitor(lm, tokens, link, changes=None):
    """Values of the link's latent on every token of tokens (batch, n_ctx), under changes {layer: replacement}; 0 at
    boundary tokens."""
    x = spliced_at(partial(_neurons, link.layer), lm, tokens, changes or {})
    keep = tokens != lm.boundary
    out = x.new_zeros(tokens.shape)
    out[keep] = link.sae.encode(x[keep])[:, link.latent]
    return out


def _neurons(layer, lm, tokens):
    return mlp_post(lm, tokens, layer)


def redirect(sae, latent, other):
    """The replacement x' = x - z W_dec[latent] + z W_dec[other], z the latent's value: it fires, and says another
    thing. ValueError if the SAE has no such latent."""
    for index in (latent, other):
        if not 0 <= index < sae.d_sae:
            raise ValueError(f"latent is {index}; this SAE has latents 0 to {sae.d_sae - 1}")
    step = (sae.W_dec[other] - sae.W_dec[latent]).detach()
    return torch.no_grad()(lambda x: x + sae.encode(x)[:, latent, None] * step)


def hold(link, values):
    """The replacement that sets the link's latent to values (n_rows,), whatever reaches it from below."""
    return clamp(link.sae, link.latent, lambda _: values)


def blocked(lm, tokens, lower, upper, replacement):
    """{layer: replacement}: the lower latent changed, the upper one held at what it was on these tokens. ValueError
    unless lower.layer < upper.layer."""
    if not lower.layer < upper.layer:
        raise ValueError(f"the lower latent is in layer {lower.layer}, the upper in {upper.layer}; a chain goes up")
    before = monitor(lm, tokens, upper)[tokens != lm.boundary]
    return {lower.layer: replacement, upper.layer: hold(upper, before)}


def change_above(lm, tokens, lower, upper, replacement):
    """What a change of the lower link's layer does to the upper link's latent: Effect over tokens where lower fires.

    tokens (batch, n_ctx). An attention layer between them carries effects to later tokens too; they are not counted.
    """
    change = monitor(lm, tokens, upper, {lower.layer: replacement}) - monitor(lm, tokens, upper)
    return effect(change.numpy(), (monitor(lm, tokens, lower) > 0).numpy())


def loss_change(lm, tokens, changes):
    """Change of each next token's loss in nats (batch, n_ctx - 1) under {layer: replacement}; 0 where predictions do not
    count."""
    loss, counts = spliced_at(next_token_loss, lm, tokens, changes)
    return (loss - next_token_loss(lm, tokens)[0]) * counts


def effect(values, where):
    """Mean of values over the tokens `where`, both (batch, n_ctx), with the standard error over contexts: an Effect.

    error^2 = n / (n - 1) sum_contexts (sum of (values - mean) there)^2 / count^2, n contexts; NaN for fewer than two.
    """
    count = int(where.sum())
    if not count:
        return Effect(float("nan"), float("nan"), 0)
    mean = float(values[where].mean())
    sums, n = ((values - mean) * where).sum(1, dtype=np.float64), int(where.any(1).sum())
    error = float(np.sqrt(n / (n - 1) * (sums**2).sum()) / count) if n > 1 else float("nan")
    return Effect(mean, error, count)


def attributions(lm, tokens, layer, sae, upper_layer, upper_sae, uppers):
    """What ablating each latent of `sae` at `layer` would take from each latent in `uppers`, to first order: (n, d_sae).

    a[j, i] = -sum_t z_i(t) <W_dec[i], d S_j / d mlp_post(t)>,  S_j = sum over tokens of upper latent j. tokens (batch,
    n_ctx); below 0 where latent i feeds latent j. Unlike `change_above` it counts what reaches later tokens, and knows
    nothing of latents that would begin or cease to fire. ValueError unless layer < upper_layer.
    """
    if not layer < upper_layer:
        raise ValueError(f"the lower layer is {layer}, the upper {upper_layer}; a chain goes up")
    found = torch.zeros(len(uppers), sae.d_sae)
    for block in tokens.split(max(1, 2048 // lm.n_ctx)):
        keep = block != lm.boundary
        x, above = _leaf_and_above(lm, block, layer, upper_layer)
        with torch.no_grad():
            fires = sae.encode(x[keep]).T.to_sparse()                                        # (d_sae, n_rows)
        with torch.enable_grad():
            sums = upper_sae.encode(above[keep])[:, uppers].sum(0)
        for row, total in enumerate(sums):
            slope = torch.autograd.grad(total, x, retain_graph=True)[0][keep]                # (n_rows, d_mlp)
            found[row] -= ((fires @ slope) * sae.W_dec.detach()).sum(1)
    return found.numpy()


def _leaf_and_above(lm, tokens, layer, upper_layer):
    """mlp_post of two layers, the lower one as a leaf that the gradients of the upper one reach."""
    kept = {}

    def start(x):
        kept["leaf"] = x.detach().requires_grad_()
        return kept["leaf"]

    def end(x):
        kept["above"] = x
        return x

    with replace_mlp_post(lm, layer, start), replace_mlp_post(lm, upper_layer, end), torch.enable_grad():
        lm.model.base_model(input_ids=tokens, use_cache=False)
    return kept["leaf"], kept["above"]
