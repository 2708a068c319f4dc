"""How often one answer: by run, by category, and by clusterer."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import blocks
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
from dashboard.tax.seeds import runs_with_seeds
from dashboard.tax.selection import Selection
from dashboard.text import plain
from homog_core.analysis import lineage
from homog_core.analysis.published import published_rows
from homog_core.catalogue.published import Published
from homog_core.catalogue.recipes import recipe_of
from homog_core.figures import dots
from homog_core.figures.dots import Panel, Row
from homog_core.wording import chart_titles, commands, recipes
from homog_core.wording.labels import first_upper
from homog_core.wording.numbers import CHANCE, UNDEFINED, counted, number, percent, with_care
from homog_core.wording.published import published_title
from homog_core.wording.quality import whose

MOST_CATEGORIES = 12  # in one chart


def rates(chosen: Selection) -> None:
    """SCR and the mean number of clusters by run, published figures in rows of their own."""
    rows = [
        {
            "label": label,
            "stage": view.run.provenance.stage,
            **computed.rate(chosen.versions[label], *chosen.how),
        }
        for label, view in chosen.views.items()
    ]
    frame = pd.DataFrame(rows)
    pair = chosen.pair()
    pvalue = computed.rate_pvalue(*(chosen.versions[label] for label in pair), *chosen.how) if pair else 1.0
    reported = published_rows("single_cluster_rate", chosen.dataset)
    lines = [Row(first_upper(chosen.measured), heading=True), *(Row(label) for label in chosen.views)]
    lines += [Row("Published by others", heading=True), *(Row(published_title(p)) for p in reported)]
    found = rate_marks(frame, reported)
    sources = " and ".join(dict.fromkeys(p.source for p in reported))
    on = ", ".join(dict.fromkeys(str(p.dataset) for p in reported))
    blocks.chart(
        dots.dots(
            lines,
            found,
            [
                Panel("questions with a single answer", range=(-0.02, 1.02), percent=True),
                Panel("different answers per question", range=(0.7, max(10.3, frame["clusters_high"].max()))),
            ],
            looks_and_published(chosen),
            legend=measured_or_published(chosen),
            narrow=blocks.is_narrow(),
        ),
        title=plain(chart_titles.single_cluster(frame, pair, pvalue)),
        how_to_read=(
            "Left: the share of questions whose answers all count as the same (single-cluster rate). Right: how many "
            "different answers a question gets. Runs are in the order of their training stage. Hollow diamonds are "
            f"figures of others, from {sources} on {on}, with other models and clusterers: hover for the "
            "condition. The colour is the stage; runs of one stage differ in shade and shape."
            + _typical(chosen)
            + _whose(chosen, frame)
            + (" “May be chance” is by McNemar's test, paired by question." if pair and pvalue >= CHANCE else "")
            + with_care(frame["n"].min())
        ),
        recipe_line=chosen.recipe(span(frame["n"]), "whiskers: 95 % Wilson (left), t (right)"),
        data=pd.concat([frame.assign(kind=chosen.measured), published_frame(reported).assign(kind="published")]),
        key="rates",
        alt=f"Single-cluster rate of {counted(len(frame), 'run')} and {counted(len(reported), 'published figure')}",
    )


def _typical(chosen: Selection) -> str:
    """What the models have in common whose names say "typical"; "" where none of them is chosen."""
    recipes_of_runs = (recipe_of(view.run.identity.model) for view in chosen.views.values())
    if not any(recipe and recipe.preferred == "commonest" for recipe in recipes_of_runs):
        return ""
    return " “typical”: trained towards the commonest right answer instead of any right one."


def _whose(chosen: Selection, frame: pd.DataFrame) -> str:
    """How much of the title's difference a control has as well, and where seeds are told apart from training."""
    runs = {view.run.id: label for label, view in chosen.views.items()}
    pair = chosen.pair()
    own = lineage.control(chosen.views[pair[1]].run, [view.run for view in chosen.views.values()]) if pair else None
    if own is None:
        return ""
    shares = frame.set_index("label")["value"]
    has_seeds = bool(runs_with_seeds(chosen))
    return f" {plain(whose(*pair, runs[own.id], shares[runs[own.id]], has_seeds=has_seeds))}"


def rate_marks(frame: pd.DataFrame, reported: Sequence[Published]) -> pd.DataFrame:
    """Dots of the measured runs from row 1 on, and after another heading the published ones."""
    rows = []
    for place, row in enumerate(frame.itertuples(), start=1):
        common = {"row": place, "series": row.label, "words": UNDEFINED if np.isnan(row.value) else "", "n": row.n}
        said = f"{row.n_single} of {counted(row.n, 'question')}: {percent(row.value)}"
        share = hover(row, row.label, said, show=percent)
        said = f"{number(row.clusters_value)} clusters on average"
        mean = hover(row, row.label, said, prefix="clusters_")
        rows.append({**common, "panel": 0, **bounds(row), "hover": share})
        rows.append({**common, "panel": 1, **bounds(row, "clusters_"), "hover": mean})
    clusters = {(p.model, p.dataset): p for p in published_rows("mean_num_clusters")}
    for place, p in enumerate(reported, start=len(frame) + 2):
        rows.append(published_mark(p, place, 0))
        if (beside := clusters.get((p.model, p.dataset))) and p.model:
            rows.append(published_mark(beside, place, 1))
    return marks(rows)


def by_category(chosen: Selection) -> None:
    """SCR and clusters within each category, for a base and what was made of it, or for the run of the titles."""
    labels = chosen.pair() or (chosen.focus(),)
    names = computed.category_names(chosen.versions[labels[-1]])
    if chosen.category or len(names) < 2:
        st.info(
            "Nothing to compare: one category is chosen." if chosen.category else "These questions are of one kind."
        )
        return
    rows = [
        {"label": label, "category": name, **computed.rate(chosen.versions[label], chosen.clusterer, name)}
        for name in names[:MOST_CATEGORIES]
        for label in labels
    ]
    frame = pd.DataFrame(rows)
    found = []
    for row in frame.itertuples():
        common = {"row": names.index(row.category), "series": row.label, "n": row.n}
        said = f"{row.n_single} of {counted(row.n, 'question')}: {percent(row.value)}"
        share = hover(row, f"{row.label}, {row.category}", said, show=percent)
        mean = f"{number(row.clusters_value)} different answers on average"
        clusters = hover(row, f"{row.label}, {row.category}", mean, prefix="clusters_")
        words = UNDEFINED if np.isnan(row.value) else ""
        found.append({**common, "panel": 0, **bounds(row), "hover": share, "words": words})
        found.append({**common, "panel": 1, **bounds(row, "clusters_"), "hover": clusters, "words": words})
    hidden = len(names) - MOST_CATEGORIES
    blocks.chart(
        dots.dots(
            [Row(name) for name in names[:MOST_CATEGORIES]],
            marks(found),
            [
                Panel("questions with a single answer", range=(-0.02, 1.02), percent=True),
                Panel("different answers per question", range=(0.7, max(10.3, frame["clusters_high"].max()))),
            ],
            [chosen.looks()[label] for label in labels],
            dodge=True,
            narrow=blocks.is_narrow(),
        ),
        title=plain(chart_titles.by_category(frame, labels[-1])),
        how_to_read=(
            "The same within each category of questions. What all show together may come from a few of them."
            + (f" {counted(hidden, 'smaller category is', 'smaller categories are')} not here." if hidden > 0 else "")
            + with_care(frame["n"].min())
        ),
        recipe_line=chosen.recipe(span(frame["n"]), "whiskers: 95 % Wilson (left), t (right)", labels),
        data=frame,
        key="category-rates",
        alt=f"Single-cluster rate in {counted(min(len(names), MOST_CATEGORIES), 'category', 'categories')}",
    )


def by_clusterer(chosen: Selection) -> None:
    """SCR by every clusterer, each at its default threshold."""
    frame = pd.DataFrame(_clusterer_rows(chosen))
    keys = list(dict.fromkeys(frame["name"]))
    found = [
        {
            "row": keys.index(row.name),
            "panel": 0,
            "series": row.label,
            **bounds(row),
            "hover": hover(row, row.label, f"{row.name}: {percent(row.value)}", show=percent),
            "words": "",
            "n": row.n,
        }
        for row in frame.itertuples(index=False)
    ]
    without = next((view.run.id for view in chosen.views.values() if not view.has_nli), None)
    blocks.chart(
        dots.dots(
            [Row(name) for name in keys],
            marks(found),
            [Panel("questions with a single answer", range=(-0.01, _room(frame["high"])), percent=True)],
            list(chosen.looks().values()),
            dodge=True,
            narrow=blocks.is_narrow(),
        ),
        title=plain(chart_titles.by_clusterer(frame, chosen.focus())),
        how_to_read=(
            "The same answers put into clusters in other ways. Each stands at the threshold of its report card, "
            "where it errs least on pairs of answers that readers compared; Jaccard keeps the published 0.4, and whole "
            "answers are also shown at the published 0.85."
            + (f" NLI is not here: `{commands.score_by_nli(without)}` fetches a model once." if without else "")
        ),
        recipe_line=chosen.recipe(span(frame["n"]), "whiskers: 95 % Wilson", clustered=False),
        data=frame,
        key="clusterers",
        alt=f"Single-cluster rate by {counted(len(keys), 'clusterer')} for {counted(len(chosen.views), 'run')}",
    )


def _room(high: pd.Series) -> float:
    """The end of an axis of shares that are all small."""
    return 1.02 if high.isna().all() else float(min(1.02, max(0.2, 1.1 * high.max())))


def _clusterer_rows(chosen: Selection) -> list[dict[str, Any]]:
    rows = []
    for label, run in chosen.versions.items():
        for found in computed.clusterer_rows(run, chosen.category):
            clusterer = found["clusterer"]
            named = {"name": recipes.clusterer_name(clusterer), "method": clusterer.method}
            named["name"] += " as published" if found["kind"] == "published threshold" else ""
            rest = {key: value for key, value in found.items() if key != "clusterer"}
            rows.append({"label": label, **named, "encoder": clusterer.encoder or "", **rest})
    return rows
