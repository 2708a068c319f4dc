"""What fewer samples would have shown."""

import math
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from homog_core.errors import InvalidInput
from homog_core.measures.uncertainty import discrete_semantic_entropy
from homog_core.statistics.budget import budget_terms, entropy_at_budget, scr_at_budget


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


@pytest.mark.parametrize(("total", "n"), [(1, 1), (10, 10), (200, 2), (200, 77), (1200, 600)])
def test_terms_of_many_responses_are_the_exact_ones(total, n):
    """With 1,200 responses the coefficients are beyond the largest float; their ratios are not."""
    found = budget_terms(total, n)
    assert found.shape == (2, total + 1)
    for size in {0, 1, total // 3, total - 1, total}:
        chances = {
            m: Fraction(math.comb(size, m) * math.comb(total - size, n - m), math.comb(total, n))
            for m in range(1, min(size, n) + 1)
        }
        assert found[0, size] == pytest.approx(float(chances.get(n, 0)), rel=1e-14)
        entropy = math.fsum(float(chance) * m / n * math.log(n / m) for m, chance in chances.items())
        assert found[1, size] == pytest.approx(entropy, rel=1e-12, abs=1e-15)
