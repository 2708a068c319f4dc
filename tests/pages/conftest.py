"""What all tests of pages need."""

from functools import cache

import pytest
from streamlit.components.v2 import manifest_scanner

from homog_core.live import LiveQueue


@pytest.fixture(autouse=True)
def nothing_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening the Live lab with an empty cache would write a gigabyte in the background."""
    monkeypatch.setattr(LiveQueue, "prepare", lambda self, model: "")


@pytest.fixture(scope="session", autouse=True)
def packages_are_searched_once():
    """AppTest searches all installed packages for components of Streamlit, anew for every page that is opened."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests))
        yield
