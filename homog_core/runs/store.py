"""The stored runs: which there are, and everything that is stored of one.

One folder a run: `manifest.json`, `questions.parquet`, `responses-*.parquet` (samples, never changed), and what is
recomputed from them: `embeddings-<encoder>.parquet`, `nli-<model>.parquet`, `similarities.parquet`,
`clusters.parquet`, `scores.parquet`, `maps.parquet`. Every file is written under a temporary name, flushed to disk and
renamed, so that a reader never sees half of one. Knows nothing of models; samples are written in `write`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from homog_core import files
from homog_core.errors import CorruptRun, NotFound
from homog_core.records import Decoding, Identity, Provenance, RunManifest, weakest_kind
from homog_core.runs.manifest import read_manifest
from homog_core.runs.questions import with_sentences
from homog_core.runs.tables import SCHEMAS, read_parquet, read_shards, shard_paths, write_parquet

_WITH_SCHEMA = ("embeddings", "nli", "judge", "similarities")
TABLES = ("similarities", "clusters", "grades", "scores", "maps")


@dataclass(frozen=True, slots=True)
class Run:
    """A stored run, for reading. Every call reads the disk; whoever shows it caches."""

    folder: Path
    manifest: RunManifest

    @property
    def id(self) -> str:
        """The run's id, which is its folder's name."""
        return self.manifest.run_id

    @property
    def is_imported(self) -> bool:
        """Whether its answers were sampled elsewhere: its numbers are what a file says."""
        return self.provenance.imported_from is not None

    @property
    def identity(self) -> Identity:
        """What it is: the settings that its id is a hash of."""
        return self.manifest.identity

    @property
    def provenance(self) -> Provenance:
        """How it came about: when, where, with which versions, how far."""
        return self.manifest.provenance

    @property
    def decoding(self) -> Decoding:
        """How its answers were drawn."""
        return self.identity.decoding

    def questions(self) -> pd.DataFrame:
        """One row a question, with its exact prompt.

        A run may have been stored without the sentences of its dataset (`strip`). They are then read from the dataset;
        where this machine does not have it, `text` and `prompt` are "" and there are no references.
        """
        frame = read_parquet(self.folder / "questions.parquet", self.id).to_pandas()
        return with_sentences(frame) if frame["text"].isna().any() else frame

    def responses(self, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """One row a response; sample_index −1 is the greedy one. Sorted by question and sample.

        With `columns`, question and sample index and these alone: what is not asked for is not read.
        """
        shards = shard_paths(self.folder)
        wanted = columns and ["question_id", "sample_index", *columns]
        if not shards:
            return SCHEMAS["responses"].empty_table().select(wanted or SCHEMAS["responses"].names).to_pandas()
        table = pa.concat_tables(read_shards(self.folder, self.id, wanted)).to_pandas()
        # A merge that was interrupted leaves shards whose rows are in the merged one already.
        table = table.drop_duplicates(["question_id", "sample_index"])
        return table.sort_values(["question_id", "sample_index"], ignore_index=True)

    def entropy_kind(self) -> str:
        """What its token entropies are, as that of a `Response`: the weakest kind of those that are known."""
        if not (self.is_imported or self.provenance.served):
            return "exact"
        shards = read_shards(self.folder, self.id, columns=["entropy_kind"])
        return weakest_kind(value for shard in shards for value in shard["entropy_kind"].unique().to_pylist())

    def sampled_ids(self) -> set[str]:
        """Ids of the questions that have been sampled."""
        shards = read_shards(self.folder, self.id, columns=["question_id"])
        return {value for shard in shards for value in shard["question_id"].to_pylist()}

    def table(self, name: str) -> pd.DataFrame | None:
        """One of `TABLES`, or None where the run has not been scored."""
        path = self.folder / f"{name}.parquet"
        return read_parquet(path, self.id).to_pandas() if path.is_file() else None

    def similarities(self, clusterer: str) -> dict[str, np.ndarray]:
        """Condensed similarities of the valid answers, float32, by question id, under one clusterer by its key."""
        path = self.folder / "similarities.parquet"
        if not path.is_file():
            return {}
        table = read_parquet(path, self.id)
        own = table.filter(pc.equal(table["clusterer"], clusterer)).combine_chunks()
        if not own.num_rows:
            return {}
        lists = own["similarity"].combine_chunks()
        values = lists.flatten().to_numpy(zero_copy_only=False)
        ends = np.cumsum(pc.list_value_length(lists).to_numpy(zero_copy_only=False))[:-1]
        return dict(zip(own["question_id"].to_pylist(), np.split(values, ends), strict=True))

    def similar_by(self) -> set[str]:
        """Keys of the clusterers whose similarities are stored."""
        path = self.folder / "similarities.parquet"
        return (
            set(read_parquet(path, self.id, ["clusterer"])["clusterer"].unique().to_pylist())
            if path.is_file()
            else set()
        )

    def encoders(self) -> list[str]:
        """Keys of the encoders whose embeddings are stored."""
        return sorted(path.stem.removeprefix("embeddings-") for path in self.folder.glob("embeddings-*.parquet"))

    def embeddings(self, encoder: str) -> pd.DataFrame | None:
        """question_id, sample_index, view, vector (d,); or None where they have not been computed."""
        path = self.folder / f"embeddings-{encoder}.parquet"
        if not path.is_file():
            return None
        table = read_parquet(path, self.id)
        frame = table.drop_columns("vector").to_pandas()
        if frame.empty:  # no valid answer
            return frame.assign(vector=pd.Series(dtype=object))
        vectors = table["vector"].combine_chunks()
        matrix = vectors.flatten().to_numpy(zero_copy_only=False).astype(np.float32).reshape(len(frame), -1)
        frame["vector"] = list(matrix)
        return frame

    def nli(self, model: str) -> pd.DataFrame | None:
        """question_id, premise, hypothesis, entailment, neutral, contradiction, truncated; or None."""
        path = self.folder / f"nli-{model}.parquet"
        return read_parquet(path, self.id).to_pandas() if path.is_file() else None

    def nli_models(self) -> list[str]:
        """Keys of the NLI models whose probabilities are stored."""
        return sorted(path.stem.removeprefix("nli-") for path in self.folder.glob("nli-*.parquet"))

    def judgements(self, judge: str) -> pd.DataFrame | None:
        """question_id, answers, labels, n_calls, prompt_tokens, reply_tokens of a judge; or None."""
        path = self.folder / f"judge-{judge}.parquet"
        return read_parquet(path, self.id).to_pandas() if path.is_file() else None

    def judges(self) -> list[str]:
        """Keys of the judges whose groups are stored."""
        return sorted(path.stem.removeprefix("judge-") for path in self.folder.glob("judge-*.parquet"))

    def write_table(self, name: str, frame: pd.DataFrame) -> None:
        """Replace one of the files that can be computed again."""
        schema = next((SCHEMAS[kind] for kind in _WITH_SCHEMA if name.startswith(kind)), None)
        write_parquet(self.folder / f"{name}.parquet", pa.Table.from_pandas(frame, schema=schema, preserve_index=False))


def runs_by_id() -> dict[str, Path]:
    """All folders that hold a manifest, by name; the user's before the shipped ones; not what is being deleted."""
    found: dict[str, Path] = {}
    for folder in reversed(files.run_folders()):
        found |= {path.parent.name: path.parent for path in sorted(folder.glob("[!.]*/manifest.json"))}
    return found


def open_run(run_id: str) -> Run:
    """The run of that id. Raises `NotFound`, with what there is, or `CorruptRun` for a damaged manifest."""
    known = runs_by_id()
    if run_id not in known:  # never a path: an id may come from a URL
        raise NotFound(f"There is no run {run_id!r}. {_listing(known)}")
    return Run(known[run_id], read_manifest(known[run_id]))


def list_runs() -> list[Run]:
    """All runs whose manifest reads, newest first."""
    runs = []
    for folder in runs_by_id().values():
        try:
            runs.append(Run(folder, read_manifest(folder)))
        except CorruptRun:
            continue  # `verify` reports it
    return sorted(runs, key=lambda run: run.provenance.created, reverse=True)


def _listing(known: Iterable[str]) -> str:
    names = list(known)
    return f"There are: {', '.join(names[:8])}{' …' if len(names) > 8 else ''}." if names else "There are none yet."
