"""Feature dimensionality at the paper's size: 400 features in 30 dimensions, several probabilities side by side.

    python benchmarks/toy_plateaus.py [--instances 20] [--steps 5000] [--batch 512] [--out data/toy-plateaus.safetensors]
Stores the probabilities and, per model, the shares of a dimension and the lengths of all features, with the settings
and the time of the run in the file's record. Elhage et al. (2022), "The Geometry of Superposition".
"""

import argparse
import time
from pathlib import Path

import numpy as np

from saekit import files, superposition

PLATEAUS = {"pair": 1 / 2, "tetrahedron": 3 / 4, "triangle": 2 / 3, "pentagon": 2 / 5, "square antiprism": 3 / 8}


def report(p, shares, lengths):
    """One line per probability: how many features are represented, and which share of them stands on each plateau."""
    print(f"{'p':>7} {'features':>9} " + " ".join(f"{name:>17}" for name in PLATEAUS))
    for p_k, share, length in zip(p, shares, lengths, strict=True):
        kept = share[length > 0.5]
        on = [100 * np.mean(np.abs(kept - plateau) < 0.02) if len(kept) else 0 for plateau in PLATEAUS.values()]
        print(f"{p_k:7.3f} {len(kept):9d} " + " ".join(f"{value:15.0f} %" for value in on))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--instances", type=int, default=20)
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--out", type=Path, default=Path("data/toy-plateaus.safetensors"))
    args = parser.parse_args()
    p = np.geomspace(0.02, 0.9, args.instances)
    model = superposition.ToyModel(400, 30, args.instances, seed=0)
    start = time.perf_counter()
    superposition.train_toy(model, p, steps=args.steps, batch=args.batch)
    W = model.W.detach().numpy()
    shares, lengths = superposition.feature_dimensionality(W), np.linalg.norm(W, axis=2)
    report(p, shares, lengths)
    record = {"n_features": 400, "d_hidden": 30, "steps": args.steps, "batch": args.batch,
              "seconds": round(time.perf_counter() - start)}
    arrays = {"feature_probability": p, "shares": shares.astype(np.float16), "lengths": lengths.astype(np.float16)}
    files.save_arrays(args.out, arrays, record)


if __name__ == "__main__":
    main()
