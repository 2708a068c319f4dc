"""Whether answers are of the kind that the report cards were made from: English, and of at most 250 words."""

from collections.abc import Sequence
from typing import NamedTuple

from homog_core.measures.report_cards import LONGEST, is_longer
from homog_core.measures.words import is_latin, words_of

MOST_OUTSIDE = 0.1  # of the answers, that a card may hold for all the same
_ENGLISH = frozenset(
    "the of and to that it with are this by from which they you have has not be can there its their".split()  # noqa: SIM905
)
_LEAST_ENGLISH = 0.1  # of the words of English prose about a fifth are among these; of other languages hardly any
_PROSE, _LEAST_WORDS = 6, 60  # words of an answer that may tell the language, and of all of them together
_ENOUGH_WORDS = 20_000  # further ones are not read for it


class Domain(NamedTuple):
    """How many of some answers are of another kind than those that were read for the report cards."""

    n: int
    n_long: int  # in Latin letters, of more than 250 words
    n_other_script: int  # not in Latin letters
    is_other_language: bool  # the others are prose, and hardly a word of it is English

    @property
    def n_outside(self) -> int:
        """The answers that are outside."""
        return self.n if self.is_other_language else self.n_other_script + self.n_long

    @property
    def holds(self) -> bool:
        """Whether a report card holds for these answers."""
        return self.n_outside <= MOST_OUTSIDE * self.n


def domain_of(answers: Sequence[str]) -> Domain:
    """What kind of answers these are; of too little prose the language is taken to be English."""
    latin = [answer for answer in answers if answer.isascii() or is_latin(answer)]
    n_words, n_english = 0, 0
    for answer in latin:
        if n_words < _ENOUGH_WORDS and len(words := words_of(answer)) >= _PROSE:
            n_words += len(words)
            n_english += sum(word in _ENGLISH for word in words)
    return Domain(
        len(answers),
        sum(len(answer) > LONGEST and is_longer(len(words_of(answer))) for answer in latin),
        len(answers) - len(latin),
        n_words >= _LEAST_WORDS and n_english < _LEAST_ENGLISH * n_words,
    )
