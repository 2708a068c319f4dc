"""The queue of live jobs: a scripted model that waits at a gate before every step, the real worker thread."""

import threading
import time
import weakref
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from fakes import ENTROPY, LOGPROB, TIMEOUT, FakeEncoder, FakeSampler, Gate, make_question

import homog_core.live
from homog_core.device import Device
from homog_core.errors import HomogError, ModelUnavailable, NotFound
from homog_core.live import LiveQueue, Request
from homog_core.records import GREEDY, Decoding, ModelSpec, Question
from homog_core.runs.verify import verify
from homog_core.sampling import choices

pytestmark = pytest.mark.usefixtures("no_shipped_runs")

ONE, OTHER = ModelSpec("one", "nobody/one"), ModelSpec("other", "nobody/other")
QUESTION = make_question("fox")
ANSWERS = {"fox": ("red fox", "blue whale sings", "")}  # 3, 4 and 1 steps, the end token included
MANY = 10_000


class WatchedQueue(LiveQueue):
    """The real queue; a test is woken when a job changes its state, instead of looking again and again."""

    def _set(self, job, state, message):
        super()._set(job, state, message)
        with self._lock:
            self._lock.notify_all()

    def wait_for(self, job_id, *states):
        with self._lock:
            assert self._lock.wait_for(lambda: self.snapshot(job_id).state in states, TIMEOUT)
            return self.snapshot(job_id)


def queue_of(load, encoder=None, **options):
    return WatchedQueue(load, [encoder or FakeEncoder()], probe=lambda: Device("test", 10**9, 4), **options)


def request(*models, n_samples=3):
    return Request(models or (ONE,), QUESTION, Decoding(n_samples=n_samples), "plain")


def freely(spec, report):
    """Loads a model that nothing holds up."""
    return FakeSampler(ANSWERS, spec)


@pytest.fixture
def gated():
    """A queue whose model waits at `gate`; at the end of the test the gate is opened so that its thread goes idle."""
    gate = Gate()
    samplers = []

    def load(spec, report):
        samplers.append(FakeSampler(ANSWERS, spec, before_step=gate))
        return samplers[-1]

    def make(**options):
        return SimpleNamespace(queue=queue_of(load, **options), gate=gate, samplers=samplers)

    yield make
    gate.let_through(MANY)


# A job


def test_a_finished_job_has_every_answer():
    queue = queue_of(freely)
    done = queue.wait_for(queue.submit(request()), "done")
    (model,) = done.models
    assert {i: answer.text for i, answer in model.answers.items()} == {
        0: "red fox",
        1: "blue whale sings",
        2: "",
        GREEDY: "red fox",
    }
    assert model.answers[0].tokens == ("red", " fox", "")
    assert model.answers[0].entropies == (ENTROPY,) * 3
    assert model.answers[0].logprobs == (LOGPROB,) * 3
    assert model.answers[0].finish_reason == "stop"
    assert model.n_tokens == 3 + 4 + 1 + 3
    assert model.prompt == "Q: What is fox?\nA:"
    assert model.result.question_id == "fox"
    assert (done.is_over, done.position, done.message) == (True, 0, "Finished")
    assert queue.tokens_per_second("one") > 0
    assert queue.device() == Device("test", 10**9, 4)


def test_valid_samples_are_embedded_when_they_end():
    queue = queue_of(freely)
    (model,) = queue.wait_for(queue.submit(request()), "done").models
    assert set(model.vectors) == {0, 1}  # neither the empty nor the greedy answer
    np.testing.assert_array_equal(model.vectors[0]["fake"]["answer"], FakeEncoder().encode(["red fox"]))
    np.testing.assert_array_equal(
        model.vectors[0]["fake"]["masked"], FakeEncoder().encode(["red"])
    )  # "fox" is asked about


def test_a_running_job_shows_what_has_been_said_so_far(gated):
    job = gated()
    job_id = job.queue.submit(request())
    job.gate.let_through(1)
    job.gate.wait_until_reached()
    job.gate.wait_until_reached()  # before the second step
    snapshot = job.queue.snapshot(job_id)
    assert (snapshot.state, snapshot.message, snapshot.is_over) == ("sampling", "Sampling one on test", False)
    (model,) = snapshot.models
    assert (model.answers[0].text, model.answers[0].finish_reason) == ("red", None)
    assert model.answers[0].response().finish_reason == "length"
    assert model.answers[2].finish_reason == "stop"
    assert model.result is None
    job.gate.let_through(MANY)
    job.queue.wait_for(job_id, "done")
    assert snapshot.models[0].answers[0].text == "red"  # a snapshot does not change


def test_an_unknown_job_is_not_found():
    queue = queue_of(freely)
    for call in (queue.snapshot, queue.stop, queue.keep):
        with pytest.raises(NotFound, match="'nonsense'"):
            call("nonsense")


# The queue


def test_a_second_job_waits_for_its_turn(gated):
    job = gated()
    first = job.queue.submit(request())
    job.gate.wait_until_reached()
    second, third = job.queue.submit(request()), job.queue.submit(request())
    assert [job.queue.snapshot(job_id).position for job_id in (first, second, third)] == [0, 1, 2]
    assert job.queue.snapshot(second).state == "queued"
    assert job.queue.snapshot(second).models == ()
    job.gate.let_through(MANY)
    for job_id in (first, second, third):
        assert job.queue.wait_for(job_id, "done").position == 0


def test_two_models_are_sampled_one_after_the_other():
    loaded = []

    def load(spec, report):
        loaded.append(spec.key)
        return FakeSampler(ANSWERS, spec)

    queue = queue_of(load)
    done = queue.wait_for(queue.submit(request(ONE, OTHER)), "done")
    assert loaded == ["one", "other"]
    assert [model.model.key for model in done.models] == ["one", "other"]
    assert all(model.result is not None for model in done.models)


def test_a_model_stays_loaded_for_the_next_job():
    loaded = []

    def load(spec, report):
        loaded.append(spec.key)
        return FakeSampler(ANSWERS, spec)

    queue = queue_of(load)
    for spec in (ONE, ONE, OTHER, ONE):
        queue.wait_for(queue.submit(request(spec)), "done")
    assert loaded == ["one", "other", "one"]


def test_stages_of_one_chain_are_sampled_without_loading_again():
    loaded = []

    def load(spec, report):
        loaded.append(spec.key)
        return FakeSampler(ANSWERS, spec)

    queue = queue_of(load)
    stages = [replace(ONE, key=key, adapter=key) for key in ("sft", "dpo")]
    done = queue.wait_for(queue.submit(request(ONE, *stages)), "done")
    assert all(model.result is not None for model in done.models)
    assert [model.model.key for model in done.models] == ["one", "sft", "dpo"]
    assert loaded == ["one"]


@pytest.mark.parametrize("jobs", [[(ONE,), (OTHER,)], [(ONE, OTHER)]], ids=["two jobs", "one job"])
def test_a_model_is_unloaded_before_another_is_loaded(jobs):
    held, still_there = [], []

    def load(spec, report):
        still_there.append([ref().spec.key for ref in held if ref() is not None])
        sampler = FakeSampler(ANSWERS, spec)
        held.append(weakref.ref(sampler))
        return sampler

    queue = queue_of(load)
    for models in jobs:
        queue.wait_for(queue.submit(request(*models)), "done")
    assert still_there == [[], []]


# Stopping


def test_a_running_job_stops_within_a_step(gated):
    job = gated()
    job_id = job.queue.submit(request())
    job.gate.wait_until_reached()
    job.queue.stop(job_id)
    assert job.queue.snapshot(job_id).stopping
    job.gate.let_through(1)
    stopped = job.queue.wait_for(job_id, "stopped")
    assert not stopped.stopping
    assert stopped.models[0].answers[0].text == "red"  # one step, and what was said stays
    assert job.samplers[0].closed.is_set()


def test_a_queued_job_stops_at_once_and_is_never_sampled(gated):
    job = gated()
    first = job.queue.submit(request())
    job.gate.wait_until_reached()
    second = job.queue.submit(request(OTHER))
    job.queue.stop(second)
    assert job.queue.snapshot(second).state == "stopped"
    job.gate.let_through(MANY)
    assert job.queue.wait_for(first, "done").state == "done"
    assert job.queue.snapshot(second).models == ()
    assert [sampler.spec.key for sampler in job.samplers] == ["one"]


@pytest.fixture
def clock(monkeypatch):
    """The queue's clock; `clock.ahead` seconds later than the real one."""
    clock = SimpleNamespace(ahead=0.0)
    monkeypatch.setattr(homog_core.live, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + clock.ahead))
    return clock


def test_a_job_that_nobody_watches_any_more_stops_after_the_grace(gated, clock):
    connected = threading.Event()
    connected.set()
    job = gated(is_connected=lambda session: connected.is_set(), grace_seconds=60)
    job_id = job.queue.submit(request(), session="page")
    job.gate.wait_until_reached()
    connected.clear()
    clock.ahead = 50
    job.gate.let_through(1)
    job.gate.wait_until_reached()  # 50 seconds are within the grace
    clock.ahead = 70
    job.gate.let_through(1)
    assert job.samplers[0].closed.wait(TIMEOUT)
    assert job.queue.wait_for(job_id, "stopped").models[0].answers[0].text == "red fox"  # two steps


def test_a_quiet_but_connected_session_keeps_its_job(gated, clock):
    asked = []
    job = gated(is_connected=lambda session: not asked.append(session), grace_seconds=60)
    job_id = job.queue.submit(request(), session="page")
    for _ in range(4):  # the longest answer has four steps
        job.gate.wait_until_reached()
        clock.ahead += 1000
        job.gate.let_through(1)
    assert job.samplers[0].closed.wait(TIMEOUT)
    assert set(asked) == {"page"}
    assert job.queue.wait_for(job_id, "done", "stopped").state == "done"


# Failing


def test_a_model_that_cannot_be_loaded_fails_with_its_sentence():
    def load(spec, report):
        if spec == OTHER:
            raise ModelUnavailable("other is not on this machine.")
        return FakeSampler(ANSWERS, spec)

    queue = queue_of(load)
    failed = queue.wait_for(queue.submit(request(OTHER)), "failed", "done")
    assert (failed.state, failed.message) == ("failed", "other is not on this machine.")
    assert queue.wait_for(queue.submit(request()), "done").is_over


def test_an_unexpected_error_fails_its_job_and_no_other():
    def load(spec, report):
        def boom():
            raise RuntimeError("boom")

        return FakeSampler(ANSWERS, spec, boom if spec == OTHER else lambda: None)

    queue = queue_of(load)
    failed = queue.wait_for(queue.submit(request(OTHER)), "failed", "done")
    assert (failed.state, failed.message) == ("failed", "Sampling failed: RuntimeError: boom")
    assert queue.wait_for(queue.submit(request()), "done").is_over


def test_loading_is_reported():
    loading, go_on = threading.Event(), threading.Event()

    def load(spec, report):
        report("Unpacking the weights")
        loading.set()
        assert go_on.wait(TIMEOUT)
        return FakeSampler(ANSWERS, spec)

    queue = queue_of(load)
    job_id = queue.submit(request())
    assert loading.wait(TIMEOUT)
    snapshot = queue.snapshot(job_id)
    go_on.set()
    assert (snapshot.state, snapshot.message) == ("loading", "Unpacking the weights")
    queue.wait_for(job_id, "done")


# Keeping


def test_a_finished_job_is_kept_as_scored_runs():
    queue = queue_of(freely)
    job_id = queue.submit(request(ONE, OTHER))
    queue.wait_for(job_id, "done")
    runs = queue.keep(job_id)
    assert [run.identity.model for run in runs] == ["one", "other"]  # the first has been unloaded meanwhile
    for run in runs:
        assert (run.identity.revision, run.identity.dtype) == ("fake-1", "float32")
        assert run.identity.decoding == request().decoding
        assert list(run.questions()["prompt"]) == ["Q: What is fox?\nA:"]
        assert list(run.responses()["text"]) == ["red fox", "red fox", "blue whale sings", ""]  # greedy first
        assert run.table("scores")["num_semantic_sets@jaccard"].item() == 2
        assert verify(run.id) == []
    assert [run.id for run in queue.keep(job_id)] == [run.id for run in runs]


def test_a_job_that_is_not_done_is_not_kept(gated):
    job = gated()
    job_id = job.queue.submit(request())
    job.gate.wait_until_reached()
    with pytest.raises(HomogError, match="have all been finished"):
        job.queue.keep(job_id)
    job.queue.stop(job_id)
    job.gate.let_through(1)
    job.queue.wait_for(job_id, "stopped")
    with pytest.raises(HomogError, match="have all been finished"):
        job.queue.keep(job_id)


@pytest.mark.usefixtures("no_shipped_runs")
def test_what_has_finished_before_another_model_failed_can_be_kept():
    def load(spec, report):
        if spec is OTHER:
            raise ModelUnavailable("other is not on this machine.")
        return FakeSampler(ANSWERS, spec)

    queue = queue_of(load)
    job_id = queue.submit(request(ONE, OTHER))
    queue.wait_for(job_id, "failed")
    assert [run.identity.model for run in queue.keep(job_id)] == ["one"]


def test_of_a_question_with_a_list_the_exact_probabilities_come_before_the_answers(llama_sampler, monkeypatch):
    monkeypatch.setattr(choices, "PRUNED", 0.0)  # a tiny model finds every word unlikely
    coin = Question("coin", "live", "Flip a coin.", ("heads", "tails"), category="coin", answer_type="draw")
    queue = queue_of(lambda spec, report: llama_sampler)
    job = queue.submit(Request((llama_sampler.spec,), coin, Decoding(n_samples=2, max_new_tokens=3), "plain"))
    (part,) = queue.wait_for(job, "done").models
    assert part.draw.options == ("heads", "tails")
    assert 0 < part.draw.all.on_list < 1
    assert len(part.answers) == 3
