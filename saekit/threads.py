"""Work side by side on the processor's cores: two threads with a product each do more than two threads at one product.

Each thread gets a replica of the model, which shares the weights but has gradients and hooks of its own.
"""

import copy
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import torch
from torch import nn


def replicate(model, n):
    """[model, n - 1 replicas of it]: modules whose parameters are the model's own memory, with gradients apart."""
    def replica():
        shared = {id(p): nn.Parameter(p.detach(), p.requires_grad) for p in model.parameters()}
        return copy.deepcopy(model, shared)

    return [model, *(replica() for _ in range(n - 1))]


@contextmanager
def one_thread_each(n):
    """A pool of n threads, in each of which torch computes on that thread alone; so does this one meanwhile."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(n, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            yield pool
    finally:
        torch.set_num_threads(threads)
