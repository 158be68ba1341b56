"""The rating widget: clicks become answers in a file, and a rater never sees what an item is."""

import pytest

from saekit import ratings
from saekit.course import rating

ITEMS = ratings.blind_list({"latents": range(9), "neurons": range(9)}, 2, seed=0)


class Shown:
    def __init__(self, item):
        self.html = f"<p>{item.key}</p>"


def test_clicks_are_kept_at_once_and_taken_back(tmp_path):
    path = tmp_path / "ada.json"
    box = rating.box(rating.Session(ITEMS, path, "Ada"), Shown)
    view, (*buttons, back), _ = box.children[0], box.children[1].children, box.children[2]
    assert view.value == f"<p>{ITEMS[0].key}</p>" and not any(kind in view.value for kind in ("latent", "neuron"))
    buttons[0].click()
    buttons[3].click()
    assert ratings.load_answers(path) == ("Ada", {ITEMS[0].key: 0, ITEMS[1].key: 3}, False)
    back.click()
    assert ratings.load_answers(path)[1] == {ITEMS[0].key: 0} and view.value == f"<p>{ITEMS[1].key}</p>"


def test_a_session_goes_on_where_it_stopped_and_ends_when_all_are_rated(tmp_path):
    path = tmp_path / "ada.json"
    first = rating.Session(ITEMS, path, "Ada")
    first.answer(2)
    second = rating.Session(ITEMS, path, "Ada")
    assert second.current == ITEMS[1]
    for _ in ITEMS[1:]:
        second.answer(0)
    box = rating.box(second, Shown)
    assert second.current is None and "All items are rated" in box.children[0].value
    assert all(button.disabled for button in box.children[1].children[:4])


def test_answers_of_somebody_else_are_not_gone_on_with(tmp_path):
    ratings.save_answers(tmp_path / "a.json", "bot", {}, simulated=True)
    with pytest.raises(ValueError, match=r"answers of bot \(simulated\), expected Ada"):
        rating.Session(ITEMS, tmp_path / "a.json", "Ada")
