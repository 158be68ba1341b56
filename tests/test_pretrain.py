"""Training a language model: its loss against torch's, resuming to the bit, a table over one set of predictions."""

import json
import math
import os
import signal

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file

from saekit import corpus, files, ngram, pretrain, threads
from saekit.pretrain import LinearCrossEntropy, PretrainConfig, bits_per_byte, evaluate, train_lm
from saekit.transformer import next_token_loss
from tests import tiny_lm
from tests.tiny_lm import tiny  # noqa: F401


def numbers(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("rows_at_once", [4, 7, 256])
def test_the_fused_loss_equals_torch_cross_entropy_with_its_gradients(rows_at_once, monkeypatch):
    monkeypatch.setattr(pretrain, "ROWS", rows_at_once)
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


def test_replicas_take_the_step_that_the_model_takes_alone():
    tokens = torch.randint(0, 300, (4, 16), generator=torch.Generator().manual_seed(0))
    losses, grads = [], []
    for n in (1, 3):  # 3 parts of 4 contexts: 2, 1, 1
        model = pretrain.new_model(CONFIG, 300)
        optimizers, replicas = pretrain.new_optimizers(model, CONFIG), threads.replicate(model, n)
        with threads.one_thread_each(n) as pool:
            losses.append([pretrain.train_step(replicas, optimizers, tokens, map=pool.map) for _ in range(2)])
        grads.append([parameter.grad for parameter in model.parameters()])
    torch.testing.assert_close(losses[0], losses[1], rtol=1e-5, atol=0)
    torch.testing.assert_close(grads[0], grads[1], rtol=1e-3, atol=1e-5)
    assert losses[0][1] < losses[0][0]


CONFIG = PretrainConfig(tokens=16 * 4 * 12, n_ctx=16, batch=4)


def train(out, config=CONFIG, resume=False):
    return train_lm(out, config, resume, tokenizer=tiny_lm.tokenizer())


@pytest.fixture
def short(monkeypatch):
    """One thread, a checkpoint after every step, and no card (measuring it costs more than the training)."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.setattr(pretrain, "SAVE_EVERY", 0)
    monkeypatch.setattr(pretrain, "_finish", lambda out, model, *_: model.state_dict())
    yield
    torch.set_num_threads(threads)


def stop_at(step, act, monkeypatch):
    """Call act() in the middle of the given step."""
    plain, calls = pretrain.train_step, []

    def train_step(*args):
        calls.append(1)
        if len(calls) == step:
            act()
        return plain(*args)

    monkeypatch.setattr(pretrain, "train_step", train_step)


def crash():
    raise MemoryError("as good as a kill: nothing is saved")


@pytest.mark.parametrize(
    "step, act",
    [
        (5, lambda: os.kill(os.getpid(), signal.SIGINT)),
        (1, lambda: os.kill(os.getpid(), signal.SIGTERM)),
        (7, crash),
        (1, crash),
    ],
)
def test_interrupted_and_resumed_training_gives_the_same_bits(tiny, short, monkeypatch, step, act):  # noqa: F811
    whole = train(tiny / "whole")
    with monkeypatch.context() as patch, pytest.raises((KeyboardInterrupt, MemoryError)):
        stop_at(step, act, patch)
        train(tiny / "cut")
    resumed = train(tiny / "cut", resume=True)
    assert all(torch.equal(resumed[name], weight) for name, weight in whole.items())
    assert not torch.equal(
        train(tiny / "other", PretrainConfig(tokens=768, n_ctx=16, batch=4, seed=1))["lm_head.weight"],
        whole["lm_head.weight"],
    )


def test_a_folder_with_another_run_and_a_finished_one_are_refused(tiny, short):  # noqa: F811
    train(tiny / "a")
    with pytest.raises(ValueError, match="already holds a run"):
        train(tiny / "a")
    with pytest.raises(ValueError, match="other settings"):
        train(tiny / "a", PretrainConfig(tokens=99, n_ctx=16, batch=4), resume=True)
    files.write_json(tiny / "a" / "card.json", {})
    with pytest.raises(ValueError, match="finished run"):
        train(tiny / "a", resume=True)
    with pytest.raises(ValueError, match="no run to resume"):
        train(tiny / "b", resume=True)


def test_a_diverged_loss_is_an_error_and_never_saved(tiny, short, monkeypatch):  # noqa: F811
    plain = LinearCrossEntropy.apply
    values = iter([1, 1, float("nan")])
    monkeypatch.setattr(LinearCrossEntropy, "apply", lambda *args: plain(*args) * next(values))
    with pytest.raises(ValueError, match="Is lr too high"):
        train(tiny / "a")
    arrays, metadata = files.load_arrays(tiny / "a" / "checkpoint.safetensors")
    assert metadata["step"] == 2 and all(np.isfinite(array).all() for array in arrays.values())


@pytest.mark.parametrize("settings", [{"tokens": 0}, {"n_layers": 0}, {"lr": -1}, {"batch": 0}, {"lr": float("nan")}])
def test_bad_settings_are_named(settings):
    with pytest.raises(ValueError, match=f"{next(iter(settings))} is"):
        PretrainConfig(**settings)


def test_training_writes_a_checkpoint_of_transformers_and_a_card(tiny, capfd):  # noqa: F811
    card = train(tiny / "a", PretrainConfig(tokens=16 * 4 * 150, n_ctx=16, batch=4))
    assert capfd.readouterr() == ("", "")
    assert (
        card == json.loads((tiny / "a" / "card.json").read_text())
        and not (tiny / "a" / "checkpoint.safetensors").exists()
    )
    assert next(iter(load_file(tiny / "a" / "model.safetensors").values())).dtype == torch.float16
    table = card["ce_nats_per_token"]
    assert table.keys() == {"transformer", "1-gram", "2-gram", "3-gram", "4-gram"} == card["bits_per_byte"].keys()
    assert table["2-gram"] < table["1-gram"] < math.log(300) and table["transformer"] < math.log(300)
    assert card["log"][-1]["loss"] < card["log"][0]["loss"] and card["tokens_seen"] == 9600
    assert card["validation"]["sha"] == corpus.load_corpus("validation", tiny_lm.tokenizer()).manifest.sha


def test_every_row_of_the_table_is_measured_on_the_same_predictions(tiny, monkeypatch):  # noqa: F811
    stream, seen = corpus.load_corpus("validation", tiny_lm.tokenizer()), []
    monkeypatch.setattr(
        ngram, "cross_entropy", lambda orders, tokens, positions, d_vocab: seen.append(positions) or 0.0
    )
    ngram.table(stream, stream, 16, 300, max_order=2)
    cut = corpus.contexts(stream, 16)
    pairs = [(row[j], row[j + 1]) for row in cut.tolist() for j in range(15) if row[j] != 0]
    assert (
        [(stream.tokens[i - 1], stream.tokens[i]) for i in seen[0]]
        == pairs
        == [(stream.tokens[i - 1], stream.tokens[i]) for i in seen[1]]
    )
    assert evaluate(tiny_lm.lm(), stream)[1] == len(pairs)


def test_the_cross_entropy_is_pooled_over_predictions(tiny):  # noqa: F811
    stream = corpus.load_corpus("validation", tiny_lm.tokenizer())
    loss, counts = next_token_loss(tiny_lm.lm(), torch.from_numpy(corpus.contexts(stream, 16)[:40].astype(np.int64)))
    assert evaluate(tiny_lm.lm(), stream, max_contexts=40)[0] == pytest.approx(loss[counts].mean().item(), rel=1e-5)


def test_bits_per_byte_by_hand():
    # 9 tokens and 3 boundary tokens for 18 bytes: half a token a byte; 2 ln 2 nats are 2 bits a token
    stream = corpus.TokenStream(np.zeros(12), np.zeros(3), [], corpus.Manifest("validation", 3, 18, ""))
    assert bits_per_byte(2 * math.log(2), stream) == pytest.approx(1)
