"""What helps: answering fewer questions, calibration, and signals that do not depend on each other."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import blocks
from dashboard.tax import computed
from dashboard.tax.grades import grading
from dashboard.tax.marks import bounds, hover, marks, published_mark
from dashboard.tax.selection import Selection
from dashboard.text import plain
from homog_core.analysis import selective, signals
from homog_core.analysis.published import published_rows
from homog_core.catalogue.published import Published
from homog_core.figures import aggregate, dots, series
from homog_core.figures.dots import Panel, Row
from homog_core.figures.series import Series
from homog_core.wording import chart_titles
from homog_core.wording.labels import score_title, undefined_words
from homog_core.wording.numbers import FEW, counted, number, percent, published_value, with_care
from homog_core.wording.published import published_details, published_errors

MOST_SCORES = 4


def score_looks(scores: Sequence[str]) -> dict[str, Series]:
    """How some scores look, by name."""
    found = series.score_series([(s, score_title(s), signals.group_of(s)) for s in scores], dark=blocks.is_dark())
    return {look.key: look for look in found}


def coverage(chosen: Selection, of: str, scores: Sequence[str]) -> None:
    """Selective accuracy against coverage for the chosen scores."""
    found = {score: computed.coverage(chosen.versions[of], *chosen.how, score) for score in scores}
    looks = score_looks(scores)
    lines = pd.concat(
        [
            curve.curve.assign(series=score, panel=0, x=curve.curve["coverage"], low=np.nan, high=np.nan)
            for score, curve in found.items()
        ]
    )
    lines["hover"] = [
        f"{score_title(s)}\n{percent(x)} answered: {percent(v)} correct"
        for s, x, v in zip(lines["series"], lines["x"], lines["value"], strict=True)
    ]
    reported = [p for p in published_rows("selective_accuracy") if p.dataset == chosen.dataset]
    figure = aggregate.curves(
        lines,
        list(looks.values()),
        [Panel("correct among those answered", range=(0.0, 1.0), percent=True)],
        x_title="share of questions that is answered, the most certain first",
        x_range=(0.0, 1.03),
        x_percent=True,
        narrow=blocks.is_narrow(),
        extra=[
            *(
                (looks[s], coverage_marks(s, curve, shift))
                for shift, (s, curve) in zip(_SHIFTS, found.items(), strict=False)
            ),
            (series.published_series(dark=blocks.is_dark()), published_points(reported)),
        ],
    )
    ties = [score_title(score) for score, curve in found.items() if curve.no_signal]
    beside = "" if reported else f" No published figure is on {chosen.dataset}."
    n = int(max((curve.points["n"].max() for curve in found.values() if len(curve.points)), default=0))
    blocks.chart(
        figure,
        title=plain(chart_titles.coverage(found)),
        how_to_read=(
            "Answer only the questions that a score is most certain of: to the left fewer are answered, and the line "
            "should rise. Ties count by their average over all orders, so a score that ties everywhere is flat."
            + (f" No signal, all scores tie: {', '.join(ties)}." if ties else "")
            + beside
            + with_care(n, "graded question")
        ),
        recipe_line=chosen.recipe(n, f"{grading(chosen.views[of])} · whiskers: 95 % percentile bootstrap", [of]),
        data=pd.concat([curve.points.assign(score=score) for score, curve in found.items()]),
        key="coverage",
        alt=f"Selective accuracy against coverage for {counted(len(scores), 'score')}",
    )


_SHIFTS = (0.0, -0.009, 0.009, 0.018)  # so that whiskers at one coverage do not hide each other


def coverage_marks(score: str, curve: selective.Coverage, shift: float) -> pd.DataFrame:
    """The points of a curve that have an interval."""
    points = curve.points
    said = [
        hover(row, score_title(score), f"{percent(row.coverage)} answered: {percent(row.value)} correct", show=percent)
        + f"\nn = {row.n}"
        for row in points.itertuples()
    ]
    return points.assign(x=points["coverage"] + shift, hover=said)


def published_points(reported: Sequence[Published]) -> pd.DataFrame:
    """Published selective accuracies, each at its coverage."""
    rows = [
        {"x": p.coverage, "value": p.value, "low": np.nan, "high": np.nan, "hover": published_details(p)}
        for p in reported
    ]
    return pd.DataFrame(rows, columns=["x", "value", "low", "high", "hover"])


def calibration(chosen: Selection, of: str, scores: Sequence[str]) -> None:
    """Reliability diagram of the first score before and after Platt scaling, with ECE and Brier score."""
    score = scores[0]
    found = computed.calibration(chosen.versions[of], *chosen.how, score)
    look = score_looks([score])[score]
    looks = [
        Series("before", "before Platt scaling", look.color, f"{look.symbol}-open"),
        Series("after", "after Platt scaling", look.color, look.symbol),
    ]
    bins = found.bins.assign(series=found.bins["when"], x=found.bins["probability"], faded=found.bins["n"] < FEW)
    bins["hover"] = [
        hover(
            row,
            f"{row.when} Platt scaling",
            f"said {percent(row.probability)}, correct {percent(row.value)}",
            show=percent,
        )
        + f"\n{counted(row.n, 'question')}"
        for row in bins.itertuples()
    ]
    n = int(found.summary["n"].max())
    blocks.chart(
        aggregate.reliability(bins, looks),
        title=plain(chart_titles.calibration(found.summary, score)),
        how_to_read=(
            "A score read as a probability of being correct, in bins: on the dashed line it says what happens. "
            "Before: in proportion between its largest and its smallest value. After: a logistic curve fitted on other "
            f"questions (five folds). Grey: fewer than {FEW} questions in the bin. "
            f"{chart_titles.calibration_errors(found.summary)} {published_errors(published_rows('ece'))}"
        ),
        recipe_line=chosen.recipe(n, f"{score_title(score)} · whiskers: 95 % Wilson; ECE over 10 bins", [of]),
        data=pd.concat([found.summary, found.bins.rename(columns={"value": "share_correct"})]),
        key="calibration",
        alt=f"Reliability diagram of {score_title(score)} before and after Platt scaling",
    )


def correlations(chosen: Selection, of: str, scores: Sequence[str]) -> None:
    """Pearson and Spearman correlations of the chosen scores, beside the largest that others found."""
    if len(scores) < 2:
        st.info("Choose at least two scores above to see how they depend on each other.")
        return
    rows = signals.correlation_rows(computed.scores(chosen.versions[of], *chosen.how), scores)
    names = [f"{score_title(row.first)} and {score_title(row.second)}" for row in rows.itertuples()]
    lines = list(dict.fromkeys(names))
    found = [
        {
            "row": lines.index(name),
            "panel": 0,
            "series": row.kind,
            **bounds(row),
            "hover": hover(row, name, f"{row.kind.capitalize()} {number(row.value)}"),
            "words": undefined_words(row.undefined, row.n) if row.undefined and row.kind == "pearson" else "",
            "n": row.n,
        }
        for name, row in zip(names, rows.itertuples(), strict=True)
    ]
    (reported,) = published_rows("signal_correlation")
    found += [published_mark(reported, len(lines), 0)]
    found += [{**published_mark(reported, len(lines), 0), "value": -reported.value}]
    looks = [
        Series("pearson", "Pearson's r", "#0072B2" if not blocks.is_dark() else "#56B4E9"),
        Series("spearman", "Spearman's ρ", "#E69F00", "square"),
        series.published_series(dark=blocks.is_dark()),
    ]
    blocks.chart(
        dots.dots(
            [*(Row(line) for line in lines), Row("published: no |r| larger than this")],
            marks(found),
            [Panel("correlation", 0.0, (-1.0, 1.0))],
            looks,
            dodge=True,
            narrow=blocks.is_narrow(),
        ),
        title=plain(chart_titles.correlations(rows)),
        how_to_read=(
            "How far two scores rise and fall together over the same questions: 0 not at all, 1 always, −1 in opposite "
            "directions. Scores that depend little on each other can add to each other, which is what a cascade needs."
            f" Published on {reported.dataset}: at most {published_value(reported.metric, reported.value)} among "
            "other signals."
        ),
        recipe_line=chosen.recipe(int(rows["n"].max()), "whiskers: 95 %, Fisher (r), Bonett & Wright (ρ)", [of]),
        data=rows,
        key="correlations",
        alt=f"Correlations of {counted(len(lines), 'pair')} of scores",
    )
