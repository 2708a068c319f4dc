"""Whether answers repeat each other as often as their own probabilities let one expect: a model, or its sampler.

An answer repeats if an earlier answer to its question is the same, token by token. Given the earlier ones, a sampler
that draws each answer anew repeats with a probability that is known: the sum of the probabilities of the different
answers so far. So each answer after the first is a coin of known bias, and tests by likelihood ratios hold exactly,
with few answers too. Nothing here knows how answers are stored.
"""

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np

LEVEL = 0.01  # of a run whose answers are drawn anew, the chance of a false alarm of either kind
_ROUNDING = 1e-6  # of a probability next to 1, from single precision
_MAGNITUDES = np.logspace(-4, 0, 61)
_OF_ONE_QUESTION = np.array([0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
_SHARES = np.concatenate([-_MAGNITUDES[::-1], [0.0], _MAGNITUDES])  # of copies; below 0: of repeats that were avoided


class Repeats(NamedTuple):
    """The answers after the first of each question, (M,) each."""

    question: np.ndarray  # int, which of the questions
    repeated: np.ndarray  # bool
    low: np.ndarray  # bounds of the probability of a repeat, given the earlier answers
    high: np.ndarray


class Copies(NamedTuple):
    """The share of answers that are copies of an earlier one: its exact interval of level 1 − `LEVEL`.

    Below 0 it is minus the share of repeats that were avoided.
    """

    low: float
    high: float


def repeats(
    questions: Sequence[int], answers: Sequence[Hashable], low: Sequence[float], high: Sequence[float]
) -> Repeats:
    """What each answer after the first had as its chance to repeat an earlier one to its question, and whether it did.

    `questions` and `answers` (A,) in the order of sampling; `answers` are equal where they are the same. `low` and
    `high` (A,) bound their probabilities; where an answer came several times, its narrowest bounds count.
    """
    seen: dict[int, dict[Hashable, tuple[float, float]]] = {}
    sums: dict[int, tuple[float, float]] = {}  # of the bounds of the different answers so far
    found: list[tuple[int, bool, float, float]] = []
    for question, answer, least, most in zip(questions, answers, low, high, strict=True):
        earlier, (lows, highs) = seen.setdefault(question, {}), sums.get(question, (0.0, 0.0))
        if earlier:
            found.append((question, answer in earlier, min(lows, 1.0), min(highs, 1.0)))
        before = earlier.get(answer, (0.0, 1.0))
        bounds = max(before[0], least), min(before[1], most)
        if answer not in earlier:
            earlier[answer] = bounds
            sums[question] = lows + bounds[0], highs + bounds[1]
        elif bounds != before:
            earlier[answer] = bounds
            sums[question] = sum(own[0] for own in earlier.values()), sum(own[1] for own in earlier.values())
    columns = zip(*found, strict=True) if found else ((), (), (), ())
    kinds = (np.int64, np.bool_, np.float64, np.float64)
    return Repeats(*(np.array(column, dtype=kind) for column, kind in zip(columns, kinds, strict=True)))


def copies(found: Repeats) -> Copies:
    """The interval of the share of copies.

    An answer is a copy with probability s, whatever its place, and else drawn anew: it repeats with q + s(1 − q); for
    s < 0 with q(1 + s).
    A share is left out if the likelihoods of the shares above it (below it) are on average 2 / `LEVEL` times its own:
    Robbins' method of mixtures, whose false alarms are at most `LEVEL` / 2 on each side whatever the data. The lower
    limit takes the highest probabilities of a repeat and the upper limit the lowest ones, so the interval also holds
    where they are known only between bounds. From −1 to 1 without answers.
    """
    upwards = _log_likelihoods(_SHARES, found.repeated, found.high).sum(axis=1)
    is_exact = np.array_equal(found.low, found.high)
    downwards = upwards if is_exact else _log_likelihoods(_SHARES, found.repeated, found.low).sum(axis=1)
    bound = np.log(2 / LEVEL)
    too_low = _gain(upwards) >= bound
    too_high = _gain(downwards[::-1]) >= bound
    return Copies(float(_SHARES[np.argmin(too_low)]), float(_SHARES[::-1][np.argmin(too_high)]))


def log_evidence_of_copies(found: Repeats, n_questions: int) -> np.ndarray:
    """How much likelier the answers to each question are with some share of copies than with none: its ln (Q,).

    Its exponential is at most 1 on average where every answer is drawn anew, so it is above 1/α at most with
    probability α. 0 for a question with fewer than two answers.
    """
    each = _log_likelihoods(_OF_ONE_QUESTION, found.repeated, found.high)
    likelihoods = np.array([np.bincount(found.question, row, minlength=n_questions) for row in each])
    return _gain(likelihoods)[0]


def _log_likelihoods(shares: np.ndarray, repeated: np.ndarray, chances: np.ndarray) -> np.ndarray:
    """The ln likelihood (S, M) of every share by answer."""
    share, q = shares[:, None], np.clip(chances, 1e-300, 1 - _ROUNDING)[None, :]
    again = np.where(share >= 0, q + share * (1 - q), q * (1 + share))
    return np.log(np.maximum(np.where(repeated[None, :], again, 1 - again), 1e-300))


def _gain(log_likelihoods: np.ndarray) -> np.ndarray:
    """How much likelier than each share (S, …) all that come after it are on average, as ln; −inf for the last."""
    above = np.full(log_likelihoods.shape, -np.inf)
    above[:-1] = np.logaddexp.accumulate(log_likelihoods[:0:-1], axis=0)[::-1]
    counts = np.maximum(np.arange(len(above))[::-1], 1).reshape(-1, *[1] * (above.ndim - 1))
    return above - np.log(counts) - log_likelihoods
