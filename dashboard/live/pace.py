"""How often a job is drawn again: the longer that takes, the rarer, so that drawing leaves the cores to the job."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

_LEAST, _MOST = 0.5, 3.0  # seconds between two looks
_TIMES = 10  # as long as drawing took


class Pace:
    """How long the last drawing took, by the clock: with all that it had to wait for."""

    def __init__(self) -> None:
        self._seconds = 0.0

    @contextmanager
    def drawing(self) -> Iterator[None]:
        """Around one drawing."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self._seconds = time.perf_counter() - started

    @property
    def pause(self) -> float:
        """Seconds from one look to the next."""
        return pause_after(self._seconds)


def pause_after(seconds: float) -> float:
    """Seconds between two looks where one takes so many."""
    return min(max(_LEAST, _TIMES * seconds), _MOST)
