import math
from dataclasses import replace

import numpy as np
import pytest
import scipy.stats
from conftest import make_response
from scipy.stats import ttest_1samp

from homog_core.errors import InvalidInput
from homog_core.metrics import (
    degeneration,
    holm,
    mcnemar_exact,
    mean_estimate,
    paired_bootstrap_difference,
    single_cluster_rate,
    wilcoxon_signed_rank,
    wilson_interval,
)
from homog_core.uncertainty import discrete_semantic_entropy

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


# Paired comparisons


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


def test_holm_by_hand():
    # sorted .01 .02 .03 .04 → ·4 ·3 ·2 ·1 = .04 .06 .06 .04 → monotone .04 .06 .06 .06
    np.testing.assert_allclose(holm([0.04, 0.01, np.nan, 0.03, 0.02]), [0.06, 0.04, np.nan, 0.06, 0.06])
    assert holm([0.9, 0.8]).max() == 1


def test_columns_of_two_lengths_are_refused():
    with pytest.raises(InvalidInput, match="have 1 and 2"):
        mcnemar_exact([1], [1, 0])


# Homogenised or broken


def test_degeneration_by_hand():
    greedy = [make_response(text) for text in ("Oslo.", "the oslo", "Rome", "")]
    cut = replace(make_response("a b c"), finish_reason="length")
    sampled = [make_response("x y z x y z x y z"), make_response(""), cut, make_response("fine")]
    found = degeneration(greedy, sampled)
    assert found.distinct_across_questions == pytest.approx(2 / 3)  # oslo twice, rome; the empty one is no answer
    assert found.most_common_answer == pytest.approx(2 / 3)
    assert (found.looping, found.cut, found.invalid) == (pytest.approx(1 / 3), 0.25, 0.25)
    assert all(math.isnan(value) for value in degeneration([], []))
