"""A time limit on code that other people wrote, in the same process: TimeUp is raised where the code stands.

Where the system has interval timers (Linux, macOS) and we run in the main thread, SIGALRM interrupts Python code and
sleeping calls alike. Elsewhere (Windows, other threads) a watching thread asks the interpreter for the exception,
which arrives at the next Python instruction. Neither can stop a single compiled call that does not come back by
itself: `on_stuck` says so.
"""

import ctypes
import signal
import sys
import threading

GRACE = 1.0  # seconds between two attempts, and before the code is called stuck


class TimeUp(BaseException):
    """The time limit has passed. A BaseException, so that a learner's `except Exception` does not swallow it."""


def time_limit(seconds, on_stuck=None):
    """Context manager: TimeUp in the body after `seconds`, again every GRACE while the body swallows it.

    on_stuck() is called from another thread when the body has not ended GRACE after the limit. None means no limit.
    """
    if seconds is None:
        return _Limit(None, on_stuck)
    can_signal = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
    return (_SignalLimit if can_signal else _ThreadLimit)(seconds, on_stuck)


class _Limit:
    """What both limits share. They ring only while the body runs, never in the few lines here that end them: a bell that
    interrupted those would go on ringing in the cells that follow."""

    def __init__(self, seconds, on_stuck):
        self.seconds, self.on_stuck, self.over = seconds, on_stuck, threading.Event()

    def __enter__(self):
        self.owner, self.thread = sys._getframe(1), threading.get_ident()
        if self.seconds and self.on_stuck:
            threading.Thread(target=self._notice, daemon=True).start()
        self.start()

    def __exit__(self, *_):
        self.over.set()
        self.stop()
        self.owner = None

    def start(self):
        """Nothing to start without a limit."""

    def stop(self):
        """Nothing to stop without a limit."""

    def place(self, frame):
        """Where a stack of frames stands: in the "body" of the `with`, "here" in this module, or "gone" from both."""
        while frame is not None and frame is not self.owner:
            if frame.f_globals is globals():
                return "here"
            frame = frame.f_back
        return "body" if frame is not None and not self.over.is_set() else "gone"

    def bells(self, first):
        """From a watching thread: yield after `first` seconds and then every GRACE, whenever the body is running."""
        wait, place = first, "here"
        while place != "gone" and not self.over.wait(wait):
            wait, place = GRACE, self.place(sys._current_frames().get(self.thread))
            if place == "body":
                yield

    def _notice(self):
        for _ in self.bells(self.seconds + GRACE):
            self.on_stuck()
            return


class _SignalLimit(_Limit):
    """SIGALRM in the main thread."""

    def start(self):
        self.before = signal.signal(signal.SIGALRM, self._ring)
        signal.setitimer(signal.ITIMER_REAL, self.seconds, GRACE)

    def stop(self):
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self.before)

    def _ring(self, _signum, frame):
        if self.place(frame) == "body":
            raise TimeUp


class _ThreadLimit(_Limit):
    """A watching thread that asks the interpreter to raise TimeUp in the watched one."""

    def start(self):
        self.lock = threading.Lock()
        threading.Thread(target=self._watch, daemon=True).start()

    def stop(self):
        with self.lock:
            self._raise(None)  # withdraw an exception that is on its way

    def _watch(self):
        for _ in self.bells(self.seconds):
            with self.lock:
                if not self.over.is_set():
                    self._raise(TimeUp)

    def _raise(self, exception):
        target = ctypes.py_object(exception) if exception else None
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self.thread), target)
