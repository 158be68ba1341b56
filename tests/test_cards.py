"""Cards: the same words in HTML and in plain text, nothing that could run, and a state that needs no colour."""

import re
from html.parser import HTMLParser

import pytest

from saekit.course import cards
from saekit.course.cards import Card

CARD = Card(
    "shrink",
    "not yet",
    "Is `a < b` missing?\nOr <script>?",
    (("tested", "shrink(<x>)"), ("got", "3")),
    "line 1\nValueError: <b>",
    ("Ours.",),
)


def words(html):
    """What a reader sees of a piece of HTML, and the tags in it."""
    class Reader(HTMLParser):
        text, tags = "", set()

        def handle_data(self, data):
            self.text += f" {data}"

        def handle_starttag(self, tag, attrs):
            self.tags.add(tag)

    reader = Reader()
    reader.tags = set()
    reader.feed(html)
    return re.sub(r"\s+", " ", reader.text).strip(), reader.tags


def test_both_sides_say_the_same():
    text, _ = words(CARD.html)
    assert re.sub(r"\W+", "", text) == re.sub(r"\W+", "", CARD.plain)


def test_what_learners_write_is_text_and_never_markup():
    _, tags = words(CARD.html)
    assert tags <= {"div", "strong", "span", "code", "br", "table", "tr", "td", "pre"}


def test_an_unpaired_backtick_is_left_alone():
    assert "`" in words(Card("f", "not yet", "odd ` one").html)[0]


@pytest.mark.parametrize("state", ["passed", "not started", "not yet"])
def test_the_state_is_told_by_word_and_sign(state):
    for side in (Card("f", state).plain, words(Card("f", state).html)[0]):
        assert state in side and cards.STATES[state][0] in side


def test_outside_a_notebook_the_plain_text_is_printed(capsys):
    cards.show(CARD)
    out, err = capsys.readouterr()
    assert out == CARD.plain + "\n" and err == ""
