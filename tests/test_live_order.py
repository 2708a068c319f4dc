"""In which order a live job does its work: tokens first, then vectors; and when what nobody waits for may begin."""

import threading
import time

import pytest
from fakes import TIMEOUT, FakeEncoder, FakeSampler, Gate, make_question

from homog_core.device import Device
from homog_core.live import LiveQueue, Request
from homog_core.live.encoding import Encoding
from homog_core.records import GREEDY, Decoding, ModelSpec
from homog_core.sampling.steps import Answer, Token

pytestmark = pytest.mark.usefixtures("no_shipped_runs")

QUESTION = make_question("fox")
ANSWERS = {"fox": ("red fox", "blue whale sings", "")}
REQUEST = Request((ModelSpec("one", "nobody/one"),), QUESTION, Decoding(n_samples=3), "plain")


def queue_of(encoder, gate=None, **options):
    def load(spec, say):
        return FakeSampler(ANSWERS, spec, gate) if gate else FakeSampler(ANSWERS, spec)

    return LiveQueue(load, [encoder], probe=lambda: Device("test", 10**9, 4), **options)


def ended(index, text, reason="stop"):
    return Answer("fox", index, [Token(text, 0.0, 0.0)], 1, text, reason)


def over(queue, job_id):
    with queue._lock:
        assert queue._lock.wait_for(lambda: queue.snapshot(job_id).is_over, TIMEOUT)
    return queue.snapshot(job_id)


def test_an_encoder_that_is_not_loaded_is_not_due_and_encodes_what_has_ended_when_the_job_is_over():
    encoder = FakeEncoder()
    encoder.is_loaded = False
    lengths = []
    queue = queue_of(encoder, lambda: lengths.append(len(encoder.encoded)))  # before each step
    found = over(queue, queue.submit(REQUEST))
    assert lengths and set(lengths) == {0}
    assert set(found.models[0].vectors) == {0, 1}  # the third is empty


def test_the_next_call_is_due_later_the_longer_the_last_one_took(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("homog_core.live.encoding.time.monotonic", lambda: now[0])

    class Slow(FakeEncoder):
        def encode(self, texts):
            now[0] += 0.2
            return super().encode(texts)

    encoding = Encoding([Slow()])
    assert encoding.is_due
    encoding.encode("Which?", {0: ended(0, "fox")}, {})
    assert not encoding.is_due
    now[0] += 3.9
    assert not encoding.is_due
    now[0] += 0.2
    assert encoding.is_due


def test_each_answer_that_has_ended_with_a_text_is_encoded_once():
    encoder = FakeEncoder()
    encoding = Encoding([encoder])
    answers = {0: ended(0, "fox"), 1: ended(1, ""), 2: ended(2, "cat", None), GREEDY: ended(GREEDY, "dog")}
    known = encoding.encode("Which?", answers, {})
    assert set(known) == {0}
    answers[2] = ended(2, "cat sleeps")
    encoder.encoded.clear()
    assert set(encoding.encode("Which?", answers, known)) == {2}
    assert set(encoder.encoded) == {"cat sleeps"}


def test_a_look_waits_for_the_first_token_and_no_longer():
    gate = Gate()
    queue = queue_of(FakeEncoder(), gate)
    job_id, seen = queue.submit(REQUEST), threading.Event()
    gate.wait_until_reached()  # it is loaded
    threading.Thread(target=lambda: (queue.wait_for_tokens(job_id, TIMEOUT), seen.set()), daemon=True).start()
    assert not seen.wait(0.2)
    gate.let_through(1)
    assert seen.wait(TIMEOUT)
    assert queue.snapshot(job_id).models[0].answers
    gate.let_through(1000)
    over(queue, job_id)
    queue.wait_for_tokens(job_id, TIMEOUT)  # returns at once


def test_a_look_at_a_job_that_waits_its_turn_does_not_wait():
    gate = Gate()
    queue = queue_of(FakeEncoder(), gate)
    first, second = queue.submit(REQUEST), queue.submit(REQUEST)
    gate.wait_until_reached()
    started = time.monotonic()
    queue.wait_for_tokens(second, TIMEOUT)
    assert time.monotonic() - started < TIMEOUT / 2
    assert queue.snapshot(second).position == 1
    gate.let_through(1000)
    over(queue, first)
    over(queue, second)


def test_what_nobody_waits_for_rests_while_a_job_is_at_work():
    gate, rested = Gate(), threading.Event()
    queue = queue_of(FakeEncoder(), gate)
    job_id = queue.submit(REQUEST)
    threading.Thread(target=lambda: (queue.rest(0.05, TIMEOUT), rested.set()), daemon=True).start()
    assert not rested.wait(0.3)
    gate.let_through(1000)
    assert rested.wait(TIMEOUT)
    assert queue.snapshot(job_id).is_over


def test_rest_ends_at_once_where_nobody_has_asked_and_some_time_after_a_job():
    queue = queue_of(FakeEncoder())
    queue.rest(TIMEOUT, TIMEOUT)
    over(queue, queue.submit(REQUEST))
    started = time.monotonic()
    queue.rest(0.3, TIMEOUT)
    assert 0.2 < time.monotonic() - started < TIMEOUT


def test_rest_ends_after_a_while_though_a_job_goes_on():
    gate = Gate()
    queue = queue_of(FakeEncoder(), gate)
    job_id = queue.submit(REQUEST)
    gate.wait_until_reached()
    started = time.monotonic()
    queue.rest(0.05, 0.3)
    assert 0.2 < time.monotonic() - started < TIMEOUT
    assert not queue.snapshot(job_id).is_over
    gate.let_through(1000)
    over(queue, job_id)
