"""How many answers there really are: against the ecology literature, scikit-bio, enumeration and simulation."""

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from homog_core.errors import InvalidInput
from homog_core.measures.uncertainty import discrete_semantic_entropy
from homog_core.statistics.budget import scr_at_budget
from homog_core.statistics.richness import (
    accumulation_curve,
    chao1,
    chao_shen_entropy,
    effective_number,
    estimated_community,
    estimated_hill_number,
    expected_clusters,
    good_turing_coverage,
    hill_number,
    unseen_mass,
    vendi_score,
)

# Spiders of the girdled plots, Sackett et al. 2011, the worked example of Chao et al. 2014 and of iNEXT.
SPIDERS = [46, 22, 17, 15, 15, 9, 8, 6, 6, 4, 2, 2, 2, 2] + [1] * 12
PER_QUESTION = (good_turing_coverage, chao1, chao_shen_entropy, unseen_mass, lambda c: hill_number(c, 1))
OF_THE_UNSEEN = (good_turing_coverage, chao1, chao_shen_entropy, lambda c: estimated_hill_number(c, 2))

partitions = st.lists(st.integers(1, 6), min_size=1, max_size=7).filter(lambda c: sum(c) > 1)


# The literature and other implementations


def test_spiders_as_in_the_literature():
    # iNEXT 2.0.20 and Chao et al. 2014: n = 168, S = 26, f1 = 12, f2 = 4; coverage .9289; Shannon diversity 12.060;
    # Simpson diversity 7.840, estimated 8.175. Chao1 by hand: 26 + 167/168 · 12 · 11/(2 · 5) = 39.121429.
    assert good_turing_coverage(SPIDERS) == pytest.approx(0.9289, abs=5e-5)
    assert [hill_number(SPIDERS, q) for q in (0, 1, 2)] == pytest.approx([26, 12.060, 7.840], abs=5e-4)
    assert estimated_hill_number(SPIDERS, 2) == pytest.approx(8.175, abs=5e-4)
    assert chao1(SPIDERS) == estimated_hill_number(SPIDERS, 0) == pytest.approx(39.121429, abs=1e-6)
    assert unseen_mass(SPIDERS) == 12 / 168


@pytest.mark.parametrize(
    ("size", "expected"), [(1, 1), (10, 6.478617), (50, 15.030098), (100, 20.459426), (167, 25.928571), (168, 26)]
)
def test_rarefaction_of_the_spiders(size, expected):
    assert expected_clusters(SPIDERS, size) == pytest.approx(expected, abs=1e-6)  # by iNEXT 3.0.2


@pytest.mark.parametrize(
    ("counts", "chao1_of_skbio", "goods_coverage", "hill_1", "hill_2"),
    [
        # scikit-bio 0.7.4: chao1(c), goods_coverage(c), hill(c, order=1), hill(c, order=2). Its chao1 lacks (n − 1)/n.
        ([4, 3, 1, 1, 1], 8.0, 0.7, 4.130851920890754, 3.571428571428571),
        ([5, 2, 2, 1], 4.0, 0.9, 3.389245277339832, 2.9411764705882346),
        ([2, 1, 1], 3.5, 0.5, 2.8284271247461907, 2.6666666666666665),
        ([1] * 10, 55.0, 0.0, 10.000000000000005, 9.999999999999996),
        ([10], 1.0, 1.0, 1.0, 1.0),
    ],
)
def test_against_scikit_bio(counts, chao1_of_skbio, goods_coverage, hill_1, hill_2):
    n, observed = sum(counts), len(counts)

    assert (chao1(counts) - observed) * n / (n - 1) == pytest.approx(chao1_of_skbio - observed)
    assert 1 - unseen_mass(counts) == pytest.approx(goods_coverage)
    assert [hill_number(counts, 1), hill_number(counts, 2)] == pytest.approx([hill_1, hill_2])


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        # infomeasure 0.6.3: entropy(x, approach="chao_shen", base="e")
        ([5, 2, 2, 1], 1.4308706949529766),
        ([4, 3, 1, 1, 1], 1.8145260842283426),
        ([3, 3, 2, 2], 1.4645974355731912),
        ([6, 1, 1, 1, 1], 1.8355448240122374),
        ([2, 1, 1], 1.7632402412585326),  # 1.76 in the example of arXiv:2509.14478's repository
    ],
)
def test_chao_shen_against_another_package(counts, expected):
    assert chao_shen_entropy(counts) == pytest.approx(expected, abs=1e-12)


def test_chao_shen_by_hand():
    # [3, 1]: C = 3/4, C p = 9/16 and 3/16.
    # .5625 · .575364/(1 − .4375⁴) = .335950, and .1875 · 1.673976/(1 − .8125⁴) = .556317
    assert chao_shen_entropy([3, 1]) == pytest.approx(0.335950 + 0.556317, abs=2e-6)
    # two different answers: C = 1/2, C p = 1/4 twice. 2 · .25 · ln 4/(1 − .75²) = 1.584336
    assert chao_shen_entropy([1, 1]) == pytest.approx(1.584336, abs=1e-6)


def test_coverage_by_hand():
    # f1 = 3, f2 = 1, n = 9: 1 − 3/9 · 24/(24 + 2) = .692308. f1 = 3, f2 = 0, n = 10: 1 − 3/10 · 18/(18 + 2) = .73
    assert good_turing_coverage([4, 2, 1, 1, 1]) == pytest.approx(0.692308, abs=1e-6)
    assert good_turing_coverage([4, 3, 1, 1, 1]) == pytest.approx(0.73)
    # ten different: 1 − 81/(81 + 2) = 2/83. One singleton and no doubleton: 1, while f1/n is .1
    assert good_turing_coverage([1] * 10) == pytest.approx(2 / 83)
    assert (good_turing_coverage([9, 1]), unseen_mass([9, 1])) == (1, 0.1)


def test_vendi_score():
    alike, different = np.ones((4, 4)), np.eye(4)
    similarity = np.array([[1, 0.9, 0.1], [0.9, 1, 0.2], [0.1, 0.2, 1]])

    assert (vendi_score(alike), vendi_score(different)) == pytest.approx((1, 4))
    assert vendi_score(similarity) == pytest.approx(2.124978952560008)  # vendi-score 0.0.3, score_K
    assert vendi_score(np.kron(np.diag([1, 1]), np.ones((3, 3)))) == pytest.approx(2)  # two kinds, three of each
    assert math.isnan(vendi_score(np.zeros((0, 0))))


def test_vendi_score_of_a_similarity_that_is_not_positive_semi_definite():
    # A~B, B~C, A≁C has the eigenvalues 1 + √2, 1, 1 − √2. Without the last one the shares are .707107 and .292893:
    # exp(.707107 · .346574 + .292893 · 1.227947) = exp(.604721) = 1.830743
    similarity = np.array([[1, 1, 0], [1, 1, 1], [0, 1, 1]])

    assert vendi_score(similarity) == pytest.approx(1.830743, abs=2e-6)


# Invariants


@given(partitions, st.randoms(use_true_random=False))
def test_order_and_zeros_do_not_matter(counts, random):
    shuffled = random.sample([*counts, 0, 0], len(counts) + 2)

    for statistic in PER_QUESTION:
        assert statistic(shuffled) == pytest.approx(statistic(counts))
    assert effective_number(shuffled, n_resamples=50) == effective_number(counts, n_resamples=50)


@given(st.integers(2, 300))
def test_identical_answers(n):
    assert (good_turing_coverage([n]), chao1([n]), chao_shen_entropy([n]), unseen_mass([n])) == (1, 1, 0, 0)
    for order in (0, 1, 2):
        assert hill_number([n], order) == pytest.approx(1)
        assert estimated_hill_number([n], order) == pytest.approx(1)
    assert effective_number([n], n_resamples=20).low == 1


@given(partitions)
def test_estimates_within_their_bounds(counts):
    assert 0 <= good_turing_coverage(counts) <= 1
    assert chao1(counts) >= len(counts)
    assert chao_shen_entropy(counts) >= 0
    assert estimated_hill_number(counts, 2) >= hill_number(counts, 2) - 1e-9
    hill = [hill_number(counts, order) for order in (0, 0.5, 1, 1.5, 2, 3)]
    assert np.all(np.diff(hill) <= 1e-9)
    assert hill[0] == len(counts)
    assert hill[-1] >= 1 - 1e-9


@given(partitions)
def test_shared_with_other_modules(counts):
    labels = np.repeat(np.arange(len(counts)), counts)
    same = scr_at_budget(labels, 2)

    assert hill_number(counts, 1) == pytest.approx(math.exp(discrete_semantic_entropy(labels)))
    assert estimated_hill_number(counts, 2) == pytest.approx(1 / same if same else math.inf)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4).filter(lambda c: sum(c) < 9), st.integers(1, 8))
def test_rarefaction_by_enumeration(counts, size):
    labels = np.repeat(np.arange(len(counts)), counts)
    size = min(size, len(labels))
    expected = np.mean([len(set(drawn)) for drawn in combinations(labels, size)])

    assert expected_clusters(counts, size) == pytest.approx(expected)


@given(partitions)
def test_the_accumulation_curve_rises_from_one_by_way_of_s_towards_chao1(counts):
    curve = accumulation_curve(counts, n_resamples=50)
    n = sum(counts)

    assert len(curve.size) == 2 * n
    assert (curve.value[0], curve.value[n - 1]) == pytest.approx((1, len(counts)))
    assert np.all(np.diff(curve.value) >= -1e-9)
    assert curve.value[-1] <= chao1(counts) + 1e-9
    assert np.all((curve.low <= curve.value + 1e-9) & (curve.value <= curve.high + 1e-9))
    assert np.all((curve.low >= 1 - 1e-9) & (curve.high <= curve.size))
    assert curve.value[n] == pytest.approx(expected_clusters(counts, n + 1))


def test_extrapolation_by_hand():
    # [4, 3, 1, 1, 1]: f̂0 = 9/10 · 3 · 2/2 = 2.7; f1/(n f̂0 + f1) = 3/30 = .1. After five more: 5 + 2.7(1 − .9⁵)
    assert expected_clusters([4, 3, 1, 1, 1], 15) == pytest.approx(5 + 2.7 * (1 - 0.9**5))
    assert expected_clusters([5, 2, 2, 1], 20) == 4  # one singleton: Chao1 sees nothing more


@given(partitions)
def test_the_estimated_community_is_a_distribution(counts):
    community = estimated_community(counts)

    assert np.all(community > 0)
    assert community.sum() == pytest.approx(1)
    assert community[len(counts) :].sum() == pytest.approx(1 - good_turing_coverage(counts))


def test_the_estimated_community_by_hand():
    # [2, 1, 1], n = 4: coverage 1 − 2/4 · 6/(6 + 2) = .625; f̂0 = 3/4 · 4/2 = 1.5, so two unseen of .1875 each.
    # p(1 − p)⁴: .03125, .0791016, .0791016 of .1894531; w = .375/.1894531: .5 − .0618557, .25 − .1565722 twice.
    assert estimated_community([2, 1, 1]) == pytest.approx([0.438144, 0.093428, 0.093428, 0.1875, 0.1875], abs=1e-6)


@given(partitions)
def test_the_interval_holds_the_estimate(counts):
    found = effective_number(counts, n_resamples=100)

    assert found.value == pytest.approx(math.exp(chao_shen_entropy(counts)))
    assert 1 <= found.low <= found.value <= found.high
    assert (found.n, math.isinf(found.high)) == (sum(counts), max(counts) == 1)


def test_ten_identical_answers_do_not_prove_that_there_is_one():
    found = effective_number([10])

    # two answers of .74 and .26 have .74¹⁰ = 5 % of ten times the first one, and an effective number of 1.774
    assert (found.value, found.low) == (1, 1)
    assert found.high > 1.774


def test_the_same_seed_gives_the_same_interval():
    assert effective_number([4, 3, 1, 1, 1], seed=1) == effective_number([1, 4, 1, 3, 1], seed=1)
    assert effective_number([4, 3, 1, 1, 1], seed=1) != effective_number([1, 4, 1, 3, 1], seed=2)


@pytest.mark.parametrize("community", [[1 / 3] * 3, [0.9, 0.1], [0.7] + [0.015] * 20, [0.1] * 10], ids=str)
def test_the_interval_of_ten_answers_holds_the_truth(community):
    rng = np.random.default_rng(0)
    truth = math.exp(-sum(p * math.log(p) for p in community))

    found = [effective_number(counts) for counts in rng.multinomial(10, community, size=300)]

    held = np.mean([e.low <= truth <= e.high for e in found])
    assert held >= 0.9
    assert np.mean([e.low > truth for e in found]) <= 0.1


def test_large_samples_find_the_truth():
    counts = np.random.default_rng(0).multinomial(20_000, [1 / 40] * 40)

    assert chao_shen_entropy(counts) == pytest.approx(math.log(40), abs=2e-3)
    assert [estimated_hill_number(counts, q) for q in (0, 1, 2)] == pytest.approx([40, 40, 40], rel=2e-3)
    assert good_turing_coverage(counts) == 1


def test_the_entropy_of_ten_answers_is_less_biased_than_the_plug_in():
    rng = np.random.default_rng(0)
    community = 0.8 ** np.arange(40) / np.sum(0.8 ** np.arange(40))
    truth = -np.sum(community * np.log(community))
    samples = rng.multinomial(10, community, size=2000)

    plugin = np.mean([math.log(hill_number(counts, 1)) for counts in samples]) - truth
    estimated = np.mean([chao_shen_entropy(counts) for counts in samples]) - truth
    assert plugin < -0.5
    assert abs(estimated) < abs(plugin) / 2


# Edges


@pytest.mark.parametrize("counts", [[], [0, 0], [1], [1, 0]])
def test_fewer_than_two_answers_say_nothing_of_the_unseen(counts):
    assert all(math.isnan(statistic(counts)) for statistic in OF_THE_UNSEEN)
    found = effective_number(counts)
    assert all(map(math.isnan, (found.value, found.low, found.high)))
    assert np.all(np.isnan(accumulation_curve(counts).low))
    with pytest.raises(InvalidInput, match="two answers or more"):
        estimated_community(counts)


def test_a_single_answer_and_none():
    assert (hill_number([1], 1), unseen_mass([1]), expected_clusters([1], 1)) == (1, 1, 1)
    assert math.isnan(expected_clusters([1], 2))
    assert all(map(math.isnan, (hill_number([], 2), unseen_mass([]), expected_clusters([], 3))))
    assert len(accumulation_curve([]).size) == 0


@pytest.mark.parametrize("counts", [[3, -1], [2.5], [math.nan], [math.inf], ["a"], [[1, 2]], 3])
def test_what_is_no_count_is_refused(counts):
    for statistic in (*PER_QUESTION, effective_number, accumulation_curve):
        with pytest.raises(InvalidInput):
            statistic(counts)


def test_whole_floats_are_counts():
    assert chao1(np.array([4.0, 3.0, 1.0, 1.0, 1.0])) == chao1([4, 3, 1, 1, 1]) == pytest.approx(7.7)


def test_what_cannot_be_asked():
    for order in (-1, math.inf, math.nan):
        with pytest.raises(InvalidInput, match="order of a Hill number"):
            hill_number([2, 1], order)
    with pytest.raises(InvalidInput, match="orders 0, 1 and 2, not 3"):
        estimated_hill_number([2, 1], 3)
    for size in (0, 7):
        with pytest.raises(InvalidInput, match="3 answers say something about 1 to 6"):
            expected_clusters([2, 1], size)


@pytest.mark.parametrize(
    ("similarity", "message"),
    [
        ([[1, 0.5], [0.5, 0.9]], "similarity 0.9 to itself"),
        ([[1, math.nan], [math.nan, 1]], "symmetric"),
        ([[1, 0.5], [0.2, 1]], "symmetric"),
        ([[1, 0.5]], "square"),
    ],
)
def test_what_is_no_similarity_is_refused(similarity, message):
    with pytest.raises(InvalidInput, match=message):
        vendi_score(np.array(similarity))
