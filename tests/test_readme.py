"""The README's figures are those of the cards."""

import re
from pathlib import Path

import pytest

from saekit import catalog

README = (Path(__file__).resolve().parents[1] / "README.md").read_text("utf-8")


def language_model(card):
    nats = card["ce_nats_per_token"]
    best = min(value for name, value in nats.items() if name != "transformer")
    return (f"{card['tokens_seen'] / 1e6:.0f} million", f"**{nats['transformer']:.3f}**", f"{best:.3f}",
            f"{card['bits_per_byte']['transformer']:.3f}")


def sae(card):
    metrics, silent = card["metrics"], card["silent_in_last_training_tokens"]["1000000"]
    return (f"{card['run']['config']['tokens'] / 1e6:.0f} million", f"{metrics['l0']:.1f}", f"{metrics['explained_variance']:.3f}", f"{metrics['ce_increase']:.3f}",
            f"{metrics['ce_increase_share']:.1%}".replace("%", " %"), f"{metrics['ce_recovered_vs_zero']:.3f}",
            *(f"{share:.1%}".replace("%", " %") for share in (metrics["dead_fraction"], silent)))


@pytest.mark.parametrize("entry", catalog.entries(), ids=lambda entry: entry.name)
def test_the_figures_of_every_shipped_model_are_those_of_its_card(entry):
    row = re.search(rf"^\| `{re.escape(entry.name)}`(?:\\\*)? \|(.*)\|$", README, re.MULTILINE)
    assert row, f"the README has no row for {entry.name}"
    cells = [cell.strip() for cell in row[1].split("|")]
    wanted = (language_model if entry.kind == "language model" else sae)(entry.card)
    assert tuple(cells[-len(wanted):]) == wanted
