"""The server that all answers are forked from: `python -m saekit.course.warm FD SETTINGS`, started by `sandbox`.

It shuts itself in (`jail`), loads NumPy (and PyTorch, where asked) and the references once, and then only forks: a
new process costs milliseconds instead of an `import torch`. It never sees a submission; each forked process gets a
socket of its own, over which the grader sends one answer and then calls it: {"load": …}, then {"call": [args, kwargs]}.
"""

import contextlib
import importlib
import io
import json
import linecache
import os
import socket
import sys
import types
import warnings

from saekit.course.jail import NOT_CONFINED, Jail
from saekit.course.limits import Limits

FILE = "<answer>"
PRINTED = 10_000  # characters kept of what an answer prints


def main(fd, settings):
    """Enclose, load, say what holds, and fork on request until the grader hangs up."""
    control = socket.socket(fileno=fd)
    jail = Jail(Limits(**settings["limits"]), settings["uid"])
    jail.enclose(settings["folders"], settings["mount_point"])
    course = load(settings["modules"])
    for folder in settings["hidden"]:
        jail.hide(folder)
    _say(control, {"held": jail.held.record()})
    while True:
        request, given, _, _ = socket.recv_fds(control, 1000, 1)
        if not request:
            return
        request = json.loads(request)
        if request["do"] == "fork":
            _say(control, _fork(jail, control, given[0], course))
        else:
            _say(control, _end(jail, request))


def load(modules):
    """Import what answers need; returns {lesson: its reference module}. What lesson cells call does nothing here."""
    for name in modules:
        importlib.import_module(name)
    from saekit import course
    from saekit.course import exchange, judging, reading, record

    _fork.tools = exchange, judging, reading
    for name in ("begin", "predict", "progress", "require", "claim"):
        setattr(course, name, lambda *args, **kwargs: None)
    course.exercise = lambda function: function
    names = [entry["name"] for entry in record.index()]
    return {name: importlib.import_module(f"saekit.course.reference.{name}") for name in names}


def _say(control, record):
    control.sendall(json.dumps(record).encode())


def _fork(jail, control, fd, course):
    """Fork one process for one answer; it ends only when the grader says so."""
    try:
        home = jail.new_home()
        pid = jail.fork()
    except OSError as error:
        os.close(fd)
        return {"error": str(error)}
    if pid:
        os.close(fd)
        jail.homes[pid] = home
        return {"pid": pid}
    code = NOT_CONFINED
    with contextlib.suppress(BaseException):  # whatever happens here, this process must not go on as a server
        control.close()
        nothing = os.open("/dev/null", os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(nothing, number)
        fd = os.dup2(fd, 3)
        jail.confine(home)
        os.closerange(4, 4096)
        code = 1
        serve(socket.socket(fileno=fd), course, *_fork.tools)
        code = 0
    os._exit(code)


def _end(jail, request):
    """End a process; how it ended and what it used."""
    status, used = jail.end(request["pid"], request["patient"])
    return {
        "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0,
        "code": os.WEXITSTATUS(status) if os.WIFEXITED(status) else 0,
        "seconds": used.ru_utime + used.ru_stime,
    }


def serve(sock, course, exchange, judging, reading):
    """In the forked process: take one answer, then call it as often as asked."""
    stream, function = sock.makefile("rb"), None
    while head := stream.read(exchange.LENGTHS.size):
        header, payload = exchange.lengths(head)
        request = exchange.unpack(stream.read(header), stream.read(payload), tensors=True)
        printed, error = _Capped(), None
        with warnings.catch_warnings(record=True) as warned, contextlib.redirect_stdout(printed):
            warnings.simplefilter("always")
            with contextlib.redirect_stderr(printed):
                try:
                    if "load" in request:
                        reply, function = {}, define(course[request["lesson"]], request)
                    else:
                        reply = call(function, *request["call"], judging)
                except BaseException as problem:  # also SystemExit: it is the answer's, not ours
                    error = problem
        if error is not None:
            reply = {"error": described(error, function, reading)}
        reply |= {"printed": printed.text, "warned": [[w.category.__name__, str(w.message)[:500]] for w in warned[:5]]}
        try:
            frame = exchange.pack(reply)
        except ValueError as problem:
            frame = exchange.pack({"error": ["ValueError", f"your function returned {problem}", ""]})
        sock.sendall(frame)


def define(reference, request):
    """The student's function, from its source run among the lesson's names; its own reference refuses to run."""
    module = types.ModuleType("__main__")
    names, name = vars(module), request["name"]
    names.update(vars(reference), __name__="__main__", exercise=lambda function: function)
    names.pop(name).__code__ = _refuse.__code__
    sys.modules["__main__"] = module
    source = request["load"]
    linecache.cache[FILE] = (len(source), None, source.splitlines(keepends=True), FILE)
    exec(compile(source, FILE, "exec"), names)
    return names[request["bound"]]


class OutOfReach(Exception):
    """Our own answer was called."""


def _refuse(*args, **kwargs):
    from saekit.course.warm import OutOfReach  # this code runs with a reference module's globals

    raise OutOfReach("our own answer is out of reach while yours is checked")


def call(function, args, kwargs, judging):
    """One call: its value, and whether it changed its arguments or returned a view of them."""
    before = judging._copy((args, kwargs))
    value = function(*args, **kwargs)
    return {
        "value": value,
        "changed": not judging._same((args, kwargs), before),
        "shared": judging.shared(value, (args, kwargs)),
    }


def described(error, function, reading):
    """[kind, message, the student's own lines] of an exception."""
    try:
        owner = function or types.SimpleNamespace(__globals__=sys.modules["__main__"].__dict__)
        lines = reading.own_lines(error, owner)[:3000]
    except Exception:  # an exception can be made so that even describing it fails
        lines = ""
    try:
        return [type(error).__name__, str(error)[:2000], lines]
    except Exception:  # so can asking it for its message
        return [type(error).__name__, "", lines]


class _Capped(io.TextIOBase):
    """Keeps the first characters that are printed."""

    def __init__(self):
        self.text = ""

    def write(self, text):
        self.text += text[: max(0, PRINTED - len(self.text))]
        return len(text)


if __name__ == "__main__":
    from saekit.course import warm  # not __main__'s own copy, which a student's code takes the place of

    warm.main(int(sys.argv[1]), json.loads(sys.argv[2]))
