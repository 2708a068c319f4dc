"""The dashboard in a real browser (Debian's Chromium): browse, deep links, keyboard, widths.

With the real models. Without a chromium on the machine these tests are skipped.
"""

from urllib.parse import urlsplit

import pytest
from fakes import SHIPPED_RUNS, settled
from playwright.sync_api import expect

MODEL = "smollm2-135m-instruct"
RUN = next(run_id for run_id in SHIPPED_RUNS if run_id.startswith(f"{MODEL}--starter--"))


def test_a_deep_link_is_the_first_thing_a_fresh_server_sees(server, new_page):
    page = new_page(f"{server}/live_lab?model={MODEL}&n=4")
    settled(page)
    page.get_by_role("link", name="Questions").wait_for()
    assert page.get_by_text("app", exact=True).count() == 0  # not Streamlit's own menu of the files in pages/
    assert page.locator("h1").inner_text() == "Live lab"


def test_browse_search_pick_an_answer_and_the_link_reopens_it(server, new_page):
    page = new_page(f"{server}/questions?run={RUN}")
    settled(page)
    page.get_by_label("Search in questions and answers").fill("koala")
    page.keyboard.press("Enter")
    page.get_by_text("question 1 of 1", exact=True).wait_for()
    answers = page.locator("[class*=st-key-inspect-] button")
    settled(page)
    said = answers.nth(2).inner_text()
    answers.nth(2).click()
    page.wait_for_url("**answer=**")
    settled(page)
    chosen = page.locator("[class*=st-key-inspect-] button strong")
    expect(chosen).to_have_text(said)
    expect(page.get_by_text("0 nats: certain")).to_be_in_viewport()  # its tokens stand under it
    again = new_page(page.url)
    again.get_by_role("heading", name="What kind of animal is a koala?").wait_for()
    expect(again.locator("[class*=st-key-inspect-] button strong")).to_have_text(said)


def test_the_keyboard_goes_to_the_next_question(server, new_page):
    page = new_page(f"{server}/questions?run={RUN}")
    settled(page)
    page.get_by_text("question 1 of", exact=False).wait_for()
    page.locator(".js-plotly-plot").first.wait_for()
    page.keyboard.press("n")
    page.get_by_text("question 2 of", exact=False).wait_for()


def test_a_page_is_come_back_to_as_it_was_left_and_by_its_link(server, new_page):
    page = new_page(f"{server}/methods?term=auroc")
    settled(page)
    page.get_by_role("button", name="Show all words").click()
    page.get_by_text("Show the code of the examples").click()
    page.get_by_label("Search").fill("jaccard")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{server}/methods?code=true&q=jaccard")
    page.get_by_role("link", name="Runs").click()
    page.get_by_role("heading", name="Runs", exact=True).wait_for()
    page.get_by_role("link", name="Methods").click()
    for shown in (page, new_page(f"{server}/methods?code=true&q=jaccard")):
        expect(shown.get_by_role("textbox", name="Search")).to_have_value("jaccard")
        expect(shown.get_by_label("Show the code of the examples")).to_be_checked()
        shown.wait_for_url(lambda url: sorted(urlsplit(url).query.split("&")) == ["code=true", "q=jaccard"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280, 1920])
@pytest.mark.parametrize("path", ["", "questions", "live_lab", "fair_draws"])
def test_pages_fit_their_width_in_both_themes(server, new_page, path, width, scheme):
    page = new_page(f"{server}/{path}", width=width, scheme=scheme)
    settled(page)
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow <= 0
