"""AUROC and selective accuracy within cross-validation folds: only questions that one model has scored are compared.

Ranking all folds together would break ties between the folds by their models' base rates, against the labels: where
most scores tie, as after homogenization, that costs an AUROC of 0.53 about 0.01 over 800 questions and 0.02 over 250
(Forman & Scholz 2010). `score`, `incorrect` (1 or 0) and `fold` are (Q,); a fold may lack a class.
"""

import numpy as np

from homog_core.records import Estimate
from homog_core.statistics.columns import Values
from homog_core.statistics.discrimination import AurocDifference, auroc, delong_test
from homog_core.statistics.selective import selective_accuracy


def auroc_within_folds(score: Values, incorrect: Values, fold: np.ndarray) -> float:
    """AUROC over the pairs of an incorrect and a correct question in one fold."""
    score, incorrect = np.asarray(score), np.asarray(incorrect)
    folds = [own for own in _members(fold) if _n_pairs(incorrect[own])]
    values = [auroc(score[own], incorrect[own]) for own in folds]
    return float(np.average(values, weights=[_n_pairs(incorrect[own]) for own in folds]))


def auroc_within_folds_estimate(score: Values, incorrect: Values, fold: np.ndarray) -> Estimate:
    """`auroc_within_folds` with DeLong's 95 % interval: the paired test against scores that all tie within a fold.

    The fitted models are taken as given.
    """
    value = auroc_within_folds(score, incorrect, fold)
    found = auroc_difference_within_folds(score, np.zeros(len(fold)), incorrect, fold)
    low, high = np.clip([0.5 + found.low, 0.5 + found.high], 0, 1)
    return Estimate(value, float(low), float(high), len(fold), "delong")


def auroc_difference_within_folds(a: Values, b: Values, incorrect: Values, fold: np.ndarray) -> AurocDifference:
    """AUROC of a minus that of b, within folds, by DeLong's paired test. The scores are in [0, 1].

    Scores of different folds are set so far apart that all pairs across folds are ranked alike in a and b and cancel.
    What is left is a share of all pairs, of which the test has taken the mean.
    """
    incorrect = np.asarray(incorrect)
    found = delong_test(np.asarray(a) + 2 * fold, np.asarray(b) + 2 * fold, incorrect)
    scale = _n_pairs(incorrect) / sum(_n_pairs(incorrect[own]) for own in _members(fold))
    low, high = np.clip([scale * found.low, scale * found.high], -1, 1)
    return AurocDifference(scale * found.difference, float(low), float(high), found.pvalue)


def selective_accuracy_within_folds(score: Values, incorrect: Values, fold: np.ndarray, coverage: float) -> float:
    """Accuracy of each fold's most certain questions at a coverage, averaged by the number of questions."""
    score, correct = np.asarray(score), 1 - np.asarray(incorrect, dtype=np.float64)
    folds = _members(fold)
    values = [selective_accuracy(score[own], correct[own], coverage) for own in folds]
    return float(np.average(values, weights=[own.sum() for own in folds]))


def _members(fold: np.ndarray) -> list[np.ndarray]:
    return [fold == index for index in np.unique(fold)]


def _n_pairs(incorrect: np.ndarray) -> int:
    """How many pairs of an incorrect and a correct question there are."""
    return int(np.sum(incorrect == 1)) * int(np.sum(incorrect == 0))
