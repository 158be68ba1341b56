"""`saekit build`: from each `solutions/NN_name.py` the executed solution, the student copy and the reference answers.

Everything written here is a function of the sources, except outputs, which come from `--execute`. Outputs survive a
build as long as no code cell changed; prose may. Files are JSON with one source line per line, so that one edited word
is one changed line.
"""

import json
import shutil
import tempfile
import time

from saekit.course import execute as executing
from saekit.course import guide
from saekit.course.lesson import (
    EXERCISE_KEYS,
    QUESTION_KEYS,
    ROOT,
    Problem,
    lesson_paths,
    read_lesson,
    student_text,
    without_markers,
    write_missing_ids,
)
from saekit.course.outputs import short_hash, source_hashes
from saekit.course.references import PACKAGE, index, reference_problems, reference_source
from saekit.files import write_atomic

KERNEL = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "pygments_lexer": "ipython3",
    },
}


def build(execute=(), nbgrader=None, root=ROOT):
    """Write every generated file and execute the lessons asked for (`select`). Returns 0, or 1 after a problem."""
    written = sum(write_missing_ids(path) for path in lesson_paths(root))
    lessons = [read_lesson(path) for path in lesson_paths(root)]
    chosen = select(lessons, execute)
    problems = [problem for lesson in lessons for problem in source_problems(lesson)]
    for problem in problems:
        print(problem)
    if problems:
        return 1
    files = generated(lessons, root)
    kept = [path for path in files if path.suffix == ".ipynb" and worked_in(read_notebook(path))]
    changed = [path for path, text in files.items() if path not in kept and write_if_changed(path, text)]
    for path in kept:
        print(f"{path}: left as it is, for somebody has worked in it; move it away and build again")
    print(
        f"built {len(lessons)} lessons: {len(changed)} files changed"
        + (f", {written} cell ids written" if written else "")
    )
    if nbgrader:
        from saekit.course.assignments import write_nbgrader

        write_nbgrader(lessons, nbgrader)
    return max([int(bool(kept)), *(execute_lesson(lesson, root) for lesson in chosen)])


def select(lessons, words):
    """The lessons that words like "6", "train_sae", "06_train_sae" or "all" ask for; ValueError for an unknown word."""
    names = {
        lesson.stem: {"all", lesson.stem, lesson.name, lesson.stem[:2], str(int(lesson.stem[:2]))} for lesson in lessons
    }
    for word in words:
        if not any(word in known for known in names.values()):
            raise ValueError(f'there is no lesson {word!r}; there are {", ".join(names) or "none yet"}, and "all"')
    return [lesson for lesson in lessons if names[lesson.stem] & set(words)]


def source_problems(lesson):
    """What keeps a lesson from being built at all."""
    return (
        lesson.problems
        or [Problem(lesson.path, 1, "no cells")] * (not lesson.cells)
        or list(reference_problems(lesson))
    )


def generated(lessons, root=ROOT):
    """{path: text} of every generated file."""
    reference = root / "saekit" / "course" / "reference"
    files = {reference / "__init__.py": PACKAGE, reference / "index.json": index(lessons)}
    for lesson in lessons:
        stored = root / "solutions" / f"{lesson.stem}.ipynb"
        files[reference / f"{lesson.name}.py"] = reference_source(lesson)
        files[root / "notebooks" / f"{lesson.stem}.ipynb"] = dumps(student_notebook(lesson))
        files[stored] = dumps(with_outputs(solution_notebook(lesson), read_notebook(stored)))
    project = root / "capstone" / "template.py"
    if project.exists():
        files[project.with_suffix(".ipynb")] = dumps(to_work_in(solution_notebook(read_lesson(project))))
    handbook = root / "INSTRUCTORS.md"
    if handbook.exists():
        files[handbook] = guide.filled(handbook.read_text("utf-8"), lessons, root)
    return files


def solution_notebook(lesson):
    """The complete notebook, not executed."""
    # in Markdown the markers would be headings
    texts = [without_markers(cell.text) if cell.question else cell.text for cell in lesson.cells]
    return notebook(lesson, [notebook_cell(cell, text) for cell, text in zip(lesson.cells, texts)])


def student_notebook(lesson):
    """The student copy: stubs for answers; an answer cell may raise and cannot be deleted by accident."""
    cells = []
    for cell in lesson.cells:
        copy = notebook_cell(cell, student_text(cell), tags=["raises-exception"] if cell.exercise else [])
        cells.append(copy)
        if cell.exercise or cell.question:
            copy["metadata"]["deletable"] = False
    return to_work_in(notebook(lesson, cells))


def to_work_in(made):
    """The notebook with a hash of its cells as they were built, by which `worked_in` tells."""
    made["metadata"]["saekit"]["built"] = _cells_hash(made)
    return made


def notebook(lesson, cells):
    """A notebook around cells, format 4.5."""
    return {
        "cells": cells,
        "metadata": {**KERNEL, "saekit": {"lesson": lesson.stem}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def notebook_cell(cell, text, tags=None):
    """One notebook cell; tags=None keeps the source's."""
    saekit = {key: cell.options[key] for key in (*QUESTION_KEYS[:1], *EXERCISE_KEYS) if key in cell.options}
    tags = cell.options.get("tags", []) if tags is None else tags
    metadata = {**({"saekit": saekit} if saekit else {}), **({"tags": tags} if tags else {})}
    made = {"cell_type": cell.kind, "id": cell.options["id"], "metadata": metadata, "source": text}
    return {**made, "execution_count": None, "outputs": []} if cell.kind == "code" else made


def read_notebook(path):
    """The notebook stored at path, or None; ValueError naming the file if it is not one."""
    import nbformat

    if not path.exists():
        return None
    try:
        stored = nbformat.from_dict(nbformat.reads(path.read_text("utf-8"), as_version=4))
        if not isinstance(stored.get("cells"), list):
            raise nbformat.reader.NotJSONError("it has no list of cells")
        return stored
    except (nbformat.reader.NotJSONError, nbformat.ValidationError, UnicodeDecodeError, AttributeError, TypeError) as error:
        raise ValueError(f"{path} is not a notebook ({str(error)[:80]}); delete it and build again") from None


def worked_in(stored):
    """Whether the cells of a notebook to work in, or of None, are no longer those that it was built with."""
    built = stored and stored["metadata"].get("saekit", {}).get("built")
    return bool(built) and built != _cells_hash(stored)


def _cells_hash(made):
    return short_hash(json.dumps([cell["source"] for cell in made["cells"]]).encode())


def code_of(made):
    """(id, source) of each code cell: what the outputs depend on."""
    return [(cell["id"], cell["source"]) for cell in made["cells"] if cell["cell_type"] == "code"]


def with_outputs(made, stored):
    """The notebook with the stored outputs, if not one code cell differs; else without any."""
    if stored is None or code_of(made) != code_of(stored):
        return made
    old = {cell["id"]: cell for cell in stored["cells"]}
    for cell in made["cells"]:
        if cell["cell_type"] == "code":
            cell.update(outputs=old[cell["id"]]["outputs"], execution_count=old[cell["id"]]["execution_count"])
    if "sources" in stored["metadata"].get("saekit", {}):
        made["metadata"]["saekit"]["sources"] = stored["metadata"]["saekit"]["sources"]
    return made


def dumps(made):
    """The notebook as text: sorted keys, one line per source line, a newline at the end."""
    import nbformat

    return nbformat.writes(nbformat.from_dict(made)).rstrip("\n") + "\n"


def write_if_changed(path, text):
    """Write the file unless it already holds this text; returns whether it was written."""
    if path.exists() and path.read_text("utf-8") == text:
        return False
    write_atomic(path, text.encode())
    return True


def execute_lesson(lesson, root=ROOT):
    """Execute one solution notebook at profile laptop and store it; returns 0, or 1 having printed the cell's error."""
    from nbclient.exceptions import CellControlSignal, DeadKernelError

    begun, scratch = time.perf_counter(), tempfile.mkdtemp(prefix="saekit-")
    try:
        env = executing.environment(scratch, "laptop")
        done = executing.execute(solution_notebook(lesson), root / "solutions", env)
    except (CellControlSignal, DeadKernelError) as error:
        print(f"{lesson.stem}: not stored, {error}")
        return 1
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    done["metadata"]["saekit"]["sources"] = source_hashes(lesson, root)
    write_if_changed(root / "solutions" / f"{lesson.stem}.ipynb", dumps(done))
    print(f"{lesson.stem}: executed in {time.perf_counter() - begun:.0f} s")
    return 0
