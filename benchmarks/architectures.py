"""Samples per second and peak memory of one training step of every architecture, each in a process of its own.

    python benchmarks/architectures.py [--d-sae 4096] [--rounds 2] [--json FILE]
The step is that of `step.py`, on its data: k = 32 latents a row where an architecture counts them, biases at which 2 % of
the latents fire elsewhere; nothing is dead, so nobody pays for AuxK. Milliseconds are the median over all rounds.
"""

import argparse
import json
import statistics
import subprocess
import sys

import step

from saekit import memory, train

ARCHS = {**step.ARCHS, "Matryoshka": ("matryoshka", {"k": 32}), "Gated": ("gated", {}), "ReLU-L1, tied": ("relu-tied", {}),
         "ReLU-L1, weighted": ("relu-weighted", {}), "ReLU, Hoyer": ("relu-hoyer", {}),
         "ReLU, smoothed L0": ("relu-l0", {})}


def worker(name, d_sae, batch, steps):
    """Print milliseconds of each step, the density of latents that fired and the peak memory of this process."""
    memory.keep_freed()     # as saekit train does
    step.ARCHS = ARCHS
    run, last = step.run_of(name, d_sae, batch, "cpu"), []
    seconds = step.timed(lambda: last.append(train.train_step(run, next(run.stream))), steps, "cpu")
    print(json.dumps({"ms": [1e3 * s for s in seconds], "density": last[-1].fired.sum().item() / batch / d_sae,
                      "gb": step.peak_memory("cpu")}))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--d-sae", type=int, default=4096)
    parser.add_argument("--batch", type=int, default=4096)
    parser.add_argument("--steps", type=int, default=7)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--json")
    parser.add_argument("--worker", choices=ARCHS, help="what each process runs")
    args = parser.parse_args()
    if args.worker:
        return worker(args.worker, args.d_sae, args.batch, args.steps)
    record = {"machine": step.machine("cpu"), "d_sae": args.d_sae, "batch": args.batch, "rows": {}}
    print(record["machine"], f"\n{'architecture':20}{'ms/step':>9}{'samples/s':>11}{'fires':>8}{'peak GB':>9}")
    sizes = [f"--{name}={getattr(args, name.replace('-', '_'))}" for name in ("d-sae", "batch", "steps")]
    for name in list(ARCHS) * args.rounds:
        command = [sys.executable, __file__, "--worker", name, *sizes]
        found = json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()[-1])
        row = record["rows"].setdefault(name, {**found, "ms": []})
        row["ms"] += found["ms"]
        row["gb"] = max(row["gb"], found["gb"])
    for name, row in record["rows"].items():
        ms = statistics.median(row["ms"])
        print(f"{name:20}{ms:9.0f}{1e3 * args.batch / ms:11,.0f}{row['density']:8.1%}{row['gb']:9.2f}")
    if args.json:
        with open(args.json, "w") as file:
            json.dump(record, file, indent=1)


if __name__ == "__main__":
    main()
