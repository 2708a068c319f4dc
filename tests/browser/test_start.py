"""Start here and Methods in a real browser: the whole story by keyboard in presenting mode, on screens of all sizes."""

import re

import pytest
from fakes import settled

TITLES = (
    "Ask the same question ten times",
    "After aligning, the answers fall into piles",
    "Roll a die: every answer should be equally likely",
    "When every answer is the same, asking again tells you nothing",
    "The hesitation may still be inside the answer",
    "What to do about it, and whether it helps",
)
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
LEFT_BELOW = (
    "(() => { const m = document.querySelector('[data-testid=stMain]'); return m.scrollHeight - m.clientHeight })()"
)


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (1280, 720)])
def test_the_whole_story_by_keyboard_in_presenting_mode(server, new_page, width, height):
    page = new_page(f"{server}/?present=1", width=width)
    page.set_viewport_size({"width": width, "height": height})
    page.get_by_role("heading", name=TITLES[0]).wait_for()
    page.get_by_text(re.compile(r"We asked the same question 10 times\. The base model gave \d+ different")).wait_for()
    page.get_by_test_id("stHeader").wait_for(state="hidden")
    for step, title in enumerate(TITLES, start=1):
        page.get_by_role("heading", name=title, exact=True).wait_for()
        page.get_by_text(f"{step} of 6", exact=True).wait_for()
        settled(page)
        buttons = page.get_by_role("button").filter(visible=True)
        assert [name.split("\n")[0] for name in buttons.all_inner_texts()] == ["Previous", "Next"]
        assert page.locator(".js-plotly-plot").count() <= 1
        assert page.evaluate(OVERFLOW) <= 0
        assert page.evaluate(LEFT_BELOW) <= 0, f"step {step} is higher than a projector"
        page.keyboard.press("ArrowRight")
    page.get_by_text("better than guessing").first.wait_for()  # it ends at the sixth
    page.keyboard.press("ArrowLeft")
    page.get_by_role("heading", name=TITLES[4], exact=True).wait_for()
    page.wait_for_url("**step=5**")
    page.keyboard.press("Escape")
    page.get_by_role("heading", name="Start here").wait_for()
    page.get_by_test_id("stHeader").wait_for()


def test_every_step_fits_a_phone_and_leads_onward(server, new_page):
    page = new_page(server, width=390, scheme="dark")
    for step, title in enumerate(TITLES, start=1):
        page.get_by_role("heading", name=title, exact=True).wait_for()
        settled(page)
        assert page.evaluate(OVERFLOW) <= 0
        if step < len(TITLES):
            page.get_by_role("button", name="Next").click()
    page.get_by_role("link", name="Both models on this question").click()
    page.wait_for_url("**/compare?**question=**")
    page.go_back()
    page.get_by_role("heading", name=TITLES[-1], exact=True).wait_for()


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1280, "dark")])
def test_a_word_by_its_link_and_its_slider_by_keyboard(server, new_page, width, scheme):
    page = new_page(f"{server}/methods?term=auroc&separation=0", width=width, scheme=scheme)
    page.get_by_role("heading", name="of 64 pairs: AUROC 0.50").wait_for()
    page.get_by_role("slider").focus()
    page.keyboard.press("ArrowRight")
    page.get_by_role("heading", name=re.compile(r"AUROC 0\.(5[1-9]|6)")).wait_for()
    assert page.evaluate(OVERFLOW) <= 0
    page.get_by_label("Search").fill("kernel_language_entropy")
    page.keyboard.press("Enter")
    page.get_by_text("von Neumann entropy").wait_for()
    settled(page)
    tables = "[...document.querySelectorAll('.st-key-handbook table')]"
    inside = f"{tables}.every(table => table.scrollWidth <= table.clientWidth + 1)"
    assert page.evaluate(inside), "a table is wider than its place"
    assert page.evaluate(OVERFLOW) <= 0
