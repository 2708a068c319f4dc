"""Bounds of the probability that a token, or an answer, had when it was drawn.

Stored log-probabilities are those before temperature and top-p. Nothing here knows how answers are stored.
"""

from typing import NamedTuple

import numpy as np

_ROUNDING = 1e-5  # nats, that a stored entropy may be off


class Bounds(NamedTuple):
    """Between which two values something lies."""

    low: np.ndarray | float
    high: np.ndarray | float


def drawn_logprobs(logprobs: np.ndarray, entropies: np.ndarray, temperature: float, top_p: float) -> Bounds:
    """Bounds (T,) of a token's log-probability after temperature and top-p, from what it was before them.

    With a = 1 / temperature, p becomes pᵃ / (pᵃ + Σ_others pᵃ). The others have mass 1 − p and the entropy
    h = (H − H(p, 1 − p)) / (1 − p), so by Jensen's inequality their sum is at least (1 − p)ᵃ exp((1 − a) h). Below
    temperature 1 it is at most (1 − p)ᵃ; above it the size of the vocabulary would be needed, so `low` is −inf. Top-p
    divides by the mass that is kept, which lies between `top_p` and 1. `logprobs` and `entropies` (T,) are in nats; an
    entropy of NaN is not known and may have any value. Both bounds are the log-probability itself at temperature 1 and
    top-p 1; a log-probability of NaN gives −inf and 0.
    """
    logprobs = np.asarray(logprobs, dtype=np.float64)
    known, power = np.isfinite(logprobs), 1 / temperature
    own = np.where(known, logprobs, -np.inf)
    low = high = own
    if power != 1:
        others = np.log(np.clip(-np.expm1(own), 1e-300, 1))
        h = _entropy_of_others(own, others, np.asarray(entropies, dtype=np.float64), at_most=power > 1)
        high = _share(power * own, power * others + (1 - power) * h)
        low = _share(power * own, power * others) if power > 1 else np.full(len(own), -np.inf)
    if top_p < 1:
        high = high - np.log(top_p)
    return Bounds(np.where(known, low, -np.inf), np.where(known, np.minimum(high, 0), 0.0))


def _entropy_of_others(own: np.ndarray, others: np.ndarray, entropies: np.ndarray, *, at_most: bool) -> np.ndarray:
    """The most, or the least, that the entropy of all other tokens can be, given rounding; inf or 0 if not known."""
    mass = np.exp(others)
    split = -np.exp(own) * np.where(np.isfinite(own), own, 0) - mass * others
    found = (entropies - split + (_ROUNDING if at_most else -_ROUNDING)) / mass
    return np.where(np.isfinite(found), np.maximum(found, 0), np.inf if at_most else 0.0)


def _share(own: np.ndarray, others: np.ndarray) -> np.ndarray:
    """ln(eᵒʷⁿ / (eᵒʷⁿ + eᵒᵗʰᵉʳˢ))."""
    return own - np.logaddexp(own, others)
