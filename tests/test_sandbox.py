"""What a sandboxed answer cannot do, and that an honest one notices nothing. Walls the kernel refuses are skipped."""

import os
import socket
import time
from dataclasses import replace

import numpy as np
import psutil
import pytest

from saekit.course import checking, judging
from saekit.course.judging import StudentError
from saekit.course.limits import Limits
from saekit.course.sandbox import Sandbox, Stopped

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="processes cannot be forked here"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]  # files that answers leave open are their own affair
LIMITS = Limits(seconds=0.3, wall=60, memory=200_000_000, file=1_000_000, home=3_000_000, processes=32)


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(LIMITS) as warm:
        yield warm


@pytest.fixture
def run(sandbox):
    """Run the body of a function of x in a process of its own; its value."""

    def run(*lines, x=None, needs=""):
        if needs and not getattr(sandbox.held, needs):
            pytest.skip(f"no such wall here: {'; '.join(sandbox.held.reasons)}")
        with sandbox.answer("lasso", "fista", "import os\ndef fista(x):\n    " + "\n    ".join(lines)) as answer:
            return answer(x)

    return run


def test_an_answer_is_an_ordinary_function_of_arrays_to_its_check(sandbox):
    source = (
        "import numpy as np\ndef coherence(D):\n    U = D / np.linalg.norm(D, axis=1, keepdims=True)\n"
        "    return np.abs(U @ U.T - np.eye(len(D))).max()\n"
    )
    with sandbox.answer("lasso", "coherence", source) as answer:
        assert judging.judge(checking.load_checks("lasso")["coherence"], answer, seconds=None).state == "passed"


def test_exceptions_prints_warnings_and_exits_arrive_here(run, capsys):
    with pytest.raises(StudentError, match="division") as caught:
        run("print('hello')", "return 1 / 0")
    assert caught.value.kind == "ZeroDivisionError" and "return 1 / 0" in caught.value.lines
    assert "hello" in capsys.readouterr().out
    with pytest.warns(UserWarning, match="be careful"):
        run("import warnings; warnings.warn('be careful')")
    with pytest.raises(SystemExit):
        run("raise SystemExit")


def test_changed_inputs_and_returned_views_are_noticed(sandbox):
    with sandbox.answer("lasso", "fista", "def fista(x):\n    x += 1\n    return x[1:]") as answer:
        x = np.zeros(3)
        assert list(answer(x)) == [1, 1] and answer.changed and answer.shared and not x.any()


@pytest.mark.parametrize(
    "lines, message",
    [
        (["os._exit(0)"], "ended its own process"),
        (["import ctypes; ctypes.string_at(0)"], "crashed"),
        (["while True: pass"], "never ends"),
        pytest.param(
            ["kept = []", "while True: kept.append(bytearray(b'x') * 10**6)"],
            "of memory|Memory",
            marks=pytest.mark.slow,
        ),
        (["os.write(3, bytes(40))", "return 1"], "could not be used"),
        (["os.write(3, b'\\xff' * 40)", "return 1"], "could not be used"),
    ],
)
def test_what_stops_an_answer_is_told(run, lines, message):
    with pytest.raises((Stopped, StudentError), match=message):
        run(*lines)


def test_an_answer_that_only_waits_is_stopped_by_the_clock():
    source = "import time\ndef fista(x):\n    time.sleep(60)"
    with Sandbox(replace(LIMITS, wall=5)) as sandbox, sandbox.answer("lasso", "fista", source) as fista:
        with pytest.raises(Stopped, match="no answer after 5 seconds on the clock"):
            fista(1)


def test_another_user_without_privileges_runs_it(run):
    uid, groups, capabilities = run(
        "text = open('/proc/self/status').read() if os.path.exists('/proc/self/status') else ''",
        "return os.getuid(), os.getgroups(), [line for line in text.splitlines() if line.startswith('CapEff')]",
        needs="user",
    )
    assert uid >= 61184 and groups == [] and all(int(line.split()[1], 16) == 0 for line in capabilities)


def test_the_network_is_out_of_reach(run):
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(StudentError):
        run(
            "import socket",
            f"return socket.create_connection(('127.0.0.1', {server.getsockname()[1]}), 2)",
            needs="network",
        )


def test_the_graders_files_are_not_there_and_python_is_read_only(run, tmp_path):
    (tmp_path / "secret").write_text("grades")
    here = os.path.dirname(__file__)
    assert run(
        f"return os.path.exists({str(tmp_path)!r}), os.path.exists({here!r}), os.access(os.__file__, os.W_OK)",
        needs="files",
    ) == (False, False, False)
    references = os.path.join(os.path.dirname(checking.__file__), "reference")
    assert run(f"return os.listdir({references!r})", needs="files") == []
    assert (
        run("from saekit import pca", "return pca.pca.__name__", needs="files") == "pca"
    )  # the package itself is there


def test_its_home_is_empty_small_and_gone_afterwards(run):
    fill = "n = [os.path.exists('left'), open('left', 'w').close(), len(os.listdir('.'))]"
    assert run(fill, "return n") == run(fill, "return n") == [False, None, 1]
    with pytest.raises(StudentError, match="too large|space"):
        run("for i in range(9): open(str(i), 'wb').write(bytes(900_000))", "open('big', 'wb').write(bytes(9_000_000))")


def test_our_environment_is_not_its(run, monkeypatch):
    monkeypatch.setenv("TOKEN", "secret")
    assert not run("return 'TOKEN' in os.environ")


def test_other_processes_cannot_be_seen_and_its_own_end_with_it(run, sandbox):
    seen = run(
        "for i in range(3):",
        "    if os.fork() == 0:",
        "        os.setsid(); import time; time.sleep(100)",
        "return [n for n in os.listdir('/proc') if n.isdigit()]",
        needs="processes",
    )
    assert len(seen) <= 4
    deadline = time.monotonic() + 5
    while (left := _living(sandbox)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not left


def _living(sandbox):
    """Processes that the server's children left behind."""
    return [
        p for p in psutil.Process(sandbox.process.pid).children(recursive=True) if p.status() != psutil.STATUS_ZOMBIE
    ]


@pytest.mark.slow
def test_it_cannot_start_more_processes_than_allowed(run):
    started = run(
        "n = 0",
        "try:",
        "    for n in range(40):",
        "        if os.fork() == 0: import time; time.sleep(100)",
        "except OSError: return n",
        "return -1",
        needs="processes",
    )
    assert 0 < started < LIMITS.processes


def test_our_own_answer_is_out_of_reach(sandbox):
    source = "import saekit.course.reference.lasso as ours\ndef fista(x):\n    return ours.fista(x, x, 1, 1)"
    with sandbox.answer("lasso", "fista", source) as answer:
        with pytest.raises(StudentError, match="out of reach"):
            answer(np.eye(2))
        assert answer.borrowed


def test_a_source_that_does_not_run_says_why(sandbox):
    with (
        pytest.raises(StudentError, match="nothing"),
        sandbox.answer("lasso", "fista", "def fista(x):\n    return 1\nnothing"),
    ):
        pass
