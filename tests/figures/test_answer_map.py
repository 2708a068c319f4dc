"""The map of thousands of answers: marks, layers, panels, and what a search leaves."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from homog_core.figures.answer_map import LARGEST, SMALLEST, Layer, Scale, answer_map, answer_maps, sizes_of

PLACES = np.array([[0, 0], [10, 5], [10, 5], [4, 2]], dtype=np.float32)
COUNTS = np.array([1, 1, 9, 4])
HOVER = ["a", "b", "c", "d"]
FIRST = Layer("first <b>", "#0072B2", "circle", np.array([0, 1]))
LAST = Layer("last", "#E69F00", "x", np.array([2, 3]))
LOOK = {"dark": False, "narrow": False}


def named(figure, name):
    (found,) = [trace for trace in figure.data if trace.name == name]
    return found


def test_every_mark_is_drawn_once_with_its_place_in_the_arrays():
    figure = answer_map(PLACES, COUNTS, HOVER, [FIRST, LAST], **LOOK)
    assert {trace.type for trace in figure.data} == {"scattergl"}
    assert sorted(row for trace in figure.data for row in trace.customdata) == [0, 1, 2, 3]
    last = named(figure, "last")
    assert last.customdata.tolist() == [2, 3]  # the one of nine before the one of four
    assert (last.x.tolist(), last.y.tolist(), list(last.hovertext)) == ([10, 4], [5, 2], ["c", "d"])
    assert (last.marker.symbol, last.marker.color) == ("x", "#E69F00")


def test_layers_of_large_marks_lie_under_those_of_small_ones_and_the_legend_keeps_the_order():
    figure = answer_map(PLACES, COUNTS, HOVER, [FIRST, LAST], **LOOK)
    assert [trace.name for trace in figure.data] == ["last", "first &lt;b&gt;"]
    assert [trace.legendrank for trace in figure.data] == [1, 0]


def test_a_search_leaves_its_marks_on_a_grey_ground_that_cannot_be_selected():
    lit = np.array([False, True, False, False])
    figure = answer_map(PLACES, COUNTS, HOVER, [FIRST, LAST], lit=lit, **LOOK)
    ground, *rest = figure.data
    assert (ground.hoverinfo, ground.customdata) == ("skip", None)
    assert len(ground.x) == 3  # four marks on three places
    assert [row for trace in rest for row in trace.customdata] == [1]


def test_numbers_are_on_a_scale_of_one_hue_from_one_to_the_most():
    scale = Scale("answers", np.array([1, 2, np.nan, 4.0]), 10)
    figure = answer_map(PLACES, COUNTS, HOVER, [Layer("all", "#000000", "circle", np.arange(4))], scale=scale, **LOOK)
    (marks,) = figure.data
    np.testing.assert_array_equal(marks.marker.color, [np.nan, 4, 1, 2])  # counts 9, 4, 1, 1
    assert (marks.marker.cmin, marks.marker.cmax, marks.marker.showscale) == (1, 10, True)
    assert not marks.showlegend


@pytest.mark.parametrize("n", [2, 3, 4])
def test_panels_have_one_range_and_the_whole_map_behind_each(n):
    layers = [Layer(f"m{i}", "#0072B2", "circle", np.array([i])) for i in range(n)]
    figure = answer_maps(PLACES, COUNTS, HOVER, layers, **LOOK)
    layout = figure.layout.to_plotly_json()
    assert {tuple(layout[f"xaxis{i or ''}"]["range"]) for i in ("", *range(2, n + 1))} == {
        tuple(layout["xaxis"]["range"])
    }
    assert [layout[f"xaxis{i}"]["matches"] for i in range(2, n + 1)] == ["x"] * (n - 1)
    grounds = [trace for trace in figure.data if trace.name == "all"]
    assert [len(trace.x) for trace in grounds] == [3] * n
    assert [trace.xaxis for trace in grounds] == ["x", "x2", "x3", "x4"][:n]
    assert [trace.customdata.tolist() for trace in figure.data if trace.name != "all"] == [[i] for i in range(n)]
    first, second = layout["xaxis"]["domain"], layout["xaxis2"]["domain"]
    assert first[1] < second[0]  # side by side
    if n > 2:
        assert layout["yaxis3"]["domain"][1] < layout["yaxis"]["domain"][0]  # the third under the first


def test_names_are_escaped():
    figure = answer_maps(PLACES, COUNTS, HOVER, [FIRST, LAST], **LOOK)
    assert figure.layout.annotations[0].text.endswith("first &lt;b&gt;")


def test_one_place_alone_has_a_range():
    figure = answer_map(PLACES[:1], COUNTS[:1], HOVER[:1], [Layer("m", "#000000", "circle", np.array([0]))], **LOOK)
    low, high = figure.layout.xaxis.range
    assert low < 0 < high


@given(st.lists(st.integers(1, 10_000), min_size=1))
def test_a_larger_count_is_never_a_smaller_mark(counts):
    sizes = sizes_of(np.array(sorted(counts)))
    assert (np.diff(sizes) >= 0).all()
    assert SMALLEST <= sizes.min() <= sizes.max() <= LARGEST
