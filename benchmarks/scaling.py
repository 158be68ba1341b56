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
    fig, axes = plots.panels(2, height=3.4, sharey=True)
    colors = {"saekit": plots.LATENT, "1 product, float32": plots.TRUTH}
    for ax, axis, label in zip(axes, ("d_sae", "batch"), ("latents", "rows in the batch")):
        points = record[axis]
        ends = []
        for name in dict.fromkeys(name for point in points for name in point["ms"]):
            x, y = zip(*[(point[axis], point["ms"][name]) for point in points if name in point["ms"]])
            ax.loglog(x, y, "o-", markersize=4, color=colors.get(name, plots.BASELINE))
            ends.append((x[-1], y[-1], name))
        for (x, y, name), place in zip(sorted(ends, key=lambda end: end[1]), spread([end[1] for end in ends])):
            ax.annotate(name, (x, y), (max(end[0] for end in ends) * 1.5, place), fontsize=7, va="center",
                        color=colors.get(name, "0.35"), arrowprops={"arrowstyle": "-", "color": "0.8", "lw": 0.5})
        ax.set(xlabel=label, xlim=(None, points[-1][axis] * 14))
    axes[0].set_ylabel("milliseconds per step")
    axes[0].set_title(f"The step grows as its product (batch {record['d_sae'][0]['batch']:,})", fontsize=9)
    axes[1].set_title(f"TopK 32, {record['batch'][0]['d_sae']:,} latents", fontsize=9)
    fig.savefig(path)


def spread(values, gap=1.35):
    """The sorted values, moved up where needed so that each is at least `gap` times the one before."""
    places = []
    for value in sorted(values):
        places.append(max(value, places[-1] * gap) if places else value)
    return places


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", nargs=2, metavar=("PYTHON", "SCRIPT"))
    parser.add_argument("--largest", type=int, default=65536, help="number of latents to stop at")
    parser.add_argument("--json", required=True)
    parser.add_argument("--png")
    parser.add_argument("--draw", action="store_true", help="only draw --png from the numbers in --json")
    args = parser.parse_args()
    if args.draw:
        with open(args.json) as file:
            return draw(json.load(file), args.png)
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
