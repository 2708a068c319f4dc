"""The one writer of a run: it creates or reopens the folder, holds its lock, and appends answers.

What is written survives whatever happens next, and nothing that is stored already is written again.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pyarrow as pa

from homog_core import files
from homog_core.errors import HomogError
from homog_core.records import Identity, Provenance, Question, ResponseSet, RunManifest
from homog_core.runs.manifest import read_manifest, run_id_of, write_manifest
from homog_core.runs.store import Run, runs_by_id
from homog_core.runs.tables import MERGED, SCHEMAS, questions_table, responses_table, shard_paths, write_parquet

SHARD_QUESTIONS = 256  # questions that go into one file where many are stored at once
SHARD_BYTES = 64 << 20  # and no more than this in memory, whatever their number


@contextmanager
def write_run(
    identity: Identity, provenance: Provenance, questions: Sequence[tuple[Question, str]]
) -> Iterator["RunWriter"]:
    """Create a run, or open it again to go on, and hold its lock meanwhile.

    `questions` come with their prompts. Raises `HomogError` where another process is writing it.
    """
    from filelock import FileLock, Timeout

    run_id = run_id_of(identity)
    folder = runs_by_id().get(run_id, files.cache() / "runs" / run_id)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock", timeout=0):
            for leftover in folder.glob("*.partial"):
                leftover.unlink()
            if not (folder / "questions.parquet").is_file():
                write_parquet(folder / "questions.parquet", questions_table(questions))
            if not (folder / "manifest.json").is_file():
                write_manifest(folder, RunManifest(run_id, identity, provenance))
            run = Run(folder, read_manifest(folder))
            if run.identity != identity:  # an id has 40 bits: one can be made to match
                raise HomogError(f"Another run is stored as {run_id}; give the model or the dataset another name.")
            yield RunWriter(run)
    except Timeout as error:
        raise HomogError(f"Run {run_id} is being written by another process; wait for it or stop it.") from error


class RunWriter:
    """The one writer of a run. Open it with `write_run`."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.sampled = run.sampled_ids()

    def append(self, responses: ResponseSet) -> None:
        """Store a question's answers; they survive whatever happens next. A question stored before is left alone."""
        self.append_many([responses])

    def append_many(self, responses: Iterable[ResponseSet]) -> None:
        """Store the answers to many questions, in shards of some hundreds of questions each.

        A shard is written whole or not at all. An interruption loses only the questions since the last shard; the same
        call stores them later.
        """
        shard: dict[str, pa.Table] = {}  # by question id
        size = 0
        for answers in responses:
            if answers.question_id in self.sampled or answers.question_id in shard:
                continue
            shard[answers.question_id] = table = responses_table(answers)
            size += table.nbytes
            if len(shard) == SHARD_QUESTIONS or size > SHARD_BYTES:
                self._write_shard(shard)
                shard, size = {}, 0
        if shard:
            self._write_shard(shard)

    def _write_shard(self, tables: dict[str, pa.Table]) -> None:
        """One file, named after the ids of its questions, so that no other shard has its name."""
        name = hashlib.sha256(json.dumps(list(tables)).encode()).hexdigest()[:12]
        write_parquet(self.run.folder / f"responses-{name}.parquet", pa.concat_tables(tables.values()))
        self.sampled.update(tables)

    def update(self, **provenance: Any) -> None:
        """Change entries of the manifest's provenance."""
        manifest = RunManifest(self.run.id, self.run.identity, replace(self.run.provenance, **provenance))
        write_manifest(self.run.folder, manifest)
        self.run = Run(self.run.folder, manifest)

    def merge(self) -> None:
        """Put all shards into one file."""
        shards = shard_paths(self.run.folder)
        if len(shards) < 2:
            return
        rows = self.run.responses()
        merged = pa.Table.from_pandas(rows, schema=SCHEMAS["responses"], preserve_index=False)
        write_parquet(self.run.folder / MERGED, merged)
        for shard in shards:
            if shard.name != MERGED:
                shard.unlink()
