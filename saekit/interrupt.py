"""Ctrl-C between two steps instead of inside one, so that what a training loop saves is always a whole step."""

import signal
import threading
from contextlib import contextmanager


@contextmanager
def between_steps():
    """Yield a function that tells, after each step, whether SIGINT or SIGTERM came meanwhile: the loop then saves and
    stops.

    A second signal raises KeyboardInterrupt at once, inside a step; nothing may be saved then. Outside the main thread,
    where Python allows no handlers, nothing is deferred.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    pending = []

    def note(number, _frame):
        if pending:
            raise KeyboardInterrupt
        pending.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(pending)
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)  # None: set outside Python
    if pending:    # it came during the last save
        raise KeyboardInterrupt
