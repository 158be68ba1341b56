"""Stored outputs: what must not be in them, and which sources they came from.

`nbval` compares nothing in a cell without an execution count and says so nowhere, so counts are checked here, together
with what differs from machine to machine. Outputs are stale when the code of a `saekit` module that the lesson imports,
or a file under `data/` that it names, is no longer the one that was there at execution.
"""

import ast
import hashlib
import io
import json
import re
import tokenize

from saekit.course.lesson import ROOT, Problem

LIMIT = 1_500_000  # bytes of a solution notebook
ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]{6,}")
OUTSIDE = "saekit.course"  # exercises, cards and checks decide who passes, not what a lesson computes …
INSIDE = {"saekit.course.widgets"}  # … but this one draws its still pictures


def output_problems(path):
    """Faults in a solution notebook's stored outputs, each with its line in the file."""
    text = path.read_text("utf-8")
    if len(text.encode()) > LIMIT:
        yield Problem(
            path,
            1,
            f"{len(text.encode()) / 1e6:.2f} MB; a solution notebook stays under {LIMIT / 1e6} MB: smaller figures?",
        )
    code = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    for position, cell in enumerate(code, 1):
        line = text[: text.find(f'"id": "{cell["id"]}"')].count("\n") + 1
        count = cell["execution_count"]
        if count is None:
            yield Problem(
                path,
                line,
                f"cell {cell['id']} has no execution count: outputs older than the source, or never executed",
            )
        elif count != position:
            yield Problem(
                path, line, f"cell {cell['id']} ran as number {count}, not {position}: not executed from top to bottom"
            )
        for message in dict.fromkeys(fault for output in cell["outputs"] for fault in output_faults(output)):
            yield Problem(path, line, f"cell {cell['id']}: {message}")


def output_faults(output):
    """What one stored output holds that it must not."""
    data = output.get("data", {})
    if output["output_type"] == "error":
        yield f"a stored error ({output['ename']}: {output['evalue']})"
    if output.get("name") == "stderr":
        yield f"text on stderr ({''.join(output['text']).strip()[:60]!r})"
    if "application/vnd.jupyter.widget-view+json" in data:
        yield "a live widget; with SAEKIT_STATIC=1 a still picture belongs here"
    texts = [output.get("text", "")] + [value for mime, value in data.items() if mime.startswith("text/")]
    if any(ADDRESS.search("".join(text)) for text in texts):
        yield "a memory address, different in every run"


def source_hashes(lesson, root=ROOT):
    """{"saekit/lasso.py": hash, "data/python-1l": hash, …} of all that the outputs depend on, also through imports."""
    code = "\n".join(cell.text for cell in lesson.code_cells)
    queue, hashes = sorted(imported_files(code, root)), {}
    while queue:
        path = queue.pop()
        source = path.read_text("utf-8")
        hashes[path.relative_to(root).as_posix()] = short_hash(bare_code(source).encode())
        queue += [other for other in imported_files(source, root) if other.relative_to(root).as_posix() not in hashes]
    return dict(sorted({**hashes, **data_hashes(code, root)}.items()))


def stale_sources(lesson, notebook, root=ROOT):
    """The names in `source_hashes` that are not what the notebook recorded when it was executed."""
    recorded, now = notebook["metadata"].get("saekit", {}).get("sources", {}), source_hashes(lesson, root)
    return [name for name in sorted(recorded.keys() | now.keys()) if recorded.get(name) != now.get(name)]


def imported_files(source, root=ROOT):
    """Files of the saekit modules that a source imports anywhere, also inside its functions."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    names = {name for name in names if name.startswith("saekit.") and (not name.startswith(OUTSIDE) or name in INSIDE)}
    paths = [root.joinpath(*name.split(".")) for name in names]
    return {file for path in paths for file in (path.with_suffix(".py"), path / "__init__.py") if file.exists()}


def data_hashes(code, root=ROOT):
    """Hashes of the folders and files under data/ (or data/saes/) whose names stand as strings in the code."""
    strings = {
        node.value
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    plain = [text for text in strings if re.fullmatch(r"[\w.-]+(/[\w.-]+)*", text) and ".." not in text]
    found = {
        base / text for text in plain for base in (root / "data", root / "data" / "saes") if (base / text).exists()
    }
    hashes = {}
    for path in found:
        files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
        digest = "".join(short_hash(file.read_bytes()) for file in files if file.suffix != ".md")
        hashes[path.relative_to(root).as_posix()] = short_hash(digest.encode())
    return hashes


def bare_code(source):
    """Source without comments, docstrings and blank lines: editing these does not make outputs stale."""
    lines = source.splitlines(keepends=True)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column] + "\n"
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
            and ast.get_docstring(node, clean=False) is not None
        ):
            first = node.body[0]
            lines[first.lineno - 1 : first.end_lineno] = ["\n"] * (first.end_lineno - first.lineno + 1)
    return "".join(line.rstrip() + "\n" for line in lines if line.strip())


def short_hash(data):
    """Twelve hex digits of SHA-256: enough to notice a change, short in a diff."""
    return hashlib.sha256(data).hexdigest()[:12]
