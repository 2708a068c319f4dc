"""What is compared within folds alone."""

import numpy as np
import pytest

from homog_core.statistics.discrimination import auroc
from homog_core.statistics.selective import selective_accuracy
from homog_core.statistics.within_folds import (
    auroc_difference_within_folds,
    auroc_within_folds,
    auroc_within_folds_estimate,
    selective_accuracy_within_folds,
)


def test_a_difference_within_folds_by_hand():
    # Two folds of two errors and two correct ones. a ranks all 4 + 4 pairs rightly, b 3 + 3, whatever the levels of its
    # folds: ¼. The change of each error is 0, ½, 0, ½, and of each correct one: variance 1/12, so that the standard
    # error is √(1/48 + 1/48) = .20412 and the interval ¼ ± .40007.
    incorrect, fold = np.array([1, 1, 0, 0] * 2, dtype=bool), np.repeat([0, 1], 4)
    a, b = [0.8, 0.7, 0.2, 0.1] * 2, [0.8, 0.15, 0.2, 0.1, 0.05, 0.03, 0.04, 0.02]

    found = auroc_difference_within_folds(a, b, incorrect, fold)

    assert (found.difference, found.low, found.high) == pytest.approx((0.25, -0.15007, 0.65007), abs=1e-5)
    assert auroc_within_folds(a, incorrect, fold) == 1
    assert auroc_within_folds(b, incorrect, fold) == 0.75
    assert auroc_within_folds_estimate(a, incorrect, fold).value == 1


@pytest.mark.parametrize("seed", range(3))
def test_one_fold_is_the_plain_statistic(seed):
    rng = np.random.default_rng(seed)
    incorrect = rng.random(120) < 0.4
    score, fold = rng.random(120) + 0.2 * incorrect, np.zeros(120, dtype=int)

    found = auroc_within_folds_estimate(score, incorrect, fold)

    assert found.value == pytest.approx(auroc(score, incorrect))
    assert (found.low + found.high) / 2 == pytest.approx(found.value)
    assert 0.05 < found.high - found.low < 0.3
    assert selective_accuracy_within_folds(score, incorrect, fold, 0.3) == selective_accuracy(score, ~incorrect, 0.3)


def test_a_fold_without_one_class_has_no_pair():
    incorrect, fold = np.array([1, 0, 1, 1]), np.array([0, 0, 1, 1])
    assert auroc_within_folds([0.9, 0.1, 0.0, 0.0], incorrect, fold) == 1
