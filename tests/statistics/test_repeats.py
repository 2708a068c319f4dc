"""Repeats against their own probabilities: a model that says the same, or a sampler that does."""

import numpy as np
import pytest

from homog_core.statistics.repeats import LEVEL, copies, log_evidence_of_copies, repeats

N = 10


def run_of(random, n_questions, p, n_copies=0):
    """Answers drawn from `p`; `n_copies` of each question, at random places, are what the first one is."""
    questions, answers = np.repeat(np.arange(n_questions), N), random.choice(len(p), (n_questions, N), p=p)
    for row in answers:
        row[random.choice(np.arange(1, N), n_copies, replace=False)] = row[0]
    chances = p[answers.ravel()]
    return repeats(questions.tolist(), answers.ravel().tolist(), chances, chances)


def test_repeats_by_hand():
    # a, b, a: the second can repeat a with 0.5, the third a or b with 0.5 + 0.3. The second question starts anew.
    found = repeats([0, 0, 0, 1, 1], "abacc", [0.5, 0.3, 0.5, 0.1, 0.1], [0.5, 0.3, 0.5, 0.2, 0.2])
    assert found.question.tolist() == [0, 0, 1]
    assert found.repeated.tolist() == [False, True, True]
    assert found.low.tolist() == pytest.approx([0.5, 0.8, 0.1])
    assert found.high.tolist() == pytest.approx([0.5, 0.8, 0.2])


def test_an_answer_that_came_twice_has_its_narrowest_bounds():
    found = repeats([0] * 3, "aab", [0.1, 0.2, 0], [0.9, 0.3, 1])
    assert (found.low[1], found.high[1]) == (0.2, 0.3)


@pytest.mark.parametrize("p", [[0.9, 0.1], [0.25] * 4, [0.001] * 1000], ids=["collapsed", "few", "many"])
def test_answers_that_are_drawn_anew_raise_no_alarm(p):
    random = np.random.default_rng(0)
    found = [run_of(random, 30, np.array(p)) for _ in range(100)]
    limits = [copies(one) for one in found]
    assert sum(one.low > 0 for one in limits) + sum(one.high < 0 for one in limits) <= 2
    evidence = [log_evidence_of_copies(one, 30).max() for one in found]
    assert sum(one >= np.log(60 / LEVEL) for one in evidence) <= 2
    # what makes it hold: on average the evidence is at most 1
    assert np.mean([np.exp(log_evidence_of_copies(one, 30)) for one in found]) < 1.3


@pytest.mark.parametrize("p", [[0.05] * 20, [0.001] * 1000], ids=["some", "many"])
def test_two_copies_of_ten_are_found_and_their_share_is_inside(p):
    found = copies(run_of(np.random.default_rng(1), 100, np.array(p), n_copies=2))
    assert 0 < found.low <= 2 / 9 <= found.high


def test_a_collapsed_model_is_no_broken_sampler():
    # every answer is the same, and each had a probability of 0.9999
    found = copies(run_of(np.random.default_rng(2), 50, np.array([0.9999, 0.0001])))
    assert found.low <= 0


def test_avoided_repeats_are_found():
    random = np.random.default_rng(3)
    answers = np.array([random.permutation(20)[:N] for _ in range(50)]).ravel()
    chances = np.full(len(answers), 0.05)
    found = copies(repeats(np.repeat(np.arange(50), N).tolist(), answers.tolist(), chances, chances))
    assert found.high < 0


def test_one_question_stands_out_alone():
    random, p = np.random.default_rng(4), np.full(1000, 0.001)
    honest = random.choice(1000, (40, N))
    honest[7] = honest[7, 0]
    chances = p[honest.ravel()]
    found = repeats(np.repeat(np.arange(40), N).tolist(), honest.ravel().tolist(), chances, chances)
    evidence = log_evidence_of_copies(found, 40)
    assert np.flatnonzero(evidence >= np.log(80 / LEVEL)).tolist() == [7]


def test_bounds_raise_an_alarm_only_for_what_the_highest_probability_cannot_explain():
    same = ["a"] * N
    unknown = copies(repeats([0] * N, same, [0.0] * N, [1.0] * N))
    assert unknown.low <= 0 and unknown.high == 1
    likely, unlikely = (copies(repeats([0] * N, same, [0.0] * N, [high] * N)) for high in (0.95, 0.1))
    assert likely.low <= 0 < unlikely.low


def test_no_answers_say_nothing():
    nothing = repeats([], [], [], [])
    assert copies(nothing) == (-1, 1)
    assert log_evidence_of_copies(nothing, 2) == pytest.approx([0, 0])
