"""The feature map: every latent's direction as a point of the plane, its clusters, and the map that noise would give.

    directions  w_i = W_dec[i] / ||W_dec[i]||,  so that ||w_i - w_j||^2 = 2 - 2 cos(w_i, w_j)
    layout      (n, 2): t-SNE or UMAP puts the nearest directions side by side; its axes and distances mean nothing else
    clusters    (n,): HDBSCAN, a number from 0 on, or NOISE
    control     the same after every column of W_dec has been shuffled, each neuron's weights in an order of their own

Bricken et al. (2023) draw a 2-D UMAP of the directions of A/0 (512 latents) and A/1 (4,096) together, cosine distance,
15 neighbours, minimum distance 0.05, and take clusters from HDBSCAN with at least 3 members on a 10-D UMAP with minimum
distance 0.1. Theirs here: these numbers, and all dictionaries in one map. Ours: t-SNE by default, which scikit-learn
has; HDBSCAN on the directions themselves, since whatever flattens them to few dimensions packs noise into clumps as
well; and the control, without which no clump means anything.
"""

from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree
from scipy.stats import hypergeom

from saekit.geometry import check_dictionary, unit_norm
from saekit.interpret import nearest_latents

NOISE = -1
PERPLEXITY = 30          # t-SNE: about how many neighbours pull on a point
NEIGHBOURS = 15          # UMAP, both uses
MIN_DIST = 0.05          # UMAP, the map; 0.1 before clustering
MIN_CLUSTER = 3          # members of the smallest cluster


def stack(dictionaries):
    """Several decoders (n_i, d_in) as one: (rows (n, d_in), which (n,): each row's place in the list of decoders).
    ValueError unless all have finite, non-zero rows of one width."""
    dictionaries = [check_dictionary(W_dec, f"dictionary {i}") for i, W_dec in enumerate(dictionaries)]
    widths = [W_dec.shape[1] for W_dec in dictionaries]
    if len(set(widths)) != 1:
        raise ValueError(f"the dictionaries have directions of length {widths}; one map needs one length (do they read "
                         "the same layer?)")
    return np.concatenate(dictionaries), np.repeat(np.arange(len(dictionaries)), [len(W_dec) for W_dec in dictionaries])


def layout(W_dec, method="tsne", *, perplexity=PERPLEXITY, n_neighbors=NEIGHBOURS, min_dist=MIN_DIST, seed=0):
    """The directions of W_dec (n, d_in) as points (n, 2), centred, the farthest coordinate 1.

    "tsne" minimises KL(p || q) between neighbour probabilities of directions and of points, with `perplexity` effective
    neighbours (van der Maaten & Hinton 2008); "umap" is the extra [umap], with `n_neighbors` and `min_dist` (McInnes,
    Healy & Melville 2018). Same seed, same machine, same points. ValueError for another method, or too few rows.
    """
    rows = unit_norm(W_dec)
    if method == "umap":
        xy = reduce_by_umap(rows, 2, n_neighbors, min_dist, seed)
    elif method == "tsne":
        xy = _by_tsne(rows, perplexity, seed)
    else:
        raise ValueError(f'method is {method!r}, expected "tsne" or "umap"')
    xy = xy - (xy.max(0) + xy.min(0)) / 2
    return (xy / (np.abs(xy).max() or 1)).astype(np.float32)


def _by_tsne(rows, perplexity, seed):
    from sklearn.manifold import TSNE

    if not 1 <= perplexity < len(rows):
        raise ValueError(f"perplexity is {perplexity} and W_dec has {len(rows)} rows; it is a number of neighbours, "
                         "expected at least 1 and fewer than the rows")
    tsne = TSNE(2, perplexity=perplexity, init="pca", random_state=seed)  # axes from PCA: the same picture every time
    return tsne.fit_transform(rows.astype(np.float32))


def reduce_by_umap(W_dec, n_components=2, n_neighbors=NEIGHBOURS, min_dist=MIN_DIST, seed=0):
    """UMAP of the directions by cosine distance, (n, n_components). ValueError where umap-learn is not
    installed, or unless 2 <= n_neighbors < n."""
    try:
        from umap import UMAP
    except ImportError:
        raise ValueError('method="umap" needs umap-learn, which is not installed: pip install -e ".[umap]" (or '
                         'pip install umap-learn); "tsne" needs nothing more') from None
    if not 2 <= n_neighbors < len(W_dec):
        raise ValueError(f"n_neighbors is {n_neighbors} and W_dec has {len(W_dec)} rows; expected at least 2 and fewer "
                         "than the rows")
    umap = UMAP(n_neighbors=n_neighbors, n_components=n_components, min_dist=min_dist, metric="cosine",
                random_state=seed, n_jobs=1)
    return umap.fit_transform(np.asarray(W_dec, np.float32))


def clusters(points, min_cluster_size=MIN_CLUSTER):
    """HDBSCAN of points (n, d) by Euclidean distance: (n,) cluster numbers, the largest cluster 0, NOISE for the rest.

    points: `unit_norm(W_dec)`, or `reduce_by_umap(W_dec, 10, min_dist=0.1)` as Bricken et al. do. Memory 8 n^2 bytes up
    to 8,192 points, 8 n d beyond. ValueError unless 2 <= min_cluster_size <= n. Campello, Moulavi & Sander (2013).
    """
    from sklearn.cluster import HDBSCAN

    points = np.asarray(points)
    if points.ndim != 2 or not 2 <= min_cluster_size <= len(points):
        raise ValueError(f"points have shape {points.shape} and min_cluster_size is {min_cluster_size}; expected "
                         "(n, d) and a size from 2 to n")
    algorithm = "brute" if len(points) <= 8192 and points.shape[1] > 10 else "auto"
    found = HDBSCAN(min_cluster_size=min_cluster_size, algorithm=algorithm, copy=True).fit_predict(points)
    sizes = np.bincount(found[found >= 0], minlength=1)
    rank = np.argsort(np.argsort(-sizes, kind="stable"))
    return np.where(found >= 0, rank[found], NOISE)


def shuffled_control(W_dec, seed=0):
    """W_dec (n, d_in) with each column's entries in a random order, rows scaled to length 1: the same weights per
    neuron, but nothing that two neurons share within a row, so that any likeness of its rows is chance."""
    rng = np.random.default_rng(seed)
    return unit_norm(rng.permuted(unit_norm(W_dec), axis=0))


def neighbours_kept(W_dec, xy, k=10):
    """Share of each direction's k nearest others (by cosine) that are among its point's k nearest, on average.

    1: the map tells who is near whom; k / (n - 1): it tells nothing. ValueError unless 1 <= k < n and every direction
    has a point.
    """
    if len(W_dec) != len(xy) or not 1 <= k < len(xy):
        raise ValueError(f"{len(W_dec)} directions, {len(xy)} points, k={k}; expected as many points as directions and "
                         "k from 1 to one less")
    near, _ = nearest_latents(W_dec, k)
    on_map = cKDTree(xy).query(xy, k + 1)[1]
    on_map = np.array([row[row != i][:k] for i, row in enumerate(on_map)])  # not itself
    return float((near[:, :, None] == on_map[:, None, :]).any(2).mean())


def tightness(W_dec, labels):
    """Mean cosine between different members of each cluster, (n_clusters,): (||sum_i w_i||^2 - m) / (m (m - 1))."""
    rows, labels = unit_norm(W_dec), np.asarray(labels)
    sizes = np.bincount(labels[labels >= 0])
    sums = np.zeros((len(sizes), rows.shape[1]))
    np.add.at(sums, labels[labels >= 0], rows[labels >= 0])
    return ((sums**2).sum(1) - sizes) / np.maximum(sizes * (sizes - 1), 1)


class Structure(NamedTuple):
    """What a map shows in numbers; to be read beside those of the control.

    clusters: how many; clustered: share of points in one; tight: mean over clusters of their tightness; nearest: median
    cosine to the nearest other direction; kept: `neighbours_kept`.
    """

    clusters: int
    clustered: float
    tight: float
    nearest: float
    kept: float


def structure(W_dec, xy, labels, k=10):
    """The Structure of a map: directions W_dec (n, d_in), points xy (n, 2), cluster numbers (n,)."""
    labels, tight = np.asarray(labels), tightness(W_dec, labels)
    nearest = np.median(nearest_latents(W_dec, 1)[1])
    return Structure(len(tight), float((labels >= 0).mean()), float(tight.mean()) if len(tight) else 0.0,
                     float(nearest), neighbours_kept(W_dec, xy, k))


def tighter_than_control(tight, control_tight, share=0.95):
    """Which clusters are tighter than `share` of the control's clusters, (n_clusters,) bool; all where it has none."""
    limit = np.quantile(control_tight, share) if len(control_tight) else -np.inf
    return np.asarray(tight) > limit


class Trait(NamedTuple):
    """What a cluster's members have in common: the trait, on how many members and how many of all latents, and p, the
    chance that as many of equally many latents drawn at random have it (hypergeometric)."""

    text: str
    members: int
    everywhere: int
    p: float


def cluster_traits(labels, traits, level=0.05):
    """For each cluster the Trait that its members have most more often than all latents do, None where none stands out.

    labels (n,); traits: for each latent a collection of strings (its concepts, the tokens it fires on). A trait stands
    out if p times the number of cluster-trait pairs looked at is at most `level` (Bonferroni), so none in noise mostly.
    ValueError unless labels and traits are equally many.
    """
    traits = [set(own) for own in traits]
    if len(traits) != len(labels):
        raise ValueError(f"{len(labels)} labels but {len(traits)} collections of traits; expected one per latent")
    everywhere = _count(traits)
    members = [_count([traits[i] for i in np.flatnonzero(labels == c)]) for c in range(max(labels, default=-1) + 1)]
    sizes, looked_at = np.bincount(labels[labels >= 0], minlength=1), sum(map(len, members))
    found = []
    for size, counts in zip(sizes, members):
        tried = [Trait(text, hits, everywhere[text], float(hypergeom.sf(hits - 1, len(traits), everywhere[text], size)))
                 for text, hits in sorted(counts.items()) if hits > 1]
        best = min(tried, key=lambda trait: trait.p, default=None)
        found.append(best if best and best.p * looked_at <= level else None)
    return found


def _count(collections):
    counts = {}
    for text in (text for own in collections for text in own):
        counts[text] = counts.get(text, 0) + 1
    return counts


def agreement(xy, kinds):
    """Share of points whose nearest other point is of the same kind; kinds (n,) of anything that compares, for
    instance each latent's best concept, which the map has not seen. Compare with `chance_agreement`."""
    kinds, nearest = np.asarray(kinds), cKDTree(xy).query(xy, 2)[1]
    nearest = np.where(nearest[:, 0] == np.arange(len(nearest)), nearest[:, 1], nearest[:, 0])
    return float((kinds == kinds[nearest]).mean())


def chance_agreement(kinds):
    """What `agreement` is on average if kinds are dealt out at random: sum_k n_k (n_k - 1) / (n (n - 1))."""
    counts = np.unique(np.asarray(kinds), return_counts=True)[1]
    return float((counts * (counts - 1)).sum() / max(len(kinds) * (len(kinds) - 1), 1))
