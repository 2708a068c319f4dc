"""One map being computed in a thread, at most one on a server: started, looked at and stopped. No Streamlit in here."""

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from homog_core.analysis.answer_map import make_map
from homog_core.errors import HomogError
from homog_core.live.failures import named
from homog_core.measures.encoders import Encoder
from homog_core.runs.answer_maps import write_map
from homog_core.runs.store import Run

_LOG = logging.getLogger(__name__)
Key = tuple[tuple[str, ...], str]  # the runs' ids in order, and the encoder


@dataclass(frozen=True, slots=True)
class Look:
    """How the work stands."""

    key: Key
    state: Literal["working", "stopping", "stopped", "done", "failed"]
    what: str  # what is being done, or what went wrong
    done: int = 0
    total: int = 0

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen."""
        return self.state not in ("working", "stopping")


class _Stopped(Exception):
    """Raised inside the thread to leave the work."""


class MapWork:
    """Computes maps and stores them, one at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._look: Look | None = None

    @property
    def is_busy(self) -> bool:
        """Whether a map is being computed."""
        with self._lock:
            return self._look is not None and not self._look.is_over

    def start(self, runs: Sequence[Run], encoder: Encoder) -> None:
        """Begin in the background; while a map is being computed, nothing."""
        key = key_of([run.id for run in runs], encoder.key)
        with self._lock:
            if self._look and not self._look.is_over:
                return
            self._look = Look(key, "working", "Starting")
        threading.Thread(target=self._work, args=(key, list(runs), encoder), name="map", daemon=True).start()

    def look(self, key: Key) -> Look | None:
        """How the map of this key stands; None where it is not the one that was started last."""
        with self._lock:
            return self._look if self._look and self._look.key == key else None

    def stop(self, key: Key) -> None:
        """Ask it to stop; it does within a second or two, and nothing is stored."""
        with self._lock:
            if self._look and self._look.key == key and not self._look.is_over:
                self._look = Look(key, "stopping", "Stopping")

    def _work(self, key: Key, runs: Sequence[Run], encoder: Encoder) -> None:
        def on_progress(what: str, done: int, total: int) -> None:
            with self._lock:
                if self._look.state == "stopping":
                    raise _Stopped
                self._look = Look(key, "working", what, done, total)

        try:
            write_map(make_map(runs, encoder, on_progress))
            end = Look(key, "done", "Finished")
        except _Stopped:
            end = Look(key, "stopped", "Stopped; nothing was stored.")
        except HomogError as error:
            end = Look(key, "failed", str(error))
        except Exception as error:  # a page that waits must be told, whatever an encoder does
            _LOG.exception("A map of answers failed")
            end = Look(key, "failed", f"The map could not be computed: {named(error)}")
        with self._lock:
            self._look = end


def key_of(run_ids: Sequence[str], encoder: str) -> Key:
    """What a map is known by while it is computed; the order of the runs makes no difference."""
    return tuple(sorted(run_ids)), encoder
