"""What all tests of pages need."""

import pytest

from homog_core.live import LiveQueue


@pytest.fixture(autouse=True)
def nothing_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening the Live lab with an empty cache would write a gigabyte in the background."""
    monkeypatch.setattr(LiveQueue, "prepare", lambda self, model: "")
