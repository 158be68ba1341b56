"""The training step of sparse latents without dense work where almost everything is zero.

Of a batch's latents only k of d_sae per row differ from zero, so beside one dense product (the encoder's) everything is sparse:
    x_hat    = sum_j value_j W_dec[index_j]              an embedding bag
    dW_dec   = latents^T @ dx_hat                        sparse (d_sae, batch) times dense (batch, d_in)
    dpre_j   = dx_hat . W_dec[index_j]                   k inner products per row
    dW_enc^T = dpre^T @ x                                sparse times dense again
There is no gradient with respect to x. The plain versions in `sae.py` are what lessons show and what tests hold these against.
"""

import warnings

import torch
import torch.nn.functional as F

from saekit.sae import Losses

with warnings.catch_warnings():  # torch says once per process that CSR tensors are in beta; said here, it reaches no notebook
    warnings.simplefilter("ignore")
    torch.sparse_csr_tensor([0, 1], [0], [0.0], (1, 1), check_invariants=False)


class SparseAutoencode(torch.autograd.Function):
    """resid = x - b_dec - sum_j ReLU(pre[index_j]) W_dec[index_j], with sparse gradients for the four parameters."""

    @staticmethod
    def forward(ctx, x, W_enc, b_enc, W_dec, b_dec, k):
        pre_acts = torch.addmm(b_enc - b_dec @ W_enc, x, W_enc)
        values, indices = pre_acts.topk(k, dim=1, sorted=False)
        values.relu_()
        x_hat = F.embedding_bag(indices, W_dec, per_sample_weights=values, mode="sum").add_(b_dec)
        ctx.save_for_backward(x, W_enc, W_dec, b_dec, values, indices)
        ctx.mark_non_differentiable(values, indices)
        return x - x_hat, values, indices

    @staticmethod
    def backward(ctx, grad_resid, *_):
        x, W_enc, W_dec, b_dec, values, indices = ctx.saved_tensors
        grad = -grad_resid.contiguous()                                                # dL/dx_hat (batch, d_in)
        row_ends = torch.arange(0, values.numel() + 1, values.shape[1], device=values.device)
        pattern = torch.sparse_csr_tensor(row_ends, indices.flatten(), torch.zeros_like(values).flatten(), (len(x), len(W_dec)),
                                          check_invariants=False)
        dots = torch.sparse.sampled_addmm(pattern, grad, W_dec.t()).values()           # grad . W_dec[index], (batch * k,)
        dpre = torch.where(values.flatten() > 0, dots, 0.0)
        latents_t = _transposed(indices, values.flatten(), len(W_dec))
        dpre_t = _transposed(indices, dpre, len(W_dec))
        db_enc = dpre.new_zeros(len(W_dec)).index_add_(0, indices.flatten(), dpre)
        dW_enc = (dpre_t @ x).t() - torch.outer(b_dec, db_enc)
        return None, dW_enc, db_enc, latents_t @ grad, grad.sum(0) - W_enc @ db_enc, None


def _transposed(indices, values, n_columns):
    """CSR matrix (n_columns, batch) whose column i holds values[i] at rows indices[i]; indices (batch, k), values (batch * k,)."""
    order = indices.flatten().argsort(stable=True)
    counts = torch.bincount(indices.flatten(), minlength=n_columns)
    row_ends = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
    return torch.sparse_csr_tensor(row_ends, order // indices.shape[1], values[order], (n_columns, len(indices)), check_invariants=False)


def loss(sae, x, dead=None, warmth=1.0):
    """`sae.loss(x, dead, warmth)` by the fastest route there is for this architecture; the same numbers up to rounding."""
    if sae.arch != "topk":
        return sae.loss(x, dead, warmth)
    resid, values, indices = SparseAutoencode.apply(x, sae.W_enc, sae.b_enc, sae.W_dec, sae.b_dec, sae.k)
    recon, zero = resid.square().sum(1).mean(), torch.zeros(())
    aux = sae.auxk(x, resid.detach(), dead) if dead is not None and dead.any() else zero
    return Losses(recon + aux, recon, zero, aux, torch.bincount(indices[values > 0], minlength=sae.d_sae))
