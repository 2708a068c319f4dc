"""Charts of dots with whiskers: a row a thing, a panel a statistic.

What was measured is filled and has the colour of its run; what others have published is a hollow diamond in a series
of its own. Values from fewer than 30 questions are grey, with an outline in the colour of their series.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from homog_core.figures.axes import (
    CROWDED,
    LAYOUT,
    LEGEND_BELOW,
    Panel,
    axis_name,
    between_rows,
    domains,
    reference_line,
)
from homog_core.figures.series import PUBLISHED, Series, legend_entry, whiskers
from homog_core.figures.theme import FADED, GRID, escaped, hover_lines, wrapped

_FEW = Series("few", "grey: few questions", FADED)
_GAP = 64  # pixels between panels one under the other: the title and the numbers of the lower one


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a chart of dots; a heading has no dots."""

    label: str
    heading: bool = False


def dots(
    rows: Sequence[Row],
    marks: pd.DataFrame,
    panels: Sequence[Panel],
    series: Sequence[Series],
    *,
    legend: Sequence[Series] | None = None,
    dodge: bool = False,
    narrow: bool = False,
) -> go.Figure:
    """Dots with whiskers, a row a thing and a panel a statistic.

    `marks`: row, panel, series, value, low, high, faded (grey: few questions), hover (lines of text), words. Where
    there are words they stand in the place of the dot. With `dodge` the series of a row are set one under the other.
    The legend names the series, or those of `legend`, where there are two or more. On a narrow screen the names of the
    rows stand above the dots instead of beside them, and panels one under the other, each with its own rows alone.
    """
    crowded = dodge and len(series) > CROWDED
    ours = [look.key for look in series if look.key != PUBLISHED]  # figures of others have rows of their own
    reach = min(0.4 if crowded else 0.32, 0.17 * (len(ours) - 1)) if dodge else 0.0
    places = np.linspace(-reach, reach, len(ours))
    shift = dict(zip(ours, places.tolist(), strict=True)) | {PUBLISHED: 0.0}
    looks = {look.key: look for look in series}
    shown = [mark for mark in marks.to_dict("records") if mark["words"] or not np.isnan(mark["value"])]
    blocks = [_Block(list(range(len(panels))), list(range(len(rows))))]
    if narrow and len(panels) > 1:
        blocks = _stacked(rows, shown, len(panels))
    block_of = {panel: i for i, block in enumerate(blocks) for panel in block.panels}
    groups: dict[tuple, list[dict]] = {}
    for mark in shown:
        groups.setdefault((mark["series"], mark["panel"], bool(mark["faded"]), bool(mark["words"])), []).append(mark)
    height = max(26.0, (7.0 if crowded else 12.0) * len(series) + 14) if dodge else 26.0
    height = height + 9 if narrow else height
    traces, lower = [], 9 / height if narrow else 0.0  # the name of a row takes its upper 18 pixels
    for (key, panel, faded, words), found in groups.items():
        trace = _words(found, panels[panel], narrow) if words else _dots(found, looks[key], faded, small=crowded)
        own = blocks[block_of[panel]].rows
        y = [own.index(mark["row"]) + shift[key] + lower for mark in found]
        axes = {"xaxis": axis_name("x", panel), "yaxis": axis_name("y", block_of[panel])}
        traces.append({**trace, "y": y, **axes, "legendgroup": key})
    named = list(series if legend is None else legend)
    named = named if len(named) > 1 else []
    named += [_FEW] if any(mark["faded"] for mark in shown) else []
    heights = [height * len(block.rows) for block in blocks]
    layout = _dot_layout(rows, panels, blocks, heights, narrow) | {"showlegend": bool(named)}
    if dodge or narrow:
        layout["shapes"] += [
            {**between_rows(row), "yref": axis_name("y", i)}
            for i, block in enumerate(blocks)
            for row in range(1, len(block.rows))
        ]
    below = 24 * len(named) if narrow else 30  # lines of the legend
    layout["height"] = int(sum(heights)) + _GAP * (len(blocks) - 1) + 62 + (below if named else 0)
    return go.Figure([*traces, *map(legend_entry, named)], layout)


class _Block(NamedTuple):
    """Panels side by side over one set of rows."""

    panels: list[int]
    rows: list[int]  # positions among the rows of the chart


def _stacked(rows: Sequence[Row], marks: Sequence[dict], n_panels: int) -> list[_Block]:
    """A block a panel, with the rows that have a mark in it and their headings."""
    blocks = []
    for panel in range(n_panels):
        marked = {mark["row"] for mark in marks if mark["panel"] == panel}
        heading, kept = None, []
        for i, row in enumerate(rows):
            if row.heading:
                heading = i
            elif i in marked:
                kept += [i] if heading is None else [heading, i]
                heading = None
        blocks.append(_Block([panel], kept))
    return blocks


def _dots(found: Sequence[dict], look: Series, faded: bool, *, small: bool) -> dict:
    color = FADED if faded else look.color
    outline = {"width": 2, "color": look.color} if faded else look.outline
    return {
        "type": "scatter",
        "x": [mark["value"] for mark in found],
        "error_x": {**whiskers(found), "color": color, "thickness": 1.6},
        "mode": "markers",
        "marker": {"color": color, "symbol": look.symbol, "size": 6 if small else 10, "line": outline},
        "showlegend": False,
        "hovertext": [hover_lines(mark["hover"]) for mark in found],
        "hoverinfo": "text",
    }


def _words(found: Sequence[dict], panel: Panel, narrow: bool) -> dict:
    low, high = panel.range or (0.0, 1.0)
    place = panel.reference if panel.reference is not None else (low + high) / 2
    return {
        "type": "scatter",
        "x": [place] * len(found),
        "mode": "text",
        "text": [wrapped(mark["words"], 16, 2) if narrow else f" {escaped(mark['words'])}" for mark in found],
        "textposition": "middle center" if narrow or panel.reference is None else "middle right",
        "textfont": {"size": 11},
        "hovertext": [hover_lines(mark["hover"]) for mark in found],
        "hoverinfo": "text",
        "showlegend": False,
        "cliponaxis": False,
    }


def _dot_layout(
    rows: Sequence[Row], panels: Sequence[Panel], blocks: Sequence[_Block], heights: Sequence[float], narrow: bool
) -> dict:
    layout = LAYOUT | {"annotations": [], "shapes": [], "legend": LEGEND_BELOW}
    whole = sum(heights) + _GAP * (len(blocks) - 1)
    top = 1.0
    for i, (block, height) in enumerate(zip(blocks, heights, strict=True)):
        y = axis_name("y", i)
        names = [_name(rows[row]) for row in block.rows]
        layout["annotations"] += [_row_name(name, row, y) for row, name in enumerate(names)] if narrow else []
        layout[axis_name("yaxis", i)] = {
            "tickvals": [] if narrow else list(range(len(names))),
            "ticktext": [] if narrow else names,
            "range": [len(names) - 0.4, -0.6],
            "domain": [max(top - height / whole, 0.0), top] if whole else [0, 1],
            "anchor": axis_name("x", block.panels[0]),
            "showgrid": False,
            "zeroline": False,
            "automargin": True,
        }
        top -= (height + _GAP) / whole if whole else 0
        for panel, domain in zip(block.panels, domains(len(block.panels), 0.045), strict=True):
            layout[axis_name("xaxis", panel)] = _panel_axis(panels[panel], narrow) | {"domain": domain, "anchor": y}
            if (reference := panels[panel].reference) is not None:
                layout["shapes"].append({**reference_line(reference, panel), "yref": f"{y} domain"})
    return layout


def _panel_axis(panel: Panel, narrow: bool) -> dict:
    return {
        "range": panel.range,
        **panel.ticks,
        "title": {"text": wrapped(panel.title, 48) if narrow else escaped(panel.title), "standoff": 6},
        "zeroline": False,
        "showgrid": True,
        "gridcolor": GRID,
        "nticks": 5 if narrow else 6,
        "side": "top",
    }


def _name(row: Row) -> str:
    name = wrapped(row.label, 68, 2)
    return f"<b>{name}</b>" if row.heading else name


def _row_name(name: str, row: int, axis: str) -> dict:
    place = {"x": 0, "xref": "paper", "xanchor": "left", "y": row - 0.5, "yref": axis, "yanchor": "top"}
    return {**place, "text": name, "showarrow": False, "font": {"size": 12}, "align": "left"}
