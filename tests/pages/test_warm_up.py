"""What a server gets ready in the background: one encoder that is not there keeps nothing else from being ready."""

from types import SimpleNamespace

import pytest
from fakes import TIMEOUT

from dashboard import cache
from homog_core.errors import ModelUnavailable


@pytest.mark.parametrize("broken", ["first", "second"])
def test_an_encoder_that_is_not_on_this_machine_does_not_hold_up_the_others(monkeypatch, broken):
    loaded = []

    def encoder(key):
        def load():
            if key == broken:
                raise ModelUnavailable(f"The encoder {key!r} is not on this machine.")
            loaded.append(key)

        return SimpleNamespace(load=load)

    monkeypatch.setattr(cache, "ENCODERS", {"first": None, "second": None})
    monkeypatch.setattr(cache, "sentence_encoder", encoder)
    monkeypatch.setattr(cache, "_WARM_UP_AFTER", 0.0)

    assert cache.encoders_warm_up.__wrapped__().ready.wait(TIMEOUT)
    assert loaded == [key for key in ("first", "second") if key != broken]
