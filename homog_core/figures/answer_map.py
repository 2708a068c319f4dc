"""The map of thousands of answers, drawn by the graphics card: one mark a wording, in layers that the legend hides.

It is made of arrays alone. What is selected is never drawn here: a figure that changes with its own selection is drawn
anew, and loses it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from homog_core.figures.axes import LEGEND_BELOW, axis_name, domains
from homog_core.figures.theme import GREY, INK, MARGIN, NEAR, escaped, rgba

SMALLEST, LARGEST = 4.0, 16.0  # pixels of a mark
# Of kinds that have no colour of their own on these pages (Okabe–Ito); each has a shape as well.
HUES = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
_PALEST = 0.3  # opacity of the low end of a scale; less would not be seen on the paper
_GRID = 200  # the grey ground has at most one mark in each of so many steps of an axis
_ABOVE = 36  # pixels for the buttons


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """Marks that share a name, a colour and a shape."""

    name: str
    color: str
    symbol: str
    members: np.ndarray  # positions in the arrays of the figure


@dataclass(frozen=True, slots=True, eq=False)
class Scale:
    """Numbers to colour by, in the place of the layers' colours."""

    title: str
    values: np.ndarray  # (n,) of every mark; NaN is grey
    most: float  # the upper end


def answer_map(
    places: np.ndarray,
    counts: np.ndarray,
    hover: Sequence[str],
    layers: Sequence[Layer],
    *,
    lit: np.ndarray | None = None,
    scale: Scale | None = None,
    dark: bool,
    narrow: bool,
) -> go.Figure:
    """All layers in one plane (n, 2); a larger mark has a larger count. `hover` is HTML.

    `lit` (n,) says which marks are drawn; all others are only the grey ground. The place of a mark in the arrays is its
    `customdata`. Layers of small marks lie on those of large ones.
    """
    sizes, texts = sizes_of(counts), np.array(hover, dtype=object)
    traces = [] if lit is None else [_ground(places, 0)]
    mean_sizes = [sizes[layer.members].mean() if len(layer.members) else 0 for layer in layers]
    for rank in np.argsort(mean_sizes, kind="stable")[::-1].tolist():
        color = _by_value(scale, dark) if scale else {"color": layers[rank].color}
        own = _drawn(layers[rank], counts, lit)
        if scale:
            color["color"] = scale.values[own].astype(np.float32)
        marks = _marks(places, sizes, texts, own, 0)
        marks["marker"] |= {"symbol": layers[rank].symbol, **color}
        traces.append(marks | {"name": escaped(layers[rank].name), "legendrank": rank, "showlegend": scale is None})
    layout = _layout(430 if narrow else 640) | {"legend": LEGEND_BELOW, **_axes(places, 0, [0, 1], [0, 1])}
    return go.Figure(traces, layout)


def answer_maps(
    places: np.ndarray,
    counts: np.ndarray,
    hover: Sequence[str],
    layers: Sequence[Layer],
    *,
    lit: np.ndarray | None = None,
    dark: bool,
    narrow: bool,
) -> go.Figure:
    """As `answer_map`, with a panel a layer, two in a row, on the same axes: they zoom and move together.

    Behind each lies the whole map in grey. Equal texts have one place, so that in one plane the last model would hide
    the others.
    """
    sizes, texts = sizes_of(counts), np.array(hover, dtype=object)
    n_rows = math.ceil(len(layers) / 2)
    columns, rows = domains(2, 0.03), domains(n_rows, 0.07)[::-1]
    traces, notes = [], []
    layout = _layout((205 if narrow else 330) * n_rows + _ABOVE)
    for panel, layer in enumerate(layers):
        row, column = divmod(panel, 2)
        layout |= _axes(places, panel, columns[column], _with_title(rows[row], n_rows))
        marks = _marks(places, sizes, texts, _drawn(layer, counts, lit), panel)
        marks["marker"] |= {"symbol": layer.symbol, "color": layer.color}
        traces += [_ground(places, panel), marks | {"name": escaped(layer.name), "showlegend": False}]
        notes.append(_title(layer, panel, dark))
    return go.Figure(traces, layout | {"annotations": notes})


def sizes_of(counts: np.ndarray) -> np.ndarray:
    """Diameters in pixels (n,): `SMALLEST` at a count of 1, then by the root of the count, at most `LARGEST`."""
    return np.minimum(SMALLEST + 1.6 * np.sqrt(np.asarray(counts) - 1.0), LARGEST).astype(np.float32)


def _drawn(layer: Layer, counts: np.ndarray, lit: np.ndarray | None) -> np.ndarray:
    """The marks of a layer that are drawn, large ones first, so that they hide no small one."""
    own = layer.members if lit is None else layer.members[lit[layer.members]]
    return own[np.argsort(-np.asarray(counts)[own], kind="stable")]


def _marks(places: np.ndarray, sizes: np.ndarray, texts: np.ndarray, own: np.ndarray, panel: int) -> dict:
    return {
        "type": "scattergl",
        "mode": "markers",
        "x": places[own, 0],
        "y": places[own, 1],
        "xaxis": axis_name("x", panel),
        "yaxis": axis_name("y", panel),
        "marker": {"size": sizes[own], "opacity": 0.65, "line": {"width": 0}},
        "hovertext": texts[own],
        "hoverinfo": "text",
        "customdata": own,
    }


def _ground(places: np.ndarray, panel: int) -> dict:
    """The whole map in grey, which says nothing and cannot be selected; thinned to what the eye can tell apart."""
    step = max(float(np.ptp(places, axis=0).max()), 1e-6) / _GRID
    thin = np.unique(np.round(places / step), axis=0).astype(np.float32) * np.float32(step)
    return {
        "type": "scattergl",
        "mode": "markers",
        "name": "all",
        "x": thin[:, 0],
        "y": thin[:, 1],
        "xaxis": axis_name("x", panel),
        "yaxis": axis_name("y", panel),
        "marker": {"size": 2.5, "color": GREY, "opacity": 0.6, "line": {"width": 0}},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _layout(height: int) -> dict:
    margin = MARGIN | {"t": _ABOVE}
    return {"height": height, "margin": margin, "hoverlabel": {"align": "left"}, "hovermode": "closest"}


def _axes(places: np.ndarray, panel: int, across: list[float], up: list[float]) -> dict:
    """The two axes of a panel, hidden; all panels have the ranges of the first, and units of one length."""
    hidden = {"visible": False, "showgrid": False, "zeroline": False}
    low, high = places.min(axis=0), places.max(axis=0)
    room = 0.04 * np.maximum(high - low, 1e-3)
    ranges = np.column_stack([low - room, high + room]).astype(float).tolist()
    x, y = axis_name("x", panel), axis_name("y", panel)
    tied = ({"matches": "x"}, {"matches": "y"}) if panel else ({}, {"scaleanchor": "x"})
    return {
        x.replace("x", "xaxis"): {**hidden, "range": ranges[0], "domain": across, "anchor": y, **tied[0]},
        y.replace("y", "yaxis"): {**hidden, "range": ranges[1], "domain": up, "anchor": x, **tied[1]},
    }


def _with_title(up: list[float], n_rows: int) -> list[float]:
    """A row's share of the height, less a line for the titles of its panels."""
    return [up[0], up[1] - 0.07 / n_rows]


def _title(layer: Layer, panel: int, dark: bool) -> dict:
    """A panel's name beside its colour."""
    place = {"x": 0, "xref": f"{axis_name('x', panel)} domain", "xanchor": "left", "y": 1, "yanchor": "bottom"}
    text = f'<span style="color:{layer.color}">■</span> {escaped(layer.name)}'
    font = {"size": 12, "color": INK[dark]}
    return {**place, "yref": f"{axis_name('y', panel)} domain", "text": text, "showarrow": False, "font": font}


def _by_value(scale: Scale, dark: bool) -> dict:
    """A scale of one hue, from pale at 1 to full at the largest number."""
    return {
        "cmin": 1,
        "cmax": max(scale.most, 2),
        "colorscale": [[0, rgba(NEAR[dark], _PALEST)], [1, NEAR[dark]]],
        "showscale": True,
        "colorbar": {
            "title": {"text": scale.title, "side": "top"},
            "orientation": "h",
            "thickness": 10,
            "len": 0.6,
            "y": 0,
            "yanchor": "bottom",
            "yref": "container",
        },
    }
