"""MLP activations as training data: harvested on the fly, shuffled over the whole corpus, never through the disk.

An epoch is one pass over all contexts in an order drawn from (seed, epoch). Contexts are harvested in chunks of about
`chunk` tokens; the rows of a chunk (one per token of a file; boundary tokens are left out) are shuffled together and
cut into batches. Since every chunk is itself a random sample of the corpus, so is every batch. The state is (seed,
epoch, position), position counting rows within the epoch: enough to go on exactly where a run stopped. `ArrayStream`
does the same with rows that are in memory.
"""

import numpy as np
import torch

from saekit.transformer import down_projection, mlp_post


def harvest(lm, contexts, layer=0, tokens_at_once=4096):
    """mlp_post of every token of `contexts` (n, n_ctx) that is no boundary token: (n_rows, d_mlp), in reading order."""
    contexts, step = np.asarray(contexts, dtype=np.int64), max(1, tokens_at_once // np.shape(contexts)[1])
    kept = [np.flatnonzero(contexts[first:first + step] != lm.boundary) for first in range(0, len(contexts), step)]
    rows = torch.empty(sum(map(len, kept)), lm.d_mlp, device=lm.model.device)
    parts = torch.from_numpy(contexts).to(rows.device).split(step)
    for tokens, index, place in zip(parts, kept, rows.split([len(index) for index in kept])):
        index = torch.from_numpy(index).to(rows.device)  # known here, so that a GPU need not be waited for
        torch.index_select(mlp_post(lm, tokens, layer).flatten(0, 1), 0, index, out=place)
    return rows


class ActivationStream:
    """Endless batches (batch, d_mlp) of mlp_post at one layer; `state()` and `restore()` make it resumable to the row.

    contexts: (n, n_ctx) token ids. Raises ValueError if one epoch holds fewer rows than one batch. With `share` set to
    (rank, world) it harvests only that part of every chunk and gives only those rows of the same batches.
    """

    def __init__(self, lm, contexts, layer=0, batch=4096, seed=0, chunk=2**17):
        down_projection(lm.model, layer)  # raises where there is no such layer
        if batch < 1:
            raise ValueError(f"batch is {batch}; a batch takes at least one row")
        self.lm, self.contexts, self.layer, self.batch = lm, contexts, layer, batch
        self.chunk = max(1, chunk // contexts.shape[1])  # in contexts
        self.rows_per_context = (contexts != lm.boundary).sum(1)
        if self.rows_per_context.sum() < batch:
            raise ValueError(f"the corpus has {self.rows_per_context.sum()} activations but a batch takes {batch}; "
                             "use a smaller batch")
        if seed < 0:
            raise ValueError(f"seed is {seed}; expected a whole number from 0 up")
        self.seed, self.epoch, self.position, self.share = seed, -1, 0, (0, 1)
        self._start_epoch(0)

    def __iter__(self):
        return self

    def __next__(self):
        """The next batch; the last rows of an epoch that do not fill a batch are left out of it."""
        if self.position + self.batch > self._chunk_ends[-1]:
            self._start_epoch(self.epoch + 1)
        first, last = np.searchsorted(self._chunk_ends, [self.position, self.position + self.batch - 1], side="right")
        parts = []
        for index in range(first, last + 1):
            self._hold(index)
            start = self.position - (self._chunk_ends[index - 1] if index else 0)  # within the chunk
            drawn = slice(*np.searchsorted(self._turns, [start, start + self.batch]))
            parts.append(self._rows[self._drawn[drawn]])
        self.position += self.batch
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def state(self):
        """(seed, epoch, position) as a dict of ints."""
        return {"seed": self.seed, "epoch": self.epoch, "position": self.position}

    def restore(self, state):
        """Go on from a `state()` of a stream over the same contexts."""
        self.seed = state["seed"]
        self._start_epoch(state["epoch"])
        self.position = state["position"]

    def _start_epoch(self, epoch):
        self.epoch, self.position = epoch, 0
        self._order = np.random.default_rng([self.seed, epoch]).permutation(len(self.contexts))
        ends = np.cumsum(self.rows_per_context[self._order])
        self._chunk_ends = ends[np.minimum(np.arange(self.chunk, len(ends) + self.chunk, self.chunk), len(ends)) - 1]
        self._held = None  # what is in memory: index of the chunk, share of it

    def _hold(self, index):
        """Have this process's rows of chunk `index` in memory, harvested once, in which order they are drawn, and at
        which turns of the whole chunk."""
        if self._held != (index, self.share):
            self._rows = None  # free the old chunk before the new one is made
            chosen = self._order[index * self.chunk:(index + 1) * self.chunk]
            ends = self.rows_per_context[chosen].cumsum()
            first, last = (ends[-1] * part // self.share[1] for part in (self.share[0], self.share[0] + 1))
            begin, end = np.searchsorted(ends, first, side="right"), np.searchsorted(ends, last) + 1
            skipped = first - (ends[begin - 1] if begin else 0)     # rows of a context that two processes share
            rows = harvest(self.lm, self.contexts[chosen[begin:end]], self.layer)
            self._rows = rows[skipped:skipped + last - first]
            generator = torch.Generator().manual_seed(hash((self.seed, self.epoch, index)) % 2**63)
            order = torch.randperm(int(ends[-1]), generator=generator)
            self._turns = np.flatnonzero(((order >= int(first)) & (order < int(last))).numpy())
            self._drawn = (order[self._turns] - int(first)).to(self._rows.device)
            self._held = (index, self.share)


class ArrayStream:
    """Endless batches (batch, d_in) of the rows of x (n, d_in), every epoch in a new order drawn from the seed.

    An epoch's last rows that do not fill a batch are left out of it. ValueError if x holds fewer rows than a batch.
    """

    def __init__(self, x, batch=1024, seed=0):
        self.x, self.batch, self.seed = torch.as_tensor(x, dtype=torch.float32), batch, seed
        if self.x.ndim != 2 or not 1 <= batch <= len(self.x):
            raise ValueError(f"x is {tuple(self.x.shape)} and batch is {batch}; expected (n, d_in), n at least batch")
        self.restore({"epoch": 0, "position": 0})

    def __iter__(self):
        return self

    def __next__(self):
        if self.position + self.batch > len(self.x):
            self.restore({"epoch": self.epoch + 1, "position": 0})
        self.position += self.batch
        return self.x[self.order[self.position - self.batch : self.position]]

    def state(self):
        return {"seed": self.seed, "epoch": self.epoch, "position": self.position}

    def restore(self, state):
        self.seed, self.epoch, self.position = state.get("seed", self.seed), state["epoch"], state["position"]
        self.order = torch.from_numpy(np.random.default_rng((self.seed, self.epoch)).permutation(len(self.x)))
