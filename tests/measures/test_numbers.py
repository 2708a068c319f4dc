"""The numbers of a text in every way of writing them, and the one that an answer states."""

import pytest

from homog_core.measures.numbers import find_numbers, number_word, numbers, plain, stated_number


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("42", 42),
        ("007", 7),
        # signs
        ("-5", -5),
        ("−5", -5),  # the minus of typography
        ("–5", -5),  # a dash
        ("(-3)", -3),
        ("+3", 3),
        ("minus seven", -7),
        ("negative two", -2),
        # decimals
        ("0.5", 0.5),
        ("0,5", 0.5),
        (".5", 0.5),
        ("12,5", 12.5),
        ("3.14", 3.14),
        ("1.250", 1.25),  # one group after a point: a decimal
        ("0,500", 0.5),  # no thousands begin with 0
        # separators of thousands
        ("1,000", 1000),
        ("1,000,000", 1_000_000),
        ("1.000.000", 1_000_000),
        ("1 000 000", 1_000_000),
        ("1'000'000", 1_000_000),
        ("1,000,000.5", 1_000_000.5),
        ("1.000.000,5", 1_000_000.5),
        # scales
        ("1 million", 1_000_000),
        ("one million", 1_000_000),
        ("1.5 million", 1_500_000),
        ("2 hundred", 200),
        ("half a million", 500_000),
        ("5k", 5000),
        ("2e3", 2000),
        ("3 x 10^8", 300_000_000),
        ("3×10⁸", 300_000_000),
        ("1.5 × 10^-3", 0.0015),
        ("10^6", 1_000_000),
        ("10**6", 1_000_000),
        ("2^{10}", 1024),
        ("10⁻³", 0.001),
        ("1.2M", 1_200_000),
        ("$1.2m", 1_200_000),
        ("2.5bn", 2_500_000_000),
        ("2,5 Mrd.", 2_500_000_000),
        ("3 millions", 3_000_000),
        ("5 lakh", 500_000),
        ("2 crore", 20_000_000),
        # fractions
        ("1/2", 0.5),
        ("½", 0.5),
        ("2½", 2.5),
        ("2 1/2", 2.5),
        ("half", 0.5),
        ("one half", 0.5),
        ("a quarter", 0.25),
        ("three quarters", 0.75),
        ("one and a half", 1.5),
        ("three-fourths", 0.75),
        ("\\frac{3}{4}", 0.75),
        ("\\dfrac12", 0.5),
        # words
        ("seven", 7),
        ("nineteen", 19),
        ("Forty", 40),
        ("twenty-one", 21),
        ("twenty one", 21),
        ("two hundred and five", 205),
        ("thirty-two thousand", 32_000),
        ("two thousand twenty", 2020),
        ("nineteen hundred", 1900),
        ("a dozen", 12),
        ("two dozen", 24),
        ("a hundred", 100),
        # units and currencies
        ("$1,234.50", 1234.5),
        ("-$5", -5),
        ("$-5", -5),
        ("€3", 3),
        ("50%", 50),
        ("1990s", 1990),
        ("1st", 1),
        # digits of other scripts
        ("１２", 12),
        ("٣", 3),
        ("٣٫٥", 3.5),
        ("४२", 42),
        ("四十二", 42),
        ("300万", 3_000_000),
        ("2千万", 20_000_000),
        ("二〇二四", 2024),
    ],
)
def test_one_number_however_it_is_written(text, value):
    assert numbers(text) == [pytest.approx(value, rel=1e-12)]
    assert stated_number(text) == pytest.approx(value, rel=1e-12)
    assert numbers(f"so {text} in all") == numbers(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("none", []),
        ("", []),
        ("a third man", []),  # "third" is an order more often than a part
        ("one of them", []),  # a pronoun
        ("the twenty-first of 12", [21, 12]),
        ("2*100", [2, 100]),  # no power of ten
        ("5 m and 7B", [5, 7]),
        ("三国", []),  # a numeral alone may be part of a name
        ("有三个", [3]),
        ("the one that fell", []),
        ("One", [1]),
        ("It is one.", [1]),
        ("There is only one moon.", [1]),
        ("In 1969, with Apollo 11", [1969, 11]),
        ("1, 2, 3", [1, 2, 3]),
        ("1,5,7", [1, 5, 7]),
        ("10,000 - 20,000", [10_000, 20_000]),
        ("20-5", [20, 5]),  # the minus of a difference is no sign
        ("5 - 3", [5, 3]),
        ("(4)-2", [4, 2]),
        ("twelve or 13", [12, 13]),
        ("3/4 of 8", [0.75, 8]),
        ("5/0", [5]),  # nothing to divide by
        ("2020-12-25", [2020, 12, 25]),
        ("five of seven, and 2 more", [5, 7, 2]),
    ],
)
def test_the_numbers_of_a_text_in_their_order(text, found):
    assert numbers(text) == found


def test_a_date_is_three_numbers_and_no_fraction():
    assert numbers("12/05/1999") == [12, 5, 1999]
    assert numbers("It was 3/4/2020, not 3/4.") == [3, 4, 2020, 0.75]


@pytest.mark.parametrize("text", ["about 12 cups", "minus seven degrees", "1.5 million people", "for $1,250 at most"])
def test_where_a_number_stands(text):
    (found,) = find_numbers(text)
    inside = plain(text)[found.start : found.end]
    assert numbers(inside) == [found.value]
    assert numbers(plain(text).replace(inside, "")) == []


@pytest.mark.parametrize("value", range(101))
def test_a_number_in_words_reads_back(value):
    word = number_word(value)
    assert numbers(f"It is {word}.") == ([value] if value < 100 else [])


def test_plain_signs():
    assert plain("−5 – ½ ＡＢ") == "-5 - 1/2 ab"
    assert plain("2½") == "2 1/2"


def test_percents_are_marked():
    assert [found.is_percent for found in find_numbers("50% of 20, fifty percent, 3 per cent, 7")] == [
        True,
        False,
        True,
        True,
        False,
    ]


def test_a_number_too_large_for_a_float_is_no_error():
    assert numbers("1e999")[0] > 1e299
    assert numbers("9999^9999") == [1e300]
    assert numbers("0^-1") == [1e300]


# The one that an answer states


@pytest.mark.parametrize(
    ("answer", "stated"),
    [
        # begins with it
        ("42. It took three steps.", 42),
        ("Two. I counted 5 times.", 2),
        ("It is 42.", 42),
        ("It's 42, of course.", 42),
        ("They were 12; nobody counted the other 3.", 12),
        ("12, because 3 times 4", 12),
        ("5 (five)", 5),
        ("5 apples", 5),
        ("18.", 18),
        ("$18.00", 18),
        ("1969, July 20", 1969),
        ("12,5 km", 12.5),
        # named as the answer
        ("The answer is 42. It took 3 steps.", 42),
        ("The answer is twelve.", 12),
        ("Answer: 9 of 10", 9),
        ("First 3, then 4. The total is 7 for 2 people.", 7),
        ("She has 2 and 3 more. #### 5", 5),
        ("so she pays #### 1,200", 1200),
        ("Of 4 sides \\boxed{12} is the length", 12),
        ("The total is 5. No: the total is 6.", 6),
        # calculated
        ("47+48+63=100 points", 100),  # wrong, and what it states
        ("3 + 4 = 7 books", 7),
        ("48 + 24 = 72, so 72 / 2 = 36 clips", 36),
        ("1200 / 2 = 600. She needs 600 in 2 days.", 600),
        ("The answer is 3 * 4 = 12", 12),
        ("The answer is 14, which is 2 * 7.", 14),
        ("Step 1: 3+4=7\nStep 2: 7*2=14\nThe answer is 14.", 14),
        ("24 * 18 =", None),  # breaks off
        ("24 * 18 = ", None),
        ("2 + 2 = 4, and 4 * 18 =", None),
        # otherwise the last
        ("He had 5 apples and ate 2. So 3 are left.", 3),
        ("July 20, 1969", 1969),
        ("40% of 200 is 80", 80),
        ("Between 5 and 10", 10),
        ("5 apples and 3 pears", 3),  # no answer by itself: two things
        ("2500-1250", 1250),
        ("-1250", -1250),
        # lists
        ("1. Add 3 and 4.\n2. The sum is 7.", 7),
        ("1. First\n2. Second", None),
        ("1) red\n2) blue\n3) green", None),
        ("1. She has 6 hens\n2. She buys more", 6),
        # none
        ("many", None),
        ("", None),
        ("the answer is unknown", None),
    ],
)
def test_the_number_that_an_answer_states(answer, stated):
    assert stated_number(answer) == stated


def test_one_point_of_a_list_is_a_number():
    assert stated_number("3. That is all.") == 3
