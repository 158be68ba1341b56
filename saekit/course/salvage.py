"""A notebook as it really comes back: cut off, in another encoding, of an old format, without its metadata.

`read_notebook(bytes)` never raises: what was wrong is told in `problems`.
"""

import json
import re
from typing import NamedTuple

from saekit.course import record

VARIANT = re.compile(r'^begin\("\w+", variant="([\w.@+-]{1,64})"\)', re.MULTILINE)
LONGEST = 200_000  # characters of one cell


class Cell(NamedTuple):
    """kind "code", "markdown" or "raw"; exercise, question: the name in its metadata, if any."""

    kind: str
    text: str
    id: str = ""
    exercise: str = ""
    question: str = ""


class Notebook(NamedTuple):
    """Cells in their order, lesson ("01_lasso") and variant as far as told, and sentences about what was wrong."""

    cells: list
    lesson: str
    problems: list
    variant: str = ""


def read_notebook(data):
    """A `Notebook` from the bytes of a file, however damaged."""
    text, problems = _decode(data)
    try:
        record_ = json.loads(text)
    except (ValueError, RecursionError):
        record_ = {"cells": list(_whole_cells(text)), "metadata": _metadata_in(text)}
        problems.append(
            f"the file is damaged or cut off; {len(record_['cells'])} cells could be read"
            if record_["cells"]
            else "the file is not a notebook that can be read"
        )
    if not isinstance(record_, dict):
        return Notebook([], "", [*problems, "the file is not a notebook"])
    sheets = record_.get("worksheets")
    if isinstance(sheets, list):  # nbformat 3
        lists = [sheet.get("cells") for sheet in sheets if isinstance(sheet, dict)]
        record_["cells"] = [c for cells in lists if isinstance(cells, list) for c in cells]
    raw = record_.get("cells")
    cells = [_cell(c) for c in raw if isinstance(c, dict)] if isinstance(raw, list) else []
    if not cells and not problems:
        problems.append("the notebook has no cells")
    ours = _dict(_dict(record_.get("metadata")).get("saekit"))
    told = next((match[1] for cell in cells if (match := VARIANT.search(cell.text))), "")
    return Notebook(cells, _word(ours.get("lesson")), problems, _word(ours.get("variant")) or told)


def _decode(data):
    """(text, problems) from bytes in UTF-8, UTF-16 with its mark, or whatever else."""
    for mark, encoding in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig")):
        if data.startswith(mark):
            return data.decode(encoding, "replace"), []
    try:
        return data.decode("utf-8"), []
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace"), ["the file is not in UTF-8; it was read as Windows-1252"]


def _whole_cells(text):
    """The cells of a notebook that is cut off, up to the last whole one."""
    start = re.search(r'"cells"\s*:\s*\[', text)
    place, decoder = start.end() if start else len(text), json.JSONDecoder()
    while match := re.compile(r"[\s,]*(?=\{)").match(text, place):
        try:
            cell, place = decoder.raw_decode(text, match.end())
        except (ValueError, RecursionError):
            return
        yield cell


def _metadata_in(text):
    lesson = re.search(r'"lesson"\s*:\s*"(\w+)"', text)
    return {"saekit": {"lesson": lesson[1]}} if lesson else {}


def _dict(value):
    return value if isinstance(value, dict) else {}


def _word(value):
    return value if isinstance(value, str) else ""


def _cell(raw):
    """A Cell from any version's JSON; what has the wrong type counts as absent."""
    source = raw.get("source", raw.get("input", ""))
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    ours = _dict(_dict(raw.get("metadata")).get("saekit"))
    kind = raw.get("cell_type") if raw.get("cell_type") in ("code", "markdown", "raw") else "markdown"
    return Cell(
        kind,
        source.replace("\r\n", "\n")[:LONGEST] if isinstance(source, str) else "",
        _word(raw.get("id")),
        _word(ours.get("exercise")),
        _word(ours.get("question")),
    )


def lesson_of(notebook, filename=""):
    """The index entry of the notebook's lesson: by its metadata, its file name, or most exercises in it; else None."""
    entries = record.index()
    for entry in entries:
        if notebook.lesson in (entry["lesson"], entry["name"]):
            return entry
    defined = {name for cell in notebook.cells for name in re.findall(r"^\s*def\s+(\w+)", cell.text, re.MULTILINE)}
    named = defined | {cell.exercise for cell in notebook.cells}
    counts = [len(named & {e["name"] for e in entry["exercises"]}) for entry in entries]
    for entry, count in zip(entries, counts):
        if count and (entry["lesson"] in filename or entry["name"] in filename):
            return entry
    best = max(counts, default=0)
    return entries[counts.index(best)] if best and counts.count(best) == 1 else None
