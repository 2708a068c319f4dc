"""How fairly a model draws from closed lists whose right distribution is known: exact, over a question's wordings."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby

import numpy as np
import pandas as pd

from homog_core.analysis.lineage import stage_rank
from homog_core.device import probe_device
from homog_core.errors import InvalidInput
from homog_core.measures.fairness import Fairness, fairness
from homog_core.measures.numbers import number_word
from homog_core.records import PromptStyle, Question
from homog_core.runs.draw_sets import DrawSet, StoredDraw
from homog_core.sampling.choices import choice_probabilities, named_option
from homog_core.sampling.engine import TorchSampler


@dataclass(frozen=True, slots=True, eq=False)
class Draw:
    """What a model makes of one question in all its wordings."""

    name: str
    options: tuple[str, ...]
    probabilities: np.ndarray  # (W, A) of each option in each wording; a row sums to at most 1
    wordings: tuple[str, ...]
    pruned: tuple[float, ...]  # mass that was not followed in each, by which its row may be too low

    @classmethod
    def of(cls, stored: StoredDraw) -> "Draw":
        """A draw as it was stored."""
        return cls(stored.name, stored.options, np.array(stored.probabilities), stored.wordings, stored.pruned)

    def stored(self) -> StoredDraw:
        """The draw as it is stored."""
        rows = tuple(map(tuple, self.probabilities.tolist()))
        return StoredDraw(self.name, self.options, self.wordings, rows, self.pruned)

    @property
    def each(self) -> list[Fairness]:
        """Each wording by itself."""
        return [fairness(row) for row in self.probabilities]

    @property
    def shares_of_likeliest(self) -> list[float]:
        """How likely each wording by itself makes the answer that is likeliest over all, among those of the list.

        A wording that names none of the list is left out.
        """
        mass = self.probabilities.sum(axis=1)
        return (self.probabilities[mass > 0, self.all.likeliest] / mass[mass > 0]).tolist()

    @property
    def all(self) -> Fairness:
        """The mean over the wordings."""
        return fairness(self.probabilities.mean(axis=0))


def spellings(option: str) -> list[str]:
    """An answer as it may be spelled: numbers also in words."""
    word = number_word(int(option)) if option.isdecimal() else ""
    return [option, word] if word else [option]


def count_named(answers: Sequence[str], options: Sequence[str]) -> np.ndarray:
    """How many of some drawn answers name each option (A,); those that name none are left out."""
    lists = list(map(spellings, options))
    found = [index for answer in answers if (index := named_option(answer, lists)) is not None]
    return np.bincount(found, minlength=len(options))


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


def draw_set(sampler: TorchSampler, style: PromptStyle, found: Sequence[Draw]) -> DrawSet:
    """What a sampler's model made of some lists, as it is stored."""
    spec = sampler.spec
    return DrawSet(
        model=spec.key,
        revision=sampler.revision,
        dtype=sampler.dtype,
        prompt_style=style,
        family=spec.family,
        stage=spec.stage,
        parent=spec.parent,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        device=probe_device().name,
        draws=tuple(draw.stored() for draw in found),
    )


def shown_sets(sets: Sequence[DrawSet]) -> list[DrawSet]:
    """One set a model and prompt, the newest, in the order of the training stages."""
    newest = {(found.model, found.prompt_style): found for found in sorted(sets, key=lambda found: found.created)}
    styles = ("plain", "few_shot", "chat")
    return sorted(newest.values(), key=lambda s: (styles.index(s.prompt_style), s.family, stage_rank(s.stage), s.model))


def overview(sets: Sequence[DrawSet]) -> pd.DataFrame:
    """One row a set and list: set (its id), draw, n_options, on_list, effective_number, total_variation, likeliest."""
    rows = []
    for found in sets:
        for stored in found.draws:
            fair = Draw.of(stored).all
            likeliest = stored.options[fair.likeliest] if fair.on_list else ""
            rows.append(
                {
                    "set": found.id,
                    "draw": stored.name,
                    "n_options": len(stored.options),
                    "on_list": fair.on_list,
                    "effective_number": fair.effective_number,
                    "total_variation": fair.total_variation,
                    "likeliest": likeliest,
                    "likeliest_mass": fair.likeliest_mass,
                }
            )
    columns = ["set", "draw", "n_options", "on_list", "effective_number", "total_variation", "likeliest"]
    return pd.DataFrame(rows, columns=[*columns, "likeliest_mass"])
