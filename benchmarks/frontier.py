"""Sparsity against reconstruction for every architecture: many SAEs of one size on the same activations.

    python benchmarks/frontier.py [--d-sae 4096] [--tokens 1e6] [--archs topk relu …] [--device cuda]
"topk" learns as BatchTopK does by default, so that the two differ by nothing else; "topk-slowed" is TopK's own default.
Stores for every setting of GRID what `saekit eval` measures on held-out files: l0, explained variance, ce_increase and
the share of dead latents, in the order of the record's `runs`. Every finished SAE is stored at once, and a second call
with the same size, tokens and model goes on where the first stopped; an SAE with other defaults is another SAE.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np

from saekit import corpus, files
from saekit.activations import ActivationStream
from saekit.experiment import recipe
from saekit.intervene import evaluate_sae
from saekit.sae import new_sae
from saekit.train import TrainConfig, train_sae
from saekit.transformer import load_lm, weight_hash

L1 = [{"l1_coeff": value} for value in (0.03, 0.06, 0.12)]
K = [{"k": value} for value in (8, 16, 32, 64)]
GRID = {
    "topk": K, "topk-slowed": K, "batchtopk": K, "matryoshka": K, "relu": L1, "relu-tied": L1, "relu-weighted": L1,
    "gated": [{"l1_coeff": value} for value in (0.1, 0.2, 0.4)],
    "relu-hoyer": [{"hoyer_coeff": value} for value in (0.1, 0.2)],
    "relu-l0": [{"l0_coeff": value} for value in (0.003, 0.01, 0.03)],
    "jumprelu": [{"l0_coeff": value} for value in (0.0005, 0.0015, 0.005)],
}
MEASURED = ("l0", "explained_variance", "ce_increase", "dead_fraction")


def defined(arch, tokens, batch, lr=None, **knob):
    """All that defines one SAE: as `saekit train` trains its architecture by default, but for what is given."""
    settings, config = recipe(arch, tokens, batch, lr, **knob)
    run = {"arch": arch, "settings": settings, "config": asdict(config)}
    return json.loads(json.dumps(run))  # as a file gives it back: lists for tuples


def in_the_race(name, tokens, batch, **knob):
    """All that defines the SAE of one setting of GRID."""
    if name == "topk":
        return {**defined("batchtopk", tokens, batch, **knob), "arch": "topk"}
    return defined(name.removesuffix("-slowed"), tokens, batch, **knob)


def measure(lm, contexts, run, args):
    """The metrics of one SAE, trained now."""
    sae = new_sae(run["arch"], lm.d_mlp, args.d_sae, **run["settings"]).to(args.device)
    train_sae(sae, ActivationStream(lm, contexts, batch=args.batch), TrainConfig(**run["config"]))
    metrics = evaluate_sae(sae, lm, tokens=args.eval_tokens)
    return [metrics[name] for name in MEASURED]


def stored(path, header):
    """(runs, rows) of a file this script wrote before; empty if there is none. ValueError if it holds other runs."""
    if not path.is_file():
        return [], []
    arrays, record = files.load_arrays(path)
    if {name: record.get(name) for name in header} != header:
        raise ValueError(f"{path} holds SAEs of another size, length, text or model; choose another --out")
    return record["runs"], [list(map(float, row)) for row in zip(*(arrays[name] for name in MEASURED), strict=True)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="python-1l")
    parser.add_argument("--d-sae", type=int, default=4096)
    parser.add_argument("--tokens", type=lambda text: int(float(text)), default=1_000_000)
    parser.add_argument("--eval-tokens", type=lambda text: int(float(text)), default=100_000)
    parser.add_argument("--batch", type=int, default=4096)
    parser.add_argument("--archs", nargs="+", default=list(GRID), choices=list(GRID))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, default=Path("data/frontier.safetensors"))
    args = parser.parse_args()
    lm = load_lm(args.model, args.device)
    text = corpus.load_corpus("train", lm.tokenizer, lm.boundary)
    header = {name: getattr(args, name) for name in ("model", "d_sae", "tokens", "eval_tokens", "batch")}
    options = " ".join(f"--{name.replace('_', '-')} {value}" for name, value in header.items())
    header |= {"weight_hash": weight_hash(lm.model), "corpus": text.manifest._asdict(),
               "command": f"python benchmarks/frontier.py {options}"}
    runs, rows = stored(args.out, header)
    contexts = corpus.contexts(text, lm.n_ctx, lm.boundary)
    for name, knob in ((name, knob) for name in args.archs for knob in GRID[name]):
        run = in_the_race(name, args.tokens, args.batch, **knob)
        if run in runs:
            continue
        rows.append(measure(lm, contexts, run, args))
        runs.append(run)
        columns = {name: np.array(column, np.float32) for name, column in zip(MEASURED, zip(*rows), strict=True)}
        files.save_arrays(args.out, columns, {**header, "runs": runs})
        print(name, run["settings"], *(f"{metric} {value:.4g}" for metric, value in zip(MEASURED, rows[-1])), flush=True)


if __name__ == "__main__":
    main()
