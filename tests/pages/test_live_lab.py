"""The page Live lab under AppTest: what can be chosen, and a job of a scripted model from its first token on."""

import threading
from dataclasses import replace
from types import SimpleNamespace

import pytest
from fakes import FAKE_SPEC, TIMEOUT, FakeEncoder, FakeSampler, Gate, make_question
from page_testing import button, html, open_page, words
from streamlit.testing.v1 import AppTest

import dashboard.live
from dashboard import cache, page
from homog_core.device import Device
from homog_core.live import LiveQueue, Request
from homog_core.records import Decoding
from homog_core.runs import store


def test_live_lab_opens_without_a_model_being_loaded():
    app = open_page("live_lab", model="gemma-3-270m")
    assert not app.exception
    assert app.title[0].value == "Live lab"
    assert "press Sample" in words(app)


def test_live_lab_says_so_when_a_job_is_gone():
    app = open_page("live_lab", job="nothing")
    assert not app.exception
    assert "sample the question again" in words(app)


def chosen_models(app: AppTest) -> list[str]:
    return app.multiselect(key="widget:model").value


def test_several_models_are_chosen_by_the_url():
    app = open_page("live_lab", model="gemma-3-270m,gemma-3-270m-dpo")
    assert not app.exception
    assert chosen_models(app) == ["gemma-3-270m", "gemma-3-270m-dpo"]


def test_the_whole_chain_of_a_model_is_one_click_away():
    app = open_page("live_lab", model="gemma-3-270m-dpo")
    button(app, "base → sft → dpo").click().run()
    assert not app.exception
    assert chosen_models(app) == ["gemma-3-270m", "gemma-3-270m-sft", "gemma-3-270m-dpo"]
    assert "gemma-3-270m,gemma-3-270m-sft,gemma-3-270m-dpo" in app.query_params["model"]
    assert not [one for one in app.button if "chain" in one.label]


def test_unknown_models_in_the_url_are_named_and_left_out():
    app = open_page("live_lab", model="<b>,gemma-3-270m,,gemma-3-270m")
    assert not app.exception
    assert chosen_models(app) == ["gemma-3-270m"]
    assert any("\\<b\\>" in warning.value for warning in app.warning)


def test_without_a_model_nothing_can_be_sampled():
    app = open_page("live_lab", model="gemma-3-270m")
    app.multiselect(key="widget:model").set_value([]).run()
    assert not app.exception
    assert button(app, "Sample").disabled


def test_a_typed_question_is_offered():
    app = open_page("live_lab", dataset="typed", ask="Why is *this* <b>so</b>?")
    assert not app.exception
    assert not button(app, "Sample").disabled


# A job

SFT = replace(FAKE_SPEC, key="fake-sft", stage="sft", parent="fake")


class OwnQueue(LiveQueue):
    """The real queue, of scripted models that wait at a gate before every step; a test is woken when a job is over."""

    def __init__(self):
        self.gate, self.over = Gate(), threading.Event()
        answers = {"fox": ("red *fox* <b>", "blue whale", "")}
        load = lambda spec, say: FakeSampler(answers, spec, self.gate)
        super().__init__(load, [FakeEncoder()], probe=lambda: Device("test", 10**9, 4))

    def _set(self, job, state, message):
        super()._set(job, state, message)
        if state in ("done", "stopped", "failed"):
            self.over.set()

    def ask(self, *models):
        return self.submit(Request(models, make_question("fox"), Decoding(n_samples=3), "plain"))

    def finish(self):
        self.gate.let_through(1000)
        assert self.over.wait(TIMEOUT)


@pytest.fixture
def queue(no_shipped_runs, monkeypatch):
    """The queue of the page; at the end it is let through, so that its thread goes idle."""
    monkeypatch.setattr(page, "_leave_pages_directory_mode", lambda: None)  # it would lose a click
    own = OwnQueue()
    for module in (cache, dashboard.live):
        monkeypatch.setattr(module, "live_queue", lambda: own)
        monkeypatch.setattr(module, "umap_warm_up", lambda: SimpleNamespace(ready=threading.Event()))
    yield own
    own.gate.let_through(1000)


def test_answers_are_shown_while_they_arrive(queue):
    job = queue.ask(FAKE_SPEC)
    queue.gate.let_through()
    for _ in range(2):
        queue.gate.wait_until_reached()  # before the second step, the first has been taken
    app = open_page("live_lab", job=job)

    assert not app.exception
    assert "1 of 4 answers finished" in words(app)
    assert "red ▍" in html(app)
    button(app, "Stop").click().run()
    queue.finish()
    app.run()
    assert "Stopped. The answers so far are below" in words(app)


def test_a_finished_job_can_be_kept(queue):
    job = queue.ask(FAKE_SPEC)
    queue.finish()
    app = open_page("live_lab", job=job, clusterer="jaccard")  # the scripted queue has none of the real encoders

    assert not app.exception
    assert "2 answers, 2 different ones" in words(app)
    assert "Inside one answer: greedy answer" in words(app)
    assert "<b>" not in html(app)
    button(app, "Keep as a run").click().run()
    (run,) = store.list_runs()
    assert [link.proto.query_string for link in app.get("page_link")] == [f"run={run.id}"]
    assert button(app.run(), "Keep as a run").disabled


def test_two_models_stand_side_by_side(queue):
    job = queue.ask(FAKE_SPEC, SFT)
    queue.finish()
    app = open_page("live_lab", job=job, clusterer="jaccard")  # the scripted queue has none of the real encoders

    assert "**2 of 2 → 2 of 2 different answers** along fake → fake-sft" in words(app)
    assert app.segmented_control[0].options == ["fake", "fake-sft"]


def test_a_job_waits_for_the_one_before_it(queue):
    queue.ask(FAKE_SPEC)
    queue.gate.wait_until_reached()
    app = open_page("live_lab", job=queue.ask(FAKE_SPEC))

    assert "Somebody else is sampling: 1 job is ahead of yours, which starts by itself." in words(app)
