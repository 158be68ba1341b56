"""The time limit: it rings in the body, as often as needed, and never after it."""

import hashlib
import threading
import time

import pytest

from saekit.course import watchdog
from saekit.course.watchdog import TimeUp, time_limit


@pytest.fixture(params=["signals", "threads"])
def bell(request, monkeypatch):
    """Both mechanisms, with little time between two attempts."""
    monkeypatch.setattr(watchdog, "GRACE", 0.02)
    if request.param == "threads":
        monkeypatch.delattr(watchdog.signal, "setitimer", raising=False)
    elif not hasattr(watchdog.signal, "setitimer"):
        pytest.skip("this system has no interval timers")


def spin(seconds):
    """Python code that takes a while."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def test_the_body_is_interrupted(bell):
    with pytest.raises(TimeUp), time_limit(0.05):
        spin(60)


def test_a_body_in_time_is_left_alone(bell):
    with time_limit(60):
        spin(0.01)


def test_a_body_that_swallows_the_first_bell_hears_the_second(bell):
    heard = []
    with pytest.raises(TimeUp), time_limit(0.02):
        try:
            spin(60)
        except TimeUp:
            heard.append(True)
        spin(60)
    assert heard == [True]


def test_nothing_rings_after_the_body_however_close_the_end(bell):
    for _ in range(20):
        try:
            with time_limit(0.01):
                spin(0.0099)
        except TimeUp:
            pass
    spin(0.1)


def test_outside_the_main_thread_the_body_is_interrupted_too(monkeypatch):
    monkeypatch.setattr(watchdog, "GRACE", 0.02)
    heard = []

    def work():
        try:
            with time_limit(0.02):
                spin(60)
        except TimeUp:
            heard.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(60)
    assert heard == [True]


def test_the_notice_comes_only_while_the_body_does_not_end(monkeypatch):
    monkeypatch.setattr(watchdog, "GRACE", 0.02)
    said = []
    with pytest.raises(TimeUp), time_limit(0.02, lambda: said.append("late")):
        hashlib.pbkdf2_hmac("sha256", b"", b"", 300_000)  # one compiled call: no bell is heard inside
    assert said == ["late"]
    with pytest.raises(TimeUp), time_limit(0.02, lambda: said.append("never")):
        spin(60)
    time.sleep(0.1)
    assert said == ["late"]


def test_no_limit_is_no_limit():
    with time_limit(None):
        spin(0.01)
