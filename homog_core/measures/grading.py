"""An answer against its references → correct, incorrect, abstained or ambiguous (docs/methods.md §5).

Pure text; where incorrect references exist it is handed a similarity function and does not know what is behind it.
The policy that decided is part of every result, since published AUROCs move with it.
"""

import math
import re
import string
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from homog_core.errors import InvalidInput
from homog_core.measures.words import content_words, is_negation, last_number
from homog_core.records import Question, Response, strip_reasoning

Verdict = Literal["correct", "incorrect", "abstained", "ambiguous", "ungraded"]
Similarity = Callable[[str, Sequence[str]], np.ndarray]  # an answer, n references → n cosines
F1_THRESHOLD = 0.5
COSINE_MARGIN = 0.05
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation + "’‘“”–—…")
_DIGITS = {
    word: str(number)
    for number, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "  # noqa: SIM905
        "seventeen eighteen nineteen twenty".split()
    )
}
_REFUSALS = re.compile(
    r"\b(i (do not|don't|dont|don’t) know|i( am|'m|’m) not sure|i have no (comment|idea)|no one knows|"
    r"i (cannot|can't|can’t|am unable to) (answer|say|tell)|as an ai\b|it is not known|i( am|'m|’m) sorry)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Grade:
    """What an answer is worth, and the rule that said so."""

    verdict: Verdict
    policy: str  # refusal, number, phrase_or_f1, cosine_margin or none; part of every recipe line


def grade(question: Question, response: Response | str, similarity: Similarity | None = None) -> Grade:
    """Grade an answer against the references of its question.

    `number`: the last number of the answer equals a reference. `text`: a reference occurs as a whole phrase, or the
    token F1 reaches 0.5; where incorrect references exist, the best cosine to a correct one beats the best to an
    incorrect one by 0.05 (correct), the other way round (incorrect), or neither (ambiguous). Refusals abstain; an
    empty answer is incorrect; one that ended in an error and a question without references are ungraded. Raises
    `InvalidInput` where incorrect references exist and no `similarity` is given. Packages that grade TruthfulQA with a
    judge model differ from this.
    """
    answer = response.answer if isinstance(response, Response) else strip_reasoning(response)
    failed = isinstance(response, Response) and response.finish_reason == "error"
    if failed or not question.references:
        return Grade("ungraded", "none")
    if _REFUSALS.search(answer):
        return Grade("abstained", "refusal")
    if question.answer_type == "number":
        return Grade(_verdict(_same_number(answer, question.references)), "number")
    if not question.incorrect_references:
        return Grade(_verdict(matches(answer, question.references)), "phrase_or_f1")
    if similarity is None:
        raise InvalidInput(
            f"Question {question.id!r} has incorrect references, so grading it needs an encoder to compare with."
        )
    return Grade(_by_margin(answer, question, similarity), "cosine_margin")


def matches(answer: str, references: Iterable[str]) -> bool:
    """Whether a reference occurs in the answer as a whole phrase, or their token F1 is at least 0.5."""
    words = normalise(answer)
    return any(_has_phrase(words, normalise(r)) or token_f1(words, normalise(r)) >= F1_THRESHOLD for r in references)


def supported(question: Question, cosine: Similarity) -> Similarity:
    """`cosine`, corrected by the words: what `grade` is handed for answers of stored runs.

    1 where the reference occurs in the answer as a whole phrase; −1 for a correct reference that shares no content word
    with the answer beyond those of the question (all negations count as one word, number words up to twenty as their
    digits); otherwise the cosine. The cosine alone takes an answer that repeats the question for a correct one, since
    the correct references repeat it too: docs/decisions.md has the reading of 100 answers that showed it.
    """

    def similarity(answer: str, references: Sequence[str]) -> np.ndarray:
        words, content = normalise(answer), _content(answer, question)
        return np.array(
            [
                1.0
                if _has_phrase(words, normalise(reference))
                else -1.0
                if reference in question.references and not content & _content(reference, question)
                else value
                for reference, value in zip(references, cosine(answer, references), strict=True)
            ]
        )

    return similarity


def _content(text: str, question: Question) -> set[str]:
    words = content_words(text, question.text)
    return {"not" if is_negation(word) else _DIGITS.get(word, word) for word in words}


def normalise(text: str) -> str:
    """Lower case, without articles, punctuation and superfluous white space (the SQuAD normalisation)."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def token_f1(answer: str, reference: str) -> float:
    """Harmonic mean of precision and recall of words, counted with multiplicity. In [0, 1]; none in common: 0."""
    ours, theirs = answer.split(), reference.split()
    common = sum((Counter(ours) & Counter(theirs)).values())
    return 2 * common / (len(ours) + len(theirs)) if common else 0.0


def _verdict(correct: bool) -> Verdict:
    return "correct" if correct else "incorrect"


def _has_phrase(words: str, phrase: str) -> bool:
    return bool(phrase) and f" {phrase} " in f" {words} "


def _same_number(answer: str, references: Sequence[str]) -> bool:
    said = last_number(answer)
    return said is not None and any(
        math.isclose(said, value, rel_tol=1e-9) for r in references if (value := last_number(r)) is not None
    )


def _by_margin(answer: str, question: Question, similarity: Similarity) -> Verdict:
    if not answer:
        return "incorrect"
    right = float(np.max(similarity(answer, question.references)))
    wrong = float(np.max(similarity(answer, question.incorrect_references)))
    if abs(right - wrong) < COSINE_MARGIN:
        return "ambiguous"
    return _verdict(right > wrong)
