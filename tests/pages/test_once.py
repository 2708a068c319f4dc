"""What there is one of on a server stays one, whatever a visitor sends."""

import threading

import pytest
import streamlit as st

from dashboard import cache, serving
from dashboard.map import job
from dashboard.once import once


def test_emptying_the_caches_leaves_the_queue_and_the_map_worker_alone(monkeypatch):
    monkeypatch.setattr(cache, "LiveQueue", lambda *arguments, **options: object())
    monkeypatch.setattr(cache, "live_queue", once(cache.live_queue.__wrapped__))  # no other test gets this queue
    monkeypatch.setattr(serving, "_QUEUES", [])
    made = [cache.live_queue.__wrapped__, cache.live_queue(), cache.sentence_encoder("minilm"), job.work()]
    st.cache_resource.clear()
    st.cache_data.clear()
    assert made == [cache.live_queue.__wrapped__, cache.live_queue(), cache.sentence_encoder("minilm"), job.work()]


def test_many_threads_that_ask_at_once_get_the_same():
    start, found = threading.Barrier(8), []

    @once
    def make(name):
        return object()

    def ask():
        start.wait()
        found.append(make("a"))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert make("b") is not found[0]


def test_what_could_not_be_made_is_tried_again():
    attempts = []

    @once
    def make():
        attempts.append(1)
        if len(attempts) == 1:
            raise ValueError
        return "made"

    with pytest.raises(ValueError):
        make()
    assert make() == make() == "made"
    assert len(attempts) == 2
