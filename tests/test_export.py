"""`saekit export`: what SAELens would read encodes and reconstructs as our SAE does."""

import importlib.util

import numpy as np
import pytest
import torch

from saekit import files
from saekit.cli import main
from saekit.export import export
from saekit.sae import SAES, new_sae, save_sae


@pytest.fixture(params=SAES)
def made(request, tmp_path):
    """(one of our SAEs with nothing left at its initial value, the folder it was exported to)."""
    by_batch = request.param in ("batchtopk", "matryoshka")
    sae = new_sae(request.param, 6, 16, **{"k": 3} if by_batch or request.param == "topk" else {})
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for array in sae.state_dict().values():
            array.add_(0.3 * torch.rand(array.shape, generator=generator))
        if by_batch:
            sae.threshold.fill_(0.4)
    save_sae(sae, tmp_path / "run" / "sae.safetensors")
    files.write_json(tmp_path / "run" / "run.json", {"model": "python-4l", "layer": 3})
    assert main(["export", str(tmp_path / "run"), "--out", str(tmp_path / "out")]) == 0
    return sae, tmp_path / "out"


X = torch.randn(200, 6, generator=torch.Generator().manual_seed(0))


def sae_lens_codes(arrays, config, x):
    """What SAELens 6.54 computes, from its source: the architectures fire by these rules."""
    centred = x - arrays["b_dec"] * config["apply_b_dec_to_input"]
    if config["architecture"] == "gated":
        gate = centred @ arrays["W_enc"] + arrays["b_gate"] > 0
        return gate * np.maximum(centred @ (arrays["W_enc"] * np.exp(arrays["r_mag"])) + arrays["b_mag"], 0)
    pre = centred @ arrays["W_enc"] + arrays["b_enc"]
    if config["architecture"] == "topk":
        pre = np.where(pre >= np.sort(pre, axis=1)[:, -config["k"], None], pre, 0)
    floor = arrays["threshold"] if config["architecture"] == "jumprelu" else 0
    return np.maximum(pre, 0) * (pre > floor)


def test_by_sae_lens_rules_the_files_encode_and_decode_as_our_sae(made):
    sae, folder = made
    arrays, config = files.load_arrays(folder / "sae_weights.safetensors")[0], files.read_json(folder / "cfg.json")
    latents = sae_lens_codes(arrays, config, X.numpy())
    ours = sae.encode(X).detach().numpy()
    assert 0 < (ours > 0).mean() < 0.9
    np.testing.assert_allclose(latents, ours, atol=2e-6)
    np.testing.assert_allclose(latents @ arrays["W_dec"] + arrays["b_dec"], sae(X).detach().numpy(), atol=1e-5)
    named = {"model_name": "python-4l", "hook_name": "blocks.3.mlp.hook_post"}
    assert config["metadata"] == {**named, "sae_lens_version": "6.54.12"}


@pytest.mark.skipif(not importlib.util.find_spec("sae_lens"), reason="SAELens is not installed here")
def test_sae_lens_loads_the_folder_and_says_the_same(made):
    from sae_lens import SAE

    sae, folder = made
    theirs = SAE.load_from_disk(folder)
    np.testing.assert_allclose(theirs.encode(X).detach().numpy(), sae.encode(X).detach().numpy(), atol=2e-6)
    np.testing.assert_allclose(theirs(X).detach().numpy(), sae(X).detach().numpy(), atol=1e-5)
    assert theirs.cfg.metadata.hook_name == "blocks.3.mlp.hook_post"


def test_a_row_exactly_at_the_batchtopk_threshold_fires_in_both(tmp_path):
    sae = new_sae("batchtopk", 2, 2, k=1)
    with torch.no_grad():
        sae.W_enc.copy_(torch.eye(2))
        sae.threshold.fill_(0.5)
    save_sae(sae, tmp_path / "sae.safetensors")
    out = export(tmp_path, tmp_path / "out")
    threshold = files.load_arrays(out / "sae_weights.safetensors")[0]["threshold"]
    assert sae.encode(torch.tensor([[0.5, 0.4]])).gt(0).tolist() == [[True, False]]
    assert (np.float32([0.5, 0.4]) > threshold).tolist() == [True, False]


def test_what_cannot_be_exported_is_one_line_and_writes_nothing(tmp_path, capsys):
    save_sae(new_sae("batchtopk", 4, 8, k=2), tmp_path / "sae.safetensors")
    for arguments, words in (([], "has no threshold"), (["--format", "gguf"], "unknown format 'gguf'")):
        assert main(["export", str(tmp_path), "--out", str(tmp_path / "out"), *arguments]) == 2
        assert words in capsys.readouterr().err
    assert main(["export", str(tmp_path / "none"), "--out", str(tmp_path / "out")]) == 2
    assert not (tmp_path / "out").exists()
