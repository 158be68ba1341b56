"""The classical half against scikit-learn and celer, side by side in one run.

    OMP_NUM_THREADS=2 python benchmarks/classical.py [code] [learn] [planted] [images] [memory]     (default: all)
code: 5,000 signals at once, every solver run to a KKT violation <= 1e-3. learn: seconds to the objective that
MiniBatchDictionaryLearning ends at. planted: recovery from a random start. images: share of Gabor-like atoms.
celer is no dependency of ours; where it is not importable its row is left out. Rivals get two worker processes, which
are started before the clock. Ratios of one run mean something; seconds belong to the machine and its load.
"""

import os
import sys
import time
import tracemalloc
from functools import partial

import numpy as np
from joblib import Parallel, delayed
from sklearn.decomposition import MiniBatchDictionaryLearning, sparse_encode
from sklearn.linear_model import Lasso

from saekit import dictlearn, geometry, images, lasso, synthetic
from saekit.pca import pca

try:
    from celer import Lasso as CelerLasso
except ImportError:
    CelerLasso = None

LAM, ALLOWED, WORKERS = 0.1, 1e-3, 2


def violation(x, D, z):
    return lasso.kkt_violation(x, D, np.asarray(z, dtype=float), LAM).max()


def _fit_rows(model, D, x):
    return np.array([model.fit(D, row).coef_ for row in x])


def in_parallel(model, x, D, workers):
    """One model fitted per sample (their atoms are columns), samples shared among worker processes."""
    atoms = np.asfortranarray(D.T)
    return np.vstack(workers(delayed(_fit_rows)(model, atoms, part) for part in np.array_split(x, 2 * WORKERS)))


def loosest(make, x, D, workers):
    """make(tol) for the largest tol = 10^-1, 10^-2, … with which 300 samples come out within the allowed violation."""
    for exponent in range(1, 13):
        model = make(tol=10.0 ** -exponent)
        if violation(x[:300], D, in_parallel(model, x[:300], D, workers)) <= ALLOWED:
            return model
    raise RuntimeError("no tolerance down to 1e-12 reaches the allowed KKT violation")


def rivals(x, D, workers):
    """Name -> function of no arguments that codes all samples."""
    alpha = LAM / D.shape[1]
    cd = loosest(partial(Lasso, alpha, fit_intercept=False, precompute=D @ D.T, max_iter=100_000), x, D, workers)
    by_sklearn = partial(sparse_encode, x, D, alpha=LAM)
    found = {
        "scikit-learn lasso_cd": lambda: by_sklearn(algorithm="lasso_cd"),
        "scikit-learn lasso_cd, 2 workers": lambda: by_sklearn(algorithm="lasso_cd", n_jobs=WORKERS),
        "scikit-learn lasso_lars, 2 workers": lambda: by_sklearn(algorithm="lasso_lars", n_jobs=WORKERS),
        f"scikit-learn Lasso, tol {cd.tol:.0e}, 2 workers": lambda: in_parallel(cd, x, D, workers),
    }
    if CelerLasso is not None:
        ce = loosest(partial(CelerLasso, alpha, fit_intercept=False, max_iter=1000), x, D, workers)
        found[f"celer, tol {ce.tol:.0e}, 2 workers"] = lambda: in_parallel(ce, x, D, workers)
    return found


def code(repeats=3):
    for d_in, n_atoms, k in ((64, 256, 5), (256, 1024, 10)):
        x, D, _ = synthetic.planted(5000, d_in, n_atoms, k, noise=0.01)
        print(f"\ncoding 5,000 signals, d_in {d_in}, {n_atoms} atoms, {k} active, lam {LAM}; best of {repeats}")
        with Parallel(WORKERS) as workers:
            ours = partial(dictlearn.sparse_encode, x, D, LAM, tol=ALLOWED / LAM)
            contest = {"saekit": lambda: ours().z, **rivals(x, D, workers)}
            seconds, z = {name: [] for name in contest}, {}
            for _ in range(repeats):  # one after another within a round, so that all meet the same load
                for name, solve in contest.items():
                    start = time.perf_counter()
                    z[name] = solve()
                    seconds[name].append(time.perf_counter() - start)
        for name, runs in seconds.items():
            print(f"  {name:38} {min(runs):8.3f} s {min(runs) / min(seconds['saekit']):7.1f} x   "
                  f"KKT violation {violation(x, D, z[name]):.1e}")


def mean_objective(x, D, lam):
    codes = dictlearn.sparse_encode(x, D, lam, tol=1e-3, dtype=float)
    return lasso.lasso_objective(x, D, codes.z, lam).mean()


def patches(size=12, n=20_000):
    """Whitened patches with their mean taken off, and none louder than the median one."""
    x = images.random_patches(images.photographs(), size, n)
    x -= x.mean(axis=1, keepdims=True)
    white = images.zca_whitening(x)
    x = (x - white.mean) @ white.matrix
    length = np.linalg.norm(x, axis=1, keepdims=True)
    return x / np.maximum(length, np.median(length))


def learn():
    for name, x, n_atoms, lam in (("planted", synthetic.planted(20_000).x, 128, 0.3), ("patches", patches(), 256, 0.1)):
        start = time.perf_counter()
        theirs = MiniBatchDictionaryLearning(n_atoms, alpha=lam, n_jobs=WORKERS, random_state=0).fit(x)
        their_seconds, target = time.perf_counter() - start, mean_objective(x, theirs.components_, lam)
        D, update = geometry.unit_norm(x[:n_atoms]), dictlearn.Online()  # both start from samples
        ours, seconds, epochs = np.inf, 0, 0
        while ours > target and epochs < 50:
            start = time.perf_counter()
            D = dictlearn.learn_dictionary(x, D, lambda x, D: dictlearn.sparse_encode(x, D, lam), update, 1, 256).D
            seconds, epochs = seconds + time.perf_counter() - start, epochs + 1
            ours = mean_objective(x, D, lam)
        print(f"\nlearning {n_atoms} atoms from {len(x):,} {name}, lam {lam}: MiniBatchDictionaryLearning ends at "
              f"{target:.5f} after {their_seconds:.1f} s ({theirs.n_steps_} steps); saekit is at {ours:.5f} after "
              f"{seconds:.1f} s ({epochs} epochs): {their_seconds / seconds:.1f} x")


def planted():
    x, D, _ = synthetic.planted(20_000)
    start_at = synthetic.random_dictionary(128, 64, seed=9)
    print(f"\nplanted: mean max cosine from a random start at {geometry.mean_max_cosine(D, start_at):.3f}, 30 epochs")
    for name, update, batch_size in (("MOD", dictlearn.mod, None), ("K-SVD", dictlearn.ksvd, None),
                                     ("online", dictlearn.Online(), 256)):
        start = time.perf_counter()
        learned = dictlearn.learn_dictionary(x, start_at, lambda x, D: lasso.omp(x, D, 4), update, 30, batch_size)
        print(f"  {name:8} {geometry.mean_max_cosine(D, learned.D):.4f}, worst matched atom "
              f"{np.abs(geometry.match_atoms(D, learned.D).cosine).min():.4f}, {learned.n_replaced.sum()} replaced, "
              f"{time.perf_counter() - start:.1f} s")


def gabors():
    x = patches()
    start_at = geometry.unit_norm(x[:256])
    encode = partial(dictlearn.sparse_encode, lam=0.2)
    learned = dictlearn.learn_dictionary(x, start_at, encode, dictlearn.Online(), 15, 256)
    z = encode(x, learned.D).z
    alive = (z != 0).mean(axis=0) > 1e-4
    print(f"\nimage atoms: {alive.sum()} of {len(alive)} alive, {(z != 0).sum(axis=1).mean():.1f} active per patch")
    control = synthetic.random_dictionary(64, x.shape[1], seed=1)
    for name, atoms in (("learned", learned.D[alive]), ("PCA", pca(x, 120).components), ("starting patches", start_at),
                        ("DCT", np.kron(*2 * [synthetic.dct_dictionary(12)])[1:]), ("random", control)):
        r2 = images.gabor_fit(atoms).r2
        print(f"  {name:18} share with Gabor R^2 >= 0.75: {(r2 >= 0.75).mean():.2f}, median R^2 {np.median(r2):.2f}")


def memory():
    print("\nmemory beside the input while coding, 256 atoms in 64 dimensions")
    for n in (5000, 20_000, 80_000):
        x, D, _ = synthetic.planted(n, 64, 256, 5)
        tracemalloc.start()
        dictlearn.sparse_encode(x, D, LAM)
        print(f"  {n:6} signals: {tracemalloc.get_traced_memory()[1] / 2**20:6.0f} MB")
        tracemalloc.stop()


if __name__ == "__main__":
    parts = {"code": code, "learn": learn, "planted": planted, "images": gabors, "memory": memory}
    unknown = set(sys.argv[1:]) - set(parts)
    if unknown:
        raise SystemExit(f"unknown part {', '.join(sorted(unknown))}; there are {', '.join(parts)}")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS')}")
    for part in sys.argv[1:] or parts:
        parts[part]()
