"""The record of what has been solved."""

import json

import pytest

from saekit.course import record


@pytest.fixture
def path(tmp_path, monkeypatch):
    """Where the record is kept."""
    monkeypatch.setenv("SAEKIT_PROGRESS", str(tmp_path / "deep" / "progress.json"))
    monkeypatch.setattr(
        record,
        "index",
        lambda: [
            {
                "lesson": "01_lasso",
                "title": "Too many <atoms>",
                "exercises": [
                    {"name": "prox", "difficulty": 2, "minutes": 5, "points": 3},
                    {"name": "ista", "difficulty": 3, "minutes": 9, "points": 1},
                ],
            }
        ],
    )
    return tmp_path / "deep" / "progress.json"


def test_states_are_kept_per_lesson_and_the_last_one_counts(path):
    record.note("lasso", "prox", "not yet")
    record.note("lasso", "prox", "passed")
    record.note("sae", "prox", "not started")
    assert record.load() == {"lasso": {"prox": "passed"}, "sae": {"prox": "not started"}}
    assert [file.name for file in path.parent.iterdir()] == ["progress.json"]


def test_progress_lists_every_exercise_with_its_state(path, capsys):
    record.note("lasso", "prox", "passed")
    record.progress()
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "1 of 2 exercises passed, 3 of 4 points"
    assert [line.split() for line in out[2:]] == [
        ["✓", "prox", "passed", "3", "points"],
        ["○", "ista", "not", "started", "1", "point"],
    ]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"states": {"lasso": {"prox": "stolen"}}}', '{"states": {"lasso": []}}', "\x00"]
)
def test_an_unreadable_record_is_set_aside_and_told(path, text, capsys):
    path.parent.mkdir()
    path.write_text(text)
    record.note("lasso", "prox", "passed")
    assert json.loads(path.read_text())["states"] == {"lasso": {"prox": "passed"}}
    assert record.aside(path).read_text() == text
    record.progress()
    assert "began afresh" in capsys.readouterr().out


def test_an_empty_name_keeps_no_record(monkeypatch, tmp_path):
    monkeypatch.setenv("SAEKIT_PROGRESS", "")
    monkeypatch.chdir(tmp_path)
    record.note("lasso", "prox", "passed")
    assert record.load() == {} and list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_costs_the_record_only(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SAEKIT_PROGRESS", str(tmp_path / "file" / "progress.json"))
    record.note("lasso", "prox", "passed")
    assert record.load() == {}


def test_titles_are_text_in_the_html(path, monkeypatch):
    sides = []
    monkeypatch.setattr(record.cards, "bundle", lambda html, plain: sides.append(html))
    record.progress()
    assert "Too many &lt;atoms&gt;" in sides[0]
