"""Where things are on disk: the folder of new runs, and what ships beside the code.

In a checkout the project's `cache/` holds the shipped runs and takes the new ones, unless `HOMOG_CACHE` names another
folder for these. An installed library ships without runs and never writes beside itself.
"""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from homog_core.errors import HomogError

PACKAGE = Path(__file__).resolve().parent
PROJECT = PACKAGE.parent  # of an installed library the folder of all packages: ask `is_checkout` first
SHIPPED = PROJECT / "cache"  # shipped runs and adapters; of an installed library there is no such folder


def is_checkout() -> bool:
    """Whether this is the project with its documents and shipped runs, not an installed library."""
    return (PROJECT / "pyproject.toml").is_file()


def cache() -> Path:
    """The folder that new runs and conversions go to.

    `$HOMOG_CACHE`; otherwise a checkout's own `cache/`, or `~/.homog` for an installed library.
    """
    if os.environ.get("HOMOG_CACHE"):
        return Path(os.environ["HOMOG_CACHE"]).expanduser()
    return SHIPPED if is_checkout() else Path.home() / ".homog"


def run_folders() -> list[Path]:
    """The folders that hold runs, the user's first; shipped runs are always found."""
    return list(dict.fromkeys([cache() / "runs", SHIPPED / "runs"]))


def dataset_folders() -> list[Path]:
    """The folders that dataset files are looked for in: `$HOMOG_DATA`, ours, a checkout's `../shared/data`."""
    own = [Path(os.environ["HOMOG_DATA"]).expanduser()] if os.environ.get("HOMOG_DATA") else []
    return [*own, PACKAGE / "questions", *([PROJECT.parent / "shared" / "data"] if is_checkout() else [])]


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
