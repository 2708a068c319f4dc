"""Homogenized or broken: what tells a model that repeats itself from one that gives the same answer again."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from homog_core.measures.numbers import stated_number
from homog_core.measures.short_answers import decision, is_polar, repeats_question
from homog_core.measures.words import content_words, normalise, words_of
from homog_core.records import Question, ResponseSet

BY_QUESTION = ("echo", "commonest_frame", "yes_no")  # of `Degeneration`: what the text of a question decides
_LONGEST_LOOP = 16  # words of a passage that may come back directly


class Degeneration(NamedTuple):
    """What tells a broken model from a homogenized one: shares in [0, 1], NaN where there is nothing to count."""

    distinct_across_questions: float  # different greedy answers over questions; 1: every question has its own
    most_common_answer: float  # the greedy answer given to most questions
    echo: float  # of valid samples: say nothing but words of their question
    commonest_frame: float  # of valid samples: in the frame that most have, as "it is …"
    yes_no: float  # of valid samples to yes-or-no questions: say yes or no
    number: float  # of valid samples to questions for a number: state one
    looping: float  # words that repeat what stands directly before them, mean over valid samples
    cut: float  # of all samples: ended by the token limit
    invalid: float  # of all samples: empty, or ended in an error


def degeneration(questions: Sequence[Question], answers: Sequence[ResponseSet]) -> Degeneration:
    """How far a model's answers to questions are broken; `answers` are those to each of the questions, in order.

    Greedy answers are compared by their normalised words. A homogenized model gives one answer per question and
    different ones to different questions; a broken one loops, says nothing, repeats the question, or says the same to
    everything.
    """
    greedy = Counter(normalise(found.greedy.answer) for found in answers if found.greedy.is_valid)
    sampled = [(q, r) for q, found in zip(questions, answers, strict=True) for r in found.responses]
    valid = [(question, response.answer) for question, response in sampled if response.is_valid]
    frames = Counter(frame(text, question.text) for question, text in valid)
    return Degeneration(
        len(greedy) / greedy.total() if greedy else math.nan,
        max(greedy.values()) / greedy.total() if greedy else math.nan,
        _mean([repeats_question(text, question.text) for question, text in valid]),
        max(frames.values()) / frames.total() if frames else math.nan,
        _mean([decision(text) is not None for question, text in valid if is_polar(question.text)]),
        _mean([stated_number(text) is not None for question, text in valid if question.answer_type == "number"]),
        _mean([looping(text) for _, text in valid]),
        _mean([response.finish_reason == "length" for _, response in sampled]),
        _mean([not response.is_valid for _, response in sampled]),
    )


def frame(answer: str, question: str) -> str:
    """An answer with its content words blanked, as "it is …"; the question's words count as content."""
    content = set(content_words(answer, ""))
    asked = set(content_words(question, ""))
    parts: list[str] = []
    for word in words_of(answer):
        part = "…" if word in content or word in asked else word
        if part != "…" or parts[-1:] != ["…"]:
            parts.append(part)
    return " ".join(parts)


def looping(text: str) -> float:
    """The share of words that end a passage of up to 16 words which stands directly before itself, in [0, 1].

    It does not grow with length: a long text that uses a phrase again elsewhere has 0. No words: 0.
    """
    words = normalise(text).split()
    repeated = set()
    for length in range(1, min(_LONGEST_LOOP, len(words) // 2) + 1):
        for end in range(2 * length, len(words) + 1):
            if words[end - length : end] == words[end - 2 * length : end - length]:
                repeated.update(range(end - length, end))
    return len(repeated) / len(words) if words else 0.0


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else math.nan
