"""`saekit models`: the language models and SAEs that ship in data/, as their cards describe them.

A card (card.json) lies beside the weights and is written by the command that made them: that command, all settings,
what was measured, the hash of the text it was measured on, and how far another machine may be from it. A folder whose
card says `"weights": "not shipped"` is a card only: listed, never verified.
"""

import json
import math
import os
import tempfile
from pathlib import Path
from typing import NamedTuple

from saekit import files

LIMIT = 45_000_000  # bytes that data/ may hold in all
NUMBER, WHOLE, TEXT = (int, float), int, str
SAE_METRICS = ("l0", "explained_variance", "ce_clean", "ce_increase", "dead_fraction")
NEEDED = {  # what a card must hold, by the kind of folder
    "language model": {"command": TEXT, "tokens_seen": WHOLE, "ce_nats_per_token": dict, "validation.sha": TEXT,
                       "ce_nats_per_token.transformer": NUMBER, "weight_hash": TEXT},
    "SAE": {"command": TEXT, "run.model": TEXT, "run.layer": WHOLE, "run.arch": TEXT, "run.d_sae": WHOLE,
            "run.config.tokens": WHOLE, "run.weight_hash": TEXT, "metrics.corpus.sha": TEXT,
            **{f"metrics.{name}": NUMBER for name in SAE_METRICS}},
}


# metric -> (smallest tolerance, tolerance as a share of the value), on the card's own text and on other text. The pair
# for other text is a little more than the spread over held-out files of Python 3.11, 3.12 and 3.13 (66 contexts each).
MARGINS = {
    "ce_nats_per_token": {"same_text": (0.002, 0.0), "other_text": (0.0, 0.05)},
    "l0": {"same_text": (0.0, 0.005), "other_text": (0.0, 0.05)},
    "explained_variance": {"same_text": (0.002, 0.0), "other_text": (0.01, 0.0)},
    "ce_clean": {"same_text": (0.002, 0.0), "other_text": (0.0, 0.05)},
    "ce_increase": {"same_text": (0.001, 0.01), "other_text": (0.005, 0.25)},
    "dead_fraction": {"same_text": (0.001, 0.01), "other_text": (0.005, 0.25)},
}


class Entry(NamedTuple):
    """One model of data/: its folder, its card and that card's needed values by their dotted names."""

    name: str
    kind: str       # "language model" or "SAE"
    folder: Path
    card: dict
    values: dict
    bytes: int      # of all files in the folder
    shipped: bool   # False for a card only


def entries(names=()):
    """The models in data/, or those of them that are named: language models first, each kind by name.

    ValueError for an unknown name, and naming the file if a card or the weights are missing, or a card is damaged.
    """
    data = files.data_folder()
    models = {path.parent for name in ("config.json", "card.json") for path in data.glob(f"*/{name}")}
    folders = {path.name: (path, "language model") for path in sorted(models)}
    folders |= {path.name: (path, "SAE") for path in sorted(data.glob("saes/*")) if path.is_dir()}
    unknown = [name for name in names if name not in folders]
    if unknown:
        raise ValueError(f"no model {unknown[0]!r} in {data}; there are {', '.join(folders) or 'none'}")
    return [_entry(*folders[name]) for name in folders if not names or name in names]


def _entry(folder, kind):
    path = folder / "card.json"
    if not path.is_file():
        raise ValueError(f"{path} is missing: {folder.name} has no card; was its training finished?")
    card = files.read_json(path)
    values = {key: look_up(card, key, kinds, path) for key, kinds in NEEDED[kind].items()}
    shipped = card.get("weights") != "not shipped"
    weights = folder / ("sae.safetensors" if kind == "SAE" else "model.safetensors")
    if shipped and not weights.is_file():
        raise ValueError(f"{weights} is missing, but {path} does not say that it is not shipped; is the copy complete?")
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return Entry(folder.name, kind, folder, card, values, size, shipped)


def look_up(card, key, kinds, path):
    """The value at a dotted key of a card. ValueError naming the file if it is absent, of another kind or NaN."""
    value = card
    for part in key.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if not isinstance(value, kinds) or isinstance(value, bool) or (kinds is NUMBER and not math.isfinite(value)):
        raise ValueError(f"{path} has no usable {key} (found {str(value)[:40]}); was it cut off or edited by hand?")
    return value


def tolerance(measured):
    """What a card states under "tolerance": how far each of its metrics may be from those of another machine.

    measured: metric -> value. Returns {"same_text": {metric: tolerance}, "other_text": ...} in the metrics' own units,
    to two digits.
    """
    return {text: {name: float(f"{max(MARGINS[name][text][0], MARGINS[name][text][1] * abs(value)):.2g}")
                   for name, value in measured.items()} for text in ("same_text", "other_text")}


def facts(entry):
    """What a table shows of a model, as a JSON-able dict."""
    values, shared = entry.values, {"name": entry.name, "kind": entry.kind, "bytes": entry.bytes,
                                    "weights": "shipped" if entry.shipped else "card only"}
    if entry.kind == "language model":
        path = entry.folder / "config.json"
        config = files.read_json(path)
        gpt2 = look_up(config, "model_type", TEXT, path) == "gpt2"  # which has names of its own
        activation = look_up(config, "activation_function" if gpt2 else "hidden_act", TEXT, path)
        nats = {name: look_up(values["ce_nats_per_token"], name, NUMBER, entry.folder / "card.json")
                for name in values["ce_nats_per_token"]}
        return {**shared, "architecture": f"{config['model_type']}, {activation}",
                "layers": look_up(config, "n_layer" if gpt2 else "num_hidden_layers", WHOLE, path),
                "ce_nats_per_token": nats.pop("transformer"), "best_ngram": min(nats.values(), default=None),
                "tokens": values["tokens_seen"], "command": values["command"]}
    metrics = {name: values[f"metrics.{name}"] for name in SAE_METRICS}
    return {**shared, "model": values["run.model"], "layer": values["run.layer"], "architecture": values["run.arch"],
            "d_sae": values["run.d_sae"], **metrics, "tokens": values["run.config.tokens"],
            "storage": entry.card.get("storage"), "command": values["command"]}


WORDS = ("architecture", "of", "")
COLUMNS = {  # heading -> text of one cell
    "language model": {
        "language model": lambda row: row["name"], "architecture": lambda row: row["architecture"],
        "blocks": lambda row: str(row["layers"]), "nats/token": lambda row: f"{row['ce_nats_per_token']:.3f}",
        "best n-gram": lambda row: "" if row["best_ngram"] is None else f"{row['best_ngram']:.3f}",
        "tokens": lambda row: f"{row['tokens'] / 1e6:,.1f} M", "MB": lambda row: f"{row['bytes'] / 1e6:.2f}"},
    "SAE": {
        "SAE": lambda row: row["name"], "of": lambda row: f"{row['model']}, layer {row['layer']}",
        "architecture": lambda row: row["architecture"], "latents": lambda row: f"{row['d_sae']:,}",
        "l0": lambda row: f"{row['l0']:.1f}", "explained": lambda row: f"{row['explained_variance']:.3f}",
        "ce_increase": lambda row: f"{row['ce_increase']:.4f}", "dead": lambda row: f"{row['dead_fraction']:.2%}",
        "tokens": lambda row: f"{row['tokens'] / 1e6:,.1f} M",
        "MB": lambda row: f"{row['bytes'] / 1e6:.2f}" if row["weights"] == "shipped" else "card only"},
}


def table(rows, columns):
    """Rows as aligned lines under a heading, the first column and those of words to the left; columns: heading ->
    function of a row that returns its text."""
    cells = [list(columns), *([cell(row) for cell in columns.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells)]
    left = [i == 0 or heading in WORDS for i, heading in enumerate(columns)]
    return "\n".join("  ".join(text.ljust(width) if to_left else text.rjust(width)
                               for text, width, to_left in zip(line, widths, left)).rstrip() for line in cells)


def show(names=(), commands=False, as_json=False):
    """Print what is shipped: a table per kind, or with `commands` what made each, or everything as JSON."""
    rows = [facts(entry) for entry in entries(names)]
    if as_json:
        print(json.dumps(rows, indent=1))
    elif commands:
        print("\n".join(f"# {row['name']}\n{row['command']}" for row in rows))
    else:
        kinds = [(columns, [row for row in rows if row["kind"] == kind]) for kind, columns in COLUMNS.items()]
        print("\n\n".join(table(chosen, columns) for columns, chosen in kinds if chosen))
        print(f"\ndata/ holds {data_bytes() / 1e6:.1f} of at most {LIMIT / 1e6:.0f} MB")


def data_bytes():
    """Bytes of all files in data/."""
    return sum(file.stat().st_size for file in files.data_folder().rglob("*") if file.is_file())


def add(run, card_only=False):
    """Copy the finished SAE in folder `run`, without its log, into data/saes under its name; returns the new folder,
    which appears whole or not at all.

    card_only: leave the weights out and say so on the card. ValueError if the run has no whole card, if data/ has a
    model of that name, or if data/ would grow beyond its limit.
    """
    run, data = Path(run).resolve(), files.data_folder()
    saes = data / "saes"
    entry = _entry(run, "SAE")
    kept = [path for path in sorted(run.glob("*.*")) if path.suffix in (".json", ".safetensors")
            and path.name not in ("checkpoint.safetensors", "log.json", *["sae.safetensors"] * card_only)]
    size = sum(path.stat().st_size for path in kept)
    if (data / run.name).exists():
        raise ValueError(f"{data / run.name} exists, and an SAE of that name would hide it; rename {run}")
    if (saes / run.name).exists():
        raise ValueError(f"{saes / run.name} exists already; rename {run}, or take the old one away first")
    if data_bytes() + size > LIMIT:
        raise ValueError(f"{run} takes {size / 1e6:.1f} MB and data/ already holds {data_bytes() / 1e6:.1f} of at most "
                         f"{LIMIT / 1e6:.0f} MB; store it with --int8, or add it with --card-only")
    saes.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=data, prefix=".adding-") as hidden:
        whole = Path(hidden) / run.name  # a folder deeper than the catalogue looks, also if a kill leaves it behind
        for path in kept:
            files.write_atomic(whole / path.name, path.read_bytes())
        if card_only:
            files.write_json(whole / "card.json", {**entry.card, "weights": "not shipped"})
        os.rename(whole, saes / run.name)
    return saes / run.name
