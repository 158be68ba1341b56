"""One latent as a record that the page's script can read: plain JSON, long rows of numbers packed into text.

Packed numbers are digits to the base 64 (DIGITS), most significant first, `width` of them per number; in sparse rows a
"." stands for "none".
"""

import math

import numpy as np

from saekit.strips import visible

BINS = 40
LEVELS = 64**2 - 1     # what two digits can hold
DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def record(findings, latent, logits, explanation, files):
    """The record of one latent.

    logits (d_vocab,): its logit lens; explanation: an Explanation or None; files: dict name -> number, to which the
    names of the examples' files are added.
    """
    found = findings.fit.survey
    _, activations = found.fires(latent)
    counts, _ = np.histogram(activations, BINS, (0, float(found.peaks[latent]) or 1.0))
    return {"id": latent, "density": short(found.density[latent]), "count": int(found.counts[latent]),
            "peak": short(found.peaks[latent]), "histogram": counts.tolist(), "logits": logit_record(logits),
            "aligned": table(findings.aligned, latent), "correlated": table(findings.correlated, latent),
            "against": findings.against and table(findings.against, latent),
            "nearest": table(findings.nearest, latent), "explanation": explanation_record(explanation),
            "concepts": [[name, *map(short, score[1:])] for name, score in findings.concept_names(latent)],
            "examples": example_record(findings, latent, files)}


def explanation_record(explanation):
    """What the page shows of an Explanation; a score that held-out files do not give is None."""
    if explanation is None:
        return None
    score, f1 = (short(x) if np.isfinite(x) else None for x in (explanation.correlation, explanation.f1))
    return {"text": visible(explanation.text), "score": score, "f1": f1}


def logit_record(logits, n=10):
    """The n lowest and n highest logits as [token, value], and the histogram of all."""
    order, (low, high) = np.argsort(logits, kind="stable"), (float(logits.min()), float(logits.max()))
    pairs = lambda tokens: [[int(token), short(logits[token])] for token in tokens]  # noqa: E731
    counts, _ = np.histogram(logits, BINS, (low, high))
    return {"low": pairs(order[:n]), "high": pairs(order[::-1][:n]), "range": [short(low), short(high)],
            "histogram": counts.tolist()}


def table(columns, latent):
    """Row `latent` of arrays (d_sae, n) as n lists, whole numbers kept whole."""
    return [[int(value) if isinstance(value, np.integer) else short(value) for value in row]
            for row in zip(*(column[latent] for column in columns))]


def example_record(findings, latent, files):
    """Excerpts with what is known of each token, or None for a latent that never fired."""
    shown = findings.shown[latent]
    if shown is None:
        return None
    text, rows = findings.fit, findings.row_of[shown.cells]
    activations, effects = findings.on_cells(latent, shown.cells)
    predictions, known = findings.predictions, ~np.isnan(effects)
    width, scale = token_width(findings.lm), float(np.nanmax(np.abs(effects), initial=0)) or 1.0
    likeliest = np.where(rows[:, None] >= 0, predictions.likeliest[rows], findings.lm.boundary)
    chances = np.exp(-predictions.loss[rows][known].astype(float))
    return {"sections": np.bincount(shown.sections, minlength=11).tolist(), "lengths": shown.lengths.tolist(),
            "at": shown.at.tolist(), "files": [files.setdefault(name, len(files)) for name in file_names(text, shown)],
            "again": np.flatnonzero(repeated(shown.rows)).tolist(), "largest": short(scale),
            "tokens": pack(text.survey.contexts.ravel()[shown.cells], width),
            "likeliest": pack(likeliest.ravel(), width),
            "activations": pack_sparse(activations / findings.fit.survey.peaks[latent], activations > 0),
            "effects": pack_sparse((effects / scale + 1) / 2, known), "chances": pack(np.rint(chances * LEVELS), 2)}


def repeated(rows):
    """True where a row has been shown before."""
    first = np.unique(rows, return_index=True)[1]
    return ~np.isin(np.arange(len(rows)), first)


def file_names(text, shown):
    """The file of each example."""
    width = text.survey.contexts.shape[1]
    context, position = np.divmod(text.survey.cells[shown.rows].astype(np.int64), width)
    index = np.searchsorted(text.stream.starts, context * (width - 1) + position, side="right") - 1
    return [text.stream.names[i] for i in index]


def token_width(lm):
    """How many digits a token id takes."""
    return max(2, math.ceil(math.log(lm.d_vocab, 64)))


def pack(numbers, width):
    """Whole numbers as `width` digits each. ValueError unless they are from 0 to 64^width - 1."""
    numbers = np.asarray(numbers, dtype=np.int64)
    if len(numbers) and not (numbers.min() >= 0 and numbers.max() < 64**width):
        raise ValueError(f"numbers run from {numbers.min()} to {numbers.max()}; {width} digits hold 0 to "
                         f"{64**width - 1}")
    places = numbers[:, None] // 64 ** np.arange(width - 1, -1, -1) % 64
    return np.frombuffer(DIGITS.encode(), np.uint8)[places].tobytes().decode()


def pack_sparse(shares, known):
    """Shares from 0 to 1 as two digits where known, "." elsewhere."""
    digits = pack(np.rint(shares[known] * LEVELS), 2)
    pieces = np.full(len(known), ".", dtype="<U2")
    pieces[known] = [digits[i:i + 2] for i in range(0, len(digits), 2)]
    return "".join(pieces.tolist())


def short(number):
    """A number with four significant digits, for a small file."""
    return float(f"{float(number):.4g}")
