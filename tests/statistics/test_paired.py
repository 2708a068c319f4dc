"""Paired tests, paired differences and the adjustment of p values."""

import math

import numpy as np
import pytest
import scipy.stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from homog_core.measures.uncertainty import discrete_semantic_entropy
from homog_core.statistics.paired import (
    holm,
    mcnemar_exact,
    paired_bootstrap_difference,
    paired_rate_difference,
    wilcoxon_signed_rank,
)

CLUSTERS_BEFORE, CLUSTERS_AFTER = [9, 8, 10, 7, 9, 10, np.nan, 6], [4, 8, 5, 8, 3, 9, 1, np.nan]


def test_wilcoxon_by_hand():
    # Differences without the NaN pairs: −5, 0, −5, 1, −6, −1. Pratt ranks |d| with the zero: 0→1, 1→2.5 twice, 5→4.5
    # twice, 6→6; W+ = 2.5, W− = 4.5 + 4.5 + 6 + 2.5 = 17.5. Mean difference −16/6.
    found = wilcoxon_signed_rank(CLUSTERS_BEFORE, CLUSTERS_AFTER)
    assert found.difference == pytest.approx(-16 / 6)
    assert found.n == 6
    expected = scipy.stats.wilcoxon([-5, 0, -5, 1, -6, -1], zero_method="pratt")
    assert (expected.statistic, found.pvalue) == (2.5, expected.pvalue)


def test_wilcoxon_of_no_difference_and_of_nothing():
    assert wilcoxon_signed_rank([1, 2], [1, 2]) == (0.0, 1.0, 2)
    assert math.isnan(wilcoxon_signed_rank([np.nan], [1]).pvalue)


def test_the_order_of_the_clusters_is_no_difference():
    rng = np.random.default_rng(0)
    partitions = [rng.multinomial(10, [0.5, 0.2, 0.2, 0.1]) for _ in range(60)]
    before, after = (
        [discrete_semantic_entropy(np.repeat(np.arange(4), order(sizes))) for sizes in partitions]
        for order in (np.sort, rng.permutation)
    )
    assert before != after  # in the last bit
    assert wilcoxon_signed_rank(before, after) == (0.0, 1.0, 60)


def test_mcnemar_by_hand():
    # 6 gained, 1 lost, 5 concordant: two-sided binomial p = 2 · (C(7,0) + C(7,1)) / 2^7 = 16/128
    a = [0] * 6 + [1] + [0, 1, 1, 0, 1]
    b = [1] * 6 + [0] + [0, 1, 1, 0, 1]
    found = mcnemar_exact(a, b)
    assert found == (pytest.approx(5 / 12), pytest.approx(0.125), 12)
    assert mcnemar_exact([1, 0], [1, 0]).pvalue == 1


def test_mcnemar_agrees_with_statsmodels():
    rng = np.random.default_rng(5)
    a, b = rng.random(60) < 0.3, rng.random(60) < 0.5
    table = [[np.sum(~a & ~b), np.sum(~a & b)], [np.sum(a & ~b), np.sum(a & b)]]
    assert mcnemar_exact(a, b).pvalue == pytest.approx(mcnemar(table, exact=True).pvalue)


def test_paired_bootstrap_is_seeded_and_covers_the_mean():
    rng = np.random.default_rng(3)
    a = rng.normal(size=200)
    b = a + rng.normal(0.5, 0.1, size=200)
    found = paired_bootstrap_difference(a, b)
    assert found == paired_bootstrap_difference(a, b)
    assert found != paired_bootstrap_difference(a, b, seed=1)
    assert found.low < found.value < found.high
    # pairing keeps the interval as narrow as the differences are: 1.96 · 0.1/√200 = 0.0139
    assert found.high - found.low == pytest.approx(2 * 0.0139, rel=0.2)


def test_paired_bootstrap_of_one_pair_has_no_interval():
    found = paired_bootstrap_difference([1], [3])
    assert (found.value, found.n, math.isnan(found.low)) == (2, 1, True)


def test_newcombes_interval_by_hand():
    # 32 and 22 of 50; Wilson [0.5014, 0.7586] and [0.3116, 0.5769]; φ = (20·16 − 12·2 − 25) / √(32·18·22·28) = 0.4550
    # low: 0.2 − √(0.1386² − 2φ·0.1386·0.1369 + 0.1369²) = 0.0562; high: 0.2 + √(0.1186² − 2φ·0.1186·0.1284 + 0.1284²)
    second = [1] * 20 + [1] * 12 + [0] * 2 + [0] * 16
    first = [1] * 20 + [0] * 12 + [1] * 2 + [0] * 16
    found = paired_rate_difference(first, second)
    assert (found.value, found.low, found.high, found.n) == pytest.approx((0.2, 0.0562, 0.3292, 50), abs=5e-5)


@pytest.mark.parametrize(("first", "second"), [(0, 1), (1, 0), (0, 0), (1, 1)])
def test_a_change_of_all_questions_alike_has_an_interval_with_a_width(first, second):
    found = paired_bootstrap_difference([first] * 30 + [np.nan], [second] * 30 + [1])
    assert (found.value, found.n, found.method) == (second - first, 30, "newcombe")
    # one rate's Wilson interval reaches 0.1135 from 0 or 1; both together √2 times as far, towards the inside
    far = 0.1135 * math.sqrt(2)
    low = found.value - (far if second > first else 0.1135 if second == first else 0)
    high = found.value + (far if second < first else 0.1135 if second == first else 0)
    assert (found.low, found.high) == pytest.approx((low, high), abs=2e-4)


def test_equal_differences_of_numbers_are_one_point():
    found = paired_bootstrap_difference([1, 2, 3], [3, 4, 5])
    assert (found.low, found.value, found.high) == (2, 2, 2)


def test_holm_by_hand():
    # sorted .01 .02 .03 .04 → ·4 ·3 ·2 ·1 = .04 .06 .06 .04 → monotone .04 .06 .06 .06
    np.testing.assert_allclose(holm([0.04, 0.01, np.nan, 0.03, 0.02]), [0.06, 0.04, np.nan, 0.06, 0.06])
    assert holm([0.9, 0.8]).max() == 1
    assert np.isnan(holm([np.nan])).all()
    assert holm([]).shape == (0,)


def test_holm_is_that_of_statsmodels():
    pvalues = np.round(np.random.default_rng(0).random((50, 12)) ** 3, 2)  # rounded, so that there are ties
    for own in pvalues:
        np.testing.assert_allclose(holm(own), multipletests(own, method="holm")[1])
