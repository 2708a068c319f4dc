"""How far a choice is from fair, by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from homog_core.errors import InvalidInput
from homog_core.measures.fairness import fairness


def test_by_hand():
    found = fairness(np.array([0.4, 0.2, 0.2, 0.0]))  # on the list ½, ¼, ¼, 0
    assert found.on_list == pytest.approx(0.8)
    assert found.total_variation == pytest.approx(0.25)  # ½ (¼ + 0 + 0 + ¼)
    assert found.effective_number == pytest.approx(math.exp(0.5 * math.log(2) + 0.5 * math.log(4)))
    assert (found.likeliest, found.likeliest_mass) == (0, pytest.approx(0.5))


def test_nothing_on_the_list():
    found = fairness(np.zeros(6))
    assert (found.on_list, found.likeliest) == (0, -1)
    assert math.isnan(found.total_variation) and math.isnan(found.effective_number)


@given(st.lists(st.floats(1e-6, 1), min_size=1, max_size=30))
def test_bounds(weights):
    p = np.array(weights) / sum(weights)
    found = fairness(p)
    assert 0 <= found.total_variation <= 1 - 1 / len(p) + 1e-9
    assert 1 - 1e-9 <= found.effective_number <= len(p) + 1e-6
    assert fairness(np.full(len(p), 1 / len(p))).effective_number == pytest.approx(len(p))


@pytest.mark.parametrize("wrong", [[-0.1, 0.2], [0.9, 0.9]])
def test_what_is_no_distribution_is_refused(wrong):
    with pytest.raises(InvalidInput, match="Probabilities must be"):
        fairness(np.array(wrong))
