"""One card per answer: a small HTML box with a plain-text twin, shown by `show`.

The state is told three times, by a word, a sign and a colour, so that no reader depends on the colour. Text keeps the
front end's own colour, so it reads on light and dark pages; in a terminal the plain-text twin is printed. Nothing goes
to stderr and no value is left.
"""

import sys
from dataclasses import dataclass
from html import escape

from saekit.course import notebook

STATES = {  # state: (sign, colour, tint); the course's palette: blue is right, vermilion is wrong, grey is absent
    "passed": ("✓", "#0072B2", "rgba(0, 114, 178, 0.10)"),
    "not started": ("○", "#999999", "rgba(153, 153, 153, 0.12)"),
    "not yet": ("↺", "#D55E00", "rgba(213, 94, 0, 0.10)"),
    "note": ("·", "#999999", "rgba(153, 153, 153, 0.12)"),
}


@dataclass(frozen=True)
class Card:
    """What one card says: title and state in the first line, then text, labelled rows, verbatim lines and remarks.

    rows: (label, value) pairs, values shown as code. verbatim: the learner's own traceback. remarks: sentences at the
    end. word: what stands for the state in the first line where the state's own name does not fit.
    """

    title: str
    state: str = "note"
    text: str = ""
    rows: tuple = ()
    verbatim: str = ""
    remarks: tuple = ()
    word: str = ""

    @property
    def plain(self):
        """The card as text for a terminal; lines after the first are indented by two."""
        head = (
            self.title if self.state == "note" else f"{STATES[self.state][0]} {self.title} · {self.word or self.state}"
        )
        width = max((len(label) for label, _ in self.rows), default=0)
        body = [self.text] if self.text else []
        body += [f"{label:<{width}}  {value}" for label, value in self.rows]
        body += self.verbatim.splitlines() + list(self.remarks)
        lines = [line for part in body for line in part.splitlines()]
        return "\n".join([head] + [f"  {line}".rstrip() for line in lines])

    @property
    def html(self):
        """The card as one self-contained HTML box."""
        sign, colour, tint = STATES[self.state]
        word = "" if self.state == "note" else f" · {escape(self.word or self.state)}"
        parts = [f'<strong><span style="color: {colour}">{sign}</span> {escape(self.title)}</strong>{word}']
        if self.text:
            parts.append(f'<div style="margin-top: 4px">{_prose(self.text)}</div>')
        if self.rows:
            parts.append(_table(self.rows))
        if self.verbatim:
            parts.append(
                '<pre style="margin: 6px 0 0; padding: 0; background: transparent; color: inherit; white-space:'
                f' pre-wrap; font-family: monospace">{escape(self.verbatim)}</pre>'
            )
        parts += [f'<div style="margin-top: 4px; opacity: 0.85">{_prose(remark)}</div>' for remark in self.remarks]
        return (f'<div style="border-left: 5px solid {colour}; background: {tint}; color: inherit; padding: 6px 12px; '
                f'margin: 4px 0; max-width: 56em; line-height: 1.45">{"".join(parts)}</div>')


def _prose(text):
    """Escaped text in which `code` between backticks becomes code and newlines are kept."""
    pieces = escape(text).split("`")
    if len(pieces) % 2 == 0:  # an unpaired backtick: leave the text as it is
        return escape(text).replace("\n", "<br>")
    marked = [f"<code>{piece}</code>" if i % 2 else piece for i, piece in enumerate(pieces)]
    return "".join(marked).replace("\n", "<br>")


def _table(rows):
    """Labelled rows as a borderless two-column table."""
    cell = 'style="padding: 1px 12px 1px 0; border: 0; text-align: left; vertical-align: top; background: transparent'
    lines = "".join(f'<tr style="background: transparent"><td {cell}; opacity: 0.75">{escape(label)}</td>'
                    f'<td {cell}"><code>{escape(value)}</code></td></tr>' for label, value in rows)
    return f'<table style="margin: 4px 0 0; border: 0; border-collapse: collapse">{lines}</table>'


def show(card):
    """Display a card in the notebook or terminal we run in; returns nothing."""
    bundle(card.html, card.plain)


def bundle(html, plain):
    """Display one output with an HTML side and a plain-text twin."""
    if notebook.shell() is None:
        sys.stdout.write(plain + "\n")
        return
    from IPython.display import display

    display({"text/html": html, "text/plain": plain}, raw=True)
