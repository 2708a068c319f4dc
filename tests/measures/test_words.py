"""The words and numbers of an answer."""

import pytest

from homog_core.measures.words import last_number, mask_answer, numbers_disagree


@pytest.mark.parametrize(
    ("answer", "question", "masked"),
    [
        ("A koala is a marsupial.", "What kind of animal is a koala?", "marsupial"),
        ("The capital of France is Paris.", "What is the capital of France?", "paris"),
        ("It is NOT a bear", "Is a koala a bear?", "not"),
        ("No, never", "Is there no bear, ever?", "no never"),
        ("Koalas don't bite", "Do koalas bite?", "don't"),
        ("Koalas don’t bite", "Do koalas bite?", "don’t"),
        ("It has 4 wheels", "Does it have 4 wheels?", "4"),
        ("It has two wheels", "Does it have two wheels?", "two"),
        ("It was in 1969", "Was it in 1969?", "1969"),
        ("A koala is what it is.", "Is it a koala?", "A koala is what it is."),  # nothing left: whole, as it was
        ("", "Why?", ""),
        ("Paris", "", "paris"),
    ],
)
def test_mask_answer(answer, question, masked):
    assert mask_answer(answer, question) == masked


@pytest.mark.parametrize("number", ["seven", "eight", "thirteen", "twenty", "thousand", "million"])
def test_numbers_stay_when_the_question_names_them(number):
    assert mask_answer(f"About {number} legs", f"Is it {number} legs?") == number


@pytest.mark.parametrize("word", ["full", "empty", "thick", "thin", "fire", "bill", "system"])
def test_words_with_a_meaning_of_their_own_are_no_function_words(word):
    assert mask_answer(f"It was {word}, Holmes", "What was it?") == f"{word} holmes"


@pytest.mark.parametrize(
    ("one", "other", "disagree"),
    [
        ("19 - 11 = 10", "19 - 11 = 8", True),
        ("1,200 dollars", "1200 dollars", False),
        ("In 1969, with Apollo 11.", "Apollo 11 landed in 1969.", False),  # the same numbers in another order
        ("2 legs and 10 toes", "10 toes", False),
        ("7", "none", False),
        ("", "", False),
    ],
)
def test_numbers_disagree(one, other, disagree):
    assert numbers_disagree([one, other]).tolist() == [[False, disagree], [disagree, False]]


@pytest.mark.parametrize(
    ("text", "number"), [("48+24 = 72 clips", 72), ("$1,234.50.", 1234.5), (".5", 0.5), ("none", None), ("-3", -3)]
)
def test_last_number(text, number):
    assert last_number(text) == number
