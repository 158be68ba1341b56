"""Pages of a graded class, each one file that opens without a network: feedback per student, and a report on the class.

Everything from a submission is escaped, names stand in `<bdi>` so that their writing direction stays theirs, and the
pages forbid scripts. The most common wrong answers are named by the tables in `tests/wrong_answers`, where those are
beside the package: a message that a table's pattern fits counts for its cause.
"""

import hashlib
import importlib
import re
import sys
from collections import Counter
from html import escape

from saekit.course import cards, gradebook, lesson
from saekit.files import write_atomic

STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color-scheme:light dark}
table{border-collapse:collapse;margin:1em 0}td,th{padding:2px 12px 2px 0;text-align:left;vertical-align:top}
.bar{background:#0072B2;height:.8em;display:inline-block}.n{text-align:right}
.note{border-left:4px solid #D55E00;padding-left:10px}"""


def page(title, body):
    """A whole HTML page; title is escaped here, body is HTML."""
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport"'
        ' content="width=device-width">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style></head><body>\n{body}\n</body></html>\n"
    )


def write_pages(records, folder, limits, uncovered):
    """folder/feedback/NAME.html for every student, and folder/report.html with links to them."""
    for record in records:
        write_atomic(folder / "feedback" / feedback_name(record), feedback(record).encode("utf-8", "replace"))
    body = class_report(records, limits, uncovered)
    write_atomic(folder / "report.html", page("Class report", body).encode("utf-8", "replace"))


def feedback_name(record):
    """A file name from the student's name, safe everywhere and different for different students."""
    plain = re.sub(r"[^\w-]+", "_", record["student"])[:40].strip("_")
    return f"{plain}-{hashlib.sha256(record['student'].encode()).hexdigest()[:6]}.html"


def feedback(record):
    """The page that one student gets back."""
    points, out_of = gradebook.total(record)
    parts = [f"<h1><bdi>{escape(record['student'])}</bdi>: {points:g} of {out_of:g} points</h1>"]
    parts += [f'<p class="note">{escape(problem)}</p>' for problem in record["problems"]]
    for found in record["lessons"]:
        parts.append(f"<h2>{escape(found['lesson'])} · {escape(found['title'])}</h2>")
        parts += [_card(row) for row in found["exercises"]]
    return page(f"Feedback: {record['student']}", "\n".join(parts))


def _card(row):
    """One exercise as the card that the notebook shows, its points in the first line."""
    given = "?" if row["points"] is None else f"{row['points']:g}"
    title = f"{row['exercise']} · {given} of {row['out_of']:g} points"
    text = row["message"] or ("Right." if row["state"] == "passed" else "")
    state = row["state"] if row["state"] in cards.STATES else "not yet" if row["points"] == 0 else "note"
    shown = cards.Card(
        title,
        state,
        text[:1].upper() + text[1:],
        tuple(map(tuple, row["rows"])),
        row["trace"],
        tuple(row["remarks"] + row["person"]),
        word=row["state"],
    )
    return shown.html


def class_report(records, limits, uncovered):
    """The body of the class report: isolation, distribution, exercises from the hardest, wrong answers, what waits."""
    parts = [f"<h1>{len(records)} submissions</h1>", _isolation(records, limits, uncovered), _distribution(records)]
    parts += [_exercises(records), _wrong_answers(records), _waiting(records), _students(records)]
    return "\n".join(parts)


def _isolation(records, limits, uncovered):
    """Which walls stood while answers ran; a wall counts where it stood for every submission."""
    held = [record["held"] for record in records if record["held"]]
    walls = {
        "user": "another user id",
        "network": "no network",
        "files": "none of this machine's files but Python and its libraries, read-only",
        "processes": "no sight of other processes, and all ended with the answer's own",
        "calls": "a filter on system calls",
    }
    if not held:
        return "<h2>How answers were run</h2><p>No answer had to be run.</p>"
    lines = []
    for wall, says in walls.items():
        stood = all(h[wall] for h in held)
        lines.append(f"<li>{'held' if stood else '<strong>did not hold</strong>'}: {escape(says)}</li>")
    reasons = sorted({reason for h in held for reason in h["reasons"]})
    kept = (
        f"Each answer had {limits.seconds:g} CPU seconds ({limits.wall:g} on the clock), {limits.memory / 1e6:.0f} MB"
        f" of memory, {limits.file / 1e6:.0f} MB per file and {limits.processes} processes. Verdicts were computed"
        " outside."
    )
    return (
        "<h2>How answers were"
        f" run</h2><ul>{''.join(lines)}</ul><p>{escape('; '.join(reasons))}</p><p>{escape(kept)}</p>"
        f"<p>{escape(uncovered)}</p>"
    )


def _distribution(records):
    """Students per tenth of the points, as bars with their numbers."""
    shares = [points / out_of for points, out_of in map(gradebook.total, records) if out_of]
    counts = Counter(min(9, int(10 * share)) for share in shares)
    lines = [
        f'<tr><td>{10 * tenth}–{10 * tenth + 10} %</td><td class="n">{counts[tenth]}</td><td><span class="bar" '
        f'style="width:{30 * counts[tenth] / max(1, *counts.values()):.1f}em"></span></td></tr>'
        for tenth in range(10)
    ]
    middle = sorted(shares)[len(shares) // 2] if shares else 0
    return f"<h2>Points: half the class reached {middle:.0%}</h2><table>{''.join(lines)}</table>"


def _exercises(records):
    """Exercises by the share of students who passed, the hardest first."""
    passed, tried, out_of = Counter(), Counter(), {}
    for record in records:
        for found, row in gradebook.rows(record):
            key = found["lesson"], row["exercise"]
            passed[key] += row["points"] == row["out_of"]
            tried[key] += row["state"] not in ("not started", "not handed in", "not found")
            out_of[key] = row["out_of"]
    order = sorted(out_of, key=lambda key: passed[key])
    lines = [
        f'<tr><td>{escape(a)}</td><td><code>{escape(b)}</code></td><td class="n">{passed[a, b] / len(records):.0%}</td>'
        f'<td class="n">{tried[a, b]}</td><td class="n">{out_of[a, b]:g}</td></tr>'
        for a, b in order
    ]
    head = "<tr><th>lesson</th><th>exercise</th><th>solved</th><th>tried</th><th>points</th></tr>"
    return f"<h2>Exercises, the hardest first</h2><table>{head}{''.join(lines)}</table>"


def common_causes(records):
    """[((lesson, exercise, cause), count)], most common first; what no table knows is counted by its message."""
    counts, tables = Counter(), {}
    for record in records:
        for found, row in gradebook.rows(record):
            if row["state"] == "not yet":
                table = tables.setdefault(found["lesson"], wrong_answers(found["lesson"]))
                counts[found["lesson"], row["exercise"], cause(row, table.get(row["exercise"], ()))] += 1
    return counts.most_common(30)


def cause(row, table):
    """The table's cause whose pattern fits a row's message, else the first sentence of the message."""
    text = "\n".join([row["message"], *(f"{label}: {value}" for label, value in row["rows"]), row["trace"]]).strip()
    return next((wrong.cause for wrong in table if re.search(wrong.message, text)), row["message"].split(". ")[0][:120])


def wrong_answers(stem):
    """{exercise: [Wrong]} of a lesson ("01_lasso") from the tests beside the package; {} where they are not."""
    if not (lesson.ROOT / "tests" / "wrong_answers").is_dir():
        return {}
    if str(lesson.ROOT) not in sys.path:
        sys.path.append(str(lesson.ROOT))
    try:
        return importlib.import_module(f"tests.wrong_answers.{stem.split('_', 1)[1]}").WRONG
    except ModuleNotFoundError:
        return {}


def _wrong_answers(records):
    lines = [
        f'<tr><td class="n">{count}</td><td><code>{escape(name)}</code></td><td>{escape(why)}</td></tr>'
        for (_, name, why), count in common_causes(records)
    ]
    return f"<h2>Most common wrong answers</h2><table>{''.join(lines) or '<tr><td>None.</td></tr>'}</table>"


def _waiting(records):
    """What a person should look at, with whom."""
    lines = []
    for record in records:
        why = [
            *record["problems"],
            *(f"{row['exercise']}: {p}" for _, row in gradebook.rows(record) for p in row["person"]),
        ]
        lines += [f"<tr><td><bdi>{escape(record['student'])}</bdi></td><td>{escape(text)}</td></tr>" for text in why]
    said = "Fill in the points of by_hand.csv and run the same command again." if lines else "Nothing."
    return f"<h2>For a person</h2><p>{said}</p><table>{''.join(lines)}</table>"


def _students(records):
    lines = []
    for record in records:
        points, out_of = gradebook.total(record)
        link = f'<a href="feedback/{escape(feedback_name(record))}"><bdi>{escape(record["student"])}</bdi></a>'
        lines.append(f'<tr><td>{link}</td><td class="n">{points:g} of {out_of:g}</td></tr>')
    return f"<h2>Students</h2><table>{''.join(lines)}</table>"
