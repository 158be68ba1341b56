"""Training a language model: resuming to the bit, both architectures, a table over one set of predictions."""

import json
import math
import os
import shlex
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from saekit import corpus, files, ngram, pretrain
from saekit.cli import build_parser
from saekit.intervene import evaluate_sae
from saekit.pretrain import PretrainConfig, bits_per_byte, evaluate, train_lm
from saekit.pretrain_step import LinearCrossEntropy
from saekit.sae import new_sae
from saekit.transformer import load_lm, mlp_post, next_token_loss
from tests import tiny_lm
from tests.tiny_lm import tiny  # noqa: F401


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
    "step, act, arch",
    [
        (5, lambda: os.kill(os.getpid(), signal.SIGINT), "gpt-neox"),
        (1, lambda: os.kill(os.getpid(), signal.SIGTERM), "gpt2"),
        (7, crash, "gpt2"),
        (1, crash, "gpt2"),
    ],
)
def test_interrupted_and_resumed_training_gives_the_same_bits(tiny, short, monkeypatch, step, act, arch):  # noqa: F811
    config = replace(CONFIG, arch=arch)
    whole = train(tiny / "whole", config)
    with monkeypatch.context() as patch, pytest.raises((KeyboardInterrupt, MemoryError)):
        stop_at(step, act, patch)
        train(tiny / "cut", config)
    resumed = train(tiny / "cut", config, resume=True)
    assert all(torch.equal(resumed[name], weight) for name, weight in whole.items())
    assert not torch.equal(
        train(tiny / "other", replace(config, seed=1))["lm_head.weight"],
        whole["lm_head.weight"],
    )


def test_a_folder_with_another_run_and_a_finished_one_are_refused(tiny, short):  # noqa: F811
    train(tiny / "a")
    with pytest.raises(ValueError, match="already holds a run"):
        train(tiny / "a")
    with pytest.raises(ValueError, match=r"other settings \(tokens is 768 there, 99 here\)"):
        train(tiny / "a", replace(CONFIG, tokens=99), resume=True)
    files.write_json(tiny / "a" / "card.json", {})
    with pytest.raises(ValueError, match="finished run"):
        train(tiny / "a", resume=True)
    with pytest.raises(ValueError, match="no run to resume"):
        train(tiny / "b", resume=True)


def test_a_run_begun_on_other_files_or_with_another_tokenizer_is_not_resumed(tiny, short, monkeypatch):  # noqa: F811
    train(tiny / "a")
    with monkeypatch.context() as patch, pytest.raises(ValueError, match="a was begun on other text .*[(]27 files"):
        patch.setattr(corpus, "source_files", lambda: tiny_lm.candidates()[1:])
        train(tiny / "a", resume=True)
    header = files.read_json(tiny / "a" / "run.json")
    for damage, message in (({**header, "corpus": None}, "begun on other text"), ([], "does not describe a run")):
        files.write_json(tiny / "a" / "run.json", damage)
        with pytest.raises(ValueError, match=message):
            train(tiny / "a", resume=True)


@pytest.mark.parametrize("batch", [4, 7, 1000])
def test_every_epoch_reads_every_context_once_also_in_a_batch_that_spans_two(tiny, short, monkeypatch, batch):  # noqa: F811
    n, seen = 50, []
    tokens = np.random.default_rng(0).integers(1, 300, 1 + 15 * n).astype(np.uint16)  # 50 contexts of 16
    stream = corpus.TokenStream(tokens, np.zeros(1), ["a"], corpus.Manifest("train", 1, 1, "0"))
    monkeypatch.setattr(pretrain, "train_step", lambda _replicas, _optimizers, tokens, *_: seen.append(tokens) or 0.0)
    monkeypatch.setattr(pretrain, "SAVE_EVERY", 1e9)
    monkeypatch.setattr(pretrain, "_save_checkpoint", lambda *_: None)
    config = replace(CONFIG, batch=batch, tokens=16 * batch * (3 * n // batch + 1))
    train_lm(tiny / "a", config, stream=stream, tokenizer=tiny_lm.tokenizer())
    rows = [row.tobytes() for row in torch.cat(seen).numpy()]
    assert len(rows) > 3 * n
    epochs = [rows[first : first + n] for first in range(0, 3 * n, n)]
    assert len({frozenset(epoch) for epoch in epochs}) == 1 and len(set(epochs[0])) == n
    assert epochs[0] != epochs[1] != epochs[2]


def test_a_diverged_loss_is_an_error_and_never_saved(tiny, short, monkeypatch):  # noqa: F811
    plain = LinearCrossEntropy.apply
    values = iter([1, 1, float("nan")])
    monkeypatch.setattr(LinearCrossEntropy, "apply", lambda *args: plain(*args) * next(values))
    with pytest.raises(ValueError, match="Is lr too high"):
        train(tiny / "a")
    arrays, metadata = files.load_arrays(tiny / "a" / "checkpoint.safetensors")
    assert metadata["step"] == 2 and all(np.isfinite(array).all() for array in arrays.values())


@pytest.mark.parametrize(
    "settings",
    [{"arch": "bert"}, {"dtype": "int8"}, {"tokens": 0}, {"n_layers": 0}, {"lr": -1}, {"batch": 0}, {"lr": float("nan")}],
)
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


@pytest.fixture(scope="module")
def rotary():
    """A trained gpt-neox of one block, with larger weights than new ones, as a loaded language model."""
    model = pretrain.new_model(replace(CONFIG, arch="gpt-neox"), 300)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(5 if parameter.ndim == 2 else 1)
    return tiny_lm.lm()._replace(model=model.eval().requires_grad_(False), d_model=128, d_mlp=512)


def test_neurons_of_gpt_neox_are_gelu_and_read_earlier_tokens_and_their_order(rotary):
    tokens = torch.tensor([[0, 5, 9, 7], [0, 9, 5, 7], [0, 5, 8, 7]])
    neurons = mlp_post(rotary, tokens)
    assert neurons.shape == (3, 4, 512) and -0.18 < neurons.min() < -0.1  # the lowest point of GELU is at -0.17
    last = neurons[:, 3]  # the same token in all three
    assert (last[0] - last[1]).abs().max() > 0.01 and (last[0] - last[2]).abs().max() > 0.01


def test_gpt_neox_depends_on_distances_and_not_on_places(rotary):
    shifted = [mlp_post(rotary, torch.tensor([[7] * n + [5, 9, 3]]))[0, -1] for n in (1, 4)]
    assert not torch.allclose(*shifted, atol=1e-3)  # what stands before differs
    alone = [mlp_post(rotary, torch.tensor([[7] * n]))[0, -1] for n in (1, 2, 9)]
    torch.testing.assert_close(alone[0], alone[2], rtol=1e-4, atol=1e-4)  # no learned positions: all places are alike


def test_a_trained_gpt_neox_is_loaded_spliced_and_evaluated_like_any_other(tiny):  # noqa: F811
    card = train(tiny / "neox", replace(CONFIG, arch="gpt-neox", n_layers=2))
    lm = load_lm(str(tiny / "neox"))
    assert (lm.n_layers, lm.d_model, lm.d_mlp, lm.n_ctx, lm.boundary) == (2, 128, 512, 16, 0)
    metrics = evaluate_sae(new_sae("topk", 512, 32, k=4), lm, layer=1, tokens=1000)
    assert metrics["ce_zero"] != metrics["ce_clean"] < math.log(300)
    tolerances = [card["tolerance"][text]["ce_nats_per_token"] for text in ("same_text", "other_text")]
    assert 0 < tolerances[0] < tolerances[1]


def test_the_command_on_the_card_gives_the_same_settings(tiny, short):  # noqa: F811
    config = replace(CONFIG, arch="gpt-neox", n_layers=3, lr=0.01, seed=5, dtype="bfloat16", tokenizer_from="a b",
                     start_from="c d")
    words = shlex.split(pretrain.command(tiny / "out put", config))
    args = build_parser().parse_args(words[1:])
    assert words[0] == "saekit" and args.out == str(tiny / "out put")
    assert (args.tokens, args.arch, args.layers, args.lr, args.seed, args.dtype, args.tokenizer_from, args.start_from) == (
        768, "gpt-neox", 3, 0.01, 5, "bfloat16", "a b", "c d")  # fmt: skip


def test_training_goes_on_from_a_finished_models_weights(tiny, monkeypatch):  # noqa: F811
    first = train(tiny / "first")
    start = load_lm(str(tiny / "first")).model.state_dict()
    config = replace(CONFIG, start_from=str(tiny / "first"), tokens=16 * 4 * 5, seed=1)
    begun = []
    monkeypatch.setattr(pretrain, "_train", lambda model, *_: begun.append(model.state_dict()) or crash())
    with pytest.raises(MemoryError):
        train(tiny / "begun", config)
    assert all(torch.equal(begun[0][name], weight) for name, weight in start.items())
    monkeypatch.undo()
    card = train(tiny / "second", config)
    assert card["started_from"] == {name: first[name] for name in ("command", "tokens_seen", "weight_hash")}
    assert card["tokens_seen"] == 16 * 4 * (12 + 5) and card["weight_hash"] != first["weight_hash"]
    with pytest.raises(ValueError, match="start_from is .*first.*expected .*another arch, number of layers or n_ctx"):
        train(tiny / "third", replace(config, n_ctx=8))


def test_a_bundled_models_tokenizer_is_named_not_copied_and_another_one_is_refused(tiny):  # noqa: F811
    shared = replace(CONFIG, tokenizer_from="tiny")
    train_lm(tiny / "a", shared)
    assert not (tiny / "a" / "tokenizer.json").exists()
    assert load_lm(str(tiny / "a")).tokenizer.to_str() == load_lm("tiny").tokenizer.to_str()
    (tiny / "b").mkdir()
    (tiny / "b" / "tokenizer.json").write_text(corpus.train_tokenizer([corpus.Document("", "a = 1")], 280).to_str())
    for source, message in (("tiny", "another tokenizer than that of tiny"), ("gone", "no tokenizer at gone")):
        with pytest.raises(ValueError, match=message):
            train_lm(tiny / "b", replace(CONFIG, tokenizer_from=source))
    text = (tiny / "b" / "tokenizer.json").read_text()
    for change, message in ((text.replace("<|file|>", "<|other|>"), "'<|other|>' as token 0"), (text[:90], "cut off")):
        (tiny / "tokenizer.json").write_text(change)
        with pytest.raises(ValueError, match=message):
            train_lm(tiny / "c", replace(CONFIG, tokenizer_from=str(tiny)))
    assert not (tiny / "c" / "run.json").exists()


def test_a_tokenizer_that_a_bundled_model_shares_can_be_shared_again(tmp_path):
    assert pretrain._tokenizer(tmp_path, "python-4l").to_str() == load_lm("python-1l").tokenizer.to_str()
