"""One step of training a language model: loss, gradients, Muon and AdamW.

    loss = mean over predictions of -log softmax(h W_U.T)[next token], in nats per token
with h (n, d_model) and W_U (d_vocab, d_model). The last product and its softmax are 3/4 of a one-block model's work, so
both passes run together over blocks of rows that stay in the cache, and each thread takes a part of the batch.
Reference for Muon: Jordan et al. 2024.
"""

import copy
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import torch

ROWS = 256  # rows of logits in flight: 256 x 4096 floats are 4 MB, about one core's cache


class LinearCrossEntropy(torch.autograd.Function):
    """Mean cross-entropy of h @ W.T against targets, in nats: h (n, d_model), W (d_vocab, d_model), targets (n,);
    products in dtype.

    The gradient of the logits, (softmax - onehot) / n, is used while it is still in the cache and never stored.
    """

    @staticmethod
    def forward(ctx, h, W, targets, dtype):
        n, total = len(h), h.new_zeros(())
        dh, dW, h, W = torch.empty_like(h), torch.zeros_like(W), h.to(dtype), W.to(dtype)
        for first in range(0, n, ROWS):
            rows, target = h[first:first + ROWS], targets[first:first + ROWS, None]
            scores = (rows @ W.t()).float()
            peak, at_target = scores.amax(1, keepdim=True), scores.gather(1, target)
            norm = scores.sub_(peak).exp_().sum(1, keepdim=True)
            total += (norm.log() + peak - at_target).sum()
            scores.div_(norm * n).scatter_add_(1, target, torch.full_like(at_target, -1 / n))
            scores = scores.to(dtype)
            dh[first:first + ROWS] = scores @ W
            dW += scores.t() @ rows
        ctx.save_for_backward(dh, dW)
        return total / n

    @staticmethod
    def backward(ctx, grad):
        dh, dW = ctx.saved_tensors
        return dh * grad, dW * grad, None, None


def new_optimizers(model, config):
    """[Muon on the matrices of attention, AdamW on all others, norms and biases]; groups keep their peak rate.

    Which is which is read from the names that transformers gives: ".attn." or ".attention.", ".mlp.", and tables.
    """
    matrices = [(name, p) for name, p in model.named_parameters() if p.ndim == 2]
    attention = [p for name, p in matrices if ".attn." in name or ".attention." in name]
    mlp = [p for name, p in matrices if ".mlp." in name]
    tables = [p for name, p in matrices if not any(part in name for part in (".attn.", ".attention.", ".mlp."))]
    rest = [p for p in model.parameters() if p.ndim != 2]
    adamw = torch.optim.AdamW([
        {"params": tables, "lr": config.lr, "weight_decay": config.weight_decay},
        {"params": mlp, "lr": config.mlp_lr, "weight_decay": 0.0},
        {"params": rest, "lr": config.lr, "weight_decay": 0.0}], betas=(0.9, 0.99), fused=True)
    optimizers = [torch.optim.Muon(attention, lr=config.muon_lr, weight_decay=0.0), adamw]
    for group in (group for optimizer in optimizers for group in optimizer.param_groups):
        group["peak_lr"] = group["lr"]
    return optimizers


def train_step(replicas, optimizers, tokens, rate=1.0, dtype=torch.float32, map=map):
    """One step on tokens (batch, n_ctx) at `rate` times the peak learning rates, products in dtype; returns the loss in
    nats per token.

    Each replica takes its part of the batch: two threads with a product each do more than two at one. ValueError if the
    loss or its gradient is not finite.
    """
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = rate * group["peak_lr"]
    model = replicas[0]
    parts = tokens.tensor_split(len(replicas))
    loss = sum(map(partial(_backward, of=len(tokens), dtype=dtype), replicas, parts))
    for parameter, *others in zip(*(replica.parameters() for replica in replicas)):
        for other in others:
            parameter.grad += other.grad
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    if not torch.isfinite(loss + norm):
        raise ValueError(f"the loss is {loss:.3g} and its gradient's norm {norm:.3g}; the last checkpoint is kept. "
                         "Is lr too high?")
    for optimizer in optimizers:
        optimizer.step()
    return loss


def _backward(replica, tokens, of, dtype):
    """Leave in the replica's grads those of its part of the mean loss over `of` contexts; returns that part."""
    replica.zero_grad()
    with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
        h = replica.base_model(input_ids=tokens[:, :-1], use_cache=False).last_hidden_state
    W_U = replica.get_output_embeddings().weight
    loss = LinearCrossEntropy.apply(h.flatten(0, 1).float(), W_U, tokens[:, 1:].flatten(), dtype)
    loss = loss * (len(tokens) / of)
    loss.backward()
    return loss.detach()


def replicate(model, n):
    """[model, n - 1 copies of it] that share the model's weights but have gradients of their own."""
    copies = [copy.deepcopy(model) for _ in range(n - 1)]
    for replica in copies:
        for parameter, shared in zip(replica.parameters(), model.parameters()):
            parameter.data = shared.data
    return [model, *copies]


@contextmanager
def one_thread_each(replicas):
    """A pool with a thread per replica, in each of which torch computes on that thread alone."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(len(replicas), initializer=torch.set_num_threads, initargs=(1,)) as pool:
            yield pool
    finally:
        torch.set_num_threads(threads)
