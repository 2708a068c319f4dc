"""The page Questions under AppTest, on the shipped runs."""

import re

import pytest
from page_testing import SHIPPED, button, html, open_page, words

from homog_core.runs import store, verify


def test_both_models_are_shipped():
    models = {store.open_run(run_id).identity.model for run_id in SHIPPED}
    assert {"gemma-3-270m", "smollm2-135m-instruct"} <= models


@pytest.mark.parametrize("run_id", SHIPPED)
def test_shipped_runs_verify(run_id):
    assert verify.verify(run_id) == []


def test_the_page_opens_with_the_end_of_a_chain_that_has_its_sentences():
    app = open_page("questions")
    assert not app.exception
    assert "gemma-3-270m-dpo · N = 10 · temperature 1" in words(app)
    assert "of 627 questions" in words(app)
    assert "Which city is the capital of Germany?" in words(app)


@pytest.mark.parametrize("run_id", SHIPPED)
def test_questions_page_shows_every_shipped_run(run_id):
    app = open_page("questions", run=run_id)
    assert not app.exception
    assert app.title[0].value == "Questions"
    assert "All answers mean the same on" in words(app)
    assert "Report card" in app.selectbox(key="widget:clusterer").help


@pytest.mark.parametrize(
    ("view", "said"),
    [
        ("answers", "Click an answer"),
        ("tree", "goes on in"),
        ("map", "Where the answers lie"),
        ("tokens", "Inside one answer"),
        ("details", "The exact prompt"),
    ],
)
def test_only_what_is_chosen_of_a_question_is_drawn(view, said):
    shown = words(open_page("questions", run=SHIPPED[0], view=view))
    others = {"Click an answer", "goes on in", "Where the answers lie", "Inside one answer", "The exact prompt"} - {
        said
    }
    assert said in shown
    assert not [other for other in others if other in shown]


def test_questions_page_opens_the_question_and_answer_of_the_url():
    app = open_page("questions", run=SHIPPED[0], question="fact-003", answer="4")
    assert not app.exception
    assert html(app).count("0 nats: certain") == 1  # under the one that is chosen
    app = open_page("questions", run=SHIPPED[0], question="fact-003", answer="4", view="tokens")
    assert "Inside one answer: answer 4" in words(app)


def test_next_goes_to_the_next_question():
    app = open_page("questions", run=SHIPPED[0])
    assert "question 1 of" in words(app)
    button(app, "Next").click().run()
    assert not app.exception
    assert "question 2 of" in words(app)


def test_search_finds_words_of_answers_and_says_when_there_are_none():
    app = open_page("questions", run=SHIPPED[0])
    app.text_input(key="search").set_value("zzzzqqqq").run()
    assert "No question matches" in words(app)
    app.text_input(key="search").set_value("koala").run()
    assert not app.exception
    assert "question 1 of 1" in words(app)


def test_the_threshold_changes_the_clusters_at_once():
    def different(tau: str) -> float:
        said = words(open_page("questions", run=SHIPPED[0], tau=tau))
        return float(re.search(r"\*\*([\d.]+) \[[^]]*\]\*\* different answers", said)[1])

    assert different("0.05") < different("0.99")


@pytest.mark.parametrize("clusterer", ["jaccard", "embedding/minilm", "embedding_masked/minilm"])
def test_every_clusterer_can_be_chosen(clusterer):
    app = open_page("questions", run=SHIPPED[0], clusterer=clusterer)
    assert not app.exception
    assert clusterer.split("/")[0] in words(app)
