"""Correlations of two signals."""

import math

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr

from homog_core.statistics.dependence import correlation

NAN = math.nan
Z = 1.959963984540054  # the 97.5 % point of the normal distribution


def test_correlations_agree_with_scipy():
    rng = np.random.default_rng(4)
    a = rng.normal(size=40)
    b = np.round(a + rng.normal(size=40), 1)  # ties

    found = correlation(np.r_[a, NAN], np.r_[b, 1])

    theirs = pearsonr(a, b)
    interval = theirs.confidence_interval()
    pearson, spearman = found
    assert (pearson.value, pearson.low, pearson.high) == pytest.approx((theirs.statistic, *interval))
    rho = spearmanr(a, b).statistic
    half = Z * math.sqrt((1 + rho**2 / 2) / 37)
    expected = (rho, math.tanh(math.atanh(rho) - half), math.tanh(math.atanh(rho) + half))
    assert (spearman.value, spearman.low, spearman.high) == pytest.approx(expected)
    assert (pearson.n, pearson.method, spearman.method) == (40, "fisher-z", "bonett-wright")


@pytest.mark.parametrize("a", [[0.3] * 5, [0.1 + 0.2, 0.3, 0.3, 0.3, 0.3], [NAN, NAN, NAN, NAN, 1]])
def test_a_constant_correlates_with_nothing(a):
    for found in correlation(a, [1, 2, 3, 4, 5]):
        assert np.isnan([found.value, found.low, found.high]).all()


def test_correlations_at_their_ends():
    pearson, spearman = correlation([1, 2, 3, 4, 5], [5, 4, 3, 2, 1])
    assert (pearson.value, spearman.value) == pytest.approx((-1, -1))
    assert (spearman.low, spearman.high) == pytest.approx((-1, -1))
    few = correlation([1, 2, 3], [1, 3, 2]).pearson
    assert (few.value, math.isnan(few.low), few.n) == (pytest.approx(0.5), True, 3)


def test_an_infinite_score_only_has_a_rank():
    pearson, spearman = correlation([1, 2, 3, math.inf], [1, 2, 4, 3])

    assert math.isnan(pearson.value)
    assert spearman.value == pytest.approx(0.8)  # 1 − 6·2/(4·15)
