"""Runs of public studies on the pages: marked, never the first choice, and whole where their files are."""

import pytest
from page_testing import button, open_page, words

from homog_core.runs import studies
from homog_core.runs.store import open_run
from homog_core.wording.studies import MARK

BASE, ZEPHYR = "mistral-7b-v0.1--open-questions--2cca2f8386", "zephyr-7b-beta--open-questions--9626993688"
WHOSE = MARK[0].upper() + MARK[1:]


@pytest.mark.parametrize("page", ["alignment_tax", "compare", "questions"])
def test_no_page_opens_with_a_study(page):
    assert WHOSE not in words(open_page(page))


@pytest.mark.parametrize(
    ("page", "params", "said"),
    [
        ("alignment_tax", {"dataset": "open-questions"}, "with the base model, 2 %"),
        ("alignment_tax", {"dataset": "open-questions", "view": "models", "chart": "between"}, "are not stored with"),
        ("compare", {"runs": f"{BASE},{ZEPHYR}", "level": "all"}, "of the questions"),
        ("compare", {"runs": f"{BASE},{ZEPHYR}"}, "different answers"),
        ("questions", {"run": ZEPHYR}, "of 50 questions"),
        ("questions", {"run": ZEPHYR, "view": "details"}, "not shipped"),
        ("map", {"runs": ZEPHYR}, "are not stored with the run"),
        ("alignment_tax", {"dataset": "novelty-bench", "view": "models"}, "to 81 % (gemma-3-27b-it"),
        ("runs", {"run": ZEPHYR}, "study get zephyr-chain"),
    ],
)
def test_a_study_shows_its_figures_and_whose_they_are(page, params, said):
    app = open_page(page, **params)
    assert not app.exception
    everything = words(app) + "\n".join(code.value for code in app.code)
    assert said in everything
    if page != "map":
        assert MARK in everything.lower() or page == "runs"


def test_stand_ins_of_different_models_are_never_compared():
    app = open_page("alignment_tax", dataset="novelty-bench", view="models", chart="between")
    assert not app.exception
    assert "are not stored with the run" in words(app)
    assert button(app, "Get the sentences")
    assert "cells" not in app.query_params


def test_the_button_brings_the_sentences_where_the_files_are():
    if studies.at_hand(*studies.file_of(open_run(ZEPHYR))) is None:
        pytest.skip("the study's files are not on this machine")
    app = open_page("questions", run=ZEPHYR)
    assert "What medicine should I take when I get a cold?" not in words(app)
    button(app, "Get the sentences").click().run()
    assert not app.exception
    assert "What medicine should I take when I get a cold?" in words(app)
    assert not [one for one in app.button if "Get the sentences" in one.label]
