"""Training in two processes under torchrun is training in one: the same losses, the same files, and an end that is told
once whatever ends it."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch

from saekit import files, parallel, processes
from saekit.activations import ActivationStream
from saekit.sae import SAES, load_sae
from tests import parallel_worker, tiny_lm
from tests.test_activations import harvests, named_contexts  # noqa: F401

ROOT = Path(__file__).resolve().parents[1]
TRAIN = "cli train --model tiny --arch topk --k 4 --d-sae 32 --batch 100".split()


def start(processes, *words, mark=""):
    """The worker with these words, alone or `processes` of them under torchrun, started."""
    program = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}"] if processes > 1 else []
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "MARK": str(mark)}
    return subprocess.Popen([sys.executable, *program, "tests/parallel_worker.py", *map(str, words)], cwd=ROOT,
                            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finished(process):
    """(exit code, stdout, stderr) of a started worker."""
    out, errors = process.communicate(timeout=600)
    return process.returncode, out, errors


# ---- the same numbers ----


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Folder of one process's runs and of two processes' runs; the last run of each was cut off."""
    path = tmp_path_factory.mktemp("runs")
    for n in (1, 2):
        code, out, errors = finished(start(n, "runs", path / str(n)))
        assert code != 0 and out.count("checkpoint saved in") == 1, errors
    return path / "1", path / "2"


def losses(folder):
    """(steps, 4) total, recon, sparsity and aux, then (steps, 2) l0 and number of dead latents, of a run's log."""
    log = files.read_json(folder / "log.json")
    return [[entry[name] for name in ("loss", "recon", "sparsity", "aux")] for entry in log], [
        [entry["l0"], entry["dead"]] for entry in log]


@pytest.mark.parametrize("arch", SAES)
def test_two_processes_have_the_losses_of_one(folders, arch):
    one, two = (losses(folder / arch) for folder in folders)
    assert len(one[0]) == parallel_worker.STEPS and one[1] == two[1] and max(dead for _, dead in one[1]) >= 20
    np.testing.assert_allclose(two[0], one[0], rtol=0, atol=1e-9)
    assert one[0][0] != one[0][-1] and (arch not in ("topk", "batchtopk") or max(aux for *_, aux in one[0]) > 0)


def test_two_processes_write_the_sae_of_one(folders):
    for arch in SAES:
        one, two = (load_sae(folder / arch).state_dict() for folder in folders)
        for name in one:
            torch.testing.assert_close(two[name], one[name], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("before, after", [pytest.param(1, 2, marks=pytest.mark.slow), (2, 1)])
def test_a_run_goes_on_with_another_number_of_processes(folders, before, after, tmp_path):
    cut = folders[before - 1] / "cut"
    arrays, record = files.load_arrays(cut / "checkpoint.safetensors")
    assert record["step"] == parallel_worker.CUT_AT
    code, _, errors = finished(start(after, "runs", tmp_path / "run", cut))
    assert code == 0, errors
    np.testing.assert_allclose(losses(tmp_path / "run")[0], losses(folders[0] / "batchtopk")[0], rtol=0, atol=1e-9)


# ---- how it ends ----


def lines_of(errors):
    """What the command itself wrote to stderr; the rest is torchrun's."""
    return [line for line in errors.splitlines() if line.startswith("saekit train:")]


def pid_of(process, rank):
    """Process id of the worker with that rank."""
    children = psutil.Process(process.pid).children()
    return next(child.pid for child in children if child.environ().get("RANK") == str(rank))


def wait_for(path):
    deadline = time.monotonic() + 300
    while not path.is_file() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert path.is_file()


@pytest.mark.parametrize("killed", [pytest.param(0, marks=pytest.mark.slow), 1])
def test_a_killed_process_ends_the_run_with_one_line_and_a_checkpoint(killed, tmp_path):
    out = tmp_path / "run"
    process = start(2, *TRAIN, "--tokens", 100_000, "--out", out, mark=tmp_path / "mark")
    wait_for(tmp_path / "mark")
    pid = pid_of(process, killed)
    os.kill(pid, signal.SIGKILL)
    code, _, errors = finished(process)
    told = lines_of(errors)
    assert code == 1 and len(told) == 1 and f"process {killed} (pid {pid}) of 2 has ended" in told[0]
    assert "--resume" in told[0] and str(out) in told[0] and "parallel_worker.py\", line" not in errors
    step = files.load_arrays(out / "checkpoint.safetensors")[1]["step"]
    assert 10 <= step < 1000 and load_sae(out).d_sae == 32
    code, printed, errors = finished(start(1, *TRAIN, "--tokens", 100_000, "--out", out, "--resume"))
    assert code == 0 and files.read_json(out / "card.json")["steps"] == 1000


@pytest.mark.parametrize("number", [pytest.param(signal.SIGTERM, marks=pytest.mark.slow), signal.SIGINT])
def test_a_signal_to_torchrun_saves_one_checkpoint_and_is_told_once(number, tmp_path):
    out = tmp_path / "run"
    process = start(2, *TRAIN, "--tokens", 100_000, "--out", out, mark=tmp_path / "mark")
    wait_for(tmp_path / "mark")
    process.send_signal(number)
    code, printed, errors = finished(process)
    assert code != 0 and printed.count(f"checkpoint saved in {out}; add --resume to go on") == 1
    assert lines_of(errors) == ["saekit train: interrupted"]
    assert files.load_arrays(out / "checkpoint.safetensors")[1]["step"] > 10


@pytest.mark.parametrize("words, line", [
    pytest.param(["--arch", "nope"], "saekit train: unknown architecture 'nope'", marks=pytest.mark.slow),
    pytest.param(["--model", "nope"], "saekit train: unknown model 'nope'", marks=pytest.mark.slow),
    pytest.param(["--tokens", "many"], "train: error: argument --tokens", marks=pytest.mark.slow),
    (["--batch", "50"], "saekit train: a batch of 50 has fewer than 32 rows for each of 2 processes"),
])
def test_bad_input_is_told_in_one_line_with_exit_code_2(words, line, tmp_path):
    code, _, errors = finished(start(2, *TRAIN, "--tokens", 1000, "--out", tmp_path / "run", *words))
    assert code != 0 and errors.count(line) == 1 and "worker.py\", line" not in errors
    assert set(re.findall(r"exitcode\s*: (-?\d+)", errors)) <= {"2", "-15"} and not (tmp_path / "run/run.json").exists()


@pytest.mark.slow
def test_a_finished_run_writes_what_one_process_writes(tmp_path):
    code, printed, errors = finished(start(2, *TRAIN, "--tokens", 3000, "--out", tmp_path / "run"))
    assert code == 0 and lines_of(errors) == [] and printed.count("explained_variance") == 1
    written = {path.name for path in (tmp_path / "run").iterdir()}
    assert written == {"sae.safetensors", "run.json", "log.json", "card.json"}


# ---- the parts ----


@pytest.mark.parametrize("world", [2, 3, 7])
@pytest.mark.parametrize("batch", [7, 60])
def test_shares_make_up_the_batch_and_each_context_is_harvested_about_once(harvests, world, batch):  # noqa: F811
    def stream(share):
        s = ActivationStream(tiny_lm.lm(), named_contexts(), batch=batch, seed=2, chunk=10 * 8)
        s.share = share
        return s

    whole, shares = stream((0, 1)), [stream((rank, world)) for rank in range(world)]
    for _ in range(40):
        parts = [next(s)[:, 0].tolist() for s in shares]
        assert sorted(sum(parts, [])) == sorted(next(whole)[:, 0].tolist())
        assert all(s.state() == whole.state() for s in shares)
    one = stream((0, 1))
    harvests.clear()
    next(one)
    alone = sum(harvests)
    harvests.clear()
    for rank in range(world):
        next(stream((rank, world)))
    assert alone <= sum(harvests) <= alone + (world - 1) * (1 + batch // 50)    # one more where two share a context


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_kth_largest_is_found_by_its_bits(dtype, monkeypatch):
    values = torch.randn(1000, generator=torch.Generator().manual_seed(0), dtype=dtype) * 3
    positive = values[values > 0].sort(descending=True).values
    monkeypatch.setattr(processes, "total", lambda counts: counts)
    for k in (1, 2, 100, len(positive)):
        assert parallel.kth_largest(values, k) == positive[k - 1]
    assert parallel.kth_largest(values, len(positive) + 1) == 0


def test_a_single_process_knows_no_others_and_loads_no_group():
    assert processes.rank() == 0 and processes.world() == 1 and not torch.distributed.is_initialized()
    with processes.together("cpu") as device:
        assert device == "cpu" and not torch.distributed.is_initialized()
    values = torch.tensor([3.0, -1.0, 2.0])
    assert processes.total(values) is values and processes.least(values) is values and processes.any_of(True) is True
    assert parallel.among_largest(values, 2).tolist() == [True, False, True]
    assert processes.by_first(max, 1, 2) == 2
