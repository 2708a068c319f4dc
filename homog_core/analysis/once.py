"""What is read from a whole run, kept as long as the process lives where the run cannot change any more."""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import TypeVar

from homog_core.runs import store
from homog_core.runs.store import Run

_T = TypeVar("_T")


def once_complete(compute: Callable[[Run], _T]) -> Callable[[Run], _T]:
    """Let a function of a stored run compute once in a process for one that is complete.

    It computes again once the sentences of a run arrive that ships without them.
    """

    @lru_cache(maxsize=256)
    def of_complete(run_id: str, folder: str, created: str, lacks_answers: bool) -> _T:  # what tells runs apart
        return compute(store.open_run(run_id))

    @wraps(compute)
    def kept(run: Run) -> _T:
        if run.provenance.status != "complete":
            return compute(run)
        return of_complete(run.id, str(run.folder), run.provenance.created, run.lacks_answers)

    return kept
