"""Python text as Python itself reads it: its tokens and its syntax tree, with positions in bytes.

A *lexeme* is a token of `tokenize`; offsets count the bytes of the text in UTF-8, where BPE tokens are cut. Line ends
may be LF, CRLF or CR. An f-string is one lexeme, as it was in Python 3.11, so that all versions agree. Reading stops at
the first thing that is not Python; what stands before it is kept.
"""

import ast
import io
import re
import tokenize
import warnings
from itertools import accumulate
from typing import NamedTuple

F_START = {getattr(tokenize, name, None) for name in ("FSTRING_START", "TSTRING_START")}  # none before Python 3.12
F_END = {getattr(tokenize, name, None) for name in ("FSTRING_END", "TSTRING_END")}
OPENS = frozenset("([{")
CLOSES = {")": "(", "]": "[", "}": "{"}
BLANK = re.compile(rb"[ \t\f]*")


class Lexeme(NamedTuple):
    """One token of Python's tokenizer; start and end count bytes; layout tokens include the blanks they stand with."""

    kind: int
    text: str
    start: int
    end: int


class Source:
    """A text as UTF-8 bytes with line starts, its lexemes up to the first error, and its syntax tree (or None).
    ValueError for a text that is no str."""

    def __init__(self, text):
        if not isinstance(text, str):
            raise ValueError(f"text is a {type(text).__name__}; expected str (bytes? decode them as UTF-8 first)")
        # neither tokenizer nor parser takes these; as many bytes of harmless ones keep all positions
        text = re.sub("[\ud800-\udfff]", "\ufffd", text).replace("\0", "\x01")
        self.data = text.encode()
        first = 3 if text.startswith("\ufeff") else 0
        breaks = [match.span() for match in re.finditer(rb"\r\n?|\n", self.data)]
        self.starts = [first] + [end for _, end in breaks] + [len(self.data)]
        self.breaks = [start for start, _ in breaks] + [len(self.data)]
        self.lines = re.split("\r\n?|\n", text.removeprefix("\ufeff")) + [""]
        self.normal = "\n".join(self.lines[:-1])
        self.columns = {}
        self.lexemes, self.read_to = [], len(self.data)
        self._read_lexemes()

    def place(self, line, column):
        """Byte offset of a column counted in characters, as tokenize does; lines count from 1."""
        text = self.lines[line - 1]
        if not text.isascii():
            if line not in self.columns:
                self.columns[line] = list(accumulate((len(char.encode()) for char in text), initial=0))
            column = self.columns[line][min(column, len(text))]
        return min(self.starts[line - 1] + column, len(self.data))

    def span(self, node):
        """Byte offsets of a node of the syntax tree."""
        return (self.starts[node.lineno - 1] + node.col_offset, self.starts[node.end_lineno - 1] + node.end_col_offset)

    def _read_lexemes(self):
        pending, brackets = [], []  # starts of f-strings, open brackets
        try:
            for kind, text, begin, stop, _ in tokenize.generate_tokens(io.StringIO(self.normal).readline):
                if kind in F_START:
                    pending.append(begin)
                elif kind in F_END:
                    kind, begin = tokenize.STRING, pending.pop()
                if pending:
                    continue
                if kind == tokenize.ERRORTOKEN or text in tuple("$?!`") or (
                        text in CLOSES and kind == tokenize.OP and (not brackets or brackets.pop() != CLOSES[text])):
                    raise SyntaxError  # Python 3.12 and later stop here or soon after; so do we
                if text in OPENS:
                    brackets.append(text)
                self.lexemes.append(self._lexeme(kind, text, begin, stop))
        except (tokenize.TokenError, SyntaxError):
            self.read_to = self.lexemes[-1].end if self.lexemes else 0

    def _lexeme(self, kind, text, begin, stop):
        start, end = self.place(*begin), self.place(*stop)
        if kind in (tokenize.NEWLINE, tokenize.NL):
            end = BLANK.match(self.data, self.starts[begin[0]]).end()
        elif kind in (tokenize.INDENT, tokenize.DEDENT):
            start = self.breaks[begin[0] - 2] if begin[0] > 1 else 0
        elif kind == tokenize.STRING:
            text = self.data[start:end].decode()
        return Lexeme(kind, text, start, end)

    def tree(self):
        """The syntax tree, or None where Python refuses the text."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return ast.parse(self.normal)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None
