"""Answers that state different things, whatever an encoder says of them: numbers, names, yes and no, opposites.

An encoder takes "12 dollars" and "156 dollars", "It is Bizet." and "It is Verdi.", "hot" and "cold" for nearly the
same; a reader does not. `disagreements` says of which pairs of answers to one question this is so (docs/methods.md §2).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.sparse import csr_matrix

from homog_core.measures.numbers import NUMBER_WORDS, numbers, stated_number
from homog_core.measures.overlap import incidence, shared_counts
from homog_core.measures.short_answers import decision, denies, first_sentence, short_answer, singular
from homog_core.measures.words import content_words, fold, is_latin, is_negation, same_spellings, words_of

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
    """Which pairs of answers to one question state different decisions, numbers, names or opposites.

    The first that both state decides: what follows an equal yes, no or number is only said beside it. Returns (N, N)
    booleans, symmetric; equal texts never disagree.
    """
    distinct = list({one.text: one for one in stated}.values())
    place = {one.text: i for i, one in enumerate(distinct)}
    found = names_differ(distinct) | are_opposites(distinct)
    found = np.where(_both([one.number is not None for one in distinct]), numbers_differ(distinct), found)
    decides = [one.decision is not None for one in distinct]
    decided = np.array([bool(one.decision) for one in distinct], dtype=bool)
    found = np.where(_both(decides), decided[:, None] != decided, found)
    np.fill_diagonal(found, False)
    where = np.array([place[one.text] for one in stated], dtype=np.int64)
    return found[np.ix_(where, where)]


def numbers_differ(stated: Sequence[Statement]) -> np.ndarray:
    """Which pairs both state a number, and not the same one: (N, N) booleans.

    Where the answers calculate nothing and the question does not ask how many, two that name the same numbers in
    another order do not ("in 1969, with Apollo 11"), nor do longer ones whose first sentences share a number.
    """
    number = np.array([0.0 if one.number is None else one.number for one in stated], dtype=np.float64)
    differ = _both([one.number is not None for one in stated]) & (number[:, None] != number)
    decides = np.array([one.decides_by_number for one in stated], dtype=bool)
    known: dict[frozenset[float], int] = {}
    of_all = np.array([known.setdefault(one.numbers, len(known)) for one in stated], dtype=np.int64)
    share = (_longer(stated) > _SHORT) & (shared_counts([one.said for one in stated]) > 0)
    return differ & (decides[:, None] | decides | ((of_all[:, None] != of_all) & ~share))


def names_differ(stated: Sequence[Statement]) -> np.ndarray:
    """Which pairs have each a name in the place of the answer that the other lacks: (N, N) booleans.

    A word of a script without capitals is taken for a name. Spellings of one name do not differ, nor does a
    part of a name from the whole of it, nor longer answers that share a name.
    """
    longer = _longer(stated)
    compared = (longer <= LONG) & ~((longer > _SHORT) & (shared_counts([one.names for one in stated]) > 0))
    lacks = _lacks(stated)
    return compared & lacks & lacks.T


def are_opposites(stated: Sequence[Statement]) -> np.ndarray:
    """Which pairs differ in their first sentences only by a pair of opposites, or by a negation: (N, N) booleans."""
    shared = shared_counts([one.opening for one in stated])
    ours = np.diag(shared)[:, None] - shared  # words of the one that the other lacks
    opposite = (ours == 1) & (ours.T == 1) & _have_opposites(stated)
    n_negations = np.array([sum(map(is_negation, one.opening)) for one in stated], dtype=np.int64)
    shorter = np.minimum.outer(_lengths(stated), _lengths(stated))
    negated = (ours + ours.T == 1) & (n_negations[:, None] != n_negations) & (shorter > 1)
    return opposite | negated


def _both(holds: Sequence[bool]) -> np.ndarray:
    """Of which pairs something holds for both: (N, N)."""
    of_one = np.array(holds, dtype=bool)
    return of_one[:, None] & of_one


def _lengths(stated: Sequence[Statement]) -> np.ndarray:
    return np.array([one.n_words for one in stated], dtype=np.int64)


def _longer(stated: Sequence[Statement]) -> np.ndarray:
    """The words of the longer answer of each pair (N, N)."""
    return np.maximum.outer(_lengths(stated), _lengths(stated))


def _lacks(stated: Sequence[Statement]) -> np.ndarray:
    """Where one of the one's names is none of the other's words, in no spelling: (N, N)."""
    names, of_names = incidence([one.names for one in stated])
    words, of_words = incidence([one.opening | one.content for one in stated])
    name, word = same_spellings(names, words).T
    spelled = csr_matrix((np.ones(len(name), dtype=np.int64), (name, word)), (len(names), len(words)))
    unsaid = ((spelled @ of_words.T).toarray() == 0).astype(np.int64)  # (names, N)
    return (of_names @ unsaid) > 0


def _have_opposites(stated: Sequence[Statement]) -> np.ndarray:
    """Where the one has the one word of a pair of opposites without the other, and the other the other way: (N, N)."""
    used = frozenset().union(*(one.opening for one in stated))
    pairs = [tuple(pair) for pair in _OPPOSITES if len(pair) == 2 and pair <= used]
    if not pairs:
        return np.zeros((len(stated), len(stated)), dtype=bool)
    has = np.array([[[word in one.opening for word in pair] for pair in pairs] for one in stated])  # (N, pairs, 2)
    first, second = (has[..., k] & ~has[..., 1 - k] for k in (0, 1))
    meet = first.astype(np.int32) @ second.astype(np.int32).T
    return (meet + meet.T) > 0


def _number(answer: str, question: str, n_words: int) -> float | None:
    if n_words > LONG:
        return None
    stated = stated_number(answer)
    repeats = n_words > _SHORT and "=" not in answer and stated in numbers(question)
    return None if repeats else stated


def _key(word: str) -> str:
    folded = fold(word)
    return folded if folded in NUMBER_WORDS or is_negation(folded) else singular(folded)
