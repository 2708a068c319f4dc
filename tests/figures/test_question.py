"""The figures of one question, read through their traces and layout."""

import numpy as np
import pytest

from homog_core.figures.question import MOST_NAMED, answer_map, answer_name, distance_matrix, entropy_traces
from homog_core.figures.theme import GREY, SYMBOLS

BLUE = "#0072B2"
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


@pytest.mark.parametrize(
    "fig",
    [
        answer_map(np.zeros((1, 2)), [0], [UNTRUSTED], [0], BLUE),
        entropy_traces({0: [1.0]}, {0: [UNTRUSTED]}, 0, BLUE),
    ],
    ids=["answer_map", "entropy_traces"],
)
def test_a_figure_escapes_what_a_model_wrote(fig):
    texts = texts_of(fig)

    assert any(ESCAPED in text for text in texts)
    assert not any("<script" in text or "<b>x" in text for text in texts)


def test_a_map_draws_exact_duplicates_as_one_mark_with_its_count():
    coordinates = np.array([[0.0, 0.0], [0.0, 0.0], [1.0, 2.0], [5.0, 5.0]])

    fig = answer_map(coordinates, [0, 0, 0, 1], ["same", "same", "near", "far"], [0, 2, 5, 7], BLUE)

    near, far = fig.data
    assert (near.x, near.y) == ((0.0, 1.0), (0.0, 2.0))
    assert near.text == ("1 ×2", "1")
    assert near.customdata == (0, 5)  # the first answer of each mark
    assert near.marker.size[0] > near.marker.size[1]
    assert near.hovertext[0].startswith("<b>Cluster 1</b>, answer 1, 3<br>same")
    assert (far.x, far.text, far.customdata) == ((5.0,), ("2",), (7,))


def test_a_map_keeps_clusters_apart_that_share_a_place():
    fig = answer_map(np.zeros((2, 2)), [0, 1], ["a", "b"], [0, 1], BLUE)

    assert [trace.x for trace in fig.data] == [(0.0,), (0.0,)]
    assert [trace.marker.symbol for trace in fig.data] == list(SYMBOLS[:2])


def test_a_map_has_one_scale_for_both_axes_and_no_ticks():
    fig = answer_map(np.array([[0.0, 0.0], [4.0, 1.0]]), [0, 0], ["a", "b"], [0, 1], BLUE)

    x, y = fig.layout.xaxis, fig.layout.yaxis
    assert x.range[1] - x.range[0] == pytest.approx(y.range[1] - y.range[0])
    assert x.range[0] < 0 < 4 < x.range[1]
    assert (x.visible, y.visible, y.scaleanchor) == (False, False, "x")


def test_an_empty_map_is_empty():
    assert len(answer_map(np.zeros((0, 2)), [], [], [], BLUE).data) == 0


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("off_diagonal", [0.999, 0.5, -0.4])
def test_the_scale_of_the_distance_matrix_is_fixed(off_diagonal, dark):
    similarity = np.array([[1, off_diagonal], [off_diagonal, 1]])

    (heat_map,) = distance_matrix(similarity, [0, 0], [0, 1], dark=dark).data

    assert (heat_map.zmin, heat_map.zmax) == (0, 1)
    assert heat_map.z[0][1] == pytest.approx(min(1 - off_diagonal, 1))


def test_the_distance_matrix_is_sorted_by_cluster():
    similarity = np.array([[1, 0.2, 0.9], [0.2, 1, 0.3], [0.9, 0.3, 1]])

    fig = distance_matrix(similarity, [0, 1, 0], [0, 1, 4], dark=False)

    # order: answers 1, 5 (cluster 0), 2 (cluster 1)
    assert fig.data[0].z == pytest.approx(np.array([[0, 0.1, 0.8], [0.1, 0, 0.7], [0.8, 0.7, 0]]))
    assert fig.layout.xaxis.ticktext == fig.layout.yaxis.ticktext == ("1", "5", "2")
    assert fig.data[0].hovertext[0][1] == "answers 5 and 1<br>distance 0.10"
    assert sorted(shape.x0 for shape in fig.layout.shapes) == [0, 1.5]  # one line each way, after the second answer


def test_the_distance_matrix_of_all_different_answers_has_no_lines():
    assert len(distance_matrix(np.eye(3), [0, 1, 2], [0, 1, 2], dark=False).layout.shapes) == 0


def test_cells_of_a_large_distance_matrix_say_their_distance_alone():
    n = MOST_NAMED + 1
    (heat_map,) = distance_matrix(np.eye(n), [0] * n, range(n), dark=False).data

    assert heat_map.hovertext is None
    assert "%{z" in heat_map.hovertemplate


def test_traces_show_the_chosen_answer_on_top_and_the_others_in_grey():
    entropies = {-1: [0.5], 0: [1.0, 2.0], 1: [3.0]}
    tokens = {-1: ["Paris"], 0: ["It", " is"], 1: ["\n"]}

    fig = entropy_traces(entropies, tokens, 0, BLUE)

    others, own = fig.data
    assert [trace.line.color for trace in fig.data] == [GREY, BLUE]
    assert (own.x.tolist(), own.y.tolist()) == ([1, 2], [1, 2])
    assert [tuple(said) for said in own.customdata] == [("It", "1.00", "Answer 1"), ("is", "2.00", "Answer 1")]
    assert others.x.tolist() == pytest.approx([1, np.nan, 1], nan_ok=True)  # a gap between two answers
    assert others.y.tolist() == pytest.approx([0.5, np.nan, 3], nan_ok=True)
    assert [tuple(said) for said in others.customdata] == [
        ("Paris", "0.50", "Greedy answer"),
        ("", "", ""),
        ("↵", "3.00", "Answer 2"),
    ]
    assert fig.layout.yaxis.title.text == "entropy (nats)"


@pytest.mark.parametrize(("highest", "top"), [(0.02, 6), (6.0, 6.3), (8.0, 8.4)])
def test_the_axis_of_the_traces_is_fixed_and_only_extended(highest, top):
    fig = entropy_traces({0: [highest, float("nan")]}, {0: ["a", "b"]}, None, BLUE)

    assert fig.layout.yaxis.range == pytest.approx((0, top))  # 5 % above the highest, and never below 6 nats


@pytest.mark.parametrize(("index", "name"), [(-1, "Greedy answer"), (0, "Answer 1"), (9, "Answer 10")])
def test_answers_are_counted_from_1(index, name):
    assert answer_name(index) == name


# Several models side by side
