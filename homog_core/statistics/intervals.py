"""Rates and means over questions, with 95 % intervals."""

from typing import NamedTuple

import numpy as np
from scipy.stats import t

from homog_core.records import Estimate
from homog_core.statistics.columns import Values


class MeanColumns(NamedTuple):
    """`mean_estimate` of M columns: arrays (M,)."""

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    n: np.ndarray


def wilson_interval(successes: int, n: int) -> Estimate:
    """The share successes/n with its 95 % Wilson score interval (no continuity correction).

    n = 0: NaN throughout. Source: Wilson 1927.
    """
    share = successes / n if n else np.nan
    low, high = wilson_bounds(share, n)
    return Estimate(share, float(low), float(high), int(n), "wilson")


def wilson_bounds(share: float | np.ndarray, n: int | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """95 % Wilson bounds of shares of n, arrays in one go; NaN for n = 0.

    Also for the mean of n probabilities, such as the SCR at a smaller budget: their variance is at most that of a
    share, so the interval is no narrower than it should be. By statsmodels' `proportion_confint`; cut at the share, so
    that rounding puts no bound on its wrong side.
    """
    from statsmodels.stats.proportion import proportion_confint

    share, n = np.asarray(share, dtype=np.float64), np.where(np.asarray(n) == 0, np.nan, n)
    low, high = proportion_confint(share * n, n, method="wilson")
    return np.minimum(low, share), np.maximum(high, share)


def single_cluster_rate(n_clusters: Values) -> Estimate:
    """SCR: among questions with at least two valid responses, the share whose responses form one cluster.

    `n_clusters` holds K per question, NaN where the question has fewer than two valid responses: it then counts in
    neither numerator nor denominator. Returned with its denominator and a 95 % Wilson interval.
    """
    defined = np.asarray(n_clusters, dtype=np.float64)
    defined = defined[~np.isnan(defined)]
    return wilson_interval(int(np.count_nonzero(defined == 1)), len(defined))


def mean_estimate(values: Values) -> Estimate:
    """Mean over the questions where the value is defined, with its 95 % t interval (NaN bounds when n < 2)."""
    found = mean_estimates(np.asarray(values, dtype=np.float64)[:, None])
    mean, low, high = (float(column[0]) for column in found[:3])
    return Estimate(mean, low, high, int(found.n[0]), "t")


def mean_estimates(values: np.ndarray) -> MeanColumns:
    """`mean_estimate` of every column of (Q, M) in one go."""
    defined = ~np.isnan(values)
    n = defined.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(defined, values, 0).sum(axis=0) / n
        squares = np.where(defined, values - mean, 0) ** 2
        half = t.ppf(0.975, np.where(n > 1, n - 1, np.nan)) * np.sqrt(squares.sum(axis=0) / (n - 1)) / np.sqrt(n)
    return MeanColumns(mean, mean - half, mean + half, n)
