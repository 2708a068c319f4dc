"""What somebody waits for in the Live lab, beside what the engine alone takes for the same questions.

    python -m benchmarks.live_page [--browser] [--think 0] [--tokens 32] [--models 1 2]

For one model and for two beside each other, the engine answers three questions in a process of its own. Then a new
server with an empty cache is visited, and the same questions are asked on its page, each as soon as the one before
stands with its map. Seconds of the clock since the click on Sample: until the first token, all answers and their
clusters stand on the page. `map` is counted from the click on Map, which follows at once. `--think` seconds pass
between the first view of the page and the first click. `--browser` asks in Chromium, which shares the cores; otherwise
a visitor without a browser asks for the page as often as a browser would. `page_over_engine` is the ratio of both.
"""

import argparse
import json
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlencode

from benchmarks.own_server import Server, server
from benchmarks.visitor import Visitor

MODELS = {1: ("gemma-3-270m-dpo",), 2: ("gemma-3-270m", "gemma-3-270m-dpo")}
DATASET, QUESTIONS, SAMPLES = "starter", ("fact-001", "fact-002", "fact-003"), 10
IN_BOTH = ("first token", "last answer")  # what page and engine both have
_MOST = 300.0  # seconds for one question
_TOKEN = re.compile(r"· \d+ tokens?\b")  # on a card
_ALL = re.compile(rf"{SAMPLES} of {SAMPLES} answers finished|All {SAMPLES} answers finished")
_WORKS = re.compile(r"(Checking|Unpacking|Loading(?! the weights comes)|Sampling)")


class Asked(Protocol):
    """A page of the Live lab, however it is looked at."""

    def ask(self, params: dict[str, str], think: float) -> dict[str, float]:
        """Open the page, press Sample, and look until the map stands; seconds by what came."""
        ...


class WithoutBrowser:
    """Looks as a browser does, and draws nothing."""

    def __init__(self, url: str) -> None:
        self._visitor = Visitor(url)

    def ask(self, params: dict[str, str], think: float) -> dict[str, float]:
        """As `Asked` says."""
        visitor, marks = self._visitor, Marks(len(params["model"].split(",")))
        visitor.open("live_lab", **params)
        time.sleep(think)
        marks.begin()
        visitor.press("Sample")
        while not marks.see(visitor.text, visitor.kinds().count("plotly_chart"), "Stop" in visitor.buttons()):
            visitor.look_again()
        marks.begin()
        visitor.set("button_group", "View", ["Map"])
        marks.came("map", "Where the answers lie" in visitor.text)
        return marks.seconds


class InBrowser:
    """Chromium, through Playwright."""

    def __init__(self, url: str, page: Any) -> None:
        self._url, self._page = url, page

    def ask(self, params: dict[str, str], think: float) -> dict[str, float]:
        """As `Asked` says."""
        page, marks = self._page, Marks(len(params["model"].split(",")))
        page.goto(f"{self._url}/live_lab?{urlencode(params)}")
        button = page.get_by_role("button", name="Sample")
        button.wait_for()
        page.locator(_DRAWN).wait_for()
        time.sleep(think)
        marks.begin()
        button.click()
        while not marks.see(*page.evaluate(_SEEN)):
            time.sleep(0.05)
        page.locator(_DRAWN).wait_for()  # a click while a page is drawn may be lost
        marks.begin()
        page.get_by_role("radiogroup").get_by_text("Map", exact=True).click()
        page.get_by_text("Where the answers lie").first.wait_for()
        page.locator("[class*=st-key-map] .main-svg, [class*=st-key-map] .gl-container").first.wait_for(
            state="attached"
        )
        marks.came("map", True)
        return marks.seconds


_DRAWN = "[data-testid=stApp][data-test-script-state=notRunning]"
# What the place of the job says, how many charts are drawn in it, and whether Stop is there.
_SEEN = """() => {
    const job = document.querySelector(".st-key-live-job");
    const text = job ? job.textContent : "";
    return [text, job ? job.querySelectorAll(".js-plotly-plot .main-svg").length : 0, /Stop/.test(text)];
}"""


class Marks:
    """Seconds since the click at which something was first seen."""

    def __init__(self, n_models: int) -> None:
        self.seconds: dict[str, float] = {}
        self._n_models, self._begun = n_models, 0.0

    def begin(self) -> None:
        """Count from now on."""
        self._begun = time.perf_counter()

    def came(self, what: str, is_there: bool) -> None:
        """Keep when something was seen first."""
        if is_there and what not in self.seconds:
            self.seconds[what] = time.perf_counter() - self._begun

    def see(self, text: str, n_charts: int, goes_on: bool) -> bool:
        """Look at the page; whether the clusters of all models stand on it. Raises what the page says went wrong."""
        if time.perf_counter() - self._begun > _MOST or "failed" in text:
            raise RuntimeError(f"no answers after {time.perf_counter() - self._begun:.0f} s: {text[-300:]}")
        if goes_on and (work := _WORKS.search(text)):
            self.came(work[0].lower().replace("checking", "unpacking"), True)
        n_all = len(_ALL.findall(text))
        self.came("first token", bool(_TOKEN.search(text)) or n_all > 0)
        self.came("last answer", n_all == self._n_models)
        is_over = not goes_on and n_all == self._n_models
        self.came("clusters", is_over and n_charts >= self._n_models)
        return "clusters" in self.seconds


@contextmanager
def page_of(url: str, *, browser: bool) -> Iterator[Asked]:
    """A visitor of a server."""
    if not browser:
        yield WithoutBrowser(url)
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = chromium.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(1e3 * _MOST)
        yield InBrowser(url, page)
        chromium.close()


def ask_page(models: Sequence[str], options: argparse.Namespace) -> list[dict[str, Any]]:
    """Seconds by question, of the clock and of the processes."""
    found = []
    with server(Path(os.environ["HOMOG_CACHE"])) as of, page_of(of.url, browser=options.browser) as page:
        for turn, question in enumerate(QUESTIONS):
            params = {"dataset": DATASET, "question": question, "model": ",".join(models)}
            params |= {"n": str(SAMPLES), "l": str(options.tokens), "view": "answers"}
            before = _used(of)
            seconds = page.ask(params, options.think if turn == 0 else 0.0)
            used = {name: round(after - before[name], 2) for name, after in _used(of).items()}
            found.append({"seconds": _rounded(seconds), "cpu_seconds": used})
    return found


def _used(of: Server) -> dict[str, float]:
    """Seconds of processor time: of the server, of what it has begun beside itself, and of a browser."""
    import psutil

    beside = [child.pid for child in psutil.Process(of.process.pid).children(recursive=True)]
    others = {child.pid for child in psutil.Process().children(recursive=True)} - {of.process.pid, *beside}
    return {"server": of.cpu(), "beside it": sum(map(_cpu, beside)), "browser": sum(map(_cpu, others))}


def _cpu(pid: int) -> float:
    import psutil

    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return times.user + times.system


def ask_engine(models: Sequence[str], tokens: int) -> list[dict[str, dict[str, float]]]:
    """The engine alone: import, unpack, load, sample, models in turn as on the page. Seconds by question."""
    started = time.perf_counter()
    from homog_core.catalogue.datasets import DATASETS
    from homog_core.catalogue.models import MODELS as KNOWN
    from homog_core.records import Decoding
    from homog_core.runs.questions import load_questions
    from homog_core.sampling.load import load_sampler

    by_id = {question.id: question for question in load_questions(DATASET)}
    decoding = Decoding(n_samples=SAMPLES, max_new_tokens=tokens, stop=DATASETS[DATASET].stop)
    found, first = [], None
    for id in QUESTIONS:
        first = first or load_sampler(KNOWN[models[0]])
        samplers = [first, *(first.sibling(KNOWN[key]) for key in models[1:])]
        going = [sampler.sample([by_id[id]], decoding, sampler.spec.prompt_style, 1) for sampler in samplers]
        marks: dict[str, float] = {}
        while going:
            going = [steps for steps in going if next(steps, None) is not None]
            marks.setdefault("first token", time.perf_counter() - started)
        marks["last answer"] = time.perf_counter() - started
        found.append({"seconds": _rounded(marks)})
        started = time.perf_counter()
    return found


def _in_new_process(work: Callable[..., Any], *given: Any) -> Any:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *given).result()


def _rounded(seconds: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 2) for name, value in seconds.items()}


def main() -> None:
    """Measure and print one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--browser", action="store_true", help="in Chromium")
    parser.add_argument("--think", type=float, default=0.0, help="seconds before the first click")
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--models", type=int, nargs="+", choices=MODELS, default=list(MODELS))
    options = parser.parse_args()
    os.environ["TQDM_DISABLE"] = "1"
    found = {"asked_in": "chromium" if options.browser else "no browser", "think": options.think, "asked": []}
    for n in options.models:
        with tempfile.TemporaryDirectory() as os.environ["HOMOG_CACHE"]:
            engine = _in_new_process(ask_engine, MODELS[n], options.tokens)
        with tempfile.TemporaryDirectory() as os.environ["HOMOG_CACHE"]:
            page = ask_page(MODELS[n], options)
        over = [
            {what: round(own["seconds"][what] / alone["seconds"][what], 2) for what in IN_BOTH}
            for own, alone in zip(page, engine, strict=True)
        ]
        found["asked"].append({"models": MODELS[n], "page": page, "engine": engine, "page_over_engine": over})
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
