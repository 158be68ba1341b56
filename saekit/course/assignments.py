"""The course as nbgrader assignments, for instructors who use nbgrader: `saekit build --nbgrader DIR`.

nbgrader itself is not needed to write them. Its schema 3 allows no other keys in `metadata.nbgrader`, so ours stay in
`metadata.saekit`.
"""

from pathlib import Path

from saekit.course.build import dumps, notebook, notebook_cell
from saekit.course.lesson import student_text
from saekit.files import write_atomic


def write_nbgrader(lessons, folder):
    """Write `folder/source/<stem>/<stem>.ipynb`, the tree that `nbgrader generate_assignment` reads."""
    for lesson in lessons:
        path = Path(folder) / "source" / lesson.stem / f"{lesson.stem}.ipynb"
        write_atomic(path, dumps(nbgrader_notebook(lesson)).encode())
    print(f"wrote {len(lessons)} nbgrader assignments to {folder}/source")


def nbgrader_notebook(lesson):
    """The instructor's notebook: answers between nbgrader's markers, each before a locked cell that earns points."""
    cells = []
    for cell in lesson.cells:
        # nbgrader clears the answers itself; predictions it does not know, so they are blanked here
        text = cell.text if cell.exercise else student_text(cell)
        cells.append(notebook_cell(cell, text, tags=[]))
        if cell.exercise:
            slug = cell.exercise.replace("_", "-")
            cells[-1]["metadata"]["nbgrader"] = nbgrader_metadata(f"answer-{slug}", solution=True)
            require = f'from saekit.course import require\nrequire("{cell.exercise}")'
            cells.append(
                {
                    "cell_type": "code",
                    "id": f"test-{slug}"[:64],
                    "source": require,
                    "execution_count": None,
                    "outputs": [],
                    "metadata": {"nbgrader": nbgrader_metadata(f"test-{slug}", points=cell.options["points"])},
                }
            )
    return notebook(lesson, cells)


def nbgrader_metadata(grade_id, solution=False, points=None):
    """nbgrader's schema 3: an answer cell (solution), or a locked test cell worth `points`."""
    grade = {} if points is None else {"points": points}
    return {
        "schema_version": 3,
        "grade_id": grade_id,
        "grade": points is not None,
        "solution": solution,
        "locked": not solution,
        "task": False,
        **grade,
    }
