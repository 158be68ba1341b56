"""From the residual stream to the next token: what a direction writes, and what removing a latent costs.

    logit lens    (direction @ W_down) * gamma / sigma @ W_U, centred over the vocabulary
gamma is the final norm's weight; its mean and its scale sigma are *frozen* (sigma at its mean over tokens of files):
then the logits are linear in the residual stream, and the lens is their exact derivative. The true derivative also
moves the mean and sigma and differs from token to token.
    effect        Delta = loss ablated - loss clean of the next token, in nats
where the ablation takes latents[t, i] * W_dec[i] away from mlp_post at every token of the context; the SAE's error
stays. In the last block this changes token t's own prediction only, so that token's residual stream suffices: exact,
and cheap.
"""

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F

from saekit.progress import bar
from saekit.transformer import down_projection, mlp_post, replace_mlp_post

FINAL_NORMS = ("ln_f", "final_layer_norm", "norm", "final_layernorm")


class Predictions(NamedTuple):
    """Per row: the tokens the model finds likeliest next (n_rows, 3), and the true one's loss in nats (n_rows,), NaN
    where a context ends."""

    likeliest: np.ndarray
    loss: np.ndarray


def final_norm(model):
    """The norm before the unembedding. ValueError if the model has none under a known name."""
    for name in FINAL_NORMS:
        if isinstance(getattr(model.base_model, name, None), torch.nn.Module):
            return getattr(model.base_model, name)
    raise ValueError(f"{type(model).__name__} has no final norm named {', '.join(FINAL_NORMS)}")


def down_weight(model, layer=0):
    """W_down (d_mlp, d_model) of a block: transformers' Conv1D stores it so, nn.Linear transposed."""
    module = down_projection(model, layer)
    return module.weight if type(module).__name__ == "Conv1D" else module.weight.t()


@torch.inference_mode()
def final_residual(lm, contexts):
    """What the final norm reads at every token of contexts: the residual stream, (batch, n_ctx, d_model)."""
    return _run(lm, as_tokens(lm, contexts))[0]


@torch.inference_mode()
def final_scale(lm, contexts):
    """Mean over tokens of files of the final norm's scale sigma: the standard deviation of the residual stream (its
    root mean square where the norm subtracts no mean)."""
    resid = final_residual(lm, contexts)[as_tokens(lm, contexts) != lm.boundary].double()
    if isinstance(final_norm(lm.model), torch.nn.LayerNorm):
        resid = resid - resid.mean(1, keepdim=True)
    return float(resid.square().mean(1).sqrt().mean())


@torch.inference_mode()
def logit_lens(lm, directions, scale, layer=0):
    """Logits per unit of activation that directions (n, d_mlp) in mlp_post write, (n, d_vocab), centred over tokens.

    scale: `final_scale`. Only the direct path through the residual stream; blocks above add theirs.
    """
    written = torch.as_tensor(directions, dtype=torch.float32) @ down_weight(lm.model, layer)
    logits = written * final_norm(lm.model).weight / scale @ lm.model.get_output_embeddings().weight.t()
    return logits - logits.mean(1, keepdim=True)


@torch.inference_mode()
def read_out(sae, lm, layer, survey, pairs, contexts_at_once=None):
    """(Predictions of every row of a Survey, effects (n_pairs,) in nats).

    pairs: arrays (rows, latents, activations) of equal length, activations > 0: the effect on the row's next token of
    removing that latent. NaN where a context ends.
    """
    rows, latents, activations = (np.asarray(part) for part in pairs)
    n_ctx = survey.contexts.shape[1]
    step = contexts_at_once or max(1, 2048 // n_ctx)  # the logits of more tokens no longer fit the cache
    likeliest = np.zeros((len(survey.cells), 3), np.uint32)
    loss, effects = np.full(len(survey.cells), np.nan, np.float32), np.full(len(rows), np.nan, np.float32)
    order = np.argsort(rows, kind="stable")
    removed = _Removal(sae, lm, layer, survey)
    for first in bar(range(0, len(survey.contexts), step), desc="predicting", unit="block", leave=False):
        tokens = as_tokens(lm, survey.contexts[first:first + step])
        block = slice(*np.searchsorted(survey.cells, [first * n_ctx, (first + step) * n_ctx]))
        places = survey.cells[block] - first * n_ctx
        resid, logits = _run(lm, tokens)
        likeliest[block] = logits.flatten(0, 1)[places].topk(3).indices.cpu().numpy()
        loss[block] = losses(logits, tokens).flatten()[places].cpu().numpy()
        mine = order[slice(*np.searchsorted(rows[order], [block.start, block.stop]))]
        if len(mine):
            pair = survey.cells[rows[mine]] - first * n_ctx, latents[mine], activations[mine]
            effects[mine] = removed(tokens, resid, first, pair) - loss[rows[mine]]
    return Predictions(likeliest, loss), effects


class _Removal:
    """Loss of next tokens with one latent removed: from one token's residual stream where that is exact, else by
    running the whole context again."""

    def __init__(self, sae, lm, layer, survey):
        self.sae, self.lm, self.layer, self.survey = sae, lm, layer, survey
        self.writes = sae.W_dec @ down_weight(lm.model, layer)  # (d_sae, d_model)
        self.straight = writes_straight(lm, layer, survey.contexts[:1])

    def __call__(self, tokens, resid, first, pair):
        return self.at_once(tokens, resid, *pair) if self.straight else self.again(tokens, first, *pair[:2])

    def at_once(self, tokens, resid, places, latents, activations, batch=2048):
        """For pairs (place in tokens.ravel(), latent, activation) of the last block."""
        out, device = [], tokens.device
        target = following(tokens).flatten()
        for part in np.split(np.arange(len(places)), range(batch, len(places), batch)):
            written = torch.from_numpy(activations[part]).to(device)[:, None] * self.writes[latents[part]]
            logits = _unembed(self.lm, resid.flatten(0, 1)[places[part]] - written)
            out.append(_nats(logits, target[places[part]]))
        return torch.cat(out).cpu().numpy()

    def again(self, tokens, first, places, latents, batch=8):
        """The same at any layer: every pair (context, latent) runs once with the latent removed from all its tokens."""
        n_ctx, out = tokens.shape[1], np.full(len(places), np.nan, np.float32)
        runs, run_of = np.unique(np.stack([places // n_ctx, latents], 1), axis=0, return_inverse=True)
        for part in np.split(np.arange(len(runs)), range(batch, len(runs), batch)):
            written = torch.stack([self._latent(first + context, latent) for context, latent in runs[part]])
            written = written[..., None] * self.sae.W_dec[runs[part, 1], None]
            with replace_mlp_post(self.lm, self.layer, lambda x, written=written: x - written):
                block = losses(_run(self.lm, tokens[runs[part, 0]])[1], tokens[runs[part, 0]]).cpu().numpy()
            mine = np.flatnonzero(np.isin(run_of, part))
            out[mine] = block[run_of[mine] - part[0], places[mine] % n_ctx]
        return out

    def _latent(self, context, latent):
        """One latent's activations over a context, (n_ctx,)."""
        survey, n_ctx = self.survey, self.survey.contexts.shape[1]
        rows, activations = survey.fires(latent)
        cells = survey.cells[rows] - context * n_ctx
        here = (cells >= 0) & (cells < n_ctx)
        grid = torch.zeros(n_ctx)
        grid[cells[here]] = torch.from_numpy(activations[here])
        return grid.to(self.lm.model.device)


def writes_straight(lm, layer, contexts):
    """Whether a change of mlp_post reaches the logits through the final norm alone: true of the last block."""
    tokens = as_tokens(lm, contexts)
    resid, logits = _run(lm, tokens)
    with replace_mlp_post(lm, layer, torch.zeros_like):
        without, _ = _run(lm, tokens)
    written = mlp_post(lm, tokens, layer) @ down_weight(lm.model, layer)
    size = float(resid.abs().max())
    return (torch.allclose(without + written, resid, rtol=0, atol=1e-3 * size)
            and torch.allclose(_unembed(lm, resid), logits, rtol=1e-3, atol=1e-3))


def losses(logits, tokens):
    """-log p of each next token in nats, (batch, n_ctx) from logits (batch, n_ctx, d_vocab); NaN at the last place."""
    return _nats(logits.flatten(0, 1), following(tokens).flatten()).view(tokens.shape)


def following(tokens):
    """The next token of each place of tokens (batch, n_ctx); -1 at the last."""
    return F.pad(tokens[:, 1:], (0, 1), value=-1)


def as_tokens(lm, contexts):
    """contexts (n, n_ctx) of any integer type as the model takes them."""
    return torch.from_numpy(np.asarray(contexts, dtype=np.int64)).to(lm.model.device)


def _nats(logits, targets):
    loss = F.cross_entropy(logits, targets, ignore_index=-1, reduction="none")
    return loss.masked_fill(targets == -1, torch.nan)


def _unembed(lm, resid):
    return lm.model.get_output_embeddings()(final_norm(lm.model)(resid))


def _run(lm, tokens):
    """(input of the final norm (batch, n_ctx, d_model), logits)."""
    caught = []
    handle = final_norm(lm.model).register_forward_pre_hook(lambda _module, inputs: caught.append(inputs[0]))
    try:
        logits = lm.model(input_ids=tokens, use_cache=False).logits
    finally:
        handle.remove()
    return caught[0], logits
