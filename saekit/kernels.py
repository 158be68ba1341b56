"""The training step of sparse latents without dense work where almost everything is zero.

Of a batch's latents only l0 of d_sae per row differ from zero. So there is one dense product, the encoder's, and it only
has to tell which few entries could be non-zero; everything else runs over those entries:
    pre_acts  = (x - b_dec) . W_enc + b_enc     one inner product per entry
    x_hat     = latents @ W_dec + b_dec         sparse (batch, d_sae) times dense
    dlatents  = dx_hat . W_dec[i]               one inner product per entry
    dW_dec    = latents^T @ dx_hat              sparse times dense
    dW_enc^T  = dpre^T @ (x - b_dec)            sparse times dense
There is no gradient with respect to x, and no (batch, d_sae) array of floats outlives a chunk of rows. Where the
processor multiplies bfloat16 faster than float32 the dense product is rounded to it; as its entries are recomputed, the
result is float32's. The plain versions in `sae.py` are what lessons show and what tests hold these against.
References: Gao et al. 2024, A.3 (sparse products); group maxima as a bound: Chern et al. 2022 (TPU-KNN).
"""

import warnings
from functools import cached_property

import numpy as np
import torch
from torch.nn.functional import embedding_bag

from saekit.sae import Losses, jumprelu, step_function

SPARSE_BELOW = 0.1    # density of thresholded latents under which the sparse route is taken
CHUNK = 2**22         # entries of pre_acts in memory at once (256 rows at least)
SLACK = 2**-9         # how far rounding to bfloat16 may move a pre-activation, in units of |x| |W_enc[:, i]| + |b_enc|
BITS = {torch.float64: torch.int64, torch.float32: torch.int32, torch.bfloat16: torch.int16}
BF16 = any(getattr(torch.cpu, f"_is_{name}_supported", bool)() for name in ("avx512_bf16", "amx_tile"))

with warnings.catch_warnings():  # torch says once per process that CSR tensors are in beta; here it reaches no notebook
    warnings.simplefilter("ignore")
    torch.sparse_csr_tensor([0, 1], [0], [0.0], (1, 1), check_invariants=False)


class Pattern:
    """Which entries of a (rows, columns) matrix are kept, in row order: entry e of row r has row_ends[r] <= e <
    row_ends[r + 1]. Products with the matrix that has `values` there and zeros elsewhere."""

    def __init__(self, row_ends, columns, shape):
        self.row_ends, self.columns, self.shape = row_ends, columns, shape

    def keep(self, mask):
        """The pattern of the entries where mask is True."""
        ends = torch.cat([mask.new_zeros(1, dtype=torch.int64), mask.cumsum(0)])
        return Pattern(ends[self.row_ends], self.columns[mask], self.shape)

    def inner(self, a, b, plus):
        """a[row] . b[column] + plus, one number per entry; a (rows, d), b (columns, d)."""
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
        order = self.columns.argsort(stable=True)
        rows = torch.repeat_interleave(torch.arange(self.shape[0]), self.row_ends.diff())[order]
        counts = torch.bincount(self.columns, minlength=self.shape[1])
        return order, rows, torch.cat([counts.new_zeros(1), counts.cumsum(0)])


def _bags(indices, weight, ends, values):
    return embedding_bag(indices, weight, ends, mode="sum", per_sample_weights=values, include_last_offset=True)


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
    """(recon, resid): resid = x - b_dec - latents @ W_dec (batch, d_in), recon = mean over the batch of ||resid||^2."""

    @staticmethod
    def forward(ctx, latents, W_dec, b_dec, centred, pattern):
        resid = centred - pattern.times(latents, W_dec.detach())
        ctx.save_for_backward(latents, W_dec, resid)
        ctx.pattern = pattern
        ctx.mark_non_differentiable(resid)
        return torch.linalg.vector_norm(resid) ** 2 / len(resid), resid

    @staticmethod
    def backward(ctx, drecon, _):
        latents, W_dec, resid = ctx.saved_tensors
        dx_hat = resid * (-2 / len(resid) * drecon)
        dlatents = ctx.pattern.inner(dx_hat, W_dec, torch.zeros_like(latents))
        return dlatents, ctx.pattern.transposed_times(latents, dx_hat), dx_hat.sum(0), None, None


def loss(sae, x, dead=None, warmth=1.0):
    """`sae.loss(x, dead, warmth)` by the fastest route there is for this architecture; the same up to rounding."""
    if sae.arch not in SELECT:
        return sae.loss(x, dead, warmth)
    with torch.no_grad():
        centred = x - sae.b_dec
        selected = SELECT[sae.arch](sae, centred)
    if selected is None:
        return sae.loss(x, dead, warmth)
    pattern, pre = selected
    pre = PreActs.apply(sae.W_enc, sae.b_enc, sae.b_dec, centred, pre, pattern)
    latents, sparsity = _activate(sae, pre, pattern, warmth / len(x))
    recon, resid = Reconstruction.apply(latents, sae.W_dec, sae.b_dec, centred, pattern)
    aux = sae.auxk(x, resid, dead) if hasattr(sae, "auxk") and dead is not None and dead.any() else x.new_zeros(())
    fired = pattern.column_sums((latents.detach() > 0).float()).long()
    return Losses(recon + sparsity + aux, recon, sparsity, aux, fired)


def _activate(sae, pre, pattern, weight):
    """Latents of the entries and the penalty summed over them, times weight."""
    if sae.arch == "jumprelu":
        threshold = sae.threshold.index_select(0, pattern.columns)
        penalty = sae.l0_coeff * step_function(pre, threshold, sae.bandwidth).sum()
        return jumprelu(pre, threshold, sae.bandwidth), weight * penalty
    latents = torch.relu(pre)
    return latents, weight * sae.l1_coeff * latents.sum() if sae.arch == "relu" else pre.new_zeros(())


def _select_relu(sae, centred):
    return _select_positive(sae, centred, sae.b_enc)


def _select_jumprelu(sae, centred):
    return _select_positive(sae, centred, sae.b_enc - sae.threshold + sae.bandwidth / 2)


def _select_positive(sae, centred, bias):
    """(pattern, pre_acts) of all entries above zero under `bias`; None where they are too many for sparsity to pay."""
    sample = torch.addmm(bias, centred[:64], sae.W_enc) > 0
    if sample.float().mean() > SPARSE_BELOW:
        return None
    pattern = _candidates(centred, sae.W_enc, bias)
    return pattern, _exact(sae, centred, pattern)


def _select_topk(sae, centred):
    """(pattern, pre_acts) of the k largest entries of each row, as far as they are positive."""
    pattern = _candidates(centred, sae.W_enc, sae.b_enc, sae.k)
    pre, counts = _exact(sae, centred, pattern), pattern.row_ends.diff()
    width = int(counts.max())
    if width <= sae.k:
        return pattern, pre
    there = torch.arange(width) < counts[:, None]                         # (batch, width): rows padded to one length
    padded = torch.full(there.shape, -torch.inf).masked_scatter_(there, pre)
    chosen = padded.topk(sae.k, dim=1, sorted=False).indices
    mask = torch.zeros_like(there).scatter_(1, chosen, True)[there]
    return pattern.keep(mask), pre[mask]


def _select_batchtopk(sae, centred):
    """(pattern, pre_acts) of the k * batch largest entries of the batch, as far as they are positive."""
    wanted, sample = sae.k * len(centred), torch.addmm(sae.b_enc, centred[:64], sae.W_enc).flatten()
    rank = min(2 * sae.k * len(centred[:64]), len(sample))                # twice as many as wanted: enough, but few
    for floor in (max(0.0, float(sample.topk(rank, sorted=False).values.min())), 0.0):
        pattern = _candidates(centred, sae.W_enc, sae.b_enc - floor)
        pre = _exact(sae, centred, pattern)
        if int((pre > floor).sum()) >= wanted:
            mask = torch.zeros(len(pre), dtype=torch.bool)
            mask[pre.topk(wanted, sorted=False).indices] = True
            return pattern.keep(mask), pre[mask]
    return pattern, pre


SELECT = {"topk": _select_topk, "batchtopk": _select_batchtopk, "relu": _select_relu, "jumprelu": _select_jumprelu}


def _exact(sae, centred, pattern):
    """float32 pre-activations of a pattern's entries."""
    return pattern.inner(centred, sae.W_enc.t(), sae.b_enc[pattern.columns])


def _candidates(centred, W_enc, bias, k=None):
    """A pattern that holds every entry of centred @ W_enc + bias above zero, or with k all those among the k largest
    of their row, and few others."""
    rounded = BF16 and W_enc.dtype == torch.float32
    dtype = torch.bfloat16 if rounded else W_enc.dtype
    slack = SLACK * (centred.norm(dim=1, keepdim=True) * W_enc.norm(dim=0).max() + bias.abs().max()) * rounded
    x, W, b, found, d_sae = centred.to(dtype), W_enc.to(dtype), bias.to(dtype), [], W_enc.shape[1]
    rows = max(256, CHUNK // d_sae)
    for part, slack in zip(x.split(rows), slack.split(rows)):
        pre = torch.addmm(b, part, W)                                     # (rows, d_sae), the only dense work
        floor = -slack if k is None else _kth_bound(pre, k) - 2 * slack
        signs = pre.sub_(floor.to(dtype)).view(BITS[dtype]).numpy()       # the sign of a float is that of its bits
        found.append(np.flatnonzero(signs > 0) + len(found) * rows * d_sae)
    entries = np.concatenate(found)
    row_ends = np.searchsorted(entries, d_sae * np.arange(len(x) + 1))
    return Pattern(torch.from_numpy(row_ends), torch.from_numpy(entries % d_sae), (len(x), d_sae))


def _kth_bound(pre, k):
    """(rows, 1) number just below a lower bound of the k-th largest entry of each row, or 0: the k-th largest maximum of
    groups, for each of those k groups holds one. Positive floats are ordered as their bits are; integers sort faster."""
    size = max(1, pre.shape[1] // (4 * k))
    groups = pre[:, :pre.shape[1] // size * size].view(BITS[pre.dtype]).unflatten(1, (size, -1))
    maxima = groups.amax(1).numpy()                                       # (rows, about 4 k)
    kth = np.partition(maxima, maxima.shape[1] - k, axis=1)[:, maxima.shape[1] - k, None]
    return torch.from_numpy(np.maximum(kth - 1, 0)).view(pre.dtype).float()
