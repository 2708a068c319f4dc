"""What follows from a complete run alone, kept on the disk so that nobody waits for it twice.

`<cache>/derived/<run id>/<name>-<key>` begins with the SHA-256 of its content. The key is a hash of the run's files, of
the program and of the libraries that compute: where any of them changes it is computed again, as it is where a file is
damaged or missing. Nothing depends on these files, so they may be taken away at any time.
"""

import hashlib
import io
import os
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from homog_core import files
from homog_core.errors import CorruptRun
from homog_core.runs import sentences
from homog_core.runs.contents import check
from homog_core.runs.manifest import read_manifest
from homog_core.runs.program import program_sha256
from homog_core.runs.store import Run

SEVERAL = "several"  # the folder of what follows from several runs
_N_DIGEST = 64  # hex digits before the content
Arrays = dict[str, np.ndarray]


def folder() -> Path:
    """Where all of it lies; the folder need not be there."""
    return files.cache() / "derived"


def key_of(run: Run) -> str | None:
    """What all that follows from a run as it is now is kept under: 16 hex digits; None where nothing is kept.

    Nothing is kept of a run that is still written or has been written since it was opened, that keeps no hashes, or one
    of whose files is not what was written: whoever reads that file says so.
    """
    try:
        manifest = read_manifest(run.folder)
        if manifest.files is None or manifest.provenance.status != "complete":
            return None
        if manifest != run.manifest:  # what somebody has read of it may be of the state before
            return None
        for name, entry in manifest.files.items():
            check(run.folder, name, entry)
    except CorruptRun:
        return None
    files_now = sorted((name, entry.sha256) for name, entry in manifest.files.items())
    parts = [program_sha256(), run.id, str(run.lacks_answers), str(manifest.provenance.leftovers), *map(str, files_now)]
    if run.provenance.without_sentences and not run.lacks_answers:
        parts += [str(_state(path)) for path in sorted(sentences.sentences_folder(run.id).glob("*.parquet"))]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def kept(run: Run, name: str, compute: Callable[[], bytes]) -> bytes:
    """What `compute` gives for a run, read from the disk where it has been computed before."""
    return _kept(folder() / run.id / name, lambda: key_of(run), compute)


def kept_arrays(run: Run, name: str, compute: Callable[[], Mapping[str, np.ndarray]]) -> Arrays:
    """The same of arrays of numbers, by name."""
    return arrays_from(kept(run, name, lambda: bytes_of(compute())))


def kept_arrays_of(runs: Sequence[Run], name: str, compute: Callable[[], Mapping[str, np.ndarray]]) -> Arrays:
    """The same of what follows from several runs in this order, and from the weights of `combined`."""
    of = hashlib.sha256(" ".join(run.id for run in runs).encode()).hexdigest()[:16]

    def key() -> str | None:
        keys = [key_of(run) for run in runs]
        weights = files.cache() / "combined.json"
        state = weights.read_bytes() if weights.is_file() else b""
        return None if None in keys else hashlib.sha256(" ".join(keys).encode() + state).hexdigest()[:16]

    return arrays_from(_kept(folder() / SEVERAL / f"{name}-{of}", key, lambda: bytes_of(compute())))


def _kept(place: Path, key_now: Callable[[], str | None], compute: Callable[[], bytes]) -> bytes:
    key = key_now()
    if key is None:
        return compute()
    path = place.with_name(f"{place.name}-{key}")
    content = _read(path)
    if content is None:
        content = compute()
        if key_now() == key:  # and nobody has written the run meanwhile
            _write(path, content)
    return content


def bytes_of(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Arrays of numbers or texts as the content of a file."""
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def arrays_from(content: bytes) -> Arrays:
    """What `bytes_of` was given; nothing in the content can be run."""
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def _read(path: Path) -> bytes | None:
    """The content of a file; None where it is not there, or not what was written."""
    try:
        raw = path.read_bytes()
    except OSError:
        return None
    content = raw[_N_DIGEST:]
    return content if hashlib.sha256(content).hexdigest().encode() == raw[:_N_DIGEST] else None


def _write(path: Path, content: bytes) -> None:
    """Keep a content in the place of what was kept under another key. A disk that fails changes nothing.

    Not flushed: what a power cut leaves of it is noticed, and computed again.
    """
    partial = path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}.partial")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            partial.write_bytes(hashlib.sha256(content).hexdigest().encode() + content)
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)
        for older in path.parent.glob(f"{path.name.rpartition('-')[0]}-{'?' * 16}"):
            if older != path:
                older.unlink(missing_ok=True)


def _state(path: Path) -> tuple[str, int, int]:
    found = path.stat()
    return path.name, found.st_size, found.st_mtime_ns
