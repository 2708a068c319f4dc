"""The figures of the pages that explain."""

import re

import numpy as np
import pytest

from dashboard.lessons import toy_auroc
from homog_core.figures.lessons import (
    DotRow,
    Pile,
    answer_piles,
    answers_per_question,
    cost_and_quality,
    dot_rows,
    entropy_anchors,
    pair_grid,
    stages_row,
    token_row,
)
from homog_core.records import Estimate

BLUE = "#0072B2"
UNTRUSTED = "<b>x</b><script>"
ESCAPED = "&lt;b&gt;x&lt;/b&gt;&lt;script&gt;"


def row(name="wrong", x=(0.0, 0.0, 1.0), strong=(True, False, True), text="Why?", marked=None):
    n = len(x)
    heights = np.arange(1, n + 1)
    return DotRow(name, np.array(x), heights, np.array(strong), [text] * n, ["note"] * n, marked or {})


@pytest.mark.parametrize(
    "html",
    [
        answer_piles([Pile(UNTRUSTED, "text")], BLUE, dark=False),
        answer_piles([Pile("heading", UNTRUSTED)], BLUE, dark=True),
        answer_piles([Pile("heading", UNTRUSTED)], BLUE, dark=True, lines=2),
        answer_piles([Pile("heading", "text", 1, UNTRUSTED)], BLUE, dark=False),
        token_row([UNTRUSTED], [1.0]),
        stages_row([(UNTRUSTED, "", "")], BLUE),
    ],
)
def test_html_escapes_what_a_model_wrote(html):
    assert ESCAPED in html
    assert "<script" not in html
    assert "<b>x" not in html


def test_hover_texts_are_escaped():
    figure = dot_rows([row(text=UNTRUSTED)], BLUE, "x", 1.0)
    hover = [text for trace in figure.data for text in trace.hovertext]

    assert hover == [f"<b>{ESCAPED}</b><br>note"] * 3


@pytest.mark.parametrize(("count", "edges"), [(1, 0), (2, 1), (10, 9), (500, 19)])
def test_a_pile_has_an_edge_for_every_answer_beneath_the_first(count, edges):
    html = answer_piles([Pile("", "text", count)], BLUE, dark=False)
    shadow = re.search(r"box-shadow:([^;]*);", html).group(1)

    assert shadow.count("#ffffff") == edges


def test_a_token_has_its_entropy_in_numbers_and_in_shade():
    html = token_row([" It", "s", "\n"], [0.0, 2.0, 9.0])

    assert re.findall(r"tabular-nums\">([\d.]+)<", html) == ["0.00", "2.00", "9.00"]
    assert re.findall(r"rgba\(213,94,0,([\d.]+)\)", html) == ["0.00", "0.36", "0.72"]
    assert "↵" in html


def test_the_anchors_are_logarithms():
    html = entropy_anchors()

    for value in ("0.00: only one", "0.69: 2 tokens", "1.39: 4 tokens", "4.01: 55 tokens"):
        assert value in html


def test_bars_are_counts_from_one_answer_on():
    figure = answers_per_question(np.array([0, 3]), np.array([2, 0]), ("base", "aligned"), (BLUE, "#E69F00"))

    assert [bar.x for bar in figure.data] == [(1, 2), (1, 2)]
    assert [bar.y for bar in figure.data] == [(0, 3), (2, 0)]
    assert [bar.text for bar in figure.data] == [("", "3"), ("2", "")]


def test_rows_of_dots_are_named_and_share_their_axis():
    figure = dot_rows([row("wrong"), row("right", marked={2: "here"})], BLUE, "uncertainty", 2.0)

    assert [figure.layout[name].ticktext for name in ("yaxis", "yaxis2")] == [("wrong",), ("right",)]
    assert figure.layout.xaxis.range[0] < 0 < 2 < figure.layout.xaxis.range[1]
    assert [trace.x.tolist() for trace in figure.data] == [[0.0], [0.0, 1.0]] * 2  # weak ones, then strong ones
    assert [note.text for note in figure.layout.annotations] == ["here"]


def test_an_empty_row_of_dots_is_drawn():
    figure = dot_rows([row(x=(), strong=())], BLUE, "x", 1.0)

    assert sum(len(trace.x) for trace in figure.data) == 0


def test_cost_and_quality_have_whiskers_and_the_line_of_guessing():
    qualities = [Estimate(0.7, 0.6, 0.8, 100, ""), Estimate(0.75, 0.7, 0.9, 100, "")]

    figure = cost_and_quality(("cheap", "dear"), (0.0, 100.0), qualities, BLUE)

    (dots,) = figure.data
    assert dots.x == (0.0, 100.0)
    assert dots.y == pytest.approx((70, 75))
    assert dots.error_y.array == pytest.approx((10, 15))
    assert dots.error_y.arrayminus == pytest.approx((10, 5))
    assert figure.layout.shapes[0].y0 == 50
    assert {"cheap", "dear", "guessing"} == {note.text for note in figure.layout.annotations}


@pytest.mark.parametrize("dark", [False, True])
def test_the_grid_of_pairs_says_in_numbers_who_won(dark):
    toy = toy_auroc(0.0)
    figure = pair_grid(toy.won, toy.false_alarms, toy.hits, BLUE, dark=dark)
    grid, curve = figure.data

    assert (grid.zmin, grid.zmax) == (0, 1)
    assert grid.text[0][0] == "½"
    assert {cell for line in grid.text for cell in line} == {"0", "½", "1"}
    assert (curve.x[0], curve.y[0], curve.x[-1], curve.y[-1]) == (0, 0, 8, 8)
