"""Read a latent: where in the text it fires, what stands around those places, and which units and concepts go with it.

A *row* is one harvested activation, that is, one token that is not a boundary token, in reading order over `contexts`.
Excerpts are at most 32 tokens long and name their file.
"""

from typing import NamedTuple

import numpy as np

from saekit.geometry import unit_norm
from saekit.progress import bar


class Example(NamedTuple):
    """One place in the text: `tokens` and their `activations` around it, the index `at` of the token itself, the file's name."""

    tokens: list
    activations: np.ndarray
    at: int
    file: str


def token_strings(tokenizer, tokens):
    """Each token id as the text it stands for; a byte that is no whole character shows as U+FFFD."""
    return [tokenizer.decode([int(token)], skip_special_tokens=False) for token in tokens]


def examples(rows, activations, contexts, stream, tokenizer, before=10, after=5, which=None):
    """The `Example` around each row in `rows`.

    activations: (n_rows,) of one latent over all rows of contexts (n, n_ctx), which are those numbered `which` (default:
    the first n) of `corpus.contexts(stream, n_ctx)`.
    Raises ValueError when activations and contexts do not belong together, or for an excerpt of more than 32 tokens.
    """
    boundary = int(stream.tokens[0])
    places = np.argwhere(contexts != boundary)  # (n_rows, 2): context, position
    if len(places) != len(activations):
        raise ValueError(f"{len(activations)} activations but contexts hold {len(places)} tokens; harvest exactly these contexts")
    if before + 1 + after > 32:
        raise ValueError(f"an excerpt of {before + 1 + after} tokens; saekit shows at most 32 tokens of a file")
    which = np.arange(len(contexts)) if which is None else which
    grid = np.zeros(contexts.shape, dtype=np.float32)
    grid[tuple(places.T)] = activations
    found = []
    for context, position in places[np.asarray(rows, dtype=int)]:
        window = slice(max(1, position - before), position + after + 1)
        in_stream = which[context] * (contexts.shape[1] - 1) + position
        file = stream.names[np.searchsorted(stream.starts, in_stream, side="right") - 1]
        found.append(Example(token_strings(tokenizer, contexts[context, window]), grid[context, window], position - window.start, file))
    return found


def sparse_latents(sae, x, batch=2048):
    """All latents of rows x (n, d_in) as a scipy CSC matrix (n, d_sae): one column per latent, only non-zeros stored."""
    import torch
    from scipy.sparse import csr_matrix, vstack

    with torch.inference_mode():
        blocks = [csr_matrix(sae.encode(part).numpy()) for part in torch.as_tensor(x).split(batch)]
    return vstack(blocks, format="csc")


N_TOP, N_INTERVALS, N_DRAWN = 20, 10, 5
ULTRA_LOW = 1e-5   # a latent that fires on fewer than 1 in 100,000 tokens


def choose_examples(activations, seed=0):
    """Which firings to show: the 20 largest, then up to 5 drawn at random from each of ten evenly spaced intervals.

    activations: (n,) > 0. Returns (indices, sections): into activations, and where each is shown: 0 for the top, 1
    to 10 for the intervals ((10 - s) / 10, (11 - s) / 10] of the largest activation, 1 the highest; falling within a
    section.
    """
    activations = np.asarray(activations)
    tenth = np.ceil(N_INTERVALS * activations / activations.max())
    section = np.clip(N_INTERVALS + 1 - tenth, 1, N_INTERVALS).astype(int)
    rng = np.random.default_rng(seed)
    chosen = [np.argsort(-activations, kind="stable")[:N_TOP]]
    for s in range(1, N_INTERVALS + 1):
        here = np.flatnonzero(section == s)
        drawn = rng.choice(here, min(N_DRAWN, len(here)), replace=False)
        chosen.append(drawn[np.argsort(-activations[drawn], kind="stable")])
    return np.concatenate(chosen), np.repeat(np.arange(N_INTERVALS + 1), [len(part) for part in chosen])


def neuron_alignment(W_dec, n=3):
    """The n neurons that each latent activates most: (neurons, weights, shares), each (d_sae, n).

    weights: entries of W_dec (d_sae, d_in), what a firing of 1 adds to the neuron; shares: |weight| / ||W_dec[i]||_1.
    """
    W_dec = np.asarray(W_dec)
    neurons = np.argsort(-W_dec, axis=1, kind="stable")[:, :n]
    weights = np.take_along_axis(W_dec, neurons, 1)
    return neurons, weights, np.abs(weights) / np.abs(W_dec).sum(1, keepdims=True)


def nearest_latents(W_dec, n=5):
    """The n other latents with the largest cosine to each one's direction: (latents, cosines), each (d_sae, n)."""
    rows = unit_norm(W_dec)
    n, found = min(n, len(rows) - 1), []
    for first in range(0, len(rows), 1024):
        cosine = rows[first:first + 1024] @ rows.T
        cosine[np.arange(len(cosine)), first + np.arange(len(cosine))] = -np.inf  # not itself
        latents = np.argpartition(-cosine, n - 1, axis=1)[:, :n] if n else np.zeros((len(cosine), 0), int)
        order = np.argsort(-np.take_along_axis(cosine, latents, 1), axis=1, kind="stable")
        latents = np.take_along_axis(latents, order, 1)
        found.append((latents, np.take_along_axis(cosine, latents, 1)))
    return tuple(np.concatenate(arrays) for arrays in zip(*found))


def similarity_order(W_dec):
    """Positions 0 to n - 1 that put latents with like directions side by side: the leaves of average-linkage clustering
    of the cosine distances; (n,) where entry i is latent i's position. Memory 4 n^2 bytes."""
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import pdist

    positions = np.arange(len(W_dec))
    if len(W_dec) > 2:
        distances = pdist(np.asarray(W_dec, np.float64), "cosine")
        positions[leaves_list(linkage(distances, "average"))] = np.arange(len(W_dec))
    return positions


class ConceptScore(NamedTuple):
    """How well "activation above threshold" finds a concept's tokens, on text that the threshold was not chosen on."""

    concept: int
    threshold: float
    precision: float
    recall: float
    f1: float


def concept_scores(fit, held_out, n=3):
    """For each latent, its n best concepts: a list (d_sae) of lists of ConceptScore, best first.

    fit, held_out: (latents CSC (n_rows, d_sae), labels bool (n_rows, n_concepts)). Concepts and thresholds (the ten
    interval edges) are those of the largest F1 = 2 TP / (fired + has it) on fit; the scores shown are held_out's.
    """
    out = []
    has = [labels.sum(0) for _, labels in (fit, held_out)]
    for latent in bar(range(fit[0].shape[1]), desc="concepts", unit="latent", leave=False):
        rows, activations = _column(fit[0], latent)
        if not len(rows):
            out.append([])
            continue
        level = np.minimum((N_INTERVALS * activations / activations.max()).astype(int), N_INTERVALS - 1)
        hits = np.eye(N_INTERVALS, dtype=np.float32)[level].T @ fit[1][rows].astype(np.float32)  # (level, concept)
        hits = hits[::-1].cumsum(0)[::-1]                                                         # at least this level
        fired = np.bincount(level, minlength=N_INTERVALS)[::-1].cumsum()[::-1]
        f1 = 2 * hits / np.maximum(fired[:, None] + has[0], 1)
        best = np.argsort(-f1.max(0), kind="stable")[:n]
        thresholds = f1.argmax(0)[best] / N_INTERVALS * activations.max()
        out.append([_score(concept, threshold, *_column(held_out[0], latent), held_out[1], has[1])
                    for concept, threshold in zip(best, thresholds)])
    return out


def _score(concept, threshold, rows, activations, labels, has):
    above = rows[activations >= threshold] if threshold > 0 else rows
    hits, fired = int(labels[above, concept].sum()), len(above)
    precision, recall = hits / max(fired, 1), hits / max(int(has[concept]), 1)
    return ConceptScore(int(concept), float(threshold), precision, recall, 2 * hits / max(fired + int(has[concept]), 1))


def _column(latents, i):
    part = slice(*latents.indptr[i:i + 2])
    return latents.indices[part], latents.data[part]
