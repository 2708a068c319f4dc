"""Cluster strips, read through their traces and layout."""

import pytest

from homog_core.figures.strips import cluster_strip, paired_strips
from homog_core.figures.theme import GREY, ROLE_COLORS

BLUE = "#0072B2"
TWO = [ROLE_COLORS["base"], ROLE_COLORS["dpo"]]


def blocks_of(fig):
    """(row, start, width, color) of the coloured blocks of paired strips."""
    seen = [bar for bar in fig.data if bar.marker.color != "rgba(0,0,0,0)"]
    return [(*block, bar.marker.color) for bar in seen for block in zip(bar.y, bar.base, bar.x, strict=True)]


def texts_of(fig):
    """What stands in the blocks, in order."""
    return [text for bar in fig.data for text in bar.text or ()]


def hovers_of(fig):
    """What the blocks say when they are hovered over, in order."""
    return [text for bar in fig.data for text in bar.hovertext or ()]


def test_paired_strips_share_one_scale_and_end_in_what_is_in_no_cluster():
    fig = paired_strips(["base", "dpo"], [[2, 1], [4]], [["a", "b"], ["c"]], [1, 0], TWO)

    assert blocks_of(fig) == [(0, 0, 2, TWO[0]), (0, 2, 1, TWO[0]), (0, 3, 1, GREY), (1, 0, 4, TWO[1])]
    assert tuple(fig.layout.xaxis.range) == (0, 4)
    assert [note.text for note in fig.layout.annotations] == ["<b>base</b>", "<b>dpo</b>"]
    assert texts_of(fig) == ["<b>1</b> · 2", "a", "<b>2</b> · 1", "b", "1 empty", "<b>1</b> · 4", "c"]


def test_paired_strips_hide_what_does_not_fit_and_cut_at_two_lines():
    fig = paired_strips(["base"], [[9, 1]], [["word " * 99, "much longer than its block is wide"]], [0], TWO[:1])

    assert fig.layout.uniformtext.mode == "hide"
    assert all(text.count("<br>") <= 1 for text in texts_of(fig))


def test_paired_strips_of_nothing_are_empty_rows():
    assert len(paired_strips(["base", "dpo"], [[], []], [[], []], [0, 0], TWO).data) == 0


def test_long_untrusted_text_is_escaped_wherever_it_is_cut():
    for text in ("<b>x</b><script>", "<img src=x onerror=alert(1)> " * 40):
        fig = cluster_strip([5, 1], [text, "short"], BLUE)
        shown = [*texts_of(fig), *hovers_of(fig)]
        assert any("&lt;" in one for one in shown)
        assert not any("<img" in one or "<script" in one for one in shown)


def test_strip_widths_are_the_counts():
    fig = cluster_strip([5, 3, 1], ["a", "b", "c"], BLUE)

    assert blocks_of(fig) == [(0, 0, 5, BLUE), (0, 5, 3, BLUE), (0, 8, 1, BLUE)]
    assert [number for bar in fig.data for number in bar.customdata or ()] == [0, 1, 2]
    assert tuple(fig.layout.xaxis.range) == (0, 9)


def test_a_block_says_its_number_count_and_text_and_plotly_hides_what_does_not_fit():
    fig = cluster_strip([9, 1], ["It passes through", "You die"], BLUE)

    assert texts_of(fig) == ["<b>1</b> · 9", "It passes through", "<b>2</b> · 1", "You die"]
    assert fig.layout.uniformtext.mode == "hide"
    assert all(bar.constraintext is None for bar in fig.data)  # as by default: a text stays in its block
    assert hovers_of(fig)[1] == "<b>Cluster 2</b>, 1 answer<br>You die"


def test_lines_are_shorter_on_a_phone():
    longest = [
        max(len(line) for line in texts_of(cluster_strip([1], ["word " * 99], BLUE, narrow=narrow))[1].split("<br>"))
        for narrow in (False, True)
    ]
    assert longest[1] <= 46 < longest[0] <= 88


def test_a_strip_of_many_clusters_is_two_traces():
    assert len(cluster_strip([1] * 200, ["a"] * 200, BLUE).data) == 2


def test_a_strip_needs_one_text_per_cluster():
    with pytest.raises(ValueError, match="zip"):
        cluster_strip([2, 1], ["a"], BLUE)
