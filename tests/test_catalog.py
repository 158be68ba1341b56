"""What `saekit models` lists, checks again and refuses, on a data folder of one tiny transformer and three SAEs."""

import json
import os
import shutil

import numpy as np
import pytest

from saekit import catalog, corpus, files, pretrain
from saekit.cli import main
from saekit.sae import load_sae, save_sae
from tests import tiny_lm

SAE = "train --model lm --arch topk --k 4 --d-sae 32 --tokens 1000 --batch 100 --out".split()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A data folder made by the commands themselves: lm, saes/a (float16), saes/b (of the untrained lm), saes/c."""
    root = tmp_path_factory.mktemp("models")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SAEKIT_DATA", str(root / "data"))
        patch.setenv("SAEKIT_CACHE", str(root / "cache"))
        patch.setattr(corpus, "source_files", tiny_lm.candidates)
        patch.setattr(pretrain, "new_model", lambda *_: tiny_lm.new_model())
        (root / "data" / "saes").mkdir(parents=True)
        tokenizer = ["--tokenizer-from", str(tiny_lm.folder() / "data" / "tiny")]
        out = root / "data"
        assert main(["train-lm", "--out", str(out / "lm"), "--tokens", "2000", "--n-ctx", "16", *tokenizer]) == 0
        for name, change in (("a", ["--float16"]), ("b", ["--model", "lm:untrained"]), ("c", ["--int8"])):
            assert main([*SAE, str(out / "saes" / name), *change]) == 0
    return root


@pytest.fixture
def data(made, tmp_path, monkeypatch):
    """A copy of that data folder, in force."""
    monkeypatch.setenv("SAEKIT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("SAEKIT_CACHE", str(made / "cache"))
    monkeypatch.setattr(corpus, "source_files", tiny_lm.candidates)
    return shutil.copytree(made / "data", tmp_path / "data")


def models(capfd, *argv):
    """(exit code, stdout, stderr) of `saekit models`."""
    capfd.readouterr()
    return main(["models", *map(str, argv)]), *capfd.readouterr()


def change(path, **keys):
    """Rewrite a card with some dotted keys (dots as __) set to other values."""
    card = files.read_json(path)
    for key, value in keys.items():
        record, *parts = card, *key.split("__")
        for part in parts[:-1]:
            record = record[part]
        record[parts[-1]] = value
    path.write_text(json.dumps(card))


def test_the_table_shows_what_the_cards_say(data, capfd):
    code, printed, errors = models(capfd)
    rows = {line.split()[0]: line for line in printed.splitlines() if line}
    card = files.read_json(data / "saes" / "a" / "card.json")
    assert (code, errors) == (0, "") and rows.keys() == {"language", "lm", "SAE", "a", "b", "c", "data/"}
    assert f"{card['metrics']['ce_increase']:.4f}" in rows["a"] and "lm, layer 0" in rows["a"] and "topk" in rows["a"]
    assert "gpt2, relu" in rows["lm"] and "lm:untrained, layer 0" in rows["b"]
    total = sum(path.stat().st_size for path in data.rglob("*") if path.is_file())
    assert rows["data/"] == f"data/ holds {total / 1e6:.1f} of at most 45 MB"


def test_json_holds_every_column_and_only_the_named_models(data, capfd):
    found = json.loads(models(capfd, "c", "lm", "--json")[1])
    assert [row["name"] for row in found] == ["lm", "c"] and found[1]["storage"]["dtype"] == "int8"
    assert found[0]["best_ngram"] == files.read_json(data / "lm" / "card.json")["ce_nats_per_token"]["4-gram"]


def test_the_long_form_prints_commands_that_the_command_line_takes(data, capfd):
    from saekit.cli import build_parser

    lines = models(capfd, "--command")[1].splitlines()
    assert lines[::2] == ["# lm", "# a", "# b", "# c"]
    for line in lines[1::2]:
        build_parser().parse_args(line.split()[1:])


def test_what_was_just_made_is_verified(data, capfd):
    code, printed, errors = models(capfd, "--verify")
    assert (code, errors) == (0, "") and "OUTSIDE" not in printed and printed.count("on the card's own text") == 4
    assert "18 of 18 values within their tolerance" in printed  # 1 of lm, 5 of each SAE, weights of lm for two


def test_damage_to_the_weights_is_outside_and_named(data, capfd):
    sae = load_sae(data / "saes" / "a")
    sae.W_dec.data[:, :8] = 0
    save_sae(sae, data / "saes" / "a" / "sae.safetensors")
    code, printed, _ = models(capfd, "a", "--verify")
    assert code == 1 and "outside: a explained_variance" in printed and "OUTSIDE" in printed
    found = json.loads(models(capfd, "a", "c", "--verify", "--json")[1])
    assert {check["ok"] for check in found if check["name"] == "c"} == {True}
    wrong = next(check for check in found if check["metric"] == "explained_variance")
    assert not wrong["ok"] and wrong["card"] - wrong["here"] > wrong["tolerance"]


def test_other_text_has_the_wider_tolerance_and_the_default_is_told(data, capfd, monkeypatch):
    change(data / "saes" / "c" / "card.json", tolerance={"other_text": {name: 9.0 for name in catalog.SAE_METRICS}})
    card = files.read_json(data / "saes" / "a" / "card.json")
    del card["tolerance"]
    files.write_json(data / "saes" / "a" / "card.json", card)
    monkeypatch.setattr(corpus, "source_files", lambda: tiny_lm.candidates()[:-9])
    found = json.loads(models(capfd, "a", "c", "--verify", "--json")[1])
    assert {check["text"] for check in found} == {"other text", "card"}
    assert {check["stated"] for check in found if check["name"] == "a" and check["text"] != "card"} == {False}
    assert {check["tolerance"] for check in found if check["name"] == "c"} == {9.0, None}
    assert "the card states no tolerance, so the default applies" in models(capfd, "a", "--verify")[1]


def test_an_sae_made_on_other_weights_is_outside(data, capfd):
    change(data / "lm" / "card.json", weight_hash="0123456789abcdef")
    code, printed, _ = models(capfd, "a", "b", "--verify")  # b is of the untrained control, whose weights lie nowhere
    assert code == 1 and printed.endswith("10 of 11 values within their tolerance; outside: a weights of lm\n")


def test_a_card_without_weights_is_listed_and_not_verified(data, capfd, tmp_path):
    shutil.move(data / "saes" / "a", tmp_path / "large")
    np.save(tmp_path / "large" / "stray.npy", np.zeros(1))
    files.save_arrays(tmp_path / "large" / "map.safetensors", {"xy": np.zeros((32, 2))})
    assert models(capfd, "--add", tmp_path / "large", "--card-only") == (0, f"{data / 'saes' / 'large'} added\n", "")
    there = {path.name for path in (data / "saes" / "large").iterdir()}
    assert there == {"card.json", "run.json", "map.safetensors"}
    assert "card only" in models(capfd, "large")[1]
    assert json.loads(models(capfd, "large", "--json")[1])[0]["weights"] == "card only"
    code, printed, _ = models(capfd, "large", "c", "--verify")
    assert code == 0 and "large: card only, nothing to measure" in printed and "6 of 6" in printed


def test_an_added_sae_is_the_same_files_and_nothing_is_overwritten_or_overfilled(data, capfd, tmp_path, monkeypatch):
    shutil.move(data / "saes" / "a", tmp_path / "new")
    assert models(capfd, "--add", tmp_path / "new")[0] == 0
    weights = [(folder / "new" / "sae.safetensors").read_bytes() for folder in (tmp_path, data / "saes")]
    assert weights[0] == weights[1] and models(capfd, "new", "--verify")[0] == 0
    shutil.copytree(tmp_path / "new", tmp_path / "other")
    for limit, run, message in ((45e6, "new", "exists already"), (1e4, "other", "--int8"), (45e6, "gone", "is missing")):
        monkeypatch.setattr(catalog, "LIMIT", limit)
        code, _, errors = models(capfd, "--add", tmp_path / run)
        assert code == 2 and message in errors and errors.count("\n") == 1
    assert not (data / "saes" / "other").exists()


@pytest.mark.parametrize("options", [[], ["--card-only"]])
@pytest.mark.parametrize("written, error, code", [(0, OSError("disk full"), 2), (1, OSError("disk full"), 2),
                                                  (1, KeyboardInterrupt(), 130), (3, OSError("disk full"), 2)])
def test_what_interrupts_an_addition_leaves_nothing(data, capfd, tmp_path, monkeypatch, options, written, error, code):
    shutil.move(data / "saes" / "a", tmp_path / "new")
    before, plain, seen = sorted(data.rglob("*")), os.replace, []

    def replace(*paths):
        seen.append([one.name for one in catalog.entries()])  # at any moment the catalogue can be read
        if len(seen) > written:
            raise error
        plain(*paths)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", replace)  # by which each file gets its name
        patch.setattr(os, "rename", replace)
        assert models(capfd, "--add", tmp_path / "new", *options)[0] == code
    assert seen == [["lm", "b", "c"]] * (written + 1) and sorted(data.rglob("*")) == before
    assert models(capfd, "--add", tmp_path / "new", *options)[0] == 0 and models(capfd)[0] == 0


@pytest.mark.parametrize("name", ["lm", "saes"])
def test_an_sae_may_not_have_the_name_of_a_language_model(data, capfd, tmp_path, name):
    shutil.move(data / "saes" / "a", tmp_path / name)
    code, printed, errors = models(capfd, "--add", tmp_path / name)
    assert code == 2 and printed == "" and errors.count("\n") == 1
    assert f"{data / name} exists, and an SAE of that name would hide it; rename {tmp_path / name}" in errors
    assert [(one.name, one.kind) for one in catalog.entries()][0] == ("lm", "language model")


@pytest.mark.parametrize(
    "damage, message",
    [
        (lambda folder: (folder / "card.json").unlink(), "card.json is missing"),
        (lambda folder: (folder / "card.json").write_text("{"), "card.json is not valid JSON"),
        (lambda folder: (folder / "card.json").write_text("[]"), "card.json has no usable command"),
        (lambda folder: change(folder / "card.json", metrics__l0="many"), "no usable metrics.l0 (found many)"),
        (lambda folder: change(folder / "card.json", metrics__l0=float("nan")), "no usable metrics.l0 (found nan)"),
        (lambda folder: change(folder / "card.json", run__layer=None), "no usable run.layer"),
        (lambda folder: (folder / "sae.safetensors").unlink(), "sae.safetensors is missing"),
    ],
)
def test_a_damaged_card_is_one_line_that_names_the_file(data, capfd, damage, message):
    damage(data / "saes" / "b")
    for argv in ([], ["b", "--verify"], ["--command"]):
        code, printed, errors = models(capfd, *argv)
        assert code == 2 and printed == "" and errors.count("\n") == 1 and message in errors
        assert str(data / "saes" / "b") in errors
    assert models(capfd, "c", "lm")[0] == 0  # the others can still be asked for


@pytest.mark.parametrize(
    "damage, message",
    [
        (lambda folder: (folder / "config.json").unlink(), "config.json"),
        (lambda folder: (folder / "config.json").write_text("[]"), "config.json has no usable model_type"),
        (lambda folder: change(folder / "card.json", ce_nats_per_token={"transformer": 1, "2-gram": "?"}), "usable 2-gram"),
        (lambda folder: change(folder / "card.json", ce_nats_per_token={}), "usable ce_nats_per_token.transformer"),
        (lambda folder: (folder / "model.safetensors").unlink(), "model.safetensors is missing"),
    ],
)
def test_a_damaged_language_model_is_one_line_that_names_the_file(data, capfd, damage, message):
    damage(data / "lm")
    code, printed, errors = models(capfd)
    assert code == 2 and printed == "" and errors.count("\n") == 1 and message in errors and str(data / "lm") in errors


def test_bad_arguments_are_one_line(data, capfd, monkeypatch, tmp_path):
    for argv, message in ((["d"], "no model 'd' in"), (["--card-only"], "goes with --add")):
        code, printed, errors = models(capfd, *argv)
        assert code == 2 and printed == "" and errors.count("\n") == 1 and message in errors
    change(data / "saes" / "a" / "card.json", tolerance={"same_text": {"l0": "wide"}})
    code, _, errors = models(capfd, "a", "--verify")
    assert code == 2 and "tolerance.same_text.l0 (found wide)" in errors
    monkeypatch.setenv("SAEKIT_DATA", str(tmp_path / "gone"))
    assert "data folder" in models(capfd)[2]


def test_tolerances_are_wider_on_other_text_and_grow_with_the_value():
    small, large = (catalog.tolerance({"ce_increase": value, "l0": 32}) for value in (0.01, 0.5))
    same, other = ([record[text]["ce_increase"] for record in (small, large)] for text in ("same_text", "other_text"))
    assert 0 < same[0] < other[0] < other[1] and same[1] < other[1]
