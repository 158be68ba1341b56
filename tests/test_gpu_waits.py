"""On a GPU the step must not wait for a number: run on tensors that have shapes but no values, any wait is an error."""

import types

import pytest
import torch
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode

from saekit import kernels, sparse, train
from saekit.sae import new_sae


class Stream:
    """Batches without end."""

    def __init__(self, x):
        self.x, self.batch = x, len(x)

    def __next__(self):
        return self.x

    def state(self):
        return {}


def without_values(arch, monkeypatch, **settings):
    """A Run past its start on such tensors, as if on a GPU; its Triton kernels give results of the right shapes."""
    stand_in = types.SimpleNamespace(
        positive=lambda pre, slack: pytest.fail("asks how many there are"),
        positive_within=lambda products, room, d_sae, device: (
            torch.zeros(room, dtype=torch.int64), torch.cat([x[:, 0].long() for _, _, x in products])),
        largest=lambda pre, slack, x, W, b, k: (x.new_empty(len(x), k), torch.zeros(len(x), k, dtype=torch.int64)),
        inner=lambda row_ends, columns, a, b, plus: torch.empty_like(plus),
        bags=lambda indices, weight, ends, values: weight.new_empty(len(ends) - 1, weight.shape[1]))
    monkeypatch.setattr(sparse, "on_gpu", lambda x: True)
    monkeypatch.setattr(sparse, "cuda", lambda: stand_in)
    monkeypatch.setattr(kernels, "TRITON", True)
    run = train.Run(new_sae(arch, 12, 40, **settings), Stream(torch.empty(16, 12)), train.TrainConfig(tokens=16 * 500))
    run.step = 1
    return run


@pytest.mark.parametrize("dead", [0, 9, 40])
@pytest.mark.parametrize("arch", kernels.SELECT)
def test_a_step_waits_for_nothing(arch, dead, monkeypatch):
    with FakeTensorMode():
        run = without_values(arch, monkeypatch, **{"k": 4} if arch in ("topk", "batchtopk", "matryoshka") else {})
        run.dead_latents, run.room = torch.zeros(dead, dtype=torch.int64), 100
        losses = train.train_step(run, train.next_batch(run.stream))
        assert losses.entries > 0 and losses.total.shape == () and run.sae.W_dec.grad.shape == (40, 12)


def test_a_look_at_the_run_does_wait_so_the_test_above_would_notice(monkeypatch):
    with FakeTensorMode():
        run = without_values("topk", monkeypatch, k=4)
        with pytest.raises(DataDependentOutputException):
            train.log_entry(run, train.train_step(run, train.next_batch(run.stream)))
