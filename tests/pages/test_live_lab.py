"""The page Live lab under AppTest: what can be chosen, without a model being loaded."""

from page_testing import button, open_page, words
from streamlit.testing.v1 import AppTest


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
