"""AUROC, its intervals and differences, and Cohen's d: by hand, by definition and against other packages."""

import math

import numpy as np
import pytest
import scipy.stats
from graded_scores import CORRECT, QUESTIONS, SCORES, columns, simulated
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.special import logit
from scipy.stats import mannwhitneyu, norm, ttest_ind
from sklearn.metrics import roc_auc_score

from homog_core.statistics.discrimination import (
    auroc,
    auroc_bootstrap,
    auroc_estimate,
    cohens_d,
    cohens_d_estimate,
    delong_test,
    is_constant,
)

NAN = math.nan
Z = 1.959963984540054  # the 97.5 % point of the normal distribution

# 43 patients of DeLong et al. 1988: albumin, total protein, 10 minus this: K-G score, whether surgery helped
PATIENTS = """
3.0 5.8 10 0 3.2 6.3 5 1 3.9 6.8 3 1 2.8 4.8 6 0 3.2 5.8 3 1 0.9 4.0 5 0 2.5 5.7 8 0 1.6 5.6 5 1 3.8 5.7 5 1
3.7 6.7 6 1 3.2 5.4 4 1 3.8 6.6 6 1 4.1 6.6 5 1 3.6 5.7 5 1 4.3 7.0 4 1 3.6 6.7 4 0 2.3 4.4 6 1 4.2 7.6 4 0
4.0 6.6 6 0 3.5 5.8 6 1 3.8 6.8 7 1 3.0 4.7 8 0 4.5 7.4 5 1 3.7 7.4 5 1 3.1 6.6 6 1 4.1 8.2 6 1 4.3 7.0 5 1
4.3 6.5 4 1 3.2 5.1 5 1 2.6 4.7 6 1 3.3 6.8 6 0 1.7 4.0 7 0 3.7 6.1 5 1 3.3 6.3 7 1 4.2 7.7 6 1 3.5 6.2 5 1
2.9 5.7 9 0 2.1 4.8 7 1 2.8 6.2 8 0 4.0 7.0 7 1 3.3 5.7 6 1 3.7 6.9 5 1 3.6 6.6 5 1
"""
ALBUMIN, PROTEIN, KG, HELPED = np.array(PATIENTS.split(), dtype=float).reshape(-1, 4).T * [[1], [1], [-1], [1]]


def test_auroc_by_hand():
    # incorrect .4 .6 .7 .8 against correct .1 .2 .3 .5: all 16 pairs but (.4, .5) → 15/16
    assert auroc(SCORES, 1 - CORRECT) == 0.9375
    # two incorrect at 1 and 2, two correct at 1 and 0: (½ + 1 + 1 + 1) / 4
    assert auroc([1, 2, 1, 0], [1, 1, 0, 0]) == 0.875


@given(QUESTIONS)
def test_auroc_agrees_with_scikit_learn_and_scipy(rows):
    scores, wrong = columns(rows)
    ranks = np.round(np.minimum(scores, 3), 9)  # they know neither infinity nor the tolerance

    assert auroc(scores, wrong) == pytest.approx(roc_auc_score(wrong, ranks))
    wins = mannwhitneyu(ranks[wrong], ranks[~wrong]).statistic
    assert auroc(scores, wrong) == pytest.approx(wins / (wrong.sum() * (~wrong).sum()))


@given(QUESTIONS)
def test_swapping_the_classes_or_the_sign_turns_auroc_over(rows):
    scores, wrong = columns(rows)

    assert auroc(scores, ~wrong) == pytest.approx(1 - auroc(scores, wrong))
    assert auroc(-scores, wrong) == pytest.approx(1 - auroc(scores, wrong))


def test_what_is_not_constant():
    assert not is_constant(SCORES, CORRECT)
    assert not is_constant([], [])
    assert is_constant([0.2, 5.0, 0.2], [1, NAN, 0])  # the question that differs is not graded
    assert not is_constant([math.inf, 1.0], [1, 0])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("incorrect", [[1, 1, 1], [0, 0, 0], [NAN, 1, 1]])
def test_one_class_has_no_auroc(incorrect):
    scores = [0.1, 0.2, 0.3]

    assert math.isnan(auroc(scores, incorrect))
    for estimate in (auroc_estimate(scores, incorrect), auroc_bootstrap(scores, incorrect)):
        assert np.isnan([estimate.value, estimate.low, estimate.high]).all()
    assert np.isnan(delong_test(scores, scores, incorrect)).all()
    assert math.isnan(auroc([], []))


@pytest.mark.parametrize(
    ("scores", "area", "error"), [(ALBUMIN, 0.7366, 0.0927), (PROTEIN, 0.6478, 0.1000), (KG, 0.7258, 0.1028)]
)
def test_delong_on_his_own_patients(scores, area, error):
    # areas and standard errors as SAS prints them (PROC LOGISTIC, "Comparing Receiver Operating Characteristic Curves")
    found = auroc_estimate(scores, HELPED)

    assert (found.value, found.n, found.method) == (pytest.approx(area, abs=5e-5), 43, "delong")
    middle, half = (logit(found.low) + logit(found.high)) / 2, (logit(found.high) - logit(found.low)) / 2
    assert middle == pytest.approx(logit(found.value))
    assert half / Z * found.value * (1 - found.value) == pytest.approx(error, abs=5e-5)


@pytest.mark.parametrize(("a", "b"), [(ALBUMIN, KG), (PROTEIN, KG), (ALBUMIN, PROTEIN)])
def test_the_difference_of_two_scores_by_definition(a, b):
    # ψ of every pair of one helped and one not: 1, ½ or 0; variances of its row and column means
    helped = HELPED == 1
    kernel = [(np.sign(s[helped][:, None] - s[~helped]) + 1) / 2 for s in (a, b)]
    change = kernel[0] - kernel[1]
    error = math.sqrt(sum(change.mean(axis=k).var(ddof=1) / change.shape[1 - k] for k in (0, 1)))
    difference = change.mean()

    found = delong_test(a, b, HELPED)

    assert found.difference == pytest.approx(difference)
    assert (found.low, found.high) == pytest.approx((difference - Z * error, difference + Z * error))
    assert found.pvalue == pytest.approx(math.erfc(abs(difference) / error / math.sqrt(2)))
    swapped = delong_test(b, a, HELPED)
    assert swapped == pytest.approx((-found.difference, -found.high, -found.low, found.pvalue))


def test_delong_of_albumin_and_kg():
    # 0.7366 − 0.7258, standard error 0.0953: χ² = 0.0127, p = 0.9102
    assert delong_test(ALBUMIN, KG, HELPED) == pytest.approx((0.0108, -0.1761, 0.1976, 0.9102), abs=5e-5)


def test_identical_scores_do_not_differ():
    scores, wrong = simulated()

    assert delong_test(scores, scores, wrong) == (0, 0, 0, 1)
    assert delong_test(scores, np.exp(scores), wrong) == (0, 0, 0, 1)  # nor do those of one order
    assert delong_test([1, 2], [1, 2], [1, 0]) == (0, 0, 0, 1)


@pytest.mark.parametrize(("a", "incorrect"), [([3, 4, 1, 2], [1, 1, 0, 0]), ([1, 3, 2, 4], [1, 0, 0, 0])])
def test_a_difference_without_variance_has_no_p_value(a, incorrect):
    found = delong_test(a, [0, 0, 0, 0], incorrect)

    assert found.difference == auroc(a, incorrect) - 0.5
    assert np.isnan([found.low, found.high, found.pvalue]).all()


def test_delong_leaves_out_what_one_score_lacks():
    a, b, wrong = [1, 2, 9, 4, 3, 5], [2, 1, 3, 4, NAN, 6], [0, 0, NAN, 1, 1, 1]

    assert delong_test(a, b, wrong) == delong_test([1, 2, 4, 5], [2, 1, 4, 6], [0, 0, 1, 1])


@pytest.mark.parametrize(("m", "n"), [(10, 10), (20, 30)])
def test_a_perfect_score_is_not_certain(m, n):
    wrong = np.repeat([1, 0], [m, n])
    perfect, reversed_ = auroc_estimate(wrong, wrong), auroc_estimate(-wrong, wrong)

    assert (perfect.value, perfect.high, perfect.method) == (1, 1, "newcombe")
    assert (reversed_.value, reversed_.low) == (0, 0)
    assert reversed_.high == pytest.approx(1 - perfect.low)
    theta, big = perfect.low, (m + n) / 2 - 1
    variance = theta * (1 - theta) * (1 + big * (1 - theta) / (2 - theta) + big * theta / (1 + theta)) / (m * n)
    assert (1 - theta) ** 2 == pytest.approx(Z**2 * variance)


@pytest.mark.parametrize(("m", "n", "has_interval"), [(9, 40, False), (40, 9, False), (10, 10, True), (1, 2, False)])
def test_below_ten_of_a_class_there_is_no_interval(m, n, has_interval):
    wrong, scores = np.repeat([1, 0], [m, n]), np.random.default_rng(0).normal(size=m + n)
    found, d = auroc_estimate(scores, wrong), cohens_d_estimate(scores[:m], scores[m:])

    assert not math.isnan(found.value)
    assert [math.isnan(bound) for bound in (found.low, found.high)] == [not has_interval] * 2
    assert math.isnan(d.low) == (not has_interval)


def test_the_bootstrap_needs_two_of_a_class():
    assert math.isnan(auroc_bootstrap([2, 3, 1], [1, 0, 0]).low)


@given(st.lists(st.integers(0, 4), min_size=20, max_size=40), st.integers(10, 30))
def test_intervals_stay_within_the_unit_interval(scores, n_wrong):
    assume(10 <= n_wrong <= len(scores) - 10)
    found = auroc_estimate(scores, np.repeat([1, 0], [n_wrong, len(scores) - n_wrong]))

    assert 0 <= found.low <= found.value <= found.high <= 1


def test_the_two_intervals_of_auroc_agree_in_large_samples():
    scores, wrong = simulated()

    delong, bootstrap = auroc_estimate(scores, wrong), auroc_bootstrap(scores, wrong)

    assert bootstrap.value == delong.value
    assert (bootstrap.low, bootstrap.high) == pytest.approx((delong.low, delong.high), abs=0.004)
    assert (bootstrap.n, bootstrap.method) == (800, "stratified bootstrap")
    assert bootstrap == auroc_bootstrap(scores, wrong)
    assert bootstrap != auroc_bootstrap(scores, wrong, seed=1)


def test_the_stratified_bootstrap_agrees_with_scipy():
    scores, wrong = simulated(60)

    theirs = scipy.stats.bootstrap(
        (scores[wrong], scores[~wrong]),
        lambda x, y: mannwhitneyu(x, y, method="asymptotic").statistic / (len(x) * len(y)),
        n_resamples=1000,
        vectorized=False,
        method="percentile",
        rng=0,
    ).confidence_interval

    found = auroc_bootstrap(scores, wrong)
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=0.02)


def test_cohens_d_by_hand():
    # means 4 and 2, variances 4 and 2: s² = (2·4 + 1·2)/3 = 10/3, d = 2/1.825742
    assert cohens_d([2, 4, NAN, 6], [1, 3]) == pytest.approx(1.095445, abs=1e-6)

    # six times 2, 4, 6 and ten times 1, 3: s² = (17·(48/17) + 19·(20/19))/36 = 68/36, d = 2/1.374369
    found = cohens_d_estimate([2, 4, NAN, 6] * 6, [1, 3] * 10)

    assert found.value == pytest.approx(1.455213, abs=1e-6)
    half = Z * math.sqrt(38 / 360 + 1.455213**2 / 76)
    assert (found.low, found.high) == pytest.approx((1.455213 - half, 1.455213 + half), abs=1e-5)
    assert (found.n, found.method) == (38, "hedges-olkin")


def test_cohens_d_goes_with_students_t():
    rng = np.random.default_rng(2)
    a, b = rng.normal(1, 2, size=30), rng.normal(0, 1, size=50)

    assert cohens_d(a, b) == pytest.approx(ttest_ind(a, b).statistic * math.sqrt(1 / 30 + 1 / 50))
    assert cohens_d(b, a) == pytest.approx(-cohens_d(a, b))


def test_cohens_d_without_spread():
    tied = cohens_d_estimate([0.1 + 0.2, 0.3], [0.3, 0.3, 0.3])
    assert (tied.value, tied.low, tied.high) == (0, 0, 0)


@pytest.mark.parametrize(("a", "b"), [([1, 1], [0, 0]), ([1], [0, 2]), ([], []), ([1, math.inf], [0, 1])])
def test_cohens_d_that_is_undefined(a, b):
    found = cohens_d_estimate(a, b)

    assert np.isnan([cohens_d(a, b), found.value, found.low, found.high]).all()


def test_a_detectable_difference_is_found_in_four_of_five_samples():
    """By simulation: two scores whose AUROCs differ by what the test calls detectable."""
    rng, n, found, shift = np.random.default_rng(0), 150, [], 0.42
    detectable = []
    for _ in range(400):
        wrong = np.repeat([1, 0], n)
        first, second = (rng.normal(size=2 * n) + wrong * d for d in (0.5 + shift, 0.5))
        test = delong_test(first, second, wrong)
        found.append(test.pvalue < 0.05)
        detectable.append(test.detectable)
    difference = norm.cdf((0.5 + shift) / 2**0.5) - norm.cdf(0.5 / 2**0.5)
    power = norm.cdf(difference / (np.mean(detectable) / (norm.ppf(0.975) + norm.ppf(0.8))) - norm.ppf(0.975))
    assert np.mean(found) == pytest.approx(power, abs=0.05)
    assert 0.6 < power < 0.95


def test_nothing_is_detectable_where_the_interval_says_nothing():
    assert math.isnan(delong_test([1, 2, 3, 4], [1, 2, 3, 4], [0, 1, 0, 1]).detectable)
    assert math.isnan(delong_test([1, 2], [2, 1], [1, 1]).detectable)
