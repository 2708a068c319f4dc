"""Where an answer answers: its short answer, its yes or no, and whether it names several answers at once.

Rules for English, with yes and no in some other languages; a text that no rule fits is its own short answer.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from homog_core.measures.numbers import numbers, stated_number
from homog_core.measures.sentences import split_sentences
from homog_core.measures.words import content_words, is_negation, words_of

_MARKER = re.compile(
    r"\b(?:answer|solution)(?:\s+to\s+(?:this|the|that|your)\s+\w+)?\s*(?:(?:is|was|would be)\b|:)\s*:?"
    r"|^\W*(?:final\s+)?(?:answer|solution)\W*\n",
    re.IGNORECASE,
)
_LEAD = re.compile(
    r"^(?:(?:so|thus|therefore|hence|well|ok|okay|sure|of course|in (?:this|that) case|in fact|actually)\b[,:]?\s+)*"
    r"(?:(?:it|that|this|there|they|he|she|these|those)(?:['’](?:s|re)|\s+(?:is|are|was|were|would be))\s+)?"
    r"(?:(?:called|named|known as|probably|likely|most likely|about|approximately|around|just|only)\s+)*",
    re.IGNORECASE,
)
_MARKDOWN = re.compile(r"[*_`#>]{1,3}(?=\S)|(?<=\S)[*_`]{1,3}")
_LETTERED = re.compile(r"(?:^|\s)\(?A[.):]\s.*\s\(?B[.):]\s", re.DOTALL)
_NUMBERED = re.compile(r"(?:^|\s)\(?1[.)]\s.*\s\(?2[.)]\s", re.DOTALL)
_OR = re.compile(r"[\s-]+or[\s-]+|[\s-]+and[\s-]+|\s*&\s*|\s*/\s*(?=[^\W\d])", re.IGNORECASE)
_YES = "yes yeah yep yup true correct right affirmative certainly definitely absolutely indeed oui si sí ja да はい"
_NO = "no nope nah false incorrect wrong not never non nein nee нет いいえ 不 不是 否 لا"
_DECISIONS = {
    **dict.fromkeys([*_YES.split(), "是", "是的", "对", "نعم"], True),
    **dict.fromkeys([*_NO.split(), "不是的"], False),
}
_YES_ALONE = frozenset({"sure", "of course"})  # before a comma they open any answer
_EMPHASIS = frozenset("certainly definitely absolutely indeed".split())  # noqa: SIM905
_GOES_ON = (  # the words that may follow a yes or no which is an answer; a name goes on with others
    "it|they|he|she|we|i|you|there|this|that|these|those|the|a|an|of|is|are|was|were|do|does|did|has|have|had|can|could|"
    "will|would|not|because|but|and|as|since|in|on|really|at|exactly|necessarily|quite|yet"
)
_AFTER_DECISION = re.compile(rf"\s*(?:$|[,.;:!?)—–。，！、،-]|(?:{_GOES_ON})\b)")
_AUXILIARIES = frozenset(
    "do does did is are was were am can could will would has have had should shall may might must don't doesn't didn't "  # noqa: SIM905
    "isn't aren't wasn't weren't can't couldn't won't wouldn't hasn't haven't shouldn't".split()
)
_LATE = re.compile(r"\b(?:answer (?:is|would be)|so|therefore|thus|hence)[,:]?\s+(yes|no|true|false)\b", re.IGNORECASE)
_CONTRAST = re.compile(
    r"(?:,\s+(?:and\s+)?(?:not|nicht|pas|не)|,?\s+(?:rather than|instead of|as opposed to))\s+[^,.;]*"
    r"|,\s+(?:is|was|are|were)n['’]t\s+(?:it|he|she|that|they)\?"  # asked for agreement
)
_CONTRAST_FIRST = re.compile(  # "Not Rome but Paris", "It's not Rome, it's Paris"
    r"^\W*(?:it(?:['’]s|\s+is|\s+was)\s+)?not\s+(?!only\b)[^,.;?!]{1,80}(?:,?\s+but|[,;.]\s+it(?:['’]s|\s+is|\s+was))\s+",
    re.IGNORECASE,
)
_ASKED_FIRST = re.compile(r"^[^?.!]{1,80}\?\s+No\b[,.:;!]*\s+")
_OTHER_NEGATIONS = re.compile(  # than English ones; of scripts without spaces those that are part of no other word
    r"(?<!\w)(?:nicht|keine?[mnrs]?|pas|jamais|nunca|jamás|não|nem|не|нет|nie|niet|geen|inte|ikke|değil|"
    r"không|bukan|tidak|नहीं|ليس|ليست|لم|لن|لا|نیست|لیس|לא|אינו|אינה|δεν|όχι)(?![\w-])|^\W*non\s|"
    r"\b(?:anything|everything|anyone|everyone) but\b|"
    r"不是|并非|並非|没有|沒有|而非|では?な[いく]|じゃな[いく]|(?:では|じゃ)?ありません|아니|아닙|않|ไม่",
    re.IGNORECASE,
)
_UNDECIDED = re.compile(r"\W*yes (?:and|or) no\b", re.IGNORECASE)
_BOUND = re.compile(r"(?:not|(?:no )?(?:more|less|fewer) than|at (?:least|most))\b", re.IGNORECASE)
_ASIDE = re.compile(r"\s*(?:\([^()]*\)|\[[^\[\]]*\])")
_COMMAS = re.compile(r"\s*,\s*(?:(?:and|or|&)\s+)?", re.IGNORECASE)
_SHORT_ITEM = 3  # words of one of several answers with commas between them
_SHORT_PART = 6  # words of one of several answers
_BARE = 4  # words of a first sentence that is an answer by itself
_MOST_READ = 2000  # characters in which several answers are looked for
_TEXTS = 2048  # remembered: many rules ask the same of one answer, and of the references of its question
_SAID_AGAIN = 0.6  # share of the question's content words that a sentence repeats when it answers as a statement


@lru_cache(maxsize=_TEXTS)
def short_answer(answer: str) -> str:
    """The span of an answer that answers: what follows "the answer is", or else its first sentence.

    Openings such as "It is" and a closing stop are left out, and so is Markdown. An empty text stays empty.
    """
    text = _ASIDE.sub("", _MARKDOWN.sub("", answer)).strip() or answer.strip()
    marker = _MARKER.search(text)
    if marker and text[marker.end() :].strip():
        text = text[marker.end() :]
    first = first_sentence(text)
    bare = _LEAD.sub("", first, count=1).strip(" \t\n.,;:!\"'“”‘’()[]")
    return bare or first


@lru_cache(maxsize=_TEXTS)
def first_sentence(text: str) -> str:
    """The first sentence of the first line that has words; "" for a text without any."""
    for line in text.splitlines():
        sentences = [sentence for sentence in split_sentences(line) if words_of(sentence)]
        if sentences:
            return sentences[0]
    return text.strip()


def is_bound(answer: str) -> bool:
    """Whether a short answer only says what a number is above or below, or is not: "more than 7", "not 7"."""
    return bool(_BOUND.match(short_answer(answer)))


def opening(answer: str) -> str:
    """Where what an answer says is to be found: its first two sentences, or the first one where that is an answer.

    The first one is enough if it is short, or if it says "the answer is".
    """
    first = first_sentence(answer)
    if len(words_of(first)) <= _BARE or _MARKER.search(first):
        return first
    return " ".join(split_sentences(answer[:_MOST_READ])[:2])


@lru_cache(maxsize=_TEXTS)
def is_polar(question: str) -> bool:
    """Whether a question asks for yes or no: its last clause begins with an auxiliary verb, and offers no choice."""
    last = (split_sentences(question) or [""])[-1]
    clause = re.split(r"[,:;]\s+", last)[-1]
    asks = any(words_of(part)[:1] and words_of(part)[0] in _AUXILIARIES for part in (last, clause))
    return asks and not re.search(r"\bor\b(?!\s+not\b)", last, re.IGNORECASE)


@lru_cache(maxsize=_TEXTS)
def decision(answer: str) -> bool | None:
    """The yes (True) or no (False) that an answer decides on, by its first word or after "the answer is"; else None."""
    late = _LATE.search(answer)
    if late:
        return _DECISIONS[late[1].lower()]
    begun = short_answer(answer).lower()
    words = words_of(begun)
    if not words or _UNDECIDED.match(begun):
        return None
    if begun in _YES_ALONE:
        return True
    if begun in _DECISIONS:
        return _DECISIONS[begun]
    if words[0] in _EMPHASIS and words[1:2] in (["not"], ["no"]):
        return False
    follows = _AFTER_DECISION.match(begun, len(words[0])) if begun.startswith(words[0]) else None
    return _DECISIONS.get(words[0]) if follows else None


@lru_cache(maxsize=_TEXTS)
def denies(answer: str) -> bool:
    """Whether the first sentence of an answer says no: by its decision, or by an odd number of negations.

    "Neither … nor" is one. Negations of some other languages count too.
    """
    decided = decision(answer)
    if decided is not None:
        return not decided
    said = without_contrast(_ASIDE.sub("", first_sentence(answer)))
    words = words_of(said)
    n_negations = sum(is_negation(word) for word in words) - (words.count("nor") if "neither" in words else 0)
    return (n_negations + len(_OTHER_NEGATIONS.findall(said))) % 2 == 1


def without_contrast(text: str) -> str:
    """A text without what it only sets itself off from, as ", not red", "rather than red" or "not red but"."""
    return _CONTRAST.sub("", _CONTRAST_FIRST.sub("", text))


def without_question(text: str) -> str:
    """A text without what it only asks and denies first, as "Rome? No," of "Rome? No, Paris"."""
    return _ASKED_FIRST.sub("", text)


def is_undecided(answer: str) -> bool:
    """Whether an answer begins with yes and no at once."""
    return bool(_UNDECIDED.match(answer))


def implied_decision(answer: str, question: str) -> bool | None:
    """The `decision`, or that of an answer which states the question again: yes, or no where it negates it."""
    decided = decision(answer)
    if decided is not None:
        return decided
    if is_undecided(answer):
        return None
    asked = {singular(word) for word in content_words(question, "")}
    said = {singular(word) for word in content_words(first_sentence(answer), "")}
    if not asked or len(asked & said) < _SAID_AGAIN * len(asked):
        return None
    return not denies(answer)


def alternatives(answer: str) -> list[str]:
    """The answers that a short answer offers at once: lettered, numbered, joined by "or", or three or more with commas.

    One where it offers one.
    """
    text = answer.strip()[:_MOST_READ]
    for is_list, mark in ((_LETTERED, r"(?:^|\s)\(?[A-Z][.):]\s"), (_NUMBERED, r"(?:^|\s)\(?\d[.)]\s")):
        if is_list.search(text):
            parts = [part.strip() for part in re.split(mark, text) if part.strip()]
            if all(len(words_of(part)) <= _SHORT_PART for part in parts):
                return parts
    short = short_answer(text)
    parts = _COMMAS.split(short)
    return parts if _are_items(parts) else _OR.split(short) if len(words_of(short)) <= _SHORT_PART else [short]


def _are_items(parts: Sequence[str]) -> bool:
    """Whether three or more parts of a text are items of a list, and no parts of a sentence."""
    are_short = all(0 < len(words_of(part)) <= _SHORT_ITEM and ":" not in part and not numbers(part) for part in parts)
    return len(parts) > 2 and are_short and len({part[0].isupper() for part in parts[1:]}) == 1


def is_list(answer: str) -> bool:
    """Whether an answer offers several answers as a lettered or numbered list."""
    text = answer.strip()[:_MOST_READ]
    return bool(_LETTERED.search(text) or _NUMBERED.search(text)) and len(alternatives(answer)) > 1


def repeats_question(answer: str, question: str) -> bool:
    """Whether an answer says nothing but words of its question: no other content word, no number, no yes or no."""
    stated = stated_number(answer)
    if decision(answer) is not None or (stated is not None and stated not in numbers(question)):
        return False
    asked = {singular(word) for word in words_of(question)}
    return bool(words_of(answer)) and all(singular(word) in asked for word in content_words(answer, question))


@lru_cache(maxsize=1 << 14)  # words repeat
def singular(word: str) -> str:
    """An English word without its plural or genitive s; crude, and the same for both sides of a comparison."""
    word = re.sub(r"['’]s$", "", word)
    if word.endswith("ies") and len(word) > 4:
        return f"{word[:-3]}y"
    if re.search(r"(?:s|x|z|ch|sh)es$", word):
        return word[:-2]
    return word[:-1] if re.search(r"[^siu]s$", word) and len(word) > 3 else word
