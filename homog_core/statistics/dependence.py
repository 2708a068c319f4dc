"""How two signals depend on each other."""

from typing import NamedTuple

import numpy as np
from scipy.stats import pearsonr, spearmanr

from homog_core.records import Estimate
from homog_core.statistics.columns import Values, Z, complete_columns, tie_groups


class Correlation(NamedTuple):
    """Two signals over the same questions."""

    pearson: Estimate
    spearman: Estimate


def correlation(a: Values, b: Values) -> Correlation:
    """Pearson's r with Fisher's 95 % interval and Spearman's ρ with Bonett & Wright's, where both are defined.

    tanh(artanh(r) ± 1.96 √(v/(n − 3))), v = 1 for Pearson and 1 + ρ²/2 for Spearman. In [−1, 1]. A constant column, or
    fewer than two questions: NaN; fewer than four: NaN bounds. An infinite value makes Pearson NaN and ranks at the end
    for Spearman. Source: Fisher 1915, Bonett & Wright 2000, by `scipy.stats.pearsonr` and `spearmanr`.
    """
    x, y = complete_columns(a, b)
    ranks = tie_groups(x), tie_groups(y)
    varies = len(x) > 1 and all(column.any() for column in ranks)
    finite = bool(np.isfinite(x).all() and np.isfinite(y).all())
    r = float(pearsonr(x, y).statistic) if varies and finite else np.nan
    rho = float(spearmanr(*ranks).statistic) if varies else np.nan
    return Correlation(
        Estimate(r, *_tanh_interval(r, 1, len(x)), len(x), "fisher-z"),
        Estimate(rho, *_tanh_interval(rho, 1 + rho**2 / 2, len(x)), len(x), "bonett-wright"),
    )


def _tanh_interval(r: float, variance: float, n: int) -> tuple[float, float]:
    if n < 4:
        return np.nan, np.nan
    half = Z * np.sqrt(variance / (n - 3))
    with np.errstate(divide="ignore"):  # r = ±1: the interval is that point
        centre = np.arctanh(r)
    return float(np.tanh(centre - half)), float(np.tanh(centre + half))
