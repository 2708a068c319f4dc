"""How work tells somebody how far it is, and how its parts are handed out. Whoever starts it passes these in."""

from collections.abc import Callable, Iterable
from typing import Any

OnProgress = Callable[[str, int, int], None]  # what is being done, how many of them are done, of how many
Say = Callable[[str], None]  # what is being done, in a few words
Spread = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]  # `map`, or what gives results as they come
