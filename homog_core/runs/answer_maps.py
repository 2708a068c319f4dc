"""Maps of all answers of some runs, stored: one small Parquet file a map, under `maps/` beside the runs.

A file has coordinates and indices, and no sentence. It names its runs by their ids and by a hash of their answers, so
that the map of other answers is not taken for theirs. How the coordinates came about is not known here.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from homog_core import files
from homog_core.errors import InvalidInput
from homog_core.runs import derived
from homog_core.runs.store import Run
from homog_core.runs.tables import valid_rows

MOST_BYTES, MOST_PLACES, MOST_RUNS = 20_000_000, 1_000_000, 4  # of one file; the shipped map has 19,000 places
_HEADER = b"homog_map"  # the key of the file's metadata that has all but the places
_SCHEMA = pa.schema(
    [
        ("run", pa.uint8()),  # a position in `sources`
        ("question_id", pa.string()),
        ("sample_index", pa.int32()),  # of the first answer in these words
        ("x", pa.float32()),
        ("y", pa.float32()),
    ]
)


@dataclass(frozen=True, slots=True)
class Source:
    """A run whose answers are on a map."""

    run_id: str
    answers_sha256: str


@dataclass(frozen=True, slots=True)
class Header:
    """What a map is of, and how it was made."""

    sources: tuple[Source, ...]  # by run id
    dataset: str
    encoder: str
    n_texts: int  # different texts, each of which has one place
    trustworthiness: float | None  # from 0 to 1; None where there are too few texts for it
    created: str

    def __post_init__(self) -> None:
        datetime.fromisoformat(self.created)
        ids = [source.run_id for source in self.sources]
        if not 1 <= len(ids) <= MOST_RUNS or ids != sorted(set(ids)):
            raise ValueError(f"a map is of 1 to {MOST_RUNS} different runs, in the order of their ids")
        if self.trustworthiness is not None and not 0 <= self.trustworthiness <= 1:  # also false for NaN
            raise ValueError("trustworthiness is a number from 0 to 1")

    @property
    def id(self) -> str:
        """What the map was computed from: the answers and the encoder."""
        content = json.dumps([[asdict(source) for source in self.sources], self.encoder])
        return f"{self.dataset}--{self.encoder}--{hashlib.sha256(content.encode()).hexdigest()[:10]}"


@dataclass(frozen=True, slots=True, eq=False)
class StoredMap:
    """A map: its header, and a place for every wording of every question and run."""

    header: Header
    places: pd.DataFrame  # run, question_id, sample_index, x, y


def sampled_answers(run: Run) -> pd.DataFrame:
    """question_id, sample_index, text of the valid sampled answers of a run, sorted by question and sample."""
    rows = valid_rows(run.responses(["text", "finish_reason"]), run.leftovers)
    kept = zip(rows["question_id"], rows["sample_index"], rows["answer"], strict=True)
    return pd.DataFrame(list(kept), columns=["question_id", "sample_index", "text"])


def source_of(run: Run, answers: pd.DataFrame) -> Source:
    """A run with the hash of its `sampled_answers`."""
    content = json.dumps(answers.to_numpy().tolist(), ensure_ascii=False)
    return Source(run.id, hashlib.sha256(content.encode()).hexdigest())


def kept_source(run: Run) -> Source:
    """`source_of` a run with its stored answers, whose hash is kept on the disk (`derived`)."""
    sha256 = derived.kept(run, "source", lambda: source_of(run, sampled_answers(run)).answers_sha256.encode())
    return Source(run.id, sha256.decode())


def write_map(found: StoredMap) -> Path:
    """Store a map; one of the same id is replaced. Raises `HomogError` where it cannot be written."""
    path = files.cache() / "maps" / f"{found.header.id}.parquet"
    files.make_folder(path.parent)
    table = pa.Table.from_pandas(found.places, schema=_SCHEMA, preserve_index=False)
    table = table.replace_schema_metadata({_HEADER: json.dumps(asdict(found.header)).encode()})
    with files.replacing(path, "The map") as stream:
        pq.write_table(table, stream, compression="zstd")
    return path


def list_maps() -> tuple[list[StoredMap], list[Path]]:
    """The stored maps, the user's before the shipped ones, and the files that do not read."""
    folders = dict.fromkeys([files.cache() / "maps", files.SHIPPED / "maps"])
    paths = {path.name: path for folder in reversed(folders) for path in sorted(folder.glob("*.parquet"))}
    found, unread = [], []
    for path in paths.values():
        try:
            one = _read(path, files.version_of(path))
            if one.header.id != path.stem:  # somebody else's content under this name
                raise InvalidInput(f"{path} holds {one.header.id}.")
            found.append(one)
        except (InvalidInput, OSError):
            unread.append(path)
    return found, unread


def find_map(maps: Iterable[StoredMap], sources: Iterable[Source], encoder: str) -> StoredMap | None:
    """The map that has all these runs with these answers: the one with the fewest runs, then the newest."""
    wanted = set(sources)
    fitting = [one for one in maps if one.header.encoder == encoder and wanted <= set(one.header.sources)]
    newest_first = sorted(fitting, key=lambda one: one.header.created, reverse=True)
    return min(newest_first, key=lambda one: len(one.header.sources), default=None)


@lru_cache(maxsize=16)
def _read(path: Path, version: tuple[int, ...]) -> StoredMap:
    """The map in a file as it is now. Raises `InvalidInput` for anything else."""
    from pydantic import TypeAdapter, ValidationError

    if path.stat().st_size > MOST_BYTES:
        raise InvalidInput(f"{path} is too large to hold a map.")
    try:
        with pq.ParquetFile(path) as file:
            if file.metadata.num_rows > MOST_PLACES:
                raise InvalidInput(f"{path} has more than {MOST_PLACES:,} places.")
            schema = file.schema_arrow
            if not schema.equals(_SCHEMA):
                raise InvalidInput(f"{path} does not have the columns of a map.")
            header = TypeAdapter(Header).validate_json((schema.metadata or {}).get(_HEADER, b""))
            places = file.read().to_pandas()
    except ValidationError as error:
        raise InvalidInput(f"{path} does not read as a map: {error.errors()[0]['msg']}.") from error
    except (pa.ArrowException, UnicodeDecodeError) as error:  # the last: of a text whose bytes are damaged
        raise InvalidInput(f"{path} does not read as a map: {error}.") from error
    _check(path, header, places)
    return StoredMap(header, places)


def _check(path: Path, header: Header, places: pd.DataFrame) -> None:
    """Raises `InvalidInput` where the places are not those of the header's runs."""
    if places.isna().any(axis=None) or not np.isfinite(places[["x", "y"]].to_numpy()).all():
        raise InvalidInput(f"{path} has a place that is not known.")
    if places["run"].max() >= len(header.sources):
        raise InvalidInput(f"{path} has places of a run that it does not name.")
    if places.duplicated(["run", "question_id", "sample_index"]).any():
        raise InvalidInput(f"{path} has two places for one answer.")


def trust_of(header: Header) -> float:
    """The trustworthiness of a map; NaN where there are too few texts for it."""
    return math.nan if header.trustworthiness is None else header.trustworthiness


def positions(header: Header) -> Mapping[str, int]:
    """Where the places of each run are: its id → the value of `run`."""
    return {source.run_id: i for i, source in enumerate(header.sources)}
