"""Which clusterer a page uses: as the run was scored, unless the URL says otherwise."""

import pytest
from fakes import FAKE_SPEC, TIMEOUT, FakeEncoder, FakeSampler, make_question
from page_testing import in_url, open_page
from streamlit.testing.v1 import AppTest

from dashboard.controls import clusterer_params
from homog_core.measures.clustering import Clusterer
from homog_core.records import Decoding
from homog_core.runs.sample import sample_run
from homog_core.runs.score import score_run

GIVEN = [
    Clusterer("jaccard", 0.55, rule="first_member"),
    Clusterer("nli", 0.0, "deberta", rule="first_member", entailment="either"),
    Clusterer("embedding_masked", 0.31, "minilm"),
]


def controls(given):
    import streamlit as st

    from dashboard.controls import clusterer_controls

    st.session_state["chosen"] = clusterer_controls(given)


def choose(**params):
    app = AppTest.from_function(controls, default_timeout=TIMEOUT, args=(GIVEN,))
    app.query_params.update(params)
    app.run()
    assert not app.exception
    return app, app.session_state["chosen"]


@pytest.mark.parametrize("given", GIVEN, ids=lambda given: given.key)
def test_without_parameters_a_clusterer_stays_as_it_is_given(given):
    app, chosen = choose(clusterer=given.key)

    assert chosen == given
    assert not app.warning


def test_the_url_overrides_threshold_rule_and_entailment():
    assert choose(tau="0.2", rule="components")[1] == Clusterer("jaccard", 0.2, rule="components")
    assert choose(clusterer="nli/deberta", entailment="non_contradiction")[1] == Clusterer(
        "nli", 0.0, "deberta", rule="first_member", entailment="non_contradiction"
    )
    assert choose(clusterer="embedding_masked/minilm", tau="0.9")[1].threshold == 0.9


def test_nonsense_leaves_what_is_given():
    app, chosen = choose(clusterer="nli/deberta", entailment="<b>")
    assert chosen == GIVEN[1]
    assert "\\<b\\>" in app.warning[0].value
    app, chosen = choose(rule="<b>", tau="9")
    assert chosen == GIVEN[0]
    assert "\\<b\\>" in app.warning[0].value


def test_the_report_card_of_the_chosen_clusterer_is_a_tooltip():
    app, _ = choose(clusterer="embedding_masked/minilm", tau="0.9")

    assert "Report card" in app.selectbox(key="widget:clusterer").help
    assert "without function words" in app.selectbox(key="widget:clusterer").help


@pytest.mark.usefixtures("no_shipped_runs")
def test_a_run_is_shown_as_it_was_scored():
    questions = [make_question("q0"), make_question("q1")]
    run = sample_run(FakeSampler({"q0": ("a b", "b c", "a b c")}, FAKE_SPEC), questions, Decoding(n_samples=3), "plain")
    score_run(run.id, [FakeEncoder()], clusterers=[Clusterer("jaccard", 0.25, rule="first_member")])
    app = open_page("questions", run=run.id)

    assert not app.exception
    assert app.selectbox(key="widget:rule").value == "first_member"
    assert app.slider(key="widget:tau").value == 0.25
    assert not in_url(app, "rule")


def test_the_parameters_of_a_clusterer_choose_it():
    judged = Clusterer("nli", 0.0, "judge", entailment="either")
    assert clusterer_params(judged)["entailment"] == "either"
    assert clusterer_params(Clusterer("jaccard", 0.25, rule="first_member")) == {
        "clusterer": "jaccard",
        "tau": "0.25",
        "rule": "first_member",
    }
