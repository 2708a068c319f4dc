"""Work on the cores of this machine: every item once, in processes that end when nobody asks."""

import os
import signal
import time

import numpy as np  # noqa: F401  its library is one of those
import pytest
from psutil import Process
from threadpoolctl import threadpool_info, threadpool_limits

from homog_core.cores import n_cores, one_thread, over_processes
from homog_core.errors import HomogError, InvalidInput


def where(_):
    time.sleep(0.05)
    return os.getpid()


def blas_threads():
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def complain(what):
    raise InvalidInput(f"{what} does not work.")


def die(_):
    os.kill(os.getpid(), signal.SIGKILL)


def processes():
    """Those of this process that compute; other tests leave servers."""
    lines = {own: " ".join(own.cmdline()) for own in Process().children(recursive=True)}
    return [own for own, line in lines.items() if "popen_loky" in line]


def test_every_item_is_done_once_by_two_processes():
    assert sorted(over_processes(2, abs, range(-30, 0))) == list(range(1, 31))
    assert list(over_processes(2, abs, [])) == []
    found = list(over_processes(2, where, range(40)))
    assert len(found) == 40
    assert len(set(found)) == 2


def test_numbers_are_computed_on_one_thread_while_that_is_asked_for():
    import scipy.linalg  # noqa: F401  it brings its own library

    with threadpool_limits(2, user_api="blas"):
        with one_thread():
            assert blas_threads() == {1}
        assert blas_threads() == {2}


def test_what_goes_wrong_is_said_as_by_map():
    with pytest.raises(InvalidInput, match=r"^This does not work\.$"):
        list(over_processes(2, complain, ["This"]))


def test_a_process_that_is_killed_is_one_sentence_with_the_remedy():
    with pytest.raises(HomogError, match=r"ended from outside.*OMP_NUM_THREADS=1"):
        list(over_processes(2, die, [None]))
    assert sorted(over_processes(2, abs, [-1, -2])) == [1, 2]  # others do the work again


def test_whoever_stops_asking_ends_the_processes():
    results = over_processes(2, where, range(1_000))
    next(results)
    assert processes()
    results.close()
    assert not processes()


@pytest.mark.parametrize(("said", "most"), [("1", 1), ("", 1_000), ("2,1", 2), ("nonsense", 1_000)])
def test_no_more_cores_than_were_asked_for(said, most, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    assert 1 <= n_cores() <= most
