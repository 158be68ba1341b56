"""Excerpts: source text is shown and never becomes markup, and what cannot be seen is made visible."""

import numpy as np

from saekit.interpret import Example
from saekit.strips import TokenStrips, visible


def test_control_and_direction_characters_become_visible_and_text_stays():
    assert visible("a\n\tb") == "a⏎⇥b"
    assert visible("\x00\u202e") == "\\x00\\x202e" and visible("größe ✓") == "größe ✓"


def test_hostile_tokens_are_text_in_the_html_and_the_looked_up_one_alone_is_bold():
    tokens = ["</div>", "<script>alert(1)</script>", '" onmouseover="x']
    strips = TokenStrips([Example(tokens, np.array([0.0, 2.0, 1.0]), 1, "<b>/file.py")], "5 < 6 & more")
    html = strips.html
    assert "<script" not in html and "</div></div>" in html and "<b>" not in html and 'onmouseover="' not in html
    assert "&lt;script&gt;" in html and "5 &lt; 6 &amp; more" in html
    spans = html.split("<span ")
    assert [token for token in spans if "outline" in token] == [spans[2]] and "alert" in spans[2]
    assert repr(strips).splitlines() == ["5 < 6 & more", f"{''.join(tokens)}   [<b>/file.py]"]


def test_the_strongest_token_has_the_deepest_shade_and_a_silent_one_none():
    html = TokenStrips([Example(["a", "b", "c"], np.array([0.0, 2.0, 1.0]), 1, "f.py")], "t", color="#112233").html
    assert "#112233c8" in html and "#11223364" in html and html.count("#112233") == 2


def test_the_looked_up_tokens_stand_below_each_other_and_long_lines_lose_their_beginning():
    examples = [Example(["a", "b\n", "here"], np.ones(3), 2, "f"), Example(["here", " it", " is"], np.ones(3), 0, "g"),
                Example(["x" * 40, "y" * 30, "here"], np.ones(3), 2, "h")]
    strips = TokenStrips(examples, "t")
    lines = repr(strips).splitlines()[1:]
    assert [line.index("here") for line in lines] == [30, 30, 30] and "x" not in lines[2]
    assert lines[0].strip().startswith("ab⏎here") and lines[1].strip().startswith("here it is")
    rows = strips.html.split('<div style="margin')[1:]
    assert [len(row.split(">")[1].split("<")[0]) for row in rows] == [27, 30, 0]
