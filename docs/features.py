"""The README's picture: three latents of the shipped SAE and a neuron, chosen by density alone.

    python docs/features.py            writes docs/features.png; needs the extra [browser] and Chromium or Chrome
A latent nearest to each of DENSITIES, and the neuron of median density; each with its strongest places in held-out files.
"""

import tempfile
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright

from saekit import activations, corpus, interpret, sae, strips, transformer
from saekit.doctor import find_chromium
from saekit.plots import LATENT, NEURON

SAE, CONTEXTS, DENSITIES, PLACES = "python-1l-topk-4096", 240, (0.001, 0.0033, 0.01), 6


def main():
    lm = transformer.load_lm("python-1l")
    stream = corpus.load_corpus("validation", lm.tokenizer, lm.boundary)
    every = corpus.contexts(stream, lm.n_ctx, lm.boundary)
    which = np.linspace(0, len(every) - 1, CONTEXTS).astype(int)
    x = activations.harvest(lm, every[which])
    latents = interpret.sparse_latents(sae.load_sae(transformer.data_folder() / "saes" / SAE), x)

    def strip(kind, unit, values, color):
        rows = np.argsort(-values, kind="stable")[:PLACES]
        shown = interpret.examples(rows, values, every[which], stream, lm.tokenizer, before=8, after=4, which=which)
        return strips.TokenStrips(shown, f"{kind} {unit}, active on {(values > 0).mean():.2%} of tokens", color).html

    density = np.diff(latents.indptr) / len(x)
    blocks = []
    for wanted in DENSITIES:
        unit = int(abs(density - wanted).argmin())
        blocks.append(strip("Latent", unit, latents[:, [unit]].toarray()[:, 0], LATENT))
    order = np.argsort((x > 0).float().mean(0).numpy())
    unit = int(order[len(order) // 2])
    blocks.append(strip("Neuron", unit, x[:, unit].numpy(), NEURON))
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        page = Path(folder, "features.html")
        page.write_text("<meta charset=utf-8><body style='margin:12px;background:#fff'>" + "".join(blocks), "utf-8")
        browser = driver.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox", "--disable-gpu"])
        sheet = browser.new_page(viewport={"width": 900, "height": 200}, device_scale_factor=2)
        sheet.goto(f"file://{page}")
        sheet.screenshot(path=Path(__file__).with_name("features.png"), full_page=True)
        browser.close()


if __name__ == "__main__":
    main()
