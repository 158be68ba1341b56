"""The feature map in a real browser: moved, enlarged, searched, opened, by mouse and by keyboard alone; see
test_page_browser for the site around it."""

import re

import numpy as np
import pytest
import torch

from saekit import corpus
from saekit.page import map as page_map
from saekit.page import site
from saekit.sae import save_sae
from tests import tiny_lm
from tests.browser import NEEDED, a_browser, hostile, quiet_page  # noqa: F401  a_browser is the fixture `browser`
from tests.test_readout import an_sae

pytestmark = NEEDED
GROUPS = 6


def clumpy(seed, d_sae):
    """An SAE whose first 24 latents write in six directions, four each, the same ones for every seed."""
    sae, middles = an_sae(seed, d_sae), torch.randn(GROUPS, tiny_lm.D_MLP, generator=torch.Generator().manual_seed(0))
    sae.W_dec[:24] = 0.2 * sae.W_dec[:24] + torch.nn.functional.normalize(middles).repeat(4, 1)
    return sae


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A site with the map of two dictionaries, of 30 and 40 latents, and hostile tokens."""
    out = tmp_path_factory.mktemp("map")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SAEKIT_DATA", str(tiny_lm.folder() / "data"))
        patch.setenv("SAEKIT_CACHE", str(out / "cache"))
        patch.setattr(corpus, "source_files", tiny_lm.candidates)
        plain = site.token_strings
        patch.setattr(site, "token_strings", lambda *args: hostile(plain(*args), every=2))
        for name, d_sae in (("large", 40), ("small", 30)):
            save_sae(clumpy(3, d_sae), out / name / "sae.safetensors")
            (out / name / "run.json").write_text('{"model": "tiny", "layer": 0}')
        page_map.write_map([out / "large", out / "small"], perplexity=8)
        site.write_site(out / "large", out / "site", tokens=3000)
    return out


@pytest.fixture
def page(browser, folder):
    """A fresh window on the map."""
    with quiet_page(browser, viewport={"width": 1440, "height": 1000}) as page:
        open_map(page, folder)
        yield page


def open_map(page, folder):
    page.goto(f"file://{folder}/site/index.html#map")
    page.locator("#clusters .cluster").first.wait_for()
    page.wait_for_function("chart.took > 0")


def view(page):
    """(scale, x, y) of what is in sight."""
    return np.array(page.evaluate("[chart.scale, chart.x, chart.y]"))


def ink(page):
    """How many pixels of the map are not empty, after it has been drawn."""
    return page.evaluate("(drawChart(), chart.pixels.filter((pixel) => pixel !== 0).length)")


def place(page, i):
    """Where on the screen a point is."""
    return page.evaluate(f"""(() => {{ const box = chart.canvas.getBoundingClientRect(), [x, y] = screenPlace({i});
        return [box.left + x, box.top + y]; }})()""")


def test_the_map_shows_every_latent_where_the_file_says(page, folder):
    from saekit.files import load_arrays

    arrays, about = load_arrays(folder / "large" / "map.safetensors")
    assert [one["folder"] for one in about["dictionaries"]] == ["../small", "."]
    shown = np.array(page.evaluate("Array.from(chart.places.false)")).reshape(-1, 2)
    np.testing.assert_allclose(shown, arrays["xy"], atol=1e-5)
    assert page.evaluate("chart.names[0] + chart.names[30] + chart.names[69]") == "A/0/0A/1/0A/1/39"
    assert ink(page) > 500 and "A/1: large, 40 latents" in page.locator(".key").inner_text()


def test_dragging_wheel_and_buttons_move_the_map_and_home_brings_it_back(page):
    start, box = view(page), page.locator("#chart").bounding_box()
    page.mouse.move(box["x"] + 200, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + 320, box["y"] + 260, steps=4)
    page.mouse.up()
    assert view(page)[1] < start[1] and view(page)[2] > start[2] and page.url.endswith("#map")
    before = place(page, 5)
    page.mouse.move(*before)
    page.mouse.wheel(0, -200)
    page.wait_for_function("chart.scale > 1.2")
    np.testing.assert_allclose(place(page, 5), before, atol=0.5)  # what lies under the pointer stays there
    page.get_by_role("button", name="zoom out").click()
    page.get_by_role("button", name="zoom in").click()
    page.get_by_role("button", name="home").click()
    np.testing.assert_allclose(view(page), start)
    page.get_by_label("scroll zoom").uncheck()
    page.mouse.move(*before)
    page.mouse.wheel(0, -200)
    page.wait_for_timeout(200)
    np.testing.assert_allclose(view(page), start)


def test_two_fingers_enlarge_it(page):
    page.evaluate("""(() => { chart.canvas.setPointerCapture = () => {};
      const send = (name, id, x) => chart.canvas.dispatchEvent(new PointerEvent(name,
        { pointerId: id, pointerType: "touch", clientX: x, clientY: 500 }));
      send("pointerdown", 1, 300); send("pointerdown", 2, 400); send("pointermove", 2, 500);
      send("pointerup", 1, 300); send("pointerup", 2, 500); })()""")
    assert view(page)[0] == pytest.approx(2)


def test_pointing_tells_about_a_latent_and_a_click_opens_its_page(page):
    own = page.evaluate("chart.own.findIndex((id, i) => id >= 0 && nearestPoint(...screenPlace(i), 10) === i)")
    page.mouse.move(*place(page, own))
    detail = page.locator("#card")
    detail.wait_for()
    for text in ("latent", page.evaluate(f"chart.names[{own}]"), "density", "cluster"):
        assert text in detail.inner_text()
    page.mouse.click(*place(page, own))
    page.get_by_role("heading", name=f"Latent {page.evaluate(f'chart.own[{own}]')}", exact=True).wait_for()
    page.get_by_role("link", name="On the map").click()
    page.locator("#card").wait_for()
    assert page.evaluate("chart.picked") == own


def test_the_search_marks_what_it_finds(page):
    token = page.evaluate("chart.rows[35].fires.map(word)[0]")
    page.get_by_label("Search").fill(token)
    found = page.evaluate("Array.from(chart.found)")
    assert found[35] and 0 < sum(found) < len(found)
    assert page.locator("#count").inner_text().startswith(f"{sum(found)} latents found")
    assert page.locator("#found li").count() == min(30, sum(found))
    page.get_by_label("Search").fill("no such thing anywhere")
    assert page.locator("#found li").count() == page.locator("#clusters .cluster").count() == 0
    page.get_by_label("Search").fill("")
    page.locator("#clusters .cluster").first.wait_for()


def test_a_cluster_opens_lists_its_members_and_comes_into_sight(page):
    button = page.locator("#clusters .cluster button").first
    number = int(re.search(r"Cluster (\d+)", button.inner_text())[1])
    button.click()
    members = page.evaluate(f"chart.members[{number}]")
    names = page.evaluate(f"chart.members[{number}].map((i) => chart.names[i])")
    assert page.locator("#clusters .members .id").all_inner_texts() == names
    assert {name.split("/")[1] for name in names} == {"0", "1"}  # the same directions are in both dictionaries
    assert button.get_attribute("aria-expanded") == "true" and view(page)[0] > 1
    x, y = place(page, members[0])
    box = page.locator("#chart").bounding_box()
    assert box["x"] < x < box["x"] + box["width"] and box["y"] < y < box["y"] + box["height"]
    button.click()
    assert page.locator("#clusters .members li").count() == 0


def test_the_control_is_told_apart_and_holds_no_latents(page):
    page.get_by_label("Shuffled weights").check()
    assert "Noise: no dot here is a latent." in page.locator("#noise").inner_text()
    assert page.locator("#side").evaluate("(side) => side.inert") and ink(page) > 500
    page.mouse.move(*place(page, 5))
    assert page.locator("#card").is_hidden()
    page.mouse.click(*place(page, 5))
    assert page.evaluate("location.hash") == "#map"
    page.get_by_text("How much of it is noise?").click()
    assert page.locator(".measured tbody tr").count() >= 5
    page.get_by_label("Latents", exact=True).check()
    assert page.locator("#noise").is_hidden()


def test_the_keyboard_alone_suffices(page):
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "search"
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "chart":
            break
    start = view(page)
    for key in ("+", "ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
    assert view(page)[0] > 1 and view(page)[1] > start[1] and view(page)[2] < start[2]
    page.evaluate("pick(chart.own.findIndex((id) => id >= 0))")
    assert page.locator("#said").inner_text() and page.locator("#card").is_visible()
    page.keyboard.press("Escape")
    assert page.locator("#card").is_hidden()
    page.keyboard.press("h")
    np.testing.assert_allclose(view(page), start)
    page.get_by_text("How much of it is noise?").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    focused = page.evaluate("document.activeElement.closest('.member') !== null")
    assert focused and page.evaluate("chart.picked") >= 0
    own = page.evaluate("chart.own.findIndex((id) => id >= 0)")
    page.locator("#chart").focus()
    page.evaluate(f"pick({own})")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name=f"Latent {page.evaluate(f'chart.own[{own}]')}", exact=True).wait_for()


def test_hostile_tokens_and_labels_are_only_text(page):
    page.evaluate("labels.set(3, '<img src=x onerror=window.hacked=1>')")
    page.reload()
    page.locator("#clusters .cluster").first.wait_for()
    page.get_by_label("Search").fill("onerror=window")
    assert page.locator("#found li").count() > 0
    page.evaluate("pick(chart.own.indexOf(3))")
    assert "<img src=x" in page.locator("#card").inner_text()
    assert page.locator("main script, main img, main [onmouseover], #card img").count() == 0
    assert not set("\u202e\x00\x1b\u2028") & set(page.locator("main").inner_text())


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280, 1920])
def test_nothing_overflows_on_phone_screen_and_projector(browser, folder, tmp_path, width, scheme):
    with quiet_page(browser, viewport={"width": width, "height": 900}, color_scheme=scheme) as page:
        open_map(page, folder)
        page.locator("#clusters .cluster button").first.click()
        page.wait_for_timeout(400)
        page.screenshot(path=tmp_path / "map.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (ground == "rgb(255, 255, 255)") == (scheme == "light") and ink(page) > 200
