import re

import numpy as np
import pandas as pd
import pytest

from homog_core.figures.comparison import (
    answer_groups,
    block_matrix,
    joint_maps,
    paired_strips,
    slope_chart,
    stacked_traces,
)
from homog_core.figures.html import answer_cards, entropy_legend, model_heading, token_heat_map
from homog_core.figures.question import answer_map, answer_name, cluster_strip, distance_matrix, entropy_traces
from homog_core.figures.theme import GREY, MODEL_COLORS, SYMBOLS, ink_on
from homog_core.records import Estimate

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


def spans_of(html):
    return re.findall(r"<span [^>]*style=\"([^\"]*)\">([^<]*)</span>", html)


@pytest.mark.parametrize(
    "fig",
    [
        cluster_strip([1], [UNTRUSTED], BLUE),
        answer_map(np.zeros((1, 2)), [0], [UNTRUSTED], [0], BLUE),
        entropy_traces({0: [1.0]}, {0: [UNTRUSTED]}, 0, BLUE),
    ],
    ids=["cluster_strip", "answer_map", "entropy_traces"],
)
def test_a_figure_escapes_what_a_model_wrote(fig):
    texts = texts_of(fig)

    assert any(ESCAPED in text for text in texts)
    assert not any("<script" in text or "<b>x" in text for text in texts)


@pytest.mark.parametrize(
    "html",
    [
        token_heat_map([UNTRUSTED], [1.0], slice(0, 1)),
        answer_cards([(UNTRUSTED, "text", "footer")]),
        answer_cards([("title", UNTRUSTED, "footer")]),
        answer_cards([("title", "text", UNTRUSTED)]),
    ],
    ids=["token_heat_map", "card title", "card text", "card footer"],
)
def test_html_escapes_what_a_model_wrote(html):
    assert ESCAPED in html
    assert "<script" not in html
    assert "<b>x" not in html


def test_long_untrusted_text_is_escaped_wherever_it_is_cut():
    fig = cluster_strip([5, 1], ["<img src=x onerror=alert(1)> " * 40, "short"], BLUE)

    assert not any("<img" in text for text in texts_of(fig))


def test_strip_widths_are_the_counts():
    fig = cluster_strip([5, 3, 1], ["a", "b", "c"], BLUE)

    assert [bar.x[0] for bar in fig.data] == [5, 3, 1]
    assert [bar.customdata[0] for bar in fig.data] == [0, 1, 2]
    assert fig.layout.barmode == "stack"
    assert tuple(fig.layout.xaxis.range) == (0, 9)


def test_a_strip_block_says_its_number_and_count_and_its_text_where_there_is_room():
    fig = cluster_strip([9, 1], ["It passes through", "You die"], BLUE)

    wide, narrow = fig.data
    assert wide.text[0] == "<b>1</b> · 9<br>It passes through"
    assert narrow.text[0] == "<b>2</b> · 1"  # a tenth of the width
    assert narrow.hovertext[0] == "<b>Cluster 2</b>, 1 answer<br>You die"


def test_a_strip_needs_one_text_per_cluster():
    with pytest.raises(ValueError, match="zip"):
        cluster_strip([2, 1], ["a"], BLUE)


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
    assert fig.data[0].customdata[0][1] == "5 and 1"
    assert sorted(shape.x0 for shape in fig.layout.shapes) == [0, 1.5]  # one line each way, after the second answer


def test_the_distance_matrix_of_all_different_answers_has_no_lines():
    assert len(distance_matrix(np.eye(3), [0, 1, 2], [0, 1, 2], dark=False).layout.shapes) == 0


def test_traces_show_the_chosen_answer_on_top_and_the_others_in_grey():
    entropies = {-1: [0.5], 0: [1.0, 2.0], 1: [3.0]}
    tokens = {-1: ["Paris"], 0: ["It", " is"], 1: ["\n"]}

    fig = entropy_traces(entropies, tokens, 0, BLUE)

    assert [trace.name for trace in fig.data] == ["Greedy answer", "Answer 2", "Answer 1"]
    assert [trace.line.color for trace in fig.data] == [GREY, GREY, BLUE]
    assert (fig.data[2].x, fig.data[2].y) == ((1, 2), (1.0, 2.0))
    assert fig.data[2].customdata == ("It", "is")
    assert fig.data[1].customdata == ("↵",)
    assert fig.layout.yaxis.title.text == "entropy (nats)"


@pytest.mark.parametrize(("index", "name"), [(-1, "Greedy answer"), (0, "Answer 1"), (9, "Answer 10")])
def test_answers_are_counted_from_1(index, name):
    assert answer_name(index) == name


@pytest.mark.parametrize(
    ("own", "struck"),
    [
        (slice(0, 3), ["⏹"]),  # the token that ended it
        (slice(2, 3), ["hm", "↵", "⏹"]),  # and its reasoning
        (slice(0, 4), []),
        (slice(0, 0), ["hm", "↵", "42", "⏹"]),
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


# Several models side by side

TWO = MODEL_COLORS[:2]


def blocks_of(fig):
    """(row, start, width, color) of the coloured blocks of paired strips."""
    seen = [bar for bar in fig.data if bar.marker.color != "rgba(0,0,0,0)"]
    return [(bar.y[0], bar.base[0], bar.x[0], bar.marker.color) for bar in seen]


def test_paired_strips_share_one_scale_and_end_in_what_is_in_no_cluster():
    fig = paired_strips(["base", "dpo"], [[2, 1], [4]], [["a", "b"], ["c"]], [1, 0], TWO)

    assert blocks_of(fig) == [(0, 0, 2, TWO[0]), (0, 2, 1, TWO[0]), (0, 3, 1, GREY), (1, 0, 4, TWO[1])]
    assert tuple(fig.layout.xaxis.range) == (0, 4)
    assert [note.text for note in fig.layout.annotations] == ["<b>base</b>", "<b>dpo</b>"]
    texts = [bar.text[0] for bar in fig.data if bar.text]
    assert texts == ["<b>1</b> · 2", "a", "<b>2</b> · 1", "b", "1 empty", "<b>1</b> · 4", "c"]


def test_paired_strips_hide_what_does_not_fit_and_cut_at_two_lines():
    fig = paired_strips(["base"], [[9, 1]], [["word " * 99, "much longer than its block is wide"]], [0], TWO[:1])

    assert fig.layout.uniformtext.mode == "hide"
    assert all(bar.text[0].count("<br>") <= 1 for bar in fig.data if bar.text)


def test_paired_strips_of_nothing_are_empty_rows():
    assert len(paired_strips(["base", "dpo"], [[], []], [[], []], [0, 0], TWO).data) == 0


def test_text_is_dark_on_the_light_colours_of_models():
    assert [ink_on(color) for color in MODEL_COLORS] == ["white", "#1a2026", "#1a2026", "#1a2026"]


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
    assert heat_map.customdata[0][3] == f"dpo · answer 6<br>{ESCAPED} · answer 1"
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


def test_groups_of_answers_and_headings_are_escaped():
    html = answer_groups([(UNTRUSTED, [(UNTRUSTED, UNTRUSTED)])], TWO[0]) + model_heading(UNTRUSTED, TWO[0])

    assert html.count(ESCAPED) == 5
    assert "<script" not in html
