"""What has been solved so far: `.saekit/progress.json` beside the course, or the file that SAEKIT_PROGRESS names (""
means none).

Written to a temporary name and renamed, so that a crash leaves the old file. A file that cannot be read is set aside
and begun afresh.
"""

import contextlib
import json
import os
from html import escape
from pathlib import Path

from saekit.course import cards
from saekit.files import write_atomic

HERE = Path(__file__).resolve()
STATES = ("passed", "not yet", "not started")


def index():
    """All lessons with their exercises, as `saekit build` lists them; [] before the first build."""
    path = HERE.parent / "reference" / "index.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else []


def progress_file():
    """Where progress is kept, or None when it is not."""
    named = os.environ.get("SAEKIT_PROGRESS")
    if named is not None:
        return Path(named) if named else None
    course = HERE.parents[2]
    return (course if (course / "notebooks").is_dir() else Path.cwd()) / ".saekit" / "progress.json"


def load():
    """{lesson: {exercise: state}}; empty without a record. One that cannot be read is set aside (`aside`)."""
    path = progress_file()
    if path is None or not path.exists():
        return {}
    try:
        states = json.loads(path.read_text(encoding="utf-8"))["states"]
        if all(state in STATES for lesson in states.values() for state in lesson.values()):
            return states
    except (ValueError, KeyError, TypeError, AttributeError, OSError):
        pass  # cut short, edited by hand, or not ours: `progress` tells it
    with contextlib.suppress(OSError):
        os.replace(path, aside(path))
    return {}


def aside(path):
    """Where an unreadable record is kept."""
    return path.with_suffix(".unreadable.json")


def note(lesson, name, state):
    """Keep the state of one exercise. A folder that cannot be written to costs the record, not the lesson."""
    path = progress_file()
    if path is None:
        return
    states = load()
    states.setdefault(lesson, {})[name] = state
    with contextlib.suppress(OSError):
        write_atomic(path, json.dumps({"version": 1, "states": states}, indent=1).encode())


def progress():
    """Show every exercise of the course with its state."""
    states, path = load(), progress_file()
    lessons = []
    for entry in index():
        known = states.get(entry["lesson"].split("_", 1)[1], {})
        lessons.append((entry, [(e, known.get(e["name"], "not started")) for e in entry["exercises"]]))
    rows = [row for _, rows in lessons for row in rows]
    solved = [e for e, state in rows if state == "passed"]
    head = (f"{len(solved)} of {len(rows)} exercises passed, {sum(e['points'] for e in solved)} of "
            f"{sum(e['points'] for e, _ in rows)} points")
    remarks = []
    if path is not None and aside(path).exists():
        remarks.append(
            "An earlier record could not be read, so this one began afresh; the old file is kept as"
            f" {aside(path).name}."
        )
    cards.bundle(_html(head, lessons, remarks), _plain(head, lessons, remarks))


def _points(exercise):
    return f"{exercise['points']} point" + "s" * (exercise["points"] != 1)


def _passed(rows):
    return f"{sum(state == 'passed' for _, state in rows)} of {len(rows)}"


def _plain(head, lessons, remarks):
    lines = [head]
    for entry, rows in lessons:
        lines.append(f"{entry['lesson']}  {entry['title']}: {_passed(rows)}")
        lines += [f"  {cards.STATES[state][0]} {e['name']:<28} {state:<12} {_points(e)}" for e, state in rows]
    return "\n".join(lines + remarks)


def _html(head, lessons, remarks):
    parts = [f"<strong>{escape(head)}</strong>"]
    for entry, rows in lessons:
        summary = f"{escape(entry['lesson'])} · {escape(entry['title'])}: {_passed(rows)}"
        items = "".join(_row(exercise, state) for exercise, state in rows)
        parts.append(
            f'<details><summary>{summary}</summary><table style="border-collapse: collapse; margin: 0 0 4px 1em">'
            f'{items}</table></details>'
        )
    parts += [f"<div>{escape(remark)}</div>" for remark in remarks]
    return f'<div style="color: inherit; max-width: 56em; line-height: 1.45">{"".join(parts)}</div>'


def _row(exercise, state):
    sign, colour, _ = cards.STATES[state]
    inside = [
        f'<span style="color: {colour}">{sign}</span>',
        f"<code>{escape(exercise['name'])}</code>",
        state,
        _points(exercise),
    ]
    cells = "".join(f'<td style="text-align: left; border: 0; padding: 1px 12px 1px 0">{text}</td>' for text in inside)
    return f'<tr style="background: transparent">{cells}</tr>'
