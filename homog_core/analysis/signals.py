"""How well each uncertainty score tells wrong from right answers, and how the scores depend on each other.

Where there is no figure, a value of `Undefined` says why. Nothing is put into words here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from homog_core.analysis.rates import fields
from homog_core.analysis.scored_run import ScoredRun
from homog_core.measures.clustering import Clusterer
from homog_core.measures.scores import GROUPS, SEMANTIC_ENTROPY, TOKEN_ENTROPY, score_columns
from homog_core.records import Estimate
from homog_core.statistics.dependence import correlation
from homog_core.statistics.discrimination import (
    FEWEST,
    AurocDifference,
    auroc_estimate,
    cohens_d_estimate,
    delong_test,
    is_constant,
)
from homog_core.statistics.paired import holm
from homog_core.statistics.selective import selective_estimates
from homog_core.statistics.within_groups import (
    auroc_difference_within_categories,
    auroc_within_categories,
    aurocs_within_categories,
    in_mixed_categories,
)

SUBSETS = ("all", "single", "multi")  # questions: all, with one cluster, with several
COVERAGE = 0.5  # at which selective accuracy is reported


class Undefined(StrEnum):
    """Why a statistic is not a number, or says nothing. A plain string in a table; "" is false: there is a figure."""

    NOT = ""
    NEEDS_NLI = "needs_nli"  # no NLI model has read the answers
    NO_GRADES = "no_grades"
    NO_VALUES = "no_values"  # the score is undefined on every graded question
    ALL_CORRECT = "all_correct"
    ALL_INCORRECT = "all_incorrect"
    TOO_FEW = "too_few"  # fewer than ten of a class
    NOT_MIXED = "not_mixed"  # fewer than ten of a class in the categories that have both, which alone are compared
    ALL_TIE = "all_tie"  # the score is the same for all, so that the AUROC is 0.5 by definition
    CONSTANT = "constant"  # one of two scores is the same for all, so that they have no correlation
    NO_QUESTIONS = "no_questions"


def group_of(score: str) -> str:
    """What a score is read from: a key of `GROUPS`."""
    return next(group for group, names in GROUPS.items() if score in names)


def subset_of(subset: str, n_sets: np.ndarray) -> np.ndarray:
    """Which questions (Q,) belong to one of `SUBSETS`, by their number of clusters."""
    return {"all": np.full(len(n_sets), True), "single": n_sets == 1, "multi": n_sets > 1}[subset]


# One score


@dataclass(frozen=True, slots=True)
class ScoreStatistics:
    """How well one uncertainty score tells incorrect from correct greedy answers, over graded questions."""

    score: str
    auroc: Estimate  # DeLong; over the pairs of questions of one category
    pooled_auroc: Estimate  # over all pairs, so that telling categories apart counts too
    cohens_d: Estimate  # incorrect minus correct
    selective_accuracy: Estimate  # of the half that it is most certain of
    aurc: Estimate
    prediction_rejection_ratio: Estimate
    no_signal: bool  # all scores tie, so that the AUROC is 0.5 by definition


def score_statistics(
    scored: ScoredRun, columns: Iterable[str] | None = None, kept: np.ndarray | None = None
) -> list[ScoreStatistics]:
    """The statistics of every stored score (or of `columns`) over the graded questions, in the order of the table.

    `kept` (Q,) says which questions count; all of them when it is not given.
    """
    graded = ~np.isnan(scored.correct) & (True if kept is None else kept)
    correct, category = scored.correct[graded], scored.questions["category"].to_numpy()[graded]
    return [
        _statistics(name, scored.scores[name].to_numpy(np.float64)[graded], correct, category)
        for name in (score_columns(scored.scores) if columns is None else columns)
    ]


def _statistics(name: str, uncertainty: np.ndarray, correct: np.ndarray, category: np.ndarray) -> ScoreStatistics:
    selective = selective_estimates(uncertainty, correct, coverage=COVERAGE)
    return ScoreStatistics(
        name,
        auroc_within_categories(uncertainty, 1 - correct, category),
        auroc_estimate(uncertainty, 1 - correct),
        cohens_d_estimate(uncertainty[correct == 0], uncertainty[correct == 1]),
        selective.selective_accuracy,
        selective.aurc,
        selective.prediction_rejection_ratio,
        is_constant(uncertainty, 1 - correct),
    )


def score_ranks(scored: ScoredRun, question_id: str) -> pd.DataFrame:
    """Every score of one question with its place in the run: score, value, rank, n.

    Rank 1 is the most uncertain question, ties share the smallest rank; NaN where the score is undefined. n: questions
    of the run where it is defined.
    """
    table = scored.scores[score_columns(scored.scores)].astype(np.float64)
    ranks = table.rank(ascending=False, method="min")
    return pd.DataFrame(
        {
            "score": table.columns,
            "value": table.loc[question_id].to_numpy(),
            "rank": ranks.loc[question_id].to_numpy(),
            "n": table.notna().sum().to_numpy(),
        }
    )


# AUROC


def auroc_row(values: np.ndarray, correct: np.ndarray, category: np.ndarray | None = None) -> dict[str, Any]:
    """AUROC with its DeLong interval as columns, and under `undefined` why it is none or says nothing.

    With `category` (Q,) over the pairs of questions of one category; `pooled` is the AUROC over all pairs.
    """
    graded = ~np.isnan(correct) & ~np.isnan(values)
    n_incorrect = int(np.sum(correct[graded] == 0))
    pooled = auroc_estimate(values, 1 - correct)
    found, why = pooled, _undefined(values, correct, graded, n_incorrect)
    if category is not None:
        found = auroc_within_categories(values, 1 - correct, category)
        found = replace(found, n=found.n or pooled.n)
        why = _undefined_within(why, correct, in_mixed_categories(1 - correct, category, values))
    return {
        **fields(found),
        "pooled": pooled.value,
        "n_incorrect": n_incorrect,
        "n_correct": int(graded.sum()) - n_incorrect,
        "undefined": why,
    }


def _undefined(values: np.ndarray, correct: np.ndarray, graded: np.ndarray, n_incorrect: int) -> Undefined:
    if np.all(np.isnan(correct)):
        return Undefined.NO_GRADES
    if not graded.any():
        return Undefined.NO_VALUES
    if n_incorrect in (0, graded.sum()):
        return Undefined.ALL_INCORRECT if n_incorrect else Undefined.ALL_CORRECT
    if is_constant(values, 1 - correct):
        return Undefined.ALL_TIE
    return Undefined.TOO_FEW if min(n_incorrect, graded.sum() - n_incorrect) < FEWEST else Undefined.NOT


def _undefined_within(why: Undefined, correct: np.ndarray, compared: np.ndarray) -> Undefined:
    """The same where only the questions that are `compared` (Q,) with another of their category count."""
    if why or _fewest(correct[compared]) >= FEWEST:
        return why
    return Undefined.NOT_MIXED if _fewest(correct) >= FEWEST else Undefined.TOO_FEW


def _fewest(correct: np.ndarray) -> int:
    return min(int(np.sum(correct == grade)) for grade in (0, 1))


def score_rows(scored: ScoredRun, clusterer: Clusterer, category: str = "") -> pd.DataFrame:
    """AUROC of every score on every subset of the graded questions, with Cohen's d: one row a score and subset."""
    scores, kept = scored.score_frame(clusterer), scored.in_category(category)
    correct, n_sets = scored.correct[kept], scores["num_semantic_sets"].to_numpy()[kept]
    categories = scored.questions["category"].to_numpy()[kept]
    rows = []
    for score in (name for names in GROUPS.values() for name in names):
        for subset in SUBSETS:
            common = {"score": score, "group": group_of(score), "subset": subset}
            if score not in scores:
                rows.append({**common, **_missing_row()})
                continue
            own = subset_of(subset, n_sets)
            values, grades = scores[score].to_numpy()[kept][own], correct[own]
            d = cohens_d_estimate(values[grades == 0], values[grades == 1])
            rows.append({**common, **auroc_row(values, grades, categories[own]), **fields(d, "d_")})
    return pd.DataFrame(rows)


def _missing_row() -> dict[str, Any]:
    """A score that only an NLI model gives."""
    empty = Estimate(np.nan, np.nan, np.nan, 0, "")
    why = Undefined.NEEDS_NLI
    return {
        **fields(empty),
        "pooled": np.nan,
        "n_incorrect": 0,
        "n_correct": 0,
        "undefined": why,
        **fields(empty, "d_"),
    }


def category_rows(scored: ScoredRun, clusterer: Clusterer, scores: Sequence[str]) -> pd.DataFrame:
    """AUROC of some scores in every category of a run, the largest category first: one row a category and score."""
    found = scored.score_frame(clusterer)
    graded = ~np.isnan(scored.correct)
    counts = scored.questions["category"][graded].value_counts()
    rows = [
        {
            "category": category,
            "score": score,
            "n_graded": int(counts.get(category, 0)),
            **auroc_row(found[score].to_numpy()[own], scored.correct[own]),
        }
        for category in sorted(set(scored.questions["category"]), key=lambda name: (-counts.get(name, 0), name))
        for score in scores
        if score in found
        for own in [scored.in_category(category)]
        if category
    ]
    numbers = ["value", "low", "high", "n", "pooled", "n_incorrect", "n_correct", "undefined"]
    columns = ["category", "score", "n_graded", *numbers]
    return pd.DataFrame(rows, columns=columns)


def category_auroc(scored: ScoredRun) -> Estimate:
    """AUROC of the share of incorrect answers in a question's category, as if it were an uncertainty score.

    This is what a score gets for telling categories apart. It is in-sample: the share of a small category would know
    the question itself, so categories with fewer than 20 graded questions count as one.
    """
    frame = pd.DataFrame({"category": scored.questions["category"].to_numpy(), "incorrect": 1 - scored.correct})
    sizes = frame.groupby("category")["incorrect"].transform("count")
    category = frame["category"].where(sizes >= 20, "other")
    return auroc_estimate(frame.groupby(category)["incorrect"].transform("mean"), frame["incorrect"])


# Token entropy against semantic entropy


def difference_rows(runs: Mapping[str, ScoredRun], clusterer: Clusterer, category: str = "") -> pd.DataFrame:
    """AUROC of token entropy minus that of semantic entropy by DeLong's paired test: one row a run and subset.

    Within categories; the columns that begin with `pooled_` are over all pairs of questions, where telling categories
    apart counts too. n: questions that are compared, of `n_graded`. p values are adjusted by Holm over all rows.
    `undefined` where there is no difference to test.
    """
    rows = []
    for name, scored in runs.items():
        kept = scored.in_category(category)
        clusters, correct = scored.cluster_frame(clusterer)[kept], scored.correct[kept]
        token, semantic = scored.column(TOKEN_ENTROPY).to_numpy(np.float64)[kept], clusters[SEMANTIC_ENTROPY].to_numpy()
        categories = pd.factorize(scored.questions["category"])[0][kept]  # numbers are sorted faster than names
        for subset in SUBSETS:
            own = subset_of(subset, clusters["num_semantic_sets"].to_numpy())
            found = _difference(token[own], semantic[own], correct[own], categories[own])
            rows.append({"run": name, "subset": subset, **found})
    frame = pd.DataFrame(rows)
    return frame.assign(pvalue_holm=holm(frame["pvalue"]))


def _difference(token: np.ndarray, semantic: np.ndarray, correct: np.ndarray, category: np.ndarray) -> dict[str, Any]:
    both = np.where(np.isnan(token) | np.isnan(semantic), np.nan, correct)
    why = _undefined(token, both, ~np.isnan(both), int(np.sum(both == 0)))
    pooled = delong_test(token, semantic, 1 - correct)
    if why == Undefined.TOO_FEW:
        pooled = pooled._replace(low=np.nan, high=np.nan, pvalue=np.nan)
    found = auroc_difference_within_categories(token, semantic, 1 - correct, category)
    own = in_mixed_categories(1 - correct, category, token, semantic)
    why = _undefined_within(Undefined.NOT if why == Undefined.ALL_TIE else why, both, own)
    of_token, of_semantic = aurocs_within_categories(np.stack([token, semantic]), 1 - correct, category).tolist()
    return {
        **_tested(found),
        "n": int(own.sum()),
        "n_graded": int(np.sum(~np.isnan(both))),
        "token_entropy": of_token,
        "semantic_entropy": of_semantic,
        "semantic_ties": is_constant(semantic, 1 - both),
        "undefined": why,
        **{f"pooled_{name}": value for name, value in _tested(pooled).items()},
    }


def _tested(found: AurocDifference) -> dict[str, float]:
    return {
        "value": found.difference,
        "low": found.low,
        "high": found.high,
        "detectable": found.detectable,
        "pvalue": found.pvalue,
    }


# How signals depend on each other


def correlation_rows(scores: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Pearson's r and Spearman's rho of every two scores over the questions that define both, with intervals."""
    rows = []
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            found = correlation(scores[first].to_numpy(), scores[second].to_numpy())
            for kind, estimate in found._asdict().items():
                none = Undefined.CONSTANT if estimate.n > 1 else Undefined.NO_QUESTIONS
                why = none if np.isnan(estimate.value) else Undefined.NOT
                rows.append({"first": first, "second": second, "kind": kind, **fields(estimate), "undefined": why})
    return pd.DataFrame(rows, columns=["first", "second", "kind", "value", "low", "high", "n", "undefined"])


def largest_correlation(scores: pd.DataFrame, names: Sequence[str]) -> Estimate:
    """|r| of the two scores that depend most on each other, with its interval folded to positive values."""
    columns = (scores[name].to_numpy() for name in names if name in scores)
    found = [correlation(*pair).pearson for pair in combinations(columns, 2)]
    found = [r for r in found if not np.isnan(r.value)]
    if not found:
        return Estimate(np.nan, np.nan, np.nan, len(scores), "fisher-z")
    largest = max(found, key=lambda r: abs(r.value))
    low, high = sorted((abs(largest.low), abs(largest.high)))
    low = 0.0 if largest.low < 0 < largest.high else low
    return Estimate(abs(largest.value), low, high, largest.n, largest.method)
