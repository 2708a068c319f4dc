"""Correct against different answers, read through traces and arrows."""

import pandas as pd
import pytest

from homog_core.figures.quality import Arrow, quality
from homog_core.figures.series import run_series
from homog_core.figures.theme import GREY, INK

NAN = float("nan")
RUNS = run_series(["base", "dpo", "control"], ["base", "dpo", "control"])


def point(series, answers, accuracy, half=0.1):
    row = {"series": series, "hover": f"{series}\nsaid"}
    for name, value in (("answers", answers), ("accuracy", accuracy)):
        row |= {f"{name}_value": value, f"{name}_low": value - half, f"{name}_high": value + half}
    return row


def drawn(*points, arrows=(), **options):
    return quality(pd.DataFrame(points), RUNS, arrows, **{"dark": False} | options)


def marks(figure):
    return [trace for trace in figure.data if trace.hovertext]


def test_a_run_has_whiskers_both_ways():
    (mark,) = marks(drawn(point("dpo", 2.5, 0.5)))
    assert (mark.x, mark.y) == ((2.5,), (0.5,))
    assert mark.error_x.array == pytest.approx((0.1,))
    assert mark.error_y.arrayminus == pytest.approx((0.1,))
    assert mark.marker.color == RUNS[1].color


def test_arrows_go_the_way_of_training_and_are_faint_to_a_control():
    arrows = [Arrow("base", "dpo", False), Arrow("base", "control", True), Arrow("sft", "dpo", False)]
    figure = drawn(point("base", 8, 0.2), point("dpo", 2, 0.5), point("control", 3, 0.4), arrows=arrows, dark=True)
    found = [(a.ax, a.ay, a.x, a.y, a.arrowcolor) for a in figure.layout.annotations]
    assert found == [(8, 0.2, 2, 0.5, INK[True]), (8, 0.2, 3, 0.4, GREY)]  # no SFT is shown, so no arrow from it


def test_what_is_undefined_is_left_out_with_its_arrows():
    arrows = [Arrow("base", "dpo", False)]
    figure = drawn(point("base", NAN, NAN), point("dpo", 2, 0.5), arrows=arrows)
    assert len(marks(figure)) == 1
    assert not figure.layout.annotations


def test_all_marks_and_whiskers_are_within_the_axes():
    figure = drawn(point("base", 12, 0.98, half=0.02), point("dpo", 2, 0.5))
    assert figure.layout.xaxis.range[1] >= 12.02
    assert figure.layout.yaxis.range == (0, 1)
    assert drawn(point("dpo", 2, 0.01, half=0.01)).layout.yaxis.range[1] == pytest.approx(0.23)
    assert drawn(point("dpo", NAN, NAN)).layout.xaxis.range[1] == 10.3
