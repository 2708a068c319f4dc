"""Selective prediction: what it is worth to answer only the questions that a score is most certain of."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from homog_core.errors import InvalidInput
from homog_core.records import Estimate
from homog_core.statistics.columns import SAME, Values, ranked_columns, resampled_counts


class RiskCoverage(NamedTuple):
    """The k most certain are answered, k = 1 … n."""

    coverage: np.ndarray  # (n,) k/n
    risk: np.ndarray  # (n,) expected share of errors among them


def risk_coverage(uncertainty: Values, correct: Values) -> RiskCoverage:
    """Share of errors among the k most certain questions, for every k; averaged over the order of ties.

    Within a group of ties errors come at the group's own rate. All tie: the error rate throughout. No question: empty
    arrays. Source: El-Yaniv & Wiener 2010. Elsewhere ties usually stay in the order that a sort leaves them in.
    """
    ranks, right = ranked_columns(uncertainty, correct)
    counts = np.bincount(2 * ranks + ~right, minlength=2 * (ranks.max(initial=-1) + 1)).reshape(1, -1, 2)
    n = len(ranks)
    return RiskCoverage(np.arange(1, n + 1) / max(n, 1), _risk(counts)[0])


def aurc(uncertainty: Values, correct: Values) -> float:
    """Area under `risk_coverage`: the mean over k of the risk. In [0, 1]; lower is better. No question: NaN.

    All tie: the error rate. Source: Geifman & El-Yaniv 2017; a mean over k = 1 … n, not a trapezoid, and not the excess
    over the oracle (E-AURC).
    """
    risk = risk_coverage(uncertainty, correct).risk
    return float(risk.mean()) if len(risk) else np.nan


def prediction_rejection_ratio(uncertainty: Values, correct: Values) -> float:
    """PRR = (A − A_random)/(A_oracle − A_random), A the mean over k of the accuracy of the k most certain. At most 1.

    1: as good as the oracle, which answers all correct ones first; 0: as a random order, and when all tie; below 0:
    worse. A_random is the accuracy, in closed form. All or none correct: NaN. Source: Malinin & Gales 2021;
    lm-polygraph simulates the random order and leaves ties as sorted.
    """
    risk = risk_coverage(uncertainty, correct).risk
    return float(_prr(risk[np.newaxis])[0]) if len(risk) else np.nan


def selective_accuracy(uncertainty: Values, correct: Values, coverage: float) -> float:
    """Expected accuracy of the ⌈coverage · n⌉ most certain questions, averaged over the order of ties. In [0, 1].

    Coverage 1: the accuracy. No question: NaN. Raises `InvalidInput` for a coverage outside (0, 1].
    """
    risk = risk_coverage(uncertainty, correct).risk
    answered = n_answered(coverage, len(risk))
    return float(1 - risk[answered - 1]) if len(risk) else np.nan


class SelectiveEstimates(NamedTuple):
    """`aurc`, `prediction_rejection_ratio` and `selective_accuracy`, each with its interval."""

    aurc: Estimate
    prediction_rejection_ratio: Estimate
    selective_accuracy: Estimate


def selective_estimates(
    uncertainty: Values, correct: Values, coverage: float = 0.5, *, seed: int = 0, n_resamples: int = 2000
) -> SelectiveEstimates:
    """The three with 95 % percentile intervals of one bootstrap over questions; ties are exact in every resample.

    The row order plays no part. PRR takes the resamples that hold both classes. Fewer than two questions: NaN bounds.
    Raises `InvalidInput` for a coverage outside (0, 1].
    """
    ranks, right = ranked_columns(uncertainty, correct)
    n = len(ranks)
    values = (
        aurc(uncertainty, correct),
        prediction_rejection_ratio(uncertainty, correct),
        selective_accuracy(uncertainty, correct, coverage),
    )
    if n < 2:
        return SelectiveEstimates(*(Estimate(value, np.nan, np.nan, n, "percentile bootstrap") for value in values))
    risk = _resampled_risk(ranks, right, seed, n_resamples)
    draws = (risk.mean(axis=1), _prr(risk), 1 - risk[:, n_answered(coverage, n) - 1])
    return SelectiveEstimates(*(_percentiles(value, drawn, n) for value, drawn in zip(values, draws, strict=True)))


def selective_accuracies(
    uncertainty: Values, correct: Values, coverages: Sequence[float], *, seed: int = 0, n_resamples: int = 2000
) -> list[Estimate]:
    """`selective_accuracy` at each of some coverages, with the intervals of `selective_estimates`: of one bootstrap."""
    ranks, right = ranked_columns(uncertainty, correct)
    n = len(ranks)
    values = [selective_accuracy(uncertainty, correct, coverage) for coverage in coverages]
    if n < 2:
        return [Estimate(value, np.nan, np.nan, n, "percentile bootstrap") for value in values]
    risk = _resampled_risk(ranks, right, seed, n_resamples)
    drawn = (1 - risk[:, n_answered(coverage, n) - 1] for coverage in coverages)
    return [_percentiles(value, own, n) for value, own in zip(values, drawn, strict=True)]


def _resampled_risk(ranks: np.ndarray, right: np.ndarray, seed: int, n_resamples: int) -> np.ndarray:
    """`_risk` (n_resamples, n) of resamples of n questions with their dense ranks."""
    n_groups = ranks.max() + 1
    counts = resampled_counts(2 * ranks + ~right, 2 * n_groups, np.random.default_rng(seed), n_resamples)
    return _risk(counts.reshape(n_resamples, n_groups, 2))


def _percentiles(value: float, drawn: np.ndarray, n: int) -> Estimate:
    defined = drawn[~np.isnan(drawn)]
    low, high = np.quantile(defined, [0.025, 0.975]) if len(defined) and not np.isnan(value) else (np.nan, np.nan)
    return Estimate(value, float(low), float(high), n, "percentile bootstrap")


def _risk(counts: np.ndarray) -> np.ndarray:
    """Expected risk (samples, n) of the k most certain from counts (samples, tie groups, [correct, incorrect])."""
    sizes = counts.sum(axis=2)
    rate = counts[..., 1] / np.maximum(sizes, 1)
    expected = np.repeat(rate.ravel(), sizes.ravel()).reshape(len(counts), -1)  # (samples, n) error of the k-th
    return np.cumsum(expected, axis=1) / np.arange(1, expected.shape[1] + 1)


def _prr(risk: np.ndarray) -> np.ndarray:
    """PRR (samples,) of risks (samples, n); NaN where all or none are correct."""
    n = risk.shape[1]
    wrong = np.rint(risk[:, -1] * n).astype(int)
    harmonic = np.concatenate([[0.0], np.cumsum(1 / np.arange(1, n + 1))])
    oracle = (wrong - (n - wrong) * (harmonic[n] - harmonic[n - wrong])) / n  # its AURC: errors from k = n_correct on
    gain = np.where(wrong % n == 0, np.nan, wrong / n - oracle)
    return (wrong / n - risk.mean(axis=1)) / gain


def n_answered(coverage: float, n: int | np.ndarray) -> int | np.ndarray:
    """⌈coverage · n⌉, where 0.07 · 100 is 7 whatever floating point makes of it.

    Raises `InvalidInput` for a coverage outside (0, 1].
    """
    if not 0 < coverage <= 1:
        raise InvalidInput(f"The coverage is {coverage:g}; it must be above 0 and at most 1.")
    return np.maximum(1, np.ceil(coverage * np.asarray(n) - SAME).astype(int))
