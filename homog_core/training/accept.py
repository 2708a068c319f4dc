"""Which of a model's own answers may be learnt from: right ones that say nothing else."""

import math

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
_OPPOSITES = frozenset(  # of the question's own word; beside "no" these deny: a rabbit is smaller than a lion
    "bigger larger smaller faster quicker slower hotter warmer colder cooler heavier lighter longer taller higher "  # noqa: SIM905
    "shorter lower older younger newer nearer closer farther further cheaper harder softer brighter darker before "
    "after more less fewer opposite".split()
)


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
    allowed = {singular(word) for text in known for word in words_of(text)} | _PLAIN | _OPPOSITES
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
    said, first = decision(answer), words_of(answer)[:1]
    if said is None or first not in (["yes"], ["no"]):
        return False
    rest = answer.strip()[len(first[0]) :].strip(" ,;:.!-–—")
    if not rest:
        return True
    turned = _OPPOSITES.intersection(words_of(rest)) - set(words_of(question))
    return (denies(rest) or bool(turned)) != said
