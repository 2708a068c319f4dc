"""What takes longer than a page may take: computed in a thread, while the page can be used and left.

The page looks again until it is there. What was found is kept for everybody; what went wrong is said, and tried again
when somebody asks again. What has begun goes on when its page is left; what still waits then, as while a slider is
dragged, does not begin.
"""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

import streamlit as st

from dashboard.once import once
from dashboard.text import plain
from homog_core.errors import HomogError
from homog_core.live.failures import named
from homog_core.progress import OnProgress

POLL_SECONDS = 0.5
_AT_ONCE = 0.7  # seconds that a page waits for what may be quick
_MOST = 32  # that are kept
_LEFT_SECONDS = 6 * POLL_SECONDS  # since a page has looked, after which nobody waits for it
_LOG = logging.getLogger(__name__)
T = TypeVar("T")


class Task:
    """One computation in a thread of its own, which begins when it has the turn."""

    def __init__(self, compute: Callable[[OnProgress], Any], turn: threading.Lock) -> None:
        self.what, self.done, self.total = "Starting", 0, 0
        self.is_left = False  # nobody waited for it any more when it could begin
        self._turn, self._looked = turn, time.monotonic()
        self.value: Any = None
        self.error: HomogError | None = None
        self.over = threading.Event()
        threading.Thread(target=self._work, args=(compute,), name="background", daemon=True).start()

    def look(self) -> None:
        """Somebody waits for it."""
        self._looked = time.monotonic()

    def _work(self, compute: Callable[[OnProgress], Any]) -> None:
        try:
            with self._turn:
                self.is_left = time.monotonic() - self._looked > _LEFT_SECONDS
                if not self.is_left:
                    self.value = compute(self._report)
        except HomogError as error:
            self.error = error
        except BaseException as error:  # a page that waits must be told, also of what wants to exit
            _LOG.exception("A computation in the background failed")
            self.error = HomogError(f"This could not be computed: {named(error)}")
        finally:
            self.over.set()

    def _report(self, what: str, done: int, total: int) -> None:
        self.what, self.done, self.total = what, done, total


class Tasks:
    """The computations of a server, by what they are of; the latest are kept, and one works at a time."""

    def __init__(self) -> None:
        self._tasks: OrderedDict[Hashable, Task] = OrderedDict()
        self._lock, self._turn = threading.Lock(), threading.Lock()

    def get(self, key: Hashable, compute: Callable[[OnProgress], Any]) -> Task:
        """The computation of this key, begun where there is none, where it was left, or has failed and been told."""
        with self._lock:
            found = self._tasks.get(key)
            if found is None or found.is_left:
                found = self._tasks[key] = Task(compute, self._turn)
            found.look()
            self._tasks.move_to_end(key)
            others = [k for k, task in self._tasks.items() if task.over.is_set() and k != key]
            for old in others[: max(0, len(self._tasks) - _MOST)]:
                del self._tasks[old]
            return found

    def forget(self, key: Hashable) -> None:
        """Let it be computed anew when it is asked for again."""
        with self._lock:
            self._tasks.pop(key, None)


@once
def tasks() -> Tasks:
    """Those of this server."""
    return Tasks()


def computed(key: Hashable, compute: Callable[[OnProgress], T]) -> T | None:
    """What `compute` gives; None, with a bar that follows it, until it is there. Raises the `HomogError` that it does.

    `key` has everything that the result depends on. `compute` is called in a thread: it must not draw anything.
    """
    task = tasks().get(key, compute)
    if not task.over.wait(_AT_ONCE) or task.is_left:
        _watch(task)
        return None
    if task.error:
        tasks().forget(key)
        raise task.error
    return task.value


@st.fragment(run_every=POLL_SECONDS)
def _watch(task: Task) -> None:
    """Look again and again; when it is over, leave by a rerun of the page."""
    task.look()
    if task.over.is_set():
        st.rerun()
    share = task.done / task.total if task.total else 0.0
    counts = f": {task.done:,} of {task.total:,}" if task.total else " …"
    st.progress(min(share, 1.0), text=f"Computing, while you may go on elsewhere. {plain(task.what)}{counts}")
