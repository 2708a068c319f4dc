"""What can go from the cache: what killed processes have left, and what other versions have unpacked or computed.

Nothing that a person has made is in it: no run with an answer, no map, no draws, no adapter. Weights are unpacked again
when they are needed.
"""

import re
import shutil
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from homog_core import files
from homog_core.catalogue.models import GGUF_WHEELS, MODELS
from homog_core.errors import HomogError
from homog_core.runs import derived
from homog_core.runs.store import open_run, runs_by_id

YOUNG_SECONDS = 3600.0  # what has changed since then may still be written, where no lock tells
_COPY = re.compile(r"(?P<key>.+)-(?P<sha>[0-9a-f]{12})")
_WORK = re.compile(r"\..+-[0-9a-f]{12}-.+")  # the folder that a copy is unpacked in


@dataclass(frozen=True, slots=True)
class Leftover:
    """A file or folder that can go."""

    path: Path
    why: str
    n_bytes: int


def leftovers() -> list[Leftover]:
    """Everything that can go from the user's cache, the largest first. It changes nothing."""
    cache = files.cache()
    found = [*_of_runs(cache / "runs"), *_of_models(cache / "models"), *_of_scorings(cache)]
    found += _of_derived()
    for folder in (cache, cache / "maps", cache / "draws", *derived.folder().glob("*/")):
        found += [Leftover(path, "half written", size(path)) for path in folder.glob("*.partial") if _is_old(path)]
    return sorted(found, key=lambda one: (-one.n_bytes, one.path))


def remove(found: Leftover) -> None:
    """Take one away. Raises `HomogError` where it cannot be.

    A folder is first renamed, so that nobody ever sees half of one.
    """
    try:
        if found.path.is_dir() and not found.path.is_symlink():
            aside = found.path.with_name(f".deleted-{uuid.uuid4().hex[:8]}")
            found.path.rename(aside)
            shutil.rmtree(aside)
        else:
            found.path.unlink(missing_ok=True)
    except OSError as error:
        raise HomogError(f"{found.path} cannot be taken away: {error.strerror or error}.") from error


def size(path: Path) -> int:
    """Bytes of a file, or of all files in a folder; links count nothing."""
    paths = path.rglob("*") if path.is_dir() else [path]
    return sum(one.lstat().st_size for one in paths if one.is_file() and not one.is_symlink())


def _of_runs(runs: Path) -> Iterator[Leftover]:
    """Deleted runs that are still there, runs that ended before their first answer, half-written files."""
    for folder in runs.glob(".deleted-*"):
        yield Leftover(folder, "deleted, not yet gone", size(folder))
    for folder in runs.glob(".pulled-*"):
        if _is_all_old(folder):
            yield Leftover(folder, "a pull that was broken off", size(folder))
    for folder in runs.glob("[!.]*/"):
        if folder.is_symlink() or not _is_free(folder):
            continue
        if not (folder / "manifest.json").is_file() and not any(folder.glob("responses*.parquet")):
            yield Leftover(folder, "a run that ended before its first answer", size(folder))
            continue
        for path in folder.glob("*.partial"):
            if _is_old(path):
                yield Leftover(path, "half written", size(path))


def _of_scorings(cache: Path) -> Iterator[Leftover]:
    """What scorings that were killed would go on from, and nobody goes on with."""
    for folder in (cache / "scoring").glob("*/"):
        locks = [runs / folder.name / ".lock" for runs in files.run_folders()]  # a shipped run is scored where it lies
        if _is_all_old(folder) and all(is_unlocked(lock) for lock in locks if lock.is_file()):
            yield Leftover(folder, "a scoring that was broken off", size(folder))


def _of_derived() -> Iterator[Leftover]:
    """What was computed from runs that are gone, or from a run as it was before or by another version."""
    runs = runs_by_id()
    for folder in derived.folder().glob("*"):
        if folder.name == derived.SEVERAL:
            continue
        if folder.name not in runs:
            yield Leftover(folder, "of a run that is gone", size(folder))
            continue
        try:
            key = derived.key_of(open_run(folder.name))
        except HomogError:  # whoever opens this run says what is wrong with it
            continue
        for path in folder.glob(f"*-{'?' * 16}"):
            if key and not path.name.endswith(key):
                yield Leftover(path, "computed by another version, or from the run before", size(path))


def _of_models(models: Path) -> Iterator[Leftover]:
    """Folders of conversions that were killed, locks without a copy, and copies of weights of another version."""
    current = {key: sha for key, sha in _copies()}
    for path in models.glob("*"):
        if path.is_symlink():
            continue
        if path.is_dir() and _WORK.fullmatch(path.name) and _is_old(path):
            yield Leftover(path, "unpacking that was broken off", size(path))
        elif path.is_dir() and path.name.startswith(".deleted-"):
            yield Leftover(path, "deleted, not yet gone", size(path))
        elif path.suffix == ".lock" and _is_old(path) and not path.with_suffix("").is_dir() and is_unlocked(path):
            yield Leftover(path, "lock of a copy that is not there", size(path))
        elif (match := _COPY.fullmatch(path.name)) and (path / "source.json").is_file():
            sha = current.get(match["key"])
            if sha is not None and sha != match["sha"]:
                yield Leftover(path, "unpacked weights of another version", size(path))


def _copies() -> Iterator[tuple[str, str]]:
    """Names of the copies of weights that come as packages: the model's key, and the beginning of its hash."""
    for spec in MODELS.values():
        if spec.source in GGUF_WHEELS and not spec.adapter:
            yield spec.key, GGUF_WHEELS[spec.source].sha256[:12]


def _is_free(folder: Path) -> bool:
    """Whether nobody is writing a run, and nobody has just begun to."""
    lock = folder / ".lock"
    return _is_old(folder) and is_unlocked(lock)


def is_unlocked(lock: Path) -> bool:
    """Whether nobody holds this lock, or it is not there."""
    if not lock.is_file():
        return True
    from filelock import FileLock, Timeout

    try:
        with FileLock(lock, timeout=0):
            return True
    except (Timeout, OSError):
        return False


def _is_old(path: Path) -> bool:
    return time.time() - path.lstat().st_mtime > YOUNG_SECONDS


def _is_all_old(folder: Path) -> bool:
    """Whether nothing in a folder has changed of late; the folder itself does not when a file below it does."""
    return all(map(_is_old, [folder, *folder.rglob("*")]))
