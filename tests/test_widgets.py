"""Explorers: stills for every reader, and controls whose every move draws anew."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from saekit import plots
from saekit.course import notebook, widgets


def draw(ax, height, kind="line"):
    """A bar as high as the setting says."""
    ax.bar([0], [height])
    ax.set(ylim=(0, 10), xlabel="x", ylabel="y")


STILLS = [{"height": 1}, {"height": 5}, {"height": 9}]


def pixels(html):
    """The picture inside an img element, as an array."""
    data = re.search(r"base64,([^\"]+)", html)[1]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"))


def test_without_a_kernel_only_the_stills_are_shown(capsys):
    assert widgets.explore(draw, stills=STILLS, alt="three  bars", height=(0, 10)) is None
    assert capsys.readouterr().out == "three bars\n"


def test_the_panel_draws_every_still_and_titles_it_by_its_settings():
    picture = widgets.still_panel(draw, STILLS, "bars")
    image = pixels(picture.html)
    third = image.shape[1] // 3
    blue = [
        (np.abs(image[:, i * third : (i + 1) * third].astype(int) - [0, 114, 178]).max(axis=2) < 8).sum()
        for i in range(3)
    ]
    assert blue[0] < blue[1] < blue[2]
    assert 'alt="bars"' in picture.html and len(picture.png) < 30_000


def test_every_move_of_a_control_draws_anew():
    drawn = []
    box = widgets.live(
        lambda ax, **settings: drawn.append(settings),
        {"height": 2, "kind": "line"},
        {"height": (0, 10), "kind": ["line", "bar"]},
    )
    slider, menu, picture = box.children
    first = picture.value
    slider.value = 7
    menu.value = "bar"
    assert drawn == [{"height": 2, "kind": "line"}, {"height": 7, "kind": "line"}, {"height": 7, "kind": "bar"}]
    assert first != picture.value and "height = 7, kind = bar" in picture.value


@pytest.mark.parametrize(
    "choices, kind, step",
    [((0, 4), "IntSlider", 1), ((0.0, 1.0), "FloatSlider", 0.02), ((0, 1, 0.25), "FloatSlider", 0.25)],
)
def test_ranges_become_sliders(choices, kind, step):
    control = widgets.control("x", choices, 0)
    assert type(control).__name__ == kind and control.step == pytest.approx(step)


def test_a_truth_value_becomes_a_box():
    assert type(widgets.control("x", True, False)).__name__ == "Checkbox"


@pytest.mark.parametrize(
    "stills, words",
    [
        (STILLS[:2], "got 2 stills, expected 3 to 6"),
        ([{"h": 1}] * 3, r"expected the settings of the ranges: \['height'\]"),
    ],
)
def test_stills_that_do_not_fit_are_an_error(stills, words):
    with pytest.raises(ValueError, match=words):
        widgets.explore(draw, stills=stills, alt="bars", height=(0, 10))


def test_a_program_that_runs_the_notebook_gets_no_controls(monkeypatch):
    class Kernel:
        kernel = object()

    monkeypatch.setattr(notebook, "shell", Kernel)
    monkeypatch.setenv("SAEKIT_STATIC", "1")
    assert not notebook.is_live()
    monkeypatch.delenv("SAEKIT_STATIC")
    assert notebook.is_live()


def test_a_picture_shows_its_alternative_text_and_no_address():
    fig, ax = plots.panels()
    ax.set(title="A claim")
    picture = plots.show(fig, 'a "quoted"\n  text')
    sides = picture._repr_mimebundle_()
    assert (
        sides["text/plain"] == repr(picture) == 'a "quoted" text'
        and 'alt="a &quot;quoted&quot; text"' in sides["text/html"]
    )
    assert ax.get_title("left") == "A claim" and ax.get_title("center") == ""
    assert not plots.plt.fignum_exists(fig.number)
