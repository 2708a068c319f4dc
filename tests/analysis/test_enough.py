"""How many more questions a ranking of scores needs."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homog_core.analysis.enough import FEWEST_TO_RANK, shortfall


def test_by_hand():
    # 24 of 240 questions have an incorrect answer, one in ten. So 30 take 300 questions, 60 more.
    assert shortfall(216, 24, 240) == ("incorrect", 24, 240, 60)
    # 29 of 100: 30 · 100/29 = 103.4 questions, rounded up, 4 more. The other class has enough.
    assert shortfall(29, 60, 100) == ("correct", 29, 100, 4)


def test_the_class_that_takes_more_questions_is_named():
    assert shortfall(10, 20, 100).lacking == "correct"
    assert shortfall(20, 10, 100).lacking == "incorrect"
    assert shortfall(0, 40, 40) == ("correct", 0, 40, inf)
    assert shortfall(0, 0, 0).more == inf


@given(st.integers(1, 200), st.integers(1, 200), st.integers(0, 50))
def test_with_that_many_more_questions_of_the_same_kind_there_are_enough(n_correct, n_incorrect, n_others):
    n = n_correct + n_incorrect + n_others
    found = shortfall(n_correct, n_incorrect, n)
    if found is None:
        assert min(n_correct, n_incorrect) >= FEWEST_TO_RANK
    else:
        assert min(n_correct, n_incorrect) * (n + found.more) / n >= FEWEST_TO_RANK * (1 - 1e-9)
        assert found.found == min(n_correct, n_incorrect) < FEWEST_TO_RANK


@pytest.mark.parametrize("n", [30, 31, 500])
def test_thirty_of_each_are_enough(n):
    assert shortfall(n, 30, 2 * n) is None
