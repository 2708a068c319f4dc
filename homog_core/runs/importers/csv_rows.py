"""TODO homog_core.runs.importers.csv_rows."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from homog_core.errors import InvalidInput
from homog_core.records import GREEDY, Question, Response
from homog_core.runs.importers.jsonl import question_from
from homog_core.runs.importers.reading import MAX_LINE, Sampled, decoded_lines, prompt_for, response_from

EXAMPLE_CSV = """\
question,answer
Which planet is red?,Mars.
Which planet is red?,It is Mars.
"""


# In: CSV


@dataclass(frozen=True, slots=True)
class _Group:
    """The rows of one question."""

    line: int  # of the first
    question: Question
    answers: dict[int, Response] = field(default_factory=dict)  # by sample index


def read_csv(path: Path, dataset: str) -> Iterator[Sampled]:
    """The questions of a CSV file. Its rows may come in any order, so its answers (texts alone) are held together."""
    groups: dict[str, _Group] = {}
    for line, row in _csv_rows(path):
        where = f"{path.name}, line {line}"
        question = question_from(row, "answer", dataset, path.name, line)
        group = groups.setdefault(question.id, _Group(line, question))
        if question.text != group.question.text:
            raise InvalidInput(f"{where}: the id {question.id!r} stands for another question in line {group.line}.")
        if question != group.question:
            raise InvalidInput(
                f"{where}: references, category or answer_type of the question are not those of line {group.line}; "
                "repeat them in every row."
            )
        index = _sample_index(row.get("sample_index"), len(group.answers), where)
        if index in group.answers:
            raise InvalidInput(f"{where}: sample {index} of question {question.id!r} is there twice.")
        group.answers[index] = response_from({"text": row["answer"]}, f"{where}, answer")
    for group in groups.values():
        yield _grouped(group, f"{path.name}, line {group.line}")


def _csv_rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    csv.field_size_limit(MAX_LINE)
    reader = csv.DictReader(decoded_lines(path), strict=True)
    try:
        for row in reader:
            if None in row or None in row.values():
                n_columns = len(reader.fieldnames)
                raise InvalidInput(
                    f"{path.name}, line {reader.line_num}: the row does not have the {n_columns} columns of the header."
                )
            yield reader.line_num, row
    except csv.Error as error:
        raise InvalidInput(f"{path.name}, line {reader.reader.line_num}: {error}.") from error


def _sample_index(cell: str | None, n_before: int, where: str) -> int:
    """The index of a row; without that column its place among the rows of its question."""
    if cell is None:
        return n_before
    if not re.fullmatch(r"-1|\d{1,6}", cell.strip()):
        raise InvalidInput(f"{where}: the sample_index is {cell[:24]!r}; give 0, 1, …, or -1 for the greedy answer.")
    return int(cell)


def _grouped(group: _Group, where: str) -> Sampled:
    indices = sorted(index for index in group.answers if index != GREEDY)
    if not indices:
        raise InvalidInput(f"{where}: question {group.question.id!r} has a greedy answer and no sample; give one.")
    if indices != list(range(len(indices))):
        raise InvalidInput(
            f"{where}: question {group.question.id!r} has {len(indices)} samples and the last is number {indices[-1]}; "
            "number them 0, 1, … without gaps."
        )
    greedy = group.answers.get(GREEDY) or response_from({"text": "", "finish_reason": "error"}, where)
    responses = tuple(group.answers[index] for index in indices)
    return Sampled(group.line, group.question, prompt_for(group.question), responses, greedy)
