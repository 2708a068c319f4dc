"""How many answers are correct against how many differ: a mark a run, whiskers both ways, and arrows of training."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from homog_core.figures.axes import LAYOUT, LEGEND_BELOW, PERCENT_TICKS
from homog_core.figures.series import Series, legend_entry, whiskers
from homog_core.figures.theme import GREY, GRID, INK, hover_lines

_ROOM = {"answers_high": 10.3, "accuracy_high": 0.2}  # how far the axes reach at least


class Arrow(NamedTuple):
    """From a run to one that was trained from it."""

    before: str  # keys of their series
    after: str
    faint: bool  # to a control, which stands apart from the chain


def quality(
    points: pd.DataFrame, series: Sequence[Series], arrows: Sequence[Arrow], *, dark: bool, narrow: bool = False
) -> go.Figure:
    """Different answers a question to the right, the share of correct samples upwards.

    `points`: series, answers_value, answers_low, answers_high, the same of accuracy, and hover. What is undefined is
    left out.
    """
    rows = [row for row in points.to_dict("records") if row["answers_value"] == row["answers_value"]]
    looks = {look.key: look for look in series}
    placed = {row["series"]: row for row in rows}
    below = 24 * (len(series) if narrow else (len(series) + 1) // 2)  # lines of the legend
    widest, highest = (np.nanmax([least, *(row[name] for row in rows)]) for name, least in _ROOM.items())
    layout = LAYOUT | {
        "height": 330 + below,
        "margin": {"l": 8, "r": 16, "t": 8, "b": 52 + below},
        "legend": LEGEND_BELOW,
        "showlegend": True,
        "xaxis": {
            "title": "different answers per question",
            "range": [0.7, widest],
            "zeroline": False,
            "gridcolor": GRID,
        },
        "yaxis": {
            "title": "correct samples",
            "range": [0, min(1.0, 1.15 * highest)],
            "zeroline": False,
            "gridcolor": GRID,
            **PERCENT_TICKS,
        },
        "annotations": [
            _arrow(placed[arrow.before], placed[arrow.after], GREY if arrow.faint else INK[dark])
            for arrow in arrows
            if arrow.before in placed and arrow.after in placed
        ],
    }
    return go.Figure([*(_mark(row, looks[row["series"]]) for row in rows), *map(legend_entry, series)], layout)


def _mark(row: Mapping, look: Series) -> dict:
    across, up = (
        {name: row[f"{prefix}_{name}"] for name in ("value", "low", "high")} for prefix in ("answers", "accuracy")
    )
    return {
        "type": "scatter",
        "x": [across["value"]],
        "y": [up["value"]],
        "error_x": {**whiskers([across]), "color": look.color, "thickness": 1.6},
        "error_y": {**whiskers([up]), "color": look.color, "thickness": 1.6},
        "mode": "markers",
        "marker": {"color": look.color, "symbol": look.symbol, "size": 11, "line": look.outline},
        "legendgroup": look.key,
        "showlegend": False,
        "hovertext": [hover_lines(row["hover"])],
        "hoverinfo": "text",
    }


def _arrow(before: Mapping, after: Mapping, color: str) -> dict:
    head = {"x": after["answers_value"], "y": after["accuracy_value"], "xref": "x", "yref": "y"}
    tail = {"ax": before["answers_value"], "ay": before["accuracy_value"], "axref": "x", "ayref": "y"}
    look = {
        "showarrow": True,
        "arrowhead": 2,
        "arrowwidth": 1.4,
        "arrowcolor": color,
        "standoff": 8,
        "startstandoff": 8,
    }
    return {**head, **tail, **look, "text": ""}
