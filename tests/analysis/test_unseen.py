"""What N answers do not show of a run's model."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from homog_core.analysis.unseen import growth, how_many, unseen
from homog_core.statistics.budget import budget_terms
from homog_core.statistics.richness import chao_shen_entropy, expected_clusters

SIZES = np.array([[4, 0, 0, 0], [2, 1, 1, 0], [1, 1, 1, 1], [3, 1, 0, 0], [2, 1, 0, 0], [0, 0, 0, 0]])


def run(sizes=SIZES):
    """A run of which nothing but the sizes of its clusters is known."""
    everywhere = SimpleNamespace(sizes=lambda clusterer: sizes, n_samples=sizes.shape[1])
    everywhere.in_category = lambda category: np.ones(len(sizes), dtype=bool)
    return everywhere


def test_the_chance_of_a_new_answer_by_hand():
    # answers that came once, over answers: 0/4, 2/4, 4/4, 1/4, 1/3; the last question has none
    found = unseen(run(), None)
    assert found.new.value == pytest.approx((0 + 2 / 4 + 1 + 1 / 4 + 1 / 3) / 5)
    assert found.new.n == 5
    assert found.n_all_different == 1
    assert found.n_samples == 4


def test_effective_numbers_are_geometric_means():
    found = unseen(run(), None)
    entropies = [chao_shen_entropy(sizes) for sizes in SIZES[:5]]
    assert found.estimated.value == pytest.approx(math.exp(np.mean(entropies)))
    assert found.estimated.low < found.estimated.value < found.estimated.high
    plug_in = [-sum(p * math.log(p) for p in sizes[sizes > 0] / sizes.sum()) for sizes in SIZES[:5]]
    assert found.drawn.value == pytest.approx(math.exp(np.mean(plug_in)))
    assert found.drawn.value < found.estimated.value


def test_the_growth_up_to_n_is_that_of_fewer_samples_and_goes_on_beyond():
    curve = growth(run(), None)
    assert list(curve["n_samples"]) == list(range(1, 9))
    assert set(curve["n"]) == {4}  # the questions with four valid answers
    assert curve["value"].iloc[0] == pytest.approx(1)
    assert curve["value"].iloc[3] == pytest.approx((1 + 3 + 4 + 2) / 4)
    assert curve["value"].iloc[7] == pytest.approx(np.mean([expected_clusters(own, 8) for own in SIZES[:4]]))
    # two answers are in one cluster with the chance that `budget` has: 1 + (1 − chance) different ones
    same = np.mean([budget_terms(4, 2)[0, own].sum() for own in SIZES[:4]])
    assert curve["value"].iloc[1] == pytest.approx(2 - same)


def test_without_answers_nothing_is_known():
    empty = run(np.zeros((2, 4), dtype=int))
    assert growth(empty, None).empty
    assert math.isnan(unseen(empty, None).new.value)


def test_how_many_answers_a_question_has_by_hand():
    # sizes 2, 1, 1 of 4: Hill 3, exp(0.5 ln 2 + 0.5 ln 4) = 2.83, 1/(1/4 + 1/8) = 8/3; Chao1 3 + 3/4 · 2 · 1/(2 · 2);
    # order 2 estimated 4 · 3/2; two of four came once
    found = {row["statistic"]: row for row in how_many(np.array([2, 1, 1]), np.eye(4))}
    drawn = {name: row["drawn"] for name, row in found.items()}
    assert drawn["different answers"] == 3
    assert drawn["effective number"] == pytest.approx(2**1.5)
    assert drawn["effective number, order 2"] == pytest.approx(8 / 3)
    assert drawn["Vendi score"] == pytest.approx(4)  # none is like another
    estimated = {name: row["estimated"] for name, row in found.items()}
    assert estimated["different answers"] == pytest.approx(3.375)
    assert estimated["effective number, order 2"] == pytest.approx(6)
    assert estimated["chance that the next is new"] == 0.5


def test_an_answer_that_rounding_made_less_than_itself_is_no_error():
    (vendi,) = [row for row in how_many(np.array([2]), np.full((2, 2), 0.9998)) if row["statistic"] == "Vendi score"]
    assert vendi["drawn"] == pytest.approx(1, abs=2e-3)
