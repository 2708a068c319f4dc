"""The cores that this process may use, and work that is handed out to them item by item.

Each core gets a process of its own, since Python computes in one thread at a time. It computes on one thread, so that
results are the same however many cores there are. What the work is about is not known here.
"""

import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from typing import Any

from homog_core.errors import HomogError

_IDLE = 10  # seconds that a process waits for more work before it ends


def n_cores() -> int:
    """How many cores this process may use: those of its container and affinity, and no more than `OMP_NUM_THREADS`."""
    from joblib import cpu_count

    most = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
    return min(cpu_count(), max(1, int(most))) if most.strip().isdecimal() else cpu_count()


def over_processes(n: int, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
    """`map` over `n` processes; results come in the order in which they are done.

    The function and the items travel, so they must be picklable. A process takes a second or two to start. Raises what
    the function raises, and `HomogError` where a process dies. Whoever stops asking ends the processes.
    """
    from joblib import Parallel, delayed, parallel_config
    from joblib.externals.loky.process_executor import BrokenProcessPool

    with parallel_config("loky", n_jobs=n, inner_max_num_threads=1, idle_worker_timeout=_IDLE):
        shared = Parallel(return_as="generator_unordered", max_nbytes=None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that not all results were asked for
        with closing(shared(delayed(function)(item) for item in items)) as results:
            try:
                yield from results
            except BrokenProcessPool as error:
                raise HomogError(
                    "A process that shared the work was ended from outside, perhaps for want of memory; give the same "
                    "command again, with OMP_NUM_THREADS=1 to do without such processes."
                ) from error
