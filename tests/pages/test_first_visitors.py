"""Visitors who come to a fresh server by deep links at the same time: each gets the page as app.py shows it."""

import pytest
from page_testing import html, open_page, words
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.scriptrunner import script_runner

from dashboard.page import STYLE


@pytest.fixture(params=["first", "second"])
def visitor(request, monkeypatch):
    """The second has begun before the first was handed over, and goes on when that has happened."""
    begin = script_runner._mpa_v1

    def begin_late(main_script_path):
        PagesManager.uses_pages_directory = False
        begin(main_script_path)

    if request.param == "second":
        monkeypatch.setattr(script_runner, "_mpa_v1", begin_late)


def test_a_job_that_is_not_there_any_more_is_said(visitor):
    app = open_page("live_lab", job="0123456789ab")
    assert not app.exception
    assert "There is no live job '0123456789ab' any more" in words(app)
    assert STYLE in html(app)
