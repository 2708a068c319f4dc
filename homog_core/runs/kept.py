"""What a scoring has computed so far, kept beside the runs so that a killed one goes on where it was.

Parts are written whole or not at all, by the holder of the run's lock, and nobody shows them. A part belongs to a key:
the hash of everything that it was computed from. Parts of another key, and those that do not read, are taken away.
"""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa

from homog_core import files
from homog_core.runs.contents import hash_of
from homog_core.runs.program import program_sha256

KEEP_SECONDS = 10.0  # of work that a kill may cost, about


def folder_of(run_id: str) -> Path:
    """Where the parts of a run's scoring are while it goes on."""
    return files.cache() / "scoring" / run_id


def forget(run_id: str) -> None:
    """Take away all parts of a run: what they were for is stored."""
    shutil.rmtree(folder_of(run_id), ignore_errors=True)


class Kept:
    """The parts of one step of a scoring; each part is some rows of one table."""

    def __init__(self, run_id: str, step: str, made_from: Any) -> None:
        key = hashlib.sha256(json.dumps([made_from, program_sha256()], sort_keys=True).encode()).hexdigest()[:16]
        self._folder = folder_of(run_id) / step / key
        for other in self._folder.parent.glob("*"):
            if other != self._folder:
                shutil.rmtree(other, ignore_errors=True)
        self._n = 0
        is_whole = True
        for part in sorted(self._folder.glob("*")):
            is_whole = is_whole and _is_whole(part)
            if is_whole:
                self._n += 1
            else:  # nor what was computed after it, so that rows stay in their order
                part.unlink(missing_ok=True)

    def add(self, table: pa.Table) -> None:
        """Keep one more part. Raises `HomogError` where the disk fails."""
        sink = pa.BufferOutputStream()
        with pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
        content = sink.getvalue()
        path = files.make_folder(self._folder) / f"{self._n:06}-{hashlib.sha256(content).hexdigest()}.arrow"
        with files.replacing(path, "What the scoring has computed so far") as stream:
            stream.write(content)
        self._n += 1

    def table(self) -> pa.Table | None:
        """All parts as one table, read from the disk as they are looked at; None where there are none."""
        paths = sorted(self._folder.glob("*.arrow"))
        return (
            pa.concat_tables(pa.ipc.open_file(pa.memory_map(str(path))).read_all() for path in paths) if paths else None
        )


def _is_whole(part: Path) -> bool:
    """Whether a file is a part as it was written: its name ends in its hash."""
    try:
        return part.name[7:] == f"{hash_of(part)}.arrow"
    except OSError:
        return False
