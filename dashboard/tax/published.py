"""Published beside measured: one figure as a chart, all of them as a table."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import blocks
from dashboard.tax.selection import (
    Selection,
    interval,
    looks_and_published,
    marks,
    measured_or_published,
    memo,
    narrow,
    published_frame,
    published_label,
    published_mark,
    span,
)
from dashboard.text import plain
from homog_core.analysis import published, rates
from homog_core.analysis.scored_run import ScoredRun
from homog_core.figures import dots
from homog_core.figures.dots import Panel, Row
from homog_core.wording import findings, numbers, titles
from homog_core.wording.numbers import counted
from homog_core.wording.titles import METRIC_TITLES


def figure(chosen: Selection, metric: str) -> None:
    """One published figure beside ours, and the table of all."""
    figures = {
        label: _counterpart(
            metric, chosen.key(label), lambda view=view: published.counterpart(view, metric, *chosen.how)
        )
        for label, view in chosen.views.items()
    }
    reported = published.published_rows(metric)
    show = lambda value: numbers.metric_value(metric, value)
    found = [
        {
            "row": place,
            "panel": 0,
            "series": label,
            "value": figure.value,
            "low": figure.low,
            "high": figure.high,
            "hover": f"{label}\nmeasured: {show(figure.value)}{interval(figure.low, figure.high, show)}"
            f"\nn = {figure.n}",
            "words": "undefined" if np.isnan(figure.value) else "",
            "n": figure.n,
        }
        for place, (label, figure) in enumerate(figures.items(), start=1)
    ]
    found += [published_mark(p, place, 0) for place, p in enumerate(reported, start=len(figures) + 2)]
    lines = [Row(f"Measured here, on {chosen.dataset}", heading=True), *(Row(label) for label in figures)]
    lines += [Row("Published by others", heading=True)]
    lines += [Row(f"{published_label(p)}, {p.dataset or 'data set not said'}") for p in reported]
    blocks.chart(
        dots.dots(
            lines,
            marks(found),
            [_metric_panel(metric, found)],
            looks_and_published(chosen),
            legend=measured_or_published(),
            narrow=narrow(),
        ),
        title=plain(
            findings.beside_published(metric, [f.value for f in figures.values()], [p.value for p in reported])
        ),
        how_to_read=(
            "Dots with whiskers were measured here, hollow diamonds were published by others: other models, other "
            "questions, other clusterers. They stand side by side for scale and are never averaged together. "
            + plain(titles.METRIC_NOTES.get(metric, ""))
        ),
        recipe_line=chosen.recipe(span(pd.Series([f.n for f in figures.values()])), "whiskers: 95 %"),
        data=pd.concat(
            [
                pd.DataFrame([{"kind": "measured", "run": k, **rates.fields(f)} for k, f in figures.items()]),
                published_frame(reported).assign(kind="published"),
            ]
        ),
        key="published",
        alt=f"{METRIC_TITLES[metric]}: {counted(len(figures), 'run')} and {counted(len(reported), 'published figure')}",
    )


def _metric_panel(metric: str, found: Sequence[dict[str, Any]]) -> Panel:
    percentage = metric in numbers.PERCENTAGES
    if percentage:
        return Panel(METRIC_TITLES[metric], range=(-0.02, 1.02), percent=True)
    bounds = [row[k] for row in found for k in ("value", "low", "high") if not np.isnan(row[k])]
    reference = {"auroc": 0.5, "cohens_d": 0.0}.get(metric)
    low, high = min([0.0, *bounds]), max([*bounds, 0.1])
    return Panel(METRIC_TITLES[metric], reference, (low - 0.03 * (high - low), high + 0.05 * (high - low)))


@st.cache_resource(max_entries=256, show_spinner="Computing the figure for every run …")
def _counterpart(metric: str, key: tuple, _compute: Callable[[], Any]) -> Any:
    return _compute()


def table(chosen: Selection) -> None:
    """Every published figure with ours beside it, in columns of their own."""
    metrics = published.published_metrics()
    total, done = len(metrics) * len(chosen.views), 0
    progress = st.progress(0.0, "Computing our figures …")
    rows = []
    for metric in metrics:
        ours: list[float] = []
        for label, view in chosen.views.items():
            found = _quiet_counterpart(metric, chosen, label, view)
            ours.append(found.value)
            done += 1
            progress.progress(done / total, f"Computing our figures: {done} of {total}")
        for p in published.published_rows(metric):
            rows.append(
                {
                    "figure": METRIC_TITLES[metric],
                    "measured here": findings.span(metric, ours) or "undefined",
                    "published": numbers.published_value(metric, p.value),
                    "model": p.model or "not named",
                    "stage": p.stage,
                    "data set": p.dataset or "not said",
                    "condition": p.condition,
                    "source": p.source,
                }
            )
    progress.empty()
    st.markdown(
        f"##### {counted(len(rows), 'published figure')}, and ours on {plain(chosen.dataset)} in another column"
    )
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        height=420,
        alt="Every published figure with its source, and what was measured here",
    )


def _quiet_counterpart(metric: str, chosen: Selection, label: str, view: ScoredRun) -> Any:
    return memo(
        f"counterpart {metric}",
        chosen.key(label),
        lambda: published.counterpart(view, metric, *chosen.how),
    )
