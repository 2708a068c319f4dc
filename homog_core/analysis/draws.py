"""How fairly a model draws from closed lists whose right distribution is known: exact, over a question's wordings."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from homog_core.errors import InvalidInput
from homog_core.measures.fairness import Fairness, fairness
from homog_core.measures.numbers import number_word
from homog_core.records import PromptStyle, Question
from homog_core.sampling.choices import choice_probabilities
from homog_core.sampling.engine import TorchSampler


@dataclass(frozen=True, slots=True, eq=False)
class Draw:
    """What a model makes of one question in all its wordings."""

    name: str
    options: tuple[str, ...]
    probabilities: np.ndarray  # (W, A) of each option in each wording; a row sums to at most 1
    wordings: tuple[str, ...]
    pruned: tuple[float, ...]  # mass that was not followed in each, by which its row may be too low

    @property
    def each(self) -> list[Fairness]:
        """Each wording by itself."""
        return [fairness(row) for row in self.probabilities]

    @property
    def all(self) -> Fairness:
        """The mean over the wordings."""
        return fairness(self.probabilities.mean(axis=0))


def spellings(option: str) -> list[str]:
    """An answer as it may be spelled: numbers also in words."""
    word = number_word(int(option)) if option.isdecimal() else ""
    return [option, word] if word else [option]


def draws(
    sampler: TorchSampler,
    questions: Sequence[Question],
    style: PromptStyle,
    on_progress: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> Iterator[Draw]:
    """A `Draw` for every category of `questions`, which stand together and have the same references.

    Raises `InvalidInput` for a question that is no draw, and for wordings with different lists.
    """
    done = 0
    for name, group in groupby(questions, key=lambda question: question.category):
        own = list(group)
        if any(question.answer_type != "draw" for question in own):
            raise InvalidInput(f"{name or own[0].text!r} is no draw: its answers are no closed list.")
        if len({question.references for question in own}) > 1:
            raise InvalidInput(f"The wordings of {name!r} have different lists of answers.")
        options = own[0].references
        rows, pruned = [], []
        for question in own:
            found = choice_probabilities(sampler, question, list(map(spellings, options)), style)
            rows.append(found.probabilities)
            pruned.append(found.pruned)
            done += 1
            on_progress("Computing", done, len(questions))
        yield Draw(name, options, np.array(rows), tuple(question.text for question in own), tuple(pruned))
