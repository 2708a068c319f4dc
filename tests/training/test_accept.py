"""Which own answers are learnt from: cases by hand."""

from dataclasses import replace

import pytest
from fakes import make_question, make_response

from homog_core.records import Question
from homog_core.training.accept import is_acceptable, is_clean, is_wrong

CAPITAL = Question("c", "t", "What is the capital of Peru?", ("Lima",))
LEGS = Question("l", "t", "How many legs does a spider have?", ("8",), answer_type="number")
BIGGER = Question("b", "t", "Is a rabbit bigger than a lion?", ("No",))
SHORTER = Question("s", "t", "Is a gecko shorter than a crocodile?", ("Yes",))
LARGER = Question("m", "t", "Is the Earth bigger than Mars?", ("Yes",))
BORN = Question("h", "t", "Was Joseph Haydn born after Beethoven?", ("No",))
ROUND = Question("r", "t", "Is the Earth round?", ("Yes",))


@pytest.mark.parametrize(
    ("question", "answer", "accepted"),
    [
        (CAPITAL, "Lima", True),
        (CAPITAL, "The capital of Peru is Lima.", True),
        (CAPITAL, "It is called Lima.", True),
        (CAPITAL, "Lima, the city of kings.", False),  # a word that nobody asked for
        (CAPITAL, "Cusco", False),
        (CAPITAL, "The capital of Peru is what we call Lima and so it is, yes.", False),  # long
        (LEGS, "A spider has eight legs.", True),
        (LEGS, "8", True),
        (LEGS, "A spider has 8 legs, 4 on each side.", False),
        (LEGS, "A spider has six legs.", False),
        (BIGGER, "No", True),
        (BIGGER, "No, a rabbit is not bigger than a lion.", True),
        (BIGGER, "No, a rabbit is smaller than a lion.", True),
        (BIGGER, "No, a rabbit is bigger than a lion.", False),
        (BIGGER, "Yes, it is bigger.", False),
        (BIGGER, "A rabbit is not bigger than a lion.", False),  # right, but without a no
        (SHORTER, "Yes, a gecko is shorter than a crocodile.", True),
        (SHORTER, "Yes, a gecko is longer than a crocodile.", False),
        (SHORTER, "Yes, a crocodile is shorter than a gecko.", False),  # the other way round
        (SHORTER, "Yes. A gecko equals a crocodile.", False),  # compares nothing
        (SHORTER, "Yes, a gecko is shorter than a gecko.", False),
        (SHORTER, "Yes, it is.", True),
        (BIGGER, "No, a rabbit cannot be smaller than a lion.", False),  # denied twice
        (BIGGER, "No, a rabbit is larger than a lion.", False),  # another word for the same
        (BIGGER, "No, a lion is bigger than a rabbit.", False),  # true, and easily mistaken
        (LARGER, "Yes, the Earth is larger than Mars.", True),
        (BORN, "No; Haydn was born before Beethoven.", True),
        (BORN, "No, Haydn was born after Beethoven.", False),
        (ROUND, "Yes, the Earth is round.", True),
        (ROUND, "Yes, the Earth is not round.", False),
    ],
)
def test_right_and_nothing_else(question, answer, accepted):
    assert is_acceptable(question, make_response(answer)) is accepted


@pytest.mark.parametrize(("answer", "clean"), [("Lima", True), ("", False), ("What is Lima?", False)])
def test_clean(answer, clean):
    assert is_clean(make_response(answer)) is clean


def test_a_cut_answer_is_neither_right_nor_wrong():
    for answer in ("Lima", "Cusco"):
        cut = replace(make_response(answer), finish_reason="length")
        assert not is_acceptable(CAPITAL, cut)
        assert not is_wrong(CAPITAL, cut)
    assert is_wrong(CAPITAL, make_response("Cusco"))
    assert not is_wrong(make_question("open"), make_response("Cusco"))  # nothing to grade by
