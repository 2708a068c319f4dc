"""How often a run gives one answer: single-cluster rates by clusterer, threshold, number of samples and category."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from homog_core.analysis.scored_run import ScoredRun
from homog_core.measures.clustering import PUBLISHED_COSINE_THRESHOLD, Clusterer
from homog_core.measures.scores import TOKEN_ENTROPY
from homog_core.records import Estimate
from homog_core.statistics.budget import budget_terms
from homog_core.statistics.intervals import mean_estimate, mean_estimates, single_cluster_rate, wilson_bounds
from homog_core.statistics.paired import mcnemar_exact
from homog_core.statistics.richness import unseen_mass

THRESHOLDS = np.round(np.arange(0, 100) / 100, 2)  # those of the sliders


def fields(found: Estimate, prefix: str = "") -> dict[str, Any]:
    """An estimate as columns of a row."""
    return {f"{prefix}{name}": getattr(found, name) for name in ("value", "low", "high", "n")}


class RunRates(NamedTuple):
    """What a run is like over all its questions."""

    single_cluster: Estimate  # share
    clusters: Estimate  # mean number of different answers
    token_entropy: Estimate  # of the greedy answer, mean over its tokens, in nats; undefined before the run is scored
    new: Estimate  # chance that one more answer is in none of the clusters: mean of `richness.unseen_mass`
    entropy_kind: str  # of the token entropies: exact, lower bounds (`top_k:<k>`) or none


def run_rates(scored: ScoredRun, clusterer: Clusterer) -> RunRates:
    """`RunRates` of a run, which need not have been scored."""
    n_sets = scored.n_clusters(clusterer)
    entropy = scored.column(TOKEN_ENTROPY) if scored.is_scored else np.full(len(n_sets), np.nan)
    sizes = scored.sizes(clusterer)
    new = [unseen_mass(own) for own in sizes[sizes.sum(axis=1) > 1]]
    means = (mean_estimate(values) for values in (n_sets, entropy, new))
    return RunRates(single_cluster_rate(n_sets), *means, scored.run.entropy_kind())


def single_cluster_row(scored: ScoredRun, clusterer: Clusterer, category: str) -> dict[str, Any]:
    """SCR (Wilson) and mean number of clusters (t) of one run, as columns of a row."""
    n_sets = scored.n_clusters(clusterer)[scored.in_category(category)]
    return {
        **fields(single_cluster_rate(n_sets)),
        "n_single": int(np.sum(n_sets == 1)),
        **fields(mean_estimate(n_sets), "clusters_"),
    }


def category_names(scored: ScoredRun) -> list[str]:
    """The categories of a run's questions, the ones with most questions first."""
    categories = scored.questions["category"]
    return list(
        categories[categories.fillna("") != ""]
        .value_counts()
        .sort_index()
        .sort_values(ascending=False, kind="stable")
        .index
    )


def single_cluster_test(first: ScoredRun, second: ScoredRun, clusterer: Clusterer, category: str) -> float:
    """The p value of McNemar's exact test on single-cluster yes or no, over the questions that both have."""
    columns = []
    for scored in (first, second):
        n_sets = scored.cluster_frame(clusterer)["num_semantic_sets"][scored.in_category(category)]
        columns.append((n_sets == 1).astype(float).where(n_sets.notna()))
    both = pd.concat(columns, axis=1, join="inner")
    return mcnemar_exact(both.iloc[:, 0].to_numpy(), both.iloc[:, 1].to_numpy()).pvalue


def threshold_curve(scored: ScoredRun, clusterer: Clusterer, category: str = "") -> pd.DataFrame:
    """SCR with its Wilson interval at every threshold of the sliders: threshold, value, low, high, n.

    No rows for a clusterer without a threshold of its own per question: NLI, and the greedy rule.
    """
    columns = ["threshold", "value", "low", "high", "n"]
    if not clusterer.has_trees:
        return pd.DataFrame(columns=columns)
    trees = scored.trees(clusterer)
    kept = scored.in_category(category) & (trees.n_valid > 1)
    n = int(kept.sum())
    share = trees.is_single(THRESHOLDS)[kept].mean(axis=0) if n else np.full(len(THRESHOLDS), np.nan)
    low, high = wilson_bounds(share, n)
    return pd.DataFrame({"threshold": THRESHOLDS, "value": share, "low": low, "high": high, "n": n})[columns]


def budget_curve(scored: ScoredRun, clusterer: Clusterer, category: str = "") -> pd.DataFrame:
    """SCR and discrete semantic entropy for n = 2 … N samples, exactly, with intervals over questions.

    Over the questions with at least n valid answers, whose clusters stay those of all of them. Wilson bounds for the
    SCR (`wilson_bounds`), t bounds for the entropy. One row an n.
    """
    sizes = scored.sizes(clusterer)[scored.in_category(category)]
    total = sizes.sum(axis=1)
    budgets = np.arange(2, scored.n_samples + 1)
    values = np.full((2, len(sizes), len(budgets)), np.nan)
    for answers in np.unique(total[total > 1]):
        own = total == answers
        places = sizes[own] + (answers + 1) * np.arange(own.sum())[:, None]
        counts = np.bincount(places.ravel(), minlength=own.sum() * (answers + 1)).reshape(own.sum(), answers + 1)
        terms = np.stack([budget_terms(int(answers), n) for n in range(2, answers + 1)], axis=2)  # (2, sizes, n)
        values[:, own, : answers - 1] = counts @ terms
    rate, entropy = map(mean_estimates, values)
    low, high = wilson_bounds(rate.value, rate.n)
    return pd.DataFrame(
        {"n_samples": budgets, "value": rate.value, "low": low, "high": high, "n": rate.n}
        | {f"entropy_{name}": column for name, column in entropy._asdict().items()}
    )


def clusterer_rows(scored: ScoredRun, category: str = "") -> list[dict[str, Any]]:
    """One row a clusterer: SCR as the run was scored, and by whole answers at the published threshold too.

    Default thresholds are those of the report cards, where a clusterer errs least on read pairs.
    """
    found = [(clusterer, "as scored") for clusterer in scored.clusterers()]
    found += [
        (Clusterer(c.method, PUBLISHED_COSINE_THRESHOLD, c.encoder), "published threshold")
        for c, _ in found
        if c.method == "embedding"
    ]
    kept = scored.in_category(category)
    return [
        {"clusterer": clusterer, "kind": kind, **fields(single_cluster_rate(scored.n_clusters(clusterer)[kept]))}
        for clusterer, kind in found
    ]
