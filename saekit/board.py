"""Memory that the processes of one machine share, to add up their gradients there.

    each process owns an Nth of the numbers: it adds what the others wrote of them, and writes the sum for the others
Every number is written twice and read twice, however many processes there are, no byte goes through a socket, and all
get the same bits. Linux only; elsewhere, between machines and on GPUs the sums go through `torch.distributed`.
"""

import mmap
import os

import torch


def memory(size):
    """(descriptor, path) of new memory for so many bytes; other processes of the same user find it at the path while
    the descriptor is open, and what has been mapped lasts as long as its process. OSError where there is none."""
    if not hasattr(os, "memfd_create"):
        raise OSError("this system has no anonymous files")
    descriptor = os.memfd_create("saekit gradients")
    os.truncate(descriptor, size)
    return descriptor, f"/proc/{os.getpid()}/fd/{descriptor}"


class Board:
    """A row of n numbers for each process, in the memory at `path`; wait: returns once all processes have called it."""

    def __init__(self, path, n, dtype, rank, world, wait):
        self.rank, self.others, self.wait = rank, [other for other in range(world) if other != rank], wait
        with open(path, "r+b") as file:
            self.rows = torch.frombuffer(mmap.mmap(file.fileno(), 0), dtype=dtype).view(world, n)

    def sum(self, vectors):
        """Put the sum over all processes into each of the vectors, of n numbers in all. Before the next sum the caller
        waits for all."""
        me, world = self.rank, len(self.rows)
        rows = self.rows.split([len(vector) for vector in vectors], dim=1)
        parts = [(vector.tensor_split(world), row.tensor_split(world, dim=1)) for vector, row in zip(vectors, rows)]
        for mine, shown in parts:
            for owner in self.others:
                shown[owner][me].copy_(mine[owner])
        self.wait()
        for mine, shown in parts:
            for other in self.others:
                mine[me].add_(shown[me][other])
            shown[me][me].copy_(mine[me])
        self.wait()
        for mine, shown in parts:
            for owner in self.others:
                mine[owner].copy_(shown[owner][owner])
