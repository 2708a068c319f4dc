"""Which visitors wait for a page right now, so that work that takes all cores can step aside for them.

It knows neither pages nor what steps aside.
"""

import threading
from collections.abc import Hashable


class Clicks:
    """Who has asked for something and has not got it yet."""

    def __init__(self) -> None:
        self._waiting: set[Hashable] = set()
        self._changed = threading.Condition()

    def asked(self, who: Hashable) -> None:
        """Somebody waits from now on."""
        with self._changed:
            self._waiting.add(who)

    def answered(self, who: Hashable) -> None:
        """Somebody has got what they waited for, or has gone."""
        with self._changed:
            self._waiting.discard(who)
            self._changed.notify_all()

    def let_pass(self, seconds: float) -> None:
        """Wait until nobody waits, at most so many seconds: with those of the last step, a job keeps half its speed."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting, seconds)
