"""The signs that two answers are the same, and the regression on them."""

import os
from dataclasses import asdict, replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from homog_core import files
from homog_core.errors import InvalidInput
from homog_core.measures.combined import SIGNS, Weights, fit, probabilities, signs, weights_of, write_weights
from homog_core.measures.conflicts import statements

EVEN = Weights("nobody", intercept=0.0, cosine=0.0, shared_words=0.0, same_number=0.0, same_decision=0.0)


def drawn(n=200, seed=0):
    """Signs (n, 4) of drawn pairs, and what readers said of them; each sign tells something."""
    rng = np.random.default_rng(seed)
    found = np.column_stack([rng.normal(0.4, 0.2, n), rng.random(n), rng.random(n) < 0.3, rng.random(n) < 0.2])
    return found, found @ [4, 2, 3, 2] + rng.normal(0, 1, n) > 3.5


# Signs


def test_signs_by_hand():
    answers = ["Yes, 3 red foxes", "Yes, 3 grey foxes", "a whale"]
    cosine = np.array([[1, 0.8, 0.1], [0.8, 1, 0.2], [0.1, 0.2, 1]])

    found = signs(cosine, statements(answers, "Is it so?"))

    assert found.shape == (3, 3, len(SIGNS))
    assert found[:, :, 0].tolist() == cosine.tolist()
    # "yes", "3", "red", "foxes" and "yes", "3", "grey", "foxes": 2·3/(4+4); one number and one decision
    assert found[0, 1].tolist() == [0.8, 0.75, 1, 1]
    assert found[0, 2].tolist() == [0.1, 0, 0, 0]
    assert found[0, 0].tolist() == [1, 1, 1, 1]
    assert found[2, 2].tolist() == [1, 1, 0, 0]  # neither number nor decision
    assert (found == found.transpose(1, 0, 2)).all()


@pytest.mark.parametrize(("question", "shared"), [("What?", 0.5), ("Which red one?", 0.0)])  # 2·1/(2+2), and none
def test_shared_words_are_those_beyond_the_question(question, shared):
    assert signs(np.eye(2), statements(["red fox", "red seal"], question))[0, 1, 1] == shared


def test_signs_of_answers_without_words():
    assert signs(np.zeros((2, 2)), statements(["", "..."], "What?"))[0, 1].tolist() == [0, 0, 0, 0]
    assert signs(np.zeros((0, 0)), []).shape == (0, 0, 4)


# Weights


def test_probabilities_by_hand():
    weights = Weights("nobody", intercept=-2.0, cosine=4.0, shared_words=1.0, same_number=0.5, same_decision=-0.5)
    found = np.array([[0.5, 0, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0]])
    # log odds −2 + 4·.5 = 0; −2 + 4 + 1 + .5 − .5 = 3; −2
    assert probabilities(found, weights) == pytest.approx([0.5, 1 / (1 + np.exp(-3)), 1 / (1 + np.exp(2))])
    assert probabilities(found.reshape(3, 1, 4), weights).shape == (3, 1)
    assert probabilities(found, EVEN).tolist() == [0.5, 0.5, 0.5]


def test_a_separable_set_is_told_apart():
    found = np.array([[0.9, 0.5, 0, 0], [0.8, 0.6, 0, 0], [0.2, 0.1, 0, 0], [0.1, 0.0, 0, 0]])
    same = np.array([True, True, False, False])

    weights = fit("nobody", found, same)

    assert (probabilities(found, weights) > 0.5).tolist() == same.tolist()
    assert weights.cosine > 0 and weights.shared_words > 0
    assert weights.same_number == weights.same_decision == 0  # they do not vary
    assert weights.encoder == "nobody"
    opposite = fit("nobody", found, ~same)
    assert opposite.cosine == pytest.approx(-weights.cosine, rel=1e-4)


def test_weights_on_their_own_scale_are_scikit_learns():
    found, same = drawn()
    theirs = make_pipeline(StandardScaler(), LogisticRegression(C=1.0)).fit(found, same)

    weights = fit("nobody", found, same)

    assert probabilities(found, weights) == pytest.approx(theirs.predict_proba(found)[:, 1], abs=1e-9)
    others, _ = drawn(seed=1)
    assert probabilities(others, weights) == pytest.approx(theirs.predict_proba(others)[:, 1], abs=1e-9)


def test_pairs_count_by_their_weight():
    found = np.array([[0.9, 0.5, 0, 0], [0.1, 0.1, 0, 0]] * 2)
    same = np.array([True, False, False, True])  # the second two say the opposite of the first two
    first = fit("nobody", found, same, np.array([1.0, 1, 0.1, 0.1]))
    second = fit("nobody", found, same, np.array([0.1, 0.1, 1, 1]))
    assert first.cosine > 0 > second.cosine
    assert fit("nobody", found, same, np.ones(4)).cosine == pytest.approx(0, abs=1e-6)
    drawn_pairs, said = drawn()
    assert fit("nobody", drawn_pairs, said, np.ones(len(said))) == fit("nobody", drawn_pairs, said)


def test_every_sign_has_its_own_weight():
    found, same = drawn()
    weights = fit("nobody", found, same)
    for column, name in enumerate(SIGNS):
        at_one = np.zeros(4)
        at_one[column] = 1
        log_odds = np.log(1 / (1 / probabilities(at_one, weights) - 1))
        assert log_odds == pytest.approx(weights.intercept + getattr(weights, name))


def test_the_order_of_the_pairs_plays_no_part():
    found, same = drawn()
    order = np.random.default_rng(5).permutation(len(same))
    forwards, shuffled = fit("nobody", found, same), fit("nobody", found[order], same[order])
    for name, value in asdict(forwards).items():
        assert getattr(shuffled, name) == (value if name == "encoder" else pytest.approx(value, abs=1e-3))


@pytest.mark.parametrize("said", [True, False])
def test_pairs_of_one_kind_are_refused(said):
    with pytest.raises(InvalidInput, match="pairs that readers called the same and pairs that they called different"):
        fit("nobody", np.random.default_rng(0).random((4, 4)), np.full(4, said))


# Weights that are kept


@pytest.mark.parametrize("encoder", ["minilm", "wordllama"])
def test_the_included_encoders_have_weights(encoder):
    weights = weights_of(encoder)
    assert weights.encoder == encoder
    assert weights.intercept < 0 < weights.cosine  # unlike until something speaks for it
    assert min(weights.same_number, weights.same_decision) > 0


def test_an_encoder_that_nobody_has_fitted_has_none():
    assert weights_of("nobody") is None
    assert weights_of("") is None


def test_the_users_weights_go_before_the_shipped_ones(own_cache, monkeypatch):
    shipped, own = weights_of("minilm"), replace(EVEN, encoder="minilm", cosine=1.5)
    write_weights(own)
    assert weights_of("minilm") == own != shipped
    assert weights_of("wordllama").encoder == "wordllama"  # of others those that ship
    monkeypatch.setenv("HOMOG_CACHE", str(own_cache / "another"))
    assert weights_of("minilm") == shipped


def test_weights_are_kept_beside_those_of_other_encoders(own_cache):
    first, second = replace(EVEN, encoder="one", intercept=0.1), replace(EVEN, encoder="two", cosine=1 / 3)
    write_weights(first)
    write_weights(second)
    assert (weights_of("one"), weights_of("two")) == (first, second)  # to the last digit
    assert [path.name for path in own_cache.iterdir()] == ["combined.json"]


def test_weights_that_change_are_read_again(own_cache):
    write_weights(replace(EVEN, encoder="one", intercept=0.1))
    assert weights_of("one").intercept == 0.1
    write_weights(replace(EVEN, encoder="one", intercept=0.2))
    path = files.cache() / "combined.json"
    os.utime(path, ns=(path.stat().st_mtime_ns + 10**9,) * 2)  # however coarse the clock of the disk
    assert weights_of("one").intercept == 0.2
