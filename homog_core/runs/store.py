"""The stored runs: which there are, and everything that is stored of one.

One folder a run: `manifest.json`, `questions.parquet`, `responses-*.parquet` (samples, never changed), and what is
recomputed from them: `embeddings-<encoder>.parquet`, `nli-<model>.parquet`, `similarities.parquet`,
`clusters.parquet`, `scores.parquet`, `maps.parquet`. What is read is checked against the manifest's hashes
(`contents`). Knows nothing of models; samples are written in `write`.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from homog_core import files
from homog_core.errors import CorruptRun, HomogError, NotFound
from homog_core.leftovers import Leftovers
from homog_core.records import Decoding, Identity, Provenance, RunManifest, weakest_kind
from homog_core.runs import sentences
from homog_core.runs.contents import commit, is_stored, read_file, read_shards, stored_names
from homog_core.runs.manifest import read_manifest
from homog_core.runs.questions import with_sentences
from homog_core.runs.tables import SCHEMAS, answers_sha256
from homog_core.typed import typed

_WITH_SCHEMA = ("embeddings", "nli", "judge", "similarities")
TABLES = ("similarities", "clusters", "grades", "scores", "maps")
_LONGEST = 200  # characters of a name that others are compared with
FROM_ANSWERS = (*TABLES, "embeddings")  # how the names begin of what goes with one set of answers alone


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
    def lacks_answers(self) -> bool:
        """Whether it ships without the sentences of its answers, and nobody has fetched them to this machine."""
        return self.provenance.without_sentences and not sentences.are_here(self.id)

    @property
    def identity(self) -> Identity:
        """What it is: the settings that its id is a hash of."""
        return self.manifest.identity

    @property
    def provenance(self) -> Provenance:
        """How it came about: when, where, with which versions, how far."""
        return self.manifest.provenance

    @property
    def leftovers(self) -> Leftovers:
        """What is left out of its texts before answers are shown, compared and graded."""
        return self.provenance.leftovers

    @property
    def decoding(self) -> Decoding:
        """How its answers were drawn."""
        return self.identity.decoding

    def questions(self) -> pd.DataFrame:
        """One row a question, with its exact prompt.

        A run may have been stored without the sentences of its dataset (`strip`). They are then read from the dataset;
        where this machine does not have it, `text` and `prompt` are "" and there are no references.
        """
        if self.provenance.without_sentences and not self.lacks_answers:
            return sentences.read_sentences(self.id, "questions")
        frame = read_file(self.folder, "questions.parquet").to_pandas()
        return with_sentences(frame) if frame["text"].isna().any() else frame

    def responses(self, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """One row a response; sample_index −1 is the greedy one. Sorted by question and sample.

        Where the run `lacks_answers`, the texts are the stand-ins of `strip`. With `columns`, question and sample index
        and these alone: what is not asked for is not read.
        """
        table = self.stored_responses(columns)
        if "text" not in table or not self.provenance.without_sentences or self.lacks_answers:
            return table
        texts = sentences.read_sentences(self.id, "answers")
        return table.drop(columns="text").merge(texts, on=["question_id", "sample_index"])[list(table.columns)]

    def stored_responses(self, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """The responses as they lie in the run's folder, whether or not their sentences are on this machine."""
        wanted = columns and ["question_id", "sample_index", *columns]
        shards = read_shards(self.folder, wanted)
        if not shards:
            return SCHEMAS["responses"].empty_table().select(wanted or SCHEMAS["responses"].names).to_pandas()
        table = pa.concat_tables(shards).to_pandas()
        # A merge that was interrupted leaves shards whose rows are in the merged one already.
        table = table.drop_duplicates(["question_id", "sample_index"])
        return table.sort_values(["question_id", "sample_index"], ignore_index=True)

    def answers_sha256(self) -> str:
        """Hash of the stored answers, which the manifest has for every table that was computed from them."""
        return answers_sha256(self.stored_responses())

    def entropy_kind(self) -> str:
        """What its token entropies are, as that of a `Response`: the weakest kind of those that are known."""
        if not (self.is_imported or self.provenance.served):
            return "exact"
        shards = read_shards(self.folder, columns=["entropy_kind"])
        return weakest_kind(value for shard in shards for value in shard["entropy_kind"].unique().to_pylist())

    def sampled_ids(self) -> set[str]:
        """Ids of the questions that have been sampled."""
        shards = read_shards(self.folder, columns=["question_id"])
        return {value for shard in shards for value in shard["question_id"].to_pylist()}

    def has(self, name: str) -> bool:
        """Whether a table is stored."""
        return is_stored(self.folder, f"{name}.parquet")

    def table(self, name: str, columns: Sequence[str] | None = None) -> pd.DataFrame | None:
        """One of `TABLES`, or some of its columns; None where the run has not been scored."""
        return read_file(self.folder, f"{name}.parquet", columns).to_pandas() if self.has(name) else None

    def _keys(self, kind: str) -> list[str]:
        """The keys of what there is one file each of."""
        names = (name.removesuffix(".parquet") for name in stored_names(self.folder))
        return sorted(name.removeprefix(kind) for name in names if name.startswith(kind))

    def similarities(self, clusterer: str, near: str | None = None) -> dict[str, np.ndarray]:
        """Condensed similarities of the valid answers, float32, by question id, under one clusterer by its key.

        With `near`, of that question and of those that were written with it: a few, or all of a run of before.
        """
        if not self.has("similarities"):
            return {}
        table = read_file(self.folder, "similarities.parquet", near=near)
        own = table.filter(pc.equal(table["clusterer"], clusterer)).combine_chunks()
        if not own.num_rows:
            return {}
        lists = own["similarity"].combine_chunks()
        values = lists.flatten().to_numpy(zero_copy_only=False)
        ends = np.cumsum(pc.list_value_length(lists).to_numpy(zero_copy_only=False))[:-1]
        return dict(zip(own["question_id"].to_pylist(), np.split(values, ends), strict=True))

    def similar_by(self) -> set[str]:
        """Keys of the clusterers whose similarities are stored."""
        if not self.has("similarities"):
            return set()
        return set(read_file(self.folder, "similarities.parquet", ["clusterer"])["clusterer"].unique().to_pylist())

    def encoders(self) -> list[str]:
        """Keys of the encoders whose embeddings are stored."""
        return self._keys("embeddings-")

    def embeddings(self, encoder: str) -> pd.DataFrame | None:
        """question_id, sample_index, view, vector (d,) in float16; or None where they have not been computed."""
        if not self.has(f"embeddings-{encoder}"):
            return None
        table = read_file(self.folder, f"embeddings-{encoder}.parquet")
        frame = table.drop_columns("vector").to_pandas()
        if frame.empty:  # no valid answer
            return frame.assign(vector=pd.Series(dtype=object))
        vectors = table["vector"].combine_chunks()
        frame["vector"] = list(vectors.flatten().to_numpy(zero_copy_only=False).reshape(len(frame), -1))
        return frame

    def nli(self, model: str) -> pd.DataFrame | None:
        """question_id, premise, hypothesis, entailment, neutral, contradiction, truncated; or None."""
        return self.table(f"nli-{model}")

    def nli_models(self) -> list[str]:
        """Keys of the NLI models whose probabilities are stored."""
        return self._keys("nli-")

    def judgements(self, judge: str) -> pd.DataFrame | None:
        """question_id, answers, labels, n_calls, prompt_tokens, reply_tokens of a judge; or None."""
        return self.table(f"judge-{judge}")

    def judges(self) -> list[str]:
        """Keys of the judges whose groups are stored."""
        return self._keys("judge-")

    def goes_with_answers(self, name: str) -> bool:
        """Whether a table was computed from the answers that are stored now; True where nobody wrote that down."""
        entry = (read_manifest(self.folder).files or {}).get(f"{name}.parquet")
        return entry is None or entry.derived_from in (None, self.answers_sha256())

    def write_table(self, name: str, frame: pd.DataFrame) -> None:
        """Replace one of the files that can be computed again."""
        self.write_tables({name: frame})

    def write_tables(self, frames: Mapping[str, pd.DataFrame | pa.Table]) -> None:
        """Replace some of them at once: no reader ever sees the new one of one and the old one of another."""
        tables, derived_from, answers = {}, {}, None
        for name, frame in frames.items():
            schema = next((SCHEMAS[kind] for kind in _WITH_SCHEMA if name.startswith(kind)), None)
            is_table = isinstance(frame, pa.Table)
            tables[f"{name}.parquet"] = (
                frame.cast(schema) if is_table else pa.Table.from_pandas(frame, schema=schema, preserve_index=False)
            )
            if name.startswith(FROM_ANSWERS):
                answers = answers or self.answers_sha256()
                derived_from[f"{name}.parquet"] = answers
        commit(self.folder, tables, derived_from=derived_from)


def runs_by_id() -> dict[str, Path]:
    """All folders that hold a manifest, by name; the user's before the shipped ones; not what is being deleted."""
    found: dict[str, Path] = {}
    for folder in reversed(files.run_folders()):
        manifests = filter(os.path.isfile, sorted(folder.glob("[!.]*/manifest.json")))
        found |= {path.parent.name: path.parent for path in manifests}
    return found


def open_run(run_id: str) -> Run:
    """The run of that id. Raises `NotFound`, with the nearest names, or `CorruptRun` for a damaged manifest."""
    is_name = run_id == Path(run_id).name and not run_id.startswith(".")  # never a path: an id may come from a URL
    for folder in files.run_folders() if is_name else ():
        if os.path.isfile(folder / run_id / "manifest.json"):  # which bears with names that no file can have
            return _run_in(folder / run_id)
    raise NotFound(f"There is no run {run_id!r}. {_nearest(run_id, list(runs_by_id()))}")


def require_answers(run: Run) -> None:
    """Raise `HomogError` where a run ships without the sentences of its answers and they have not been fetched."""
    if run.lacks_answers:
        raise HomogError(
            f"Run {run.id} ships without its sentences, which others published; get them by "
            f"`homog study get {run.provenance.study}`."
        )


def list_runs() -> list[Run]:
    """All runs whose manifest reads, newest first."""
    runs = []
    for folder in runs_by_id().values():
        try:
            runs.append(_run_in(folder))
        except CorruptRun:
            continue  # `verify` reports it
    return sorted(runs, key=lambda run: run.provenance.created, reverse=True)


def _run_in(folder: Path) -> Run:
    manifest = read_manifest(folder)
    if manifest.run_id != folder.name:
        raise CorruptRun(f"The folder {folder.name} holds the run {manifest.run_id}; give it that name.")
    return Run(folder, manifest)


def _nearest(run_id: str, known: Sequence[str]) -> str:
    """What somebody may have meant who named a run that is not there."""
    if not known:
        return "There are none yet."
    begun = [name for name in known if run_id and name.startswith(run_id)][:3]
    near = begun or get_close_matches(run_id[:_LONGEST], known, n=3, cutoff=0.5)
    meant = f"Did you mean {' or '.join(near)}? " if near else ""
    return f"{meant}`{typed('runs')}` lists all {len(known)}."
