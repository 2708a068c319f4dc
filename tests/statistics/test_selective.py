"""Risk against coverage and what is read from it."""

import math
from itertools import permutations

import numpy as np
import pytest
import scipy.stats
from graded_scores import CORRECT, QUESTIONS, SCORES, columns, simulated
from hypothesis import given

from homog_core.errors import InvalidInput
from homog_core.statistics.selective import (
    aurc,
    prediction_rejection_ratio,
    risk_coverage,
    selective_accuracies,
    selective_accuracy,
    selective_estimates,
)

NAN = math.nan


def test_the_vector_of_the_contract():
    curve = risk_coverage(SCORES, CORRECT)

    np.testing.assert_allclose(curve.coverage, np.arange(1, 9) / 8)
    np.testing.assert_allclose(curve.risk, [0, 0, 0, 1 / 4, 1 / 5, 2 / 6, 3 / 7, 4 / 8])
    assert aurc(SCORES, CORRECT) == pytest.approx(0.213988, abs=1e-6)
    oracle = aurc(1 - CORRECT, CORRECT)
    assert 1 - oracle == pytest.approx(0.817262, abs=1e-6)
    assert prediction_rejection_ratio(SCORES, CORRECT) == pytest.approx(0.901501, abs=1e-6)


def test_ties_by_hand():
    # one certain and correct; then a correct and two incorrect that tie, each with 2/3 of an error
    curve = risk_coverage([0, 1, 1, 1], [1, 0, 1, 0])

    np.testing.assert_allclose(curve.risk, [0, (2 / 3) / 2, (4 / 3) / 3, 2 / 4])


def test_curves_average_over_every_order_of_ties():
    scores = np.array([0, 0, 0, 0.4, 0.4, 1.0, 1.0])
    right = np.array([1, 0, 1, 1, 0, 0, 1], dtype=bool)
    orders = [sorted(order, key=lambda i: scores[i]) for order in permutations(range(7))]  # stable: ties as permuted
    risks = np.cumsum(~right[np.array(orders)], axis=1) / np.arange(1, 8)

    np.testing.assert_allclose(risk_coverage(scores, right).risk, risks.mean(axis=0))
    assert aurc(scores, right) == pytest.approx(risks.mean())
    accuracies = 1 - risks.mean(axis=1)
    best, random_ = 1 - np.mean([0, 0, 0, 0, 1 / 5, 2 / 6, 3 / 7]), right.mean()
    assert prediction_rejection_ratio(scores, right) == pytest.approx(
        np.mean((accuracies - random_) / (best - random_))
    )
    for k in range(1, 8):
        assert selective_accuracy(scores, right, k / 7) == pytest.approx(1 - risks[:, k - 1].mean())


@given(QUESTIONS)
def test_prr_is_between_the_oracle_and_its_reverse(rows):
    scores, wrong = columns(rows)

    oracle, reverse = prediction_rejection_ratio(wrong, ~wrong), prediction_rejection_ratio(~wrong, ~wrong)
    assert oracle == pytest.approx(1)
    assert reverse - 1e-9 <= prediction_rejection_ratio(scores, ~wrong) <= 1 + 1e-9


@pytest.mark.parametrize("right", [[1, 1, 1], [0, 0, 0]])
def test_prr_needs_both_classes(right):
    assert math.isnan(prediction_rejection_ratio([0.1, 0.2, 0.2], right))
    found = selective_estimates([0.1, 0.2, 0.2], right).prediction_rejection_ratio
    assert np.isnan([found.value, found.low, found.high]).all()


@pytest.mark.parametrize(
    ("coverage", "n", "answered"),
    [(0.3, 10, 3), (0.07, 100, 7), (0.55, 100, 55), (0.31, 10, 4), (1, 10, 10), (1e-6, 10, 1), (0.5, 5, 3)],
)
def test_selective_accuracy_rounds_the_number_of_questions_up(coverage, n, answered):
    right = np.arange(n) % 2 == 0  # 1, 0, 1, 0 …

    assert selective_accuracy(np.arange(n), right, coverage) == pytest.approx(math.ceil(answered / 2) / answered)


@pytest.mark.parametrize("coverage", [0, -0.1, 1.01, NAN])
def test_a_coverage_outside_its_range_is_refused(coverage):
    with pytest.raises(InvalidInput, match="above 0 and at most 1"):
        selective_accuracy(SCORES, CORRECT, coverage)
    with pytest.raises(InvalidInput, match="above 0 and at most 1"):
        selective_estimates(SCORES, CORRECT, coverage)


def test_curves_of_no_question():
    assert [len(column) for column in risk_coverage([], [])] == [0, 0]
    assert np.isnan([aurc([], []), prediction_rejection_ratio([NAN], [1]), selective_accuracy([], [], 0.5)]).all()
    assert np.isnan([found.value for found in selective_estimates([], [])]).all()
    one = selective_estimates([1.0], [1]).aurc
    assert (one.value, one.n, math.isnan(one.low)) == (0, 1, True)


@pytest.mark.parametrize(
    ("name", "statistic"),
    [
        ("aurc", aurc),
        ("prediction_rejection_ratio", prediction_rejection_ratio),
        ("selective_accuracy", lambda u, right: selective_accuracy(u, right, 0.3)),
    ],
)
def test_the_bootstrap_of_the_curves_agrees_with_scipy(name, statistic):
    scores, wrong = simulated(60)
    theirs = scipy.stats.bootstrap(
        (scores, ~wrong), statistic, paired=True, n_resamples=1000, vectorized=False, method="percentile", rng=0
    ).confidence_interval

    found = getattr(selective_estimates(scores, ~wrong, 0.3), name)

    width = theirs.high - theirs.low
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=0.1 * width)
    assert (found.value, found.n) == (statistic(scores, ~wrong), 60)


def test_the_bootstrap_of_the_curves_is_seeded():
    scores, wrong = simulated(50)

    found = selective_estimates(scores, ~wrong)

    assert found == selective_estimates(scores, ~wrong)
    assert found != selective_estimates(scores, ~wrong, seed=1)
    assert all(each.low < each.value < each.high for each in found)


def test_accuracies_at_several_coverages_are_those_of_one_at_a_time():
    scores, wrong = simulated(50)
    coverages = (0.25, 0.5, 1.0)

    found = selective_accuracies(scores, ~wrong, coverages, n_resamples=200)

    alone = [selective_estimates(scores, ~wrong, coverage, n_resamples=200) for coverage in coverages]
    assert found == [each.selective_accuracy for each in alone]
    assert np.isnan(selective_accuracies([1.0], [1], [0.5])[0].low)
    with pytest.raises(InvalidInput, match="coverage"):
        selective_accuracies(scores, ~wrong, [0.5, 1.5])
