"""How good the SAEs are that saekit and the peers' own trainers make of the same activations in the same order.

    python benchmarks/quality.py --peers PEERS/bin/python --json FILE          everything, the cheap runs first
    python benchmarks/quality.py --peers PEERS/bin/python --json FILE --plan   what is left to run and how long it takes
    python benchmarks/quality.py --json FILE --table                           the rows whose runs FILE holds all
    python benchmarks/quality.py --peers PEERS/bin/python --quick              self-test in under a minute
4,096 latents on layer 0 of a bundled model. Peers train in their own environment (peer_quality.py), fed through a pipe;
what they trained comes back reading raw activations, must reconstruct as it did there, and is measured as ours is. FILE
holds every run and is written after each: a run in it is not done again. The method is in benchmarks/README.md.
"""

import argparse
import contextlib
import itertools
import json
import math
import time
from pathlib import Path

import contestants
import matching
import numpy as np
import step
from contestants import BATCH, L0, recipe_of

from saekit import activations, corpus, files
from saekit.experiment import DEFAULTS
from saekit.intervene import evaluate_sae
from saekit.transformer import load_lm, weight_hash

D_SAE, EVAL_TOKENS = 4096, 200_000
MOST_KNOBS = 5          # runs at one learning rate
SPEED_ROWS = 6 * BATCH  # on which --plan measures a speed that FILE does not hold
ARCHS = ("topk", "relu", "batchtopk", "jumprelu")
STAGES = [(2_000_000, ARCHS, 3), (10_000_000, ("topk", "relu"), 1)]  # activations, architectures, seeds
FULL = [(10_000_000, ARCHS, 3)]
METRICS = ("ce_increase", "explained_variance", "dead_fraction")


class Bench:
    """The runs of FILE, and what it takes to do more of them."""

    def __init__(self, args):
        self.args, self.peers, self.best, self.knobs, self.rows = args, None, {}, {}, []
        self.machine = step.machine(args.device)
        self.lm = load_lm(args.model, args.device)
        self.contexts, self.validation, sha = texts(self.lm, args.text)
        self.d_sae, self.eval_tokens = (512, 5000) if args.quick else (D_SAE, EVAL_TOKENS)
        self.shared = {"d_sae": self.d_sae, "model": self.lm.name, "weights": weight_hash(self.lm.model), "text": sha}
        held = files.read_json(args.json) if args.json and Path(args.json).is_file() else {}
        self.records, self.speeds = held.get("runs", []), held.get("speeds", {})

    def compete(self, contestant, arch, tokens, seed, sweeping):
        """One row of the table: the metrics at L0 of one learning rate, or of a sweep's best."""
        recipe, records = recipe_of(contestant, arch, tokens), {}
        run = {"contestant": contestant, "arch": arch, "tokens": tokens, "seed": seed, **self.shared}

        def points_at(lr):
            records[lr] = self.matched({**run, "lr": lr}, recipe, matching.ROUGH, [])
            return points(records[lr], "ce_increase")

        best = recipe.lr if contestant == "saekit" else self.best.get((contestant, arch), recipe.lr)
        if sweeping and self.args.lrs > 1:
            best = matching.best_lr(matching.sweep(points_at, best, L0, self.args.lrs), L0)
        self.best[contestant, arch] = best
        records[best] = self.matched({**run, "lr": best}, recipe, matching.CLOSE, records.get(best, []))
        row = {"contestant": contestant, "arch": arch, "tokens": tokens, "seed": seed, "lr": best,
               "lrs": sorted(records), "l0": sorted(l0 for l0, _ in points(records[best], "l0")),
               "failed": sum("error" in record for record in itertools.chain(*records.values()))}
        self.rows.append(row | {name: matching.at_l0(points(records[best], name), L0) for name in METRICS})

    def matched(self, run, recipe, close, records):
        """Records of runs at one learning rate, those given and more whose knobs close in on L0."""
        name, whole, most = (run["contestant"], run["arch"]), recipe.knob == "k", 1 if self.args.quick else MOST_KNOBS
        while len(records) < most and not any("error" in record for record in records):
            tried = [(record["run"]["knob"], record["metrics"]["l0"]) for record in records]
            knob = matching.next_knob(tried, L0, recipe.slope, whole, close) if tried else self.knobs.get(
                name, recipe.first)
            if knob is None:
                break
            records = [*records, self.do({**run, "knob": knob})]
        tried = [(record["run"]["knob"], record["metrics"]["l0"]) for record in records if "metrics" in record]
        found = matching.knob_at(tried, L0, recipe.slope) if tried else None
        if found is not None:  # where the next learning rate, seed or length begins
            self.knobs[name] = round(found) if whole else float(f"{found:.4g}")
        return records

    def do(self, run):
        """The record of a run: from FILE, else trained and measured now."""
        if run["contestant"] == "saekit":
            run = run | {"defaults": json.loads(json.dumps(DEFAULTS[run["arch"]]))}  # other defaults are another run
        done = [record for record in self.records if record["run"] == run and "metrics" in record]
        return done[0] if done else self.do_now(run)

    def do_now(self, run):
        try:
            sae, about = self.trained(run)
            start = time.perf_counter()
            metrics = evaluate_sae(sae, self.lm, 0, self.eval_tokens, self.validation)
            record = {"run": run, **about, "eval_seconds": time.perf_counter() - start,
                      "metrics": {name: value for name, value in metrics.items() if isinstance(value, (int, float))}}
        except (RuntimeError, ValueError, OSError) as error:  # one run that fails must not stop the others
            record = {"run": run, "error": f"{type(error).__name__}: {error}"}
        if "metrics" in record and not self.args.quick:
            self.speeds[speed_name(run)] = run["tokens"] / record["seconds"]
            self.speeds["evaluation"] = self.eval_tokens / record["eval_seconds"]
        self.records = [other for other in self.records if other["run"] != run] + [record]
        print(line(record), flush=True)
        self.save()
        return record

    def trained(self, run):
        """(SAE that reads raw activations, facts about the run)."""
        chunk = min(2**17, max(4 * BATCH, run["tokens"] // 8))      # a short run must not be all harvest
        stream = activations.ActivationStream(self.lm, self.contexts, 0, BATCH, run["seed"], chunk)
        if run["contestant"] == "saekit":
            return contestants.train_ours(run, stream, self.lm.d_mlp, self.args.device)
        if self.peers is None or not self.peers.alive():
            self.peers = contestants.PeerProcess(self.args.peers)
        return self.peers.train(run, stream, self.lm.d_mlp, self.args.device)

    def save(self):
        if self.args.json:
            record = {"machine": self.machine, "table": self.rows, "speeds": self.speeds, "runs": self.records}
            files.write_json(self.args.json, record)


class Plan(Bench):
    """The same schedule with nothing trained: as if L0 took a correction and the middle learning rate won."""

    seconds = 0.0

    def do_now(self, run):
        recipe = recipe_of(run["contestant"], run["arch"], run["tokens"])
        if speed_name(run) not in self.speeds:
            self.measure_speed(run)
        seconds = run["tokens"] / self.speeds[speed_name(run)] + EVAL_TOKENS / self.speeds["evaluation"]
        self.seconds += seconds
        print(f"{seconds / 60:6.1f} min  {describe(run)}", flush=True)
        off = {"topk": 1.0, "batchtopk": 1.03}.get(run["arch"], 1.3)
        return {"run": run, "metrics": {"l0": L0 * (run["knob"] * off / recipe.first) ** recipe.slope,
                                        "ce_increase": abs(math.log(run["lr"] / recipe.lr)),
                                        "explained_variance": 0.0, "dead_fraction": 0.0}}

    def measure_speed(self, run):
        sae, about = self.trained(run | {"tokens": SPEED_ROWS})
        self.speeds[speed_name(run)] = SPEED_ROWS / about["seconds"]
        if "evaluation" not in self.speeds:
            start = time.perf_counter()
            evaluate_sae(sae, self.lm, 0, EVAL_TOKENS // 10, self.validation)
            self.speeds["evaluation"] = EVAL_TOKENS // 10 / (time.perf_counter() - start)


class Table(Bench):
    """The same schedule with nothing trained: only the rows all of whose runs FILE holds."""

    def compete(self, *row, **options):
        with contextlib.suppress(LookupError):
            super().compete(*row, **options)

    def do_now(self, run):
        raise LookupError(describe(run))


def points(records, name):
    """(l0, metric) of the runs that did not fail."""
    return [(record["metrics"]["l0"], record["metrics"][name]) for record in records if "metrics" in record]


def speed_name(run):
    return "{contestant} {arch}".format(**run)


def describe(run):
    return "{tokens:>10,}  {arch:9} {contestant:26} seed {seed}  lr {lr:.1e}  {knob_name} {knob:g}".format(
        **run, knob_name=recipe_of(run["contestant"], run["arch"]).knob)


def line(record):
    """One run as a line of text."""
    if "error" in record:
        return f"{describe(record['run'])}  FAILED: {record['error'][:300]}"
    text = "  L0 {l0:.2f}  ce_increase {ce_increase:.4f}  EV {explained_variance:.4f}  dead {dead_fraction:.1%}"
    folding = f"  folding {record['folding_error']:.0e}" if "folding_error" in record else ""
    return f"{describe(record['run'])}{text.format(**record['metrics'])}  {record['seconds']:.0f} s{folding}"


def texts(lm, path):
    """(training contexts, validation TokenStream, hash): of this machine, or of a file that --write-text wrote."""
    if path:
        arrays, about = files.load_arrays(path)
        manifest = corpus.Manifest(*about["validation"])
        held = corpus.TokenStream(arrays["validation"], np.zeros(1, np.int64), [], manifest)
        return arrays["train"], held, about["sha"]
    stream, held = (corpus.load_corpus(split, lm.tokenizer, lm.boundary) for split in ("train", "validation"))
    return corpus.contexts(stream, lm.n_ctx, lm.boundary), held, stream.manifest.sha


def write_text(lm, path, tokens=11_000_000):
    """Contexts for 10 million activations and the text that is measured on, in one file for another machine."""
    contexts, held, sha = texts(lm, None)
    chosen = np.random.default_rng(0).permutation(len(contexts))[:math.ceil(tokens / (lm.n_ctx - 1))]
    files.save_arrays(path, {"train": contexts[chosen], "validation": held.tokens[:EVAL_TOKENS + lm.n_ctx]},
                      {"validation": held.manifest, "sha": f"{sha}, {len(chosen)} contexts"})


def show(rows):
    """The table, by activations and architecture, over seeds, and ours against the best peer."""
    for tokens, arch in sorted({(row["tokens"], row["arch"]) for row in rows}):
        print(f"\n{arch}, {tokens:,} activations, at L0 {L0}\n{'':28}{'ce_increase':>12}{'over seeds':>18}{'EV':>8}"
              f"{'dead':>8}{'lr':>9}  L0 of the runs")
        means = {}
        for contestant in ("saekit", *contestants.PEERS):
            group = [r for r in rows if (r["tokens"], r["arch"], r["contestant"]) == (tokens, arch, contestant)]
            if group:
                print(f"{contestant:28}{row_text(group)}")
                if all(row["ce_increase"] is not None for row in group):
                    means[contestant] = np.mean([row["ce_increase"] for row in group])
        peers = {name: value for name, value in means.items() if name != "saekit"}
        if peers and "saekit" in means:
            best = min(peers, key=peers.get)
            print(f"saekit / best peer ({best}) = {means['saekit'] / peers[best]:.3f}")


def row_text(group):
    """One contestant's numbers over its seeds."""
    ce, ev, dead = ([row[name] for row in group if row[name] is not None] for name in METRICS)
    l0 = [value for row in group for value in row["l0"]] or [math.nan]
    lr, lrs = group[0]["lr"], group[0]["lrs"]
    numbers = f"{np.mean(ce):12.4f}{min(ce):11.4f}-{max(ce):.4f}{np.mean(ev):8.4f}{np.mean(dead):8.1%}" if ce else (
        f"{'L0 not reached':>46}")
    return f"{numbers}{lr:9.1e}  {min(l0):.1f}-{max(l0):.1f}" + "  (end of the sweep)" * (len(lrs) > 1 and (
        lr in (lrs[0], lrs[-1]))) + f"  {sum(row['failed'] for row in group)} failed" * any(r["failed"] for r in group)


def schedule(bench, args):
    """All rows: ours with its defaults, peers swept at their first seed, on a second length only TopK again."""
    for tokens, archs, n_seeds in FULL if args.full else STAGES:
        seeds = range(n_seeds) if args.seeds is None else [seed for seed in range(n_seeds) if seed in args.seeds]
        for seed, arch, contestant in itertools.product(seeds, archs, ("saekit", *contestants.PEERS)):
            if recipe_of(contestant, arch) and chosen(args, contestant, arch, tokens):
                first = (contestant, arch) not in bench.best or (seed == 0 and arch == "topk")
                bench.compete(contestant, arch, tokens, seed, sweeping=first and contestant != "saekit")


def chosen(args, contestant, arch, tokens):
    """Whether --tokens and --only ask for it; a library's second trainer runs where it is named, or with --full."""
    names = (arch, *contestant.lower().split())
    wanted = all(text.lower() in names for text in args.only) and tokens in (args.tokens or [tokens])
    return wanted and (args.full or " " not in contestant or names[-1] in args.only)


def quick(bench):
    for arch, contestant in itertools.product(ARCHS, ("saekit", *contestants.PEERS)):
        if recipe_of(contestant, arch):
            bench.compete(contestant, arch, 50_000, 0, sweeping=False)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", metavar="PYTHON", help="python of the peers' environment")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--plan", action="store_true")
    parser.add_argument("--table", action="store_true", help="train nothing: the rows for which FILE holds every run")
    parser.add_argument("--quick", action="store_true", help="50,000 activations, 512 latents, L0 is not matched")
    parser.add_argument("--full", action="store_true", help="all four on 10 million with 3 seeds: for a GPU")
    parser.add_argument("--only", nargs="*", default=[], help="an architecture, a contestant (april: a second trainer)")
    parser.add_argument("--tokens", nargs="*", type=lambda text: int(float(text)), help="only stages of that length")
    parser.add_argument("--seeds", nargs="*", type=int)
    parser.add_argument("--lrs", type=int, default=5, help="most learning rates in a sweep; 1: the law's alone")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--model", default="python-1l")
    parser.add_argument("--text", metavar="FILE", help="what --write-text wrote, instead of this machine's files")
    parser.add_argument("--write-text", metavar="FILE")
    args = parser.parse_args()
    if not (args.peers or args.write_text or args.table):
        parser.error("--peers is missing: the python of the peers' environment, see benchmarks/README.md")
    return args


def main():
    args = arguments()
    if args.write_text:
        return write_text(load_lm(args.model), args.write_text)
    bench = (Plan if args.plan else Table if args.table else Bench)(args)
    try:
        quick(bench) if args.quick else schedule(bench, args)
    finally:
        if bench.peers:
            bench.peers.close()
    if args.plan:
        return print(f"{bench.seconds / 3600:.1f} hours for the runs that FILE does not hold")
    bench.save()
    if not args.quick:  # its numbers say nothing
        show(bench.rows)
    return int(any(row["failed"] for row in bench.rows))


if __name__ == "__main__":
    raise SystemExit(main())
