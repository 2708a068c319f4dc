"""Answers that state different things, whatever an encoder says of them: numbers, names, yes and no, opposites.

An encoder takes "12 dollars" and "156 dollars", "It is Bizet." and "It is Verdi.", "hot" and "cold" for nearly the
same; a reader does not. `disagreements` says of which pairs of answers to one question this is so (docs/methods.md §2).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from homog_core.measures.numbers import NUMBER_WORDS, numbers, stated_number
from homog_core.measures.short_answers import decision, denies, first_sentence, short_answer, singular
from homog_core.measures.words import content_words, fold, is_latin, is_negation, same_spelling, words_of

LONG = 40  # words; the last number of a longer text is no answer, and its names are not in the place of one
_SHORT = 8  # words; a longer text that only repeats a number of its question states none
_ANTONYMS = (
    "true/false right/wrong left/right hot/cold warm/cool warmer/colder hotter/cooler up/down above/below over/under "
    "before/after early/late earlier/later first/last more/less more/fewer most/least many/few increase/decrease "
    "increases/decreases rise/fall rises/falls gain/lose positive/negative north/south east/west northern/southern "
    "eastern/western big/small large/small larger/smaller bigger/smaller long/short longer/shorter high/low "
    "higher/lower fast/slow faster/slower old/young older/younger old/new light/dark heavy/light heavier/lighter "
    "wet/dry male/female man/woman men/women boy/girl king/queen father/mother day/night summer/winter spring/autumn "
    "open/closed alive/dead good/bad better/worse best/worst strong/weak stronger/weaker rich/poor full/empty "
    "legal/illegal possible/impossible safe/dangerous healthy/unhealthy same/different always/never all/none "
    "everything/nothing everyone/nobody with/without inside/outside land/sea black/white acid/base import/export"
)
_HOW_MANY = re.compile(r"\bhow (?:many|much|long|old|far|tall|high|deep|heavy|big|often)\b", re.IGNORECASE)
_CAPITALISED = re.compile(r"\b[^\W\d_a-z][\w’']*")
_OPPOSITES = frozenset(frozenset(map(singular, pair.split("/"))) for pair in _ANTONYMS.split())


@dataclass(frozen=True, slots=True)
class Statement:
    """What one answer states in the place of the answer."""

    text: str
    decision: bool | None  # yes or no
    denies: bool
    number: float | None
    numbers: frozenset[float]  # all of the answer
    said: frozenset[float]  # those of its first sentence that are not in the question
    decides_by_number: bool  # it calculates, or the question asks how many
    content: frozenset[str]  # content words of the short answer beyond the question's
    names: frozenset[
        str
    ]  # those of them that are names: with a capital letter, or of another script than the Latin one
    opening: frozenset[str]  # content words of the first sentence beyond the question's
    n_words: int


@lru_cache(maxsize=4096)  # every clusterer asks for the same ones
def statement(answer: str, question: str) -> Statement:
    """What an answer to a question states."""
    n_words = len(words_of(answer))
    short = short_answer(answer)
    written = {_key(word.lower()) for word in _CAPITALISED.findall(short)}
    content = frozenset(_key(word) for word in content_words(short, question))
    return Statement(
        text=answer,
        decision=decision(answer),
        denies=denies(answer),
        number=_number(answer, question, n_words),
        numbers=frozenset(numbers(answer)),
        said=frozenset(numbers(first_sentence(answer))) - frozenset(numbers(question)),
        decides_by_number="=" in answer or bool(_HOW_MANY.search(question)),
        content=content,
        names=frozenset(word for word in content if word in written or not is_latin(word) or not word.isalnum()),
        opening=frozenset(_key(word) for word in content_words(first_sentence(answer), question)),
        n_words=n_words,
    )


def statements(answers: Sequence[str], question: str) -> list[Statement]:
    """What each of the answers to a question states."""
    return [statement(answer, question) for answer in answers]


def disagreements(stated: Sequence[Statement]) -> np.ndarray:
    """Which pairs of answers to one question state different things: (N, N) booleans, symmetric."""
    distinct = list({one.text: one for one in stated}.values())
    place = {one.text: i for i, one in enumerate(distinct)}
    found = np.zeros((len(distinct), len(distinct)), dtype=bool)
    for i, one in enumerate(distinct):
        for j, other in enumerate(distinct[:i]):
            found[i, j] = found[j, i] = disagree(one, other)
    where = np.array([place[one.text] for one in stated], dtype=np.int64)
    return found[np.ix_(where, where)]


def disagree(one: Statement, other: Statement) -> bool:
    """Whether two answers state different decisions, numbers, names or opposites.

    The first that both state decides: what follows an equal yes, no or number is only said beside it.
    """
    if one.text == other.text:
        return False
    if None not in (one.decision, other.decision):
        return one.decision != other.decision
    if None not in (one.number, other.number):
        return numbers_differ(one, other)
    return names_differ(one, other) or are_opposites(one, other)


def numbers_differ(one: Statement, other: Statement) -> bool:
    """Whether both state a number, and not the same one.

    Where the answers calculate nothing and the question does not ask how many, two that name the same numbers in
    another order do not ("in 1969, with Apollo 11"), nor do longer ones whose first sentences share a number.
    """
    if None in (one.number, other.number) or one.number == other.number:
        return False
    if one.decides_by_number or other.decides_by_number:
        return True
    longer = max(one.n_words, other.n_words) > _SHORT
    return one.numbers != other.numbers and not (longer and one.said & other.said)


def names_differ(one: Statement, other: Statement) -> bool:
    """Whether each has a name, or a word of a script without capitals, in the place of the answer that the other lacks.

    Spellings of one name do not differ, nor does a part of a name from the whole of it, nor longer answers that share a
    name.
    """
    longest = max(one.n_words, other.n_words)
    if longest > LONG or (longest > _SHORT and one.names & other.names):
        return False
    return _lacks(one.names, other) and _lacks(other.names, one)


def are_opposites(one: Statement, other: Statement) -> bool:
    """Whether the only words in which they differ are a pair of opposites, or a negation."""
    ours, theirs = one.opening - other.opening, other.opening - one.opening
    if len(ours) == len(theirs) == 1:
        return frozenset({*ours, *theirs}) in _OPPOSITES
    differing = ours | theirs
    return min(one.n_words, other.n_words) > 1 and len(differing) == 1 and is_negation(next(iter(differing)))


def _lacks(names: frozenset[str], other: Statement) -> bool:
    """Whether one of the names is none of the other's words, in no spelling."""
    known = other.opening | other.content
    return any(name not in known and not any(same_spelling(name, word) for word in known) for name in names)


def _number(answer: str, question: str, n_words: int) -> float | None:
    if n_words > LONG:
        return None
    stated = stated_number(answer)
    repeats = n_words > _SHORT and "=" not in answer and stated in numbers(question)
    return None if repeats else stated


def _key(word: str) -> str:
    folded = fold(word)
    return folded if folded in NUMBER_WORDS or is_negation(folded) else singular(folded)
