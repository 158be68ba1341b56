"""Progress bars that suit where they are shown: a terminal, a live notebook, or (none at all) a notebook executed for its outputs."""

import os
import sys

from tqdm import tqdm


def bar(iterable=None, **kwargs):
    """tqdm's bar with rate and remaining time; a widget in a live notebook, nothing where SAEKIT_STATIC asks for still outputs."""
    kwargs = {"mininterval": 0.5, "unit_scale": kwargs.get("unit") == "tok", **kwargs}
    if os.environ.get("RANK", "0") != "0":      # of many processes the first shows one
        return tqdm(iterable, disable=True, **kwargs)
    if "ipykernel" not in sys.modules:
        return tqdm(iterable, **kwargs)
    if os.environ.get("SAEKIT_STATIC"):
        return tqdm(iterable, disable=True, **kwargs)
    from tqdm.notebook import tqdm as widget

    return widget(iterable, **kwargs)
