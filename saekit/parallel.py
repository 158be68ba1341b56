"""Many processes that train one SAE on batches that they share.

    gradient of a batch's mean loss = sum over processes of (its rows / all rows) * gradient of its rows' mean loss
Every process holds the whole SAE, and a batch is the one that a single process would see: each harvests an Nth of every
chunk of contexts, and of a batch the rows that come from there are its own, an Nth give or take chance. So the number
of processes changes nothing but rounding. No activation is sent, only gradients: 2 d_sae d_in numbers per process and
step, summed in shared memory by the CPU processes of one machine (`board`), else by messages (`processes`). In a single
process everything here gives back what it is given. Reference: Li et al. 2020 (PyTorch Distributed).
"""

import os

import torch

from saekit import board, processes

LEAST = 32      # rows of a batch for each process; so many that by chance none is left without any


def next_rows(stream, whole=False):
    """Of the stream's next batch the rows of this process, or all of them.

    A stream with an attribute `share`, (rank, world), makes no others; of a stream without it every process makes all
    and takes every Nth. ValueError if a batch has fewer than LEAST rows for each process.
    """
    if not processes.group():
        return next(stream)
    rank, world = processes.rank(), processes.world()
    if stream.batch < LEAST * world:
        raise ValueError(f"a batch of {stream.batch} has fewer than {LEAST} rows for each of {world} processes")
    if hasattr(stream, "share"):
        stream.share = (0, 1) if whole else (rank, world)
        return next(stream)
    x = next(stream)
    return x if whole else x[rank::world]


def sum_up(sae, losses, share):
    """The Losses of the whole batch from those of each process's rows, `share` of all; sums the gradients of `sae` in
    place, which must be weighted by it already.

    The two matrices go as they are, everything else in one vector.
    """
    if not processes.group():
        return losses
    parameters = list(sae.parameters())
    grads = [parameter.grad for parameter in parameters if parameter.ndim == 2]
    _sum_matrices([(grad if grad.is_contiguous() else grad.t()).view(-1) for grad in grads])    # W_enc is transposed
    terms = share * torch.stack([losses.total, losses.recon, losses.sparsity, losses.aux]).detach()
    missed = torch.as_tensor(losses.missed, device=terms.device).reshape(1)
    vectors = [terms, missed, losses.fired, *(parameter.grad for parameter in parameters if parameter.ndim < 2)]
    terms, missed, fired, *grads = processes.total(torch.cat(vectors)).split([len(vector) for vector in vectors])
    for parameter, grad in zip((parameter for parameter in parameters if parameter.ndim < 2), grads):
        parameter.grad.copy_(grad)
    return losses._replace(**dict(zip(("total", "recon", "sparsity", "aux"), terms)), fired=fired.long(),
                           missed=missed[0], smallest=processes.least(losses.smallest))


def _sum_matrices(vectors):
    """Put into each vector the sum of all processes' ones: through memory that they share, or else by messages."""
    board_for, boards = (sum(map(len, vectors)), vectors[0].dtype), processes.group().boards
    if board_for not in boards:
        boards[board_for] = _new_board(*board_for, vectors[0].device)
    if shared := boards[board_for]:
        return shared.sum(vectors)
    for vector in vectors:
        processes.add_up(vector)


def _new_board(n, dtype, device):
    """A Board for n numbers, or None in all processes if one of them cannot see it."""
    if device.type != "cpu" or len({machine for machine, _ in processes.group().members}) > 1:
        return None
    made = descriptor = None
    try:
        descriptor, path = processes.by_first(board.memory, processes.world() * n * dtype.itemsize)
        made = board.Board(path, n, dtype, processes.rank(), processes.world(), processes.wait_for_all)
    except OSError:
        pass
    missing = processes.any_of(made is None)
    if processes.rank() == 0 and descriptor is not None:
        os.close(descriptor)
    return None if missing else made


def among_largest(values, k):
    """Which of this process's values (n,) are among the k largest of all processes' together, as a mask; no more than
    those above zero, once there are others."""
    if not processes.group():
        return torch.zeros_like(values, dtype=torch.bool).index_fill_(0, values.topk(k, sorted=False).indices, True)
    return values >= kth_largest(values, k)


def kth_largest(values, k):
    """The k-th largest of all processes' values (n,) together; 0 if fewer than k are above it.

    Positive floats are ordered as their bits: eight of them are found at a time, from counts of what has the same ones
    before and which eight come next.
    """
    bits = values.clamp_min(0).view(torch.int64 if values.dtype == torch.float64 else torch.int32).long()
    found = bits.new_zeros(())
    for shift in range(8 * values.element_size() - 8, -1, -8):
        digits = (bits - found >> shift).clamp(-1, 256)     # -1: smaller already, 256: larger already
        counts = processes.total(bits.new_zeros(258).index_add_(0, digits + 1, torch.ones_like(digits)))
        at_least = counts.flip(0).cumsum(0).flip(0)[1:257]      # how many have this digit or more
        found = found + ((at_least >= k).sum() - 1).clamp_min(0).mul(1 << shift)
    return found.to(torch.int64 if values.dtype == torch.float64 else torch.int32).view(values.dtype)
