"""The blind rating widget: one item after the other, four buttons, every answer kept at once in a file.

    rate(items, show_item, "ratings/ada.json", rater="Ada")
Without a kernel that a person looks at, it shows the first item and the scale, and asks nothing.
"""

from pathlib import Path

from saekit import ratings
from saekit.course import cards, notebook


class Session:
    """What one rater has answered so far, without any widget: `current` item, `answer(place)`, `undo()`. ValueError if
    there is a file at `path` that holds anything but this rater's own answers."""

    def __init__(self, items, path, rater):
        self.items, self.path, self.rater, self.answers = list(items), Path(path), rater, {}
        if self.path.is_file():
            name, kept, simulated = ratings.load_answers(self.path)
            if simulated or name != rater:
                name += " (simulated)" if simulated else ""
                raise ValueError(f"{self.path} holds answers of {name}, expected {rater}")
            keys = {item.key for item in self.items}
            self.answers = {key: value for key, value in kept.items() if key in keys}

    @property
    def current(self):
        """The first item without an answer, None when all have one."""
        return next((item for item in self.items if item.key not in self.answers), None)

    def answer(self, place):
        """Keep an answer (a place in `ratings.SCALE`) to the current item."""
        self.answers[self.current.key] = place
        ratings.save_answers(self.path, self.rater, self.answers)

    def undo(self):
        """Take the last answer back."""
        if self.answers:
            self.answers.popitem()
            ratings.save_answers(self.path, self.rater, self.answers)


def rate(items, show_item, path, rater="you"):
    """Let a person rate items blindly; show_item(item) returns something with `html`. Answers go to path as JSON."""
    session = Session(items, path, rater)
    if notebook.is_live():
        from IPython.display import display

        display(box(session, show_item))
    elif session.current is not None:
        scale = " · ".join(ratings.SCALE)
        still = show_item(session.current)
        words = f"Answers: {scale}. {len(session.items)} items; buttons appear where a kernel runs."
        cards.bundle(f"{still.html}<p>{words}</p>", f"{still!r}\n{words}")


def box(session, show_item):
    """The widget of a session."""
    import ipywidgets

    view, state = ipywidgets.HTML(), ipywidgets.HTML()
    buttons = [ipywidgets.Button(description=word, layout={"width": "auto"}) for word in ratings.SCALE]
    back = ipywidgets.Button(description="take back", layout={"width": "auto"})

    def redraw():
        item = session.current
        view.value = show_item(item).html if item else "All items are rated. Thank you."
        state.value = f"{len(session.answers)} of {len(session.items)} rated, kept in {session.path}"
        for button in buttons:
            button.disabled = item is None

    def answered(place):
        session.answer(place)
        redraw()

    def taken_back(_button):
        session.undo()
        redraw()

    for place, button in enumerate(buttons):
        button.on_click(lambda _button, place=place: answered(place))
    back.on_click(taken_back)
    redraw()
    return ipywidgets.VBox([view, ipywidgets.HBox([*buttons, back]), state])
