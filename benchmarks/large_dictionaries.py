"""What lesson 9 tells of a dictionary that is too large to ship: its points of the curves over sizes, in a small file.

    python benchmarks/large_dictionaries.py runs/python-1l-topk-16384 [more folders] [--out data]
writes data/splitting-16384.safetensors for each folder with a trained SAE of python-1l. The tokens, the halves and the
measures are those of the lesson: 120 contexts of validation files; per concept the F1 on held files of the latent that
is best on train files, among all latents and among ten draws of as many as the smallest dictionary has; the share of
latents that are each other's best by firing, with a correlation of at least 0.7, in the three of 2,048 latents; each
latent's parent among those of the shipped 4,096, by the rule of splitting-concepts.json and by firing. The dictionary's
feature map is made by `saekit map`, and `saekit models --add … --card-only` takes it along.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from saekit import (activations, concepts, corpus, explain, files, interpret, metrics, sae, splitting, transformer,
                    universality)

MODEL, PREFIX = "python-1l", "python-1l-topk-"
CONTEXTS, SMALLEST, DRAWS, LEVEL = 120, 512, 10, 0.7
OTHERS, PARENTS = ("2048", "2048-seed1", "2048-seed2"), "4096"
ALIKE = 0.3     # correlation of activations with a parent by firing, at least


class Text:
    """The lesson's held-out tokens, their neurons and concepts, and which of them are for choosing."""

    def __init__(self, lm):
        self.stream = corpus.load_corpus("validation", lm.tokenizer, lm.boundary)
        every = corpus.contexts(self.stream, lm.n_ctx, lm.boundary)
        which = np.linspace(0, len(every) - 1, CONTEXTS).astype(int)
        contexts = every[which]
        self.labels = concepts.label_stream(self.stream, lm.tokenizer, lm.n_ctx, which)[contexts != lm.boundary]
        rows = explain.file_of_rows(self.stream, contexts, lm.boundary, which)
        self.train = explain.train_half(self.stream, rows)
        self.x = activations.harvest(lm, contexts)

    def latents(self, folder):
        """(SAE, its latents as CSC) of a folder."""
        model = sae.load_sae(folder).requires_grad_(False)
        return model, interpret.sparse_latents(model, self.x)

    def explained(self, model):
        """Explained variance under an SAE."""
        return float(metrics.explained_variance(self.x, torch.cat([model(part) for part in self.x.split(4096)])))


def best_f1(f1, among):
    """F1 on held of each concept's best latent on train, (n_concepts,); f1 = (train, held) of (d_sae, n_concepts)."""
    best = f1[0][among].argmax(0)
    return f1[1][among[best], np.arange(f1[1].shape[1])]


def parents(small, large, rule):
    """{how: each latent's parent in the smaller dictionary}; both are (SAE, latents)."""
    share = splitting.fires_together(small[1], large[1])
    alike = {"parent_by_rule": (universality.cosines(small[0].W_dec.numpy(), large[0].W_dec.numpy()), rule["cosine"]),
             "parent_by_firing": (universality.activation_correlations(small[1], large[1]), ALIKE)}
    return {how: splitting.parents_of(values, share, least, rule["together"]).astype(np.int16)
            for how, (values, least) in alike.items()}


def measure(text, latents, others):
    """The arrays of one dictionary that tell of sizes and of what recurs."""
    f1 = [splitting.firing_f1(latents[rows], text.labels[rows]) for rows in (text.train, ~text.train)]
    d_sae, rng = latents.shape[1], np.random.default_rng(0)
    recur = []
    for other in others:
        alike = universality.activation_correlations(latents, other)
        i, j = universality.mutual_pairs(alike).T
        recur.append(np.count_nonzero(alike[i, j] >= LEVEL) / min(d_sae, other.shape[1]))
    return {"f1_all": best_f1(f1, np.arange(d_sae)), "recur": np.array(recur),
            "f1_drawn": np.array([best_f1(f1, rng.permutation(d_sae)[:SMALLEST]) for _ in range(DRAWS)])}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+", help=f"folders named {PREFIX}… with a trained SAE")
    parser.add_argument("--out", type=Path, default=Path("data"))
    args = parser.parse_args()
    lm = transformer.load_lm(MODEL)
    text, shelf = Text(lm), files.data_folder() / "saes"
    small, *others = (text.latents(shelf / f"{PREFIX}{name}") for name in (PARENTS, *OTHERS))
    others = [latents for _, latents in others]
    rule = files.read_json(files.data_folder() / "splitting-concepts.json")["rule"]
    for folder in args.folders:
        model, latents = text.latents(folder)
        ev = text.explained(model)
        arrays = {"explained_variance": np.array([ev]), **measure(text, latents, others),
                  **parents(small, (model, latents), rule)}
        name = folder.name.removeprefix(PREFIX)
        record = {"command": f"python benchmarks/large_dictionaries.py {folder.name}", "d_sae": latents.shape[1],
                  "weight_hash": transformer.weight_hash(lm.model), "corpus": text.stream.manifest._asdict(),
                  "tokens": len(text.x), "concepts": list(concepts.CONCEPTS), "recur_in": list(OTHERS),
                  "parents_in": files.read_json(shelf / f"{PREFIX}{PARENTS}" / "card.json")["command"]}
        files.save_arrays(args.out / f"splitting-{name}.safetensors", arrays, record)
        print(f"splitting-{name}: explained variance {ev:.3f}, recur {arrays['recur'].round(3)}", flush=True)


if __name__ == "__main__":
    main()
