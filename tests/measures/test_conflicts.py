"""Answers that state different things: decisions, numbers, names and opposites."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from homog_core.measures import conflicts
from homog_core.measures.conflicts import disagreements, statement, statements
from homog_core.measures.words import is_negation, same_spelling

# The definitions, pair by pair


def disagree(one, other):
    if one.text == other.text:
        return False
    if None not in (one.decision, other.decision):
        return one.decision != other.decision
    if None not in (one.number, other.number):
        return numbers_differ(one, other)
    return names_differ(one, other) or are_opposites(one, other)


def numbers_differ(one, other):
    if None in (one.number, other.number) or one.number == other.number:
        return False
    if one.decides_by_number or other.decides_by_number:
        return True
    longer = max(one.n_words, other.n_words) > conflicts._SHORT
    return one.numbers != other.numbers and not (longer and one.said & other.said)


def names_differ(one, other):
    longest = max(one.n_words, other.n_words)
    if longest > conflicts.LONG or (longest > conflicts._SHORT and one.names & other.names):
        return False
    return lacks(one.names, other) and lacks(other.names, one)


def are_opposites(one, other):
    ours, theirs = one.opening - other.opening, other.opening - one.opening
    if len(ours) == len(theirs) == 1:
        return frozenset({*ours, *theirs}) in conflicts._OPPOSITES
    differing = ours | theirs
    return min(one.n_words, other.n_words) > 1 and len(differing) == 1 and is_negation(next(iter(differing)))


def lacks(names, other):
    known = other.opening | other.content
    return any(name not in known and not any(same_spelling(name, word) for word in known) for name in names)


def conflict(one, other, question="What is it?"):
    """Whether two answers state different things, asked in both directions."""
    found = disagreements(statements([one, other], question))
    assert found.tolist() == found.T.tolist()
    return bool(found[0, 1])


# What one answer states


def test_a_statement_by_hand():
    found = statement("No, Bizet wrote 3 operas. He died in 1875.", "Who wrote operas?")
    assert (found.text, found.n_words) == ("No, Bizet wrote 3 operas. He died in 1875.", 9)
    assert (found.decision, found.denies) == (False, True)
    assert (found.number, found.numbers, found.said) == (1875, {3, 1875}, {3})  # said: in the first sentence
    assert not found.decides_by_number
    assert found.content == {"no", "bizet", "3"}  # of the first sentence, beyond the question
    assert found.names == {"no", "bizet"}
    assert found.opening == found.content


def test_a_statement_of_nothing():
    found = statement("", "What?")
    assert (found.decision, found.denies, found.number, found.numbers) == (None, False, None, frozenset())
    assert (found.content, found.names, found.opening, found.n_words) == (frozenset(), frozenset(), frozenset(), 0)


def test_names_are_what_is_capitalised_or_of_another_script():
    assert statement("It is a fox of Oslo", "").names == {"oslo"}
    assert statement("是北京", "").names == {"是", "北", "京"}
    assert statement("a 👍", "").names == {"👍"}
    assert statement("the koala in Oslo", "Is the koala in Oslo?").names == set()  # the question has them


def test_the_last_number_of_a_long_text_is_no_answer():
    words = "word " * 39
    assert statement(f"{words}7", "").number == 7
    assert statement(f"{words}word 7", "").number is None


def test_a_number_that_only_repeats_the_question_is_no_answer():
    question = "What lands after 9 years?"
    assert statement("After 9 years of flight a probe lands there", question).number is None
    assert statement("9", question).number == 9  # short
    assert statement("After the years of flight 3 + 6 = 9 probes land", question).number == 9  # calculated
    assert statement("After 7 years of flight a probe lands there", question).number == 7


@pytest.mark.parametrize(
    ("answer", "question", "decides"),
    [
        ("2 + 2 = 4", "What is it?", True),  # it calculates
        ("4", "How many are there?", True),
        ("It is 4 m", "HOW LONG is it?", True),
        ("4", "However many are there, what is it?", False),
        ("It is 4 m", "What is it?", False),
    ],
)
def test_what_is_decided_by_its_number(answer, question, decides):
    assert statement(answer, question).decides_by_number is decides


def test_a_number_of_the_question_is_not_said_again():
    assert statement("Of 9 planets 8 are left. That is 1 less.", "Of 9 planets?").said == {8}


def test_equal_answers_share_a_record():
    first, other, again = statements(["a fox", "a seal", "a fox"], "What?")
    assert first is again
    assert [first.text, other.text] == ["a fox", "a seal"]


# Pairs


@pytest.mark.parametrize(
    ("one", "other", "differ"),
    [
        ("It is Bizet.", "It is Verdi.", True),
        ("I think Bizet", "I think Verdi", True),
        ("Georges Bizet", "Georges Cuvier", True),
        ("Rome and Paris", "Rome and Oslo", True),
        ("Dogs", "Cats", True),
        # one name within the other
        ("Bizet", "Georges Bizet", False),
        ("Georges Bizet", "It was composed by Bizet.", False),
        ("New York City", "New York", False),
        ("Rome", "Rome or Paris", False),
        ("Mount Everest", "Everest", False),
        # one name, spelt in two ways
        ("BIZET", "Bizet", False),
        ("Bizét", "Bizet", False),
        ("Tchaikovsky", "Chaikovsky", False),
        # the other one has no name
        ("Bizet", "a composer", False),
        ("Bizet", "bizet wrote it", False),
        ("Bizet", "", False),
        # no capitals, no names
        ("a red fox", "a grey seal", False),
    ],
)
def test_names(one, other, differ):
    assert conflict(one, other, "Who composed Carmen?") is differ


@pytest.mark.parametrize(
    ("one", "other", "differ"),
    [
        ("12 dollars", "156 dollars", True),
        ("In 1968, with Apollo 8.", "In 1969, with Apollo 11.", True),
        ("5 January", "6 January", True),
        ("3 to 5", "3 to 6", True),
        ("3 + 4 = 7", "3 + 5 = 8", True),
        ("5 - 3 = 2", "2 + 3 = 5", True),  # calculations
        ("50%", "half", True),
        # one number in two spellings
        ("7", "seven", False),
        ("1,000", "1000", False),
        ("1/2", "0.5", False),
        ("3 + 4 = 7", "4 + 3 = 7", False),
        ("12 dollars", "It costs 12.", False),
        ("Jan 5", "5 January", False),
        # the same numbers in another order, nothing calculated
        ("In 1969, with Apollo 11.", "Apollo 11 landed in 1969.", False),
        ("3 to 5", "5 to 3", False),
        # the other one has no number
        ("7", "many", False),
        ("7 books", "", False),
    ],
)
def test_numbers(one, other, differ):
    assert conflict(one, other) is differ


@pytest.mark.parametrize(
    ("one", "other", "differ"),
    [
        ("Yes.", "No.", True),
        ("Yes, it is thick.", "No, it is not thick.", True),
        ("Yes", "Not really", True),
        ("True", "False", True),
        ("Yes, 5.", "No, 5.", True),
        ("Yes", "Of course not", True),
        ("是的", "不是", True),
        ("نعم", "لا", True),
        ("It cracks. So the answer is yes.", "It cracks. So the answer is no.", True),
        # an equal decision: what follows is only said beside it
        ("Yes.", "Yes, it is thick.", False),
        ("No.", "No, it is not thick.", False),
        ("Yes, 5 of them.", "Yes, 7 of them.", False),
        ("Yes, in Oslo", "Yes, in Lima", False),
        ("Yes", "True", False),
        # one of them decides nothing
        ("Yes", "perhaps", False),
    ],
)
def test_decisions(one, other, differ):
    assert conflict(one, other, "Is the ice thick?") is differ


@pytest.mark.parametrize(
    ("one", "other", "differ"),
    [
        ("hot", "cold", True),
        ("It is hot.", "It is cold.", True),
        ("The water is hot", "The water is cold", True),
        ("the left side", "the right side", True),
        ("it will rise slowly", "it will fall slowly", True),
        ("before lunch", "after lunch", True),
        ("north", "south", True),
        ("warm", "hot", False),  # no opposites
        ("hot water", "cold milk", False),  # they differ in more than that
        ("a bigger fox", "a smaller seal", False),
        # one more negation
        ("it dissolves in water", "it never dissolves in water", True),
        ("it will dissolve in water", "it won't dissolve in water", True),
        ("sugar dissolves", "sugar never melts", False),
        ("never", "sugar", False),  # nothing in common
        ("never", "it is what it is", False),
        ("a red fox", "a fox", False),  # one more word, no negation
    ],
)
def test_opposites(one, other, differ):
    assert conflict(one, other) is differ


@pytest.mark.parametrize(
    ("one", "other", "question", "differ"),
    [
        ("法国的首都是巴黎。", "法国的首都是里昂。", "法国的首都是哪里？", True),
        ("巴黎", "尼斯", "法国的首都是哪里？", True),
        ("东京", "京都", "哪个城市？", True),  # one character in common
        ("法国的首都是巴黎。", "巴黎", "法国的首都是哪里？", False),
        ("红", "红色", "什么颜色？", False),
        ("عاصمة فرنسا هي باريس.", "عاصمة فرنسا هي ليون.", "ما عاصمة فرنسا؟", True),
        ("عاصمة فرنسا هي باريس.", "باريس", "ما عاصمة فرنسا؟", False),
        ("Москва", "Киев", "Какая столица?", True),
        ("Москва", "москва", "Какая столица?", False),
        ("👍", "👎", "How was it?", True),
        ("🎉", "🎉!", "How was it?", False),
        ("👍", "good", "How was it?", False),
        ("...", "!!!", "How was it?", False),
    ],
)
def test_other_scripts(one, other, question, differ):
    assert conflict(one, other, question) is differ


def test_long_texts_have_no_names_in_the_place_of_the_answer():
    long = "word " * 40
    assert not conflict(f"Bizet {long}", "Verdi")
    assert conflict(f"Bizet {long[5:]}", f"Verdi {long[5:]}")  # as long as that, no longer


def test_either_of_two_answers_may_calculate():
    calculated, said = statements(["2 + 2 + 1 = 5", "5 of 2, and 1"], "Which?")  # 5 and 1, of the same numbers
    assert numbers_differ(calculated, said) and numbers_differ(said, calculated)
    another_order = statement("1 and 2 of 5", "Which?")
    assert not numbers_differ(said, another_order)


@pytest.mark.parametrize(
    ("one", "other", "question", "differ"),
    [
        # one of the two numbers in another order, and what it depends on
        ("In 1969, with Apollo 11.", "Apollo 11 landed in 1969.", "When did it land?", False),
        ("3 of 5", "5 of 3", "How many of them?", True),
        # longer answers whose first sentences share a number, and each has another
        ("It was in 1969 that men of Apollo 11 landed", "Men first landed in 1969, on July 20", "When?", False),
        ("It was in 1969 that men of Apollo 11 landed", "Men first landed in 1972, on July 20", "When?", True),
        ("in 1969, by 11", "in 1969, by 12", "When?", True),  # short
        ("It was 1969 boxes that 11 men carried up", "Men carried 1969 boxes, 20 of them", "How many boxes?", True),
    ],
)
def test_numbers_that_two_answers_share(one, other, question, differ):
    assert conflict(one, other, question) is differ


@pytest.mark.parametrize(
    ("one", "other", "differ"),
    [
        ("Bizet, in Paris", "Bizet, in Rome", True),
        ("The opera was first composed by Bizet, in Paris", "The opera was all by Bizet, in Rome, he said", False),
        ("The opera was first composed by Bizet, in Paris", "The opera was all by Verdi, in Rome, he said", True),
    ],
)
def test_longer_answers_that_share_a_name_do_not_differ_by_others(one, other, differ):
    assert conflict(one, other, "Who composed it?") is differ


def test_a_name_on_one_side_alone_is_no_difference():
    bizet, both, verdi = statements(["Bizet", "Bizet or Verdi", "Verdi"], "Who?")
    assert [names_differ(bizet, both), names_differ(both, verdi), names_differ(bizet, verdi)] == [False, False, True]


def test_the_first_that_both_state_decides():
    yes, yes_too, no = statements(
        ["Yes, Bizet, 3 hot days", "Yes, Verdi, 4 cold days", "No, Bizet, 3 hot days"], "Is it?"
    )
    assert numbers_differ(yes, yes_too) and names_differ(yes, yes_too)
    assert not disagree(yes, yes_too)
    assert disagree(yes, no)
    three, four = statements(["Bizet 3", "Bizet 4"], "Who?")
    assert disagree(three, four) and not names_differ(three, four)
    hot, cold = statements(["a hot day", "a cold day"], "What?")
    assert are_opposites(hot, cold) and not names_differ(hot, cold)


def test_disagreements_are_of_every_pair():
    found = disagreements(statements(["7", "9", "seven", "Oslo", "Oslo, in 9 hours"], "What?"))
    assert found.dtype == bool
    assert found.tolist() == [
        [False, True, False, False, True],
        [True, False, True, False, False],
        [False, True, False, False, True],
        [False, False, False, False, False],  # no number, and the name is in the last one too
        [True, False, True, False, False],
    ]


@pytest.mark.parametrize("answers", [[], ["Oslo"]])
def test_none_and_one(answers):
    assert disagreements(statements(answers, "Where?")).shape == (len(answers), len(answers))
    assert not disagreements(statements(answers, "Where?")).any()


PARTS = ["Yes,", "no", "Bizet", "Verdi", "7", "9", "3 + 4 =", "hot", "cold", "not", "北京", "باريس", "👍", "water", "."]


@given(st.lists(st.lists(st.sampled_from(PARTS), max_size=5).map(" ".join), min_size=2, max_size=5))
def test_nothing_disagrees_with_itself_and_the_order_plays_no_part(answers):
    found = disagreements(statements(answers, "What is hot?"))
    assert not found.diagonal().any()
    assert (found == found.T).all()
    for i, j in itertools.combinations(range(len(answers)), 2):
        assert not (answers[i] == answers[j] and found[i, j])
    order = np.arange(len(answers))[::-1]
    backwards = disagreements(statements([answers[i] for i in order], "What is hot?"))
    assert (backwards == found[np.ix_(order, order)]).all()


WORDS = [
    *PARTS,
    *["colour", "color", "Colours", "Michelangelo", "Michaelangelo", "Philippines", "Phillipines", "organisation"],
    *["organization", "never", "before", "after", "large", "small", "all", "none", "north", "the", "of", "is", "It"],
    *["The", "Tolkien", "Tolkein", "1,000", "1969", "11", "half"],
]


@pytest.mark.parametrize(("most", "n"), [(3, 40), (7, 40), (14, 40), (60, 12)])
@pytest.mark.parametrize("question", ["What is hot?", "How many of the 11 boxes?", "Is it the Tolkien of 1969?"])
def test_all_pairs_at_once_are_the_pairs_one_by_one(most, n, question):
    rng = np.random.default_rng([most, len(question)])
    answers = [" ".join(rng.choice(WORDS, size=rng.integers(most + 1))) for _ in range(n)]
    stated = statements(answers, question)
    for plain in (numbers_differ, names_differ, are_opposites, disagree):
        at_once = getattr(conflicts, plain.__name__, disagreements)(stated)
        one_by_one = [[plain(one, other) for other in stated] for one in stated]
        same = np.array([[one.text == other.text for other in stated] for one in stated])
        np.testing.assert_array_equal(at_once[~same], np.array(one_by_one)[~same], plain.__name__)
    assert one_by_one != [[False] * n] * n
