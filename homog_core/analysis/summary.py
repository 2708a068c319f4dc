"""Stored runs → tables: what each found, what a paired test says of every two, and the tables of docs/results.md.

It reads runs and computes; it neither samples nor writes.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from homog_core.analysis.scored_run import ScoredRun, correctness, encoders_of, scores_of
from homog_core.catalogue.encoders import DEFAULT_ENCODER, ENCODERS, NLI_MODELS
from homog_core.errors import InvalidInput
from homog_core.measures.clustering import Clusterer
from homog_core.measures.report_cards import default_clusterers
from homog_core.measures.scores import score_columns
from homog_core.records import Estimate
from homog_core.runs.store import Run
from homog_core.statistics.budget import entropy_at_budget, scr_at_budget
from homog_core.statistics.cascade import Saving, Signal, matched_saving, sentence, stage_costs
from homog_core.statistics.discrimination import auroc_estimate, cohens_d_estimate, is_constant
from homog_core.statistics.intervals import mean_estimate, single_cluster_rate, wilson_interval
from homog_core.statistics.selective import selective_estimates

COVERAGE = 0.5  # at which selective accuracy is reported


@dataclass(frozen=True, slots=True)
class ScoreStatistics:
    """How well one uncertainty score tells incorrect from correct greedy answers, over graded questions."""

    score: str
    auroc: Estimate  # DeLong
    cohens_d: Estimate  # incorrect minus correct
    selective_accuracy: Estimate  # of the half that it is most certain of
    aurc: Estimate
    prediction_rejection_ratio: Estimate
    no_signal: bool  # all scores tie, so that the AUROC is 0.5 by definition


def summarise(run: Run) -> dict[str, Any]:
    """What a run found: SCR by clusterer, mean clusters and entropies, accuracy, the AUROC of every score; its speed.

    Raises `HomogError` for a run that has not been scored.
    """
    scores = scores_of(run)
    summary: dict[str, Any] = {"run": run.id, "n_questions": len(scores), **speed(run)}
    summary["grades"] = scores["grade"].value_counts().to_dict()
    summary["missing"] = missing(run)
    return {
        **summary,
        "estimates": {name: asdict(estimate) for name, estimate in run_estimates(scores).items()},
        "scores": [asdict(found) for found in score_statistics(scores)],
        "cascade": cascade_summary(run, scores),
    }


def missing(run: Run) -> str:
    """What could not be computed and how to get it; "" where everything is there."""
    if "nli/" in " ".join(scores_of(run).columns):
        return ""
    return (
        f"NLI scores: `python -m homog_core score {run.id} --nli {next(iter(NLI_MODELS))}` fetches the model where "
        "there is a network"
    )


def speed(run: Run) -> dict[str, float]:
    """Tokens, seconds and tokens per second of a run, as its manifest has them."""
    tokens, seconds = run.provenance.n_tokens, run.provenance.wall_seconds
    return {
        "n_tokens": tokens,
        "wall_seconds": seconds,
        "tokens_per_second": round(tokens / seconds, 1) if seconds else float("nan"),
    }


def run_estimates(scores: pd.DataFrame) -> dict[str, Estimate]:
    """SCR and clusters by clusterer, token entropies, and accuracy, each with its interval."""
    found: dict[str, Estimate] = {}
    for column in scores.columns:
        if column.startswith("num_semantic_sets@"):
            clusterer = column.partition("@")[2]
            found[f"single_cluster_rate@{clusterer}"] = single_cluster_rate(scores[column])
            found[f"mean_{column}"] = mean_estimate(scores[column])
    for column in ("mean_token_entropy", "mean_token_entropy_sampled"):
        found[column] = mean_estimate(scores[column])
    correct = correctness(scores).dropna()
    return {**found, "accuracy": wilson_interval(int(correct.sum()), len(correct))}


def score_statistics(scores: pd.DataFrame, columns: Iterable[str] | None = None) -> list[ScoreStatistics]:
    """The statistics of every score (or of `columns`) over the graded questions, in the order of the table."""
    correct = correctness(scores).to_numpy()
    graded = ~np.isnan(correct)
    return [
        _statistics(name, scores[name].to_numpy(np.float64)[graded], correct[graded])
        for name in (columns if columns is not None else score_columns(scores))
    ]


def _statistics(name: str, uncertainty: np.ndarray, correct: np.ndarray) -> ScoreStatistics:
    selective = selective_estimates(uncertainty, correct, coverage=COVERAGE)
    return ScoreStatistics(
        name,
        auroc_estimate(uncertainty, 1 - correct),
        cohens_d_estimate(uncertainty[correct == 0], uncertainty[correct == 1]),
        selective.selective_accuracy,
        selective.aurc,
        selective.prediction_rejection_ratio,
        is_constant(uncertainty, 1 - correct),
    )


def score_ranks(scores: pd.DataFrame, question_id: str) -> pd.DataFrame:
    """Every score of one question with its place in the run: score, value, rank, n.

    Rank 1 is the most uncertain question, ties share the smallest rank; NaN where the score is undefined. n: questions
    of the run where it is defined.
    """
    table = scores.set_index("question_id")[score_columns(scores)].astype(np.float64)
    ranks = table.rank(ascending=False, method="min")
    return pd.DataFrame(
        {
            "score": table.columns,
            "value": table.loc[question_id].to_numpy(),
            "rank": ranks.loc[question_id].to_numpy(),
            "n": table.notna().sum().to_numpy(),
        }
    )


def cascade_signals(run: Run, scores: pd.DataFrame) -> list[Signal]:
    """The signals of the cascade over the rows of `scores`, in the order of their cost, in tokens of the run's model.

    Token entropy of the greedy answer: 0, it has been written anyway. Embedding density: the encoder reads the
    question. Discrete semantic entropy of the clusterer with the best report card: the samples, and its encoder reads
    them. A word is counted as 4/3 of a token; models of unknown size are taken to be as large as MiniLM.
    """
    density = encoders_of(scores)[0]
    clusterer = best_clusterer(scores)
    size = run.provenance.n_parameters or _encoder_size(None)
    n = run.decoding.n_samples
    per_sample = scores["n_tokens_sampled"].to_numpy(np.float64) / n
    question = scores["n_words_question"].to_numpy(np.float64) * 4 / 3
    reading = stage_costs(
        n_samples=0,
        sample_tokens=per_sample,
        pass_tokens=question,
        parameters=_encoder_size(density),
        lm_parameters=size,
    )
    sampling = stage_costs(
        n_samples=n,
        sample_tokens=per_sample,
        pass_tokens=n * per_sample if clusterer.encoder else np.zeros(len(scores)),
        parameters=_encoder_size(clusterer.encoder),
        lm_parameters=size,
    )

    def signal(column: str, cost: np.ndarray) -> Signal:
        return Signal(column.partition("@")[0], scores[column].to_numpy(np.float64), cost)

    return [
        signal("mean_token_entropy", reading.token_entropy),
        signal(f"embedding_density@{density}", reading.model_pass),
        signal(f"discrete_semantic_entropy@{clusterer.key}", sampling.samples + sampling.model_pass),
    ]


def _encoder_size(key: str | None) -> int:
    return ENCODERS[key if key in ENCODERS else DEFAULT_ENCODER].n_parameters


def best_clusterer(scores: pd.DataFrame) -> Clusterer:
    """The clusterer with the best report card among those that the table has."""
    return next(c for c in default_clusterers(encoders_of(scores)) if f"num_semantic_sets@{c.key}" in scores)


def saving_of(run: Run, scores: pd.DataFrame) -> Saving:
    """What the cascade saves on a run. Raises `InvalidInput` with fewer than five correct or incorrect answers."""
    graded = scores[correctness(scores).notna()]
    return matched_saving(cascade_signals(run, graded), 1 - correctness(graded))


def cascade_summary(run: Run, scores: pd.DataFrame) -> dict[str, Any]:
    """The saving of the cascade with the evidence on its quality, and a sentence; or why there is none."""
    try:
        found = saving_of(run, scores)
    except InvalidInput as error:
        return {"sentence": str(error)}
    return {
        "saving": asdict(found.saving),
        "auroc": found.cascade.auroc,
        "auroc_of_everything": found.everything.auroc,
        "auroc_of_the_cheapest": found.cheapest.auroc,
        "difference": found.difference._asdict(),
        "verdict": found.verdict,
        "sentence": sentence(found),
    }


def budget_curve(scored: ScoredRun, clusterer: Clusterer) -> pd.DataFrame:
    """SCR and discrete semantic entropy had fewer samples been drawn: one row an n from 2 to N, exactly.

    Over the questions with at least n valid responses; the clustering of all N stays as it is.
    """
    partitions = list(scored.partitions(clusterer).values())
    rows = [
        {
            "n_samples": n,
            "single_cluster_rate": scr_at_budget(partitions, n),
            "discrete_semantic_entropy": entropy_at_budget(partitions, n),
            "n": sum(len(labels) >= n for labels in partitions),
        }
        for n in range(2, scored.run.decoding.n_samples + 1)
    ]
    return pd.DataFrame(rows, columns=["n_samples", "single_cluster_rate", "discrete_semantic_entropy", "n"])


def threshold_curve(scored: ScoredRun, clusterer: Clusterer) -> pd.DataFrame:
    """SCR with its interval at every threshold of the sliders: threshold, value, low, high, n."""
    collapse = scored.collapse_thresholds(clusterer).dropna().to_numpy()
    rows = []
    for threshold in np.round(np.arange(0, 100) / 100, 2):
        single = collapse > threshold if clusterer.is_linkage else collapse >= np.float32(threshold)
        rate = wilson_interval(int(single.sum()), len(single))
        rows.append({"threshold": threshold, "value": rate.value, "low": rate.low, "high": rate.high, "n": rate.n})
    return pd.DataFrame(rows)
