"""TODO homog_core.analysis.signals."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from homog_core.analysis.rates import fields
from homog_core.analysis.scored_run import RunView, cluster_columns
from homog_core.measures.clustering import Clusterer
from homog_core.measures.scores import GROUPS, SEMANTIC_ENTROPY, TOKEN_ENTROPY
from homog_core.records import Estimate
from homog_core.statistics.columns import NAN
from homog_core.statistics.dependence import correlation
from homog_core.statistics.discrimination import auroc_estimate, cohens_d_estimate, delong_test, is_constant
from homog_core.statistics.paired import holm

SUBSETS = ("all", "single", "multi")  # questions: all, with one cluster, with several


NO_SIGNAL = "no signal: all scores tie"


# What it does to uncertainty scores


def subset_of(subset: str, n_sets: np.ndarray) -> np.ndarray:
    """Which questions (Q,) belong to one of `SUBSETS`, by their number of clusters."""
    return {"all": np.full(len(n_sets), True), "single": n_sets == 1, "multi": n_sets > 1}[subset]


def group_of(score: str) -> str:
    """What a score is read from: a key of `GROUPS`."""
    return next(group for group, names in GROUPS.items() if score in names)


def auroc_row(values: np.ndarray, correct: np.ndarray) -> dict[str, Any]:
    """AUROC with its DeLong interval as columns, and `words` instead of it where it says nothing or is undefined."""
    graded = ~np.isnan(correct) & ~np.isnan(values)
    found = auroc_estimate(values, 1 - correct)
    n_wrong = int(np.sum(correct[graded] == 0))
    return {
        **fields(found),
        "n_incorrect": n_wrong,
        "n_correct": int(graded.sum()) - n_wrong,
        "words": _auroc_words(values, correct, graded, n_wrong),
    }


def _auroc_words(values: np.ndarray, correct: np.ndarray, graded: np.ndarray, n_wrong: int) -> str:
    n = int(graded.sum())
    if np.all(np.isnan(correct)):
        return "undefined: no graded question"
    if n == 0:
        return "undefined: the score has no value"
    if n_wrong in (0, n):
        return f"undefined: {'the only one' if n == 1 else f'all {n}'} {'correct' if n_wrong == 0 else 'incorrect'}"
    return NO_SIGNAL if is_constant(values, 1 - correct) else ""


def score_rows(view: RunView, clusterer: Clusterer, category: str) -> pd.DataFrame:
    """AUROC of every score on every subset of the graded questions, with Cohen's d: one row a score and subset."""
    scores, kept = view.scores(clusterer), view.in_category(category)
    correct, n_sets = view.correct[kept], scores["num_semantic_sets"].to_numpy()[kept]
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
            rows.append({**common, **auroc_row(values, grades), **fields(d, "d_")})
    return pd.DataFrame(rows)


def _missing_row() -> dict[str, Any]:
    empty = Estimate(NAN, NAN, NAN, 0, "")
    words = "needs an NLI model"
    return {**fields(empty), "n_incorrect": 0, "n_correct": 0, "words": words, **fields(empty, "d_")}


def category_rows(view: RunView, clusterer: Clusterer, scores: Sequence[str]) -> pd.DataFrame:
    """AUROC of some scores in every category of a run, the largest category first: one row a category and score."""
    found = view.scores(clusterer)
    graded = ~np.isnan(view.correct)
    counts = view.frame.loc[graded, "category"].value_counts()
    rows = [
        {
            "category": category,
            "score": score,
            "n_graded": int(counts.get(category, 0)),
            **auroc_row(found[score].to_numpy()[own], view.correct[own]),
        }
        for category in sorted(set(view.frame["category"]), key=lambda name: (-counts.get(name, 0), name))
        for score in scores
        if score in found
        for own in [view.in_category(category)]
        if category
    ]
    columns = ["category", "score", "n_graded", "value", "low", "high", "n", "n_incorrect", "n_correct", "words"]
    return pd.DataFrame(rows, columns=columns)


def category_auroc(view: RunView) -> Estimate:
    """AUROC of the share of incorrect answers in a question's category, as if it were an uncertainty score.

    What a score gets for telling categories apart. In-sample, so categories with fewer than 20 graded questions, whose
    share would know the question itself, count as one.
    """
    frame = pd.DataFrame({"category": view.frame["category"].to_numpy(), "incorrect": 1 - view.correct})
    sizes = frame.groupby("category")["incorrect"].transform("count")
    category = frame["category"].where(sizes >= 20, "other")
    return auroc_estimate(frame.groupby(category)["incorrect"].transform("mean"), frame["incorrect"])


def difference_rows(views: Mapping[str, RunView], clusterer: Clusterer, category: str) -> pd.DataFrame:
    """AUROC of token entropy minus that of semantic entropy by DeLong's paired test: one row a run and subset.

    p values are adjusted by Holm over all that are shown together. `words` where there is no difference to test.
    """
    rows = []
    for name, view in views.items():
        kept = view.in_category(category)
        columns = cluster_columns(view.sizes(clusterer)[kept])
        token, semantic = view.frame[TOKEN_ENTROPY].to_numpy(np.float64)[kept], columns[SEMANTIC_ENTROPY]
        for subset in SUBSETS:
            own = subset_of(subset, columns["num_semantic_sets"])
            found = _difference(token[own], semantic[own], view.correct[kept][own])
            rows.append({"run": name, "subset": subset, **found})
    frame = pd.DataFrame(rows)
    return frame.assign(pvalue_holm=holm(frame["pvalue"]))


def _difference(token: np.ndarray, semantic: np.ndarray, correct: np.ndarray) -> dict[str, Any]:
    both = np.where(np.isnan(token) | np.isnan(semantic), NAN, correct)
    found = delong_test(token, semantic, 1 - correct)
    graded = both[~np.isnan(both)]
    return {
        "value": found.difference,
        "low": found.low,
        "high": found.high,
        "n": len(graded),
        "pvalue": found.pvalue,
        "token_entropy": auroc_estimate(token, 1 - both).value,
        "semantic_entropy": auroc_estimate(semantic, 1 - both).value,
        "semantic_ties": is_constant(semantic, 1 - both),
        "words": _auroc_words(token, both, ~np.isnan(both), int(np.sum(graded == 0)))
        if np.isnan(found.difference)
        else "",
    }


def correlation_rows(scores: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Pearson's r and Spearman's rho of every two scores over the questions that define both, with intervals."""
    rows = []
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            found = correlation(scores[first].to_numpy(), scores[second].to_numpy())
            for kind, estimate in found._asdict().items():
                words = ""
                if np.isnan(estimate.value):
                    words = "undefined: a score is the same for all" if estimate.n > 1 else "undefined: no questions"
                rows.append({"first": first, "second": second, "kind": kind, **fields(estimate), "words": words})
    return pd.DataFrame(rows, columns=["first", "second", "kind", "value", "low", "high", "n", "words"])
