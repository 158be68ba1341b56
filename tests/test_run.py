"""Executing without a browser: a clean environment, HTML copies, nothing beside the notebooks, an honest exit code."""

import os
import re
import signal
import socket
import subprocess
import sys
from urllib.request import urlopen

import pytest
from nbformat.v4 import new_output

from saekit.course import run
from saekit.course.execute import environment, joined, settle
from tests.mini_course import LESSON, make_course


def test_a_rewritten_line_keeps_only_its_last_state():
    assert settle("10 %\r50 %\r100 %\ndone\r\n") == "100 %\ndone\r\n"


def test_what_a_cell_prints_is_one_piece_however_it_came():
    def stream(text, name="stdout"):
        return new_output("stream", name=name, text=text)

    figure = new_output("display_data", data={"text/plain": "a figure"})
    outputs = joined([stream("1 of 2\r"), stream("2 of 2\n"), stream("a warning\n", "stderr"), stream("done\n"), figure,
                      stream("after")])
    assert [(output.output_type, output.get("name"), output.get("text")) for output in outputs] == [
        ("stream", "stdout", "2 of 2\n"), ("stream", "stderr", "a warning\n"), ("stream", "stdout", "done\n"),
        ("display_data", None, None), ("stream", "stdout", "after")]


def test_the_environment_hides_gpus_and_keeps_progress_apart(tmp_path, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    hidden, seen = environment(tmp_path, "laptop"), environment(tmp_path, cuda=True)
    assert hidden["CUDA_VISIBLE_DEVICES"] == "" and seen["CUDA_VISIBLE_DEVICES"] == "0"
    assert hidden["SAEKIT_PROGRESS"].startswith(str(tmp_path)) and hidden["SAEKIT_PROFILE"] == "laptop"
    assert "MPLBACKEND" not in hidden  # figures would not be stored


def files(root):
    """Every file below root."""
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


def test_run_writes_an_html_copy_and_nothing_else(tmp_path, capsys):
    make_course(tmp_path)
    before = files(tmp_path)
    assert run.run(root=tmp_path) == 0
    assert files(tmp_path) - before == {"build/01_mini.html"}
    assert "one [ 2. -0.]" in (tmp_path / "build" / "01_mini.html").read_text("utf-8")


def test_run_tells_which_lesson_stopped_and_where(tmp_path, capsys):
    make_course(tmp_path, LESSON.replace('print("two")', "1 / 0"))
    assert run.run(["1"], root=tmp_path) == 1
    out = capsys.readouterr().out
    assert "ZeroDivisionError" in out and "stopped: 01_mini" in out


def test_the_counts_of_a_report_are_put_in_words(tmp_path):
    report = tmp_path / "report.xml"
    report.write_text('<testsuites><testsuite tests="9" failures="1" errors="1" skipped="3"/></testsuites>')
    assert run.counts(report) == "2 failed, 4 passed, 3 skipped"


def test_the_run_is_red_when_one_part_is(monkeypatch, capsys):
    monkeypatch.setattr(run, "pytest_part", lambda name, *_: run.Part(name, True, 1.0, "3 passed"))
    monkeypatch.setattr(run, "check_part", lambda root: run.Part("build --check", False, 1.0, "failed"))
    assert run.test() == 1
    assert capsys.readouterr().out.splitlines()[-1] == "saekit test: FAILED: build --check, 4 s"
    monkeypatch.setattr(run, "check_part", lambda root: run.Part("build --check", True, 1.0, "passed"))
    assert run.test(everything=True) == 0


def test_a_port_in_use_is_passed_over():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert port < run.free_port(port) < port + 100


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="the process group is POSIX")
def test_lab_prints_its_address_and_ends_with_ctrl_c(tmp_path):
    server = subprocess.Popen(
        [sys.executable, "-m", "saekit", "lab", "--no-browser", "--port", "8790"],
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    address = re.search(r"http://\S+", server.stdout.readline())[0]
    with urlopen(address) as page:
        assert page.status == 200 and "/lab/tree/notebooks/00_start_here.ipynb" in address
    os.killpg(server.pid, signal.SIGINT)
    assert server.wait(60) == 0
