"""Milliseconds per step against d_sae and batch: ours, the peers' and the encoder's product, as numbers and a figure.

    python benchmarks/scaling.py --json FILE [--peers PYTHON PEERS.PY] [--png FILE] [--largest 65536]
TopK 32 on rows of 512. A peer's cost beyond 16,384 latents is not measured: its step takes many seconds there.
"""

import argparse
import json
import statistics

import step
import torch

from saekit import plots

PEERS_UP_TO = 16384


def measure(d_sae, batch, args):
    floor = step.products(d_sae, batch, "cpu", 3)
    run = step.run_of("TopK", d_sae, batch, "cpu")
    mine = step.timed(lambda: step.train.train_step(run, next(run.stream)), 3, "cpu", warmup=1)
    rows = {"1 product, float32": floor[0]["ms"], "saekit": 1e3 * statistics.median(mine)}
    if args.peers and d_sae <= PEERS_UP_TO:
        found = step.peers(*args.peers, d_sae, batch, "float32", 2, "TopK")
        found = [row for row in found if "ms" in row and row["library"] != "ideal"]
        rows |= {row["library"].rpartition(" ")[0]: row["ms"] for row in found}
    times = "  ".join(f"{name} {ms:.0f} ms" for name, ms in rows.items())
    print(f"d_sae {d_sae:6,}  batch {batch:6,}  {times}", flush=True)
    return {"d_sae": d_sae, "batch": batch, "ms": rows}


def draw(record, path):
    fig, axes = plots.panels(2, height=3.2)
    colors = {"saekit": plots.LATENT, "1 product, float32": plots.TRUTH}
    for ax, axis, label in zip(axes, ("d_sae", "batch"), ("latents", "batch (rows)")):
        points = record[axis]
        for name in dict.fromkeys(name for point in points for name in point["ms"]):
            shown = [point for point in points if name in point["ms"]]
            ax.loglog([point[axis] for point in shown], [point["ms"][name] for point in shown], "o-",
                      color=colors.get(name, plots.BASELINE))
            ax.annotate(f" {name}", (shown[-1][axis], shown[-1]["ms"][name]), fontsize=7, va="center")
        ax.set(xlabel=label, ylabel="milliseconds per step")
        ax.margins(x=0.3)
    axes[0].set_title(f"TopK 32, batch {record['d_sae'][0]['batch']:,}")
    axes[1].set_title(f"TopK 32, {record['batch'][0]['d_sae']:,} latents")
    fig.savefig(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", nargs=2, metavar=("PYTHON", "SCRIPT"))
    parser.add_argument("--largest", type=int, default=65536, help="number of latents to stop at")
    parser.add_argument("--json", required=True)
    parser.add_argument("--png")
    args = parser.parse_args()
    sizes = [d_sae for d_sae in (512, 2048, 4096, 16384, 65536) if d_sae <= args.largest]
    record = {"machine": step.machine("cpu"), "torch_threads": torch.get_num_threads(),
              "d_sae": [measure(d_sae, 2048, args) for d_sae in sizes],
              "batch": [measure(4096, batch, args) for batch in (256, 1024, 4096, 16384)]}
    with open(args.json, "w") as file:
        json.dump(record, file, indent=1)
    if args.png:
        draw(record, args.png)


if __name__ == "__main__":
    main()
