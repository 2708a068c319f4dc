"""Probabilities of being correct, and how far they can be believed."""

import math

import numpy as np
import pytest
from graded_scores import simulated
from sklearn.calibration import calibration_curve

from homog_core.errors import InvalidInput
from homog_core.statistics.calibration import brier_score, expected_calibration_error, platt_probabilities, reliability

NAN = math.nan


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
