"""The pictures of the README, from the running app: docs/pictures/NAME-light.png and NAME-dark.png. `make pictures`.

It starts the dashboard with its shipped runs, opens it in Chromium, and asks one question live.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PICTURES = Path(__file__).with_name("pictures")
SIZE = {"width": 1200, "height": 750}
QUESTION = "What is the best season of the year?"
PATIENCE = 300_000  # milliseconds; weights may have to be unpacked first
BUSY = "[data-testid=stStatusWidget], [data-stale=true], [data-testid=stSkeleton], [data-testid=stSpinner]"


def story(page: Any) -> None:
    """Answers falling into piles."""
    settled(page)


def scrolled_to(text: str) -> Callable[[Any], None]:
    """What a page shows from a text on."""

    def scroll(page: Any) -> None:
        settled(page)
        page.locator(".js-plotly-plot .main-svg").first.wait_for(timeout=PATIENCE)
        page.get_by_text(text).first.scroll_into_view_if_needed()
        settled(page)

    return scroll


def live(page: Any) -> None:
    """Two models that have answered side by side."""
    settled(page)
    page.get_by_role("button", name="Sample").click()
    page.get_by_role("button", name="Keep as").wait_for(timeout=PATIENCE)
    settled(page)


SHOTS: dict[str, tuple[str, Callable[[Any], None]]] = {  # name → address, and what is done before the picture
    "story": ("/?step=2&present=1", story),
    "die": ("/?step=3&present=1", scrolled_to("roll a die")),
    "tree": ("/compare?view=tree&question=facts-landmark-007", scrolled_to("10 answers")),
    "live": (f"/live_lab?dataset=typed&ask={QUESTION.replace(' ', '%20')}", live),
}


def main() -> None:
    """Make them all."""
    from playwright.sync_api import sync_playwright

    PICTURES.mkdir(exist_ok=True)
    with dashboard() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for scheme in ("light", "dark"):
            for name, (path, prepare) in SHOTS.items():
                page = browser.new_context(viewport=SIZE, color_scheme=scheme).new_page()
                page.set_default_timeout(PATIENCE)
                page.goto(address + path)
                prepare(page)
                page.screenshot(path=PICTURES / f"{name}-{scheme}.png")
                page.context.close()
                print(f"{name}-{scheme}.png")
        browser.close()


def settled(page: Any) -> None:
    """Wait until a page has been drawn."""
    page.locator("h1").wait_for()
    page.wait_for_function(f"() => !document.querySelector('{BUSY}')", timeout=PATIENCE)
    page.wait_for_timeout(2500)  # Plotly draws after the page has


@contextmanager
def dashboard() -> Iterator[str]:
    """The running app, by its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, cwd=PICTURES.parent.parent, env=os.environ, **quiet)
    address = f"http://localhost:{port}"
    try:
        for _ in range(120):
            try:
                urllib.request.urlopen(f"{address}/_stcore/health", timeout=1)
                break
            except OSError:
                time.sleep(0.5)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=20)


if __name__ == "__main__":
    main()
