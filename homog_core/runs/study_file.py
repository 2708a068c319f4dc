"""A study file → its cells: every model over every dataset under every settings.

The file is TOML with the lists `models` and `datasets`, by the names that `sample` takes, and any number of tables
`[[settings]]` with the options of `sample`.
"""

import json
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from homog_core.errors import InvalidInput, NotFound
from homog_core.runs.settings import Settings

_LISTS = ("models", "datasets")
_MOST_CELLS = 10_000


@dataclass(frozen=True, slots=True)
class Cell:
    """One run of a study."""

    model: str
    dataset: str
    settings: Settings

    @property
    def chosen(self) -> str:
        """The settings that are not the default ones, in words."""
        default = Settings()
        values = {field.name: getattr(self.settings, field.name) for field in fields(Settings)}
        found = [f"{name} {value}" for name, value in values.items() if value != getattr(default, name)]
        return ", ".join(found) or "default"


def read_cells(path: Path) -> list[Cell]:
    """The cells of a study file, all of one model one after the other.

    Raises `NotFound` where there is no such file, and `InvalidInput` for one that does not read, with what is wrong.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise NotFound(f"There is no file {path}; docs/studies.md shows what a study file holds.") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise InvalidInput(f"{path} does not read as TOML ({error}); correct it.") from error
    _refuse_unknown(path, "", content, (*_LISTS, "settings"))
    models, datasets = (_names(path, name, content) for name in _LISTS)
    settings = _settings(path, content.get("settings", [{}]))
    n_cells = len(models) * len(datasets) * len(settings)
    if n_cells > _MOST_CELLS:
        raise InvalidInput(f"{path} makes {n_cells:,} runs; at most {_MOST_CELLS:,} make a study. Write several files.")
    return [Cell(model, dataset, one) for model in models for dataset in datasets for one in settings]


def _names(path: Path, name: str, content: Mapping[str, Any]) -> list[str]:
    found = content.get(name)
    if not isinstance(found, list) or not found or not all(isinstance(one, str) and one for one in found):
        raise InvalidInput(f'{path}: `{name}` must be a list of names, as `{name} = ["one", "another"]`.')
    if twice := [one for one in found if found.count(one) > 1]:
        raise InvalidInput(f"{path}: {twice[0]!r} stands twice in `{name}`; take one out.")
    return found


def _settings(path: Path, tables: Any) -> list[Settings]:
    from pydantic import TypeAdapter, ValidationError

    if not isinstance(tables, list) or not tables or not all(isinstance(one, dict) for one in tables):
        raise InvalidInput(f"{path}: write settings under a line [[settings]] of their own, or leave them out.")
    reader = TypeAdapter(Settings)
    found = []
    for number, table in enumerate(tables, start=1):
        where = f", [[settings]] {number}"
        _refuse_unknown(path, where, table, [field.name for field in fields(Settings)])
        try:
            # as JSON: only then does pydantic make a dataclass of a table without turning texts into numbers
            found.append(reader.validate_json(json.dumps(table, default=str), strict=True))
            found[-1].decoding("")  # so that a temperature of −1 is found now
        except ValidationError as error:
            first = error.errors()[0]
            name, said = first["loc"][0], first["msg"]
            raise InvalidInput(
                f"{path}{where}: `{name}` is {first['input']!r:.60}; {said[0].lower()}{said[1:]}."
            ) from error
        except InvalidInput as error:
            raise InvalidInput(f"{path}{where}: {error}") from error
        if found[-1] in found[:-1]:
            raise InvalidInput(f"{path}{where}: these settings stand there twice; take one out.")
    return found


def _refuse_unknown(path: Path, where: str, table: Mapping[str, Any], known: Collection[str]) -> None:
    for name in table:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"write `{near[0]}`" if near else f"there are {', '.join(known)}"
            raise InvalidInput(f"{path}{where}: `{name[:60]}` is no field; {hint}.")
