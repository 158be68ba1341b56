"""Does the uniqueness bound hold? Spikes and cosines at d = 1,024: every k below (1 + 1/mu) / 2, three solvers.

    python benchmarks/exact_recovery.py [--d 1024] [--trials 100]
Per k and kind of code (random or adversarial values, synthetic.py) it counts exact recoveries, max |error| <= 1e-6, by
OMP, by basis pursuit as a linear programme, and by the LASSO path followed to lam = 0. Exit code 1 if one is missed.
"""

import argparse
import time

import numpy as np

from saekit import geometry, lasso, synthetic


def recovered(z_hat, z):
    return int((np.abs(z_hat - z).max(axis=1) <= 1e-6).sum())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--d", type=int, default=1024)
    parser.add_argument("--trials", type=int, default=100)
    args = parser.parse_args()
    D = synthetic.spikes_dct(args.d)
    bound = geometry.uniqueness_bound(geometry.coherence(D))
    print(f"d = {args.d}, coherence {geometry.coherence(D):.4f}, bound k < {bound:.2f}; recovered of {args.trials}")
    print(f"{'k':>3} {'codes':>12} {'OMP':>5} {'basis pursuit':>14} {'path to 0':>10} {'seconds':>8}", flush=True)
    missed = 0
    for k in range(1, int(np.ceil(bound))):
        for kind, z in (("random", synthetic.sparse_codes(args.trials, len(D), k, seed=k)),
                        ("adversarial", synthetic.adversarial_codes(D, args.trials, k, seed=k))):
            start, x = time.perf_counter(), z @ D
            counts = (recovered(lasso.omp(x, D, k), z), recovered(lasso.smallest_l1(x, D), z),
                      recovered(np.array([lasso.lasso_path(row, D).z[-1] for row in x]), z))
            missed += 3 * args.trials - sum(counts)
            seconds = time.perf_counter() - start
            print(f"{k:>3} {kind:>12} {counts[0]:>5} {counts[1]:>14} {counts[2]:>10} {seconds:>8.0f}", flush=True)
    raise SystemExit(missed > 0)


if __name__ == "__main__":
    main()
