"""Uncertainty scores and signals with their grades, shared by the tests of statistics and of what is said of them."""

import math

import numpy as np
from hypothesis import strategies as st

from homog_core.statistics.cascade import Signal

# Eight scores that are worked out by hand wherever they are used.
SCORES, CORRECT = np.arange(1, 9) / 10, np.array([1, 1, 1, 0, 1, 0, 0, 0])

# Questions with ties, infinities, and both classes: (score, whether incorrect) each
QUESTIONS = st.lists(
    st.tuples(st.sampled_from([0.0, 0.1, 0.1 + 1e-12, 0.5, 2.0, math.inf]), st.booleans()), min_size=2, max_size=30
).filter(lambda rows: len({wrong for _, wrong in rows}) == 2)


def columns(rows: list[tuple[float, bool]]) -> tuple[np.ndarray, np.ndarray]:
    """Rows of `QUESTIONS` as a column of scores and one of whether incorrect."""
    return np.array([score for score, _ in rows]), np.array([wrong for _, wrong in rows])


def simulated(n: int = 800, ties: float = 0.6, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Scores of which many are 0, as of homogenized questions, and whether incorrect, which depends on them."""
    rng = np.random.default_rng(seed)
    scores = rng.exponential(size=n) * (rng.random(n) > ties)
    return scores, rng.random(n) < 0.3 + 0.1 * scores


def half_decided(n: int = 40, extra: float = 8.0) -> tuple[list[Signal], np.ndarray]:
    """The free signal is 1 for a quarter, all errors, −1 for a quarter, none of them, and 0 for the rest, half errors.

    The dear one knows the rest and nothing else. So the cascade needs it on exactly half of the questions.
    """
    free = np.repeat([-1.0, 0.0, 0.0, 1.0], n // 4)
    incorrect = np.repeat([0, 0, 1, 1], n // 4)
    dear = np.where(free == 0, 2.0 * incorrect - 1, 0)
    return [Signal("free", free, np.zeros(n)), Signal("dear", dear, np.full(n, extra))], incorrect
