"""The words and numbers of an answer: what is left of it without the question, and the numbers that it names."""

import re
from collections.abc import Sequence

import numpy as np
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

_NUMBER = re.compile(r"(?:(?<![\w.)])-)?(?:\d[\d,]*(?:\.\d+)?|\.\d+)")  # the minus of "20-5" is no sign
_WORD = re.compile(r"\w+(?:['’]\w+)?")
_NEGATIONS = frozenset(
    "no not never nor neither none nobody nothing nowhere cannot cant couldnt hasnt without hardly".split()  # noqa: SIM905
)
_NUMBER_WORDS = frozenset(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "  # noqa: SIM905
    "seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million "
    "billion half quarter dozen once twice first second third fourth fifth sixth seventh eighth ninth tenth".split()
)
_NO_FUNCTION_WORDS = frozenset(  # in scikit-learn's list, but with a meaning of their own
    "full empty thick thin fire bill system cry top bottom front back side amount describe detail find found fill "  # noqa: SIM905
    "interest mill mine move name part serious show sincere call give take keep made beyond above below under over "
    "before after up down off out less more most least few many every all always last own same other alone".split()
)
FUNCTION_WORDS = (ENGLISH_STOP_WORDS | {"does", "did", "doing"}) - _NEGATIONS - _NUMBER_WORDS - _NO_FUNCTION_WORDS


def mask_answer(answer: str, question: str) -> str:
    """`answer` without function words and without the words it repeats from `question`, lower-cased.

    Negations and numbers always stay. An answer of which nothing is left is returned whole. This is what the
    clusterer `embedding_masked` encodes: the cosine of two answers to one question otherwise measures the question.
    """
    kept = content_words(answer, question)
    return " ".join(kept) if kept else answer


def content_words(text: str, question: str) -> list[str]:
    """The words of `text`, lower-cased, without function words and those of `question`; negations and numbers stay."""
    repeated = {word.lower() for word in _WORD.findall(question)}
    return [word for word in _WORD.findall(text.lower()) if _always_stays(word) or not _drops(word, repeated)]


def is_negation(word: str) -> bool:
    """Whether a lower-cased word says no, as `not`, `never` and `isn't` do."""
    plain = word.replace("'", "").replace("’", "")
    return plain in _NEGATIONS or (plain.endswith("nt") and plain != word)


def last_number(text: str) -> float | None:
    """The last number of a text, thousands separators and units removed; None where there is none."""
    found = numbers(text)
    return found[-1] if found else None


def numbers(text: str) -> list[float]:
    """The numbers of a text in their order, thousands separators removed."""
    return [float(number.replace(",", "")) for number in _NUMBER.findall(text)]


def numbers_disagree(answers: Sequence[str]) -> np.ndarray:
    """Which pairs of answers end on different numbers, neither of which the other names: (N, N) booleans.

    An encoder takes "12 dollars" and "156 dollars" for nearly the same; a person does not. An answer without a number
    disagrees with none, nor do two that name the same numbers in another order ("in 1969, with Apollo 11").
    """
    found = [numbers(answer) for answer in answers]
    return np.array(
        [[bool(a and b) and a[-1] not in b and b[-1] not in a for b in found] for a in found], dtype=bool
    ).reshape(len(found), len(found))


def _always_stays(word: str) -> bool:
    return is_negation(word) or word in _NUMBER_WORDS or word[0].isdigit()


def _drops(word: str, repeated: set[str]) -> bool:
    return word in FUNCTION_WORDS or word in repeated
