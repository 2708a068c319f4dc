"""A server that is killed and started again while two pages are open, one with a job that runs and one that waits."""

from fakes import PATIENCE, free_port, serving, settled

MODEL = "smollm2-135m-instruct"
GONE = "There is no live job"


def asked(browser, url: str, question: str):
    """A page in a browser of its own that has been asked for many long answers."""
    page = browser.new_context().new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(f"{url}/live_lab?model={MODEL}&question={question}&n=50&l=256")
    settled(page)
    page.get_by_role("button", name="Sample").click()
    page.wait_for_url("**job=**")
    return page


def test_both_pages_say_that_their_job_is_gone(tmp_path, shipped, browser, models):
    (tmp_path / "models").symlink_to(models)
    port = free_port()
    with serving(tmp_path, shipped, port) as (url, process, log):
        runs = asked(browser, url, "fact-002")
        runs.get_by_text("answers finished").wait_for()
        waits = asked(browser, url, "fact-003")
        waits.get_by_text("Somebody else is sampling").wait_for()
        process.kill()
        process.wait()
    with serving(tmp_path, shipped, port):
        for page in (runs, waits):
            page.get_by_text(GONE).wait_for()
            assert "question=fact-00" in page.url  # what was asked, and how, can be asked again
            settled(page)
            page.get_by_role("button", name="Sample").wait_for()
            page.context.close()
    assert "Traceback" not in log.read_text()
    assert not list(tmp_path.glob("runs/*"))  # of answers that nobody has kept
