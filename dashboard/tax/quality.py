"""Correct answers beside different answers: whether only incorrect ones went, and what became of the correct ones."""

from typing import Any

import pandas as pd
import streamlit as st

from dashboard import blocks
from dashboard.tax import computed
from dashboard.tax.marks import bounds, hover, marks
from dashboard.tax.selection import Selection
from dashboard.text import plain
from homog_core.analysis import lineage
from homog_core.analysis.quality import training_steps
from homog_core.figures import dots
from homog_core.figures import quality as figures
from homog_core.figures.dots import Panel, Row
from homog_core.figures.series import bound_series
from homog_core.wording import quality as say
from homog_core.wording.numbers import UNDEFINED, counted, percent, tenth, with_care

SHARE = (-0.02, 1.02)
PAIRS = {"wordings": "are worded differently", "meanings": "are in different clusters"}


def quality(chosen: Selection) -> None:
    """Accuracy against the number of different answers, how correct answers differ, and where the base's went."""
    rows = computed.quality_rows(chosen.named, *chosen.how)
    left, right = st.columns(2, gap="large")
    with left:
        beside(chosen, rows)
    with right:
        correct_ones(chosen, rows)
    fates(chosen)


def beside(chosen: Selection, rows: pd.DataFrame) -> None:
    """Share of correct samples against different answers, joined in the order of training."""
    runs = [view.run for view in chosen.views.values()]
    labels = {view.run.id: label for label, view in chosen.views.items()}
    controls = {run.id for run, role in zip(runs, lineage.roles(runs), strict=True) if role == "control"}
    arrows = [
        figures.Arrow(labels[step.before], labels[step.after], step.after in controls) for step in training_steps(runs)
    ]
    said = [
        hover(
            row,
            row.label,
            f"{percent(row.accuracy_value)} of the samples are correct",
            show=percent,
            prefix="accuracy_",
        )
        + "\n"
        + hover(row, f"{tenth(row.answers_value)} different answers per question", prefix="answers_")
        for row in rows.itertuples()
    ]
    n = int(rows["accuracy_n"].max())
    blocks.chart(
        figures.quality(
            rows.assign(series=rows["label"], hover=said),
            list(chosen.looks().values()),
            arrows,
            dark=blocks.is_dark(),
            narrow=blocks.is_narrow(),
        ),
        title=plain(say.quality(rows, chosen.pair())),
        how_to_read=(
            "To the left fewer different answers, upwards more correct samples. Arrows go from a model to one that was "
            "trained from it; grey ones to a control." + with_care(n)
        ),
        recipe_line=chosen.recipe(n, "whiskers: 95 % t, both ways"),
        data=rows,
        key="quality",
        alt=f"Share of correct samples against different answers per question for {counted(len(rows), 'run')}",
    )


def correct_ones(chosen: Selection, rows: pd.DataFrame) -> None:
    """How often two correct samples of a question differ in wording, and in cluster."""
    n = int(rows["wordings_n"].max())
    found = [
        _mark(row, place, 0, name, f"{percent(getattr(row, f'{name}_value'))} of pairs {what}") | {"series": name}
        for place, row in enumerate(rows.itertuples())
        for name, what in PAIRS.items()
        if n or name == "wordings"  # one word for both
    ]
    blocks.chart(
        dots.dots(
            [Row(label) for label in rows["label"]],
            marks(found),
            [Panel("pairs of correct samples", range=SHARE, percent=True)],
            bound_series(PAIRS, dark=blocks.is_dark()),
            dodge=True,
            narrow=blocks.is_narrow(),
        ),
        title=plain(say.correct_ones_differ(rows, chosen.pair())),
        how_to_read=(
            "Pairs of correct samples to one question: this does not grow with how many are correct. Correct answers "
            "mostly mean the same, so clusters tell them apart by their phrasing. Only questions to which every run "
            f"has two correct samples: {counted(n, 'question')}." + with_care(n)
        ),
        recipe_line=chosen.recipe(n, "whiskers: 95 % Wilson (conservative)"),
        data=rows,
        key="correct-ones",
        alt=f"How often two correct samples differ for {counted(len(rows), 'run')}",
    )


def fates(chosen: Selection) -> None:
    """What became of the questions that the base answers correctly."""
    pair = chosen.pair()
    if not pair:
        st.info("What became of the base's correct answers: choose a base and a run that was made of it.")
        return
    rows = computed.fate_rows(chosen.named, pair[0], chosen.category)
    h, n = int(rows["h"].max()), int(rows["kept_n"].max())
    names = {
        "kept": f"kept: correct in {counted(h, 'sample')} too",
        "greedy": "kept by the greedy answer",
        "gained": "gained: correct where the base is not",
    }
    found = [
        _mark(row, place, panel, name, f"{percent(getattr(row, f'{name}_value'))} {what}")
        for place, row in enumerate(rows.itertuples())
        for panel, (name, what) in enumerate(names.items())
    ]
    blocks.chart(
        dots.dots(
            [Row(f"{label}, asked again" if label == pair[0] else label) for label in rows["label"]],
            marks(found),
            [Panel(what, range=SHARE, percent=True) for what in names.values()],
            list(chosen.looks().values()),
            legend=(),
            narrow=blocks.is_narrow(),
        ),
        title=plain(say.fate(rows, pair)),
        how_to_read=(
            f"Of the questions that {counted(h, 'sample')} of the base answer correctly at least once; what is not "
            "kept is lost. The base itself keeps only some of them when it is asked again, since it was lucky with "
            "others. So compare with its row." + with_care(n)
        ),
        recipe_line=chosen.recipe(n, "whiskers: 95 % bootstrap over questions", clustered=False),
        data=rows,
        key="fates",
        alt=f"Shares of the base's correct answers that {counted(len(rows), 'run')} keep and gain",
    )


def _mark(row: Any, place: int, panel: int, name: str, said: str) -> dict[str, Any]:
    value = getattr(row, f"{name}_value")
    return {
        "row": place,
        "panel": panel,
        "series": row.label,
        **bounds(row, f"{name}_"),
        "hover": hover(row, row.label, said, show=percent, prefix=f"{name}_"),
        "words": UNDEFINED if value != value else "",
        "n": getattr(row, f"{name}_n"),
    }
