"""Rows → `Question`s: our own format and the published ones of the catalogue. Complaints name the file and the line."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from homog_core.errors import InvalidInput
from homog_core.records import Question
from homog_core.runs.rows import Rows


def read_own(rows: Rows, dataset: str, source: str, column: str = "question") -> Iterator[Question]:
    """Our own format: `question`, and optionally the other fields of `Question` but `dataset`."""
    return (own_question(row, dataset, f"{source}, line {line}", column) for line, row in rows)


def own_question(row: dict[str, Any], dataset: str, where: str, column: str = "question") -> Question:
    """The question of one row of our own format. Raises `InvalidInput` for a row without one; `where` is its line."""
    if column not in row:
        raise InvalidInput(f"{where}: there is no column `{column}`; it is the one that must be there.")
    text = row[column]
    if not isinstance(text, str) or not text.strip():
        raise InvalidInput(f"{where}: the {column} is empty.")
    right, wrong = (_texts(row.get(name), where, name) for name in ("references", "incorrect_references"))
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
        raise InvalidInput(f"{where}: {error}") from error


def content_id(dataset: str, text: str) -> str:
    """An id that depends on the question alone, so that a copy of the dataset with other rows gives the same one."""
    slug = re.sub(r"[^a-z0-9]+", "-", dataset.lower()).strip("-") or "question"
    return f"{slug}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"


def _read_starter(rows: Rows, source: str) -> Iterator[Question]:
    return read_own(rows, "starter", source, column="text")


def _read_draws(rows: Rows, source: str) -> Iterator[Question]:
    return read_own(rows, "draws", source, column="text")


def _read_facts(rows: Rows, source: str) -> Iterator[Question]:
    return read_own(rows, source.removesuffix(".jsonl"), source, column="text")


def _read_truthfulqa(rows: Rows, source: str) -> Iterator[Question]:
    for line, row in rows:
        where, is_file = f"{source}, line {line}", "Question" in row
        text = _required(row, "Question" if is_file else "question", where)
        best = _required(row, "Best Answer" if is_file else "best_answer", where)
        right = _texts(row.get("Correct Answers" if is_file else "correct_answers"), where, "Correct Answers")
        wrong = _texts(row.get("Incorrect Answers" if is_file else "incorrect_answers"), where, "Incorrect Answers")
        category = str(row.get("Category" if is_file else "category") or "")
        yield _published("truthfulqa", text, dict.fromkeys([best, *right]), wrong, category)


def _read_gsm8k(rows: Rows, source: str) -> Iterator[Question]:
    for line, row in rows:
        where = f"{source}, line {line}"
        _, marker, number = _required(row, "answer", where).rpartition("####")
        if not marker:
            raise InvalidInput(f"{where}: the answer has no number after `####`.")
        text, references = _required(row, "question", where), (number.strip().replace(",", ""),)
        yield Question(content_id("gsm8k", text), "gsm8k", text, references, answer_type="number")


def _read_webquestions(rows: Rows, source: str) -> Iterator[Question]:
    for line, row in rows:
        where = f"{source}, line {line}"
        text = _required(row, "qText" if "qText" in row else "question", where)
        yield _published("webquestions", text, _texts(row.get("answers"), where, "answers"))


def _read_hotpotqa(rows: Rows, source: str) -> Iterator[Question]:
    for line, row in rows:
        where = f"{source}, line {line}"
        text, answer = _required(row, "question", where), _required(row, "answer", where)
        key = row.get("_id") or row.get("id")
        yield _published("hotpotqa", text, [answer], category=str(row.get("type") or ""), key=key)


def _read_triviaqa(rows: Rows, source: str) -> Iterator[Question]:
    for line, row in rows:
        where = f"{source}, line {line}"
        text, answer = _required(row, "question", where), row.get("answer")
        if not isinstance(answer, dict) or "value" not in answer:
            raise InvalidInput(f"{where}: the answer has no `value`.")
        references = [*_texts([answer["value"]], where, "value"), *_texts(answer.get("aliases"), where, "aliases")]
        yield _published("triviaqa", text, dict.fromkeys(references), key=row.get("question_id"))


READERS = {  # by the name of the dataset up to its first hyphen
    "starter": _read_starter,
    "facts": _read_facts,
    "draws": _read_draws,
    "truthfulqa": _read_truthfulqa,
    "gsm8k": _read_gsm8k,
    "webquestions": _read_webquestions,
    "hotpotqa": _read_hotpotqa,
    "triviaqa": _read_triviaqa,
}


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


def _required(row: dict[str, Any], column: str, where: str) -> str:
    value = row.get(column)
    if not isinstance(value, str) or not value.strip():
        raise InvalidInput(f"{where}: `{column}` is missing or empty.")
    return value.strip()


def _texts(value: Any, where: str, column: str) -> tuple[str, ...]:
    """A list of texts from JSON, or the parts of a CSV cell between semicolons."""
    if value is None or value == "":
        return ()
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(";") if part.strip())
    if isinstance(value, list) and all(isinstance(part, str | int | float) for part in value):
        return tuple(str(part) for part in value)
    raise InvalidInput(f"{where}: `{column}` must be a text or a list of texts.")
