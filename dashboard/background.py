"""What takes longer than a page may take: computed in a thread, while the page can be used and left.

The page looks again until it is there. What was found is kept for everybody; what went wrong is said, and tried again
when somebody asks again. What has begun goes on when its page is left. What still waits then does not begin, nor does
what somebody asked for before asking for another of the same kind, as while a slider is dragged.
"""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

import streamlit as st

from dashboard import url
from dashboard.cache import session_id
from dashboard.once import once
from dashboard.text import plain
from homog_core.errors import HomogError
from homog_core.live.failures import named
from homog_core.progress import OnProgress

POLL_SECONDS = 0.5
_AT_ONCE = 0.25  # seconds that a page waits for what may be quick
_MOST = 32  # that are kept
_LEFT_SECONDS = 6 * POLL_SECONDS  # since a page has looked, after which nobody waits for it
_LOG = logging.getLogger(__name__)
Key = tuple[str, *tuple[Hashable, ...]]  # of which kind it is, and everything that the result depends on
T = TypeVar("T")


class Task:
    """One computation, and who waits for it."""

    def __init__(self, compute: Callable[[OnProgress], Any]) -> None:
        self.what, self.done, self.total = "Starting", 0, 0
        self.value: Any = None
        self.error: HomogError | None = None
        self.over = threading.Event()
        self.is_dropped = False  # nobody waited for it when it could have begun
        self._compute = compute
        self._looked: dict[str, float] = {}  # when, by session

    def look(self, session: str = "") -> None:
        """A session waits for it."""
        self._looked = self._looked | {session: time.monotonic()}

    def leave(self, session: str) -> None:
        """A session waits for it no longer."""
        self._looked = {other: when for other, when in self._looked.items() if other != session}

    @property
    def is_left(self) -> bool:
        """Whether nobody waits for it."""
        return all(time.monotonic() - when > _LEFT_SECONDS for when in self._looked.values())

    def work(self) -> None:
        """Compute it."""
        try:
            self.value = self._compute(self._report)
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
        self._tasks: OrderedDict[Key, Task] = OrderedDict()
        self._waiting: OrderedDict[Key, Task] = OrderedDict()  # those of them that have not begun, in order
        self._asked: dict[tuple[str, str], Key] = {}  # what of it a session asked for last, by session and kind
        self._lock, self._is_working = threading.Lock(), False

    def get(self, key: Key, compute: Callable[[OnProgress], Any], session: str = "") -> Task:
        """The computation of this key, which will begin where there is none; another of its kind is left."""
        with self._lock:
            before = self._asked.get((session, key[0]), key)
            if before != key and before in self._waiting:
                self._waiting[before].leave(session)
            found = self._tasks.get(key)
            if found is None:
                found = self._tasks[key] = self._waiting[key] = Task(compute)
            found.look(session)
            self._tasks.move_to_end(key)
            self._asked[session, key[0]] = key
            self._asked = {who: of for who, of in self._asked.items() if of in self._waiting}
            if self._waiting and not self._is_working:
                self._is_working = True
                threading.Thread(target=self._work, name="background", daemon=True).start()
            self._forget_oldest(key)
            return found

    def forget(self, key: Key) -> None:
        """Let it be computed anew when it is asked for again."""
        with self._lock:
            self._tasks.pop(key, None)

    def _forget_oldest(self, but: Key) -> None:
        over = [key for key, task in self._tasks.items() if task.over.is_set() and key != but]
        for old in over[: max(0, len(self._tasks) - _MOST)]:
            del self._tasks[old]

    def _work(self) -> None:
        """One after the other, as long as any waits; those that were left are dropped."""
        while task := self._next():
            task.work()

    def _next(self) -> Task | None:
        with self._lock:
            while self._waiting:
                key, task = self._waiting.popitem(last=False)
                task.is_dropped = task.is_left
                if not task.is_dropped:
                    return task
                self._tasks.pop(key, None)
            self._is_working = False
            return None


@once
def tasks() -> Tasks:
    """Those of this server."""
    return Tasks()


def computed(key: Key, compute: Callable[[OnProgress], T]) -> T | None:
    """What `compute` gives; None, with a bar that follows it, until it is there. Raises the `HomogError` that it does.

    `compute` is called in a thread: it must not draw anything.
    """
    task = tasks().get(key, compute, session_id())
    if not task.over.wait(_AT_ONCE):
        _watch(task)
        return None
    if task.error:
        tasks().forget(key)
        raise task.error
    return task.value


@st.fragment(run_every=POLL_SECONDS)
def _watch(task: Task) -> None:
    """Look again and again; when it is over, or nobody works at it any more, leave by a rerun of the page."""
    if task.over.is_set() or task.is_dropped:
        url.rerun()
    task.look(session_id())
    share = task.done / task.total if task.total else 0.0
    counts = f": {task.done:,} of {task.total:,}" if task.total else " …"
    st.progress(min(share, 1.0), text=f"Computing, while you may go on elsewhere. {plain(task.what)}{counts}")
