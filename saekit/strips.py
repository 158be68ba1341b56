"""Excerpts of text as lines of tokens, for a notebook: HTML with a plain-text twin, every character visible."""

from html import escape

from saekit.plots import LATENT


BEFORE = 48  # characters that are shown before the token that was looked up


class TokenStrips:
    """Excerpts as lines of tokens, shaded by activation, the token that was looked up in bold, one below the other: HTML with a plain-text twin."""

    def __init__(self, examples, title, color=LATENT):
        self.examples, self.title, self.color = examples, title, color
        self.peak = max((float(example.activations.max()) for example in examples), default=1.0) or 1.0
        self.firsts = [first_shown(example) for example in examples]
        self.column = max((width(example, first) for example, first in zip(examples, self.firsts)), default=0)

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"text/html": self.html, "text/plain": repr(self)}

    def __repr__(self):
        lines = [f"{self._indent(example, first)}{''.join(map(visible, example.tokens[first:]))}   [{example.file}]"
                 for example, first in zip(self.examples, self.firsts)]
        return "\n".join([self.title, *lines])

    @property
    def html(self):
        rows = "".join(f'<div style="margin:2px 0">{self._line(example, first)}<span style="opacity:.6"> · {escape(example.file)}</span></div>'
                       for example, first in zip(self.examples, self.firsts))
        return (f'<div style="font-family:monospace;font-size:12px;white-space:pre;overflow-x:auto">'
                f'<div style="font-weight:bold">{escape(self.title)}</div>{rows}</div>')

    def _indent(self, example, first):
        return " " * (self.column - width(example, first))

    def _line(self, example, first):
        return self._indent(example, first) + "".join(
            self._token(example.tokens[i], float(example.activations[i]), i == example.at) for i in range(first, len(example.tokens)))

    def _token(self, token, activation, chosen):
        share = max(0.0, activation) / self.peak
        style = f"background:{self.color}{round(200 * share):02x};" if share > 0 else ""
        style += "font-weight:bold;outline:1px solid currentColor;" if chosen else ""
        return f'<span style="{style}" title="{activation:.2f}">{escape(visible(token))}</span>'


def width(example, first):
    """Characters of an excerpt from its token number `first` to the one that was looked up."""
    return sum(len(visible(token)) for token in example.tokens[first:example.at])


def first_shown(example):
    """Number of the first token from which no more than BEFORE characters lead to the one that was looked up."""
    return next(first for first in range(example.at + 1) if width(example, first) <= BEFORE)


def visible(token):
    """A token's text with line breaks, tabs and other control or direction characters made visible."""
    text = token.replace("\n", "⏎").replace("\t", "⇥")
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)
