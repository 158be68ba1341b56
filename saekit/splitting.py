"""What happens to a concept when the dictionary grows: its latent parts into several, or loses cases to another.

    splitting    latent j of a larger dictionary is a child of latent i of a smaller one if i is nearest to it, by
                 cos(W_small[i], W_large[j]), and fires where j does: together[i, j] = P(i fires | j fires)
    absorption   the feature is there, its own latent is silent, and other latents write the feature's direction
Latents come as scipy CSC matrices (n_rows, d_sae) on the same rows, as `interpret.sparse_latents` makes them.
References: Bricken et al. 2023 (splitting), Chanin et al. 2024 (absorption).
"""

import numpy as np

NONE = -1  # parent of a latent that has none


def fires_together(parents, children):
    """P(parent i fires | child j fires), (n_parents, n_children), over the rows of two sparse matrices (n_rows, …).

    0 for a child that never fires. ValueError if the rows are not the same ones.
    """
    if parents.shape[0] != children.shape[0]:
        raise ValueError(f"parents have {parents.shape[0]} rows, children {children.shape[0]}; expected the same tokens "
                         "under both dictionaries")
    a, b = (_fires(latents) for latents in (parents, children))
    return (a.T @ b).toarray() / np.maximum(np.diff(b.indptr), 1)


def parents_of(cosine, together, least_cosine, least_together):
    """Every child's parent, (n_children,): the row with its largest cosine, NONE where cosine or `together` is too low.

    cosine, together: (n_parents, n_children); both bounds are reached by >=.
    """
    nearest, child = cosine.argmax(0), np.arange(cosine.shape[1])
    enough = (cosine[nearest, child] >= least_cosine) & (together[nearest, child] >= least_together)
    return np.where(enough, nearest, NONE)


def firing_f1(latents, labels):
    """F1 of "the latent fires" as a detector of each label: (d_sae, n_labels).

    latents: CSC (n_rows, d_sae); labels: (n_rows, n_labels) True or False.
    """
    fires, truth = _fires(latents), labels.astype(np.float32)
    return 2 * (fires.T @ truth) / np.maximum(np.diff(fires.indptr)[:, None] + truth.sum(0), 1)


def own_latents(W_dec, D):
    """For each feature the latent whose direction is nearest to it: (n_features,); W_dec (d_sae, d), D (n_features, d)
    with unit rows."""
    return (D @ W_dec.T).argmax(1)


def absorbed(latents, W_dec, own, direction, size):
    """Rows on which latent `own` is silent while others write at least half of the feature: (n_rows,) True or False.

    latents (n_rows, d_sae) dense; direction (d_in,): the feature's unit direction; size: what of it is in the data,
    a number or (n_rows,). Where size is 0, nothing is absorbed.
    """
    written = latents @ (W_dec @ direction) - latents[:, own] * (W_dec[own] @ direction)
    return (latents[:, own] == 0) & (size > 0) & (written >= size / 2)


def _fires(latents):
    """The matrix with ones in place of its non-zero entries, as CSC."""
    fires = latents.tocsc().astype(np.float32)
    fires.eliminate_zeros()
    fires.data[:] = 1
    return fires
