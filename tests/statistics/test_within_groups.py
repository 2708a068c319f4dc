"""What is compared within folds alone."""

import numpy as np
import pytest

from homog_core.statistics.discrimination import auroc
from homog_core.statistics.selective import selective_accuracy
from homog_core.statistics.within_groups import (
    auroc_difference_within,
    auroc_difference_within_categories,
    auroc_within,
    auroc_within_categories,
    auroc_within_estimate,
    aurocs_within,
    aurocs_within_categories,
    selective_accuracy_within,
)


def test_a_difference_within_folds_by_hand():
    # Two folds of two errors and two correct ones. a ranks all 4 + 4 pairs rightly, b 3 + 3, whatever the levels of its
    # folds: ¼. The change of each error is 0, ½, 0, ½, and of each correct one: variance 1/12, so that the standard
    # error is √(1/48 + 1/48) = .20412 and the interval ¼ ± .40007.
    incorrect, fold = np.array([1, 1, 0, 0] * 2, dtype=bool), np.repeat([0, 1], 4)
    a, b = [0.8, 0.7, 0.2, 0.1] * 2, [0.8, 0.15, 0.2, 0.1, 0.05, 0.03, 0.04, 0.02]

    found = auroc_difference_within(a, b, incorrect, fold)

    assert (found.difference, found.low, found.high) == pytest.approx((0.25, -0.15007, 0.65007), abs=1e-5)
    assert auroc_within(a, incorrect, fold) == 1
    assert auroc_within(b, incorrect, fold) == 0.75
    assert auroc_within_estimate(a, incorrect, fold).value == 1


@pytest.mark.parametrize("seed", range(3))
def test_one_fold_is_the_plain_statistic(seed):
    rng = np.random.default_rng(seed)
    incorrect = rng.random(120) < 0.4
    score, fold = rng.random(120) + 0.2 * incorrect, np.zeros(120, dtype=int)

    found = auroc_within_estimate(score, incorrect, fold)

    assert found.value == pytest.approx(auroc(score, incorrect))
    assert (found.low + found.high) / 2 == pytest.approx(found.value)
    assert 0.05 < found.high - found.low < 0.3
    assert selective_accuracy_within(score, incorrect, fold, 0.3) == selective_accuracy(score, ~incorrect, 0.3)


def test_auroc_within_categories_leaves_out_what_tells_them_apart():
    # Two categories of 20: in each the score is right for half of the pairs, and the second has more errors and higher
    # scores throughout.
    category = np.repeat(["a", "b"], 20)
    incorrect = np.r_[np.repeat([1, 0], [5, 15]), np.repeat([1, 0], [15, 5])]
    score = np.r_[[0.5] * 20, [9.5] * 20]

    found = auroc_within_categories(score, incorrect, category)

    assert found.value == 0.5
    assert found.n == 40
    assert auroc(score, incorrect) == 0.75  # (15·15 + ½·(5·15 + 15·5)) / 400


def test_a_difference_within_categories_is_that_of_the_two_aurocs():
    rng = np.random.default_rng(5)
    category, incorrect = rng.choice(list("abcd"), 160), (rng.random(160) < 0.4).astype(float)
    incorrect[category == "d"] = 1  # nothing of it can be compared
    a, b = 9 * (category == "a") + incorrect + rng.normal(size=160), np.round(rng.normal(size=160), 1)
    b[:9] = np.nan
    known = np.where(np.isnan(b), np.nan, incorrect)

    found = auroc_difference_within_categories(a, b, incorrect, category)
    of_a, of_b = (auroc_within_categories(scores, known, category) for scores in (a, b))

    assert found.difference == pytest.approx(of_a.value - of_b.value)
    assert found.low < found.difference < found.high
    assert found.pvalue < 0.01
    few = auroc_difference_within_categories(a[:30], b[:30], incorrect[:30], category[:30])
    assert not np.isnan(few.difference)
    assert np.isnan([few.low, few.high, few.pvalue]).all()
    assert np.isnan(auroc_difference_within_categories(a, b, np.ones(160), category).difference)


def test_a_category_with_one_class_and_what_is_not_known_take_no_part():
    score, incorrect = [3.0, 1, np.nan, 5, 6], [1, 0, 1, 1, 1]
    found = auroc_within_categories(score, incorrect, np.array(["a", "a", "a", "b", "b"]))

    assert (found.value, found.n) == (1, 2)
    assert np.isnan(found.low)
    assert np.isnan(auroc_within_categories(score[3:], incorrect[3:], np.array(["b", "b"])).value)


def test_a_fold_without_one_class_has_no_pair():
    incorrect, fold = np.array([1, 0, 1, 1]), np.array([0, 0, 1, 1])
    assert auroc_within([0.9, 0.1, 0.0, 0.0], incorrect, fold) == 1


def test_auroc_within_is_the_mean_over_folds_by_their_pairs():
    rng = np.random.default_rng(3)
    score, incorrect, fold = rng.integers(6, size=200) / 7, rng.integers(2, size=200), rng.integers(9, size=200)
    fold[fold == 0] = 20
    incorrect[fold == 1] = 1  # a fold without a pair
    folds = [fold == own for own in range(2, 21) if (fold == own).any()]
    weights = [incorrect[own].sum() * (1 - incorrect[own]).sum() for own in folds]
    expected = np.average([auroc(score[own], incorrect[own]) for own in folds], weights=weights)
    assert auroc_within(score, incorrect, fold) == pytest.approx(expected, abs=1e-12)
    assert np.isnan(auroc_within([0.1, 0.2], [1, 1], np.array([0, 0])))


def test_several_scores_at_once_are_each_as_alone():
    rng = np.random.default_rng(4)
    scores, incorrect, fold = rng.integers(5, size=(7, 60)) / 7, rng.integers(2, size=60), rng.integers(4, size=60)
    scores[0] = 0.5  # all tie
    found = aurocs_within(scores, incorrect, fold)
    assert found.tolist() == [auroc_within(score, incorrect, fold) for score in scores]
    assert found[0] == 0.5
    assert np.isnan(aurocs_within(np.zeros((3, 0)), [], np.zeros(0))).tolist() == [True] * 3


def test_selective_accuracy_within_is_the_mean_over_folds_by_their_questions():
    rng = np.random.default_rng(5)
    score, incorrect, fold = rng.integers(6, size=90) / 7, rng.integers(2, size=90), rng.integers(8, size=90)
    folds = [fold == own for own in range(8)]
    each = [selective_accuracy(score[own], 1 - incorrect[own], 0.5) for own in folds]
    expected = np.average(each, weights=[own.sum() for own in folds])
    assert selective_accuracy_within(score, incorrect, fold, 0.5) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_aurocs_of_several_scores_are_those_of_each_on_the_questions_that_all_define(seed):
    rng = np.random.default_rng(seed)
    incorrect, category = (rng.random(80) < 0.4).astype(float), rng.choice(["a", "b", "c"], 80)
    scores = rng.integers(0, 9, (2, 80)) / 3.0  # with ties
    incorrect[:3], scores[0, 5:9], scores[1, 8:12] = np.nan, np.nan, np.nan

    found = aurocs_within_categories(scores, incorrect, category)

    known = np.where(np.isnan(scores).any(axis=0), np.nan, incorrect)
    assert found.tolist() == [auroc_within_categories(own, known, category).value for own in scores]
    assert np.isnan(aurocs_within_categories(scores, np.ones(80), category)).all()
