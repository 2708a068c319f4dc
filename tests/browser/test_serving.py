"""The policy of the server in a real browser: our pages keep to it, and no other page can frame them."""

import pytest
from fakes import PATIENCE, settled


@pytest.mark.parametrize("path", ["", "compare", "map", "live_lab"])
def test_our_pages_keep_to_the_policy(server, browser, path):
    page, refused = browser.new_page(), []
    page.set_default_timeout(PATIENCE)
    page.on("console", lambda message: refused.append(message.text) if "Content Security" in message.text else None)
    page.goto(f"{server}/{path}")
    settled(page)
    assert refused == []
    assert "WebGL is not supported" not in page.content()
    assert page.evaluate("1 + 1") == 2  # the browser has not broken off
    page.close()


def test_no_other_page_can_frame_it(server, browser):
    page, said = browser.new_page(), []
    page.set_default_timeout(PATIENCE)
    page.on("console", lambda message: said.append(message.text))
    page.set_content(f'<iframe src="{server}" onload="this.dataset.done = 1"></iframe>')
    page.locator("iframe[data-done]").wait_for()
    assert any("frame-ancestors" in text or "X-Frame-Options" in text for text in said)
    page.close()
