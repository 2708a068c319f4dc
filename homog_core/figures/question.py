"""The figures of one question: its answers on a map, their distances and their entropies."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from homog_core.figures.html import token_label
from homog_core.figures.theme import ACCENT, GREY, MARGIN, NEAR, PALE, SYMBOLS, wrapped
from homog_core.wording.numbers import number

MOST_NATS = 6.0  # where the axis of entropies ends, unless one is higher: as if 400 tokens were equally likely
MOST_NAMED = 200  # answers of a heat map whose cells name them


def answer_map(
    coordinates: np.ndarray, labels: Sequence[int], answers: Sequence[str], indices: Sequence[int], color: str
) -> go.Figure:
    """Answers in the plane (N, 2); shape and number are the cluster, exact duplicates are one mark with its count."""
    figure = go.Figure()
    labels = np.asarray(labels)
    places = np.round(np.asarray(coordinates, dtype=float), 9)
    for k in range(int(labels.max()) + 1 if len(labels) else 0):
        groups: dict[tuple[float, float], list[int]] = {}
        for i in np.flatnonzero(labels == k):
            groups.setdefault((places[i, 0], places[i, 1]), []).append(int(i))
        members = list(groups.values())
        figure.add_scatter(
            x=[xy[0] for xy in groups],
            y=[xy[1] for xy in groups],
            mode="markers+text",
            name=f"Cluster {k + 1} ({sum(map(len, members))})",
            marker={
                "symbol": SYMBOLS[k % len(SYMBOLS)],
                "color": color,
                "opacity": 0.85,
                "size": [16 + 5 * np.sqrt(len(m) - 1) for m in members],
                "line": {"width": 1, "color": "white"},
            },
            text=[f"{k + 1}" + (f" ×{len(m)}" if len(m) > 1 else "") for m in members],
            textposition="top center",
            textfont={"size": 12},
            hovertext=[
                f"<b>Cluster {k + 1}</b>, answer {', '.join(str(indices[i] + 1) for i in m)}"
                f"<br>{wrapped(answers[m[0]], 50)}"
                for m in members
            ],
            hoverinfo="text",
            customdata=[indices[m[0]] for m in members],
        )
    figure.update_layout(
        height=360, margin=MARGIN, showlegend=False, hoverlabel={"align": "left"}, clickmode="event+select"
    )
    low, high = square_panel(places)
    figure.update_xaxes(visible=False, range=[low[0], high[0]])
    figure.update_yaxes(visible=False, range=[low[1], high[1]], scaleanchor="x")
    return figure


def distance_matrix(similarity: np.ndarray, labels: Sequence[int], indices: Sequence[int], *, dark: bool) -> go.Figure:
    """Distances 1 − similarity (N, N) sorted by cluster, on a fixed 0–1 scale, with lines between clusters."""
    order = np.argsort(np.asarray(labels), kind="stable")
    sorted_labels = np.asarray(labels)[order]
    names = [str(indices[i] + 1) for i in order]
    pair = lambda a, b: f"answers {names[b]} and {names[a]}"
    figure = go.Figure(heat_map(similarity[np.ix_(order, order)], pair, dark=dark).update(xgap=1, ygap=1))
    edges = np.flatnonzero(np.diff(sorted_labels)) + 0.5
    if len(edges) < len(names) - 1:  # lines around every single answer would say nothing
        figure.update_layout(shapes=edge_lines(edges, {"width": 1.5, "color": ACCENT}))
    places = list(range(len(names)))
    figure.update_xaxes(
        tickvals=places, ticktext=names, showgrid=False, constrain="domain", title="answer", tickangle=0
    )
    figure.update_yaxes(tickvals=places, ticktext=names, showgrid=False, autorange="reversed", scaleanchor="x")
    figure.update_layout(height=360, margin=MARGIN)
    return figure


def heat_map(similarity: np.ndarray, pair: Callable[[int, int], str], *, dark: bool) -> go.Heatmap:
    """Distances 1 − similarity (N, N) on a fixed 0–1 scale; `pair` names the answers of a row and a column, escaped.

    Of more than `MOST_NAMED` answers a cell says its distance alone: all names would be megabytes.
    """
    distances = np.clip(1 - similarity, 0, 1)
    hover: dict = {"hovertemplate": "distance %{z:.2f}<extra></extra>"}
    if len(distances) <= MOST_NAMED:
        texts = [
            [f"{pair(a, b)}<br>distance {number(d)}" for b, d in enumerate(row)]
            for a, row in enumerate(distances.tolist())
        ]
        hover = {"hovertext": texts, "hoverinfo": "text"}
    return go.Heatmap(
        z=distances,
        zmin=0,
        zmax=1,
        colorscale=[[0, NEAR[dark]], [1, PALE[dark]]],
        colorbar={"title": {"text": "distance", "side": "right"}, "thickness": 10, "tickvals": [0, 0.5, 1]},
        **hover,
    )


def edge_lines(edges: np.ndarray, line: dict) -> list[dict]:
    """Lines across a heat map, both ways, at some places of its axes."""
    across = ({"x0": 0, "x1": 1, "xref": "x domain", "y0": e, "y1": e, "yref": "y"} for e in edges.tolist())
    up = ({"x0": e, "x1": e, "xref": "x", "y0": 0, "y1": 1, "yref": "y domain"} for e in edges.tolist())
    return [{"type": "line", "line": line, **place} for place in (*up, *across)]


def entropy_traces(
    entropies: Mapping[int, Sequence[float]], tokens: Mapping[int, Sequence[str]], chosen: int | None, color: str
) -> go.Figure:
    """Entropy of the next-token distribution along every answer; the chosen answer in colour, the others thin and grey.

    Keys are sample indices, −1 for the greedy answer. The axis goes from 0 to `MOST_NATS`, whatever is shown, so that
    noise does not fill it; what is higher extends it.
    """
    others = [index for index in entropies if index != chosen]
    traces = [_trace(others, entropies, tokens, "")] if others else []
    if chosen in entropies:
        traces.append(_trace([chosen], entropies, tokens, color))
    highest = max((value for own in entropies.values() for value in own if value == value), default=0.0)
    layout = {
        "height": 260,
        "margin": MARGIN | {"l": 48, "b": 40},
        "hovermode": "closest",
        "xaxis": {"title": {"text": "token"}, "rangemode": "tozero", "showgrid": False},
        "yaxis": {"title": {"text": "entropy (nats)"}, "range": [0, max(MOST_NATS, 1.05 * highest)]},
    }
    return go.Figure(traces, layout)


def _trace(
    indices: Sequence[int], entropies: Mapping[int, Sequence[float]], tokens: Mapping[int, Sequence[str]], color: str
) -> dict:
    """The lines of some answers as one trace, with a gap between two answers; with a colour they stand out."""
    parts = [(answer_name(index), np.asarray(entropies[index], dtype=float), tokens[index]) for index in indices]
    x = [value for _, own, _ in parts for value in (*range(1, len(own) + 1), np.nan)]
    said = [
        line
        for name, own, texts in parts
        for line in (*((token_label(t), number(v), name) for t, v in zip(texts, own, strict=True)), ("", "", ""))
    ]
    y = np.concatenate([part for _, own, _ in parts for part in (own, [np.nan])])
    return {
        "type": "scatter",
        "x": np.array(x[:-1]),  # arrays: Plotly looks at every value of a list by itself
        "y": y[:-1],
        "mode": "lines+markers" if color else "lines",
        "name": answer_name(indices[0]) if color else "other answers",
        "line": {"color": color or GREY, "width": 3 if color else 1},
        "marker": {"size": 7},
        "customdata": np.array(said[:-1], dtype=object).reshape(-1, 3),
        "hovertemplate": (
            "<b>%{customdata[2]}</b>, token %{x}<br>“%{customdata[0]}”<br>%{customdata[1]} nats<extra></extra>"
        ),
        "showlegend": False,
    }


def answer_name(index: int) -> str:
    """How an answer is called: by its number from 1, or greedy."""
    return "Greedy answer" if index < 0 else f"Answer {index + 1}"


def square_panel(places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Corners of a square around the points with room for their labels."""
    if not len(places):
        return np.array([-1.0, -1.0]), np.array([1.0, 1.0])
    low, high = places.min(axis=0), places.max(axis=0)
    half = max(float((high - low).max()) / 2 * 1.25, 0.05)
    centre = (low + high) / 2
    return centre - half, centre + half
