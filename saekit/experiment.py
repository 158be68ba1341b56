"""`saekit train` and `saekit eval`: one SAE on one layer of one model, from names on the command line to a folder with
a card.

A folder holds sae.safetensors (reads raw activations), run.json (everything that defines the run), log.json (what was
logged), card.json (command, run and metrics on held-out files) and, while it trains, checkpoint.safetensors.
"""

import json
import shlex
import time
from pathlib import Path

import torch

from saekit import catalog, corpus, files, processes
from saekit.activations import ActivationStream
from saekit.intervene import evaluate_sae
from saekit.sae import load_sae, new_sae, save_sae
from saekit.train import TrainConfig, train_sae
from saekit.transformer import load_lm, weight_hash

RESAMPLED = {"resample_at": (0.1, 0.2, 0.3, 0.4)}
WOKEN = {"dead_after_tokens": 8192}    # AuxK pulls after two batches of silence
SLOWED = {"encoder_eps": 1e-5, "bias_rate": 0.05}    # encoders of latents that fire rarely, and all biases, move less
DEFAULTS = {  # per architecture: what `saekit train` uses where the command line says nothing; lr, lr_range: default_rate
    "topk": {"settings": {"k": 32, "auxk_coeff": 0.0}, "lr": 2.4e-3, "lr_range": (5e-5, 8e-3), "config": SLOWED},
    **dict.fromkeys(("batchtopk", "matryoshka"),
                    {"settings": {"k": 32, "auxk_coeff": 0.5}, "lr": 3e-4, "lr_range": (5e-5, 4e-3), "config": WOKEN}),
    "jumprelu": {"settings": {"l0_coeff": 0.003, "bandwidth": 0.05, "auxk_coeff": 0.5}, "lr": 3e-4,
                 "lr_range": (5e-5, 4e-3), "config": WOKEN},                                # price: threshold^2
    **dict.fromkeys(("relu", "relu-tied", "relu-weighted"),
                    {"settings": {"l1_coeff": 0.2}, "lr": 6e-3, "lr_range": (1e-3, 6e-3), "config": RESAMPLED}),
    "gated": {"settings": {"l1_coeff": 0.2}, "lr": 1e-3, "lr_range": (1e-3, 3e-3), "config": RESAMPLED},
    "relu-hoyer": {"settings": {"hoyer_coeff": 0.1}, "lr": 1e-3, "lr_range": (1e-3, 1e-3), "config": RESAMPLED},
    "relu-l0": {"settings": {"l0_coeff": 0.02}, "lr": 1.2e-3, "lr_range": (1e-3, 6e-3), "config": RESAMPLED},
}
SETTINGS = ("k", "l1_coeff", "l0_coeff", "hoyer_coeff", "bandwidth", "auxk_coeff")  # flags that some architectures take
CONFIG = ("decay_from", "dead_after_tokens", "encoder_eps", "bias_rate")    # flags that go into TrainConfig
SHOWN = ("tokens", "l0", "explained_variance", "r2_uncentred", "mse", "ce_clean", "ce_recon", "ce_zero", "ce_mean",
         "ce_unigram", "ce_increase", "ce_increase_share", "ce_recovered_vs_zero", "ce_recovered_vs_mean",
         "dead_fraction", "utilization")


def default_rate(arch, tokens, batch=4096):
    """Adam's peak rate where the command line says nothing: DEFAULTS' lr for 10 million tokens in batches of 4,096, in
    inverse proportion to the steps of a longer or shorter run, within the architecture's lr_range.

    Rate times steps is the distance that weights can travel: on a short one they learn too little, on a long one latents
    die and rows turn into single neurons (measured in benchmarks/learning_rate.py; lesson 6). TopK goes furthest, for
    SLOWED keeps its latents alive; L1, whose dead latents are planted anew, bears one rate up to those 10 million
    tokens (both: benchmarks/README.md); Hoyer's ratio has one at any length: of a higher one its latents die.
    """
    (least, most), lr = DEFAULTS[arch]["lr_range"], DEFAULTS[arch]["lr"]
    return min(most, max(least, lr * 10_000_000 / max(batch, tokens) * batch / 4096))


def recipe(arch, tokens, batch=4096, lr=None, config=None, **settings):
    """(settings of the SAE, TrainConfig) with which `saekit train` trains an architecture: its defaults but for what is
    given."""
    defaults = DEFAULTS[arch]
    config = {"tokens": tokens, "lr": default_rate(arch, tokens, batch) if lr is None else lr, **defaults["config"],
              **(config or {})}
    return {**defaults["settings"], **settings}, TrainConfig(**config)


def train(args):
    """Train an SAE as the command line says, measure it on held-out files and write its card; under torchrun in many
    processes, of which the first does all but train. ValueError for an unknown architecture, a setting that it does not
    have or a value out of range."""
    with processes.together(args.device, args.out) as args.device:
        _train(args)


def _train(args):
    sae, config = _sae_and_config(args)
    lm = load_lm(args.model, args.device)
    processes.by_first(files.check_run_folder, args.out, args.resume)
    before = weight_hash(lm.model)
    stream = processes.by_first(corpus.load_corpus, "train", lm.tokenizer, lm.boundary)
    batch = 4096 if args.batch is None else args.batch
    activations = ActivationStream(lm, corpus.contexts(stream, lm.n_ctx, lm.boundary), args.layer, batch, args.seed)
    sae = sae(lm.d_mlp).to(args.device)
    record = {"model": args.model, "layer": args.layer, "seed": args.seed, "batch": activations.batch,
              "weight_hash": before, "corpus": stream.manifest._asdict()}
    start = time.perf_counter()
    log = train_sae(sae, activations, config, args.out, record, args.resume)
    seconds = time.perf_counter() - start
    if weight_hash(lm.model) != before:
        raise RuntimeError("the language model's weights changed while the SAE was trained")
    if processes.rank() > 0:
        return
    run = files.read_json(Path(args.out) / "run.json")
    silent = {window: latents / args.d_sae for window, latents in log[-1]["silent"].items()}
    card = {"command": command(args), "run": run, "steps": log[-1]["step"], "silent_in_last_training_tokens": silent,
            **_store(args, lm, run)}
    files.write_json(Path(args.out) / "card.json", card)
    (Path(args.out) / "checkpoint.safetensors").unlink(missing_ok=True)
    print_metrics(card["metrics"])
    rate = f"{log[-1]['tokens'] / seconds:,.0f} tokens/s with the harvest"
    print("stored as {dtype}: ce_increase {ce_increase_stored:.5f}; float32: {ce_increase_float32:.5f}"
          .format(**card["storage"]))
    print(f"{args.out}: {'done' if args.resume else rate}")


def _store(args, lm, run):
    """Store the finished SAE in the number format asked for; returns what its card says of that: storage with its cost,
    the metrics of what is stored, and their tolerance."""
    dtype = "int8" if args.int8 else "float16" if args.float16 else "float32"
    full = load_sae(args.out)
    measured = [evaluate_sae(full.to(args.device), lm, args.layer)]
    if dtype != "float32":
        save_sae(full, Path(args.out) / "sae.safetensors", getattr(torch, dtype), {"run": run})
        measured.append(evaluate_sae(load_sae(args.out).to(args.device), lm, args.layer))
    storage = {"dtype": dtype, "ce_increase_float32": measured[0]["ce_increase"],
               "ce_increase_stored": measured[-1]["ce_increase"]}
    tolerance = catalog.tolerance({name: measured[-1][name] for name in catalog.SAE_METRICS})
    return {"storage": storage, "metrics": measured[-1], "tolerance": tolerance}


def evaluate(args):
    """Measure an SAE on held-out files and print the metrics as a table or as JSON."""
    sae, run = load_sae(args.sae), run_settings(args.sae)
    metrics = evaluate_sae(sae, load_lm(args.model or run["model"]), run["layer"], args.tokens)
    if args.json:
        print(json.dumps(metrics, indent=1))
    else:
        print_metrics(metrics)


def run_settings(run):
    """{"model", "layer"} that an SAE was trained on, from the run.json beside it; python-1l's block 0 without one.

    ValueError naming the file if it does not hold a name and a whole number.
    """
    path = (Path(run) if Path(run).is_dir() else Path(run).parent) / "run.json"
    found = files.read_json(path) if path.is_file() else {}
    settings = {"model": "python-1l", "layer": 0, **found} if isinstance(found, dict) else found
    for key, kind in (("model", catalog.TEXT), ("layer", catalog.WHOLE)):
        catalog.look_up(settings, key, kind, path)
    return settings


def check_same_layer(runs, model=None):
    """ValueError unless the SAEs in folders `runs` all read the same layer of the same language model as the first.

    A language model is the same under another name if its weights have the same hash; model: another name of the
    first's.
    """
    first, *others = map(run_settings, runs)
    for run, other in zip(runs[1:], others):
        known = other["model"] in (first["model"], model) or other.get("weight_hash") == first.get("weight_hash", "")
        if not known or other["layer"] != first["layer"]:
            raise ValueError(f"{run} reads layer {other['layer']} of {other['model']}, but {runs[0]} layer "
                             f"{first['layer']} of {first['model']}; only SAEs of one layer of one language model can "
                             "be compared (seeds, sizes and architectures may differ)")


def print_metrics(metrics):
    """One line per metric, then the text it was measured on."""
    for name in SHOWN:
        print(f"{name:22} {metrics[name]:,}" if isinstance(metrics[name], int) else f"{name:22} {metrics[name]:.4f}")
    print("{split} corpus: {files} files, {bytes:,} bytes, hash {sha}".format(**metrics["corpus"]))


def command(args):
    """The command line that repeats this run, on any machine: --device, which changes only rounding, is left to it."""
    options = {"model": args.model, "layer": args.layer, "arch": args.arch, "d_sae": args.d_sae,
               **{name: getattr(args, name) for name in SETTINGS}, "tokens": args.tokens, "batch": args.batch,
               "lr": args.lr, **{name: getattr(args, name) for name in CONFIG}, "seed": args.seed,
               "out": Path(args.out).as_posix()}
    given = [f"{_flag(name)} {shlex.quote(str(value))}" for name, value in options.items() if value is not None]
    return " ".join(["saekit train", *given, *["--float16"] * args.float16, *["--int8"] * args.int8])


def _sae_and_config(args):
    """(function of d_in that builds the SAE, TrainConfig) with the architecture's defaults; ValueError before anything
    is loaded."""
    if args.arch not in DEFAULTS:
        raise ValueError(f"unknown architecture {args.arch!r}; known ones are {', '.join(DEFAULTS)}")
    unknown = [name for name in _given(args, SETTINGS) if name not in DEFAULTS[args.arch]["settings"]]
    if unknown:
        raise ValueError(f"{_flag(unknown[0])} does not apply to --arch {args.arch}")
    settings, config = recipe(args.arch, args.tokens, args.batch or 4096, args.lr, _given(args, CONFIG),
                              **_given(args, SETTINGS))
    new_sae(args.arch, 1, args.d_sae, **settings)
    return (lambda d_in: new_sae(args.arch, d_in, args.d_sae, args.seed, **settings)), config


def _given(args, names):
    return {name: getattr(args, name) for name in names if getattr(args, name) is not None}


def _flag(name):
    return "--" + name.replace("_", "-")
