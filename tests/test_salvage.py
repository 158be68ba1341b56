"""Notebooks are read whatever happened to the file; what happened is told."""

import json

import pytest

from saekit.course.salvage import lesson_of, read_notebook
from tests.test_extraction import RIGHT, STUB, notebook


def test_cells_before_the_place_where_a_file_is_cut_off_are_read():
    data = json.dumps(
        {
            "cells": [{"cell_type": "code", "source": [s]} for s in (RIGHT, STUB, "never whole")],
            "metadata": {"saekit": {"lesson": "01_lasso"}},
        }
    ).encode()
    cut = read_notebook(data[: data.index(b"never") + 3])
    assert [c.text for c in cut.cells] == [RIGHT, STUB] and "2 cells" in cut.problems[0]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0\1\2",
        b"[" * 10**6,
        b'{"cells": 5}',
        b'{"cells": [1, null, {"source": 7, "metadata": []}]}',
        b"[]",
        b"<html>",
        '{"cells": "é"}'.encode("cp1252"),
        b'{"worksheets": [3, {"cells": null}]}',
        b'{"worksheets": [{"cells": 5}]}',
    ],
)
def test_no_bytes_make_reading_fail(data):
    found = read_notebook(data)
    assert not any(cell.text for cell in found.cells) and (found.problems or found.cells)


def test_encodings_and_nbformat_3_are_read():
    text = json.dumps(
        {"worksheets": [{"cells": [{"cell_type": "code", "input": ["# ü\n", RIGHT]}]}]}, ensure_ascii=False
    )
    for encoding, told in (("utf-8", 0), ("utf-8-sig", 0), ("utf-16", 0), ("cp1252", 1)):
        read = read_notebook(text.encode(encoding))
        assert read.cells[0].text == "# ü\n" + RIGHT and len(read.problems) == told


def test_the_lesson_is_known_by_metadata_file_name_or_exercises():
    assert lesson_of(notebook("", metadata={"saekit": {"lesson": "01_lasso"}}))["lesson"] == "01_lasso"
    shared = notebook("def reconstruct(x):\n    return x")  # lessons 0 and 3 have an exercise of that name
    assert lesson_of(shared) is None and lesson_of(shared, "03_superposition (2).ipynb")["lesson"] == "03_superposition"
    assert lesson_of(notebook(RIGHT))["lesson"] == "01_lasso"
