"""The figures that others have published, and ours of the same name."""

import numpy as np
import pandas as pd

from homog_core.analysis.cascade import saving_estimate
from homog_core.analysis.lineage import STAGES
from homog_core.analysis.scored_run import ScoredRun
from homog_core.analysis.selective import N_RESAMPLES, calibration_estimates
from homog_core.analysis.signals import largest_correlation
from homog_core.catalogue.published import PUBLISHED, Published
from homog_core.measures.clustering import Clusterer
from homog_core.measures.scores import DENSITY, SEMANTIC_ENTROPY, TOKEN_ENTROPY
from homog_core.records import Estimate
from homog_core.statistics.calibration import platt_probabilities
from homog_core.statistics.discrimination import auroc_estimate, cohens_d_estimate
from homog_core.statistics.intervals import mean_estimate, single_cluster_rate
from homog_core.statistics.selective import selective_estimates


def published_rows(metric: str, dataset: str | None = None) -> list[Published]:
    """The published figures of a metric, by stage; on one dataset where it is named and there are any."""
    found = [p for p in PUBLISHED if p.metric == metric]
    on_it = [p for p in found if p.dataset == dataset]
    return sorted(on_it or found, key=lambda p: STAGES.index(p.stage))


def published_metrics() -> list[str]:
    """The names of the figures that others have reported, in the order of the table."""
    return list(dict.fromkeys(p.metric for p in PUBLISHED))


OF_CLUSTERS = frozenset(  # the metrics that a clusterer and its threshold have a part in
    {
        "single_cluster_rate",
        "mean_num_clusters",
        "mean_discrete_semantic_entropy",
        "signal_correlation",
        "cost_saving",
    }
)
SLOW = ("selective_accuracy", "ece", "cost_saving")  # metrics that take longer than a page may take


def counterpart(scored: ScoredRun, metric: str, clusterer: Clusterer, category: str = "") -> Estimate:
    """Our figure of a published metric on a run; NaN where it is undefined.

    AUROC, d, selective accuracy (at half coverage) and ECE (after Platt scaling) are those of token entropy; the
    correlation is the largest |r| among the signals of the cascade; its saving is against running every signal.
    """
    kept = scored.in_category(category)
    token, correct = scored.column(TOKEN_ENTROPY).to_numpy(np.float64)[kept], scored.correct[kept]
    if metric == "single_cluster_rate":
        return single_cluster_rate(scored.n_clusters(clusterer)[kept])
    if metric in ("mean_num_clusters", "mean_discrete_semantic_entropy"):
        name = "num_semantic_sets" if metric == "mean_num_clusters" else SEMANTIC_ENTROPY
        return mean_estimate(scored.cluster_frame(clusterer)[name][kept])
    if metric == "mean_token_entropy":
        return mean_estimate(token)
    if metric == "auroc":
        return auroc_estimate(token, 1 - correct)
    if metric == "cohens_d":
        return cohens_d_estimate(token[correct == 0], token[correct == 1])
    if metric == "selective_accuracy":
        return selective_estimates(token, correct, n_resamples=N_RESAMPLES).selective_accuracy
    if metric == "ece":
        return calibration_estimates(platt_probabilities(token, correct), correct)["ECE"]
    if metric == "signal_correlation":
        return largest_correlation(_signals(scored, clusterer)[kept], (TOKEN_ENTROPY, DENSITY, SEMANTIC_ENTROPY))
    if metric == "cost_saving":
        return saving_estimate(scored, clusterer, category)
    return Estimate(np.nan, np.nan, np.nan, int(kept.sum()), "")


def _signals(scored: ScoredRun, clusterer: Clusterer) -> pd.DataFrame:
    """The signals of the cascade (Q, …), as far as the run has them, as in `ScoredRun.score_frame`."""
    columns = scored.score_columns(clusterer)
    found = {name: scored.column(columns[name]) for name in (TOKEN_ENTROPY, DENSITY) if name in columns}
    return pd.DataFrame(found | {SEMANTIC_ENTROPY: scored.cluster_frame(clusterer)[SEMANTIC_ENTROPY]}, dtype=np.float64)
