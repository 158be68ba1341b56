"""The parts of INSTRUCTORS.md that follow from the sources, written by `saekit build`: plans, points, typical errors.

Each part stands between `<!-- generated: NAME -->` and `<!-- end -->`; everything else in the file is written by hand.
"""

import importlib
import re
import sys

PART = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
MINUTES = re.compile(r"^\*\*(\d+) minutes\.\*\*", re.MULTILINE)
PLANS = {  # weeks: lessons of each week, or what else it is for
    6: ([0, 1], [2, 3], [4, 5], [6, 7], [8, 9], [10]),
    10: ([0, 1], [2], [3], [4], [5], [6], [7], [8], [9], [10]),
    14: ([0], [1], [2], [3], [4], "the questions in words, discussed", [5], [6], [7], [8], [9], [10],
         "project: train an SAE, defend three of its latents", "project, presented"),
}
LATER = {7: "Read the features", 8: "Test the features", 9: "Splitting and universality", 10: "At scale"}


def filled(text, lessons, root):
    """The handbook's text with every generated part as the lessons' sources give it. ValueError for an unknown part."""
    parts = {"plan": plan, "points": points, "errors": lambda lessons: errors(lessons, root)}

    def fill(match):
        if match[2] not in parts:
            raise ValueError(f"INSTRUCTORS.md asks for the part {match[2]!r}, expected one of: {', '.join(parts)}")
        return f"{match[1]}{parts[match[2]](lessons)}{match[3]}"

    return PART.sub(fill, text)


def plan(lessons):
    """The term in 6, 10 and 14 weeks, with minutes and points per week."""
    known = {int(lesson.stem[:2]): lesson for lesson in lessons}
    tables = []
    for weeks, plan in PLANS.items():
        rows = [_week(number, what, known) for number, what in enumerate(plan, 1)]
        tables.append(f"**{weeks} weeks**\n\n" + table(("week", "lessons", "minutes", "points"), rows))
    return "\n".join(tables)


def _week(number, what, known):
    """One row of a plan; a dash where a lesson of the week is still to be written."""
    if isinstance(what, str):
        return number, what, "", ""
    titles = [f"{n} {known[n].title if n in known else LATER.get(n, 'in preparation')}" for n in what]
    if not all(n in known for n in what):
        return number, " · ".join(titles), "–", "–"
    return (number, " · ".join(titles), sum(minutes(known[n]) for n in what),
            sum(total(known[n].exercises) + total(known[n].questions) for n in what))


def minutes(lesson):
    """The minutes that a lesson's first cell states."""
    found = MINUTES.search(lesson.cells[0].text)
    return int(found[1]) if found else sum(cell.options["minutes"] for cell in lesson.exercises + lesson.questions)


def total(cells):
    """The points of some exercises or questions together."""
    return sum(cell.options["points"] for cell in cells)


def points(lessons):
    """Exercises, questions in words, and their points per lesson."""
    rows = [(f"{int(each.stem[:2])} {each.title}", len(each.exercises), total(each.exercises), len(each.questions),
             total(each.questions), total(each.exercises) + total(each.questions)) for each in lessons]
    sums = [sum(row[column] for row in rows) for column in range(1, 6)]
    head = ("lesson", "exercises", "points", "questions in words", "points", "together")
    return table(head, [*rows, ("**all**", *(f"**{number}**" for number in sums))])


def errors(lessons, root):
    """Per exercise: its points and minutes, and the misunderstandings that the checks are tested against."""
    parts = []
    for lesson in lessons:
        tables = answer_tables(lesson.name, root)
        wrong = tables.WRONG if tables else {}
        rows = [
            (f"`{cell.exercise}`", cell.options["points"], cell.options["minutes"],
             " · ".join(_cell(each.cause) for each in wrong.get(cell.exercise, ())))
            for cell in lesson.exercises
        ]
        head = ("exercise", "points", "minutes", "what goes wrong")
        parts.append(f"### Lesson {int(lesson.stem[:2])} · {lesson.title}\n\n{table(head, rows)}")
        parts += [_rubric(cell) for cell in lesson.questions]
    return "\n".join(parts)


def _rubric(cell):
    """A question in words with what earns its points."""
    from saekit.course.lesson import solution_lines

    lines = [line for line in solution_lines(cell) if line.strip()]
    return f"**`{cell.question}`**, in words, {cell.options['points']} points:\n\n" + "\n".join(lines) + "\n"


def answer_tables(lesson, root):
    """The module tests/wrong_answers/<lesson>.py, which stands in the repository and not in the package; None without
    one."""
    if not (root / "tests" / "wrong_answers" / f"{lesson}.py").exists():
        return None
    sys.path.insert(0, str(root))
    try:
        return importlib.import_module(f"tests.wrong_answers.{lesson}")
    finally:
        sys.path.remove(str(root))


def _cell(text):
    """Text that may stand in a table's cell."""
    return text.replace("|", "\\|").replace("\n", " ")


def table(head, rows):
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(map(str, line)) + " |\n" for line in lines)
