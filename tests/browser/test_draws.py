"""Fair draws and the tree of answers in a real browser."""

from fakes import settled

BASE, DPO = "gemma-3-270m--facts--c168bbdbbe", "gemma-3-270m-dpo--facts--2493e7c049"
TYPES = "[...document.querySelectorAll('.js-plotly-plot')].map(plot => plot._fullData.map(trace => trace.type))"


def test_another_draw_is_chosen_and_shared_by_its_link(server, new_page):
    page = new_page(f"{server}/fair_draws?draw=weekday")
    settled(page)
    title = page.get_by_text("a fair draw in 14 %")
    title.wait_for()
    assert "Monday" in title.inner_text()
    page.get_by_role("link", name="Ask for it now").click()
    page.wait_for_url("**/live_lab?dataset=draws**")


def test_the_tree_of_answers_stands_under_both_models_on_a_phone_too(server, new_page):
    page = new_page(f"{server}/compare?runs={BASE},{DPO}&question=facts-capital-025&view=tree", width=390)
    settled(page)
    page.get_by_role("heading", name="gemma-3-270m-dpo goes on in 2 ways").wait_for()
    # a narrow window is loaded once more, with figures for it
    page.wait_for_function(f"() => {TYPES}.filter(kinds => String(kinds) === 'icicle').length === 2")
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow <= 0
