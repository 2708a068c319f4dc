"""The dashboard in a real browser (Debian's Chromium): browse, deep links, live sampling, stop, queue, reload.

With the real models. Without a chromium on the machine these tests are skipped.
"""

import pytest
from fakes import SECOND, SHIPPED_RUNS, settled
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
    page.get_by_role("button", name="Answer 4", exact=True).click()
    page.get_by_text("Inside one answer: answer 4").wait_for()
    page.wait_for_url("**answer=4**")
    again = new_page(f"{server}/questions?run={RUN}&question=misconception-001&answer=4")
    again.get_by_text("Inside one answer: answer 4").wait_for()
    again.get_by_role("heading", name="What kind of animal is a koala?").wait_for()
    again.locator(".js-plotly-plot").nth(3).wait_for()  # strip, map, matrix, trace


def test_the_keyboard_goes_to_the_next_question(server, new_page):
    page = new_page(f"{server}/questions?run={RUN}")
    settled(page)
    page.get_by_text("question 1 of", exact=False).wait_for()
    page.locator(".js-plotly-plot").nth(3).wait_for()
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
        expect(shown.get_by_role("textbox", name="Search")).to_have_value("jaccard", timeout=30 * SECOND)
        expect(shown.get_by_label("Show the code of the examples")).to_be_checked()
        assert shown.url == f"{server}/methods?code=true&q=jaccard"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280, 1920])
@pytest.mark.parametrize("path", ["", "questions", "live_lab", "fair_draws"])
def test_pages_fit_their_width_in_both_themes(server, new_page, path, width, scheme):
    page = new_page(f"{server}/{path}", width=width, scheme=scheme)
    settled(page)
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow <= 0


def test_live_sampling_streams_clusters_survives_a_reload_and_is_kept(server, new_page):
    page = new_page(f"{server}/live_lab?model={MODEL}&question=fact-001&n=5&l=24")
    settled(page)
    page.get_by_role("button", name="Sample").click()
    page.get_by_text("answers finished").wait_for()
    page.locator("text=Answer 5").first.wait_for()
    page.wait_for_url("**job=**")
    page.reload()
    keep = page.get_by_role("button", name="Keep as a run")
    keep.wait_for()
    page.get_by_text("5 answers,", exact=False).first.wait_for()
    page.locator(".js-plotly-plot").nth(3).wait_for()
    keep.click()
    page.get_by_role("link", name=f"Kept. Open {MODEL} under Questions").click()
    page.get_by_text("question 1 of 1", exact=True).wait_for()


def test_a_training_chain_is_sampled_stage_by_stage_on_a_typed_question(server, new_page):
    chain = ("gemma-3-270m", "gemma-3-270m-sft", "gemma-3-270m-dpo")
    page = new_page(
        f"{server}/live_lab?model={chain[-1]}&dataset=typed&n=4&l=16&ask=Who%20painted%20the%20Mona%20Lisa%3F"
    )
    settled(page)
    page.get_by_role("button", name="Choose the whole chain").click()
    page.wait_for_url(f"**{chain[0]}%2C{chain[1]}**")
    page.get_by_role("button", name="Choose the whole chain").wait_for(state="detached")  # drawn again, whole
    settled(page)
    page.get_by_role("button", name="Sample").click()
    page.get_by_text("different answers along").wait_for(timeout=240_000)  # three models on a busy machine
    for stage in chain:
        page.get_by_role("heading", name=f"{stage}: 4 answers").wait_for()
    page.get_by_role("button", name="Keep as a run").click()
    for stage in chain:
        page.get_by_role("link", name=f"Kept. Open {stage} under Questions", exact=True).wait_for()


def test_stop_works_and_a_second_browser_waits_its_turn(server, new_page):
    first = new_page(f"{server}/live_lab?model={MODEL}&question=fact-002&n=50&l=256")
    settled(first)
    first.get_by_role("button", name="Sample").click()
    first.get_by_text("answers finished").wait_for()
    second = new_page(f"{server}/live_lab?model={MODEL}&question=fact-003&n=2&l=4")
    settled(second)
    second.get_by_role("button", name="Sample").click()
    second.get_by_text("Somebody else is sampling").wait_for()
    first.get_by_role("button", name="Stop").click()
    first.get_by_text("Stopped. The answers so far").wait_for()
    assert first.get_by_role("button", name="Keep as a run").count() == 0  # only a finished job can be kept
    second.get_by_role("button", name="Keep as a run").wait_for()
