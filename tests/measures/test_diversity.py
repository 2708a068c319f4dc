"""Homogenized or broken."""

import math
from dataclasses import replace

import pytest
from fakes import make_response

from homog_core.measures.diversity import degeneration, frame, looping
from homog_core.records import Decoding, Question, ResponseSet


def asked(text, greedy, *sampled, answer_type="text"):
    """A question, and the answers to it."""
    responses = tuple(found if not isinstance(found, str) else make_response(found) for found in sampled)
    question = Question(text, "test", text, answer_type=answer_type)
    decoding = Decoding(n_samples=len(responses))
    return question, ResponseSet(text, "fake", "", decoding, responses, make_response(greedy))


def degenerated(*pairs):
    return degeneration([question for question, _ in pairs], [answers for _, answers in pairs])


def test_degeneration_by_hand():
    cut = replace(make_response("Rome is"), finish_reason="length")
    found = degenerated(
        asked("Where is the fox?", "Oslo.", "Oslo", "It is Oslo", "the fox"),
        asked("Is it a fox?", "the oslo", "No.", "Yes, a fox", "It may be"),
        asked("How many foxes?", "Rome", "7", "many", "", answer_type="number"),
        asked("Who?", "", cut, "x y x y", "a b c"),
    )
    assert found.distinct_across_questions == pytest.approx(2 / 3)  # oslo twice, rome; the empty one is no answer
    assert found.most_common_answer == pytest.approx(2 / 3)
    assert found.echo == pytest.approx(3 / 11)  # "the fox", "many" and "It may be", which has no content word at all
    assert found.yes_no == pytest.approx(2 / 3)  # of the answers to the second question
    assert found.number == 0.5  # of two that are not empty
    assert found.looping == pytest.approx((2 / 4) / 11)  # the second "x y" of four words
    assert (found.cut, found.invalid) == (1 / 12, 1 / 12)


def test_frames_are_counted_over_all_questions():
    found = degenerated(
        asked("Where is the fox?", "a", "It is in Oslo", "It is in Rome"),
        asked("Who found it?", "b", "It was Bizet", "It is in Lima"),
    )
    assert found.commonest_frame == 0.75


def test_nothing_to_count_is_undefined():
    assert all(math.isnan(value) for value in degeneration([], []))
    empty = degenerated(asked("Who?", "", "", ""))
    assert (empty.cut, empty.invalid) == (0, 1)
    assert all(math.isnan(value) for name, value in empty._asdict().items() if name not in ("cut", "invalid"))


@pytest.mark.parametrize(
    ("answer", "question", "blanked"),
    [
        ("It is in Oslo.", "Where?", "it is in …"),
        ("It is in very old Oslo Town.", "Where?", "it is in very …"),  # content words side by side are one blank
        ("The fox is the fox", "What is the fox?", "the … is the …"),  # the question's words count as content
        ("It is so", "Who?", "it is so"),
        ("Oslo", "Where?", "…"),
        ("", "Where?", ""),
    ],
)
def test_frame(answer, question, blanked):
    assert frame(answer, question) == blanked


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("x y x y", 2 / 4),
        ("x x x x", 3 / 4),
        ("x y z x y z x y z", 6 / 9),
        ("one two three, and one two three", 0),  # not directly before itself
        ("red fox grey seal red fox", 0),
        ("so so it is", 1 / 4),
        ("It is. It is.", 2 / 4),
        ("北京北京", 2 / 4),
        ("fine", 0),
        ("", 0),
    ],
)
def test_looping(text, share):
    assert looping(text) == pytest.approx(share)


def test_looping_does_not_grow_with_length():
    words = [f"w{i}" for i in range(20)]
    assert looping(" ".join(words * 2)) == 0  # longer than any passage that counts
    assert looping(" ".join(words[:16] * 2)) == 0.5
    assert looping("the red fox ran. " + " ".join(words) + " the red fox sat.") == 0
