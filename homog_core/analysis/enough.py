"""Whether a run has enough correct and incorrect answers to rank scores by their AUROC, and how many more it takes.

Below 30 of a class the best of many AUROCs is mostly the luckiest one. An interval needs ten
(`statistics.discrimination.FEWEST`); an order among eighteen scores needs more.
"""

from math import ceil, inf
from typing import Literal, NamedTuple

FEWEST_TO_RANK = 30  # of a class


class Shortfall(NamedTuple):
    """What a ranking lacks."""

    lacking: Literal["correct", "incorrect"]  # the class that takes more questions
    found: int  # answers of that class
    n_questions: int  # that they were found among
    more: float  # questions like these until there are enough; infinite where none of the class was found


def shortfall(n_correct: int, n_incorrect: int, n_questions: int) -> Shortfall | None:
    """What a ranking of AUROCs lacks; None with `FEWEST_TO_RANK` answers of both classes.

    A share k/n of the questions that were asked has an answer of the class: `more` is ⌈30 n/k⌉ − n for the class that
    takes more.
    """
    lacking = [
        Shortfall(name, k, n_questions, ceil(FEWEST_TO_RANK * n_questions / k) - n_questions if k else inf)
        for name, k in (("correct", n_correct), ("incorrect", n_incorrect))
        if k < FEWEST_TO_RANK
    ]
    return max(lacking, key=lambda one: one.more, default=None)
