"""Lesson 0 as a student meets it: JupyterLab started by `course.py lab`, driven in a real browser.
"""

import json
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from saekit.course.execute import environment
from saekit.course.lesson import ROOT
from tests.browser import NEEDED, a_browser, playwright  # noqa: F401  a_browser is the fixture `browser`

pytestmark = NEEDED

PATIENCE = 300_000  # milliseconds: a lesson runs from top to bottom, perhaps on a busy machine
SETTINGS = {"docmanager-extension/plugin": {"autosave": False}, "notebook-extension/tracker": {"windowingMode": "none"}}
WRONG = '@exercise\ndef unit_norm(D):\n    """Rows of length 1."""\n    return D / np.linalg.norm(D)'
RIGHT = (
    '@exercise\ndef unit_norm(D):\n    """Rows of length 1."""\n    return D / np.sqrt((D ** 2).sum(1, keepdims=True))'
)
UNREADABLE = "@exercise\ndef unit_norm(D:\n    return D"


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The address that `course.py lab --no-browser` prints; nothing is saved beside the notebooks or at home."""
    scratch = tmp_path_factory.mktemp("jupyter")
    for name, values in SETTINGS.items():
        path = scratch / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))
    env = environment(scratch, "laptop") | {
        "JUPYTERLAB_SETTINGS_DIR": str(scratch / "settings"),
        "JUPYTER_CONFIG_DIR": str(scratch / "config"),
        "JUPYTERLAB_WORKSPACES_DIR": str(scratch / "workspaces"),
        "JUPYTER_DATA_DIR": str(scratch / "data"),
    }
    del env["SAEKIT_STATIC"]  # a person sits here
    ours = [str(ROOT / "course.py")] if Path(sys.prefix) == ROOT / ".venv" else ["-m", "saekit"]
    server = subprocess.Popen(
        [sys.executable, *ours, "lab", "--no-browser", "--port", "8990"], env=env, stdout=subprocess.PIPE, text=True
    )
    watchdog = threading.Timer(PATIENCE / 1000, server.terminate)
    watchdog.start()
    try:
        found = next(filter(None, (re.search(r"http://\S+", line) for line in server.stdout)), None)
        watchdog.cancel()
        assert found, "the server ended, or printed no address in time"
        yield found[0]
    finally:
        watchdog.cancel()
        server.terminate()
        server.wait()


@pytest.fixture(scope="module")
def page(browser, address):
    """Lesson 0, opened and run from top to bottom."""
    page = browser.new_page(viewport={"width": 1300, "height": 1000})
    page.set_default_timeout(PATIENCE)
    page.goto(address)
    page.locator(".jp-Notebook .jp-CodeCell").first.wait_for()
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()  # until then "Run All Cells" does nothing
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    finished(page, page.locator(".jp-CodeCell").last)
    return page


def finished(page, cell):
    """Wait until a cell shows its execution count."""
    cell.locator(".jp-InputPrompt", has_text=re.compile(r"\[\d+\]")).wait_for()


def answer(page, text):
    """Type an answer into the cell of exercise unit_norm and run it; returns the cell once its card has changed."""
    cell = page.locator(".jp-CodeCell", has_text="def unit_norm").first
    before = cell.locator(".jp-OutputArea").inner_text()
    cell.locator(".cm-content").click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(text)
    page.keyboard.press("Control+Enter")
    playwright.expect(cell.locator(".jp-OutputArea")).not_to_have_text(before, timeout=PATIENCE)
    finished(page, cell)
    return cell


def test_all_cells_run_though_nothing_is_solved(page, tmp_path):
    page.screenshot(path=tmp_path / "opened.png")
    assert re.search(r"0 of \d+ exercises passed", page.locator(".jp-CodeCell").last.inner_text())


@pytest.mark.parametrize(
    "state, text, said",
    [
        ("wrong", WRONG, "not yet"),
        ("unreadable", UNREADABLE, "Python could not read this cell"),
        ("right", RIGHT, "passed"),
    ],
    ids=["wrong", "unreadable", "right"],
)
def test_the_card_answers_what_was_typed(page, tmp_path, state, text, said):
    cell = answer(page, text)
    playwright.expect(cell.locator(".jp-OutputArea")).to_contain_text(said, timeout=PATIENCE)
    cell.screenshot(path=tmp_path / f"{state}.png")


def test_the_slider_redraws_the_figure(page, tmp_path):
    cell = page.locator(".jp-CodeCell", has=page.locator(".noUi-handle")).first
    picture, handle = cell.locator(".widget-html img").first, cell.locator(".noUi-handle").first
    handle.scroll_into_view_if_needed()
    before = picture.get_attribute("src")
    handle.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    playwright.expect(picture).not_to_have_attribute("src", before, timeout=PATIENCE)
    cell.screenshot(path=tmp_path / "slider.png")
