"""docs/coverage.md says where each statement of the sources is dealt with: the cells it names exist there."""

import re
from pathlib import Path

import pytest

from saekit.course.lesson import lesson_paths, read_lesson

TABLE = Path(__file__).resolve().parents[1] / "docs" / "coverage.md"
CELLS = {int(path.stem[:2]): {cell.options.get("id") for cell in read_lesson(path).cells} for path in lesson_paths()}
ROWS = [
    [field.strip() for field in re.split(r"(?<!\\)\|", line.strip())[1:-1]]  # a bar inside a statement is written \|
    for line in TABLE.read_text("utf-8").splitlines()
    if line.startswith("| S")
]


@pytest.mark.parametrize("source, statement, lessons, cells, verdict", ROWS, ids=lambda field: field[:40])
def test_every_cell_of_a_row_exists_in_a_lesson_of_that_row(source, statement, lessons, cells, verdict):
    there = set().union(*(CELLS.get(int(number), set()) for number in re.findall(r"\d+", lessons)))
    assert set(re.findall(r"`([^`]+)`", cells)) <= there


@pytest.mark.parametrize("source, statement, lessons, cells, verdict", ROWS, ids=lambda field: field[:40])
def test_a_row_with_a_verdict_names_its_cell(source, statement, lessons, cells, verdict):
    assert verdict in {"supported", "corrected", "not testable here", "open"}
    assert verdict in {"open", "not testable here"} or "`" in cells


def test_all_three_sources_have_rows():
    assert {row[0] for row in ROWS} == {"S0", "S1", "S2"}
