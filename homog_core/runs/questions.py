"""Dataset files and hub datasets → `Question`s, validated row by row.

Knows the published formats of the catalogue's datasets and one format of our own: a CSV or JSONL file with a
`question` column. Every complaint names the file and the line.
"""

import hashlib
import random
from collections.abc import Iterable, Iterator
from pathlib import Path

from homog_core.catalogue.datasets import DATASETS, TRAINING_DATASETS
from homog_core.errors import InvalidInput, NotFound
from homog_core.records import Question
from homog_core.runs.dataset_files import dataset_rows, read_rows
from homog_core.runs.dataset_formats import READERS, content_id, read_own


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
    return Question(content_id("live", text), "live", text)


def question_ids_sha256(questions: Iterable[Question]) -> str:
    """Hash of a set of question ids, independent of their order."""
    return hashlib.sha256("\n".join(sorted(question.id for question in questions)).encode()).hexdigest()


def _load(name: str) -> Iterator[Question]:
    if spec := (DATASETS | TRAINING_DATASETS).get(name):
        rows, source = dataset_rows(spec)
        return READERS[name.partition("-")[0]](rows, source)
    path = Path(name).expanduser()
    if path.suffix.lower() not in (".csv", ".jsonl"):
        raise NotFound(
            f"There is no dataset {name!r}. Give one of {', '.join(DATASETS)}, or a CSV or JSONL file "
            "with a `question` column."
        )
    if not path.is_file():
        raise NotFound(f"There is no file {path}.")
    return read_own(read_rows(path), path.stem, path.name)


def _unique(questions: Iterable[Question], source: str) -> list[Question]:
    """The questions in order; the same question twice counts once, two questions under one id are an error."""
    by_id: dict[str, Question] = {}
    for question in questions:
        if by_id.setdefault(question.id, question).text != question.text:
            raise InvalidInput(f"{source}: the id {question.id!r} stands for two different questions.")
    if not by_id:
        raise InvalidInput(f"{source} holds no questions.")
    return list(by_id.values())
