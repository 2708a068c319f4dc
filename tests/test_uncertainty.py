import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from homog_core.uncertainty import (
    discrete_semantic_entropy,
    high_entropy_ratio,
    length_normalized_predictive_entropy,
    max_token_entropy,
    mean_logprob,
    mean_token_entropy,
    mean_token_entropy_sampled,
    num_semantic_sets,
    perplexity,
    predictive_entropy,
    semantic_entropy,
    std_token_entropy,
)

LABELS, MEAN_LOGPROBS = [0, 0, 1], [-0.5, -1.0, -2.0]  # the vector of docs/methods.md

label_lists = st.lists(st.integers(0, 5), min_size=1, max_size=12)
labelled_logprobs = st.lists(st.tuples(st.integers(0, 5), st.floats(-200, 0)), min_size=1, max_size=12)
entropy_arrays = st.lists(st.floats(0, 12), min_size=1, max_size=20).map(np.array)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (LABELS, 0.636514),  # −(2/3 ln 2/3 + 1/3 ln 1/3)
        ([0, 1, 2, 1], 1.039721),  # −(1/2 ln 1/2 + 2 · 1/4 ln 1/4) = 3/2 ln 2
        ([0, 1, 2], math.log(3)),
    ],
)
def test_discrete_semantic_entropy(labels, expected):
    assert discrete_semantic_entropy(labels) == pytest.approx(expected, abs=1e-6)


def test_semantic_entropy():
    # masses e^−.5 + e^−1 = .97441 and e^−2 = .135335; p = .878047 and .121953
    assert semantic_entropy(LABELS, MEAN_LOGPROBS) == pytest.approx(0.370796, abs=1e-6)


def test_semantic_entropy_is_discrete_when_all_answers_are_equally_likely():
    assert semantic_entropy(LABELS, [-3.0] * 3) == pytest.approx(discrete_semantic_entropy(LABELS))


def test_semantic_entropy_does_not_underflow():
    # exp(−2000) is 0 in floating point, the shares are those of [−.5, −1, −2]
    assert semantic_entropy(LABELS, np.array(MEAN_LOGPROBS) - 2000) == pytest.approx(0.370796, abs=1e-6)


@given(label_lists)
def test_discrete_semantic_entropy_lies_between_0_and_ln_n(labels):
    assert 0 <= discrete_semantic_entropy(labels) <= math.log(len(labels)) + 1e-12


@given(labelled_logprobs)
def test_semantic_entropy_lies_between_0_and_ln_k(rows):
    labels, logprobs = zip(*rows, strict=True)

    assert -1e-12 <= semantic_entropy(labels, logprobs) <= math.log(len(set(labels))) + 1e-12


@given(labelled_logprobs, st.randoms(use_true_random=False))
def test_the_order_of_responses_does_not_matter(rows, random):
    shuffled = random.sample(rows, len(rows))
    (labels, logprobs), (labels_2, logprobs_2) = zip(*rows, strict=True), zip(*shuffled, strict=True)

    assert discrete_semantic_entropy(labels_2) == pytest.approx(discrete_semantic_entropy(labels))
    assert semantic_entropy(labels_2, logprobs_2) == pytest.approx(semantic_entropy(labels, logprobs), abs=1e-9)


@pytest.mark.parametrize("n", [1, 3, 10])
def test_one_cluster_is_exactly_0(n):
    labels = [4] * n

    assert discrete_semantic_entropy(labels) == 0.0
    assert semantic_entropy(labels, np.linspace(-3, -0.1, n)) == 0.0
    assert num_semantic_sets(labels) == 1.0


def test_a_response_without_log_probabilities_leaves_semantic_entropy_undefined():
    assert math.isnan(semantic_entropy(LABELS, [-0.5, math.nan, -2.0]))


def test_number_of_semantic_sets():
    assert num_semantic_sets([0, 1, 2, 1]) == 3.0


def test_length_normalized_predictive_entropy_of_the_vector():
    one_token_each = [np.array([value]) for value in MEAN_LOGPROBS]

    # (.5 + 1 + 2) / 3
    assert length_normalized_predictive_entropy(one_token_each) == pytest.approx(1.166667, abs=1e-6)


def test_predictive_entropies():
    rows = [np.array([-1.0, -2.0]), np.array([-4.0])]

    assert predictive_entropy(rows) == pytest.approx(3.5)  # (3 + 4) / 2
    assert length_normalized_predictive_entropy(rows) == pytest.approx(2.75)  # (1.5 + 4) / 2


def test_token_entropy_family():
    entropies = np.array([1.0, 0.0, 0.0, 3.0])

    assert mean_token_entropy(entropies) == pytest.approx(1.0)
    assert max_token_entropy(entropies) == 3.0
    # population: (0 + 1 + 1 + 4) / 4 = 1.5, not / 3
    assert std_token_entropy(entropies) == pytest.approx(math.sqrt(1.5))
    assert high_entropy_ratio(entropies) == 0.25  # one of four above 2 · 1


@pytest.mark.parametrize(
    ("entropies", "ratio"),
    [
        ([2.0], 0.0),
        ([0.0, 0.0], 0.0),  # nothing is above twice nothing
        ([0.0, 2.0], 0.0),  # exactly twice the mean is not above it
        ([0.0, 0.0, 1.0], 1 / 3),
    ],
)
def test_high_entropy_ratio(entropies, ratio):
    assert high_entropy_ratio(np.array(entropies)) == pytest.approx(ratio)


@given(entropy_arrays)
def test_fewer_than_half_of_the_tokens_lie_above_twice_the_mean(entropies):
    assert 0 <= high_entropy_ratio(entropies) < 0.5


def test_one_token_has_no_spread():
    assert std_token_entropy(np.array([2.0])) == 0.0


def test_sampled_token_entropy_weighs_answers_not_tokens():
    rows = [np.array([1.0, 3.0]), np.array([5.0])]

    assert mean_token_entropy_sampled(rows) == pytest.approx(3.5)  # (2 + 5) / 2, not 9 / 3


def test_perplexity():
    logprobs = np.log([0.5, 0.125])

    # mean −(ln 2 + 3 ln 2) / 2 = −2 ln 2
    assert mean_logprob(logprobs) == pytest.approx(-2 * math.log(2))
    assert perplexity(logprobs) == pytest.approx(4.0)
    assert perplexity(np.zeros(3)) == 1.0  # every token was certain


@pytest.mark.parametrize(
    "value",
    [
        discrete_semantic_entropy([]),
        semantic_entropy([], []),
        num_semantic_sets([]),
        predictive_entropy([]),
        predictive_entropy([np.array([-1.0]), np.zeros(0)]),
        length_normalized_predictive_entropy([]),
        length_normalized_predictive_entropy([np.array([-1.0]), np.zeros(0)]),
        mean_logprob(np.zeros(0)),
        mean_token_entropy(np.zeros(0)),
        mean_token_entropy_sampled([]),
        max_token_entropy(np.zeros(0)),
        std_token_entropy(np.zeros(0)),
        high_entropy_ratio(np.zeros(0)),
        perplexity(np.zeros(0)),
    ],
)
def test_nothing_is_undefined_and_never_0(value):
    assert math.isnan(value)
