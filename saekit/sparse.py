"""A sparse matrix whose places are known, and its products: what the fast step computes instead of dense ones.

On a CPU these are torch's own sparse products, on a GPU the kernels of `kernels_cuda`.
"""

import warnings
from functools import cached_property

import torch
from torch.nn.functional import embedding_bag

with warnings.catch_warnings():  # torch says once per process that CSR tensors are in beta; here it reaches no notebook
    warnings.simplefilter("ignore")
    torch.sparse_csr_tensor([0, 1], [0], [0.0], (1, 1), check_invariants=False)


class Pattern:
    """Which entries of a (rows, columns) matrix are kept, in row order: entry e of row r has row_ends[r] <= e <
    row_ends[r + 1]. Products with the matrix that has `values` there and zeros elsewhere.

    On a GPU the list may be longer than row_ends[-1], as its length must be known beforehand where nothing may wait for
    how many entries there are; what lies beyond belongs to no row and to no column.
    """

    def __init__(self, row_ends, columns, shape):
        self.row_ends, self.columns, self.shape = row_ends, columns, shape

    def keep(self, mask):
        """(index, pattern) of the entries where mask is True: values[index] are the pattern's values."""
        ends = torch.cat([mask.new_zeros(1, dtype=torch.int64), mask.cumsum(0)])
        if on_gpu(mask):
            index = mask.byte().sort(descending=True, stable=True).indices      # the others follow, beyond the rows
        else:
            index = mask.nonzero().squeeze(1)
        return index, Pattern(ends[self.row_ends], self.columns[index], self.shape)

    def between(self, start, end):
        """(index, pattern) of the entries in columns start to end, counted from start."""
        index, part = self.keep((self.columns >= start) & (self.columns < end))
        return index, Pattern(part.row_ends, part.columns - start, (self.shape[0], end - start))

    def within(self, values, otherwise):
        """values, but `otherwise` at the places beyond the last row."""
        if not on_gpu(self.columns):
            return values
        return values.where(torch.arange(len(values), device=values.device) < self.row_ends[-1], otherwise)

    def inner(self, a, b, plus):
        """a[row] . b[column] + plus, one number per entry; a (rows, d), b (columns, d). Beyond the rows plus stays."""
        if on_gpu(a):
            return cuda().inner(self.row_ends, self.columns, a, b, plus)
        start = torch.sparse_csr_tensor(self.row_ends, self.columns, plus, self.shape, check_invariants=False)
        return torch.sparse.sampled_addmm(start, a, b.t()).values()

    def times(self, values, b):
        """matrix @ b: (columns, d) -> (rows, d)."""
        return _bags(self.columns, b, self.row_ends, values)

    def transposed_times(self, values, a):
        """matrix^T @ a: (rows, d) -> (columns, d)."""
        order, rows, column_ends = self._transpose
        return _bags(rows, a, column_ends, values[order])

    def column_sums(self, values):
        """(columns,) sums of values."""
        return values.new_zeros(self.shape[1]).index_add_(0, self.columns, values)

    @cached_property
    def _transpose(self):
        columns, order = self.within(self.columns, self.shape[1]).sort(stable=True)
        count = torch.arange(max(self.shape) + 1, device=columns.device)
        lengths = torch.cat([self.row_ends, self.row_ends.new_full((1,), len(order))]).diff()
        rows = torch.repeat_interleave(count[:self.shape[0] + 1], lengths, output_size=len(order))
        return order, rows[order], torch.searchsorted(columns, count[:self.shape[1] + 1])


def _bags(indices, weight, ends, values):
    """(bags, d): sum of values[e] * weight[indices[e]] over the entries ends[bag] <= e < ends[bag + 1] of each bag."""
    if on_gpu(weight):
        return cuda().bags(indices, weight, ends, values)
    return embedding_bag(indices, weight, ends, mode="sum", per_sample_weights=values, include_last_offset=True)


def on_gpu(x):
    """Whether x lies on a GPU."""
    return x.is_cuda


def cuda():
    """The module of Triton kernels."""
    from saekit import kernels_cuda  # needs Triton, which CPU builds of PyTorch do not bring

    return kernels_cuda
