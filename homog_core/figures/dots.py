"""Charts of dots with whiskers: a row a thing, a panel a statistic.

What was measured is filled and has the colour of its run; what others have published is a hollow diamond in a series
of its own. Values from fewer than 30 questions are grey.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from homog_core.figures.axes import LAYOUT, LEGEND_BELOW, Panel, axis_name, between_rows, domains, reference_line
from homog_core.figures.series import PUBLISHED, Series, legend_entry, whiskers
from homog_core.figures.theme import FADED, GRID, escaped, hover_lines, wrapped


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
    rows stand above the dots instead of beside them.
    """
    ours = [look.key for look in series if look.key != PUBLISHED]  # figures of others have rows of their own
    reach = min(0.32, 0.17 * (len(ours) - 1)) if dodge else 0.0
    places = np.linspace(-reach, reach, len(ours))
    shift = dict(zip(ours, places.tolist(), strict=True)) | {PUBLISHED: 0.0}
    looks = {look.key: look for look in series}
    groups: dict[tuple, list[dict]] = {}
    for mark in marks.to_dict("records"):
        words = bool(mark["words"])
        if words or not np.isnan(mark["value"]):
            groups.setdefault((mark["series"], mark["panel"], bool(mark["faded"]), words), []).append(mark)
    traces, lower = [], 0.22 if narrow else 0.0
    for (key, panel, faded, words), found in groups.items():
        trace = _words(found, panels[panel], narrow) if words else _dots(found, looks[key], faded)
        y = [mark["row"] + shift[key] + lower for mark in found]
        traces.append({**trace, "y": y, "xaxis": axis_name("x", panel), "legendgroup": key})
    named = list(series if legend is None else legend)
    named = named if len(named) > 1 else []
    height = max(26.0, 13.0 * len(series) + 16) if dodge else 26.0
    height = height + 14 if narrow else height
    layout = _dot_layout(rows, panels, narrow) | {"showlegend": bool(named)}
    layout["shapes"] += [between_rows(row) for row in range(1, len(rows))] if dodge or narrow else []
    layout["height"] = int(height * len(rows)) + (92 if named else 62)
    return go.Figure([*traces, *map(legend_entry, named)], layout)


def _dots(found: Sequence[dict], look: Series, faded: bool) -> dict:
    color = FADED if faded else look.color
    return {
        "type": "scatter",
        "x": [mark["value"] for mark in found],
        "error_x": {**whiskers(found), "color": color, "thickness": 1.6},
        "mode": "markers",
        "marker": {"color": color, "symbol": look.symbol, "size": 10, "line": look.outline},
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


def _dot_layout(rows: Sequence[Row], panels: Sequence[Panel], narrow: bool) -> dict:
    names = [f"<b>{wrapped(row.label, 58, 2)}</b>" if row.heading else wrapped(row.label, 58, 2) for row in rows]
    layout = LAYOUT | {
        "annotations": [_row_name(name, i) for i, name in enumerate(names)] if narrow else [],
        "yaxis": {
            "tickvals": [] if narrow else list(range(len(rows))),
            "ticktext": [] if narrow else names,
            "range": [len(rows) - 0.4, -0.6],
            "showgrid": False,
            "zeroline": False,
            "automargin": True,
        },
        "shapes": [reference_line(panel.reference, i) for i, panel in enumerate(panels) if panel.reference is not None],
        "legend": LEGEND_BELOW,
    }
    for i, (panel, domain) in enumerate(zip(panels, domains(len(panels), 0.03), strict=True)):
        layout[axis_name("xaxis", i)] = {
            "domain": domain,
            "range": panel.range,
            **panel.ticks,
            "title": {"text": escaped(panel.title), "standoff": 6},
            "zeroline": False,
            "showgrid": True,
            "gridcolor": GRID,
            "nticks": 4 if narrow else 6,
            "side": "top",
        }
    return layout


def _row_name(name: str, row: int) -> dict:
    place = {"x": 0, "xref": "paper", "xanchor": "left", "y": row - 0.5, "yref": "y", "yanchor": "top"}
    return {**place, "text": name, "showarrow": False, "font": {"size": 12}, "align": "left"}
