"""An answer against its references → correct, incorrect, abstained or ambiguous (docs/methods.md §5).

The short answer is located first (`short_answers`) and compared as a whole; a word that an answer merely shares with a
reference proves nothing. Pure text, no model. The policy that decided is part of every result, since published AUROCs
move with it. `python -m benchmarks.reading grades` says how often it agrees with readers, by stage.
"""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from homog_core.leftovers import answer_text
from homog_core.measures.numbers import find_numbers, numbers, plain, stated_number
from homog_core.measures.short_answers import (
    alternatives,
    decision,
    denies,
    first_sentence,
    implied_decision,
    is_list,
    is_polar,
    opening,
    short_answer,
    singular,
    without_contrast,
)
from homog_core.measures.words import content_words, is_negation, normalise, same_spelling
from homog_core.records import Question, Response

Verdict = Literal["correct", "incorrect", "abstained", "ambiguous", "ungraded"]
POLICIES = ("refusal", "number", "yes_no", "several", "short_answer", "none")  # the rules of `grade`
MATCH_THRESHOLD = 0.5  # the F1 of content words from which an answer is a reference
_DIFFERING = 0.6  # the same where each of the two has a word that the other lacks
_ALMOST = 0.49
_NAMED_FIRST = 0.9  # of two things that the question names, the one that the reference begins with
_REFUSALS = re.compile(
    r"\b(i (do not|don't|dont|don’t) know|i( am|'m|’m) not sure|i have no (comment|idea)|no one knows|"
    r"i (cannot|can't|can’t|am unable to) (answer|say|tell)|as an ai\b|it is not known|i( am|'m|’m) sorry)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Grade:
    """What an answer is worth, and the rule that said so."""

    verdict: Verdict
    policy: str  # one of `POLICIES`


def grade(question: Question, response: Response | str) -> Grade:
    """Grade an answer against the references of its question. The first rule that applies decides.

    - An answer that ended in an error, and a question without references: ungraded.
    - `refusal`: the first sentence says that it does not know → abstained.
    - `number`: for questions with numbers as answers the number that the answer states (`stated_number`); where a
      reference is nothing but a number, also the first one of the first sentence that is not in the question.
    - `yes_no`: for a yes-or-no question whose references decide, the answer's own yes or no.
    - `several`: an answer that offers several ("X or Y", "A. X B. Y") is correct if all of them are.
    - `short_answer`: `match` with a correct reference of at least 0.5, and better than with any incorrect one. Where
      incorrect references exist and the answer shares a content word with a correct one, no match is ambiguous.

    Packages that grade TruthfulQA with a judge model differ from this.
    """
    answer = response.answer if isinstance(response, Response) else answer_text(response)
    failed = isinstance(response, Response) and response.finish_reason == "error"
    if failed or not question.references:
        return Grade("ungraded", "none")
    if _REFUSALS.search(first_sentence(answer)):
        return Grade("abstained", "refusal")
    if question.answer_type == "number":
        wanted = [n for r in question.references if (n := stated_number(r)) is not None]
        said = _numbers_offered(answer) or [stated_number(answer)]
        return Grade(_verdict(all(_is_one_of([number], wanted) for number in said)), "number")
    return _grade_text(question, answer)


def _grade_text(question: Question, answer: str) -> Grade:
    right, wrong = question.references, question.incorrect_references
    if not normalise(answer):
        return Grade("incorrect", "short_answer")
    decided, wanted = implied_decision(answer, question.text), _wanted_decision(right)
    if is_polar(question.text) and decided is not None and wanted is not None:
        return Grade(_verdict(decided == wanted), "yes_no")
    as_numbers = [n for reference in right if (n := _whole_number(reference)) is not None]
    if as_numbers and (several := _numbers_offered(answer)):
        return Grade(_verdict(all(_is_one_of([number], as_numbers) for number in several)), "several")
    if as_numbers and numbers(answer):
        said = [stated_number(answer), *_new_numbers(first_sentence(answer), question.text)[:1]]
        return Grade(_verdict(_is_one_of(said, as_numbers)), "number")
    offered = alternatives(answer)
    if len(offered) > 1 and (is_list(answer) or not any(_is_whole(answer, reference) for reference in right)):
        return Grade(_verdict(all(matches(part, right, question.text) for part in offered)), "several")
    found, against = (best_match(answer, references, question.text) for references in (right, wrong))
    if found >= MATCH_THRESHOLD and found > against:
        return Grade("correct", "short_answer")
    if against > found or not wrong or not _shares_a_word(answer, right, question.text):
        return Grade("incorrect", "short_answer")
    return Grade("ambiguous", "short_answer")


def matches(answer: str, references: Iterable[str], question: str = "") -> bool:
    """Whether an answer is one of the references."""
    return best_match(answer, references, question) >= MATCH_THRESHOLD


def best_match(answer: str, references: Iterable[str], question: str = "") -> float:
    """The largest `match` of an answer with a reference; 0 without references."""
    return max((match(answer, reference, question) for reference in references), default=0.0)


def match(answer: str, reference: str, question: str = "") -> float:
    """How far an answer is a reference, in [0, 1].

    1 where the reference is the short answer, a whole phrase of the answer's first two sentences, or at least two
    content words that all occur there; 0 where one of the two denies and the other does not. Otherwise the F1 of the
    content words of both short answers beyond the question's; where each has a word that the other lacks ("Carol
    Smillie", "Carol Thatcher"), an F1 up to 0.6, or one with other numbers, counts as 0.49.
    """
    short, wanted = normalise(short_answer(answer)), normalise(reference)
    if short == wanted:
        return 1.0
    if not short or not wanted or denies(answer) != denies(reference):
        return 0.0
    ours, theirs = (_content(short_answer(text), question) for text in (answer, reference))
    begun = without_contrast(opening(answer))
    if _has_phrase(normalise(begun), wanted) and (theirs or not content_words(wanted, "")):
        return 1.0
    if len(theirs) > 1 and _n_common(theirs, _content(begun, question)) == len(theirs):
        return 1.0
    if " or " in question and f"{wanted} ".startswith(f"{short} "):  # of two things that the question names
        return _NAMED_FIRST
    common = _n_common(ours, theirs)
    f1 = 2 * common / (len(ours) + len(theirs)) if common else 0.0
    differ = common < min(len(ours), len(theirs)) and (f1 <= _DIFFERING or _other_numbers(ours, theirs))
    return min(f1, _ALMOST) if differ else f1


def _other_numbers(ours: frozenset[str], theirs: frozenset[str]) -> bool:
    """Whether each of two sets of words has a number that the other lacks, as two dates do."""
    mine, others = ({word for word in words if word[0].isdigit()} for words in (ours, theirs))
    return bool(mine - others and others - mine)


def _wanted_decision(references: Sequence[str]) -> bool | None:
    """The yes or no that most of the references decide on; None where none decides."""
    decided = [found for reference in references if (found := decision(reference)) is not None]
    return 2 * sum(decided) > len(decided) if decided else None


def _whole_number(reference: str) -> float | None:
    """The value of a reference that is nothing but a number."""
    found = find_numbers(reference)
    whole = len(found) == 1 and found[0].end - found[0].start >= len(plain(reference).strip(" ."))
    return found[0].value if whole else None


def _numbers_offered(answer: str) -> list[float]:
    """The numbers of a short answer that joins them by "or", as "4 or 5"; none where it states one."""
    parts = re.split(r"\s+or\s+", short_answer(answer))
    found = [numbers(part) for part in parts]
    return [number for own in found for number in own] if len(parts) > 1 and all(len(own) == 1 for own in found) else []


def _new_numbers(sentence: str, question: str) -> list[float]:
    """The numbers of a sentence that calculates nothing, without those of the question."""
    asked = numbers(question)
    return [] if "=" in sentence else [number for number in numbers(sentence) if number not in asked]


def _is_one_of(said: Iterable[float | None], wanted: Sequence[float]) -> bool:
    return any(s is not None and math.isclose(s, w, rel_tol=1e-9) for s in said for w in wanted)


def _is_whole(answer: str, reference: str) -> bool:
    """Whether the whole answer may be this reference: it is, or the reference joins several things itself."""
    return normalise(short_answer(answer)) == normalise(reference) or len(alternatives(reference)) > 1


def _shares_a_word(answer: str, references: Iterable[str], question: str) -> bool:
    ours = _content(opening(answer), question)
    return any(_n_common(ours, _content(reference, question)) for reference in references)


@lru_cache(maxsize=2048)  # an answer is compared with each reference, and each reference with all answers
def _content(text: str, question: str) -> frozenset[str]:
    """The content words beyond the question's: numbers as digits, all negations as one, nouns in the singular."""
    asked, found = set(numbers(question)), set()
    for word in content_words(text, question):
        value = numbers(word)
        if not value:
            found.add("not" if is_negation(word) else singular(normalise(word)))
        elif value[0] not in asked:
            found.add(f"{value[0]:g}")
    return frozenset(found)


def _n_common(ours: frozenset[str], theirs: frozenset[str]) -> int:
    """How many of our words are among theirs, other spellings of long words included."""
    left = theirs - ours
    return len(ours & theirs) + sum(any(same_spelling(word, other) for other in left) for word in ours - theirs)


def _has_phrase(words: str, phrase: str) -> bool:
    return bool(phrase) and f" {phrase} " in f" {words} "


def _verdict(correct: bool) -> Verdict:
    return "correct" if correct else "incorrect"
