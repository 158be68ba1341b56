"""Labels by reading against labels by program, awkward Python, hostile text, and alignment with the contexts.

Where the hand-labelled file and the first version of the program differed, the reader was right each time:
- `import os.path as osp` binds osp, so it is an assigned_name like every other name after `as`;
- the `if` of a comprehension tests a condition as any other `if` does;
- in f"{path!r:>{size}}" the field reaches to the last brace; the inner field is a part of it.
"""

import ast
import builtins
import json
import keyword
import random
import re
import sqlite3
import subprocess
import sys
import warnings
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from saekit import concepts, corpus, lexemes, marks
from saekit.concepts import CONCEPTS, UNKNOWN, depth_stream, depths, label_document, label_stream, token_spans
from saekit.corpus import Document
from tests import tiny_lm

NAMES = list(CONCEPTS)
OWN_FILES = [Path(marks.__file__), Path(lexemes.__file__)]


@cache
def by_hand():
    """(text, spans, concepts per token, depths per token) of the labelled file."""
    lines = Path(__file__).with_name("concepts_labelled.txt").read_text("utf-8").splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("# ")]
    pieces = [ast.literal_eval(row[0]) for row in rows]
    ends = np.cumsum([0] + [len(piece) for piece in pieces])
    labels = [set(row[2].split()) if len(row) > 2 else set() for row in rows]
    depth = [[int(number) for number in row[1].split()] for row in rows]
    return b"".join(pieces).decode(), np.stack([ends[:-1], ends[1:]], 1), labels, depth


def words_of(text):
    """Spans in bytes of words, signs and blanks, one sign each: a tokenizer that anyone can follow."""
    return np.array([match.span() for match in re.finditer(rb"[\w\x80-\xff]+|\s+|.", text.encode(), re.DOTALL)])


def having(text, concept):
    """The words and signs of a text that have a concept."""
    spans = words_of(text)
    chosen = label_document(text, spans)[:, NAMES.index(concept)]
    return [text.encode()[a:b].decode() for a, b in spans[chosen]]


def bytes_of(text):
    """Labels of each byte."""
    n = len(text.encode())
    return label_document(text, np.stack([np.arange(n), np.arange(n) + 1], 1))


def test_the_labels_agree_with_those_made_by_reading():
    text, spans, labels, _ = by_hand()
    found = label_document(text, spans)
    layout = [{name for name, has in zip(NAMES, row) if has and not name.startswith("depth_")} for row in found]
    assert layout == labels


def test_the_depths_agree_with_those_made_by_reading():
    text, spans, _, depth = by_hand()
    assert depths(text, spans).tolist() == depth
    of_label = label_document(text, spans)[:, [NAMES.index(f"depth_{i}") for i in range(4)]]
    assert of_label.argmax(1).tolist() == [min(bracket, 3) for bracket, _ in depth] and (of_label.sum(1) == 1).all()


def test_the_labelled_file_has_hundreds_of_tokens_and_every_concept():
    _, _, labels, depth = by_hand()
    assert len(labels) >= 300 and len(CONCEPTS) >= 30
    assert set().union(*labels) | {f"depth_{min(bracket, 3)}" for bracket, _ in depth} == set(CONCEPTS)


@pytest.mark.parametrize(
    "text, concept, expected",
    [
        ("f'{a[\"k\"]:>{w}} {{b}} {c}' 'd'", "placeholder", '{a["k"]:>{w}}{c}'),
        ("'%(n)5.2f 100%% {} {x.y!r} {{z}}' % d", "placeholder", "%(n)5.2f{}{x.y!r}"),
        ("f'''a\n{b\n}''' + c", "string_format", "f'''a\n{b\n}'''"),
        ("rb'\\d' + Rb'x' + u'\\d'", "escape", "\\d"),
        ("x = 0xEF + 1e5 + 0o7 + 1_0 + 3.j + .5", "number_radix", "0xEF0o7"),
        ("x = 0xEF + 1e5 + 0o7 + 1_0 + 3.j + .5", "number_float", "1e5.5"),
        ("x = 0xEF + 1e5 + 0o7 + 1_0 + 3.j + .5", "number_int", "1_0"),
        ("def f(a, /, *, b=1, **c): return f(*a, -a * b, b=a ** c)", "operator_unpacking", "****"),
        ("def f(a, /, *, b=1, **c): return f(*a, -a * b, b=a ** c)", "operator_arithmetic", "-***"),
        ("def f(a, /, *, b=1, **c): return f(*a, -a * b, b=a ** c)", "argument", "abc"),
        ("def f(a, /, *, b=1, **c): return f(*a, -a * b, b=a ** c)", "keyword_argument", "b"),
        ("@a.b\n@c(\n 1)\nclass D: x = y @ z", "decorator", "@a.b@c(1)"),
        ("@a.b\n@c(\n 1)\nclass D: x = y @ z", "operator_arithmetic", "@"),
        ("from . import (a,\n b as c); x.y = d", "imported_name", "ab"),
        ("from . import (a,\n b as c); x.y = d", "import_line", "from.import(a,basc)"),
        ("if x: import a.b, c\ndef g(): yield from d", "module_name", "abc"),
        ("if x: import a.b, c\ndef g(): yield from d", "keyword_import", "import"),
        ("with a as b, c as (d, e): pass", "assigned_name", "bde"),
        ("[i for i, (j, k) in x if (y := i)]", "assigned_name", "ijky"),
        ("for i in a: [j for j in b]", "loop_variable", "ij"),
        ("def f():\n  'no' 'doc'\ndef g():\n  f'no'\ndef h():\n  1; 'no'", "docstring", "'no''doc'"),
        ("x: int = 3\ndef f(a: 'b' = c) -> d[e]: pass", "type_hint", "int'b'd[e]"),
        ("__all__ = _x, __y, _, A, AB, _AB, aB, Ab, __", "private_name", "_x__y_AB"),
        ("__all__ = _x, __y, _, A, AB, _AB, aB, Ab, __", "dunder_name", "__all__"),
        ("__all__ = _x, __y, _, A, AB, _AB, aB, Ab, __", "constant_name", "AB_AB"),
        ("__all__ = _x, __y, _, A, AB, _AB, aB, Ab, __", "camel_case", "aBAb"),
        ("x.len(len, id=id, y=x.id)", "builtin", "lenid"),
        ("x.eval(1) + eval(2) + exec", "eval_exec", "eval"),
        ("run(a, shell = True, x=shell == True)", "shell_true", "shell=True"),
        ("try: pass\nexcept: pass\ntry: pass\nexcept A: pass", "bare_except", "except:"),
        ("q('SELECT a FROM b' + c, 'Select one', 'DELETE FROM t'.format())", "sql", "'SELECTaFROMb''DELETEFROMt'"),
        ("q('SELECT a FROM b', 'DELETE FROM t'.format())", "sql_built", "'DELETEFROMt'"),
        ("a = {'password': 'hunter2!'}; token = 'x'; b = 'abcdefghij0123456789'", "key_like", "'hunter2!'"),
        ("# a\n\n# see the licence\n# below\n#\n# other\nx = 1  # licence", "licence", "#seethelicence#below#licence"),
        ("größe = x + ª\nx.ﬁ = 1", "assigned_name", "größe"),
        ("x = (1,\n  [2, {3: 4}])", "depth_2", "[2,}"),
        ("a \\\n  + b\n", "line_start", "a+"),
        ("if a:\n  b\n\n# c\nd\n", "dedent", "\n"),
    ],
)
def test_awkward_python(text, concept, expected):
    found = "".join(having(text, concept))
    assert found == expected if concept == "dedent" else "".join(found.split()) == "".join(expected.split())


def test_reserved_words_are_those_of_python_and_builtins_exist():
    assert set(marks.KEYWORDS) == set(keyword.kwlist)
    assert all(hasattr(builtins, name) for name in marks.BUILTINS)
    functions = {name for name, value in vars(builtins).items() if not isinstance(value, type) and callable(value)}
    known_elsewhere = {"copyright", "credits", "license", "exit", "quit", "get_ipython", "display"}
    assert not {name for name in functions if not name.startswith("_")} - set(marks.BUILTINS) - known_elsewhere


@pytest.mark.parametrize("path", OWN_FILES, ids=lambda path: path.name)
def test_comments_strings_and_numbers_stand_where_pygments_sees_them(path):
    from pygments.lexers import PythonLexer
    from pygments.token import Comment, Number, String

    text = path.read_text("utf-8")
    kinds = {"comment": Comment, "string": String, "number": Number}
    of_pygments = {name: [] for name in kinds}
    for kind, piece in PythonLexer(ensurenl=False, stripnl=False).get_tokens(text):
        for name, wanted in kinds.items():
            of_pygments[name] += [kind in wanted] * len(piece.encode())
    labels = bytes_of(text)
    in_fstring = labels[:, NAMES.index("string_format")]
    for name, expected in of_pygments.items():
        assert not ((labels[:, NAMES.index(name)] != expected) & ~in_fstring).any(), name


@pytest.mark.parametrize("path", OWN_FILES, ids=lambda path: path.name)
def test_no_byte_is_two_things_at_once(path):
    labels = bytes_of(path.read_text("utf-8"))
    count = lambda *names: labels[:, [NAMES.index(name) for name in names]].sum(1)  # noqa: E731
    exclusive = "comment string number keyword attribute def_name class_name newline line_break block_colon comma dot"
    operators = [name for name in NAMES if name.startswith(("operator_", "bracket_"))]
    whole = count(*exclusive.split(), *operators)
    kinds = count(*(name for name in NAMES if name.startswith("keyword_") and name != "keyword_argument"))
    numbers = count(*(name for name in NAMES if name.startswith("number_")))
    assert whole.max() == 1 and count(*(f"depth_{i}" for i in range(4))).tolist() == [1] * len(labels)
    assert (kinds == labels[:, NAMES.index("keyword")]).all() and (numbers == labels[:, NAMES.index("number")]).all()


def test_bracket_depth_is_a_running_count():
    rng = random.Random(0)
    text, depth, open_ = "", [], []
    for _ in range(400):
        if open_ and rng.random() < 0.5:
            text += {"(": ")", "[": "]", "{": "}"}[open_.pop()]
        elif len(open_) < 90:
            open_.append(rng.choice("([{"))
            text += open_[-1]
        depth += [len(open_)] * (len(text) - len(depth))
    spans = np.stack([np.arange(len(text)), np.arange(len(text)) + 1], 1)
    assert depths(text, spans)[:, 0].tolist() == depth


def test_more_brackets_than_int16_holds_stay_the_most_that_it_holds():
    assert depths("[" * 32_780, [[0, 1], [32_779, 32_780]])[:, 0].tolist() == [1, 2**15 - 1]


def test_indent_depth_is_that_of_the_line_once_its_blanks_are_read():
    levels = [0, 1, 2, 3, 1, 2, 0, 1, 2]
    text = "".join("    " * level + "if a:\n" for level in levels) + "    " * 3 + "b\n"
    spans = words_of(text)
    after_if = [row for row, (a, b) in zip(depths(text, spans).tolist(), spans) if text[a:b] == "if"]
    assert [indent for _, indent in after_if] == levels


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_line_ends_make_no_difference(end):
    text, spans, _, _ = by_hand()
    other = text.replace("\n", end)
    before = np.cumsum([0] + [len(end) - 1 if byte == 10 else 0 for byte in text.encode()])
    moved = spans + before[spans]
    same = [i for i, name in enumerate(NAMES) if end == "\r\n" or name != "licence"]  # paragraphs need line feeds
    assert (label_document(other, moved)[:, same] == label_document(text, spans)[:, same]).all()
    assert (depths(other, moved) == depths(text, spans)).all()


def test_a_byte_order_mark_and_form_feeds_make_no_difference():
    text, spans, _, _ = by_hand()
    labels = label_document(text, spans)
    assert (label_document("\ufeff" + text, spans + 3) == labels).all()
    assert (label_document("\x0c\n" + text, spans + 2) == labels).all()


def test_a_token_has_the_same_labels_whatever_the_others_are():
    text, spans, _, _ = by_hand()
    labels, depth = label_document(text, spans), depths(text, spans)
    order = np.random.default_rng(0).permutation(len(spans))[:60]
    assert (label_document(text, spans[order]) == labels[order]).all()
    assert (depths(text, spans[order]) == depth[order]).all()
    assert all((label_document(text, spans[i : i + 1]) == labels[i]).all() for i in order[:8])


def test_an_empty_span_has_no_concept_and_no_depth():
    assert not label_document("x = 1", [[0, 0], [5, 5]]).any()
    assert depths("x = 1", [[0, 0], [5, 5]]).tolist() == [[UNKNOWN, UNKNOWN]] * 2
    assert label_document("", []).shape == (0, len(CONCEPTS)) and depths("", []).shape == (0, 2)


def test_half_of_the_bytes_make_a_label_and_less_does_not():
    text = "f(')')"  # a bracket, then a bracket in quotes
    opening, closing = label_document(text, [[1, 3], [2, 6]])[:, [NAMES.index("string"), NAMES.index("bracket_close")]]
    assert opening.tolist() == [True, False]  # (' is half string
    assert closing.tolist() == [True, False]  # ')') is three quarters string, a quarter bracket
    assert label_document(text, [[1, 3]])[0, NAMES.index("bracket_open")]


HOSTILE = {
    "null byte": "x = 1\0\ny = 2\n",
    "null byte in a string": "x = 'a\0b'\ny = (2)\n",
    "lone surrogate": "x = '\udcff'\ny\ud800 = 2\n",
    "unclosed bracket": "x = (1,\ny = 2\n",
    "wrong bracket": "x = (1]\ny = 2\n",
    "unclosed string": "x = 'abc\ny = 2\n",
    "unclosed triple quotes": "x = '''abc\ny = 2\n",
    "bad indentation": "if x:\n    y\n  z\n",
    "Python 2": "print 'a'\nexec 'b'\nx = 0777\n",
    "stray signs": "x ? y $ z ! `a`\n",
    "backslash at the end": "x = 1 \\",
    "deep brackets": "(" * 500 + ")" * 500,
    "very deep brackets": "[" * 3_000,
    "deep minus": "-" * 2_000 + "1",
    "deep attribute": "a" + ".b" * 2_000,
    "deep sum": "+".join("1" * 2_000),
    "deep blocks": "".join(" " * i + "if x:\n" for i in range(150)),
    "deep f-strings": "f'{" * 200 + "x" + "}'" * 200,
    "long number": "x = " + "1" * 10_000,
    "long line of punctuation": "x = '" + "=" * 200_000 + "'  # " + "-" * 100_000 + " licence",
    "long line of braces": "x = f'" + "{" * 50_001 + "%" * 50_000 + "'",
    "long line of words": "größe = [" + "é, " * 1_500 + "]",
    "long line of escapes": "x = '" + "\\N{" * 20_000 + "'",
    "long line of colons": "x = '{." + ":" * 50_000 + "'",
    "no Python at all": "".join(map(chr, range(1, 3000))),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_labelled_as_far_as_it_is_python(name):
    text = HOSTILE[name]
    n = len(text.encode("utf-8", "surrogatepass"))
    edges = np.unique(np.linspace(0, n, 40).astype(int))
    spans = np.stack([edges[:-1], edges[1:]], 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        labels, depth = label_document(text, spans), depths(text, spans)
    assert labels.shape == (len(spans), len(CONCEPTS)) and depth.shape == (len(spans), 2) and depth.min() >= UNKNOWN


def test_text_after_the_first_error_has_no_depth_and_text_before_keeps_its_labels():
    text = "def f(a):  # b\n    return 1 ? 2\nx = 1\n"
    spans = words_of(text)
    at = text.index("?")
    known = depths(text, spans)[:, 0] != UNKNOWN
    assert known[spans[:, 1] < at].all() and not known[spans[:, 0] >= at].any()
    assert having(text, "def_name") == ["f"] and having(text, "keyword_return") == ["return"]


def test_random_damage_never_raises_or_warns():
    text, rng = by_hand()[0], random.Random(0)
    signs = list("()[]{}'\"#\\\n\t :=@$\0é\ud800\r") + ['"""', "f'", "\r\n", "if", "0x", "1_", "\ufeff", "\x0c"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(25):
            damaged = list(text[: rng.randrange(200, len(text))])
            for _ in range(rng.randrange(1, 6)):
                damaged[rng.randrange(len(damaged))] = rng.choice(signs)
            damaged = "".join(damaged)
            n = len(damaged.encode("utf-8", "surrogatepass"))
            labels = label_document(damaged, np.stack([np.arange(0, n - 3, 3), np.arange(3, n, 3)], 1))
            assert labels.any()


@pytest.mark.parametrize(
    "text, spans, message",
    [
        (b"x", [[0, 1]], "text is a bytes"),
        (None, [[0, 1]], "text is a NoneType"),
        ("xé", [[0, 4]], "expected 0 <= first <= end <= 3"),
        ("x", [[-1, 1]], "spans run from -1"),
        ("xyz", [[2, 1]], "first <= end"),
        ("x", [[0.0, 1.0]], "float64"),
        ("x", [0, 1], r"\(n_tokens, 2\)"),
    ],
)
def test_spans_that_are_not_of_the_text_are_an_error(text, spans, message):
    for function in (label_document, depths):
        with pytest.raises(ValueError, match=message):
            function(text, spans)


def test_token_spans_tile_the_text_also_within_a_character():
    text = "größe = '<|file|>日本'\r\n\tx\n"
    spans = token_spans(text, tiny_lm.tokenizer())
    assert spans[0, 0] == 0 and spans[-1, 1] == len(text.encode()) and (spans[1:, 0] == spans[:-1, 1]).all()
    assert (spans[:, 1] > spans[:, 0]).all()  # the boundary's name inside a text is ordinary characters
    ids = corpus.encode([Document("a", text)], tiny_lm.tokenizer())[0][1:]
    assert len(ids) == len(spans)


def test_token_spans_of_what_utf8_cannot_hold_or_no_byte_level_tokenizer_can_spell_are_an_error():
    from tokenizers import Tokenizer, models, normalizers

    with pytest.raises(ValueError, match="UTF-8 can hold"):
        token_spans("\ud800", tiny_lm.tokenizer())
    with pytest.raises(ValueError, match="byte-level"):
        token_spans("x", Tokenizer(models.WordPiece({"[UNK]": 0, "日": 1}, unk_token="[UNK]")))
    lowering = Tokenizer.from_str(tiny_lm.tokenizer().to_str())
    lowering.normalizer = normalizers.Lowercase()
    with pytest.raises(ValueError, match="normalise"):
        token_spans("X", lowering)


@cache
def stream():
    text = by_hand()[0]
    documents = [Document("a.py", text), Document("b.py", "x = ("), Document("c.py", text[text.index("def grow") :])]
    tokens, starts = corpus.encode(documents, tiny_lm.tokenizer())
    return documents, corpus.TokenStream(tokens, starts, [name for name, _ in documents], None)


@pytest.mark.parametrize("n_ctx", [2, 7, 16])
def test_labels_of_a_stream_are_those_of_its_documents_at_the_places_of_the_contexts(n_ctx):
    documents, packed = stream()
    spans = [token_spans(text, tiny_lm.tokenizer()) for _, text in documents]
    for read, of_stream, nothing in ((label_document, label_stream, 0), (depths, depth_stream, UNKNOWN)):
        flat = []
        for (_, text), each in zip(documents, spans):
            labels = read(text, each)
            flat += [np.full_like(labels[:1], nothing), labels]
        flat = np.concatenate(flat)[1:]
        expected = flat[: len(flat) // (n_ctx - 1) * (n_ctx - 1)].reshape(-1, n_ctx - 1, flat.shape[1])
        found = of_stream(packed, tiny_lm.tokenizer(), n_ctx)
        assert found.shape[:2] == corpus.contexts(packed, n_ctx).shape and found.dtype == flat.dtype
        assert (found[:, 1:] == expected).all() and (found[:, 0] == nothing).all()


@pytest.mark.parametrize("rows", [slice(3, 9), [5, 2, 2, 20], np.array([7]), 4, slice(0)])
def test_chosen_rows_are_rows_of_the_whole(rows):
    _, packed = stream()
    for of_stream in (label_stream, depth_stream):
        whole = of_stream(packed, tiny_lm.tokenizer(), 16)
        chosen = of_stream(packed, tiny_lm.tokenizer(), 16, rows)
        picked = np.atleast_1d(np.arange(len(whole))[rows])
        assert len(chosen) == len(picked) and (chosen == whole[picked]).all()


def test_boundary_tokens_have_no_concept():
    _, packed = stream()
    cut = corpus.contexts(packed, 7)
    assert not label_stream(packed, tiny_lm.tokenizer(), 7)[cut == 0].any()
    assert (depth_stream(packed, tiny_lm.tokenizer(), 7)[cut == 0] == UNKNOWN).all() and (cut[:, 1:] == 0).sum() == 2


def test_a_stream_of_another_tokenizer_is_an_error():
    _, packed = stream()
    with pytest.raises(ValueError, match="n_ctx is 1"):
        label_stream(packed, tiny_lm.tokenizer(), 1)
    with pytest.raises(ValueError, match="rows do not fit"):
        label_stream(packed, tiny_lm.tokenizer(), 16, [1000])
    strange = packed._replace(tokens=np.where(packed.tokens > 0, packed.tokens + 300, 0).astype(np.uint16))
    with pytest.raises(ValueError, match="size of the tokenizer"):
        label_stream(strange, tiny_lm.tokenizer(), 7)
    table = [i for i, piece in enumerate(concepts._token_bytes(tiny_lm.tokenizer())) if piece == b"\xff"]
    broken = packed._replace(tokens=np.where(packed.tokens > 0, table[0], 0).astype(np.uint16))
    with pytest.raises(ValueError, match="a.py are no UTF-8"):
        label_stream(broken, tiny_lm.tokenizer(), 7)


def test_concepts_load_nothing_heavy():
    code = "import saekit.concepts, sys; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "transformers", "matplotlib", "sklearn", "tokenizers"} & set(loaded)


NOT_HELD_OUT = {"sql", "sql_built"}  # the validation side holds no SQL; stdlib/sqlite3 is on the training side


@pytest.mark.slow
def test_every_concept_occurs_in_the_text_of_this_machine():
    from saekit.transformer import load_lm

    lm = load_lm("python-1l")
    packed = corpus.load_corpus("validation", lm.tokenizer, lm.boundary)
    labels = label_stream(packed, lm.tokenizer, 128)
    count = dict(zip(NAMES, labels.sum((0, 1)).tolist()))
    assert {name for name, n in count.items() if n == 0} <= NOT_HELD_OUT, json.dumps(count)
    database = Path(sqlite3.__file__).with_name("dump.py").read_text("utf-8")
    assert {name for name in NOT_HELD_OUT if not having(database, name)} == set()
    depth = depth_stream(packed, lm.tokenizer, 128)
    assert (depth != UNKNOWN).all(-1).mean() > 0.98 and depth[..., 1].max() >= 4
