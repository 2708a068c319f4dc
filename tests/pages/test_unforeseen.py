"""What a visitor is told of an unforeseen error in a thread: no folder of this machine, which the log has."""

import logging
import threading
from types import SimpleNamespace

import pytest
from fakes import TIMEOUT

from dashboard.background import Task
from dashboard.map import work
from dashboard.map.work import MapWork, key_of


def fails(*_):
    raise ValueError("[Errno 5] Input/output error: '/home/somebody/models/weights.bin'")


def of_background(monkeypatch):
    task = Task(fails)
    task.work()
    assert task.over.is_set()
    return str(task.error)


def of_map(monkeypatch):
    monkeypatch.setattr(work, "make_map", fails)
    maps = MapWork()
    maps.start([], SimpleNamespace(key="fake"))
    for thread in threading.enumerate():
        if thread.name == "map":
            thread.join(TIMEOUT)
    return maps.look(key_of([], "fake")).what


@pytest.mark.parametrize("of", [of_background, of_map])
def test_an_unforeseen_error_is_told_without_folders_and_logged(of, monkeypatch, caplog):
    with caplog.at_level(logging.ERROR, logger="dashboard"):
        told = of(monkeypatch)
    assert told.endswith("could not be computed: ValueError: [Errno 5] Input/output error: 'weights.bin'")
    assert "/home/somebody/models/weights.bin" in caplog.text
