"""The course as nbgrader assignments, for instructors who use nbgrader: `saekit build --nbgrader DIR`.

nbgrader itself is not needed to write them. Its schema 3 allows no other keys in `metadata.nbgrader`, so ours stay in
`metadata.saekit`. Three habits of its scoring are met here: anything on stderr, or an error, in a test cell is 0
points, and a number left as its last value is taken for partial credit; so a test cell calls `require`, which prints nothing
and returns nothing, while prints and warnings of an answer stay in the answer's own cell. A cell that takes longer than
the timeout is 0 points for all that follow from it; so the check of an answer ends itself after
`judging.SECONDS`, long before.
"""

from pathlib import Path

from saekit.course.build import dumps, notebook, notebook_cell
from saekit.course.lesson import student_text
from saekit.files import write_atomic

CONFIG = '''"""nbgrader's settings for the saekit course. Written once by `saekit build --nbgrader`; yours to change."""

import os

c = get_config()
c.CourseDirectory.course_id = "saekit"
c.ExecutePreprocessor.timeout = 180  # seconds per cell; the longest cell of the course stays under 30 at smoke
# Marking: little to compute, no live widgets, no GPU, and nobody's own progress file is touched.
os.environ.update(SAEKIT_PROFILE="smoke", SAEKIT_STATIC="1", SAEKIT_PROGRESS="", TQDM_DISABLE="1",
                  CUDA_VISIBLE_DEVICES="", HF_HUB_OFFLINE="1")
'''


def write_nbgrader(lessons, folder):
    """Write `folder/source/<stem>/<stem>.ipynb`, which `nbgrader generate_assignment` reads, and its settings."""
    for lesson in lessons:
        path = Path(folder) / "source" / lesson.stem / f"{lesson.stem}.ipynb"
        write_atomic(path, dumps(nbgrader_notebook(lesson)).encode())
    settings = Path(folder) / "nbgrader_config.py"
    if not settings.exists():
        write_atomic(settings, CONFIG.encode())
    print(f"wrote {len(lessons)} nbgrader assignments to {folder}/source")


def nbgrader_notebook(lesson):
    """The instructor's notebook: answers between nbgrader's markers, each before a locked cell that earns points."""
    cells = []
    for cell in lesson.cells:
        # nbgrader clears the answers itself; predictions it does not know, so they are blanked here
        text = cell.text if cell.exercise or cell.question else student_text(cell)
        cells.append(notebook_cell(cell, text, tags=["raises-exception"] if cell.exercise else []))
        if cell.options["id"] == "setup":
            cells[-1]["metadata"]["nbgrader"] = nbgrader_metadata("setup", locked=True)
        if cell.question:
            slug, points = cell.question.replace("_", "-"), cell.options["points"]
            cells[-1]["metadata"]["nbgrader"] = nbgrader_metadata(f"question-{slug}", solution=True, points=points)
        if cell.exercise:
            slug = cell.exercise.replace("_", "-")
            cells[-1]["metadata"]["nbgrader"] = nbgrader_metadata(f"answer-{slug}", solution=True)
            cells.append(require_cell(cell, slug))
    return notebook(lesson, cells)


def require_cell(cell, slug):
    """The locked cell after an answer: without output if the answer passed, else an error."""
    return {
        "cell_type": "code",
        "id": f"test-{slug}"[:64],
        "source": f'from saekit.course import require\nrequire("{cell.exercise}")',
        "execution_count": None,
        "outputs": [],
        # a learner's Run All must not end here
        "metadata": {
            "nbgrader": nbgrader_metadata(f"test-{slug}", locked=True, points=cell.options["points"]),
            "tags": ["raises-exception"],
        },
    }


def nbgrader_metadata(grade_id, solution=False, locked=False, points=None):
    """nbgrader's schema 3: answer (solution), tests (locked, points), read-only (locked), marked by hand (both)."""
    grade = {} if points is None else {"points": points}
    return {
        "schema_version": 3,
        "grade_id": grade_id,
        "grade": points is not None,
        "solution": solution,
        "locked": locked,
        "task": False,
        **grade,
    }
