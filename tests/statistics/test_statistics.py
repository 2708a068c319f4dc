import math
from dataclasses import replace
from itertools import combinations, permutations

import numpy as np
import pytest
import scipy.stats
from fakes import make_response
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.special import logit
from scipy.stats import mannwhitneyu, pearsonr, spearmanr, ttest_1samp, ttest_ind
from sklearn.calibration import calibration_curve
from sklearn.metrics import roc_auc_score
from statsmodels.stats.contingency_tables import mcnemar

from homog_core.errors import InvalidInput
from homog_core.measures.diversity import degeneration
from homog_core.measures.uncertainty import discrete_semantic_entropy
from homog_core.statistics.budget import entropy_at_budget, scr_at_budget
from homog_core.statistics.calibration import brier_score, expected_calibration_error, platt_probabilities, reliability
from homog_core.statistics.dependence import correlation
from homog_core.statistics.discrimination import (
    auroc,
    auroc_bootstrap,
    auroc_estimate,
    cohens_d,
    cohens_d_estimate,
    delong_test,
    is_constant,
)
from homog_core.statistics.intervals import mean_estimate, single_cluster_rate, wilson_interval
from homog_core.statistics.paired import holm, mcnemar_exact, paired_bootstrap_difference, wilcoxon_signed_rank
from homog_core.statistics.selective import (
    aurc,
    prediction_rejection_ratio,
    risk_coverage,
    selective_accuracy,
    selective_estimates,
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


def test_holm_by_hand():
    # sorted .01 .02 .03 .04 → ·4 ·3 ·2 ·1 = .04 .06 .06 .04 → monotone .04 .06 .06 .06
    np.testing.assert_allclose(holm([0.04, 0.01, np.nan, 0.03, 0.02]), [0.06, 0.04, np.nan, 0.06, 0.06])
    assert holm([0.9, 0.8]).max() == 1
    assert np.isnan(holm([np.nan])).all()
    assert holm([]).shape == (0,)


def test_columns_of_two_lengths_are_refused():
    with pytest.raises(InvalidInput, match="have 1 and 2"):
        mcnemar_exact([1], [1, 0])


# Telling incorrect from correct


# The vector of shared/methods.md §4
SCORES, CORRECT = np.arange(1, 9) / 10, np.array([1, 1, 1, 0, 1, 0, 0, 0])

# 43 patients of DeLong et al. 1988: albumin, total protein, 10 minus this: K-G score, whether surgery helped
PATIENTS = """
3.0 5.8 10 0 3.2 6.3 5 1 3.9 6.8 3 1 2.8 4.8 6 0 3.2 5.8 3 1 0.9 4.0 5 0 2.5 5.7 8 0 1.6 5.6 5 1 3.8 5.7 5 1
3.7 6.7 6 1 3.2 5.4 4 1 3.8 6.6 6 1 4.1 6.6 5 1 3.6 5.7 5 1 4.3 7.0 4 1 3.6 6.7 4 0 2.3 4.4 6 1 4.2 7.6 4 0
4.0 6.6 6 0 3.5 5.8 6 1 3.8 6.8 7 1 3.0 4.7 8 0 4.5 7.4 5 1 3.7 7.4 5 1 3.1 6.6 6 1 4.1 8.2 6 1 4.3 7.0 5 1
4.3 6.5 4 1 3.2 5.1 5 1 2.6 4.7 6 1 3.3 6.8 6 0 1.7 4.0 7 0 3.7 6.1 5 1 3.3 6.3 7 1 4.2 7.7 6 1 3.5 6.2 5 1
2.9 5.7 9 0 2.1 4.8 7 1 2.8 6.2 8 0 4.0 7.0 7 1 3.3 5.7 6 1 3.7 6.9 5 1 3.6 6.6 5 1
"""
ALBUMIN, PROTEIN, KG, HELPED = np.array(PATIENTS.split(), dtype=float).reshape(-1, 4).T * [[1], [1], [-1], [1]]

# Questions with ties, infinities, and both classes
QUESTIONS = st.lists(
    st.tuples(st.sampled_from([0.0, 0.1, 0.1 + 1e-12, 0.5, 2.0, math.inf]), st.booleans()), min_size=2, max_size=30
).filter(lambda rows: len({wrong for _, wrong in rows}) == 2)


def columns(rows):
    return np.array([score for score, _ in rows]), np.array([wrong for _, wrong in rows])


def simulated(n=800, ties=0.6, seed=0):
    """Scores of which many are 0, as of homogenised questions, and grades that depend on them."""
    rng = np.random.default_rng(seed)
    scores = rng.exponential(size=n) * (rng.random(n) > ties)
    return scores, rng.random(n) < 0.3 + 0.1 * scores


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


@given(QUESTIONS, st.randoms())
def test_the_order_of_the_questions_changes_nothing(rows, random):
    shuffled = random.sample(rows, len(rows))
    (scores, wrong), (other_scores, other_wrong) = columns(rows), columns(shuffled)

    assert auroc(scores, wrong) == pytest.approx(auroc(other_scores, other_wrong))
    assert aurc(scores, ~wrong) == pytest.approx(aurc(other_scores, ~other_wrong))
    np.testing.assert_allclose(risk_coverage(scores, ~wrong).risk, risk_coverage(other_scores, ~other_wrong).risk)
    for estimate in (auroc_bootstrap, lambda u, w, **k: selective_estimates(u, ~w, **k)):
        ours, theirs = estimate(scores, wrong, n_resamples=20), estimate(other_scores, other_wrong, n_resamples=20)
        assert str(ours) == str(theirs)  # as text, since NaN is not itself


@given(QUESTIONS)
def test_swapping_the_classes_or_the_sign_turns_auroc_over(rows):
    scores, wrong = columns(rows)

    assert auroc(scores, ~wrong) == pytest.approx(1 - auroc(scores, wrong))
    assert auroc(-scores, wrong) == pytest.approx(1 - auroc(scores, wrong))


@given(QUESTIONS)
def test_all_ties_are_no_signal(rows):
    _, wrong = columns(rows)
    scores = np.full(len(wrong), 0.7) + np.linspace(0, 1e-12, len(wrong))  # a sum in another order is no signal

    assert is_constant(scores, wrong)
    assert auroc(scores, wrong) == 0.5
    found = auroc_estimate(scores, wrong)
    assert (found.value, found.low, found.high) == (0.5, 0.5, 0.5)
    np.testing.assert_allclose(risk_coverage(scores, ~wrong).risk, wrong.mean())
    assert aurc(scores, ~wrong) == pytest.approx(wrong.mean())
    assert prediction_rejection_ratio(scores, ~wrong) == pytest.approx(0, abs=1e-9)


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


@pytest.mark.parametrize(("m", "n", "bound"), [(1, 1, 1 / (1 + Z**2)), (1, 3, None), (20, 30, None)])
def test_a_perfect_score_is_not_certain(m, n, bound):
    # m = n = 1: (1 − θ)² = z² θ (1 − θ) → θ = 1 / (1 + z²) = 0.2065, Wilson's lower bound of 1 in 1
    wrong = np.repeat([1, 0], [m, n])
    perfect, reversed_ = auroc_estimate(wrong, wrong), auroc_estimate(-wrong, wrong)

    assert (perfect.value, perfect.high, perfect.method) == (1, 1, "newcombe")
    assert (reversed_.value, reversed_.low) == (0, 0)
    assert reversed_.high == pytest.approx(1 - perfect.low)
    theta, big = perfect.low, (m + n) / 2 - 1
    variance = theta * (1 - theta) * (1 + big * (1 - theta) / (2 - theta) + big * theta / (1 + theta)) / (m * n)
    assert (1 - theta) ** 2 == pytest.approx(Z**2 * variance)
    if bound:
        assert perfect.low == pytest.approx(bound)


def test_auroc_with_one_question_in_a_class_has_no_interval():
    for estimate in (auroc_estimate([1, 3, 2], [1, 0, 0]), auroc_estimate([2, 3, 1], [1, 0, 0])):
        assert estimate.method == ("newcombe" if estimate.value == 0 else "delong")
    found = auroc_estimate([2, 3, 1], [1, 0, 0])
    assert (found.value, math.isnan(found.low), math.isnan(found.high)) == (0.5, True, True)
    assert math.isnan(auroc_bootstrap([2, 3, 1], [1, 0, 0]).low)


@given(QUESTIONS)
def test_intervals_stay_within_the_unit_interval(rows):
    found = auroc_estimate(*columns(rows))

    assume(not math.isnan(found.low))
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


def test_scores_and_grades_that_are_swapped_are_refused():
    with pytest.raises(InvalidInput, match=r"must be 0, 1 or NaN; there is 0\.1"):
        auroc(1 - CORRECT, SCORES)
    with pytest.raises(InvalidInput, match="have 8 and 7"):
        auroc(SCORES, CORRECT[:7])


@pytest.mark.parametrize(
    "statistic",
    [
        auroc,
        auroc_estimate,
        auroc_bootstrap,
        lambda u, w: delong_test(u, np.sin(9 * u), w),
        lambda u, w: risk_coverage(u, 1 - w).risk.tolist(),
        lambda u, w: selective_estimates(u, 1 - w),
        lambda u, w: correlation(u, w),
        lambda p, w: reliability(p, 1 - w)._asdict(),
        lambda p, w: (expected_calibration_error(p, 1 - w), brier_score(p, 1 - w)),
        lambda u, w: (lambda p: p[~np.isnan(p)].tolist())(platt_probabilities(u, 1 - w, folds=2)),
    ],
)
def test_questions_without_score_or_grade_are_left_out(statistic):
    wrong = 1.0 - CORRECT

    assert str(statistic(np.r_[0.3, SCORES, NAN, NAN], np.r_[NAN, wrong, 1, NAN])) == str(statistic(SCORES, wrong))


# Selective prediction


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


# Effect size


def test_cohens_d_by_hand():
    # means 4 and 2, variances 4 and 2: s² = (2·4 + 1·2)/3 = 10/3, d = 2/1.825742; variance 5/6 + 1.2/10 = .953333
    found = cohens_d_estimate([2, 4, NAN, 6], [1, 3])

    assert found.value == cohens_d([2, 4, 6], [1, 3]) == pytest.approx(1.095445, abs=1e-6)
    half = Z * math.sqrt(0.953333)
    assert (found.low, found.high) == pytest.approx((1.095445 - half, 1.095445 + half), abs=1e-5)
    assert (found.n, found.method) == (5, "hedges-olkin")


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


# Dependence of signals


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


# Calibration


def test_calibration_by_hand():
    probability, right = [0.0, 0.05, 0.1, 0.7, 0.75, 1.0], [0, 1, 0, 1, 0, 1]

    diagram = reliability(probability, right)

    # bins: [0, .1) holds 0 and .05; [.1, .2) holds .1; [.7, .8) holds .7 and .75; [.9, 1] holds 1
    assert diagram.count.tolist() == [2, 1, 0, 0, 0, 0, 0, 2, 0, 1]
    assert diagram.edges.tolist() == [k / 10 for k in range(11)]
    np.testing.assert_allclose(diagram.probability[[0, 1, 7, 9]], [0.025, 0.1, 0.725, 1])
    np.testing.assert_allclose(diagram.accuracy[[0, 1, 7, 9]], [0.5, 0, 0.5, 1])
    assert np.isnan(diagram.accuracy[2:7]).all()
    # (2·.475 + 1·.1 + 2·.225 + 1·0) / 6 = 1.5/6
    assert expected_calibration_error(probability, right) == pytest.approx(0.25)
    # (0 + .9025 + .01 + .09 + .5625 + 0) / 6
    assert brier_score(probability, right) == pytest.approx(1.565 / 6)


@pytest.mark.parametrize("bins", [1, 5, 10, 100])
def test_every_edge_opens_its_own_bin(bins):
    edges = np.arange(bins + 1) / bins

    assert reliability(edges, np.ones(bins + 1), bins).count.tolist() == [1] * (bins - 1) + [2]


def test_the_diagram_agrees_with_scikit_learn():
    rng = np.random.default_rng(6)
    probability = rng.random(200)
    right = rng.random(200) < probability**2

    diagram = reliability(probability, right, bins=7)

    accuracy, said = calibration_curve(right, probability, n_bins=7)
    np.testing.assert_allclose(diagram.accuracy, accuracy)
    np.testing.assert_allclose(diagram.probability, said)
    assert diagram.count.sum() == 200


@pytest.mark.parametrize("right", [[1, 1], [0, 0]])
def test_calibration_of_one_class(right):
    assert brier_score([0.25, 0.75], right) == pytest.approx((0.0625 + 0.5625) / 2)
    assert expected_calibration_error([0.5, 0.5], right) == 0.5


def test_calibration_of_nothing_and_of_no_probabilities():
    assert np.isnan([expected_calibration_error([], []), brier_score([NAN], [1])]).all()
    with pytest.raises(InvalidInput, match=r"from -0\.5 to 1\.2"):
        expected_calibration_error([-0.5, 1.2], [0, 1])


def test_platt_finds_the_probability_that_made_the_grades():
    rng = np.random.default_rng(7)
    scores = rng.normal(3, 2, size=4000)
    truth = 1 / (1 + np.exp(1.5 * scores - 4))  # falls with the uncertainty
    right = rng.random(4000) < truth

    found = platt_probabilities(scores, right)

    assert np.abs(found - truth).max() < 0.05
    assert expected_calibration_error(found, right) < 0.03
    assert found.tolist() == platt_probabilities(scores, right).tolist()
    assert found.tolist() != platt_probabilities(scores, right, seed=1).tolist()


def test_platt_never_sees_the_question_that_it_predicts():
    # A constant score says the base rate of the other folds: (7 − c) of (13 − c − w), with c, w ∈ {1, 2} held out. All
    # thirteen would say 7/13 = .538.
    right = np.r_[np.ones(7), np.zeros(6)]

    found = platt_probabilities(np.full(13, 0.4), right)

    rates = [(7 - c) / (13 - c - w) for c in (1, 2) for w in (1, 2)]
    assert np.abs(np.subtract.outer(found, rates)).min(axis=1).max() < 1e-3
    assert len(set(found.round(3))) > 1


@pytest.mark.filterwarnings("error")
def test_platt_at_the_edges():
    scores, wrong = simulated(100)
    grades = np.where(np.arange(100) == 3, NAN, ~wrong)

    found = platt_probabilities(np.where(np.arange(100) == 5, NAN, scores), grades)
    assert np.flatnonzero(np.isnan(found)).tolist() == [3, 5]

    top = scores.argmax()
    infinite = np.where(np.arange(100) == top, math.inf, scores)
    finite = np.where(np.arange(100) == top, np.sort(scores)[-2], scores)
    np.testing.assert_allclose(platt_probabilities(infinite, ~wrong), platt_probabilities(finite, ~wrong))

    separated = platt_probabilities(np.r_[np.zeros(10), np.ones(10)], np.repeat([1, 0], 10))
    assert separated[:10].min() > 0.99
    assert separated[10:].max() < 0.01


@pytest.mark.parametrize("right", [np.ones(20), np.r_[np.ones(16), np.zeros(4)]])
def test_platt_needs_one_of_each_class_in_every_fold(right):
    assert np.isnan(platt_probabilities(np.arange(20), right)).all()


def test_platt_does_not_depend_on_the_order_of_the_questions():
    scores, wrong = simulated(200)
    order = np.random.default_rng(8).permutation(200)

    found, shuffled = platt_probabilities(scores, ~wrong), platt_probabilities(scores[order], ~wrong[order])

    np.testing.assert_allclose(np.sort(found), np.sort(shuffled))  # ties may change places
    assert brier_score(found, ~wrong) == pytest.approx(brier_score(shuffled, ~wrong[order]))


# Smaller budgets


@given(st.lists(st.integers(0, 3), min_size=1, max_size=7), st.integers(1, 7))
def test_smaller_budgets_by_enumeration(labels, n):
    assume(n <= len(labels))
    subsets = list(combinations(labels, n))

    assert scr_at_budget(labels, n) == pytest.approx(np.mean([len(set(subset)) == 1 for subset in subsets]))
    entropies = [discrete_semantic_entropy(subset) for subset in subsets]
    assert entropy_at_budget(labels, n) == pytest.approx(np.mean(entropies), abs=1e-12)


def test_smaller_budgets_by_hand():
    # sizes 3 and 2 of 5, two drawn: (3 + 1) of 10 pairs agree; the others have entropy ln 2
    labels = [0, 1, 0, 1, 0]

    assert scr_at_budget(labels, 2) == 0.4
    assert entropy_at_budget(labels, 2) == pytest.approx(0.6 * math.log(2))
    assert scr_at_budget(labels, 5) == 0
    assert entropy_at_budget(labels, 5) == pytest.approx(discrete_semantic_entropy(labels))
    assert (scr_at_budget(labels, 1), entropy_at_budget(labels, 1)) == (1, 0)
    assert (scr_at_budget([7] * 6, 4), entropy_at_budget([7] * 6, 4)) == (1, 0)


def test_smaller_budgets_average_over_questions_that_have_enough():
    questions = [np.array([0, 1, 0, 1, 0]), [0, 0], [0, 0, 0, 1], []]

    assert scr_at_budget(questions, 3) == pytest.approx((1 / 10 + 1 / 4) / 2)
    assert scr_at_budget(np.array([[0, 0, 0], [0, 1, 2]]), 3) == 0.5
    assert entropy_at_budget(questions, 4) == pytest.approx(
        (entropy_at_budget(questions[0], 4) + entropy_at_budget(questions[2], 4)) / 2
    )


@pytest.mark.parametrize("statistic", [scr_at_budget, entropy_at_budget])
def test_budgets_that_no_question_has(statistic):
    assert np.isnan([statistic([0, 1], 3), statistic([[0, 1], [0]], 3), statistic([], 1)]).all()
    with pytest.raises(InvalidInput, match="is 0; it must be at least 1"):
        statistic([0, 1], 0)


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
