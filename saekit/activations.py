"""MLP activations as training data: harvested on the fly, shuffled over the whole corpus, never through the disk.

An epoch is one pass over all contexts in an order drawn from (seed, epoch). Contexts are harvested in chunks of about
`chunk` tokens; the rows of a chunk (one per token of a file; boundary tokens are left out) are shuffled together and
cut into batches. Since every chunk is itself a random sample of the corpus, so is every batch. The state is (seed,
epoch, position), position counting rows within the epoch: enough to go on exactly where a run stopped.
"""

import numpy as np
import torch

from saekit.threads import one_thread_each, replicate
from saekit.transformer import down_projection, mlp_post


def harvest(lm, contexts, layer=0, tokens_at_once=8192):
    """mlp_post of every token of `contexts` (n, n_ctx) that is no boundary token: (n_rows, d_mlp), in reading order."""
    tokens = torch.from_numpy(np.asarray(contexts, dtype=np.int64)).to(lm.model.device)
    keep, step = tokens != lm.boundary, max(1, tokens_at_once // tokens.shape[1])
    rows = torch.empty(int(keep.sum()), lm.d_mlp, device=lm.model.device)
    places = rows.split([int(part.sum()) for part in keep.split(step)])
    parts = list(zip(tokens.split(step), keep.split(step), places, strict=True))
    n = min(torch.get_num_threads(), len(parts)) if tokens.device.type == "cpu" else 1
    if n == 1:
        _fill(lm, layer, parts)
    else:
        with one_thread_each(n) as pool:
            replicas = [lm._replace(model=replica) for replica in replicate(lm.model, n)]
            list(pool.map(_fill, replicas, [layer] * n, (parts[i::n] for i in range(n))))
    return rows


def _fill(lm, layer, parts):
    """Write mlp_post of each (tokens, keep, place) into its place."""
    for tokens, keep, place in parts:
        place.copy_(mlp_post(lm, tokens, layer)[keep])


class ActivationStream:
    """Endless batches (batch, d_mlp) of mlp_post at one layer; `state()` and `restore()` make it resumable to the row.

    contexts: (n, n_ctx) token ids. Raises ValueError if one epoch holds fewer rows than one batch.
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
        self.seed, self.epoch, self.position = seed, -1, 0
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
            parts.append(self._rows[self._chunk_order[max(0, start):start + self.batch]])
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
        self._held = None  # index of the chunk that is in memory

    def _hold(self, index):
        """Have the rows of chunk `index` in memory, harvested once, and the order in which they are drawn."""
        if self._held != index:
            self._rows = None  # free the old chunk before the new one is made
            chosen = self._order[index * self.chunk:(index + 1) * self.chunk]
            self._rows = harvest(self.lm, self.contexts[chosen], self.layer)
            generator = torch.Generator().manual_seed(hash((self.seed, self.epoch, index)) % 2**63)
            self._chunk_order = torch.randperm(len(self._rows), generator=generator).to(self._rows.device)
            self._held = index
