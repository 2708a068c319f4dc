"""Where an answer answers: its short answer, its yes or no, and whether it names several answers at once.

Rules for English, with yes and no in some other languages; a text that no rule fits is its own short answer.
"""

import re

from homog_core.measures.numbers import numbers, stated_number
from homog_core.measures.sentences import split_sentences
from homog_core.measures.words import content_words, is_negation, words_of

_MARKER = re.compile(
    r"\b(?:answer|solution)(?:\s+to\s+(?:this|the|that|your)\s+\w+)?\s*(?:(?:is|was|would be)\b|:)\s*:?", re.IGNORECASE
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
_DECISIONS = {**dict.fromkeys([*_YES.split(), "是", "是的", "对", "نعم"], True), **dict.fromkeys(_NO.split(), False)}
_NO_DECISION = re.compile(
    r"^(?:no|not|never)\s+(?:one|body|other|more|matter|such|longer|doubt|idea|sure|only|all|every)\b"
)
_AUXILIARIES = frozenset(
    "do does did is are was were am can could will would has have had should shall may might must don't doesn't didn't "  # noqa: SIM905
    "isn't aren't wasn't weren't can't couldn't won't wouldn't hasn't haven't shouldn't".split()
)
_LATE = re.compile(r"\b(?:answer (?:is|would be)|so|therefore|thus|hence)[,:]?\s+(yes|no|true|false)\b", re.IGNORECASE)
_CONTRAST = re.compile(r",?\s+(?:not|and not|rather than|instead of|as opposed to)\s+[^,.;]*")
_ASIDE = re.compile(r"\s*(?:\([^()]*\)|\[[^\[\]]*\])")
_SAID_AGAIN = 0.6  # share of the question's content words that a sentence repeats when it answers as a statement


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


def first_sentence(text: str) -> str:
    """The first sentence of the first line that has words; "" for a text without any."""
    for line in text.splitlines():
        sentences = [sentence for sentence in split_sentences(line) if words_of(sentence)]
        if sentences:
            return sentences[0]
    return text.strip()


def opening(answer: str) -> str:
    """The first two sentences of an answer, where what it says is to be found."""
    return " ".join(split_sentences(answer)[:2])


def is_polar(question: str) -> bool:
    """Whether a question asks for yes or no: its last clause begins with an auxiliary verb, and offers no choice."""
    last = split_sentences(question)[-1:] or [""]
    clause = re.split(r"[,:;]\s+", last[0])[-1]
    return any(words_of(part)[:1] and words_of(part)[0] in _AUXILIARIES for part in (last[0], clause))


def decision(answer: str) -> bool | None:
    """The yes (True) or no (False) that an answer decides on, by its first word or after "the answer is"; else None."""
    late = _LATE.search(answer)
    if late:
        return _DECISIONS[late[1].lower()]
    opening = short_answer(answer).lower()
    words = words_of(opening)
    if not words or _NO_DECISION.match(opening):
        return None
    if opening in _DECISIONS:
        return _DECISIONS[opening]
    return _DECISIONS.get(words[0])


def denies(answer: str) -> bool:
    """Whether the first sentence of an answer says no: by its decision, or by an odd number of negations."""
    decided = decision(answer)
    if decided is not None:
        return not decided
    said = _CONTRAST.sub("", _ASIDE.sub("", first_sentence(answer)))
    return sum(is_negation(word) for word in words_of(said)) % 2 == 1


def implied_decision(answer: str, question: str) -> bool | None:
    """The `decision`, or that of an answer which states the question again: yes, or no where it negates it."""
    decided = decision(answer)
    if decided is not None:
        return decided
    asked = {singular(word) for word in content_words(question, "")}
    said = {singular(word) for word in content_words(first_sentence(answer), "")}
    if not asked or len(asked & said) < _SAID_AGAIN * len(asked):
        return None
    return not denies(answer)


def alternatives(answer: str) -> list[str]:
    """The answers that a short answer offers at once: lettered, numbered or joined by "or". One where it offers one."""
    text = answer.strip()
    if _LETTERED.search(text):
        return [part.strip() for part in re.split(r"(?:^|\s)\(?[A-Z][.):]\s", text) if part.strip()]
    first = first_sentence(text)
    if _NUMBERED.search(first):
        return [part.strip() for part in re.split(r"(?:^|\s)\(?\d[.)]\s", first) if part.strip()]
    short = short_answer(text)
    return _OR.split(short) if len(words_of(short)) <= 6 else [short]


def repeats_question(answer: str, question: str) -> bool:
    """Whether an answer says nothing but words of its question: no other content word, no number, no yes or no."""
    stated = stated_number(answer)
    if decision(answer) is not None or (stated is not None and stated not in numbers(question)):
        return False
    asked = {singular(word) for word in words_of(question)}
    return bool(words_of(answer)) and all(singular(word) in asked for word in content_words(answer, question))


def singular(word: str) -> str:
    """An English word without its plural or genitive s; crude, and the same for both sides of a comparison."""
    return re.sub(r"(?:'s|’s|es|s)$", "", word)
