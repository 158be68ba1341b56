"""What `saekit train` takes where the command line says nothing."""

from dataclasses import asdict

import pytest

from saekit import catalog, experiment, files
from saekit.cli import build_parser, main
from saekit.sae import SAES, new_sae, save_sae
from saekit.train import TrainConfig


def parsed(*options):
    return build_parser().parse_args(["train", "--d-sae", "64", "--tokens", "100", "--out", "a", *map(str, options)])


@pytest.mark.parametrize("arch", SAES)
def test_every_architecture_has_defaults_that_a_flag_overrides(arch):
    make, config = experiment._sae_and_config(parsed("--arch", arch))
    name, value = next(iter(experiment.DEFAULTS[arch]["settings"].items()))
    changed, _ = experiment._sae_and_config(parsed("--arch", arch, "--" + name.replace("_", "-"), 3 * value // 2 or 0.7))
    assert make(8).arch == arch and make(8).settings[name] == value and config.tokens == 100
    assert changed(8).settings == {**make(8).settings, name: 3 * value // 2 or 0.7}


@pytest.mark.parametrize("arch", SAES)
def test_a_card_names_each_flag_that_was_given(arch):
    name = next(iter(experiment.DEFAULTS[arch]["settings"])).replace("_", "-")
    command = experiment.command(parsed("--arch", arch, "--" + name, 7))
    assert f" --{name} 7" in command and f"--arch {arch} --d-sae 64" in command


@pytest.mark.parametrize("name, value", [("dead_after_tokens", 5000), ("decay_from", 0.5)])
@pytest.mark.parametrize("arch", SAES)
def test_the_course_of_a_run_is_on_the_card_where_it_was_given(arch, name, value):
    flag = "--" + name.replace("_", "-")
    given, plain = parsed("--arch", arch, flag, value), parsed("--arch", arch)
    assert getattr(experiment._sae_and_config(given)[1], name) == value
    assert f" {flag} {value} " in experiment.command(given) and flag not in experiment.command(plain)
    default = experiment.DEFAULTS[arch]["config"].get(name, getattr(TrainConfig, name))
    assert getattr(experiment._sae_and_config(plain)[1], name) == default != value


def test_a_card_leaves_the_device_to_who_repeats_the_run():
    assert experiment.command(parsed("--device", "cuda:1")) == experiment.command(parsed())


@pytest.mark.parametrize("entry", [one for one in catalog.entries() if one.kind == "SAE"], ids=lambda one: one.name)
def test_the_command_on_a_shipped_card_asks_for_the_run_on_the_card(entry):
    args, run = build_parser().parse_args(entry.card["command"].split()[1:]), entry.card["run"]
    make, config = experiment._sae_and_config(args)
    sae = make(8)
    assert (sae.arch, sae.d_sae, sae.settings) == (run["arch"], run["d_sae"], run["settings"])
    recorded = {**asdict(TrainConfig()), **run["config"]}       # a card may be older than a setting
    assert {**asdict(config), "resample_at": list(config.resample_at)} == recorded
    assert [args.model, args.layer, args.seed] == [run["model"], run["layer"], run["seed"]]
    assert (args.batch or 4096) == run["batch"]


@pytest.mark.parametrize("arch", SAES)
def test_the_default_rate_keeps_rate_times_steps_where_latents_may_die_of_it(arch):
    def rate(tokens, batch=4096):
        return experiment.default_rate(arch, tokens, batch)

    least, most = experiment.DEFAULTS[arch]["lr_range"]
    assert rate(10_000_000) == experiment.DEFAULTS[arch]["lr"]
    assert rate(1000) == rate(1) == most and rate(10**12) == least
    assert rate(5_000_000) == pytest.approx(min(most, 2 * rate(10_000_000)))
    assert rate(4_000_000, batch=2048) == pytest.approx(rate(8_000_000))
    assert rate(20_000_000) == pytest.approx(max(least, rate(10_000_000) / 2))


@pytest.mark.parametrize("verb", ["eval", "page", "export"])
@pytest.mark.parametrize("text, message", [("[]", "model (found None)"), ('{"model": null}', "model (found None)"),
                                           ('{"layer": "0"}', "layer (found 0)"), ('{"layer": true}', "(found True)"),
                                           ("3", "model (found None)"), ("{", "is not valid JSON")])
def test_a_damaged_run_json_is_one_line_that_names_the_file(tmp_path, capsys, verb, text, message):
    save_sae(new_sae("topk", 6, 8, k=2), tmp_path / "run" / "sae.safetensors")
    (tmp_path / "run" / "run.json").write_text(text)
    assert main([verb, str(tmp_path / "run"), *["--out", str(tmp_path / "out")] * (verb != "eval")]) == 2
    errors = capsys.readouterr().err
    assert errors.count("\n") == 1 and f"{tmp_path / 'run' / 'run.json'} " in errors and message in errors
    assert not (tmp_path / "out").exists()


def test_a_model_of_the_same_weights_or_under_the_name_given_is_the_same_model(tmp_path):
    made = {"one": {"model": "lm", "weight_hash": "ab"}, "two": {"model": "../lm", "weight_hash": "ab"},
            "bare": {"model": "lm"}, "named": {"model": "folder/lm"}}
    runs = {name: tmp_path / name for name in made}
    for name, settings in made.items():
        files.write_json(runs[name] / "run.json", {**settings, "layer": 2})
    experiment.check_same_layer([runs["one"], runs["two"], runs["bare"]])
    experiment.check_same_layer([runs["bare"], runs["named"]], "folder/lm")
    with pytest.raises(ValueError, match="named reads layer 2 of folder/lm, but .*bare layer 2 of lm;"):
        experiment.check_same_layer([runs["bare"], runs["one"], runs["named"]])


def test_no_tokens_is_an_error_that_names_them():
    with pytest.raises(ValueError, match="tokens is 0"):
        experiment._sae_and_config(build_parser().parse_args(["train", "--tokens", "0", "--out", "a"]))
