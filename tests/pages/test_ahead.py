"""What is computed ahead of the pages: by another process, after the first page, at the lowest priority."""

import os
import time

import pytest
from fakes import TIMEOUT

from dashboard.ahead import LOWEST_PRIORITY, Ahead
from homog_core.runs import derived


def until(condition):
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_nothing_begins_before_the_first_page_nor_after_the_end():
    ahead = Ahead(waits=0.0)
    assert not ahead.over.wait(0.3)
    assert ahead.process is None
    ahead.stop()
    assert ahead.over.is_set()
    assert ahead.process is None


@pytest.mark.skipif(not hasattr(os, "getpriority"), reason="this system has no priorities")
def test_it_works_at_the_lowest_priority_and_can_be_ended():
    ahead = Ahead(waits=0.0)
    ahead.page_served()
    until(lambda: ahead.process is not None)
    assert os.getpriority(os.PRIO_PROCESS, ahead.process.pid) == LOWEST_PRIORITY
    until(lambda: list(derived.folder().glob("*/*")))
    ahead.stop()
    assert ahead.over.is_set()
    assert ahead.process.returncode is not None
