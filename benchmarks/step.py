"""Samples per second of one full training step, ours and the peers', beside the matrix products they contain.

    python benchmarks/step.py [--peers PYTHON PEERS.PY] [--case fp32 wide bf16] [--json FILE]
    python benchmarks/step.py --end-to-end [--contexts FILE]         harvest and step together
    python benchmarks/step.py --device cuda --case h200 h200-4096    what gpu.sh runs
A step is `train.train_step`: centring, loss, gradients, projection, clipping, Adam, unit norm, dead-latent counts. Ours
is timed before and after the peers, who run in their own environment (PYTHON) through a script (PEERS.PY) that drives
their own trainers on the same data. Medians. FILE is a .npy of token ids (n, n_ctx); --write-contexts FILE makes one.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

import saekit  # noqa: F401  before torch, which reads what it sets
import torch

from saekit import activations, corpus, kernels, train
from saekit.sae import new_sae
from saekit.transformer import load_lm

DENSITY = 0.02
CASES = {  # d_sae, batch, dtype of the peers' products
    "fp32": (4096, 4096, "float32"), "wide": (16384, 2048, "float32"), "bf16": (4096, 4096, "bfloat16"),
    "h200": (131072, 32768, "bfloat16"), "h200-4096": (4096, 32768, "bfloat16"),
}
ARCHS = {"TopK": ("topk", {"k": 32}), "BatchTopK": ("batchtopk", {"k": 32}),
         "ReLU-L1": ("relu", {"l1_coeff": 0.1}), "JumpReLU": ("jumprelu", {"threshold": 0.1})}


def mixture(n, d_in=512, centres=64, noise=0.5):
    """Rows of a Gaussian mixture, the peers' data: mean squared norm about d_in."""
    generator = torch.Generator().manual_seed(0)
    means = torch.randn(centres, d_in, generator=generator)
    which = torch.randint(centres, (n,), generator=generator)
    return (means[which] + noise * torch.randn(n, d_in, generator=generator)) / (1 + noise**2) ** 0.5


class Fixed:
    """Endless batches of given rows."""

    def __init__(self, rows, batch):
        self.rows, self.batch, self.position = rows, batch, 0

    def __next__(self):
        self.position += 1
        first = (self.position - 1) * self.batch % len(self.rows)
        return self.rows[first:first + self.batch]

    def state(self):
        return {"position": self.position}

    def restore(self, state):
        self.position = state["position"]


def timed(function, steps, device, warmup=2):
    """Seconds of each of `steps` calls after `warmup` more."""
    seconds = []
    for index in range(warmup + steps):
        start = time.perf_counter()
        function()
        if device == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    return seconds[warmup:]


def run_of(variant, d_sae, batch, device):
    """A Run on the mixture. Thresholded variants get biases at which DENSITY of the latents fires, and no learning."""
    arch, settings = ARCHS[variant]
    stream = Fixed(mixture(4 * batch).to(device), batch)
    config = train.TrainConfig(tokens=10**12, lr=1e-12, dead_after_tokens=10**12)  # nobody pays for AuxK
    run = train.Run(new_sae(arch, 512, d_sae, **settings).to(device), stream, config)
    run.start()
    if "k" not in settings:
        with torch.no_grad():
            pre_acts = run.sae.pre_acts((stream.rows[:64] - run.mean) / run.scale).cpu().numpy()
            run.sae.b_enc.sub_(float(np.quantile(pre_acts, 1 - DENSITY)) - settings.get("threshold", 0.0))
    return run


def products(d_sae, batch, device, steps):
    """Rows of the table for the encoder's product alone, in both precisions, and on a GPU for a large square one."""
    rows = []
    shapes = [(batch, 512, d_sae, dtype) for dtype in (torch.float32, torch.bfloat16)]
    for n, d, m, dtype in shapes + [(8192, 8192, 8192, torch.bfloat16)] * (device == "cuda"):
        a, b = torch.randn(n, d, device=device).to(dtype), torch.randn(d, m, device=device).to(dtype)
        seconds = statistics.median(timed(lambda a=a, b=b: a @ b, steps, device))
        name = f"1 product {str(dtype)[6:]}" + (" 8192^3" if d == 8192 else "")
        rows.append({"library": "floor", "variant": name, "ms": 1e3 * seconds, "samples_per_s": n / seconds,
                     "tflops": 2 * n * d * m / seconds / 1e12})
    return rows


def ours(d_sae, batch, device, steps, plain=False):
    rows, batch = [], min(batch, 8192) if plain else batch  # the plain loss holds several (batch, d_sae) arrays
    for variant in ARCHS:
        run = run_of(variant, d_sae, batch, device)
        if plain:
            kernels_loss, kernels.loss = kernels.loss, lambda sae, x, dead, warmth, room: sae.loss(x, dead, warmth)
        last = []
        try:
            ms = [1e3 * s for s in timed(lambda: last.append(train.train_step(run, next(run.stream))), steps, device)]
        except torch.OutOfMemoryError:
            continue
        finally:
            if plain:
                kernels.loss = kernels_loss
        l0 = last[-1].fired.sum().item() / batch
        rows.append({"library": "plain torch" if plain else "saekit", "variant": variant, "all_ms": ms, "l0": l0,
                     "batch": batch})
    return rows


def peers(python, script, d_sae, batch, dtype, steps, only=""):
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        command = [python, script, "--d-sae", d_sae, "--batch", batch, "--dtype", dtype, "--steps", steps,
                   "--warmup", 1, "--json", file.name, "--threads", torch.get_num_threads(), "--only", only]
        subprocess.run([str(part) for part in command], stdout=subprocess.DEVNULL, check=True)
        return json.load(file, parse_constant=lambda _: None)["rows"]      # a NaN is no JSON


def case(name, args):
    """All rows of one case, ours timed before and after the peers'."""
    d_sae, batch, dtype = CASES[name]
    rows = products(d_sae, batch, args.device, args.steps)
    mine = ours(d_sae, batch, args.device, args.steps)
    others = peers(*args.peers, d_sae, batch, dtype, args.peer_steps) if args.peers else []
    if args.device == "cuda":
        mine += ours(d_sae, batch, args.device, 2, plain=True)
    if others:
        for row, again in zip(mine, ours(d_sae, batch, args.device, args.steps)):
            row["all_ms"] += again["all_ms"]
    for row in mine:
        row["ms"] = statistics.median(row["all_ms"])
        row["samples_per_s"] = 1e3 * row["batch"] / row["ms"]
    show(name, rows + others + mine, mine)
    return {"case": name, "d_in": 512, "d_sae": d_sae, "batch": batch, "rows": rows + others + mine}


def show(name, rows, mine):
    print("\n{}: d_in 512, d_sae {:,}, batch {:,}, products of the peers in {}".format(name, *CASES[name]))
    print(f"{'library':32}{'variant':26}{'ms/step':>10}{'samples/s':>13}")
    for row in rows:
        print(f"{row['library']:32}{row['variant']:26}" + (
            f"{row['ms']:10.2f}{row['samples_per_s']:13,.0f}" if "ms" in row else f"  failed: {row['error'][:60]}"))
    for variant, pattern in (("TopK", "topk"), ("ReLU-L1", "l1")):
        speed = next(row["samples_per_s"] for row in mine if row["variant"] == variant)
        found = {row["library"]: row["samples_per_s"] for row in rows if "ms" in row and row not in mine
                 and row["library"] not in ("floor", "ideal") and pattern in row["variant"].lower()}
        if found:
            print(f"{variant}: saekit / best peer = {speed / max(found.values()):.2f};  "
                  + ", ".join(f"/ {library} = {speed / other:.2f}" for library, other in found.items()))


def end_to_end(args, steps=96):
    """Samples per second with the harvest, and the step's share of the time, on the bundled model; without AuxK."""
    lm = load_lm("python-1l", args.device)
    contexts = np.load(args.contexts) if args.contexts else validation_contexts(lm)
    stream = activations.ActivationStream(lm, contexts, batch=args.batch)
    run = train.Run(new_sae("topk", lm.d_mlp, args.d_sae, k=32).to(args.device), stream,
                    train.TrainConfig(tokens=10**9, dead_after_tokens=10**12))
    run.start()
    harvest = [0.0]

    def step():
        start = time.perf_counter()
        x = train.next_batch(stream)
        harvest[-1] = time.perf_counter() - start
        harvest.append(0.0)
        train.train_step(run, x)
        run.step += 1

    seconds = timed(step, steps, args.device)
    total, waiting = sum(seconds), sum(harvest[-steps - 1:])
    print(f"\nend to end, {args.d_sae:,} latents, batch {args.batch:,}: {steps * args.batch / total:,.0f} samples/s; "
          f"the step takes {1 - waiting / total:.0%} of the time")
    return {"case": "end to end", "d_sae": args.d_sae, "batch": args.batch, "samples_per_s": steps * args.batch / total,
            "step_share": 1 - waiting / total}


def validation_contexts(lm):
    return corpus.contexts(corpus.load_corpus("validation", lm.tokenizer, lm.boundary), lm.n_ctx, lm.boundary)


def machine(device):
    processor = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo") as file:
            processor = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), processor)
    return {"processor": processor, "threads": torch.get_num_threads(), "torch": torch.__version__,
            "bfloat16": kernels.bf16_pays(), "load": os.getloadavg()[0], "date": time.strftime("%Y-%m-%d"),
            "gpu": torch.cuda.get_device_name() if device == "cuda" else None}


def peak_memory(device):
    """Gigabytes: of the GPU's memory, or resident in this process."""
    if device == "cuda":
        return torch.cuda.max_memory_allocated() / 1e9
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e9


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", nargs=2, metavar=("PYTHON", "SCRIPT"))
    parser.add_argument("--case", nargs="*", choices=CASES, default=["fp32", "wide", "bf16"])
    parser.add_argument("--steps", type=int, default=7)
    parser.add_argument("--peer-steps", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--end-to-end", action="store_true")
    parser.add_argument("--contexts", help="tokens for --end-to-end; default: this machine's validation files")
    parser.add_argument("--write-contexts", metavar="FILE")
    parser.add_argument("--d-sae", type=int, default=4096)
    parser.add_argument("--batch", type=int, default=4096)
    parser.add_argument("--float32", action="store_true", help="find candidates by a float32 product, as processors "
                        "without bfloat16 instructions must")
    parser.add_argument("--json")
    args = parser.parse_args()
    if args.float32:
        kernels.bf16_pays = lambda: False
    if args.write_contexts:
        return np.save(args.write_contexts, validation_contexts(load_lm("python-1l")).astype(np.uint16))
    record = {"machine": machine(args.device)}
    print(record["machine"])
    record["cases"] = [end_to_end(args)] if args.end_to_end else [case(name, args) for name in args.case]
    record["peak_memory_gb"] = peak_memory(args.device)
    print(f"peak memory {record['peak_memory_gb']:.2f} GB")
    if args.json:
        with open(args.json, "w") as file:
            json.dump(record, file, indent=1)


if __name__ == "__main__":
    main()
