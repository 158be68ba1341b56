"""The training step of sparse latents without dense work where almost everything is zero.

Of a batch's latents only l0 of d_sae per row differ from zero. So there is one dense product, the encoder's, and it
only has to tell which few entries could be non-zero; everything else runs over those entries:
    pre_acts  = (x - b_dec) . W_enc + b_enc     one inner product per entry
    x_hat     = latents @ W_dec + b_dec         sparse (batch, d_sae) times dense
    dlatents  = dx_hat . W_dec[i]               one inner product per entry
    dW_dec    = latents^T @ dx_hat              sparse times dense
    dW_enc^T  = dpre^T @ (x - b_dec)            sparse times dense
There is no gradient with respect to x, and no (batch, d_sae) array of floats outlives a chunk of rows. Where the
processor multiplies bfloat16 faster than float32 the dense product is rounded to it; its entries are recomputed, so
their values are float32's. Which they are may differ from float32's at the border where a latent reads hardly more
than one input, whose rounding does not average out (see SLACK). The plain versions in `sae.py` are what lessons show
and what tests hold these against.
References: Gao et al. 2024 (sparse kernels), Chern et al. 2022 (maxima of groups in place of a full selection).
"""

import time
from functools import lru_cache, partial
from importlib.util import find_spec
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch

from saekit import parallel, processes, sparse
from saekit.sae_frame import Losses

SPARSE_BELOW = 0.1    # density of thresholded latents under which the sparse route is taken
CHUNK = 2**22         # entries of pre_acts in memory at once (256 rows at least; on a GPU 64 times as many)
AUXK_SPARSE_BELOW = 0.15    # density of AuxK's codes among the dead latents, likewise
SLACK = 2**-9         # how far rounding to bfloat16 may move pre-activations, over |x| max |W_enc[:, i]| + max |b_enc|
BITS = {torch.float64: torch.int64, torch.float32: torch.int32, torch.bfloat16: torch.int16}
TRITON = find_spec("triton") is not None
OFF = -1e4            # pre-activation that stands where a GPU's list holds no entry: no threshold lies below it


@lru_cache(1)
def bf16_pays():
    """Whether this processor multiplies bfloat16 clearly faster than float32, timed once: its instructions alone do not
    tell, for with AVX512-BF16 but without AMX some processors take twice as long."""
    if not any(getattr(torch.cpu, f"_is_{name}_supported", bool)() for name in ("avx512_bf16", "amx_tile")):
        return False
    times = {}
    for dtype in (torch.float32, torch.bfloat16) * 5:
        x, W, start = torch.ones(256, 512, dtype=dtype), torch.ones(512, 2048, dtype=dtype), time.perf_counter()
        torch.mm(x, W)
        times.setdefault(dtype, []).append(time.perf_counter() - start)
    return 1.2 * min(times[torch.bfloat16]) < min(times[torch.float32])


class Found(NamedTuple):
    """What a selection found."""

    pattern: sparse.Pattern    # of the entries that can differ from zero
    pre: torch.Tensor          # their pre-activations
    missed: torch.Tensor       # how many more there were than there was room for
    entries: int               # among how many they were found


class PreActs(torch.autograd.Function):
    """The pre-activations `pre` of a pattern's entries, found already, tied to the parameters they came from."""

    @staticmethod
    def forward(ctx, W_enc, b_enc, b_dec, centred, pre, pattern):
        ctx.save_for_backward(W_enc, centred)
        ctx.pattern = pattern
        return pre.clone()

    @staticmethod
    def backward(ctx, dpre):
        W_enc, centred = ctx.saved_tensors
        db_enc = ctx.pattern.column_sums(dpre)
        return ctx.pattern.transposed_times(dpre, centred).t(), db_enc, -(W_enc @ db_enc), None, None, None


class Reconstruction(torch.autograd.Function):
    """(recon, resid): resid = x - b_dec - latents @ W_dec (batch, d_in), recon = mean over the batch of ||resid||^2 and
    over `prefixes`: reconstructions from the first so many latents, each the one before it plus a group's share."""

    @staticmethod
    def forward(ctx, latents, W_dec, b_dec, centred, pattern, prefixes):
        resids, recon, ctx.groups = [centred], 0.0, []
        for start, end in pairwise((0, *prefixes)):
            index, part = (slice(None), pattern) if len(prefixes) == 1 else pattern.between(start, end)
            resids.append(resids[-1] - part.times(latents[index], W_dec.detach()[start:end]))
            recon = recon + torch.linalg.vector_norm(resids[-1]) ** 2 / len(centred)
            ctx.groups.append((index, part, slice(start, end)))
        ctx.save_for_backward(latents, W_dec, *resids[1:])
        ctx.mark_non_differentiable(resids[-1])
        return recon / len(prefixes), resids[-1]

    @staticmethod
    def backward(ctx, drecon, _):
        latents, W_dec, *resids = ctx.saved_tensors
        dx_hat, dlatents, dW_dec = None, torch.zeros_like(latents), []
        for (index, part, rows), resid in zip(reversed(ctx.groups), reversed(resids)):
            share = resid * (-2 / len(resid) / len(resids) * drecon)
            dx_hat = share if dx_hat is None else dx_hat + share     # a group is part of every prefix that reaches it
            dlatents[index] += part.inner(dx_hat, W_dec[rows], torch.zeros_like(latents[index]))
            if ctx.needs_input_grad[1]:
                dW_dec.insert(0, part.transposed_times(latents[index], dx_hat))
        db_dec = dx_hat.sum(0) if ctx.needs_input_grad[2] else None
        return dlatents, torch.cat(dW_dec) if dW_dec else None, db_dec, None, None, None


class DenseAuxK(torch.autograd.Function):
    """mean_batch ||resid - codes @ W_dec||^2, codes = the k largest of ReLU(centred @ W_enc^T + b_enc) per row, by five
    dense products; W_enc and W_dec (n_dead, d_in)."""

    @staticmethod
    def forward(ctx, W_enc, b_enc, W_dec, b_dec, centred, resid, k):
        codes = torch.addmm(b_enc, centred, W_enc.t())
        if k < len(W_enc):
            codes.masked_fill_(codes < _kth_largest(codes, k), 0.0)
        codes.relu_()
        error = torch.addmm(resid, codes, W_dec, alpha=-1)
        ctx.save_for_backward(W_enc, W_dec, centred, codes, error)
        return torch.linalg.vector_norm(error) ** 2 / len(error)

    @staticmethod
    def backward(ctx, daux):
        W_enc, W_dec, centred, codes, error = ctx.saved_tensors
        derror = error * (-2 / len(error) * daux)
        dpre = (derror @ W_dec.t()).mul_(codes > 0)
        db_enc = dpre.sum(0)
        return dpre.t() @ centred, db_enc, codes.t() @ derror, -(db_enc @ W_enc), None, None, None


def loss(sae, x, dead=None, warmth=1.0, room=None):
    """`sae.loss(x, dead, warmth)` by the fastest route there is for this architecture; the same up to rounding.

    room: for how many entries there is place where a threshold decides; 0: the plain route. None finds out, for which a
    GPU has to be waited for. Entries that find no place are left out and counted in `missed`. Where several processes
    have parts of a batch, x is this one's part and so are the Losses, but BatchTopK chooses over all of it.
    """
    own = vars(type(sae)).get("arch")    # a variant without a name of its own may differ from what it inherits
    if own not in SELECT or sparse.on_gpu(x) and not TRITON or room == 0:
        return sae.loss(x, dead, warmth)
    with torch.no_grad():
        centred = x - sae.b_dec
        found = SELECT[own](sae, centred, room)
    if found is None:
        return sae.loss(x, dead, warmth)
    pattern, pre, missed, entries = found
    pre, zero = PreActs.apply(sae.W_enc, sae.b_enc, sae.b_dec, centred, pre, pattern), x.new_zeros(())
    latents = torch.relu(pre) if hasattr(sae, "k") else sae.activate(pre, pattern.columns)
    recon, resid = Reconstruction.apply(latents, sae.W_dec, sae.b_dec, centred, pattern, sae.prefixes)
    cost = sae.penalty(latents, pre, pattern.columns).sum() if sae.coeff else zero
    sparsity = warmth / len(x) * sae.coeff * cost
    if sae.arch == "gated":
        W_dec, b_dec = sae.W_dec.detach(), sae.b_dec.detach()
        aux, _ = Reconstruction.apply(torch.relu(pre), W_dec, b_dec, centred, pattern, sae.prefixes)
    else:
        aux = auxk(sae, centred, resid, dead) if sae.auxk_coeff and dead is not None and len(dead) else zero
    fires = latents.detach() > 0
    smallest = latents.detach().masked_fill(~fires, torch.inf).min() if len(fires) else x.new_tensor(torch.inf)
    fired = pattern.column_sums(fires.float()).long()
    return Losses(recon + sparsity + aux, recon, sparsity, aux, fired, smallest, missed, entries)


def auxk(sae, centred, resid, dead):
    """`sae.auxk` from centred = x - b_dec: by dense products where the codes fill enough of the dead columns."""
    W_enc, b_enc, W_dec = sae.W_enc.t().index_select(0, dead), sae.b_enc[dead], sae.W_dec.index_select(0, dead)
    if sae.k_aux >= AUXK_SPARSE_BELOW * len(dead):
        return sae.auxk_coeff * DenseAuxK.apply(W_enc, b_enc, W_dec, sae.b_dec, centred, resid, sae.k_aux)
    with torch.no_grad():
        pattern, pre, *_ = _largest(centred, W_enc.t(), b_enc, sae.k_aux)
    pre = PreActs.apply(W_enc.t(), b_enc, sae.b_dec, centred, pre, pattern)
    nothing = resid.new_zeros(())                                             # the residual has b_dec taken off already
    return sae.auxk_coeff * Reconstruction.apply(torch.relu(pre), W_dec, nothing, resid, pattern, (len(dead),))[0]


def _select_positive(sae, centred, bias, room):
    """All entries above zero under `bias`, as Found; None where they are too many for sparsity to pay."""
    if room is None and (torch.addmm(bias, centred[:64], sae.W_enc) > 0).float().mean() > SPARSE_BELOW:
        return None
    pattern, missed = _candidates(centred, sae.W_enc, bias, room=room)
    return Found(pattern, _exact(sae.W_enc, sae.b_enc, centred, pattern), missed, len(pattern.columns))


def _largest(centred, W_enc, b_enc, k):
    """The k largest entries of each row, as Found; where fewer are positive, entries that ReLU removes."""
    if sparse.on_gpu(centred):
        chunks = _products(centred, W_enc, b_enc)
        found = [sparse.cuda().largest(pre, reach, x, W_enc.t(), b_enc, k) for pre, reach, x in chunks]
        pre, columns = (torch.cat(parts) for parts in zip(*found))
    else:
        pattern, _ = _candidates(centred, W_enc, b_enc, k)
        counts = pattern.row_ends.diff()
        there = torch.arange(max(k, int(counts.max()))) < counts[:, None]                     # rows at one length
        pre = centred.new_full(there.shape, -1.0).masked_scatter_(there, _exact(W_enc, b_enc, centred, pattern))
        pre, chosen = pre.topk(k, dim=1, sorted=False)
        columns = torch.zeros_like(there, dtype=torch.int64).masked_scatter_(there, pattern.columns).gather(1, chosen)
    ends = torch.arange(0, columns.numel() + 1, k, device=columns.device)
    pattern = sparse.Pattern(ends, columns.flatten(), (len(centred), W_enc.shape[1]))
    return Found(pattern, pre.flatten(), pre.new_zeros(()), columns.numel())


def _select_batchtopk(sae, centred, room=None):
    """The k * batch largest entries of the batch, as far as they are positive, as Found: of the whole batch, where
    other processes have the rest of its rows."""
    wanted = sae.k * processes.total(len(centred))
    sample = torch.addmm(sae.b_enc, centred[:64], sae.W_enc).flatten()
    most = min(wanted, 2 * sae.k * len(centred)) if room else wanted      # on a GPU all shapes must be known
    rank = min(2 * sae.k * len(centred[:64]), len(sample))                # twice as many as wanted: enough, but few
    floor = processes.least(sample.topk(rank, sorted=False).values.min().clamp_min(0.0))
    for floor in (floor, torch.zeros_like(floor)):
        pattern, missed = _candidates(centred, sae.W_enc, sae.b_enc - floor, room=room and max(room, most))
        pre = _exact(sae.W_enc, sae.b_enc, centred, pattern)
        short = (wanted - processes.total((pre > floor).sum())).clamp_min(0)
        if room or short == 0:
            mask = parallel.among_largest(pre, wanted)
            missed = missed + short * (floor > 0) + (mask.sum() - most).clamp_min(0)
            index, chosen = pattern.keep(mask)
            chosen = sparse.Pattern(chosen.row_ends.clamp_max(most), chosen.columns[:most], chosen.shape)
            return Found(chosen, chosen.within(pre[index[:most]], OFF), missed, len(pattern.columns))
    return Found(pattern, pre, missed, len(pattern.columns))


SELECT = {  # architecture: function of (sae, x - b_dec, room) that finds the entries which can differ from zero
    "topk": lambda sae, centred, room=None: _largest(centred, sae.W_enc, sae.b_enc, sae.k),
    **dict.fromkeys(("batchtopk", "matryoshka"), _select_batchtopk),
    "jumprelu": lambda sae, centred, room=None:
        _select_positive(sae, centred, sae.b_enc - sae.threshold + sae.bandwidth / 2, room),
    **dict.fromkeys(("relu", "relu-tied", "relu-weighted", "relu-l0", "gated"),
                    lambda sae, centred, room=None: _select_positive(sae, centred, sae.b_enc, room)),
}


def _exact(W_enc, b_enc, centred, pattern):
    """float32 pre-activations of a pattern's entries."""
    return pattern.inner(centred, W_enc.t(), pattern.within(b_enc[pattern.columns], OFF))


def _candidates(centred, W_enc, bias, k=None, room=None):
    """(pattern, missed): a pattern that holds every entry of centred @ W_enc + bias above zero, or with k all those
    among the k largest of their row, and few others; with room all but `missed` of them, for nothing then waits."""
    products, missed = _products(centred, W_enc, bias), bias.new_zeros(())
    if room is None:
        find = sparse.cuda().positive if sparse.on_gpu(centred) else partial(_find, k=k)
        columns, counts = map(torch.cat, zip(*(find(pre, reach) for pre, reach, _ in products)))
    else:
        columns, counts = sparse.cuda().positive_within(products, room, len(bias), bias.device)
    row_ends = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
    if room is not None:
        missed, row_ends = (row_ends[-1] - room).clamp_min(0), row_ends.clamp_max(room)
    return sparse.Pattern(row_ends, columns, (len(centred), len(bias))), missed


def _products(centred, W_enc, bias):
    """Yield (pre, reach, x) for chunks x of the rows: pre = x @ W_enc + bias (rows, d_sae), the only dense work, and
    how far off rounding may have moved it, (rows, 1)."""
    gpu = sparse.on_gpu(centred)
    rounded = (gpu or bf16_pays()) and W_enc.dtype == torch.float32
    dtype = torch.bfloat16 if rounded else W_enc.dtype
    slack = SLACK * (centred.norm(dim=1, keepdim=True) * W_enc.norm(dim=0).max() + bias.abs().max()) * rounded
    W, b, rows = W_enc.to(dtype), bias.to(dtype), max(256, (64 * CHUNK if gpu else CHUNK) // len(bias))
    for x, reach in zip(centred.split(rows), slack.split(rows)):
        yield torch.addmm(b, x.to(dtype), W), reach, x


def _find(pre, slack, k):
    """(columns, counts per row) of the entries of `pre` that may be above zero and, with k, among the k largest of
    their row; slack (rows, 1) is how far off they may be. Overwrites `pre`."""
    floor = -slack if k is None else _kth_bound(pre, k) - 2 * slack
    signs = pre.sub_(floor.to(pre.dtype)).view(BITS[pre.dtype]).numpy()   # the sign of a float is that of its bits
    entries = np.flatnonzero(signs > 0)
    counts = np.diff(np.searchsorted(entries, pre.shape[1] * np.arange(len(pre) + 1)))
    return torch.from_numpy(entries % pre.shape[1]), torch.from_numpy(counts)


def _kth_largest(pre, k):
    """(rows, 1) the k-th largest entry of each row."""
    if sparse.on_gpu(pre):
        return pre.topk(k, dim=1, sorted=False).values.amin(1, keepdim=True)
    place = pre.shape[1] - k
    return torch.from_numpy(np.partition(pre.numpy(), place, axis=1)[:, place, None].copy())


def _kth_bound(pre, k):
    """(rows, 1) numbers just below a bound of each row's k-th largest entry, or 0: the k-th largest maximum of groups,
    for each of those k groups holds one as large. Positive floats are ordered as their bits; integers sort faster."""
    size = max(1, pre.shape[1] // (4 * k))
    groups = pre[:, :pre.shape[1] // size * size].view(BITS[pre.dtype]).unflatten(1, (size, -1))
    maxima = groups.amax(1).numpy()                                       # (rows, about 4 k)
    kth = np.partition(maxima, maxima.shape[1] - k, axis=1)[:, maxima.shape[1] - k, None]
    return torch.from_numpy(np.maximum(kth - 1, 0)).view(pre.dtype).to(torch.promote_types(pre.dtype, torch.float32))
