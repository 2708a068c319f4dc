"""The map of thousands of answers, drawn by the graphics card: one mark a wording, in layers that the legend hides.

It is made of arrays alone. What is selected is never drawn here: a figure that changes with its own selection is drawn
anew, and loses it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from homog_core.figures.axes import LEGEND_BELOW
from homog_core.figures.theme import GREY, MARGIN, NEAR, rgba

SMALLEST, LARGEST = 5.0, 17.0  # pixels of a mark
_PALEST = 0.3  # opacity of the low end of a scale; less would not be seen on the paper
# Of kinds that have no colour of their own on these pages (Okabe–Ito); each has a shape as well.
HUES = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")


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
    """Marks in the plane (n, 2); area grows with the count. `hover` is HTML.

    `lit` (n,) says which marks keep their colour: the others are small, grey, and say nothing. The place of a mark in
    the arrays is its `customdata`.
    """
    everywhere = np.arange(len(places))
    is_lit = np.ones(len(places), dtype=bool) if lit is None else lit
    sizes = sizes_of(counts)
    texts = np.array(hover, dtype=object)
    traces = [_faded(places, everywhere[~is_lit])] if not is_lit.all() else []
    for layer in layers:
        own = layer.members[is_lit[layer.members]]
        own = own[np.argsort(-counts[own], kind="stable")]  # so that a large mark hides no small one
        color = _by_value(scale, own, dark) if scale else {"color": layer.color}
        traces.append(
            {
                "type": "scattergl",
                "mode": "markers",
                "name": layer.name,
                "x": places[own, 0],
                "y": places[own, 1],
                "marker": {"size": sizes[own], "symbol": layer.symbol, "opacity": 0.7, **color},
                "hovertext": texts[own],
                "hoverinfo": "text",
                "customdata": own,
                "showlegend": scale is None,
            }
        )
    axis = {"visible": False, "showgrid": False, "zeroline": False}
    layout = {
        "height": 430 if narrow else 640,
        "margin": MARGIN | {"t": 36},  # of the buttons above
        "legend": LEGEND_BELOW,
        "hoverlabel": {"align": "left"},
        "hovermode": "closest",
        "xaxis": axis,
        "yaxis": axis,
    }
    return go.Figure(traces, layout)


def sizes_of(counts: np.ndarray) -> np.ndarray:
    """Diameters in pixels (n,) of marks whose area beyond the smallest grows with their count."""
    return np.minimum(SMALLEST + 3.0 * np.sqrt(np.asarray(counts) - 1.0), LARGEST).astype(np.float32)


def _faded(places: np.ndarray, own: np.ndarray) -> dict:
    return {
        "type": "scattergl",
        "mode": "markers",
        "name": "others",
        "x": places[own, 0],
        "y": places[own, 1],
        "marker": {"size": 3, "color": GREY, "opacity": 0.4},
        "hoverinfo": "skip",
        "customdata": own,
        "showlegend": False,
    }


def _by_value(scale: Scale, own: np.ndarray, dark: bool) -> dict:
    """A scale of one hue, from pale at 1 to full at the largest number."""
    return {
        "color": scale.values[own].astype(np.float32),
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
