"""Everything the feature page shows, gathered once for all latents; what one of them needs is then looked up.

Two texts: examples, densities and correlations come from training files, where concepts and formulas are also chosen;
precision, recall and scores are those on validation files, which none of them has seen.
"""

from typing import NamedTuple

import numpy as np
from scipy.sparse import vstack

from saekit import explain, interpret
from saekit.concepts import CONCEPTS, label_stream
from saekit.corpus import TokenStream, contexts, load_corpus
from saekit.readout import final_scale, logit_lens, read_out
from saekit.survey import Survey, largest, survey

BEFORE, AFTER = 8, 4             # tokens of context around the one that selected the example
LABELLED = 500_000               # tokens of training files on which concepts and their thresholds are chosen
EXPLAINED = (200_000, 100_000)   # tokens of training and validation files that formulas are sought and scored on


class Text(NamedTuple):
    """A part of the corpus with what the SAE does on it; labels (n_labelled, n_concepts) bool of its first rows."""

    stream: TokenStream
    survey: Survey
    labels: np.ndarray


class Shown(NamedTuple):
    """The examples of one latent: rows and sections as `choose_examples` gives them, the cells of all excerpts one
    after the other, each excerpt's length and where in it the row stands."""

    rows: np.ndarray
    sections: np.ndarray
    cells: np.ndarray
    lengths: np.ndarray
    at: np.ndarray


class Findings:
    """What is known of the latents `chosen` (default: all) of an SAE; `page.records` turns it into their pages."""

    def __init__(self, sae, lm, layer=0, tokens=2_000_000, against=None, chosen=None):
        self.sae, self.lm, self.layer = sae, lm, layer
        self.chosen = np.arange(sae.d_sae) if chosen is None else np.asarray(chosen)
        self.fit = read_text(sae, lm, layer, "train", tokens)
        self.held = read_text(sae, lm, layer, "validation", max(1, tokens // 8))
        found, W_dec = self.fit.survey, sae.W_dec.detach().cpu().numpy()
        self.aligned = interpret.neuron_alignment(W_dec)
        self.nearest = interpret.nearest_latents(W_dec)
        self.correlated = largest(*found.neuron_correlations())
        self.against = None
        if against is not None:
            self.against = found.closest(survey(against, lm, found.contexts, layer))
        self.scale = final_scale(lm, found.contexts[:64])
        self.concepts = dict(zip(self.chosen.tolist(), interpret.concept_scores(
            *(labelled(text, self.chosen) for text in (self.fit, self.held)))))
        self.row_of = np.full(found.contexts.size, -1, np.int32)
        self.row_of[found.cells] = np.arange(len(found.cells), dtype=np.int32)
        self.shown = {latent: self._choose(latent) for latent in self.chosen.tolist()}
        self._read_out()
        self.explanations = self._explain()

    def _choose(self, latent):
        """The Shown of one latent, None if it never fires."""
        rows, activations = self.fit.survey.fires(latent)
        if not len(rows):
            return None
        index, sections = interpret.choose_examples(activations, seed=latent)
        n_ctx = self.fit.survey.contexts.shape[1]
        cells = self.fit.survey.cells[rows[index]].astype(np.int64)
        position = cells[:, None] % n_ctx + np.arange(-BEFORE, AFTER + 1)
        inside = (position >= 1) & (position < n_ctx)
        window = (cells[:, None] + np.arange(-BEFORE, AFTER + 1))[inside]
        return Shown(rows[index], sections, window, inside.sum(1), inside[:, :BEFORE].sum(1))

    def _read_out(self):
        """Predictions of all rows, and the effect of every firing that an excerpt shows."""
        parts = []
        for latent, shown in self.shown.items():
            if shown is not None:
                rows, activations = self.fit.survey.fires(latent)
                here = np.isin(rows, self.row_of[shown.cells])
                parts.append((rows[here], np.full(here.sum(), latent, np.int32), activations[here]))
        pairs = [np.concatenate(arrays) for arrays in zip(*parts)] if parts else ([], [], [])
        self.predictions, effects = read_out(self.sae, self.lm, self.layer, self.fit.survey, pairs)
        starts = np.cumsum([0] + [len(part[0]) for part in parts])
        self.effects = {int(part[1][0]): (part[0], effects[a:b]) for part, a, b in zip(parts, starts, starts[1:])}

    def _explain(self):
        """{latent: its Explanation, found on training files and scored on validation files} of those that have one."""
        parts = [(text, _contexts_of(text.survey, tokens)) for text, tokens in zip((self.fit, self.held), EXPLAINED)]
        cut = np.concatenate([text.survey.contexts[:n] for text, (n, _) in parts])
        labels = np.zeros((*cut.shape, len(CONCEPTS)), bool)
        labels[cut != self.lm.boundary] = np.concatenate([text.labels[:rows] for text, (_, rows) in parts])
        properties = explain.make_properties(cut, labels, self.lm.tokenizer, self.lm.boundary)
        units = vstack([text.survey.latents[:rows, self.chosen] for text, (_, rows) in parts], format="csr")
        train = np.arange(units.shape[0]) < parts[0][1][1]
        found = explain.explain(units, properties, train)
        return {latent: one for latent, one in zip(self.chosen.tolist(), found) if one.text}

    def on_cells(self, latent, cells):
        """(activations, effects) of one latent on cells; 0 and NaN where it does not fire, NaN where unknown."""
        rows = self.row_of[cells]
        return _look_up(*self.fit.survey.fires(latent), rows, 0), _look_up(*self.effects[latent], rows, np.nan)

    def logits(self, latents):
        """What each latent's direction writes, (n, d_vocab) logits per unit of activation."""
        directions = self.sae.W_dec[np.asarray(latents)]
        return logit_lens(self.lm, directions, self.scale, self.layer).cpu().numpy()

    def concept_names(self, latent):
        """[(name, ConceptScore)] of one latent, best first."""
        return [(list(CONCEPTS)[score.concept], score) for score in self.concepts[latent]]


def _contexts_of(survey, tokens):
    """(contexts, rows) that hold about the first `tokens` tokens of a Survey."""
    n = min(len(survey.contexts), max(1, tokens // survey.contexts.shape[1]))
    return n, int(np.searchsorted(survey.cells, n * survey.contexts.shape[1]))


def read_text(sae, lm, layer, split, tokens):
    """The first `tokens` tokens of a split (its files are in an order drawn by a hash), as a Text."""
    stream = load_corpus(split, lm.tokenizer, lm.boundary)
    cut = contexts(stream, lm.n_ctx, lm.boundary)[:max(1, round(tokens / (lm.n_ctx - 1)))]
    first = cut[:max(1, LABELLED // lm.n_ctx)]
    labels = label_stream(stream, lm.tokenizer, lm.n_ctx, slice(0, len(first)))[first != lm.boundary]
    return Text(stream, survey(sae, lm, cut, layer), labels)


def frequent_tokens(survey, rows, n=4):
    """The n tokens that stand most often at some rows of a survey, as a list."""
    tokens, counts = np.unique(survey.contexts.ravel()[survey.cells[rows]], return_counts=True)
    return tokens[np.argsort(-counts, kind="stable")][:n].tolist()


def labelled(text, latents):
    """(activations of some latents CSC, labels) of the rows that have labels."""
    return text.survey.latents[:, latents][:len(text.labels)].tocsc(), text.labels


def _look_up(keys, values, wanted, default):
    """values[keys == wanted], `default` where there is none; keys rise."""
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, values[place], default)
