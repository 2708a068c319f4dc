"""Statistics of a run, with their intervals (docs/methods.md §4).

Each takes one value per question and returns an `Estimate`. Randomness, where there is any, is an argument.
"""

from collections.abc import Sequence

import numpy as np
from scipy.stats import binomtest, t

from homog_core.records import Estimate

_NAN = float("nan")


def wilson_interval(successes: int, n: int) -> Estimate:
    """The share successes/n with its 95 % Wilson score interval (no continuity correction).

    n = 0: NaN throughout. Source: Wilson 1927, by `scipy.stats.binomtest`.
    """
    if n == 0:
        return Estimate(_NAN, _NAN, _NAN, 0, "wilson")
    interval = binomtest(int(successes), int(n)).proportion_ci(confidence_level=0.95, method="wilson")
    return Estimate(successes / n, float(interval.low), float(interval.high), int(n), "wilson")


def single_cluster_rate(n_clusters: Sequence[float] | np.ndarray) -> Estimate:
    """SCR: among questions with at least two valid responses, the share whose responses form one cluster.

    `n_clusters` holds K per question, NaN where the question has fewer than two valid responses: it then counts in
    neither numerator nor denominator. Returned with its denominator and a 95 % Wilson interval.
    """
    defined = np.asarray(n_clusters, dtype=np.float64)
    defined = defined[~np.isnan(defined)]
    return wilson_interval(int(np.count_nonzero(defined == 1)), len(defined))


def mean_estimate(values: Sequence[float] | np.ndarray) -> Estimate:
    """Mean over the questions where the value is defined, with its 95 % t interval (NaN bounds when n < 2)."""
    defined = np.asarray(values, dtype=np.float64)
    defined = defined[~np.isnan(defined)]
    n = len(defined)
    if n < 2:
        return Estimate(float(defined[0]) if n else _NAN, _NAN, _NAN, n, "t")
    mean = float(defined.mean())
    half = float(t.ppf(0.975, n - 1) * defined.std(ddof=1) / np.sqrt(n))
    return Estimate(mean, mean - half, mean + half, n, "t")
