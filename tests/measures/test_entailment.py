"""The rules by which an NLI model joins two answers."""

import numpy as np
import pytest

from homog_core.errors import InvalidInput
from homog_core.measures.clustering import (
    ENTAILMENT_RULES,
    Clusterer,
    entailment_joins,
    entailment_similarity,
    first_appearance,
)

E, N, C = (0.8, 0.1, 0.1), (0.1, 0.8, 0.1), (0.1, 0.1, 0.8)
RULE_NAMES = ("bidirectional", "non_contradiction", "either")


def two_answers(there, back):
    """Probabilities of two answers; what the diagonal says is not read."""
    return np.array([[C, there], [back, N]])


def reorder(matrix, order):
    return matrix[np.ix_(order, order)]


def random_probabilities(seed, n=7):
    return np.random.default_rng(seed).dirichlet(np.ones(3), size=(n, n))


@pytest.mark.parametrize(
    ("there", "back", "joined"),  # by each of the three rules
    [
        (E, E, (True, True, True)),
        (E, N, (False, True, True)),
        (E, C, (False, False, True)),
        (N, N, (False, False, False)),
        (N, C, (False, False, False)),
        (C, C, (False, False, False)),
        ((0.4, 0.4, 0.2), E, (True, True, True)),  # of tied classes the first: entailment
        ((0.4, 0.2, 0.4), E, (True, True, True)),
        ((0.2, 0.4, 0.4), E, (False, True, True)),  # neutral
        ((1 / 3, 1 / 3, 1 / 3), N, (False, True, True)),
        ((0.45, 0.1, 0.45), C, (False, False, True)),
    ],
)
def test_what_each_entailment_rule_joins(there, back, joined):
    for one, other in ((there, back), (back, there)):
        found = {rule: entailment_joins(two_answers(one, other), rule) for rule in RULE_NAMES}
        assert tuple(bool(found[rule][0, 1]) for rule in RULE_NAMES) == joined
        for matrix in found.values():
            assert matrix.dtype == bool
            assert matrix.diagonal().all()
            assert (matrix == matrix.T).all()


def test_entailment_is_bidirectional_unless_said_otherwise():
    assert set(RULE_NAMES) == set(ENTAILMENT_RULES)
    assert entailment_joins(two_answers(E, N)).tolist() == np.eye(2, dtype=bool).tolist()


@pytest.mark.parametrize("rule", RULE_NAMES)
@pytest.mark.parametrize("seed", range(4))
def test_permuting_answers_permutes_what_is_joined(rule, seed):
    probabilities = random_probabilities(seed)
    order = np.random.default_rng(seed + 100).permutation(len(probabilities))
    joined = entailment_joins(probabilities, rule)
    assert (entailment_joins(reorder(probabilities, order), rule) == reorder(joined, order)).all()
    labels = Clusterer("nli", 0.0, "m", entailment=rule).labels(np.eye(7), probabilities)
    again = Clusterer("nli", 0.0, "m", entailment=rule).labels(np.eye(7), reorder(probabilities, order))
    assert again.tolist() == first_appearance(labels[order]).tolist()


@pytest.mark.parametrize("seed", range(4))
def test_the_rules_are_one_inside_the_other(seed):
    strict, lax, either = (entailment_joins(random_probabilities(seed), rule) for rule in RULE_NAMES)
    assert (strict <= lax).all() and (lax <= either).all()


@pytest.mark.parametrize("rule", RULE_NAMES)
@pytest.mark.parametrize("n", [0, 1])
def test_no_and_one_answer_entail_themselves(rule, n):
    probabilities = np.full((n, n, 3), C)
    assert entailment_joins(probabilities, rule).tolist() == np.eye(n, dtype=bool).tolist()
    assert entailment_similarity(probabilities).tolist() == np.eye(n).tolist()


@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 3, 3), (2, 2, 2)])
def test_probabilities_of_another_shape_are_refused(shape):
    with pytest.raises(InvalidInput, match=r"must have shape \(N, N, 3\); these have \(" + str(shape[0])):
        entailment_joins(np.zeros(shape))


def test_an_unknown_entailment_rule_is_refused():
    for refuse in (
        lambda: entailment_joins(two_answers(E, E), "sometimes"),
        lambda: Clusterer("nli", 0.0, "m", entailment="sometimes"),
    ):
        with pytest.raises(InvalidInput, match="'sometimes'; use one of bidirectional, non_contradiction, either"):
            refuse()


def test_entailment_similarity():
    probabilities = np.zeros((3, 3, 3))
    probabilities[..., 0] = [[0.2, 0.9, 0.0], [0.3, 0.7, 0.5], [0.1, 0.5, 0.0]]
    # (.9 + .3)/2, (0 + .1)/2 and (.5 + .5)/2; the diagonal is 1 whatever was said
    expected = [[1, 0.6, 0.05], [0.6, 1, 0.5], [0.05, 0.5, 1]]
    assert entailment_similarity(probabilities) == pytest.approx(np.array(expected))
    assert probabilities[0, 0, 0] == 0.2  # what was handed over is left alone
    stored = Clusterer("nli", 0.0, "m").similarity("What?", ["a", "b", "c"], {"nli": probabilities})
    assert stored.dtype == np.float32
    assert stored == pytest.approx(np.array(expected))
