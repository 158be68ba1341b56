"""The map's file and what the page gets of it: kept beside the SAE, checked on reading, small, with the control."""

import json

import numpy as np
import pytest
import torch

from saekit import files
from saekit.cli import main
from saekit.page import map as page_map
from saekit.page.site import write_site
from saekit.sae import load_sae, save_sae
from tests.test_page import unpack
from tests.test_readout import an_sae
from tests.tiny_lm import tiny  # noqa: F401


@pytest.fixture
def runs(tiny):  # noqa: F811
    """Folder with two runs, of 40 and 30 latents; the first eight directions are the same in both."""
    for name, d_sae in (("large", 40), ("small", 30)):
        sae = an_sae(3, d_sae)
        sae.W_dec[:8] = torch.eye(8, sae.d_in)
        save_sae(sae, tiny / name / "sae.safetensors")
        (tiny / name / "run.json").write_text('{"model": "tiny", "layer": 0}')
    return tiny


def data_of(out, name):
    """What a data file hands to the page's script."""
    text = (out / "data" / f"{name}.js").read_text()
    return json.loads(text[text.index(",") + 1:text.rindex(")")])


def test_the_command_keeps_a_map_of_two_dictionaries_and_the_page_shows_it(runs, capsys):
    assert main(["map", str(runs / "large"), str(runs / "small"), "--perplexity", "5"]) == 0
    assert "map.safetensors" in capsys.readouterr().out
    arrays, about = files.load_arrays(runs / "large" / "map.safetensors")
    assert about["command"] == "saekit map large small --method tsne --perplexity 5 --seed 0"
    assert [(one["name"], one["folder"]) for one in about["dictionaries"]] == [("small", "../small"), ("large", ".")]
    same = np.linalg.norm(arrays["xy"][:8] - arrays["xy"][30:38], axis=1)
    assert np.median(same) < 0.1 and set(about["structure"]) == set(about["control"])
    write_site(runs / "large", runs / "out", tokens=900)
    shown = data_of(runs / "out", "map")
    xy = np.array(unpack(shown["xy"], 3)).reshape(-1, 2) / (64**3 - 1) * 2 - 1
    np.testing.assert_allclose(xy, arrays["xy"], atol=1e-5)
    assert shown["labels"] == arrays["labels"].tolist()
    assert len(shown["stands"]) == len(shown["traits"]) == len(shown["tight"])
    found = [(one["size"], len(one["rows"]), one["own"]) for one in shown["dictionaries"]]
    assert found == [(30, 30, False), (40, 0, True)]
    assert data_of(runs / "out", "about")["map"] is True


@pytest.mark.parametrize("made", [{"model": "tiny", "layer": 1}, {"model": "other", "layer": 0}])
def test_dictionaries_of_other_layers_or_models_have_no_common_map(runs, capsys, monkeypatch, made):
    files.write_json(runs / "small" / "run.json", made)
    monkeypatch.setattr(page_map, "make_map", None)  # told before that
    assert main(["map", str(runs / "large"), str(runs / "small")]) == 2
    errors = capsys.readouterr().err
    assert f"small reads layer {made['layer']} of {made['model']}, but" in errors and "large layer 0 of tiny;" in errors
    assert errors.count("\n") == 1 and not (runs / "large" / "map.safetensors").exists()


def test_a_small_dictionary_has_a_map_without_a_file_and_too_few_or_too_many_have_none(runs, monkeypatch):
    sae = load_sae(runs / "small")
    made = page_map.read_map(runs / "small", sae)
    assert made.xy.shape == (30, 2) and not (runs / "small" / "map.safetensors").exists()
    monkeypatch.setattr(page_map, "LARGE", 29)
    assert page_map.read_map(runs / "small", sae) is None
    write_site(runs / "small", runs / "out", tokens=900)
    assert data_of(runs / "out", "about")["map"] is False and not (runs / "out" / "data" / "map.js").exists()


def test_a_map_of_other_weights_or_a_damaged_one_is_one_line(runs, capsys):
    page_map.write_map([runs / "small"], runs / "large" / "map.safetensors", perplexity=5)
    page = ["page", str(runs / "large"), "--out", str(runs / "out"), "--tokens", "900"]
    assert main(page) == 2 and "made for other weights" in capsys.readouterr().err
    files.save_arrays(runs / "large" / "map.safetensors", {"xy": np.zeros((3, 2))})
    assert main(page) == 2 and "is no feature map" in capsys.readouterr().err
    arrays = page_map.make_map([page_map.decoder(load_sae(runs / "large"))])._asdict()
    about = arrays.pop("about")
    arrays["xy"][3] = np.nan
    files.save_arrays(runs / "large" / "map.safetensors", arrays, about)
    assert main(page) == 2 and "not finite" in capsys.readouterr().err
    assert not (runs / "out").exists()


def test_the_other_dictionary_must_be_the_one_that_was_mapped(runs):
    page_map.write_map([runs / "large", runs / "small"], perplexity=5)
    save_sae(an_sae(8, 30), runs / "small" / "sae.safetensors")
    with pytest.raises(ValueError, match="has other weights than the feature map was made of"):
        write_site(runs / "large", runs / "out", tokens=900)


def test_sixteen_thousand_points_stay_small():
    rng = np.random.default_rng(0)
    assert len(page_map.coordinates(rng.uniform(-1, 1, (16_384, 2)))) == 16_384 * 2 * 3
    assert unpack(page_map.coordinates(np.array([[-1.0, 1.0]])), 3) == [0, 64**3 - 1]
