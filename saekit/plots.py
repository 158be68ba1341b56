"""One function per kind of figure; every one takes arrays and an axes, draws and labels.

Colours mean the same thing in every figure, page and widget (Okabe-Ito, safe for colour-blind readers):
truth black, SAE latents blue, neurons orange, classical atoms green, random or baseline grey, failure vermilion.
"""

import base64
import io
import itertools
from html import escape

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

TRUTH = "#000000"
LATENT = "#0072B2"
NEURON = "#E69F00"
ATOM = "#009E73"
BASELINE = "#999999"
FAILURE = "#D55E00"

SEQUENTIAL = "cividis"  # perceptually uniform
SIGNED = "RdBu_r"       # always drawn centred at zero

OVER_LINES = {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.5}  # a label's ground, so that lines do not strike it through
WIDTH = 7.2             # inches; every figure of the course has this width

RC = {
    "font.size": 10, "axes.titlesize": 11, "axes.titlelocation": "left", "axes.titleweight": "bold",
    "axes.spines.top": False, "axes.spines.right": False, "axes.prop_cycle": mpl.cycler(color=[LATENT, NEURON, ATOM, FAILURE, BASELINE]),
    "figure.dpi": 100, "savefig.dpi": 100, "figure.constrained_layout.use": True, "legend.frameon": False,
}


def panels(columns=1, rows=1, height=2.8, **kwargs):
    """A figure of the course's width with rows x columns axes; height is inches per row. Returns (figure, axes)."""
    with mpl.rc_context(RC):
        return plt.subplots(rows, columns, figsize=(WIDTH, height * rows), **kwargs)


class Picture:
    """A finished PNG with its alternative text: what a cell's last line shows, in a notebook as an image, elsewhere as the text."""

    def __init__(self, png, alt):
        self.png, self.alt = png, " ".join(alt.split())

    @property
    def html(self):
        """An img element with the picture inside it."""
        data = base64.b64encode(self.png).decode()
        return f'<img alt="{escape(self.alt)}" src="data:image/png;base64,{data}" style="max-width: 100%">'

    def __repr__(self):
        return self.alt

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"text/html": self.html, "text/plain": self.alt}


def show(fig, alt):
    """The figure as a Picture with alternative text (one or two sentences that say what is seen); closes the figure."""
    small = io.BytesIO()  # 256 colours: a third of the bytes, and no eye sees it in a diagram
    Image.open(io.BytesIO(png(fig))).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(small, format="png", optimize=True)
    return Picture(small.getvalue(), alt)


def png(fig):
    """The figure as the bytes of a PNG file, titles in the course's style; closes the figure, so that no notebook shows it twice."""
    raw = io.BytesIO()
    with mpl.rc_context(RC):
        for ax in fig.axes:  # `ax.set(title=…)` in a lesson reads the reader's own settings
            if ax.get_title("center"):
                title = ax.get_title("center")
                ax.set_title("", loc="center")
                ax.set_title(title, loc="left", fontsize=RC["axes.titlesize"], fontweight=RC["axes.titleweight"])
        fig.savefig(raw, format="png", dpi=RC["savefig.dpi"])
    plt.close(fig)
    return raw.getvalue()


def training_curves(axes, log, color=LATENT, label=None):
    """Loss, l0 and dead latents against tokens on three axes; log is what `saekit.train.train_sae` returns."""
    tokens = [entry["tokens"] / 1e6 for entry in log]
    for ax, key, name in zip(axes, ("recon", "l0", "dead"), ("squared error / variance", "active latents per token (l0)", "dead latents")):
        values = [entry[key] for entry in log]
        ax.plot(tokens, values, color=color, label=label)
        ax.set(xlabel="tokens trained on (millions)", ylabel=name, ylim=(0, 1.05 * max(values) or 10))  # 10: a line of zeros is at the bottom


def density_histogram(ax, density, color=LATENT, label=None):
    """Histogram of log10 of the fraction of tokens on which each unit is active; units that never are stand in the label's count."""
    alive = density[density > 0]
    dead = len(density) - len(alive)
    ax.hist(np.log10(alive), bins=np.arange(-7, 0.25, 0.125), color=color, alpha=0.8, label=f"{label} ({dead} of {len(density)} never active)")
    ax.set(xlabel="density: log10 of the fraction of tokens on which it is active", ylabel="number of units")


def touching_balls(ax, a):
    """The line of codes z with a · z = 1, a (2,), and the circle (L2) and diamond (L1) that just touch it."""
    t = np.linspace(0, 2 * np.pi, 200)
    length, corner = np.linalg.norm(a), int(np.argmax(np.abs(a)))
    size, touch = 1 / np.abs(a[corner]), np.eye(2)[corner] / a[corner]
    along = np.array([-a[1], a[0]]) / length
    line = a / length**2 + np.linspace(-4, 4, 2)[:, None] * along
    ax.plot(*line.T, color=TRUTH, linewidth=1.2)
    ax.plot(np.cos(t) / length, np.sin(t) / length, color=NEURON)
    ax.plot(size * np.array([1, 0, -1, 0, 1]), size * np.array([0, 1, 0, -1, 0]), color=ATOM)
    ax.plot(*(a / length**2), "o", color=NEURON)
    if np.isclose(*np.abs(a)):
        ax.plot([size, 0], [0, size], color=ATOM, linewidth=4)
    else:
        ax.plot(*touch, "s", color=ATOM)
    ax.set(xlim=(-1.6, 1.6), ylim=(-1.6, 1.6), aspect="equal", xlabel="coefficient 1", ylabel="coefficient 2")
    return ax


def correlations(ax, c, used, lam):
    """Correlations c (n_atoms,) as bars over the band from -lam to lam; used (n_atoms,): which atoms are in the code."""
    index = np.arange(len(c))
    ax.axhspan(-lam, lam, color=BASELINE, alpha=0.25, linewidth=0)
    ax.vlines(index[~used], 0, c[~used], color=BASELINE, linewidth=0.6)
    ax.vlines(index[used], 0, c[used], color=ATOM, linewidth=2)
    ax.set(xlabel="atom", ylabel="correlation with residual")
    return ax


def phase_diagram(ax, deltas, rhos, share):
    """Share of recovered codes (n_rhos, n_deltas) as cells centred on the grid, with a colour bar."""
    cells = ax.pcolormesh(deltas, rhos, share, cmap=SEQUENTIAL, vmin=0, vmax=1, shading="nearest")
    ax.figure.colorbar(cells, ax=ax, label="share recovered")
    return ax


def atoms_in_plane(ax, x, D, color=ATOM):
    """Samples x (n, 2) as dots and the atoms D (n_atoms, 2) as arrows twice their length, both signs as one line."""
    ax.plot(*x.T, ".", color=BASELINE, markersize=3)
    for atom in D:
        ax.annotate("", 2 * atom, (0, 0), arrowprops={"arrowstyle": "-|>", "color": color, "linewidth": 2})
        ax.plot(*np.outer([-2, 2], atom).T, color=color, linewidth=0.8)
    ax.set(xlabel="first coordinate", ylabel="second coordinate", xlim=(-2.3, 2.3), ylim=(-2.3, 2.3), aspect="equal")


def patch_grid(ax, atoms, columns, peak=None):
    """Square patches (n, size^2) in rows of `columns`, grey at zero; scaled to their own largest |entry| or to peak."""
    size, rows = round(atoms.shape[1] ** 0.5), -(-len(atoms) // columns)
    board = np.full((rows * (size + 1) - 1, columns * (size + 1) - 1), np.nan)
    for i, atom in enumerate(atoms):
        y, x = (i // columns) * (size + 1), (i % columns) * (size + 1)
        board[y:y + size, x:x + size] = atom.reshape(size, size) / (peak or np.abs(atom).max() or 1)
    ax.imshow(board, cmap="gray", vmin=-1, vmax=1, interpolation="nearest")
    ax.axis("off")


def grey_image(ax, image):
    """A grey image with values in [0, 1]; what lies outside is cut off."""
    ax.imshow(image, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    ax.axis("off")


def number_table(ax, values, row_names, column_names):
    """A table of numbers, shaded by value, each written into its cell."""
    middle = (values.min() + values.max()) / 2
    ax.imshow(values, cmap=SEQUENTIAL, aspect="auto")
    for (i, j), value in np.ndenumerate(values):
        ax.text(j, i, f"{value:.2f}", ha="center", va="center", color="black" if value > middle else "white")
    ax.set_xticks(range(len(column_names)), column_names)
    ax.set_yticks(range(len(row_names)), row_names)


# Lesson 3, superposition
KIND_COLORS = (BASELINE, ATOM, FAILURE)  # not represented, orthogonal, superposed


def feature_arrows(ax, W, names=None):
    """Feature directions W (n_features, 2) as numbered arrows from the origin; the circle has radius 1."""
    ax.add_patch(plt.Circle((0, 0), 1, fill=False, color=BASELINE, linewidth=0.8))
    for i, arrow in enumerate(W):
        ax.annotate("", arrow, (0, 0), arrowprops={"arrowstyle": "-|>", "color": TRUTH, "linewidth": 1.5, "shrinkA": 0, "shrinkB": 0})
        if np.linalg.norm(arrow) > 0.3:
            ax.text(*(1.2 * arrow), names[i] if names else str(i + 1), ha="center", va="center")
    ax.set(xlim=(-1.6, 1.6), ylim=(-1.6, 1.6), aspect="equal", xlabel="hidden unit 1", ylabel="hidden unit 2")


def solution_map(ax, feature_probability, importance, kind):
    """Which of three solutions, kind (n_importances, n_probabilities), as coloured cells on logarithmic axes."""
    ax.pcolormesh(feature_probability, importance, kind, cmap=mpl.colors.ListedColormap(KIND_COLORS), vmin=0, vmax=2, shading="nearest")
    ax.set(xscale="log", yscale="log", xlabel="probability p that a feature is on", ylabel="importance of feature 2")


def dimension_shares(ax, feature_probability, shares):
    """One dot per represented feature: its share of a dimension against 1/p, over lines at the shares of regular shapes."""
    for share, name in ((1, "alone: 1"), (3 / 4, "tetrahedron: 3/4"), (2 / 3, "triangle: 2/3"), (1 / 2, "pair: 1/2"), (2 / 5, "pentagon: 2/5")):
        ax.axhline(share, color=BASELINE, linewidth=0.8)
        ax.text(1.01, share, name, transform=ax.get_yaxis_transform(), va="center", fontsize=8)
    for p, values in zip(feature_probability, shares):
        ax.plot(np.full(len(values), 1 / p), values, ".", color=TRUTH, alpha=0.35, markersize=5)
    ax.set_xscale("log")
    ax.set_xticks([1, 2, 5, 10, 20, 50], ["1", "2", "5", "10", "20", "50"])
    ax.minorticks_off()
    ax.set(ylim=(0, 1.05), xlabel="1/p: a feature is on once in so many samples", ylabel="share of a dimension")


def signed_weights(ax, W):
    """Weights W (n_features, n_neurons) as a map centred at zero: one column per neuron."""
    ax.imshow(W, cmap=SIGNED, vmin=-1.2, vmax=1.2, aspect="auto")
    ax.set(xticks=range(W.shape[1]), xticklabels=range(1, W.shape[1] + 1), yticks=range(0, len(W), 3), yticklabels=range(1, len(W) + 1, 3), xlabel="hidden unit", ylabel="feature")


# Lesson 4, from PCA to the SAE
def tied_landscape(ax, variances, weight_decay):
    """Loss of a linear autoencoder with one tied latent w in the plane, axes of the given variances (2,), unequal.

    With s = sum_i v_i w_i^2: the loss is sum v - 2 s + ||w||^2 s + 2 weight_decay ||w||^2. White dots: its minima;
    crosses: its saddles. On axis i the slope is zero at 0 and at w_i^2 = 1 - weight_decay / v_i.
    """
    side = np.linspace(-1.5, 1.5, 121)
    first, second = np.meshgrid(side, side)
    length2, along = first**2 + second**2, variances[0] * first**2 + variances[1] * second**2
    loss = variances.sum() - 2 * along + length2 * along + 2 * weight_decay * length2
    ax.contourf(first, second, np.log(loss - loss.min() + 0.02), levels=18, cmap=SEQUENTIAL)
    order = np.argsort(variances)
    saddle, minimum = np.maximum(0.0, 1 - weight_decay / variances[order]) ** 0.5
    for sign in (1, -1):
        if minimum:
            ax.plot(*(sign * saddle * np.eye(2)[order[0]]), "X", color="white", markeredgecolor=TRUTH, markersize=8)
        ax.plot(*(sign * minimum * np.eye(2)[order[1]]), "o", color="white", markeredgecolor=TRUTH)
    ax.set(xlabel=f"w along variance {variances[0]:g}", ylabel=f"w along variance {variances[1]:g}", aspect="equal")
    return ax


# Lesson 5, inside a transformer
def two_uses(ax, names, groups, labels):
    """One row per name with the values (low, high) of its two uses as dots above and below the row's line."""
    rng = np.random.default_rng(0)
    for row, pair in enumerate(groups):
        for values, color, shift, label in zip(pair, (BASELINE, ATOM), (0.17, -0.17), labels):
            values = rng.permutation(values)[:150]
            ax.plot(values, row + shift + rng.uniform(-0.1, 0.1, len(values)), ".", color=color, alpha=0.6, markersize=4, label=label if row == 0 else None)
    ax.set(yticks=range(len(names)), yticklabels=names, ylim=(len(names) - 0.5, -0.5))
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1), markerscale=2)


def recipe_bars(ax, names, shares, others):
    """Shares of the named atoms as bars, largest on top, and of all others together in grey below them."""
    rows = np.arange(len(names) + 1)
    ax.barh(rows, [*shares, others], color=[ATOM] * len(names) + [BASELINE])
    ax.set(yticks=rows, yticklabels=[*names, "others"], xlabel="share of the code", xlim=(0, 1.08), xticks=(0, 0.5, 1))
    ax.invert_yaxis()


def levels_in_plane(ax, points, means, levels):
    """Samples' coordinates `points` (list of (n, 2), one per level) in pale, and the curve through the levels' means (n_levels, 2)."""
    for cloud, share in zip(points, np.linspace(0.15, 0.9, len(points))):
        ax.plot(*cloud.T, ".", color=plt.get_cmap(SEQUENTIAL)(share), markersize=2, alpha=0.35)
    ax.plot(*means.T, "o-", color=TRUTH, markersize=5)
    for level, mean in zip(levels, means):
        ax.annotate(str(level), mean, xytext=(5, 5), textcoords="offset points", fontweight="bold")
    ax.set(xlabel="first direction", ylabel="second direction")


def best_scores(ax, names, scores):
    """Scores per name: one row of marks per name, `scores` maps a label to (values (n_names,), colour, marker)."""
    rows = np.arange(len(names))
    for label, (values, color, marker) in scores.items():
        ax.plot(values, rows, marker, color=color, label=label, markersize=5)
    ax.hlines(rows, 0, 1, color=BASELINE, linewidth=0.3, zorder=0)
    ax.set(yticks=rows, yticklabels=names, xlim=(0, 1.02), ylim=(len(names) - 0.5, -0.5))
    ax.tick_params(axis="y", labelsize=7)
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))


# Lesson 6, train an SAE
def frontier(ax, counts, curves, points, lines):
    """Explained variance over active units: `curves` {classical name: values at counts}; `points` {SAE: (l0, value)}; `lines` {SAE: [(l0, value), …]}."""
    for name, values in curves.items():
        color = {"neurons": NEURON, "random directions": BASELINE}.get(name, ATOM)
        ax.plot(counts, values, color=color)
        ax.annotate(name, (counts[-1], values[-1]), xytext=(4, -3), textcoords="offset points", color=color, fontsize=8)
    for values in lines.values():
        ax.plot(*np.array(sorted(values)).T, color=LATENT, linewidth=1)
    middle, heights = np.median([l0 for l0, _ in points.values()]), {-1: -1.0, 1: -1.0}
    for name, (l0, value) in sorted(points.items(), key=lambda item: item[1][1]):
        if l0 > counts[-1] / 1.5:  # where the curves' names stand: under its own point
            ax.plot(l0, value, "o", color=LATENT, markersize=4)
            ax.text(l0, value - 0.02, name, color=LATENT, fontsize=8, va="top", ha="center", bbox=OVER_LINES)
            continue
        side = 1 if l0 >= middle else -1
        heights[side] = max(value, heights[side] + 0.045)  # labels in steps on either side, so that none covers another
        ax.plot([l0, l0 * 1.1**side], [value, heights[side]], "o-", color=LATENT, markersize=4, linewidth=0.5, markevery=[0])
        ax.text(l0 * 1.13**side, heights[side], name, color=LATENT, fontsize=8, va="center", ha="left" if side == 1 else "right", bbox=OVER_LINES)
    ax.set(xscale="log", xlabel="active units per token", ylabel="explained variance", ylim=(0, 1), xlim=(0.9, 2.2 * counts[-1]))
    ax.set_xticks([1, *counts], [1, *counts])
    ax.minorticks_off()


# Lesson 9, splitting and the map
DICTIONARY_MARKS = (("D", 26), ("o", 6), (".", 5), ("x", 6))  # marker and area of A/0, A/1, …: the smaller the dictionary, the larger


def feature_map(ax, xy, labels=None, which=None, names=("latents",), color=LATENT, texts=None):
    """Latents as points xy (n, 2) of a map without axes: pale outside clusters (labels < 0), full inside.

    which (n,): each point's dictionary, told apart by marker and size and named by `names`; texts: {cluster: text} to write at some clusters' middles.
    """
    labels = np.zeros(len(xy), int) if labels is None else np.asarray(labels)
    which = np.zeros(len(xy), int) if which is None else np.asarray(which)
    for j in np.argsort(-np.bincount(which, minlength=len(names)), kind="stable"):  # small dictionaries lie on top
        marker, area = DICTIONARY_MARKS[j % 4] if len(names) > 1 else (".", 10)
        for inside, alpha in ((False, 0.25), (True, 1.0)):
            points = xy[(which == j) & ((labels >= 0) == inside)]
            ax.scatter(*points.T, s=area, marker=marker, color=color, alpha=alpha, linewidths=0.5 if marker in "Dx" else 0, edgecolors="white" if marker == "D" else None, label=names[j] if inside else None)
    for cluster, text in (texts or {}).items():
        middle = np.median(xy[labels == cluster], axis=0)
        ax.annotate(text, middle, xytext=(0, 6), textcoords="offset points", fontsize=7, ha="center", bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.8})
    if len(names) > 1:
        ax.legend(loc="upper left", bbox_to_anchor=(0, 0), ncols=len(names), fontsize=8, markerscale=1.5, handletextpad=0.1, frameon=False, reverse=True)
    ax.set_aspect("equal", adjustable="datalim")
    ax.set(xticks=[], yticks=[])
    for side in ax.spines.values():
        side.set_visible(False)


def splitting_tree(ax, generations, parents, sizes, densities, texts):
    """A latent and its descendants, one column per dictionary, a line from each to its parent; larger dots fire more often.

    generations: index array per dictionary, [root] first; parents: per larger dictionary the parent of each of its latents; sizes: numbers of latents;
    densities: per dictionary (n_latents,); texts: {(dictionary, latent): text to write beside it}.
    """
    heights, leaves = {}, itertools.count()

    def place(level, latent):
        below = generations[level + 1] if level + 1 < len(generations) else []
        rows = [place(level + 1, child) for child in below if parents[level][child] == latent]
        heights[level, latent] = np.mean(rows) if rows else next(leaves)
        return heights[level, latent]

    place(0, generations[0][0])
    for (level, latent), height in heights.items():
        if level:
            ax.plot([level - 1, level], [heights[level - 1, parents[level - 1][latent]], height], color=LATENT, linewidth=0.8, alpha=0.5)
        ax.plot(level, height, "o", color=LATENT, markersize=3 + 60 * np.sqrt(densities[level][latent]) / 3)
        side, ha = (6, "left") if level else (-8, "right")  # lines leave the root to the right
        ax.annotate(texts.get((level, latent), ""), (level, height), (side, 0), textcoords="offset points", va="center", ha=ha, fontsize=7)
    ax.set(xticks=range(len(sizes)), xticklabels=[f"{size:,}" for size in sizes], yticks=[], xlabel="latents", xlim=(-0.9, len(sizes) - 0.1))
    ax.set_ylim(max(heights.values()) + 0.7, -0.7)
    ax.spines["left"].set_visible(False)
