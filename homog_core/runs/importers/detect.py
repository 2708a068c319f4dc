"""The records of a file → records in our own fields, by the reader that the first record calls for.

What a file holds is told by the keys of its first record, never by its name.
"""

from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Literal

from homog_core.errors import InvalidInput
from homog_core.runs.importers import counted, helm, inspect_logs, lm_eval, openai_batch, tables, vllm
from homog_core.runs.importers.notes import About, Notes, Record
from homog_core.runs.importers.sources import records

Reader = Callable[[Iterator[Record], About, Notes], Iterator[Record]]


def own_records(path: Path, about: About, notes: Notes) -> Iterator[Record]:
    """The questions of a file with their answers, in the fields of our own JSONL."""
    found = records(path, notes)
    first = next(found, None)
    if first is not None:
        yield from _reader(first)(chain([first], found), about, notes)


def is_lm_eval(path: Path) -> bool:
    """Whether a file holds samples of lm-evaluation-harness."""
    first = _first(path)
    return first is not None and lm_eval.fits(first.fields)


def batch_part(path: Path) -> Literal["input", "output"] | None:
    """Which file of an OpenAI batch a file is; None where it is none."""
    first = _first(path)
    if first is None or not openai_batch.fits(first.fields):
        return None
    return "output" if "response" in first.fields else "input"


def _first(path: Path) -> Record | None:
    try:
        return next(records(path, Notes()), None)
    except InvalidInput:
        return None


def _reader(first: Record) -> Reader:
    modules = (counted, lm_eval, inspect_logs, helm, openai_batch, vllm)
    return next((module.read for module in modules if module.fits(first.fields)), tables.read)
