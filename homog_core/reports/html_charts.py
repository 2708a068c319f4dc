"""The charts of the HTML report: runs by name → figures as data for plotly.js, each with its title.

Figures are drawn for the light theme; `templates/draw.js` changes ink and grid in the dark one. Where a chart stands,
and how it is read, is not known here.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from homog_core.analysis import changes, lineage, rates, selective, signals
from homog_core.analysis.scored_run import ScoredRun
from homog_core.analysis.signals import Undefined
from homog_core.figures import aggregate
from homog_core.figures.comparison import slope_chart
from homog_core.figures.dots import Panel, Row, dots
from homog_core.figures.drawn import draws_something
from homog_core.figures.series import Series, run_series, score_series
from homog_core.figures.theme import INK, role_colors
from homog_core.measures.clustering import Clusterer
from homog_core.measures.scores import SEMANTIC_ENTROPY, TOKEN_ENTROPY
from homog_core.wording import chart_titles
from homog_core.wording.comparison import answers_per_question
from homog_core.wording.labels import GROUP_TITLES, auroc_words, score_title
from homog_core.wording.numbers import FEW, given, number, percent, tenth_percent, with_interval

_GRID = "#dfe5ea"
_SINGLE = Panel("questions with a single cluster", range=(0, 1.02), percent=True)


def looks(runs: Mapping[str, ScoredRun]) -> list[Series]:
    """How the runs of a report look in its charts."""
    return run_series(list(runs), lineage.roles([scored.run for scored in runs.values()]))


@dataclass(frozen=True, slots=True, eq=False)
class Chart:
    """A figure and its title."""

    title: str
    figure: dict[str, Any]  # data and layout


def slopes(found: changes.Changes, runs: Mapping[str, ScoredRun]) -> Chart | None:
    """How many different answers questions get, from run to run."""
    levels, ways = changes.levels(found.clusters), changes.transitions(found.clusters)
    colors = role_colors(lineage.roles([scored.run for scored in runs.values()]))
    figure = slope_chart(levels, ways, found.means, list(runs), colors, dark=False)
    return _chart(answers_per_question(found), figure)


def aurocs(rows: Mapping[str, pd.DataFrame], looks: Sequence[Series]) -> Chart | None:
    """The AUROC of every score on all graded questions. `rows` of `analysis.signals.score_rows`, by run."""
    whole = pd.concat([frame[frame["subset"] == "all"].assign(series=name) for name, frame in rows.items()])
    lines, place = [], {}
    for group, title in GROUP_TITLES.items():
        lines.append(Row(title, heading=True))
        for score in dict.fromkeys(whole.loc[whole["group"] == group, "score"]):
            place[score] = len(lines)
            lines.append(Row(score_title(score)))
    if len(rows) > 1:  # that a score is missing would be written over those of the other runs
        whole = whole[whole["undefined"] != Undefined.NEEDS_NLI]
    marks = whole.assign(
        row=whole["score"].map(place),
        panel=0,
        faded=whole["n"] < FEW,
        hover=[_auroc_hover(row) for row in whole.itertuples()],
        words=[auroc_words(row) for row in whole.itertuples()],
    )
    panel = Panel("AUROC", reference=0.5, range=(0, 1))
    figure = dots(lines, marks, [panel], looks, dodge=len(rows) > 1)
    return _chart("AUROC of every score", figure)


def _auroc_hover(row: Any) -> str:
    value = auroc_words(row) or with_interval(row)
    return f"{score_title(row.score)}\n{row.series}\n{value}\n{row.n_incorrect} incorrect, {row.n_correct} correct"


def threshold(runs: Mapping[str, ScoredRun], clusterer: Clusterer) -> Chart | None:
    """The single-cluster rate at every threshold; None for a clusterer without one."""
    curves = {name: rates.threshold_curve(scored, clusterer) for name, scored in runs.items()}
    if any(curve.empty for curve in curves.values()):
        return None
    first, *others = runs
    tau = clusterer.threshold
    figure = aggregate.curves(
        pd.concat([_line(name, curve, "threshold") for name, curve in curves.items()]),
        looks(runs),
        [_SINGLE],
        x_title="threshold τ: how similar two answers must be to count as the same",
        x_range=(0, 1),
        mark=tau,
        mark_label=f"τ = {given(tau)}",
    )
    focus, base = (others[-1], first) if others else (first, None)
    return _chart(chart_titles.threshold(curves, focus, base, tau), figure)


def budget(runs: Mapping[str, ScoredRun], clusterer: Clusterer) -> Chart | None:
    """Single-cluster rate and entropy had fewer answers been drawn; None where there are no fewer."""
    curves = {name: rates.budget_curve(scored, clusterer) for name, scored in runs.items()}
    if any(len(curve) < 2 for curve in curves.values()):
        return None
    lines = [
        _line(name, curve, "n_samples", panel, prefix, show)
        for name, curve in curves.items()
        for panel, (prefix, show) in enumerate({"": tenth_percent, "entropy_": number}.items())
    ]
    figure = aggregate.curves(
        pd.concat(lines),
        looks(runs),
        [_SINGLE, Panel("semantic entropy, nats")],
        x_title="number of answers",
    )
    last = list(runs)[-1]
    return _chart(chart_titles.budget(curves[last], last, 3), figure)


def _line(
    name: str,
    curve: pd.DataFrame,
    x: str,
    panel: int = 0,
    prefix: str = "",
    show: Callable[[float], str] = tenth_percent,
) -> pd.DataFrame:
    """A run's line in one panel, as `figures.aggregate.curves` draws it."""
    fields = {field: curve[f"{prefix}{field}"] for field in ("value", "low", "high")}
    line = pd.DataFrame({"x": curve[x], **fields})
    hover = [f"{name}\n{given(row.x)}: {with_interval(row, show)}" for row in line.itertuples()]
    return line.assign(series=name, panel=panel, hover=hover)


def coverage(scored: ScoredRun, clusterer: Clusterer) -> Chart | None:
    """Accuracy of the most certain answers by two scores; None where fewer than two questions are graded."""
    scores = scored.score_frame(clusterer)
    wanted = (TOKEN_ENTROPY, SEMANTIC_ENTROPY)
    found = {name: selective.coverage_of(scores[name].to_numpy(), scored.correct) for name in wanted}
    looks = score_series([(name, score_title(name), signals.group_of(name)) for name in wanted], dark=False)
    lines, marks = [], []
    for look, one in zip(looks, found.values(), strict=True):
        line, points = (frame.rename(columns={"coverage": "x"}) for frame in (one.curve, one.points))
        answered = [
            f"{look.name}\nanswering {percent(row.x)}: {tenth_percent(row.value)} correct" for row in line.itertuples()
        ]
        lines.append(line.assign(series=look.key, panel=0, low=np.nan, high=np.nan, hover=answered))
        hover = [f"{look.name}\n{with_interval(row, tenth_percent)}" for row in points.itertuples()]
        bare = replace(look, key=f"{look.key}, points", name=f"{look.name}, 95 % interval")
        marks.append((bare, points.assign(hover=hover)))
    frame = pd.concat(lines, ignore_index=True)
    if frame["value"].notna().sum() < 2:
        return None
    figure = aggregate.curves(
        frame,
        looks,
        [Panel("correct among those", percent=True)],
        x_title="share of the questions that are answered, the most certain first",
        x_range=(0, 1.02),
        x_percent=True,
        extra=marks,
    )
    return _chart(chart_titles.coverage(found), figure)


def _chart(title: str, figure: go.Figure) -> Chart | None:
    """A figure with its title; None where all of its values are undefined."""
    return Chart(title, plain(figure)) if draws_something(figure) else None


def plain(figure: go.Figure) -> dict[str, Any]:
    """A figure as data, without Plotly's own theme, on a transparent ground; without a legend of one entry."""
    if sum(trace.showlegend is not False for trace in figure.data) < 2:
        figure.update_layout(showlegend=False)
    figure.update_layout(
        template=None,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": INK[False], "family": "system-ui, sans-serif", "size": 13},
        hoverlabel={"font": {"size": 13}},
    )
    axis = {"gridcolor": _GRID, "linecolor": _GRID, "automargin": True, "title": {"font": {"size": 13}}}
    figure.update_xaxes(**axis)
    figure.update_yaxes(**axis)
    return json.loads(figure.to_json())
