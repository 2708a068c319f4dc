"""Weights that are unpacked in the background, before somebody asks for them."""

import contextlib
import threading
from collections.abc import Callable

from homog_core.progress import Say
from homog_core.records import ModelSpec
from homog_core.sampling.weights import availability


class Unpacking:
    """Unpacks each source once; `unpack` does it and says how far it is."""

    def __init__(self, unpack: Callable[[ModelSpec, Say], object] | None) -> None:
        self._unpack, self._lock = unpack, threading.Lock()
        self._said: dict[str, str] = {}  # what is being done for a source; "" when that is over

    def begin(self, model: ModelSpec) -> str:
        """Unpack a model's weights if that has to be done; returns what is being done, or "".

        What goes wrong is not said here: a job that needs the weights meets the same error and shows it.
        """
        with self._lock:
            is_new = self._unpack is not None and model.source not in self._said
            if is_new and availability(model).state == "prepare":
                self._said[model.source] = "Unpacking the weights, once"
                threading.Thread(target=self._work, args=(model,), name="unpacking", daemon=True).start()
            return self._said.get(model.source, "")

    def _work(self, model: ModelSpec) -> None:
        def say(words: str) -> None:
            with self._lock:
                self._said[model.source] = words

        with contextlib.suppress(Exception):
            self._unpack(model, say)
        say("")
