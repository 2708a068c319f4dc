"""CSV: one row an answer, with its question. The rows of a question may stand anywhere in the file."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from homog_core.errors import InvalidInput
from homog_core.records import GREEDY, Question
from homog_core.runs.dataset_formats import own_question
from homog_core.runs.importers.fields import QuestionRow, Text, checked
from homog_core.runs.importers.responses import Sampled, no_greedy, prompt_for, response_from
from homog_core.runs.rows import read_rows

EXAMPLE_CSV = """\
question,answer
Which planet is red?,Mars.
Which planet is red?,It is Mars.
"""


def _index(cell: str) -> int:
    if not re.fullmatch(r"-1|\d{1,6}", cell.strip()):
        said = {"cell": repr(cell[:24])}
        raise PydanticCustomError("index", "it is {cell}; give 0, 1, …, or -1 for the greedy answer", said)
    return int(cell)


class _Row(QuestionRow):
    answer: Text
    sample_index: Annotated[str, AfterValidator(_index)] | None = None


@dataclass(frozen=True, slots=True)
class _Group:
    """The rows of one question."""

    line: int  # of the first
    question: Question
    answers: dict[int, str] = field(default_factory=dict)  # by sample index


def read(path: Path, dataset: str) -> Iterator[Sampled]:
    """The questions of a CSV file, whose answers are held together. Raises `InvalidInput` with the line."""
    groups: dict[str, _Group] = {}
    for line, row in read_rows(path):
        where = f"{path.name}, line {line}"
        said = checked(row, _Row, where)
        question = own_question(row, dataset, where)
        group = groups.setdefault(question.id, _Group(line, question))
        if question.text != group.question.text:
            raise InvalidInput(f"{where}: the id {question.id!r} stands for another question in line {group.line}.")
        if question != group.question:
            raise InvalidInput(
                f"{where}: references, category or answer_type of the question are not those of line {group.line}; "
                "repeat them in every row."
            )
        index = len(group.answers) if said.sample_index is None else said.sample_index
        if index in group.answers:
            raise InvalidInput(f"{where}: sample {index} of question {question.id!r} is there twice; keep one.")
        group.answers[index] = said.answer
    for group in groups.values():
        yield _sampled(group, f"{path.name}, line {group.line}")


def _sampled(group: _Group, where: str) -> Sampled:
    indices = sorted(group.answers.keys() - {GREEDY})
    if not indices:
        raise InvalidInput(f"{where}: question {group.question.id!r} has a greedy answer and no sample; give one.")
    if indices != list(range(len(indices))):
        raise InvalidInput(
            f"{where}: question {group.question.id!r} has {len(indices)} samples and the last is number {indices[-1]}; "
            "number them 0, 1, … without gaps."
        )
    responses = tuple(response_from(where, group.answers[index]) for index in indices)
    greedy = response_from(where, group.answers[GREEDY]) if GREEDY in group.answers else no_greedy()
    return Sampled(group.line, group.question, prompt_for(group.question), responses, greedy)
