"""Rows → `Question`s: the published formats of the catalogue's datasets, and our own. Complaints name file and line."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from homog_core.errors import InvalidInput
from homog_core.records import Question
from homog_core.runs.dataset_files import Rows


def own_question(row: dict[str, Any], dataset: str, source: str, line: int, column: str = "question") -> Question:
    """The question of one row of our own format. Raises `InvalidInput`, with source and line, for one without."""
    if column not in row:
        raise InvalidInput(f"{source}, line {line}: there is no column `{column}`; it is the one that must be there.")
    text = row[column]
    if not isinstance(text, str) or not text.strip():
        raise InvalidInput(f"{source}, line {line}: the {column} is empty.")
    right = as_texts(row.get("references"), source, line, "references")
    wrong = as_texts(row.get("incorrect_references"), source, line, "incorrect_references")
    key = row.get("id")
    try:
        return Question(
            id=content_id(dataset, text) if key in (None, "") else str(key),
            dataset=dataset,
            text=text.strip(),
            references=right,
            incorrect_references=wrong,
            category=str(row.get("category") or ""),
            answer_type=row.get("answer_type") or "text",
        )
    except InvalidInput as error:
        raise InvalidInput(f"{source}, line {line}: {error}") from error


def _read_starter(rows: Rows, source: str) -> Iterator[Question]:
    return read_own(rows, "starter", source, column="text")


def read_own(rows: Rows, dataset: str, source: str, column: str = "question") -> Iterator[Question]:
    """Our own format: `question`, and optionally the other fields of `Question` but `dataset`."""
    return (own_question(row, dataset, source, line, column) for line, row in rows)


def as_texts(value: Any, source: str, line: int, column: str) -> tuple[str, ...]:
    """A list of strings from JSON, or the parts of a CSV cell between semicolons."""
    if value is None or value == "":
        return ()
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(";") if part.strip())
    if isinstance(value, list) and all(isinstance(part, str | int | float) for part in value):
        return tuple(str(part) for part in value)
    raise InvalidInput(f"{source}, line {line}: `{column}` must be a text or a list of texts.")


def _read_truthfulqa(rows: Rows, source: str) -> Iterator[Question]:
    for line, row in rows:
        is_file = "Question" in row
        text = _required(row, "Question" if is_file else "question", source, line)
        best = _required(row, "Best Answer" if is_file else "best_answer", source, line)
        right = as_texts(row.get("Correct Answers" if is_file else "correct_answers"), source, line, "Correct Answers")
        wrong = as_texts(row.get("Incorrect Answers" if is_file else "incorrect_answers"), source, line, "Incorrect")
        category = str(row.get("Category" if is_file else "category") or "")
        yield _published("truthfulqa", text, dict.fromkeys([best, *right]), wrong, category)


def _read_gsm8k(rows: Rows, source: str) -> Iterator[Question]:
    for line, row in rows:
        _, marker, number = _required(row, "answer", source, line).rpartition("####")
        if not marker:
            raise InvalidInput(f"{source}, line {line}: the answer has no number after `####`.")
        text = _required(row, "question", source, line)
        yield Question(
            content_id("gsm8k", text), "gsm8k", text, (number.strip().replace(",", ""),), answer_type="number"
        )


def _read_webquestions(rows: Rows, source: str) -> Iterator[Question]:
    for line, row in rows:
        text = _required(row, "qText" if "qText" in row else "question", source, line)
        yield _published("webquestions", text, as_texts(row.get("answers"), source, line, "answers"))


def _read_hotpotqa(rows: Rows, source: str) -> Iterator[Question]:
    for line, row in rows:
        text, answer = _required(row, "question", source, line), _required(row, "answer", source, line)
        key = row.get("_id") or row.get("id")
        yield _published("hotpotqa", text, [answer], category=str(row.get("type") or ""), key=key)


def _read_triviaqa(rows: Rows, source: str) -> Iterator[Question]:
    for line, row in rows:
        text, answer = _required(row, "question", source, line), row.get("answer")
        if not isinstance(answer, dict) or "value" not in answer:
            raise InvalidInput(f"{source}, line {line}: the answer has no `value`.")
        references = dict.fromkeys([answer["value"], *answer.get("aliases", ())])
        yield _published("triviaqa", text, references, key=row.get("question_id"))


def _published(
    dataset: str,
    text: str,
    references: Iterable[str],
    incorrect: Sequence[str] = (),
    category: str = "",
    key: str | None = None,
) -> Question:
    return Question(
        id=f"{dataset}-{key}" if key else content_id(dataset, text),
        dataset=dataset,
        text=text,
        references=tuple(references),
        incorrect_references=tuple(incorrect),
        category=category,
    )


READERS = {
    "starter": _read_starter,
    "truthfulqa": _read_truthfulqa,
    "gsm8k": _read_gsm8k,
    "webquestions": _read_webquestions,
    "hotpotqa": _read_hotpotqa,
    "triviaqa": _read_triviaqa,
}


def _required(row: dict[str, Any], column: str, source: str, line: int) -> str:
    value = row.get(column)
    if not isinstance(value, str) or not value.strip():
        raise InvalidInput(f"{source}, line {line}: `{column}` is missing or empty.")
    return value.strip()


def content_id(dataset: str, text: str) -> str:
    """An id that depends on the question alone, so that a copy of the dataset with other rows gives the same one."""
    slug = re.sub(r"[^a-z0-9]+", "-", dataset.lower()).strip("-") or "question"
    return f"{slug}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"
