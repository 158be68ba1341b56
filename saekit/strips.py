"""Excerpts of text as lines of tokens, for a notebook: HTML with a plain-text twin, every character visible."""

from html import escape

from saekit.plots import LATENT


class TokenStrips:
    """Excerpts as lines of tokens, shaded by activation, the token that was looked up in bold: HTML with a plain-text twin."""

    def __init__(self, examples, title, color=LATENT):
        self.examples, self.title, self.color = examples, title, color
        self.peak = max((float(example.activations.max()) for example in examples), default=1.0) or 1.0

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"text/html": self.html, "text/plain": repr(self)}

    def __repr__(self):
        lines = [f"{''.join(map(visible, example.tokens))}   [{example.file}]" for example in self.examples]
        return "\n".join([self.title, *lines])

    @property
    def html(self):
        rows = "".join(f'<div style="white-space:pre;overflow-x:auto;margin:2px 0">{self._line(example)}'
                       f'<span style="opacity:.6"> · {escape(example.file)}</span></div>' for example in self.examples)
        return f'<div style="font-family:monospace;font-size:12px"><div style="font-weight:bold">{escape(self.title)}</div>{rows}</div>'

    def _line(self, example):
        return "".join(self._token(token, float(activation), i == example.at)
                       for i, (token, activation) in enumerate(zip(example.tokens, example.activations)))

    def _token(self, token, activation, chosen):
        share = max(0.0, activation) / self.peak
        style = f"background:{self.color}{round(200 * share):02x};" if share > 0 else ""
        style += "font-weight:bold;outline:1px solid currentColor;" if chosen else ""
        return f'<span style="{style}" title="{activation:.2f}">{escape(visible(token))}</span>'


def visible(token):
    """A token's text with line breaks, tabs and other control or direction characters made visible."""
    text = token.replace("\n", "⏎").replace("\t", "⇥")
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)
