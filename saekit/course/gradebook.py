"""The books of a graded class: CSV files that spreadsheets open, JSON, and marks given by hand merged back.

    grades.csv           one row per student and exercise: points, out of, state, seconds, note
    grades.json          the same with everything that was found
    grades/totals.csv    one row per student: points, out of, whether a person should look
    grades/by_hand.csv   what a person should look at, and what a person marked; fill in `points` and run again

A text that a spreadsheet would take for a formula gets a leading apostrophe, which `merge_marks` takes off again.
"""

import csv
import io
import os
from collections import Counter
from pathlib import Path

from saekit.files import write_atomic, write_json

ROW = ("student", "lesson", "exercise", "points", "out_of", "state", "seconds", "note")
BY_HAND = ("student", "lesson", "exercise", "points", "out_of", "why", "answer", "rubric")
MARKED, AGAIN = "marked by hand", "to be marked again"
ASSIGNED = 0.2  # a lesson is taken to be assigned when this share of the class, and more than one, handed it in


def rows(record):
    """(lesson, row) for every exercise of a record."""
    return [(lesson, row) for lesson in record["lessons"] for row in lesson["exercises"]]


def total(record):
    """(points, out of) of a record; what is still to be marked by hand counts as 0 of its points."""
    found = [row for _, row in rows(record)]
    return sum(row["points"] or 0 for row in found), sum(row["out_of"] for row in found)


def needs_person(record):
    """True while something about a record, other than answers in words, waits for a person."""
    return bool(record["problems"]) or any(row["person"] and row["state"] != "by hand" for _, row in rows(record))


def completed(records):
    """The records with lessons that were assigned (see `ASSIGNED`) and they did not hand in, at no points."""
    counts = Counter(lesson["lesson"] for record in records for lesson in record["lessons"])
    models = {lesson["lesson"]: lesson for record in records for lesson in record["lessons"]}
    for record in records:
        own = {lesson["lesson"] for lesson in record["lessons"]}
        for name in sorted(
            name for name, count in counts.items() if count >= max(2, ASSIGNED * len(records)) and name not in own
        ):
            missing = [_missing(row) for row in models[name]["exercises"]]
            record["lessons"].append(models[name] | {"file": "", "exercises": missing})
    return records


def _missing(row):
    return row | {
        "points": 0,
        "state": "not handed in",
        "message": "no notebook of this lesson was handed in.",
        "trace": "",
        "rows": [],
        "remarks": [],
        "person": [],
        "seconds": 0.0,
    }


def note(row):
    """What the CSV says about a row, in one line."""
    parts = [
        row["message"] if row["state"] != "by hand" else "",
        *row["remarks"],
        *(f"FOR A PERSON: {p}" for p in row["person"]),
    ]
    return " | ".join(" ".join(part.split()) for part in parts if part)[:500]


def write_books(records, out, folder):
    """grades.csv and grades.json at `out`, the other two in `folder`; at no moment may others read them."""
    umask = os.umask(0o077)
    try:
        _write_books(records, out, folder)
    finally:
        os.umask(umask)


def _write_books(records, out, folder):
    every = [(record["student"], lesson["lesson"], row) for record in records for lesson, row in rows(record)]
    write_csv(out, ROW, [[*_cells(who, lesson, row, ROW[:-1]), note(row)] for who, lesson, row in every])
    write_json(Path(out).with_suffix(".json"), records)
    totals = [[r["student"], *total(r), "yes" if needs_person(r) else "", " | ".join(r["problems"])] for r in records]
    write_csv(folder / "totals.csv", ("student", "points", "out_of", "look", "problems"), totals)
    waiting = [_by_hand(who, lesson, row) for who, lesson, row in every if row["person"] or MARKED in row["remarks"]]
    waiting += [[r["student"], "", "", "", "", " | ".join(r["problems"]), "", ""] for r in records if r["problems"]]
    write_csv(folder / "by_hand.csv", BY_HAND, sorted(waiting, key=lambda line: line[:3]))


def _cells(student, lesson, row, columns):
    return [{"student": student, "lesson": lesson, **row}[column] for column in columns]


def _by_hand(student, lesson, row):
    """The line that asks a person for points, or holds them: why, and what they are for (an answer in words and its
    rubric, or what the check said)."""
    line, why = _cells(student, lesson, row, BY_HAND[:5]), " | ".join(row["person"]) or MARKED
    line[3] = row["points"] if MARKED in row["remarks"] else ""  # the check's own points are no mark
    return [*line, why, row["message"], row.get("rubric", "")]


def write_csv(path, head, lines):
    """A CSV that spreadsheets read as UTF-8 and in which nothing is a formula."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(head)
    writer.writerows([_harmless(cell) for cell in line] for line in lines)
    write_atomic(path, text.getvalue().encode("utf-8-sig", "replace"))


def _harmless(cell):
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r", "'")) else cell


def merge_marks(records, path):
    """Put the points of a CSV (student, lesson, exercise, points) over those of the records, where it has any; where it
    also says what they are for and that has changed since, as after a late hand-in, a person is asked again.

    Commas or semicolons, as spreadsheets write them where 2,5 is a number. ValueError for a column that is missing, and
    naming the line for a student or exercise that is not there, or points that are no number in range.
    """
    known = {
        (record["student"], lesson["lesson"], row["exercise"]): row
        for record in records
        for lesson, row in rows(record)
    }
    try:
        text = Path(path).read_text("utf-8-sig")
        head = text.partition("\n")[0]
        table = csv.DictReader(io.StringIO(text), delimiter=max(",;", key=head.count))
        lines = list(table)
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} is not a CSV in UTF-8 ({error})") from None
    if absent := [column for column in BY_HAND[:4] if column not in (table.fieldnames or ())]:
        raise ValueError(f"{path} has no column {', '.join(absent)} in its first line, so no points were read")
    for number, line in enumerate(lines, 2):
        key = tuple((line.get(column) or "").removeprefix("'") for column in ("student", "lesson", "exercise"))
        why = line.get("why") or ""
        if not (line["points"] or "").strip() or not key[2]:
            if why.startswith(AGAIN) and key in known:
                known[key]["person"] = [why]
            continue
        if key not in known:
            raise ValueError(f"{path}, line {number}: {' · '.join(key)} was not graded (is a name changed?)")
        row, points = known[key], _points(line["points"], known[key]["out_of"], f"{path}, line {number}")
        seen = (line.get("answer") or "").removeprefix("'").split()
        if (seen or why) and seen != row["message"].encode("utf-8", "replace").decode().split():
            row["person"] = [f"{AGAIN}: {points} points were for an answer that has changed since"]
        else:
            remarks = [remark for remark in row["remarks"] if remark != MARKED]
            row.update(points=points, person=[], remarks=[*remarks, MARKED], state="marked")


def _points(text, out_of, where):
    try:
        points = float(text.replace(",", "."))
    except ValueError:
        points = float("nan")
    if not 0 <= points <= out_of:
        raise ValueError(f"{where}: points are {text!r}, expected a number from 0 to {out_of}")
    return int(points) if points.is_integer() else points
