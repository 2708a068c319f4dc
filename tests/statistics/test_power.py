"""Power: by hand, by enumeration, and against simulations that run the tests themselves on drawn data."""

import math
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, binomtest, multinomial, norm

from homog_core.errors import InvalidInput
from homog_core.statistics import power
from homog_core.statistics.discrimination import auroc_estimate, delong_test
from homog_core.statistics.paired import mcnemar_exact, wilcoxon_signed_rank
from homog_core.statistics.power import Discordant, discordant
from homog_core.statistics.power_auroc import (
    auroc_detectable,
    auroc_difference_power,
    auroc_difference_questions,
    auroc_power,
    auroc_questions,
)

RATES = st.floats(0, 1)


def agrees(found: int, simulated: int, expected: float, exact: bool = True) -> bool:
    """Whether a share of simulated sets is within four standard errors of the expected power."""
    error = math.sqrt(expected * (1 - expected) / simulated + (0 if exact else 0.16 / 4000))
    return abs(found / simulated - expected) < 4 * error


# McNemar's test


def test_the_published_step_cannot_be_found():
    # 3 to 8 of 200, nested: five questions changed, all in one direction, p = 2/2^5 = 0.0625; six have p = 0.03125
    before, after = [1] * 3 + [0] * 197, [1] * 8 + [0] * 192
    assert mcnemar_exact(before, after).pvalue == 0.0625
    assert power.mcnemar_power(5, Discordant(1, 0)) == 0
    assert power.mcnemar_power(6, Discordant(1, 0)) == 1
    # So at least six of 200 must change where the rates differ by 5/200: P(Bin(200, 0.025) ≥ 6)
    assert power.mcnemar_power(200, Discordant(5 / 200, 0)) == pytest.approx(binom.sf(5, 200, 0.025))


@pytest.mark.parametrize(
    "shares", [Discordant(0.4, 0.1), Discordant(0.2, 0.3), Discordant(0.7, 0), Discordant(0.9, 0.1)]
)
def test_power_by_going_through_all_outcomes(shares):
    n = 12
    total = sum(
        multinomial.pmf([gained, lost, n - gained - lost], n, [*shares, 1 - sum(shares)])
        for gained in range(n + 1)
        for lost in range(n + 1 - gained)
        if gained + lost and binomtest(gained, gained + lost).pvalue < 0.05
    )
    assert power.mcnemar_power(n, shares) == pytest.approx(total)


@pytest.mark.parametrize(("n", "shares"), [(60, Discordant(0.3, 0.1)), (200, Discordant(0.02, 0.07))])
def test_mcnemar_power_is_what_a_simulation_finds(n, shares):
    rng, n_sets = np.random.default_rng(0), 1000
    found = 0
    for _ in range(n_sets):
        change = rng.choice([1, -1, 0], size=n, p=[*shares, 1 - sum(shares)])
        same = rng.integers(2, size=n)  # questions that do not change
        before = np.where(change == 0, same, change < 0)
        after = np.where(change == 0, same, change > 0)
        found += mcnemar_exact(before, after).pvalue < 0.05
    assert agrees(found, n_sets, power.mcnemar_power(n, shares))


def test_nothing_changes_nothing_is_found():
    assert power.mcnemar_power(100, Discordant(0, 0)) == 0
    assert math.isnan(power.mcnemar_questions(Discordant(0.1, 0.1)).n)
    assert math.isnan(power.mcnemar_detectable(5, 0.1, 0).effect)
    assert math.isnan(power.mcnemar_detectable(100, 1.0, 0).effect)


@settings(deadline=None)
@given(RATES, RATES, st.floats(0, 5))
def test_discordant_shares_are_those_of_two_rates(first, second, against):
    found = discordant(first, second, against)
    assert found.difference == pytest.approx(second - first)
    assert min(found) >= 0
    assert found.lost <= first + 1e-12 and found.gained <= 1 - first + 1e-12


def test_discordant_shares_by_hand():
    assert discordant(0.2, 0.5, 0) == pytest.approx((0.3, 0))
    # unrelated: 0.8 · 0.5 gained, 0.2 · 0.5 lost
    assert discordant(0.2, 0.5, 1) == pytest.approx((0.4, 0.1))
    assert discordant(0.5, 0.2, 1) == pytest.approx((0.1, 0.4))
    with pytest.raises(InvalidInput, match=r"these are 2 and 0.1"):
        discordant(2, 0.1, 0)
    with pytest.raises(InvalidInput, match="use 0 or more"):
        discordant(0.2, 0.1, -1)


@pytest.mark.parametrize(
    "shares", [Discordant(0.8, 0.2), Discordant(0.3, 0.1), Discordant(0.08, 0), Discordant(0.1, 0.25)]
)
def test_the_power_stays_from_the_number_of_questions_on(shares):
    found = power.mcnemar_questions(shares)
    powers = [power.mcnemar_power(n, shares) for n in range(2 * int(found.n) + 1)]
    assert min(powers[int(found.n) :]) >= 0.8 > powers[int(found.n) - 1]
    assert (found.effect, found.power) == (pytest.approx(shares.difference), powers[int(found.n)])


def test_the_first_number_that_reaches_the_target_may_be_luck():
    shares = Discordant(0.8, 0.2)
    first = next(n for n in range(200) if power.mcnemar_power(n, shares) >= 0.8)
    assert first < power.mcnemar_questions(shares).n


def test_more_questions_than_anybody_asks():
    found = power.mcnemar_questions(Discordant(0.2, 0.199))
    assert (math.isnan(found.n), found.effect) == (True, pytest.approx(0.001))


@settings(max_examples=30, deadline=None)
@given(st.integers(10, 400), st.floats(0, 0.6), st.floats(0, 1))
def test_the_smallest_rise_has_the_power_and_is_smallest_nested(n, first, against):
    nested, found = power.mcnemar_detectable(n, first, 0), power.mcnemar_detectable(n, first, against)
    if not math.isnan(found.effect):
        assert power.mcnemar_power(n, discordant(first, first + found.effect, against)) == pytest.approx(0.8, abs=1e-3)
        assert nested.effect <= found.effect + 1e-5
        # nested: P(Bin(n, rise) ≥ 6) = 0.8
        assert binom.sf(5, n, nested.effect) == pytest.approx(0.8, abs=1e-3)


# Wilcoxon's test

CHANGES = np.repeat([-6, -3, -1, 0, 1, 2], [3, 8, 10, 20, 7, 2])  # 50 questions, mean −38/50


@pytest.mark.parametrize("n", [20, 80])
def test_the_simulation_has_the_p_values_of_the_test(n):
    values, stored = np.unique(CHANGES, return_counts=True)
    counts = np.random.default_rng(1).multinomial(n, stored / 50, size=50)
    drawn = [np.repeat(values, row) for row in counts]
    expected = [wilcoxon_signed_rank(np.zeros(n), row).pvalue for row in drawn]
    assert 2 * norm.sf(power._signed_rank_z(values, counts)) == pytest.approx(expected)


@pytest.mark.parametrize("n", [30, 60, 100])
def test_wilcoxon_power_is_what_a_simulation_finds(n):
    rng, n_sets = np.random.default_rng(2), 400
    sets = rng.choice(CHANGES, size=(n_sets, n))
    found = sum(wilcoxon_signed_rank(np.zeros(n), row).pvalue < 0.05 for row in sets)
    assert agrees(found, n_sets, power.wilcoxon_power(CHANGES, n), exact=False)


def test_the_fewest_questions_that_find_the_observed_difference():
    needed = power.wilcoxon_questions(CHANGES)
    assert needed.effect == CHANGES.mean()
    assert power.wilcoxon_power(CHANGES, int(needed.n)) >= 0.8
    assert power.wilcoxon_power(CHANGES, int(needed.n * 0.9)) < 0.8
    assert power.wilcoxon_questions(-CHANGES).n == pytest.approx(needed.n, rel=0.05)  # other draws


def test_zeros_alone_and_few_questions_say_nothing():
    assert math.isnan(power.wilcoxon_questions(np.zeros(50)).n)
    assert math.isnan(power.wilcoxon_questions([-1, 1]).n)  # no mean difference
    assert math.isnan(power.wilcoxon_questions([]).n)
    assert math.isnan(power.wilcoxon_power(CHANGES, 13))
    assert math.isnan(power.wilcoxon_power([], 20))


def test_normal_power_is_what_a_simulation_finds():
    rng, n_sets, n = np.random.default_rng(3), 800, 60
    sets = rng.normal(0.8, 2.4, size=(n_sets, n))
    found = sum(wilcoxon_signed_rank(np.zeros(n), row).pvalue < 0.05 for row in sets)
    assert agrees(found, n_sets, power.wilcoxon_power_normal(n, 0.8, 2.4))


def test_normal_designs_by_hand():
    # n = (2.8016 · 2.4 / 0.8)² · π/3 = 70.6 · 1.0472 = 73.98
    needed = power.wilcoxon_questions_normal(0.8, 2.4)
    assert (needed.n, needed.effect) == (74, 0.8)
    # 2.8016 · 2.4 / √(100 · 3/π) = 0.688
    assert power.wilcoxon_detectable_normal(100, 2.4).effect == pytest.approx(0.688, abs=5e-4)
    assert math.isnan(power.wilcoxon_questions_normal(0, 2.4).n)
    assert math.isnan(power.wilcoxon_questions_normal(0.01, 2.4).n)  # more than 10,000
    assert math.isnan(power.wilcoxon_power_normal(10, 0, 0))


# AUROC


def test_the_published_numbers_of_questions():
    # ../shared/methods.md §12: 130 and 130; 114 and 114 at a correlation of 0.3; 67 and 67 at 0.6
    assert auroc_questions(0.6).n == 2 * 130
    assert auroc_difference_questions(0.6, 0.72, 0.3).n == 2 * 114
    assert auroc_difference_questions(0.6, 0.72, 0.6).n == 2 * 67
    assert auroc_detectable(130, 130).effect == pytest.approx(0.1, abs=5e-4)


def test_power_by_hand():
    # A = 0.6, m = n = 10: V(0.5) = 21/1200 = 0.0175; Q₁ = 3/7, Q₂ = 0.45, V = (0.24 + 9 (0.42857 + 0.45 − 0.72))/100
    # = 0.016671; Φ((0.1 − 1.96 · 0.13229)/0.12912) + Φ((−0.1 − 0.25928)/0.12912) = Φ(−1.2336) + Φ(−2.7826)
    assert auroc_power(0.6, 10, 10) == pytest.approx(0.1087 + 0.0027, abs=5e-4)
    assert auroc_power(0.4, 10, 10) == pytest.approx(auroc_power(0.6, 10, 10), abs=1e-2)
    assert auroc_power(0.5, 50, 80) == pytest.approx(0.05)
    assert auroc_difference_power(0.7, 0.7, 50, 80, 0.4) == pytest.approx(0.05)


def normal_scores(rng, values, correlation, wrong):
    """Scores (n,) of each AUROC, that correlate within a class."""
    shared = rng.normal(size=len(wrong))
    own = [math.sqrt(correlation) * shared + math.sqrt(1 - correlation) * rng.normal(size=len(wrong)) for _ in values]
    return [score + math.sqrt(2) * norm.ppf(value) * wrong for score, value in zip(own, values, strict=True)]


@pytest.mark.parametrize(("value", "m", "n"), [(0.6, 130, 130), (0.7, 25, 100)])
def test_auroc_power_is_what_a_simulation_finds(value, m, n):
    rng, n_sets, wrong = np.random.default_rng(4), 500, np.repeat([1, 0], [m, n])
    found = 0
    for _ in range(n_sets):
        interval = auroc_estimate(*normal_scores(rng, [value], 0, wrong), wrong)
        found += not interval.low <= 0.5 <= interval.high
    assert agrees(found, n_sets, auroc_power(value, m, n))


@pytest.mark.parametrize(("correlation", "n"), [(0.3, 114), (0.6, 67)])
def test_power_for_two_aurocs_is_what_a_simulation_finds(correlation, n):
    rng, n_sets, wrong = np.random.default_rng(5), 500, np.repeat([1, 0], [n, n])
    found = sum(
        delong_test(*normal_scores(rng, [0.6, 0.72], correlation, wrong), wrong).pvalue < 0.05 for _ in range(n_sets)
    )
    assert agrees(found, n_sets, auroc_difference_power(0.6, 0.72, n, n, correlation))


@settings(deadline=None)
@given(st.floats(0.52, 0.95), st.floats(0.05, 0.95))
def test_so_many_questions_find_an_auroc(value, share):
    found = auroc_questions(value, share)
    if math.isnan(found.n):
        assert auroc_power(value, round(10_000 * share), round(10_000 * (1 - share))) < 0.81
    else:
        assert found.power >= 0.8 - 1e-9
        assert min(share, 1 - share) * found.n >= 9


def test_what_no_auroc_finds():
    assert math.isnan(auroc_power(0.9, 9, 100))  # fewer than ten: no interval
    assert math.isnan(auroc_detectable(9, 100).effect)
    assert math.isnan(auroc_questions(0.5).n)
    assert math.isnan(auroc_questions(0.505).n)
    assert auroc_power(1, 10, 10) == 1  # no spread at all, and 0.5 is far


def test_figures_that_cannot_be():
    with pytest.raises(InvalidInput, match=r"is 1.4; it must be in \[0, 1\]"):
        auroc_power(1.4, 50, 50)
    with pytest.raises(InvalidInput, match="correlation"):
        auroc_difference_power(0.6, 0.7, 50, 50, 1.5)
    with pytest.raises(InvalidInput, match="between 0 and 1"):
        auroc_questions(0.6, 1.0)
    for target in (0.05, 1):
        with pytest.raises(InvalidInput, match="The power is"):
            power.mcnemar_questions(Discordant(0.2, 0.1), target)


def test_the_share_of_sets_is_binomial_in_a_nested_design():
    # n = 6 nested: found when all six change, p⁶; n = 7: six or seven, 7 p⁶ (1 − p) + p⁷
    assert power.mcnemar_power(6, Discordant(0.5, 0)) == pytest.approx(0.5**6)
    assert power.mcnemar_power(7, Discordant(0.5, 0)) == pytest.approx((comb(7, 6) + 1) * 0.5**7)
