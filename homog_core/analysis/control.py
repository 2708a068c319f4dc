"""How much of the drop in different answers a control shows as well, so that it comes without any preference.

The training seed is the unit: a control and the aligned model are compared over all seeds that both have.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from homog_core.analysis.lineage import chain_with_control, conditions, roles
from homog_core.analysis.scored_run import ScoredRun
from homog_core.catalogue.recipes import without_seed
from homog_core.measures.clustering import Clusterer
from homog_core.records import Estimate
from homog_core.runs.store import Run
from homog_core.statistics.intervals import mean_estimate


@dataclass(frozen=True, slots=True)
class Control:
    """A control beside the aligned model; each value of a seed, in their order."""

    rates: tuple[float, ...]  # single-cluster rates of the control
    aligned_rates: tuple[float, ...]
    difference: Estimate  # of the rates, aligned minus control, with the t interval between seeds
    share_without: float  # of the mean drop in different answers from base to aligned, what the control has too


def find_controls(runs: Sequence[Run], aligned: Run) -> list[tuple[Run, Run]]:
    """The complete runs of the aligned model's control and of itself, a pair a training seed; [] without a control."""
    own = [run for run in chain_with_control(aligned, runs) if roles([run]) == ["control"]]
    if not own:
        return []
    by_seed: dict[int, dict[str, Run]] = {}
    for run in runs:
        name, seed = without_seed(run.identity.model)
        if run.provenance.status == "complete" and conditions(run) == conditions(aligned):
            by_seed.setdefault(seed, {})[name] = run
    names = (own[0].identity.model, aligned.identity.model)
    return [(found[names[0]], found[names[1]]) for _, found in sorted(by_seed.items()) if found.keys() >= set(names)]


def control_of(pairs: Sequence[tuple[ScoredRun, ScoredRun]], base_clusters: float, clusterer: Clusterer) -> Control:
    """`Control` of the runs of a control and of the aligned model, a pair a seed; `base_clusters`: its mean K."""
    counts = np.array([[_mean_and_rate(scored, clusterer) for scored in pair] for pair in pairs])  # (seeds, 2, 2)
    control, aligned = counts[:, 0, 0].mean(), counts[:, 1, 0].mean()
    drop = base_clusters - aligned
    return Control(
        tuple(counts[:, 0, 1].tolist()),
        tuple(counts[:, 1, 1].tolist()),
        mean_estimate(counts[:, 1, 1] - counts[:, 0, 1]),
        float((base_clusters - control) / drop) if drop else np.nan,
    )


def _mean_and_rate(scored: ScoredRun, clusterer: Clusterer) -> tuple[float, float]:
    counts = scored.cluster_frame(clusterer)["num_semantic_sets"].dropna()
    return float(counts.mean()), float((counts == 1).mean())
