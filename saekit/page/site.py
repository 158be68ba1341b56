"""`saekit page`: the findings as a folder of static files that opens from the file system, without any network.

    index.html  style.css  data.js  list.js  latent.js  map.js  clusters.js  page.js    as they stand beside this module
    data/about.js  vocabulary.js  files.js  index.js  map.js  latents-0000.js …         16 latents each
A data file is one call, saekit.receive(name, value), because a page opened from a folder may load scripts, not fetch.
"""

import json
from html import escape
from pathlib import Path

import numpy as np

from saekit import files
from saekit.experiment import check_same_layer, run_settings
from saekit.interpret import ULTRA_LOW, similarity_order, token_strings
from saekit.page.findings import Findings, frequent_tokens
from saekit.page.map import decoder, fingerprint, map_record, map_row, read_map
from saekit.page.records import record, token_width
from saekit.progress import bar
from saekit.sae import load_sae
from saekit.strips import visible
from saekit.transformer import load_lm

PACK = 16    # latents per data file; data.js knows it too
SCRIPTS = ("data.js", "list.js", "latent.js", "page.js")
STATIC = ("index.html", "style.css", "map.js", "clusters.js", *SCRIPTS)


def write_site(run, out, against=None, tokens=2_000_000, model=None):
    """Write the feature page of the SAE in folder `run` to folder `out`; returns the path of its index.html.

    against: folder of an SAE of the same layer, for instance with another seed; ValueError for any other. tokens: how
    much of the training files to read; an eighth as much is read of validation files. model: instead of the one the run
    names.
    """
    sae, settings = load_sae(run), run_settings(run)
    other = None if against is None else load_sae(against)
    if other is not None:
        check_same_layer([run, against], model)
    lm = load_lm(model or settings["model"])
    drawn = read_map(run, sae)  # first, because a file that does not fit should be told before the long work
    findings = Findings(sae, lm, settings["layer"], tokens, other)
    about = about_page(findings, Path(run).resolve().name, against and Path(against).resolve().name)
    about["map"] = drawn is not None
    folder, named, rows, words = Path(out), {}, [], vocabulary(lm)
    for name in STATIC:
        files.write_atomic(folder / name, Path(__file__).with_name(name).read_bytes())
    position = similarity_order(decoder(sae))
    for first in bar(range(0, sae.d_sae, PACK), desc="writing", unit="file", leave=False):
        pack = make_records(findings, range(first, min(first + PACK, sae.d_sae)), named)
        rows += [list_row(findings, one, position) for one in pack]
        write_data(folder, f"latents-{first // PACK:04}", pack)
    if drawn:
        own = [map_row(findings.fit.survey, one, findings.concepts[one], top_rows(findings, one))
               for one in range(sae.d_sae)]
        write_data(folder, "map", map_record(drawn, fingerprint(decoder(sae)), own, lm, settings["layer"], run, words))
    write_data(folder, "about", about)
    write_data(folder, "vocabulary", words)
    write_data(folder, "files", list(named))
    write_data(folder, "index", rows)
    return folder / "index.html"


def about_page(findings, name, against):
    """What stands above the list, and what the script needs to know."""
    sae, lm = findings.sae, findings.lm
    return {"name": name, "id": f"{name} {fingerprint(decoder(sae))}", "model": lm.name, "layer": findings.layer,
            "arch": sae.arch, "tokens": len(findings.fit.survey.cells), "held_out": len(findings.held.survey.cells),
            "against": against, "ultra_low": ULTRA_LOW, "token_width": token_width(lm), "single": False, "map": False,
            "corpus": findings.fit.stream.manifest._asdict()}


def make_records(findings, latents, named):
    """The records of some latents."""
    return [record(findings, latent, logits, findings.explanations.get(latent), named)
            for latent, logits in zip(latents, findings.logits(latents))]


def list_row(findings, one, position):
    """What the list shows of a latent and finds it by."""
    explanation = one["explanation"] or {}
    return {"id": one["id"], "density": one["density"], "position": int(position[one["id"]]),
            "text": explanation.get("text"), "score": explanation.get("score"),
            "concepts": [row[0] for row in one["concepts"]],
            "fires": frequent_tokens(findings.fit.survey, top_rows(findings, one["id"])),
            "writes": [token for token, _ in one["logits"]["high"][:3]]}


def top_rows(findings, latent):
    """The rows of a latent's largest activations."""
    shown = findings.shown[latent]
    return shown.rows[shown.sections == 0] if shown else np.zeros(0, int)


def vocabulary(lm):
    """Every token's text with line breaks, control and direction characters made visible."""
    return [visible(text) for text in token_strings(lm.tokenizer, range(lm.d_vocab))]


def words_of(findings, one):
    """{token: text} of the tokens that one record shows."""
    shown, found = findings.shown[one["id"]], findings.fit.survey
    tokens = {token for pairs in (one["logits"]["low"], one["logits"]["high"]) for token, _ in pairs}
    if shown:
        tokens |= set(found.contexts.ravel()[shown.cells].tolist()) | {findings.lm.boundary}
        tokens |= set(findings.predictions.likeliest[findings.row_of[shown.cells]].ravel().tolist())
    return dict(zip(sorted(tokens), map(visible, token_strings(findings.lm.tokenizer, sorted(tokens)))))


def data_call(name, value):
    """The call that hands `value` to the page's script; holds no character that could end a script element or hide."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))  # ASCII only
    return f'saekit.receive("{name}",{text.replace("<", chr(92) + "u003c")});\n'


def write_data(folder, name, value):
    """Write one data file."""
    files.write_atomic(folder / "data" / f"{name}.js", data_call(name, value).encode())


def single_page(findings, latent, name="this SAE", against=None):
    """One latent's page as one HTML text that needs no other file."""
    named, read = {}, lambda name: Path(__file__).with_name(name).read_text("utf-8")
    one = make_records(findings, [latent], named)[0]
    about = {**about_page(findings, name, against), "single": True}
    row = list_row(findings, one, np.zeros(findings.sae.d_sae, int))
    data = [("about", about), ("vocabulary", words_of(findings, one)), ("files", list(named)),
            (f"latents-{latent // PACK:04}", [one]), ("index", [row])]
    script = "".join(map(read, SCRIPTS)) + "".join(data_call(*item) for item in data)
    html = read("index.html")
    body = html[html.index("<body>"):html.index("<script src=")]
    policy = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'"
    return (f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(name)}</title>'
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
            f"<style>{read('style.css')}</style></head>{body}<script>{script}</script></body></html>")
