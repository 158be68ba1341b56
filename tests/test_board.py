"""Gradients summed in shared memory: the sum, the same bits for all, and again with the next ones."""

import os
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import torch

from saekit import board

pytestmark = pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="shared memory without a name is Linux's")


def boards(world, n, dtype):
    """A Board for each of `world` threads in place of processes."""
    descriptor, path = board.memory(world * n * dtype.itemsize)
    wait = Barrier(world, timeout=60).wait
    made = [board.Board(path, n, dtype, rank, world, wait) for rank in range(world)]
    os.close(descriptor)
    return made


@pytest.mark.parametrize("world, lengths", [(2, (64, 64)), (3, (100, 7)), (5, (2, 31, 1)), (1, (4,))])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_all_get_the_same_sum(world, lengths, dtype):
    made, generator = boards(world, sum(lengths), dtype), torch.Generator().manual_seed(0)
    for _ in range(3):
        vectors = [[torch.randn(n, generator=generator, dtype=dtype) for n in lengths] for _ in range(world)]
        sums = [torch.stack(own).double().sum(0) for own in zip(*vectors)]
        with ThreadPoolExecutor(world) as pool:
            list(pool.map(board.Board.sum, made, vectors))
        for own in vectors:
            for one, first, expected in zip(own, vectors[0], sums):
                assert torch.equal(one, first)
                torch.testing.assert_close(one.double(), expected, rtol=0, atol=1e-5 if dtype == torch.float32 else 1e-13)


def test_memory_ends_with_the_last_that_sees_it():
    descriptor, path = board.memory(64)
    one = board.Board(path, 8, torch.float64, 0, 1, lambda: None)
    os.close(descriptor)
    one.rows.fill_(3.0)
    assert one.rows.sum() == 24 and not os.path.exists(path)


def test_a_system_without_such_memory_says_so(monkeypatch):
    monkeypatch.delattr(os, "memfd_create")
    with pytest.raises(OSError, match="anonymous"):
        board.memory(8)
