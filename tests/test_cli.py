"""The command line from end to end on a tiny model: what it writes and prints, one line for whatever is wrong."""

import json
import math
import os
import signal
import subprocess
import sys
import time

import pytest
import torch

from saekit import files
from saekit.cli import main
from tests import tiny_lm
from tests.tiny_lm import tiny  # noqa: F401

TRAIN = "train --model tiny --arch topk --k 4 --d-sae 32 --tokens 3000 --batch 100".split()


def run(capfd, *argv):
    """(exit code, stdout, stderr) of one command."""
    capfd.readouterr()
    try:
        code = main([str(arg) for arg in argv])
    except SystemExit as stop:  # argparse
        code = stop.code
    return code, *capfd.readouterr()


@pytest.mark.parametrize("arch", [["topk", "--k", 4], ["batchtopk", "--k", 4], ["relu", "--l1-coeff", 0.05],
                                  ["jumprelu", "--l0-coeff", 0.01, "--bandwidth", 0.1]])
def test_train_then_eval(tiny, capfd, arch):  # noqa: F811
    out = tiny / "a b"
    code, printed, errors = run(
        capfd, "train", "--model", "tiny", "--arch", *arch, "--d-sae", 32, "--tokens", "3e3", "--batch", 100, "--out", out
    )
    assert (code, errors) == (0, "") and "explained_variance" in printed and "validation corpus:" in printed
    assert {path.name for path in out.iterdir()} == {"sae.safetensors", "run.json", "log.json", "card.json"}
    code, printed, errors = run(capfd, "eval", out, "--json")
    metrics = json.loads(printed)
    assert (code, errors) == (0, "") and metrics == files.read_json(out / "card.json")["metrics"]
    assert {
        "l0",
        "explained_variance",
        "r2_uncentred",
        "mse",
        "ce_clean",
        "ce_recon",
        "ce_zero",
        "ce_mean",
        "ce_increase",
        "ce_increase_share",
        "ce_recovered_vs_zero",
        "ce_recovered_vs_mean",
        "dead_fraction",
        "utilization",
        "density_histogram",
        "tokens",
    } <= metrics.keys()
    assert len(metrics["corpus"]["sha"]) == 16 and metrics["tokens"] > 1000
    assert run(capfd, "eval", out / "sae.safetensors", "--tokens", 500)[:1] == (0,)


def test_a_card_repeats_its_run_and_a_finished_run_is_not_resumed(tiny, capfd, monkeypatch):  # noqa: F811
    monkeypatch.chdir(tiny)
    assert run(capfd, *TRAIN, "--out", "a")[0] == 0
    card = files.read_json("a/card.json")
    command = card["command"].split()
    assert command[0] == "saekit" and card["steps"] == 30 and card["run"] == files.read_json("a/run.json")
    assert run(capfd, *["b" if word == "a" else word for word in command[1:]])[0] == 0
    assert (tiny / "a" / "log.json").read_bytes() == (tiny / "b" / "log.json").read_bytes()
    code, _, errors = run(capfd, *TRAIN, "--out", "a", "--resume")
    assert code == 2 and "finished run" in errors
    assert files.read_json("a/card.json") == card


def test_stopped_by_ctrl_c_and_resumed_gives_the_same_sae_and_card(tiny, capfd, monkeypatch):  # noqa: F811
    from saekit import train

    monkeypatch.chdir(tiny)
    assert run(capfd, *TRAIN, "--out", "whole")[0] == 0
    plain, calls = train.train_step, []

    def train_step(*args):
        calls.append(1)
        if len(calls) == 11:
            os.kill(os.getpid(), signal.SIGINT)
        return plain(*args)

    with monkeypatch.context() as patch:
        patch.setattr(train, "train_step", train_step)
        code, printed, errors = run(capfd, *TRAIN, "--out", "cut")
    assert code == 130 and "checkpoint saved in cut" in printed and errors == "saekit train: interrupted\n"
    assert json.loads(run(capfd, "eval", "cut", "--json")[1])["tokens"] > 0  # what is there can be used
    code, printed, errors = run(capfd, *[word.replace("3000", "5000") for word in TRAIN], "--out", "cut", "--resume")
    assert code == 2 and "other settings" in errors
    assert run(capfd, *TRAIN, "--out", "cut", "--resume")[0] == 0
    cards = [files.read_json(f"{name}/card.json") for name in ("whole", "cut")]
    assert (
        cards[0]["metrics"] == cards[1]["metrics"]
        and cards[0]["run"] == cards[1]["run"]
        and cards[0]["steps"] == cards[1]["steps"]
    )


def test_ctrl_c_while_the_card_is_measured_loses_no_training(tiny, capfd, monkeypatch):  # noqa: F811
    from saekit import experiment, train

    def interrupt(*_args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(experiment, "evaluate_sae", interrupt)
        assert run(capfd, *TRAIN, "--out", tiny / "a")[0] == 130
    monkeypatch.setattr(train, "train_step", None)  # not a step is left to do
    assert run(capfd, *TRAIN, "--out", tiny / "a", "--resume")[0] == 0 and (tiny / "a" / "card.json").is_file()


def test_float16_halves_the_file_and_the_card_measures_what_was_stored(tiny, capfd):  # noqa: F811
    assert (
        run(capfd, *TRAIN, "--out", tiny / "a")[0] == 0 and run(capfd, *TRAIN, "--out", tiny / "b", "--float16")[0] == 0
    )
    arrays = [files.load_arrays(tiny / name / "sae.safetensors")[0] for name in "ab"]
    assert arrays[1]["W_dec"].nbytes * 2 == arrays[0]["W_dec"].nbytes
    card = files.read_json(tiny / "b" / "card.json")
    assert card["metrics"] == json.loads(run(capfd, "eval", tiny / "b", "--json")[1])
    assert card["command"].endswith("--float16")


def test_int8_quarters_the_file_and_the_card_says_what_that_cost(tiny, capfd):  # noqa: F811
    wide = ["--d-sae", 128]
    assert run(capfd, *TRAIN, *wide, "--out", tiny / "a")[0] == 0
    code, printed, _ = run(capfd, *TRAIN, *wide, "--out", tiny / "b", "--int8")
    sizes = [(tiny / name / "sae.safetensors").stat().st_size for name in "ab"]
    assert code == 0 and "stored as int8" in printed and sizes[1] < 0.4 * sizes[0]  # headers and biases stay
    cards = [files.read_json(tiny / name / "card.json") for name in "ab"]
    storage = cards[1]["storage"]
    assert storage["dtype"] == "int8" and storage["ce_increase_float32"] == cards[0]["metrics"]["ce_increase"]
    assert storage["ce_increase_stored"] == cards[1]["metrics"]["ce_increase"] != storage["ce_increase_float32"]
    assert storage["ce_increase_stored"] == pytest.approx(storage["ce_increase_float32"], abs=0.01)
    assert cards[1]["metrics"] == json.loads(run(capfd, "eval", tiny / "b", "--json")[1])
    assert cards[1]["command"].endswith("--int8") and run(capfd, *TRAIN, "--out", "c", "--int8", "--float16")[0] == 2


def test_an_sae_of_an_untrained_control_is_trained_and_evaluated_on_it(tiny, capfd):  # noqa: F811
    control = ["tiny:untrained" if word == "tiny" else word for word in TRAIN]
    assert run(capfd, *control, "--out", tiny / "a")[0] == 0
    card = files.read_json(tiny / "a" / "card.json")
    assert "--model tiny:untrained" in card["command"] and card["run"]["model"] == "tiny:untrained"
    assert card["metrics"]["ce_clean"] == pytest.approx(math.log(tiny_lm.D_VOCAB), rel=0.5)  # it knows nothing yet
    assert json.loads(run(capfd, "eval", tiny / "a", "--json")[1]) == card["metrics"]


@pytest.mark.parametrize(
    "change, message",
    [
        (["--model", "nope"], "unknown model 'nope'; bundled models are tiny"),
        (["--arch", "gatd"], "known ones are topk, batchtopk, matryoshka, jumprelu, relu"),
        (["--arch", "gated"], "--k does not apply to --arch gated"),
        (["--l0-coeff", 1], "--l0-coeff does not apply to --arch topk"),
        (["--bandwidth", 1], "--bandwidth does not apply to --arch topk"),
        (["--hoyer-coeff", 1], "--hoyer-coeff does not apply to --arch topk"),
        (["--k", 33], "k is 33 but the SAE has d_sae=32"),
        (["--k", 0], "1 <= k"),
        (["--d-sae", 0], "d_sae is 0"),
        (["--d-sae", -3], "d_sae is -3"),
        (["--d-sae", 10**18], "not enough memory; lower --batch or --d-sae"),  # beyond any machine's addresses
        (["--layer", 1], "this model has layers 0 to 0"),
        (["--tokens", 0], "tokens is 0"),
        (["--batch", 0], "batch is 0"),
        (["--lr", 0], "lr is 0"),
        (["--lr", "nan"], "lr is nan"),
        (["--lr", "inf"], "lr is inf"),
        (["--auxk-coeff", "inf"], "auxk_coeff is inf"),
        (["--l1-coeff", 1], "--l1-coeff does not apply to --arch topk"),
        (["--seed", -1], "seed"),
        (["--batch", 10**9], "use a smaller batch"),
        (["--device", "cuda"], "this machine has cpu"),
        (["--resume"], "no run to resume"),
        (["--out", "/proc/nobody/a"], "/proc"),
        (["--out", "file/a"], "file"),
    ],
)
def test_bad_input_is_one_line_with_exit_code_2_and_leaves_no_run(tiny, capfd, monkeypatch, change, message):  # noqa: F811
    monkeypatch.chdir(tiny)
    (tiny / "file").write_text("")
    code, printed, errors = run(capfd, *TRAIN, "--out", "a", *change)
    assert (
        code == 2
        and printed == ""
        and errors.count("\n") == 1
        and errors.startswith("saekit train: ")
        and message in errors
    )
    assert not (tiny / "a" / "run.json").exists() and (tiny / "file").read_text() == ""


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nGPU 0"),
                                   RuntimeError("CUDA error: out of memory\nCompile with"), MemoryError()])
def test_memory_that_does_not_suffice_is_one_line_with_a_cure(capfd, monkeypatch, error):
    def fail(_args):
        raise error

    monkeypatch.setattr("saekit.experiment.train", fail)
    code, printed, errors = run(capfd, *TRAIN, "--out", "a")
    assert code == 2 and printed == "" and errors.count("\n") == 1 and f"({error!r})\n" in errors
    assert errors.startswith("saekit train: not enough memory; lower --batch or --d-sae (")
    monkeypatch.setattr("saekit.experiment.evaluate", fail)
    assert "take a smaller model" in run(capfd, "eval", "a")[2]


def test_an_error_of_the_program_itself_keeps_its_traceback(capfd, monkeypatch):
    def fail(_args):
        raise RuntimeError("an illegal memory access was encountered")

    monkeypatch.setattr("saekit.experiment.train", fail)
    with pytest.raises(RuntimeError, match="illegal memory access"):
        run(capfd, *TRAIN, "--out", "a")


def test_numbers_may_be_written_5e6_and_must_be_whole(capfd):
    for text in ("1.5", "inf", "nan", "many"):
        code, _, errors = run(capfd, "train", "--out", "a", "--tokens", text)
        assert code == 2 and "--tokens" in errors and "Traceback" not in errors


def test_an_output_folder_with_another_run_and_an_empty_corpus_are_one_line(tiny, capfd, monkeypatch):  # noqa: F811
    monkeypatch.chdir(tiny)
    assert run(capfd, *TRAIN, "--out", "a")[0] == 0
    code, _, errors = run(capfd, *TRAIN, "--out", "a")
    assert (
        code == 2 and errors == "saekit train: a already holds a run; give --resume to continue it or another --out\n"
    )
    monkeypatch.setattr("saekit.corpus.source_files", lambda: [])
    code, _, errors = run(capfd, *TRAIN, "--out", "b")
    assert code == 2 and errors.count("\n") == 1 and "corpus is empty" in errors


@pytest.mark.parametrize(
    "content, message", [(None, "no SAE at"), (b"PK\x03\x04", "cut off, or is it another kind"), (b"", "cut off")]
)
def test_eval_of_what_is_no_sae_is_one_line(tiny, capfd, content, message):  # noqa: F811
    if content is not None:
        (tiny / "sae.safetensors").write_bytes(content)
    code, printed, errors = run(capfd, "eval", tiny)
    assert code == 2 and printed == "" and errors.count("\n") == 1 and message in errors and str(tiny) in errors


def test_nan_activations_are_one_line_that_names_layer_and_batch(tiny, capfd, monkeypatch):  # noqa: F811
    from saekit import activations

    plain, calls = activations.harvest, []

    def harvest(lm, contexts, layer=0, **settings):
        rows = plain(lm, contexts, layer, **settings)
        calls.append(1)
        if len(calls) == 4:  # the start harvests a chunk or two, training goes over them again
            rows[:] = float("nan")
        return rows

    monkeypatch.setattr(activations, "harvest", harvest)
    code, _, errors = run(capfd, *TRAIN[:-4], "--tokens", 60_000, "--batch", 200, "--out", tiny / "a")
    assert code == 2 and errors.count("\n") == 1 and "activations of layer 0 hold NaN" in errors and "epoch" in errors
    assert (tiny / "a" / "checkpoint.safetensors").is_file() and run(capfd, "eval", tiny / "a", "--tokens", 500)[0] == 0


def test_train_lm_prints_the_table(tiny, capfd):  # noqa: F811
    code, printed, errors = run(capfd, "train-lm", "--out", tiny / "lm", "--tokens", 3000, "--n-ctx", 16, "--batch", 8)
    assert (code, errors) == (0, "") and [line.split()[0] for line in printed.splitlines()] == [
        "transformer",
        "1-gram",
        "2-gram",
        "3-gram",
        "4-gram",
    ]
    code, _, errors = run(capfd, "train-lm", "--out", tiny / "lm", "--tokens", 3000)
    assert code == 2 and errors.count("\n") == 1 and "already holds a run" in errors
    for change, message in (
        (["--tokens", 0], "tokens is 0"),
        (["--lr", "inf"], "lr is inf"),
        (["--arch", "bert"], "arch is 'bert'; expected 'gpt2' or 'gpt-neox'"),
        (["--tokenizer-from", "nope"], "no tokenizer at nope"),
    ):
        code, _, errors = run(capfd, "train-lm", "--out", tiny / "new", *change)
        assert code == 2 and errors.count("\n") == 1 and message in errors and not (tiny / "new" / "run.json").exists()


CHILD = """
import sys
from pathlib import Path
from saekit import corpus, cli, train
text = Path(sys.argv[1])
corpus.source_files = lambda: [(path.relative_to(text).as_posix(), path) for path in sorted(text.rglob("*.py"))]
sys.exit(cli.main(sys.argv[2:]))
"""


def test_a_process_told_to_end_saves_and_exits_130_without_a_traceback(tmp_path):
    env = {
        **os.environ,
        "SAEKIT_DATA": str(tiny_lm.folder() / "data"),
        "SAEKIT_CACHE": str(tmp_path / "cache"),
        "OMP_NUM_THREADS": "1",
    }
    argv = [*TRAIN[:-4], "--tokens", "100000000", "--batch", "100", "--out", str(tmp_path / "a")]
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tiny_lm.folder() / "text"), *argv],
        env=env,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    while not (tmp_path / "a" / "run.json").is_file() and process.poll() is None:
        time.sleep(0.05)
    time.sleep(0.3)
    process.terminate()
    printed, errors = process.communicate(timeout=300)
    assert process.returncode == 130 and errors == "saekit train: interrupted\n" and "checkpoint saved in" in printed
    assert files.load_arrays(tmp_path / "a" / "checkpoint.safetensors")[1]["step"] > 0
