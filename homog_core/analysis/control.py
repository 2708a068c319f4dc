"""How much of the drop in different answers a control shows as well, so that it comes without any preference."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from homog_core.analysis.lineage import chain_with_control, roles
from homog_core.analysis.scored_run import ScoredRun
from homog_core.analysis.story import Typical
from homog_core.measures.clustering import Clusterer
from homog_core.records import Estimate
from homog_core.runs.store import Run
from homog_core.statistics.intervals import mean_estimate, single_cluster_rate


@dataclass(frozen=True, slots=True)
class Control:
    """A control beside the aligned model, over the same questions as the base."""

    clusters: Estimate  # mean number of different answers
    rate: Estimate  # single-cluster rate
    aligned_clusters: Estimate
    aligned_rate: Estimate
    share_without: float  # of the drop in different answers from base to aligned, what the control has too


def find_control(runs: Sequence[Run], aligned: Run) -> Run | None:
    """The complete run of the control of the aligned model's stage, under the same conditions; None without one."""
    found = [run for run in chain_with_control(aligned, runs) if roles([run]) == ["control"]]
    return found[0] if found and found[0].provenance.status == "complete" else None


def control_of(control: ScoredRun, clusterer: Clusterer, found: Typical) -> Control:
    """What a scored run shows, beside `found` of the base and the aligned model by the same clusterer."""
    n_sets = control.cluster_frame(clusterer)["num_semantic_sets"]
    clusters = mean_estimate(n_sets)
    drop = found.base_clusters.value - found.aligned_clusters.value
    return Control(
        clusters,
        single_cluster_rate(n_sets),
        found.aligned_clusters,
        found.aligned_rate,
        (found.base_clusters.value - clusters.value) / drop if drop else np.nan,
    )
