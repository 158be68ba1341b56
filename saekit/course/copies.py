"""`saekit similar`: which of the handed-in answers are alike beyond chance. How that is told is in `similarity`."""

import ast
import csv
import io

from saekit.course.extraction import fullest
from saekit.course.guide import answer_tables
from saekit.course.lesson import ROOT
from saekit.course.salvage import lesson_of, read_notebook
from saekit.course.similarity import similar_pairs
from saekit.course.submissions import find_submissions
from saekit.files import write_atomic


def similar(path, out=None, root=ROOT):
    """`saekit similar`: print the pairs among handed-in notebooks, most evidence first; returns 0."""
    given, lessons = handed_in(path)
    ours = {name: texts for lesson in lessons for name, texts in our_answers(lesson, root).items()}
    pairs = similar_pairs(given, ours)
    lines = [("exercise", "student", "student", "alike", "evidence", "same text")]
    lines += [(p.exercise, *p.students, f"{p.alike:.2f}", f"{p.evidence:.0f}", "yes" if p.same_text else "no")
              for p in pairs]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    for line in lines:
        print("  ".join(word.ljust(width) for word, width in zip(line, widths)).rstrip())
    print(f"{len(pairs)} pairs among {len(given)} students. Alike is a question to ask, not a finding.")
    if out:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(map(_inert, line) for line in lines)
        write_atomic(out, text.getvalue().encode())
    return 0


def handed_in(path):
    """({student: {"lesson.exercise": source}}, lessons met) of a folder or zip: of the notebooks that are marked."""
    given, lessons = {}, set()
    for submission in find_submissions(path):
        met = {}
        for file in submission.files:
            try:
                notebook = read_notebook(file.read())
            except ValueError:  # what cannot be read is for `saekit grade` to tell
                continue
            entry = lesson_of(notebook, file.name)
            if entry is not None:
                met.setdefault(entry["name"], []).append((entry, file.name, notebook))
        for lesson, found in met.items():
            *_, answers = fullest(found, [])
            mine = {f"{lesson}.{name}": answer.text for name, answer in answers.items()}
            given.setdefault(submission.student, {}).update(mine)
        lessons |= met.keys()
    return given, lessons


def our_answers(lesson, root=ROOT):
    """{"lesson.exercise": sources that everybody has seen or may well write}: our own, and those of the tables."""
    tables, ours = answer_tables(lesson, root), {}
    reference = ast.parse((root / "saekit" / "course" / "reference" / f"{lesson}.py").read_text("utf-8"))
    for node in reference.body:
        if isinstance(node, ast.FunctionDef):
            ours[f"{lesson}.{node.name}"] = [ast.unparse(node)]
    for name in tables.WRONG if tables else ():
        known = tables.RIGHT[name] + [wrong.source for wrong in tables.WRONG[name]]
        ours.setdefault(f"{lesson}.{name}", []).extend(known)
    return ours


def _inert(text):
    """A cell that a spreadsheet will not take for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text
