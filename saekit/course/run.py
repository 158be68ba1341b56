"""The verbs over the whole course: `lab` opens it, `run` executes every lesson, `test` must pass before a commit.

`test` = `build --check`, the unit tests, then nbval over both folders in the environment of `saekit.course.execute`,
each by several processes at once.
nbval compares only tagged cells that have an execution count, so that every cell has one is left to `build --check`.
"""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import webbrowser
from pathlib import Path
from typing import NamedTuple
from urllib.error import URLError
from urllib.request import urlopen
from xml.etree import ElementTree

from saekit.course.execute import CELL_TIMEOUT, encryption, environment
from saekit.course.lesson import ROOT, lesson_paths, read_lesson
from saekit.files import write_atomic, write_json

WORKERS = 4  # most processes at the tests; one takes up to 1.3 GB
START = 300  # seconds that JupyterLab gets to answer; its first start on a cold disk is slow


class Part(NamedTuple):
    """One part of `saekit test`: what it was, whether it passed, its seconds, and its counts in words."""

    name: str
    passed: bool
    seconds: float
    said: str


def lab(port=8888, browser=True):
    """Open JupyterLab on the first lesson, at the first free port from `port`, until Ctrl-C; returns an exit code."""
    port, token = free_port(port), secrets.token_hex(16)
    first = min((path.name for path in (ROOT / "notebooks").glob("[0-9]*.ipynb")), default="")  # bundles hold some
    address = f"http://127.0.0.1:{port}/lab/tree/notebooks/{first}?token={token}"
    with tempfile.TemporaryDirectory(prefix="saekit-") as folder:
        server = subprocess.Popen(lab_command(port), env=lab_environment(folder, token))
        try:
            if not answers(f"http://127.0.0.1:{port}/api", server):
                return server.poll() or 1
            print(f"JupyterLab: {address}\nCtrl-C here ends it.", flush=True)
            if browser:
                webbrowser.open(address)
            return server.wait()
        except KeyboardInterrupt:
            return 0
        finally:
            server.terminate()
            server.wait()


def lab_command(port):
    """JupyterLab over the course folder, on this machine only."""
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        "--no-browser",
        "--ip=127.0.0.1",
        f"--port={port}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.root_dir={ROOT}",
        "--ServerApp.answer_yes=True",
        "--log-level=ERROR",
    ]
    command += [f"--{section}.{key}={value}" for section, pairs in encryption().items() for key, value in pairs.items()]
    return command + ["--allow-root"] * (hasattr(os, "geteuid") and os.geteuid() == 0)  # a container's only user


def lab_environment(folder, token):
    """The server's environment: its token, which a command line would show, and no question about Jupyter's news."""
    write_json(
        Path(folder) / "labconfig" / "page_config.json",
        {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}},
    )
    paths = os.pathsep.join(filter(None, (str(folder), os.environ.get("JUPYTER_CONFIG_PATH"))))
    return {**os.environ, "JUPYTER_TOKEN": token, "JUPYTER_CONFIG_PATH": paths, "JUPYTER_PREFER_ENV_PATH": "1"}


def free_port(port):
    """The first port from `port` on that nothing listens on. ValueError if the hundred from there are all taken."""
    for candidate in range(port, port + 100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", candidate)):
                return candidate
    raise ValueError(f"ports {port} to {port + 99} are all in use; name another with --port")


def answers(address, server):
    """Wait until the server answers; False if it ended, or took longer than START."""
    begun = time.perf_counter()
    while time.perf_counter() - begun < START:
        try:
            with urlopen(address, timeout=1):
                return True
        except (URLError, OSError):
            if server.poll() is not None:
                break
        time.sleep(0.2)
    print("saekit lab: JupyterLab did not start; what it said is above", file=sys.stderr)
    return False


def run(words=("all",), student=False, root=ROOT):
    """Execute the chosen lessons, with an HTML copy in build/ and a line each; returns 1 if one of them stopped."""
    from saekit.course.build import select

    lessons = [read_lesson(path) for path in lesson_paths(root)]
    folder = root / ("notebooks" if student else "solutions")
    stopped, begun = [], time.perf_counter()
    for lesson in select(lessons, words):
        if not run_lesson(folder / f"{lesson.stem}.ipynb", root / "build"):
            stopped.append(lesson.stem)
    print(f"saekit run: {time.perf_counter() - begun:.0f} s" + (f", stopped: {', '.join(stopped)}" if stopped else ""))
    return 1 if stopped else 0


def run_lesson(path, target):
    """Execute one notebook and write its HTML copy; prints the line, returns whether it came to its end."""
    from nbclient.exceptions import CellControlSignal, DeadKernelError

    from saekit.course.build import read_notebook
    from saekit.course.execute import execute

    notebook, begun = read_notebook(path), time.perf_counter()
    if notebook is None:
        raise ValueError(f"{path} is missing; run `saekit build` first")
    print(f"{path.stem} …", end=" ", flush=True)
    with tempfile.TemporaryDirectory(prefix="saekit-") as scratch:
        try:
            done = execute(notebook, path.parent, environment(scratch, cuda=True))
        except (CellControlSignal, DeadKernelError) as error:
            print(f"stopped after {time.perf_counter() - begun:.0f} s\n{error}")
            return False
    print(f"{time.perf_counter() - begun:.0f} s  {write_html(done, target / f'{path.stem}.html')}", flush=True)
    return True


def write_html(notebook, path):
    """Write a notebook as one HTML file with its figures inside; returns where, relative to the course."""
    from nbconvert import HTMLExporter

    body, _ = HTMLExporter().from_notebook_node(notebook, {"metadata": {"name": path.stem}})
    write_atomic(path, body.encode())
    return path.relative_to(path.parents[1])


def test(everything=False):
    """Run every part of the tests, print one closing line, and return 0 only if every part passed."""
    lesson_paths()  # a student's bundle has nothing to test, and says so at once
    scratch = Path(tempfile.mkdtemp(prefix="saekit-test-"))
    try:
        parts = [
            tests_part("unit tests", "not slow and not browser", scratch),
            *course_parts(scratch),
        ]
        if everything:
            parts.append(tests_part("slow suites", "slow or browser", scratch))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    print("saekit test: " + " · ".join(f"{part.name} {part.said} in {part.seconds:.0f} s" for part in parts))
    failed = [part.name for part in parts if not part.passed]
    verdict = f"FAILED: {', '.join(failed)}" if failed else "passed"
    print(f"saekit test: {verdict}, {sum(part.seconds for part in parts):.0f} s", flush=True)
    return 1 if failed else 0


def course_parts(scratch, root=ROOT, timeout=CELL_TIMEOUT):
    """What is asked of the lessons: sound files, nbval over the solutions at laptop and the student copies at smoke."""
    return [
        check_part(root),
        notebook_part("solutions", root / "solutions", scratch, "laptop", timeout),
        notebook_part("student copies", root / "notebooks", scratch, "smoke", timeout),
    ]


def check_part(root):
    """`saekit build --check` as a part."""
    from saekit.course.audit import check

    print("\n--- build --check", flush=True)
    begun = time.perf_counter()
    failed = check(root)
    return Part("build --check", not failed, time.perf_counter() - begun, "failed" if failed else "passed")


def notebook_part(name, folder, scratch, profile, timeout):
    """Notebooks under nbval: any error in an untagged cell, and any difference in a tagged one, fails the part.

    A notebook stays with one worker, whose kernel has run its earlier cells.
    """
    flags = ["--nbval-lax", "--nbval-current-env", f"--nbval-cell-timeout={timeout}", "--dist", "loadscope"]
    return pytest_part(name, [*flags, str(folder)], scratch, profile)


def tests_part(name, marks, scratch):
    """The tests with these marks."""
    return pytest_part(name, ["tests", "-m", marks, "--dist", "worksteal"], scratch, "smoke")


def pytest_part(name, arguments, scratch, profile):
    """One run of pytest, by several workers of pytest-xdist that share the cores, in a scratch folder of its own, GPUs
    hidden; finding no test is a failure too."""
    print(f"\n--- {name}", flush=True)
    folder = Path(tempfile.mkdtemp(dir=scratch))
    report, begun = folder / "report.xml", time.perf_counter()
    cores = os.cpu_count() or 1
    workers = min(cores, WORKERS)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", "-n", str(workers)]
    env = environment(folder, profile) | {"OMP_NUM_THREADS": str(cores // workers)}
    code = subprocess.run([*command, *arguments], cwd=ROOT, env=env).returncode
    return Part(
        name,
        code == 0,
        time.perf_counter() - begun,
        counts(report) if report.exists() else f"ended with exit code {code}",
    )


def counts(report):
    """ "312 passed, 2 skipped" from a JUnit report."""
    suite = ElementTree.parse(report).getroot().find("testsuite")
    total, failed, skipped = (
        int(suite.get("tests")),
        int(suite.get("failures")) + int(suite.get("errors")),
        int(suite.get("skipped")),
    )
    words = {"failed": failed, "passed": total - failed - skipped, "skipped": skipped}
    return ", ".join(f"{count} {word}" for word, count in words.items() if count) or "found nothing to run"
