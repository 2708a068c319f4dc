"""Answers against references: every rule of `grade` with what it finds correct and what it does not."""

import pytest
from fakes import make_response
from hypothesis import given
from hypothesis import strategies as st

from homog_core.measures.grading import MATCH_THRESHOLD, POLICIES, Grade, best_match, grade, match, matches
from homog_core.records import Question


def asked(text, *right, wrong=(), answer_type="text"):
    return Question("q", "test", text, right, wrong, answer_type=answer_type)


# What is not compared


@pytest.mark.parametrize("answer", ["anything", "", "I don't know."])
def test_without_references_there_is_no_grade(answer):
    assert grade(asked("What?"), answer) == Grade("ungraded", "none")
    assert grade(asked("What?", wrong=("red",)), answer) == Grade("ungraded", "none")


def test_an_answer_that_ended_in_an_error_is_not_graded():
    whole = make_response("Oslo")
    failed = type(whole)(whole.text, whole.tokens, whole.token_entropies, whole.token_logprobs, "error")
    assert grade(asked("Where?", "Oslo"), whole) == Grade("correct", "short_answer")
    assert grade(asked("Where?", "Oslo"), failed) == Grade("ungraded", "none")


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("<think>Rome?</think> Oslo", "correct"),
        ("<think>Oslo?</think> Rome", "incorrect"),
        ("Rome?\n</think>\n\nOslo", "correct"),  # the template has opened it
        ("<think>Oslo", "incorrect"),  # never closes
        ("Oslo</s>", "correct"),
        ("Oslo<|im_end|>", "correct"),
        ("▁Oslo", "correct"),
        ("ĠOslo", "correct"),
    ],
)
def test_the_answer_is_graded_without_reasoning_and_special_tokens(text, verdict):
    assert grade(asked("Where?", "Oslo"), text).verdict == verdict
    assert grade(asked("Where?", "Oslo"), make_response(text)).verdict == verdict


@pytest.mark.parametrize(
    "answer",
    [
        "I don't know.",
        "I don’t know",
        "I do not know who that was.",
        "I'm not sure, perhaps Oslo.",
        "I’m sorry, I cannot help.",
        "I have no comment.",
        "I am unable to answer.",
        "I can't say.",
        "No one knows.",
        "It is not known.",
        "As an AI, I have no opinion.",
    ],
)
@pytest.mark.parametrize("answer_type", ["text", "number"])
def test_a_refusal_is_abstained(answer, answer_type):
    assert grade(asked("What?", "3", answer_type=answer_type), answer) == Grade("abstained", "refusal")


@pytest.mark.parametrize("answer", ["Oslo. I don't know the street.", "Oslo, as an airport", "I know: Oslo"])
def test_what_is_no_refusal(answer):
    assert grade(asked("Where?", "Oslo"), answer) == Grade("correct", "short_answer")


@pytest.mark.parametrize("answer", ["", "  \n", "...", "!?"])
@pytest.mark.parametrize("wrong", [(), ("Rome",)])
def test_an_answer_without_words_is_incorrect(answer, wrong):
    assert grade(asked("Where?", "Oslo", wrong=wrong), answer) == Grade("incorrect", "short_answer")


# Numbers


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ("She pays 1,250 dollars", "correct"),
        ("3 + 1247 = 1250.00", "correct"),
        ("one thousand two hundred fifty", "correct"),
        ("1250. That is for 2 days", "correct"),
        ("1 250", "correct"),
        ("2500-1250", "correct"),  # no sign
        ("The answer is 1250. It took 3 steps.", "correct"),
        ("3 + 1248 = 1251, not 1250", "incorrect"),  # what it calculated
        ("1250 - 1 =", "incorrect"),  # breaks off
        ("many", "incorrect"),
        ("-1250", "incorrect"),
        ("1250.001", "incorrect"),
        ("", "incorrect"),
    ],
)
def test_questions_for_a_number(answer, verdict):
    assert grade(asked("How much?", "1250", answer_type="number"), answer) == Grade(verdict, "number")


@pytest.mark.parametrize(
    ("answer", "reference"),
    [
        ("−7", "-7"),
        ("2.000.000", "2000000"),
        ("3 million", "3000000"),
        ("1/4", "0.25"),
        ("¼", "0.25"),
        ("0,25", ".25"),
        ("a dozen", "12"),
        ("The answer is 38. It took 5 steps.", "38"),
        ("seven", "#### 7"),
        ("$4.50", "4.5 dollars"),
    ],
)
def test_one_number_in_two_spellings(answer, reference):
    question = asked("How many?", reference, answer_type="number")
    assert grade(question, answer) == Grade("correct", "number")
    assert grade(question, f"{answer} + 1 = 2000001") == Grade("incorrect", "number")


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ("4", "correct"),
        ("It is 4.", "correct"),
        ("Four chambers.", "correct"),
        ("4 chambers and 2 valves", "correct"),  # the first number that is not in the question
        ("The 3 parts have 4 chambers", "correct"),  # the last one, which it states
        ("In 3 parts, 4 chambers and 2 valves", "incorrect"),
        ("It has 5.", "incorrect"),
        ("Two", "incorrect"),
    ],
)
def test_references_that_are_numbers(answer, verdict):
    question = asked("How many chambers has a heart?", "Four", "It has four.", wrong=("Two", "It has two."))
    assert grade(question, answer) == Grade(verdict, "number")


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ("Of the 9 planets 8 are left", "correct"),
        ("Of the 9 planets 8 have 20 moons", "correct"),  # the first one that is new
        ("All 9", "incorrect"),
        ("9 - 1 = 8", "correct"),
    ],
)
def test_a_number_of_the_question_is_no_answer(answer, verdict):
    assert grade(asked("Of 9 planets how many are left?", "8"), answer) == Grade(verdict, "number")


def test_an_answer_without_a_number_is_compared_as_text():
    assert grade(asked("When was it?", "1969", "in the sixties"), "in the sixties") == Grade("correct", "short_answer")


def test_a_reference_with_a_number_in_it_is_text():
    question = asked("When did Apollo 11 land?", "July 20, 1969")
    assert grade(question, "20 July 1969") == Grade("correct", "short_answer")
    assert grade(question, "in May 1968") == Grade("incorrect", "short_answer")


# Yes or no, and either-or


SEAR = asked(
    "Does searing seal a steak?",
    "No, it never does that.",
    "No, searing only browns it",
    wrong=("Yes, it does that.", "Yes"),
)


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ("No.", "correct"),
        ("No, it never does.", "correct"),
        ("Not at all", "correct"),
        ("False", "correct"),
        ("Nein", "correct"),
        ("Many believe it. The answer is no.", "correct"),
        ("Searing can't seal a steak.", "correct"),  # the question again, denied
        ("Yes.", "incorrect"),
        ("Definitely", "incorrect"),
        ("Yes, but nobody knows why", "incorrect"),
        ("It browns. So the answer is yes.", "incorrect"),
        ("Searing seals a steak.", "incorrect"),
    ],
)
def test_yes_or_no(answer, verdict):
    assert grade(SEAR, answer) == Grade(verdict, "yes_no")


def test_an_answer_without_yes_or_no_is_compared():
    question = asked("Does searing seal a steak?", "No", "It browns the outside", wrong=("Yes",))
    assert grade(question, "The outside browns.") == Grade("correct", "short_answer")
    assert grade(question, "It depends.") == Grade("incorrect", "short_answer")


def test_most_of_the_references_decide():
    question = asked("Is it so?", "Yes", "Yes, mostly", "No")
    assert grade(question, "Yes") == Grade("correct", "yes_no")
    assert grade(question, "No") == Grade("incorrect", "yes_no")
    assert grade(asked("Is it so?", "Yes", "No", "No, never"), "No") == Grade("correct", "yes_no")


def test_yes_is_no_answer_to_another_question():
    assert grade(asked("What is it?", "Yes"), "No").policy == "short_answer"


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ("A fruit.", Grade("correct", "short_answer")),
        ("It is a fruit.", Grade("correct", "short_answer")),
        ("FRUIT", Grade("correct", "short_answer")),
        ("A vegetable.", Grade("incorrect", "short_answer")),
        ("Both", Grade("incorrect", "short_answer")),
        ("Yes", Grade("incorrect", "short_answer")),
        ("A fruit or a vegetable", Grade("incorrect", "several")),
    ],
)
@pytest.mark.parametrize("wrong", [(), ("A vegetable",)])
def test_either_or(answer, found, wrong):
    assert grade(asked("Is a tomato a fruit or a vegetable?", "A fruit", wrong=wrong), answer) == found


def test_the_beginning_of_the_thing_that_was_named():
    question = asked("Which was first, the Colosseum of Rome or the Eiffel Tower?", "The Colosseum of Rome")
    assert grade(question, "The Colosseum").verdict == "correct"
    assert grade(question, "The Eiffel Tower").verdict == "incorrect"


# Several answers at once


@pytest.mark.parametrize(
    ("answer", "references", "found"),
    [
        ("A. banana B. avocado", ["Banana"], Grade("incorrect", "several")),
        ("A. banana B. avocado", ["Banana", "Avocado"], Grade("correct", "several")),
        ("banana or avocado", ["Banana"], Grade("incorrect", "several")),
        ("1) banana 2) avocado", ["Banana"], Grade("incorrect", "several")),
        ("A. banana", ["Banana"], Grade("correct", "short_answer")),
        ("red and white", ["Red", "White"], Grade("correct", "several")),
        ("red and blue", ["Red", "White"], Grade("incorrect", "several")),
        ("red/white", ["White", "Red"], Grade("correct", "several")),
        # the reference itself joins two
        ("red and white", ["Red and white"], Grade("correct", "short_answer")),
        ("white and red", ["Red and white"], Grade("correct", "short_answer")),
        ("blue and green", ["Red and white"], Grade("incorrect", "short_answer")),
        ("Tom & Jerry", ["Tom & Jerry"], Grade("correct", "short_answer")),
    ],
)
def test_several_answers_at_once(answer, references, found):
    assert grade(asked("Which is it?", *references), answer) == found


# The short answer


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ("It was Agatha Christie.", "correct"),
        ("AGATHA CHRISTIE!", "correct"),
        ("**Agatha Christie**", "correct"),
        ("Dame Agatha Christie", "correct"),  # a whole phrase of it
        ("Christie, Agatha", "correct"),  # both words
        ("Christie", "correct"),  # F1 = 2·1/(1+2) = .67
        ("Agata Christie", "correct"),  # "Christie", and Agata is spelt nearly so
        ("The answer is Agatha Christie. She wrote many.", "correct"),
        ("She was born in Torquay. It was Agatha Christie.", "correct"),  # the second sentence
        ("She was born in Torquay. It rained. Agatha Christie", "incorrect"),  # the third
        ("Agatha Miller", "incorrect"),  # shares a word, and each has one of its own
        ("Arthur Conan Doyle", "incorrect"),
        ("It was not Agatha Christie.", "incorrect"),
        ("It isn't Agatha Christie.", "incorrect"),
        ("a novel about a murder in an old house by the sea, with Christie", "incorrect"),
    ],
)
def test_names(answer, verdict):
    assert grade(asked("Who wrote the novel?", "Agatha Christie"), answer) == Grade(verdict, "short_answer")


SEEDS = asked(
    "What happens if you eat watermelon seeds?",
    "Nothing happens to you",
    "They pass through your digestive system",
    wrong=("You grow a tree in your stomach", "You get sick"),
)


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ("Nothing happens.", "correct"),
        ("The seeds pass through your digestive system.", "correct"),
        ("A tree grows in your stomach.", "incorrect"),  # closer to an incorrect one
        ("You get sick", "incorrect"),
        ("They taste of soap.", "incorrect"),  # of no reference
        ("You eat watermelon seeds.", "incorrect"),  # only the question's words
        ("Your digestive acids make short work of them, or so people say.", "ambiguous"),  # shares "digestive"
    ],
)
def test_correct_and_incorrect_references(answer, verdict):
    assert grade(SEEDS, answer) == Grade(verdict, "short_answer")


def test_what_is_as_close_to_an_incorrect_reference_is_not_correct():
    question = asked("What grows?", "red wheat", wrong=("red maize",))
    assert grade(question, "red").verdict == "ambiguous"
    assert grade(question, "wheat").verdict == "correct"
    assert grade(question, "maize").verdict == "incorrect"


# Other scripts


@pytest.mark.parametrize(
    ("question", "reference", "right", "wrong"),
    [
        ("法国的首都是哪里？", "巴黎", ["巴黎", "法国的首都是巴黎。", "答案是巴黎"], ["里昂", "法国的首都是里昂。"]),
        ("ما عاصمة فرنسا؟", "باريس", ["باريس", "عاصمة فرنسا هي باريس.", "بَاريس"], ["ليون", "عاصمة فرنسا هي ليون."]),
        ("Какая столица Франции?", "Париж", ["париж", "Столица Франции Париж"], ["Лион", "Столица Франции Лион"]),
        ("Largest in Brazil?", "São Paulo", ["Sao Paulo", "SÃO PAULO", "It is Sa\u0303o Paulo."], ["Rio", "Zürich"]),
        ("Which sign?", "👍", ["👍", "👍!"], ["👎", "🎉"]),
    ],
)
def test_other_scripts(question, reference, right, wrong):
    asked_for = asked(question, reference)
    assert {answer: grade(asked_for, answer).verdict for answer in right} == dict.fromkeys(right, "correct")
    assert {answer: grade(asked_for, answer).verdict for answer in wrong} == dict.fromkeys(wrong, "incorrect")


# The match of two texts


@pytest.mark.parametrize(
    ("answer", "reference", "question", "expected"),
    [
        ("It is red.", "Red", "", 1.0),  # the short answer
        ("a very red fox", "red fox", "", 1.0),  # a phrase
        ("a fox that is red", "red fox", "", 1.0),  # all of two content words
        ("It is the colour of a red fox", "red", "", 1.0),
        ("redder", "red", "", 0.0),  # no whole word
        ("The red one", "red", "Is red what it is?", 0.0),  # the question says it already
        ("colour", "color", "", 1.0),  # F1 of a spelling
        ("cats", "cat", "", 1.0),  # F1 of a plural
        ("Austria", "Australia", "", 0.0),  # another word, however alike
        ("not red", "red", "", 0.0),  # one denies
        ("red", "not red", "", 0.0),
        ("fox", "red fox", "", 2 / 3),  # 2·1/(1+2)
        ("fox", "small red fox", "", 1 / 2),  # 2·1/(1+3)
        ("red seal", "red fox", "", 0.49),  # F1 = 2·1/(2+2) = .5, and each has a word of its own
        ("big old grey seal", "big old red fox", "", 0.49),  # F1 = 2·2/(4+4) = .5 likewise
        ("grey seal", "red fox", "", 0.0),
        ("", "red", "", 0.0),
        ("red", "", "", 0.0),
    ],
)
def test_match(answer, reference, question, expected):
    assert match(answer, reference, question) == pytest.approx(expected)


def test_any_reference_will_do():
    assert best_match("Oslo", ["Bergen", "Oslo Sentrum"]) == pytest.approx(2 / 3)
    assert best_match("Oslo", []) == 0
    assert matches("the answer is Oslo", ["Bergen", "Oslo"])
    assert not matches("the answer is Rome", ["Bergen", "Oslo"])
    assert not matches("the answer is Rome", [""])


WORDS = st.text(alphabet=st.sampled_from("ab 12.,!?=北ع👍'-/\n"), max_size=24)


@given(WORDS, WORDS, WORDS)
def test_every_text_has_a_grade(answer, right, wrong):
    found = grade(Question("q", "test", "What is it?", (right,), (wrong,)), answer)
    assert found.policy in POLICIES
    assert found.verdict in {"correct", "incorrect", "ambiguous"}
    assert 0 <= match(answer, right) <= 1
    assert matches(answer, [right]) == (match(answer, right) >= MATCH_THRESHOLD)


@given(st.lists(st.sampled_from(["It", "is", "Red", "fox", "7", "北京", "ليون", "👍", "U.S."]), min_size=1, max_size=4))
def test_a_reference_is_itself(words):
    text = " ".join(words)
    assert grade(asked("Which one?", "blue whale", text), text).verdict == "correct"
