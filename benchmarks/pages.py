"""What the server takes for the first view of every page and for the usual clicks.

    python -m benchmarks.pages [FOLDER …] [--pages alignment_tax] [--rounds 2] [--minutes 20] [--sampling]

Each FOLDER is a cache of runs, as `benchmarks.synthetic_store` makes them; without one it is the store of this
checkout. For each, a server of its own is started and visited. Printed are what its process took for the clicks of each
page (median, 95th percentile, largest), the slowest views, its memory, and the views that raised the most of it.
`--pages` visits some pages alone. `--rounds` does all clicks again. `--minutes` goes on clicking, without waiting in
between, and prints by how much memory grows. With `--sampling` a live job is at work all the time: then seconds are
those that the visitor waits, also without a job on the same server before; otherwise those of the process, which do
not depend on who else uses the machine.
"""

import argparse
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl

import numpy as np

from benchmarks.own_server import Server, server
from benchmarks.visitor import Answer, Visitor
from homog_core.reports.tables import Table, markdown

_RISE = 0.1  # gigabytes that are worth a row
N_SLOWEST = 12  # views that are named
_WARM_UP = 4.0  # seconds after which a page begins to load an encoder and to compile UMAP, in the background
_MOST_WAITED = 900.0  # seconds for what a page computes in the background
THRESHOLDS = (0.62, 0.63, 0.41)
MODEL = "smollm2-135m-instruct"


@dataclass(frozen=True, slots=True)
class Step:
    """One view or click."""

    page: str
    what: str
    answer: Answer
    seconds: float

    @property
    def is_first(self) -> bool:
        """Whether a page was opened."""
        return self.what == "first view"


class Walk:
    """A visitor that keeps what each step took, and says where there is no such thing to click."""

    def __init__(self, of: Server, *, by_wall: bool = False, waits: bool = True) -> None:
        self.steps: list[Step] = []
        self.waited: dict[str, float] = {}  # seconds of the server for what a page computes in the background, by view
        self.risen: list[tuple[str, float]] = []  # views after which the most memory was higher, and what it was
        self._by_wall, self._waits = by_wall, waits
        self._server, self._visitor, self._page = of, Visitor(of.url), ""

    def open(self, page: str, query: str = "", what: str = "first view") -> None:
        """A page by its name in the address."""
        self._page = page or "start"
        self._rest()  # what an earlier page has set off
        self._keep(what, lambda: self._visitor.open(page, **dict(parse_qsl(query))))
        if self._waits and not self._by_wall:
            time.sleep(_WARM_UP)
            self._rest()
            self._look_at_memory(f"{self._page}, in the background")

    def _rest(self) -> None:
        if self._waits and not self._by_wall:
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
        self._visitor.__exit__()

    def _keep(self, what: str, act: Callable[[], Answer]) -> None:
        before = self._server.cpu()
        answer = act()
        seconds = answer.wall if self._by_wall else self._server.cpu() - before
        self.steps.append(Step(self._page, what, answer, seconds))
        print(f"{self._page}, {what[:60]}: {seconds:.3f} s", file=sys.stderr, flush=True)
        self._watch(f"{self._page}, {what}")
        self._look_at_memory(f"{self._page}, {what}")
        if found := self._visitor.errors():
            raise RuntimeError(f"{self._page}, {what}: {found[0]}")

    def _look_at_memory(self, what: str) -> None:
        most = self._server.memory("VmHWM")
        if most > (self.risen[-1][1] if self.risen else 0.0):
            self.risen.append((what, most))

    def _watch(self, what: str) -> None:
        """Look again at what the page computes in the background, to its end."""
        before, end = self._server.cpu(), time.monotonic() + _MOST_WAITED
        while self._visitor.is_waiting and "Computing" in self._visitor.text and time.monotonic() < end:
            self._visitor.look_again()
        if (taken := self._server.cpu() - before) > 0.01:
            self.waited[what] = taken


def main() -> None:
    """Visit each store and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="*", type=Path)
    parser.add_argument("--pages", nargs="+", choices=PAGES, default=list(PAGES))
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=0.0, help="of clicking without a pause, after the rounds")
    parser.add_argument("--sampling", action="store_true", help="while a live job is at work")
    options = parser.parse_args()
    for folder in options.folder or [None]:
        if folder:
            os.environ["HOMOG_CACHE"] = str(folder.resolve())
        print(markdown(list(_tables(folder, options))), flush=True)


def _tables(folder: Path | None, options: argparse.Namespace) -> Iterator[Table]:
    name, dataset = folder.name if folder else "this checkout", _dataset(folder)
    with server(folder and folder.resolve()) as of:
        alone = _walked_alone(of, dataset, options.pages) if options.sampling else None
        with _sampling(of) if options.sampling else nullcontext():
            walks, memory = [], []
            for _ in range(options.rounds):
                walks.append(visit(of, dataset, options.pages, by_wall=options.sampling))
                memory.append((of.memory("VmRSS"), of.memory("VmHWM")))
            grown = _clicked_on(of, dataset, options.pages, options.minutes) if options.minutes else []
    if alone:
        yield _beside_a_job(alone, walks)
    of_what = "that the visitor waits, while a job samples" if options.sampling else "of the server's process"
    for number, walk in enumerate(walks, start=1):
        rows = [_row(page, walk.steps) for page in dict.fromkeys(step.page for step in walk.steps)]
        rows.append(_row("", walk.steps))
        yield Table(f"{name}, round {number}", f"Seconds {of_what}.", rows)
        slowest = sorted(walk.steps, key=lambda step: -step.seconds)[:N_SLOWEST]
        rows = [{"page": s.page, "what": s.what[:60], "ms": f"{s.seconds * 1e3:.0f}"} for s in slowest]
        yield Table("The slowest", "Views and clicks.", rows)
        if walk.waited:
            rows = [{"view": what[:80], "s": f"{seconds:.1f}"} for what, seconds in walk.waited.items()]
            yield Table("In the background", "Seconds of the process, while the page can be used.", rows)
        yield _rises(walk)
    rows = [{"round": str(i), "now": f"{now:.2f}", "at most": f"{most:.2f}"} for i, (now, most) in enumerate(memory, 1)]
    yield Table("Memory of the server", "Gigabytes, after each round.", rows)
    if grown:
        minutes, gigabytes = np.array(grown).T
        later = minutes >= minutes[-1] / 3
        slope = np.polyfit(minutes[later] / 60, gigabytes[later] * 1e3, 1)[0] if later.sum() > 1 else np.nan
        row = {"minutes": f"{minutes[-1]:.0f}", "walks": str(len(grown)), "from": f"{gigabytes[0]:.2f}"}
        row |= {"to": f"{gigabytes[-1]:.2f}", "MB an hour, later two thirds": f"{slope:.0f}"}
        yield Table("Memory over time", "Gigabytes, of one walk after the other.", [row])


def _walked_alone(of: Server, dataset: str, pages: Sequence[str]) -> Walk:
    """What a visitor waits without a job, by the clock, on a server that has shown these pages before."""
    visit(of, dataset, pages, by_wall=True)
    of.rest()
    return visit(of, dataset, pages, by_wall=True)


def _beside_a_job(alone: Walk, walks: Sequence[Walk]) -> Table:
    """What clicks take by the clock without and with a job, and the ratio of the medians."""
    rows = []
    for page in dict.fromkeys(step.page for step in alone.steps):
        without, beside = (
            np.median([s.seconds for walk in some for s in walk.steps if s.page == page and not s.is_first]) * 1e3
            for some in ([alone], walks)
        )
        ratio = f"{beside / without:.2f}"
        rows.append({"page": page, "without, ms": f"{without:.0f}", "beside, ms": f"{beside:.0f}", "ratio": ratio})
    return Table("Beside a job", "Medians of what a visitor waits for a click, by the clock.", rows)


def _rises(walk: Walk) -> Table:
    """The views that raised the most memory of the process by a tenth of a gigabyte or more."""
    rows, last = [], 0.0
    for what, most in walk.risen:
        if most - last >= _RISE:
            rows.append({"after": what[:80], "GB": f"{most:.2f}"})
            last = most
    return Table("Where the most memory rose", "Gigabytes at most, by the view after which they were seen.", rows)


def _clicked_on(of: Server, dataset: str, pages: Sequence[str], minutes: float) -> list[tuple[float, float]]:
    """Minutes since the beginning and gigabytes of the server, after each of many walks."""
    started, found = time.monotonic(), [(0.0, of.memory("VmRSS"))]
    while time.monotonic() - started < 60 * minutes:
        visit(of, dataset, pages, waits=False)
        found.append(((time.monotonic() - started) / 60, of.memory("VmRSS")))
    return found


@contextmanager
def _sampling(of: Server) -> Iterator[None]:
    """A visitor of its own asks one question after the other in the Live lab; begins with the first token."""
    begun, over = threading.Event(), threading.Event()

    def ask() -> None:
        with Visitor(of.url) as visitor:
            turn = 0
            while not over.is_set():
                turn += 1
                question = {"dataset": "typed", "ask": f"Is {turn} a number?", "model": MODEL, "n": "10", "l": "64"}
                visitor.open("live_lab", **question)
                visitor.press("Sample")
                while "Stop" in visitor.buttons() and not over.is_set():
                    visitor.look_again()
                    if "tokens" in visitor.text and "answers finished" in visitor.text:
                        begun.set()

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    if not begun.wait(_MOST_WAITED):
        raise RuntimeError("no job has said anything")
    try:
        yield
    finally:
        over.set()
        thread.join(timeout=60)


def _row(page: str, steps: list[Step]) -> dict[str, str]:
    own = [step for step in steps if not page or step.page == page]
    clicks = [step for step in own if not step.is_first]
    times = np.array([click.seconds for click in clicks]) * 1e3
    return {
        "page": page or "all",
        "first view, s": f"{max(step.seconds for step in own if step.is_first):.2f}",
        "clicks": str(len(clicks)),
        **{
            name: f"{np.percentile(times, q):.0f}"
            for name, q in (("median, ms", 50), ("95 %, ms", 95), ("most, ms", 100))
        },
        "of a part": str(sum(click.answer.is_fragment for click in clicks)),
        "kB a click": f"{np.mean([click.answer.sent for click in clicks]) / 1e3:.0f}",
    }


def _dataset(folder: Path | None) -> str:
    """The synthetic dataset of a store; "" for another store, whose pages open as they do."""
    names = [path.name for path in (folder / "runs").iterdir()] if folder else []
    return next((name.split("--")[1] for name in names if "--synthetic-" in name), "")


def visit(of: Server, dataset: str, pages: Sequence[str], *, by_wall: bool = False, waits: bool = True) -> Walk:
    """Some pages and their usual clicks; what is done in the background ends before the next page where it `waits`."""
    walk = Walk(of, by_wall=by_wall, waits=waits)
    for page in pages:
        PAGES[page](walk, dataset)
    walk.close()
    return walk


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


PAGES = {
    "start": _start,
    "questions": _questions,
    "compare": _compare,
    "alignment_tax": _tax,
    "map": _map,
    "live_lab": _live,
    "fair_draws": _draws,
    "runs": _runs,
    "methods": _methods,
}

if __name__ == "__main__":
    main()
