"""Visitors at once: pages read with time to think, and live jobs that wait for each other, on a real server.

    python -m benchmarks.load                                           the short form: 2 and 6 visitors, a minute each
    python -m benchmarks.load --visitors 1 25 --minutes 30 --think 10   the long form: an hour
    python -m benchmarks.load --visitors 2 5 10 20 40 --minutes 3       where it bends

Some visitors ask one question after the other, each of which nobody else asks; the others read pages. Checked on the
way: no error on a page; every question is answered under its own words, and nobody sees another one's; the position
that a job is told never grows. The server's memory is read every few seconds. Where a page takes twice as long as for
the fewest visitors, it bends.
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
REST = 180.0  # seconds after the last visitor; Streamlit keeps a closed session for two minutes
EVERY = 2.0  # seconds between two looks at the server's memory
PATIENCE = 900  # seconds that a visitor waits for an answer


@dataclass
class Seen:
    """What the visitors of one step have seen, under a lock."""

    pages: list[tuple[str, float]] = field(default_factory=list)  # which one, and seconds to draw it
    jobs: list[float] = field(default_factory=list)  # seconds from the button to the last answer
    ahead: list[int] = field(default_factory=list)  # jobs that were ahead of one when it was first looked at
    memory: list[tuple[float, float]] = field(default_factory=list)  # seconds since the beginning, MB of the server
    asked: list[str] = field(default_factory=list)  # questions, by anybody
    errors: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, kind: str, value: object) -> None:
        """Add one."""
        with self.lock:
            getattr(self, kind).append(value)


def main() -> None:
    """Print one row for each number of visitors, and what each page took."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--visitors", nargs="+", type=int, default=[2, 6])
    parser.add_argument("--asking", type=int, default=5, help="visitors who ask, where there are more; one reads")
    parser.add_argument("--minutes", type=float, default=1.0, help="of each number of visitors")
    parser.add_argument("--think", type=float, default=2.0, help="seconds between two clicks, on average")
    parser.add_argument("--port", type=int, help="of a server on this machine that is running already")
    options = parser.parse_args()
    print("visitors  pages  median s  95 % s  jobs  median s  ahead     MB  MB/hour  errors")
    found = {}
    with server(options.port) as (url, process):
        warm = Seen()  # what is made once, as the runs and the model in memory
        with Visitor(url) as first:
            for page in PAGES:
                opened(first, warm, page)
            ask(first, "Is 0 a number?", warm)
        for error in warm.errors:
            print(f"before: {error}")
        before = memory_of(process)
        for n in options.visitors:
            found[n] = crowd(url, process, n, options)
            print(_row(n, found[n]), flush=True)
            for error in found[n].errors[:5]:
                print(f"         {error}")
        time.sleep(REST if process else 0)
        print(f"MB of the server before all of them {before:.0f}, {REST:.0f} s after the last {memory_of(process):.0f}")
    for page in PAGES:
        medians = (np.median([s for name, s in seen.pages if name == page] or [np.nan]) for seen in found.values())
        print(f"{page:>12}: median s {' '.join(f'{median:.2f}' for median in medians)}")
    fewest = _median(found[options.visitors[0]])
    slow = [n for n in options.visitors if _median(found[n]) > 2 * fewest]
    print(f"It bends at {slow[0]} visitors." if slow else f"No bend up to {max(options.visitors)} visitors.")


def _row(n: int, seen: Seen) -> str:
    seconds = [s for _, s in seen.pages]
    memory = seen.memory[-1][1] if seen.memory else np.nan
    return (
        f"{n:8} {len(seconds):6} {_median(seen):9.2f} {np.quantile(seconds, 0.95):7.2f} {len(seen.jobs):5} "
        f"{np.median(seen.jobs) if seen.jobs else np.nan:9.1f} {max(seen.ahead, default=0):6} {memory:6.0f} "
        f"{growth(seen.memory):8.0f}  {len(seen.errors)}"
    )


def _median(seen: Seen) -> float:
    return float(np.median([seconds for _, seconds in seen.pages]))


def growth(memory: list[tuple[float, float]]) -> float:
    """MB an hour by which memory grows, of the later two thirds, in a straight line; NaN for fewer than 10 looks."""
    later = np.array(memory[len(memory) // 3 :])
    return float(np.polyfit(later[:, 0] / 3600, later[:, 1], 1)[0]) if len(later) >= 10 else np.nan


def memory_of(process: psutil.Process | None) -> float:
    """MB that a server takes; NaN for one that is not ours."""
    return process.memory_info().rss / 1e6 if process else np.nan


def crowd(url: str, process: psutil.Process | None, n: int, options: argparse.Namespace) -> Seen:
    """So many visitors at once, each in a thread of its own; the first one reads, even where nobody else would."""
    seen, started = Seen(), time.monotonic()
    end = started + 60 * options.minutes
    asking = min(options.asking, n - 1)
    threads = [
        threading.Thread(target=visit, args=(url, who, n, who >= n - asking, end, options.think, seen))
        for who in range(n)
    ]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        if process:
            seen.note("memory", (time.monotonic() - started, memory_of(process)))
        time.sleep(EVERY)
    return seen


def visit(url: str, who: int, n: int, asks: bool, end: float, think: float, seen: Seen) -> None:
    """One visitor until the end: asks one question after the other, each in a new tab, or reads page after page."""
    rng = np.random.default_rng([who, n])
    turn = 0
    try:
        with Visitor(url) as visitor:
            while time.monotonic() < end:
                time.sleep(rng.exponential(think))
                if asks:
                    with Visitor(url) as tab:
                        ask(tab, f"Is {n}{who:03}{turn:04} a number?", seen)
                else:
                    opened(visitor, seen, PAGES[rng.integers(len(PAGES))])
                turn += 1
    except Exception as error:  # a visitor that is thrown out is what this looks for
        seen.note("errors", f"visitor {who}: {type(error).__name__}: {error}")


def opened(visitor: Visitor, seen: Seen, page: str, **params: str) -> None:
    """Open a page and note how long it took."""
    started = time.monotonic()
    visitor.open("" if page == "start" else page, **params)
    seen.note("pages", (page, time.monotonic() - started))
    complain(visitor, seen)


def ask(visitor: Visitor, question: str, seen: Seen) -> None:
    """Ask in the Live lab, and watch until the answers are there."""
    opened(visitor, seen, "live_lab", dataset="typed", ask=question, model=MODEL, n="4", l="16")
    started, ahead = time.monotonic(), None
    seen.note("asked", question)
    visitor.press("Sample")
    while "Stop" in visitor.buttons():
        if match := AHEAD.search(visitor.text):
            now = int(match[1])
            if ahead is not None and now > ahead:
                seen.note("errors", f"{question} moved back from place {ahead} to {now}")
            if ahead is None:
                seen.note("ahead", now)
            ahead = now
        if time.monotonic() - started > PATIENCE:
            seen.note("errors", f"{question} was not answered")
            return
        visitor.look_again()
    seen.note("jobs", time.monotonic() - started)
    complain(visitor, seen)
    shown = {other for other in seen.asked if other in visitor.text}  # a model may make up questions of its own
    if shown != {question} or "All 4 answers finished" not in visitor.text:
        seen.note("errors", f"{question} was shown as {sorted(shown)}: {visitor.text[-200:]!r}")


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
