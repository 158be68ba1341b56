"""Labels for language models of Python: which concepts each BPE token has, and how deep it stands.

A *concept* is a yes-or-no property of a stretch of source text; `marks` finds these stretches with Python's own
tokenizer and parser. A BPE token has a concept if they cover at least half of its non-blank bytes (of all its bytes if
it is blank). *Depths* are whole numbers: how many brackets and how many indented blocks are open after the token's last
byte. The boundary token has neither. Labels are the same under every Python that can read the text; a text that does
not parse keeps what `tokenize` says of it up to the first error.
"""

import tokenize

import numpy as np

from saekit.lexemes import CLOSES, OPENS, Source
from saekit.marks import marks
from saekit.progress import bar

CONCEPTS = {
    # layout
    "comment": "from # to the end of the line",
    "line_start": "holds the first non-blank byte of a line",
    "newline": "line break that ends a statement, with the blanks after it",
    "line_break": "any other line break of code (comment or blank line, inside brackets), with the blanks after it",
    "indent": "line break and blanks before a line one block deeper",
    "dedent": "line break and blanks before a line that closes a block",
    # strings and numbers
    "string": "a string literal of any kind, prefix and quotes included",
    "string_plain": "one-line string without prefix",
    "string_raw": "string with prefix r",
    "string_bytes": "string with prefix b",
    "string_format": "string with prefix f",
    "string_triple": "string in three quotes",
    "string_open": "prefix and opening quote of a string",
    "string_close": "closing quote of a string",
    "docstring": "string that stands first in a module, class or function",
    "placeholder": "field to be filled in a string: %s, %(name)d, {name}, {} (not in docstrings and raw strings)",
    "escape": "backslash and what it stands with, in a string that is not raw",
    "number": "a number of any kind",
    "number_int": "decimal integer",
    "number_float": "number with a point or an exponent",
    "number_radix": "number in base 16, 8 or 2: 0xff, 0o17, 0b1",
    "number_imaginary": "number with j",
    # keywords
    "keyword": "any reserved word of Python",
    "keyword_control": "if elif else for while break continue pass",
    "keyword_return": "return yield",
    "keyword_definition": "def class lambda",
    "keyword_import": "import, and from and as in an import statement",
    "keyword_logical": "and or not in is",
    "keyword_exception": "try except finally raise assert",
    "keyword_constant": "True False None",
    "keyword_other": "with as from async await global nonlocal del, outside import statements",
    # operators and brackets
    "operator_arithmetic": "+ - * / // % ** @ that compute",
    "operator_comparison": "== != < > <= >=",
    "operator_bitwise": "& | ^ ~ << >>",
    "operator_assignment": "= outside brackets, and :=",
    "operator_augmented": "+= -= *= and the like",
    "operator_unpacking": "* or ** that collects or spreads arguments or elements",
    "equals_in_brackets": "= of a keyword argument or default",
    "dot": "the dot before an attribute or inside a module name",
    "comma": "comma",
    "block_colon": "colon that ends a line of code",
    "bracket_open": "( [ {",
    "bracket_close": ") ] }",
    "depth_0": "no bracket open after the token",
    "depth_1": "one bracket open after the token",
    "depth_2": "two brackets open after the token",
    "depth_3": "three or more brackets open after the token",
    # names by their place
    "decorator": "from @ to the end of a decorator",
    "import_line": "an import statement",
    "module_name": "module named in an import statement",
    "imported_name": "name after import in from … import",
    "def_name": "name after def",
    "class_name": "name after class",
    "argument": "name of an argument where a function is defined",
    "keyword_argument": "name before = in a call",
    "call_name": "name before an opening parenthesis, not where it is defined",
    "attribute": "name after a dot, outside import statements",
    "assigned_name": "name that =, +=, :=, for, with or as binds",
    "loop_variable": "what for binds, in loops and comprehensions",
    # names by their spelling
    "builtin": "name of a built-in function or type, exceptions apart (no attribute, no argument's name)",
    "exception_name": "name that ends in Error, Exception or Warning, or one like KeyboardInterrupt",
    "self": "self or cls",
    "dunder_name": "name between double underscores: __init__",
    "private_name": "name that starts with an underscore and is no dunder",
    "constant_name": "name in capitals, two or more: MAX_SIZE",
    "camel_case": "name with capitals and small letters: OrderedDict, getLogger",
    # grammar
    "type_hint": "annotation of an argument, a variable or a return value",
    "default_value": "default of an argument",
    "base_class": "base of a class",
    "condition": "what if, elif, while, assert or the if of a comprehension tests",
    "subscript": "index or slice between the brackets of x[…]",
    "dict_key": "key in a dict display",
    "comprehension": "comprehension or generator expression, brackets included",
    # meaning
    "url": "web address, anywhere",
    "licence": "paragraph of a comment or string that speaks of copyright, licence or warranty",
    "sql": "string that starts as an SQL statement",
    "sql_built": "SQL string put together at run time: f-string, +, % or .format",
    "eval_exec": "the name eval or exec where it is called",
    "pickle": "pickle, Pickler and their relatives, as names",
    "shell_true": "the argument shell=True",
    "bare_except": "except: without an exception",
    "key_like": "string that looks like a key or hash, or is given to a name like password or api_key",
}
DEPTHS = ("bracket", "indent")
UNKNOWN = -1  # depth of a token that has none: boundary tokens, and text after the first thing that is not Python


def label_document(text, spans):
    """Which concepts each token of a document has: (n_tokens, n_concepts) bool, columns in the order of CONCEPTS.

    text: the whole document. spans: (n_tokens, 2) int, first byte and one past the last byte of each token in the
    text's UTF-8, as `token_spans` gives them; an empty span has no concept. Raises ValueError for other spans
    or a text that is no str.
    """
    source = Source(text)
    spans = _checked(spans, len(source.data))
    found = marks(source)
    depth = np.minimum(_depths(source, spans)[:, 0], 3)
    for i in range(4):
        found[f"depth_{i}"] = spans[depth == i].tolist()
    return _cover(found, source.data, spans)


def depths(text, spans):
    """Brackets and indented blocks open after each token of a document: (n_tokens, 2) int16, columns DEPTHS.

    text, spans: as for `label_document`. UNKNOWN (-1) for empty spans and from the first thing on that is not Python.
    ValueError for other spans, or a text that is no str.
    """
    source = Source(text)
    return _depths(source, _checked(spans, len(source.data)))


def token_spans(text, tokenizer):
    """First byte and one past the last byte of each token of `text` in its UTF-8: (n_tokens, 2) int64.

    tokenizer: a byte-level BPE, `tokenizers.Tokenizer`; special tokens inside the text are ordinary characters.
    ValueError for another kind, one that alters the text, or a text that is no str that UTF-8 can hold.
    """
    try:
        data = text.encode()
    except (AttributeError, UnicodeEncodeError) as error:
        raise ValueError(f"text is {text!r:.40}; expected str that UTF-8 can hold ({error})") from None
    tokenizer.encode_special_tokens = True
    pieces = _token_bytes(tokenizer)
    spans, written = _spans(tokenizer.encode(text, add_special_tokens=False).ids, pieces)
    if written != data:
        raise ValueError("the tokens do not spell the text byte by byte (does this tokenizer normalise its input?)")
    return spans


def label_stream(stream, tokenizer, n_ctx, rows=None):
    """Concepts of every token of `corpus.contexts(stream, n_ctx)`: (n, n_ctx, n_concepts) bool; boundaries have none.

    stream: TokenStream made with `tokenizer`; its documents are read back from their tokens. rows: only these contexts
    (slice or indices); documents that they do not touch are not read. ValueError for n_ctx < 2, rows beyond the
    contexts, or a tokenizer that is no byte-level BPE or cannot read the tokens.
    """
    return _over_stream(label_document, np.zeros(len(CONCEPTS), bool), stream, tokenizer, n_ctx, rows)


def depth_stream(stream, tokenizer, n_ctx, rows=None):
    """Depths of every token of `corpus.contexts(stream, n_ctx)`: (n, n_ctx, 2) int16, UNKNOWN for boundary tokens.
    ValueError as in `label_stream`."""
    return _over_stream(depths, np.full(len(DEPTHS), UNKNOWN, np.int16), stream, tokenizer, n_ctx, rows)


def _over_stream(read, nothing, stream, tokenizer, n_ctx, rows):
    """read(text, spans) of the documents that the contexts touch, laid out as the contexts are; `nothing` elsewhere."""
    if n_ctx < 2:
        raise ValueError(f"n_ctx is {n_ctx}; a context holds the boundary token and at least one more, so n_ctx >= 2")
    width, pieces = n_ctx - 1, _token_bytes(tokenizer)
    every = np.arange((len(stream.tokens) - 1) // width)
    try:
        rows = np.atleast_1d(every[slice(None) if rows is None else rows])
    except IndexError as error:
        raise ValueError(f"rows do not fit the {len(every)} contexts of n_ctx={n_ctx} ({error})") from None
    place = (rows[:, None] * width + np.arange(1, n_ctx)).ravel()  # of each cell after the first, in the packed stream
    order = np.argsort(place, kind="stable")
    bounds = np.append(stream.starts, len(stream.tokens))
    edges = np.searchsorted(place[order], bounds)
    out = np.full((len(rows), n_ctx, len(nothing)), nothing)
    for i in bar(np.flatnonzero(np.diff(edges)), desc="labelling", unit="file", leave=False):
        spans, data = _spans(stream.tokens[bounds[i] + 1:bounds[i + 1]], pieces)
        try:
            labels = np.concatenate([read(data.decode(), spans), nothing[None]])  # index -1: the boundary token
        except UnicodeDecodeError as error:
            raise ValueError(f"the tokens of {stream.names[i]} are no UTF-8 text ({error}); was the stream made with "
                             "another tokenizer?") from None
        cells = order[edges[i]:edges[i + 1]]
        out[cells // width, cells % width + 1] = labels[place[cells] - bounds[i] - 1]
    return out


def _token_bytes(tokenizer):
    """The bytes of each token id, none for special tokens; byte-level BPE writes every byte as one character."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]  # bytes that stand for themselves; others from 256 on
    byte_of = {chr(code): byte for byte, code in zip(plain, plain)}
    byte_of.update({chr(256 + i): byte for i, byte in enumerate(sorted(set(range(256)) - set(plain)))})
    added, vocabulary = tokenizer.get_added_tokens_decoder(), tokenizer.get_vocab()
    pieces = [b""] * (max(vocabulary.values()) + 1)
    for token, i in vocabulary.items():
        try:
            pieces[i] = token.encode() if i in added else bytes(byte_of[char] for char in token)
        except KeyError:
            raise ValueError(f"tokenizer has the token {token!r}; expected a byte-level BPE (is it a word-piece or "
                             "sentence-piece model?)") from None
    for i, token in added.items():
        pieces[i] = b"" if token.special else pieces[i]
    return pieces


def _spans(ids, pieces):
    """Byte spans of consecutive tokens and the bytes that they spell."""
    if len(ids) and max(ids) >= len(pieces):
        raise ValueError(f"a token is {max(ids)}; expected less than {len(pieces)}, the size of the tokenizer (was the "
                         "stream made with another?)")
    parts = [pieces[i] for i in ids]
    ends = np.cumsum([0] + [len(part) for part in parts])
    return np.stack([ends[:-1], ends[1:]], 1), b"".join(parts)


def _checked(spans, n_bytes):
    spans = np.asarray(spans)
    spans = spans.reshape(0, 2).astype(int) if spans.size == 0 else spans
    if spans.ndim != 2 or spans.shape[1] != 2 or spans.dtype.kind not in "iu":
        raise ValueError(f"spans is {spans.dtype} {spans.shape}; expected integers (n_tokens, 2): first byte, end")
    if spans.size and not (0 <= spans.min() and (spans[:, 0] <= spans[:, 1]).all() and spans.max() <= n_bytes):
        raise ValueError(f"spans run from {spans.min()} to {spans.max()}; expected 0 <= first <= end <= {n_bytes}, the "
                         "bytes of the text (spans of another text, or counted in characters?)")
    return spans.astype(np.int64)


def _depths(source, spans):
    """(n_tokens, 2) int16: brackets and indentations opened minus closed, summed up to each token's end."""
    steps = ([], [])
    for kind, text, _, end in source.lexemes:
        if kind == tokenize.OP and (text in OPENS or text in CLOSES):
            steps[0].append((end, 1 if text in OPENS else -1))
        elif kind in (tokenize.INDENT, tokenize.DEDENT):
            steps[1].append((end, 1 if kind == tokenize.INDENT else -1))
    out = np.full((len(spans), 2), UNKNOWN, np.int16)
    known = (spans[:, 0] < spans[:, 1]) & (spans[:, 1] <= source.read_to)
    for column, events in enumerate(steps):
        at, change = np.array(events, np.int64).reshape(-1, 2).T
        total = np.minimum(np.concatenate([[0], np.cumsum(change)]), np.iinfo(np.int16).max)
        out[known, column] = total[np.searchsorted(at, spans[known, 1], side="right")]
    return out


def _cover(found, data, spans):
    """(n_tokens, n_concepts) bool: do the intervals found cover half of the token's bytes that count?"""
    n = len(data)
    start, end = spans.T
    solid = ~np.isin(np.frombuffer(data, np.uint8), list(b" \t\n\r\f"))
    total = np.concatenate([[0], np.cumsum(solid)])
    blank = total[end] == total[start]
    counted = solid | _inside(spans[blank], n)
    total = np.concatenate([[0], np.cumsum(counted)])
    out = np.zeros((len(spans), len(CONCEPTS)), bool)
    for column, name in enumerate(CONCEPTS):
        if found.get(name):
            covered = np.concatenate([[0], np.cumsum(_inside(np.array(found[name]), n) & counted)])
            share = covered[end] - covered[start]
            out[:, column] = (share > 0) & ((name == "line_start") | (2 * share >= total[end] - total[start]))
    return out


def _inside(intervals, n):
    """(n,) bool: is the byte in one of the intervals (m, 2)?"""
    change = np.bincount(intervals[:, 0], minlength=n + 1) - np.bincount(intervals[:, 1], minlength=n + 1)
    return np.cumsum(change[:n]) > 0
