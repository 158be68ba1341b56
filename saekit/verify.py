"""`saekit models --verify`: measure every shipped model again on this machine and compare with its card.

    |here - card| <= tolerance
Where the held-out files are the card's own, to the hash, only arithmetic can differ and the tolerance is small. Another
Python has other files of its standard library; then the card's wider tolerance for other text applies.
"""

import json
from functools import lru_cache
from typing import NamedTuple

from saekit import catalog, corpus, files, progress
from saekit.intervene import evaluate_sae
from saekit.pretrain import evaluate
from saekit.sae import load_sae
from saekit.transformer import load_lm


class Check(NamedTuple):
    """One value of one card against this machine's; weights are compared by hash and have no tolerance."""

    name: str
    metric: str
    card: object
    here: object
    tolerance: float | None
    text: str            # "same text" or "other text"
    stated: bool         # False where the card states no tolerance and the default applies

    @property
    def ok(self):
        return self.card == self.here if self.tolerance is None else abs(self.here - self.card) <= self.tolerance


def verify(names=(), as_json=False):
    """Check the models in data/, or those named, print every comparison, and return 1 if any is outside, else 0."""
    chosen, load, checks = catalog.entries(names), lru_cache(2)(load_lm), []
    with progress.bar(chosen, desc="verify", unit="model", leave=False) as bar:
        for entry in bar:
            bar.set_postfix_str(entry.name)
            found = check(entry, load) if entry.shipped else []
            checks += found
            if not as_json:
                bar.write(describe(entry, found))
    outside = [f"{one.name} {one.metric}" for one in checks if not one.ok]
    if as_json:
        print(json.dumps([{**one._asdict(), "ok": one.ok} for one in checks], indent=1))
    else:
        print(f"{len(checks) - len(outside)} of {len(checks)} values within their tolerance"
              + ("; outside: " + ", ".join(outside) if outside else ""))
    return 1 if outside else 0


def check(entry, load=load_lm):
    """The Checks of one shipped model; load: how to load a language model by name."""
    return _check_lm(entry, load) if entry.kind == "language model" else _check_sae(entry, load)


def _check_lm(entry, load):
    lm = load(str(entry.folder))
    stream = corpus.load_corpus("validation", lm.tokenizer, lm.boundary)
    card = {"ce_nats_per_token": entry.values["ce_nats_per_token.transformer"]}
    here = {"ce_nats_per_token": evaluate(lm, stream)[0]}
    return _compare(entry, card, here, stream.manifest.sha == entry.values["validation.sha"])


def _check_sae(entry, load):
    model = entry.values["run.model"]
    metrics = evaluate_sae(load_sae(entry.folder), load(model), entry.values["run.layer"])
    card = {name: entry.values[f"metrics.{name}"] for name in catalog.SAE_METRICS}
    checks = _compare(entry, card, metrics, metrics["corpus"]["sha"] == entry.values["metrics.corpus.sha"])
    path = files.data_folder() / model / "card.json"
    if path.is_file():  # trained on the weights that are shipped now, and not on earlier ones?
        made_on = entry.values["run.weight_hash"]
        sha = catalog.look_up(files.read_json(path), "weight_hash", str, path)
        checks.append(Check(entry.name, f"weights of {model}", made_on, sha, None, "card", True))
    return checks


def _compare(entry, card, here, same):
    """A Check per metric of `card` under the tolerance for this text, the default's where the card states none."""
    text, path, stated = "same_text" if same else "other_text", entry.folder / "card.json", "tolerance" in entry.card
    tolerances = entry.card if stated else {"tolerance": catalog.tolerance(card)}
    return [Check(entry.name, name, value, here[name],
                  catalog.look_up(tolerances, f"tolerance.{text}.{name}", catalog.NUMBER, path),
                  text.replace("_", " "), stated) for name, value in card.items()]


def describe(entry, checks):
    """The comparisons of one model as a small table."""
    if not entry.shipped:
        return f"{entry.name}: card only, nothing to measure\n"
    columns = {entry.name: lambda row: row.metric, "card": lambda row: _text(row.card),
               "here": lambda row: _text(row.here),
               "difference": lambda row: "" if row.tolerance is None else f"{row.here - row.card:+.4f}",
               "tolerance": lambda row: "same" if row.tolerance is None else f"{row.tolerance:g}",
               "": lambda row: "ok" if row.ok else "OUTSIDE"}
    default = "" if checks[0].stated else "; the card states no tolerance, so the default applies"
    text = "on the card's own text" if checks[0].text == "same text" else "on other text than the card's"
    return f"{catalog.table(checks, columns)}\n({text}{default})\n"


def _text(value):
    return value if isinstance(value, str) else f"{value:.4f}"
