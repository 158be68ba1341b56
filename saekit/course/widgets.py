"""One helper for all explorers: `explore` draws a panel of stills for every reader, and live controls for the one who
has a kernel.

    explore(draw, alt="…", stills=[{"lam": 0.1}, {"lam": 0.5}, {"lam": 1.0}], lam=(0.0, 2.0, 0.05))

The stills are what print, HTML export and nbval show; every move of a control calls `draw` again, nothing is drawn
beforehand.
"""

import math

import matplotlib as mpl
from matplotlib.figure import Figure

from saekit import plots
from saekit.course import cards, notebook


def explore(draw, *, stills, alt, **ranges):
    """Show `draw(axes, **settings)` for each of the 3 to 6 settings in `stills`, and with sliders where a person can
    move them.

    ranges: (low, high) or (low, high, step) gives a slider, of integers if all are; a list of choices gives a menu;
    True or False a box. alt: what the stills show. The controls start at the first still. Raises ValueError when a
    still and the ranges name different settings.
    """
    if not 3 <= len(stills) <= 6:
        raise ValueError(f"explore got {len(stills)} stills, expected 3 to 6 (they are all that a printed page shows)")
    for still in stills:
        if set(still) != set(ranges):
            raise ValueError(
                f"explore got a still with {sorted(still)}, expected the settings of the ranges: {sorted(ranges)}"
            )
    picture = still_panel(draw, stills, alt)
    cards.bundle(picture.html, picture.alt)
    if notebook.is_live():
        _show_live(draw, stills[0], ranges)


def still_panel(draw, stills, alt):
    """The stills as one Picture, at most three in a row; where draw gives no title, the settings are it."""
    columns = min(3, len(stills))
    fig, axes = plots.panels(columns, math.ceil(len(stills) / columns), squeeze=False)
    for ax, still in zip(axes.flat, stills):
        draw(ax, **still)
        if not (ax.get_title("left") or ax.get_title("center")):
            ax.set_title(in_words(still), loc="left", fontsize=10, fontweight="normal")
    for ax in axes.flat[len(stills):]:
        ax.set_visible(False)
    return plots.show(fig, alt)


def in_words(settings):
    """Settings as a short text: "lam = 0.5, k = 3"."""
    return ", ".join(
        f"{name} = {value:g}" if isinstance(value, float) else f"{name} = {value}" for name, value in settings.items()
    )


def live(draw, start, ranges):
    """An ipywidgets box: one control per range over a picture that every move draws anew."""
    import ipywidgets

    picture = ipywidgets.HTML()
    controls = {name: control(name, choices, start[name]) for name, choices in ranges.items()}

    def redraw(_change=None):
        settings = {name: widget.value for name, widget in controls.items()}
        picture.value = frame(draw, settings).html

    for widget in controls.values():
        widget.observe(redraw, names="value")
    redraw()
    return ipywidgets.VBox([*controls.values(), picture])


def frame(draw, settings):
    """One picture for one setting, drawn on a figure of its own."""
    with mpl.rc_context(plots.RC):
        figure = Figure(figsize=(plots.WIDTH * 0.75, 3.2))
        draw(figure.subplots(), **settings)
        return plots.Picture(plots.png(figure), f"the figure for {in_words(settings)}")


def control(name, choices, value):
    """The ipywidgets control for one range."""
    import ipywidgets

    if isinstance(choices, bool):
        return ipywidgets.Checkbox(value=value, description=name)
    if isinstance(choices, list):
        return ipywidgets.Dropdown(options=choices, value=value, description=name)
    low, high, *step = choices
    whole = all(isinstance(number, int) for number in choices)
    step = step[0] if step else 1 if whole else (high - low) / 50
    slider = ipywidgets.IntSlider if whole else ipywidgets.FloatSlider
    return slider(value=value, min=low, max=high, step=step, description=name)


def _show_live(draw, start, ranges):
    """Display the controls; the plain-text twin names them, where the widget's own would list its inside."""
    from IPython.display import display

    box = live(draw, start, ranges)
    bundle = {
        "application/vnd.jupyter.widget-view+json": {"version_major": 2, "version_minor": 0, "model_id": box.model_id},
        "text/plain": f"live controls: {', '.join(ranges)}",
    }
    display(bundle, raw=True)
