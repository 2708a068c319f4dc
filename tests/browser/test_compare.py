"""Compare in a real browser: the same axes in every panel, swap, the largest change, the link, narrow and wide."""

import re

from fakes import settled

BASE, SFT, CONTINUED, DPO = (
    "gemma-3-270m--facts--c168bbdbbe",
    "gemma-3-270m-sft--facts--f56e44327e",
    "gemma-3-270m-sft-continued--facts--fa80ce6958",
    "gemma-3-270m-dpo--facts--2493e7c049",
)
DRAWN = "[...document.querySelectorAll('.js-plotly-plot')].map(plot => plot._fullLayout)"
STRIPS, TREE, SECOND_TREE, FIRST_MAP, SECOND_MAP, MATRIX, TRACES, SLOPES = range(8)  # in the order of the page
ROW = 35  # pixels of a row of a table


def axes(page, plot: int) -> dict:
    """The ranges of a drawn figure's axes, as Plotly has them after it has drawn."""
    page.locator(".js-plotly-plot").nth(SLOPES).wait_for()
    return page.evaluate(
        f"(i) => Object.fromEntries(Object.entries({DRAWN}[i]).filter(([name]) => /^[xy]axis/.test(name))"
        ".map(([name, axis]) => [name, axis.range]))",
        plot,
    )


def test_two_models_have_the_same_axes_are_swapped_and_stepped_through(server, new_page):
    page = new_page(f"{server}/compare?runs={BASE},{DPO}")
    settled(page)
    page.get_by_text("question 1 of 627 by size of robust change").wait_for()  # opens with the largest change
    page.get_by_role("heading", name=re.compile(r"^10 → 1 different answers$")).wait_for()
    assert axes(page, FIRST_MAP) == axes(page, SECOND_MAP)
    traces = axes(page, TRACES)
    assert (traces["xaxis"], traces["yaxis"]) == (traces["xaxis2"], traces["yaxis2"])
    assert axes(page, MATRIX)["xaxis"] == [-0.5, 19.5]

    page.get_by_role("button", name="Swap").click()
    page.get_by_role("heading", name=re.compile(r"^1 → 10 different answers$")).wait_for()
    page.wait_for_url(f"**runs={DPO}%2C{BASE}**")
    settled(page)
    assert axes(page, FIRST_MAP) == axes(page, SECOND_MAP)

    table = page.get_by_test_id("stDataFrame").first.bounding_box()
    page.mouse.click(table["x"] + 20, table["y"] + 3.5 * ROW)  # the third row
    page.get_by_text("question 3 of 627 by size of robust change").wait_for()
    page.keyboard.press("n")
    page.get_by_text("question 4 of 627 by size of robust change").wait_for()
    page.wait_for_url("**question=**")
    settled(page)
    title = page.locator("h3").first.inner_text()
    again = new_page(page.url)
    again.get_by_text("question 4 of 627 by size of robust change").wait_for()
    assert again.locator("h3").first.inner_text() == title


def test_four_models_fit_a_phone_in_the_dark_and_lead_to_the_live_lab(server, new_page):
    page = new_page(
        f"{server}/compare?runs={BASE},{SFT},{CONTINUED},{DPO}&question=facts-symbol-003", width=390, scheme="dark"
    )
    settled(page)
    page.get_by_text("of 42 differences are larger than chance alone would give").wait_for()
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow <= 0
    first = FIRST_MAP + 2  # after two more trees
    ranges = [axes(page, plot) for plot in range(first, first + 4)]
    assert ranges == [ranges[0]] * 4
    page.get_by_role("link", name="Ask these models again, now").click()
    page.wait_for_url("**/live_lab?model=gemma-3-270m%2C**")
    page.get_by_text("What symbol do chemists use for silver?").wait_for()
