"""What the server takes for the first view of every page and for the usual clicks.

python -m benchmarks.pages [FOLDER …] [--rounds 2]

Each FOLDER is a cache of runs, as `benchmarks.synthetic_store` makes them; without one it is the store of this
checkout. For each, a server of its own is started and visited. Printed are the processor time of the server's process
(median, 95th percentile, largest), the slowest views, and its memory. A second round does all clicks again, to see
whether memory grows.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.measured_visitor import Answer, Server, Visitor, server
from homog_core.reports.tables import Table, markdown

N_SLOWEST = 12  # views that are named
_WARM_UP = 4.0  # seconds after which a page begins to load an encoder and to compile UMAP, in the background
THRESHOLDS = (0.62, 0.63, 0.41)


@dataclass(frozen=True, slots=True)
class Step:
    """One view or click."""

    page: str
    what: str
    answer: Answer

    @property
    def is_first(self) -> bool:
        """Whether a page was opened."""
        return self.what == "first view"


class Walk:
    """A visitor that keeps what each step took, and says where there is no such thing to click."""

    def __init__(self, of: Server) -> None:
        self.steps: list[Step] = []
        self._server, self._visitor, self._page = of, Visitor(of), ""

    def open(self, page: str, query: str = "", what: str = "first view") -> None:
        """A page by its name in the address."""
        self._page = page or "start"
        self._server.rest()  # what an earlier page has set off
        self._keep(what, lambda: self._visitor.open(page, query))
        time.sleep(_WARM_UP)
        self._server.rest()

    def click(self, kind: str, label: str, *values: object) -> None:
        """One click for each value."""
        for value in values or (True,):
            self._keep(f"{label or kind} {value}", lambda: self._visitor.set(kind, label, value))  # noqa: B023

    def each(self, kind: str, label: str, *but: str) -> Iterator[str]:
        """Choose every option of a widget in turn, and give it."""
        for option in self._visitor.options(kind, label):
            if option not in but:
                self.click(kind, label, [option] if kind == "button_group" else option)
                yield option

    def first(self, kind: str, label: str) -> None:
        """Choose the first option of a widget."""
        option = self._visitor.options(kind, label)[0]
        self.click(kind, label, [option] if kind == "button_group" else option)

    def row(self, number: int, column: str) -> None:
        """A click into a row of the first table."""
        self.click(
            "dataframe", "", f'{{"selection": {{"rows": [], "columns": [], "cells": [[{number}, "{column}"]]}}}}'
        )

    def close(self) -> None:
        """End the session."""
        self._visitor.close()

    def _keep(self, what: str, act: Callable[[], Answer]) -> None:
        self.steps.append(Step(self._page, what, act()))
        print(f"{self._page}, {what[:60]}: {self.steps[-1].answer.cpu:.3f} s", file=sys.stderr, flush=True)
        if found := self._visitor.errors():
            raise RuntimeError(f"{self._page}, {what}: {found[0]}")


def main() -> None:
    """Visit each store and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="*", type=Path)
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    for folder in options.folder or [None]:
        print(markdown(list(_tables(folder, options.rounds))), flush=True)


def _tables(folder: Path | None, n_rounds: int) -> Iterator[Table]:
    name = folder.name if folder else "this checkout"
    with server(folder) as of:
        rounds, memory = [], []
        for _ in range(n_rounds):
            rounds.append(visit(of, _dataset(folder)))
            memory.append((of.memory("VmRSS"), of.memory("VmHWM")))
    for number, steps in enumerate(rounds, start=1):
        rows = [_row(page, steps) for page in dict.fromkeys(step.page for step in steps)]
        rows.append(_row("", steps))
        yield Table(f"{name}, round {number}", "Seconds of processor time of the server's process.", rows)
        slowest = sorted(steps, key=lambda step: -step.answer.cpu)[:N_SLOWEST]
        rows = [{"page": s.page, "what": s.what[:60], "ms": f"{s.answer.cpu * 1e3:.0f}"} for s in slowest]
        yield Table("The slowest", "Views and clicks.", rows)
    rows = [{"round": str(i), "now": f"{now:.2f}", "at most": f"{most:.2f}"} for i, (now, most) in enumerate(memory, 1)]
    yield Table("Memory of the server", "Gigabytes, after each round.", rows)


def _row(page: str, steps: list[Step]) -> dict[str, str]:
    own = [step for step in steps if not page or step.page == page]
    clicks = [step.answer for step in own if not step.is_first]
    times = np.array([click.cpu for click in clicks]) * 1e3
    return {
        "page": page or "all",
        "first view, s": f"{max(step.answer.cpu for step in own if step.is_first):.2f}",
        "clicks": str(len(clicks)),
        **{
            name: f"{np.percentile(times, q):.0f}"
            for name, q in (("median, ms", 50), ("95 %, ms", 95), ("most, ms", 100))
        },
        "of a part": str(sum(click.is_fragment for click in clicks)),
        "kB a click": f"{np.mean([click.sent for click in clicks]) / 1e3:.0f}",
    }


def _dataset(folder: Path | None) -> str:
    """The synthetic dataset of a store; "" for another store, whose pages open as they do."""
    names = [path.name for path in (folder / "runs").iterdir()] if folder else []
    return next((name.split("--")[1] for name in names if "--synthetic-" in name), "")


def visit(of: Server, dataset: str) -> list[Step]:
    """Every page and its usual clicks; what is done in the background ends before the next page."""
    walk = Walk(of)
    for page in (_start, _questions, _compare, _tax, _map, _live, _draws, _runs, _methods):
        page(walk, dataset)
    walk.close()
    return walk.steps


def _ids(dataset: str) -> dict[str, str]:
    """The ids of a synthetic dataset's runs by model."""
    from homog_core.runs.store import list_runs

    return {run.identity.model: run.id for run in list_runs() if run.identity.dataset == dataset}


def _start(walk: Walk, dataset: str) -> None:
    walk.open("")
    for _ in range(5):
        walk.click("button", "Next")


def _questions(walk: Walk, dataset: str) -> None:
    ids = _ids(dataset)
    walk.open("questions", f"run={ids['model-00-dpo']}" if ids else "")
    walk.click("slider", "Threshold τ", *([tau] for tau in THRESHOLDS))
    walk.row(3, "text")
    walk.click("button", "Next")
    walk.click("button", "Next")
    for _ in walk.each("button_group", "What to show"):
        walk.click("button", "Next")
    walk.first("button_group", "What to show")
    walk.click("popover", "Data")
    walk.click("text_input", "Search", "capital", "")
    for _ in walk.each("selectbox", "Treat answers"):
        pass


def _compare(walk: Walk, dataset: str) -> None:
    ids = _ids(dataset)
    walk.open("compare", f"runs={ids['model-00-base']},{ids['model-00-dpo']}" if ids else "")
    walk.click("slider", "Threshold τ", *([tau] for tau in THRESHOLDS))
    walk.click("button", "Next")
    walk.row(3, "text")
    for _ in walk.each("button_group", "What to show"):
        walk.click("button", "Next")
    walk.click("button_group", "How much", ["All questions"])
    walk.click("slider", "Threshold τ", *([tau] for tau in THRESHOLDS))
    walk.click("button", "Whole chain")
    walk.click("slider", "Threshold τ", *([tau] for tau in THRESHOLDS))
    walk.click("button_group", "How much", ["One question"])
    walk.click("button", "Next")


def _tax(walk: Walk, dataset: str) -> None:
    walk.open("alignment_tax", f"dataset={dataset}" if dataset else "")
    for _ in walk.each("button_group", "Section"):
        for _ in walk.each("button_group", "Chart"):
            walk.click("slider", "Threshold τ", *([tau] for tau in THRESHOLDS[:2]))
    walk.click("selectbox", "Treat answers", "same topic (embedding) · MiniLM")
    ids = _ids(dataset)
    if ids:
        three = ",".join(ids[f"model-00-{stage}"] for stage in ("base", "sft", "dpo"))
        walk.open("alignment_tax", f"dataset={dataset}&runs={three}&chart=threshold", "three runs")
        walk.click("slider", "Threshold τ", *([tau] for tau in THRESHOLDS))


def _map(walk: Walk, dataset: str) -> None:
    walk.open("map")
    for _ in walk.each("selectbox", "Colour by"):
        pass
    walk.click("text_input", "Search", "berlin", "")


def _live(walk: Walk, dataset: str) -> None:
    walk.open("live_lab")
    walk.click("slider", "Answers (N)", [8])
    walk.click("slider", "Temperature", [0.8])


def _draws(walk: Walk, dataset: str) -> None:
    walk.open("fair_draws")
    for _ in walk.each("selectbox", "Draw"):
        pass


def _runs(walk: Walk, dataset: str) -> None:
    walk.open("runs")
    walk.row(1, "model")
    walk.row(2, "model")
    walk.click("text_input", "Filter", "dpo", "")


def _methods(walk: Walk, dataset: str) -> None:
    walk.open("methods")
    walk.click("text_input", "Search", "auroc", "")
    walk.click("slider", "Move the threshold", [0.4], [0.5])


if __name__ == "__main__":
    main()
