"""The one writer of a run: it creates or reopens the folder, holds its lock, and appends answers.

What is written survives whatever happens next, and nothing that is stored already is written again.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from homog_core import files
from homog_core.errors import HomogError
from homog_core.records import Identity, Provenance, Question, ResponseSet, RunManifest
from homog_core.runs.contents import commit, create, finish, held, shards, stored_names, write_shard
from homog_core.runs.manifest import run_id_of
from homog_core.runs.store import Run, runs_by_id
from homog_core.runs.tables import MERGED, SCHEMAS, questions_table, responses_table

SHARD_QUESTIONS = 256  # questions that go into one file where many are stored at once
SHARD_BYTES = 64 << 20  # and no more than this in memory, whatever their number


@contextmanager
def write_run(
    identity: Identity, provenance: Provenance, questions: Sequence[tuple[Question, str]]
) -> Iterator["RunWriter"]:
    """Create a run, or open it again to go on, and hold its lock meanwhile.

    `questions` come with their prompts. Raises `HomogError` where another process is writing it.
    """
    run_id = run_id_of(identity)
    folder = files.make_folder(runs_by_id().get(run_id, files.cache() / "runs" / run_id))
    with held(folder):
        if not (folder / "manifest.json").is_file():
            create(folder, RunManifest(run_id, identity, provenance), questions_table(questions))
        manifest = finish(folder)
        if manifest.identity != identity:  # an id has 40 bits: one can be made to match
            raise HomogError(f"Another run is stored as {run_id}; give the model or the dataset another name.")
        there = stored_names(folder)
        gone = (manifest.files or {}).keys() - there
        if gone or manifest.files is None or "questions.parquet" not in there:
            missing = {} if "questions.parquet" in there else {"questions.parquet": questions_table(questions)}
            manifest = commit(folder, missing, drop=gone)
        yield RunWriter(Run(folder, manifest))


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
        write_shard(self.run.folder, pa.concat_tables(tables.values()))
        self.sampled.update(tables)

    def update(self, **provenance: Any) -> None:
        """Change entries of the manifest's provenance."""
        self.run = Run(self.run.folder, commit(self.run.folder, **provenance))

    def merge(self) -> None:
        """Put all shards into one file."""
        stored = shards(self.run.folder, finish(self.run.folder))
        if len(stored) < 2:
            return
        merged = pa.Table.from_pandas(self.run.responses(), schema=SCHEMAS["responses"], preserve_index=False)
        others = [name for name in stored if name != MERGED]
        self.run = Run(self.run.folder, commit(self.run.folder, {MERGED: merged}, drop=others))
