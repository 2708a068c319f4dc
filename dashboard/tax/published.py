"""Ours and published: one figure as a chart, all of them as a table."""

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import background, blocks
from dashboard.tax import computed
from dashboard.tax.marks import (
    bounds,
    hover,
    looks_and_published,
    marks,
    measured_or_published,
    published_frame,
    published_mark,
    span,
)
from dashboard.tax.selection import Selection
from dashboard.text import plain
from homog_core.analysis import rates
from homog_core.analysis.published import SLOW, published_metrics, published_rows
from homog_core.figures import dots
from homog_core.figures.dots import Panel, Row
from homog_core.progress import OnProgress
from homog_core.records import Estimate
from homog_core.wording import labels, numbers
from homog_core.wording import published as say
from homog_core.wording.labels import METRIC_TITLES, first_upper
from homog_core.wording.numbers import UNDEFINED, counted

COMPUTING = "…"


def figure(chosen: Selection, metric: str) -> None:
    """One published figure beside ours, and the table of all."""
    figures = _ours(chosen, [metric])[metric]
    if figures is None:
        return
    reported = published_rows(metric)
    show = lambda value: numbers.metric_value(metric, value)
    found = [
        {
            "row": place,
            "panel": 0,
            "series": label,
            **bounds(figure),
            "hover": hover(figure, label, f"measured: {show(figure.value)}", show=show) + f"\nn = {figure.n}",
            "words": UNDEFINED if np.isnan(figure.value) else "",
            "n": figure.n,
        }
        for place, (label, figure) in enumerate(figures.items(), start=1)
    ]
    found += [published_mark(p, place, 0) for place, p in enumerate(reported, start=len(figures) + 2)]
    lines = [
        Row(f"{first_upper(chosen.measured)}, on {chosen.dataset}", heading=True),
        *(Row(label) for label in figures),
    ]
    lines += [Row("Published by others", heading=True)]
    lines += [Row(f"{say.published_title(p)}, {p.dataset or 'data set not said'}") for p in reported]
    blocks.chart(
        dots.dots(
            lines,
            marks(found),
            [_metric_panel(metric, found)],
            looks_and_published(chosen),
            legend=measured_or_published(chosen),
            narrow=blocks.is_narrow(),
        ),
        title=plain(
            say.beside_published(
                metric, [f.value for f in figures.values()], [p.value for p in reported], chosen.measured
            )
        ),
        how_to_read=(
            f"Dots with whiskers were {chosen.measured}, hollow diamonds were published by others: other models, other "
            "questions, other clusterers. They stand side by side for scale and are never averaged together. "
            + plain(labels.METRIC_NOTES.get(metric, ""))
        ),
        recipe_line=chosen.recipe(span(pd.Series([f.n for f in figures.values()])), "whiskers: 95 %"),
        data=pd.concat(
            [
                pd.DataFrame([{"kind": chosen.measured, "run": k, **rates.fields(f)} for k, f in figures.items()]),
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


def table(chosen: Selection) -> None:
    """Every published figure with ours beside it, in columns of their own."""
    rows = []
    for metric, figures in _ours(chosen, published_metrics()).items():
        ours = say.span(metric, [figure.value for figure in figures.values()]) if figures else COMPUTING
        for p in published_rows(metric):
            rows.append(
                {
                    "figure": METRIC_TITLES[metric],
                    chosen.measured: ours or UNDEFINED,
                    "published": numbers.published_value(metric, p.value),
                    "model": p.model or "not named",
                    "stage": p.stage,
                    "data set": p.dataset or "not said",
                    "condition": p.condition,
                    "source": p.source,
                }
            )
    st.markdown(
        f"##### {counted(len(rows), 'published figure')}, and ours on {plain(chosen.dataset)} in another column"
    )
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        height=420,
        alt="Every published figure with its source, and what was measured here",
    )


def _ours(chosen: Selection, metrics: Sequence[str]) -> dict[str, dict[str, Estimate] | None]:
    """Our figures by metric and label of the run; None of a slow metric, with a bar, until it has been computed."""
    runs, how = chosen.versions, chosen.how
    quick, slow = (tuple(m for m in metrics if (m in SLOW) == is_slow) for is_slow in (False, True))
    own = {label: computed.counterparts(run, quick, *how) for label, run in runs.items()}
    found = {metric: {label: figures[metric] for label, figures in own.items()} for metric in quick}

    def compute(on_progress: OnProgress) -> dict[str, dict[str, Estimate]]:
        later: dict[str, dict[str, Estimate]] = {metric: {} for metric in slow}
        for place, (metric, label) in enumerate(product(slow, runs)):
            on_progress("Our figures", place, len(slow) * len(runs))
            later[metric][label] = computed.counterparts(runs[label], (metric,), *how)[metric]
        return later

    if slow:
        found |= background.computed(("ours", chosen.named, how, slow), compute) or dict.fromkeys(slow)
    return {metric: found[metric] for metric in metrics}
