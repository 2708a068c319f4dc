"""What the check of the sampler says: no more than its interval, and a remedy where something is wrong."""

from dataclasses import replace

import pytest

from homog_core.analysis.sampler_check import OneQuestion, SamplerCheck, Sign, Verdict
from homog_core.statistics.repeats import Copies
from homog_core.wording.sampler import SIGNS, sampler_document, sampler_mark, sampler_sentence

FINE = SamplerCheck(Verdict.CONSISTENT, None, 5643, 2735, 2738.3, 2738.3, Copies(-0.02, 0.016), (), ())
UNKNOWN = replace(FINE, expected_low=0.0, expected_high=5643.0)


def test_a_sound_run():
    assert sampler_sentence(FINE) == (
        "Of 5,643 answers after the first of a question, 2,735 repeat an earlier one word for word; their own "
        "probabilities lead to 2,738. That is as it should be: copies at random places are at most 2 % of them (99 % "
        "interval)."
    )
    assert sampler_mark(FINE) == ""


def test_without_probabilities_it_promises_less():
    assert sampler_sentence(UNKNOWN).endswith(
        "how likely that is, is not known. Even if all that repeat are copies, at most 2 % are (99 % interval)."
    )
    open_ = replace(UNKNOWN, verdict=Verdict.UNKNOWN, copies=Copies(-1, 1))
    assert "cannot be told: without their probabilities" in sampler_sentence(open_)
    assert "cannot be told: there are too few answers." in sampler_sentence(replace(open_, n_answers=3, n_repeats=0))


@pytest.mark.parametrize("sign", SIGNS)
def test_too_many_name_the_remedy_and_mark_the_recipe(sign):
    check = replace(FINE, verdict=Verdict.TOO_MANY, sign=sign, expected_low=10.2, expected_high=99.7)
    said = sampler_sentence(check)
    assert "lead to between 10 and 100. These are too many." in said
    assert said.endswith(SIGNS[sign])
    long = sampler_sentence(replace(UNKNOWN, verdict=Verdict.TOO_MANY, sign=sign))
    assert "is not known. Long answers are not all alike by chance." in long
    assert sampler_mark(check)


def test_questions_and_lists_are_named():
    check = replace(FINE, verdict=Verdict.TOO_MANY, sign=Sign.COPIES)
    alone = replace(check, questions=tuple(OneQuestion(f"q{i}", 9, 0.1) for i in range(5)))
    assert sampler_sentence(alone).endswith("by one question alone: q0, q1, q2 and 2 more.")
    lists = replace(check, sign=Sign.LISTS, equal_lists=("a", "b"))
    assert "Questions a and b have the same answers in the same order" in sampler_sentence(lists)


def test_too_few_and_none():
    assert "These are too few." in sampler_sentence(replace(FINE, verdict=Verdict.TOO_FEW))
    nothing = replace(FINE, verdict=Verdict.UNKNOWN, n_answers=0)
    assert sampler_sentence(nothing).startswith("No question has two answers")


def test_the_document_is_plain():
    said = sampler_document(FINE)
    assert (said["verdict"], said["sign"], said["copies_high"]) == ("consistent", "", 0.016)
    assert all(type(value) in (str, int, float, list) for value in said.values())
