"""Which runs ship with the project: those that the `.gitignore` of a checkout excepts.

A checkout keeps new runs beside them, unless `HOMOG_CACHE` names another folder, so a run's folder alone does not tell.
"""

from functools import lru_cache
from pathlib import Path

from homog_core import files
from homog_core.errors import InvalidInput
from homog_core.runs.store import Run

_MARK = "!cache/runs/"  # before the id of a run that git keeps


@lru_cache(maxsize=4)  # every page asks it of every run
def shipped_ids(project: Path = files.PROJECT) -> tuple[str, ...]:
    """Ids of the runs that ship with a checkout, whether or not there is a git; () where it has no list of them."""
    try:
        lines = (project / ".gitignore").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ()
    return tuple(sorted(line.removeprefix(_MARK).strip("/ ") for line in lines if line.startswith(_MARK)))


def ships(folder: Path) -> bool:
    """Whether the run of a folder ships with the project. Without a list, all runs beside the code do."""
    known = shipped_ids()
    return folder.parent == files.SHIPPED / "runs" and (not known or folder.name in known)


def check_is_own(run: Run) -> None:
    """Raise `InvalidInput` for a run that ships, whose stored files everybody has alike."""
    if ships(run.folder):
        raise InvalidInput(
            f"Run {run.id} ships with the project, and its stored files stay as they are. Pages show it at other "
            "thresholds without storing anything, and so does docs/library.md, section 5. Whoever looks after the "
            "project gives --shipped to change it."
        )
