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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PICTURES = Path(__file__).with_name("pictures")
SIZE = {"width": 1200, "height": 860}
PATIENCE = 240_000  # milliseconds; weights may have to be unpacked first
BUSY = "[data-testid=stStatusWidget], [data-stale=true], [data-testid=stSkeleton], [data-testid=stSpinner]"


SHOTS = {  # name → address, and what stands there when the page has been drawn
    "story": ("/?step=2&present=1", "Is it the preferences?"),
    "die": ("/?step=3&present=1", "And other lists?"),
    "live": ("/live_lab?dataset=typed&ask=What%20is%20the%20best%20season%20of%20the%20year%3F", "different answers"),
    "tree": ("/?step=2&as=tree&present=1", "Is it the preferences?"),
}


def main() -> None:
    """Make them all."""
    from playwright.sync_api import sync_playwright

    PICTURES.mkdir(exist_ok=True)
    with dashboard() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for scheme in ("light", "dark"):
            for name, (path, words) in SHOTS.items():
                context = browser.new_context(viewport=SIZE, color_scheme=scheme)
                page = context.new_page()
                page.set_default_timeout(PATIENCE)
                page.goto(address + path)
                settled(page)
                if name == "live":
                    page.get_by_role("button", name="Sample").click()
                page.get_by_text(words).first.wait_for()
                settled(page)
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
    command = [sys.executable, "-m", "streamlit", "run", "serve.py", "--server.port", str(port)]
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
