"""The words of a text in any script, and what is left of an answer without those of its question."""

import re
import unicodedata
from collections.abc import Sequence
from difflib import SequenceMatcher
from functools import lru_cache

import numpy as np
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

NO_SPACES = (  # scripts that write without spaces between words: every character counts as a word
    r"\u0e00-\u0e7f\u0e80-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
)
_INDIC = r"\u0900-\u0dff"  # their vowel signs are no letters to `re`, and are part of a word
_EMOJI = r"\u2600-\u27bf\U0001f1e6-\U0001faff"
_LETTER = rf"(?:[^\W{NO_SPACES}]|[{_INDIC}])"
_WORD = re.compile(rf"[{NO_SPACES}]|{_LETTER}+(?:['’]{_LETTER}+)?|[{_EMOJI}]")
_VOWEL_SIGNS = (0, 7, 8, 9)  # combining classes of the marks without which other words remain; 103 and up likewise
_PUNCTUATION = re.compile(rf"[^\w\s{NO_SPACES}{_INDIC}{_EMOJI}]|_")
_BETWEEN_DIGITS = re.compile(r"(?<=\d)[./](?=\d)")
_SPELLING = 0.9  # similarity from which two words are spellings of one
_LONG_ENOUGH = 5  # letters of a word that may have another spelling
_SHORTEST_STEM = 2  # letters of a word that may have a particle
_PARTICLES = re.compile(
    r"(?:은|는|이|가|을|를|의|에|에서|로|으로|와|과|도|에게)|"
    r"(?:이|가)?(?:입니다|이에요|에요|예요|이다|다|이라고|라고|이었다|이었습니다|였습니다|였다)(?:요)?"
)
_PAIRS = 1 << 22  # of words, held at once
_ROUNDING = 1e-6
_ARTICLES = re.compile(r"\b(?:(?i:the|an)|a|A(?=\s+[a-z]))\b")  # not the A of "vitamin A"
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


_SIGNS = (  # that make another name: C++, C#, .NET, A*, O+, AT&T
    (re.compile(r"(?<=\w)\+\+(?!\w)"), "plusplus"),
    (re.compile(r"\b([A-Za-z])#(?!\w)"), r"\1sharp"),
    (re.compile(r"(?<![\w.])\.(?=[A-Za-z]{2,}\b)"), "dot"),
    (re.compile(r"(?<=[a-z])\.(?=[a-z]{2,3}\b)"), ""),  # Node.js
    (re.compile(r"(?<![\w*])([A-Z])\*(?![\w*])"), r"\1star"),
    (re.compile(r"(?<!\w)([A-Z][A-Za-z]?\d?)\+(?!\w)"), r"\1plus"),
    (re.compile(r"(?<!\w)([A-Z]{1,2}\d?)[-−](?![\w.-])"), r"\1minus"),
    (re.compile(r"\b([A-Z]{1,2})\s?&\s?([A-Z]{1,2})\b"), r"\1and\2"),
)


_SIGNED = re.compile(r"[+#*&]|\.[A-Za-z]|[A-Z]\d?[-−]")  # what each of them needs


def spell_signs(text: str) -> str:
    """`text` with the signs in names as letters, since "C", "C++" and "C#" are three."""
    if not _SIGNED.search(text):
        return text
    for pattern, letters in _SIGNS:
        text = pattern.sub(letters, text)
    return text


def words_of(text: str) -> list[str]:
    """The words of a text, lower-cased, in any script.

    A character of a script without spaces (Chinese, Japanese, Thai …) and an emoji are a word each.
    """
    return _WORD.findall(text.lower())


def fold(text: str) -> str:
    """`text` in one spelling: NFKC, case folded, without accents. Vowel signs that make another word stay."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text).casefold())
    kept = (c for c in decomposed if (mark := unicodedata.combining(c)) in _VOWEL_SIGNS or 84 <= mark <= 132)
    return unicodedata.normalize("NFC", "".join(kept))


@lru_cache(maxsize=2048)  # the references of a question are compared with each of its answers
def normalise(text: str) -> str:
    """Folded (`fold`), without articles, punctuation and superfluous white space; words joined by one space.

    As the normalisation of SQuAD, for every script: "½" is read as it is written out, a Chinese character is a word.
    """
    folded = fold(_ARTICLES.sub(" ", text)).replace("-", " ").replace("⁄", "/")
    plain = _PUNCTUATION.sub("", _BETWEEN_DIGITS.sub(" ", folded))
    return " ".join(words_of(plain)) or " ".join(words_of(_PUNCTUATION.sub("", fold(text))))


def same_word(word: str, wanted: str) -> bool:
    """Whether a word is another one, or that one with a particle of Korean or an ending behind an apostrophe."""
    if word == wanted:
        return True
    if len(wanted) < _SHORTEST_STEM or not word.startswith(wanted):
        return False
    ending = word[len(wanted) :]
    return ending[0] in "'’" or bool(_PARTICLES.fullmatch(ending))


@lru_cache(maxsize=4096)
def same_spelling(word: str, other: str) -> bool:
    """Whether two words of five letters or more are spellings of one, as "colour" and "color"."""
    shorter, longer = sorted((len(word), len(other)))
    if shorter < _LONG_ENOUGH or 2 * shorter < _SPELLING * (shorter + longer):
        return False
    if not (word.isalpha() and other.isalpha()):
        return False
    return SequenceMatcher(None, word, other).ratio() >= _SPELLING


def same_spellings(words: Sequence[str], others: Sequence[str]) -> np.ndarray:
    """Which words are equal to, or spellings of (`same_spelling`), which others: (P, 2) places in the two.

    Two spellings share nine letters of ten, in whatever order; only pairs that do are looked at one by one.
    """
    number = {word: i for i, word in enumerate(others)}
    found = [(i, number[word]) for i, word in enumerate(words) if word in number]
    ours, theirs = (
        [i for i, word in enumerate(own) if len(word) >= _LONG_ENOUGH and word.isalpha()] for own in (words, others)
    )
    letters = _letters([*(words[i] for i in ours), *(others[i] for i in theirs)])
    mine, their = letters[: len(ours)], letters[len(ours) :]
    for start in range(0, len(ours), step := max(1, _PAIRS // max(len(theirs), 1))):
        part = mine[start : start + step]
        sizes = np.add.outer(part.sum(axis=1), their.sum(axis=1))
        near = np.argwhere(2 * (part @ their.T) >= (_SPELLING - _ROUNDING) * sizes)
        pairs = [(ours[start + i], theirs[j]) for i, j in near]
        found += [(i, j) for i, j in pairs if words[i] != others[j] and same_spelling(words[i], others[j])]
    return np.array(found, dtype=np.int64).reshape(-1, 2)


def _letters(words: Sequence[str]) -> np.ndarray:
    """The letters of words as ones, an own column for the first, the second … occurrence of a letter: (W, L)."""
    column: dict[tuple[str, int], int] = {}
    places = []
    for row, word in enumerate(words):
        seen: dict[str, int] = {}
        for letter in word:
            seen[letter] = seen.get(letter, 0) + 1
            places.append((row, column.setdefault((letter, seen[letter]), len(column))))
    found = np.zeros((len(words), len(column)), dtype=np.float32)
    if places:
        found[tuple(np.array(places).T)] = 1.0
    return found


def is_latin(text: str) -> bool:
    """Whether most letters of a text are Latin, which is what the included encoders have seen. No letters: True."""
    letters = [c for c in text if c.isalpha()]
    return sum(unicodedata.name(c, "").startswith(("LATIN", "FULLWIDTH LATIN")) for c in letters) * 2 >= len(letters)


def mask_answer(answer: str, question: str) -> str:
    """`answer` without function words and without the words it repeats from `question`, lower-cased.

    Negations and numbers always stay. An answer of which nothing is left is returned whole. This is what the
    clusterer `embedding_masked` encodes: the cosine of two answers to one question otherwise measures the question.
    """
    kept = content_words(answer, question)
    return " ".join(kept) if kept else answer


def content_words(text: str, question: str) -> list[str]:
    """The words of `text`, lower-cased, without function words and those of `question`; negations and numbers stay."""
    repeated = _different_words(question)
    return [word for word in words_of(text) if _always_stays(word) or not _drops(word, repeated)]


@lru_cache(maxsize=1 << 14)  # words repeat
def is_negation(word: str) -> bool:
    """Whether a lower-cased word says no, as `not`, `never` and `isn't` do."""
    plain = word.replace("'", "").replace("’", "")
    return plain in _NEGATIONS or (plain.endswith("nt") and plain != word)


@lru_cache(maxsize=16)  # all answers to a question are looked at one after the other
def _different_words(question: str) -> frozenset[str]:
    return frozenset(words_of(question))


def _always_stays(word: str) -> bool:
    return is_negation(word) or word in _NUMBER_WORDS or word[0].isdigit()


def _drops(word: str, repeated: frozenset[str]) -> bool:
    return word in FUNCTION_WORDS or word in repeated
