"""Frames → the aggregate Plotly figures: dots with whiskers, curves with bands, calibration, cascade. No computation.

What was measured is filled and has the colour of its run; what others have published is a hollow diamond in a series
of its own. Values from fewer than 30 questions are grey. Names may come from outside: every text is escaped.
"""

import html
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from homog_core.figures import GREY, MODEL_COLORS, ink_on

DASHES = ("solid", "dash", "dot", "dashdot")
RUN_SYMBOLS = ("circle", "square", "triangle-up", "cross")
PUBLISHED = "published"  # the name of the series
_FADED = "rgba(128,128,128,0.75)"
_INK = {False: "#1a2026", True: "#e8edf2"}
_GROUP_COLORS = {  # what a score is read from: colour in the light and in the dark theme, and symbol
    "one answer": ("#D55E00", "#D55E00", "circle"),
    "samples": ("#0072B2", "#56B4E9", "square"),
    "question": ("#CC79A7", "#CC79A7", "triangle-up"),
}
_GRID = "rgba(128,128,128,0.18)"
_MARK = {"width": 1.5, "dash": "dot", "color": _FADED}
_BAND = 0.16


@dataclass(frozen=True, slots=True)
class Series:
    """How one series looks; in the legend it stands once."""

    key: str
    name: str
    color: str
    symbol: str = "circle"
    dash: str = "solid"


@dataclass(frozen=True, slots=True)
class Panel:
    """One horizontal axis of a chart of dots, or one vertical axis of a chart of curves."""

    title: str
    reference: float | None = None  # where a line stands, as 0.5 for an AUROC
    range: tuple[float, float] | None = None
    percent: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a chart of dots; a heading has no dots."""

    label: str
    heading: bool = False


def run_series(labels: Sequence[str]) -> list[Series]:
    """The looks of runs in the order of a comparison: four colours; then again, with other dashes and symbols."""
    return [
        Series(
            label,
            label,
            MODEL_COLORS[i % len(MODEL_COLORS)],
            RUN_SYMBOLS[i // len(MODEL_COLORS) % len(RUN_SYMBOLS)],
            DASHES[i // len(MODEL_COLORS) % len(DASHES)],
        )
        for i, label in enumerate(labels)
    ]


def group_series(names: dict[str, str], *, dark: bool) -> list[Series]:
    """The looks of the groups of scores, by what a score is read from."""
    return [Series(key, name, _GROUP_COLORS[key][dark], _GROUP_COLORS[key][2]) for key, name in names.items()]


def score_series(scores: Sequence[tuple[str, str, str]], *, dark: bool) -> list[Series]:
    """The looks of some scores, (key, name, group) each: the group's colour, told apart within it by their dashes."""
    seen: dict[str, int] = {}
    found = []
    for key, name, group in scores:
        place = seen[group] = seen.get(group, -1) + 1
        symbol = (_GROUP_COLORS[group][2], *RUN_SYMBOLS)[place % 4]
        found.append(Series(key, name, _GROUP_COLORS[group][dark], symbol, DASHES[place % len(DASHES)]))
    return found


def published_series(*, dark: bool) -> Series:
    """The look of what others have reported: a hollow diamond."""
    return Series(PUBLISHED, "published by others", _INK[dark], "diamond-open")


# Dots with whiskers


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
        traces.append({**trace, "y": y, "xaxis": _axis("x", panel), "legendgroup": key})
    named = list(series if legend is None else legend)
    named = named if len(named) > 1 else []
    height = max(26.0, 13.0 * len(series) + 16) if dodge else 26.0
    height = height + 14 if narrow else height
    layout = _dot_layout(rows, panels, narrow) | {"showlegend": bool(named)}
    layout["shapes"] += [_between(row) for row in range(1, len(rows))] if dodge or narrow else []
    layout["height"] = int(height * len(rows)) + (92 if named else 62)
    return go.Figure([*traces, *map(_legend_entry, named)], layout)


def _dots(found: Sequence[dict], look: Series, faded: bool) -> dict:
    color = _FADED if faded else look.color
    return {
        "type": "scatter",
        "x": [mark["value"] for mark in found],
        "error_x": {**_whiskers(found), "color": color, "thickness": 1.6},
        "mode": "markers",
        "marker": {"color": color, "symbol": look.symbol, "size": 10, "line": _outline(look)},
        "showlegend": False,
        "hovertext": [_lines(mark["hover"]) for mark in found],
        "hoverinfo": "text",
    }


def _outline(look: Series) -> dict:
    return {"width": 1.8 if "open" in look.symbol else 0}


def _whiskers(found: Sequence[dict]) -> dict:
    reach = [
        (mark["high"] - mark["value"], mark["value"] - mark["low"]) if mark["low"] == mark["low"] else (0.0, 0.0)
        for mark in found
    ]
    return {
        "type": "data",
        "symmetric": False,
        "array": [up for up, _ in reach],
        "arrayminus": [down for _, down in reach],
        "width": 3,
        "visible": any(up or down for up, down in reach),
    }


def _words(found: Sequence[dict], panel: Panel, narrow: bool) -> dict:
    low, high = panel.range or (0.0, 1.0)
    place = panel.reference if panel.reference is not None else (low + high) / 2
    return {
        "type": "scatter",
        "x": [place] * len(found),
        "mode": "text",
        "text": [_wrapped(mark["words"], 16) if narrow else f" {_escaped(mark['words'])}" for mark in found],
        "textposition": "middle center" if narrow or panel.reference is None else "middle right",
        "textfont": {"size": 11},
        "hovertext": [_lines(mark["hover"]) for mark in found],
        "hoverinfo": "text",
        "showlegend": False,
        "cliponaxis": False,
    }


def _legend_entry(look: Series) -> dict:
    """One entry a series, whatever panel it has dots in; a click on it hides them all."""
    return {
        "type": "scatter",
        "x": [None],
        "y": [None],
        "mode": "markers",
        "marker": {"color": look.color, "symbol": look.symbol, "size": 10, "line": _outline(look)},
        "name": _escaped(look.name),
        "legendgroup": look.key,
    }


def _dot_layout(rows: Sequence[Row], panels: Sequence[Panel], narrow: bool) -> dict:
    names = [f"<b>{_wrapped(row.label)}</b>" if row.heading else _wrapped(row.label) for row in rows]
    layout = _LAYOUT | {
        "annotations": [_row_name(name, i) for i, name in enumerate(names)] if narrow else [],
        "yaxis": {
            "tickvals": [] if narrow else list(range(len(rows))),
            "ticktext": [] if narrow else names,
            "range": [len(rows) - 0.4, -0.6],
            "showgrid": False,
            "zeroline": False,
            "automargin": True,
        },
        "shapes": [_line_at(panel.reference, i) for i, panel in enumerate(panels) if panel.reference is not None],
        "legend": {"orientation": "h", "yanchor": "bottom", "y": 0, "yref": "container", "itemsizing": "constant"},
    }
    for i, (panel, domain) in enumerate(zip(panels, _domains(len(panels), 0.03), strict=True)):
        layout[_axis("xaxis", i)] = {
            "domain": domain,
            "range": panel.range,
            "tickformat": ".0%" if panel.percent else None,
            "title": {"text": _escaped(panel.title), "standoff": 6},
            "zeroline": False,
            "showgrid": True,
            "gridcolor": _GRID,
            "nticks": 4 if narrow else 6,
            "side": "top",
        }
    return layout


def _row_name(name: str, row: int) -> dict:
    place = {"x": 0, "xref": "paper", "xanchor": "left", "y": row - 0.5, "yref": "y", "yanchor": "top"}
    return {**place, "text": name, "showarrow": False, "font": {"size": 12}, "align": "left"}


# Curves with bands


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
    threshold. With `points` every value has a mark, whose whiskers take the place of the band. `extra` are single
    marks with whiskers in the first panel: points of a line that have an interval, or figures of others. On a narrow
    screen panels stand one under the other.
    """
    traces, named = [], set()
    looks = {look.key: look for look in series}
    for (key, panel), found in _records(frame, ("series", "panel")).items():
        axes = {"xaxis": _axis("x", panel), "yaxis": _axis("y", panel)}
        if not points:
            traces.append(_band(found, looks[key]) | axes)
        traces.append(_line(found, looks[key], points, legend=key not in named) | axes)
        named.add(key)
    for look, marks in extra:
        if len(marks):
            trace = _line(marks.to_dict("records"), look, points=True, legend=look.key not in named)
            traces.append(trace | {"mode": "markers"})
    below = 24 * len(series) if narrow else 24 * (1 + (len(series) - 1) // 5)  # lines of the legend
    layout = _LAYOUT | {
        "height": (250 * len(panels) if narrow else 330) + below,
        "margin": {"l": 8, "r": 16, "t": 28, "b": 52 + below},
        "legend": {"orientation": "h", "yanchor": "bottom", "y": 0, "yref": "container", "itemsizing": "constant"},
        "showlegend": True,
        "shapes": [],
        "annotations": [],
    }
    across, up = _domains(len(panels), 0.09), _domains(len(panels), 0.22)[::-1]
    for i, panel in enumerate(panels):
        x = {"title": x_title, "range": x_range, "tickformat": ".0%" if x_percent else None}
        x |= {"domain": [0, 1] if narrow else across[i]}
        layout[_axis("xaxis", i)] = x | {"showgrid": False, "zeroline": False, "anchor": _axis("y", i)}
        layout[_axis("yaxis", i)] = {
            "domain": up[i] if narrow else [0, 1],
            "title": _escaped(panel.title),
            "range": panel.range,
            "rangemode": "tozero",
            "tickformat": ".0%" if panel.percent else None,
            "zeroline": False,
            "anchor": _axis("x", i),
        }
        if mark is not None:
            layout["shapes"].append(_line_at(mark, i, y=_axis("y", i)) | {"line": _MARK})
            layout["annotations"].append(_above(mark, mark_label, i))
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
        "x": [row["x"] for row in known] + [row["x"] for row in known[::-1]],
        "y": [row["high"] for row in known] + [row["low"] for row in known[::-1]],
        "fill": "toself",
        "fillcolor": _rgba(look.color, _BAND),
        "mode": "lines",
        "line": {"width": 0, "color": look.color},
        "hoverinfo": "skip",
        "showlegend": False,
        "legendgroup": look.key,
    }


def _line(found: Sequence[dict], look: Series, points: bool, *, legend: bool) -> dict:
    return {
        "type": "scatter",
        "x": [row["x"] for row in found],
        "y": [row["value"] for row in found],
        "error_y": {**_whiskers(found), "thickness": 1.4} if points else None,
        "mode": "lines+markers" if points else "lines",
        "line": {"color": look.color, "dash": look.dash, "width": 2.4},
        "marker": {
            "color": look.color,
            "symbol": look.symbol,
            "size": 9,
            "line": _outline(look),
        },
        "name": _escaped(look.name),
        "legendgroup": look.key,
        "showlegend": legend,
        "hovertext": [_lines(row["hover"]) for row in found],
        "hoverinfo": "text",
    }


# Calibration


def reliability(bins: pd.DataFrame, series: Sequence[Series]) -> go.Figure:
    """Share correct against the probability that was said, with whiskers; under it how many questions each bin has.

    `bins`: series, x (mean probability), value, low, high, n, faded (grey: few questions), hover.
    """
    diagonal = {"type": "scatter", "x": [0, 1], "y": [0, 1], "mode": "lines", "line": {"color": GREY, "dash": "dash"}}
    traces: list[dict] = [diagonal | {"name": "calibrated", "hoverinfo": "skip"}]
    looks = {look.key: look for look in series}
    for (key, faded), found in _records(bins, ("series", "faded")).items():
        color = _FADED if faded else looks[key].color
        look = Series(key, looks[key].name, color, looks[key].symbol)
        traces.append(_line(found, look, points=True, legend=False) | {"mode": "markers"})
    for (key,), found in _records(bins, ("series",)).items():
        traces.append(_counts(found, looks[key]))
    layout = _LAYOUT | {
        "height": 430,
        "barmode": "overlay",
        "legend": _CURVE_LEGEND,
        "xaxis": {"range": [-0.02, 1.02], "tickformat": ".0%", "showgrid": False, "zeroline": False, "anchor": "y2"},
        "yaxis": {"title": "share correct", "range": [-0.04, 1.04], "tickformat": ".0%", "zeroline": False},
        "yaxis2": {"title": "questions", "zeroline": False, "nticks": 3, "domain": [0, 0.2], "rangemode": "tozero"},
    }
    layout["yaxis"]["domain"] = [0.26, 1]
    layout["xaxis"]["title"] = "probability of being correct that the score says"
    return go.Figure([*traces, *map(_legend_entry, series)], layout)


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
        "hovertext": [_lines(row["hover"]) for row in found],
        "hoverinfo": "text",
    }


# The cascade


def cost_quality(points: pd.DataFrame, alone: pd.DataFrame, color: str, *, dark: bool) -> go.Figure:
    """AUROC against extra tokens a question: the cascade's points as a line, each signal alone and all in parallel.

    Both: x, value, low, high, hover; `alone` with name and symbol. A point's place in `customdata`: a click chooses it.
    """
    look = Series("cascade", "cascade", color)
    found = points.to_dict("records")
    # A click leaves no highlight: the pointer under the curve says which point is chosen, by click or by slider.
    plain = {"unselected": {"marker": {"opacity": 1}, "textfont": {"color": _INK[dark]}}}
    line = _line(found, look, points=True, legend=True) | {"error_y": None, "customdata": list(range(len(points)))}
    line |= plain
    traces, middle = [_band(found, look), line], 0.5 * max(_cost_range(points, alone))
    for row in alone.to_dict("records"):
        mark = _line([row], Series(row["name"], row["name"], _INK[dark], row["symbol"]), points=True, legend=True)
        side = "right" if row["x"] < middle else "left"
        beside = [other for other in alone.to_dict("records") if (other["x"] < middle) == (row["x"] < middle)]
        height = "top" if row["value"] == max(other["value"] for other in beside) else "bottom"
        said = {"text": [f"{_escaped(row['name'])} "], "textposition": f"{height} {side}", "textfont": {"size": 12}}
        traces.append(mark | {"mode": "markers+text", "customdata": [-1], **said, **plain})
    layout = _LAYOUT | {
        "height": 330,
        "margin": _ALIGNED | {"t": 8, "b": 6},
        "showlegend": False,
        "clickmode": "event+select",
        "shapes": [_level(0.5)],
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
            "marker": {"color": _rgba(color, (0.25, 0.55, 0.95)[min(k, 2)]), "line": {"color": color, "width": 1}},
            "text": [_escaped(label)],
            "textposition": "inside",
            "insidetextanchor": "middle",
            "textangle": 0,
            "textfont": {"color": _INK[dark] if k < 2 else ink_on(color)},
            "hovertext": [f"{_escaped(name)}<br>decides {share:.0%} of the questions"],
            "hoverinfo": "text",
        }
        for k, (name, share, label) in enumerate(shares)
    ]
    layout = _LAYOUT | {
        "height": 170,
        "barmode": "stack",
        "showlegend": False,
        "margin": _ALIGNED | {"t": 0, "b": 4},
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


_ALIGNED = {"l": 60, "r": 16, "autoexpand": False}  # so that two figures share their horizontal axis


def _cost_range(points: pd.DataFrame, alone: pd.DataFrame) -> list[float]:
    most = max([*points["x"], *alone["x"], 1.0])
    return [-0.04 * most, 1.06 * most]


# Axes and lines. Figures are handed over as one mapping: to add traces and axes one by one takes ten times as long.

_LAYOUT = {
    "margin": {"l": 8, "r": 16, "t": 8, "b": 8},
    "dragmode": False,
    "hovermode": "closest",
    "hoverlabel": {"align": "left"},
}
_CURVE_LEGEND = {"orientation": "h", "yanchor": "top", "y": -0.2, "x": 0, "itemsizing": "constant"}


def _axis(name: str, panel: int) -> str:
    return name if panel == 0 else f"{name}{panel + 1}"


def _domains(n: int, gap: float) -> list[list[float]]:
    width = (1 - gap * (n - 1)) / n
    return [[i * (width + gap), i * (width + gap) + width] for i in range(n)]


def _line_at(x: float, panel: int, y: str = "y") -> dict:
    """A line over the whole height at a place of a panel's horizontal axis."""
    place = {"x0": x, "x1": x, "xref": _axis("x", panel), "y0": 0, "y1": 1, "yref": f"{y} domain"}
    return {"type": "line", **place, "line": {"width": 1.2, "dash": "dash", "color": GREY}, "layer": "below"}


def _between(row: int) -> dict:
    """A thin line over a row, where rows hold several dots."""
    place = {"x0": 0, "x1": 1, "xref": "paper", "y0": row - 0.5, "y1": row - 0.5, "yref": "y"}
    return {"type": "line", **place, "line": {"width": 1, "color": _GRID}, "layer": "below"}


def _level(y: float) -> dict:
    place = {"x0": 0, "x1": 1, "xref": "x domain", "y0": y, "y1": y, "yref": "y"}
    return {"type": "line", **place, "line": {"width": 1.2, "dash": "dash", "color": GREY}, "layer": "below"}


def _above(x: float, text: str, panel: int) -> dict:
    place = {"x": x, "xref": _axis("x", panel), "y": 1, "yref": f"{_axis('y', panel)} domain", "yanchor": "bottom"}
    return {**place, "text": _escaped(text), "showarrow": False, "font": {"size": 12}}


# Texts and colours


def _escaped(text: str) -> str:
    return html.escape(str(text), quote=False)


def _lines(text: str) -> str:
    """Escaped hover text; its line breaks stay, and the first line is bold."""
    first, *rest = (_escaped(line) for line in text.split("\n"))
    return "<br>".join([f"<b>{first}</b>", *rest])


def _wrapped(text: str, width: int = 58) -> str:
    return "<br>".join(_escaped(line) for line in textwrap.wrap(text, width)[:2])


def _rgba(color: str, alpha: float) -> str:
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha})"
