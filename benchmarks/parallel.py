"""Two processes under torchrun against one, a thread each, as a ratio: harvest and step of the bundled model's SAE.

    OMP_NUM_THREADS=1 python benchmarks/parallel.py [--processes 2] [--rounds 3] [--json FILE]
TopK 32, 4,096 latents, batches of 4,096 rows in all. A round is one process, then several, each timed over BLOCKS times
32 steps, which hold one harvest of 131,072 tokens each. The ratio is that of the medians over all rounds.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

os.environ["OMP_NUM_THREADS"] = "1"     # of this process and of those it starts

import step
import torch
import torch.distributed as dist

from saekit import activations, memory, parallel, processes, train
from saekit.sae import new_sae
from saekit.transformer import load_lm

BLOCKS, STEPS, BATCH, D_SAE = 3, 32, 4096, 4096
LEFT = ("step", "exchange")


def worker():
    """Print, as JSON, seconds per step of each block and what of them this process spent in the step and in sums."""
    memory.keep_freed()     # as saekit train does
    lm = load_lm("python-1l")
    stream = activations.ActivationStream(lm, step.validation_contexts(lm), batch=BATCH)
    spent = dict.fromkeys(LEFT, 0.0)
    parallel.sum_up = clocked(parallel.sum_up, spent, "exchange")
    train_step = clocked(train.train_step, spent, "step")
    with processes.together():
        run = train.Run(new_sae("topk", lm.d_mlp, D_SAE, k=32), stream,
                        train.TrainConfig(tokens=10**9, dead_after_tokens=10**12))
        run.start()
        seconds = []
        for block in range(BLOCKS + 1):
            start, spent["step"], spent["exchange"] = time.perf_counter(), 0.0, 0.0
            for _ in range(STEPS):
                losses = train_step(run, train.next_batch(stream))
                run.step += 1
            processes.wait_for_all()
            seconds.append({"all": time.perf_counter() - start, **spent})
        if processes.rank() == 0:
            seconds = [{name: 1e3 * value / STEPS for name, value in block.items()} for block in seconds[1:]]
            print(json.dumps({"ms": seconds, "loss": losses.total.item(), "all_reduce_ms": all_reduce_alone()}))
        elif processes.world() > 1:
            all_reduce_alone()


def clocked(function, spent, name):
    def with_clock(*args):
        start = time.perf_counter()
        try:
            return function(*args)
        finally:
            spent[name] += time.perf_counter() - start

    return with_clock


def all_reduce_alone(times=10):
    """Milliseconds for the sum of one matrix's gradients, nothing else going on; None in a single process."""
    if processes.world() == 1:
        return None
    grad = torch.ones(D_SAE, 512)
    dist.all_reduce(grad)
    start = time.perf_counter()
    for _ in range(times):
        dist.all_reduce(grad)
    return 1e3 * (time.perf_counter() - start) / times


def measured(processes):
    program = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}"] if processes > 1 else []
    command = [sys.executable, *program, __file__, "--worker"]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json")
    parser.add_argument("--worker", action="store_true", help="what the processes run")
    args = parser.parse_args()
    if args.worker:
        return worker()
    record = {"machine": step.machine("cpu"), "d_sae": D_SAE, "batch": BATCH, "rounds": []}
    print(record["machine"])
    for _ in range(args.rounds):
        record["rounds"].append({n: measured(n) for n in (1, args.processes)})
    median = {(n, part): statistics.median(block[part] for found in record["rounds"] for block in found[n]["ms"])
              for n in (1, args.processes) for part in ("all", *LEFT)}
    for n in (1, args.processes):
        everything, step_ms, exchange = (median[n, part] for part in ("all", *LEFT))
        print(f"{n} x 1 thread: {1e3 * BATCH / everything:,.0f} samples/s, {everything:.0f} ms per step "
              f"(harvest and waiting {everything - step_ms:.0f}, step {step_ms - exchange:.0f}, sums {exchange:.0f})")
    alone = statistics.median(found[args.processes]["all_reduce_ms"] for found in record["rounds"])
    print(f"one matrix's sum alone takes {alone:.1f} ms")
    record["ratio"] = median[1, "all"] / median[args.processes, "all"]
    print(f"{args.processes} processes / 1 process = {record['ratio']:.2f}")
    if args.json:
        with open(args.json, "w") as file:
            json.dump(record, file, indent=1)


if __name__ == "__main__":
    main()
