"""Ground truth for Python text: where its comments, docstrings, arguments … stand, told by Python's own tools.

A *concept* is a yes-or-no property of a stretch of source text, found by `tokenize` (words, signs, layout), by `ast`
(roles that need the grammar) or by a pattern inside strings and comments. `marks` gives the stretches of each concept
in bytes; `concepts` lays them over the BPE tokens. Rules are tables wherever a table can say them.
"""

import ast
import re
import tokenize
from collections import defaultdict
from functools import lru_cache

from saekit.lexemes import BLANK, CLOSES, OPENS, Lexeme

WORDS = {  # concept -> its reserved words; from and as count as keyword_import inside an import statement
    "keyword_control": "if elif else for while break continue pass", "keyword_return": "return yield",
    "keyword_definition": "def class lambda", "keyword_import": "import", "keyword_logical": "and or not in is",
    "keyword_exception": "try except finally raise assert", "keyword_constant": "True False None",
    "keyword_other": "with as from async await global nonlocal del"}
SIGNS = {
    "operator_arithmetic": "+ - * / // % ** @", "operator_comparison": "== != < > <= >=",
    "operator_bitwise": "& | ^ ~ << >>", "operator_assignment": ":=", "dot": ".", "comma": ",",
    "operator_augmented": "+= -= *= /= //= %= **= @= &= |= ^= <<= >>=",
    "bracket_open": "( [ {", "bracket_close": ") ] }"}
KEYWORDS = {word: name for name, words in WORDS.items() for word in words.split()}
OPERATORS = {sign: name for name, signs in SIGNS.items() for sign in signs.split()}
NUMBERS = {  # in this order: a hexadecimal number may hold an e, an imaginary one a point
    "number_radix": re.compile("0[xob].*"), "number_imaginary": re.compile(".*j"),
    "number_float": re.compile(".*[.e].*"), "number_int": re.compile(".*")}
STRING_KINDS = {"r": "string_raw", "b": "string_bytes", "f": "string_format"}
BUILTINS = frozenset("""
    abs aiter all anext any ascii bin bool breakpoint bytearray bytes callable chr classmethod compile complex
    delattr dict dir divmod enumerate eval exec filter float format frozenset getattr globals hasattr hash help hex
    id input int isinstance issubclass iter len list locals map max memoryview min next object oct open ord pow
    print property range repr reversed round set setattr slice sorted staticmethod str sum super tuple type vars zip
""".split())
SPELLINGS = {name: re.compile(pattern) for name, pattern in {
    "exception_name": r"\w*(Error|Exception|Warning|ExceptionGroup)|KeyboardInterrupt|SystemExit|GeneratorExit"
                      r"|StopIteration|StopAsyncIteration",
    "self": r"self|cls", "dunder_name": r"__\w+__", "private_name": r"_(?!\w*__$)\w*[^\W_]\w*",
    "constant_name": r"(?=.*[A-Z].*[A-Z])[A-Z0-9_]+", "camel_case": r"(?=.*[A-Z])(?=.*[a-z])\w+",
    "pickle": r"_?c?[pP]ickle|(Un)?[pP]ickler|_(Un)?[pP]ickler|unpickle"}.items()}
PHRASES = {"shell_true": ("shell", "=", "True"), "bare_except": ("except", ":")}
FIELDS = {  # concept -> the fields of the syntax tree that hold it; a type alone: the node itself
    "type_hint": "arg.annotation AnnAssign.annotation FunctionDef.returns AsyncFunctionDef.returns",
    "default_value": "arguments.defaults arguments.kw_defaults", "base_class": "ClassDef.bases",
    "condition": "If.test While.test IfExp.test Assert.test comprehension.ifs",
    "subscript": "Subscript.slice", "dict_key": "Dict.keys",
    "loop_variable": "For.target AsyncFor.target comprehension.target",
    "comprehension": "ListComp SetComp DictComp GeneratorExp"}
BY_TYPE = defaultdict(list)  # node type -> [(concept, field or "")]
for _name, _fields in FIELDS.items():
    for _field in _fields.split():
        BY_TYPE[getattr(ast, _field.partition(".")[0])].append((_name, _field.partition(".")[2]))
NAMED = {ast.arg: "argument", ast.keyword: "keyword_argument"}  # the node starts with the name in question
WITH_DOCSTRING = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
OPAQUE = (ast.JoinedStr, getattr(ast, "TemplateStr", ast.JoinedStr))  # 3.11 has no true positions inside f-strings
STRING = re.compile(rb"([A-Za-z]*)('''|\"\"\"|'|\")")
ESCAPE = re.compile(rb"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|N\{[^}\\]*\}|[0-7]{1,3}|\r\n|.)", re.DOTALL)
PERCENT = rb"%(?:\(\w+\))?[-+#0]*(?:\d+|\*)?(?:\.\d+)?[diouxXeEfFgGcrsa]"
PLACEHOLDER = re.compile(rb"%%|\{\{|(" + PERCENT + rb"|\{\w*(?:[.\[][^{}:!]*)?(?:![rsa])?(?::(?:[^{}]|\{\w*\})*)?\})")
FIELD = re.compile(rb"\{\{|(\{(?:[^{}]|\{[^{}]*\})+\})")  # the same of an f-string
URL = re.compile(rb"(?:https?|ftp)://[^\s\"'<>`)\]}]+")
LICENCE = re.compile(rb"copyright|licen[sc]e[ds]?\b|all rights reserved|warrant(?:y|ies)", re.IGNORECASE)
PARAGRAPH = re.compile(rb"(?m)(?:^[^\n]*\w[^\n]*\n?)+")
SQL = re.compile(rb"\s*(?:SELECT\s.*\sFROM\b|INSERT\s+(?:OR\s+\w+\s+)?INTO\b|UPDATE\s.*\sSET\b|DELETE\s+FROM\b|"
                 rb"(?:CREATE|DROP|ALTER)\s+(?:\w+\s+)?(?:TABLE|INDEX|VIEW)\b|PRAGMA\s)", re.DOTALL)
KEY = re.compile(rb"(?!.*(?:0123|1234|abcd|ABCD))(?:[0-9a-fA-F]{16,200}|"
                 rb"(?=(?:[^0-9]*[0-9]){4})(?=(?:[^A-Za-z]*[A-Za-z]){4})[A-Za-z0-9+/=-]{20,200})")
SECRET = re.compile(r"(?i)(passw(or)?d|passphrase|secret|api_?key|private_?key|(auth|access)_?token)")
EDGE = Lexeme(tokenize.NEWLINE, "", 0, 0)  # what stands before the first and after the last lexeme
CODE = {tokenize.NAME, tokenize.NUMBER, tokenize.STRING, tokenize.OP, tokenize.NEWLINE}
LAYOUT = {tokenize.COMMENT: "comment", tokenize.NEWLINE: "newline", tokenize.NL: "line_break",
          tokenize.INDENT: "indent", tokenize.DEDENT: "dedent"}


def marks(source):
    """The stretches of a document that have each concept: {name: [(first byte, end)]}."""
    found = defaultdict(list)
    tree = source.tree()
    if tree is not None:
        _mark_tree(tree, source, found)
    for lexeme in source.lexemes:
        if lexeme.kind in LAYOUT:
            found[LAYOUT[lexeme.kind]].append((lexeme.start, lexeme.end))
    for start in source.starts:
        start = BLANK.match(source.data, start).end()
        if source.data[start:start + 1] not in (b"", b"\r", b"\n"):
            found["line_start"].append((start, start + 1))
    found["url"] += [match.span() for match in URL.finditer(source.data)]
    _mark_code(source, found)
    _mark_licence(source.data, found)
    return found


def _mark_tree(tree, source, found):
    """Marks that need the grammar."""
    name_end = {lexeme.start: lexeme.end for lexeme in source.lexemes if lexeme.kind == tokenize.NAME}
    todo = [tree]
    while todo:
        node = todo.pop()
        kind = type(node)
        for concept, field in BY_TYPE.get(kind, ()):
            held = getattr(node, field) if field else node
            for part in held if isinstance(held, list) else [held]:
                if part is not None:
                    found[concept].append(source.span(part))
        if kind in NAMED and source.span(node)[0] in name_end:
            found[NAMED[kind]].append((source.span(node)[0], name_end[source.span(node)[0]]))
        elif kind is ast.Name and type(node.ctx) is ast.Store:
            found["assigned_name"].append(source.span(node))
        elif kind in WITH_DOCSTRING and ast.get_docstring(node, clean=False) is not None:
            found["docstring"].append(source.span(node.body[0].value))
        if kind not in OPAQUE:
            todo.extend(ast.iter_child_nodes(node))


def _mark_code(source, found):
    """Marks of single lexemes, by what they are and what stands beside them."""
    code = [EDGE, EDGE, *(lexeme for lexeme in source.lexemes if lexeme.kind in CODE), EDGE, EDGE]
    roles, depth, decorates = _import_roles(code), 0, False
    documented = {start for start, _ in found["docstring"]}
    arguments = {start for name in NAMED.values() for start, _ in found[name]}
    for i in range(2, len(code) - 2):
        before, this, after, role = *code[i - 1:i + 2], roles[i]
        names = ["import_line"] if role else []
        opens = this.text == "@" and before.kind == tokenize.NEWLINE
        decorates = (decorates or opens) and this.kind != tokenize.NEWLINE
        if decorates:
            names.append("decorator")
        if this.kind == tokenize.NAME:
            names += _name_concepts(this, before, after, role, this.start in arguments)
        elif this.kind == tokenize.OP:
            names += _operator_concepts(this.text, before, after, role, depth)
            depth += (this.text in OPENS) - (this.text in CLOSES)
        elif this.kind == tokenize.NUMBER:
            forms = (name for name, form in NUMBERS.items() if form.fullmatch(this.text.lower()))
            names += ["number", next(forms)]
        elif this.kind == tokenize.STRING:
            names += _mark_string(code, i, source.data, this.start in documented, found)
        for name in names:
            found[name].append((this.start, this.end))
        for name, words in PHRASES.items():
            if this.text == words[0] and words == tuple(lexeme.text for lexeme in code[i:i + len(words)]):
                found[name] += [(lexeme.start, lexeme.end) for lexeme in code[i:i + len(words)]]


def _import_roles(code):
    """What a name would be at each lexeme of an import statement; None outside."""
    role, roles = None, []
    for before, this in zip([EDGE, *code], code):
        if this.kind == tokenize.NEWLINE or this.text == ";":
            role = None
        elif this.text == "import":
            role = "imported_name" if role else "module_name"
        elif this.text == "from" and (before.kind == tokenize.NEWLINE or before.text in (";", ":")):
            role = "module_name"
        roles.append(role)
    return roles


@lru_cache(2**16)
def _spelling(text):
    return [name for name, pattern in SPELLINGS.items() if pattern.fullmatch(text)]


def _name_concepts(this, before, after, role, is_argument):
    text, follows = this.text, before.text
    if text in KEYWORDS:
        return ["keyword", "keyword_import" if role and text in ("import", "from", "as") else KEYWORDS[text]]
    if follows in ("def", "class"):
        return [*_spelling(text), f"{follows}_name"]
    if role:
        return [*_spelling(text), "assigned_name" if follows == "as" else role]
    rules = {"attribute": follows == ".", "assigned_name": follows == "as", "call_name": after.text == "(",
             "builtin": text in BUILTINS and follows != "." and not is_argument,
             "eval_exec": text in ("eval", "exec") and after.text == "(" and follows != "."}
    return [*_spelling(text), *(name for name, holds in rules.items() if holds)]


def _operator_concepts(text, before, after, role, depth):
    if text == "=":
        return ["equals_in_brackets" if depth else "operator_assignment"]
    if text == ":":
        return ["block_colon"] if after.kind == tokenize.NEWLINE else []
    if text == "@" and before.kind == tokenize.NEWLINE or text == "*" and (role or before.text == "except"):
        return []
    if text in ("*", "**", "/") and not _is_operand(before):
        return ["operator_unpacking"] if text != "/" else []
    return [OPERATORS[text]] if text in OPERATORS else []


def _is_operand(lexeme):
    """Can a binary operator follow?"""
    if lexeme.kind == tokenize.NAME:
        return KEYWORDS.get(lexeme.text) in (None, "keyword_constant")
    return lexeme.kind in (tokenize.NUMBER, tokenize.STRING) or lexeme.text in (")", "]", "}", "...")


def _mark_string(code, i, data, is_docstring, found):
    """Concepts of the whole string; its quotes, escapes and fields are marked here."""
    this, raw = code[i], data[code[i].start:code[i].end]
    prefix, quote = STRING.match(raw).groups()
    letters, first, last = prefix.decode().lower(), len(prefix + quote), len(raw) - len(quote)
    names = ["string", *(STRING_KINDS[letter] for letter in letters if letter in STRING_KINDS)]
    names += ["string_triple"] if len(quote) == 3 else ["string_plain"] if letters in ("", "u") else []
    parts = {"string_open": [(0, first)], "string_close": [(last, len(raw))]}
    if "r" not in letters:
        parts["escape"] = [match.span() for match in ESCAPE.finditer(raw, first, last)]
    if not is_docstring:
        fields = FIELD if "f" in letters else PLACEHOLDER if "r" not in letters else None
        matches = fields.finditer(raw, first, last) if fields else []
        parts["placeholder"] = [match.span(1) for match in matches if match[1]]
        names += _content_concepts(code, i, raw[first:last], letters)
    for name, spans in parts.items():
        found[name] += [(this.start + a, this.start + b) for a, b in spans]
    return names


def _content_concepts(code, i, body, letters):
    """What a string that is no docstring holds: SQL, a key."""
    two_before, before, _, after, two_after = code[i - 2:i + 3]
    names = []
    if SQL.match(body):
        joined = before.text == "+" or after.text in ("+", "%") or (after.text, two_after.text) == (".", "format")
        names += ["sql", "sql_built"] if joined or "f" in letters else ["sql"]
    given = before.text in ("=", ":") and SECRET.search(two_before.text) and re.fullmatch(rb"\S{6,200}", body)
    if given or KEY.fullmatch(body):
        names.append("key_like")
    return names


def _mark_licence(data, found):
    """Paragraphs (runs of lines with a word) of comments and strings of several lines that speak of a licence."""
    blocks = []
    for start, end in found["comment"]:
        if blocks and data[blocks[-1][1]:start].isspace():
            start = blocks.pop()[0]
        blocks.append((start, end))
    for start, end in blocks + [span for span in found["string"] if b"\n" in data[slice(*span)]]:
        if LICENCE.search(data, start, end):
            found["licence"] += [(start + part.start(), start + part.end())
                                 for part in PARAGRAPH.finditer(data[start:end]) if LICENCE.search(part[0])]
