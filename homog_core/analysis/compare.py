"""Several runs over the same questions, question by question: which belong together, what changed, and in what words.

The paired tests are those of `report.compare`; here they become sentences. The first run is what the others are
compared with, the last one is what it became. It reads runs and computes; it neither samples nor writes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pandas as pd

from homog_core.analysis.lineage import flat_identity
from homog_core.analysis.scored_run import ScoredRun, correctness
from homog_core.errors import InvalidInput
from homog_core.measures.clustering import Clusterer
from homog_core.measures.diversity import Degeneration, degeneration
from homog_core.records import Estimate
from homog_core.statistics.intervals import mean_estimate, single_cluster_rate, wilson_interval
from homog_core.statistics.paired import (
    PairedTest,
    holm,
    mcnemar_exact,
    paired_bootstrap_difference,
    wilcoxon_signed_rank,
)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two or more runs over the same questions, side by side."""

    clusterer: Clusterer
    n_questions: int  # those that all runs have; everything here is computed on them
    differing: dict[str, list[Any]]  # fields of the runs' identities that are not the same
    estimates: list[dict[str, Any]]  # one row a run and statistic: run, statistic, value, low, high, n, method
    tests: list[dict[str, Any]]  # one row a pair of runs and statistic, with the p value adjusted by Holm


def compare(runs: Sequence[ScoredRun], clusterer: Clusterer) -> Comparison:
    """Compare scored runs on the questions that all of them have, under one clusterer.

    Raises `InvalidInput` for fewer than two runs, for runs without a common question, and for one that has no scores.
    """
    if len({scored.run.id for scored in runs}) < 2:
        raise InvalidInput("A comparison needs at least two different runs.")
    for scored in runs:
        if scored.scores is None or "grade" not in scored.scores:
            raise InvalidInput(f"Run {scored.run.id} is not scored; run `python -m homog_core score {scored.run.id}`.")
        if clusterer.encoder and clusterer.key not in {known.key for known in scored.clusterers()}:
            raise InvalidInput(
                f"Run {scored.run.id} has no similarities by {clusterer.key}; score all these runs with the same "
                f"encoders: `python -m homog_core score {scored.run.id}`."
            )
    common = [key for key in runs[0].questions["id"] if all(key in scored.questions.index for scored in runs)]
    if not common:
        raise InvalidInput("These runs have no question in common; compare runs over the same dataset.")
    frames = {scored.run.id: question_frame(scored, clusterer, common) for scored in runs}
    estimates = [
        {"run": scored.run.id, "statistic": name, **_fields(value)}
        for scored in runs
        for name, value in {**_estimates(frames[scored.run.id]), **_degeneration(scored, common)._asdict()}.items()
    ]
    return Comparison(clusterer, len(common), differing_fields(runs), estimates, _tests(frames))


def question_frame(scored: ScoredRun, clusterer: Clusterer, ids: Sequence[str]) -> pd.DataFrame:
    """One row a question of `ids`: clusters, entropies, and whether the greedy answer is correct (1, 0, or NaN)."""
    frame = scored.cluster_frame(clusterer).join(scored.scores.set_index("question_id"))
    frame = frame.loc[list(ids)]
    clusters = frame["num_semantic_sets"]
    return frame.assign(
        single_cluster=np.where(clusters.isna(), np.nan, clusters == 1),
        correct=correctness(frame),
    )


def differing_fields(runs: Sequence[ScoredRun]) -> dict[str, list[Any]]:
    """The fields of the runs' identities, those of the decoding included, that differ, with the value of each run.

    And `grade_policy`, where the runs were graded by different rules.
    """
    flat = [flat_identity(s.run) for s in runs]
    for fields, scored in zip(flat, runs, strict=True):
        policies = set(scored.scores["grade_policy"]) - {"none", "refusal"} if scored.scores is not None else set()
        fields["grade_policy"] = ", ".join(sorted(policies))
    return {
        key: [fields.get(key) for fields in flat]
        for key in flat[0]
        if any(fields.get(key) != flat[0].get(key) for fields in flat)
    }


def _estimates(frame: pd.DataFrame) -> dict[str, Estimate]:
    graded = frame["correct"].dropna()
    return {
        "single_cluster_rate": single_cluster_rate(frame["num_semantic_sets"]),
        "num_semantic_sets": mean_estimate(frame["num_semantic_sets"]),
        "discrete_semantic_entropy": mean_estimate(frame["discrete_semantic_entropy"]),
        "mean_token_entropy": mean_estimate(frame["mean_token_entropy"]),
        "mean_token_entropy_sampled": mean_estimate(frame["mean_token_entropy_sampled"]),
        "accuracy": wilson_interval(int(graded.sum()), len(graded)),
    }


def _degeneration(scored: ScoredRun, ids: Sequence[str]) -> Degeneration:
    sets = [scored.answers(key) for key in ids]
    return degeneration([s.greedy for s in sets], [response for s in sets for response in s.responses])


def _tests(frames: dict[str, pd.DataFrame]) -> list[dict[str, Any]]:
    """Paired tests of every two runs; p values adjusted over all that are shown together."""
    rows = []
    for (first, a), (second, b) in combinations(frames.items(), 2):
        for column, test in _TESTS.items():
            found: PairedTest = test(a[column], b[column])
            interval = paired_bootstrap_difference(a[column], b[column])
            rows.append(
                {
                    "from": first,
                    "to": second,
                    "statistic": column,
                    "difference": found.difference,
                    "low": interval.low,
                    "high": interval.high,
                    "pvalue": found.pvalue,
                    "n": found.n,
                    "n_lower": int((b[column] < a[column] - _SAME).sum()),
                    "n_higher": int((b[column] > a[column] + _SAME).sum()),
                    "test": test.__name__,
                }
            )
    adjusted = holm([row["pvalue"] for row in rows])
    return [{**row, "pvalue_holm": float(p)} for row, p in zip(rows, adjusted, strict=True)]


_SAME = 1e-9  # sums of the same numbers in another order


_TESTS = {
    "single_cluster": mcnemar_exact,
    "num_semantic_sets": wilcoxon_signed_rank,
    "discrete_semantic_entropy": wilcoxon_signed_rank,
    "mean_token_entropy": wilcoxon_signed_rank,
    "mean_token_entropy_sampled": wilcoxon_signed_rank,
    "correct": mcnemar_exact,
}


def _fields(value: Estimate | float) -> dict[str, Any]:
    if isinstance(value, Estimate):
        return {name: getattr(value, name) for name in ("value", "low", "high", "n", "method")}
    return {"value": value, "low": float("nan"), "high": float("nan"), "n": "", "method": "share"}


def common_questions(runs: Sequence[ScoredRun]) -> list[str]:
    """Ids of the questions that all runs have answers to, in the order of the first run."""
    return [key for key in runs[0].questions["id"] if all(key in scored.questions.index for scored in runs[1:])]


def common_clusterers(runs: Sequence[ScoredRun]) -> list[Clusterer]:
    """The clusterers that every one of the runs can be shown under, the one with the best report card first."""
    first, *others = (scored.clusterers() for scored in runs)
    return [clusterer for clusterer in first if all(clusterer in other for other in others)]


# What changed, over all questions


@dataclass(frozen=True, slots=True, eq=False)
class Changes:
    """How many different answers every run gives to the questions that all of them have."""

    clusters: pd.DataFrame  # K, question × run id, the largest change first; NaN below two valid answers
    entropies: pd.DataFrame  # discrete semantic entropy, likewise

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


def changes(runs: Sequence[ScoredRun], clusterer: Clusterer) -> Changes:
    """K and entropy of every common question, ordered by the size of the change from the first run to the last.

    Of equal changes in K the larger one in entropy comes first, then the id; questions without a change that is
    defined come last.
    """
    ids = common_questions(runs)
    frames = {scored.run.id: scored.cluster_frame(clusterer).loc[ids] for scored in runs}
    clusters, entropies = (
        pd.DataFrame({key: frame[name] for key, frame in frames.items()}, index=ids, dtype=np.float64)
        for name in ("num_semantic_sets", "discrete_semantic_entropy")
    )
    size = pd.DataFrame({name: (f.iloc[:, -1] - f.iloc[:, 0]).abs() for name, f in (("k", clusters), ("h", entropies))})
    size["h"] = size["h"].round(9)  # sums of the same numbers in another order
    order = size.rename_axis("id").reset_index().sort_values(["k", "h", "id"], ascending=[False, False, True])["id"]
    return Changes(clusters.loc[order], entropies.loc[order])


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
