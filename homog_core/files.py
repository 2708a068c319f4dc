"""Where things are on disk: the project's `cache/` and, if `HOMOG_CACHE` is set, the user's own beside it."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from homog_core.errors import HomogError

PROJECT = Path(__file__).resolve().parent.parent


SHIPPED = PROJECT / "cache"


def cache() -> Path:
    """The folder that new runs and conversions go to: `$HOMOG_CACHE`, or the project's `cache/`."""
    return Path(os.environ["HOMOG_CACHE"]).expanduser() if os.environ.get("HOMOG_CACHE") else SHIPPED


def run_folders() -> list[Path]:
    """The folders that hold runs, the user's first; shipped runs are always found."""
    return list(dict.fromkeys([cache() / "runs", SHIPPED / "runs"]))


def dataset_folders() -> list[Path]:
    """The folders that dataset files are looked for in: `$HOMOG_DATA`, the package, `../shared/data`."""
    own = [Path(os.environ["HOMOG_DATA"]).expanduser()] if os.environ.get("HOMOG_DATA") else []
    return [*own, PROJECT / "homog_core", PROJECT.parent / "shared" / "data"]


@contextmanager
def replacing(path: Path, name: str) -> Iterator[BinaryIO]:
    """A stream whose content takes the place of `path` once it is on the disk. `HomogError` on a full disk.

    `name` is what the message calls the file.
    """
    partial = path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}.partial")
    try:
        with partial.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(partial, path)
    except OSError as error:
        raise HomogError(
            f"{name} could not be written ({error.strerror or error}). What was stored before is kept: make room and "
            "give the same command again."
        ) from error
    finally:
        partial.unlink(missing_ok=True)
