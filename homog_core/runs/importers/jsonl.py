"""TODO homog_core.runs.importers.jsonl."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from homog_core.errors import InvalidInput
from homog_core.records import Question, Response
from homog_core.runs.dataset_formats import own_question
from homog_core.runs.importers.reading import (
    MAX_ANSWERS,
    MAX_CHARACTERS,
    RESPONSE_FIELDS,
    TEXT_FIELDS,
    Sampled,
    check_characters,
    decoded_lines,
    kind_of,
    prompt_for,
    response_from,
)

EXAMPLE_JSONL = """\
{"question": "Which planet is red?", "answers": ["Mars.", "It is Mars.", "Venus."], "greedy_answer": "Mars."}
{"question": "How many legs has a spider?", "answers": ["Eight.", "8", "Six."], "references": ["eight", "8"]}
"""


# In: JSONL


def read_jsonl(path: Path, dataset: str) -> Iterator[Sampled]:
    for number, line in enumerate(decoded_lines(path), start=1):
        if not line.strip():
            continue
        where = f"{path.name}, line {number}"
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:  # a ValueError: also a number of thousands of digits
            raise InvalidInput(f"{where}: this is not JSON ({getattr(error, 'msg', error)}).") from error
        if not isinstance(row, dict):
            raise InvalidInput(f"{where}: a line must be a JSON object, not {kind_of(row)}.")
        yield _sampled(row, dataset, path.name, number)


def _sampled(row: dict[str, Any], dataset: str, source: str, line: int) -> Sampled:
    where = f"{source}, line {line}"
    question = question_from(row, "answers", dataset, source, line)
    answers = row["answers"]
    if not isinstance(answers, list):
        raise InvalidInput(f"{where}: `answers` must be a list of texts, not {kind_of(answers)}.")
    if not 0 < len(answers) <= MAX_ANSWERS:
        raise InvalidInput(f"{where}: `answers` has {len(answers):,} entries; give 1 to {MAX_ANSWERS}.")
    columns = {name: _per_answer(row, of_samples, where) for name, (of_samples, _) in RESPONSE_FIELDS.items()}
    responses = tuple(
        response_from({name: column[i] for name, column in columns.items()}, f"{where}, answer {i + 1}")
        for i in range(len(answers))
    )
    prompt = row.get("prompt") or prompt_for(question)
    return Sampled(line, question, prompt, responses, _greedy(row, where))


def question_from(row: dict[str, Any], answer_column: str, dataset: str, source: str, line: int) -> Question:
    """The question of a row, after a look at what a question file cannot get wrong."""
    where = f"{source}, line {line}"
    for name in ("question", answer_column):
        if name not in row:
            raise InvalidInput(f"{where}: there is no `{name}`; `question` and `{answer_column}` must be there.")
    for name in TEXT_FIELDS:
        if not isinstance(row.get(name), str | None) or (name == "question" and row[name] is None):
            raise InvalidInput(f"{where}: `{name}` must be a text, not {kind_of(row[name])}.")
        check_characters(row.get(name) or "", f"{where}, `{name}`")
    if type(row.get("id")) not in (str, int, type(None)):
        raise InvalidInput(f"{where}: `id` must be a text or a whole number, not {kind_of(row['id'])}.")
    for name in ("id", "references", "incorrect_references"):
        values = row[name] if isinstance(row.get(name), list) else [row.get(name)]
        check_characters("".join(value for value in values if isinstance(value, str)), f"{where}, `{name}`")
    if len(row["question"]) > MAX_CHARACTERS:
        raise InvalidInput(f"{where}: the question has {len(row['question']):,} characters; cut it.")
    return own_question(row, dataset, source, line)


def _per_answer(row: dict[str, Any], column: str, where: str) -> Sequence[Any]:
    """One entry an answer; None where the line does not have the column."""
    n, values = len(row["answers"]), row.get(column)
    if values is None:
        return [None] * n
    if not isinstance(values, list):
        raise InvalidInput(f"{where}: `{column}` must be a list with one entry per answer, not {kind_of(values)}.")
    if len(values) != n:
        raise InvalidInput(f"{where}: `{column}` has {len(values)} entries for {n} answers; give one per answer.")
    if column != "answers" and None in values:
        raise InvalidInput(f"{where}: `{column}` has an entry that is null; give all of them or leave the field out.")
    return values


def _greedy(row: dict[str, Any], where: str) -> Response:
    fields = {name: row.get(of_greedy) for name, (_, of_greedy) in RESPONSE_FIELDS.items()}
    if fields["text"] is not None:
        return response_from(fields, f"{where}, greedy answer")
    for name, (_, of_greedy) in RESPONSE_FIELDS.items():
        if fields[name] is not None:
            raise InvalidInput(f"{where}: there is a `{of_greedy}` without a `greedy_answer`; give both or neither.")
    return response_from({"text": "", "finish_reason": "error"}, where)
