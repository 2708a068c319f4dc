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
from homog_core.measures.numbers import Found, find_numbers, numbers, plain, stated
from homog_core.measures.short_answers import (
    alternatives,
    decision,
    denies,
    first_sentence,
    implied_decision,
    is_bound,
    is_list,
    is_polar,
    is_undecided,
    opening,
    short_answer,
    singular,
    without_contrast,
    without_question,
)
from homog_core.measures.spellings import uniform
from homog_core.measures.words import (
    NO_SPACES,
    content_words,
    is_negation,
    normalise,
    same_spelling,
    same_word,
    spell_signs,
    words_of,
)
from homog_core.records import Question, Response

Verdict = Literal["correct", "incorrect", "abstained", "ambiguous", "ungraded"]
POLICIES = ("refusal", "number", "yes_no", "several", "short_answer", "none")  # the rules of `grade`
MATCH_THRESHOLD = 0.5  # the F1 of content words from which an answer is a reference
_DIFFERING = 0.6  # the same where each of the two has a word that the other lacks
_ALMOST = 0.49
_NAMED_FIRST = 0.9  # of two things that the question names, the one that the reference begins with
_HTML = re.compile(r"</?(?:b|i|u|em|strong|code|p|br|span|div)\s*/?>", re.IGNORECASE)
_TITLES = frozenset({"saint", "mount", "fort", "doctor"})  # which say little beside a name
_SELDOM = 0.1  # share of references that are numbers, up to which an answer may be one of the others
_JOINED = 5  # letters from which two texts may be one word, written with a space or without
_SHORT_RANGE = 8  # words of "between 4 and 5 of them"; a longer text may say "to" of something else
_BETWEEN = re.compile(r"^between\s+(.+?)\s+and\s+", re.IGNORECASE)
_NUMBER = re.compile(r"(?<!\w)\d+(?:[ph]\d+)?n?")  # as `uniform` writes them
_MONTH = re.compile(r"month\d+")
_UNSPACED = re.compile(rf"[{NO_SPACES}]{{2,}}")
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
    answer = _HTML.sub("", response.answer if isinstance(response, Response) else answer_text(response))
    failed = isinstance(response, Response) and response.finish_reason == "error"
    if failed or not question.references:
        return Grade("ungraded", "none")
    if _REFUSALS.search(first_sentence(answer)):
        return Grade("abstained", "refusal")
    if question.answer_type == "number":
        wanted = [n for r in question.references if (n := stated(r)) is not None]
        said = _numbers_offered(answer) or [stated(answer)]
        is_right = all(_is_one_of([number], wanted) for number in said) and _bounds_alike(answer, question.references)
        return Grade(_verdict(is_right), "number")
    return _grade_text(question, answer)


def _grade_text(question: Question, answer: str) -> Grade:
    right, wrong = question.references, question.incorrect_references
    decided, wanted = implied_decision(answer, question.text), _wanted_decision(right)
    if is_polar(question.text) and is_undecided(answer):
        return Grade("incorrect", "several")
    if is_polar(question.text) and decided is not None and wanted is not None:
        return Grade(_verdict(decided == wanted), "yes_no")
    as_numbers = [n for reference in right if (n := _whole_number(reference)) is not None]
    if as_numbers and (several := _numbers_offered(answer)):
        return Grade(_verdict(all(_is_one_of([number], as_numbers) for number in several)), "several")
    if as_numbers and numbers(answer):
        said = [stated(answer), *_new_numbers(first_sentence(answer), question.text)[:1]]
        is_right = _is_one_of(said, as_numbers) and _bounds_alike(answer, right)
        seldom = all(number.is_percent for number in as_numbers) or len(as_numbers) < _SELDOM * len(right)
        texts = [reference for reference in right if _whole_number(reference) is None] if seldom else []
        if is_right or not matches(answer, texts, question.text):
            return Grade(_verdict(is_right), "number")
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
    answer, reference = spell_signs(answer), spell_signs(reference)
    answer, wanted = without_question(answer), _words(reference)
    if wanted and _words(short_answer(answer)) == wanted:
        return 1.0
    answer = answer if denies(reference) else without_contrast(answer)
    short = _words(short_answer(answer))
    if not wanted or not short:
        return float(bool(wanted == short and _signs(reference) and _signs(answer) == _signs(reference)))
    if short == wanted or _is_one_word(short, wanted):
        return 1.0
    if denies(answer) != denies(reference):
        return 0.0
    begun = _as_written_in(_words(opening(answer)), wanted)
    ours, theirs = (_content(short_answer(text), question) for text in (answer, reference))
    if _has_phrase(begun, wanted) and (theirs or not content_words(wanted, "")):
        return 1.0
    if len(theirs) > 1 and _n_common(theirs, _content(opening(answer), question)) == len(theirs):
        return 1.0
    if " or " in question and f"{wanted} ".startswith(f"{short} "):  # of two things that the question names
        return _NAMED_FIRST
    common = _n_common(ours, theirs)
    f1 = 2 * common / (len(ours) + len(theirs)) if common else 0.0
    differ = common < min(len(ours), len(theirs)) and (f1 <= _DIFFERING or _other_numbers(ours, theirs))
    return min(f1, _ALMOST) if differ else f1


def _words(text: str) -> str:
    """The words of a text in one way of writing, without articles, joined by one space."""
    return normalise(uniform(text))


def _signs(text: str) -> str:
    """A text that is nothing but signs, without what may stand around it, as "+" for "`+`."."""
    return text.strip(" \t\n`\"'“”‘’.")


def _is_one_word(short: str, wanted: str) -> bool:
    """Whether two texts differ in spaces alone, as "spider man" and "spiderman"; numbers never do."""
    joined = short.replace(" ", "")
    return len(joined) >= _JOINED and joined.isalpha() and joined == wanted.replace(" ", "")


def _as_written_in(words: str, wanted: str) -> str:
    """`words` with those that end in a particle as the reference has them, as "서울입니다" for "서울"."""
    if words.isascii() and "'" not in words:
        return words
    known = wanted.split()
    return " ".join(next((one for one in known if same_word(word, one)), word) for word in words.split())


def _other_numbers(ours: frozenset[str], theirs: frozenset[str]) -> bool:
    """Whether each of two sets of words has a number, or a month, that the other lacks, as two dates do."""
    of_kind = (lambda word: word[0].isdigit(), _MONTH.fullmatch)
    found = [[set(filter(is_one, words)) for words in (ours, theirs)] for is_one in of_kind]
    return any(mine - others and others - mine for mine, others in found)


def _wanted_decision(references: Sequence[str]) -> bool | None:
    """The yes or no that most of the references decide on; None where none decides."""
    decided = [found for reference in references if (found := decision(reference)) is not None]
    return 2 * sum(decided) > len(decided) if decided else None


@lru_cache(maxsize=2048)
def _whole_number(reference: str) -> Found | None:
    """The number that a reference is, if it is nothing but a number."""
    found = find_numbers(reference)
    whole = len(found) == 1 and found[0].end - found[0].start >= len(plain(reference).strip(" ."))
    return found[0] if whole else None


def _numbers_offered(answer: str) -> list[Found]:
    """The numbers of a short answer that joins them, as "4 or 5" and "between 4 and 5"; none where it states one."""
    short = short_answer(answer)
    for joined in (r"\s+or\s+", r"\s+(?:or|to)\s+") if len(words_of(short)) <= _SHORT_RANGE else (r"\s+or\s+",):
        found = [find_numbers(part) for part in re.split(joined, _BETWEEN.sub(r"\1 to ", short))]
        if len(found) > 1 and all(len(own) == 1 for own in found):
            return [number for own in found for number in own]
    return []


def _new_numbers(sentence: str, question: str) -> list[Found]:
    """The numbers of a sentence that calculates nothing, without those of the question."""
    asked = numbers(question)
    return [] if "=" in sentence else [number for number in find_numbers(sentence) if number.value not in asked]


def _is_one_of(said: Iterable[Found | None], wanted: Sequence[Found]) -> bool:
    """Whether one of the numbers is one that is wanted; of "50%" and "0.5" either may be said for the other."""
    return any(_are_equal(s, w) for s in said if s for w in wanted)


def _bounds_alike(answer: str, references: Iterable[str]) -> bool:
    """Whether an answer that only bounds its number has a reference that does so too."""
    return not is_bound(answer) or any(is_bound(reference) for reference in references)


def _are_equal(one: Found, other: Found) -> bool:
    if math.isclose(one.value, other.value, rel_tol=1e-9):
        return True
    if one.is_percent == other.is_percent:
        return False
    shares = [number.value / (100 if number.is_percent else 1) for number in (one, other)]
    return math.isclose(*shares, rel_tol=1e-9)


def _is_whole(answer: str, reference: str) -> bool:
    """Whether the whole answer may be this reference: it is, or the reference joins several things itself."""
    return _words(short_answer(answer)) == _words(reference) or len(alternatives(reference)) > 1


def _shares_a_word(answer: str, references: Iterable[str], question: str) -> bool:
    ours = _content(opening(answer), question)
    return any(_n_common(ours, _content(reference, question)) for reference in references)


@lru_cache(maxsize=2048)  # an answer is compared with each reference, and each reference with all answers
def _content(text: str, question: str) -> frozenset[str]:
    """The content words beyond the question's: numbers as digits, all negations as one, nouns in the singular.

    Of a script without spaces two neighbouring characters are a word: one alone says little.
    """
    said, asked = uniform(spell_signs(text)), uniform(spell_signs(question))
    found = _pairs(said) - _pairs(asked)
    asked_numbers = set(_NUMBER.findall(asked))
    for word in content_words(_UNSPACED.sub(" ", said), asked):
        number = _NUMBER.match(word)
        value = numbers(word) if word.isalpha() else []
        key = number[0] if number else f"{value[0]:g}" if value else "not" if is_negation(word) else ""
        if (key := key or singular(normalise(word))) not in asked_numbers:
            found.add(key)
    return frozenset(found - _TITLES or found)


def _pairs(text: str) -> set[str]:
    """The pairs of neighbouring characters in a text, as far as its script has no spaces."""
    return {run[i : i + 2] for run in _UNSPACED.findall(text) for i in range(len(run) - 1)}


def _n_common(ours: frozenset[str], theirs: frozenset[str]) -> int:
    """How many of our words are among theirs, other spellings of long words included."""
    left = theirs - ours
    return len(ours & theirs) + sum(any(same_spelling(word, other) for other in left) for word in ours - theirs)


def _has_phrase(words: str, phrase: str) -> bool:
    return bool(phrase) and f" {phrase} " in f" {words} "


def _verdict(correct: bool) -> Verdict:
    return "correct" if correct else "incorrect"
