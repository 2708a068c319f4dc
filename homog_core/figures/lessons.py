"""The figures and HTML of the pages that explain: Start here and Methods."""

import html
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from homog_core.figures.html import ENTROPY_SCALE, shade, token_label
from homog_core.figures.series import whiskers
from homog_core.figures.theme import GREY, INK, MARGIN, PALE, PAPER, escaped
from homog_core.records import Estimate
from homog_core.wording import numbers

_MOST_IN_A_ROW = 5


@dataclass(frozen=True, slots=True)
class Pile:
    """Answers that count as the same, or one answer."""

    heading: str
    text: str
    count: int = 1
    note: str = ""


def answer_piles(
    piles: Sequence[Pile], color: str, *, dark: bool, least_width: str = "15em", lines: int | None = None
) -> str:
    """HTML of piles of cards, at most five side by side; a pile has as many edges as it has answers.

    With `lines` the texts are cut there; the whole one is in the title.
    """
    cards = "".join(_pile(pile, color, PAPER[dark], lines) for pile in piles)
    fifth = f"calc((100% - {_MOST_IN_A_ROW - 1} * .7em) / {_MOST_IN_A_ROW})"
    columns = f"repeat(auto-fit,minmax(min(100%,max({least_width},{fifth})),1fr))"
    return f'<div style="display:grid;grid-template-columns:{columns};gap:.7em;align-items:stretch">{cards}</div>'


def _pile(pile: Pile, color: str, paper: str, lines: int | None) -> str:
    edges = min(pile.count, 20) - 1
    step = 0.3  # em
    shadow = ",".join(
        f"{step * i:.2f}em {step * i:.2f}em 0 {'-1px' if top else '0'} {paper if top else GREY}"
        for i in range(1, edges + 1)
        for top in (True, False)
    )
    room = f"margin:0 {step * edges + 0.1:.1f}em {step * edges + 0.1:.1f}em 0;" if edges else ""
    note = f'<div style="font-size:.8em;opacity:.85">{html.escape(pile.note)}</div>' if pile.note else ""
    clamp = f"display:-webkit-box;-webkit-box-orient:vertical;-webkit-line-clamp:{lines};overflow:hidden"
    cut = f' title="{html.escape(pile.text)}" style="overflow-wrap:anywhere;{clamp}"'
    body = cut if lines else ' style="white-space:pre-wrap;overflow-wrap:anywhere"'
    return (
        f'<div style="{room}border:1px solid {GREY};border-left:.35em solid {color};border-radius:.5em;'
        f"padding:.5em .7em;background:{paper};box-shadow:{shadow or 'none'};display:flex;flex-direction:column;"
        f'gap:.2em"><div style="font-size:.8em;opacity:.85">{html.escape(pile.heading)}</div>'
        f"<div{body}>{html.escape(pile.text)}</div>{note}</div>"
    )


def token_row(tokens: Sequence[str], entropies: Sequence[float]) -> str:
    """HTML of an answer: under each token its entropy in nats, which shades it too, as in `html.token_heat_map`."""
    cells = []
    for i, (token, entropy) in enumerate(zip(tokens, entropies, strict=True)):
        gap = ".3em" if i and token[:1].isspace() else "0"
        cells.append(
            '<span style="display:inline-flex;flex-direction:column;align-items:center;min-width:1.75em;'
            f'margin:0 0 .4em {gap}"><span style="background:{shade(entropy)};border:1px solid rgba(128,128,128,.25);'
            f'border-radius:.2em;padding:.05em .2em">{token_label(token)}</span>'
            f'<span style="font-size:.72em;font-variant-numeric:tabular-nums">{numbers.number(entropy)}</span></span>'
        )
    return f'<div style="font-size:1.25em;line-height:1.5;overflow-wrap:anywhere">{"".join(cells)}</div>'


def entropy_anchors() -> str:
    """HTML of what some entropies stand for: the number of tokens that would be equally likely."""
    items = "".join(
        '<span style="display:flex;align-items:center;gap:.4em"><span style="width:1.2em;height:1.2em;'
        f'border-radius:.2em;border:1px solid {GREY};background:{shade(np.log(n))}"></span>'
        f"{numbers.number(np.log(n))}: {_equally(n)}</span>"
        for n in (1, 2, 4, round(float(np.exp(ENTROPY_SCALE))))
    )
    return f'<div style="display:flex;flex-wrap:wrap;gap:.3em 1.4em;font-size:.9em">{items}</div>'


def _equally(n: int) -> str:
    return "only one token is possible" if n == 1 else f"{numbers.counted(n, 'token')} are equally likely"


def stages_row(stages: Sequence[tuple[str, str, str]], color: str) -> str:
    """HTML of steps that follow one another: (title, cost, how often) each."""
    boxes = "".join(
        f'<div style="border:1px solid {GREY};border-top:.3em solid {color};border-radius:.5em;padding:.6em .8em">'
        f'<div style="font-weight:600">{html.escape(title)}</div><div>{html.escape(cost)}</div>'
        f'<div style="font-size:.85em;opacity:.85">{html.escape(often)}</div></div>'
        for title, cost, often in stages
    )
    return f'<div style="display:grid;grid-template-columns:repeat(auto-fit,minmax(14em,1fr));gap:.7em">{boxes}</div>'


def answers_per_question(
    base: np.ndarray, aligned: np.ndarray, names: tuple[str, str], colors: tuple[str, str], size: int = 13
) -> go.Figure:
    """How many questions (N,) got one, two, … different answers, of two models; index 0 stands for one answer."""
    figure = go.Figure()
    for counts, name, color in zip((base, aligned), names, colors, strict=True):
        figure.add_bar(
            x=list(range(1, len(counts) + 1)),
            y=counts.tolist(),
            name=escaped(name),
            marker={"color": color},
            text=[str(n) if n else "" for n in counts],
            textposition="outside",
            textfont={"size": size - 2},
            cliponaxis=False,
            hovertemplate=f"{escaped(name)}: %{{y}} questions with %{{x}} different answers<extra></extra>",
        )
    figure.update_layout(
        barmode="group",
        height=22 * size,
        margin=MARGIN | {"t": 30},
        font={"size": size},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "font": {"size": size}},
    )
    axis = {"title": {"font": {"size": size}}, "tickfont": {"size": size}}
    figure.update_xaxes(**axis, title_text="different answers to one question", dtick=1, showgrid=False)
    figure.update_yaxes(**axis, title_text="questions", rangemode="tozero")
    return figure


@dataclass(frozen=True, slots=True, eq=False)
class DotRow:
    """Answers of one grade as a heap of dots."""

    name: str
    x: np.ndarray  # (N,)
    height: np.ndarray  # (N,) place in the heap, from 1
    strong: np.ndarray  # (N,) bool; the others are small and grey
    texts: Sequence[str]  # of the hover
    notes: Sequence[str]
    marked: dict[int, str]  # index → words beside the dot


def dot_rows(
    rows: Sequence[DotRow], color: str, x_title: str, high: float, size: int = 13, low: float = 0.0, tall: int = 330
) -> go.Figure:
    """Rows of heaped dots over one axis from `low` to `high`, the first on top; `tall` pixels of dots.

    The axis begins further left where a heap does.
    """
    units = [max([*row.height, 1]) + 1.5 for row in rows]
    dot = float(np.clip(tall / sum(units), 2, size - 1))
    figure = make_subplots(rows=len(rows), cols=1, shared_xaxes=True, row_heights=units, vertical_spacing=0.06)
    for position, row in enumerate(rows, start=1):
        for strong in (False, True):
            shown = np.flatnonzero(row.strong == strong)
            figure.add_scatter(
                x=row.x[shown],
                y=row.height[shown] - 0.4,
                mode="markers",
                marker={
                    "size": 0.86 * dot,
                    "color": color if strong else "rgba(0,0,0,0)",
                    "line": {"width": 1, "color": color if strong else "rgb(128,128,128)"},
                },
                hovertext=[f"<b>{escaped(row.texts[i])}</b><br>{escaped(row.notes[i])}" for i in shown],
                hoverinfo="text",
                showlegend=False,
                row=position,
                col=1,
            )
        for index, words in row.marked.items():
            figure.add_annotation(
                x=row.x[index],
                y=row.height[index] - 0.4,
                text=escaped(words),
                ax=24,
                ay=-24 * size / 13,
                xanchor="left",
                font={"size": size},
                arrowwidth=1.5,
                row=position,
                col=1,
            )
        figure.update_yaxes(
            range=[0, units[position - 1]],
            tickvals=[0.6],
            ticktext=[escaped(row.name)],
            tickfont={"size": size},
            showgrid=False,
            zeroline=True,
            zerolinecolor=GREY,
            row=position,
            col=1,
        )
    room, low = 0.03 * (high - low), min([low, *(float(row.x.min()) for row in rows if len(row.x))])
    figure.update_xaxes(range=[low - room, high + room], zeroline=False, tickfont={"size": size})
    figure.update_xaxes(title={"text": x_title, "font": {"size": size}}, row=len(rows), col=1)
    height = max(dot * sum(units) + 7 * size, 170)
    figure.update_layout(height=height, margin=MARGIN, font={"size": size}, hovermode="closest")
    return figure


def cost_and_quality(
    names: Sequence[str], costs: Sequence[float], qualities: Sequence[Estimate], color: str, size: int = 13
) -> go.Figure:
    """Ways to find wrong answers: tokens a question against the share of pairs ranked correctly, with its interval."""
    pairs = [{name: 100 * getattr(found, name) for name in ("value", "low", "high")} for found in qualities]
    figure = go.Figure(
        go.Scatter(
            x=list(costs),
            y=[row["value"] for row in pairs],
            error_y=whiskers(pairs) | {"width": 8, "thickness": 2},
            mode="markers",
            marker={"size": size, "color": color, "line": {"width": 1, "color": "white"}},
            hovertext=[
                f"{escaped(name)}<br>{numbers.tokens(cost)} tokens a question<br>"
                f"{numbers.whole(row['value'])} of 100 pairs"
                for name, cost, row in zip(names, costs, pairs, strict=True)
            ],
            hoverinfo="text",
        )
    )
    for name, cost, row in zip(names, costs, pairs, strict=True):
        figure.add_annotation(
            x=cost,
            y=row["high"],
            text=escaped(name),
            showarrow=False,
            yanchor="bottom",
            yshift=6,
            xanchor="left" if cost < 0.5 * max(costs) else "right",
            font={"size": size},
        )
    figure.add_hline(
        y=50, line={"dash": "dash", "width": 1, "color": "grey"}, annotation={"text": "guessing", "font_size": size}
    )
    axis = {"tickfont": {"size": size}, "zeroline": False}
    figure.update_xaxes(**axis, title={"text": "extra tokens a question", "font": {"size": size}}, showgrid=False)
    figure.update_yaxes(**axis, title={"text": "pairs of 100", "font": {"size": size}})
    figure.update_xaxes(range=[-0.06 * max(costs), 1.06 * max(costs)])
    figure.update_layout(height=24 * size, margin=MARGIN | {"t": 28}, showlegend=False, font={"size": size})
    return figure


def pair_grid(won: np.ndarray, false_alarms: np.ndarray, hits: np.ndarray, color: str, *, dark: bool) -> go.Figure:
    """Every pair of a wrong (row) and a right answer (column) as a cell, and the ROC curve above those that are won."""
    n_wrong, n_right = won.shape
    words = {1.0: "the wrong one has the higher score", 0.5: "a tie", 0.0: "the right one has the higher score"}
    figure = go.Figure(
        go.Heatmap(
            x=np.arange(n_right) + 0.5,
            y=np.arange(n_wrong) + 0.5,
            z=won,
            zmin=0,
            zmax=1,
            colorscale=[[0, PALE[dark]], [1, color]],
            showscale=False,
            xgap=2,
            ygap=2,
            text=[[{1.0: "1", 0.5: "½", 0.0: "0"}[value] for value in row] for row in won.tolist()],
            texttemplate="%{text}",
            hovertext=[[words[value] for value in row] for row in won.tolist()],
            hoverinfo="text",
        )
    )
    figure.add_scatter(
        x=false_alarms.tolist(),
        y=hits.tolist(),
        mode="lines",
        line={"color": INK[dark], "width": 3},
        name="ROC curve",
        hoverinfo="skip",
        showlegend=False,
    )
    figure.update_xaxes(title="right answers, the most uncertain first", range=[0, n_right], showgrid=False, dtick=2)
    figure.update_yaxes(title="wrong answers, the most uncertain first", range=[0, n_wrong], showgrid=False, dtick=2)
    figure.update_yaxes(scaleanchor="x", constrain="domain")
    figure.update_xaxes(constrain="domain")
    figure.update_layout(height=380, margin=MARGIN)
    return figure
