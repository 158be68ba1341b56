"""nbval as the gate: each way in which a broken notebook could pass unnoticed turns our own test run red."""

import shutil

import pytest

from saekit.course.build import build
from saekit.course.run import course_parts
from tests.mini_course import make_course

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """A sound course of one lesson."""
    root = tmp_path_factory.mktemp("course")
    make_course(root)
    assert build(execute=["all"], root=root) == 0
    return root


@pytest.fixture
def red(executed, tmp_path):
    """A function that edits a notebook of a sound course and returns which parts of our run then fail."""

    def parts_that_fail(notebook="solutions", old="", new="", timeout=60):
        root = shutil.copytree(executed, tmp_path / "course")
        path = root / notebook / "01_mini.ipynb"
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1) if old else text, "utf-8")
        return {part.name for part in course_parts(tmp_path, root, timeout) if not part.passed}

    return parts_that_fail


def test_a_sound_course_is_green_and_its_stubs_do_not_stop_it(red):
    assert red() == set()


def test_a_wrong_number_in_a_tagged_cell_is_red(red):
    assert "solutions" in red(old="one [ 2. -0.]", new="one [ 3. -0.]")


@pytest.mark.slow
def test_a_null_count_is_red_though_nbval_compares_nothing_there(red):
    null_and_wrong = '"execution_count": null,\n   "id": "one"'
    assert red(old='"execution_count": 4,\n   "id": "one"', new=null_and_wrong) >= {"build --check"}


def test_an_error_in_an_untagged_cell_is_red(red):
    assert "solutions" in red(old="ours = lambda", new="1 / 0; ours = lambda")


@pytest.mark.slow
def test_an_error_in_a_student_copy_outside_an_answer_is_red(red):
    assert "student copies" in red("notebooks", old="ours = lambda", new="1 / 0; ours = lambda")


@pytest.mark.slow
def test_a_kernel_that_only_the_author_has_is_not_asked_for(red):
    assert "solutions" not in red(old='"name": "python3"', new='"name": "my-laptop"')


@pytest.mark.slow
def test_a_dead_kernel_is_red_after_the_cell_timeout(red):
    assert "solutions" in red(old="ours = lambda", new="import os; os._exit(1); ours = lambda", timeout=5)


@pytest.mark.slow
def test_an_empty_folder_is_red(tmp_path):
    for folder in ("solutions", "notebooks"):
        (tmp_path / folder).mkdir()
    assert {part.name for part in course_parts(tmp_path, tmp_path) if not part.passed} >= {
        "solutions",
        "student copies",
    }
