"""Ctrl-C between two steps instead of inside one, so that what a training loop saves is always a whole step."""

import signal
import threading
from contextlib import contextmanager


@contextmanager
def between_steps():
    """Yield a function to call after each step: it raises KeyboardInterrupt there if SIGINT or SIGTERM came meanwhile.

    A second signal interrupts at once. Outside the main thread, where Python allows no handlers, nothing is deferred.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    pending = []

    def note(number, _frame):
        if pending:
            raise KeyboardInterrupt
        pending.append(number)

    def check():
        if pending:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield check
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
