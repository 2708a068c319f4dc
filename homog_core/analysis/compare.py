"""Runs over the same questions, side by side: the statistics of each, and paired tests of every two."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from homog_core.analysis.comparable import differing_fields
from homog_core.analysis.right_answers import right_answers_differ
from homog_core.analysis.scored_run import ScoredRun
from homog_core.errors import InvalidInput
from homog_core.measures.clustering import Clusterer
from homog_core.measures.diversity import BY_QUESTION, degeneration
from homog_core.measures.words import normalise, words_of
from homog_core.records import Estimate, Question
from homog_core.runs.sentences import words_of_stand_in
from homog_core.runs.tables import question_of
from homog_core.statistics.columns import SAME
from homog_core.statistics.intervals import mean_estimate, single_cluster_rate, wilson_interval
from homog_core.statistics.paired import holm, mcnemar_exact, paired_bootstrap_difference, wilcoxon_signed_rank
from homog_core.typed import typed

MEANS = ("num_semantic_sets", "discrete_semantic_entropy", "mean_token_entropy", "mean_token_entropy_sampled")
UNLIKE = 0.1  # of two shares of answers: so far apart they are named where runs are compared
_TESTS = {
    "single_cluster": mcnemar_exact,
    **dict.fromkeys(MEANS, wilcoxon_signed_rank),
    "correct": mcnemar_exact,
    "samples_correct": wilcoxon_signed_rank,
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two or more runs over the same questions, side by side."""

    clusterer: Clusterer
    n_questions: int  # those that all runs have; everything here is computed on them
    differing: dict[str, list[Any]]  # fields of the runs' identities that are not the same
    estimates: list[dict[str, Any]]  # one row a run and statistic: run, statistic, value, low, high, n, method
    tests: list[dict[str, Any]]  # one row a pair of runs and statistic, with the p value adjusted by Holm

    def estimate(self, run_id: str, statistic: str) -> Estimate:
        """One of `estimates`."""
        row = next(row for row in self.estimates if (row["run"], row["statistic"]) == (run_id, statistic))
        return Estimate(row["value"], row["low"], row["high"], row["n"], row["method"])


def compare(runs: Sequence[ScoredRun], clusterer: Clusterer) -> Comparison:
    """Compare scored runs on the questions that all of them have, under one clusterer.

    Raises `InvalidInput` for fewer than two runs, for runs without a common question, and for one that has no scores.
    """
    if len({scored.run.id for scored in runs}) < 2:
        raise InvalidInput("A comparison needs at least two different runs.")
    for scored in runs:
        if not scored.is_scored:
            raise InvalidInput(f"Run {scored.run.id} is not scored; run `{typed('score', scored.run.id)}`.")
        if clusterer.encoder and clusterer.key not in {known.key for known in scored.clusterers()}:
            raise InvalidInput(
                f"Run {scored.run.id} has no similarities by {clusterer.key}; score all these runs with the same "
                f"encoders: `{typed('score', scored.run.id)}`."
            )
    common = common_questions(runs)
    if not common:
        raise InvalidInput("These runs have no question in common; compare runs over the same dataset.")
    kinds = {kind for scored in runs if (kind := scored.run.entropy_kind()) != "none"}
    unlike = MEANS[2:] if len(kinds) > 1 else ()  # bounds and exact numbers are never set against each other
    estimates = [
        {"run": scored.run.id, "statistic": name, **asdict(mean_estimate([]) if name in unlike else found)}
        for scored in runs
        for name, found in run_statistics(scored, clusterer, common).items()
    ]
    frames = {scored.run.id: question_frame(scored, clusterer, common).drop(columns=list(unlike)) for scored in runs}
    return Comparison(clusterer, len(common), differing(runs), estimates, _tests(frames))


def common_questions(runs: Sequence[ScoredRun]) -> list[str]:
    """Ids of the questions that all runs have answers to, in the order of the first run."""
    known = set.intersection(*(set(scored.questions.index) for scored in runs))
    return [key for key in runs[0].questions["id"] if key in known]


def common_clusterers(runs: Sequence[ScoredRun]) -> list[Clusterer]:
    """The clusterers that every one of the runs can be shown under, the one with the best report card first."""
    first, *others = (scored.clusterers() for scored in runs)
    return [clusterer for clusterer in first if all(clusterer in other for other in others)]


def differing(runs: Sequence[ScoredRun]) -> dict[str, list[Any]]:
    """The fields of the runs' identities that differ, and what else makes their numbers unlike.

    `leftovers` where not the same is left out of their texts, `grade_policy` where an older version graded some,
    `entropy_kind` where not all token entropies are exact,
    `common_prompts` where runs over other sets of questions prompt those that they share differently, `cut` and
    `unknown_ends` where these shares of the sampled answers are at least `UNLIKE` apart.
    """
    found = differing_fields([scored.run for scored in runs])
    policies = [", ".join(scored.older_policies) if scored.is_scored else "" for scored in runs]
    rules = [scored.run.leftovers for scored in runs]
    found |= {"leftovers": rules} if len(set(rules)) > 1 else {}
    kinds = [scored.run.entropy_kind() for scored in runs]
    found |= {"entropy_kind": kinds} if len(set(kinds)) > 1 else {}
    if "question_ids_sha256" in found and len({_common_prompts(scored, runs) for scored in runs}) > 1:
        found["common_prompts"] = []
    for name, reason in (("cut", "length"), ("unknown_ends", "unknown")):
        shares = [scored.share_ended(reason) for scored in runs]
        found |= {name: shares} if max(shares) - min(shares) >= UNLIKE else {}
    return found | {"grade_policy": policies} if len(set(policies)) > 1 else found


def _common_prompts(scored: ScoredRun, runs: Sequence[ScoredRun]) -> tuple[str, ...]:
    """The prompts of the questions that all runs share; "" of a run that is stored without its sentences."""
    return tuple(scored.questions.loc[common_questions(runs), "prompt"])


def question_frame(scored: ScoredRun, clusterer: Clusterer, ids: Sequence[str]) -> pd.DataFrame:
    """One row a question of `ids`: `MEANS`, single_cluster and correct (1, 0 or NaN), samples_correct (share)."""
    clusters = scored.cluster_frame(clusterer)
    frame = clusters.join(scored.scores[list(MEANS[2:])]).assign(
        single_cluster=(clusters["num_semantic_sets"] == 1).astype(float).where(clusters["num_semantic_sets"].notna()),
        correct=scored.correct,
        samples_correct=scored.samples_correct,
    )
    return frame.loc[list(ids)]


def run_statistics(scored: ScoredRun, clusterer: Clusterer, ids: Sequence[str]) -> dict[str, Estimate]:
    """SCR, means, accuracy, and the shares that tell a broken model from a homogenized one, over questions of a run."""
    n_words = words_of_stand_in if scored.run.lacks_answers else lambda text: len(words_of(text))
    frame = question_frame(scored, clusterer, ids)
    graded = frame["correct"].dropna()
    sets = [scored.answers(key) for key in ids]
    texts = [[response.answer for response in found.responses if response.is_valid] for found in sets]
    read = [] if scored.run.lacks_answers else list(zip(ids, sets, strict=True))  # stand-ins do not tell
    broken = degeneration([_question(scored.questions.loc[key]) for key, _ in read], [found for _, found in read])
    if not scored.questions["text"].loc[list(ids)].all():  # the texts of a data set that is not on this machine
        broken = broken._replace(**dict.fromkeys(BY_QUESTION, np.nan))
    return {
        "single_cluster_rate": single_cluster_rate(frame["num_semantic_sets"]),
        **{name: mean_estimate(frame[name]) for name in MEANS},
        "wordings": mean_estimate([len({normalise(text) for text in own}) for own in texts if own]),
        "words": mean_estimate([np.mean([n_words(text) for text in own]) for own in texts if own]),
        "accuracy": wilson_interval(int(graded.sum()), len(graded)),
        "accuracy_of_samples": mean_estimate(frame["samples_correct"]),
        "all_right": _share(frame["samples_correct"].dropna() == 1),
        "single_wrong": _share(frame.loc[frame["single_cluster"] == 1, "correct"].dropna() == 0),
        "right_answers_differ": mean_estimate(right_answers_differ(scored, clusterer).loc[list(ids)]),
        **{name: Estimate(share, np.nan, np.nan, len(read), "share") for name, share in broken._asdict().items()},
    }


def _share(found: pd.Series) -> Estimate:
    return wilson_interval(int(found.sum()), len(found))


def _question(row: pd.Series) -> Question:
    """A question of a run; of a run without its sentences the id stands for the text."""
    return question_of(row) if row["text"] else Question(row["id"], row["dataset"], row["id"])


def _tests(frames: dict[str, pd.DataFrame]) -> list[dict[str, Any]]:
    """Paired tests of every two runs; p values adjusted over all that are shown together."""
    rows = []
    for (first, a), (second, b) in combinations(frames.items(), 2):
        for column, test in ((name, test) for name, test in _TESTS.items() if name in a):
            found = test(a[column], b[column])
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
                    "n_lower": int((b[column] < a[column] - SAME).sum()),
                    "n_higher": int((b[column] > a[column] + SAME).sum()),
                    "test": test.__name__,
                }
            )
    adjusted = holm([row["pvalue"] for row in rows])
    return [{**row, "pvalue_holm": float(p)} for row, p in zip(rows, adjusted, strict=True)]
