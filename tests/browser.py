"""A real browser for tests, and pages in it that may complain of nothing and ask for nothing but files.

Needs Debian's chromium (or Chrome) and playwright, the extra [browser]; what imports this is skipped where playwright is
missing, and what is marked NEEDED where chromium is, with the reason.
"""

from contextlib import contextmanager

import pytest

from saekit.doctor import find_chromium

playwright = pytest.importorskip(
    "playwright.sync_api", reason="playwright is not installed (pip install -e .[browser])"
)
NEEDED = [pytest.mark.browser, pytest.mark.skipif(find_chromium() is None, reason="no chromium on this machine")]

PATIENCE = 120_000  # milliseconds: a busy machine is slow, not broken
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
HOSTILE = ["</script><script>window.hacked=1</script>", "<img src=x onerror=window.hacked=1>", "\u202eevil",
           "\x00\x1b[31m", "\" onmouseover=\"window.hacked=1", "<!--", "{{7*7}}", "שלום", "\u2028"]


@pytest.fixture(scope="module", name="browser")
def a_browser():
    """Chromium, for all tests of a module."""
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        yield browser
        browser.close()


@contextmanager
def quiet_page(browser, **options):
    """A fresh window; afterwards nothing may have complained or asked for anything but files, and no token has acted."""
    page, troubles, asked = browser.new_page(**options), [], []
    page.set_default_timeout(PATIENCE)
    page.on("console", lambda said: troubles.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    yield page
    assert troubles == []
    assert [url for url in asked if not url.startswith(("file://", "data:"))] == []
    assert page.evaluate("window.hacked") is None
    page.close()


def hostile(texts, every):
    """The texts of tokens, each `every`-th one replaced by something that would act if it were not escaped."""
    return [HOSTILE[i // every % len(HOSTILE)] if i % every == 0 else text for i, text in enumerate(texts)]
