"""Deleting a run. Shipped runs stay, and so does one that is being written."""

import shutil
import uuid
from pathlib import Path

from homog_core.errors import HomogError, InvalidInput, NotFound
from homog_core.runs import derived, kept, store
from homog_core.runs.sentences import sentences_folder
from homog_core.runs.shipped import ships

_GONE = "Run {} has just been deleted by somebody else."


def deletable(run_id: str) -> bool:
    """Whether a run is one of the visitor's own; False for shipped ones, and for one that is not there."""
    folder = store.runs_by_id().get(run_id)
    return folder is not None and not ships(folder)


def own_folder(run_id: str) -> Path:
    """The folder of a run of one's own. Raises `NotFound`, and `InvalidInput` for a shipped run."""
    folder = store.runs_by_id().get(run_id)
    if folder is None:
        raise NotFound(f"There is no run {run_id!r}; `homog runs` lists them.")
    if ships(folder):
        raise InvalidInput(f"Run {run_id} ships with the project and cannot be deleted.")
    return folder


def delete_run(run_id: str) -> None:
    """Delete a run of one's own for good, with its sentences; a damaged one too.

    Its folder is first taken out of sight in one step, so that nobody ever sees half of it. Raises `NotFound`,
    `InvalidInput` for a shipped run, and `HomogError` while it is being written or where the folder cannot be changed.
    """
    from filelock import FileLock, Timeout

    folder = own_folder(run_id)
    aside = folder.with_name(f".deleted-{uuid.uuid4().hex[:8]}")
    try:
        with FileLock(folder / ".lock", timeout=0):
            # No manifest: somebody else has just deleted it, and asking for the lock has made the folder anew.
            was_there = (folder / "manifest.json").exists()
            folder.rename(aside)
    except Timeout:
        raise HomogError(f"Run {run_id} is being written; stop that first.") from None
    except OSError as error:
        if not (folder / "manifest.json").exists():
            raise NotFound(_GONE.format(run_id)) from None
        raise HomogError(f"Run {run_id} cannot be deleted: {error.strerror or error}.") from error
    shutil.rmtree(aside, ignore_errors=True)
    shutil.rmtree(derived.folder() / run_id, ignore_errors=True)
    kept.forget(run_id)
    shutil.rmtree(sentences_folder(run_id), ignore_errors=True)
    if not was_there:
        raise NotFound(_GONE.format(run_id))
