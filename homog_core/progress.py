"""How long work tells somebody how far it is. Whoever shows progress passes one of these in."""

from collections.abc import Callable

OnProgress = Callable[[str, int, int], None]  # what is being done, how many of them are done, of how many
Say = Callable[[str], None]  # what is being done, in a few words
