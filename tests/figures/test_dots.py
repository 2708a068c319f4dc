"""Charts of dots, read through their traces and layout."""

import pandas as pd
import pytest

from homog_core.figures.axes import Panel
from homog_core.figures.dots import Row
from homog_core.figures.dots import dots as dots_
from homog_core.figures.series import PUBLISHED, Series, published_series, run_series
from homog_core.figures.theme import FADED, ROLE_COLORS

NAN = float("nan")
UNTRUSTED = "<b>x</b><script>"
RUNS = run_series(["one", "two"], ["base", "dpo"])
OTHERS = published_series(dark=False)
SHARE = (Panel("share", 0.5),)


def mark(row, series="one", value=0.5, low=0.4, high=0.7, panel=0, faded=False, words="", hover="said"):
    names = ("row", "series", "value", "low", "high", "panel", "faded", "words", "hover")
    return dict(zip(names, (row, series, value, low, high, panel, faded, words, hover), strict=True))


def dots(*marks, rows=3, panels=SHARE, **options):
    lines = [Row(f"row {i}") for i in range(rows)]
    return dots_(lines, pd.DataFrame(marks), panels, [*RUNS, OTHERS], **options)


def shown(figure, text="said"):
    return [trace for trace in figure.data if trace.hovertext and text in trace.hovertext[0]]


def test_grey_stands_in_the_legend_where_something_is_grey():
    named = [[trace.name for trace in dots(mark(2, faded=faded)).data if trace.name] for faded in (False, True)]
    assert "grey: few questions" not in named[0]
    assert named[1] == [*named[0], "grey: few questions"]


def test_a_dot_has_its_place_and_its_whiskers():
    (trace,) = shown(dots(mark(2)))
    assert (trace.x, trace.y) == ((0.5,), (2,))
    assert trace.error_x.array == pytest.approx((0.2,))
    assert trace.error_x.arrayminus == pytest.approx((0.1,))
    assert trace.marker.color == ROLE_COLORS["base"]


def test_words_stand_in_the_place_of_a_dot():
    (trace,) = shown(dots(mark(1, words="no signal: all scores tie", value=0.5)))
    assert trace.mode == "text"
    assert trace.text[0].strip() == "no signal: all scores tie"


def test_few_questions_are_grey_and_the_rest_keeps_its_colour():
    traces = shown(dots(mark(0), mark(1, faded=True)))
    assert [trace.marker.color for trace in traces] == [ROLE_COLORS["base"], FADED]
    assert traces[1].marker.line.color == ROLE_COLORS["base"]  # so that series stay apart


def test_an_undefined_value_without_words_is_not_drawn():
    assert shown(dots(mark(0, value=NAN))) == []


def test_published_figures_are_hollow_diamonds_in_a_series_of_their_own():
    figure = dots(mark(0), mark(1, PUBLISHED, low=NAN, high=NAN))
    ours, theirs = shown(figure)
    assert (ours.marker.symbol, theirs.marker.symbol) == ("circle", "diamond-open")
    assert not theirs.error_x.visible
    assert {trace.name for trace in figure.data if trace.showlegend is not False} == {"one", "two", OTHERS.name}


def test_series_of_one_row_are_set_one_under_the_other_but_not_published_ones():
    figure = dots(mark(0), mark(0, "two"), mark(1, PUBLISHED, low=NAN), dodge=True)
    first, second, published = (trace.y[0] for trace in shown(figure))
    assert first < 0 < second
    assert published == 1


def test_panels_share_their_rows_and_have_their_own_reference_line():
    figure = dots(mark(0), mark(0, panel=1), panels=(Panel("a", 0.5), Panel("b", 0.0)))
    assert [trace.xaxis for trace in shown(figure)] == ["x", "x2"]
    assert [(shape.xref, shape.x0) for shape in figure.layout.shapes] == [("x", 0.5), ("x2", 0.0)]
    assert list(figure.layout.yaxis.ticktext) == ["row 0", "row 1", "row 2"]


def test_on_a_narrow_screen_the_names_stand_above_the_dots():
    figure = dots(mark(0), narrow=True)
    assert [note.text for note in figure.layout.annotations] == ["row 0", "row 1", "row 2"]
    assert list(figure.layout.yaxis.ticktext) == []
    assert shown(figure)[0].y[0] > 0


def test_on_a_narrow_screen_panels_stand_one_under_the_other_with_their_own_rows():
    marks = pd.DataFrame([mark(1), mark(3), mark(3, panel=1)])
    rows = [Row("first", heading=True), Row("a"), Row("second", heading=True), Row("b"), Row("c")]
    figure = dots_(rows, marks, [Panel("share", 0.5), Panel("mean")], RUNS, narrow=True)
    layout = figure.layout
    assert layout.yaxis.domain[0] > layout.yaxis2.domain[1]
    assert layout.xaxis.domain == layout.xaxis2.domain == (0, 1)
    names = [(note.text, note.yref) for note in layout.annotations]
    upper = [("<b>first</b>", "y"), ("a", "y"), ("<b>second</b>", "y"), ("b", "y")]
    assert names == [*upper, ("<b>second</b>", "y2"), ("b", "y2")]  # "c" has no mark, "a" none in the second
    (lower,) = [trace for trace in shown(figure) if trace.yaxis == "y2"]
    assert 1 < lower.y[0] < 1.5  # under the name of "b", the second row there
    assert [shape.yref for shape in layout.shapes if shape.xref == "x"] == ["y domain"]


def test_on_a_wide_screen_panels_share_their_rows():
    layout = dots(mark(0), mark(0, panel=1), panels=[Panel("a"), Panel("b", 0.5)]).layout
    assert layout.yaxis.domain == (0, 1)
    assert layout.xaxis.domain[1] < layout.xaxis2.domain[0]
    assert layout.shapes[0].xref == "x2"


def test_shares_are_written_as_everywhere_else():
    axis = dots(mark(0), panels=[Panel("share", percent=True)]).layout.xaxis
    assert (axis.tickformat, axis.labelalias["12%"]) == (".0%", "12 %")
    assert dots(mark(0), panels=[Panel("d")]).layout.xaxis.labelalias is None


def test_names_from_outside_are_escaped():
    looks = [Series("one", UNTRUSTED, "#000000")]
    marks = pd.DataFrame([mark(0, hover=UNTRUSTED)])
    text = dots_([Row(UNTRUSTED)], marks, [Panel("x")], looks, legend=looks * 2).to_json()
    text = text.replace("\\u003c", "<").replace("\\u003e", ">")
    assert "<script" not in text
    assert "<b>x" not in text


def test_many_series_of_a_row_are_closer_and_still_apart():
    names = [f"m{n}" for n in range(24)]
    rows = pd.DataFrame([mark(0, name) for name in names])
    figure = dots_([Row("all")], rows, SHARE, run_series(names, ["instruct"] * 24), dodge=True)
    places = sorted(trace.y[0] for trace in shown(figure))
    lines_apart = (places[1] - places[0]) * (figure.layout.height - 92)  # of one row, without axis and legend
    assert len(set(places)) == 24
    assert 4 < lines_apart < 12
    assert places[-1] < 0.5
    assert shown(figure)[0].marker.size <= 7
