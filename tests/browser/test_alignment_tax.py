"""The page Alignment tax in a real browser: the threshold moves the curves, a click on the cascade sets its point."""

import re

from fakes import settled

POINT = """(place) => {
  const plot = [...document.querySelectorAll('.js-plotly-plot')].find(p => p.data.some(t => t.customdata?.length > 20));
  const trace = plot._fullData.find(t => t.customdata?.length > 20); // where coordinates are numbers
  const {xaxis, yaxis} = plot._fullLayout;
  plot.scrollIntoView({block: 'center'});
  const box = plot.getBoundingClientRect();
  return [box.x + xaxis._offset + xaxis.l2p(trace.x[place]), box.y + yaxis._offset + yaxis.l2p(trace.y[place])];
}"""


def finding(page, place):
    return page.locator("h5").nth(place).inner_text()


def test_the_threshold_moves_the_curves_and_the_link_reopens_them(server, new_page):
    page = new_page(f"{server}/alignment_tax?chart=threshold&tau=0.42")
    settled(page)
    before = finding(page, 0)
    page.get_by_role("button", name=re.compile("Same answer")).click()
    page.get_by_role("slider", name=re.compile("Threshold")).press("ArrowRight")
    page.wait_for_url("**tau=0.43**")
    page.get_by_role("heading", name=re.compile("at τ = 0.43")).wait_for()
    assert finding(page, 0) != before
    again = new_page(page.url, width=390, scheme="dark")
    again.get_by_role("heading", name=re.compile("at τ = 0.43")).wait_for()
    settled(again)
    assert again.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0


def test_a_narrow_window_stacks_its_panels_whatever_the_browser_calls_itself(server, new_page):
    panels = "[...document.querySelectorAll('.js-plotly-plot')].map(p => p.layout.yaxis.domain[0] > 0.3)"
    for width in (390, 1280, 390):
        page = new_page(f"{server}/alignment_tax", width=width)
        page.wait_for_function(f"() => {panels}[0] === {str(width == 390).lower()}")


def test_a_chart_is_one_click_away_and_on_the_first_screen(server, new_page):
    page = new_page(f"{server}/alignment_tax")
    page.set_viewport_size({"width": 1280, "height": 800})
    settled(page)
    for chart in ("Other clusterers", "Correct and different", "What it does to uncertainty", "What helps"):
        page.get_by_role("radio", name=chart).click()
        page.get_by_role("radio", name=chart, checked=True).wait_for()
        settled(page)
        heading = page.locator("h5").first.bounding_box()
        assert heading["y"] + heading["height"] < 600
        height = page.locator("[data-testid=stMainBlockContainer]").bounding_box()["height"]
        assert height <= 2 * 800 + 160  # the room that Streamlit leaves under every page


def test_a_click_on_the_cascade_sets_its_operating_point(server, new_page):
    page = new_page(f"{server}/alignment_tax?view=won&chart=cascade")
    settled(page)
    said = page.get_by_text("Here a question costs")
    said.wait_for()
    before = said.inner_text()
    page.locator(".js-plotly-plot").nth(1).wait_for()
    page.mouse.click(*page.evaluate(POINT, 17))
    page.wait_for_url("**band=85**")
    page.wait_for_function("(text) => !document.body.innerText.includes(text)", arg=before)
    page.wait_for_function("() => [...document.querySelectorAll('input[type=range]')].some(i => i.value === '85')")
