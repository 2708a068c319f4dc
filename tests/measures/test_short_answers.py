"""Where an answer answers, its yes or no, and several answers at once."""

import pytest

from homog_core.measures.short_answers import (
    alternatives,
    decision,
    denies,
    first_sentence,
    implied_decision,
    is_polar,
    opening,
    repeats_question,
    short_answer,
    singular,
)


@pytest.mark.parametrize(
    ("answer", "short"),
    [
        ("Paris", "Paris"),
        ("It is Paris.", "Paris"),
        ("It's Paris!", "Paris"),
        ("So, it's called the Louvre.", "the Louvre"),
        ("They are probably about 300 km.", "300 km"),
        ("Well, it was named Rex!", "Rex"),
        ("“Paris”", "Paris"),
        # after a marker
        ("The answer is Paris. It is nice.", "Paris"),
        ("Answer: Paris", "Paris"),
        ("The answer is:\nParis", "Paris"),
        ("The answer to this question is 5", "5"),
        ("I counted. The solution is x = 3", "x = 3"),
        ("The answer would be red, of course.", "red, of course"),
        ("She answered the call", "She answered the call"),  # no marker
        ("The answer is", "The answer is"),  # nothing after it
        # otherwise the first sentence of the first line that has words
        ("Paris. It has two million people.", "Paris"),
        ("\n\nParis\nLondon", "Paris"),
        ("...\nParis", "Paris"),
        ("Dr. Smith. He was tall.", "Dr. Smith"),
        # without Markdown and asides
        ("**Paris**", "Paris"),
        ("It is *very* `old`.", "very old"),
        ("Paris (France)", "Paris"),
        ("Paris [1], France", "Paris, France"),
        ("(see below)", "see below"),  # nothing but an aside
        # openings alone
        ("It is", "It is"),
        ("...", "..."),
        ("", ""),
        # no rule for it
        ("باريس", "باريس"),
        ("法国的首都是巴黎", "法国的首都是巴黎"),
    ],
)
def test_short_answer(answer, short):
    assert short_answer(answer) == short


@pytest.mark.parametrize(
    ("text", "first", "two"),
    [
        ("A fox. A seal. A whale.", "A fox.", "A fox."),  # four words are an answer by themselves
        (
            "It was seen there by night. A seal. A whale.",
            "It was seen there by night.",
            "It was seen there by night. A seal.",
        ),
        ("To that the answer is a fox. A seal.", "To that the answer is a fox.", "To that the answer is a fox."),
        ("– – –\nA fox. A seal.", "A fox.", "A fox."),
        ("A fox", "A fox", "A fox"),
        ("是狐狸。是海豹。是鲸。", "是狐狸。", "是狐狸。"),
        (" ?! ", "?!", "?!"),
        ("", "", ""),
    ],
)
def test_the_first_sentences(text, first, two):
    assert (first_sentence(text), opening(text)) == (first, two)


@pytest.mark.parametrize(
    ("question", "polar"),
    [
        ("Is it 5?", True),
        ("Can pigs fly?", True),
        ("Don't cats swim?", True),
        ("In France, is it legal to drive?", True),
        ("If I drop it, does it fall?", True),
        ("Tell me: is it raining?", True),
        ("There was a fire. Did anybody see it?", True),
        ("What is it?", False),
        ("Which is heavier, gold or lead?", False),
        ("Is it raining? How do you know?", False),  # the last one counts
        ("Describe what is there.", False),
        ("", False),
    ],
)
def test_a_question_for_yes_or_no(question, polar):
    assert is_polar(question) is polar


@pytest.mark.parametrize(
    ("answer", "decided"),
    [
        ("Yes.", True),
        ("yes, it is", True),
        ("Yeah", True),
        ("True.", True),
        ("Correct.", True),
        ("Certainly, at noon.", True),
        ("No.", False),
        ("No, never", False),
        ("Nope!", False),
        ("that is false", False),
        ("Not really", False),
        ("Of course not", False),
        ("Never.", False),
        # at the end
        ("The answer is yes.", True),
        ("It rolled, and it fell. So the answer is no.", False),
        ("Everybody says so. Therefore, true", True),
        ("Yes, some say. So the answer is no.", False),
        # no decision
        ("No one knows", None),
        ("No longer", None),
        ("No more than three", None),
        ("It depends.", None),
        ("Paris", None),
        ("Nobel", None),
        ("Yesterday", None),
        ("", None),
        # other languages
        ("Oui.", True),
        ("Ja, das stimmt", True),
        ("Nein", False),
        ("Sí", True),
        ("да", True),
        ("нет", False),
        ("是的", True),
        ("不是的", False),
        ("はい", True),
        ("いいえ", False),
        ("نعم، هو كذلك", True),
        ("لا", False),
    ],
)
def test_decision(answer, decided):
    assert decision(answer) is decided


@pytest.mark.parametrize(
    ("answer", "denied"),
    [
        ("No.", True),
        ("Never.", True),
        ("Nobody saw it.", True),
        ("It isn't red.", True),
        ("It can't be told", True),
        ("There is nothing that isn't red.", False),  # two negations
        ("It is red, not blue.", False),  # a contrast
        ("It is red (not blue).", False),
        ("It is red. It isn't blue.", False),  # the first sentence counts
        ("Yes, it never rains.", False),  # the decision goes first
        ("It is red.", False),
        ("", False),
    ],
)
def test_denies(answer, denied):
    assert denies(answer) is denied


@pytest.mark.parametrize(
    ("answer", "decided"),
    [
        ("Searing seals a steak.", True),
        ("Searing seals steaks, always.", True),
        ("Searing can't seal a steak.", False),
        ("Nothing seals a steak by searing, searing a steak is idle.", False),
        ("No.", False),  # said outright
        ("Yes, but searing never seals a steak", True),
        ("Steak is beef.", None),  # a third of the question's words
        ("It depends.", None),
        ("", None),
    ],
)
def test_a_question_that_is_said_again_is_a_decision(answer, decided):
    assert implied_decision(answer, "Does searing seal a steak?") is decided


def test_a_question_of_function_words_cannot_be_said_again():
    assert implied_decision("It is what it is.", "Is it?") is None


@pytest.mark.parametrize(
    ("answer", "offered"),
    [
        ("Paris", ["Paris"]),
        ("A. banana B. avocado", ["banana", "avocado"]),
        ("A. banana\nB. avocado\nC. apple", ["banana", "avocado", "apple"]),
        ("(A) banana (B) avocado", ["banana", "avocado"]),
        ("A: banana B: avocado", ["banana", "avocado"]),
        ("A. banana", ["A. banana"]),  # one
        ("1) red 2) blue", ["red", "blue"]),
        ("red or white", ["red", "white"]),
        ("It is red and white.", ["red", "white"]),
        ("red and white or blue", ["red", "white", "blue"]),
        ("black-and-white", ["black", "white"]),
        ("salt & pepper", ["salt", "pepper"]),
        ("AC/DC", ["AC", "DC"]),
        ("1/2", ["1/2"]),  # a fraction
        ("Oregon", ["Oregon"]),
        ("Andorra", ["Andorra"]),
        ("red, white", ["red, white"]),
        # a sentence of seven words or more is no list
        ("He went to the shop and came back", ["He went to the shop and came back"]),
        ("", [""]),
    ],
)
def test_alternatives(answer, offered):
    assert alternatives(answer) == offered


@pytest.mark.parametrize(
    ("answer", "question", "repeats"),
    [
        ("What is it?", "What is it?", True),
        ("A koala is a koala.", "What is a koala?", True),
        ("The koalas' own", "What does a koala own?", True),  # plural and genitive
        ("A koala is a marsupial.", "What is a koala?", False),
        ("W", "What is the symbol of tungsten?", False),
        ("It has 4.", "Has it 4 or 5 legs?", True),
        ("It has 6.", "Has it 4 or 5 legs?", False),  # another number
        ("Yes, a koala.", "Is it a koala?", False),  # decides
        ("", "What is it?", False),
        ("...", "What is it?", False),
    ],
)
def test_an_answer_that_only_repeats_the_question(answer, question, repeats):
    assert repeats_question(answer, question) is repeats


@pytest.mark.parametrize(("one", "other"), [("koala", "koalas"), ("box", "boxes"), ("dog", "dog's")])
def test_singular_is_the_same_for_both_numbers(one, other):
    assert singular(one) == singular(other)


def test_singular_keeps_different_words_apart():
    assert len({singular(word) for word in ("cat", "cats", "car", "cart", "carts")}) == 3
