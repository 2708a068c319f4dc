"""Start here under AppTest: the six steps, presenting mode, and what is there when the runs are not."""

import pytest
from fakes import FakeEncoder, FakeSampler
from page_testing import button, html, open_page, words

from homog_core import files
from homog_core.analysis import story
from homog_core.catalogue.datasets import FIRST_DATASET
from homog_core.records import Decoding, ModelSpec, Question
from homog_core.runs import store, write
from homog_core.runs.sample import sample_run
from homog_core.runs.score import score_run

LEAD = "We asked the same question 10 times. The base model gave"


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("1", LEAD),
        ("2", LEAD),
        ("3", "roll a die"),
        ("4", "no signal: all scores tie"),
        ("5", "entropy"),
        ("6", "Is it worth it?"),
    ],
)
@pytest.mark.parametrize("present", ["0", "1"])
def test_every_step_says_what_it_is_for(step, said, present):
    app = open_page("start", step=step, present=present)

    assert not app.exception
    assert not app.error
    assert said in words(app)
    assert f"{step} of 6" in words(app)
    assert bool(app.get("popover")) == (present == "0" and step in "23456")


def test_the_page_says_what_is_measured_and_what_was_published():
    shown = words(open_page("start", step="6"))

    assert "very small" in shown
    assert "varies from model to model" in shown
    assert "Published by others" in shown
    assert "Measured here" in shown


def test_ten_answers_are_ten_cards():
    cards = html(open_page("start"))

    assert all(f"Answer {i}<" in cards for i in range(1, 11))


def test_the_buttons_turn_the_pages_and_stop_at_the_ends():
    app = open_page("start")
    assert app.button(key="previous").disabled
    for step in range(2, 7):
        app.button(key="next").click().run()
        assert f"{step} of 6" in words(app)
    assert app.button(key="next").disabled
    app.button(key="previous").click().run()
    assert app.query_params["step"] == "5"


def test_presenting_can_be_entered_and_left_and_has_nothing_but_the_steps():
    app = open_page("start", step="2")
    button(app, "Present").click().run()
    assert app.query_params["present"] == "1"
    assert app.title[0].value == "After aligning, the answers fall into piles"
    assert {one.label for one in app.button} == {"Previous", "Next", "Leave"}  # the last is not shown
    assert not app.expander
    app.button(key="leave").click().run()
    assert app.title[0].value == "Start here"


@pytest.mark.parametrize("present", ["0", "1"])
def test_what_qualifies_a_claim_is_said_on_a_projector_too(present):
    asking, inside = (words(open_page("start", step=step, present=present)) for step in "45")

    assert "all questions: 59 of 100 pairs [52, 66], better than guessing" in asking
    assert "with one pile 86 % (192 of 224) of the answers are right, with several 41 % (166 of 403)" in asking
    assert "Among questions of any kind it is 80 of 100 pairs" in asking
    assert "What is the capital of Spain?" in asking
    assert "another set of questions, WebQuestions" in inside
    for step in "124":
        assert "Right would be: **67**" in words(open_page("start", step=step, present=present))


def test_without_runs_the_page_says_where_to_go(no_shipped_runs):
    app = open_page("start")

    assert not app.exception
    assert "are not here" in words(app)


def store_runs(score=True):
    answers = {story.BASE: ("red fox", "blue whale", "grey seal"), story.ALIGNED: ("red *fox* <b>",)}
    for key, said in answers.items():
        questions = [Question(f"q{i}", FIRST_DATASET, f"What is *{i}*?", ("blue",)) for i in range(3)]
        sampler = FakeSampler({q.id: said for q in questions}, ModelSpec(key, "nobody/fake", stage="base"))
        run = sample_run(sampler, questions, Decoding(n_samples=3), "plain")
        if score:
            score_run(run.id, [FakeEncoder()])


@pytest.mark.parametrize("step", ["1", "2", "3", "4", "5", "6"])
def test_small_runs_of_strange_text_are_told_too(no_shipped_runs, step):
    store_runs()
    app = open_page("start", step=step)

    assert not app.exception
    assert not app.error
    assert "<b>" not in html(app)


def test_unscored_runs_get_a_sentence(no_shipped_runs):
    store_runs(score=False)
    app = open_page("start")

    assert not app.exception
    assert "homog_core score" in app.error[0].value.replace("\\", "")


def test_a_run_that_is_being_written_is_not_told(no_shipped_runs):
    store_runs()
    pair = story.find_pair(store.list_runs())
    with write.write_run(pair.base.identity, pair.base.provenance, []) as writer:
        writer.update(status="sampling")

    assert "are not here" in words(open_page("start"))


def test_the_shipped_runs_tell_it():
    assert story.find_pair([run for run in store.list_runs() if run.folder.parent == files.SHIPPED / "runs"])


def test_the_second_step_can_be_a_tree_and_names_the_control():
    shown = words(open_page("start", step="2", **{"as": "tree"}))

    assert "gemma-3-270m goes on in" in shown
    assert "A control was trained on the same good answers" in shown
    assert "In 3 trainings it gives one single answer to 19 %" in shown


def test_a_die_is_thrown_by_both_models():
    shown = words(open_page("start", step="3"))

    assert "gemma-3-270m-dpo says “6” in" in shown
    assert "And other lists?" in shown
