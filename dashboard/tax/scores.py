"""What it does to uncertainty scores: AUROCs, token against semantic entropy, effect sizes, categories."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dashboard import blocks
from dashboard.tax import computed
from dashboard.tax.grades import grading
from dashboard.tax.marks import bounds, hover, marks, span
from dashboard.tax.selection import Selection
from dashboard.text import plain
from homog_core.analysis import signals
from homog_core.analysis.enough import Shortfall, shortfall
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
    first_upper,
    score_title,
    undefined_words,
)
from homog_core.wording.numbers import UNDEFINED, counted, number

THREE = (TOKEN_ENTROPY, SEMANTIC_ENTROPY, DENSITY)


def _no_effect(why: str) -> str:
    return undefined_words(why) if why == Undefined.NEEDS_NLI else UNDEFINED


def auroc_hover(name: str, row: Any) -> str:
    """What a dot of an AUROC says."""
    shown = auroc_words(row) or hover(row, f"AUROC {number(row.value)}")
    return f"{name}\n{shown}\n{row.n_incorrect} incorrect, {row.n_correct} correct"


def aurocs(chosen: Selection, of: str) -> None:
    """AUROC of every score on all, single-cluster and multi-cluster questions; above, what the category alone gives."""
    run, rows = chosen.views[of], computed.score_rows(chosen.versions[of], *chosen.how)
    if not chosen.category:
        caution = chart_titles.category_caution(computed.category_auroc(chosen.versions[of]), rows)
        if caution:
            st.info(caution, icon=":material/warning:")
    asked = int(run.in_category(chosen.category).sum())
    missing = {name: _shortfall(rows[rows["subset"] == name], asked) for name in SUBSETS}
    shown = [name for name in SUBSETS if missing[name] is None]
    if not shown:
        st.markdown("##### Too few graded answers to rank scores")
        st.info(plain(f"{first_upper(chart_titles.too_few(missing['all']))}."))
        return
    why = " ".join(
        f"Not drawn, {SUBSET_TITLES[name]}: {chart_titles.too_few(lack)}." for name, lack in missing.items() if lack
    )
    drawn = rows[rows["subset"].isin(shown)]
    n = rows.groupby("subset")["n"].max()
    nli = "" if run.has_nli else f" NLI scores: `{commands.score_by_nli(run.run.id)}` fetches the model once."
    blocks.chart(
        _ranking(drawn, [Panel(f"{SUBSET_TITLES[name]} (n = {n[name]})", 0.5, (0.0, 1.0)) for name in shown], shown),
        title=plain(chart_titles.aurocs(rows)),
        how_to_read=(
            "AUROC: how often an incorrect answer has the higher score than a correct one. 0.5 (dashed) is chance, 1 "
            "perfect; below 0.5 the score points the wrong way. n counts the graded questions of categories that have "
            "both kinds of answers there, so the parts need not add up to the whole. On single-cluster questions the "
            f"scores that count clusters tie by definition: they cannot tell there. {plain(why)}{nli}"
        ),
        recipe_line=chosen.recipe(int(n["all"]), f"{grading(run)} · whiskers: 95 % DeLong", [of]),
        data=drawn.drop(columns=[name for name in rows if name.startswith("d_")]).assign(
            title=drawn["score"].map(SCORE_TITLES)
        ),
        key="aurocs",
        alt=f"AUROC of {drawn['score'].nunique()} uncertainty scores on {counted(len(shown), 'set')} of questions",
    )


def _ranking(rows: pd.DataFrame, panels: Sequence[Panel], subsets: Sequence[str]) -> go.Figure:
    """Scores in groups by what they are read from, a panel a set of questions."""
    lines, place = [], {}
    for group, title in GROUP_TITLES.items():
        lines.append(Row(title.capitalize(), heading=True))
        for score in dict.fromkeys(rows.loc[rows["group"] == group, "score"]):
            place[score] = len(lines)
            lines.append(Row(score_title(score)))
    found = [
        {
            "row": place[row.score],
            "panel": subsets.index(row.subset),
            "series": row.group,
            **bounds(row),
            "hover": auroc_hover(f"{score_title(row.score)}, {SUBSET_TITLES[row.subset]}", row),
            "words": auroc_words(row),
            "n": row.n,
        }
        for row in rows.itertuples()
    ]
    looks = series.group_series(GROUP_TITLES, dark=blocks.is_dark())
    return dots.dots(lines, marks(found), panels, looks, narrow=blocks.is_narrow())


def _shortfall(rows: pd.DataFrame, asked: int) -> Shortfall | None:
    """What the answers lack that some rows of AUROCs rest on; the score with most graded answers counts."""
    return shortfall(int(rows["n_correct"].max()), int(rows["n_incorrect"].max()), asked)


def differences(chosen: Selection) -> None:
    """AUROC of token entropy minus that of semantic entropy within categories, paired, for every run."""
    rows, pair = computed.difference_rows(chosen.named, *chosen.how), chosen.pair()
    title, verdict = chart_titles.differences(rows, pair), chart_titles.differences_verdict(rows)
    names = list(chosen.views)
    found = [
        {
            "row": names.index(row.run),
            "panel": SUBSETS.index(row.subset),
            "series": row.run,
            **bounds(row),
            "hover": difference_hover(row),
            "words": undefined_words(row.undefined, row.n_graded),
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
        title=plain(title),
        how_to_read=(
            "AUROC of token entropy minus AUROC of semantic entropy, which compares samples. Right of the dashed line "
            "token entropy is the better one. Only questions of one category are compared; hover for the difference "
            "over all. On single-cluster questions semantic entropy ties, so the difference is that of token entropy "
            "to 0.5. Each whisker is by itself; verdicts allow for all comparisons shown (Holm)."
            + (f" {plain(verdict)}." if verdict != title else "")
        ),
        recipe_line=chosen.recipe(
            span(rows.loc[rows["subset"] == "all", "n"]),
            "DeLong, paired, within categories; 95 % intervals; p values adjusted by Holm over all that are shown",
        ),
        data=rows,
        key="differences",
        alt=f"Difference of two AUROCs for {counted(len(names), 'run')} on three sets of questions",
    )


def difference_hover(row: Any) -> str:
    """What a dot of a difference says."""
    if row.undefined:
        return f"{row.run}, {SUBSET_TITLES[row.subset]}\n{undefined_words(row.undefined, row.n_graded)}"
    tie = " (all tie)" if row.semantic_ties else ""
    p = "" if np.isnan(row.pvalue_holm) else f"\n{numbers.p_value(row.pvalue_holm)} (Holm)"
    said = (
        f"{numbers.signed(row.value)}: token entropy {number(row.token_entropy)}, semantic entropy "
        f"{number(row.semantic_entropy)}{tie}"
    )
    shown = hover(row, f"{row.run}, {SUBSET_TITLES[row.subset]}", said, show=numbers.signed)
    power = "" if np.isnan(row.detectable) else f"\nwould find ±{number(row.detectable)} with 80 % power"
    pooled = "" if np.isnan(row.pooled_value) else f"\nover all pairs of questions {numbers.signed(row.pooled_value)}"
    return f"{shown}{p}{power}{pooled}\n{counted(row.n, 'graded question')}"


def effects(chosen: Selection, of: str) -> None:
    """Cohen's d of every score, on all questions."""
    rows = computed.score_rows(chosen.versions[of], *chosen.how)
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
            "called small, 0.5 medium, 0.8 large; left of the dashed line the score points the wrong way. Categories "
            "are taken together, so telling categories apart counts here too."
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
    """AUROC of three scores within each category that has enough answers of both kinds."""
    rows = computed.category_rows(chosen.versions[of], chosen.clusterer, THREE)
    if rows.empty:
        st.info("The questions of this data set have no categories.")
        return
    rows = rows[rows["category"] == chosen.category] if chosen.category else rows
    asked = chosen.views[of].questions["category"].value_counts()
    missing = {name: _shortfall(own, int(asked[name])) for name, own in rows.groupby("category", sort=False)}
    shown = rows[rows["category"].map(lambda name: missing[name] is None)]
    lacking = {name: lack for name, lack in missing.items() if lack}
    hidden = ""
    if lacking:
        name = max(lacking, key=lambda name: lacking[name].found)
        hidden = f"Not drawn: {counted(len(lacking), 'category', 'categories')} with fewer. The nearest is “{name}”: "
        hidden += f"{chart_titles.too_few(lacking[name])}."
    if shown.empty:
        st.markdown(f"##### {plain(chart_titles.categories(shown))}")
        st.info(plain(hidden))
        return
    names = list(dict.fromkeys(shown["category"]))
    graded = dict(zip(shown["category"], shown["n_graded"], strict=True))
    looks = series.score_series([(s, score_title(s), signals.group_of(s)) for s in THREE], dark=blocks.is_dark())
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
    lines = [Row(f"{name} (n = {graded[name]})") for name in names]
    panels = [Panel("AUROC", 0.5, (0.0, 1.0))]
    blocks.chart(
        dots.dots(lines, marks(found), panels, looks, dodge=True, narrow=blocks.is_narrow()),
        title=plain(chart_titles.categories(shown)),
        how_to_read=plain(f"Within a category a score cannot win by telling categories apart. {hidden}"),
        recipe_line=chosen.recipe(int(shown.groupby("category")["n"].max().sum()), "whiskers: 95 % DeLong", [of]),
        data=shown,
        key="categories",
        alt=f"AUROC of three scores in {counted(len(names), 'category', 'categories')}",
    )
