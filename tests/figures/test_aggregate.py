"""The aggregate figures, read through their traces and layout."""

import numpy as np
import pandas as pd
import pytest

from homog_core.figures import aggregate
from homog_core.figures.axes import Panel
from homog_core.figures.series import Series, published_series, run_series
from homog_core.figures.theme import FADED

NAN = float("nan")
UNTRUSTED = "<b>x</b><script>"
RUNS = run_series(["one", "two"], ["base", "dpo"])
OTHERS = published_series(dark=False)


def test_names_from_outside_are_escaped():
    looks, panels = [Series("one", UNTRUSTED, "#000000")], [Panel(UNTRUSTED)]
    figure = aggregate.curves(line(hover=UNTRUSTED), looks, panels, x_title="x", mark=0.5, mark_label=UNTRUSTED)
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
    assert (drawn.x.tolist(), drawn.y.tolist()) == ([1, 2], [0.4, 0.5])  # in order, without what is undefined
    assert (figure.layout.shapes[0].x0, figure.layout.annotations[0].text) == (1.5, "now")


def test_points_have_whiskers_and_extra_marks_stand_beside_the_lines():
    others = pd.DataFrame({"x": [1], "value": [0.8], "low": [NAN], "high": [NAN], "hover": ["theirs"]})
    figure = aggregate.curves(line(), RUNS, [Panel("share")], x_title="x", points=True, extra=[(OTHERS, others)])
    drawn, theirs = figure.data
    assert drawn.error_y.visible
    assert drawn.error_y.arrayminus == pytest.approx((0.3, 0.4))
    assert (theirs.mode, theirs.marker.symbol, theirs.name) == ("markers", "diamond-open", OTHERS.name)


def test_a_reliability_diagram_has_counts_and_greys_bins_with_few():
    bins = pd.DataFrame(
        {"series": "after", "x": [0.2, 0.8], "value": [0.3, 0.7], "low": 0.1, "high": 0.9, "n": [10, 50]}
    ).assign(faded=[True, False], hover="said")
    figure = aggregate.reliability(bins, [Series("after", "after", "#D55E00")])
    bars = next(trace for trace in figure.data if trace.type == "bar")
    assert bars.y == (10, 50)
    marks = [trace for trace in figure.data if trace.type == "scatter" and trace.hovertext]
    assert [trace.marker.color for trace in marks] == [FADED, "#D55E00"]


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
    assert [trace.name for trace in figure.data if trace.showlegend] == ["cascade", "token"]
    assert not any(trace.text for trace in figure.data)  # words in the picture would overlap


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


def test_many_curves_have_no_bands():
    names = [f"m{n}" for n in range(9)]
    frame = pd.concat([line(name) for name in names])
    figure = aggregate.curves(frame, run_series(names, ["dpo"] * 9), [Panel("share")], x_title="x")
    assert len(figure.data) == 9
    assert not [trace for trace in figure.data if trace.fill]
