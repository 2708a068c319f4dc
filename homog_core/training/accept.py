"""Which of a model's own answers may be learnt from: right ones that say nothing else."""

import math
from collections.abc import Sequence

from homog_core.measures.grading import grade
from homog_core.measures.numbers import numbers
from homog_core.measures.short_answers import decision, denies, is_polar, singular
from homog_core.measures.words import content_words, is_negation, words_of
from homog_core.records import Question, Response

MOST_WORDS = 10

# Words beyond those of the question and its references that a plain answer may have.
_PLAIN = frozenset(
    "yes no not isn aren doesn don can cannot it its they called known named name word symbol number equals equal "  # noqa: SIM905
    "gives country city capital continent currency language colour color month day year century river mountain ocean "
    "planet located lies found official main spoken used opposite plural past tense baby young sound noise made "
    "written wrote painted composed people person years legs sides".split()
)
_SIDES = (  # words of opposite sense, side by side
    ("bigger larger", "smaller"),
    ("faster quicker", "slower"),
    ("hotter warmer", "colder cooler"),
    ("heavier", "lighter"),
    ("longer taller higher", "shorter lower"),
    ("older", "younger newer"),
    ("nearer closer", "farther further"),
    ("dearer costlier expensive", "cheaper"),
    ("harder", "softer"),
    ("brighter", "darker dimmer"),
    ("stronger", "weaker"),
    ("wider", "narrower"),
    ("louder", "quieter"),
    ("before earlier", "after later"),
    ("more", "less fewer"),
)
_OPPOSITES = {
    word: frozenset(other.split()) for pair in _SIDES for side, other in (pair, pair[::-1]) for word in side.split()
}
_BETWEEN = ("than", "before", "after")  # what stands between two things that are compared


def is_clean(response: Response) -> bool:
    """Whether an answer ended by itself, is not empty and asks nothing back."""
    return response.is_valid and response.finish_reason == "stop" and not response.answer.endswith("?")


def is_acceptable(question: Question, response: Response) -> bool:
    """Whether an answer is clean, right, short, and has no content word beyond question, references and plain words.

    After a yes or no nothing may contradict it: no negation after a yes; after a no a negation or an opposite.
    """
    answer = response.answer
    if not is_clean(response) or len(answer.split()) > MOST_WORDS or grade(question, response).verdict != "correct":
        return False
    known = (question.text, *question.references)
    allowed = {singular(word) for text in known for word in words_of(text)} | _PLAIN | set(_OPPOSITES)
    values = {value for text in known for value in numbers(text)}
    for word in content_words(answer, ""):
        plain = singular(word) in allowed or is_negation(word) or values.issuperset(numbers(word) or [math.nan])
        if not plain:
            return False
    return not is_polar(question.text) or _agrees_with_itself(answer, question.text)


def is_wrong(question: Question, response: Response) -> bool:
    """Whether an answer is clean and wrong."""
    return is_clean(response) and grade(question, response).verdict == "incorrect"


def _agrees_with_itself(answer: str, question: str) -> bool:
    """Whether what follows a yes or no says the same: of the first thing that the question compares, if it compares."""
    said, first = decision(answer), words_of(answer)[:1]
    if said is None or first not in (["yes"], ["no"]):
        return False
    rest = answer.strip()[len(first[0]) :].strip(" ,;:.!-–—")
    if not rest:
        return True
    told, asked = words_of(rest), words_of(question)
    turned = any(word in _OPPOSITES.get(other, ()) for word in told for other in asked)
    between = next((word for word in _BETWEEN if word in asked), None)
    if between and not _compares_in_order(told, asked, asked.index(between)):
        return False
    return (denies(rest) ^ turned) != said


def _compares_in_order(told: Sequence[str], asked: Sequence[str], between: int) -> bool:
    """Whether words that name something of a question name its first thing first, its second after "than", and compare.

    `between` is where the question's two things are parted. Words that name nothing of it ("it is") are in order.
    """
    cut = next((told.index(word) for word in _BETWEEN if word in told), len(told))
    places = [(at, asked.index(w)) for at, w in enumerate(told) if w in asked and _is_thing(w)]
    if not places:
        return True
    in_order = all((at > cut) == (place > between) for at, place in places)
    return in_order and (any(word in _OPPOSITES for word in told) or any(map(is_negation, told)))


def _is_thing(word: str) -> bool:
    return bool(content_words(word, "")) and word not in _OPPOSITES and not is_negation(word)
