"""A time limit on code that other people wrote, in the same process: TimeUp is raised where the code stands.

Where the system has interval timers (Linux, macOS) and we run in the main thread, SIGALRM interrupts Python code and sleeping
calls alike. Elsewhere (Windows, other threads) a watching thread asks the interpreter for the exception, which arrives at the
next Python instruction. Neither can stop a single compiled call that does not come back by itself: `on_stuck` says so.
"""

import ctypes
import signal
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
    """What both limits share: the notice that a compiled call does not come back."""

    def __init__(self, seconds, on_stuck):
        self.seconds = seconds
        self.notice = threading.Timer((seconds or 0) + GRACE, on_stuck) if seconds and on_stuck else None

    def __enter__(self):
        if self.notice:
            self.notice.daemon = True
            self.notice.start()
        self.start()

    def __exit__(self, *_):
        self.stop()
        if self.notice:
            self.notice.cancel()

    def start(self):
        """Nothing to start without a limit."""

    def stop(self):
        """Nothing to stop without a limit."""


class _SignalLimit(_Limit):
    """SIGALRM in the main thread."""

    def start(self):
        self.before = signal.signal(signal.SIGALRM, self._ring)
        signal.setitimer(signal.ITIMER_REAL, self.seconds, GRACE)

    def stop(self):
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self.before)

    @staticmethod
    def _ring(_signum, _frame):
        raise TimeUp


class _ThreadLimit(_Limit):
    """A watching thread that asks the interpreter to raise TimeUp in the watched one."""

    def start(self):
        self.watched = threading.get_ident()
        self.lock, self.over = threading.Lock(), threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def stop(self):
        with self.lock:
            self.over.set()
            self._raise(None)  # withdraw an exception that is on its way

    def _watch(self):
        wait = self.seconds
        while not self.over.wait(wait):
            wait = GRACE
            with self.lock:
                if not self.over.is_set():
                    self._raise(TimeUp)

    def _raise(self, exception):
        target = ctypes.py_object(exception) if exception else None
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self.watched), target)
