"""Clusters as strips: one block per cluster, the largest first; its width is its count.

A text that does not fit its block on the screen at hand is hidden by Plotly; number and count stay.
"""

import textwrap
from collections.abc import Sequence
from typing import NamedTuple

import plotly.graph_objects as go

from homog_core.figures.theme import GREY, MARGIN, escaped, ink_on, shortened, wrapped
from homog_core.wording.numbers import counted

_CHARACTERS = {False: 88, True: 46}  # of a line as long as the strip; on a phone
_LAYOUT = {
    "barmode": "overlay",
    "margin": MARGIN,
    "hoverlabel": {"align": "left"},
    "uniformtext": {"mode": "hide", "minsize": 12},
}


def cluster_strip(
    counts: Sequence[int], representatives: Sequence[str], color: str, *, narrow: bool = False
) -> go.Figure:
    """The strip of one model, with each cluster's number, count and representative text."""
    figure = go.Figure()
    total = max(sum(counts), 1)
    _add_strip(figure, 0, counts, representatives, color, total, narrow)
    figure.update_layout(_LAYOUT, height=104)
    figure.update_xaxes(visible=False, range=[0, total], fixedrange=True)
    figure.update_yaxes(visible=False, range=[0.36, -0.36], fixedrange=True)
    return figure


def paired_strips(
    names: Sequence[str],
    counts: Sequence[Sequence[int]],
    representatives: Sequence[Sequence[str]],
    n_left_out: Sequence[int],
    colors: Sequence[str],
    *,
    narrow: bool = False,
) -> go.Figure:
    """A strip a model, one under the other on one scale; answers that are in no cluster end the row in grey."""
    figure = go.Figure()
    total = max([sum(row) + out for row, out in zip(counts, n_left_out, strict=True)], default=1)
    for row, (sizes, texts, color) in enumerate(zip(counts, representatives, colors, strict=True)):
        _add_strip(figure, row, sizes, texts, color, total, narrow)
        if n_left_out[row]:
            hover = f"{counted(n_left_out[row], 'answer')} without text, in no cluster"
            _add_blocks(figure, row, [sum(sizes)], [n_left_out[row]], GREY, [len(sizes)], [hover])
            _add_texts(figure, [_Text(row, 0.5, sum(sizes), n_left_out[row], f"{n_left_out[row]} empty")], "")
        name = escaped(shortened(names[row], 40))
        figure.add_annotation(x=0, y=row - 0.35, text=f"<b>{name}</b>", yanchor="bottom")
    figure.update_annotations(showarrow=False, xanchor="left", font={"size": 13})
    figure.update_layout(_LAYOUT, height=16 + 104 * len(names))
    figure.update_xaxes(visible=False, range=[0, total], fixedrange=True)
    figure.update_yaxes(visible=False, range=[len(names) - 0.6, -0.7], fixedrange=True)
    return figure


def _add_strip(
    figure: go.Figure, row: int, sizes: Sequence[int], texts: Sequence[str], color: str, total: int, narrow: bool
) -> None:
    starts = [sum(sizes[:k]) for k in range(len(sizes))]
    hovers, shown = [], []
    for k, (start, size, text) in enumerate(zip(starts, sizes, texts, strict=True)):
        hovers.append(f"<b>Cluster {k + 1}</b>, {counted(size, 'answer')}<br>{wrapped(text, 60)}")
        shown.append(_Text(row - 0.17, 0.3, start, size, f"<b>{k + 1}</b> · {size}"))
        if lines := _two_lines(text, int(_CHARACTERS[narrow] * size / total)):
            shown.append(_Text(row + 0.15, 0.4, start, size, lines))
    if len(sizes):
        _add_blocks(figure, row, starts, sizes, color, range(len(sizes)), hovers)
        _add_texts(figure, shown, color)


def _add_blocks(
    figure: go.Figure,
    row: int,
    starts: Sequence[int],
    sizes: Sequence[int],
    color: str,
    numbers: Sequence[int],
    hovers: Sequence[str],
) -> None:
    """Blocks of one colour, by where each begins: one trace, since each trace takes as long as a hundred blocks."""
    figure.add_bar(
        y=[row] * len(sizes),
        x=list(sizes),
        base=list(starts),
        width=0.68,
        orientation="h",
        marker={"color": color, "line": {"color": "white", "width": 2}},
        hovertext=list(hovers),
        hoverinfo="text",
        customdata=list(numbers),
        showlegend=False,
    )


class _Text(NamedTuple):
    """A text in a block."""

    y: float
    height: float  # that it may take
    start: int
    size: int
    text: str


def _add_texts(figure: go.Figure, texts: Sequence[_Text], color: str) -> None:
    """Texts in blocks of one colour: invisible bars."""
    figure.add_bar(
        y=[one.y for one in texts],
        x=[one.size for one in texts],
        base=[one.start for one in texts],
        width=[one.height for one in texts],
        orientation="h",
        marker={"color": "rgba(0,0,0,0)"},
        text=[one.text for one in texts],
        textposition="inside",
        insidetextanchor="middle",
        textangle=0,
        textfont={"size": 13} | ({"color": ink_on(color)} if color else {}),
        hoverinfo="skip",
        showlegend=False,
    )


def _two_lines(text: str, width: int) -> str:
    """`text` cut to two lines of a number of characters, at least 12: a short word may fit where few do."""
    width = max(width, 12)
    lines = textwrap.wrap(shortened(text, 2 * width), width)
    if len(lines) > 2:
        lines = [lines[0], shortened(" ".join(lines[1:]), width)]
    return "<br>".join(map(escaped, lines))
