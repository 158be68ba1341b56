"""Figures of chains through a model: the chain as boxes and arrows, and a latent monitored token by token.

Colours are those of `plots`: truth black, latents blue, what an intervention does vermilion.
"""

from saekit.plots import FAILURE, LATENT, TRUTH


def chain(ax, boxes, arrows):
    """The steps of a chain as boxes from left to right: a text in each, and one above the arrow from each to the next."""
    for place, text in enumerate(boxes):
        color = LATENT if 0 < place < len(boxes) - 1 else TRUTH
        frame = {"boxstyle": "round,pad=0.5", "facecolor": "white", "edgecolor": color}
        ax.text(place, 0, text, ha="center", va="center", fontsize=8, color=color, bbox=frame)
    for place, text in enumerate(arrows):
        ax.annotate("", (place + 0.68, 0), (place + 0.32, 0), arrowprops={"arrowstyle": "-|>", "color": TRUTH})
        ax.text(place + 0.5, 0.75, text, ha="center", va="bottom", fontsize=8)
    ax.set(xlim=(-0.5, len(boxes) - 0.5), ylim=(-0.8, 1.6))
    ax.set_axis_off()


def monitored(ax, places, values, changed=None, label=None):
    """A latent's values at successive tokens as bars; dashes and `label` for what they are under an intervention."""
    ax.bar(places, values, color=LATENT, label="undisturbed")
    if changed is not None:
        ax.plot(places, changed, "_", color=FAILURE, markersize=10, markeredgewidth=2, label=label)
        ax.legend(loc="upper right", fontsize=8, handlelength=1)
    ax.set(xticks=places, xticklabels=[])
