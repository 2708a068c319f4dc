"""Answers against references: every policy, its edges, and what is normalised away."""

import numpy as np
import pytest
from fakes import make_response

from homog_core.errors import InvalidInput
from homog_core.measures.grading import grade, matches, normalise, supported, token_f1
from homog_core.records import Question


def question(*references, incorrect=(), answer_type="text"):
    return Question("q", "test", "What?", references, incorrect, answer_type=answer_type)


def cosines(table):
    """A similarity that looks the cosine of each reference up."""
    return lambda answer, references: np.array([table[reference] for reference in references])


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ("It was Agatha Christie.", "correct"),  # the reference as a phrase
        ("AGATHA CHRISTIE!", "correct"),
        ("Christie", "correct"),  # F1 = 2·1/(1+2) = .67
        ("It was Christie of course", "incorrect"),  # F1 = 2·1/(5+2) = .29
        ("Agathas Christies", "incorrect"),  # no whole phrase
        ("", "incorrect"),
        ("I don't know.", "abstained"),
        ("I'm not sure.", "abstained"),
        ("I’m sorry, I cannot help.", "abstained"),
        ("<think>Agatha Christie", "incorrect"),  # reasoning that never closes leaves nothing
    ],
)
def test_text_by_phrase_or_f1(answer, verdict):
    found = grade(question("Agatha Christie"), answer)
    assert found.verdict == verdict
    assert found.policy == ("refusal" if verdict == "abstained" else "phrase_or_f1")


def test_a_response_is_graded_by_its_answer():
    assert grade(question("Oslo"), make_response("<think>Rome</think> Oslo")).verdict == "correct"


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ("She pays 1,250 dollars", "correct"),
        ("3 + 1247 = 1250.00", "correct"),
        ("1250 dollars for 2 days", "incorrect"),  # the last number counts
        ("many", "incorrect"),
        ("-1250", "incorrect"),
        ("2500-1250", "correct"),  # no sign
        ("1250.001", "incorrect"),
        ("", "incorrect"),
    ],
)
def test_numbers(answer, verdict):
    found = grade(question("1250", answer_type="number"), answer)
    assert (found.verdict, found.policy) == (verdict, "number")


@pytest.mark.parametrize(
    ("right", "wrong", "verdict"),
    [(0.9, 0.8, "correct"), (0.8, 0.9, "incorrect"), (0.82, 0.8, "ambiguous"), (0.8, 0.82, "ambiguous")],
)
def test_incorrect_references_are_told_apart_by_a_margin(right, wrong, verdict):
    table = {"yes": right, "yes indeed": 0.1, "no": wrong}
    found = grade(question("yes", "yes indeed", incorrect=("no",)), "perhaps", cosines(table))
    assert (found.verdict, found.policy) == (verdict, "cosine_margin")


def test_an_empty_answer_is_incorrect_without_asking_the_encoder():
    assert grade(question("yes", incorrect=("no",)), " ", similarity=cosines({})).verdict == "incorrect"


def test_incorrect_references_need_an_encoder():
    with pytest.raises(InvalidInput, match=r"has incorrect references.*encoder"):
        grade(question("yes", incorrect=("no",)), "yes")


def test_without_references_there_is_no_grade():
    assert grade(question(), "anything") == grade(question(), "I don't know")
    assert grade(question(), "anything").verdict == "ungraded"


def test_normalise():
    assert normalise("  The “Cat”, a hat;  AN owl… ") == "cat hat owl"


def test_f1_counts_with_multiplicity():
    # common: a once, b once → 2·2/(3+3)
    assert token_f1("a a b", "a b c") == pytest.approx(2 / 3)
    assert token_f1("", "a") == 0


def test_any_reference_will_do():
    assert matches("the answer is Oslo", ["Bergen", "Oslo"])
    assert not matches("the answer is Rome", ["Bergen", "Oslo"])
    assert not matches("the answer is Rome", [""])


# Words beside the cosine


TUNGSTEN = Question(
    "q",
    "test",
    "What is the symbol of tungsten?",
    ("W", "The symbol of tungsten is W."),
    ("The symbol of tungsten is Tu.",),
)
HEART = Question("q", "test", "How many chambers has a heart?", ("Four", "It has four."), ("Two", "It has two."))
SEAR = Question("q", "test", "Does searing seal a steak?", ("No, it never does that.",), ("Yes, it does that.",))


@pytest.mark.parametrize(
    ("asked", "answer", "right", "wrong", "verdict"),
    [
        (TUNGSTEN, "The symbol of tungsten is tungsten.", 0.95, 0.85, "incorrect"),  # repeats the question: no support
        (TUNGSTEN, "It is W.", 0.1, 0.9, "correct"),  # the reference itself, whatever the cosine
        (TUNGSTEN, "It is W, not Tu.", 0.9, 0.7, "correct"),  # only "W" occurs as a phrase
        (HEART, "It is 4.", 0.9, 0.8, "correct"),  # a number word and its digit are one word
        (HEART, "It is 4.", 0.82, 0.8, "ambiguous"),  # supported, and then the margin decides
        (HEART, "It is 5.", 0.9, 0.8, "incorrect"),
        (SEAR, "It does not.", 0.9, 0.8, "correct"),  # all negations are one word
        (SEAR, "It does.", 0.9, 0.8, "incorrect"),
    ],
)
def test_words_correct_the_cosine(asked, answer, right, wrong, verdict):
    table = dict.fromkeys(asked.references, right) | dict.fromkeys(asked.incorrect_references, wrong)
    assert grade(asked, answer, supported(asked, cosines(table))).verdict == verdict


def test_an_incorrect_reference_needs_no_support():
    table = {"No, it never does that.": 0.1, "Yes, it does that.": 0.6}
    found = supported(SEAR, cosines(table))("Searing seals it.", ["No, it never does that.", "Yes, it does that."])
    assert found.tolist() == [-1.0, 0.6]
