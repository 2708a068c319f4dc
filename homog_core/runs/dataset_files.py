"""Files and hub datasets → rows with their line numbers. What the columns mean is in `dataset_formats`."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from homog_core import files
from homog_core.catalogue.datasets import DatasetSpec
from homog_core.errors import HomogError, InvalidInput, NotFound

_MAX_CELL = 1 << 20


def dataset_file(spec: DatasetSpec) -> Path | None:
    """Where a dataset lies on this machine, or None."""
    candidates = (folder / file for file in spec.files for folder in files.dataset_folders())
    return next((path for path in candidates if path.is_file()), None)


# A row is its line number and its columns.
Rows = Iterator[tuple[int, dict[str, Any]]]


def dataset_rows(spec: DatasetSpec) -> tuple[Rows, str]:
    """The rows of a published dataset as they are, from its file or from the hub, and the name of where they are from.

    Raises `NotFound` where there is no file and the hub does not have it.
    """
    path = dataset_file(spec)
    if path:
        return read_rows(path), path.name
    if spec.hub is None:
        raise NotFound(
            f"The file of {spec.title} is missing: {' or '.join(spec.files)}. Name its folder in HOMOG_DATA."
        )
    return _hub_rows(spec), spec.hub.repository


def read_rows(path: Path) -> Rows:
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
    try:
        rows = load_dataset(spec.hub.repository, spec.hub.configuration, split=spec.hub.split)
    except Exception as error:  # the library raises a dozen unrelated classes when it is offline
        raise HomogError(
            f"{spec.title} is not on this machine and could not be read from the hub ({type(error).__name__}). Put "
            f"{' or '.join(spec.files)} into a folder and name that folder in HOMOG_DATA, or connect to the network."
        ) from error
    yield from enumerate(rows, start=1)
