"""A class of 200 is graded whole: every student gets the right points or a note for a person, and nothing leaks."""

import os
import socket
import threading
from pathlib import Path

import pytest

from saekit.course import gradebook
from saekit.course.grade import grade
from saekit.course.limits import Limits
from saekit.course.sandbox import Sandbox
from tests.class_of_200 import make_class
from tests.class_parts import ROOT, Traps

pytestmark = pytest.mark.slow
LIMITS = Limits(seconds=2, wall=20, memory=300_000_000)


@pytest.fixture(scope="module")
def contained():
    """True where a fork bomb is contained: tried with a small one first."""
    source = (
        "import os, time\ndef fista(x):\n    n = 0\n    try:\n        for n in range(100):\n"
        "            if os.fork() == 0: time.sleep(60)\n    except OSError: return n\n    return -1"
    )
    with Sandbox(LIMITS) as sandbox:
        if not sandbox.held.processes:
            return False
        with sandbox.answer("lasso", "fista", source) as bomb:
            return 0 < bomb(0) < LIMITS.processes


@pytest.fixture
def traps(tmp_path):
    """Secrets, a listening port, and a place to write to; after the test none of them was touched."""
    secrets, outside = tmp_path / "secrets", tmp_path / "outside"
    secrets.mkdir()
    (secrets / "answers.py").write_text("def soft_threshold(*a): return 'found'\n")
    before, heard = snapshot(), []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        done = threading.Event()
        listener = threading.Thread(target=listen, args=(server, heard, done))
        listener.start()
        yield Traps(secrets, server.getsockname()[1], outside)
        done.set()
        listener.join()
    assert not heard, "an answer reached the network"
    assert not outside.exists() and not Path("/etc/forged").exists(), "an answer wrote outside its folder"
    assert snapshot() == before, "a file of the repository changed"


def listen(server, heard, done):
    """Note every connection until done."""
    while not done.is_set():
        try:
            connection, address = server.accept()
        except TimeoutError:
            continue
        connection.close()
        heard.append(address)


def snapshot():
    """Path, size and time of every file of the repository that grading uses."""
    files = [path for part in ("saekit", "solutions", "notebooks", "tests") for path in (ROOT / part).rglob("*")]
    return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in files if "__pycache__" not in path.parts}


def assert_graded(stem, count, folder, traps, contained):
    """Every one of the class has its expected points, and a note where there should be one; nobody else has."""
    students = make_class(stem, folder / "submissions", count, traps, contained)
    records = {
        r["student"]: r
        for r in grade(folder / "submissions", folder / "grades.csv", jobs=os.cpu_count() or 1, limits=LIMITS)
    }
    assert len(students) == count and set(records) == set(students)
    wrong = [
        f"{student} ({expected.kind}): {gradebook.total(records[student])}, expected {expected.points}, note"
        f" {expected.note}"
        for student, expected in students.items()
        if gradebook.total(records[student])[0] != expected.points
        or gradebook.needs_person(records[student]) != expected.note
    ]
    assert not wrong, "\n".join(wrong)
    return records


def test_200_of_200_in_lesson_1_get_the_right_points_or_a_note(tmp_path, traps, contained):
    records = assert_graded("01_lasso", 200, tmp_path, traps, contained)
    assert all(record["held"]["processes"] for record in records.values() if record["held"]) == contained
    report = (tmp_path / "grades" / "report.html").read_text("utf-8")
    assert "isolation, not a security boundary" in report and "<bdi>🦊 Fuchs</bdi>" in report
    assert (tmp_path / "grades.csv").read_text("utf-8-sig").count("\n") > 1600


def test_a_class_of_80_in_lesson_6_gets_the_right_points_or_a_note(tmp_path, traps, contained):
    assert_graded("06_train_sae", 80, tmp_path, traps, contained)
