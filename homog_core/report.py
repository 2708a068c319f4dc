"""Stored runs → tables: what each found, and what a paired test says of every two of them.

It reads runs and computes; it neither samples nor writes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from homog_core.clustering import Clusterer
from homog_core.errors import InvalidInput
from homog_core.metrics import (
    Degeneration,
    PairedTest,
    degeneration,
    holm,
    mcnemar_exact,
    mean_estimate,
    paired_bootstrap_difference,
    single_cluster_rate,
    wilcoxon_signed_rank,
    wilson_interval,
)
from homog_core.pipeline import ScoredRun
from homog_core.records import Estimate


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
        if clusterer.encoder and clusterer.encoder not in scored.run.encoders():
            raise InvalidInput(
                f"Run {scored.run.id} has no embeddings by {clusterer.encoder}; run `python -m homog_core score "
                f"{scored.run.id} --encoder {clusterer.encoder}`."
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
        correct=frame["grade"].map({"correct": 1.0, "incorrect": 0.0}),
    )


def differing_fields(runs: Sequence[ScoredRun]) -> dict[str, list[Any]]:
    """The fields of the runs' identities, those of the decoding included, that differ, with the value of each run."""
    flat = [{**s.run.manifest.identity, **s.run.manifest.identity["decoding"]} for s in runs]
    return {
        key: [fields.get(key) for fields in flat]
        for key in flat[0]
        if key != "decoding" and any(fields.get(key) != flat[0].get(key) for fields in flat)
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
