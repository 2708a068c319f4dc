"""The aggregate figures: curves with bands, calibration, and the cascade. Frames in, figures out.

Series look as they do in `dots`: filled and in the colour of their run, or hollow where others have published them.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from homog_core.figures.axes import (
    ALIGNED,
    CROWDED,
    LAYOUT,
    LEGEND_BELOW,
    PERCENT_TICKS,
    Panel,
    axis_name,
    domains,
    level_line,
    mark_line,
    note_above,
)
from homog_core.figures.series import Series, legend_entry, whiskers
from homog_core.figures.theme import FADED, GREY, INK, escaped, hover_lines, ink_on, rgba, wrapped
from homog_core.wording.numbers import percent

_BAND = 0.16  # opacity of the band of an interval


def curves(
    frame: pd.DataFrame,
    series: Sequence[Series],
    panels: Sequence[Panel],
    *,
    x_title: str,
    x_range: tuple[float, float] | None = None,
    x_percent: bool = False,
    mark: float | None = None,
    mark_label: str = "",
    points: bool = False,
    extra: Sequence[tuple[Series, pd.DataFrame]] = (),
    narrow: bool = False,
) -> go.Figure:
    """Lines with the band of their intervals, a panel a statistic.

    `frame`: series, panel, x, value, low, high, hover. `mark` stands at a place of the horizontal axis, as the current
    threshold. With `points` every value has a mark, whose whiskers take the place of the band; of more than `CROWDED`
    lines there are none. `extra` are single marks with whiskers in the first panel: points of a line that have an
    interval, or figures of others. On a narrow screen panels stand one under the other.
    """
    traces, named, looks = [], set(), {look.key: look for look in series}
    for (key, panel), found in _records(frame, ("series", "panel")).items():
        axes = {"xaxis": axis_name("x", panel), "yaxis": axis_name("y", panel)}
        if not points and len(series) <= CROWDED:
            traces.append(_band(found, looks[key]) | axes)
        traces.append(_line(found, looks[key], points, legend=key not in named) | axes)
        named.add(key)
    for look, marks in extra:
        if len(marks):
            trace = _line(marks.to_dict("records"), look, points=True, legend=look.key not in named)
            traces.append(trace | {"mode": "markers"})
    below = 24 * len(series) if narrow else 24 * (1 + (len(series) - 1) // 5)  # lines of the legend
    layout = LAYOUT | {
        "height": (250 * len(panels) if narrow else 330) + below,
        "margin": {"l": 8, "r": 16, "t": 28, "b": 52 + below},
        "legend": LEGEND_BELOW,
        "showlegend": True,
        "shapes": [],
        "annotations": [],
    }
    across, up = domains(len(panels), 0.09), domains(len(panels), 0.22)[::-1]
    for i, panel in enumerate(panels):
        title = wrapped(x_title, 44) if narrow else x_title
        x = {"title": title, "range": x_range, "domain": [0, 1] if narrow else across[i]}
        x |= PERCENT_TICKS if x_percent else {}
        layout[axis_name("xaxis", i)] = x | {"showgrid": False, "zeroline": False, "anchor": axis_name("y", i)}
        layout[axis_name("yaxis", i)] = {
            "domain": up[i] if narrow else [0, 1],
            "title": escaped(panel.title),
            "range": panel.range,
            "rangemode": "tozero",
            **panel.ticks,
            "zeroline": False,
            "anchor": axis_name("x", i),
        }
        if mark is not None:
            layout["shapes"].append(mark_line(mark, i))
            layout["annotations"].append(note_above(mark, mark_label, i))
    return go.Figure(traces, layout)


def _records(frame: pd.DataFrame, keys: Sequence[str]) -> dict[tuple, list[dict]]:
    """The rows that have a value by some columns, in order of x."""
    groups: dict[tuple, list[dict]] = {}
    for row in frame.to_dict("records"):
        if not np.isnan(row["value"]):
            groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    return {key: sorted(found, key=lambda row: row["x"]) for key, found in groups.items()}


def _band(found: Sequence[dict], look: Series) -> dict:
    known = [row for row in found if not np.isnan(row["low"])]
    return {
        "type": "scatter",
        "x": np.array([row["x"] for row in known] + [row["x"] for row in known[::-1]]),
        "y": np.array([row["high"] for row in known] + [row["low"] for row in known[::-1]]),
        "fill": "toself",
        "fillcolor": rgba(look.color, _BAND),
        "mode": "lines",
        "line": {"width": 0, "color": look.color},
        "hoverinfo": "skip",
        "showlegend": False,
        "legendgroup": look.key,
    }


def _line(found: Sequence[dict], look: Series, points: bool, *, legend: bool) -> dict:
    return {
        "type": "scatter",
        "x": np.array([row["x"] for row in found]),  # arrays: Plotly looks at every value of a list by itself
        "y": np.array([row["value"] for row in found]),
        "error_y": {**whiskers(found), "thickness": 1.4} if points else None,
        "mode": "lines+markers" if points else "lines",
        "line": {"color": look.color, "dash": look.dash, "width": 2.4},
        "marker": {"color": look.color, "symbol": look.symbol, "size": 9, "line": look.outline},
        "name": escaped(look.name),
        "legendgroup": look.key,
        "showlegend": legend,
        "hovertext": [hover_lines(row["hover"]) for row in found],
        "hoverinfo": "text",
    }


def reliability(bins: pd.DataFrame, series: Sequence[Series]) -> go.Figure:
    """Share correct against the probability that was said, with whiskers; under it how many questions each bin has.

    `bins`: series, x (mean probability), value, low, high, n, faded (grey: few questions), hover.
    """
    diagonal = {"type": "scatter", "x": [0, 1], "y": [0, 1], "mode": "lines", "line": {"color": GREY, "dash": "dash"}}
    traces: list[dict] = [diagonal | {"name": "calibrated", "hoverinfo": "skip"}]
    looks = {look.key: look for look in series}
    for (key, faded), found in _records(bins, ("series", "faded")).items():
        color = FADED if faded else looks[key].color
        look = Series(key, looks[key].name, color, looks[key].symbol)
        traces.append(_line(found, look, points=True, legend=False) | {"mode": "markers"})
    for (key,), found in _records(bins, ("series",)).items():
        traces.append(_counts(found, looks[key]))
    layout = LAYOUT | {
        "height": 430,
        "barmode": "overlay",
        "legend": {"orientation": "h", "yanchor": "top", "y": -0.2, "x": 0, "itemsizing": "constant"},
        "xaxis": {"range": [-0.02, 1.02], **PERCENT_TICKS, "showgrid": False, "zeroline": False, "anchor": "y2"},
        "yaxis": {"range": [-0.04, 1.04], **PERCENT_TICKS, "zeroline": False, "domain": [0.26, 1]},
        "yaxis2": {"title": "questions", "zeroline": False, "nticks": 3, "domain": [0, 0.2], "rangemode": "tozero"},
    }
    layout["xaxis"]["title"] = "probability of being correct that the score says"
    layout["yaxis"]["title"] = "share correct"
    return go.Figure([*traces, *map(legend_entry, series)], layout)


def _counts(found: Sequence[dict], look: Series) -> dict:
    return {
        "type": "bar",
        "x": [row["x"] for row in found],
        "y": [row["n"] for row in found],
        "yaxis": "y2",
        "width": 0.028,
        "marker": {"color": look.color, "pattern": {"shape": "/" if "open" in look.symbol else ""}},
        "legendgroup": look.key,
        "showlegend": False,
        "hovertext": [hover_lines(row["hover"]) for row in found],
        "hoverinfo": "text",
    }


def cost_quality(
    points: pd.DataFrame, alone: pd.DataFrame, color: str, *, dark: bool, narrow: bool = False
) -> go.Figure:
    """AUROC against extra tokens a question: the cascade's points as a line, each signal alone and all in parallel.

    Both: x, value, low, high, hover; `alone` with name and symbol. A point's place in `customdata`: a click chooses it.
    The legend is on top, a line an entry on a narrow screen.
    """
    look = Series("cascade", "cascade", color)
    found = points.to_dict("records")
    # A click leaves no highlight: the pointer under the curve says which point is chosen, by click or by slider.
    plain = {"unselected": {"marker": {"opacity": 1}}}
    line = _line(found, look, points=True, legend=True) | {"error_y": None, "customdata": list(range(len(points)))}
    line |= plain
    traces = [_band(found, look), line]
    for row in alone.to_dict("records"):
        mark = _line([row], Series(row["name"], row["name"], INK[dark], row["symbol"]), points=True, legend=True)
        traces.append(mark | {"mode": "markers", "customdata": [-1], **plain})
    above = 22 * (1 + len(alone)) if narrow else 26  # lines of the legend
    layout = LAYOUT | {
        "height": 314 + above,
        "margin": ALIGNED | {"t": 8 + above, "b": 6},
        "showlegend": True,
        "legend": {"orientation": "h", "yanchor": "top", "y": 1, "yref": "container", "x": 0},
        "clickmode": "event+select",
        "shapes": [level_line(0.5)],
        "xaxis": {"range": _cost_range(points, alone), "showgrid": False, "zeroline": False, "showticklabels": False},
        "yaxis": {"title": "AUROC", "zeroline": False},
    }
    return go.Figure(traces, layout)


def operating_point(
    points: pd.DataFrame,
    alone: pd.DataFrame,
    position: int,
    shares: Sequence[tuple[str, float, str]],
    color: str,
    *,
    dark: bool,
) -> go.Figure:
    """Under the curve and on its axis: where on the costs the chosen point is, and who decides how many questions.

    `shares`: (signal, share of the questions that it decides, label or "" where there is no room) in order.
    """
    cost = float(points["x"].iloc[position])
    pointer = {
        "type": "scatter",
        "x": [cost],
        "y": [0],
        "mode": "markers+text",
        "marker": {"symbol": "triangle-up", "size": 16, "color": color},
        "text": ["chosen"],
        "textposition": "middle right" if cost < 0.8 * float(points["x"].max() or 1) else "middle left",
        "hoverinfo": "skip",
    }
    blocks = [
        {
            "type": "bar",
            "x": [share],
            "y": [""],
            "xaxis": "x2",
            "yaxis": "y2",
            "orientation": "h",
            "marker": {"color": rgba(color, (0.25, 0.55, 0.95)[min(k, 2)]), "line": {"color": color, "width": 1}},
            "text": [escaped(label)],
            "textposition": "inside",
            "insidetextanchor": "middle",
            "textangle": 0,
            "textfont": {"color": INK[dark] if k < 2 else ink_on(color)},
            "hovertext": [f"{escaped(name)}<br>decides {percent(share)} of the questions"],
            "hoverinfo": "text",
        }
        for k, (name, share, label) in enumerate(shares)
    ]
    layout = LAYOUT | {
        "height": 170,
        "barmode": "stack",
        "showlegend": False,
        "margin": ALIGNED | {"t": 0, "b": 4},
        "xaxis": {
            "range": _cost_range(points, alone),
            "title": "extra tokens a question, on average",
            "zeroline": False,
        },
        "yaxis": {"visible": False, "domain": [0.72, 1]},
        "xaxis2": {"range": [0, 1], "visible": False, "anchor": "y2"},
        "yaxis2": {"visible": False, "domain": [0, 0.34], "anchor": "x2"},
    }
    return go.Figure([pointer, *blocks], layout)


def _cost_range(points: pd.DataFrame, alone: pd.DataFrame) -> list[float]:
    most = max([*points["x"], *alone["x"], 1.0])
    return [-0.04 * most, 1.06 * most]
