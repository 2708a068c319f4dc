"""Own answers → examples and pairs, by hand; what counts as right or wrong is that of the real grades."""

from dataclasses import replace

import pytest
from fakes import make_response

from homog_core.catalogue.recipes import RECIPES
from homog_core.measures.short_answers import decision
from homog_core.records import Question
from homog_core.training.pairs import (
    EXAMPLES_A_QUESTION,
    LENGTH_GAP,
    PAIRS_A_QUESTION,
    Example,
    balanced,
    preference_pairs,
    sft_examples,
)

LIMA = Question("lima", "t", "What is the capital of Peru?", ("Lima",))
ROUND = Question("round", "t", "Is the Earth round?", ("Yes",))
FLAT = Question("flat", "t", "Is the Earth flat?", ("No",))


def answers(question, *texts):
    """Samples with these texts, and the last one as the greedy answer."""
    return {question.id: tuple(make_response(text) for text in texts)}


def test_sft_learns_a_few_different_right_answers():
    own = answers(LIMA, "Lima", "Cusco", "Lima", "It is Lima.", "Lima, Peru.", "The capital is Lima.")
    found = [example.answer for example in sft_examples([LIMA], own, seed=0)]
    assert len(found) == len(set(found)) == EXAMPLES_A_QUESTION
    assert "Cusco" not in found
    other_seeds = {tuple(e.answer for e in sft_examples([LIMA], own, seed)) for seed in range(9)}
    assert len(other_seeds) > 1


def test_yes_and_no_are_learnt_equally_often_every_question_in_turn():
    flat = [Example(FLAT, f"No, {n}") for n in range(3)]
    others = [Example(replace(ROUND, id=f"r{n}"), "Yes.") for n in range(5)]
    rest = [Example(LIMA, "Lima")]
    found = balanced([*others, *flat, *rest])
    assert [decision(e.answer) for e in found].count(True) == [decision(e.answer) for e in found].count(False) == 3
    assert [e for e in found if decision(e.answer) is None] == rest
    # two questions with two no each, one yes: each question gives its first before any gives its second
    two = [Example(FLAT, "No, a"), Example(FLAT, "No, b"), Example(replace(FLAT, id="g"), "No, c")]
    assert [e.answer for e in balanced([*two, *others[:2]]) if decision(e.answer) is False] == ["No, a", "No, c"]


def test_a_right_answer_stands_over_a_wrong_one_of_nearly_its_length():
    own = answers(LIMA, "Lima", "Cusco", "It is the old royal city of Cusco", "Quito", "greedy")
    (pair,) = preference_pairs([LIMA], own, RECIPES["dpo"])
    assert pair.preferred == "Lima"
    assert pair.rejected in ("Cusco", "Quito")  # the other one is as long; the long one differs by more
    assert len(["It", "is", "the", "old", "royal", "city", "of", "Cusco"]) - 1 > LENGTH_GAP


def test_an_answer_that_only_repeats_the_question_is_rejected_first():
    own = answers(LIMA, "Lima", "Cusco", "Peru capital", "Quito", "greedy")
    (pair,) = preference_pairs([LIMA], own, RECIPES["dpo"])
    assert pair.rejected == "Peru capital"


def test_a_wrong_answer_is_used_once_and_a_question_gives_few_pairs():
    own = answers(LIMA, *["Lima"] * 6, "Cusco", "Quito", "La Paz", "Bogota", "Cusco", "greedy")
    found = preference_pairs([LIMA], own, RECIPES["dpo"])
    assert len(found) == PAIRS_A_QUESTION
    assert len({pair.rejected for pair in found}) == PAIRS_A_QUESTION


@pytest.mark.parametrize("texts", [("Lima", "Lima", "Cusco"), ("Cusco", "Quito", "Lima")])
def test_no_pair_where_one_side_is_missing(texts):
    own = answers(LIMA, *texts)  # the last is the greedy answer, which is in no pair
    assert preference_pairs([LIMA], own, RECIPES["dpo"]) == []


def test_the_typicality_stage_prefers_the_commonest_right_answer():
    own = answers(LIMA, "It is Lima.", "Lima", "Lima", "Lima, Peru.", "Cusco", "Quito", "greedy")
    assert {pair.preferred for pair in preference_pairs([LIMA], own, RECIPES["typical"])} == {"Lima"}
    several = {pair.preferred for seed in range(9) for pair in pairs_of(own, seed)}
    assert len(several) > 1


def pairs_of(own, seed):
    return preference_pairs([LIMA], own, replace(RECIPES["dpo"], seed=seed))
