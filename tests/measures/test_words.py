"""The words of a text in any script, its one spelling, and an answer without the words of its question."""

import numpy as np
import pytest

from homog_core.measures.words import (
    content_words,
    fold,
    is_latin,
    is_negation,
    mask_answer,
    normalise,
    same_spelling,
    same_spellings,
    words_of,
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A red Fox.", ["a", "red", "fox"]),
        ("don't, O'Brien, Ann’s", ["don't", "o'brien", "ann’s"]),
        ("well-known  (or not)\n!", ["well", "known", "or", "not"]),
        ("4 wheels, H2O", ["4", "wheels", "h2o"]),
        ("Grüße, naïve", ["grüße", "naïve"]),
        ("Москва и Киев", ["москва", "и", "киев"]),
        ("عاصمة مصر هي القاهرة؟", ["عاصمة", "مصر", "هي", "القاهرة"]),
        ("한국의 수도", ["한국의", "수도"]),
        # without spaces: every character
        ("我爱北京。", ["我", "爱", "北", "京"]),
        ("東京タワー", ["東", "京", "タ", "ワ", "ー"]),
        ("北京 is Beijing", ["北", "京", "is", "beijing"]),
        # emoji
        ("👍🎉!", ["👍", "🎉"]),
        ("yes 👍", ["yes", "👍"]),
        ("...", []),
        ("", []),
    ],
)
def test_words_of(text, words):
    assert words_of(text) == words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("São Paulo", "SAO PAULO"),
        ("Zürich", "zurich"),
        ("STRASSE", "Straße"),
        ("cafe\u0301", "café"),  # composed and decomposed
        ("ﬁne", "fine"),
        ("ＡＢＣ", "abc"),
        ("Ελλάδα", "ελλαδα"),
        ("بَاريس", "باريس"),  # short vowels, which are seldom written
        ("שָׁלוֹם", "שלום"),
        ("H₂O", "h2o"),
    ],
)
def test_spellings_of_one_word_fold_alike(one, other):
    assert fold(one) == fold(other)
    assert normalise(one) == normalise(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("が", "か"), ("दिन", "दान"), ("ดี", "ดู"), ("ดุ", "ดู"), ("北", "京"), ("한", "하"), ("red", "rad")],
)
def test_marks_that_make_another_word_stay(one, other):
    assert fold(one) != fold(other)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("  The “Cat”, a hat;  AN owl… ", "cat hat owl"),
        ("a", "a"),  # nothing else is left
        ("The", "the"),
        ("Theory", "theory"),  # no article
        ("well-known", "well known"),
        ("don't", "dont"),
        ("snake_case", "snakecase"),
        ("1,000", "1000"),
        ("北京。", "北 京"),
        ("عاصمة مصر؟", "عاصمة مصر"),
        ("👍!", "👍"),
        ("", ""),
        (" ?! ", ""),
    ],
)
def test_normalise(text, normal):
    assert normalise(text) == normal
    assert normalise(normal) == normal


@pytest.mark.parametrize(
    ("text", "latin"),
    [
        ("Paris", True),
        ("Łódź", True),
        ("ＡＢＣ", True),
        ("Paris, 巴黎", True),  # most letters
        ("巴黎的人口 (Rome)", False),
        ("巴黎", False),
        ("القاهرة", False),
        ("Москва", False),
        ("Ελλάδα", False),
        ("42", True),  # no letters
        ("👍", True),
        ("", True),
    ],
)
def test_is_latin(text, latin):
    assert is_latin(text) is latin


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
        ("法国的首都是巴黎。", "法国的首都是哪里？", "巴 黎"),
        ("法国的首都", "法国的首都是哪里？", "法国的首都"),
        ("عاصمة مصر القاهرة", "ما عاصمة مصر؟", "القاهرة"),
        ("Столица России Москва", "Какая столица России?", "москва"),
        ("I think 👍", "What do you think?", "👍"),
    ],
)
def test_mask_answer(answer, question, masked):
    assert mask_answer(answer, question) == masked


def test_content_words_of_what_only_repeats_the_question():
    assert content_words("A koala is what it is.", "Is it a koala?") == []


@pytest.mark.parametrize("number", ["seven", "eight", "thirteen", "twenty", "thousand", "million", "half", "third"])
def test_numbers_stay_when_the_question_names_them(number):
    assert mask_answer(f"About {number} legs", f"Is it {number} legs?") == number


@pytest.mark.parametrize("word", ["full", "empty", "thick", "thin", "fire", "bill", "system", "above", "never"])
def test_words_with_a_meaning_of_their_own_are_no_function_words(word):
    assert mask_answer(f"It was {word}, Holmes", "What was it?") == f"{word} holmes"


@pytest.mark.parametrize("word", ["not", "no", "isn't", "isn’t", "won't", "cannot", "none", "without"])
def test_negations(word):
    assert is_negation(word)


@pytest.mark.parametrize("word", ["ant", "different", "knot", "it's", "notice", "yes"])
def test_no_negations(word):
    assert not is_negation(word)


def test_spellings_of_many_words_at_once():
    rng = np.random.default_rng(0)
    known = [
        "colour",
        "color",
        "colours",
        "Michelangelo",
        "Michaelangelo",
        "fox",
        "foxes",
        "Ελλάδα",
        "Ελλαδα",
        "abcde1",
    ]
    letters = ["".join(rng.choice(list("abcd"), size=size)) for size in rng.integers(4, 24, size=150)]
    words = list(dict.fromkeys([*known, *letters, *(word[:-1] for word in letters), *(word[::-1] for word in known)]))
    others = words[::-2]
    expected = {(i, j) for i, a in enumerate(words) for j, b in enumerate(others) if a == b or same_spelling(a, b)}
    assert {tuple(pair) for pair in same_spellings(words, others)} == expected
    assert len(expected) > len(others) + 5
    assert same_spellings([], words).shape == same_spellings(words, []).shape == (0, 2)
