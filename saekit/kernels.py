"""The training step of sparse latents without dense work where almost everything is zero.

Of a batch's latents only l0 of d_sae per row differ from zero, so beside one dense product (the encoder's) everything
is sparse:
    x_hat    = latents @ W_dec + b_dec            sparse (batch, d_sae) times dense
    dpre     = dx_hat . W_dec[i]                  one inner product per non-zero latent
    dW_dec   = latents^T @ dx_hat                 sparse times dense
    dW_enc^T = dpre^T @ x                         sparse times dense again
There is no gradient with respect to x. The plain versions in `sae.py` are what lessons show and what tests hold these
against.
"""

import warnings

import torch

from saekit.sae import Losses

SPARSE_BELOW = 0.2  # density of a ReLU's latents under which the sparse route is taken

with warnings.catch_warnings():  # torch says once per process that CSR tensors are in beta; here it reaches no notebook
    warnings.simplefilter("ignore")
    torch.sparse_csr_tensor([0, 1], [0], [0.0], (1, 1), check_invariants=False)


def loss(sae, x, dead=None, warmth=1.0):
    """`sae.loss(x, dead, warmth)` by the fastest route there is for this architecture; the same up to rounding."""
    if sae.arch == "topk":
        resid, values, columns = SparseAutoencode.apply(x, sae.W_enc, sae.b_enc, sae.W_dec, sae.b_dec, sae.k)
        sparsity = torch.zeros(())
        aux = sae.auxk(x, resid.detach(), dead) if dead is not None and dead.any() else torch.zeros(())
    elif sae.arch == "relu" and _density(sae, x[:256]) < SPARSE_BELOW:
        resid, values, columns = SparseAutoencode.apply(x, sae.W_enc, sae.b_enc, sae.W_dec, sae.b_dec, None)
        sparsity, aux = warmth * sae.l1_coeff * values.sum() / len(x), torch.zeros(())
    else:
        return sae.loss(x, dead, warmth)
    recon = resid.square().sum(1).mean()
    fired = torch.bincount(columns[values > 0], minlength=sae.d_sae)
    return Losses(recon + sparsity + aux, recon, sparsity, aux, fired)


@torch.no_grad()
def _density(sae, x):
    return float((sae.pre_acts(x) > 0).float().mean())


class SparseAutoencode(torch.autograd.Function):
    """(resid, values, columns) of x: resid = x - x_hat (batch, d_in); the non-zero latents in row order and their
    latents' indices.

    k: keep the k largest pre-activations of each row (their ReLU); None: keep all positive ones.
    """

    @staticmethod
    def forward(ctx, x, W_enc, b_enc, W_dec, b_dec, k):
        pre_acts = torch.addmm(b_enc - b_dec @ W_enc, x, W_enc)
        row_ends, columns, values = _positive(pre_acts) if k is None else _largest(pre_acts, k)
        resid = x - b_dec - _csr(row_ends, columns, values, pre_acts.shape) @ W_dec
        ctx.save_for_backward(x, W_enc, W_dec, b_dec, row_ends, columns, values)
        ctx.mark_non_differentiable(columns)
        return resid, values, columns

    @staticmethod
    def backward(ctx, grad_resid, grad_values, _):
        x, W_enc, W_dec, b_dec, row_ends, columns, values = ctx.saved_tensors
        shape, grad = (len(x), len(W_dec)), -grad_resid.contiguous()       # dL/dx_hat (batch, d_in)
        pattern = _csr(row_ends, columns, torch.zeros_like(values), shape)
        dpre = torch.sparse.sampled_addmm(pattern, grad, W_dec.t()).values() + grad_values
        dpre = torch.where(values > 0, dpre, 0.0)
        order = columns.argsort(stable=True)                               # row order to column order: the transpose
        rows = torch.repeat_interleave(torch.arange(len(x)), row_ends.diff())[order]
        column_ends = _ends(torch.bincount(columns, minlength=len(W_dec)))
        dW_dec = _csr(column_ends, rows, values[order], shape[::-1]) @ grad
        dW_enc_t = _csr(column_ends, rows, dpre[order], shape[::-1]) @ x
        db_enc = torch.zeros(len(W_dec)).index_add_(0, columns, dpre)
        return None, (dW_enc_t - torch.outer(db_enc, b_dec)).t(), db_enc, dW_dec, grad.sum(0) - W_enc @ db_enc, None


def _largest(pre_acts, k):
    """CSR parts of the k largest entries of each row after a ReLU."""
    values, columns = pre_acts.topk(k, dim=1, sorted=False)
    return torch.arange(0, values.numel() + 1, k), columns.flatten(), values.relu_().flatten()


def _positive(pre_acts):
    """CSR parts of the positive entries."""
    rows, columns = (pre_acts > 0).nonzero().t().contiguous()
    return _ends(torch.bincount(rows, minlength=len(pre_acts))), columns, pre_acts[rows, columns]


def _ends(counts):
    return torch.cat([counts.new_zeros(1), counts.cumsum(0)])


def _csr(row_ends, columns, values, shape):
    return torch.sparse_csr_tensor(row_ends, columns, values, shape, check_invariants=False)
