"""Where things are on disk: the folder of new runs, and what ships beside the code.

In a checkout the project's `cache/` holds the shipped runs and takes the new ones, unless `HOMOG_CACHE` names another
folder for these. An installed library ships without runs and never writes beside itself.
"""

import errno
import glob
import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import fields
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, TypeVar

from homog_core.errors import HomogError, InvalidInput

Record = TypeVar("Record")  # a dataclass

PACKAGE = Path(__file__).resolve().parent
PROJECT = PACKAGE.parent  # of an installed library the folder of all packages: ask `is_checkout` first
_MADE_AGAIN = "take it away, or make it again by `homog calibrate`"  # a file of `kept_records`
SHIPPED = PROJECT / "cache"  # shipped runs and adapters; of an installed library there is no such folder


def is_checkout() -> bool:
    """Whether this is the project with its documents and shipped runs, not an installed library."""
    return (PROJECT / "pyproject.toml").is_file()


def cache() -> Path:
    """The folder that new runs and conversions go to.

    `$HOMOG_CACHE`; otherwise a checkout's own `cache/`, or `~/.homog` for an installed library.
    """
    if os.environ.get("HOMOG_CACHE"):
        return expanded(os.environ["HOMOG_CACHE"])
    return SHIPPED if is_checkout() else Path.home() / ".homog"


def run_folders() -> list[Path]:
    """The folders that hold runs, the user's first; shipped runs are always found."""
    return list(dict.fromkeys([cache() / "runs", SHIPPED / "runs"]))


def dataset_folders() -> list[Path]:
    """The folders that dataset files are looked for in: `$HOMOG_DATA`, ours, a checkout's `../shared/data`."""
    own = [expanded(os.environ["HOMOG_DATA"])] if os.environ.get("HOMOG_DATA") else []
    return [*own, PACKAGE / "questions", *([PROJECT.parent / "shared" / "data"] if is_checkout() else [])]


def expanded(name: str) -> Path:
    """A path that somebody has written, `~` being a home folder. Raises `InvalidInput` for a user that is not there."""
    try:
        return Path(name).expanduser()
    except RuntimeError as error:
        raise InvalidInput(f"{name} names the home folder of a user that this machine does not have.") from error


def named(name: str) -> Path:
    """The path that somebody names, whether there is something or not.

    Raises `InvalidInput` for what can be the name of no file, and for what lies in a folder that may not be read.
    """
    path = expanded(name)
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, ValueError) as error:  # a name that is too long, or holds a null character
        why = reason(error) if isinstance(error, OSError) else str(error)
        raise InvalidInput(f"{name!r} can be no file for you ({why}); name another.") from error
    return path


def make_folder(folder: Path) -> Path:
    """The folder, made where it is not there yet. Raises `HomogError` where it cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HomogError(f"The folder {folder} could not be made ({reason(error)}): {remedy(error)}.") from error
    return folder


def version_of(path: Path) -> tuple[int, int, int]:
    """What tells one content of a file from another, however the clock was set in between. Raises `OSError`.

    A time alone would not: a file that is written after the clock was set back can be older than the one before it.
    """
    state = path.stat()
    return state.st_mtime_ns, state.st_size, state.st_ino


def reason(error: OSError) -> str:
    """What the system says went wrong, without a path."""
    return error.strerror or str(error)


def remedy(error: OSError) -> str:
    """What to do about a failure of the disk, as the end of a sentence."""
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT | errno.EFBIG:
            return "make room and give the same command again"
        case errno.EACCES | errno.EPERM:
            return "change the permissions of the folder, or let HOMOG_CACHE name one that you may write to"
        case errno.EROFS:
            return "the disk is read-only; let HOMOG_CACHE name a folder that can be written to"
        case errno.ENOTDIR | errno.EEXIST | errno.EISDIR:
            return "something else has this name; rename it, or let HOMOG_CACHE name another folder"
        case _:
            return "give the same command again"


@contextmanager
def replacing(path: Path, name: str) -> Iterator[BinaryIO]:
    """A stream whose content takes the place of `path` once it is on the disk; `HomogError` where it cannot.

    `name` is what the message calls the file. What an earlier process has left half written is taken away.
    """
    partial = path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}.partial")
    try:
        _remove_leftovers(path)
        with partial.open("wb") as stream:
            _claim(stream)
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(partial, path)
        flush_folder(path.parent)
    except OSError as error:
        raise HomogError(
            f"{name} could not be written ({reason(error)}). What was stored before is kept: {remedy(error)}."
        ) from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def kept_records(kind: type[Record], path: Path) -> list[Record]:
    """The records of a dataclass that a JSON list of ours holds; rows that lack a field are of an older version.

    Parsed again when the file has changed. Raises `InvalidInput` where it does not read, or holds anything else.
    """
    try:
        version = version_of(path)
    except OSError as error:
        raise InvalidInput(f"{path} does not read ({error}); {_MADE_AGAIN}.") from error
    return list(_records(kind, path, version))


@lru_cache(maxsize=32)
def _records(kind: type[Record], path: Path, version: tuple[int, ...]) -> list[Record]:
    from pydantic import TypeAdapter, ValidationError

    remedy = _MADE_AGAIN
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise InvalidInput(f"{path} is no JSON list of objects; {remedy}.")
        known = {field.name for field in fields(kind)}
        return TypeAdapter(list[kind]).validate_python([row for row in rows if set(row) == known])
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidInput(f"{path} does not read: `{first['loc'][-1]}` {first['msg'].lower()}; {remedy}.") from error
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidInput(f"{path} does not read ({error}); {remedy}.") from error


@contextmanager
def disk_errors(what: str) -> Iterator[None]:
    """Say what the disk does not do: an `OSError` inside becomes a `HomogError` about `what`, with its remedy."""
    try:
        yield
    except OSError as error:
        raise HomogError(f"{what} could not be kept on the disk ({reason(error)}): {remedy(error)}.") from error


def flush_folder(folder: Path) -> None:
    """Bring to the disk which files a folder has, so that a new name outlives a power cut."""
    if os.name != "posix":  # elsewhere a folder cannot be opened
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError:  # some network disks cannot; the file itself has been flushed
        pass
    finally:
        os.close(handle)


def _claim(stream: BinaryIO) -> bool:
    """Mark a file as being written, for as long as it is open; False where another process is writing it."""
    try:
        import fcntl
    except ImportError:  # not on this system: then nobody takes leftovers away
        return False
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _remove_leftovers(path: Path) -> None:
    """Take away what processes that were killed have left of this file."""
    for leftover in path.parent.glob(f"{glob.escape(path.name)}.*.partial"):
        with suppress(OSError), leftover.open("rb") as stream:
            if _claim(stream):
                leftover.unlink()
