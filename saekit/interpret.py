"""Read a latent: where in the text it fires, and what stands around those places.

A *row* is one harvested activation, that is, one token that is not a boundary token, in reading order over `contexts`.
Excerpts are at most 32 tokens long and name their file.
"""

from typing import NamedTuple

import numpy as np


class Example(NamedTuple):
    """One place in the text: `tokens` and their `activations` around it, the index `at` of the token itself, the file's name."""

    tokens: list
    activations: np.ndarray
    at: int
    file: str


def token_strings(tokenizer, tokens):
    """Each token id as the text it stands for; a byte that is no whole character shows as U+FFFD."""
    return [tokenizer.decode([int(token)], skip_special_tokens=False) for token in tokens]


def examples(rows, activations, contexts, stream, tokenizer, before=10, after=5):
    """The `Example` around each row in `rows`.

    activations: (n_rows,) of one latent over all rows of contexts (n, n_ctx), which are the first of `corpus.contexts(stream, n_ctx)`.
    Raises ValueError when activations and contexts do not belong together, or for an excerpt of more than 32 tokens.
    """
    boundary = int(stream.tokens[0])
    places = np.argwhere(contexts != boundary)  # (n_rows, 2): context, position
    if len(places) != len(activations):
        raise ValueError(f"{len(activations)} activations but contexts hold {len(places)} tokens; harvest exactly these contexts")
    if before + 1 + after > 32:
        raise ValueError(f"an excerpt of {before + 1 + after} tokens; saekit shows at most 32 tokens of a file")
    grid = np.zeros(contexts.shape, dtype=np.float32)
    grid[tuple(places.T)] = activations
    found = []
    for context, position in places[np.asarray(rows, dtype=int)]:
        window = slice(max(1, position - before), position + after + 1)
        in_stream = 1 + context * (contexts.shape[1] - 1) + position - 1
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
