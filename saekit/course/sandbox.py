"""A student's function run in a process of its own and seen from here as an ordinary function.

    with Sandbox(Limits(seconds=10)) as sandbox:
        with sandbox.answer("lasso", "fista", source) as fista:      # a Proxy: call it with arrays
            verdict = judge(check, fista, seconds=None)

The verdict is computed here: the process only turns arguments into values, so what it prints, patches or forges changes
nothing. `sandbox.held` says which walls the kernel gave (see `jail`). Limits are watched from here: wall time and memory
in use; CPU time, file sizes and process numbers by the kernel.
"""

import contextlib
import json
import os
import select
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from dataclasses import asdict
from pathlib import Path

import psutil

from saekit.course import exchange, judging
from saekit.course.jail import NOT_CONFINED
from saekit.course.limits import FIRST_UID, Held, Limits

PACKAGE = Path(__file__).resolve().parents[1]
TICK = 0.05  # seconds between two looks at the memory of a process that is busy
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/tmp", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0",
    "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "VECLIB_MAXIMUM_THREADS": "1",
    "CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1", "MPLBACKEND": "Agg", "SAEKIT_STATIC": "1", "SAEKIT_PROGRESS": "",
    "SAEKIT_PROFILE": "smoke", "TQDM_DISABLE": "1",
}  # fmt: skip


class Stopped(BaseException):
    """The process was ended, or ended itself, before it answered. A BaseException: no check takes it for its own."""


class Sandbox:
    """A warm server and what it holds; use as a context manager. ValueError where processes cannot be forked."""

    def __init__(self, limits=Limits(), modules=("numpy",)):
        if not hasattr(os, "fork"):
            raise ValueError("grading needs os.fork, which Windows lacks; use WSL, Linux or macOS")
        self.limits, self.modules, self.held = limits, tuple(modules), Held()
        self.process = self.control = None

    def __enter__(self):
        (self.control, theirs), mount_point = socket.socketpair(), tempfile.mkdtemp(prefix="saekit-root-")
        settings = {
            "limits": asdict(self.limits),
            "uid": FIRST_UID + os.getpid() % 4000,
            "modules": self.modules,
            "folders": folders(),
            "mount_point": mount_point,
            "hidden": [str(PACKAGE / "course" / name) for name in ("checks", "reference")],
        }
        try:
            with theirs:
                self.process = serve(theirs.fileno(), settings)
            self.held = Held(**self._reply()["held"])
        finally:
            os.rmdir(mount_point)
        self.base = own_memory(psutil.Process(self.process.pid))
        return self

    def __exit__(self, *_):
        self.control.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stderr.close()

    def _reply(self):
        reply = self.control.recv(100_000)
        if not reply:
            said = self.process.stderr.read().decode("utf-8", "replace").strip().splitlines()
            raise OSError(f"the sandbox's server stopped: {said[-1] if said else 'without a word'}")
        return json.loads(reply)

    @contextlib.contextmanager
    def answer(self, lesson, name, source, bound=None):
        """A Proxy of the function `bound` (default: name) that the source defines, in a new process that ends with the
        block. Raises StudentError or Stopped where the source does not run.
        """
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                socket.send_fds(self.control, [json.dumps({"do": "fork"}).encode()], [theirs.fileno()])
                forked = self._reply()
            if "error" in forked:
                raise OSError(f"no process could be forked: {forked['error']}")
            proxy = Proxy(self, forked["pid"], ours, name)
            try:
                proxy.ask({"load": source, "lesson": lesson, "name": name, "bound": bound or name})
                yield proxy
            finally:
                proxy.end()


class Proxy:
    """The student's function as an ordinary function; `changed` and `shared` tell of its last call (see `judging`),
    `borrowed` whether it ever called our own answer."""

    def __init__(self, sandbox, pid, sock, name):
        self.sandbox, self.pid, self.sock, self.__name__ = sandbox, pid, sock, name
        self.deadline = time.monotonic() + sandbox.limits.wall
        self.changed = self.shared = self.borrowed = False
        self.ended, self.printed, self.loaded = None, "", False

    def __call__(self, *args, **kwargs):
        reply = self.ask({"call": [args, kwargs]})
        self.changed, self.shared = reply.get("changed") is True, reply.get("shared") is True
        return reply.get("value")

    def ask(self, request):
        """Send one request and return the reply; StudentError for an exception there, Stopped if none comes."""
        self._send(exchange.pack(request))
        try:
            header, payload = exchange.lengths(self._receive(exchange.LENGTHS.size))
            reply = exchange.unpack(self._receive(header), self._receive(payload))
        except ValueError as error:
            raise self._stop(f"what came back could not be used: {error}. Is it far too large?") from None
        if not isinstance(reply, dict):
            raise self._stop("what came back could not be used")
        self.loaded = True
        self._relay(reply)
        if "error" in reply:
            kind, message, lines = (str(part) for part in (*_triple(reply["error"]),))
            if kind == "SystemExit":
                raise SystemExit
            self.borrowed |= kind == "OutOfReach"
            raise judging.StudentError(kind, message, lines)
        return reply

    def _relay(self, reply):
        """Print and warn here what was printed and warned there, as far as it is text."""
        text, warned = reply.get("printed"), reply.get("warned")
        if isinstance(text, str) and text:
            self.printed = (self.printed + text)[:10_000]
            sys.stdout.write(text)
        for kind, message in (pair for pair in warned if _is_pair(pair)) if isinstance(warned, list) else ():
            category = type(kind if kind.isidentifier() else "Warning", (UserWarning,), {})
            warnings.warn(message, category, stacklevel=3)

    def _send(self, data):
        self.sock.setblocking(False)
        view = memoryview(data)
        while view:
            self._wait(to_write=True)
            try:
                view = view[self.sock.send(view) :]
            except BlockingIOError:
                continue
            except OSError:
                raise self._stop() from None

    def _receive(self, size):
        data = bytearray()
        while len(data) < size:
            self._wait()
            try:
                piece = self.sock.recv(min(size - len(data), 1 << 20))
            except OSError:
                piece = b""
            if not piece:
                raise self._stop()
            data += piece
        return bytes(data)

    def _wait(self, to_write=False):
        """Until the socket is ready; Stopped when time or memory run out first."""
        sockets = ([], [self.sock]) if to_write else ([self.sock], [])
        while not any(select.select(*sockets, [], TICK)):
            seconds, memory = self.usage()
            if seconds > self.sandbox.limits.seconds:
                raise self._stop(slow(self.sandbox.limits))
            if time.monotonic() > self.deadline:
                raise self._stop(
                    f"no answer after {self.sandbox.limits.wall:g} seconds on the clock, so the check was stopped. Does"
                    " your code wait for something?"
                )
            if memory > self.sandbox.limits.memory:
                raise self._stop(
                    f"it used more than {self.sandbox.limits.memory / 1e6:.0f} MB of memory, and was stopped. "
                    "Which array is so large, or grows in a loop?"
                )

    def usage(self):
        """(CPU seconds, bytes beyond those it was forked with) of the process and its children together."""
        try:
            first = psutil.Process(self.pid)
            everyone = [first, *first.children(recursive=True)]
        except psutil.Error:
            return 0.0, 0
        seconds = sum(sum(_asked(process.cpu_times, (0.0, 0.0))[:2]) for process in everyone)
        return seconds, sum(max(0, own_memory(process) - self.sandbox.base) for process in everyone)

    def _stop(self, reason=""):
        """End the process; the exception that says why (OSError where that is no fault of the answer)."""
        how = self.end(patient=not reason)
        if not reason:
            limits = self.sandbox.limits
            if how["code"] == NOT_CONFINED and not self.loaded:
                return OSError("a process could not be shut in")
            if how["seconds"] >= limits.seconds:
                reason = slow(limits)
            elif how["signal"]:
                reason = (
                    f"the process of your answer crashed (signal {how['signal']}). Does it call compiled code by hand?"
                )
            else:
                reason = "your code ended its own process (`os._exit`?). Did you mean `return`?"
        return Stopped(reason)

    def end(self, patient=False):
        """Kill the process and everything it started; how it ended. patient: it is ending by itself, and may say how."""
        if self.ended is None:
            self.ended = {}
            self.sandbox.control.sendall(json.dumps({"do": "end", "pid": self.pid, "patient": patient}).encode())
            self.ended = self.sandbox._reply()
        return self.ended


def serve(fd, settings):
    """Start the server (`warm`), away from our terminal and with one open socket."""
    return subprocess.Popen(
        [sys.executable, "-m", "saekit.course.warm", str(fd), json.dumps(settings)],
        env=environment(),
        pass_fds=[fd],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def slow(limits):
    """What is said when the time is up."""
    return (
        f"no answer after {limits.seconds:g} seconds, so the check was stopped. Is there a loop that never ends, or one"
        " an array could replace?"
    )


def _triple(value):
    return value if isinstance(value, list) and len(value) == 3 else ["Exception", "", ""]


def _is_pair(value):
    return isinstance(value, list) and len(value) == 2 and all(isinstance(part, str) for part in value)


def own_memory(process):
    """Bytes in use that the process does not share with a file; 0 when it is gone."""
    memory = _asked(process.memory_info, None)
    return memory.rss - getattr(memory, "shared", 0) if memory else 0


def _asked(question, otherwise):
    """What psutil says, or `otherwise` when the process is gone."""
    try:
        return question()
    except psutil.Error:
        return otherwise


def folders():
    """What the root of the sandbox shows: Python, the packages, this package and the models it ships."""
    data = Path(os.environ.get("SAEKIT_DATA") or PACKAGE.parent / "data")
    shown = [sys.prefix, sys.base_prefix, PACKAGE, data]
    shown += [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    return [str(path) for path in shown if os.path.isdir(path)]


def environment():
    """The environment of the server: nothing of ours but where the packages are."""
    packages = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    return {**ENVIRONMENT, "PYTHONPATH": os.pathsep.join([str(PACKAGE.parent), *packages])}
