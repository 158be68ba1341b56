"""One function per kind of figure; every one takes arrays and an axes, draws, labels and returns the axes.

Colours mean the same thing in every figure, page and widget (Okabe-Ito, safe for colour-blind readers):
truth black, SAE latents blue, neurons orange, classical atoms green, random or baseline grey, failure vermilion.
"""

import base64
import io
from html import escape

import matplotlib as mpl
import matplotlib.pyplot as plt
from PIL import Image

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
    """The figure as the bytes of a PNG file; closes the figure, so that no notebook shows it a second time."""
    raw = io.BytesIO()
    with mpl.rc_context(RC):
        fig.savefig(raw, format="png", dpi=RC["savefig.dpi"])
    plt.close(fig)
    return raw.getvalue()
