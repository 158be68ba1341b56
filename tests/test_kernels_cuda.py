"""The Triton kernels: on a GPU where there is one, else run by Triton's interpreter on the CPU."""

import os
from functools import partial
from types import SimpleNamespace

import pytest
import torch

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
if DEVICE == "cpu":
    os.environ.setdefault("TRITON_INTERPRET", "1")  # before Triton is imported
OLDEST = "3.7" if DEVICE == "cpu" else "3.2"     # older interpreters fail with numpy 2.4
pytest.importorskip("triton", OLDEST, reason=f"needs Triton {OLDEST}, which CPU builds of PyTorch do not bring")

from saekit import kernels, kernels_cuda, sparse, train  # noqa: E402
from tests.test_kernels import ARCHS, assert_equal_steps, pair, rows  # noqa: E402


@pytest.fixture(autouse=True)
def as_if_on_a_gpu(monkeypatch):
    monkeypatch.setattr(sparse, "on_gpu", lambda x: True)
    monkeypatch.setattr(kernels, "SPARSE_BELOW", 2.0)


def assert_equal_on_device(plain, fast, x, dead=None, warmth=1.0):
    dead = None if dead is None else dead.to(DEVICE)
    assert_equal_steps(plain.to(DEVICE), fast.to(DEVICE), x.to(DEVICE), dead, warmth)


@pytest.mark.parametrize("arch", ARCHS)
def test_the_step_in_triton_equals_the_plain_one(arch):
    assert_equal_on_device(*pair(arch), rows(), dead=torch.arange(0, 40, 3), warmth=0.5)


@pytest.mark.parametrize("arch", [arch for arch in ARCHS if arch != "topk"])
def test_the_step_in_triton_that_waits_for_nothing_equals_the_plain_one(arch, monkeypatch):
    monkeypatch.setattr(kernels, "loss", partial(kernels.loss, room=700))
    plain, fast = pair(arch)
    assert_equal_on_device(plain, fast, rows(), dead=torch.arange(0, 40, 3), warmth=0.5)
    for sae in (plain, fast):
        sae.zero_grad()
        with torch.no_grad():
            sae.b_enc.sub_(2.5)
    assert_equal_on_device(plain, fast, rows())


@pytest.mark.parametrize("arch", ["relu", "jumprelu", "batchtopk"])
def test_entries_without_a_place_are_counted(arch):
    x = rows(64).to(DEVICE)
    sae = pair(arch)[0].to(DEVICE)
    with torch.no_grad():
        candidates = kernels.loss(sae, x).entries
        assert kernels.loss(sae, x, room=candidates).missed == 0
        losses = kernels.loss(sae, x, room=candidates - 5)
        assert losses.missed == 5 and losses.total.isfinite()


def test_a_batch_that_finds_no_place_changes_no_parameter():
    x = rows(64).to(DEVICE)
    run = train.Run(pair("relu")[0].to(DEVICE), SimpleNamespace(batch=64), train.TrainConfig(tokens=64 * 100))
    for run.step in (0, 1):
        train.train_step(run, x)
    before, run.room = [parameter.clone() for parameter in run.sae.parameters()], 9
    train.train_step(run, x)
    assert run.left_out == 1
    assert all(torch.allclose(*pair, rtol=1e-6) for pair in zip(before, run.sae.parameters()))
    run.room = 10_000
    train.train_step(run, x)
    assert run.left_out == 1 and not torch.allclose(before[0], next(run.sae.parameters()))


def test_it_does_so_on_rows_of_zeros_ties_a_single_row_and_all_latents():
    plain, fast = pair("topk", k=4)
    x = rows(3)
    x[1] = plain.b_dec.detach()
    assert_equal_on_device(plain, fast, x)
    assert_equal_on_device(*pair("topk", k=40), rows(1))
    assert_equal_on_device(*pair("topk", k=1, d_in=5), rows(2, 5))


def test_it_finds_the_largest_of_rows_longer_than_its_groups_and_few_others():
    pre = torch.randn(3, 5000, generator=torch.Generator().manual_seed(0)).bfloat16().to(DEVICE)
    pre[1] -= 10.0
    columns, counts = kernels_cuda.candidates(pre, torch.zeros(3, 1, device=DEVICE), 7)
    assert counts[1] == 0 and 7 <= counts[0] < 14 and 7 <= counts[2] < 14
    for row, found in zip(pre, (line[:count] for line, count in zip(columns, counts))):
        top = row.topk(7).values
        assert set(found.tolist()) >= set((row >= max(top.min(), 1e-6)).nonzero().flatten().tolist())


def test_of_too_many_equal_entries_it_takes_as_many_as_there_is_room_for():
    columns, counts = kernels_cuda.candidates(torch.ones(2, 3000, device=DEVICE), torch.zeros(2, 1, device=DEVICE), 3)
    assert counts.tolist() == [32, 32] and columns.shape == (2, 32)  # 8 k rounded up to a power of two


def test_where_fewer_are_positive_the_rest_are_entries_that_relu_removes():
    x, W = torch.tensor([[1.0, 0.0], [-1.0, 0.0]], device=DEVICE), torch.tensor([[2.0, 0.0], [3.0, 0.0]], device=DEVICE)
    b = torch.tensor([0.0, -4.0], device=DEVICE)
    pre, columns = kernels_cuda.largest(x @ W.t() + b, torch.zeros(2, 1, device=DEVICE), x, W, b, 2)
    assert pre.sort(1, descending=True).values.tolist() == [[2.0, -1.0], [-1.0, -1.0]]
    assert columns[pre == 2.0].tolist() == [0]
