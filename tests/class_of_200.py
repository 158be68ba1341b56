"""A class of 200 made from seeds: what each student hands in, and the points that are right for it.

    students = make_class("01_lasso", folder, count=200, traps=traps)   # {student: Expected}

Right and wrong answers come from tests/wrong_answers. Most students get some exercises right, some wrong, some not at
all; every wrong answer of the table occurs; and each trouble of `class_damaged` (files) and `class_hostile` (code)
occurs once, hostile code in place of one answer while the others are right. `python -m tests.class_of_200 01_lasso DIR` writes one.
"""

import random
import sys
from pathlib import Path

from tests.class_damaged import trouble_makers
from tests.class_hostile import hostile, maker
from tests.class_parts import PLACE, Expected, Traps, dumps, read, zipped


def make_class(stem, folder, count, traps, fork_bombs=False):
    """Write `count` submissions into a folder; {student: Expected}. Seeded: the same class every time."""
    lesson, folder, students = read(stem), Path(folder), {}
    makers = list(trouble_makers()) + [
        (f"hostile {kind}", maker(code))
        for kind, code in hostile(lesson, traps).items()
        if fork_bombs or kind != "fork bomb"
    ]
    rounds = max(map(len, lesson.wrong.values()))
    makers += [(f"wrong answers, round {i}", wrong_round(i)) for i in range(rounds)]
    makers = makers[:count] if count < len(makers) else makers + [("ordinary", ordinary)] * (count - len(makers))
    for number, (kind, make) in enumerate(makers):
        student, files, expected = f"student {number:03d}", None, None
        made = make(lesson, random.Random(f"{stem}/{number}"))
        files, expected, student = made if len(made) == 3 else (*made, student)
        expected.kind = kind
        for name, data in files.items():
            write(folder / name.format(student=student, stem=stem), data)
        students[student] = expected
    return students


def write(path, data):
    """A file; a Path as data makes a symbolic link."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(data) if isinstance(data, Path) else path.write_bytes(data)


def ordinary(lesson, rng):
    """Each exercise right, wrong or not begun; handed in as folder, zip, loose notebook or as Canvas and Moodle do."""
    answers, points = {}, 0
    for name in lesson.points:
        kind = rng.choices(("right", "wrong", "stub"), (6, 3, 1))[0]
        if kind == "right":
            answers[name], points = rng.choice(lesson.right[name]), points + lesson.points[name]
        elif kind == "wrong":
            answers[name] = rng.choice(lesson.wrong[name])
    data, number = dumps(lesson.filled(answers)), rng.randrange(10**6)
    layout = rng.choice(("folder", "zip", "loose", "canvas", "moodle"))
    if layout == "zip":
        return {"{student}.zip": zipped({f"work/{lesson.stem}.ipynb": data})}, Expected(points)
    if layout == "loose":
        return {"{student}_{stem}.ipynb": data}, Expected(points)
    if layout == "canvas":
        name = f"doe{number}_{number}_77_{lesson.stem}-1.ipynb"
        return {name: data}, Expected(points), f"doe{number} ({number})"
    if layout == "moodle":
        return {f"Ann Lee_{number}_assignsubmission_file_/x.ipynb": data}, Expected(points), f"Ann Lee ({number})"
    return {PLACE: data}, Expected(points)


def wrong_round(i):
    """The i-th wrong answer to every exercise."""

    def make(lesson, rng):
        answers = {name: sources[i % len(sources)] for name, sources in lesson.wrong.items()}
        return {PLACE: dumps(lesson.filled(answers))}, Expected(0)

    return make


if __name__ == "__main__":
    where = Path(sys.argv[2])
    made = make_class(
        sys.argv[1], where, 200, Traps(where.parent / "secrets", 9, where.parent / "outside"), fork_bombs=False
    )
    print(f"{len(made)} submissions written to {where}")
