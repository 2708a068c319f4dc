"""How models draw from a closed list: exact bars beside the fair line."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from homog_core.figures.axes import LAYOUT, PERCENT_TICKS, axis_name
from homog_core.figures.theme import FADED, GRID, escaped, hover_lines, ink_on, wrapped
from homog_core.wording.numbers import counted, percent

_ROW = {False: 136, True: 168}  # pixels of a model; on a phone
_GAP = {False: 0.3, True: 0.4}  # of a row, for its heading
_LABEL = 0.17  # of the height of the bars, of a number over a bar


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """One model's choice among the answers of a list."""

    name: str
    note: str  # what is said beside the name
    shares: np.ndarray  # (A,) of each answer, among the answers of the list
    color: str
    counts: np.ndarray | None = None  # (A,) how many drawn answers named each; None where none were drawn


def bars(options: Sequence[str], rows: Sequence[Bars], *, narrow: bool = False) -> go.Figure:
    """A row of bars a model over the same answers, with the line of a fair draw and drawn answers as dots."""
    n, fair = len(rows), 1 / len(options)
    top = max(1.3 * max(_highest(row) for row in rows), 1.5 * fair)
    layout = LAYOUT | {"height": _ROW[narrow] * n + 34, "margin": {"l": 8, "r": 8, "t": 4, "b": 8}, "bargap": 0.18}
    layout |= {"showlegend": False, "shapes": [], "annotations": []}
    height = 1 / n
    traces = []
    for i, row in enumerate(rows):
        low = 1 - (i + 1) * height
        domain = [low, low + height * (1 - _GAP[narrow])]
        x, y = axis_name("x", i), axis_name("y", i)
        traces.append(_bars(options, row) | {"xaxis": x, "yaxis": y})
        if len(options) <= 12:
            traces.append(_shares(options, row, fair, _LABEL * top) | {"xaxis": x, "yaxis": y})
        if row.counts is not None and row.counts.sum():
            traces.append(_dots(options, row) | {"xaxis": x, "yaxis": y})
        last = i == n - 1
        layout[axis_name("xaxis", i)] = {
            "anchor": y,
            "showticklabels": last,
            "type": "category",
            "tickangle": -90 if narrow and len(options) > 8 else None,
            "fixedrange": True,
        }
        layout[axis_name("yaxis", i)] = {
            "domain": domain,
            "anchor": x,
            "range": [0, top],
            "gridcolor": GRID,
            "nticks": 4,
            "fixedrange": True,
            **PERCENT_TICKS,
        }
        layout["shapes"].append(_fair(fair, i))
        layout["annotations"].append(_heading(row, domain[1], narrow))
    return go.Figure(traces, layout)


def _highest(row: Bars) -> float:
    drawn = row.counts.max() / row.counts.sum() if row.counts is not None and row.counts.sum() else 0.0
    return max(float(np.nanmax(row.shares, initial=0.0)), float(drawn))


def _bars(options: Sequence[str], row: Bars) -> dict:
    said = [
        f"{option}\n{percent(share)} of the answers on the list"
        + (f"\n{counted(int(row.counts[i]), 'drawn answer')}" if row.counts is not None else "")
        for i, (option, share) in enumerate(zip(options, row.shares, strict=True))
    ]
    return {
        "type": "bar",
        "x": [escaped(option) for option in options],
        "y": row.shares.tolist(),
        "marker": {"color": row.color},
        "hovertext": [hover_lines(text) for text in said],
        "hoverinfo": "text",
    }


def _shares(options: Sequence[str], row: Bars, fair: float, label: float) -> dict:
    """The numbers over the bars, each `label` high; one that the fair line would go through stands above the line."""
    return {
        "type": "scatter",
        "mode": "text",
        "x": [escaped(option) for option in options],
        "y": [fair + label / 6 if share < fair < share + label else share for share in row.shares.tolist()],
        "text": [percent(share) if share >= 0.005 else "" for share in row.shares],
        "textposition": "top center",
        "textfont": {"size": 12},
        "cliponaxis": False,
        "hoverinfo": "skip",
    }


def _dots(options: Sequence[str], row: Bars) -> dict:
    """The share of the drawn answers that named each."""
    shares = row.counts / row.counts.sum()
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [escaped(option) for option, count in zip(options, row.counts, strict=True) if count],
        "y": shares[row.counts > 0].tolist(),
        "marker": {"color": ink_on(row.color), "size": 9, "line": {"width": 2, "color": row.color}},
        "hovertext": [
            hover_lines(f"{option}\n{counted(int(count), 'drawn answer')}")
            for option, count in zip(options, row.counts, strict=True)
            if count
        ],
        "hoverinfo": "text",
    }


def _fair(fair: float, panel: int) -> dict:
    place = {"x0": 0, "x1": 1, "xref": f"{axis_name('x', panel)} domain", "y0": fair, "y1": fair}
    line = {"width": 1.2, "dash": "dash", "color": FADED}
    return {"type": "line", **place, "yref": axis_name("y", panel), "line": line, "layer": "below"}


def _heading(row: Bars, y: float, narrow: bool) -> dict:
    note = f"<br>{wrapped(row.note, 52)}" if narrow else f"  {escaped(row.note)}"
    words = f"<b>{escaped(row.name)}</b>{note}"
    place = {"x": 0, "xref": "paper", "xanchor": "left", "y": y, "yref": "paper", "yanchor": "bottom"}
    return {**place, "text": words, "showarrow": False, "align": "left", "font": {"size": 13}}
