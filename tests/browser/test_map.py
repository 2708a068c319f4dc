"""The map in a real browser: thousands of marks are drawn, a click opens a question, a lasso lists several."""

import io
import re

import numpy as np
from fakes import settled
from PIL import Image

MARK = """() => {
  const plot = document.querySelector(".js-plotly-plot"), data = plot._fullData.filter(trace => trace.customdata);
  const trace = data[data.length - 1], box = plot.getBoundingClientRect();
  const axis = name => plot._fullLayout[name[0] + "axis" + name.slice(1)], x = axis(trace.xaxis), y = axis(trace.yaxis);
  let far = 0, room = 0;  // of the mark whose nearest neighbour is furthest away, so that no other one hides it
  for (let i = 0; i < trace.x.length; i++) {
    let nearest = Infinity;
    for (let j = 0; j < trace.x.length && nearest > room; j++)
      if (j !== i) nearest = Math.min(nearest, Math.hypot(trace.x[i] - trace.x[j], trace.y[i] - trace.y[j]));
    if (nearest > room) [far, room] = [i, nearest];
  }
  const across = box.x + x._offset + x.d2p(trace.x[far]), down = box.y + y._offset + y.d2p(trace.y[far]);
  return {across, down, text: trace.hovertext[far]};
}"""
N_MARKS = """() => document.querySelector(".js-plotly-plot")._fullData.filter(trace => trace.customdata)
  .reduce((n, trace) => n + trace.x.length, 0)"""


def drawn(page) -> None:
    """Wait until the graphics card has drawn."""
    page.locator(".js-plotly-plot canvas.gl-canvas").first.wait_for(state="attached")
    settled(page)


def test_marks_are_drawn_a_click_opens_a_question_and_its_link_works(server, new_page):
    page = new_page(f"{server}/map")
    drawn(page)
    page.get_by_role("heading", name="18,865 marks of 627 questions on the map").wait_for()
    assert page.evaluate(N_MARKS) == 18_865
    canvas = page.locator("canvas.gl-canvas-context")
    pixels = np.asarray(Image.open(io.BytesIO(canvas.screenshot())).convert("RGB")).astype(int)
    assert (np.ptp(pixels, axis=2) > 60).sum() > 10_000  # in colour; words and the ground are grey

    mark = page.evaluate(MARK)
    question = mark["text"].split("<br>")[1].rstrip("…")
    page.mouse.click(mark["across"], mark["down"])
    page.get_by_role("button", name="All questions").wait_for()
    page.wait_for_url("**question=**")
    settled(page)
    assert page.locator("h4").first.inner_text().startswith(question)
    ranges = page.evaluate("() => document.querySelector('.js-plotly-plot')._fullLayout.xaxis.range")

    again = new_page(page.url)
    drawn(again)
    assert again.locator("h4").first.inner_text() == page.locator("h4").first.inner_text()
    again.get_by_role("link", name=re.compile("^Open under Questions")).click()
    again.wait_for_url("**/questions?run=gemma-3-270m-dpo--facts--2493e7c049**")
    settled(again)
    again.get_by_role("heading", name=question).wait_for()

    assert ranges == page.evaluate("() => document.querySelector('.js-plotly-plot')._fullLayout.xaxis.range")
    page.get_by_role("button", name="All questions").click()
    page.get_by_role("heading", name="18,865 marks of 627 questions on the map").wait_for()


def test_a_lasso_lists_questions_and_a_search_leaves_the_rest_grey(server, new_page):
    page = new_page(f"{server}/map?color=grade")
    drawn(page)
    page.evaluate("document.querySelector('.modebar-btn[data-title=\"Lasso Select\"]').click()")
    box = page.locator(".js-plotly-plot").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x - 60, y - 60)
    page.mouse.down()
    for across, down in ((60, -60), (60, 60), (-60, 60), (-60, -60)):
        page.mouse.move(x + across, y + down, steps=6)
    page.mouse.up()
    page.get_by_role("heading", name=re.compile("questions in the selection$")).wait_for()
    page.get_by_role("button", name="Clear the selection").click()
    page.get_by_role("heading", name="18,865 marks of 627 questions on the map").wait_for()

    page.get_by_label("Search in answers and questions").fill("Madrid")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name=re.compile("questions with these words$")).wait_for()
    page.wait_for_url("**find=Madrid**")
    drawn(page)
    assert 0 < page.evaluate(N_MARKS) < 200


def test_it_fits_a_phone_in_the_dark(server, new_page):
    page = new_page(f"{server}/map?color=category", width=390, scheme="dark")
    drawn(page)
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow <= 0
