"""Every figure of the page, computed once for a version of a run, a clusterer and a category."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import background
from dashboard.cache import Version, loaded
from homog_core.analysis import cascade, many, published, quality, rates, selective, signals
from homog_core.analysis.bounds import Bounds
from homog_core.analysis.bounds import bounds as bounds_of
from homog_core.analysis.cascade import CascadeStudy
from homog_core.analysis.plan import Detectable, Needed, detectable, needed
from homog_core.analysis.scored_run import ScoredRun
from homog_core.analysis.selective import Calibration, Coverage
from homog_core.analysis.unseen import Unseen
from homog_core.analysis.unseen import growth as growth_of
from homog_core.analysis.unseen import unseen as unseen_of
from homog_core.measures.clustering import Clusterer
from homog_core.progress import OnProgress
from homog_core.records import Estimate

Named = tuple[tuple[str, Version], ...]  # runs with their labels
_once = st.cache_resource(max_entries=256, show_spinner=False)


# How often one answer


@_once
def rate(run: Version, clusterer: Clusterer, category: str) -> dict[str, Any]:
    """`rates.single_cluster_row`."""
    return rates.single_cluster_row(loaded(run), clusterer, category)


@_once
def category_names(run: Version) -> list[str]:
    """The categories of a run's questions, the ones with most questions first."""
    return rates.category_names(loaded(run))


@_once
def rate_pvalue(first: Version, second: Version, clusterer: Clusterer, category: str) -> float:
    """`rates.single_cluster_test`."""
    return rates.single_cluster_test(loaded(first), loaded(second), clusterer, category)


@_once
def bounds(run: Version, clusterer: Clusterer, category: str) -> Bounds:
    """`bounds.bounds`."""
    return bounds_of(loaded(run), clusterer, category)


@_once
def unseen(run: Version, clusterer: Clusterer, category: str) -> Unseen:
    """`unseen.unseen`."""
    return unseen_of(loaded(run), clusterer, category)


@_once
def growth(run: Version, clusterer: Clusterer, category: str) -> pd.DataFrame:
    """`unseen.growth`."""
    return growth_of(loaded(run), clusterer, category)


# Many runs


@_once
def model_rows(runs: Named, clusterer: Clusterer, category: str) -> pd.DataFrame:
    """`many.model_rows`."""
    return many.model_rows(_by_label(runs), clusterer, category)


@_once
def size_tests(runs: Named, clusterer: Clusterer, category: str) -> list[many.SizeTest]:
    """`many.size_tests`."""
    return many.size_tests(_by_label(runs), clusterer, category)


def plan(first: Version, second: Version, clusterer: Clusterer) -> tuple[Detectable, Needed] | None:
    """What a pair could have found, and what finds what it shows; None, with a bar, until it is there."""

    def compute(on_progress: OnProgress) -> tuple[Detectable, Needed]:
        on_progress("Looking for what could be found", 0, 0)
        pair = [loaded(first), loaded(second)]
        found = detectable(pair, clusterer)
        on_progress("Looking for how many questions find it", 0, 0)
        return found, needed(pair, clusterer, found)

    return background.computed(("plan", first, second, clusterer), compute)


def threshold_curve(run: Version, clusterer: Clusterer, category: str) -> pd.DataFrame:
    """`rates.threshold_curve`, which is the same whatever the clusterer's own threshold is."""
    return _threshold_curve(run, replace(clusterer, threshold=0.0), category)


@_once
def _threshold_curve(run: Version, clusterer: Clusterer, category: str) -> pd.DataFrame:
    return rates.threshold_curve(loaded(run), clusterer, category)


@_once
def budget_curve(run: Version, clusterer: Clusterer, category: str) -> pd.DataFrame:
    """`rates.budget_curve`."""
    return rates.budget_curve(loaded(run), clusterer, category)


@_once
def clusterer_rows(run: Version, category: str) -> list[dict[str, Any]]:
    """`rates.clusterer_rows`."""
    return rates.clusterer_rows(loaded(run), category)


# Quality beside diversity


@_once
def quality_rows(runs: Named, clusterer: Clusterer, category: str) -> pd.DataFrame:
    """`quality.quality_rows`."""
    return quality.quality_rows(_by_label(runs), clusterer, category)


@_once
def fate_rows(runs: Named, base: str, category: str) -> pd.DataFrame:
    """`quality.fate_rows`."""
    return quality.fate_rows(_by_label(runs), base, category)


@_once
def seed_frame(runs: tuple[Version, ...], clusterer: Clusterer, category: str) -> pd.DataFrame:
    """`quality.seed_frame`."""
    return quality.seed_frame([loaded(run) for run in runs], clusterer, category)


def _by_label(runs: Named) -> dict[str, ScoredRun]:
    return {label: loaded(run) for label, run in runs}


# Uncertainty scores


@_once
def scores(run: Version, clusterer: Clusterer, category: str) -> pd.DataFrame:
    """Every uncertainty score of the questions in a category (Q, …)."""
    scored = loaded(run)
    return scored.score_frame(clusterer)[scored.in_category(category)]


@_once
def score_rows(run: Version, clusterer: Clusterer, category: str) -> pd.DataFrame:
    """`signals.score_rows`."""
    return signals.score_rows(loaded(run), clusterer, category)


@_once
def category_auroc(run: Version) -> Estimate:
    """`signals.category_auroc`."""
    return signals.category_auroc(loaded(run))


@_once
def difference_rows(runs: Named, clusterer: Clusterer, category: str) -> pd.DataFrame:
    """`signals.difference_rows`."""
    return signals.difference_rows(_by_label(runs), clusterer, category)


@_once
def category_rows(run: Version, clusterer: Clusterer, of_scores: Sequence[str]) -> pd.DataFrame:
    """`signals.category_rows`."""
    return signals.category_rows(loaded(run), clusterer, of_scores)


# What helps


def coverage(run: Version, clusterer: Clusterer, category: str, score: str) -> Coverage:
    """`selective.coverage_of`, computed once for equal values: few scores follow the threshold."""
    return _coverage(*_score(run, clusterer, category, score))


def calibration(run: Version, clusterer: Clusterer, category: str, score: str) -> Calibration:
    """`selective.calibration_of`, computed once for equal values."""
    return _calibration(*_score(run, clusterer, category, score))


@_once
def _coverage(values: np.ndarray, correct: np.ndarray) -> Coverage:
    return selective.coverage_of(values, correct)


@_once
def _calibration(values: np.ndarray, correct: np.ndarray) -> Calibration:
    return selective.calibration_of(values, correct)


def _score(run: Version, clusterer: Clusterer, category: str, score: str) -> tuple[np.ndarray, np.ndarray]:
    """A score of the questions in a category and whether they are correct, (Q,) each."""
    scored = loaded(run)
    values = scores(run, clusterer, category)[score].to_numpy()
    return values, scored.correct[scored.in_category(category)]


class CascadeFigures(NamedTuple):
    """A cascade, and the rows of its chart."""

    study: CascadeStudy
    rows: pd.DataFrame


def cascade_figures(run: Version, clusterer: Clusterer, category: str) -> CascadeFigures | None:
    """`cascade.cascade_study` and `cascade.cascade_rows`; None, with a bar, until they are there.

    Raises `InvalidInput` where there is none.
    """

    def compute(on_progress: OnProgress) -> CascadeFigures:
        on_progress("Fitting the cascade on five folds", 0, 0)
        study = cascade.cascade_study(loaded(run), clusterer, category)
        return CascadeFigures(study, cascade.cascade_rows(study))

    return background.computed(("cascade", run, clusterer, category), compute)


# Ours and published


def counterparts(run: Version, metrics: Sequence[str], clusterer: Clusterer, category: str) -> dict[str, Estimate]:
    """`published.counterpart` by metric; those that no clusterer has a part in are the same whatever it is."""
    found: dict[str, Estimate] = {}
    for how in (clusterer, None):
        if own := tuple(metric for metric in metrics if (metric in published.OF_CLUSTERS) == (how is not None)):
            found |= _counterparts(run, own, how, category)
    return found


@_once
def _counterparts(
    run: Version, metrics: tuple[str, ...], clusterer: Clusterer | None, category: str
) -> dict[str, Estimate]:
    scored = loaded(run)
    how = clusterer or scored.clusterer, category
    return {metric: published.counterpart(scored, metric, *how) for metric in metrics}
