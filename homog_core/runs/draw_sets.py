"""What models make of closed lists, stored: one small JSON file a model and prompt, under `draws/` beside the runs.

The probabilities are exact, so that there is nothing to resume and nothing to score.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from homog_core import files
from homog_core.errors import InvalidInput
from homog_core.records import PromptStyle, Stage

MOST_BYTES, MOST_DRAWS, MOST_OPTIONS = 2_000_000, 100, 200  # of one file; a set of 24 lists has about 40 kB


@dataclass(frozen=True, slots=True)
class StoredDraw:
    """One list in all its wordings."""

    name: str
    options: tuple[str, ...]
    wordings: tuple[str, ...]
    probabilities: tuple[tuple[float, ...], ...]  # (W, A) of each option in each wording; a row sums to at most 1
    pruned: tuple[float, ...]  # (W,) mass that was not followed

    def __post_init__(self) -> None:
        shape = (len(self.wordings), {len(row) for row in self.probabilities}, len(self.pruned))
        if shape != (len(self.probabilities), {len(self.options)}, len(self.wordings)):
            raise ValueError("the probabilities do not fit the wordings and answers")
        if not 2 <= len(set(self.options)) == len(self.options) <= MOST_OPTIONS:
            raise ValueError(f"a list has 2 to {MOST_OPTIONS} different answers")
        masses = [*(p for row in self.probabilities for p in row), *map(sum, self.probabilities), *self.pruned]
        if not all(0 <= mass <= 1 + 1e-6 for mass in masses):  # also false for NaN
            raise ValueError("a probability is a number from 0 to 1")


@dataclass(frozen=True, slots=True)
class DrawSet:
    """What one model makes of some lists, with one prompt."""

    model: str
    revision: str
    dtype: str
    prompt_style: PromptStyle
    family: str
    stage: Stage | None
    parent: str | None
    created: str
    device: str
    draws: tuple[StoredDraw, ...]

    def __post_init__(self) -> None:
        datetime.fromisoformat(self.created)
        names = [draw.name for draw in self.draws]
        if not 1 <= len(set(names)) == len(names) <= MOST_DRAWS:
            raise ValueError(f"a set has 1 to {MOST_DRAWS} lists of different names")

    @property
    def id(self) -> str:
        """What it was computed from: model, weights, arithmetic, prompt and lists."""
        lists = [(draw.name, draw.options, draw.wordings) for draw in self.draws]
        content = json.dumps([self.model, self.revision, self.dtype, self.prompt_style, lists])
        return f"{self.model}--{self.prompt_style}--{hashlib.sha256(content.encode()).hexdigest()[:10]}"


def write_draws(found: DrawSet) -> Path:
    """Store a set; one of the same id is replaced. Raises `HomogError` where it cannot be written."""
    path = files.cache() / "draws" / f"{found.id}.json"
    files.make_folder(path.parent)
    with files.replacing(path, "The draws") as stream:
        stream.write(json.dumps(asdict(found), indent=1).encode())
    return path


def list_draws() -> tuple[list[DrawSet], list[Path]]:
    """The stored sets, the user's before the shipped ones, and the files that do not read."""
    folders = dict.fromkeys([files.cache() / "draws", files.SHIPPED / "draws"])
    paths = {path.name: path for folder in reversed(folders) for path in sorted(folder.glob("*.json"))}
    found, unread = [], []
    for path in paths.values():
        try:
            one = _read(path, files.version_of(path))
            if one.id != path.stem:  # somebody else's content under this name
                raise InvalidInput(f"{path} holds {one.id}.")
            found.append(one)
        except (InvalidInput, OSError):
            unread.append(path)
    return found, unread


@lru_cache(maxsize=64)
def _read(path: Path, version: tuple[int, ...]) -> DrawSet:
    """The set in a file as it is now. Raises `InvalidInput` for anything else."""
    from pydantic import TypeAdapter, ValidationError

    if path.stat().st_size > MOST_BYTES:
        raise InvalidInput(f"{path} is too large to hold draws.")
    try:
        return TypeAdapter(DrawSet).validate_json(path.read_bytes())
    except ValidationError as error:
        raise InvalidInput(f"{path} does not read as draws: {error.errors()[0]['msg']}.") from error
