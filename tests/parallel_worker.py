"""What the tests of `saekit.parallel` start, alone or by torchrun: the command line on the tiny model, or training runs
in float64 whose losses are logged at every step.

    parallel_worker.py cli WORD ...            saekit's command line; with MARK every step takes 20 ms more and the
                                               first process makes the file MARK at the tenth
    parallel_worker.py runs FOLDER [RESUME]    a run of every architecture, then one that is cut off in the middle, into
                                               FOLDER; with RESUME only that run, continued from folder RESUME
"""

import os
import shutil
import signal
import sys
import time
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest
import torch

from saekit import activations, corpus, parallel, processes, train
from saekit.cli import main
from saekit.sae import SAES, new_sae
from tests import tiny_lm

STEPS, BATCH, CUT_AT = 50, 96, 27
SETTINGS = {**dict.fromkeys(("topk", "batchtopk", "matryoshka"), {"k": 4}), "relu": {"l1_coeff": 0.2}}


class Unshared:
    """A stream that knows nothing of shares, so that every process makes whole batches."""

    def __init__(self, stream):
        self.stream, self.batch, self.state, self.restore = stream, stream.batch, stream.state, stream.restore

    def __next__(self):
        return next(self.stream)


def train_one(lm, arch, out, resume=False):
    stream = activations.ActivationStream(lm, tiny_lm.contexts(60), batch=BATCH, seed=3, chunk=20 * tiny_lm.N_CTX)
    sae = new_sae(arch, lm.d_mlp, 64, **SETTINGS.get(arch, {}))
    with torch.no_grad():
        sae.b_enc[-20:] = -100.0    # these never fire, so they are dead after 200 tokens
    config = train.TrainConfig(tokens=STEPS * BATCH, lr=2e-3, dead_after_tokens=200, resample_at=(0.3, 0.6))
    train.train_sae(sae, Unshared(stream) if arch == "gated" else stream, config, out, {"note": arch}, resume)


def at_every_step(before):
    """Have before(run) called at the start of every step."""
    plain = train.train_step
    train.train_step = lambda run, x: (before(run), plain(run, x))[1]


@contextmanager
def unshared_memory():
    """A system that gives the last process no sight of the others' memory, so that all sum by messages."""
    with pytest.MonkeyPatch.context() as patch:
        if processes.rank() == processes.world() - 1:
            patch.setattr(parallel.board, "Board", hidden)
        yield


def hidden(*args):
    raise OSError("no such file")


def runs(folder, resume_from=None):
    torch.set_default_dtype(torch.float64)
    lm = tiny_lm.lm()
    lm.model.double()
    train.LOG_EVERY = 1
    with processes.together(out=folder):
        if resume_from:
            if processes.rank() == 0:
                shutil.copytree(resume_from, folder)
            return train_one(lm, "batchtopk", folder, resume=True)
        for arch in SAES:
            with unshared_memory() if arch == "relu" else nullcontext():
                train_one(lm, arch, os.path.join(folder, arch))
        stopped = 0, CUT_AT - 1
        at_every_step(lambda run: (processes.rank(), run.step) == stopped and os.kill(os.getpid(), signal.SIGINT))
        train_one(lm, "batchtopk", os.path.join(folder, "cut"))


def command_line(words):
    os.environ["SAEKIT_DATA"] = str(tiny_lm.folder() / "data")
    corpus.source_files = tiny_lm.candidates
    if mark := os.environ.get("MARK"):
        at_every_step(lambda run: (time.sleep(0.02), run.step == 10 and processes.rank() == 0 and Path(mark).touch()))
    return main(words)


if __name__ == "__main__":
    torch.set_num_threads(1)
    if sys.argv[1] == "cli":
        raise SystemExit(command_line(sys.argv[2:]))
    runs(*sys.argv[2:])
