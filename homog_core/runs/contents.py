"""What a run's folder holds: which files belong to the run, whether each is what was written, and replacing them.

The manifest names every file with its size and its SHA-256. Files are replaced together: the new ones are written
beside the old ones under names that hold their hashes; then a manifest that has these hashes takes the place of the
old one, which is the moment of the change; then the files take their places. Whoever reads meanwhile finds a file under
either name, and whoever writes next finishes what a kill has interrupted.

Answers that are being sampled would make the manifest grow with every question. Until they are merged each file of them
vouches for itself: its name holds its hash, and its metadata the id of its run.
"""

import hashlib
import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from homog_core import files
from homog_core.errors import CorruptRun, HomogError
from homog_core.records import RunManifest, StoredFile
from homog_core.runs.manifest import RESTORE, read_manifest, write_manifest
from homog_core.runs.tables import MERGED, damage, owner_of, parquet_bytes, read_parquet

_SHARD = re.compile(r"responses-([0-9a-f]{16})\.parquet")
_STAGED = re.compile(r"(.+\.parquet)\.([0-9a-f]{16})\.new")


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a run's lock, so that nobody else writes it. Raises `HomogError` where another process does."""
    from filelock import FileLock, Timeout

    lock = FileLock(folder / ".lock", timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise HomogError(f"Run {folder.name} is being written by another process; wait for it or stop it.") from error
    except OSError as error:
        raise HomogError(f"{folder} cannot be written to ({files.reason(error)}): {files.remedy(error)}.") from error
    try:
        yield
    finally:
        lock.release()


# Reading


def stored_names(folder: Path) -> set[str]:
    """The files of a run that there are, without answers that have not been merged."""
    found = read_manifest(folder).files
    if found is None:
        return {path.name for path in folder.glob("*.parquet")}
    return {name for name, entry in found.items() if any(path.exists() for path in _places(folder, name, entry))}


def is_stored(folder: Path, name: str) -> bool:
    """Whether one of the files of a run is there, without looking for all the others."""
    found = read_manifest(folder).files
    if found is None:
        return (folder / name).exists()
    return name in found and any(path.exists() for path in _places(folder, name, found[name]))


def read_file(folder: Path, name: str, columns: Sequence[str] | None = None, near: str | None = None) -> pa.Table:
    """One file of a run, or some of its columns, or the rows that were written with those of the question `near`.

    Raises `CorruptRun` where it is missing, or not what was written.
    """

    def read(manifest: RunManifest) -> pa.Table:
        if manifest.files is not None and name not in manifest.files:
            raise CorruptRun(f"The manifest of run {folder.name} does not name {name}; {RESTORE}.")
        return _read(folder, name, (manifest.files or {}).get(name), columns, near)

    return _settled(folder, read)


def read_shards(folder: Path, columns: Sequence[str] | None = None) -> list[pa.Table]:
    """All files of answers, the merged one first. Raises `CorruptRun` for one that is not what was written."""
    return _settled(
        folder,
        lambda manifest: [_read(folder, name, entry, columns) for name, entry in shards(folder, manifest).items()],
    )


def shards(folder: Path, manifest: RunManifest) -> dict[str, StoredFile | None]:
    """The files of a run that hold answers, the merged one first; None for one of a version that kept no hashes."""
    if manifest.files is None:
        found = dict.fromkeys(path.name for path in folder.glob("responses-*.parquet"))
    else:
        found = {name: entry for name, entry in manifest.files.items() if name.startswith("responses-")}
        found |= _unlisted(folder, manifest)
    return {name: found[name] for name in sorted(found, key=lambda name: (name != MERGED, name))}


def foreign_names(folder: Path, manifest: RunManifest) -> list[str]:
    """Parquet files in the folder that do not belong to the run, or are damaged before the manifest named them."""
    known = (manifest.files or {}).keys() | _unlisted(folder, manifest).keys()
    return [] if manifest.files is None else sorted({path.name for path in folder.glob("*.parquet")} - known)


def check(folder: Path, name: str, entry: StoredFile, *, again: bool = False) -> Path:
    """Where a file is now. Raises `CorruptRun` where it is missing or not what was written.

    A file that has not changed since this process has read it is not read for that again, except with `again`.
    """
    path = _checked(folder, name, entry, again)
    if not path.exists():
        raise CorruptRun(f"There is no {name} in run {folder.name} any more; {RESTORE}.")
    return path


def _settled(folder: Path, read: Any) -> Any:
    """What `read` makes of the files of one manifest; of the next one where it is replaced meanwhile.

    Files take their places after their manifest has: what seems missing is looked for once more.
    """
    manifest, is_second_look = read_manifest(folder), False
    while True:
        try:
            found, error = read(manifest), None
        except CorruptRun as caught:
            found, error = None, caught
        before, manifest = manifest, read_manifest(folder)
        if before.files == manifest.files:
            if not error:
                return found
            if is_second_look:
                raise error
            is_second_look = True


def _read(
    folder: Path, name: str, entry: StoredFile | None, columns: Sequence[str] | None = None, near: str | None = None
) -> pa.Table:
    path = _checked(folder, name, entry) if entry else folder / name
    return read_parquet(path, folder.name, columns, near)


def _checked(folder: Path, name: str, entry: StoredFile, again: bool = False) -> Path:
    """Where a file is now, if it is what was written."""
    for path in _places(folder, name, entry):
        try:
            if path.stat().st_size != entry.n_bytes or not _has_hash(path, entry.sha256, again):
                raise CorruptRun(damage(name, folder.name))
            return path
        except FileNotFoundError:
            continue  # it has taken its place meanwhile
        except OSError as error:
            raise HomogError(f"{path} could not be read ({files.reason(error)}).") from error
    return folder / name  # reading it says that it is missing


def _places(folder: Path, name: str, entry: StoredFile) -> tuple[Path, Path]:
    """Where a file may be: under the name that it was written under, until it has taken its place."""
    return folder / f"{name}.{entry.sha256[:16]}.new", folder / name


def _has_hash(path: Path, sha256: str, again: bool) -> bool:
    return (not again and _known_hash(path) == sha256) or hash_of(path) == sha256


def hash_of(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _known_hash(path: Path) -> str:
    """The hash of a file, remembered as long as it looks the same."""
    return _hashed(path, files.version_of(path))


@lru_cache(maxsize=16384)
def _hashed(path: Path, version: tuple[int, ...]) -> str:
    return hash_of(path)


@lru_cache(maxsize=16384)
def _owner(path: Path, sha256: str) -> str | None:
    return owner_of(path)


def _unlisted(folder: Path, manifest: RunManifest) -> dict[str, StoredFile]:
    """The run's files of answers that the manifest does not name yet: their names hold their hashes."""
    found = {}
    for path in folder.glob("responses-*.parquet"):
        name = _SHARD.fullmatch(path.name)
        if not name or path.name in (manifest.files or {}):
            continue
        with suppress(FileNotFoundError):  # merged meanwhile
            sha256 = _known_hash(path)
            if sha256.startswith(name[1]) and _owner(path, sha256) == folder.name:
                found[path.name] = StoredFile(sha256, path.stat().st_size)
    return found


# Writing, by the one who holds the lock


def create(folder: Path, manifest: RunManifest, questions: pa.Table) -> None:
    """Begin a run: its questions, and the manifest that makes it one.

    Files of the same run that are there already, because its manifest was lost, are its own again.
    """
    content = parquet_bytes(questions, folder.name)
    own = [path for path in folder.glob("*.parquet") if owner_of(path) == folder.name]
    entries = {path.name: StoredFile(hash_of(path), path.stat().st_size) for path in own}
    entries["questions.parquet"] = StoredFile(hashlib.sha256(content).hexdigest(), len(content))
    _write(folder / "questions.parquet", content)
    write_manifest(folder, replace(manifest, files=entries))


def write_shard(folder: Path, table: pa.Table) -> None:
    """Add a file of answers. The manifest does not name it yet."""
    content = parquet_bytes(table, folder.name)
    name = f"responses-{hashlib.sha256(content).hexdigest()[:16]}.parquet"
    _write(folder / name, content)


def commit(
    folder: Path,
    tables: Mapping[str, pa.Table] | None = None,
    *,
    derived_from: Mapping[str, str] | None = None,
    drop: Collection[str] = (),
    **provenance: Any,
) -> RunManifest:
    """Replace and drop files of a run, and change entries of its provenance, at once; return the new manifest.

    `derived_from` has the hash of the answers for each table that was computed from them. Files that an older version
    has written are taken over as they are. Raises `HomogError`, and changes nothing, where the disk fails.
    """
    manifest = finish(folder)
    entries = _taken_over(folder) if manifest.files is None else manifest.files | _unlisted(folder, manifest)
    entries = {name: entry for name, entry in entries.items() if name not in drop}
    derived_from = derived_from or {}
    entries |= {
        name: replace(entries[name], derived_from=derived_from[name]) for name in derived_from.keys() & entries.keys()
    }
    try:
        for name, table in (tables or {}).items():
            content = parquet_bytes(table, folder.name)
            entry = StoredFile(hashlib.sha256(content).hexdigest(), len(content), derived_from.get(name))
            entries[name] = entry
            _write(_places(folder, name, entry)[0], content, name)
        manifest = RunManifest(manifest.run_id, manifest.identity, replace(manifest.provenance, **provenance), entries)
        write_manifest(folder, manifest)
    except BaseException:  # before the moment of the change, or just after it: the manifest on the disk tells
        with suppress(HomogError):
            finish(folder)
        raise
    return finish(folder, set(drop) - (tables or {}).keys())


def finish(folder: Path, drop: Collection[str] = ()) -> RunManifest:
    """Let files take their places, and take away what a kill has left; return the manifest."""
    manifest = read_manifest(folder)
    try:
        for path in folder.glob("*.partial"):
            path.unlink()
        for path in folder.glob("*.new"):
            name, part = found.groups() if (found := _STAGED.fullmatch(path.name)) else (path.name, "")
            entry = (manifest.files or {}).get(name)
            if entry and part and entry.sha256.startswith(part):
                os.replace(path, folder / name)
            else:
                path.unlink()
        for name in drop:
            (folder / name).unlink(missing_ok=True)
        files.flush_folder(folder)
    except OSError as error:
        raise HomogError(f"{folder} cannot be written to ({files.reason(error)}): {files.remedy(error)}.") from error
    return manifest


def _taken_over(folder: Path) -> dict[str, StoredFile]:
    """The files of a run that an older version has written, as they are."""
    paths = sorted(folder.glob("*.parquet"))
    return {path.name: StoredFile(hash_of(path), path.stat().st_size) for path in paths}


def _write(path: Path, content: bytes, name: str | None = None) -> None:
    with files.replacing(path, f"{name or path.name} of run {path.parent.name}") as stream:
        stream.write(content)
