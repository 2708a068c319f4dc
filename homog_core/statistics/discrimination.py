"""How well a score tells incorrect from correct answers: AUROC, its intervals and differences, and Cohen's d."""

from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, logit, ndtr, ndtri
from scipy.stats import rankdata

from homog_core.records import Estimate
from homog_core.statistics.columns import (
    SAME,
    Values,
    Z,
    complete_columns,
    graded_columns,
    ranked_columns,
    resampled_counts,
    tie_groups,
)

_POWER = float(ndtri(0.8))  # standard errors beyond `Z` for a power of 80 %
FEWEST = 10  # of a class, below which no interval is given and no scores are ranked


def auroc(uncertainty: Values, incorrect: Values) -> float:
    """P(u of an incorrect one > u of a correct one) + ½ P(they tie), by midranks. In [0, 1]; 0.5 is chance.

    The positive class is *incorrect*: above 0.5 means that the uncertain answers are wrong more often. Never turned
    over: below 0.5 stays below. All scores tie: 0.5. One class only: NaN. Infinite scores rank at the ends. Source:
    Mann & Whitney 1947; scikit-learn's `roc_auc_score` apart from the tolerance for ties.
    """
    return _auroc(*ranked_columns(uncertainty, incorrect))


def is_constant(uncertainty: Values, incorrect: Values) -> bool:
    """Whether all scores tie, so that AUROC is 0.5 by definition: "no signal: all scores tie". No question: False."""
    ranks, _ = ranked_columns(uncertainty, incorrect)
    return len(ranks) > 0 and not ranks.any()


def auroc_estimate(uncertainty: Values, incorrect: Values) -> Estimate:
    """`auroc` with DeLong's 95 % interval on the logit scale, which keeps within [0, 1] and follows the skew near 1.

    logit(A) ± 1.96 s / (A (1 − A)), s² = var(placements of the incorrect)/m + var(placements of the correct)/n. All
    scores tie: [0.5, 0.5]. AUROC 0 or 1, where s is 0 and says nothing: the score interval by Newcombe's fifth method,
    named in `method`. Fewer than ten in a class: NaN bounds, since the interval covers too little there (0.88 with
    four). Source: DeLong et al. 1988, Sun & Xu 2014, Pepe 2003 for the logit; pROC's `ci.auc` is on the plain scale and
    cuts at 1.
    """
    ranks, wrong = ranked_columns(uncertainty, incorrect)
    value, n = _auroc(ranks, wrong), len(ranks)
    if np.isnan(value) or not ranks.any():
        return Estimate(value, value, value, n, "delong")
    if min(wrong.sum(), (~wrong).sum()) < FEWEST:
        return Estimate(value, np.nan, np.nan, n, "delong")
    if value in (0, 1):
        bound = _newcombe_bound(int(wrong.sum()), int((~wrong).sum()))
        return Estimate(value, *((bound, 1.0) if value else (0.0, 1 - bound)), n, "newcombe")
    half = Z * _delong_error(_placements(ranks, wrong)) / (value * (1 - value))
    return Estimate(value, float(expit(logit(value) - half)), float(expit(logit(value) + half)), n, "delong")


def auroc_bootstrap(uncertainty: Values, incorrect: Values, *, seed: int = 0, n_resamples: int = 2000) -> Estimate:
    """`auroc` with the 95 % percentile interval of a bootstrap that draws within each class, so that none is empty.

    Ties are exact in every resample, and the row order plays no part. Fewer than two in a class: NaN bounds. AUROC 0
    or 1: an interval of one point, since no resample has another; `auroc_estimate` says more there. No chart shows it:
    it is there to check DeLong's interval (docs/methods.md). Source: Carpenter & Bithell 2000; pROC's
    `ci.auc(method="bootstrap")`.
    """
    ranks, wrong = ranked_columns(uncertainty, incorrect)
    value, n = _auroc(ranks, wrong), len(ranks)
    if min(wrong.sum(), (~wrong).sum()) < 2:
        return Estimate(value, np.nan, np.nan, n, "stratified bootstrap")
    rng = np.random.default_rng(seed)
    above, below = (resampled_counts(ranks[side], ranks.max() + 1, rng, n_resamples) for side in (wrong, ~wrong))
    wins = above * (np.cumsum(below, axis=1) - below / 2)  # (resamples, groups)
    low, high = np.quantile(wins.sum(axis=1) / (wrong.sum() * (~wrong).sum()), [0.025, 0.975])
    return Estimate(value, float(low), float(high), n, "stratified bootstrap")


class AurocDifference(NamedTuple):
    """Two scores on the same questions: AUROC of the first minus that of the second."""

    difference: float
    low: float  # 95 % interval
    high: float
    pvalue: float  # two-sided

    @property
    def detectable(self) -> float:
        """The difference that this test finds in 80 % of samples like this one, at 5 %: 2.80 standard errors.

        From the interval, whose half is 1.96 of them. NaN where it says nothing, and where it is cut at ±1.
        """
        if not -1 < self.low < self.high < 1:
            return float("nan")
        return (self.high - self.low) / (2 * Z) * (Z + _POWER)


def delong_test(uncertainty_a: Values, uncertainty_b: Values, incorrect: Values) -> AurocDifference:
    """DeLong's test of AUROC(a) − AUROC(b), paired by question; the questions that all three columns define.

    Normal test of the difference over √(var(d of the incorrect)/m + var(d of the correct)/n), d the difference of the
    two placements. Identical rankings: 0, p = 1 exactly. One class only: NaN. Another difference with variance 0, as of
    a perfect score and a constant one, or fewer than two in a class: NaN bounds and p, since the normal approximation
    would claim certainty. Source: DeLong et al. 1988 by the midranks of Sun & Xu 2014; pROC's `roc.test`.
    """
    first, second, wrong = graded_columns(uncertainty_a, uncertainty_b, incorrect)
    if wrong.all() or not wrong.any():
        return AurocDifference(np.nan, np.nan, np.nan, np.nan)
    pair = [_placements(tie_groups(scores), wrong) for scores in (first, second)]
    change = _Placements(*(a - b for a, b in zip(*pair, strict=True)))
    if not any(side.any() for side in change):
        return AurocDifference(0.0, 0.0, 0.0, 1.0)
    difference, error = float(change.incorrect.mean()), _delong_error(change)
    if not error > SAME:
        return AurocDifference(difference, np.nan, np.nan, np.nan)
    low, high = np.clip([difference - Z * error, difference + Z * error], -1, 1)
    return AurocDifference(difference, float(low), float(high), float(2 * ndtr(-abs(difference) / error)))


def cohens_d(incorrect_values: Values, correct_values: Values) -> float:
    """(mean of incorrect − mean of correct) / s, s² = ((m − 1) s₁² + (n − 1) s₀²) / (m + n − 2), ddof = 1. Unbounded.

    Positive: incorrect answers are more uncertain. s = 0 with equal means: 0; with different means: NaN, since there is
    no spread to measure in. Fewer than two in a class, or an infinite value: NaN. Source: Cohen 1988; not corrected for
    small samples (Hedges' g).
    """
    return cohens_d_estimate(incorrect_values, correct_values).value


def cohens_d_estimate(incorrect_values: Values, correct_values: Values) -> Estimate:
    """`cohens_d` with its large-sample 95 % interval: d ± 1.96 √((m + n)/(m n) + d²/(2 (m + n))).

    s = 0 with equal means: [0, 0]. Undefined d, or fewer than ten in a class: NaN
    bounds. Source: Hedges & Olkin 1985. Entropies are far from normal,
    which the exact interval by the noncentral t would assume.
    """
    wrong, right = (complete_columns(values)[0] for values in (incorrect_values, correct_values))
    m, n = len(wrong), len(right)
    undefined = Estimate(np.nan, np.nan, np.nan, m + n, "hedges-olkin")
    if min(m, n) < 2 or not (np.isfinite(wrong).all() and np.isfinite(right).all()):
        return undefined
    difference = float(wrong.mean() - right.mean())
    pooled = float(np.sqrt(((m - 1) * wrong.var(ddof=1) + (n - 1) * right.var(ddof=1)) / (m + n - 2)))
    if pooled <= SAME:
        return Estimate(0.0, 0.0, 0.0, m + n, "hedges-olkin") if abs(difference) <= SAME else undefined
    d = difference / pooled
    if min(m, n) < FEWEST:
        return Estimate(d, np.nan, np.nan, m + n, "hedges-olkin")
    half = Z * np.sqrt((m + n) / (m * n) + d**2 / (2 * (m + n)))
    return Estimate(d, float(d - half), float(d + half), m + n, "hedges-olkin")


class _Placements(NamedTuple):
    """The share of the other class that is more certain, ties by half."""

    incorrect: np.ndarray  # (m,) one per incorrect question; the mean is the AUROC
    correct: np.ndarray  # (n,) one per correct question; the mean is 1 − AUROC


def _placements(ranks: np.ndarray, wrong: np.ndarray) -> _Placements:
    """Of dense ranks (n,), equal for ties."""
    of_wrong, of_right = np.bincount(ranks, wrong), np.bincount(ranks, ~wrong)  # of each rank
    below_wrong, below_right = (np.cumsum(side) - side / 2 for side in (of_wrong, of_right))
    return _Placements(below_right[ranks[wrong]] / of_right.sum(), below_wrong[ranks[~wrong]] / of_wrong.sum())


def _auroc(ranks: np.ndarray, wrong: np.ndarray) -> float:
    m, n = np.count_nonzero(wrong), np.count_nonzero(~wrong)
    wins = rankdata(ranks)[wrong].sum() - m * (m + 1) / 2  # halves: exact in any order
    return float(wins / (m * n)) if m and n else np.nan


def _delong_error(placements: _Placements) -> float:
    """Standard error of the mean of the placements; NaN with fewer than two in a class."""
    if min(len(side) for side in placements) < 2:
        return np.nan
    return float(np.sqrt(sum(side.var(ddof=1) / len(side) for side in placements)))


def _newcombe_bound(m: int, n: int) -> float:
    """Lower 95 % bound of an AUROC that is 1 in a sample of m and n: the θ for which (1 − θ)² = z² V(θ).

    V(θ) = θ (1 − θ) (1 + N (1 − θ)/(2 − θ) + N θ/(1 + θ)) / (m n), N = (m + n)/2 − 1. For m = n = 1 it is Wilson's
    bound of 1 in 1. Source: Newcombe 2006 part 2, method 5.
    """
    half = (m + n) / 2 - 1

    def excess(theta: float) -> float:  # both sides divided by 1 − θ
        shape = 1 + half * (1 - theta) / (2 - theta) + half * theta / (1 + theta)
        return 1 - theta - Z**2 * theta * shape / (m * n)

    return float(brentq(excess, 0, 1))
