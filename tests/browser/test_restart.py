"""A server that is killed while jobs run and wait, and started again: pages say so, and nothing is half-written."""

from pathlib import Path

import pytest
from fakes import CHROMIUM, MODEL_CACHE, SECOND, free_port, serving, settled

from homog_core.catalogue.models import MODELS
from homog_core.sampling.weights import local_weights

SMALL = "smollm2-135m-instruct"
QUESTIONS = ("Who painted the Mona Lisa?", "Why is the sky blue?")
PATIENCE = 240 * SECOND


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache with the model and nothing else."""
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine")
    with monkeypatch.context() as patch:
        patch.setenv("HOMOG_CACHE", MODEL_CACHE)
        local_weights(MODELS[SMALL])
    own = tmp_path / "own"
    own.mkdir()
    (own / "models").symlink_to(Path(MODEL_CACHE) / "models")
    return own


def asked(browser, url, question, limits):
    """A page that has asked for a job."""
    page = browser.new_context(bypass_csp=True).new_page()
    page.set_default_timeout(90 * SECOND)
    page.goto(f"{url}/live_lab?model={SMALL}&dataset=typed&{limits}")
    settled(page)
    page.locator("[data-testid=stForm]").get_by_role("textbox").press_sequentially(question)
    page.get_by_role("button", name="Sample").click()
    page.wait_for_url("**job=**", timeout=60 * SECOND)
    return page


def test_pages_say_that_a_server_was_started_again_and_can_ask_again(browser, cache, shipped):
    port = free_port()
    with serving(cache, shipped, port) as (url, process, _):
        running = asked(browser, url, QUESTIONS[0], "n=50&l=256")
        running.get_by_text("token").first.wait_for(timeout=PATIENCE)
        waiting = asked(browser, url, QUESTIONS[1], "n=2&l=4")
        waiting.get_by_text("1 job is ahead of yours").wait_for()
        before = [page.url for page in (running, waiting)]
        process.kill()
        process.wait()
    assert [path.name for path in cache.rglob("*.partial")] == []
    assert list(cache.glob("runs/*")) == []
    with serving(cache, shipped, port) as (_, _, log):
        for page, address, question in zip((running, waiting), before, QUESTIONS, strict=True):
            page.get_by_text("sample the question again").wait_for(timeout=PATIENCE)
            assert page.url == address
            assert page.locator("[data-testid=stForm]").get_by_role("textbox").input_value() == question
        waiting.get_by_role("button", name="Sample").click()
        waiting.get_by_role("button", name="Keep as").wait_for(timeout=PATIENCE)
        assert waiting.url != before[1]
    assert "Traceback" not in log.read_text()
