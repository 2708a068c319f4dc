"""Power: how likely a test finds a difference that is there, how many questions it needs, and what n could have found.

For the tests of `paired`, two-sided at 5 %; `power_auroc` has AUROC. It does not know what is measured or what that
costs. What a test finds in data at hand is its p value: power is about the next data.
"""

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.stats import binom, norm

from homog_core.errors import InvalidInput
from homog_core.statistics.columns import Values, Z, complete_columns

ALPHA = 0.05  # two-sided; a smaller p value finds a difference
TARGET = 0.8  # the usual power
MOST = 10_000  # questions, beyond which no number of questions is looked for
FEWEST_PAIRS = 14  # below it scipy's Wilcoxon test goes through every choice of signs
_EFFICIENCY = 3 / np.pi  # of Wilcoxon's test against the t test on normal differences
_N_SIMULATED = 4000


@dataclass(frozen=True, slots=True)
class Design:
    """So many questions find a difference of this size with this power."""

    n: float  # questions, whole; NaN where even `MOST` are too few
    effect: float  # NaN where n questions find no difference with the power that is asked for
    power: float  # of n and the effect, in [0, 1]; NaN where one of them is


# McNemar's exact test


class Discordant(NamedTuple):
    """Shares of all questions whose yes or no differs between two conditions."""

    gained: float  # no, then yes
    lost: float  # yes, then no

    @property
    def difference(self) -> float:
        """The second rate minus the first."""
        return self.gained - self.lost

    @property
    def moved(self) -> float:
        """The share that differs; rounded, since scipy's binomial overflows for chances that are next to 0."""
        return round(self.gained + self.lost, 12)

    @property
    def toward(self) -> float:
        """The share of those that gained; ½ where none differs."""
        return round(self.gained / (self.gained + self.lost), 12) if self.moved else 0.5


def discordant(first: float, second: float, against: float) -> Discordant:
    """The discordant shares of two rates, given how many questions change against the difference of the rates.

    `against` says how many, compared with unrelated answers: 0 is none (nested, the best case), 1 is lower · (1 −
    higher). They are at most the lower rate, and at most 1 − the higher one.
    """
    low, high = min(first, second), max(first, second)
    if not (low >= 0 and high <= 1):
        raise InvalidInput(f"Rates must be in [0, 1], as 0.02 for 2 %; these are {first:g} and {second:g}.")
    if against < 0:
        raise InvalidInput(
            f"The changes against the difference are {against:g} times those of unrelated answers; use 0 or more."
        )
    back = min(against * low * (1 - high), low, 1 - high)
    forth = high - low + back
    return Discordant(forth, back) if second >= first else Discordant(back, forth)


def mcnemar_power(n: int, shares: Discordant) -> float:
    """Exact power of `mcnemar_exact` on n questions. In [0, 1].

    Σ_d Binom(d; n, gained + lost) · P(p < 0.05 | d discordant pairs, of which each gained with chance gained/(gained +
    lost)). Both tails count. Fewer than six discordant pairs find nothing, so that n < 6 has power 0, and so has a pair
    without discordance. Never simulated. Source: Duffy 1984 for the sum.
    """
    found = _found_by_pairs(n, shares)
    return float(np.clip(binom.pmf(np.arange(n + 1), n, shares.moved) @ found, 0, 1))


def mcnemar_questions(shares: Discordant, target: float = TARGET) -> Design:
    """The fewest questions from which on the power stays at the target for all numbers up to twice as many.

    The power of an exact test falls when a question more does not yet move its limit (a saw's teeth), so the first
    number that reaches the target may be luck. No difference, or more than `MOST`: NaN. `effect` is gained − lost.
    """
    check_target(target)
    moved, short = shares.moved, 0
    if shares.gained == shares.lost:
        return Design(np.nan, 0.0, np.nan)
    found = _found_by_pairs(2 * MOST, shares)
    chance = np.zeros(len(found))  # of d discordant pairs among n questions
    chance[0] = 1.0
    for n in range(1, 2 * MOST + 1):
        width = min(n, int(n * moved + 12 * np.sqrt(n * moved)) + 12)  # beyond which there is next to nothing
        chance[1 : width + 1] += moved * (chance[:width] - chance[1 : width + 1])
        chance[0] *= 1 - moved
        if chance[: width + 1] @ found[: width + 1] < target:
            short = n
        elif n >= 2 * (short + 1):
            break
    if short >= MOST:
        return Design(np.nan, shares.difference, np.nan)
    return Design(short + 1, shares.difference, mcnemar_power(short + 1, shares))


def mcnemar_detectable(n: int, first: float, against: float, target: float = TARGET) -> Design:
    """The smallest rise above the first rate that n questions find with the target power; `against` as in `discordant`.

    A fall from a rate is a rise from 1 − that rate. No rise is found even up to 1: NaN.
    """
    check_target(target)

    def power(second: float) -> float:
        return mcnemar_power(n, discordant(first, second, against))

    if np.isnan(first) or power(1.0) < target:
        return Design(n, np.nan, np.nan)
    second = brentq(lambda rate: power(rate) - target, first, 1.0, xtol=1e-6)
    return Design(n, second - first, power(second))


@cache
def _limits(most: int) -> np.ndarray:
    """For d = 0 … most pairs the largest count (most + 1,) on the smaller side that has p < 0.05; −1 where none has."""
    return binom.ppf(ALPHA / 2, np.arange(most + 1), 0.5) - 1


def _found_by_pairs(most: int, shares: Discordant) -> np.ndarray:
    """Chance (most + 1,) that the test finds something in d = 0 … most discordant pairs."""
    pairs, limit = np.arange(most + 1), _limits(most)
    return binom.cdf(limit, pairs, shares.toward) + binom.sf(pairs - limit - 1, pairs, shares.toward)


# Wilcoxon's signed-rank test


def wilcoxon_power(differences: Values, n: int, *, seed: int = 0) -> float:
    """Power of `wilcoxon_signed_rank` on n questions whose differences are like the stored ones, by simulation.

    4,000 seeded sets of n of them, drawn with replacement; the standard error is at most 0.008, and 0.006 at 0.8. The
    p value is the normal one, as scipy's beyond 50 questions or with a tie or a zero. In [0, 1]. No differences, or
    fewer than 14 questions, where scipy goes through all signs: NaN.
    """
    values, stored = np.unique(complete_columns(differences)[0], return_counts=True)
    if n < FEWEST_PAIRS or not len(values):
        return float("nan")
    counts = np.random.default_rng(seed).multinomial(n, stored / stored.sum(), size=_N_SIMULATED)
    return float(np.mean(_signed_rank_z(values, counts) > Z))


def wilcoxon_questions(differences: Values, target: float = TARGET, *, seed: int = 0) -> Design:
    """The fewest questions that find the observed mean difference with the target power, by simulation.

    The power of n questions is that of drawing n of the stored ones with replacement; at least 14. The simulation errs
    by about two per cent of the number. Mean 0, differences that are all the same, or more than `MOST`: NaN.
    """
    check_target(target)
    known = complete_columns(differences)[0]
    mean = float(known.mean()) if len(known) else np.nan
    if not len(known) or np.ptp(known) == 0 or mean == 0:
        return Design(np.nan, mean, np.nan)

    def power(n: int) -> float:
        return wilcoxon_power(known, n, seed=seed)

    low = high = FEWEST_PAIRS
    while high < MOST and power(high) < target:
        low, high = high, min(2 * high, MOST)
    if power(high) < target:
        return Design(np.nan, mean, np.nan)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(middle) >= target else (middle, high)
    return Design(high, mean, power(high))


def wilcoxon_power_normal(n: int, mean: float, deviation: float) -> float:
    """Power of `wilcoxon_signed_rank` where differences are normal with this mean and standard deviation.

    Φ(δ − z) + Φ(−δ − z), δ = |mean|/deviation · √(3n/π), z = 1.96: the t test's, with Wilcoxon's efficiency of 3/π.
    Deviation 0: NaN. Differences in the number of clusters are whole numbers with many zeros, so a pair of runs says
    more (`wilcoxon_power`). Source: Lehmann 1975.
    """
    if not deviation > 0:
        return float("nan")
    return _two_sided(abs(mean) / deviation * np.sqrt(_EFFICIENCY * n))


def wilcoxon_questions_normal(mean: float, deviation: float, target: float = TARGET) -> Design:
    """The fewest questions at which `wilcoxon_power_normal` reaches the target; no difference, or over `MOST`: NaN."""
    check_target(target)
    if not (mean and deviation > 0):
        return Design(np.nan, mean, np.nan)
    needed = (_noncentrality(target) * deviation / mean) ** 2 / _EFFICIENCY
    if needed > MOST:
        return Design(np.nan, mean, np.nan)
    n = int(np.ceil(needed))
    return Design(n, mean, wilcoxon_power_normal(n, mean, deviation))


def wilcoxon_detectable_normal(n: int, deviation: float, target: float = TARGET) -> Design:
    """The smallest mean difference, above 0, that n questions find with the target power, by the same formula.

    Of two runs at hand: with the standard deviation of their differences. Their shape at another mean is not known, and
    Wilcoxon's test of a lopsided one may find a mean of 0.
    """
    check_target(target)
    mean = float(_noncentrality(target) * deviation / np.sqrt(_EFFICIENCY * n))
    return Design(n, mean, wilcoxon_power_normal(n, mean, deviation))


def _signed_rank_z(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """|z| (sets,) of Wilcoxon's test with Pratt's zeros, for sets that hold `counts` (sets, m) of the values (m,).

    |Σ ± rank| / √(Σ rank²) over what is not zero, by midranks: scipy's z, from counts, which many sets of many
    questions need. A set of zeros has z = 0.
    """
    sizes, place = np.unique(np.abs(values), return_inverse=True)
    own = place[:, np.newaxis] == np.arange(len(sizes))  # (m, sizes)
    tied, net = counts @ own, counts @ (own * np.sign(values)[:, np.newaxis])  # (sets, sizes)
    rank = np.cumsum(tied, axis=1) - (tied - 1) / 2
    total, variance = (rank * net).sum(axis=1), (rank**2 * tied)[:, sizes > 0].sum(axis=1)
    return np.abs(total) / np.sqrt(np.where(variance > 0, variance, 1))


def _two_sided(noncentrality: float) -> float:
    return float(norm.cdf(noncentrality - Z) + norm.cdf(-noncentrality - Z))


def _noncentrality(target: float) -> float:
    """How many standard errors a difference must have: 2.80 for 80 %."""
    return brentq(lambda delta: _two_sided(delta) - target, 0, 20)


def check_target(target: float) -> None:
    """Raise `InvalidInput` for a power that cannot be asked for."""
    if not ALPHA < target < 1:
        raise InvalidInput(f"The power is {target:g}; it must be above {ALPHA:g} and below 1, as 0.8.")
