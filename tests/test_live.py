"""The queue of live jobs, with fake models that stop before every step until the test lets them through."""

import threading
import time

import pytest
from conftest import FAKE_SPEC, TIMEOUT, FakeEncoder, FakeSampler, Gate, make_question

from homog_core import store
from homog_core.errors import HomogError, ModelUnavailable, NotFound
from homog_core.live import LiveQueue, Request
from homog_core.records import GREEDY, Decoding, ModelSpec
from homog_core.sampling import Device

OTHER_SPEC = ModelSpec("other", "nobody/other")
DECODING = Decoding(n_samples=2)


def request(*models: ModelSpec) -> Request:
    return Request(models or (FAKE_SPEC,), make_question("q"), DECODING)


def queue(load=lambda spec, report: FakeSampler({"q": ("a b", "c")}, spec), **settings) -> LiveQueue:
    return LiveQueue(load, FakeEncoder(), probe=lambda: Device("test", 10**9, 4), **settings)


def until(live: LiveQueue, job: str, state: str):
    """The snapshot in which the job has come to `state`."""
    deadline = time.monotonic() + TIMEOUT
    while (snapshot := live.snapshot(job, "me")).state != state:
        assert time.monotonic() < deadline, snapshot
        assert not snapshot.is_over, snapshot
        threading.Event().wait(0.005)
    return snapshot


def gated(gate: Gate, **settings) -> LiveQueue:
    return queue(lambda spec, report: FakeSampler({"q": ("a b", "c")}, spec, gate), **settings)


def test_a_finished_job_has_every_answer_and_the_vectors_of_the_samples():
    live = queue()
    part = until(live, live.submit(request()), "done").models[0]
    assert {i: answer.answer for i, answer in part.answers.items()} == {0: "a b", 1: "c", GREEDY: "a b"}
    assert sorted(part.vectors) == [0, 1]
    assert part.prompt == "Q: What is q?\nA:"
    assert part.n_tokens == 3 + 2 + 3
    assert live.tokens_per_second("fake") > 0
    assert live.device() == Device("test", 10**9, 4)


def test_tokens_are_seen_while_they_are_generated():
    gate = Gate()
    live = gated(gate)
    job = live.submit(request())
    gate.wait_until_reached()
    gate.let_through()
    gate.wait_until_reached()  # before the second step: the first has been taken
    snapshot = until(live, job, "sampling")
    assert {answer.text for answer in snapshot.models[0].answers.values()} == {"a", "c"}
    gate.let_through(9)
    until(live, job, "done")


def test_the_second_job_waits_its_turn():
    gate = Gate()
    live = gated(gate)
    first = live.submit(request(), "one")
    gate.wait_until_reached()
    second = live.submit(request(), "two")
    third = live.submit(request(), "three")
    assert [live.snapshot(job).position for job in (first, second, third)] == [0, 1, 2]
    gate.let_through(99)
    for job in (first, second, third):
        until(live, job, "done")


def test_stop_takes_effect_within_a_step_and_keeps_what_was_said():
    gate = Gate()
    live = gated(gate)
    job = live.submit(request())
    gate.wait_until_reached()
    live.stop(job)
    assert live.snapshot(job).stopping
    gate.let_through()
    snapshot = until(live, job, "stopped")
    assert [len(answer.tokens) for answer in snapshot.models[0].answers.values()] == [1, 1, 1]


def test_a_job_that_waits_can_be_stopped():
    gate = Gate()
    live = gated(gate)
    first = live.submit(request())
    gate.wait_until_reached()
    second = live.submit(request())
    live.stop(second)
    assert until(live, second, "stopped").models == ()
    gate.let_through(9)
    until(live, first, "done")


def test_a_job_whose_session_is_gone_is_stopped_and_a_quiet_one_is_not():
    for connected, end in ((False, "stopped"), (True, "done")):
        live = queue(is_connected=lambda session, connected=connected: connected, grace_seconds=0.0)
        until(live, live.submit(request(), "me"), end)


def test_a_model_that_cannot_be_loaded_fails_with_its_sentence_and_the_next_job_is_served():
    def load(spec, report):
        if spec == OTHER_SPEC:
            raise ModelUnavailable("It downloads 3 GB.")
        return FakeSampler({}, spec)

    live = queue(load)
    assert until(live, live.submit(request(OTHER_SPEC)), "failed").message == "It downloads 3 GB."
    until(live, live.submit(request()), "done")


def test_the_worker_outlives_an_unexpected_error():
    loaded = []

    def load(spec, report):
        loaded.append(spec)
        if len(loaded) == 1:
            raise ZeroDivisionError("a bug")
        return FakeSampler({}, spec)

    live = queue(load)
    assert "ZeroDivisionError: a bug" in until(live, live.submit(request()), "failed").message
    until(live, live.submit(request()), "done")


def test_a_model_stays_loaded_until_another_is_asked_for():
    loaded = []

    def load(spec, report):
        loaded.append(spec.key)
        return FakeSampler({}, spec)

    live = queue(load)
    for models in ((FAKE_SPEC,), (FAKE_SPEC,), (OTHER_SPEC, FAKE_SPEC)):
        until(live, live.submit(request(*models)), "done")
    assert loaded == ["fake", "other", "fake"]


def test_two_models_of_a_job_are_sampled_one_after_the_other():
    live = queue()
    parts = until(live, live.submit(request(FAKE_SPEC, OTHER_SPEC)), "done").models
    assert [part.model.key for part in parts] == ["fake", "other"]
    assert all(part.result for part in parts)


def test_a_finished_job_is_kept_as_a_run(no_shipped_runs):
    live = queue()
    job = live.submit(request())
    until(live, job, "done")
    (run,) = live.keep(job)
    assert store.verify(run.id) == []
    assert run.responses()["text"].tolist() == ["a b", "a b", "c"]  # the greedy response is sample −1


def test_only_a_finished_job_can_be_kept():
    gate = Gate()
    live = gated(gate)
    job = live.submit(request())
    gate.wait_until_reached()
    with pytest.raises(HomogError, match="Only a job that has finished"):
        live.keep(job)
    gate.let_through(9)
    until(live, job, "done")


def test_an_unknown_job_says_what_to_do():
    with pytest.raises(NotFound, match="sample the question again"):
        queue().snapshot("nothing")
