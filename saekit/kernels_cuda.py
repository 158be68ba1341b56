"""The sparse parts of the fast step on an NVIDIA GPU, in Triton; `kernels.py` says what they are for.

Each program handles one row (or one bag) and reads the rows of a weight matrix it needs, STEP at a time. Indices are
int64, arithmetic float32. The tests run these kernels through Triton's interpreter (TRITON_INTERPRET=1) on any machine.
"""

import torch
import triton
import triton.language as tl

STEP = 8  # rows of a weight matrix in flight per program


def inner(row_ends, columns, a, b, plus):
    """a[row] . b[column] + plus for every entry: a (rows, d), b (columns, d), plus (entries,); beyond the rows plus."""
    return _inner_products(row_ends[:-1], row_ends.diff(), columns, a, b, plus, plus.clone())


def bags(indices, weight, ends, values):
    """(bags, d): sum of values[e] * weight[indices[e]] over the entries ends[bag] <= e < ends[bag + 1] of each bag."""
    out = weight.new_empty(len(ends) - 1, weight.shape[1])
    _bags[(len(out),)](indices, weight.contiguous(), ends, values, out, weight.shape[1],
                       D=triton.next_power_of_2(weight.shape[1]), STEP=STEP)
    return out


def positive(pre, slack):
    """(columns, counts per row) of the entries of `pre` that may be above zero; slack (rows, 1) is how far off they
    may be. How many there are is asked of the GPU, which then has to be waited for."""
    keep = pre > -slack
    return keep.nonzero()[:, 1], keep.sum(1)


def positive_within(products, room, d_sae, device):
    """(columns (room,), counts per row) as `positive` of all (pre, slack, rows of x) in `products` together, as far as
    there is room: nothing waits. Places that stay empty hold columns spread over all d_sae of them."""
    columns, counts, filled = torch.arange(room, device=device) % d_sae, [], torch.zeros((), dtype=int, device=device)
    for pre, slack, _ in products:
        found = (pre > -slack).sum(1)
        starts = filled + found.cumsum(0) - found
        _place[(len(pre),)](pre, slack, columns, starts, d_sae, room, LANES=min(1024, triton.next_power_of_2(d_sae)))
        counts, filled = [*counts, found], filled + found.sum()
    return columns, torch.cat(counts)


def largest(pre, slack, x, W, b, k):
    """(pre-activations, columns), both (rows, k): the k largest entries of each row of x @ W.T + b as far as they are
    positive, then -1 at column 0. `pre` is that product rounded, slack (rows, 1) how far off it may be.

    Of more than 8 k near to the k-th it takes 8 k. Its shapes are known beforehand, so nothing waits for the GPU.
    """
    columns, counts = candidates(pre, slack, k)
    starts = torch.arange(0, columns.numel(), columns.shape[1], device=x.device)
    exact = torch.full(columns.shape, -1.0, device=x.device)
    _inner_products(starts, counts, columns, x, W, b[columns], exact)
    exact, chosen = exact.topk(k, dim=1, sorted=False)
    return exact, columns.gather(1, chosen)


def candidates(pre, slack, k):
    """(columns (rows, room), counts (rows,)): the first counts[row] columns of a row may be among its k largest and
    positive entries."""
    room = triton.next_power_of_2(8 * k)
    columns = torch.zeros(len(pre), room, dtype=torch.int64, device=pre.device)
    counts = torch.empty(len(pre), dtype=torch.int64, device=pre.device)
    _find[(len(pre),)](pre, slack, columns, counts, pre.shape[1], k, room,
                       GROUPS=max(1024, triton.next_power_of_2(4 * k)))
    return columns, counts


def _inner_products(starts, counts, columns, a, b, plus, out):
    """Fill out at entries starts[row] ... starts[row] + counts[row] - 1 of each row with a[row] . b[column] + plus."""
    _inner[(len(a),)](starts, counts, columns, a.contiguous(), b.contiguous(), plus, out, a.shape[1],
                      D=triton.next_power_of_2(a.shape[1]), STEP=STEP)
    return out


@triton.jit
def _inner(starts, counts, columns, a, b, plus, out, d, D: tl.constexpr, STEP: tl.constexpr):
    row, dim = tl.program_id(0).to(tl.int64), tl.arange(0, D)
    x = tl.load(a + row * d + dim, mask=dim < d, other=0.0)
    first = tl.load(starts + row)
    last = first + tl.load(counts + row)
    for start in range(first, last, STEP):
        entry = start + tl.arange(0, STEP)
        real = entry < last
        column = tl.load(columns + entry, mask=real, other=0)
        w = tl.load(b + column[:, None] * d + dim[None, :], mask=real[:, None] & (dim < d)[None, :], other=0.0)
        tl.store(out + entry, tl.sum(w * x[None, :], axis=1) + tl.load(plus + entry, mask=real), mask=real)


@triton.jit
def _bags(indices, weight, ends, values, out, d, D: tl.constexpr, STEP: tl.constexpr):
    bag, dim = tl.program_id(0).to(tl.int64), tl.arange(0, D)
    first, last = tl.load(ends + bag), tl.load(ends + bag + 1)
    total = tl.zeros((D,), dtype=tl.float32)
    for start in range(first, last, STEP):
        entry = start + tl.arange(0, STEP)
        real = entry < last
        index = tl.load(indices + entry, mask=real, other=0)
        w = tl.load(weight + index[:, None] * d + dim[None, :], mask=real[:, None] & (dim < d)[None, :], other=0.0)
        total += tl.sum(w * tl.load(values + entry, mask=real, other=0.0)[:, None], axis=0)
    tl.store(out + bag * d + dim, total, mask=dim < d)


@triton.jit
def _find(pre, slack, columns, counts, d_sae, k, room, GROUPS: tl.constexpr):
    """Maxima of GROUPS interleaved groups; their k-th largest, by bisection on its bits, bounds the row's k-th largest
    from below; then the columns above it."""
    row, lane = tl.program_id(0).to(tl.int64), tl.arange(0, GROUPS)
    reach, line = tl.load(slack + row), pre + row * d_sae
    best = tl.zeros((GROUPS,), dtype=tl.float32)
    for start in range(0, d_sae, GROUPS):
        part = tl.load(line + start + lane, mask=start + lane < d_sae, other=0.0).to(tl.float32)
        best = tl.maximum(best, part)
    bits, bound = best.to(tl.int32, bitcast=True), 0
    for bit in tl.static_range(31):
        higher = bound | (1 << (30 - bit))
        bound = tl.where(tl.sum((bits >= higher).to(tl.int32), axis=0) >= k, higher, bound)
    floor, filled = bound.to(tl.float32, bitcast=True) - 2 * reach, 0
    for start in range(0, d_sae, GROUPS):
        part = tl.load(line + start + lane, mask=start + lane < d_sae, other=-float("inf")).to(tl.float32)
        keep = (part >= floor) & (part > -reach)
        place = filled + tl.cumsum(keep.to(tl.int32), axis=0) - 1
        tl.store(columns + row * room + place, (start + lane).to(tl.int64), mask=keep & (place < room))
        filled += tl.sum(keep.to(tl.int32), axis=0)
    tl.store(counts + row, tl.minimum(filled, room).to(tl.int64))


@triton.jit
def _place(pre, slack, columns, starts, d_sae, room, LANES: tl.constexpr):
    """The columns of a row's entries above -slack, from the row's start on."""
    row, lane = tl.program_id(0).to(tl.int64), tl.arange(0, LANES)
    reach, line, filled = tl.load(slack + row), pre + row * d_sae, tl.load(starts + row)
    for start in range(0, d_sae, LANES):
        part = tl.load(line + start + lane, mask=start + lane < d_sae, other=-float("inf")).to(tl.float32)
        keep = part > -reach
        place = filled + tl.cumsum(keep.to(tl.int64), axis=0) - 1
        tl.store(columns + place, (start + lane).to(tl.int64), mask=keep & (place < room))
        filled += tl.sum(keep.to(tl.int64), axis=0)
