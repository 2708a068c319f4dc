"""How many different answers each of several runs gives to the same questions, and what changed from first to last."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from homog_core.analysis.bounds import agreed_change
from homog_core.analysis.compare import common_clusterers, common_questions
from homog_core.analysis.scored_run import ScoredRun
from homog_core.measures.clustering import Clusterer
from homog_core.records import Estimate
from homog_core.statistics.intervals import mean_estimate, single_cluster_rate


@dataclass(frozen=True, slots=True, eq=False)
class Changes:
    """How many different answers every run gives to the questions that all of them have."""

    clusters: pd.DataFrame  # K, question × run id, the largest change first; NaN below two valid answers
    entropies: pd.DataFrame  # discrete semantic entropy, likewise
    agreed: pd.Series  # the change in K that all clusterers see at least, by question; 0 where they see none

    @property
    def means(self) -> list[Estimate]:
        """Mean K of each run, in their order."""
        return [mean_estimate(self.clusters[run_id]) for run_id in self.clusters]

    @property
    def rates(self) -> list[Estimate]:
        """Single-cluster rate of each run, in their order."""
        return [single_cluster_rate(self.clusters[run_id]) for run_id in self.clusters]

    @property
    def n_in_all(self) -> int:
        """Questions to which every run gives at least two valid answers."""
        return int(self.clusters.notna().all(axis=1).sum())

    @property
    def change(self) -> pd.Series:
        """K of the last run minus K of the first, by question."""
        return self.clusters.iloc[:, -1] - self.clusters.iloc[:, 0]

    @property
    def n_fewer(self) -> int:
        """Questions to which the last run gives fewer different answers than the first."""
        return int((self.change < 0).sum())

    @property
    def n_more(self) -> int:
        """Questions to which it gives more."""
        return int((self.change > 0).sum())


def agreed_of(runs: Sequence[ScoredRun]) -> pd.Series:
    """`bounds.agreed_change` of every common question under all common clusterers, as the runs were scored."""
    return agreed_change(runs, common_clusterers(runs), common_questions(runs))


def changes(runs: Sequence[ScoredRun], clusterer: Clusterer, agreed: pd.Series | None = None) -> Changes:
    """K and entropy of every common question, ordered by the size of the change from the first run to the last.

    `agreed` is what `agreed_of` gives, for who has it: it is the same whatever the clusterer.

    The change that all clusterers see comes first (`bounds.agreed_change`), then that of this clusterer in K, then in
    entropy, then the id; questions without a change that is defined come last.
    """
    ids = common_questions(runs)
    frames = {scored.run.id: scored.cluster_frame(clusterer).loc[ids] for scored in runs}
    clusters, entropies = (
        pd.DataFrame({key: frame[name] for key, frame in frames.items()}, index=ids, dtype=np.float64)
        for name in ("num_semantic_sets", "discrete_semantic_entropy")
    )
    size = pd.DataFrame({name: (f.iloc[:, -1] - f.iloc[:, 0]).abs() for name, f in (("k", clusters), ("h", entropies))})
    size["h"] = size["h"].round(9)  # sums of the same numbers in another order
    size["agreed"] = agreed_of(runs) if agreed is None else agreed
    by = ["agreed", "k", "h", "id"]
    order = size.rename_axis("id").reset_index().sort_values(by, ascending=[False, False, False, True])["id"]
    return Changes(clusters.loc[order], entropies.loc[order], size["agreed"].loc[order])


def transitions(clusters: pd.DataFrame) -> pd.DataFrame:
    """How many questions go from one K to another between neighbouring runs: step, k_from, k_to, n."""
    columns = [clusters.iloc[:, i] for i in range(clusters.shape[1])]
    parts = []
    for step, (a, b) in enumerate(pairwise(columns)):
        pairs = pd.DataFrame({"k_from": a, "k_to": b}).dropna().astype(int)
        parts.append(pairs.groupby(["k_from", "k_to"]).size().rename("n").reset_index().assign(step=step))
    return pd.concat(parts, ignore_index=True)[["step", "k_from", "k_to", "n"]]


def levels(clusters: pd.DataFrame) -> pd.DataFrame:
    """How many questions have K different answers in each run: step (the run's position), k, n."""
    parts = [clusters.iloc[:, i].dropna().astype(int).value_counts().sort_index() for i in range(clusters.shape[1])]
    return pd.concat(
        [pd.DataFrame({"step": i, "k": part.index, "n": part.to_numpy()}) for i, part in enumerate(parts)],
        ignore_index=True,
    )
