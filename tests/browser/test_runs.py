"""The Runs page in a real browser: import a file, verify it, download its report, read that offline and on paper."""

from fakes import PATIENCE, settled

from homog_core.runs.importers import jsonl

TOO_LARGE = 60 << 20


def test_a_file_is_imported_and_its_report_opens_offline_and_prints(server, new_page, browser, tmp_path):
    page = new_page(f"{server}/runs")
    settled(page)
    page.get_by_text("Import answers that were sampled elsewhere").click()
    page.get_by_label("Name of the model").fill("brought along")
    page.keyboard.press("Enter")
    chooser = page.locator("input[type=file]")
    with (tmp_path / "large.jsonl").open("wb") as stream:
        stream.truncate(TOO_LARGE)
    chooser.set_input_files(tmp_path / "large.jsonl")
    page.get_by_text("File must be 50.0MB or smaller.", exact=False).first.wait_for(state="attached")
    (tmp_path / "mine.jsonl").write_text(jsonl.EXAMPLE_JSONL)
    chooser.set_input_files(tmp_path / "mine.jsonl")
    page.get_by_role("button", name="Import and score").click()
    page.get_by_text("Imported. This is the run").wait_for()  # the encoders are loaded first
    page.wait_for_url("**run=brought-along--mine--**")
    settled(page)
    page.get_by_role("button", name="Verify").click()
    page.get_by_text("Nothing is wrong with brought-along--mine--").wait_for()
    page.get_by_role("button", name="Prepare the file").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="MB", exact=False).click()
    download.value.save_as(tmp_path / "report.html")
    reads_offline_and_prints(browser, tmp_path / "report.html")


def reads_offline_and_prints(browser, path):
    """Charts are drawn in both themes without one request, and paper is light."""
    for scheme, ink in (("light", "rgb(26, 32, 38)"), ("dark", "rgb(232, 237, 242)")):
        context = browser.new_context(color_scheme=scheme, offline=True, viewport={"width": 390, "height": 800})
        page, asked, errors = context.new_page(), [], []
        page.on("request", lambda request, asked=asked: asked.append(request.url))
        page.on("console", lambda message, errors=errors: errors.append(message.text))
        page.on("pageerror", lambda error, errors=errors: errors.append(str(error)))
        page.goto(path.as_uri())
        page.locator("#chart-threshold .xtick text").first.wait_for(timeout=PATIENCE)
        fill = "e => getComputedStyle(e).fill"
        assert page.locator("#chart-threshold .xtick text").first.evaluate(fill) == ink
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.pdf(format="A4")[:4] == b"%PDF"
        page.emulate_media(media="print", color_scheme=scheme)
        assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"
        assert (asked, errors) == ([path.as_uri()], [])
        context.close()
