"""Arrays → Plotly figures, and token heat maps as HTML. No computation, no randomness.

Models are colours, clusters are shapes and numbers. Model output is untrusted: every text is escaped, since Plotly
renders a subset of HTML. No figure carries a selection; ids are in `customdata`.
"""

import html
import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

MODEL_COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7")  # Okabe–Ito
SYMBOLS = tuple(
    "circle square diamond triangle-up cross star hexagon pentagon triangle-down x hexagram bowtie "  # noqa: SIM905
    "star-square star-diamond hourglass octagon diamond-wide triangle-left triangle-right star-triangle-up".split()
)
GREY = "rgba(128,128,128,0.45)"
ENTROPY_SCALE = 4.0  # nats at which the token heat map is saturated
_ENTROPY_RGB = "213,94,0"  # one hue, read as intensity
_MARGIN = {"l": 8, "r": 8, "t": 8, "b": 8}


def cluster_strip(counts: Sequence[int], representatives: Sequence[str], color: str) -> go.Figure:
    """One block per cluster, the largest first; its width is its count, with its number and representative text."""
    total = max(sum(counts), 1)
    figure = go.Figure()
    for k, (count, text) in enumerate(zip(counts, representatives, strict=True)):
        label = f"<b>{k + 1}</b> · {count}"
        room = int(100 * count / total)
        shown = _wrapped(_cut(text, room * 2), max(room - 4, 8)) if room >= 18 else ""
        figure.add_bar(
            y=[""],
            x=[count],
            orientation="h",
            marker={"color": color, "line": {"color": "white", "width": 2}},
            text=[f"{label}<br>{shown}" if shown else label],
            textposition="inside",
            insidetextanchor="middle",
            textangle=0,
            textfont={"color": "white", "size": 13},
            constraintext="none",
            cliponaxis=True,
            hovertext=[f"<b>Cluster {k + 1}</b>, {_times(count)}<br>{_wrapped(text, 60)}"],
            hoverinfo="text",
            customdata=[k],
            showlegend=False,
        )
    figure.update_layout(barmode="stack", height=104, margin=_MARGIN, bargap=0, hoverlabel={"align": "left"})
    figure.update_xaxes(visible=False, range=[0, total], fixedrange=True)
    figure.update_yaxes(visible=False, fixedrange=True)
    return figure


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
                f"<br>{_wrapped(answers[m[0]], 50)}"
                for m in members
            ],
            hoverinfo="text",
            customdata=[indices[m[0]] for m in members],
        )
    figure.update_layout(
        height=360, margin=_MARGIN, showlegend=False, hoverlabel={"align": "left"}, clickmode="event+select"
    )
    low, high = _square(places)
    figure.update_xaxes(visible=False, range=[low[0], high[0]])
    figure.update_yaxes(visible=False, range=[low[1], high[1]], scaleanchor="x")
    return figure


def distance_matrix(similarity: np.ndarray, labels: Sequence[int], indices: Sequence[int], *, dark: bool) -> go.Figure:
    """Distances 1 − similarity (N, N) sorted by cluster, on a fixed 0–1 scale, with lines between clusters."""
    order = np.argsort(np.asarray(labels), kind="stable")
    sorted_labels = np.asarray(labels)[order]
    distances = np.clip(1 - similarity[np.ix_(order, order)], 0, 1)
    names = [str(indices[i] + 1) for i in order]
    near, far = ("#56B4E9", "#12181f") if dark else ("#0072B2", "#f2f6fa")
    figure = go.Figure(
        go.Heatmap(
            z=distances,
            zmin=0,
            zmax=1,
            colorscale=[[0, near], [1, far]],
            colorbar={"title": {"text": "distance", "side": "right"}, "thickness": 10, "tickvals": [0, 0.5, 1]},
            hovertemplate="answers %{customdata}<br>distance %{z:.2f}<extra></extra>",
            customdata=[[f"{a} and {b}" for a in names] for b in names],
            xgap=1,
            ygap=1,
        )
    )
    edges = np.flatnonzero(np.diff(sorted_labels)) + 0.5
    for edge in edges if len(edges) < len(names) - 1 else ():  # lines around every single answer would say nothing
        figure.add_vline(x=edge, line={"width": 1.5, "color": "#D55E00"})
        figure.add_hline(y=edge, line={"width": 1.5, "color": "#D55E00"})
    places = list(range(len(names)))
    figure.update_xaxes(
        tickvals=places, ticktext=names, showgrid=False, constrain="domain", title="answer", tickangle=0
    )
    figure.update_yaxes(tickvals=places, ticktext=names, showgrid=False, autorange="reversed", scaleanchor="x")
    figure.update_layout(height=360, margin=_MARGIN)
    return figure


def entropy_traces(
    entropies: Mapping[int, Sequence[float]], tokens: Mapping[int, Sequence[str]], chosen: int | None, color: str
) -> go.Figure:
    """Entropy of the next-token distribution along every answer; the chosen answer in colour, the others thin and grey.

    Keys are sample indices, −1 for the greedy answer.
    """
    figure = go.Figure()
    for index in sorted(entropies, key=lambda i: i == chosen):
        is_chosen = index == chosen
        name = answer_name(index)
        figure.add_scatter(
            x=list(range(1, len(entropies[index]) + 1)),
            y=list(entropies[index]),
            mode="lines+markers" if is_chosen else "lines",
            name=name,
            line={"color": color if is_chosen else GREY, "width": 3 if is_chosen else 1, "shape": "linear"},
            marker={"size": 7},
            customdata=[_token_label(token) for token in tokens[index]],
            hovertemplate=f"<b>{name}</b>, token %{{x}}<br>“%{{customdata}}”<br>%{{y:.2f}} nats<extra></extra>",
            showlegend=False,
        )
    figure.update_layout(height=260, margin=_MARGIN | {"l": 48, "b": 40}, hovermode="closest")
    figure.update_xaxes(title="token", rangemode="tozero", showgrid=False)
    figure.update_yaxes(title="entropy (nats)", rangemode="tozero")
    return figure


def token_heat_map(tokens: Sequence[str], entropies: Sequence[float], own: slice) -> str:
    """HTML of an answer whose tokens are shaded by their entropy, on a fixed scale; tokens outside `own` are struck."""
    spans = []
    for i, (token, entropy) in enumerate(zip(tokens, entropies, strict=True)):
        alpha = 0.72 * min(max(entropy, 0.0) / ENTROPY_SCALE, 1.0)
        extra = "" if range(len(tokens))[own].count(i) else "opacity:.55;text-decoration:line-through;"
        spans.append(
            f'<span title="token {i + 1}: {entropy:.2f} nats" style="background:rgba({_ENTROPY_RGB},{alpha:.2f});'
            f'border-radius:3px;padding:2px 0;{extra}">{html.escape(_visible(token))}</span>'
        )
    body = "".join(spans)
    return f'<div style="font-size:1.1rem;line-height:2;white-space:pre-wrap;overflow-wrap:anywhere">{body}</div>'


def entropy_legend() -> str:
    """HTML of the heat map's scale."""
    return (
        f'<div style="display:flex;align-items:center;gap:8px;font-size:.8rem"><span>0 nats: certain</span>'
        f'<span style="flex:0 0 140px;height:10px;border-radius:3px;background:linear-gradient(90deg,'
        f'rgba({_ENTROPY_RGB},0),rgba({_ENTROPY_RGB},.72));border:1px solid {GREY}"></span>'
        f"<span>{ENTROPY_SCALE:g} or more: hesitating</span></div>"
    )


def answer_cards(cards: Sequence[tuple[str, str, str]]) -> str:
    """HTML of a grid of answers while they arrive: (title, text, footer) each, all escaped."""
    inner = "".join(
        f'<div style="border:1px solid {GREY};border-radius:8px;padding:8px 10px;min-height:5.2rem;'
        f'display:flex;flex-direction:column;gap:4px"><div style="font-size:.75rem;opacity:.75">{html.escape(title)}'
        f'</div><div style="flex:1;white-space:pre-wrap;overflow-wrap:anywhere">{html.escape(text)}</div>'
        f'<div style="font-size:.75rem;opacity:.75">{html.escape(footer)}</div></div>'
        for title, text, footer in cards
    )
    columns = "repeat(auto-fill,minmax(min(100%,230px),1fr))"
    return f'<div style="display:grid;grid-template-columns:{columns};gap:10px">{inner}</div>'


def answer_name(index: int) -> str:
    """How an answer is called: by its number from 1, or greedy."""
    return "Greedy answer" if index < 0 else f"Answer {index + 1}"


def _times(count: int) -> str:
    return "1 answer" if count == 1 else f"{count} answers"


def _cut(text: str, length: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= length else text[: max(length - 1, 1)].rstrip() + "…"


def _wrapped(text: str, width: int) -> str:
    return "<br>".join(html.escape(line, quote=False) for line in textwrap.wrap(text, width))


def _token_label(token: str) -> str:
    return html.escape(_visible(token).strip(" ") or "␣", quote=False)


def _visible(token: str) -> str:
    """A token with its line breaks shown; one without text (a special token) is shown as a mark."""
    return token.replace("\n", "↵") if token else "⏹"


def _square(places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Corners of a square around the points with room for their labels."""
    if not len(places):
        return np.array([-1.0, -1.0]), np.array([1.0, 1.0])
    low, high = places.min(axis=0), places.max(axis=0)
    half = max(float((high - low).max()) / 2 * 1.25, 0.05)
    centre = (low + high) / 2
    return centre - half, centre + half
