"""A folder of files → a run each: a study with an `import.toml` (`EXAMPLE_TOML`), or tasks of lm-evaluation-harness.

What a run says goes before the defaults. The names of files are relative to the folder, and may not lead out of it.
"""

import tomllib
from collections.abc import Iterator
from dataclasses import fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

from homog_core.errors import InvalidInput
from homog_core.records import PromptStyle, Stage
from homog_core.runs.importers.notes import About

NAME = "import.toml"
EXAMPLE_TOML = """[defaults]
dataset = "open-questions"
[[run]]
file = "base.jsonl"
model = "my-base"
stage = "base"
[[run]]
file = "sft.jsonl"
model = "my-sft"
stage = "sft"
parent = "my-base"
"""
_TYPES = {
    "temperature": (int, float), "top_p": (int, float), "top_k": int, "max_new_tokens": int, "seed": int,
    "n_parameters": int, "n_samples": int, "columns": dict,
}  # fmt: skip
_CHOICES = {"stage": get_args(Stage), "prompt_style": get_args(PromptStyle)}
KEYS = tuple(field.name for field in fields(About) if field.name not in ("rows_of", "stop", "study", "origin"))


def entries(folder: Path, about: About) -> Iterator[tuple[Path, About]]:
    """The files of a folder that make runs, with what is said of each; `about` is said of all of them.

    Raises `InvalidInput` for a key that is not known, a value of another kind, and a folder with nothing to import.
    """
    path = folder / NAME
    if path.is_file():
        yield from _study(path, about)
        return
    from homog_core.runs.importers.detect import is_lm_eval  # here, since it imports pydantic

    found = [file for file in sorted(folder.rglob("*.jsonl*")) if file.is_file() and is_lm_eval(file)]
    if not found:
        raise InvalidInput(
            f"{folder} has neither an {NAME} nor samples of lm-evaluation-harness; write an {NAME} with one [[run]] a "
            "file, or import a file."
        )
    yield from ((file, about) for file in found)


def _study(path: Path, about: About) -> Iterator[tuple[Path, About]]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path.name} does not read as TOML: {error}.") from error
    _check_keys(content, ("defaults", "run"), path.name)
    runs, defaults = content.get("run"), content.get("defaults", {})
    if not isinstance(runs, list) or not runs or not all(isinstance(run, dict) for run in (*runs, defaults)):
        raise InvalidInput(f"{path.name} has no [[run]]; write one for each file, with `file` and `model`.")
    known = {name: value for name in KEYS if (value := getattr(about, name)) not in (None, {})}
    for number, run in enumerate(runs, start=1):
        where = f"{path.name}, run {number}"
        _check(defaults, f"{path.name}, defaults", KEYS)
        _check(run, where, ("file", *KEYS))
        said = {**known, **defaults, **run}
        file = _inside(path.parent, said.pop("file", None), "file", where)
        if "input" in said:
            said["input"] = str(_inside(path.parent, said["input"], "input", where))
        yield file, replace(about, **said)


def _inside(folder: Path, name: Any, key: str, where: str) -> Path:
    """A file of the folder."""
    if not isinstance(name, str) or not name or "\0" in name:
        raise InvalidInput(f'{where}: there is no `{key}`; name one, as {key} = "base.jsonl".')
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise InvalidInput(f"{where}: {name!r} is not in the folder of {NAME}; put it there.")
    return path


def _check(table: dict[str, Any], where: str, keys: tuple[str, ...]) -> None:
    _check_keys(table, keys, where)
    for name, value in table.items():
        wanted = _TYPES.get(name, str)
        if not isinstance(value, wanted) or isinstance(value, bool):
            raise InvalidInput(f"{where}: `{name}` is {value!r}, which is of another kind than it must be.")
        if name in _CHOICES and value not in _CHOICES[name]:
            raise InvalidInput(f"{where}: `{name}` is {value!r}; use one of {', '.join(_CHOICES[name])}.")


def _check_keys(table: dict[str, Any], keys: tuple[str, ...], where: str) -> None:
    for name in table:
        if name not in keys:
            near = get_close_matches(name, keys, n=1)
            remedy = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(keys)}."
            raise InvalidInput(f"{where}: {name!r} is not a key; {remedy}")
