"""Tests and differences of two runs, paired by question, and the adjustment of several p values."""

from typing import NamedTuple

import numpy as np
from scipy.stats import binomtest, wilcoxon

from homog_core.records import Estimate
from homog_core.statistics.columns import Values, complete_columns, paired_differences
from homog_core.statistics.intervals import wilson_interval


class PairedTest(NamedTuple):
    """A paired comparison of two runs over the same questions."""

    difference: float  # second minus first: mean, or rate
    pvalue: float  # two-sided; NaN where nothing can be compared
    n: int  # questions where both are defined


def wilcoxon_signed_rank(a: Values, b: Values) -> PairedTest:
    """Wilcoxon signed-rank test of b − a, paired by question, zero differences by Pratt's rule; NaN pairs are left out.

    `difference` is the mean of b − a. All differences zero: p = 1. No pair: NaN. Source: Pratt 1959, by
    `scipy.stats.wilcoxon`; SPSS and R drop the zeros instead, which overstates an effect on the questions that moved.
    """
    difference = paired_differences(a, b)
    if len(difference) == 0:
        return PairedTest(np.nan, np.nan, 0)
    pvalue = float(wilcoxon(difference, zero_method="pratt").pvalue) if np.any(difference) else 1.0
    return PairedTest(float(difference.mean()), pvalue, len(difference))


def mcnemar_exact(a: Values, b: Values) -> PairedTest:
    """McNemar's exact test of two yes/no columns paired by question; NaN pairs are left out.

    Two-sided binomial test of the discordant pairs against one half; none discordant: p = 1. `difference` is the
    second rate minus the first. Source: McNemar 1947, by `scipy.stats.binomtest`; statsmodels' `mcnemar(exact=True)`.
    """
    difference = paired_differences(a, b)
    if len(difference) == 0:
        return PairedTest(np.nan, np.nan, 0)
    gained, lost = int(np.sum(difference > 0)), int(np.sum(difference < 0))
    pvalue = float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0
    return PairedTest(float(difference.mean()), pvalue, len(difference))


def paired_bootstrap_difference(a: Values, b: Values, *, seed: int = 0, n_resamples: int = 2000) -> Estimate:
    """Mean of b − a over the questions where both are defined, with its 95 % percentile interval over questions.

    Every question is drawn together with its partner. Seeded by an argument; NaN bounds below two pairs. All
    differences equal: resampling has no spread, and of two yes/no columns the interval is Newcombe's
    (`paired_rate_difference`); of others it is one point.
    """
    difference = paired_differences(a, b)
    n = len(difference)
    if n < 2:
        return Estimate(float(difference[0]) if n else np.nan, np.nan, np.nan, n, "paired bootstrap")
    if not np.ptp(difference) and _is_yes_or_no(a) and _is_yes_or_no(b):
        return paired_rate_difference(a, b)
    drawn = np.random.default_rng(seed).integers(n, size=(n_resamples, n))
    low, high = np.quantile(difference[drawn].mean(axis=1), [0.025, 0.975])
    return Estimate(float(difference.mean()), float(low), float(high), n, "paired bootstrap")


def paired_rate_difference(a: Values, b: Values) -> Estimate:
    """Rate of b minus rate of a, two yes/no columns paired by question, with Newcombe's 95 % interval.

    Both rates' Wilson bounds are combined by φ, the correlation of the columns (0 where one of them is constant),
    corrected for continuity where it is positive. NaN pairs are left out; no pair: NaN. Never without width. Source:
    Newcombe 1998, Statistics in Medicine 17, 2635–2650, method 10.
    """
    first, second = complete_columns(a, b)
    both = ~np.isnan(first) & ~np.isnan(second)
    first, second, n = first[both], second[both], int(both.sum())
    one, two = wilson_interval(int(first.sum()), n), wilson_interval(int(second.sum()), n)
    phi, difference = _phi(first, second), two.value - one.value
    reach = lambda x, y: float(np.sqrt(max(x**2 - 2 * phi * x * y + y**2, 0.0)))
    low = difference - reach(two.value - two.low, one.high - one.value)
    high = difference + reach(two.high - two.value, one.value - one.low)
    return Estimate(difference, low, high, n, "newcombe")


def _is_yes_or_no(column: Values) -> bool:
    values = np.asarray(column, dtype=np.float64)
    return bool(np.isin(values[~np.isnan(values)], (0.0, 1.0)).all())


def _phi(a: np.ndarray, b: np.ndarray) -> float:
    """Newcombe's φ of two yes/no columns (n,)."""
    n, yes_a, yes_b = len(a), a.sum(), b.sum()
    below = np.sqrt(yes_a * (n - yes_a) * yes_b * (n - yes_b))
    above = np.sum(a * b) * np.sum((1 - a) * (1 - b)) - np.sum(a * (1 - b)) * np.sum((1 - a) * b)
    above = max(above - n / 2, 0.0) if above > 0 else above
    return float(above / below) if below else 0.0


def holm(pvalues: Values) -> np.ndarray:
    """P values (m,) adjusted by Holm's step-down method for the m comparisons shown together; NaN stays NaN.

    The k-th smallest is multiplied by m − k + 1, made monotone and cut at 1. Source: Holm 1979. Not by statsmodels'
    `multipletests`, which each time collects the garbage of the whole process: of a server, for tenths of a second.
    """
    p = np.asarray(pvalues, dtype=np.float64)
    order = np.argsort(p)[: np.count_nonzero(~np.isnan(p))]  # NaN is sorted to the end
    adjusted = np.full(len(p), np.nan)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1)), 1)
    return adjusted
