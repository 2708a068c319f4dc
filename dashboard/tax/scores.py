"""What it does to uncertainty scores: AUROCs, token against semantic entropy, effect sizes, categories."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import blocks
from dashboard.tax import computed
from dashboard.tax.grades import grades, grading
from dashboard.tax.marks import bounds, hover, marks, span
from dashboard.tax.selection import Selection
from dashboard.text import plain
from homog_core.analysis import signals
from homog_core.analysis.signals import SUBSETS, Undefined
from homog_core.figures import dots, series
from homog_core.figures.dots import Panel, Row
from homog_core.measures.scores import DENSITY, SEMANTIC_ENTROPY, TOKEN_ENTROPY
from homog_core.wording import chart_titles, commands, numbers
from homog_core.wording.labels import (
    GROUP_TITLES,
    SCORE_TITLES,
    SUBSET_TITLES,
    auroc_words,
    score_title,
    undefined_words,
)
from homog_core.wording.numbers import FEW, UNDEFINED, counted, number


def uncertainty(chosen: Selection, of: str) -> None:
    """AUROC of every score, token against semantic entropy, effect sizes, and categories."""
    rows = computed.score_rows(chosen.versions[of], *chosen.how)
    grades(chosen, of)
    aurocs(chosen, of, rows)
    differences(chosen)
    left, right = st.columns(2, gap="large")
    with left:
        effects(chosen, of, rows)
    with right:
        categories(chosen, of)


def _no_effect(why: str) -> str:
    return undefined_words(why) if why == Undefined.NEEDS_NLI else UNDEFINED


def auroc_hover(name: str, row: Any) -> str:
    """What a dot of an AUROC says."""
    shown = auroc_words(row) or hover(row, f"AUROC {number(row.value)}")
    return f"{name}\n{shown}\n{row.n_incorrect} incorrect, {row.n_correct} correct"


def aurocs(chosen: Selection, of: str, rows: pd.DataFrame) -> None:
    """AUROC of every score on all, single-cluster and multi-cluster questions."""
    lines, place = [], {}
    for group, title in GROUP_TITLES.items():
        lines.append(Row(title.capitalize(), heading=True))
        for score in dict.fromkeys(rows.loc[rows["group"] == group, "score"]):
            place[score] = len(lines)
            lines.append(Row(score_title(score)))
    found = [
        {
            "row": place[row.score],
            "panel": SUBSETS.index(row.subset),
            "series": row.group,
            **bounds(row),
            "hover": auroc_hover(f"{score_title(row.score)}, {SUBSET_TITLES[row.subset]}", row),
            "words": auroc_words(row),
            "n": row.n,
        }
        for row in rows.itertuples()
    ]
    n = rows.groupby("subset")["n"].max()
    titles = {name: f"{SUBSET_TITLES[name]} (n = {n[name]})" for name in SUBSETS}
    run = chosen.views[of]
    missing = "" if run.has_nli else f" NLI scores: `{commands.score_by_nli(run.run.id)}` fetches the model once."
    blocks.chart(
        dots.dots(
            lines,
            marks(found),
            [Panel(titles[name], 0.5, (0.0, 1.0)) for name in SUBSETS],
            series.group_series(GROUP_TITLES, dark=blocks.is_dark()),
            narrow=blocks.is_narrow(),
        ),
        title=plain(chart_titles.aurocs(rows)),
        how_to_read=(
            "AUROC: how often an incorrect answer has the higher score than a correct one. 0.5 (dashed) is chance, 1 "
            "perfect; below 0.5 the score points the wrong way. On single-cluster questions the number of clusters and "
            "the semantic entropies are the same for every question, so their 0.5 is so by definition: it says that "
            f"they cannot tell, not that they were tried and failed. Grey: fewer than {FEW} graded questions, "
            "or too few of a kind for an interval." + missing
        ),
        recipe_line=chosen.recipe(int(n["all"]), f"{grading(run)} · whiskers: 95 % DeLong", [of]),
        data=rows.drop(columns=[name for name in rows if name.startswith("d_")]).assign(
            title=rows["score"].map(SCORE_TITLES)
        ),
        key="aurocs",
        alt=f"AUROC of {len(place)} uncertainty scores on all, single-cluster and multi-cluster questions",
    )


def differences(chosen: Selection) -> None:
    """AUROC of token entropy minus that of semantic entropy, paired, for every run."""
    rows = computed.difference_rows(tuple(chosen.versions.items()), *chosen.how)
    names = list(chosen.views)
    found = [
        {
            "row": names.index(row.run),
            "panel": SUBSETS.index(row.subset),
            "series": row.run,
            **bounds(row),
            "hover": difference_hover(row),
            "words": undefined_words(row.undefined, row.n),
            "n": row.n,
        }
        for row in rows.itertuples()
    ]
    blocks.chart(
        dots.dots(
            [Row(name) for name in names],
            marks(found),
            [Panel(SUBSET_TITLES[name], 0.0, (-0.65, 0.65)) for name in SUBSETS],
            list(chosen.looks().values()),
            legend=(),
            narrow=blocks.is_narrow(),
        ),
        title=plain(chart_titles.differences(rows)),
        how_to_read=(
            "AUROC of token entropy minus AUROC of semantic entropy on the same questions. Right of the dashed line "
            "the score read inside one answer is the better one. On single-cluster questions semantic entropy ties, so "
            "the difference is that of token entropy to 0.5."
        ),
        recipe_line=chosen.recipe(
            span(rows.loc[rows["subset"] == "all", "n"]),
            "DeLong, paired; 95 % intervals; p values adjusted by Holm over all that are shown",
        ),
        data=rows,
        key="differences",
        alt=f"Difference of two AUROCs for {counted(len(names), 'run')} on three sets of questions",
    )


def difference_hover(row: Any) -> str:
    """What a dot of a difference says."""
    if row.undefined:
        return f"{row.run}, {SUBSET_TITLES[row.subset]}\n{undefined_words(row.undefined, row.n)}"
    tie = " (all tie)" if row.semantic_ties else ""
    p = "" if np.isnan(row.pvalue_holm) else f"\n{numbers.p_value(row.pvalue_holm)} (Holm)"
    said = (
        f"{numbers.signed(row.value)}: token entropy {number(row.token_entropy)}, semantic entropy "
        f"{number(row.semantic_entropy)}{tie}"
    )
    shown = hover(row, f"{row.run}, {SUBSET_TITLES[row.subset]}", said, show=numbers.signed)
    power = "" if np.isnan(row.detectable) else f"\nwould find ±{number(row.detectable)} with 80 % power"
    return f"{shown}{p}{power}\n{counted(row.n, 'graded question')}"


def effects(chosen: Selection, of: str, rows: pd.DataFrame) -> None:
    """Cohen's d of every score, on all questions."""
    whole = rows[rows["subset"] == "all"].reset_index(drop=True)
    found = [
        {
            "row": row.Index,
            "panel": 0,
            "series": row.group,
            **bounds(row, "d_"),
            "hover": hover(row, score_title(row.score), f"d = {number(row.d_value)}", prefix="d_"),
            "words": _no_effect(row.undefined) if np.isnan(row.d_value) else "",
            "n": row.d_n,
        }
        for row in whole.itertuples()
    ]
    blocks.chart(
        dots.dots(
            [Row(score_title(score)) for score in whole["score"]],
            marks(found),
            [Panel("Cohen's d", 0.0, _symmetric(whole[["d_low", "d_high"]].to_numpy()))],
            series.group_series(GROUP_TITLES, dark=blocks.is_dark()),
            narrow=blocks.is_narrow(),
        ),
        title=plain(chart_titles.effects(whole)),
        how_to_read=(
            "How far the scores of incorrect answers lie above those of correct ones, in standard deviations. 0.2 is "
            "called small, 0.5 medium, 0.8 large; left of the dashed line the score points the wrong way."
        ),
        recipe_line=chosen.recipe(int(whole["d_n"].max()), "whiskers: 95 %, Hedges & Olkin", [of]),
        data=whole[["score", "group", "d_value", "d_low", "d_high", "d_n"]],
        key="effects",
        alt=f"Cohen's d of {len(whole)} uncertainty scores",
    )


def _symmetric(bounds: np.ndarray) -> tuple[float, float]:
    most = float(np.nanmax(np.abs(bounds))) if np.isfinite(bounds).any() else 1.0
    return -1.05 * most, 1.05 * most


def categories(chosen: Selection, of: str) -> None:
    """AUROC of three scores within each category."""
    scores = (TOKEN_ENTROPY, SEMANTIC_ENTROPY, DENSITY)
    rows = computed.category_rows(chosen.versions[of], chosen.clusterer, scores)
    if rows.empty:
        st.info("The questions of this data set have no categories.")
        return
    rows = rows[rows["category"] == chosen.category] if chosen.category else rows
    enough = rows.groupby("category")[["n_correct", "n_incorrect"]].transform("max").min(axis=1) > 1
    shown = rows[enough]
    if shown.empty:
        st.markdown(f"##### {plain(chart_titles.categories(rows))}")
        st.caption("An AUROC within a category needs two answers of either kind, and no category of this run has them.")
        return
    names = list(dict.fromkeys(shown["category"]))
    n_hidden = rows["category"].nunique() - len(names)
    found = [
        {
            "row": names.index(row.category),
            "panel": 0,
            "series": row.score,
            **bounds(row),
            "hover": auroc_hover(f"{score_title(row.score)}, {row.category}", row),
            "words": auroc_words(row),
            "n": row.n,
        }
        for row in shown.itertuples()
    ]
    looks = series.score_series([(s, score_title(s), signals.group_of(s)) for s in scores], dark=blocks.is_dark())
    graded = dict(zip(shown["category"], shown["n_graded"], strict=True))
    hidden = f" {counted(n_hidden, 'category is', 'categories are')} not here: fewer than two correct or two incorrect."
    blocks.chart(
        dots.dots(
            [Row(f"{name} (n = {graded[name]})") for name in names],
            marks(found),
            [Panel("AUROC", 0.5, (0.0, 1.0))],
            looks,
            dodge=True,
            narrow=blocks.is_narrow(),
        ),
        title=plain(chart_titles.categories(rows)),
        how_to_read=(
            "Within a category a score cannot win by telling categories apart. Grey: fewer than "
            f"{FEW} graded questions.{hidden if n_hidden else ''}"
        ),
        recipe_line=chosen.recipe(int(shown.groupby("category")["n"].max().sum()), "whiskers: 95 % DeLong", [of]),
        data=rows,
        key="categories",
        alt=f"AUROC of three scores in {counted(len(names), 'category', 'categories')}",
    )
