"""How work grows with its input, for tests that no text is too long. A ratio of one moment: no clock is compared."""

import time
from collections.abc import Callable

LINEAR = 9.0  # that `growth` may be: 4 where it is linear, 16 where work grows with the square


def growth(work: Callable[[int], object], size: int, times: int = 3) -> float:
    """How many times as long the processor takes for four times as much, the quickest of some times each.

    Each time is of another size by one, so that nothing is remembered from the time before.
    """

    def seconds(n: int) -> float:
        started = time.process_time()
        work(n)
        return time.process_time() - started

    seconds(size)  # compiles
    little = min(seconds(size + i) for i in range(1, times + 1))
    return min(seconds(4 * size + i) for i in range(1, times + 1)) / little
