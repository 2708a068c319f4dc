"""Every page under AppTest, from app.py, on the shipped runs: no exception, and friendly words for nonsense."""

import pytest
from page_testing import SHIPPED, open_page, words
from streamlit.testing.v1 import AppTest

from homog_core.runs import store, verify


def test_both_models_are_shipped():
    models = {store.open_run(run_id).identity.model for run_id in SHIPPED}
    assert {"gemma-3-270m", "smollm2-135m-instruct"} <= models


@pytest.mark.parametrize("run_id", SHIPPED)
def test_shipped_runs_verify(run_id):
    assert verify.verify(run_id) == []


@pytest.mark.parametrize("run_id", SHIPPED)
def test_questions_page_shows_every_shipped_run(run_id):
    app = open_page("pages/questions.py", run=run_id)
    assert not app.exception
    assert app.title[0].value == "Questions"
    assert "Report card" in words(app)
    assert app.metric[0].label == "Questions with a single cluster"


def test_questions_page_opens_the_question_and_answer_of_the_url():
    app = open_page("pages/questions.py", run=SHIPPED[0], question="fact-003", answer="4")
    assert not app.exception
    assert "Inside one answer: answer 4" in words(app)


def test_next_goes_to_the_next_question():
    app = open_page("pages/questions.py", run=SHIPPED[0])
    assert "question 1 of" in words(app)
    next(button for button in app.button if button.label == "Next").click().run()
    assert not app.exception
    assert "question 2 of" in words(app)


def test_search_finds_words_of_answers_and_says_when_there_are_none():
    app = open_page("pages/questions.py", run=SHIPPED[0])
    app.text_input(key="search").set_value("zzzzqqqq").run()
    assert "No question matches" in words(app)
    app.text_input(key="search").set_value("koala").run()
    assert not app.exception
    assert "question 1 of 1" in words(app)


def test_the_threshold_changes_the_clusters_at_once():
    app = open_page("pages/questions.py", run=SHIPPED[0], tau="0.05")
    loose = float(app.metric[1].value)
    strict = float(open_page("pages/questions.py", run=SHIPPED[0], tau="0.99").metric[1].value)
    assert loose < strict


@pytest.mark.parametrize("clusterer", ["jaccard", "embedding/minilm", "embedding_masked/minilm"])
def test_every_clusterer_can_be_chosen(clusterer):
    app = open_page("pages/questions.py", run=SHIPPED[0], clusterer=clusterer)
    assert not app.exception
    assert clusterer.split("/")[0] in words(app)


def test_nonsense_in_the_url_gets_sentences_and_no_traceback():
    app = open_page(
        "pages/questions.py", run="../../etc", question="<b>no</b>", answer="x", clusterer="1", tau="nan", rule="?"
    )
    assert not app.exception
    assert len(app.warning) >= 2
    assert any("\\<b\\>" in warning.value for warning in app.warning)  # shown as it is, not as HTML


def test_live_lab_opens_without_a_model_being_loaded():
    app = open_page("pages/live_lab.py", model="gemma-3-270m")
    assert not app.exception
    assert app.title[0].value == "Live lab"
    assert "press Sample" in words(app)


def test_live_lab_says_so_when_a_job_is_gone():
    app = open_page("pages/live_lab.py", job="nothing")
    assert not app.exception
    assert "sample the question again" in words(app)


def test_live_lab_with_nonsense_in_the_url_falls_back_to_defaults():
    app = open_page("pages/live_lab.py", model="?", dataset="?", n="0", t="-1", l="9999999", seed="x", prompt="?")
    assert not app.exception
    assert {slider.label: slider.value for slider in app.slider}["Answers (N)"] == 10


def chosen_models(app: AppTest) -> list[str]:
    return app.multiselect(key="widget:model").value


def test_several_models_are_chosen_by_the_url():
    app = open_page("pages/live_lab.py", model="gemma-3-270m,gemma-3-270m-dpo")
    assert not app.exception
    assert chosen_models(app) == ["gemma-3-270m", "gemma-3-270m-dpo"]


def test_the_whole_chain_of_a_model_is_one_click_away():
    app = open_page("pages/live_lab.py", model="gemma-3-270m-dpo")
    next(button for button in app.button if "base → sft → dpo" in button.label).click().run()
    assert not app.exception
    assert chosen_models(app) == ["gemma-3-270m", "gemma-3-270m-sft", "gemma-3-270m-dpo"]
    assert "gemma-3-270m,gemma-3-270m-sft,gemma-3-270m-dpo" in app.query_params["model"]
    assert not [button for button in app.button if "chain" in button.label]


def test_unknown_models_in_the_url_are_named_and_left_out():
    app = open_page("pages/live_lab.py", model="<b>,gemma-3-270m,,gemma-3-270m")
    assert not app.exception
    assert chosen_models(app) == ["gemma-3-270m"]
    assert any("\\<b\\>" in warning.value for warning in app.warning)


def test_without_a_model_nothing_can_be_sampled():
    app = open_page("pages/live_lab.py", model="gemma-3-270m")
    app.multiselect(key="widget:model").set_value([]).run()
    assert not app.exception
    assert next(button for button in app.button if button.label == "Sample").disabled


def test_a_typed_question_is_offered():
    app = open_page("pages/live_lab.py", dataset="typed", ask="Why is *this* <b>so</b>?")
    assert not app.exception
    assert not next(button for button in app.button if button.label == "Sample").disabled
