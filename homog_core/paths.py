"""Where things are on disk: the project's `cache/` and, if `HOMOG_CACHE` is set, the user's own beside it."""

import os
from pathlib import Path

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
