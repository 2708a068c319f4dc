"""What can be won back: selective accuracy, calibration, correlations, and the cascade."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import blocks, url
from dashboard.tax.selection import (
    Selection,
    grades,
    grading,
    interval,
    marks,
    memo,
    narrow,
    published_mark,
    small_note,
)
from dashboard.text import plain
from homog_core.analysis import cascade as cascade_analysis
from homog_core.analysis import published, selective, signals
from homog_core.analysis.cascade import CascadeStudy
from homog_core.catalogue.published import Published
from homog_core.errors import InvalidInput
from homog_core.figures import aggregate, dots, series
from homog_core.figures.dots import Panel, Row
from homog_core.figures.series import Series
from homog_core.wording import findings
from homog_core.wording.cascade import cascade_sentence, cascade_title, operating_point_sentence
from homog_core.wording.numbers import counted, number, percent
from homog_core.wording.titles import score_title, undefined_words

MOST_SCORES = 4


def won_back(chosen: Selection, of: str, scores: Sequence[str]) -> None:
    """Selective accuracy, calibration, correlations, and the cascade of one run."""
    view = chosen.views[of]
    values = memo(
        "values", chosen.key(of), lambda: view.score_frame(chosen.clusterer)[view.in_category(chosen.category)]
    )
    correct = view.correct[view.in_category(chosen.category)]
    grades(chosen, of)
    if not scores:
        st.info("Choose at least one score above.")
    else:
        left, right = st.columns(2, gap="large")
        with left:
            coverage(chosen, of, scores, values, correct)
        with right:
            calibration(chosen, of, scores[0], values, correct)
        correlations(chosen, of, scores, values)
    cascade(chosen, of)


def score_looks(scores: Sequence[str]) -> dict[str, Series]:
    """How some scores look, by name."""
    found = series.score_series([(s, score_title(s), signals.group_of(s)) for s in scores], dark=blocks.is_dark())
    return {look.key: look for look in found}


def coverage(chosen: Selection, of: str, scores: Sequence[str], values: pd.DataFrame, correct: np.ndarray) -> None:
    """Selective accuracy against coverage for the chosen scores."""
    found = {
        score: memo(
            "coverage",
            (*chosen.key(of), score),
            lambda score=score: selective.coverage_of(values[score].to_numpy(), correct),
        )
        for score in scores
    }
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
    reported = [p for p in published.published_rows("selective_accuracy") if p.dataset == chosen.dataset]
    figure = aggregate.curves(
        lines,
        list(looks.values()),
        [Panel("correct among those answered", range=(0.0, 1.0), percent=True)],
        x_title="share of questions that is answered, the most certain first",
        x_range=(0.0, 1.03),
        x_percent=True,
        narrow=narrow(),
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
        title=plain(findings.coverage(found)),
        how_to_read=(
            "Answer only the questions that a score is most certain of: to the left fewer are answered, and the line "
            "should rise. Ties count by their average over all orders, so a score that ties everywhere is flat."
            + (f" No signal, all scores tie: {', '.join(ties)}." if ties else "")
            + beside
            + small_note(n, "graded questions")
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
    hover = [
        f"{score_title(score)}\n{percent(row.coverage)} answered: {percent(row.value)} correct"
        f"{interval(row.low, row.high, percent)}\nn = {row.n}"
        for row in points.itertuples()
    ]
    return points.assign(x=points["coverage"] + shift, hover=hover)


def published_points(reported: Sequence[Published]) -> pd.DataFrame:
    """Published selective accuracies; their coverage stands in their condition."""
    rows = [
        {
            "x": float(p.condition.removeprefix("coverage ")),
            "value": p.value,
            "low": np.nan,
            "high": np.nan,
            "hover": f"published: {percent(p.value)}\n{p.condition}, {p.dataset}\n{p.source}",
        }
        for p in reported
    ]
    return pd.DataFrame(rows, columns=["x", "value", "low", "high", "hover"])


def calibration(chosen: Selection, of: str, score: str, values: pd.DataFrame, correct: np.ndarray) -> None:
    """Reliability diagram of one score before and after Platt scaling, with ECE and Brier score."""
    found = memo(
        "calibration", (*chosen.key(of), score), lambda: selective.calibration_of(values[score].to_numpy(), correct)
    )
    look = score_looks([score])[score]
    series = [
        Series("before", "before Platt scaling", look.color, f"{look.symbol}-open"),
        Series("after", "after Platt scaling", look.color, look.symbol),
    ]
    bins = found.bins.assign(
        series=found.bins["when"], x=found.bins["probability"], faded=found.bins["n"] < blocks.SMALL_N
    )
    bins["hover"] = [
        f"{row.when} Platt scaling\nsaid {percent(row.probability)}, correct {percent(row.value)}"
        f"{interval(row.low, row.high, percent)}\n{counted(row.n, 'question')}"
        for row in bins.itertuples()
    ]
    n = int(found.summary["n"].max())
    blocks.chart(
        aggregate.reliability(bins, series),
        title=plain(findings.calibration(found.summary, score)),
        how_to_read=(
            "A score read as a probability of being correct, in bins: on the dashed line it says what happens. "
            "Before: in proportion between its largest and its smallest value. After: a logistic curve fitted on other "
            "questions (five folds). Grey: fewer than 30 questions in the bin. " + calibration_words(found.summary)
        ),
        recipe_line=chosen.recipe(n, f"{score_title(score)} · whiskers: 95 % Wilson; ECE over 10 bins", [of]),
        data=pd.concat([found.summary, found.bins.rename(columns={"value": "share_correct"})]),
        key="calibration",
        alt=f"Reliability diagram of {score_title(score)} before and after Platt scaling",
    )


def calibration_words(summary: pd.DataFrame) -> str:
    """ECE and Brier score with their intervals, and the published ECE in words of its own."""
    by = summary.set_index(["measure", "when"])
    parts = []
    for measure, name in (("ECE", "Calibration error (ECE)"), ("Brier", "Brier score")):
        said = []
        for when in ("before", "after"):
            row = by.loc[(measure, when)]
            bounds = "" if np.isnan(row["low"]) else f" [{number(row['low'])}, {number(row['high'])}]"
            said.append(f"{number(row['value'])}{bounds} {when}")
        parts.append(f"**{name}** {', '.join(said)}.")
    reported = published.published_rows("ece")
    theirs = ", ".join(f"{p.value:g} {p.condition}" for p in reported)
    return " ".join(parts) + f" Published, on other models: ECE {theirs} ({reported[0].source})."


def correlations(chosen: Selection, of: str, scores: Sequence[str], values: pd.DataFrame) -> None:
    """Pearson and Spearman correlations of the chosen scores, beside the largest that others found."""
    if len(scores) < 2:
        st.info("Choose at least two scores above to see how they depend on each other.")
        return
    rows = signals.correlation_rows(values, scores)
    names = [f"{score_title(row.first)} and {score_title(row.second)}" for row in rows.itertuples()]
    lines = list(dict.fromkeys(names))
    found = [
        {
            "row": lines.index(name),
            "panel": 0,
            "series": row.kind,
            "value": row.value,
            "low": row.low,
            "high": row.high,
            "hover": f"{name}\n{row.kind.capitalize()} {number(row.value)}{interval(row.low, row.high, number)}",
            "words": undefined_words(row.undefined, row.n) if row.undefined and row.kind == "pearson" else "",
            "n": row.n,
        }
        for name, row in zip(names, rows.itertuples(), strict=True)
    ]
    (reported,) = published.published_rows("signal_correlation")
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
            narrow=narrow(),
        ),
        title=plain(findings.correlations(rows)),
        how_to_read=(
            "How far two scores rise and fall together over the same questions: 0 not at all, 1 always, −1 in opposite "
            "directions. Scores that depend little on each other can add to each other, which is what a cascade needs."
            f" Published on {reported.dataset}: at most {number(reported.value)} among other signals."
        ),
        recipe_line=chosen.recipe(int(rows["n"].max()), "whiskers: 95 %, Fisher (r), Bonett & Wright (ρ)", [of]),
        data=rows,
        key="correlations",
        alt=f"Correlations of {counted(len(lines), 'pair')} of scores",
    )


def cascade(chosen: Selection, of: str) -> None:
    """Cost against quality; the operating point by a slider or a click."""
    view = chosen.views[of]
    try:
        study = _cascade(chosen.key(of), lambda: cascade_analysis.cascade_study(view, *chosen.how))
    except InvalidInput as error:
        st.markdown("##### The cascade")
        st.info(plain(str(error)))
        return
    rows = memo("cascade", chosen.key(of), lambda: cascade_analysis.cascade_rows(study))
    points = with_x(rows[rows["kind"] == "cascade"].reset_index(drop=True))
    alone = alone_marks(rows)
    color = blocks.model_color(list(chosen.views).index(of))

    def select() -> None:
        clicked = st.session_state["cascade"].selection.points
        if clicked and clicked[0].get("customdata", -1) >= 0:
            st.query_params["band"] = str(int(clicked[0]["customdata"]) * 5)

    blocks.chart(
        aggregate.cost_quality(points, alone, color, dark=blocks.is_dark()),
        title=plain(cascade_title(study)),
        how_to_read=(
            "Cheap signals first; a question goes on to a dearer one only where the cheaper ones are unsure. Each "
            "point of the line passes more questions on than the one to its left. The other marks are single signals "
            "at their own cost, and all signals on every question (parallel use). Click a point of the line, or move "
            "the slider under it." + small_note(len(study.incorrect), "graded questions")
        ),
        recipe_line=chosen.recipe(len(study.incorrect), f"{grading(view)} · out of fold; 95 % DeLong", [of]),
        data=rows,
        key="cascade",
        alt=f"AUROC against cost: {len(points)} operating points of the cascade and {len(alone)} other uses of signals",
        on_select=select,
        under=lambda: operating_point(study, rows, color),
    )


def operating_point(study: CascadeStudy, rows: pd.DataFrame, color: str) -> None:
    """The chosen point under the curve: its place on the costs, who decides there, and what it costs and saves."""
    names = [signal.name for signal in study.signals]
    points, alone = with_x(rows[rows["kind"] == "cascade"]), alone_marks(rows)
    place = st.container()
    band = url.url_number(
        "Operating point: per cent of all questions that a signal passes on when it is unsure", "band", 50, 0, 100, 5
    )
    position = round(band / 5)
    shares = cascade_analysis.stop_shares(points.iloc[position])
    room = 0.3 if narrow() else 0.12
    labels = [
        (score_title(k), s, f"{score_title(k)} {percent(s)}" if s >= room else "")
        for k, s in zip(names, shares, strict=True)
    ]
    place.plotly_chart(
        aggregate.operating_point(points, alone, position, labels, color, dark=blocks.is_dark()),
        key="operating-point",
        config={"displayModeBar": False},
        alt="Place of the operating point on the costs, and which signal decides how many questions",
    )
    st.markdown(plain(operating_point_sentence(rows, position, names)))
    st.caption(
        "A point picked by eye from this curve flatters itself. Chosen on training folds instead: "
        + plain(cascade_sentence(study.saving))
    )


@st.cache_resource(max_entries=64, show_spinner="Fitting the cascade on five folds …")
def _cascade(key: tuple, _compute: Callable[[], CascadeStudy]) -> CascadeStudy:
    return _compute()


def with_x(points: pd.DataFrame) -> pd.DataFrame:
    """Operating points with their place and hover."""
    hover = [
        f"passes on {percent(row.passed_on)}\n{row.cost:,.0f} extra tokens a question\nAUROC {number(row.value)}"
        f"{interval(row.low, row.high, number)}\naccuracy of the more certain half {percent(row.selective_accuracy)}"
        for row in points.itertuples()
    ]
    return points.assign(x=points["cost"], hover=hover)


def alone_marks(rows: pd.DataFrame) -> pd.DataFrame:
    """Each signal by itself and all in parallel, with a symbol each."""
    own = rows[rows["kind"] != "cascade"].reset_index(drop=True)
    titles = [score_title(row.name) + (" alone" if row.kind == "alone" else ", parallel") for row in _tuples(own)]
    hover = [
        f"{title}\n{row.cost:,.0f} extra tokens a question\nAUROC {number(row.value)}"
        f"{interval(row.low, row.high, number)}"
        for title, row in zip(titles, _tuples(own), strict=True)
    ]
    symbols = [("circle", "triangle-up", "square", "star")[i % 4] for i in range(len(own))]
    return own.assign(x=own["cost"], name=titles, hover=hover, symbol=symbols)


def _tuples(frame: pd.DataFrame) -> Any:
    return frame.itertuples(index=False)
