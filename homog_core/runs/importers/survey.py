"""The questions of a whole file → which of them make the run, with how many answers, and under which ids.

A run needs as many answers to each question. Knows nothing of files; keeps no answers.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from homog_core.errors import InvalidInput
from homog_core.records import Question
from homog_core.runs.dataset_formats import content_id
from homog_core.runs.importers.notes import Notes
from homog_core.runs.importers.responses import MAX_ANSWERS, Sampled

MAX_QUESTIONS = 100_000
_NO_GREEDY = (
    "questions with references and no greedy answer (`greedy_answer`, or `sample_index` -1 in CSV): accuracy and AUROC "
    "grade that one, and leave them out"
)


class _Seen(NamedTuple):
    place: int  # among the questions of the file
    where: str
    question: Question
    prompt: str
    n: int  # of its answers
    tokens: tuple[int, ...]  # of each answer, and of the greedy one
    has_greedy: bool


@dataclass(frozen=True, slots=True)
class Survey:
    """What the first reading of a file keeps: everything but the answers."""

    questions: list[tuple[Question, str]]  # with their prompts
    n_samples: int
    n_tokens: int
    ids: Mapping[int, str]  # of the questions that are kept, by their place in the file

    def kept(self, samples: Iterable[Sampled]) -> Iterator[Sampled]:
        """Of a second reading of the same file, what the run is made of."""
        for place, sampled in enumerate(samples):
            if place in self.ids:
                question = replace(sampled.question, id=self.ids[place])
                yield replace(sampled, question=question, responses=sampled.responses[: self.n_samples])


def survey_of(samples: Iterable[Sampled], source: str, notes: Notes, n_samples: int | None = None) -> Survey:
    """Check what only a whole file can show. Raises `InvalidInput` where no question is left.

    N is `n_samples`, or the most common number of answers; of numbers that are as common the smallest, since that
    leaves out no question. A question with more answers is cut, one with fewer is left out. A question that comes again
    with the same prompt is left out; with another prompt it is kept, and both get ids made of their prompts.
    """
    if n_samples is not None and not 1 <= n_samples <= MAX_ANSWERS:
        raise InvalidInput(
            f"{n_samples} answers of each question cannot be kept; give a number from 1 to {MAX_ANSWERS}."
        )
    seen = list(_without_repeats(samples, notes))
    if not seen:
        raise InvalidInput(_nothing(source, notes))
    counts = Counter(one.n for one in seen)
    n_samples = n_samples or min(counts, key=lambda n: (-counts[n], n))
    kept = []
    for one in seen:
        if one.n < n_samples:
            notes.add(
                f"questions with fewer than {n_samples} answers, left out",
                f"{one.where}: {one.n} answers; {one.question.id}",
            )
            continue
        if one.n > n_samples:
            notes.add(
                f"questions with more than {n_samples} answers, of which the first {n_samples} are kept", one.where
            )
        if one.question.references and not one.has_greedy:
            notes.add(_NO_GREEDY, one.where)
        kept.append(one)
    if not kept:
        raise InvalidInput(f"{source} has at most {max(counts)} answers to a question, not {n_samples}; keep fewer.")
    named = [replace(one.question, id=new) for one, new in zip(kept, _ids(kept, notes), strict=True)]
    return Survey(
        [(question, one.prompt) for question, one in zip(named, kept, strict=True)],
        n_samples,
        sum(sum(one.tokens[:n_samples]) + one.tokens[-1] for one in kept),
        {one.place: question.id for question, one in zip(named, kept, strict=True)},
    )


def _without_repeats(samples: Iterable[Sampled], notes: Notes) -> Iterator[_Seen]:
    first: dict[tuple[str, str], str] = {}
    n_questions = 0
    for place, sampled in enumerate(samples):
        where, n = sampled.where, len(sampled.responses)
        key = (sampled.question.text, sampled.prompt)
        if n == 0:
            notes.add("questions without an answer, left out", where)
        elif key in first:
            notes.add("questions that come again with the same prompt, left out", f"{where}: as in {first[key]}")
        else:
            n_questions += 1
            if n_questions > MAX_QUESTIONS:
                raise InvalidInput(f"{where}: there are more than {MAX_QUESTIONS:,} questions; import them in parts.")
            first[key] = where
            tokens = tuple(len(response.tokens) for response in (*sampled.responses, sampled.greedy))
            yield _Seen(place, where, sampled.question, sampled.prompt, n, tokens, sampled.greedy.is_valid)


def _ids(kept: list[_Seen], notes: Notes) -> list[str]:
    """One id a question: its own, or one made of its prompt where several questions have the same."""
    times = Counter(one.question.id for one in kept)
    ids = []
    for one in kept:
        if times[one.question.id] == 1:
            ids.append(one.question.id)
            continue
        notes.add("questions that share an id: theirs are made of the prompts", f"{one.where}: {one.question.id}")
        ids.append(content_id(one.question.dataset, f"{one.prompt}\n{one.question.text}"))
    return ids


def _nothing(source: str, notes: Notes) -> str:
    """Why a file makes no run: its first complaint, or that it has no rows."""
    found = notes.all()
    complaint = next((note.first for note in found if "left out" in note.kind and ": " in note.first), None)
    if complaint is not None:
        return complaint
    why = f" ({found[0].kind}; first: {found[0].first})" if found else ""
    return f"{source} has no rows with answers{why}; give at least one question with its answers."
