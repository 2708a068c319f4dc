"""Arrays → Plotly figures, and token heat maps as HTML. No computation, no randomness.

Models are colours, clusters are shapes and numbers. Model output is untrusted: every text is escaped, since Plotly
renders a subset of HTML. No figure carries a selection; ids are in `customdata`.
"""

import html
import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from homog_core.records import Estimate

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
        known = entropy == entropy  # of an imported answer it may be NaN
        alpha = 0.72 * min(max(entropy, 0.0) / ENTROPY_SCALE, 1.0) if known else 0.0
        hover = f"{entropy:.2f} nats" if known else "entropy not known"
        extra = "" if range(len(tokens))[own].count(i) else "opacity:.55;text-decoration:line-through;"
        spans.append(
            f'<span title="token {i + 1}: {hover}" style="background:rgba({_ENTROPY_RGB},{alpha:.2f});'
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


# Several models side by side


def paired_strips(
    names: Sequence[str],
    counts: Sequence[Sequence[int]],
    representatives: Sequence[Sequence[str]],
    n_left_out: Sequence[int],
    colors: Sequence[str],
) -> go.Figure:
    """A cluster strip a model, one under the other on one scale; answers that are in no cluster end the row in grey.

    A text that does not fit its block on the screen at hand is hidden by Plotly; its number and count stay.
    """
    figure = go.Figure()
    total = max([sum(row) + out for row, out in zip(counts, n_left_out, strict=True)], default=1)
    for row, (sizes, texts, color) in enumerate(zip(counts, representatives, colors, strict=True)):
        start = 0
        for k, (size, text) in enumerate(zip(sizes, texts, strict=True)):
            hover = f"<b>Cluster {k + 1}</b>, {_times(size)}<br>{_wrapped(text, 60)}"
            _add_block(figure, row, start, size, color, k, hover)
            _add_block_text(figure, row - 0.17, 0.3, start, size, f"<b>{k + 1}</b> · {size}", color)
            if shown := _two_lines(text, size / total):
                _add_block_text(figure, row + 0.15, 0.4, start, size, shown, color)
            start += size
        if n_left_out[row]:
            hover = f"{_times(n_left_out[row])} without text, in no cluster"
            _add_block(figure, row, start, n_left_out[row], GREY, len(sizes), hover)
            _add_block_text(figure, row, 0.5, start, n_left_out[row], f"{n_left_out[row]} empty", "")
        figure.add_annotation(x=0, y=row - 0.35, text=f"<b>{_short(names[row])}</b>", yanchor="bottom")
    figure.update_annotations(showarrow=False, xanchor="left", font={"size": 13})
    figure.update_layout(
        barmode="overlay",
        height=16 + 104 * len(names),
        margin=_MARGIN,
        hoverlabel={"align": "left"},
        uniformtext={"mode": "hide", "minsize": 10},
    )
    figure.update_xaxes(visible=False, range=[0, total], fixedrange=True)
    figure.update_yaxes(visible=False, range=[len(names) - 0.6, -0.7], fixedrange=True)
    return figure


def _add_block(figure: go.Figure, row: int, start: int, size: int, color: str, k: int, hover: str) -> None:
    figure.add_bar(
        y=[row],
        x=[size],
        base=[start],
        width=0.68,
        orientation="h",
        marker={"color": color, "line": {"color": "white", "width": 2}},
        hovertext=[hover],
        hoverinfo="text",
        customdata=[k],
        showlegend=False,
    )


def _add_block_text(figure: go.Figure, y: float, height: float, start: int, size: int, text: str, color: str) -> None:
    """A text in a block: an invisible bar of the height that the text may take."""
    figure.add_bar(
        y=[y],
        x=[size],
        base=[start],
        width=height,
        orientation="h",
        marker={"color": "rgba(0,0,0,0)"},
        text=[text],
        textposition="inside",
        insidetextanchor="middle",
        textangle=0,
        textfont={"size": 13} | ({"color": ink_on(color)} if color else {}),
        hoverinfo="skip",
        showlegend=False,
    )


def _two_lines(text: str, share: float) -> str:
    """`text` cut to two lines for a block of that share of a desktop's width."""
    width = max(int(150 * share), 12)
    lines = textwrap.wrap(_cut(text, 2 * width), width)
    if len(lines) > 2:
        lines = [lines[0], _cut(" ".join(lines[1:]), width)]
    return "<br>".join(html.escape(line, quote=False) for line in lines)


def ink_on(color: str) -> str:
    """The text colour that is readable on a model's colour."""
    return "white" if color == MODEL_COLORS[0] else "#1a2026"


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
    low, high = _square(np.asarray(coordinates, dtype=float))
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
    near, far = ("#56B4E9", "#12181f") if dark else ("#0072B2", "#f2f6fa")
    figure = go.Figure(
        go.Heatmap(
            z=np.clip(1 - similarity[np.ix_(order, order)], 0, 1),
            zmin=0,
            zmax=1,
            colorscale=[[0, near], [1, far]],
            colorbar={"title": {"text": "distance", "side": "right"}, "thickness": 10, "tickvals": [0, 0.5, 1]},
            customdata=[[f"{a}<br>{b}" for a in called] for b in called],
            hovertemplate="%{customdata}<br>distance %{z:.2f}<extra></extra>",
        )
    )
    new_model = np.diff(position) != 0
    for edge in np.flatnonzero(~new_model & (np.diff(labels) != 0)) + 0.5:
        for add in (figure.add_vline, figure.add_hline):
            add(edge, line={"width": 0.75, "color": GREY})
    for edge in np.flatnonzero(new_model) + 0.5:
        for add in (figure.add_vline, figure.add_hline):
            add(edge, line={"width": 3, "color": "#D55E00"})
    middles = [float(np.flatnonzero(position == p).mean()) for p in np.unique(position)]
    shown = [_short(marks[p]) for p in np.unique(position)]
    figure.update_xaxes(tickvals=middles, ticktext=shown, showgrid=False, constrain="domain", tickangle=0, ticks="")
    figure.update_yaxes(tickvals=middles, ticktext=shown, showgrid=False, autorange="reversed", scaleanchor="x")
    figure.update_yaxes(constrain="domain", tickangle=-90, ticks="")
    figure.update_layout(height=_tall(len(names)), margin=_MARGIN)
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
    figure.update_layout(height=_tall(rows), margin=_MARGIN | {"l": 48, "b": 40, "t": 24})
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

    `levels` (step, k, n) and `transitions` (step, k_from, k_to, n) as from `side_by_side`; on top the means with their
    intervals, and `this` question where its numbers are given.
    """
    figure = go.Figure()
    ink = "#e8edf2" if dark else "#1a2026"
    _add_ways(figure, transitions)
    _add_levels(figure, levels, colors)
    figure.add_scatter(
        x=list(range(len(names))),
        y=[mean.value for mean in means],
        error_y={
            "array": [mean.high - mean.value for mean in means],
            "arrayminus": [mean.value - mean.low for mean in means],
            "color": ink,
            "width": 8,
        },
        mode="lines+markers",
        name="mean and 95 % interval",
        line={"color": ink, "width": 2.5},
        marker={"symbol": "diamond", "size": 12, "color": ink, "line": {"width": 1.5, "color": "white"}},
        hovertext=[f"mean {m.value:.2f} [{m.low:.2f}, {m.high:.2f}]" for m in means],
        hoverinfo="text",
    )
    if len(this):
        figure.add_scatter(
            x=list(range(len(names))),
            y=list(this),
            mode="lines+markers",
            name="the question above",
            line={"color": "#D55E00", "width": 3, "dash": "dot"},
            marker={"symbol": "star", "size": 13, "color": "#D55E00", "line": {"width": 1, "color": "white"}},
            hovertemplate="the question above: %{y}<extra></extra>",
        )
    ticks = [f"{_wrapped(n, 16)}<br>mean {m.value:.2f}" for n, m in zip(names, means, strict=True)]
    top = max(levels["k"], default=1)
    figure.update_xaxes(tickvals=list(range(len(names))), ticktext=ticks, showgrid=False, zeroline=False, ticks="")
    figure.update_xaxes(range=[-0.22, len(names) - 0.78], ticklabeloverflow="allow", tickangle=0)
    figure.update_yaxes(title="different answers", range=[0.3, top + 0.7], zeroline=False, showgrid=False)
    figure.update_yaxes(dtick=1 if top <= 12 else None)
    figure.update_layout(height=460, margin=_MARGIN | {"l": 48, "b": 56}, hovermode="closest")
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
            line={"width": 1 + 8 * n / most, "color": f"rgba(128,128,128,{0.25 + 0.5 * n / most:.2f})", "dash": dash},
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
        hovertext=[f"{_questions(row.n)}: {row.k_from} → {row.k_to}" for row in transitions.itertuples()],
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
            hovertext=[f"{_questions(n)} with {k}" for k, n in zip(part["k"], part["n"], strict=True)],
            hoverinfo="text",
            showlegend=False,
        )


def answer_groups(groups: Sequence[tuple[str, Sequence[tuple[str, str]]]], color: str) -> str:
    """HTML of a model's answers by cluster: (heading, [(text, note)]) each, all escaped."""
    inner = "".join(
        f'<div style="border-left:4px solid {color};padding:2px 0 2px 10px"><div style="font-size:.8rem">'
        f"{html.escape(heading)}</div>"
        + "".join(
            f'<div style="white-space:pre-wrap;overflow-wrap:anywhere;padding:2px 0">{html.escape(text)}'
            f'<span style="font-size:.8rem;opacity:.8">{html.escape(f"  {note}" if note else "")}</span></div>'
            for text, note in members
        )
        + "</div>"
        for heading, members in groups
    )
    return f'<div style="display:flex;flex-direction:column;gap:10px">{inner}</div>'


def model_heading(name: str, color: str) -> str:
    """HTML of a model's name beside its colour, on one line."""
    name = html.escape(name)
    return (
        f'<div title="{name}" style="white-space:nowrap;overflow:hidden;text-overflow:ellipsis"><span style="'
        f'display:inline-block;width:12px;height:12px;border-radius:3px;background:{color};margin-right:8px"></span>'
        f"<b>{name}</b></div>"
    )


def _tall(n_models: int) -> int:
    """Pixels of what stands beside the traces of as many models."""
    return max(420, 40 + 120 * n_models)


def _short(name: str) -> str:
    return html.escape(_cut(name, 40), quote=False)


def _questions(n: int) -> str:
    return "1 question" if n == 1 else f"{n} questions"
