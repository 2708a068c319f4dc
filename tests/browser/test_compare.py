"""Compare in a real browser: the same axes in every panel, swap, the largest change, the link, narrow and wide."""

import re
from pathlib import Path

from fakes import settled
from playwright.sync_api import expect

BASE, SFT, CONTINUED, DPO = (
    "gemma-3-270m--facts--c168bbdbbe",
    "gemma-3-270m-sft--facts--f56e44327e",
    "gemma-3-270m-sft-continued--facts--fa80ce6958",
    "gemma-3-270m-dpo--facts--2493e7c049",
)
DRAWN = "[...document.querySelectorAll('.js-plotly-plot')].map(plot => plot._fullLayout)"
ROW = 35  # pixels of a row of a table


def axes(page, n: int) -> list[dict]:
    """The ranges of the axes of the n figures that a page has, as Plotly has them after it has drawn."""
    page.locator(".js-plotly-plot .main-svg").nth(3 * n - 1).wait_for()  # Plotly lays three on each other
    return page.evaluate(
        f"() => {DRAWN}.map(layout => Object.fromEntries(Object.entries(layout)"
        ".filter(([name]) => /^[xy]axis/.test(name)).map(([name, axis]) => [name, axis.range])))"
    )


def test_two_models_have_the_same_axes_are_swapped_and_stepped_through(server, new_page):
    page = new_page(f"{server}/compare?runs={BASE},{DPO}")
    settled(page)
    page.get_by_text("question 1 of 627 by size of robust change").wait_for()  # opens with the largest change
    page.get_by_role("heading", name=re.compile(r"^10 → 1 different answers")).wait_for()
    page.get_by_role("radio", name="Map").click()
    first, second, matrix = axes(page, 3)
    assert first == second
    assert matrix["xaxis"] == [-0.5, 19.5]
    page.get_by_role("radio", name="Tokens").click()
    page.get_by_text("How open the next word was").wait_for()
    settled(page)
    (traces,) = axes(page, 1)
    assert (traces["xaxis"], traces["yaxis"]) == (traces["xaxis2"], traces["yaxis2"])
    page.get_by_role("radio", name="Answers").click()

    page.get_by_role("button", name="Swap").click()
    page.get_by_role("heading", name=re.compile(r"^1 → 10 different answers")).wait_for()
    page.wait_for_url(f"**runs={DPO}%2C{BASE}**")
    settled(page)

    table = page.get_by_test_id("stDataFrame").first.bounding_box()
    page.mouse.move(table["x"] + 50, table["y"] + 2.5 * ROW)  # a hand comes from somewhere; the table waits for that
    page.mouse.move(table["x"] + 60, table["y"] + 3.5 * ROW)  # the text of the third row
    page.mouse.down()
    page.mouse.up()
    page.get_by_text("question 3 of 627 by size of robust change").wait_for()
    page.keyboard.press("n")
    page.get_by_text("question 4 of 627 by size of robust change").wait_for()
    page.wait_for_url("**question=**")
    settled(page)
    title = page.locator("h4").last.inner_text()
    again = new_page(page.url)
    again.get_by_text("question 4 of 627 by size of robust change").wait_for()
    settled(again)
    assert again.locator("h4").last.inner_text() == title


def test_four_models_fit_a_phone_in_the_dark_and_lead_to_the_live_lab(server, new_page):
    page = new_page(
        f"{server}/compare?runs={BASE},{SFT},{CONTINUED},{DPO}&question=facts-symbol-003&view=map",
        width=390,
        scheme="dark",
    )
    settled(page)
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow <= 0
    maps = axes(page, 5)[:4]
    assert maps == [maps[0]] * 4
    page.get_by_role("link", name="Ask these models again, now").click()
    page.wait_for_url("**/live_lab?model=gemma-3-270m%2C**")
    question = page.locator("[data-testid=stForm]").get_by_role("textbox")
    expect(question).to_have_value("What symbol do chemists use for silver?")


def test_a_figure_is_downloaded_with_its_title_question_and_recipe_and_the_link_is_copied(server, new_page):
    page = new_page(f"{server}/compare?runs={BASE},{DPO}")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    settled(page)
    page.get_by_role("button", name="Copy link").click()
    assert page.evaluate("navigator.clipboard.readText()") == page.url
    found = {}
    page.get_by_role("button", name="Figure").first.click()
    page.locator("[class*=st-key-image-] .main-svg").first.wait_for()
    for kind in ("PNG", "SVG"):
        with page.expect_download() as download:
            page.get_by_role("button", name=f"Download {kind}").click()
        assert download.value.suggested_filename.endswith(f"10-1-different-answers.{kind.lower()}")
        found[kind] = Path(download.value.path()).read_bytes()
        settled(page)
    assert int.from_bytes(found["PNG"][16:20], "big") == 2200  # the width, twice the size
    words = re.sub(r"<[^>]*>", " ", found["SVG"].decode())
    for part in ("In which country can you see the Forbidden City?", "10 → 1 different answers", "temperature 1"):
        assert part in words
