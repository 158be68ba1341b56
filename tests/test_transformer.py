"""The language model against a forward pass written out in NumPy, and loading what is not a model."""

import math
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from saekit import pretrain, transformer
from saekit.transformer import load_lm, mlp_post, next_token_loss, replace_mlp_post, weight_hash
from tests import tiny_lm
from tests.tiny_lm import tiny  # noqa: F401


def layer_norm(x, weight, bias):
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5) * weight + bias


def by_hand(lm, tokens, edit=lambda neurons: neurons):
    """(mlp_post, logits) of the one-block model in float64 NumPy, without transformers; edit is applied to mlp_post."""
    w = {name: p.double().numpy() for name, p in lm.model.state_dict().items()}
    block = {name.removeprefix("transformer.h.0."): p for name, p in w.items()}
    B, T = tokens.shape
    x = w["transformer.wte.weight"][tokens] + w["transformer.wpe.weight"][:T]
    h = layer_norm(x, block["ln_1.weight"], block["ln_1.bias"])
    qkv = h @ block["attn.c_attn.weight"] + block["attn.c_attn.bias"]
    q, k, v = (part.reshape(B, T, 2, 8).transpose(0, 2, 1, 3) for part in np.split(qkv, 3, axis=-1))  # two heads of 8
    scores = q @ k.transpose(0, 1, 3, 2) / math.sqrt(8) + np.triu(np.full((T, T), -np.inf), 1)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    mixed = (weights / weights.sum(-1, keepdims=True) @ v).transpose(0, 2, 1, 3).reshape(B, T, 16)
    x = x + mixed @ block["attn.c_proj.weight"] + block["attn.c_proj.bias"]
    h = layer_norm(x, block["ln_2.weight"], block["ln_2.bias"])
    neurons = np.maximum(h @ block["mlp.c_fc.weight"] + block["mlp.c_fc.bias"], 0)
    x = x + edit(neurons) @ block["mlp.c_proj.weight"] + block["mlp.c_proj.bias"]
    return neurons, layer_norm(x, w["transformer.ln_f.weight"], w["transformer.ln_f.bias"]) @ w["lm_head.weight"].T


def losses_by_hand(lm, tokens, edit=lambda neurons: neurons):
    """-log p of each next token (batch, n_ctx - 1) from `by_hand`."""
    scores = by_hand(lm, tokens, edit)[1][:, :-1]
    log_p = scores - np.log(np.exp(scores).sum(-1, keepdims=True))
    return -np.take_along_axis(log_p, tokens[:, 1:, None].astype(int), -1)[..., 0]


def as_tensor(tokens):
    return torch.from_numpy(tokens.astype(np.int64))


def test_mlp_post_equals_the_forward_pass_written_out():
    tokens = tiny_lm.contexts(3)
    neurons = mlp_post(tiny_lm.lm(), as_tensor(tokens))
    np.testing.assert_allclose(neurons, by_hand(tiny_lm.lm(), tokens)[0], rtol=1e-4, atol=1e-5)
    assert neurons.shape == (3, 16, 24) and (neurons == 0).float().mean() > 0.1


def test_next_token_loss_equals_the_forward_pass_written_out_and_leaves_out_boundary_tokens():
    tokens = tiny_lm.contexts(4)
    loss, counts = next_token_loss(tiny_lm.lm(), as_tensor(tokens))
    np.testing.assert_allclose(loss, losses_by_hand(tiny_lm.lm(), tokens), rtol=1e-4, atol=1e-4)
    assert counts.tolist() == [[token != 0 for token in row[:-1]] for row in tokens.tolist()]


def test_nothing_above_the_tap_runs(monkeypatch):
    lm, tokens = tiny_lm.lm(2), as_tensor(tiny_lm.contexts(2))
    before = mlp_post(lm, tokens, 0)

    def refuse(*_args, **_kwargs):
        raise AssertionError("ran above the tap")

    blocks = lm.model.transformer.h
    for module in (blocks[0].mlp.c_proj, blocks[1], lm.model.transformer.ln_f, lm.model.lm_head):
        monkeypatch.setattr(module, "forward", refuse)
    assert torch.equal(mlp_post(lm, tokens, 0), before)
    with pytest.raises(AssertionError, match="above the tap"):
        mlp_post(lm, tokens, 1)


def test_activations_may_enter_a_loss_with_gradients():
    weight = torch.ones(24, requires_grad=True)
    (mlp_post(tiny_lm.lm(), as_tensor(tiny_lm.contexts(1))) @ weight).sum().backward()
    assert weight.grad.abs().sum() > 0


def test_replacing_the_neurons_by_themselves_changes_nothing_and_leaves_no_hook():
    lm, tokens = tiny_lm.lm(), as_tensor(tiny_lm.contexts(3))
    clean = transformer.logits(lm, tokens)
    with replace_mlp_post(lm, 0, lambda x: x.clone()):
        assert torch.equal(transformer.logits(lm, tokens), clean)
    with pytest.raises(ZeroDivisionError), replace_mlp_post(lm, 0, lambda x: x / 0 if False else 1 / 0):
        transformer.logits(lm, tokens)
    assert torch.equal(transformer.logits(lm, tokens), clean)


def test_the_weight_hash_stays_while_we_read_and_changes_with_one_weight(tmp_path):
    lm = load_lm(str(tiny_lm.make_model(tmp_path / "own")))
    before = weight_hash(lm.model)
    mlp_post(lm, as_tensor(tiny_lm.contexts(2)))
    next_token_loss(lm, as_tensor(tiny_lm.contexts(2)))
    assert weight_hash(lm.model) == before == weight_hash(tiny_lm.lm().model)
    with torch.no_grad():
        lm.model.transformer.ln_f.bias[3] += 1e-6
    assert weight_hash(lm.model) != before


def test_a_loaded_model_is_frozen_silent_and_knows_its_sizes(tiny, capfd):  # noqa: F811
    lm = load_lm("tiny")
    assert (lm.name, lm.boundary, lm.n_ctx, lm.n_layers, lm.d_model, lm.d_mlp, lm.d_vocab) == (
        "tiny",
        0,
        16,
        1,
        16,
        24,
        300,
    )
    assert not lm.model.training and not any(p.requires_grad for p in lm.model.parameters())
    assert capfd.readouterr() == ("", "")


def test_a_layer_that_is_not_there_is_an_error_that_says_which_are():
    for layer in (1, -1):
        with pytest.raises(ValueError, match=f"layer is {layer}; this model has layers 0 to 0"):
            mlp_post(tiny_lm.lm(), as_tensor(tiny_lm.contexts(1)), layer)


@pytest.mark.parametrize("name", ["python-9l", "./nowhere", ""])
def test_an_unknown_model_is_an_error_that_lists_the_known_ones(tiny, name):  # noqa: F811
    with pytest.raises(ValueError, match="bundled models are tiny"):
        load_lm(name)


def test_a_hub_id_that_cannot_be_reached_is_one_silent_error(tiny, capfd):  # noqa: F811
    with pytest.raises(ValueError, match="nobody/nothing could not be loaded.*bundled models are tiny") as error:
        load_lm("nobody/nothing")
    assert "\n" not in str(error.value) and capfd.readouterr() == ("", "")


def test_an_untrained_control_has_the_architecture_and_tokenizer_but_new_weights(tiny):  # noqa: F811
    trained, control = load_lm("tiny"), load_lm("tiny:untrained")
    assert control.name == "tiny:untrained" and control[4:] == trained[4:]  # all sizes
    assert control.tokenizer.to_str() == trained.tokenizer.to_str()
    shapes = [{name: w.shape for name, w in lm.model.state_dict().items()} for lm in (trained, control)]
    assert shapes[0] == shapes[1] and weight_hash(control.model) != weight_hash(trained.model)
    assert not control.model.training and not any(p.requires_grad for p in control.model.parameters())


def test_an_untrained_control_is_the_same_every_time_and_leaves_the_random_numbers_alone(tiny):  # noqa: F811
    torch.manual_seed(7)
    first, after = load_lm("tiny:untrained"), torch.rand(1)
    torch.manual_seed(7)
    assert after == torch.rand(1) and weight_hash(first.model) == weight_hash(load_lm("tiny:untrained").model)


def test_the_control_of_our_own_models_is_where_their_training_began(tmp_path):
    for arch in pretrain.ARCHITECTURES:
        start = pretrain.new_model(pretrain.PretrainConfig(arch=arch, n_ctx=16), 300)
        start.config.save_pretrained(tmp_path / arch)  # no weights: a control needs none
        (tmp_path / arch / "tokenizer.json").write_text(tiny_lm.tokenizer().to_str())
        assert weight_hash(load_lm(f"{tmp_path / arch}:untrained").model) == weight_hash(start)
        with pytest.raises(ValueError, match="could not be loaded"):
            load_lm(str(tmp_path / arch))


@pytest.mark.parametrize("name", ["tiny:trained", "tiny:untrained:untrained", ":untrained", "nowhere:untrained"])
def test_only_what_stands_before_untrained_is_looked_up(tiny, name):  # noqa: F811
    with pytest.raises(ValueError, match="unknown model.*bundled models are tiny.*:untrained may follow any"):
        load_lm(name)


def test_a_missing_data_folder_is_an_error_that_says_how_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("SAEKIT_DATA", str(tmp_path / "gone"))
    with pytest.raises(ValueError, match="pip install -e"):
        load_lm("python-1l")


def test_a_device_that_is_not_here_is_an_error():
    for device in ("cuda", "abacus"):
        with pytest.raises(ValueError, match="this machine has cpu"):
            load_lm(str(tiny_lm.folder() / "data" / "tiny"), device)


@pytest.mark.parametrize("device", ["cudax", "cuda:9", "cuda:2", "cuda:-1", "gpu"])
def test_on_a_machine_with_two_gpus_no_other_device_is_taken(monkeypatch, device):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(ValueError, match=f"device is '{device}'; this machine has cpu, cuda, cuda:0, cuda:1"):
        load_lm(str(tiny_lm.folder() / "data" / "tiny"), device)


def drop_a_weight(folder):
    weights = load_file(folder / "model.safetensors")
    del weights["transformer.h.0.mlp.c_fc.weight"]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


def only_a_pickle(folder):
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


@pytest.mark.parametrize(
    "damage, message",
    [
        (
            lambda f: (f / "model.safetensors").write_bytes((f / "model.safetensors").read_bytes()[:-50]),
            "could not be loaded",
        ),
        (lambda f: (f / "config.json").write_text("{"), "could not be loaded"),
        (lambda f: (f / "tokenizer.json").write_text("{"), "could not be loaded"),
        (
            lambda f: (f / "tokenizer.json").write_text(
                tiny_lm.tokenizer().to_str().replace('"!":1,', '"!":1,"surplus":300,')
            ),
            "tokenizer has",
        ),
        (drop_a_weight, "weights lack transformer.h.0.mlp.c_fc.weight"),
        (only_a_pickle, "could not be loaded"),
    ],
)
def test_a_damaged_checkpoint_is_one_error_that_names_it(tmp_path, damage, message, capfd):
    shutil.copytree(tiny_lm.folder() / "data" / "tiny", tmp_path / "odd")
    damage(tmp_path / "odd")
    with pytest.raises(ValueError, match=message) as error:
        load_lm(str(tmp_path / "odd"))
    assert "odd" in str(error.value) and "\n" not in str(error.value) and capfd.readouterr().err == ""


def test_a_path_is_a_path_and_a_bare_name_a_bundled_model(tmp_path, monkeypatch):
    for name in ("python-1l", "mine"):
        shutil.copytree(tiny_lm.folder() / "data" / "tiny", tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert transformer.model_source("./python-1l") == "python-1l" == transformer.model_source("mine/../python-1l")[-9:]
    assert (transformer.data_folder() / "python-1l").samefile(transformer.model_source("python-1l"))
    assert transformer.load_tokenizer("./python-1l").get_vocab_size() == tiny_lm.lm().tokenizer.get_vocab_size()
    assert transformer.load_tokenizer("python-1l").get_vocab_size() > tiny_lm.lm().tokenizer.get_vocab_size()
