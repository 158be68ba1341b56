"""The processes that `torchrun --nproc_per_node=N -m saekit train …` starts: how they find each other, agree, and end.

They exchange tensors by gloo, and by NCCL between GPUs, of which each process takes its own. Where one ends, by an
error, a signal or a kill, the others end too, and one of them says why. In a single process everything here gives back
what it is given.
"""

import os
import signal
import socket
import sys
import time
from contextlib import contextmanager
from datetime import timedelta
from typing import NamedTuple

import torch
import torch.distributed as dist

PATIENCE = timedelta(minutes=30)    # how long to wait for a process that lives but does not answer


class Group(NamedTuple):
    """The processes that train together."""

    members: list    # (machine, process id) of each
    store: object    # small facts that all can read, kept by torchrun
    out: str         # folder of the run
    boards: dict     # {(how many numbers, dtype): the Board on which such gradients are summed, or None}


_group = None    # None: a single process


class Lost(RuntimeError):
    """Another process has ended, so this one cannot go on; teller is this one's rank if it is the one to say so."""

    def __init__(self, gone, reason):
        names = " and ".join(f"{number} (pid {_group.members[number][1]})" for number in gone)
        what = f"process {names} of {world()} has ended, killed or out of memory?" if gone else \
            f"another process hangs, or one on another machine has ended ({reason})."
        cure = f" Add --resume to go on from the checkpoint in {_group.out}, with as many processes as you like."
        super().__init__(" ".join((what + cure * bool(_group.out)).split()))
        lowest = not gone or rank() == min(set(range(world())) - set(gone))
        self.teller = rank() if lowest and _is_first_to_tell() else None


def group():
    """The Group that this process belongs to; None in a single process."""
    return _group


def rank():
    """Number of this process, from 0; the first one writes files and shows the progress bar."""
    return dist.get_rank() if _group else 0


def world():
    """How many processes train together."""
    return len(_group.members) if _group else 1


@contextmanager
def together(device="cpu", out=""):
    """Within this context the processes that torchrun started know each other; yields the device of this one.

    An error (ValueError, OSError, KeyboardInterrupt) leaves the context in the process that meets it first and ends the
    others silently. Where one of them was killed, the lowest of the others says so in one line; the exit code is 1.
    torchrun follows with a report of its own, and exits 1 in any case. Between GPUs the others may be stuck waiting for
    theirs: then torchrun ends them after 30 seconds, and only its report tells.
    """
    global _group
    if int(os.environ.get("WORLD_SIZE", 1)) == 1:
        yield device
        return
    device, _group = _join(device, out)
    try:
        yield device
        wait_for_all()
    except Lost as lost:
        _end(lost)
    except KeyboardInterrupt:
        if gone := _gone():     # torchrun's signal to those that are left
            _end(Lost(gone, ""))
        _end_unless_first_to_tell(130)
        raise
    except (ValueError, OSError):
        _end_unless_first_to_tell(2)
        raise
    finally:
        _group = None
        dist.destroy_process_group()


def _join(device, out):
    """(device of this process, its Group) once all have come."""
    number, backend = int(os.environ.get("LOCAL_RANK", 0)), "gloo"
    if device.startswith("cuda") and torch.cuda.is_available():
        if number >= torch.cuda.device_count():
            raise ValueError(f"this machine has {torch.cuda.device_count()} GPUs, one for each process, but a process "
                             f"with local rank {number} was started; lower --nproc_per_node")
        device, backend = f"cuda:{number}", "cpu:gloo,cuda:nccl"
        torch.cuda.set_device(device)
    store, number, n = next(dist.rendezvous("env://"))
    dist.init_process_group(backend, store=store, rank=number, world_size=n, timeout=PATIENCE)
    members = [None] * n
    dist.all_gather_object(members, (socket.gethostname(), os.getpid()))
    return device, Group(members, store, out, {})


def _end(lost):
    """Leave at once: a library that waits for the lost process may hang in its own clean-up."""
    _ignore_signals()
    if lost.teller == rank():
        print(f"saekit train: {lost}", file=sys.stderr)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)


def _end_unless_first_to_tell(code):
    """Return if no other process has told of an error, or will; else exit."""
    _ignore_signals()
    if not _is_first_to_tell():
        raise SystemExit(code) from None


def _ignore_signals():
    """torchrun sends SIGTERM to all as soon as one has ended; those that are ending anyway do so in peace."""
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.SIG_IGN)


def _is_first_to_tell():
    """Whether no process has asked this before."""
    try:
        return _group.store.add("told", 1) == 1
    except RuntimeError:    # torchrun itself is gone
        return rank() == 0


def _gone():
    """Ranks of the processes of this machine that have ended."""
    here = socket.gethostname()
    return [number for number, (machine, pid) in enumerate(_group.members) if machine == here and not _runs(pid)]


def _runs(pid):
    import psutil

    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _exchange(collective, *args, **kwargs):
    """collective(*args), in which all processes meet; Lost if one of them does not come."""
    try:
        collective(*args, **kwargs)
    except RuntimeError as error:
        for _ in range(30):     # its connections close a moment before the process itself
            if gone := _gone():
                break
            time.sleep(0.1)
        raise Lost(gone, error) from None


def add_up(summand):
    """Put the sum of all processes' tensors into each of them; returns it."""
    _exchange(dist.all_reduce, summand)
    return summand


def total(value):
    """The sum of all processes' values: a tensor's, or a whole number's."""
    if not _group:
        return value
    summed = add_up(torch.as_tensor(value).clone())
    return summed if torch.is_tensor(value) else int(summed)


def least(value):
    """The smallest of all processes' tensors, entry by entry."""
    if not _group:
        return value
    smallest = value.clone()
    _exchange(dist.all_reduce, smallest, dist.ReduceOp.MIN)
    return smallest


def any_of(flag):
    """Whether flag is True in any process; they wait for each other here."""
    return total(int(flag)) > 0 if _group else flag


def wait_for_all():
    """Return once all processes are here."""
    any_of(False)


def by_first(function, *args):
    """function(*args), called by the first process alone: all get what it returns, or the ValueError or OSError that it
    raises. No GPU tensors."""
    if not _group:
        return function(*args)
    box = [None, None]
    if rank() == 0:
        try:
            box[0] = function(*args)
        except (ValueError, OSError) as error:
            box[1] = error
    _exchange(dist.broadcast_object_list, box, device=torch.device("cpu"))
    if box[1] is not None:
        raise box[1]
    return box[0]
