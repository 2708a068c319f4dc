"""The page Fair draws, on the shipped sets and without any."""

import pytest
from page_testing import in_url, open_page, words

from homog_core.runs.draw_sets import DrawSet, StoredDraw, list_draws, write_draws


def test_it_opens_with_the_chain_and_a_die():
    app = open_page("fair_draws")
    assert not app.exception
    assert not app.warning
    assert app.selectbox[0].value == "die"
    assert "a fair draw in 17 %" in words(app)
    assert "On average gemma-3-270m (base) draws as if from" in words(app)
    assert len(app.multiselect[0].value) == 4


@pytest.mark.parametrize("name", ["coin", "number from 1 to 100", "letter"])
def test_every_list_opens_by_its_link(name):
    app = open_page("fair_draws", draw=name)
    assert not app.exception
    assert in_url(app, "draw") == name


def test_another_prompt_and_models_are_in_the_url():
    few = next(found.id for found in list_draws()[0] if found.prompt_style == "few_shot")
    app = open_page("fair_draws", sets=few)
    assert not app.exception
    assert "few-shot prompt" in words(app)


def test_without_draws_it_says_how_to_compute_some(no_shipped_runs):
    assert "homog_core draws --model" in words(open_page("fair_draws"))


def test_files_that_do_not_read_are_counted(no_shipped_runs):
    coin = StoredDraw("coin", ("heads", "tails"), ("Flip.",), ((0.0, 0.0),), (0.0,))
    path = write_draws(DrawSet("m", "r", "float32", "plain", "", None, None, "2026-01-01", "CPU", (coin,)))
    path.with_name("other.json").write_text("{}")
    app = open_page("fair_draws")
    assert not app.exception
    assert "m names none of them" in words(app)
    assert "1 file in" in words(app)
