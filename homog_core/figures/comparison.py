"""The figures of several models side by side: maps, distances, entropies, and how numbers of answers change."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from homog_core.figures.question import (
    answer_map,
    answer_name,
    edge_lines,
    entropy_traces,
    heat_map,
    square_panel,
)
from homog_core.figures.series import whiskers
from homog_core.figures.theme import ACCENT, GREY, INK, MARGIN, escaped, rgba, shortened, wrapped
from homog_core.records import Estimate
from homog_core.wording.numbers import counted, number, with_interval


def joint_maps(
    coordinates: np.ndarray,
    position: np.ndarray,
    labels: np.ndarray,
    answers: Sequence[str],
    indices: np.ndarray,
    colors: Sequence[str],
) -> list[go.Figure]:
    """One map a model of answers (M, 2) placed together: the same axes in all, the others' answers small and grey.

    `position` (M,) says which model an answer comes from, `labels` its cluster there, `indices` its sample index.
    """
    low, high = square_panel(np.asarray(coordinates, dtype=float))
    figures = []
    for run, color in enumerate(colors):
        own = np.flatnonzero(position == run)
        figure = answer_map(coordinates[own], labels[own], [answers[i] for i in own], indices[own].tolist(), color)
        others = np.unique(np.round(coordinates[position != run], 9), axis=0)
        figure.add_scatter(
            x=others[:, 0],
            y=others[:, 1],
            mode="markers",
            marker={"color": GREY, "size": 7},
            hoverinfo="skip",
            name="others",
            zorder=-1,
        )
        figure.update_xaxes(range=[low[0], high[0]], constrain="domain")
        figure.update_yaxes(range=[low[1], high[1]], constrain="domain")
        height = 400 if len(colors) == 2 else 320
        figure.update_layout(clickmode="event", height=height, plot_bgcolor="rgba(128,128,128,0.06)")
        figures.append(figure)
    return figures


def block_matrix(
    similarity: np.ndarray,
    position: np.ndarray,
    labels: np.ndarray,
    indices: np.ndarray,
    names: Sequence[str],
    marks: Sequence[str],
    *,
    dark: bool,
) -> go.Figure:
    """Distances 1 − similarity (M, M) of all models' answers, sorted by model, then cluster, on a fixed 0–1 scale.

    Thick lines separate models, thin ones clusters; `marks` name the models at the axes.
    """
    order = np.lexsort((indices, labels, position))
    position, labels = position[order], labels[order]
    called = [
        f"{_short(names[p])} · {answer_name(int(i)).lower()}" for p, i in zip(position, indices[order], strict=True)
    ]
    pair = lambda a, b: f"{called[b]}<br>{called[a]}"
    figure = go.Figure(heat_map(similarity[np.ix_(order, order)], pair, dark=dark))
    new_model = np.diff(position) != 0
    new_cluster = ~new_model & (np.diff(labels) != 0)
    lines = edge_lines(np.flatnonzero(new_cluster) + 0.5, {"width": 0.75, "color": GREY})
    lines += edge_lines(np.flatnonzero(new_model) + 0.5, {"width": 3, "color": ACCENT})
    figure.update_layout(shapes=lines)
    middles = [float(np.flatnonzero(position == p).mean()) for p in np.unique(position)]
    shown = [_short(marks[p]) for p in np.unique(position)]
    figure.update_xaxes(tickvals=middles, ticktext=shown, showgrid=False, constrain="domain", tickangle=0, ticks="")
    figure.update_yaxes(tickvals=middles, ticktext=shown, showgrid=False, autorange="reversed", scaleanchor="x")
    figure.update_yaxes(constrain="domain", tickangle=-90, ticks="")
    figure.update_layout(height=_tall(len(names)), margin=MARGIN)
    return figure


def stacked_traces(
    entropies: Sequence[Mapping[int, Sequence[float]]],
    tokens: Sequence[Mapping[int, Sequence[str]]],
    chosen: int,
    names: Sequence[str],
    colors: Sequence[str],
) -> go.Figure:
    """Entropy traces as `entropy_traces`, one row a model, all rows on the same axes."""
    values = [value for model in entropies for trace in model.values() for value in trace if value == value]
    longest = max((len(trace) for model in entropies for trace in model.values()), default=1)
    rows = len(names)
    titles = [f"<b>{_short(name)}</b>" for name in names]
    figure = make_subplots(rows, 1, shared_xaxes=True, vertical_spacing=0.24 / rows, subplot_titles=titles)
    for row, (model, texts, color) in enumerate(zip(entropies, tokens, colors, strict=True), start=1):
        for trace in entropy_traces(model, texts, chosen, color).data:
            figure.add_trace(trace, row, 1)
    figure.update_annotations(x=0, xanchor="left", font={"size": 13})
    figure.update_xaxes(range=[0, longest + 1], showgrid=False)
    figure.update_xaxes(title="token", row=rows)
    figure.update_yaxes(range=[0, 1.08 * max([*values, 1.0])], title="nats")
    figure.update_layout(height=_tall(rows), margin=MARGIN | {"l": 48, "b": 40, "t": 24})
    return figure


def slope_chart(
    levels: pd.DataFrame,
    transitions: pd.DataFrame,
    means: Sequence[Estimate],
    names: Sequence[str],
    colors: Sequence[str],
    *,
    this: Sequence[float] = (),
    dark: bool,
) -> go.Figure:
    """Number of clusters per question along the models: a line for every way that questions took, as wide as used.

    `levels` (step, k, n) and `transitions` (step, k_from, k_to, n) as from `analysis.changes`; on top the means with
    their intervals, and `this` question where its numbers are given.
    """
    figure = go.Figure()
    ink = INK[dark]
    _add_ways(figure, transitions)
    _add_levels(figure, levels, colors)
    figure.add_scatter(
        x=list(range(len(names))),
        y=[mean.value for mean in means],
        error_y=whiskers([asdict(mean) for mean in means]) | {"color": ink, "width": 8},
        mode="lines+markers",
        name="mean and 95 % interval",
        line={"color": ink, "width": 2.5},
        marker={"symbol": "diamond", "size": 12, "color": ink, "line": {"width": 1.5, "color": "white"}},
        hovertext=[f"mean {with_interval(mean)}" for mean in means],
        hoverinfo="text",
    )
    if len(this):
        figure.add_scatter(
            x=list(range(len(names))),
            y=list(this),
            mode="lines+markers",
            name="the question above",
            line={"color": ACCENT, "width": 3, "dash": "dot"},
            marker={"symbol": "star", "size": 13, "color": ACCENT, "line": {"width": 1, "color": "white"}},
            hovertemplate="the question above: %{y}<extra></extra>",
        )
    ticks = [f"{wrapped(n, 16)}<br>mean {number(m.value)}" for n, m in zip(names, means, strict=True)]
    top = max(levels["k"], default=1)
    figure.update_xaxes(tickvals=list(range(len(names))), ticktext=ticks, showgrid=False, zeroline=False, ticks="")
    figure.update_xaxes(range=[-0.22, len(names) - 0.78], ticklabeloverflow="allow", tickangle=0)
    figure.update_yaxes(title="different answers", range=[0.3, top + 0.7], zeroline=False, showgrid=False)
    figure.update_yaxes(dtick=1 if top <= 12 else None)
    figure.update_layout(height=460, margin=MARGIN | {"l": 48, "b": 56}, hovermode="closest")
    figure.update_layout(legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0})
    return figure


def _add_ways(figure: go.Figure, transitions: pd.DataFrame) -> None:
    """Lines between neighbouring models, one trace a width and direction, and marks to hover over in their middle."""
    most, named = max(transitions["n"], default=1), set()
    kinds = {-1: ("fewer", "solid"), 0: ("as many", "dot"), 1: ("more", "dash")}
    signs = np.sign(transitions["k_to"] - transitions["k_from"])
    for (n, sign), part in transitions.groupby([transitions["n"], signs]):
        name, dash = kinds[int(sign)]
        figure.add_scatter(
            x=[value for row in part.itertuples() for value in (row.step, row.step + 1, None)],
            y=[value for row in part.itertuples() for value in (row.k_from, row.k_to, None)],
            mode="lines",
            line={"width": 1 + 8 * n / most, "color": rgba("#808080", 0.25 + 0.5 * n / most), "dash": dash},
            name=name,
            legendgroup=name,
            showlegend=name not in named,
            hoverinfo="skip",
        )
        named.add(name)
    figure.add_scatter(
        x=(transitions["step"] + 0.5).tolist(),
        y=((transitions["k_from"] + transitions["k_to"]) / 2).tolist(),
        mode="markers",
        marker={"size": 9, "opacity": 0},
        hovertext=[f"{counted(row.n, 'question')}: {row.k_from} → {row.k_to}" for row in transitions.itertuples()],
        hoverinfo="text",
        showlegend=False,
    )


def _add_levels(figure: go.Figure, levels: pd.DataFrame, colors: Sequence[str]) -> None:
    """A mark for every number of clusters in every model; its area is the number of questions."""
    most = max(levels["n"], default=1)
    for run, color in enumerate(colors):
        part = levels[levels["step"] == run]
        outside = {0: "middle left", len(colors) - 1: "middle right"}.get(run)
        figure.add_scatter(
            x=[run] * len(part),
            y=part["k"].tolist(),
            mode="markers+text" if outside else "markers",
            text=part["n"].tolist(),
            textposition=outside,
            textfont={"size": 12},
            marker={
                "color": color,
                "size": (6 + 26 * np.sqrt(part["n"] / most)).tolist(),
                "line": {"width": 1, "color": "white"},
            },
            hovertext=[f"{counted(n, 'question')} with {k}" for k, n in zip(part["k"], part["n"], strict=True)],
            hoverinfo="text",
            showlegend=False,
        )


def _tall(n_models: int) -> int:
    """Pixels of what stands beside the traces of as many models."""
    return max(420, 40 + 120 * n_models)


def _short(name: str) -> str:
    return escaped(shortened(name, 40))
