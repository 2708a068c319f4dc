"""Text that may come from outside, and the words of it again."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.text import plain, written

TURNING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


@given(st.text(st.characters(exclude_characters=f"*{TURNING}")))
def test_what_has_been_escaped_reads_as_it_was(text):
    assert written(plain(text)) == " ".join(text.split())


@pytest.mark.parametrize(("markdown", "words"), [("**2** of 3", "2 of 3"), (r"a \* b", "a * b"), ("10 → 1", "10 → 1")])
def test_marks_are_left_out(markdown, words):
    assert written(markdown) == words


@pytest.mark.parametrize("text", ["https://evil.example/?a", "see HTTP://a.b", "www.evil.example", "me@evil.example"])
def test_a_bare_address_is_no_link(text):
    """As remark-gfm finds them, after the escapes have gone (mdast-util-gfm-autolink-literal)."""
    shown = re.sub(r"\\(.)", r"\1", plain(text))
    assert not re.search(r"(?i)https?://|www\.", shown)
    assert not re.search(r"[-.\w+]+@[-\w]+(\.[-\w]+)+", shown)
    assert written(plain(text)) == text


@pytest.mark.parametrize(
    "text", ["->", "a <-> b", "a <- b", "a -- b", "a >= b <= c ~= d", ":material/delete: :streamlit:"]
)
def test_no_sign_is_set_as_another_one(text):
    """As Streamlit's page finds them, after the escapes have gone (StreamlitMarkdown)."""
    shown = re.sub(r"\\(.)", r"\1", plain(text))
    assert not re.search(r"(^|\s)(<->|->|<-|--|>=|<=|~=)(\s|$)|:material/|:streamlit:", shown)
    assert written(plain(text)) == text


@given(st.text(st.sampled_from(f"a{TURNING}")))
def test_what_turns_the_direction_ends_with_the_text(text):
    """Every sign that opens is closed in turn, and nothing is closed that the text has not opened."""
    due = []
    for sign in plain(text):
        if sign in "\u202a\u202b\u202d\u202e":
            due.append("\u202c")
        elif sign in "\u2066\u2067\u2068":
            due.append("\u2069")
        elif sign in "\u202c\u2069":
            assert due.pop() == sign
    assert due == []


@pytest.mark.parametrize("text", ["\u202eabc\u202c d", "שלום \u2067x\u2069", "a\u200eb"])
def test_a_text_that_ends_its_own_turns_stays(text):
    assert written(plain(text)) == text
