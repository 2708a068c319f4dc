"""Any work on a Ray cluster, item by item: a function is called with each item on whichever worker is free.

A worker or a node that dies loses the item that it had, which Ray gives to another one. The function and the items
travel, so they must be small and picklable. What the function does is not known here.
"""

import socket
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from importlib.metadata import version
from itertools import islice
from typing import Any

from homog_core.errors import HomogError, first_line
from homog_core.sampling.cluster import ATTEMPTS, PATIENCE, Cluster

_BEAT = 1.0  # seconds after which a wait looks whether it was interrupted
_AHEAD = 2  # items of a worker that are on their way, so that none waits for its next one
_PACKAGES = ("homog-core", "torch", "transformers", "sentence-transformers", "numpy", "scipy", "umap-learn")


class RayTasks:
    """`map` over the workers of a cluster; results come in the order in which they are done."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def __call__(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """The result of every item, once.

        Raises what the function raises, with the machine's name, and `HomogError` where the cluster has no room in
        time, where a worker has other versions, and where one item has ended several workers.
        """
        import ray

        needs = {"num_cpus": self._cluster.cpus, "num_gpus": self._cluster.gpus, "max_retries": ATTEMPTS - 1}
        task = ray.remote(_do).options(**needs)
        given = (self._cluster.cpus, _versions())
        _wait_for_room(task.remote(bool, None, *given))
        left, waiting = iter(items), []
        try:
            while True:
                free = _AHEAD * self._cluster.n_workers - len(waiting)
                waiting += [task.remote(function, item, *given) for item in islice(left, free)]
                if not waiting:
                    return
                ready, waiting = ray.wait(waiting, num_returns=1, timeout=_BEAT)
                for one in ready:
                    yield _result(one)
        finally:  # cancelled: nobody waits for what the workers do
            for one in waiting:
                ray.cancel(one, force=True)


def _wait_for_room(first: Any) -> None:
    """Wait until a worker has done something; raises `HomogError` where none does in time."""
    import ray

    if not ray.wait([first], timeout=PATIENCE)[0]:
        ray.cancel(first, force=True)
        raise HomogError(
            f"The cluster has had no room for a worker for {PATIENCE:.0f} s. Give the same command again when others "
            "have ended, or `ray status` shows more nodes."
        )
    _result(first)


def _result(of: Any) -> Any:
    import ray

    try:
        return ray.get(of)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, HomogError):
            raise error.cause from error
        raise HomogError(
            f"A worker could not begin ({first_line(error.cause)}); install the same version of this library on all "
            "machines."
        ) from error
    except ray.exceptions.RayError as error:
        raise HomogError(
            f"{ATTEMPTS} workers have died over the same part of the work, one after the other ({first_line(error)}). "
            "What was finished is kept; give the same command again with fewer workers to a node."
        ) from error


def _do(function: Callable[[Any], Any], item: Any, cpus: int, theirs: dict[str, str]) -> Any:
    """What a worker does with one item, for somebody who has these versions of the packages."""
    import torch

    if cpus:
        torch.set_num_threads(cpus)
    host = socket.gethostname()
    for package, ours in _versions().items():
        if ours != theirs[package]:
            raise HomogError(
                f"{host} has {package} {ours} and the machine of the command {theirs[package]}, so that results may "
                "differ; install the same version on both."
            )
    try:
        return function(item)
    except HomogError as error:
        raise type(error)(f"On {host}: {error}") from error
    except Exception as error:
        raise HomogError(f"A worker on {host} failed ({type(error).__name__}: {first_line(error)}).") from error


@cache
def _versions() -> dict[str, str]:
    return {package: version(package).partition("+")[0] for package in _PACKAGES}
