"""The feature page in a real browser, opened from its folder: found, sorted, read by mouse and by keyboard alone, and
never harmed by what stands in the text.
"""

import json

import pytest

from saekit import corpus
from saekit.page import show_feature, site
from saekit.sae import save_sae
from tests import tiny_lm
from tests.browser import NEEDED, a_browser, hostile, quiet_page  # noqa: F401  a_browser is the fixture `browser`
from tests.test_readout import an_sae

pytestmark = NEEDED


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A site whose vocabulary is hostile wherever a token fires, with a dead latent and an ultra-low one."""
    out = tmp_path_factory.mktemp("page")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SAEKIT_DATA", str(tiny_lm.folder() / "data"))
        patch.setenv("SAEKIT_CACHE", str(out / "cache"))
        patch.setattr(corpus, "source_files", tiny_lm.candidates)
        plain = site.token_strings
        patch.setattr(site, "token_strings", lambda *args: hostile(plain(*args), every=3))
        patch.setattr(site, "ULTRA_LOW", 2e-3)
        for name, seed in (("one", 3), ("two", 9)):
            sae = an_sae(seed)
            sae.b_enc[4] = -1e6
            save_sae(sae, out / name / "sae.safetensors")
            (out / name / "run.json").write_text('{"model": "tiny", "layer": 0}')
        site.write_site(out / "one", out / "site", out / "two", 3000)
        (out / "single.html").write_text(show_feature(an_sae(), 7, tiny_lm.lm(), tokens=900).html, "utf-8")
    return out


@pytest.fixture
def page(browser, folder):
    """A fresh window on the list."""
    with quiet_page(browser, viewport={"width": 1440, "height": 1000}) as page:
        page.goto(f"file://{folder}/site/index.html")
        page.locator("#list li").first.wait_for()
        yield page


def ids(page):
    """Numbers of the latents in the list, from the top."""
    return [int(text) for text in page.locator("#list .id").all_inner_texts()]


def open_latent(page, number):
    page.goto(page.url.split("#")[0] + f"#{number}")
    page.get_by_role("heading", name=f"Latent {number}", exact=True).wait_for()


def live(folder):
    """The rows of the site's index, the most frequent first."""
    text = (folder / "site" / "data" / "index.js").read_text()
    rows = json.loads(text[text.index(",") + 1:text.rindex(")")])
    return sorted((row for row in rows if row["density"] > 2e-3), key=lambda row: -row["density"])


def test_search_finds_labels_concepts_and_tokens_and_sorting_sorts(page, folder):
    rows = live(folder)
    assert ids(page) == sorted(row["id"] for row in rows)
    page.get_by_label("Sort by").select_option("density, highest first")
    density = {row["id"]: row["density"] for row in rows}
    assert [density[i] for i in ids(page)] == [row["density"] for row in rows]
    concept = rows[0]["concepts"][0]
    page.get_by_label("Search").fill(concept)
    assert rows[0]["id"] in ids(page) and len(ids(page)) <= len(rows)
    page.get_by_label("Search").fill("onerror=window")
    assert 0 < len(ids(page)) < len(rows)
    page.get_by_label("Search").fill("no such thing anywhere")
    assert ids(page) == [] and page.locator("#count").inner_text() == "0 latents"


def test_dead_and_ultra_low_latents_stand_apart(page):
    page.get_by_label("Dead").check()
    assert 4 in ids(page)
    page.locator("#list a").first.click()
    page.get_by_text("It never fired on this text.").wait_for()
    page.get_by_role("link", name="All latents").click()
    page.get_by_label("Ultra-low density").check()
    assert 4 not in ids(page)


def test_a_label_is_kept_found_and_exported(page, folder, tmp_path):
    number = live(folder)[0]["id"]
    open_latent(page, number)
    page.get_by_label("Label").fill("<b>mine</b> & yours")
    page.reload()
    assert page.get_by_label("Label").input_value() == "<b>mine</b> & yours"
    page.get_by_role("link", name="All latents").click()
    page.get_by_label("Search").fill("mine")
    assert ids(page) == [number] and "<b>mine</b>" in page.locator("#list .mine").inner_text()
    with page.expect_download() as download:
        page.get_by_role("button", name="Export labels").click()
    download.value.save_as(tmp_path / "labels.json")
    assert json.loads((tmp_path / "labels.json").read_text())["labels"] == {str(number): "<b>mine</b> & yours"}
    page.evaluate("localStorage.clear()")
    page.locator("input[type=file]").set_input_files(tmp_path / "labels.json")
    page.locator("#list .mine").wait_for()


def test_every_panel_is_there_and_pointing_at_a_token_tells_about_it(page, folder):
    open_latent(page, live(folder)[0]["id"])
    found = {panel.get_attribute("data-panel") for panel in page.locator("[data-panel]").all() if panel.inner_text()}
    assert found >= set("label density activations negative positive top intervals explanation aligned correlated "
                        "against nearest concepts".split())
    page.locator(".example b").first.hover()
    detail = page.locator("#detail")
    detail.wait_for()
    for word in ("activation", "Δ", "model expects", "file", ".py"):
        assert word in detail.inner_text()
    assert page.locator(".legend").inner_text().count("Δ") >= 3 and page.locator(".interval").count() == 10


def test_the_keyboard_alone_suffices(page, folder):
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "search"
    page.keyboard.type(f"#{live(folder)[0]['id']}")
    for _ in range(12):  # sort, group, two buttons, then the list
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.className") == "row":
            break
    page.keyboard.press("Enter")
    page.locator(".example").first.wait_for()
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('.example') !== null"):
            break
    first = page.locator("#detail").inner_text()
    assert "activation" in first and page.locator(":focus").get_attribute("aria-describedby") == "detail"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowLeft")
    assert page.locator("#detail").inner_text() != first
    page.keyboard.press("Escape")
    assert page.locator("#detail").is_hidden()


def test_hostile_tokens_are_only_text(page, folder):
    for row in live(folder)[:5]:
        open_latent(page, row["id"])
        assert page.locator("main script, main img, main [onmouseover], main b b").count() == 0
        text = page.locator("main").inner_text()
        assert not set("\u202e\x00\x1b\u2028") & set(text)
    assert "&lt;img src=x onerror" in page.content()
    assert page.evaluate("getComputedStyle(document.querySelector('.example .token')).unicodeBidi") == "isolate"


def test_previous_and_next_follow_the_list_as_it_stands(page, folder):
    page.get_by_label("Sort by").select_option("density, highest first")
    order = ids(page)
    page.locator("#list a").first.click()
    page.get_by_role("link", name="next →").click()
    page.get_by_role("heading", name=f"Latent {order[1]}", exact=True).wait_for()
    page.go_back()
    page.get_by_role("heading", name=f"Latent {order[0]}", exact=True).wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280, 1920])
def test_nothing_overflows_on_phone_screen_and_projector(browser, folder, tmp_path, width, scheme):
    with quiet_page(browser, viewport={"width": width, "height": 900}, color_scheme=scheme) as page:
        for name, address in (("list", ""), ("latent", f"#{live(folder)[0]['id']}")):
            page.goto(f"file://{folder}/site/index.html{address}")
            page.locator("#list li, .example").first.wait_for()
            page.screenshot(path=tmp_path / f"{name}.png", full_page=True)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (ground == "rgb(255, 255, 255)") == (scheme == "light")


def test_the_notebooks_view_is_the_same_page_in_one_file(browser, folder):
    with quiet_page(browser) as page:
        page.goto(f"file://{folder}/single.html")
        page.locator(".example").first.wait_for()
        assert page.locator("h1").inner_text() == "Latent 7" and page.locator("nav").count() == 0
