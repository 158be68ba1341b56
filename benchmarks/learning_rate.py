"""What the learning rate does to a TopK SAE: runs of two lengths over a range of Adam's peak rates, and the longer ones
again with rare latents slowed, for lesson 6.

    python benchmarks/learning_rate.py [--out data/learning-rate.safetensors] [--tiny]
4,096 latents, k = 32, batches of 4,096, one seed. Held-out files: fvu = 1 - explained variance, ce_increase in nats per
token. silent: share of the latents that fired in none of the last 250,000 training tokens. neuron_rows: share of the
decoder's rows, of length 1, that are nearly one neuron, one weight above 0.9. slowed: 1 where Adam's encoder_eps and
bias_rate are those of TopK's default (experiment.SLOWED), 0 where they are Adam's own; AuxK is the same. The file is
written after every run and a run that is in it is not done again; a file of other runs is left alone.
"""

import argparse
from pathlib import Path

import numpy as np
from scaling_law import DECAY_FROM, HELD_OUT, HeldOut

from saekit import activations, corpus, experiment, files, sae, train, transformer

MODEL, D_SAE, K, BATCH, SEED = "python-1l", 4096, 32, 4096, 0
RATES, FAR = (2.5e-4, 5e-4, 1e-3, 2e-3, 4e-3), (8e-3, 1.6e-2)
RUNS = [(500_000, 0, RATES), (2_000_000, 0, RATES + FAR), (2_000_000, 1, (2e-3, 4e-3, *FAR))]   # tokens, slowed, rates
WINDOW = train.WINDOWS[0]                   # tokens that a silent latent has been silent for
COLUMNS = ("tokens", "slowed", "lr", "fvu", "ce_increase", "silent", "neuron_rows")


def neuron_rows(model):
    """Share of the decoder's rows with one weight above 0.9 in absolute value."""
    return float((model.W_dec.abs().amax(1) > 0.9).float().mean())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("data/learning-rate.safetensors"))
    parser.add_argument("--tiny", action="store_true", help="256 latents")
    args = parser.parse_args()
    lm = transformer.load_lm(MODEL)
    text, d_sae = corpus.load_corpus("train", lm.tokenizer, lm.boundary), 256 if args.tiny else D_SAE
    contexts, held = corpus.contexts(text, lm.n_ctx, lm.boundary), HeldOut(lm, HELD_OUT)
    record = {"command": "python benchmarks/learning_rate.py" + " --tiny" * args.tiny, "model": MODEL, "arch": "topk",
              "weight_hash": transformer.weight_hash(lm.model), "corpus": text.manifest._asdict(), "d_sae": d_sae,
              "k": K, "batch": BATCH, "seed": SEED, "window": WINDOW, "held_out_tokens": len(held.x)}
    arrays, found = files.load_arrays(args.out) if args.out.is_file() else ({}, record)
    if found != record:
        raise ValueError(f"{args.out} holds runs on other weights, text or settings; choose another --out")
    rows = list(zip(*(arrays[name].tolist() for name in COLUMNS))) if arrays else []
    runs, done = [(tokens, slowed, lr) for tokens, slowed, rates in RUNS for lr in rates], {row[:3] for row in rows}
    for tokens, slowed, lr in [run for run in runs if run not in done]:
        model = sae.new_sae("topk", lm.d_mlp, d_sae, seed=SEED, k=K)
        log = train.train_sae(model, activations.ActivationStream(lm, contexts, batch=BATCH, seed=SEED),
                              train.TrainConfig(tokens=tokens, lr=lr, decay_from=DECAY_FROM,
                                                **(experiment.SLOWED if slowed else {})))
        fvu, ce_increase, _ = held.measure(model)
        rows.append((tokens, slowed, lr, fvu, ce_increase, log[-1]["silent"][str(WINDOW)] / d_sae, neuron_rows(model)))
        columns = zip(*sorted(rows))
        files.save_arrays(args.out, {name: np.array(column) for name, column in zip(COLUMNS, columns)}, record)
        print("{:9,} tokens  slowed {}  lr {:.1e}  fvu {:.4f}  ce_increase {:.4f}  silent {:.4f}  neuron rows {:.4f}"
              .format(*rows[-1]), flush=True)


if __name__ == "__main__":
    main()
