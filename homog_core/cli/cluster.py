"""The Ray cluster that a command works on, where one was asked for (`--ray`)."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from homog_core.cli.output import say
from homog_core.errors import InvalidInput
from homog_core.wording import numbers

if TYPE_CHECKING:
    from homog_core.progress import Spread
    from homog_core.sampling.cluster import Cluster


@contextmanager
def clustered(options: argparse.Namespace) -> "Iterator[Cluster | None]":
    """The Ray cluster that was asked for, while it is used; None where none was."""
    from homog_core.sampling.cluster import connected

    if options.ray is None:
        if options.cpus_per_worker is not None:
            raise InvalidInput("--cpus-per-worker is of workers on a cluster; give --ray too.")
        yield None
        return
    say("Connecting to Ray")
    with connected(options.ray, options.cpus_per_worker) as cluster:
        say(f"Ray has room for {numbers.counted(cluster.n_workers, 'worker')}")
        yield cluster


def spread_over(cluster: "Cluster | None") -> "Spread | None":
    """What hands out the parts of a scoring to the workers of a cluster; None where there is none."""
    if not cluster:
        return None
    from homog_core.sampling.cluster_tasks import RayTasks

    return RayTasks(cluster)
