"""The feature map of one SAE or several together: made once, kept beside the SAE, handed to the site as data/map.js.

`saekit map RUN [RUN2 …]` writes RUN/map.safetensors, which `saekit page RUN` then shows; without such a file the page
makes one itself for a dictionary small enough to take about a minute.
"""

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from saekit import files
from saekit.concepts import CONCEPTS
from saekit.experiment import check_same_layer
from saekit.feature_map import (PERPLEXITY, agreement, chance_agreement, cluster_traits, clusters, layout,
                                reduce_by_umap, shuffled_control, stack, structure, tighter_than_control, tightness)
from saekit.geometry import unit_norm
from saekit.interpret import N_TOP, concept_scores
from saekit.page.findings import frequent_tokens, labelled, read_text
from saekit.page.records import pack, short
from saekit.progress import bar
from saekit.sae import load_sae

MAP_FILE = "map.safetensors"
SMALL, LARGE = 10, 5000     # latents: fewer have no map; more are mapped only by `saekit map`
READ = 200_000              # tokens of training files that label the latents of the map's other dictionaries
COMMON = 0.1                # F1 on unseen files from which a concept counts as a latent's
WIDTH = 3                   # digits of a coordinate: 64^3 levels from -1 to 1


class Map(NamedTuple):
    """Points and clusters of all dictionaries' latents, one after the other, and of the shuffled control.

    xy, control_xy (n, 2) in [-1, 1]; labels, control_labels (n,); tight, control_tight (n_clusters,); about: how it was
    made, with the Structure of both.
    """

    xy: np.ndarray
    labels: np.ndarray
    tight: np.ndarray
    control_xy: np.ndarray
    control_labels: np.ndarray
    control_tight: np.ndarray
    about: dict


def make_map(decoders, method="tsne", perplexity=PERPLEXITY, seed=0):
    """The Map of the rows of some decoders (n_i, d_in) together; perplexity is t-SNE's, and less for very few rows."""
    rows, _ = stack(decoders)
    shuffled, _ = stack([shuffled_control(W_dec, seed) for W_dec in decoders])
    perplexity = min(perplexity, (len(rows) - 1) / 3)
    parts, found = [], []
    for W_dec in bar((rows, shuffled), desc="drawing the map and its control", unit="map", leave=False):
        xy = layout(W_dec, method, perplexity=perplexity, seed=seed)
        points = reduce_by_umap(W_dec, 10, min_dist=0.1, seed=seed) if method == "umap" else unit_norm(W_dec)
        labels = clusters(points)
        # half precision: a place on the map means no more than its neighbours
        parts += [xy.astype(np.float16), labels.astype(np.int16), tightness(W_dec, labels).astype(np.float32)]
        found.append(structure(W_dec, xy, labels)._asdict())
    about = {"method": method, "seed": seed, **({"perplexity": perplexity} if method == "tsne" else {}),
             "dictionaries": [{"d_sae": len(W_dec), "hash": fingerprint(W_dec)} for W_dec in decoders],
             "structure": found[0], "control": found[1]}
    return Map(*parts, about)


def fingerprint(W_dec):
    """Sixteen hexadecimal digits that tell a decoder's weights."""
    return hashlib.sha256(np.ascontiguousarray(W_dec, np.float32).tobytes()).hexdigest()[:16]


def decoder(sae):
    """W_dec of an SAE as an array."""
    return sae.W_dec.detach().cpu().numpy()


def write_map(runs, out=None, method="tsne", perplexity=PERPLEXITY, seed=0, command=""):
    """Make the map of the SAEs in folders `runs`, the smallest first, and write it; returns the file's path.

    out: default map.safetensors in the first folder. The other folders are noted relative to the first, so that a
    folder of runs can move as a whole. ValueError if the SAEs do not all read one layer of one language model.
    """
    home = _folder(runs[0])
    loaded = sorted(((decoder(load_sae(run)), _folder(run)) for run in runs), key=lambda pair: len(pair[0]))
    check_same_layer(runs)
    made = make_map([W_dec for W_dec, _ in loaded], method, perplexity, seed)
    for one, (_, folder) in zip(made.about["dictionaries"], loaded):
        one.update(name=folder.name, folder=Path(os.path.relpath(folder, home)).as_posix())
    path = Path(out) if out else home / MAP_FILE
    files.save_arrays(path, {name: array for name, array in made._asdict().items() if name != "about"},
                      {"command": command, **made.about})
    return path


def _folder(run):
    run = Path(run).resolve()
    return run if run.is_dir() else run.parent


def read_map(run, sae):
    """The Map for the SAE in folder `run`: the file beside it, or made now; None where there is no file and the SAE has
    too few or too many latents. ValueError naming the file if it is damaged or was made for other weights."""
    path, own = _folder(run) / MAP_FILE, fingerprint(decoder(sae))
    if not path.is_file():
        if not SMALL <= sae.d_sae <= LARGE:
            return None
        made = make_map([decoder(sae)])
        made.about["dictionaries"][0].update(name=_folder(run).name, folder=".")
        return made
    arrays, about = files.load_arrays(path)
    n = sum(one.get("d_sae", 0) for one in about.get("dictionaries", []))
    shapes = {"xy": (n, 2), "labels": (n,), "control_xy": (n, 2), "control_labels": (n,)}
    wrong = [name for name, shape in shapes.items() if name not in arrays or arrays[name].shape != shape]
    if wrong or not n or arrays.keys() != set(Map._fields[:-1]) or not all(map(finite, arrays.values())):
        raise ValueError(f"{path} is no feature map ({', '.join(wrong) or 'arrays missing or not finite'}); make it "
                         "again: saekit map RUN")
    if own not in [one["hash"] for one in about["dictionaries"]]:
        raise ValueError(f"{path} was made for other weights than the SAE beside it has; make it again: saekit map RUN")
    return Map(**arrays, about=about)


def finite(array):
    """No NaN, no infinity."""
    return bool(np.isfinite(array).all())


def map_record(made, own, rows, lm, layer, run, words):
    """What the page's script needs of a Map.

    own: fingerprint of the site's SAE; rows: `map_row` of each of its latents; words: the vocabulary's texts.
    """
    dictionaries = []
    for one in made.about["dictionaries"]:
        mine = one["hash"] == own
        dictionaries.append({"name": one["name"], "own": mine,
                             "rows": rows if mine else read_dictionary(_folder(run) / one["folder"], one, lm, layer)})
    everyone = [row for one in dictionaries for row in one["rows"]]
    traits = [row["concepts"] + [f"“{words[token]}”" for token in row["fires"]] for row in everyone]
    kinds = np.array([row["concepts"][0] if row["concepts"] else "" for row in everyone])
    known = kinds != ""
    some = known.sum() > 1
    same = [agreement(made.xy[known].astype(float), kinds[known]), chance_agreement(kinds[known])] if some else None
    return {"dictionaries": [{**one, "rows": [] if one["own"] else one["rows"], "size": len(one["rows"])}
                             for one in dictionaries],
            "xy": coordinates(made.xy), "labels": made.labels.tolist(), "tight": [*map(short, made.tight)],
            "stands": tighter_than_control(made.tight, made.control_tight).tolist(),
            "traits": [trait and [trait.text, trait.members, trait.everywhere]
                       for trait in cluster_traits(made.labels, traits)],
            "control_xy": coordinates(made.control_xy), "control_labels": made.control_labels.tolist(),
            "same_concept": same and [*map(short, same)],
            **{name: {key: short(value) for key, value in made.about[name].items()}
               for name in ("structure", "control")},
            "method": made.about["method"], "perplexity": made.about.get("perplexity")}


def coordinates(xy):
    """Points (n, 2) in [-1, 1] as packed digits, x and y in turn."""
    return pack(np.rint((np.asarray(xy, float).ravel() + 1) / 2 * (64**WIDTH - 1)), WIDTH)


def map_row(survey, latent, scores, rows):
    """{"fires", "concepts", "density"} of a latent: its frequent tokens on some rows, and its concepts from F1 0.1."""
    names = list(CONCEPTS)
    return {"density": short(survey.density[latent]), "fires": frequent_tokens(survey, rows),
            "concepts": [names[score.concept] for score in scores if score.f1 >= COMMON]}


def read_dictionary(run, noted, lm, layer):
    """The `map_row` of every latent of another dictionary of the map, read on less text than the page's own.

    noted: what the map holds of it. ValueError if the folder's weights are not those that the map was made of.
    """
    sae = load_sae(run)
    if fingerprint(decoder(sae)) != noted["hash"]:
        raise ValueError(f"{run} has other weights than the feature map was made of; make it again: saekit map")
    fit, held = (read_text(sae, lm, layer, split, tokens) for split, tokens in
                 (("train", READ), ("validation", READ // 4)))
    best = concept_scores(*(labelled(text, np.arange(sae.d_sae)) for text in (fit, held)))
    rows = []
    for latent, scores in enumerate(best):
        at, activations = fit.survey.fires(latent)
        rows.append(map_row(fit.survey, latent, scores, at[np.argsort(-activations, kind="stable")[:N_TOP]]))
    return rows
