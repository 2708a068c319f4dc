"""What one run found, as values: its rates and entropies, what each score is worth, what the cascade saves."""

from dataclasses import dataclass, replace

import numpy as np

from homog_core.analysis.cascade import saving
from homog_core.analysis.right_answers import accuracy, corrected_accuracy
from homog_core.analysis.sampler_check import SamplerCheck, sampler_check
from homog_core.analysis.scored_run import ScoredRun
from homog_core.analysis.signals import ScoreStatistics, score_statistics
from homog_core.analysis.texts import RunTexts, run_texts
from homog_core.errors import InvalidInput
from homog_core.records import Estimate, ImportNote
from homog_core.statistics.cascade import Saving
from homog_core.statistics.intervals import mean_estimate, single_cluster_rate


@dataclass(frozen=True, slots=True, eq=False)
class RunSummary:
    """What a run found."""

    run_id: str
    n_questions: int
    n_tokens: int
    wall_seconds: float
    grades: dict[str, int]  # how many greedy answers got each grade
    has_nli: bool
    sampler: SamplerCheck
    texts: RunTexts
    import_notes: tuple[ImportNote, ...]  # none of a run that was sampled here
    estimates: dict[str, Estimate]
    scores: list[ScoreStatistics]
    saving: Saving | InvalidInput  # of the cascade; or why there is none

    @property
    def tokens_per_second(self) -> float:
        """How fast it was sampled; NaN where nobody knows."""
        return self.n_tokens / self.wall_seconds if self.wall_seconds else np.nan


def summarise(scored: ScoredRun) -> RunSummary:
    """What a run found. Raises `HomogError` for a run that has not been scored."""
    provenance = scored.run.provenance
    return RunSummary(
        run_id=scored.run.id,
        n_questions=int(scored.scores["grade"].notna().sum()),
        n_tokens=provenance.n_tokens,
        wall_seconds=provenance.wall_seconds,
        grades=scored.scores["grade"].value_counts().to_dict(),
        has_nli=scored.has_nli,
        sampler=sampler_check(scored.run),
        texts=run_texts(scored.run),
        import_notes=provenance.import_notes,
        estimates=run_estimates(scored),
        scores=score_statistics(scored),
        saving=_saving(scored),
    )


def run_estimates(scored: ScoredRun) -> dict[str, Estimate]:
    """SCR and clusters by clusterer, token entropies, and accuracy, each with its interval, as the run was scored."""
    found: dict[str, Estimate] = {}
    for column in scored.scores.columns:
        if column.startswith("num_semantic_sets@"):
            found[f"single_cluster_rate@{column.partition('@')[2]}"] = single_cluster_rate(scored.scores[column])
            found[f"mean_{column}"] = mean_estimate(scored.scores[column])
    for column in ("mean_token_entropy", "mean_token_entropy_sampled"):
        found[column] = mean_estimate(scored.scores[column])
        if scored.run.entropy_kind().startswith("top_k:"):
            found[column] = replace(found[column], method="t, of lower bounds")
    return {**found, "accuracy": accuracy(scored), "corrected_accuracy": corrected_accuracy(scored)}


def _saving(scored: ScoredRun) -> Saving | InvalidInput:
    try:
        return saving(scored, scored.clusterer)
    except InvalidInput as error:
        return error
