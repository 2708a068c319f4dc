"""HTML of answers."""

import re

import pytest

from homog_core.figures.html import answer_groups, entropy_legend, model_heading, token_heat_map

BLUE = "#0072B2"
UNTRUSTED = "<b>x</b><script>"
ESCAPED = "&lt;b&gt;x&lt;/b&gt;&lt;script&gt;"


def spans_of(html):
    return re.findall(r"<span [^>]*style=\"([^\"]*)\">([^<]*)</span>", html)


@pytest.mark.parametrize(
    "html",
    [
        token_heat_map([UNTRUSTED], [1.0], slice(0, 1)),
        answer_groups([(UNTRUSTED, [("text", "note")])], "#000000"),
        answer_groups([("heading", [(UNTRUSTED, "note")])], "#000000"),
        answer_groups([("heading", [("text", UNTRUSTED)])], "#000000"),
    ],
    ids=["token_heat_map", "heading", "text", "note"],
)
def test_html_escapes_what_a_model_wrote(html):
    assert ESCAPED in html
    assert "<script" not in html
    assert "<b>x" not in html


@pytest.mark.parametrize(
    ("own", "struck"),
    [
        (slice(0, 3), ["■"]),  # the token that ended it
        (slice(2, 3), ["hm", "↵", "■"]),  # and its reasoning
        (slice(0, 4), []),
        (slice(0, 0), ["hm", "↵", "42", "■"]),
    ],
)
def test_the_heat_map_strikes_tokens_that_are_not_the_answers_own(own, struck):
    html = token_heat_map(["hm", "\n", "42", ""], [0.0, 1.0, 2.0, 3.0], own)

    assert [text for style, text in spans_of(html) if "line-through" in style] == struck


@pytest.mark.parametrize(
    ("entropy", "alpha"),
    [(0.0, "0.00"), (2.0, "0.36"), (4.0, "0.72"), (9.0, "0.72"), (-1e-9, "0.00")],  # .72 · H/4, saturated
)
def test_the_heat_map_is_shaded_on_a_fixed_scale(entropy, alpha):
    ((style, _),) = spans_of(token_heat_map(["Paris"], [entropy], slice(0, 1)))

    assert f"background:rgba(213,94,0,{alpha})" in style


def test_a_token_whose_entropy_is_not_known_is_not_shaded():
    html = token_heat_map(["Paris"], [float("nan")], slice(0, 1))

    assert "rgba(213,94,0,0.00)" in html
    assert 'title="token 1: entropy not known"' in html


def test_the_legend_names_both_ends_of_the_scale():
    assert "0 nats" in entropy_legend()
    assert "4 or more" in entropy_legend()


def test_groups_of_answers_and_headings_are_escaped():
    html = answer_groups([(UNTRUSTED, [(UNTRUSTED, UNTRUSTED)])], BLUE) + model_heading(UNTRUSTED, BLUE)

    assert html.count(ESCAPED) == 5
    assert "<script" not in html
