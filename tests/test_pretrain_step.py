"""One training step of a language model: its loss against torch's, replicas against one model, which weights it moves."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from saekit import pretrain, pretrain_step
from saekit.pretrain_step import LinearCrossEntropy

CONFIGS = [pretrain.PretrainConfig(n_ctx=16, batch=4, arch=arch) for arch in pretrain.ARCHITECTURES]


def numbers(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("rows_at_once", [4, 7, 256])
def test_the_fused_loss_equals_torch_cross_entropy_with_its_gradients(rows_at_once, monkeypatch):
    monkeypatch.setattr(pretrain_step, "ROWS", rows_at_once)
    h, W, targets = numbers(14, 5), 4 * numbers(30, 5, seed=1), torch.arange(14) * 2
    results = []
    for loss in (
        lambda h, W: LinearCrossEntropy.apply(h, W, targets, torch.float32),
        lambda h, W: F.cross_entropy(h @ W.t(), targets),
    ):
        leaves = h.clone().requires_grad_(), W.clone().requires_grad_()
        value = loss(*leaves)
        (3 * value).backward()
        results.append((value.detach(), leaves[0].grad, leaves[1].grad))
    torch.testing.assert_close(results[0], results[1], rtol=1e-5, atol=1e-6)


def test_the_fused_loss_bears_large_logits():
    h, W = torch.tensor([[1000.0]]), torch.tensor([[1.0], [0.0]])
    assert LinearCrossEntropy.apply(h, W, torch.tensor([1]), torch.float32).item() == 1000


@pytest.mark.parametrize("config", CONFIGS, ids=pretrain.ARCHITECTURES)
def test_replicas_take_the_step_that_the_model_takes_alone(config):
    tokens = torch.randint(0, 300, (4, 16), generator=torch.Generator().manual_seed(0))
    losses, grads = [], []
    for n in (1, 3):  # 3 parts of 4 contexts: 2, 1, 1
        model = pretrain.new_model(config, 300)
        optimizers, replicas = pretrain_step.new_optimizers(model, config), pretrain_step.replicate(model, n)
        with pretrain_step.one_thread_each(replicas) as pool:
            losses.append([pretrain_step.train_step(replicas, optimizers, tokens, map=pool.map)])
            grads.append([parameter.grad.clone() for parameter in model.parameters()])
            losses[-1].append(pretrain_step.train_step(replicas, optimizers, tokens, map=pool.map))
    torch.testing.assert_close(losses[0], losses[1], rtol=1e-5, atol=0)
    torch.testing.assert_close(grads[0], grads[1], rtol=1e-3, atol=1e-6)
    assert losses[0][1] < losses[0][0]


@pytest.mark.parametrize("config", CONFIGS, ids=pretrain.ARCHITECTURES)
def test_every_weight_is_trained_once_and_only_attention_by_muon(config):
    model = pretrain.new_model(replace(config, n_layers=2), 300)
    muon, adamw = pretrain_step.new_optimizers(model, config)
    trained = [p for optimizer in (muon, adamw) for group in optimizer.param_groups for p in group["params"]]
    assert sorted(map(id, trained)) == sorted(map(id, model.parameters()))
    per_block = [(128, 128), (128, 384)]  # what attention reads and writes: queries, keys and values, and their mix
    assert sorted(tuple(sorted(p.shape)) for p in muon.param_groups[0]["params"]) == sorted(2 * per_block)
    decayed = [tuple(p.shape) for group in adamw.param_groups if group["weight_decay"] for p in group["params"]]
    assert set(decayed) <= {(300, 128), (16, 128)} and decayed.count((300, 128)) == 2
    assert {tuple(sorted(p.shape)) for p in adamw.param_groups[1]["params"]} == {(128, 512)}


@pytest.mark.parametrize("config", CONFIGS, ids=pretrain.ARCHITECTURES)
def test_products_in_bfloat16_train_as_those_in_float32_do(config):
    tokens = torch.randint(0, 300, (2, 16), generator=torch.Generator().manual_seed(0))
    losses = {}
    for dtype in (torch.float32, torch.bfloat16):
        model = pretrain.new_model(config, 300)
        optimizers = pretrain_step.new_optimizers(model, config)
        losses[dtype] = [pretrain_step.train_step([model], optimizers, tokens, dtype=dtype) for _ in range(3)]
    torch.testing.assert_close(losses[torch.bfloat16], losses[torch.float32], rtol=0.01, atol=0)
