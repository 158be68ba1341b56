"""Who takes part in benchmarks/quality.py, with which settings, and how one SAE of each is trained and brought home."""

import contextlib
import json
import math
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import matching
from frontier import defined

import saekit  # noqa: F401  before torch, which reads what it sets
import torch

from saekit import files, train
from saekit.experiment import DEFAULTS, default_rate
from saekit.sae import load_sae, new_sae, save_sae

L0, BATCH = 32, 4096
# What saekit.memory.keep_freed sets for us: the same numbers, up to a third sooner
KEEP_FREED = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2**31 - 1)}


class Recipe(NamedTuple):
    lr: float     # the library's own law or default for this architecture
    knob: str     # the setting by which L0 is matched
    first: float  # its first value; the next ones follow from the L0 that it gives
    slope: float  # roughly d log L0 / d log knob


PEERS = {
    "SAELens": {"topk": Recipe(3e-4, "k", L0, 1), "batchtopk": Recipe(3e-4, "k", L0, 1),
                "jumprelu": Recipe(3e-4, "l0_coefficient", 5.0, -1), "relu": Recipe(3e-4, "l1_coefficient", 2.5, -1)},
    "dictionary_learning": {  # TopK: 2e-4 / sqrt(d_sae / 2^14)
        "topk": Recipe(4e-4, "k", L0, 1), "batchtopk": Recipe(4e-4, "k", L0, 1),
        "jumprelu": Recipe(7e-5, "target_l0", L0, 1), "relu": Recipe(1e-3, "l1_penalty", 0.11, -1)},
    "dictionary_learning april": {"relu": Recipe(1e-3, "l1_penalty", 0.11, -1)},
}
OUR_KNOBS = {"topk": ("k", 1), "batchtopk": ("k", 1), "jumprelu": ("l0_coeff", -0.5), "relu": ("l1_coeff", -1)}


def recipe_of(contestant, arch, tokens=10_000_000):
    """The Recipe, or None where the contestant has no such architecture; our rate depends on the run's length."""
    if contestant != "saekit":
        return PEERS[contestant].get(arch)
    knob, slope = OUR_KNOBS[arch]
    return Recipe(default_rate(arch, tokens, BATCH), knob, DEFAULTS[arch]["settings"][knob], slope)


def our_run(run):
    """The run with all that `saekit train` would use: the architecture's default settings but for the knob, and the
    whole TrainConfig."""
    knob = {recipe_of("saekit", run["arch"]).knob: run["knob"]}
    return run | defined(run["arch"], run["tokens"], BATCH, run["lr"], **knob)


def train_ours(run, stream, d_in, device):
    """(SAE as anyone would load it, facts about the run) of `our_run`."""
    sae = new_sae(run["arch"], d_in, run["d_sae"], run["seed"], **run["settings"]).to(device)
    start = time.perf_counter()
    train.train_sae(sae, stream, train.TrainConfig(**run["config"]))
    about = {"seconds": time.perf_counter() - start, "batch": BATCH}
    with tempfile.TemporaryDirectory() as folder:
        save_sae(sae, Path(folder) / "sae.safetensors")
        return load_sae(folder).to(device), about


class PeerProcess:
    """peer_quality.py running in the peers' environment."""

    def __init__(self, python):
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen([python, Path(__file__).with_name("peer_quality.py")], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=self.log, env=os.environ | KEEP_FREED)

    def train(self, run, stream, d_in, device):
        """(one of our SAEs with the peer's weights, facts about the run), as `train_ours`."""
        library, _, variant = run["contestant"].partition(" ")
        with tempfile.TemporaryDirectory() as folder:
            request = {name: run[name] for name in ("arch", "lr", "knob", "seed", "d_sae")} | {
                "library": library.replace("SAELens", "sae_lens"), "variant": variant, "d_in": d_in, "device": device,
                "rows": math.ceil(run["tokens"] / BATCH) * BATCH, "out": str(Path(folder) / "peer.safetensors")}
            about = self.ask(request, stream)
            arrays, _ = files.load_arrays(request["out"])
        sae, about["folding_error"] = as_ours(arrays, run["arch"], run["knob"], about.pop("centres"))
        return sae.to(device), about

    def ask(self, request, stream):
        """The answer to a request, fed with its rows from stream; RuntimeError with the peer's last line if it dies."""
        try:
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
            for _ in range(request["rows"] // BATCH):
                self.process.stdin.write(next(stream).cpu().numpy())
            self.process.stdin.flush()
            return json.loads(self.process.stdout.readline())
        except (BrokenPipeError, json.JSONDecodeError):
            self.process.wait()
            self.log.seek(0)
            last = self.log.read().decode(errors="replace").strip().rpartition("\n")[2]
            raise RuntimeError(f"the peers' process ended: {last}") from None

    def alive(self):
        return self.process.poll() is None

    def close(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait()


def as_ours(arrays, arch, knob, centres):
    """(one of our SAEs with a peer's weights, how far its reconstruction of the peer's rows is from the peer's).

    The distance is relative to the reconstructions' length; from 1e-4 it is a ValueError. Thresholds, also the one that
    BatchTopK uses after training, make it a JumpReLU SAE.
    """
    weights = {name: torch.from_numpy(array) for name, array in matching.folded(arrays, centres).items()}
    if not all(torch.isfinite(array).all() for array in weights.values()):
        raise ValueError("the weights hold NaN or infinity: the run diverged")
    settings = {"k": round(knob)} if arch == "topk" else {}
    sae = new_sae("jumprelu" if "threshold" in weights else arch, *weights["W_enc"].shape, **settings).double()
    x, x_hat = torch.from_numpy(arrays["x"]).double(), torch.from_numpy(arrays["x_hat"])
    with torch.no_grad():
        for name, array in weights.items():
            getattr(sae, name).copy_(array)
        error = float((sae(x) - x_hat).norm(dim=1).max() / x_hat.norm(dim=1).mean())
    if not error < 1e-4:
        raise ValueError(f"folding is wrong: our reconstruction is {error:.2g} of its length away from the peer's")
    return sae.float(), error
