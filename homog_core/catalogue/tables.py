"""The TOML files of the catalogue as mappings from a key to a frozen record.

A table is read and checked when somebody looks into it, never on import. The user's own file is looked for every time,
so that an edit counts at once. This module does not know what the records are for.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from homog_core import files
from homog_core.errors import InvalidInput

Record = TypeVar("Record")  # a frozen dataclass with a `key`

FOLDER = Path(__file__).parent
_KEY = re.compile(r"[\w.:-]+", re.ASCII)  # keys become parts of file names and of addresses


class Table(Mapping[str, Record]):
    """One table of a catalogue file: its records by key, in the order of the file.

    Where it is `extendable`, the file of the same name in `$HOMOG_CACHE` adds records and replaces those of the same
    key. Every look raises `InvalidInput` if that file does not read, and names the file, the entry and the remedy.
    """

    def __init__(self, kind: type[Record], file: str, name: str, *, extendable: bool = False) -> None:
        self._kind, self._file, self._name, self._extendable = kind, file, name, extendable

    def __getitem__(self, key: str) -> Record:
        return self._records()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._records())

    def __len__(self) -> int:
        return len(self._records())

    def __or__(self, other: Mapping[str, Any]) -> dict[str, Any]:
        return self._records() | dict(other)

    def _records(self) -> dict[str, Record]:
        records = _read(self._kind, self._name, FOLDER / self._file)
        own = files.cache() / self._file
        if self._extendable and own.exists():
            records = records | _read(self._kind, self._name, own, files.version_of(own))
        return records


@lru_cache(maxsize=64)
def _read(kind: type[Record], name: str, path: Path, version: tuple[int, ...] = ()) -> dict[str, Record]:
    """The records of one table of a file; `version` changes when the file does."""
    from pydantic import TypeAdapter, ValidationError

    rows = _content(path, version).get(name, [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InvalidInput(f"{path}: write every entry of `{name}` under a line [[{name}]] of its own.")
    try:
        records = TypeAdapter(list[kind], config={"extra": "forbid", "str_min_length": 1}).validate_python(rows)
    except ValidationError as error:
        raise InvalidInput(_complaint(path, name, rows, error.errors()[0], kind)) from error
    except InvalidInput as error:  # of a record that checks itself
        raise InvalidInput(f"{path}, `{name}`: {error}") from error
    keys = [record.key for record in records]
    for key in keys:
        if not _KEY.fullmatch(key):
            raise InvalidInput(f"{path}: the key {key!r} must be made of letters, digits and . _ : - alone; rename it.")
        if keys.count(key) > 1:
            raise InvalidInput(f"{path}: the key {key!r} stands twice under `{name}`; rename one or take it out.")
    return dict(zip(keys, records, strict=True))


@lru_cache(maxsize=16)
def _content(path: Path, version: tuple[int, ...] = ()) -> dict[str, Any]:
    """What a file holds. It may have the tables of the shipped file of its name and no others."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidInput(f"{path} does not read as TOML ({error}); correct it or take it away.") from error
    known = content if path.parent == FOLDER else _content(FOLDER / path.name)
    if unknown := [name for name in content if name not in known]:
        raise InvalidInput(f"{path} has a table `{unknown[0]}`; its tables are {', '.join(known)}. Rename it.")
    return content


def _complaint(path: Path, name: str, rows: Sequence[dict[str, Any]], error: Mapping[str, Any], kind: type) -> str:
    """The first thing that is wrong with a table, as a sentence."""
    row, *place = error["loc"]
    field = ".".join(map(str, place))
    match error["type"]:
        case "missing":
            wrong = f"`{field}` is missing; add it"
        case "unexpected_keyword_argument":
            wrong = f"`{field}` is no field; use {', '.join(f.name for f in fields(kind))}"
        case _:
            wrong = f"`{field}` is {error['input']!r:.60}; {error['msg'][0].lower()}{error['msg'][1:]}"
    which = repr(rows[row]["key"]) if "key" in rows[row] else row + 1
    return f"{path}, entry {which} of `{name}`: {wrong}."
