"""Questions: those of a dataset or of a file, one that somebody typed, and those of a run that ships without them.

Where a dataset lies is known to `dataset_files`, what its rows mean to `dataset_formats`.
"""

import hashlib
import random
from collections.abc import Iterable, Iterator
from dataclasses import replace

import pandas as pd

from homog_core.catalogue.datasets import DATASETS, TRAINING_DATASETS
from homog_core.errors import InvalidInput, NotFound
from homog_core.files import named
from homog_core.records import Question
from homog_core.runs.dataset_files import dataset_file, dataset_rows
from homog_core.runs.dataset_formats import READERS, content_id, read_own
from homog_core.runs.rows import read_rows

QUESTION_PLACE = "{question}"  # stands for the question in the prompts of a run that ships without its sentences


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


def typed_draw(text: str) -> Question:
    """A draw that somebody has typed in, as "Pick a fruit: apple, pear, plum".

    Raises `InvalidInput` where no two different answers stand after the last colon.
    """
    asked, _, listed = text.rpartition(":")
    options = list(dict.fromkeys(option.strip(" .") for option in listed.split(",") if option.strip(" .")))
    if not asked.strip() or len(options) < 2:
        raise InvalidInput(
            f"{text!r} lists no answers; write them after a colon, as 'Pick a fruit: apple, pear, plum'."
        )
    question = typed_question(text)
    return replace(question, references=tuple(options), category=asked.strip(), answer_type="draw")


def question_ids_sha256(ids: Iterable[str]) -> str:
    """Hash of a set of question ids, independent of their order."""
    return hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()


def with_sentences(frame: pd.DataFrame) -> pd.DataFrame:
    """The questions of a stripped run with text, references and prompt from their dataset.

    Where the dataset is not on this machine, text and prompt are "" and there are no references.
    """
    known: dict[str, Question] = {}
    for name in set(frame.loc[frame["text"].isna(), "dataset"]):
        if name in DATASETS and dataset_file(DATASETS[name]):
            known |= {question.id: question for question in load_questions(name)}
    rows = []
    for row in frame.to_dict("records"):
        if row["text"] is None or pd.isna(row["text"]):
            question = known.get(row["id"])
            text = question.text if question else ""
            row |= {
                "text": text,
                "references": question.references if question else (),
                "incorrect_references": question.incorrect_references if question else (),
                "prompt": row["prompt"].replace(QUESTION_PLACE, text) if question else "",
            }
        rows.append(row)
    return pd.DataFrame(rows, columns=frame.columns)


def _load(name: str) -> Iterator[Question]:
    if spec := (DATASETS | TRAINING_DATASETS).get(name):
        rows, source = dataset_rows(spec)
        return READERS[name.partition("-")[0]](rows, source)
    path = named(name)
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
