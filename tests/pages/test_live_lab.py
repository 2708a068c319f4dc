"""The page Live lab under AppTest: what can be chosen, and a job of a scripted model from its first token on."""

import threading
from dataclasses import replace
from types import SimpleNamespace

import pytest
from fakes import FAKE_SPEC, TIMEOUT, FakeEncoder, FakeSampler, Gate, make_question
from page_testing import button, html, in_url, open_page
from page_testing import words as words_of
from streamlit.testing.v1 import AppTest

from dashboard import cache, page
from dashboard.live import ended, estimate, job, watch, words
from homog_core.catalogue.models import MODELS
from homog_core.device import Device
from homog_core.live import LiveQueue, ModelSnapshot, Request, Snapshot
from homog_core.records import GREEDY, Decoding
from homog_core.runs import store
from homog_core.sampling.steps import Answer


def test_live_lab_opens_without_a_model_being_loaded():
    app = open_page("live_lab", model="gemma-3-270m")
    assert not app.exception
    assert app.title[0].value == "Live lab"
    assert "Press Sample" in words_of(app)


def test_live_lab_says_so_when_a_job_is_gone():
    app = open_page("live_lab", job="nothing", dataset="typed", ask="Why?", seed="7")
    assert not app.exception
    assert "sample the question again" in words_of(app)
    assert (app.text_input[0].value, in_url(app, "seed")) == ("Why?", "7")  # so that it can be


def chosen_models(app: AppTest) -> list[str]:
    return app.multiselect(key="widget:model").value


def drawer(app: AppTest) -> str:
    """The label of the drawer."""
    return app.get("popover")[0].proto.popover.label


def test_the_page_opens_with_the_first_base_and_the_end_of_its_chain():
    app = open_page("live_lab")
    assert not app.exception
    base, *_, aligned = (MODELS[key] for key in chosen_models(app))
    assert (base.key, base.stage) == (next(iter(MODELS)), "base")
    assert aligned.stage == "dpo"
    assert MODELS[aligned.parent].parent == base.key  # base → SFT → DPO
    assert not button(app, "Sample").disabled
    assert drawer(app) == "Settings"


def test_several_models_are_chosen_by_the_url():
    app = open_page("live_lab", model="gemma-3-270m,gemma-3-270m-sft")
    assert not app.exception
    assert chosen_models(app) == ["gemma-3-270m", "gemma-3-270m-sft"]


def test_the_whole_chain_of_a_model_is_one_click_away():
    app = open_page("live_lab", model="gemma-3-270m-dpo")
    button(app, "base → SFT → DPO").click().run()
    assert not app.exception
    assert chosen_models(app) == ["gemma-3-270m", "gemma-3-270m-sft", "gemma-3-270m-dpo"]
    assert "gemma-3-270m,gemma-3-270m-sft,gemma-3-270m-dpo" in app.query_params["model"]
    assert not [one for one in app.button if "chain" in one.label]


def test_unknown_models_in_the_url_are_named_and_left_out():
    app = open_page("live_lab", model="<b>,gemma-3-270m,,gemma-3-270m")
    assert not app.exception
    assert chosen_models(app) == ["gemma-3-270m"]
    assert any("\\<b\\>" in warning.value for warning in app.warning)


def test_without_a_model_nothing_can_be_sampled(queue):
    app = open_page("live_lab", model="gemma-3-270m")
    app.multiselect(key="widget:model").set_value([]).run()
    button(app, "Sample").click().run()
    assert not app.exception
    assert "Choose a model first." in words_of(app)
    assert "job" not in app.query_params


@pytest.mark.parametrize(
    ("source", "text", "said"),
    [
        ("typed", "  ", "Write a question first."),
        ("list", "", "Write a question first."),
        ("list", "Pick a fruit", "lists no answers"),
    ],
)
def test_without_a_question_nothing_can_be_sampled(queue, source, text, said):
    app = open_page("live_lab", dataset=source)
    app.text_input[0].set_value(text)
    button(app, "Sample").click().run()
    assert not app.exception
    assert said in words_of(app)
    assert "job" not in app.query_params
    assert len(app.warning) + len(app.info) == (1 if said.startswith("Write") else 2)  # what is missing is said once


def test_the_drawer_says_what_is_unusual():
    app = open_page("live_lab", n="20", t="0.7", seed="0", prompt="few_shot", clusterer="jaccard")
    assert not app.exception
    assert drawer(app) == "Settings: 20 answers, temperature 0.7, few-shot prompt, same words (Jaccard)"
    assert drawer(open_page("live_lab", tau="0.61")) == "Settings: τ = 0.61"
    assert drawer(open_page("live_lab", n="many", t="99", tau="nan")) == "Settings"  # nonsense counts as what is usual


def slider(app: AppTest, param: str):
    return app.slider(key=f"widget:{param}")


# A job

SFT = replace(FAKE_SPEC, key="fake-sft", stage="sft", parent="fake")


class OwnQueue(LiveQueue):
    """The real queue, of scripted models that wait at a gate before every step; a test is woken when a job is over."""

    def __init__(self):
        self.gate, self.over = Gate(), threading.Event()
        answers = {"fox": ("red *fox* <b>", "blue whale", "")}
        self.requests = []
        load = lambda spec, say: FakeSampler(answers, spec, self.gate)
        super().__init__(load, [FakeEncoder()], probe=lambda: Device("test", 10**9, 4))

    def _set(self, job, state, message):
        super()._set(job, state, message)
        if state in ("done", "stopped", "failed"):
            self.over.set()

    def submit(self, request, *whose):
        self.requests.append(request)
        return super().submit(request, *whose)

    def ask(self, *models):
        return self.submit(Request(models, make_question("fox"), Decoding(n_samples=3), "plain"))

    def finish(self):
        self.gate.let_through(1000)
        assert self.over.wait(TIMEOUT)


@pytest.fixture
def queue(no_shipped_runs, monkeypatch):
    """The queue of the page; at the end it is let through, so that its thread goes idle."""
    monkeypatch.setattr(page, "_hand_over_to_app", lambda: None)  # it would lose a click
    own = OwnQueue()
    for module in (cache, ended, estimate, job, watch):
        monkeypatch.setattr(module, "live_queue", lambda: own)
    for module in (cache, ended):
        monkeypatch.setattr(module, "umap_warm_up", lambda: SimpleNamespace(ready=threading.Event()))
    monkeypatch.setattr(cache, "encoders_warm_up", lambda: None)
    yield own
    own.gate.let_through(1000)


def typed(text, **params):
    """The page after somebody has written a question and pressed the button."""
    app = open_page("live_lab", dataset="typed", clusterer="jaccard", **params)
    app.text_input[0].set_value(text)
    return button(app, "Sample").click().run()


def test_a_typed_question_is_sampled_by_one_click_that_goes_to_the_answers_once(queue):
    app = typed("Why is *this*  <b>so</b>?")
    assert not app.exception
    (request,) = queue.requests
    assert request.question.text == "Why is *this* <b>so</b>?"
    assert [spec.key for spec in request.models] == ["gemma-3-270m", "gemma-3-270m-dpo"]
    assert request.decoding == Decoding()
    assert "scrollIntoView" in html(app)
    assert "scrollIntoView" not in html(app.run())


def test_a_new_question_stops_the_one_before_it(queue):
    app = typed("What is first?")
    queue.gate.wait_until_reached()
    first = in_url(app, "job")
    app.text_input[0].set_value("What is second?")
    button(app, "Sample").click().run()
    assert in_url(app, "job") not in ("", first)
    assert queue.snapshot(first).stopping


def test_a_set_with_its_own_limit_brings_it_along(queue, tmp_path, monkeypatch):
    (tmp_path / "gsm8k_test.jsonl").write_text('{"question": "How many?", "answer": "#### 3"}\n')
    monkeypatch.setenv("HOMOG_DATA", str(tmp_path))
    cache.dataset_questions.clear()
    app = open_page("live_lab", dataset="gsm8k")
    assert not app.exception
    assert slider(app, "l").value == 256
    assert drawer(app) == "Settings: 256 tokens"
    button(app, "Sample").click().run()
    assert (queue.requests[0].decoding.max_new_tokens, queue.requests[0].decoding.stop) == (256, ("\nQ:",))
    app = open_page("live_lab", dataset="gsm8k", l="64")
    assert slider(app, "l").value == 64
    app.selectbox(key="widget:dataset").set_value("facts").run()
    button(app, "Sample").click().run()
    assert (queue.requests[1].decoding.max_new_tokens, queue.requests[1].decoding.stop) == (64, ())
    cache.dataset_questions.clear()


def test_answers_of_both_models_are_shown_while_they_arrive(queue):
    started = queue.ask(FAKE_SPEC, SFT)
    queue.gate.let_through(3)
    for _ in range(4):
        queue.gate.wait_until_reached()  # before the fourth step, three have been taken
    app = open_page("live_lab", job=started, clusterer="jaccard")

    assert not app.exception
    assert html(app).count("1 of 3 answers finished") == 2
    assert "red *fox* ▍" in html(app)  # of the base, two tokens
    assert "red ▍" in html(app)  # of the other, one
    assert "(empty)" in html(app)
    button(app, "Stop").click().run()
    queue.finish()
    app.run()
    assert "Stopped. Answers so far are below." in words_of(app)
    assert html(app).count("1 of 3 answers finished; the others were cut off and are in no cluster.") == 2
    assert "fake and fake-sft cannot be kept as runs: the answers that finish first are the short ones" in words_of(app)
    assert not [one for one in app.button if "Keep" in one.label]
    assert html(app).count("in no cluster · 1 empty answer") == 2  # and the one that was cut off is none of them
    assert html(app).count("cut off · 2 answers") == 2


def test_a_model_that_waits_is_there_from_the_start_and_after_a_stop(queue):
    started = queue.ask(FAKE_SPEC, replace(FAKE_SPEC, key="far", source="somewhere/else"))
    queue.gate.wait_until_reached()
    app = open_page("live_lab", job=started, clusterer="jaccard")
    assert "far" in html(app)
    assert words.WAITS in html(app)
    button(app, "Stop").click().run()
    queue.finish()
    app.run()
    assert words.NEVER in html(app)
    assert "fake cannot be kept as a run" in words_of(app)


def test_a_finished_job_can_be_kept(queue):
    started = queue.ask(FAKE_SPEC)
    queue.finish()
    app = open_page("live_lab", job=started, clusterer="jaccard")  # the scripted queue has none of the real encoders

    assert not app.exception
    assert "2 answers, 2 wordings, 2 clusters" in words_of(app)
    assert "<b>" not in html(app).replace("<b>fake</b>", "")
    button(app, "Keep as a run").click().run()
    (run,) = store.list_runs()
    assert [link.proto.query_string for link in app.get("page_link")] == [f"run={run.id}"]
    assert button(app.run(), "Keep as a run").disabled


@pytest.mark.parametrize(
    ("view", "there", "not_there"),
    [
        ("answers", "greedy answer, in no cluster", "token-heat"),
        ("tree", "goes on in 2 ways", "Inside one answer"),
        ("map", "Where the answers lie", "Inside one answer"),
        ("tokens", "Inside one answer: greedy answer", "Where the answers lie"),
    ],
)
def test_a_view_computes_itself_alone(queue, view, there, not_there):
    started = queue.ask(FAKE_SPEC, SFT)
    queue.finish()
    app = open_page("live_lab", job=started, clusterer="jaccard", view=view, of="2")
    assert not app.exception
    assert there in words_of(app) + html(app)
    assert not_there not in words_of(app) + html(app)
    assert words_of(app).count("2 answers, 2 wordings, 2 clusters") == 2  # a strip a model, once


def test_two_models_stand_side_by_side(queue):
    started = queue.ask(FAKE_SPEC, SFT)
    queue.finish()
    app = open_page("live_lab", job=started, clusterer="jaccard", view="tokens", of="2")

    assert "**2 of 2 → 2 of 2 different answers** along fake → fake-sft" in words_of(app)
    control = app.segmented_control(key="widget:of")
    assert (control.options, control.value) == (["fake", "fake-sft"], "2")


def test_nonsense_about_a_finished_job_is_named_and_changes_nothing(queue):
    started = queue.ask(FAKE_SPEC, SFT)
    queue.finish()
    app = open_page("live_lab", job=started, clusterer="jaccard", view="<b>")
    assert not app.exception
    assert "View: <b> is not among the 4 there are" in words_of(app)
    assert "greedy answer, in no cluster" in html(app)
    app = open_page("live_lab", job=started, clusterer="jaccard", view="tokens", of="7", answer="nan")
    assert not app.exception
    assert "Model: 7 is not among the 2 there are" in words_of(app)
    assert "Inside one answer: greedy answer" in words_of(app)


def test_a_job_waits_for_the_one_before_it(queue):
    queue.ask(FAKE_SPEC)
    queue.gate.wait_until_reached()
    app = open_page("live_lab", job=queue.ask(FAKE_SPEC))

    assert "Somebody else is sampling: 1 job is ahead of yours, which starts by itself." in words_of(app)


# Sentences


def part_of(n_steps=0, seconds=0.0, first=0.0, *, finished=0, prompt="Q:"):
    """A model with that many steps, of whose answers some have ended."""
    answers = {i: Answer("q", i, (), n_steps, "text", "stop" if i < finished else None) for i in (0, 1, GREEDY)}
    return ModelSnapshot(
        FAKE_SPEC, "plain", prompt, answers if n_steps else {}, {}, None, seconds, first, 3 * n_steps, None
    )


def snapshot_of(*parts, state="sampling", message="Sampling", stopping=False, position=0, seconds=0.0):
    request = Request(tuple(part.model for part in parts), make_question("q"), Decoding(2, max_new_tokens=11), "plain")
    return Snapshot("id", state, message, position, request, parts, stopping, seconds)


def test_a_stop_before_the_first_answer_promises_none():
    assert words.stopped(snapshot_of(part_of(), part_of())) == "Stopped before the first answer."
    assert words.stopped(snapshot_of(part_of(2), part_of())) == "Stopped. Answers so far are below."


def test_the_seconds_left_follow_from_the_speed_after_the_first_step():
    # 5 steps in 3 + 4 · 0.5 = 5 s; 6 of 11 steps are left, 0.5 s each: 3 s. The other model waits, and takes 7 s.
    going, waiting = part_of(5, 5.0, 3.0), part_of(prompt="")
    assert words.seconds_left(snapshot_of(going, waiting), lambda part: 7.0) == pytest.approx(10.0)
    assert words.seconds_left(snapshot_of(going), lambda part: None) == pytest.approx(3.0)
    assert words.seconds_left(snapshot_of(going, waiting), lambda part: None) is None


@pytest.mark.parametrize(
    ("snapshot", "left", "said"),
    [
        (snapshot_of(part_of(5)), 12.4, "Sampling · about 12 s left, if answers reach the token limit"),
        (snapshot_of(part_of(), seconds=34), None, "Sampling … · 34 s"),
        (snapshot_of(part_of(), state="loading", message="Unpacking", seconds=61.2), 3.0, "Unpacking … · 1 min 1 s"),
        (snapshot_of(part_of(), stopping=True, seconds=2), 3.0, "Stopping … · 2 s"),
        (snapshot_of(part_of(), state="queued"), None, "Starting …"),
        (
            snapshot_of(part_of(), state="queued", position=2),
            None,
            "Somebody else is sampling: 2 jobs are ahead of yours, which starts by itself.",
        ),
    ],
)
def test_what_a_job_is_doing_is_said(snapshot, left, said):
    assert words.status(snapshot, left) == said


def test_an_estimate_says_what_it_includes():
    assert words.takes(None, "704 tokens", [None]) == "Duration not known yet, for at most 704 tokens."
    slow = "as fast as measured before; longer while this machine is busy."
    assert words.takes(12, "704 tokens", [0.0]) == f"About 12 s for at most 704 tokens, {slow}"
    assert words.takes(12, "704 tokens", [4.0]) == (
        f"About 12 s for at most 704 tokens and about 4 s to load the weights, {slow}"
    )
    assert words.takes(12, "704 tokens", [0.0, None]) == (
        f"About 12 s for at most 704 tokens, {slow} Loading the weights comes on top."
    )


def test_weights_that_have_to_be_unpacked_are_announced(queue):
    app = open_page("live_lab")  # the cache of a test is empty, and the weights are installed packages
    assert "unpacked once, which takes some seconds" in words_of(app)
    assert "a few seconds" not in words_of(app)
