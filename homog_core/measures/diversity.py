"""Homogenized or broken: what tells a model that repeats itself from one that gives the same answer again."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from homog_core.measures.grading import normalise
from homog_core.records import Response


class Degeneration(NamedTuple):
    """What tells a broken model from a homogenized one: shares of answers, in [0, 1]."""

    distinct_across_questions: float  # different greedy answers over questions; 1: every question has its own
    most_common_answer: float  # the greedy answer given to most questions
    looping: float  # of all valid answers: one word 3-gram three times or more
    cut: float  # of all answers: ended by the token limit
    invalid: float  # of all answers: empty, or ended in an error


def degeneration(greedy: Sequence[Response], sampled: Sequence[Response]) -> Degeneration:
    """How far a model's answers are broken. Greedy answers (one a question) are compared by their normalised words.

    A homogenized model gives one answer per question and different ones to different questions; a broken one loops,
    says nothing, or says the same to everything. No answers: NaN.
    """
    counts = Counter(normalise(response.answer) for response in greedy if response.is_valid)
    answers = [response for response in sampled if response.is_valid]
    return Degeneration(
        len(counts) / counts.total() if counts else math.nan,
        max(counts.values()) / counts.total() if counts else math.nan,
        _share([is_looping(response.answer) for response in answers]),
        _share([response.finish_reason == "length" for response in sampled]),
        _share([not response.is_valid for response in sampled]),
    )


def is_looping(text: str) -> bool:
    """Whether three neighbouring words come back at least three times."""
    words = normalise(text).split()
    return max(Counter(zip(words, words[1:], words[2:], strict=False)).values(), default=0) >= 3


def _share(flags: Sequence[bool]) -> float:
    return sum(flags) / len(flags) if flags else math.nan
