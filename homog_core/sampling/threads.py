"""Several threads for one function of C, which shares its work out among them.

They are those of torch where they can be had: torch's threads go on waiting for a while after each product, on the
cores that others would need. Where its libgomp is missing, a pool of our own is used.
"""

import ctypes
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any


def in_parallel(function: Any, work: ctypes.Structure, n_most: int) -> None:
    """Call `function(work)` in as many threads as torch uses, but at most `n_most`, and wait for all of them."""
    import torch

    _parallel()(function, work, min(torch.get_num_threads(), n_most))


@cache
def own_threads() -> ThreadPoolExecutor:
    """Threads that compute while the calling one does. numba's own must not be used by two callers at once."""
    return ThreadPoolExecutor(thread_name_prefix="blocks")


@cache
def _parallel() -> Callable[[Any, ctypes.Structure, int], None]:
    import torch

    for library in (Path(torch.__file__).parent / "lib").glob("libgomp*.so*"):
        start = ctypes.CDLL(str(library)).GOMP_parallel
        start.argtypes, start.restype = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint), None
        return lambda function, work, n: start(
            ctypes.cast(function, ctypes.c_void_p), ctypes.cast(ctypes.byref(work), ctypes.c_void_p), n, 0
        )
    return _in_own_threads


def _in_own_threads(function: Any, work: ctypes.Structure, n_threads: int) -> None:
    others = [own_threads().submit(function, ctypes.byref(work)) for _ in range(n_threads - 1)]
    function(ctypes.byref(work))
    for other in others:
        other.result()
