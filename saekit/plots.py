"""One function per kind of figure; every one takes arrays and an axes, draws, labels and returns the axes.

Colours mean the same thing in every figure, page and widget (Okabe-Ito, safe for colour-blind readers):
truth black, SAE latents blue, neurons orange, classical atoms green, random or baseline grey, failure vermilion.
"""

import matplotlib as mpl
import matplotlib.pyplot as plt

TRUTH = "#000000"
LATENT = "#0072B2"
NEURON = "#E69F00"
ATOM = "#009E73"
BASELINE = "#999999"
FAILURE = "#D55E00"

SEQUENTIAL = "cividis"  # perceptually uniform
SIGNED = "RdBu_r"       # always drawn centred at zero

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
