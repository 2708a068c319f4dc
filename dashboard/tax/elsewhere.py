"""Which other data sets have what a chart needs, so that an empty one can say where to look."""

from collections.abc import Callable, Sequence

from homog_core.analysis import lineage
from homog_core.runs import store
from homog_core.runs.store import Run
from homog_core.wording.labels import dataset_title


def elsewhere(has: Callable[[Sequence[Run]], bool], dataset: str) -> str:
    """A sentence that names the data sets but this one, by its title, whose runs have it; "" where none has."""
    by_dataset: dict[str, list[Run]] = {}
    for run in lineage.ours(store.list_runs()):
        by_dataset.setdefault(dataset_title(run.identity.dataset), []).append(run)
    found = [title for title, runs in by_dataset.items() if title != dataset and has(runs)]
    return f"Data sets that have it: {', '.join(found)}; choose one above." if found else ""
