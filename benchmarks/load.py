"""Visitors at once: pages read with time to think, and live jobs that wait for each other, on a real server.

    python -m benchmarks.load                           the short form, one or two minutes: 2 and 6 visitors
    python -m benchmarks.load --visitors 2 5 10 20 40 --rounds 10       the long form, about an hour

Each visitor opens pages, and in each round asks a question that nobody else asks. Checked on the way: no error on a
page; every question is answered under its own words, and nobody sees another one's; the position that a job is told
never grows. The server's memory is read after each step. Where a page takes twice as long as for the fewest visitors,
it bends.
"""

import argparse
import os
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import psutil

from benchmarks.visitor import Visitor
from homog_core.files import PROJECT

MODEL = "smollm2-135m-instruct"
PAGES = ("start", "questions", "compare", "fair_draws", "runs", "methods")
AHEAD = re.compile(r"(\d+) jobs? (?:is|are) ahead")
PATIENCE = 900  # seconds that a visitor waits for an answer


@dataclass
class Seen:
    """What the visitors of one step have seen, under a lock."""

    pages: list[float] = field(default_factory=list)  # seconds to draw one
    jobs: list[float] = field(default_factory=list)  # seconds from the button to the last answer
    errors: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, kind: str, value: float | str) -> None:
        """Add one."""
        with self.lock:
            getattr(self, kind).append(value)


def main() -> None:
    """Print one row for each number of visitors."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--visitors", nargs="+", type=int, default=[2, 6])
    parser.add_argument("--rounds", type=int, default=1, help="questions that each visitor asks")
    parser.add_argument("--think", type=float, default=2.0, help="seconds between two clicks, on average")
    parser.add_argument("--port", type=int, help="of a server on this machine that is running already")
    options = parser.parse_args()
    print(f"{'visitors':>8} {'pages':>6} {'median s':>9} {'95 % s':>7} {'jobs':>5} {'median s':>9} {'MB':>6}  errors")
    with server(options.port) as (url, process):
        with Visitor(url) as first:  # what is made once, as the runs and the model in memory
            for page in PAGES:
                opened(first, Seen(), page)
        crowd(url, 1, 1, 0.0)
        medians = {}
        for n in options.visitors:
            seen = crowd(url, n, options.rounds, options.think)
            memory = process.memory_info().rss / 1e6 if process else np.nan
            medians[n] = np.median(seen.pages)
            print(
                f"{n:8} {len(seen.pages):6} {medians[n]:9.2f} {np.quantile(seen.pages, 0.95):7.2f} {len(seen.jobs):5} "
                f"{np.median(seen.jobs) if seen.jobs else np.nan:9.1f} {memory:6.0f}  {len(seen.errors)}",
                flush=True,
            )
            for error in seen.errors[:5]:
                print(f"         {error}")
        fewest = medians[options.visitors[0]]
        slow = [n for n in options.visitors if medians[n] > 2 * fewest]
        print(f"It bends at {slow[0]} visitors." if slow else f"No bend up to {max(options.visitors)} visitors.")


def crowd(url: str, n: int, rounds: int, think: float) -> Seen:
    """So many visitors at once, each in a thread of its own."""
    seen = Seen()
    threads = [threading.Thread(target=visit, args=(url, i, n, rounds, think, seen)) for i in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seen


def visit(url: str, who: int, n: int, rounds: int, think: float, seen: Seen) -> None:
    """One visitor: in each round a page, and a question."""
    rng = np.random.default_rng([who, n])
    try:
        with Visitor(url) as visitor:
            for turn in range(rounds):
                time.sleep(rng.exponential(think))
                page = PAGES[rng.integers(len(PAGES))]
                opened(visitor, seen, page)
                time.sleep(rng.exponential(think))
                question = f"Is {n}{who:03}{turn:03} a number?"
                opened(visitor, seen, "live_lab", dataset="typed", ask=question, model=MODEL, n="2", l="4")
                ask(visitor, question, seen)
    except Exception as error:  # a visitor that is thrown out is what this looks for
        seen.note("errors", f"visitor {who}: {type(error).__name__}: {error}")


def opened(visitor: Visitor, seen: Seen, page: str, **params: str) -> None:
    """Open a page and note how long it took."""
    started = time.monotonic()
    visitor.open("" if page == "start" else page, **params)
    seen.note("pages", time.monotonic() - started)
    complain(visitor, seen)


def ask(visitor: Visitor, question: str, seen: Seen) -> None:
    """Press the button and watch until the answers are there."""
    started, ahead = time.monotonic(), None
    visitor.press("Sample")
    while "Stop" in visitor.buttons():
        if match := AHEAD.search(visitor.text):
            now = int(match[1])
            if ahead is not None and now > ahead:
                seen.note("errors", f"{question} moved back from place {ahead} to {now}")
            ahead = now
        if time.monotonic() - started > PATIENCE:
            seen.note("errors", f"{question} was not answered")
            return
        visitor.look_again()
    seen.note("jobs", time.monotonic() - started)
    complain(visitor, seen)
    asked = set(re.findall(r"Is \d+ a number\?", visitor.text))
    if asked != {question} or "All 2 answers finished" not in visitor.text:
        seen.note("errors", f"{question} was shown as {sorted(asked)}: {visitor.text[-200:]!r}")


def complain(visitor: Visitor, seen: Seen) -> None:
    """Note what a page shows in red."""
    for text in visitor.errors():
        seen.note("errors", text)


@contextmanager
def server(port: int | None) -> Iterator[tuple[str, psutil.Process | None]]:
    """The server to be visited: one that runs already, or one of our own, with its process."""
    if port:
        yield f"http://localhost:{port}", None
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "serve.py", "--server.port", str(port)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, cwd=PROJECT, env=os.environ, **quiet)
    url = f"http://localhost:{port}"
    try:
        for _ in range(120):
            try:
                urllib.request.urlopen(f"{url}/_stcore/health", timeout=1)
                break
            except OSError:
                time.sleep(0.5)
        yield url, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(timeout=30)


if __name__ == "__main__":
    main()
