"""The feature page: every panel filled, its numbers those of the raw activations, its files harmless and few."""

import json
import re
from functools import cache

import numpy as np
import pytest
import torch

from saekit import files
from saekit.cli import main
from saekit.concepts import CONCEPTS
from saekit.page import records, show_feature
from saekit.page.findings import Findings
from saekit.page.site import STATIC, data_call, list_row, make_records, vocabulary
from saekit.sae import load_sae, save_sae
from saekit.strips import visible
from tests import tiny_lm
from tests.test_readout import an_sae
from tests.test_transformer import by_hand
from tests.tiny_lm import tiny  # noqa: F401

PANELS = ("label density histogram low high top intervals explanation "
          "aligned correlated against nearest concepts").split()


def gather(sae, other, tokens=6000):
    """(findings, records of all latents, names of files) with the tiny text."""
    findings, names = Findings(sae, tiny_lm.lm(), 0, tokens, other), {}
    return findings, make_records(findings, range(sae.d_sae), names), list(names)


@pytest.fixture
def found(tiny):  # noqa: F811
    """Findings of a tiny SAE, gathered once per process."""
    return _found()


@cache
def _found():
    sae = an_sae()
    sae.b_enc += 0.8
    sae.b_enc[4] = -1e6   # one that is dead
    return gather(sae, an_sae(seed=9))


def panels(one, row):
    """What each of the 13 panels holds; the human label's is the placeholder that the reader replaces."""
    ex = one["examples"]
    held = (row["id"] + 1, one["density"], sum(one["histogram"]), one["logits"]["low"], one["logits"]["high"],
            ex["sections"][0], sum(ex["sections"][1:]), (one["explanation"] or {}).get("text"))
    return dict(zip(PANELS, (*held, *(one[name] for name in PANELS[8:]))))


def unpack(text, width):
    """Numbers from their digits, written again."""
    return [sum(records.DIGITS.index(d) * 64**i for i, d in enumerate(reversed(text[a:a + width])))
            for a in range(0, len(text), width)]


def unpack_sparse(text):
    """Shares from 0 to 1, None for a "."."""
    return [None if piece == "." else unpack(piece, 2)[0] / 4095 for piece in re.findall(r"\.|[^.]{2}", text)]


def check_latents(found, chosen):
    """All panels of some latents are filled, and density, correlation and concept scores those of raw activations."""
    findings, pages, _ = found
    raw, x = findings.fit.survey.latents.toarray(), harvest_of(findings.fit.survey)
    unseen = findings.held.survey.latents.toarray()[:len(findings.held.labels)]
    for latent in chosen:
        one = pages[latent]
        filled = panels(one, list_row(findings, one, np.arange(len(pages))))
        assert len(filled) == 13 and all(filled.values()), (latent, filled)
        z = raw[:, latent]
        assert one["density"] == pytest.approx((z != 0).mean(), rel=1e-3)
        assert one["count"] == sum(one["histogram"]) == (z != 0).sum()
        neuron, pearson, cosine = one["correlated"][0]
        assert pearson == pytest.approx(np.corrcoef(z, x[:, neuron])[0, 1], abs=2e-3)
        assert cosine == pytest.approx(z @ x[:, neuron] / np.linalg.norm(z) / np.linalg.norm(x[:, neuron]), abs=2e-3)
        name, threshold, *_, f1 = one["concepts"][0]
        has, fires = findings.held.labels[:, list(CONCEPTS).index(name)], unseen[:, latent] > max(0.999 * threshold, 0)
        assert f1 == pytest.approx(2 * (has & fires).sum() / max((has.sum() + fires.sum()), 1), abs=2e-2)


def harvest_of(survey):
    """Neurons of every row by the forward pass written out."""
    return by_hand(tiny_lm.lm(), survey.contexts)[0][survey.contexts != 0]


def test_all_thirteen_panels_are_filled_and_their_numbers_are_those_of_raw_activations(found):
    findings, pages, _ = found
    live = [one["id"] for one in pages if one["count"] > 20 and one["explanation"]]
    assert len(live) >= 20
    check_latents(found, np.random.default_rng(0).choice(live, 20, replace=False))


def test_the_examples_unpack_to_the_text_the_activations_and_the_effects(found):
    findings, pages, names = found
    one = max(pages, key=lambda page: page["count"])
    ex, survey, at = one["examples"], findings.fit.survey, 0
    tokens, on = unpack(ex["tokens"], 2), unpack_sparse(ex["activations"])
    effects = [share and (2 * share - 1) * ex["largest"] for share in unpack_sparse(ex["effects"])]
    raw = survey.latents[:, one["id"]].toarray().ravel()
    shown = findings.shown[one["id"]]
    for row, length, bold, file in zip(shown.rows, ex["lengths"], ex["at"], ex["files"]):
        context, position = divmod(int(survey.cells[row]), 16)
        start = position - bold
        assert tokens[at:at + length] == survey.contexts[context, start:start + length].tolist()
        assert on[at + bold] * one["peak"] == pytest.approx(raw[row], rel=2e-3, abs=1e-3)
        known = dict(zip(*findings.effects[one["id"]]))[row]
        assert np.isnan(known) == (effects[at + bold] is None)
        assert np.isnan(known) or effects[at + bold] == pytest.approx(known, abs=ex["largest"] / 1000)
        place = np.searchsorted(findings.fit.stream.starts, context * 15 + position, side="right") - 1
        assert names[file] == findings.fit.stream.names[place]
        at += length
    assert at == len(tokens) == len(on)
    assert ex["again"] == [i for i, row in enumerate(shown.rows) if row in shown.rows[:i]]


def test_a_dead_latent_has_a_page_without_examples(found):
    findings, pages, _ = found
    dead = pages[4]
    assert dead["density"] == 0 and dead["examples"] is None and dead["explanation"] is None and dead["nearest"]
    assert list_row(findings, dead, np.arange(40))["fires"] == []


def test_an_excerpt_never_exceeds_32_tokens_and_has_four_around_its_token(found):
    for one in found[1]:
        for length, at in zip(*((one["examples"] or {}).get(name, []) for name in ("lengths", "at"))):
            assert length <= 32 and at <= 8 and length - 1 - at <= 4


def test_data_files_hold_nothing_that_could_act_and_hidden_characters_are_shown():
    hostile = ["</script><script>alert(1)</script>", "<img src=x onerror=alert(1)>", "\u202etxt", "\x00\x1b", "\u2028"]
    call = data_call("vocabulary", [visible(text) for text in hostile])
    assert "<" not in call and call.isascii() and "\\u202e" not in call and "\\u0000" not in call
    assert json.loads(call[call.index(",") + 1:call.rindex(")")])[2] == "\\x202etxt"


def test_packing_keeps_numbers():
    numbers = np.array([0, 1, 63, 64, 4095])
    for width in (2, 3):
        assert unpack(records.pack(numbers, width), width) == numbers.tolist()
    shares = unpack_sparse(records.pack_sparse(np.array([0.0, 0.5, 1.0]), np.array([True, False, True])))
    assert shares == [0, None, 1]
    with pytest.raises(ValueError, match="2 digits hold 0 to 4095"):
        records.pack(np.array([4096]), 2)


def test_the_command_writes_a_site_that_names_no_address(tiny, capsys):  # noqa: F811
    for name, seed in (("one", 3), ("two", 9)):
        save_sae(an_sae(seed), tiny / name / "sae.safetensors")
        (tiny / name / "run.json").write_text('{"model": "tiny", "layer": 0}')
    arguments = [str(tiny / "one"), "--against", str(tiny / "two"), "--out", str(tiny / "out"), "--tokens", "900"]
    assert main(["page", *arguments]) == 0 and "index.html" in capsys.readouterr().out
    out = tiny / "out"
    written = {path.relative_to(out).as_posix(): path.read_text("utf-8") for path in out.rglob("*.*")}
    assert {"index.html", "style.css", "page.js", "data/index.js", "data/latents-0002.js"} <= written.keys()
    for name in STATIC:
        assert set(re.findall(r"https?://[^\"' )]+", written[name])) <= {"http://www.w3.org/2000/svg"}
        assert not re.search(r"innerHTML|AdjacentHTML|document\.write|eval\(|fetch\(|HttpRequest", written[name])
    assert '"against":"two"' in written["data/about.js"] and written["data/index.js"].count('"id"') == 40


@pytest.mark.parametrize("model, layer", [("tiny", 1), ("small", 0), ("tiny:untrained", 0)])
def test_an_sae_of_another_layer_or_model_is_no_comparison(tiny, capsys, monkeypatch, model, layer):  # noqa: F811
    for name, made in (("one", {"model": "tiny", "layer": 0}), ("two", {"model": model, "layer": layer})):
        save_sae(an_sae(), tiny / name / "sae.safetensors")
        files.write_json(tiny / name / "run.json", made)
    monkeypatch.setattr("saekit.page.site.load_lm", None)  # told before that
    argv = ["page", str(tiny / "one"), "--against", str(tiny / "two"), "--out", str(tiny / "out")]
    assert main(argv) == 2 and not (tiny / "out").exists()
    errors = capsys.readouterr().err
    assert f"two reads layer {layer} of {model}, but" in errors and "one layer 0 of tiny;" in errors
    assert errors.count("\n") == 1


def test_a_missing_run_is_one_line_and_exit_code_2(tiny, capsys):  # noqa: F811
    assert main(["page", str(tiny / "nowhere"), "--out", str(tiny / "out")]) == 2
    assert "no SAE at" in capsys.readouterr().err and not (tiny / "out").exists()


def test_a_notebook_shows_one_latent_without_any_network(tiny):  # noqa: F811
    view = show_feature(an_sae(), 7, tiny_lm.lm(), tokens=900)
    bundle = view._repr_mimebundle_()
    assert bundle["text/html"].startswith("<iframe") and "srcdoc=" in bundle["text/html"]
    assert "default-src &#x27;none&#x27;" in bundle["text/html"] and "latent 7: fires on" in repr(view)
    assert view.html.count("</script>") == 1  # of the one script that it holds
    with pytest.raises(ValueError, match="i is 40; this SAE has latents 0 to 39"):
        show_feature(an_sae(), 40)


@pytest.mark.slow
def test_the_shipped_sae_fills_all_panels_of_twenty_random_latents():
    from saekit.files import data_folder
    from saekit.transformer import load_lm, mlp_post

    runs = [data_folder() / "saes" / f"python-1l-{name}" for name in ("topk-4096", "topk-2048-seed1")]
    sae, other, lm = *map(load_sae, runs), load_lm("python-1l")
    findings, names = Findings(sae, lm, 0, 60_000, other), {}
    survey = findings.fit.survey
    live = np.flatnonzero(survey.counts > 100)
    chosen = np.random.default_rng(0).choice([i for i in live if i in findings.explanations], 20, replace=False)
    for one in (make_records(findings, [latent], names)[0] for latent in chosen.tolist()):
        assert all(panels(one, list_row(findings, one, np.arange(sae.d_sae))).values()), one["id"]
        row = int(findings.shown[one["id"]].rows[0])
        context, position = divmod(int(survey.cells[row]), lm.n_ctx)
        x = mlp_post(lm, torch.from_numpy(survey.contexts[context:context + 1].astype(np.int64)))[0, position]
        assert float(sae.encode(x[None]).detach()[0, one["id"]]) == pytest.approx(one["peak"], rel=1e-3)
        z = survey.latents[:, one["id"]].toarray().ravel()
        assert one["density"] == pytest.approx((z > 0).mean(), rel=1e-3) and one["count"] == sum(one["histogram"])


def test_the_vocabulary_is_every_token_made_visible():
    words = vocabulary(tiny_lm.lm())
    assert len(words) == tiny_lm.D_VOCAB and all(char.isprintable() for word in words for char in word)
