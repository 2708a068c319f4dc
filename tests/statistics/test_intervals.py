"""Rates and means with their intervals, by hand and against scipy."""

import math

import numpy as np
import pytest
from scipy.stats import binomtest, ttest_1samp

from homog_core.statistics.intervals import (
    mean_estimate,
    mean_estimates,
    single_cluster_rate,
    wilson_bounds,
    wilson_interval,
)

NAN = math.nan
Z = 1.959963984540054  # the 97.5 % point of the normal distribution


def wilson_by_hand(successes, n):
    centre = (successes + Z**2 / 2) / (n + Z**2)
    half = Z / (n + Z**2) * math.sqrt(successes * (n - successes) / n + Z**2 / 4)
    return centre - half, centre + half


@pytest.mark.parametrize(("successes", "n"), [(0, 1), (1, 1), (3, 10), (10, 10), (0, 10), (631, 790)])
def test_wilson_interval(successes, n):
    estimate = wilson_interval(successes, n)

    assert (estimate.low, estimate.high) == pytest.approx(wilson_by_hand(successes, n), abs=1e-9)
    assert (estimate.value, estimate.n, estimate.method) == (successes / n, n, "wilson")
    assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1


def test_wilson_of_a_textbook_case():
    # 1 of 10: (1 + 1.92073 ± 1.95996 √(.9 + .96036)) / 13.84146 = .21102 ∓ .19314
    estimate = wilson_interval(1, 10)

    assert (estimate.low, estimate.high) == pytest.approx((0.01788, 0.40415), abs=1e-5)


def test_wilson_bounds_of_many_shares_in_one_go():
    successes, n = np.array([0, 2, 7, 0]), np.array([5, 7, 7, 0])
    low, high = wilson_bounds(successes / np.maximum(n, 1), n)
    expected = [wilson_by_hand(k, m) for k, m in ((0, 5), (2, 7), (7, 7))]
    np.testing.assert_allclose(np.transpose([low, high])[:3], expected, atol=1e-12)
    assert (low[0], high[2]) == (0, 1)  # exactly: rounding puts no bound on the wrong side of its share
    assert np.isnan([low[3], high[3]]).all()
    assert np.isnan(wilson_bounds(np.nan, 5)).all()


def test_wilson_agrees_with_scipy():
    for k in range(28):
        theirs = binomtest(k, 27).proportion_ci(method="wilson")
        found = wilson_interval(k, 27)
        assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=1e-14)


@pytest.mark.parametrize(
    ("n_clusters", "value", "n"),
    [
        ([1, 1, 2, 5], 0.5, 4),
        ([1, NAN, 3, NAN], 0.5, 2),  # undefined counts in neither numerator nor denominator
        ([2, 3], 0.0, 2),
        ([1], 1.0, 1),
    ],
)
def test_single_cluster_rate(n_clusters, value, n):
    estimate = single_cluster_rate(n_clusters)

    assert (estimate.value, estimate.n) == (value, n)
    assert (estimate.low, estimate.high) == pytest.approx(wilson_by_hand(value * n, n), abs=1e-9)


@pytest.mark.parametrize("estimate", [wilson_interval(0, 0), single_cluster_rate([]), single_cluster_rate([NAN, NAN])])
def test_a_rate_of_nothing_is_undefined(estimate):
    assert estimate.n == 0
    assert np.isnan([estimate.value, estimate.low, estimate.high]).all()


@pytest.mark.parametrize("values", [[0.2, 1.3], [1.0, NAN, 2.0, 4.5, NAN], [0.7] * 5])
def test_mean_estimate_has_the_t_interval(values):
    defined = [value for value in values if not math.isnan(value)]

    estimate = mean_estimate(values)

    assert estimate.value == pytest.approx(np.mean(defined))
    assert estimate.n == len(defined)
    if len(set(defined)) == 1:  # scipy has no interval without spread
        assert (estimate.low, estimate.high) == pytest.approx((0.7, 0.7))
    else:
        theirs = ttest_1samp(defined, 0).confidence_interval()
        assert (estimate.low, estimate.high) == pytest.approx((theirs.low, theirs.high))


@pytest.mark.parametrize(
    ("values", "value", "n"), [([2.0], 2.0, 1), ([NAN, 2.0], 2.0, 1), ([], NAN, 0), ([NAN], NAN, 0)]
)
def test_a_mean_of_fewer_than_two_has_no_interval(values, value, n):
    estimate = mean_estimate(values)

    assert estimate.value == pytest.approx(value, nan_ok=True)
    assert estimate.n == n
    assert np.isnan([estimate.low, estimate.high]).all()


def test_means_of_columns_are_those_of_one_column_at_a_time():
    rng = np.random.default_rng(0)
    values = rng.normal(3, 2, (40, 6))
    values[rng.random(values.shape) < 0.3] = NAN
    values[:, 3], values[:, 4], values[1:, 5] = NAN, 7.0, NAN  # none, all the same, and a single one
    found = mean_estimates(values)

    for m, column in enumerate(values.T):
        one = mean_estimate(column)
        row = [part[m] for part in found]
        assert row == pytest.approx([one.value, one.low, one.high, one.n], rel=1e-12, nan_ok=True)
