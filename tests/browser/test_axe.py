"""axe on every page in both themes: nothing serious in what we draw, and nothing in what Streamlit draws either."""

from pathlib import Path

import axe_playwright_python
import pytest
from fakes import settled

AXE = next(Path(axe_playwright_python.__file__).parent.rglob("axe.min.js")).read_text(encoding="utf-8")
PAGES = ("", "questions", "compare", "map", "live_lab", "alignment_tax", "fair_draws", "runs", "methods")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing_serious(server, new_page, path, scheme):
    page = new_page(f"{server}/{path}", scheme=scheme)
    settled(page)
    page.evaluate(AXE)
    found = page.evaluate("() => axe.run({resultTypes: ['violations']})")
    serious = [
        (violation["id"], [node["target"][-1] for node in violation["nodes"]])
        for violation in found["violations"]
        if violation["impact"] in ("serious", "critical")
    ]
    assert serious == []
