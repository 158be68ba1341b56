"""One pass over text: what every latent of an SAE does on every token, kept sparse, and how it moves with the neurons.

    latents[t, i]                         activation of latent i on row t, a scipy CSC matrix (n_rows, d_sae)
    products = latents^T x                (d_sae, d_in), from which follow
    pearson  = (products / n - mean_z mean_x) / (std_z std_x)       cosine = products / (||z|| ||x||)
A *row* is one token that is not a boundary token, in reading order over the contexts, as in `interpret`.
"""

from collections import deque

import numpy as np
import torch
from scipy.sparse import csc_matrix, csr_matrix

from saekit import kernels
from saekit.activations import harvest
from saekit.progress import bar
from saekit.sparse import Pattern


class Survey:
    """What one pass found.

    contexts (n, n_ctx); cells (n_rows,): place of each row in contexts.ravel(); latents: CSC (n_rows, d_sae);
    products (d_sae, d_in), x_sums, x_squares (d_in,): sums over rows in float64.
    """

    def __init__(self, contexts, cells, latents, products, x_sums, x_squares):
        self.contexts, self.cells, self.latents = contexts, cells, latents
        self.products, self.x_sums, self.x_squares = products, x_sums, x_squares
        starts = latents.indptr.astype(np.int64)
        self.counts = np.diff(starts)                                    # (d_sae,) on how many rows each latent fires
        self.density = self.counts / len(cells)
        self.sums = _by_latent(np.add, latents.data, starts)
        self.squares = _by_latent(np.add, latents.data**2, starts)
        self.peaks = _by_latent(np.maximum, latents.data, starts)        # largest activation; 0 for a dead latent

    def fires(self, latent):
        """(rows, activations) of one latent, rows rising."""
        column = slice(*self.latents.indptr[latent:latent + 2])
        return self.latents.indices[column], self.latents.data[column]

    def neuron_correlations(self):
        """(pearson, cosine) of every latent with every neuron over all rows, each (d_sae, d_in)."""
        return correlations(self.products, len(self.cells), (self.sums, self.squares), (self.x_sums, self.x_squares))

    def closest(self, other, n=3, at_once=256):
        """The n latents of another survey of the same text that move most with each latent of this one.

        Returns (indices, pearson, cosine), each (d_sae, n), by falling Pearson correlation over all rows. ValueError if
        it is a survey of other text.
        """
        if len(other.cells) != len(self.cells) or not np.array_equal(other.contexts, self.contexts):
            raise ValueError(f"one survey has {len(self.cells)} rows, the other {len(other.cells)}; expected the same "
                             "text under both SAEs")
        rows, found = other.latents.tocsr(), []
        for first in bar(range(0, self.latents.shape[1], at_once), desc="comparing", unit="block", leave=False):
            part = slice(first, first + at_once)
            products = (self.latents[:, part].T @ rows).toarray().astype(np.float64)
            found.append(largest(*correlations(products, len(self.cells), (self.sums[part], self.squares[part]),
                                                (other.sums, other.squares)), n))
        return tuple(np.concatenate(arrays) for arrays in zip(*found))


def correlations(products, n, a, b):
    """(pearson, cosine) from products (p, q) over n rows and the (sums, squares) of either side; 0 where one side never
    varies."""
    (a_sums, a_squares), (b_sums, b_squares) = a, b
    spread = np.sqrt(np.outer(np.maximum(a_squares / n - (a_sums / n) ** 2, 0),
                              np.maximum(b_squares / n - (b_sums / n) ** 2, 0)))
    pearson = _ratio(products / n - np.outer(a_sums / n, b_sums / n), spread)
    return pearson, _ratio(products, np.sqrt(np.outer(a_squares, b_squares)))


@torch.inference_mode()
def survey(sae, lm, contexts, layer=0, tokens_at_once=8192):
    """Run contexts (n, n_ctx) through the model up to `layer`'s neurons and through the SAE: a Survey.

    ValueError if the SAE reads another width than the layer has. Memory: 8 bytes per non-zero activation and one block.
    """
    if sae.d_in != lm.d_mlp:
        raise ValueError(f"the SAE reads d_in={sae.d_in} but {lm.name} has d_mlp={lm.d_mlp} neurons; was it trained on "
                         "another model?")
    cells, blocks = np.flatnonzero(contexts != lm.boundary).astype(np.int32), deque()
    products = np.zeros((sae.d_sae, sae.d_in))
    x_sums, x_squares = np.zeros(sae.d_in), np.zeros(sae.d_in)
    step = max(1, tokens_at_once // contexts.shape[1])
    for first in bar(range(0, len(contexts), step), desc="reading", unit="block", leave=False):
        x = harvest(lm, contexts[first:first + step], layer)
        pattern, values = nonzeros(sae, x)
        products += pattern.transposed_times(values, x).cpu().numpy()
        x_sums += x.sum(0).cpu().numpy()
        x_squares += x.double().square().sum(0).cpu().numpy()
        parts = values, pattern.columns.int(), pattern.row_ends.int()
        blocks.append(csr_matrix(tuple(part.cpu().numpy() for part in parts), shape=pattern.shape))
    return Survey(contexts, cells, stack_columns(blocks), products, x_sums, x_squares)


def stack_columns(blocks):
    """The CSR blocks of a deque, one below the other, as one CSC matrix; each block is freed once it is copied."""
    n_rows, width = sum(block.shape[0] for block in blocks), blocks[0].shape[1]
    counts = sum(np.bincount(block.indices, minlength=width) for block in blocks)
    starts = np.concatenate([[0], np.cumsum(counts)])
    rows, values = np.empty(starts[-1], np.int32), np.empty(starts[-1], np.float32)
    free, first = starts[:-1].copy(), 0  # where the next entry of each column goes; first row of the block
    while blocks:
        block = blocks.popleft().tocsc()
        size = np.diff(block.indptr)
        to = np.repeat(free - block.indptr[:-1], size) + np.arange(len(block.data))
        rows[to], values[to] = block.indices + first, block.data
        free += size
        first += block.shape[0]
    return csc_matrix((values, rows, starts), shape=(n_rows, width))


def nonzeros(sae, x):
    """(Pattern, values) of the non-zeros of sae.encode(x), without dense latents where `kernels` knows a way.

    BatchTopK and its relatives encode by their threshold, which is no selection that training makes.
    """
    select = None if x.is_cuda or sae.arch in ("batchtopk", "matryoshka") else kernels.SELECT.get(sae.arch)
    found = select(sae, x - sae.b_dec) if select else None
    if found is None:
        latents = sae.encode(x)
        rows, columns = latents.nonzero(as_tuple=True)
        ends = torch.searchsorted(rows, torch.arange(len(x) + 1, device=x.device))
        return Pattern(ends, columns, (len(x), sae.d_sae)), latents[rows, columns]
    pattern, pre, *_ = found
    values = torch.relu(pre) if sae.arch == "topk" else sae.activate(pre, pattern.columns)
    index, pattern = pattern.keep(values != 0)
    return pattern, values[index]


def _by_latent(reduce, values, starts):
    """reduce of each column's values, float64 (d_sae,); 0 for an empty column."""
    out, alive = np.zeros(len(starts) - 1), np.diff(starts) > 0
    if alive.any():
        out[alive] = reduce.reduceat(values, starts[:-1][alive], dtype=np.float64)
    return out


def _ratio(a, b):
    return np.divide(a, b, out=np.zeros_like(a), where=b > 1e-12)


def largest(pearson, cosine, n=3):
    """(indices, pearson, cosine) of the n largest Pearson correlations of each row, falling."""
    indices = np.argsort(-pearson, axis=1, kind="stable")[:, :n]
    return indices, np.take_along_axis(pearson, indices, 1), np.take_along_axis(cosine, indices, 1)
