"""The Live lab in a real browser, with the real models: ask, watch, stop, keep, come back."""

import re

import pytest
from browser.test_axe import AXE
from fakes import settled
from playwright.sync_api import expect

SMALL = "smollm2-135m-instruct"
BASE, SFT, DPO = "gemma-3-270m", "gemma-3-270m-sft", "gemma-3-270m-dpo"
TYPES = "[...document.querySelectorAll('.js-plotly-plot')].map(plot => plot._fullData.map(trace => trace.type))"
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def press_sample(page) -> None:
    page.get_by_role("button", name="Sample").click()


def is_over(page) -> None:
    page.get_by_role("button", name="Keep as").wait_for()
    settled(page)


def test_the_first_click_counts_while_the_box_has_the_focus_and_goes_to_the_answers(server, new_page):
    page = new_page(f"{server}/live_lab?dataset=typed&n=4&l=8")
    settled(page)
    form = page.locator("[data-testid=stForm]")
    assert form.bounding_box()["y"] < 300
    form.get_by_role("textbox").press_sequentially("Who painted the Mona Lisa?")
    press_sample(page)  # at once: the box still has the focus
    page.wait_for_url("**job=**")
    assert "ask=Who+painted+the+Mona+Lisa%3F" in page.url
    page.get_by_role("button", name="Stop").wait_for()
    expect(page.locator(".st-key-live-job")).to_be_in_viewport()
    page.wait_for_function("document.querySelector('[data-testid=stMain]').scrollTop > 100")
    page.locator("[data-testid=stMain]").evaluate("main => main.scrollTo(0, 0)")
    is_over(page)  # after many polls
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollTop") == 0
    page.get_by_role("heading", name="Who painted the Mona Lisa?").wait_for()


def test_enter_asks_too(server, new_page):
    page = new_page(f"{server}/live_lab?model={SMALL}&dataset=typed&n=2&l=4")
    settled(page)
    page.locator("[data-testid=stForm]").get_by_role("textbox").press_sequentially("Why?")
    page.keyboard.press("Enter")
    page.wait_for_url("**job=**")
    is_over(page)


def test_a_model_that_is_typed_in_is_not_lost_by_the_click_either(server, new_page):
    page = new_page(f"{server}/live_lab?model=another%20model&question=fact-001&n=2&l=4")
    settled(page)
    page.get_by_label("Hub id, local folder or GGUF file").press_sequentially(SMALL)
    press_sample(page)
    page.wait_for_url("**job=**")
    is_over(page)


def test_the_form_is_low_and_the_results_begin_on_the_first_screen(server, new_page):
    page = new_page(f"{server}/live_lab")
    settled(page)
    page.get_by_text("CPU").first.wait_for()
    first, button = page.get_by_text("Models, side by side").bounding_box(), page.get_by_text("Settings").bounding_box()
    assert button["y"] + button["height"] - first["y"] < 300
    info = page.get_by_text("Press Sample.").bounding_box()
    assert info["y"] < 500


def test_columns_of_base_and_aligned_grow_together_are_stopped_and_say_why_they_are_not_kept(server, new_page):
    page = new_page(f"{server}/live_lab?question=fact-001&n=10&l=256&t=2")
    settled(page)
    press_sample(page)
    page.get_by_text("of 10 answers finished").nth(1).wait_for()
    both = """() => {
        const columns = [...document.querySelectorAll('.st-key-live-job [data-testid=stColumn]')];
        const going = columns.filter(column => /[1-9] tokens/.test(column.innerText) && /▍/.test(column.innerText));
        return going.length === 2;
    }"""
    page.wait_for_function(both)  # tokens in both, and neither has ended
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("Stopped. Answers so far are below.").wait_for()
    settled(page)
    assert page.get_by_role("button", name="Keep").count() == 0
    page.get_by_text(f"{BASE} and {DPO} cannot be kept as runs").wait_for()
    for model in (BASE, DPO):
        page.get_by_text(model, exact=True).first.wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_has_ended_is_read_view_by_view_and_kept_and_found_again(server, new_page, scheme):
    page = new_page(f"{server}/live_lab?question=fact-00{1 if scheme == 'light' else 2}&n=3&l=8", scheme=scheme)
    settled(page)
    press_sample(page)
    is_over(page)
    page.reload()
    is_over(page)
    for view, sign in (("Tree", "goes on in"), ("Map", "apart on average"), ("Tokens", "Inside one answer")):
        page.get_by_role("radiogroup").get_by_text(view, exact=True).click()
        page.get_by_text(sign).first.wait_for()
        settled(page)
        page.wait_for_url(f"**view={view.lower()}**")
        page.evaluate("document.activeElement.blur()")  # Streamlit's own colours of what has the focus, or is hovered
        page.mouse.move(0, 0)
        settled(page)
        page.evaluate(AXE)
        found = page.evaluate("() => axe.run({resultTypes: ['violations']})")
        assert [v["id"] for v in found["violations"] if v["impact"] in ("serious", "critical")] == []
    page.get_by_role("button", name="Keep as runs").click()
    page.get_by_role("link", name=f"Kept. Open {DPO} under Questions", exact=True).wait_for()
    page.get_by_role("link", name=f"Kept. Open {BASE} under Questions", exact=True).click()
    page.wait_for_url("**/questions?run=**")
    page.get_by_text("question 1 of 1", exact=True).wait_for()


def test_a_job_survives_a_reload_and_fits_a_phone(server, new_page):
    page = new_page(f"{server}/live_lab?question=fact-003&n=10&l=32", width=390)
    settled(page)
    press_sample(page)
    page.get_by_text("of 10 answers finished").nth(1).wait_for()
    assert page.evaluate(OVERFLOW) <= 0
    page.wait_for_url("**job=**")
    page.reload()
    is_over(page)
    assert page.evaluate(OVERFLOW) <= 0


def test_a_training_chain_is_sampled_stage_beside_stage(server, new_page):
    page = new_page(f"{server}/live_lab?model={DPO}&question=fact-004&n=4&l=16")
    settled(page)
    page.get_by_role("button", name="Choose the whole chain").click()
    page.wait_for_url(f"**{BASE}%2C{SFT}**")
    page.get_by_role("button", name="Choose the whole chain").wait_for(state="detached")  # drawn again, whole
    settled(page)
    press_sample(page)
    page.get_by_text("different answers along").wait_for()
    assert page.get_by_text("All 4 answers finished.").count() == 3


def test_stop_works_and_a_second_browser_waits_its_turn(server, new_page):
    first = new_page(f"{server}/live_lab?model={SMALL}&question=fact-002&n=50&l=256")
    settled(first)
    press_sample(first)
    first.get_by_text("answers finished").wait_for()
    second = new_page(f"{server}/live_lab?model={SMALL}&question=fact-003&n=2&l=4")
    settled(second)
    press_sample(second)
    second.get_by_text("Somebody else is sampling").wait_for()
    first.get_by_role("button", name="Stop").click()
    first.get_by_text("Stopped. Answers so far are below.").wait_for()
    assert first.get_by_role("button", name="Keep as a run").count() == 0  # only a finished model can be kept
    is_over(second)


def test_the_drawer_stays_open_while_its_label_changes(server, new_page):
    page = new_page(f"{server}/live_lab")
    settled(page)
    page.get_by_role("button", name="Settings").click()
    slider = page.get_by_role("slider", name=re.compile("Temperature"))
    slider.press("ArrowLeft")
    page.get_by_role("button", name="Settings: temperature 0.95").wait_for()
    settled(page)
    expect(slider).to_be_visible()
    page.wait_for_url("**t=0.95**")


def test_a_die_is_rolled_live_by_base_and_aligned_model_side_by_side(server, new_page):
    page = new_page(f"{server}/live_lab?dataset=draws&question=draw-die-1&n=4&l=8")
    settled(page)
    press_sample(page)
    page.get_by_text("a fair draw in 17 %").wait_for()  # the exact bars come first
    page.get_by_text("different answers along").wait_for()
    settled(page)
    exact = next(kinds for kinds in page.evaluate(TYPES) if "bar" in kinds)
    assert exact.count("bar") == 2
