"""Many scored runs → the numbers of the aggregate charts, fast enough to follow a slider. It writes nothing.

A `RunView` holds what a run has stored about its questions, without the answers. Its merge trees answer every
threshold at once, so that a curve over all thresholds, or every partition at one of them, is array arithmetic.
"""

from functools import cache
from math import comb, log
from typing import Any

import numpy as np
import pandas as pd

from homog_core.analysis.scored_run import RunView, cluster_columns
from homog_core.measures.clustering import PUBLISHED_COSINE_THRESHOLD, Clusterer
from homog_core.records import Estimate
from homog_core.statistics.columns import NAN
from homog_core.statistics.intervals import mean_estimate, single_cluster_rate, wilson_bounds
from homog_core.statistics.paired import mcnemar_exact

THRESHOLDS = np.round(np.arange(0, 100) / 100, 2)


def fields(found: Estimate, prefix: str = "") -> dict[str, Any]:
    """An estimate as columns of a row."""
    return {f"{prefix}{name}": getattr(found, name) for name in ("value", "low", "high", "n")}


def single_cluster_row(view: RunView, clusterer: Clusterer, category: str) -> dict[str, Any]:
    """SCR (Wilson) and mean number of clusters (t) of one run, as columns of a row."""
    n_sets = cluster_columns(view.sizes(clusterer)[view.in_category(category)])["num_semantic_sets"]
    return {
        **fields(single_cluster_rate(n_sets)),
        "n_single": int(np.sum(n_sets == 1)),
        **fields(mean_estimate(n_sets), "clusters_"),
    }


def single_cluster_test(first: RunView, second: RunView, clusterer: Clusterer, category: str) -> float:
    """The p value of McNemar's exact test on single-cluster yes or no, over the questions that both have."""
    columns = []
    for view in (first, second):
        kept = view.in_category(category)
        n_sets = cluster_columns(view.sizes(clusterer)[kept])["num_semantic_sets"]
        single = pd.Series(np.where(np.isnan(n_sets), NAN, n_sets == 1), index=view.frame.index[kept])
        columns.append(single)
    both = pd.concat(columns, axis=1, join="inner")
    return mcnemar_exact(both.iloc[:, 0].to_numpy(), both.iloc[:, 1].to_numpy()).pvalue


def threshold_curve(view: RunView, clusterer: Clusterer, category: str) -> pd.DataFrame:
    """SCR with its Wilson interval at every threshold of the sliders: threshold, value, low, high, n.

    As `report.threshold_curve`, for a category and without a loop. No rows for a clusterer without a threshold of its
    own per question: NLI, and the greedy rule.
    """
    columns = ["threshold", "value", "low", "high", "n"]
    if clusterer.method == "nli" or clusterer.rule != "components":
        return pd.DataFrame(columns=columns)
    trees = view.trees(clusterer)
    kept = view.in_category(category) & (trees.n_valid > 1)
    last = np.where(np.isfinite(trees.height[kept]), trees.height[kept], -np.inf).max(axis=1, initial=-np.inf)
    n = int(kept.sum())
    if trees.at_equality:
        single = last[:, None] <= 1.0 - THRESHOLDS.astype(np.float32).astype(np.float64)
    else:
        single = last[:, None] < 1.0 - THRESHOLDS
    share = single.mean(axis=0) if n else np.full(len(THRESHOLDS), NAN)
    low, high = wilson_bounds(share, n)
    return pd.DataFrame({"threshold": THRESHOLDS, "value": share, "low": low, "high": high, "n": n})[columns]


@cache
def _budget_table(total: int) -> np.ndarray:
    """What a cluster of each size 0 … N adds at each budget 0 … N: (2, N + 1, N + 1) for SCR and entropy.

    C(size, n)/C(N, n), and −Σ_m Hypergeom(m; N, size, n) (m/n) ln(m/n): the terms of `metrics.scr_at_budget` and
    `metrics.entropy_at_budget`.
    """
    table = np.zeros((2, total + 1, total + 1))
    for n in range(1, total + 1):
        for size in range(1, total + 1):
            table[0, n, size] = comb(size, n) / comb(total, n)
            table[1, n, size] = sum(
                comb(size, m) * comb(total - size, n - m) / comb(total, n) * (m / n) * log(n / m)
                for m in range(1, min(size, n) + 1)
            )
    return table


def budget_curve(view: RunView, clusterer: Clusterer, category: str) -> pd.DataFrame:
    """SCR and discrete semantic entropy for n = 2 … N samples, exactly, with intervals over questions.

    As `report.budget_curve`, for a category: over the questions with at least n valid answers, whose clusters stay
    those of all of them. Wilson bounds for the SCR (`wilson_bounds`), t bounds for the entropy. One row an n.
    """
    sizes = view.sizes(clusterer)[view.in_category(category)]
    total = sizes.sum(axis=1)
    rows = []
    for n in range(2, view.n_samples + 1):
        values = np.full((2, len(sizes)), NAN)
        for answers in np.unique(total[total >= n]):
            own = total == answers
            values[:, own] = _budget_table(int(answers))[:, n, sizes[own]].sum(axis=2)
        rate, entropy = values[:, total >= n]
        share = float(rate.mean()) if len(rate) else NAN
        low, high = wilson_bounds(np.array(share), len(rate))
        scr = {"value": share, "low": float(low), "high": float(high), "n": len(rate)}
        rows.append({"n_samples": n, **scr, **fields(mean_estimate(entropy), "entropy_")})
    return pd.DataFrame(rows)


def clusterer_rows(view: RunView, category: str) -> list[dict[str, Any]]:
    """SCR by every clusterer at its default threshold, and by whole answers at the published one. One row a clusterer.

    Default thresholds of encoders join 15 % of the contradicting pairs, so that encoders are compared like with like.
    """
    found = [(clusterer, "default") for clusterer in view.clusterers()]
    found += [
        (Clusterer(c.method, PUBLISHED_COSINE_THRESHOLD, c.encoder), "published threshold")
        for c, _ in found
        if c.method == "embedding"
    ]
    return [
        {"clusterer": clusterer, "kind": kind, **single_cluster_row(view, clusterer, category)}
        for clusterer, kind in found
    ]
