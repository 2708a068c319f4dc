"""Many models at once: a matrix of every two of them, and their rates against their sizes. Values in, figures out."""

from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from homog_core.figures.aggregate import curves
from homog_core.figures.axes import PERCENT_TICKS, Panel
from homog_core.figures.series import Series
from homog_core.figures.theme import ACCENT, MARGIN, NEAR, PALE, escaped, hover_lines, ink_on, mixed, shortened
from homog_core.wording.numbers import number, parameters

_TOPS = (0.25, 0.5, 1.0)  # ends of the colour scale, so that few charts differ in it
_MOST_WRITTEN = 26  # models up to which a cell has room for its number


def pair_matrix(
    values: np.ndarray,
    names: Sequence[str],
    hovers: Sequence[Sequence[str]],
    title: str,
    *,
    edges: Collection[int] = (),
    whole: bool = False,
    dark: bool,
    narrow: bool = False,
) -> go.Figure:
    """A share of every two of R models, (R, R), the first model on top; NaN is left empty.

    Models are numbered, and named at the left. `edges` are the positions before which a group of models begins. The
    colour scale ends at the quarter, the half or the whole that holds all values, or at the `whole`.
    """
    places, most = list(range(len(names))), float(np.nanmax(np.append(values, 0)))
    top = 1.0 if whole else next((end for end in _TOPS if most <= end), _TOPS[-1])
    written = not narrow and len(names) <= _MOST_WRITTEN
    heat = go.Heatmap(
        z=values,
        zmin=0,
        zmax=top,
        colorscale=[[0, PALE[dark]], [1, NEAR[dark]]],
        colorbar={"title": {"text": title, "side": "right"}, "thickness": 10, **PERCENT_TICKS, "nticks": 3},
        xgap=1,
        ygap=1,
        hovertext=[[hover_lines(text) for text in row] for row in hovers],
        hoverinfo="text",
    )
    if narrow:
        heat.colorbar.update(orientation="h", y=-0.02, yanchor="top", title={"text": title, "side": "top"})
    figure = go.Figure([heat, *(_written(values, top, dark=dark) if written else [])])
    for edge in edges:
        figure.add_vline(edge - 0.5, line={"width": 1.5, "color": ACCENT})
        figure.add_hline(edge - 0.5, line={"width": 1.5, "color": ACCENT})
    called = [f"{shortened(name, 18 if narrow else 40)}  {place + 1}" for place, name in enumerate(names)]
    figure.update_xaxes(
        tickvals=places, ticktext=[p + 1 for p in places], side="top", showgrid=False, zeroline=False, ticks=""
    )
    figure.update_xaxes(tickangle=0, tickfont={"size": 10}, constrain="domain")
    figure.update_yaxes(
        tickvals=places, ticktext=list(map(escaped, called)), autorange="reversed", showgrid=False, zeroline=False
    )
    figure.update_yaxes(ticks="", tickfont={"size": 10 if narrow else 12}, automargin=True)
    figure.update_layout(height=60 + (22 if narrow else 27) * len(names) + (70 if narrow else 0), margin=MARGIN)
    return figure


def _written(values: np.ndarray, top: float, *, dark: bool) -> list[go.Scatter]:
    """The numbers in the cells, per cent without the sign, one trace an ink that is read well there."""
    cells: dict[str, list[tuple[int, int, str]]] = {}
    for row, column in np.argwhere(~np.isnan(values)).tolist():
        value = float(values[row, column])
        color = mixed(PALE[dark], NEAR[dark], min(value / top, 1.0))
        cells.setdefault(ink_on(color), []).append((column, row, number(100 * value, 0)))
    return [
        go.Scatter(
            x=[x for x, _, _ in found],
            y=[y for _, y, _ in found],
            text=[text for _, _, text in found],
            mode="text",
            textfont={"size": 11, "color": ink},
            hoverinfo="skip",
            showlegend=False,
        )
        for ink, found in cells.items()
    ]


def by_size(frame: pd.DataFrame, series: Sequence[Series], *, narrow: bool = False) -> go.Figure:
    """Single-cluster rates with whiskers against the number of parameters, a line a series, sizes on a log scale.

    `frame`: series, x (parameters), value, low, high, hover.
    """
    panel = Panel("questions with a single answer", percent=True)
    figure = curves(frame.assign(panel=0), series, [panel], x_title="parameters", points=True, narrow=narrow)
    low, high = np.log10(frame["x"].min()), np.log10(frame["x"].max())
    ticks = [10.0**k * m for k in range(int(np.floor(low)), int(np.ceil(high)) + 1) for m in (1, 3)]
    figure.update_xaxes(type="log", range=[low - 0.12, high + 0.12])
    figure.update_xaxes(tickvals=ticks, ticktext=[parameters(tick) for tick in ticks])
    figure.update_yaxes(range=[-0.01, min(1.02, max(0.1, 1.08 * frame[["value", "high"]].max().max()))])
    figure.update_layout(height=figure.layout.height + 60)
    return figure
