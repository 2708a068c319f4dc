"""Dataset files and hub datasets → `Question`s, validated row by row.

Knows the published formats of the catalogue's datasets and one format of our own: a CSV or JSONL file with a
`question` column. Every complaint names the file and the line.
"""

import csv
import hashlib
import json
import random
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from homog_core import paths
from homog_core.catalogue import DATASETS, TRAINING_DATASETS, DatasetSpec
from homog_core.errors import HomogError, InvalidInput, NotFound
from homog_core.records import Question

_MAX_CELL = 1 << 20


def load_questions(name: str, *, limit: int | None = None, shuffle_seed: int | None = None) -> list[Question]:
    """The questions of a catalogue dataset, or of a CSV or JSONL file with a `question` column.

    A catalogue dataset is read from `$HOMOG_DATA`, the package or `../shared/data`, otherwise from the hub. With
    `shuffle_seed` the order is drawn from that seed before `limit` cuts. Raises `NotFound` for an unknown name and
    `InvalidInput`, with the line number, for a file that does not read.
    """
    questions = _unique(_load(name), name)
    if shuffle_seed is not None:
        random.Random(shuffle_seed).shuffle(questions)
    if limit is not None and limit < 1:
        raise InvalidInput(f"The limit is {limit}; it must be at least 1.")
    return questions[:limit]


def typed_question(text: str) -> Question:
    """A question that somebody has typed in; the same words give the same id."""
    text = " ".join(text.split())
    return Question(_content_id("live", text), "live", text)


def own_question(row: dict[str, Any], dataset: str, source: str, line: int, column: str = "question") -> Question:
    """The question of one row of our own format. Raises `InvalidInput`, with source and line, for one without."""
    if column not in row:
        raise InvalidInput(f"{source}, line {line}: there is no column `{column}`; it is the one that must be there.")
    text = row[column]
    if not isinstance(text, str) or not text.strip():
        raise InvalidInput(f"{source}, line {line}: the {column} is empty.")
    right = _texts(row.get("references"), source, line, "references")
    wrong = _texts(row.get("incorrect_references"), source, line, "incorrect_references")
    key = row.get("id")
    try:
        return Question(
            id=_content_id(dataset, text) if key in (None, "") else str(key),
            dataset=dataset,
            text=text.strip(),
            references=right,
            incorrect_references=wrong,
            category=str(row.get("category") or ""),
            answer_type=row.get("answer_type") or "text",
        )
    except InvalidInput as error:
        raise InvalidInput(f"{source}, line {line}: {error}") from error


def dataset_file(spec: DatasetSpec) -> Path | None:
    """Where a dataset lies on this machine, or None."""
    candidates = (folder / file for file in spec.files for folder in paths.dataset_folders())
    return next((path for path in candidates if path.is_file()), None)


def question_ids_sha256(questions: Iterable[Question]) -> str:
    """Hash of a set of question ids, independent of their order."""
    return hashlib.sha256("\n".join(sorted(question.id for question in questions)).encode()).hexdigest()


def _load(name: str) -> Iterator[Question]:
    if spec := (DATASETS | TRAINING_DATASETS).get(name):
        rows, source = dataset_rows(spec)
        return _READERS[name.partition("-")[0]](rows, source)
    path = Path(name).expanduser()
    if path.suffix.lower() not in (".csv", ".jsonl"):
        raise NotFound(
            f"There is no dataset {name!r}. Give one of {', '.join(DATASETS)}, or a CSV or JSONL file "
            "with a `question` column."
        )
    if not path.is_file():
        raise NotFound(f"There is no file {path}.")
    return _read_own(_rows(path), path.stem, path.name)


# A row is its line number and its columns.
Rows = Iterator[tuple[int, dict[str, Any]]]


def dataset_rows(spec: DatasetSpec) -> tuple[Rows, str]:
    """The rows of a published dataset as they are, from its file or from the hub, and the name of where they are from.

    Raises `NotFound` where there is no file and the hub does not have it.
    """
    path = dataset_file(spec)
    if path:
        return _rows(path), path.name
    if spec.hub is None:
        raise NotFound(
            f"The file of {spec.title} is missing: {' or '.join(spec.files)}. Name its folder in HOMOG_DATA."
        )
    return _hub_rows(spec), spec.hub[0]


def _rows(path: Path) -> Rows:
    try:
        if path.suffix.lower() == ".csv":
            yield from _csv_rows(path)
        elif path.suffix.lower() == ".jsonl":
            yield from _jsonl_rows(path)
        else:
            yield from _json_rows(path)
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path.name} is not UTF-8 text; save it as UTF-8.") from error


def _csv_rows(path: Path) -> Rows:
    csv.field_size_limit(_MAX_CELL)
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.DictReader(stream, strict=True)
        try:
            for row in reader:
                if None in row or None in row.values():
                    raise InvalidInput(
                        f"{path.name}, line {reader.line_num}: the row does not have the "
                        f"{len(reader.fieldnames)} columns of the header."
                    )
                yield reader.line_num, row
        except csv.Error as error:
            raise InvalidInput(f"{path.name}, line {reader.reader.line_num}: {error}.") from error


def _json_rows(path: Path) -> Rows:
    """The rows of a JSON list; a row's number is its place in the list."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise InvalidInput(f"{path.name}, line {error.lineno}: this is not JSON ({error.msg}).") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InvalidInput(f"{path.name} must be a JSON list of objects.")
    yield from enumerate(rows, start=1)


def _jsonl_rows(path: Path) -> Rows:
    with path.open(encoding="utf-8") as stream:
        for number, line in enumerate(stream, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise InvalidInput(f"{path.name}, line {number}: this is not JSON ({error.msg}).") from error
            if not isinstance(row, dict):
                raise InvalidInput(f"{path.name}, line {number}: a row must be a JSON object.")
            yield number, row


def _hub_rows(spec: DatasetSpec) -> Rows:
    try:
        from datasets import load_dataset
    except ImportError as error:
        raise HomogError("Datasets from the hub need the package `datasets`; run `pip install datasets`.") from error
    repository, configuration, split = spec.hub
    try:
        rows = load_dataset(repository, configuration, split=split)
    except Exception as error:  # the library raises a dozen unrelated classes when it is offline
        raise HomogError(
            f"{spec.title} is not on this machine and could not be read from the hub ({type(error).__name__}). Put "
            f"{' or '.join(spec.files)} into a folder and name that folder in HOMOG_DATA, or connect to the network."
        ) from error
    yield from enumerate(rows, start=1)


def _read_starter(rows: Rows, source: str) -> Iterator[Question]:
    return _read_own(rows, "starter", source, column="text")


def _read_own(rows: Rows, dataset: str, source: str, column: str = "question") -> Iterator[Question]:
    """Our own format: `question`, and optionally the other fields of `Question` but `dataset`."""
    return (own_question(row, dataset, source, line, column) for line, row in rows)


def _texts(value: Any, source: str, line: int, column: str) -> tuple[str, ...]:
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
        right = _texts(row.get("Correct Answers" if is_file else "correct_answers"), source, line, "Correct Answers")
        wrong = _texts(row.get("Incorrect Answers" if is_file else "incorrect_answers"), source, line, "Incorrect")
        category = str(row.get("Category" if is_file else "category") or "")
        yield _published("truthfulqa", text, dict.fromkeys([best, *right]), wrong, category)


def _read_gsm8k(rows: Rows, source: str) -> Iterator[Question]:
    for line, row in rows:
        _, marker, number = _required(row, "answer", source, line).rpartition("####")
        if not marker:
            raise InvalidInput(f"{source}, line {line}: the answer has no number after `####`.")
        text = _required(row, "question", source, line)
        yield Question(
            _content_id("gsm8k", text), "gsm8k", text, (number.strip().replace(",", ""),), answer_type="number"
        )


def _read_webquestions(rows: Rows, source: str) -> Iterator[Question]:
    for line, row in rows:
        text = _required(row, "qText" if "qText" in row else "question", source, line)
        yield _published("webquestions", text, _texts(row.get("answers"), source, line, "answers"))


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
        id=f"{dataset}-{key}" if key else _content_id(dataset, text),
        dataset=dataset,
        text=text,
        references=tuple(references),
        incorrect_references=tuple(incorrect),
        category=category,
    )


_READERS = {
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


def _content_id(dataset: str, text: str) -> str:
    """An id that depends on the question alone, so that a copy of the dataset with other rows gives the same one."""
    slug = re.sub(r"[^a-z0-9]+", "-", dataset.lower()).strip("-") or "question"
    return f"{slug}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"


def _unique(questions: Iterable[Question], source: str) -> list[Question]:
    """The questions in order; the same question twice counts once, two questions under one id are an error."""
    by_id: dict[str, Question] = {}
    for question in questions:
        if by_id.setdefault(question.id, question).text != question.text:
            raise InvalidInput(f"{source}: the id {question.id!r} stands for two different questions.")
    if not by_id:
        raise InvalidInput(f"{source} holds no questions.")
    return list(by_id.values())
