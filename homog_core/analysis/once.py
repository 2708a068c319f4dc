"""What is read from a whole run, once where the run cannot change any more: kept in the process and on the disk."""

import json
from collections.abc import Callable
from functools import cache, lru_cache, wraps
from typing import TYPE_CHECKING, Any, TypeVar

from homog_core.leftovers import Leftovers
from homog_core.runs import derived, store
from homog_core.runs.store import Run

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_T = TypeVar("_T")


def once_complete(kind: type[_T]) -> Callable[[Callable[[Run], _T]], Callable[[Run], _T]]:
    """Let a function of a stored run, which gives a `kind` of plain values, compute once for one that is complete.

    It computes again once the sentences of a run arrive that ships without them, and when another rule says what is
    left out of its texts.
    """

    def decorate(compute: Callable[[Run], _T]) -> Callable[[Run], _T]:
        @lru_cache(maxsize=256)
        def of_complete(run_id: str, folder: str, created: str, rule: Leftovers, lacks_answers: bool) -> _T:
            run = store.open_run(run_id)
            return value_of(kind, derived.kept(run, compute.__name__, lambda: content_of(kind, compute(run))))

        @wraps(compute)
        def kept(run: Run) -> _T:
            if run.provenance.status != "complete":
                return compute(run)
            return of_complete(run.id, str(run.folder), run.provenance.created, run.leftovers, run.lacks_answers)

        return kept

    return decorate


def content_of(kind: type, value: Any) -> bytes:
    """A `kind` of plain values as the content of a file."""
    return json.dumps(_adapter(kind).dump_python(value)).encode()


def value_of(kind: type[_T], content: bytes) -> _T:
    """What `content_of` was given."""
    return _adapter(kind).validate_python(json.loads(content))


@cache
def _adapter(kind: type[_T]) -> "TypeAdapter[_T]":
    from pydantic import TypeAdapter

    return TypeAdapter(kind)
