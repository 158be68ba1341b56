"""A student bundle: no solution in it but the listed references, and notebooks that run as far as they can."""

import ast
import contextlib
import io
import json
import re
import zipfile
from types import SimpleNamespace

import pytest

from saekit.course import answers, audit, checking, exercises, reach
from saekit.course.build import read_notebook
from saekit.course.judging import judge
from saekit.course.lesson import ROOT, lesson_paths, read_lesson, solution_lines, without_markers
from saekit.course.release import dependents, reads_and_binds, relettered, release
from tests import tiny_lesson
from tests.mini_course import make_course
from tests.test_wrong_answers import LESSONS, table
from tests.cells import define

ALL = [read_lesson(path) for path in lesson_paths()]
GRADED = {"soft_threshold", "omp"}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """Lessons 0 and 1 for one student, two exercises graded."""
    out = tmp_path_factory.mktemp("release")
    with contextlib.redirect_stdout(io.StringIO()) as said:
        release(["0", "1"], out, graded=["lasso.soft_threshold", "omp"], variant="ada")
    (out / "said.txt").write_text(said.getvalue(), "utf-8")
    return out / "saekit-course"


def texts(folder, pattern):
    """{path within the bundle: text} of some of its files."""
    return {p.relative_to(folder).as_posix(): p.read_text("utf-8") for p in sorted(folder.rglob(pattern))}


def files(folder):
    """The paths of all its files, sorted."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def listed(bundle):
    """{(path, function)} that the bundle's README owns up to."""
    return set(re.findall(r"^- `(\S+)`: `(\w+)`$", (bundle / "README.md").read_text("utf-8"), re.MULTILINE))


def bodies(source):
    """{function's name and statements, docstring aside, written out by Python} of every function in a source."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            yield node.name, "\n".join(map(ast.unparse, node.body[bool(ast.get_docstring(node)):]))


def test_no_solution_of_the_course_stands_in_a_module_but_where_the_readme_says(bundle):
    solved = {cell.exercise: dict(bodies(without_markers(cell.text)))[cell.exercise]
              for lesson in ALL for cell in lesson.exercises}
    found = {(path, name) for path, text in texts(bundle, "*.py").items() for name, body in bodies(text)
             if name in solved and body == solved[name]}
    assert found
    assert found - listed(bundle) == {("saekit/lasso.py", "soft_threshold")}  # graded: of that the instructor is told


def test_the_instructor_is_told_where_the_package_itself_answers_a_graded_exercise(bundle):
    said = (bundle.parent / "said.txt").read_text("utf-8")
    assert re.findall(r"graded (\w+) .*: (\S+) ships", said) == [("soft_threshold", "saekit/lasso.py"),
                                                                ("omp", "saekit/lasso.py")]


def test_no_solution_of_the_course_stands_in_a_notebook(bundle):
    notebooks = texts(bundle, "*.ipynb")
    assert list(notebooks) == ["capstone/template.ipynb", "notebooks/00_start_here.ipynb", "notebooks/01_lasso.ipynb"]
    cells = [audit.squeeze("".join(cell["source"])) for text in notebooks.values() for cell in json.loads(text)["cells"]]
    for lesson in ALL:
        for cell in lesson.exercises + lesson.questions:
            answer = audit.squeeze("\n".join(solution_lines(cell)))
            # what one line says may be said elsewhere: `return z @ D`
            assert answer.count(" ") < 8 or not any(answer in text for text in cells), cell.options["id"]
    assert not any(cell.get("outputs") for text in notebooks.values() for cell in json.loads(text)["cells"])


def test_the_readme_lists_every_reference_that_ships_and_no_graded_one(bundle):
    names = {name for path, name in listed(bundle) if path == "saekit/course/reference/lasso.py"}
    assert names == {cell.exercise for cell in ALL[1].exercises} - GRADED
    assert "No version of ours stands in for `omp` (lesson 01), `soft_threshold`" in (bundle / "README.md").read_text("utf-8")


def test_nothing_hidden_and_no_other_lesson_is_in_the_bundle(bundle):
    names = files(bundle)
    assert not [n for n in names if n.startswith(("tests", "solutions", "docs", "benchmarks", ".")) or "__pycache__" in n]
    assert "dictionary_learning" not in " ".join(n for n in names if n.startswith("saekit/course/"))
    assert {"course.py", "requirements.txt", "data/python-1l/model.safetensors", "saekit/cli.py"} <= set(names)


def test_the_zip_holds_the_folder(bundle):
    with zipfile.ZipFile(bundle.parent / "saekit-course.zip") as archive:
        packed = {name: archive.read(name) for name in archive.namelist()}
    assert packed == {f"saekit-course/{name}": (bundle / name).read_bytes() for name in files(bundle)}


def test_an_add_on_holds_only_what_its_lessons_add_and_comes_out_the_same_again(tmp_path):
    for out in ("a", "b"):
        release(["2"], tmp_path / out, add_on=True)
    assert files(tmp_path / "a" / "saekit-course") == [
        "README.md",
        "notebooks/02_dictionary_learning.ipynb",
        "saekit/course/checks/dictionary_learning.py",
        "saekit/course/reference/__init__.py",
        "saekit/course/reference/dictionary_learning.py",
        "saekit/course/reference/index.json",
    ]
    assert len({(tmp_path / out / "saekit-course.zip").read_bytes() for out in ("a", "b")}) == 1


def test_with_an_add_on_too_the_instructor_is_told_and_the_readme_lists_what_the_package_answers(tmp_path, capsys):
    release(["1"], tmp_path, graded=["omp"], variant="ada", add_on=True)
    assert re.findall(r"graded (\w+) .*: (\S+) ships", capsys.readouterr().out) == [("omp", "saekit/lasso.py")]
    assert ("saekit/lasso.py", "fista") in listed(tmp_path / "saekit-course")
    assert "saekit/lasso.py" not in files(tmp_path / "saekit-course")


def test_what_an_instructor_ran_in_the_copy_is_in_no_bundle(tmp_path):
    (tmp_path / "runs").mkdir()  # a folder above may bear any name
    make_course(tmp_path / "runs")
    left = ("capstone/runs/capstone/sae.safetensors", "capstone/.ipynb_checkpoints/template-checkpoint.ipynb")
    for name in (*left, "capstone/brief.md"):
        path = tmp_path / "runs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine", "utf-8")
    release(["1"], tmp_path / "out", root=tmp_path / "runs")
    assert [name for name in files(tmp_path / "out" / "saekit-course") if "capstone" in name] == ["capstone/brief.md"]


@pytest.mark.parametrize("arguments, said", [
    ({"graded": ["omq"]}, "graded got 'omq', which is no exercise of 01_lasso"),
    ({"graded": ["mod_update"]}, "no exercise of 01_lasso"),
    ({"variant": 'x", evil()'}, "expected 1 to 64 letters"),
    ({"words": ["77"]}, "no lesson '77'"),
])  # fmt: skip
def test_bad_requests_are_named(arguments, said, tmp_path):
    with pytest.raises(ValueError, match=re.escape(said)):
        release(**{"words": ["1"], "out": tmp_path, **arguments})


def test_a_folder_with_an_earlier_bundle_is_not_written_over(bundle):
    with pytest.raises(ValueError, match="is there already"):
        release(["0"], bundle.parent)


def test_a_course_of_another_folder_can_be_released(tmp_path):
    make_course(tmp_path)
    release(["1"], tmp_path / "out", graded=["soft"], root=tmp_path)
    text = (tmp_path / "out" / "saekit-course" / "saekit" / "course" / "reference" / "mini.py").read_text("utf-8")
    assert "np.maximum" not in text and "return withheld('soft')(x, lam)" in text and "GRADED = ['soft']" in text


def test_a_cell_needs_a_graded_answer_directly_through_a_reference_or_through_a_value(bundle):
    notebook = read_notebook(bundle / "notebooks" / "01_lasso.ipynb")
    needs = dependents(ALL[1], {"soft_threshold"})
    assert all(names == ["soft_threshold"] for names in needs.values())
    assert not set(needs) & {cell.options["id"] for cell in ALL[1].exercises}
    calls = {cell.id for cell in notebook.cells if cell.cell_type == "code" and re.search(r"\b(soft_threshold|ista_step)\(", cell.source)
             and not cell.metadata.get("saekit")}
    assert calls and calls <= set(needs)  # ista_step's reference calls soft_threshold
    for cell in notebook.cells:
        if cell.id in needs:
            assert cell.source.startswith("# Graded: this cell needs your answer to `")
            assert "raises-exception" in cell.metadata.tags


def test_a_name_that_gets_a_new_value_needs_nothing_any_more():
    assert reads_and_binds("fig, ax = panels()\nax.plot(z)") == ({"panels", "z"}, {"fig", "ax"})
    assert reads_and_binds("for i in range(3):\n    z = z + i") == ({"range", "z"}, {"z", "i"})
    assert reads_and_binds("for i in (1, 2):\n    z = i\n    print(z)\nprint(w)") == ({"print", "w"}, {"i", "z"})


def test_options_get_other_letters_and_stay_in_the_order_of_their_letters():
    text = 'How many? `"a"`: six. `"b"`: about 40. `"c"`: all.\n\nGo on.'
    assert relettered(text, {"a": "c", "b": "a", "c": "b"}) == (
        'How many? `"a"`: about 40. `"b"`: all. `"c"`: six.\n\nGo on.')


def test_every_lettered_question_of_the_course_can_be_relettered():
    from saekit.course.release import checking_module, shuffles

    for lesson in ALL:
        questions = [q for q in checking_module(lesson.name).PREDICTIONS if q.options and answers.lettered(q.options)]
        found = shuffles(lesson, "ada")
        assert len(found) == len(questions)
        for place, letters in found.items():
            old = lesson.cells[place].text
            assert sorted(re.findall(r"\w+", relettered(old, letters))) == sorted(re.findall(r"\w+", old))


def test_the_right_option_is_right_under_its_new_letter_and_under_no_other():
    question = next(q for q in tiny_lesson.PREDICTIONS if q.id == "which")  # "b" is right
    for variant in ("", "ada", "ben", "cleo", "dai"):
        new = answers.shuffled("which", question.options, variant)
        right = [o for o in question.options if question.answer_to(question.unshuffled(o, variant))[0]]
        assert right == [new["b"]]
    assert len({answers.shuffled("which", question.options, f"s{i}")["b"] for i in range(20)}) == 3


def test_words_and_numbers_are_not_shuffled():
    assert answers.shuffled("x", ("falls", "stays"), "ada") == {"falls": "falls", "stays": "stays"}
    numeric = tiny_lesson.PREDICTIONS[0]
    assert numeric.unshuffled(3, "ada") == 3


def test_a_check_draws_other_numbers_for_each_variant_and_the_same_for_one():
    drawn = []
    check = checking.Check("lesson", "name", lambda f, rng: drawn.append(rng.normal()))
    for variant in ("", "ada", "ben", "ada", ""):
        assert judge(check, abs, variant=variant).state == "passed"
    assert drawn[0] == drawn[4] and drawn[1] == drawn[3] and len(set(drawn)) == 3
    assert drawn[0] == checking.rng("lesson", "name").normal()


def test_a_withheld_reference_hands_on_to_the_students_function_once_it_passed(monkeypatch):
    tiny_lesson.install(monkeypatch)
    names = {}
    exercises._room = exercises.open_room("tiny", names)
    with pytest.raises(reach.Withheld, match="energy is graded"):
        reach.withheld("energy")
    define("@exercise\ndef energy(x):\n    return float((x ** 2).sum())", {**names, "exercise": exercises.exercise})
    assert reach.withheld("energy") is exercises.room().current["energy"]


def test_the_card_of_a_graded_exercise_promises_no_version_of_ours(monkeypatch, capsys):
    tiny_lesson.install(monkeypatch)
    exercises._room = exercises.open_room("tiny", {})
    exercises._room.graded = frozenset({"energy"})
    scope = {"exercise": exercises.exercise}
    define("@exercise\ndef energy(x):\n    raise NotImplementedError()", scope)
    define("@exercise\ndef energy(x):\n    return 1.0", scope)
    said = capsys.readouterr().out
    assert "no version of ours stands in" in said and "ur version is used" not in said


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["ada", "ben", "cleo", "s3", "s4", "s9"])
@pytest.mark.parametrize("lesson", LESSONS)
def test_right_answers_pass_and_wrong_ones_fail_in_every_variant(lesson, variant):
    for name, sources in table(lesson).RIGHT.items():
        for source in sources:
            assert verdict(lesson, name, source, variant).state == "passed", (name, source)
        for wrong in table(lesson).WRONG[name]:
            assert verdict(lesson, name, wrong.source, variant).state == "not yet", (name, wrong.cause)


def verdict(lesson, name, source, variant):
    """The verdict on one answer in one variant, in a fresh classroom."""
    import importlib

    room = exercises.open_room(lesson, dict(vars(importlib.import_module(f"saekit.course.reference.{lesson}"))))
    room.variant = variant
    define(source, room.names)
    answer, room.names[name] = room.names[name], room.references[name]
    return room.judge(answer)


@pytest.mark.slow
@pytest.mark.parametrize("solved", [False, True])
def test_a_bundled_notebook_runs_to_its_end_and_stops_only_where_a_graded_answer_is_missing(solved, bundle, tmp_path):
    from saekit.course.execute import environment, execute

    notebook = read_notebook(bundle / "notebooks" / "01_lasso.ipynb")
    solutions = {cell.exercise: without_markers(cell.text) for cell in ALL[1].exercises}
    for cell in notebook.cells:
        name = cell.metadata.get("saekit", {}).get("exercise")
        if solved and name in GRADED:
            cell.source = solutions[name]
    env = {**environment(tmp_path, "smoke"), "PYTHONPATH": str(bundle)}
    done = execute(notebook, bundle / "notebooks", env)
    errors = {cell.id: output for cell in done.cells for output in cell.get("outputs", ())
              if output.output_type == "error"}
    needs = dependents(ALL[1], GRADED)
    assert not errors if solved else errors
    assert set(errors) <= set(needs)  # a few go on with the value from before the answer was needed
    assert solved or "Withheld" in {output.ename for output in errors.values()}
    passed = json.loads((tmp_path / "progress.json").read_text("utf-8"))["states"]["lasso"]
    assert {name for name, state in passed.items() if state == "passed"} == (GRADED if solved else set())
    assert SimpleNamespace(**done.metadata.saekit).variant == "ada"
    assert ROOT not in bundle.parents
