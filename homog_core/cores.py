"""The cores that this process may use, and work that is handed out to them item by item.

Another core needs another process, since Python computes in one thread at a time. What the work is about is not known
here.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager
from functools import cache
from itertools import islice
from typing import Any

from homog_core.errors import HomogError

_AHEAD = 4  # items of a process that are on their way, so that none waits for its next one
_IDLE = 20  # seconds after which a process without work ends
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")


def n_cores() -> int:
    """How many cores this process may use: those of its container and affinity, and no more than `OMP_NUM_THREADS`."""
    from joblib import cpu_count

    most = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return min(cpu_count(), max(1, int(most))) if most.isdecimal() else cpu_count()


def one_thread() -> AbstractContextManager:
    """While it is open, NumPy and SciPy compute on one thread; with several, last digits depend on how many."""
    return _libraries().limit(limits=1, user_api="blas")


def start(n: int, first: Callable[[], Any]) -> None:
    """Start the other processes for `over_processes`, which takes them seconds; each calls `first` meanwhile."""
    for _ in range(n - 1):
        _others(n).submit(first)


def over_processes(n: int, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
    """`map` over `n` processes, two or more, of which this is one; results come in the order in which they are done.

    The function and the items travel, so they must be picklable. Raises what the function raises, and `HomogError`
    where a process dies. Whoever stops asking ends the other processes.
    """
    others, left = _others(n), iter(items)
    waiting: set[Future] = set()
    try:
        while True:
            free = _AHEAD * (n - 1) - len(waiting)
            waiting |= {others.submit(function, item) for item in islice(left, free)}
            done = {one for one in waiting if one.done()}
            waiting -= done
            yield from (one.result() for one in done)
            if done:
                continue
            own = list(islice(left, 1))
            yield from map(function, own)
            if not own and not waiting:
                return
            if not own:
                wait(waiting, return_when=FIRST_COMPLETED)
    except BrokenProcessPool as error:
        raise HomogError(
            "A process that shared the work was ended from outside, perhaps for want of memory; give the same command "
            "again, with OMP_NUM_THREADS=1 to do without such processes."
        ) from error
    finally:
        if waiting:
            others.shutdown(kill_workers=True)


@cache
def _libraries() -> Any:
    """Those that this process has loaded for linear algebra; looking for them takes a while."""
    import scipy.linalg  # noqa: F401  it brings its own
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _others(n: int) -> Any:
    """The processes beside this one. They do not run its main module, as those of the standard library would."""
    from joblib.externals.loky import get_reusable_executor

    return get_reusable_executor(n - 1, timeout=_IDLE, env=_ONE_THREAD)
