"""What an import has to tell: what was left out, repaired, guessed or found missing, and what the file says of itself.

Also what a person says of a file. Knows no format.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from homog_core.errors import InvalidInput, in_one_line
from homog_core.records import ImportNote, PromptStyle, Stage

_MAX_KINDS = 60  # a file may have any number of columns that nobody reads
_MAX_FIRST = 300  # characters


@dataclass(frozen=True, slots=True)
class About:
    """What a person says of the answers of a file. Of what is None the file's own word is taken, where it has one."""

    model: str | None = None
    dataset: str | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    max_new_tokens: int | None = None
    stop: tuple[str, ...] | None = None
    seed: int | None = None
    prompt_style: PromptStyle | None = None
    stage: Stage | None = None
    parent: str | None = None  # the model that it was trained from, as that one is named on import
    family: str | None = None
    n_parameters: int | None = None
    n_samples: int | None = None  # answers of each question that are kept
    input: str | None = None  # the requests that a batch output answers: a file
    columns: Mapping[str, str] = field(default_factory=dict)  # our own field → the column that holds it
    origin: str | None = None  # where the file is from, with its revision; None: it is known by its name alone
    study: str | None = None  # of the catalogue's `studies`, which the file is part of
    rows_of: str | None = None  # of a table with answers of several models, the one whose rows are read


class Record(NamedTuple):
    """One row of a file, or one of its parts."""

    where: str  # the file and the line
    fields: dict[str, Any]


class Notes:
    """Collects what one reading of a file has to tell."""

    def __init__(self) -> None:
        self._found: dict[str, ImportNote] = {}
        self.models: dict[str, None] = {}  # that the file names, in order
        self.said: dict[str, Any] = {}  # fields of `About`, as the file says them

    def add(self, kind: str, first: str, count: int = 1) -> None:
        """Count something; `first` is kept of its first time."""
        kind, first = in_one_line(kind), in_one_line(first)
        if kind not in self._found and len(self._found) >= _MAX_KINDS:
            kind = "further remarks, not listed"
        old = self._found.get(kind, ImportNote(kind, 0, first[:_MAX_FIRST]))
        self._found[kind] = ImportNote(kind, old.count + count, old.first)

    def left_out(self, error: InvalidInput) -> None:
        """Count a row that could not be read; the complaint says where and why."""
        self.add("rows that could not be read, left out", str(error))

    def say(self, name: str, value: Any) -> None:
        """Keep what the file says of itself; its first word counts."""
        if value is not None:
            self.said.setdefault(name, value)

    def all(self) -> tuple[ImportNote, ...]:
        """Everything that was counted, in the order in which it turned up."""
        return tuple(self._found.values())
