"""What models share, worked by hand and on models whose distributions are known."""

import numpy as np
import pytest

from homog_core.statistics.between_models import between_models, same_answer, similar_order

NAN = float("nan")


def test_same_answer_by_hand():
    labels = np.array([7, 7, 3, 3, 3, 3, 9])  # a: 7 7 3, b: 3 3 3, c: 9
    found = same_answer(labels, np.array([0, 0, 0, 1, 1, 1, 2]), 3)
    # a with itself 2·1/(3·2), a with b 1/3 · 1; c has one answer
    assert found == pytest.approx(np.array([[1 / 3, 1 / 3, NAN], [1 / 3, 1, NAN], [NAN, NAN, NAN]]), nan_ok=True)


def test_the_overlap_is_a_ratio_of_means_over_the_questions_that_both_have():
    tables = np.array([[[0.5, 0.1], [0.1, 1.0]], [[0.0, 0.2], [0.2, 0.5]], [[0.9, NAN], [NAN, NAN]]])
    tables[2, 0, 0] = 0.9  # the second model has no answers there
    found = between_models(tables, ["f", "g"])
    assert found.n.tolist() == [[3, 2], [2, 2]]
    assert found.same.value == pytest.approx(np.array([[1.4 / 3, 0.15], [0.15, 0.75]]))
    assert found.overlap.value[0, 1] == pytest.approx(0.3 / np.sqrt(0.5 * 1.5))
    assert found.overlap.value[0, 0] == 1
    assert (found.within.value, found.between.value) == pytest.approx(((1.4 / 3 + 0.75) / 2, 0.15))
    assert np.isnan(found.within_families.value)  # no two models of one family


def drawn(distributions, n_answers, rng):
    """`same_answer` of questions whose models have known distributions, (Q, R, K)."""
    tables = []
    for own in distributions:
        labels = np.concatenate([rng.choice(len(p), n_answers, p=p) for p in own])
        tables.append(same_answer(labels, np.repeat(np.arange(len(own)), n_answers), len(own)))
    return np.array(tables)


def test_equal_models_overlap_wholly_however_concentrated_and_models_that_never_meet_not_at_all():
    rng = np.random.default_rng(3)
    p = rng.dirichlet(np.full(12, 0.3), 400)  # (Q, K), concentrated
    flat = np.full_like(p, 1 / 12)
    elsewhere = np.concatenate([np.zeros_like(p), p], axis=1)
    here = np.concatenate([p, np.zeros_like(p)], axis=1)
    spread = np.concatenate([flat, np.zeros_like(p)], axis=1)
    found = between_models(drawn(np.stack([here, here, spread, spread, elsewhere], axis=1), 10, rng), list("aabbc"))
    assert found.overlap.value[0, 1] == pytest.approx(1, abs=0.03)
    assert found.overlap.value[2, 3] == pytest.approx(1, abs=0.1)
    assert found.overlap.value[0, 4] == 0
    # between unlike ones what the distributions themselves give
    truth = (p * flat).sum() / np.sqrt((p**2).sum() * (flat**2).sum())
    assert found.overlap.low[0, 2] < truth < found.overlap.high[0, 2]
    assert found.families_differ.low > 0
    assert found.families_differ.value == pytest.approx(found.within_families.value - found.between_families.value)


def test_the_interval_is_over_questions():
    rng = np.random.default_rng(5)
    p = rng.dirichlet(np.full(12, 0.3), 2000)
    tables = drawn(np.stack([p, np.roll(p, 1, axis=0)], axis=1), 10, rng)
    truth = (p * np.roll(p, 1, axis=0)).sum() / (p**2).sum()
    hits = []
    for part in np.split(tables, 40):
        found = between_models(part, ["a", "a"])
        hits.append(found.overlap.low[0, 1] <= truth <= found.overlap.high[0, 1])
    assert 33 <= sum(hits) <= 40  # of 40 intervals at 95 %


def test_a_model_that_never_repeats_itself_has_no_ceiling():
    found = between_models(np.array([[[0.0, 0.1], [0.1, 0.5]]] * 3), ["a", "b"])
    assert found.same.value[0, 1] == pytest.approx(0.1)
    assert np.isnan(found.overlap.value[0, 1])
    assert np.isnan(found.overlap.low[0, 1])


def test_of_one_question_there_is_no_interval():
    found = between_models(np.full((1, 2, 2), 0.5), ["a", "b"])
    assert (found.same.value == 0.5).all()
    assert np.isnan(found.same.low).all()
    assert np.isnan(found.between.low)


def test_similar_models_stand_side_by_side():
    overlap = np.array([[1, 0.1, 0.9, 0.2], [0.1, 1, 0.2, 0.8], [0.9, 0.2, 1, 0.1], [0.2, 0.8, 0.1, 1]])
    order = similar_order(overlap)
    assert abs(order.index(0) - order.index(2)) == 1
    assert abs(order.index(1) - order.index(3)) == 1
    assert similar_order(np.full((3, 3), NAN))  # nothing is known: any order
