"""Several models side by side, read through the traces and the layout."""

import numpy as np
import pandas as pd
import pytest

from homog_core.figures.comparison import (
    block_matrix,
    joint_maps,
    slope_chart,
    stacked_traces,
)
from homog_core.figures.theme import GREY, ROLE_COLORS
from homog_core.records import Estimate

UNTRUSTED = "<b>x</b><script>"
ESCAPED = "&lt;b&gt;x&lt;/b&gt;&lt;script&gt;"


def texts_of(fig):
    """Every text of a figure that Plotly would render as HTML."""
    found = []
    for trace in fig.data:
        for name in ("text", "hovertext", "customdata"):
            found += [str(value) for value in (trace[name] if trace[name] is not None else ())]
        found += [trace.name or "", trace.hovertemplate or ""]
    return found


TWO = [ROLE_COLORS["base"], ROLE_COLORS["dpo"]]


def three_answers():
    """Two answers of one model, one of another, which says what the first one says."""
    coordinates = np.array([[0.0, 0.0], [4.0, 1.0], [0.0, 0.0]])
    return coordinates, np.array([0, 0, 1]), np.array([0, 1, 0]), ["a", "b", UNTRUSTED], np.array([0, 1, 3])


def test_joint_maps_have_the_same_axes_and_each_its_own_answers():
    first, second = joint_maps(*three_answers(), TWO)

    assert first.layout.xaxis.range == second.layout.xaxis.range
    assert first.layout.yaxis.range == second.layout.yaxis.range
    assert first.layout.xaxis.constrain == "domain"  # otherwise Plotly changes the ranges to fit the panel
    assert [trace.customdata for trace in first.data[:-1]] == [(0,), (1,)]
    assert second.data[0].customdata == (3,)
    assert second.data[0].marker.color == TWO[1]
    # the others' answers, each place once, behind
    assert (second.data[-1].name, sorted(second.data[-1].x), second.data[-1].zorder) == ("others", [0, 4], -1)
    assert any(ESCAPED in text for text in texts_of(second))


def test_the_block_matrix_is_sorted_by_model_then_cluster_with_lines_between():
    similarity = np.array([[1, 0.2, 0.9, 0.1], [0.2, 1, 0.3, 0.0], [0.9, 0.3, 1, 0.2], [0.1, 0.0, 0.2, 1]])
    position, labels, indices = np.array([0, 0, 0, 1]), np.array([0, 1, 0, 0]), np.array([0, 1, 2, 5])

    fig = block_matrix(similarity, position, labels, indices, [UNTRUSTED, "dpo"], ["base", "DPO"], dark=False)

    heat_map = fig.data[0]
    assert heat_map.z[0] == pytest.approx([0, 0.1, 0.8, 0.9])  # answers 1, 3, 2 of the first model, 6 of the second
    assert (heat_map.zmin, heat_map.zmax) == (0, 1)
    assert heat_map.hovertext[0][3] == f"dpo · answer 6<br>{ESCAPED} · answer 1<br>distance 0.90"
    lines = {shape.x0: shape.line.width for shape in fig.layout.shapes if shape.x0 == shape.x1}
    assert lines == {1.5: 0.75, 2.5: 3}
    assert (fig.layout.xaxis.tickvals, fig.layout.xaxis.ticktext) == ((1, 3), ("base", "DPO"))


def test_stacked_traces_have_the_same_axes():
    entropies = [{-1: [1.0, 6.0]}, {-1: [0.1], 0: [float("nan")]}]
    tokens = [{-1: ["a", "b"]}, {-1: ["c"], 0: ["d"]}]

    fig = stacked_traces(entropies, tokens, -1, ["base", "dpo"], TWO)

    assert fig.layout.yaxis.range == fig.layout.yaxis2.range == (0, pytest.approx(6.48))
    assert fig.layout.xaxis.range == fig.layout.xaxis2.range == (0, 3)
    assert [trace.line.color for trace in fig.data] == [TWO[0], GREY, TWO[1]]
    assert [trace.yaxis for trace in fig.data] == ["y", "y2", "y2"]


def slope(**options):
    levels = pd.DataFrame({"step": [0, 0, 1], "k": [3, 2, 1], "n": [3, 1, 4]})
    ways = pd.DataFrame({"step": [0, 0], "k_from": [3, 2], "k_to": [1, 1], "n": [3, 1]})
    means = [Estimate(2.75, 2.0, 3.5, 4, "t"), Estimate(1.0, 1.0, 1.0, 4, "t")]
    return slope_chart(levels, ways, means, ["base", UNTRUSTED], TWO, dark=False, **options)


def test_a_way_of_the_slope_chart_is_as_wide_as_it_is_used():
    fig = slope()

    lines = {trace.y[:2]: trace for trace in fig.data if trace.mode == "lines"}
    assert lines[3, 1].line.width > lines[2, 1].line.width
    assert lines[3, 1].name == "fewer"
    middle = next(trace for trace in fig.data if trace.hovertext and "→" in trace.hovertext[0])
    assert (middle.x, middle.y) == ((0.5, 0.5), (2.0, 1.5))
    assert middle.hovertext == ("3 questions: 3 → 1", "1 question: 2 → 1")


def test_the_slope_chart_has_means_with_intervals_and_counts_on_top():
    fig = slope(this=[3, 1])

    means = next(trace for trace in fig.data if trace.name == "mean and 95 % interval")
    assert (means.y, means.error_y.array, means.error_y.arrayminus) == ((2.75, 1.0), (0.75, 0.0), (0.75, 0.0))
    counts = [trace for trace in fig.data if trace.mode == "markers+text"]
    assert [(trace.x, trace.y, trace.text) for trace in counts] == [((0, 0), (3, 2), ("3", "1")), ((1,), (1,), ("4",))]
    assert fig.data[-1].y == (3, 1)  # the question that is looked at
    assert ESCAPED in fig.layout.xaxis.ticktext[1].replace("<br>", "")
    assert slope().data[-1].name == "mean and 95 % interval"
