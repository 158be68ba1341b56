"""Loss of TopK SAEs against the number of latents and of training tokens: the sweep that lesson 10 fits.

    python benchmarks/scaling_law.py [--out data/scaling-law.safetensors] [--minutes 10] [--tiny]
Every pair of the grid is a run of its own (its learning rate rises and falls within its own tokens), k = 32 throughout;
one row of the grid is trained with two seeds, which tells the noise. About 25 minutes of one core in all. The
file is written after every run and a run that is in it is not done again: --minutes stops early, the same command goes
on; a file of another sweep is left alone. Held-out files; fvu = 1 - explained variance; ce_increase in nats per token.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch

from saekit import activations, corpus, files, intervene, metrics, sae, train, transformer

MODEL, K, LR, BATCH = "python-1l", 32, 2e-3, 512
DECAY_FROM = 0.2                            # share of the steps after which the rate falls, in the stored runs
LATENTS = (256, 512, 1024, 2048, 4096)
TOKENS = (250_000, 500_000, 1_000_000, 2_000_000)
REPEATED, SEEDS = 500_000, 2                # this many seeds where so many tokens are trained on, elsewhere one
HELD_OUT = 20_000                           # tokens that the loss is measured on
COLUMNS = ("latents", "tokens", "seed", "fvu", "ce_increase", "dead_fraction", "seconds")


def grid(tiny=False):
    """(latents, tokens, seed) of every run, the cheap ones first."""
    latents, tokens = (LATENTS[:3], [t // 16 for t in TOKENS]) if tiny else (LATENTS, TOKENS)
    repeated = REPEATED // 16 if tiny else REPEATED
    pairs = sorted(((n, t) for n in latents for t in tokens), key=lambda pair: pair[0] * pair[1])
    return [(n, t, seed) for n, t in pairs for seed in range(SEEDS if t == repeated else 1)]


class HeldOut:
    """What every run is measured on: contexts of validation files, their activations and the model's own loss."""

    def __init__(self, lm, tokens):
        text = corpus.load_corpus("validation", lm.tokenizer, lm.boundary)
        contexts = corpus.contexts(text, lm.n_ctx, lm.boundary)
        spread = np.linspace(0, len(contexts) - 1, tokens // lm.n_ctx).astype(int)
        self.lm, self.tokens = lm, torch.from_numpy(contexts[spread].astype(np.int64))
        self.x = activations.harvest(lm, contexts[spread])
        self.ce_clean = self.ce(None)

    def ce(self, replacement):
        """Mean next-token loss in nats with a replacement in place of mlp_post."""
        losses = []
        for block in self.tokens.split(max(1, 2048 // self.lm.n_ctx)):
            loss, counts = intervene.spliced_loss(self.lm, block, 0, replacement)
            losses.append(loss[counts])
        return float(torch.cat(losses).mean())

    @torch.no_grad()
    def measure(self, model):
        """(fvu, ce_increase, dead_fraction) of an SAE."""
        latents = model.encode(self.x)
        fvu = 1 - float(metrics.explained_variance(self.x, model.decode(latents)))
        return fvu, self.ce(model) - self.ce_clean, float(metrics.dead_fraction(metrics.latent_density(latents)))


def stored(path, record):
    """Rows that the file at `path` holds: a list of tuples in the order of COLUMNS. ValueError if of another sweep."""
    if not path.is_file():
        return []
    arrays, found = files.load_arrays(path)
    if found != record:
        raise ValueError(f"{path} holds another sweep (other weights, text or settings); choose another --out")
    return list(zip(*(arrays[name].tolist() for name in COLUMNS)))


def write(path, rows, record):
    columns = zip(*sorted(rows))
    arrays = {name: np.array(column, dtype=np.float64) for name, column in zip(COLUMNS, columns)}
    files.save_arrays(path, arrays, record)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("data/scaling-law.safetensors"))
    parser.add_argument("--minutes", type=float, default=60, help="begin no further run after so many")
    parser.add_argument("--tiny", action="store_true", help="a sixteenth of the tokens, up to 1,024 latents")
    args = parser.parse_args()
    begun, lm = time.perf_counter(), transformer.load_lm(MODEL)
    text = corpus.load_corpus("train", lm.tokenizer, lm.boundary)
    contexts, held = corpus.contexts(text, lm.n_ctx, lm.boundary), HeldOut(lm, HELD_OUT)
    record = {"command": "python benchmarks/scaling_law.py" + " --tiny" * args.tiny, "model": MODEL,
              "weight_hash": transformer.weight_hash(lm.model), "corpus": text.manifest._asdict(), "arch": "topk",
              "d_in": lm.d_mlp, "k": K, "lr": LR, "batch": BATCH, "held_out_tokens": len(held.x)}
    rows, runs = stored(args.out, record), grid(args.tiny)
    done = {tuple(row[:3]) for row in rows}
    for n, t, seed in runs:
        if (n, t, seed) in done or time.perf_counter() - begun > 60 * args.minutes:
            continue
        start, model = time.perf_counter(), sae.new_sae("topk", lm.d_mlp, n, seed=seed, k=K)
        stream = activations.ActivationStream(lm, contexts, batch=BATCH, seed=seed, chunk=2**16)
        train.train_sae(model, stream, train.TrainConfig(tokens=t, lr=LR, decay_from=DECAY_FROM,
                                                               dead_after_tokens=t // 8))
        rows.append((n, t, seed, *held.measure(model), round(time.perf_counter() - start, 1)))
        write(args.out, rows, record)
        print("{:6,} latents {:9,} tokens  seed {}  fvu {:.4f}  ce_increase {:.4f}  dead {:.3f}  {:.0f} s"
              .format(*rows[-1]), flush=True)
    print(f"{args.out}: {len(rows)} of {len(runs)} runs, {sum(row[-1] for row in rows) / 60:.1f} minutes of them")


if __name__ == "__main__":
    main()
