"""Power for AUROC: of telling one from chance, and of telling two over the same questions apart (`power`).

For the tests of `discrimination`, two-sided at 5 %. A formula for continuous scores: ties, as where all answers are one
cluster, are not in it.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm

from homog_core.errors import InvalidInput
from homog_core.statistics.columns import Z
from homog_core.statistics.discrimination import FEWEST
from homog_core.statistics.power import MOST, TARGET, Design, check_target


def auroc_correlation(correlation: float) -> float:
    """How two AUROCs over the same questions correlate, from Pearson's correlation of their scores within a class.

    (6/π) arcsin(r/2), as for normal scores: an AUROC rests on ranks, and that is Spearman's correlation of normal
    scores with Pearson's r. It holds for AUROCs near each other; 0.3 gives 0.288, 0.6 gives 0.582.
    """
    return float(6 / np.pi * np.arcsin(correlation / 2))


def auroc_power(value: float, n_incorrect: int, n_correct: int) -> float:
    """Power of finding that an AUROC is not 0.5: that the interval of `auroc_estimate` excludes it. In [0, 1].

    Φ((|A − 0.5| − z s₀)/s₁), and the other tail, with Hanley & McNeil's standard error at 0.5 (s₀, which sets the
    limit) and at A (s₁). With the one at A for both, 0.60 would seem to need 125 of each class instead of 130. Fewer
    than ten in a class: NaN, since there is no interval. Source: Hanley & McNeil 1982.
    """
    return _power(abs(value - 0.5), _one_auroc(value), n_incorrect, n_correct)


def auroc_questions(value: float, share_incorrect: float = 0.5, target: float = TARGET) -> Design:
    """The fewest questions that find an AUROC other than 0.5; `share_incorrect` of them are answered incorrectly.

    Both classes are rounded up. `effect` is A − 0.5. A of 0.5, or more than `MOST`: NaN.
    """
    return _questions(value - 0.5, _one_auroc(value), share_incorrect, target)


def auroc_detectable(n_incorrect: int, n_correct: int, target: float = TARGET) -> Design:
    """The smallest AUROC above 0.5, as `effect` = A − 0.5, that so many incorrect and correct answers tell from 0.5.

    Not even an AUROC of 1, or fewer than ten in a class: NaN.
    """
    return _detectable(lambda value: auroc_power(value, n_incorrect, n_correct), 0.5, n_incorrect + n_correct, target)


def auroc_difference_power(
    first: float, second: float, n_incorrect: int, n_correct: int, correlation: float = 0.0
) -> float:
    """Power of `delong_test` for two AUROCs over the same questions. In [0, 1].

    As `auroc_power`, with the variance V₁ + V₂ − 2ρ√(V₁V₂) of the difference, ρ from `auroc_correlation`; the limit is
    set with both at their mean. `correlation` is of the scores within a class: 0 is the worst of those that are
    likely. Source: Hanley & McNeil 1983.
    """
    return _power(abs(second - first), _two_aurocs(first, second, correlation), n_incorrect, n_correct)


def auroc_difference_questions(
    first: float, second: float, correlation: float = 0.0, share_incorrect: float = 0.5, target: float = TARGET
) -> Design:
    """The fewest questions that find the difference of two AUROCs; edges as for `auroc_questions`."""
    return _questions(second - first, _two_aurocs(first, second, correlation), share_incorrect, target)


class _Errors(NamedTuple):
    """Standard errors."""

    null: float  # where there is nothing to be found
    alternative: float


def _variance(value: float, m: float, n: float) -> float:
    """Hanley & McNeil's variance of an AUROC from m incorrect and n correct answers."""
    square, above, below = value**2, value / (2 - value), 2 * value**2 / (1 + value)
    return (value - square + (m - 1) * (above - square) + (n - 1) * (below - square)) / (m * n)


def _one_auroc(value: float) -> Callable[[float, float], _Errors]:
    if not 0 <= value <= 1:
        raise InvalidInput(f"An AUROC is {value:g}; it must be in [0, 1].")
    return lambda m, n: _Errors(_variance(0.5, m, n) ** 0.5, _variance(value, m, n) ** 0.5)


def _two_aurocs(first: float, second: float, correlation: float) -> Callable[[float, float], _Errors]:
    if not (min(first, second) >= 0 and max(first, second) <= 1 and -1 <= correlation < 1):
        raise InvalidInput(
            f"AUROCs must be in [0, 1] and their scores' correlation in [−1, 1); got {first:g}, {second:g} and "
            f"{correlation:g}."
        )
    rho = auroc_correlation(correlation)

    def errors(m: float, n: float) -> _Errors:
        a, b, middle = (_variance(value, m, n) for value in (first, second, (first + second) / 2))
        return _Errors((2 * middle * (1 - rho)) ** 0.5, (a + b - 2 * rho * (a * b) ** 0.5) ** 0.5)

    return errors


def _power(effect: float, errors_of: Callable[[float, float], _Errors], m: float, n: float) -> float:
    if min(m, n) < FEWEST:
        return float("nan")
    null, alternative = errors_of(m, n)
    if alternative == 0:
        return float(effect > Z * null)
    return float(norm.cdf((effect - Z * null) / alternative) + norm.cdf((-effect - Z * null) / alternative))


def _questions(
    effect: float, errors_of: Callable[[float, float], _Errors], share_incorrect: float, target: float
) -> Design:
    check_target(target)
    if not 0 < share_incorrect < 1:
        raise InvalidInput(f"The share of incorrect answers is {share_incorrect:g}; it must be between 0 and 1.")

    def power(n: float) -> float:
        return _power(abs(effect), errors_of, n * share_incorrect, n * (1 - share_incorrect))

    fewest = (FEWEST + 1e-6) / min(share_incorrect, 1 - share_incorrect)  # not below it by rounding
    if effect == 0 or fewest > MOST or power(MOST) < target:
        return Design(np.nan, effect, np.nan)
    n = fewest if power(fewest) >= target else brentq(lambda n: power(n) - target, fewest, MOST)
    classes = [int(np.ceil(n * share - 1e-5)) for share in (share_incorrect, 1 - share_incorrect)]
    return Design(sum(classes), effect, _power(abs(effect), errors_of, *classes))


def _detectable(power: Callable[[float], float], first: float, n: int, target: float) -> Design:
    check_target(target)
    if not power(1.0) >= target:
        return Design(n, np.nan, np.nan)
    value = brentq(lambda second: power(second) - target, first, 1.0)
    return Design(n, value - first, power(value))
