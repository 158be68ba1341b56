"""Put something else in place of the MLP's activations and see what the language model loses.

    ce_clean   the model as it is                    ce_zero   mlp_post replaced by 0
    ce_recon   mlp_post replaced by sae(mlp_post)    ce_mean   mlp_post replaced by its mean over tokens
all in nats per token, over predictions made from tokens of files. At boundary tokens mlp_post is left as it is.
Zero and mean ablation can cost more than guessing uniformly would, so fractions "recovered" against them flatter: read
ce_increase first.

One latent at a time is changed by difference: x' = x + (new - old) W_dec[i]. What the SAE fails to explain of x stays
as it is, so that a change of 0 is exactly no change, and nothing but latent i is blamed for what follows.
"""

import numpy as np
import torch

from saekit import corpus, metrics
from saekit.activations import harvest
from saekit.progress import bar
from saekit.transformer import logits, next_token_loss, replace_mlp_post

DENSITY_EDGES = [-7.0 + 0.25 * i for i in range(29)]  # log10 of the fraction of tokens


def spliced(compute, lm, tokens, layer, replacement):
    """compute(lm, tokens) with replacement(mlp_post) in place of mlp_post at every token that is not a boundary token.

    compute: such as `logits` or `next_token_loss` of `saekit.transformer`. tokens: (batch, n_ctx); replacement:
    function of rows (n, d_mlp) in reading order, returning rows of that shape; None leaves the model as it is.
    """
    keep = tokens != lm.boundary

    def edit(mlp_post):
        edited = mlp_post.clone()
        edited[keep] = replacement(mlp_post[keep])
        return edited

    if replacement is None:
        return compute(lm, tokens)
    with replace_mlp_post(lm, layer, edit):
        return compute(lm, tokens)


def spliced_loss(lm, tokens, layer, replacement):
    """`spliced` next_token_loss: -log p in nats (batch, n_ctx - 1) and the mask of the predictions that count."""
    return spliced(next_token_loss, lm, tokens, layer, replacement)


def clamp(sae, latent, value, direction=None):
    """The replacement x' = x + (value - latents[latent]) W_dec[latent]: every token's latent is set to value, the
    rest stays.

    value: a number, or a function of the latent's values (n,) such as `lambda z: 2 * z`. direction: a vector (d_in,)
    to go along instead of W_dec[latent], by steps of the same length: the control for "any push of that size".
    ValueError if the SAE has no such latent.
    """
    if not 0 <= latent < sae.d_sae:
        raise ValueError(f"latent is {latent}; this SAE has latents 0 to {sae.d_sae - 1}")
    unit = sae.W_dec[latent].detach()
    if direction is not None:
        direction = torch.as_tensor(direction, dtype=unit.dtype, device=unit.device)
        unit = direction * (unit.norm() / direction.norm())

    def replacement(x):
        old = sae.encode(x)[:, latent]
        new = value(old) if callable(value) else torch.full_like(old, value)
        return x + (new - old)[:, None] * unit

    return torch.no_grad()(replacement)


def ablate(sae, latent):
    """The replacement that sets one latent to 0; tokens on which it does not fire are exactly unchanged.
    ValueError if the SAE has no such latent."""
    return clamp(sae, latent, 0.0)


def loss_change(lm, tokens, layer, replacement):
    """Loss with the replacement minus loss without, of each next token in nats (batch, n_ctx - 1): above 0 where the
    model predicts the next token worse. 0 at predictions that do not count."""
    changed, counts = spliced_loss(lm, tokens, layer, replacement)
    return (changed - next_token_loss(lm, tokens)[0]) * counts


@torch.no_grad()
def ablate_one_each(sae, lm, contexts, density, seed=0, control=False):
    """Ablate at every token one of the latents that fire there, all in one pass: (latents, values, changes of loss),
    each (n_predictions,), over the predictions that count, in reading order. The SAE reads the last block.

    Above the last block no token sees another, so each change is what ablating that latent alone would do. Which
    latent is drawn with `seed` and probability 1 / density, so that rare ones get their turn; -1 where none fires.
    density: (d_sae,) share of tokens. control: for the same latents, go the same distance along a random direction,
    another at each token, instead.
    """
    tokens = torch.from_numpy(contexts.astype(np.int64)).to(lm.model.device)
    draw, noises = (torch.Generator().manual_seed(one) for one in (seed, seed + 2**32))
    rarity, parts = 1 / torch.as_tensor(density, dtype=torch.float32).clamp_min(1e-6), []
    for block in tokens.split(max(1, 2048 // lm.n_ctx)):
        chosen = {}

        def replacement(x):
            latents = sae.encode(x)
            rows, columns = latents.nonzero(as_tuple=True)
            race = -torch.rand(len(rows), generator=draw).log() / rarity[columns]  # P(first) ~ rarity
            first = torch.full((len(x),), torch.inf).scatter_reduce(0, rows, race, "amin")
            won, which = race == first[rows], torch.full((len(x),), -1)
            which[rows[won]] = columns[won]
            value = latents.gather(1, which.clamp_min(0)[:, None])[:, 0] * (which >= 0)
            unit = sae.W_dec[which]
            if control:
                noise = torch.randn(x.shape, generator=noises)
                unit = noise * (unit.norm(dim=1) / noise.norm(dim=1))[:, None]
            chosen["latent"], chosen["value"] = which, value
            return x - value[:, None] * unit

        change, keep = loss_change(lm, block, lm.n_layers - 1, replacement), block != lm.boundary
        parts.append([of_rows(chosen[name], keep)[:, :-1][keep[:, :-1]] for name in chosen] + [change[keep[:, :-1]]])
    return tuple(torch.cat(part).numpy() for part in zip(*parts))


def of_rows(values, keep):
    """Values of rows (n_rows,) laid out as the tokens (batch, n_ctx) that `keep` marks; 0 elsewhere."""
    out = values.new_zeros(keep.shape)
    out[keep] = values
    return out


def next_probabilities(lm, tokens, layer=0, replacement=None):
    """Probabilities of the token after the last one, (batch, d_vocab); tokens (batch, n)."""
    return spliced(logits, lm, tokens, layer, replacement)[:, -1].softmax(-1)


@torch.no_grad()
def generate(lm, tokens, n_tokens, layer=0, replacement=None, temperature=0.0, seed=0):
    """tokens (batch, n) followed by n_tokens that the model writes under the replacement: (batch, n + n_tokens).

    temperature 0 takes the likeliest token; else tokens are drawn from softmax(logits / temperature) with `seed`. The
    model sees the first token and the last n_ctx - 1.
    """
    generator = torch.Generator(tokens.device).manual_seed(seed)
    for _ in range(n_tokens):
        seen = tokens if tokens.shape[1] <= lm.n_ctx else torch.cat([tokens[:, :1], tokens[:, 1 - lm.n_ctx:]], 1)
        scores = spliced(logits, lm, seen, layer, replacement)[:, -1]
        if temperature > 0:
            new = torch.multinomial((scores / temperature).softmax(-1), 1, generator=generator)
        else:
            new = scores.argmax(-1, keepdim=True)
        tokens = torch.cat([tokens, new], 1)
    return tokens


def unigram_cross_entropy(counts, contexts, boundary=0):
    """Mean -log p(token) in nats under counts (d_vocab,) of training tokens, one added to each, over the predictions
    that `next_token_loss` counts in contexts (n, n_ctx)."""
    p = (counts + 1) / (counts + 1).sum()
    return float(-np.log(p[contexts[:, 1:][contexts[:, :-1] != boundary]]).mean())


@torch.no_grad()
def evaluate_sae(sae, lm, layer=0, tokens=200_000, stream=None, train=None):
    """All metrics of an SAE on held-out files, as a dict; units are in the metrics' names or in `saekit.metrics`.

    tokens: how many tokens of files to measure on. stream: another TokenStream than this machine's validation files;
    train: likewise for the training files, whose tokens are counted for ce_unigram. ValueError if tokens < 1 or the SAE
    reads another width than the layer has.
    """
    stream = corpus.load_corpus("validation", lm.tokenizer, lm.boundary) if stream is None else stream
    if not tokens >= 1:
        raise ValueError(f"tokens is {tokens}; metrics need at least one")
    contexts = corpus.contexts(stream, lm.n_ctx, lm.boundary)[:max(1, round(tokens / (lm.n_ctx - 1)))]
    if harvest(lm, contexts[:1], layer).shape[1] != sae.d_in:
        raise ValueError(f"the SAE reads d_in={sae.d_in} but layer {layer} of {lm.name} has d_mlp={lm.d_mlp} neurons; "
                         "was it trained on another model?")
    sums = _Sums(sae, harvest(lm, contexts[:: max(1, len(contexts) // 256)], layer).mean(0))
    replacements = {"ce_clean": None, "ce_recon": sae, "ce_zero": torch.zeros_like, "ce_mean": sums.expand_mean}
    batch = max(1, 2048 // lm.n_ctx)  # contexts; the logits of more tokens no longer fit the cache
    for first in bar(range(0, len(contexts), batch), desc="eval", unit="batch", leave=False):
        block = torch.from_numpy(contexts[first:first + batch].astype(np.int64)).to(lm.model.device)
        sums.add(harvest(lm, contexts[first:first + batch], layer))
        for name, replacement in replacements.items():
            loss, counts = spliced_loss(lm, block, layer, replacement)
            sums.ce[name] = sums.ce.get(name, 0.0) + float(loss[counts].double().sum())
        sums.predictions += int(counts.sum())
    return {**sums.result(), **_ce_summary(sums, lm, contexts, train), "corpus": stream.manifest._asdict()}


class _Sums:
    """Running sums over the evaluated rows, in float64, from which the pooled metrics follow."""

    def __init__(self, sae, mean):
        self.sae, self.about, self.ce, self.predictions, self.rows = sae, mean, {}, 0, 0
        self.error = self.energy = 0.0
        self.shift, self.spread = torch.zeros_like(mean, dtype=torch.float64), 0.0
        self.fired = torch.zeros_like(sae.b_enc, dtype=torch.int64)

    def expand_mean(self, x):
        return self.about.expand_as(x)

    def add(self, x):
        latents = self.sae.encode(x)
        self.error += float((x - self.sae.decode(latents)).double().square().sum())
        self.energy += float(x.double().square().sum())
        centred = (x - self.about).double()  # about a mean that is only nearly right: corrected by `shift` at the end
        self.shift += centred.sum(0)
        self.spread += float(centred.square().sum())
        self.fired += (latents != 0).sum(0)
        self.rows += len(x)

    def result(self):
        variance = self.spread - float(self.shift.square().sum()) / self.rows
        density = self.fired.cpu().double() / self.rows
        alive = density[density > 0].log10()
        counts = torch.histogram(alive, torch.tensor(DENSITY_EDGES, dtype=torch.float64)).hist
        return {"tokens": self.rows, "l0": float(density.sum()), "explained_variance": 1 - self.error / variance,
                "r2_uncentred": 1 - self.error / self.energy, "mse": self.error / self.rows,
                "dead_fraction": float(metrics.dead_fraction(density)),
                "utilization": float(metrics.utilization(density)),
                "density_histogram": {"log10_edges": DENSITY_EDGES, "latents": [int(c) for c in counts]}}


def _ce_summary(sums, lm, contexts, train):
    ce = {name: total / sums.predictions for name, total in sums.ce.items()}
    train = corpus.load_corpus("train", lm.tokenizer, lm.boundary) if train is None else train
    unigram = unigram_cross_entropy(np.bincount(train.tokens, minlength=lm.d_vocab), contexts, lm.boundary)
    return {**ce, "ce_unigram": unigram, "ce_increase": ce["ce_recon"] - ce["ce_clean"],
            "ce_increase_share": metrics.ce_increase_share(ce["ce_clean"], ce["ce_recon"], unigram),
            "ce_recovered_vs_zero": metrics.ce_loss_recovered(ce["ce_clean"], ce["ce_recon"], ce["ce_zero"]),
            "ce_recovered_vs_mean": metrics.ce_loss_recovered(ce["ce_clean"], ce["ce_recon"], ce["ce_mean"])}
