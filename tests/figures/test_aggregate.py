"""The aggregate figures, read through their traces and layout."""

import numpy as np
import pandas as pd
import pytest

from homog_core.figures import aggregate
from homog_core.figures.dots import Panel, Row
from homog_core.figures.dots import dots as dots_
from homog_core.figures.series import FADED, PUBLISHED, Series, published_series, run_series, score_series
from homog_core.figures.theme import MODEL_COLORS

NAN = float("nan")
UNTRUSTED = "<b>x</b><script>"
RUNS = run_series(["one", "two"])
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


def test_a_dot_has_its_place_and_its_whiskers():
    (trace,) = shown(dots(mark(2)))
    assert (trace.x, trace.y) == ((0.5,), (2,))
    assert trace.error_x.array == pytest.approx((0.2,))
    assert trace.error_x.arrayminus == pytest.approx((0.1,))
    assert trace.marker.color == MODEL_COLORS[0]


def test_words_stand_in_the_place_of_a_dot():
    (trace,) = shown(dots(mark(1, words="no signal: all scores tie", value=0.5)))
    assert trace.mode == "text"
    assert trace.text[0].strip() == "no signal: all scores tie"


def test_few_questions_are_grey_and_the_rest_keeps_its_colour():
    traces = shown(dots(mark(0), mark(1, faded=True)))
    assert [trace.marker.color for trace in traces] == [MODEL_COLORS[0], FADED]


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


def test_names_from_outside_are_escaped():
    looks = [Series("one", UNTRUSTED, "#000000")]
    figures = [
        dots_([Row(UNTRUSTED)], pd.DataFrame([mark(0, hover=UNTRUSTED)]), [Panel("x")], looks, legend=looks * 2),
        aggregate.curves(line(hover=UNTRUSTED), looks, [Panel(UNTRUSTED)], x_title="x", mark=0.5, mark_label=UNTRUSTED),
    ]
    for figure in figures:
        text = figure.to_json().replace("\\u003c", "<").replace("\\u003e", ">")
        assert "<script" not in text
        assert "<b>x" not in text


def line(series="one", hover="said", low=0.1):
    return pd.DataFrame(
        {
            "series": series,
            "panel": 0,
            "x": [2, 1, 3],
            "value": [0.5, 0.4, NAN],
            "low": low,
            "high": 0.9,
            "hover": hover,
        }
    )


def test_a_curve_has_a_band_and_the_mark_of_the_slider():
    figure = aggregate.curves(line(), RUNS, [Panel("share")], x_title="x", mark=1.5, mark_label="now")
    band, drawn = figure.data
    assert band.fill == "toself"
    assert (drawn.x, drawn.y) == ((1, 2), (0.4, 0.5))  # in order, without what is undefined
    assert (figure.layout.shapes[0].x0, figure.layout.annotations[0].text) == (1.5, "now")


def test_points_have_whiskers_and_extra_marks_stand_beside_the_lines():
    others = pd.DataFrame({"x": [1], "value": [0.8], "low": [NAN], "high": [NAN], "hover": ["theirs"]})
    figure = aggregate.curves(line(), RUNS, [Panel("share")], x_title="x", points=True, extra=[(OTHERS, others)])
    drawn, theirs = figure.data
    assert drawn.error_y.visible
    assert drawn.error_y.arrayminus == pytest.approx((0.3, 0.4))
    assert (theirs.mode, theirs.marker.symbol, theirs.name) == ("markers", "diamond-open", OTHERS.name)


def test_eight_runs_can_be_told_apart():
    looks = run_series([str(i) for i in range(8)])
    assert len({(look.color, look.dash) for look in looks}) == 8
    assert len({(look.color, look.symbol) for look in looks}) == 8


def test_scores_of_one_group_share_a_colour_and_differ_in_their_dashes():
    names = [("a", "A", "samples"), ("b", "B", "samples"), ("c", "C", "question")]
    first, second, other = score_series(names, dark=True)
    assert first.color == second.color != other.color
    assert first.dash != second.dash


def test_a_reliability_diagram_has_counts_and_greys_bins_with_few():
    bins = pd.DataFrame(
        {"series": "after", "x": [0.2, 0.8], "value": [0.3, 0.7], "low": 0.1, "high": 0.9, "n": [10, 50]}
    ).assign(faded=[True, False], hover="said")
    figure = aggregate.reliability(bins, [Series("after", "after", "#D55E00")])
    bars = next(trace for trace in figure.data if trace.type == "bar")
    assert bars.y == (10, 50)
    assert [trace.marker.color for trace in shown(figure) if trace.type == "scatter"] == [FADED, "#D55E00"]


def costs():
    points = pd.DataFrame({"x": [0.0, 50.0, 100.0], "value": [0.6, 0.7, 0.65], "low": 0.5, "high": 0.8, "hover": "p"})
    alone = pd.DataFrame({"x": [0.0], "value": [0.6], "low": [0.5], "high": [0.7], "hover": ["a"], "name": ["token"]})
    return points, alone.assign(symbol="star")


def test_a_click_on_the_curve_says_which_point_it_is_and_one_beside_it_does_not():
    points, alone = costs()
    figure = aggregate.cost_quality(points, alone, "#0072B2", dark=False)
    curve, mark = figure.data[1:]
    assert curve.customdata == (0, 1, 2)
    assert mark.customdata == (-1,)
    assert "token" in mark.text[0]


def test_the_operating_point_is_on_the_axis_of_the_curve():
    points, alone = costs()
    shares = [("a", 0.7, "a 70 %"), ("b", 0.3, "")]
    figure = aggregate.operating_point(points, alone, 1, shares, "#0072B2", dark=True)
    assert figure.data[0].x == (50.0,)
    assert [bar.x[0] for bar in figure.data[1:]] == [0.7, 0.3]
    curve = aggregate.cost_quality(points, alone, "#0072B2", dark=True)
    assert figure.layout.xaxis.range == curve.layout.xaxis.range
    assert (figure.layout.margin.l, figure.layout.margin.r) == (curve.layout.margin.l, curve.layout.margin.r)


def test_an_axis_that_is_all_free_has_a_width():
    points, alone = costs()
    figure = aggregate.cost_quality(points.assign(x=0.0), alone, "#0072B2", dark=False)
    assert np.diff(figure.layout.xaxis.range) > 0
