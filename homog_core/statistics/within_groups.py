"""AUROC and selective accuracy within groups: only questions of one fold, or of one category in it, are compared.

Ranking all folds together would break ties between the folds by their models' base rates, against the labels: where
most scores tie, as after homogenization, that costs an AUROC of 0.53 about 0.01 over 800 questions and 0.02 over 250
(Forman & Scholz 2010). Ranking all categories together measures how well a score tells categories apart. `score`,
`incorrect` (1 or 0) and `fold` are (Q,); a fold may lack a class.
"""

import numpy as np
from scipy.stats import rankdata

from homog_core.records import Estimate
from homog_core.statistics.columns import SAME, Values
from homog_core.statistics.discrimination import FEWEST, AurocDifference, auroc_estimate, delong_test
from homog_core.statistics.selective import n_answered


def auroc_within(score: Values, incorrect: Values, fold: np.ndarray) -> float:
    """AUROC over the pairs of an incorrect and a correct question in one fold; NaN where there is no such pair.

    Scores within `SAME` of the next one tie.
    """
    return float(aurocs_within(np.asarray(score, dtype=np.float64)[np.newaxis], incorrect, fold)[0])


def aurocs_within(scores: np.ndarray, incorrect: Values, fold: np.ndarray) -> np.ndarray:
    """`auroc_within` (G,) of several scores (G, Q) of the same questions: all folds of all in one pass."""
    n = scores.shape[1]
    if not n:
        return np.full(len(scores), np.nan)
    order = np.lexsort((scores, np.broadcast_to(fold, scores.shape)))  # (G, Q), by fold and then by score
    right, fold = (np.asarray(incorrect) != 1)[order], np.sort(fold)
    begins = np.r_[True, fold[1:] != fold[:-1]]  # (Q,) a fold
    differs = begins | np.pad(np.diff(np.take_along_axis(scores, order, axis=1)) > SAME, [(0, 0), (1, 0)])
    place = np.arange(n)
    first = np.maximum.accumulate(np.where(differs, place, 0), axis=1)  # (G, Q) of those that tie with a question
    last = np.where(np.c_[differs[:, 1:], np.ones(len(scores), dtype=bool)], place, n - 1)
    last = np.minimum.accumulate(last[:, ::-1], axis=1)[:, ::-1]
    n_right = np.cumsum(np.pad(right, [(0, 0), (1, 0)]), axis=1)  # (G, Q + 1) correct ones before each place
    own = np.cumsum(begins) - 1  # (Q,) the fold
    of_right, of_wrong = np.bincount(own, right[0]), np.bincount(own, ~right[0])
    n_pairs = (of_wrong * of_right).sum()
    if not n_pairs:
        return np.full(len(scores), np.nan)
    below = (np.take_along_axis(n_right, first, axis=1) + np.take_along_axis(n_right, last + 1, axis=1)) / 2
    before = (of_wrong * (np.cumsum(of_right) - of_right)).sum()  # pairs with correct ones of the folds before
    return ((below * ~right).sum(axis=1) - before) / n_pairs


def auroc_within_estimate(score: Values, incorrect: Values, fold: np.ndarray) -> Estimate:
    """`auroc_within` with DeLong's 95 % interval: the paired test against scores that all tie within a fold.

    The fitted models are taken as given.
    """
    value = auroc_within(score, incorrect, fold)
    found = auroc_difference_within(score, np.zeros(len(fold)), incorrect, fold)
    low, high = np.clip([0.5 + found.low, 0.5 + found.high], 0, 1)
    return Estimate(value, float(low), float(high), len(fold), "delong")


def auroc_within_categories(uncertainty: Values, incorrect: Values, category: np.ndarray) -> Estimate:
    """AUROC over the pairs of an incorrect and a correct question of one category, with DeLong's 95 % interval.

    What a score gets for telling the categories apart is left out; `discrimination.auroc` has it. Questions that are
    NaN in either column, and categories with one class only, take no part. None left: NaN; fewer than ten of a class
    left: NaN bounds.
    """
    own = in_mixed_categories(incorrect, category, uncertainty)
    wrong, group = np.asarray(incorrect, dtype=np.float64)[own], _numbered(np.asarray(category)[own])
    if not len(wrong):
        return Estimate(np.nan, np.nan, np.nan, 0, "delong")
    ranks = _ranks(np.asarray(uncertainty, dtype=np.float64)[own])
    value = auroc_within(ranks, wrong, group)
    if min(wrong.sum(), len(wrong) - wrong.sum()) < FEWEST:
        return Estimate(value, np.nan, np.nan, len(wrong), "delong")
    if value in (0, 1) and not group.any():  # one category, where DeLong's error is 0 and says nothing
        return auroc_estimate(ranks, wrong)
    return auroc_within_estimate(ranks, wrong, group)


def auroc_difference_within_categories(
    a: Values, b: Values, incorrect: Values, category: np.ndarray
) -> AurocDifference:
    """AUROC of a minus that of b over the pairs of an incorrect and a correct question of one category, paired.

    `auroc_within_categories` of each, on the questions that define both. No such pair: NaN; fewer than ten of a class
    left: NaN bounds and p.
    """
    own = in_mixed_categories(incorrect, category, a, b)
    wrong, group = np.asarray(incorrect, dtype=np.float64)[own], _numbered(np.asarray(category)[own])
    if not len(wrong):
        return AurocDifference(np.nan, np.nan, np.nan, np.nan)
    first, second = (_ranks(np.asarray(scores, dtype=np.float64)[own]) for scores in (a, b))
    found = auroc_difference_within(first, second, wrong, group)
    if min(wrong.sum(), len(wrong) - wrong.sum()) < FEWEST:
        return AurocDifference(found.difference, np.nan, np.nan, np.nan)
    return found


def aurocs_within_categories(scores: np.ndarray, incorrect: Values, category: np.ndarray) -> np.ndarray:
    """Values (G,) of `auroc_within_categories` of several scores (G, Q), on the questions that define all of them."""
    own = in_mixed_categories(incorrect, category, *scores)
    ranks = np.stack([_ranks(values[own]) for values in scores])
    return aurocs_within(ranks, np.asarray(incorrect, dtype=np.float64)[own], _numbered(np.asarray(category)[own]))


def in_mixed_categories(incorrect: Values, category: np.ndarray, *scores: Values) -> np.ndarray:
    """Which questions (Q,) can be compared with another of their category: one of the other class, all known."""
    columns = [np.asarray(column, dtype=np.float64) for column in (incorrect, *scores)]
    known = ~np.any([np.isnan(column) for column in columns], axis=0)
    group = _numbered(np.asarray(category))
    n_wrong = np.bincount(group[known], columns[0][known] == 1, minlength=len(group))
    n_right = np.bincount(group[known], columns[0][known] == 0, minlength=len(group))
    return known & ((n_wrong > 0) & (n_right > 0))[group]


def _numbered(category: np.ndarray) -> np.ndarray:
    return np.unique(category, return_inverse=True)[1]


def _ranks(scores: np.ndarray) -> np.ndarray:
    """Between 0 and 1; scores that are equal but for rounding tie."""
    return rankdata(np.round(scores, 9)) / (len(scores) + 1)


def auroc_difference_within(a: Values, b: Values, incorrect: Values, fold: np.ndarray) -> AurocDifference:
    """AUROC of a minus that of b, within folds, by DeLong's paired test. The scores are in [0, 1].

    Scores of different folds are set so far apart that all pairs across folds are ranked alike in a and b and cancel.
    What is left is a share of all pairs, of which the test has taken the mean.
    """
    incorrect = np.asarray(incorrect)
    found = delong_test(np.asarray(a) + 2 * fold, np.asarray(b) + 2 * fold, incorrect)
    own = np.unique(fold, return_inverse=True)[1]
    of_wrong, of_right = np.bincount(own, incorrect == 1), np.bincount(own, incorrect == 0)
    compared = (of_wrong * of_right).sum()
    if not compared:
        return AurocDifference(np.nan, np.nan, np.nan, np.nan)
    scale = float(of_wrong.sum() * of_right.sum() / compared)
    low, high = np.clip([scale * found.low, scale * found.high], -1, 1)
    return AurocDifference(scale * found.difference, float(low), float(high), found.pvalue)


def selective_accuracy_within(score: Values, incorrect: Values, fold: np.ndarray, coverage: float) -> float:
    """`selective_accuracy` of each fold's most certain questions, averaged by the number of questions of the fold.

    All folds in one pass. No score may be NaN.
    """
    score, wrong = np.asarray(score, dtype=np.float64), np.asarray(incorrect) == 1
    order = np.lexsort((score, fold))
    score, wrong, fold = score[order], wrong[order], np.asarray(fold)[order]
    begins = np.r_[True, fold[1:] != fold[:-1]][: len(fold)]
    tie = np.cumsum(begins | np.r_[True, np.diff(score) > SAME][: len(fold)]) - 1  # (Q,) which scores of a fold tie
    own = np.cumsum(begins) - 1
    size = np.bincount(own)
    answered = n_answered(coverage, size)
    certain = np.arange(len(fold)) - np.flatnonzero(begins)[own] < answered[own]  # (Q,)
    expected = (np.bincount(tie, wrong) / np.bincount(tie))[tie]  # whichever of those that tie is answered
    risk = np.bincount(own, expected * certain) / answered
    return float(np.average(1 - risk, weights=size))
