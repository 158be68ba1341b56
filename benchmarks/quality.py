"""How good the SAEs are that saekit and the peers' own trainers make of the same activations in the same order.

    python benchmarks/quality.py --peers PEERS/bin/python --json FILE          everything, the cheap runs first
    python benchmarks/quality.py --peers PEERS/bin/python --json FILE --plan   what is left to run and how long it takes
    python benchmarks/quality.py --json FILE --table                           what FILE holds so far
    python benchmarks/quality.py --peers PEERS/bin/python --quick              self-test in under a minute
4,096 latents on layer 0 of a bundled model. Peers train in their own environment (peer_quality.py), fed through a pipe;
what they trained comes back reading raw activations, must reconstruct as it did there, and is measured as ours is. FILE
holds every run and is written after each: a run in it is not done again. The method is in benchmarks/README.md.
"""

import argparse
import contextlib
import itertools
import math
import time
from pathlib import Path

import contestants
import matching
import numpy as np
import step
from contestants import BATCH, L0, recipe_of
from learning_rate import neuron_rows

from saekit import activations, corpus, files
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
        self.contexts, self.train, self.validation, sha = texts(self.lm, args.text)
        self.d_sae, self.eval_tokens = (512, 5000) if args.quick else (D_SAE, EVAL_TOKENS)
        self.shared = {"d_sae": self.d_sae, "model": self.lm.name, "weights": weight_hash(self.lm.model), "text": sha}
        held = files.read_json(args.json) if args.json and Path(args.json).is_file() else {}
        self.records, self.speeds = held.get("runs", []), held.get("speeds", {})
        self.may_train = True

    def compete(self, contestant, arch, tokens, seed, sweeping):
        """One row of the table: the metrics at L0, a peer's at its best learning rate of a sweep, ours at our default.

        A sweep of ours shows what other rates would have brought and never chooses.
        """
        recipe, records = recipe_of(contestant, arch, tokens), {}
        run = {"contestant": contestant, "arch": arch, "tokens": tokens, "seed": seed, **self.shared}

        def points_at(lr):
            others = points(itertools.chain(*records.values()), "ce_increase")
            try:
                records[lr] = self.matched({**run, "lr": lr}, recipe, matching.ROUGH, [], others)
            except LookupError:
                if not self.args.table:
                    raise
                return []  # not run yet: the table shows the rates that were
            return points(records[lr], "ce_increase")

        best = recipe.lr if contestant == "saekit" else self.best.get((contestant, arch), recipe.lr)
        if sweeping and self.args.lrs > 1:
            ours = contestant == "saekit"
            found = matching.sweep(points_at, best, L0, min(3, self.args.lrs) if ours else self.args.lrs)
            best = best if ours else matching.best_lr(found, L0)
        self.best[contestant, arch] = best
        records[best] = self.matched({**run, "lr": best}, recipe, matching.CLOSE, records.get(best, []))
        row = {"contestant": contestant, "arch": arch, "tokens": tokens, "seed": seed, "lr": best,
               "l0": sorted(l0 for l0, _ in points(records[best], "l0")),
               "rates": {lr: nearest_metrics(records[lr]) for lr in sorted(records)},
               "failed": sum("error" in record for record in itertools.chain(*records.values()))}
        self.rows.append(row | {name: matching.at_l0(points(records[best], name), L0) for name in METRICS})

    def matched(self, run, recipe, close, records, others=()):
        """Records of runs at one learning rate, those given and more whose knobs close in on L0, unless a run of the
        others, (l0, ce_increase), shows that this rate cannot be the best."""
        name, whole, most = (run["contestant"], run["arch"]), recipe.knob == "k", 1 if self.args.quick else MOST_KNOBS
        records = records or self.held(run)
        while len(records) < most and not any("error" in record for record in records):
            tried = [(record["run"]["knob"], record["metrics"]["l0"]) for record in records]
            knob = matching.next_knob(tried, L0, recipe.slope, whole, close) if tried else self.knobs.get(
                name, recipe.first)
            shown = self.args.table and records     # the table shows what is there, also where nothing lies near L0 yet
            if knob is None or shown or matching.beaten(points(records, "ce_increase"), others, L0):
                break
            records = [*records, self.do({**run, "knob": knob})]
        tried = [(record["run"]["knob"], record["metrics"]["l0"]) for record in records if "metrics" in record]
        found = matching.knob_at(tried, L0, recipe.slope) if tried else None
        if found is not None:  # where the next learning rate, seed or length begins
            self.knobs[name] = round(found) if whole else float(f"{found:.4g}")
        return records

    def held(self, run):
        """Records in FILE of this run with whatever knob."""
        return [record for record in self.records if "metrics" in record
                and record["run"] == full({**run, "knob": record["run"]["knob"]})]

    def do(self, run):
        """The record of a run: from FILE, else trained and measured now; LookupError if it may not be."""
        run = full(run)
        held = [record for record in self.records if record["run"] == run]
        if held and ("metrics" in held[0] or not self.may_train):
            return held[0]
        if not self.may_train:
            raise LookupError(describe(run))
        return self.do_now(run)

    def do_now(self, run):
        try:
            sae, about = self.trained(run)
            start = time.perf_counter()
            metrics = evaluate_sae(sae, self.lm, 0, self.eval_tokens, self.validation, self.train)
            record = {"run": run, "machine": self.machine, **about, "eval_seconds": time.perf_counter() - start,
                      "metrics": {name: value for name, value in metrics.items() if isinstance(value, (int, float))}}
        except (RuntimeError, ValueError, OSError) as error:  # one run that fails must not stop the others
            record = {"run": run, "machine": self.machine, "error": f"{type(error).__name__}: {error}"}
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
            sae, about = contestants.train_ours(run, stream, self.lm.d_mlp, self.args.device)
        else:
            if self.peers is None or not self.peers.alive():
                self.peers = contestants.PeerProcess(self.args.peers)
            sae, about = self.peers.train(run, stream, self.lm.d_mlp, self.args.device)
        return sae, about | {"neuron_rows": neuron_rows(sae)}

    def save(self):
        if self.args.json:
            record = {"table": self.rows, "speeds": self.speeds, "runs": self.records}
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
        short = run | {"tokens": SPEED_ROWS}
        sae, about = self.trained(full(short))
        self.speeds[speed_name(run)] = SPEED_ROWS / about["seconds"]
        if "evaluation" not in self.speeds:
            start = time.perf_counter()
            evaluate_sae(sae, self.lm, 0, EVAL_TOKENS // 10, self.validation, self.train)
            self.speeds["evaluation"] = EVAL_TOKENS // 10 / (time.perf_counter() - start)


def full(run):
    """A run with all that defines it."""
    return contestants.our_run(run) if run["contestant"] == "saekit" else run


def points(records, name):
    """(l0, metric) of the runs that did not fail."""
    return [(record["metrics"]["l0"], record["metrics"][name]) for record in records if "metrics" in record]


def nearest_metrics(records):
    """[l0, *METRICS] of the run nearest to L0; None where all failed."""
    found = matching.nearest_to([(record["metrics"]["l0"], record["metrics"]) for record in records
                                 if "metrics" in record], L0)
    return found and [found[0], *(found[1][name] for name in METRICS)]


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
    rows = f"  nearly one neuron {record['neuron_rows']:.1%}" if "neuron_rows" in record else ""
    folding = f"  folding {record['folding_error']:.0e}" if "folding_error" in record else ""
    return f"{describe(record['run'])}{text.format(**record['metrics'])}{rows}  {record['seconds']:.0f} s{folding}"


def texts(lm, path):
    """(training contexts, training and validation TokenStream, hash): of this machine, or of a file that --write-text
    wrote."""
    if path:
        arrays, about = files.load_arrays(path)
        manifest, starts = corpus.Manifest(*about["validation"]), np.zeros(1, np.int64)
        held = corpus.TokenStream(arrays["validation"], starts, [], manifest)
        chosen = corpus.TokenStream(arrays["train"][:, 1:].ravel(), starts, [], manifest)
        return arrays["train"], chosen, held, about["sha"]
    stream, held = (corpus.load_corpus(split, lm.tokenizer, lm.boundary) for split in ("train", "validation"))
    return corpus.contexts(stream, lm.n_ctx, lm.boundary), stream, held, stream.manifest.sha


def write_text(lm, path, tokens=11_000_000):
    """Contexts for 10 million activations and the text that is measured on, in one file for another machine."""
    contexts, _, held, sha = texts(lm, None)
    chosen = np.random.default_rng(0).permutation(len(contexts))[:math.ceil(tokens / (lm.n_ctx - 1))]
    files.save_arrays(path, {"train": contexts[chosen], "validation": held.tokens[:EVAL_TOKENS + lm.n_ctx]},
                      {"validation": held.manifest, "sha": f"{sha}, {len(chosen)} contexts"})


def show(rows):
    """The table, by activations and architecture, over seeds; ours against each peer; what the other rates brought."""
    for tokens, arch in sorted({(row["tokens"], row["arch"]) for row in rows}):
        print(f"\n{arch}, {tokens:,} activations, at L0 {L0}\n{'':28}{'ce_increase':>12}{'over seeds':>18}{'EV':>8}"
              f"{'dead':>8}{'lr':>9}  L0 of the runs")
        group = [row for row in rows if (row["tokens"], row["arch"]) == (tokens, arch)]
        by = {name: [row for row in group if row["contestant"] == name] for name in ("saekit", *contestants.PEERS)}
        for contestant, some in by.items():
            if some:
                print(f"{contestant:28}{row_text(some)}")
        for contestant, some in by.items():
            if contestant != "saekit" and some and by["saekit"]:
                print(ratio_text(by["saekit"], contestant, some))
        for contestant, some in by.items():
            for lr, found in (some[0]["rates"].items() if some else ()):
                text = "L0 {:.1f}  ce_increase {:.4f}  EV {:.4f}  dead {:.1%}".format(*found) if found else "failed"
                print(f"  {contestant:26}lr {lr:.1e}  {text}")


def ratio_text(ours, contestant, peers):
    """ce_increase of ours over a peer's, on the seeds that both have; said beside it where a wider sweep might help."""
    theirs = {row["seed"]: row["ce_increase"] for row in peers if row["ce_increase"] is not None}
    ours = {row["seed"]: row["ce_increase"] for row in ours if row["ce_increase"] is not None and row["seed"] in theirs}
    if not ours:
        return f"saekit / {contestant}: no seed at which both reach L0 {L0}"
    ratio = np.mean(list(ours.values())) / np.mean([theirs[seed] for seed in ours])
    rates, lr = sorted(peers[0]["rates"]), peers[0]["lr"]
    end = " its only rate" if len(rates) == 1 else " the highest of its rates" if lr == rates[-1] else (
        " the lowest of its rates" if lr == rates[0] else "")
    return f"saekit / {contestant} = {ratio:.3f} over {len(ours)} seeds" + f", at{end}" * bool(end)


def row_text(group):
    """One contestant's numbers over its seeds."""
    ce, ev, dead = ([row[name] for row in group if row[name] is not None] for name in METRICS)
    l0 = [value for row in group for value in row["l0"]] or [math.nan]
    numbers = f"{np.mean(ce):12.4f}{min(ce):11.4f}-{max(ce):.4f}{np.mean(ev):8.4f}{np.mean(dead):8.1%}" if ce else (
        f"{'L0 not reached':>46}")
    failed = sum(row["failed"] for row in group)
    return f"{numbers}{group[0]['lr']:9.1e}  {min(l0):.1f}-{max(l0):.1f}" + f"  {failed} failed" * bool(failed)


def schedule(bench, args):
    """All rows: peers and ours swept at their first seed, on a second length only TopK again. What the options leave
    out is not trained, but its runs in FILE say where the others begin."""
    for tokens, archs, n_seeds in FULL if args.full else STAGES:
        for seed, arch, contestant in itertools.product(range(n_seeds), archs, ("saekit", *contestants.PEERS)):
            if recipe_of(contestant, arch):
                bench.may_train = not args.table and chosen(args, contestant, arch, tokens, seed)
                first = (contestant, arch) not in bench.best or (seed == 0 and arch == "topk")
                with contextlib.suppress(LookupError):
                    bench.compete(contestant, arch, tokens, seed, sweeping=first)


def chosen(args, contestant, arch, tokens, seed):
    """Whether --tokens, --seeds and --only ask for it; a library's second trainer runs where it is named, or with
    --full."""
    names = (arch, *contestant.lower().split())
    wanted = all(text.lower() in names for text in args.only) and tokens in (args.tokens or [tokens])
    wanted = wanted and (args.seeds is None or seed in args.seeds)
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
    parser.add_argument("--table", action="store_true", help="train nothing: the rows and rates that FILE holds")
    parser.add_argument("--quick", action="store_true", help="50,000 activations, 512 latents, L0 is not matched")
    parser.add_argument("--full", action="store_true", help="all four on 10 million with 3 seeds: for a GPU")
    parser.add_argument("--only", nargs="*", default=[], help="an architecture, a contestant (april: a second trainer)")
    parser.add_argument("--tokens", nargs="*", type=lambda text: int(float(text)), help="only stages of that length")
    parser.add_argument("--seeds", nargs="*", type=int)
    parser.add_argument("--lrs", type=int, default=3, help="most learning rates in a sweep; 1: the law's alone")
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
    bench = (Plan if args.plan else Bench)(args)
    try:
        quick(bench) if args.quick else schedule(bench, args)
    finally:
        if bench.peers:
            bench.peers.close()
    if args.plan:
        return print(f"{bench.seconds / 3600:.1f} hours for the runs that FILE does not hold")
    if not args.table:
        bench.save()
    if not args.quick:  # its numbers say nothing
        show(bench.rows)
    return int(any(row["failed"] for row in bench.rows))


if __name__ == "__main__":
    raise SystemExit(main())
