"""A CSV, JSONL or JSON file → its rows with their line numbers. Every complaint names the file and the line.

What the columns of a row mean is known to `dataset_formats` and to the importers.
"""

import csv
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from homog_core.errors import HomogError, InvalidInput

MAX_LINE = 32 << 20  # bytes; parsed, a line takes about ten times as much
Rows = Iterator[tuple[int, dict[str, Any]]]  # a row is its line number and its columns
_KINDS = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}


def read_rows(path: Path) -> Rows:
    """The rows of a file by its ending; every row of a CSV file has all columns. Raises `HomogError`.

    The number of a row of JSON is its place in the list.
    """
    readers = {".csv": _csv_rows, ".jsonl": _jsonl_rows}
    return readers.get(path.suffix.lower(), _json_rows)(path)


def kind_of(value: Any) -> str:
    """What a value of JSON is, in words."""
    return _KINDS.get(type(value), "a number")


def _csv_rows(path: Path) -> Rows:
    csv.field_size_limit(MAX_LINE)
    # a line may also end in a lone carriage return
    lines = (part for line in _lines(path) for part in re.split(r"(?<=\r)(?=[^\n])", line))
    reader = csv.DictReader(lines, strict=True)
    try:
        columns = reader.fieldnames or ()
        if twice := [name for name, times in Counter(columns).items() if name and times > 1]:
            raise InvalidInput(
                f"{path.name}, line {reader.line_num}: the column {twice[0][:40]!r} is there twice; keep one."
            )
        for row in reader:
            if None in row or None in row.values():
                raise InvalidInput(
                    f"{path.name}, line {reader.line_num}: the row does not have the {len(columns)} columns of the "
                    "header; put a text that holds a comma in quotation marks."
                )
            yield reader.line_num, row
    except csv.Error as error:
        raise InvalidInput(f"{path.name}, line {reader.reader.line_num}: this is not CSV ({error}).") from error


def _jsonl_rows(path: Path) -> Rows:
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        where = f"{path.name}, line {number}"
        try:
            row = json.loads(line, object_pairs_hook=_object)
        except InvalidInput as error:
            raise InvalidInput(f"{where}: {error}") from error
        except (ValueError, RecursionError) as error:  # a ValueError: also a number of thousands of digits
            raise InvalidInput(f"{where}: this is not JSON ({getattr(error, 'msg', error)}).") from error
        if not isinstance(row, dict):
            raise InvalidInput(f"{where}: a row must be a JSON object, not {kind_of(row)}.")
        yield number, row


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        twice = next(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
        raise InvalidInput(f"the field {twice[:40]!r} is there twice; keep one.")
    return row


def _json_rows(path: Path) -> Rows:
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path.name} is not UTF-8 text; save it as UTF-8.") from error
    except json.JSONDecodeError as error:
        raise InvalidInput(f"{path.name}, line {error.lineno}: this is not JSON ({error.msg}).") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InvalidInput(f"{path.name} must be a JSON list of objects.")
    yield from enumerate(rows, start=1)


def _lines(path: Path) -> Iterator[str]:
    """The lines of a text file, none of them longer than a machine can take."""
    number = 1
    try:
        with path.open("rb") as stream:
            for number, raw in enumerate(iter(lambda: stream.readline(MAX_LINE + 1), b""), start=1):
                if len(raw) > MAX_LINE:
                    raise InvalidInput(f"{path.name}, line {number}: the line is longer than {MAX_LINE:,} bytes.")
                yield raw.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path.name}, line {number}: this is not UTF-8 text; save it as UTF-8.") from error
    except OSError as error:
        raise HomogError(f"{path.name} could not be read ({error.strerror}); try again.") from error
