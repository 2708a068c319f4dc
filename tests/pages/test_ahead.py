"""What is computed ahead of the pages: by another process, after the first page, at the lowest priority."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
from fakes import TIMEOUT

from dashboard.ahead import LOWEST_PRIORITY, Ahead
from homog_core.files import PROJECT
from homog_core.runs import derived
from homog_core.runs.store import list_runs


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


SERVER = """
import time
from dashboard.ahead import Ahead
ahead = Ahead(waits=0.0)
ahead.page_served()
while ahead.process is None:
    time.sleep(0.05)
print(ahead.process.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_it_ends_with_a_server_that_was_killed():
    server = subprocess.Popen([sys.executable, "-c", SERVER], cwd=PROJECT, stdout=subprocess.PIPE, text=True)
    try:
        child = psutil.Process(int(server.stdout.readline()))
        until(lambda: list(derived.folder().glob("*/*")))  # it is in the middle of its work
        assert child.is_running()
    finally:
        server.kill()
        server.wait()
    until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
    several = [run for run in list_runs() if run.identity.n_questions > 1]
    assert len(list(derived.folder().iterdir())) < len(several)  # it has not come to its end
