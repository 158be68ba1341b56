"""`saekit release`: what students get, the chosen lessons as folder and zip, without solutions or wrong answers.

A reference answer of a chosen lesson goes along, because it stands in until the student's own passes, and the bundle's
README says so. Not that of a graded exercise (`--graded`): its place takes a function that hands on to the student's
own once it passed and stops with one line before; cells that need it say so in their first line. `--variant WORD` gives
a student other numbers in the checks and other letters in the multiple choice: the word stands in the notebook's setup
cell and in its metadata (`saekit.variant`), and is all that a grader needs (`judging.judge(…, variant=word)`).
"""

import ast
import io
import re
import symtable
import zipfile
from pathlib import Path

from saekit.course import answers, checking, lesson, similarity
from saekit.course.build import dumps, select, source_problems, student_notebook
from saekit.course.lesson import ROOT, lesson_paths, read_lesson
from saekit.course.references import PACKAGE, definitions, global_names, index, reference_source
from saekit.files import write_atomic

NAME = "saekit-course"  # always the same, so that the next lessons unpack into the same folder
LEFT_OUT = {"__pycache__", ".ipynb_checkpoints", "runs"}  # folders of whoever works in this copy
TOP = ("course.py", "requirements.txt", "pyproject.toml", "runtime.txt", "LICENSE", "CITATION.cff")
PARTS = ("saekit/course/reference/", "saekit/course/checks/")  # of each lesson, its own
VARIANT = re.compile(r"[\w.@+-]{1,64}$")
SMALL = 12  # nodes: a function's body that any two people would write alike is no copy of an answer
OPTION = re.compile(r'`"(\w)"`: ?')


def release(words, out, graded=(), variant="", add_on=False, root=ROOT):
    """Write DIR/saekit-course and DIR/saekit-course.zip; prints what an instructor should know. Returns 0.

    words: as for `build.select`. graded: exercise names, "lesson.exercise" where lessons share a name, or "all".
    add_on: without package and data, for students who have a bundle of earlier lessons. ValueError if the lessons have
    faults, the folder is there already, a word or exercise is unknown, or a given variant does not match VARIANT.
    """
    lessons = [read_lesson(path) for path in lesson_paths(root)]
    faults = [problem for each in lessons for problem in source_problems(each)]
    if faults:
        raise ValueError(f"the lessons cannot be released as they are: {faults[0]}")
    if (Path(out) / NAME).exists():
        raise ValueError(f"{Path(out) / NAME} is there already; remove it or choose another --out, so that"
                         " nothing stays in it from before")
    if variant and not VARIANT.match(variant):
        raise ValueError(f"variant is {variant!r}, expected 1 to 64 letters, digits or . _ - @ +")
    chosen = select(lessons, words)
    held_back = graded_names(chosen, graded)
    package = package_files(root)
    files = {} if add_on else dict(package)
    for each in chosen:
        files.update(lesson_files(each, held_back[each.stem], variant))
    files["saekit/course/reference/__init__.py"], files["saekit/course/reference/index.json"] = PACKAGE, index(lessons)
    readable = answers_in({**package, **files}, chosen)  # an add-on joins the package where it is unpacked
    files["README.md"] = readme(chosen, held_back, variant, readable)
    write_bundle(files, Path(out))
    report(readable, held_back, files, Path(out))
    return 0


def graded_names(lessons, words):
    """{lesson stem: set of its graded exercises}; ValueError for a word that names none."""
    every = {(each.stem, each.name, cell.exercise) for each in lessons for cell in each.exercises}
    found = {each.stem: set() for each in lessons}
    for word in words:
        meant = [(stem, name) for stem, course, name in every if word in ("all", name, f"{course}.{name}")]
        if not meant:
            raise ValueError(f"graded got {word!r}, which is no exercise of {', '.join(found)}")
        for stem, name in meant:
            found[stem].add(name)
    return found


def package_files(root):
    """{path: content} of all that every bundle holds: the package without the parts of single lessons, data/ and the
    project's brief."""
    paths = [root / name for name in TOP if (root / name).exists()]
    for folder in ("saekit", "data", "capstone"):
        paths += [path for path in sorted((root / folder).rglob("*")) if path.is_file()]
    named = {path.relative_to(root).as_posix(): path for path in paths}
    kept = {name: path for name, path in named.items() if not (name.startswith(PARTS) or LEFT_OUT & {*name.split("/")})}
    kept["saekit/course/checks/__init__.py"] = root / "saekit" / "course" / "checks" / "__init__.py"
    return {name: path.read_bytes() for name, path in kept.items() if path.exists()}


def lesson_files(source, graded, variant):
    """{path: content} of one lesson: the student's notebook, its references, its checks."""
    checks = source.path.parents[1] / "saekit" / "course" / "checks" / f"{source.name}.py"
    return {
        f"notebooks/{source.stem}.ipynb": dumps(bundled_notebook(source, graded, variant)),
        f"saekit/course/reference/{source.name}.py": bundled_reference(source, graded),
        **({f"saekit/course/checks/{source.name}.py": checks.read_bytes()} if checks.exists() else {}),
    }


def bundled_reference(source, graded):
    """The lesson's reference module; a graded function hands on to the student's own."""
    if not graded:
        return reference_source(source)
    cells = [cell._replace(text=handed_on(cell)) if cell.exercise in graded else cell for cell in source.cells]
    return reference_source(source._replace(cells=cells)) + f"\n\nGRADED = {sorted(graded)!r}\n"


def handed_on(cell):
    """A graded exercise's cell in which the function's body is a call of `withheld`."""
    tree = ast.parse(lesson.student_text(cell))
    function = next(n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == cell.exercise)
    given = [a.arg for a in function.args.posonlyargs + function.args.args]
    given += [f"{a.arg}={a.arg}" for a in function.args.kwonlyargs]
    body = f"from saekit.course.reach import withheld\nreturn withheld({cell.exercise!r})({', '.join(given)})"
    function.body = function.body[: bool(ast.get_docstring(function))] + ast.parse(body).body
    return ast.unparse(tree)


def bundled_notebook(source, graded, variant):
    """The student copy with the variant in it, and a first line in every cell that needs a graded answer."""
    made, needs = student_notebook(source), dependents(source, graded)
    letters = shuffles(source, variant)
    if variant:
        made["metadata"]["saekit"]["variant"] = variant
    for place, cell in enumerate(made["cells"]):
        if cell["metadata"].get("saekit", {}).get("exercise") in graded:
            task = made["cells"][place - 1]
            task["source"] = re.sub(r"(?m)^(Difficulty .* points?)$", r"\1 · **graded**", task["source"])
        if cell["id"] in needs:
            names = ", ".join(f"`{name}`" for name in needs[cell["id"]])
            first = f"# Graded: this cell needs your answer to {names}; no version of ours stands in."
            cell["source"] = f"{first}\n{cell['source']}"
            cell["metadata"]["tags"] = sorted({*cell["metadata"].get("tags", []), "raises-exception"})
        if variant and cell["id"] == "setup":
            cell["source"] = re.sub(r'begin\("(\w+)"\)', rf'begin("\1", variant="{variant}")', cell["source"])
        if place in letters:
            cell["source"] = relettered(cell["source"], letters[place])
    return made


def dependents(source, graded):
    """{id of a code cell that is no exercise: the graded exercises whose answers it needs, itself or through others}."""
    needed = {name: {name} for name in graded}  # what needs which answers
    references = {cell.exercise: global_names("\n\n".join(definitions(cell))) for cell in source.exercises}
    for name, used in references.items():  # a reference that stands in calls graded ones through its own module
        needed.setdefault(name, set()).update(*(needed[other] for other in used if other in needed))
    found = {}
    for cell in source.code_cells if graded else ():
        reads, binds = reads_and_binds(cell.text)
        reached = set().union(*(needed.get(name, set()) for name in reads))
        if cell.exercise:
            continue
        if reached:
            found[cell.options["id"]] = sorted(reached)
            needed.update({name: reached for name in binds})
        else:  # a name that gets another value needs nothing any more
            needed = {name: of for name, of in needed.items() if name not in binds}
    return found


def reads_and_binds(text):
    """(names that a cell looks up before it gives them a value, names that it gives a value)."""
    reads, binds = set(), set()
    for statement in map(ast.unparse, _steps(ast.parse(text).body)):
        reads |= global_names(statement) - binds
        symbols = symtable.symtable(statement, "cell", "exec").get_symbols()
        binds |= {s.get_name() for s in symbols if s.is_assigned() or s.is_imported()}
    return reads, binds


def _steps(statements):
    """Statements one after the other; of a loop, `with` or `if` first its head, then what stands in it."""
    for node in statements:
        if isinstance(node, (ast.For, ast.While, ast.If, ast.With)):
            inside = node.body + getattr(node, "orelse", [])
            node.body, node.orelse = [ast.Pass()], []
            yield node
            yield from _steps(inside)
        else:
            yield node


def shuffles(source, variant):
    """{place of a markdown cell: {old letter: new}} for the multiple choice whose options stand in it."""
    found = {}
    if not variant:
        return found
    for question in getattr(checking_module(source.name), "PREDICTIONS", ()):
        if not question.options or not answers.lettered(question.options):
            continue
        asked = next(i for i, cell in enumerate(source.cells) if f'predict("{question.id}"' in cell.text)
        before = range(asked, -1, -1)
        told = next(i for i in before if set(question.options) <= set(OPTION.findall(source.cells[i].text)))
        found[told] = answers.shuffled(question.id, question.options, variant)
    return found


def checking_module(name):
    """The module of a lesson's checks."""
    import importlib

    checking.load_checks(name)
    return importlib.import_module(f"saekit.course.checks.{name}")


def relettered(text, letters):
    """A cell's text with its options under their new letters, in their order; the last one ends its paragraph."""
    head, *pieces = OPTION.split(text)
    last, rest = (pieces[-1].split("\n\n", 1) + [""])[:2]
    told = dict(zip(pieces[::2], [*pieces[1:-1:2], last]))
    new = " ".join(f'`"{new}"`: {told[old].strip()}' for old, new in sorted(letters.items(), key=lambda pair: pair[1]))
    return head + new + (f"\n\n{rest}" if rest else "")


def answers_in(files, lessons):
    """[(path, function, lesson, exercise)] of every function in a shipped module that answers an exercise: it does just
    what our answer does, or is the subject module's own function of that name.

    Raises nothing and runs nothing; a body that any two people would write alike counts only under the answer's name.
    """
    bodies, names = {}, {}
    for each in lessons:
        for cell in each.exercises:
            tree = ast.parse(lesson.without_markers(cell.text))
            bodies.setdefault(tuple(function_labels(tree, cell.exercise)), (each.stem, cell.exercise))
            names.setdefault(cell.exercise, []).append((each.stem, cell.exercise))
    found = []
    for path, content in sorted(files.items()):
        tree = ast.parse(content) if path.endswith(".py") else ast.Module([], [])
        for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
            words = tuple(similarity.labels(ast.Module([function], [])))
            if "withheld" in words:
                continue
            same = {bodies[words]} if words in bodies and len(words) > SMALL else set()
            if not path.startswith("saekit/course/checks/"):  # a check bears its exercise's name
                same |= {each for each in names.get(function.name, ()) if f"/{each[0][3:]}.py" in path
                         or not path.startswith("saekit/course/")}
            found += [(path, function.name, *each) for each in sorted(same)]
    return found


def function_labels(tree, name):
    """The node words of one function of a cell."""
    function = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name)
    return similarity.labels(ast.Module([function], []))


def readme(lessons, held_back, variant, readable):
    """The bundle's README.md."""
    held = [f"`{name}` (lesson {stem[:2]})" for stem, names in held_back.items() for name in sorted(names)]
    free = [f"- `{path}`: `{name}`" for path, name, stem, exercise in readable if exercise not in held_back[stem]]
    parts = [
        "# saekit\n\nFrom LASSO and dictionary learning to sparse autoencoders on a transformer's MLP activations.\n",
        "You need Python 3.11 or newer (on Debian and Ubuntu with `python3-venv`), 2.5 GB of disk, and for the first"
        " start a network:\n\n```\npython course.py lab     # sets everything up, opens JupyterLab\n```\n",
        "Lessons in this bundle: " + ", ".join(f"[{each.title}](notebooks/{each.stem}.ipynb)" for each in lessons)
        + ". Later lessons are unpacked over the same folder; your notebooks stay as they are.\n",
        "## Your code or ours\n\nEvery exercise checks itself. Until your answer passes, ours stands in, and once it"
        " passes the rest of the lesson uses yours. So the answers below are in this folder, readable for anyone who"
        " looks. Look after you have tried:\n\n" + "\n".join(free) + "\n",
    ]
    if held:
        parts.append("## Graded\n\nNo version of ours stands in for " + ", ".join(held) + ". Cells that need one of"
                     " them say so in their first line and need yours to have passed. Nothing else waits for them.\n")
    if variant:
        parts.append(f"These notebooks are the variant `{variant}`: the checks draw other numbers and the letters of"
                     " the multiple choice differ from your neighbour's. Leave the setup cell as it is.\n")
    return "\n".join(parts) + "\nCode: MIT. Lesson text and figures: CC BY 4.0. See LICENSE.\n"


def write_bundle(files, out):
    """Write DIR/saekit-course/… and DIR/saekit-course.zip; the zip of the same sources is the same, byte for byte."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            data = content if isinstance(content, bytes) else content.encode()
            write_atomic(out / NAME / name, data)
            entry = zipfile.ZipInfo(f"{NAME}/{name}", date_time=(1980, 1, 1, 0, 0, 0))
            weights = name.endswith(".safetensors")  # these do not get smaller
            entry.compress_type = zipfile.ZIP_STORED if weights else zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data)
    write_atomic(out / f"{NAME}.zip", packed.getvalue())


def report(readable, held_back, files, out):
    """What an instructor should know: sizes, and where a graded answer can still be read."""
    size = (out / f"{NAME}.zip").stat().st_size / 1e3
    print(f"wrote {out / NAME} and {NAME}.zip: {len(files)} files, {size:,.0f} kB")
    for path, name, stem, exercise in readable:
        if exercise in held_back[stem]:
            print(f"graded {exercise} ({stem}): {path} ships, and its `{name}` answers it. A check recognises a call"
                  " of it, not a copy.")
