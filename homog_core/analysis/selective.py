"""What answering only the certain questions is worth: selective accuracy, and calibration of a score."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from homog_core.analysis.rates import fields
from homog_core.records import Estimate
from homog_core.statistics.calibration import (
    brier_score,
    expected_calibration_error,
    platt_probabilities,
    reliability,
)
from homog_core.statistics.columns import SAME
from homog_core.statistics.discrimination import is_constant
from homog_core.statistics.intervals import wilson_interval
from homog_core.statistics.selective import risk_coverage, selective_accuracies

COVERAGES = (0.25, 0.5, 0.75, 1.0)  # at which selective accuracy gets an interval
N_BINS = 10
N_RESAMPLES = 1000


@dataclass(frozen=True, slots=True, eq=False)
class Coverage:
    """Selective accuracy of one score: the whole curve, and some points of it with their intervals."""

    curve: pd.DataFrame  # coverage, value
    points: pd.DataFrame  # coverage, value, low, high, n
    no_signal: bool  # all scores tie: a flat line by definition


def coverage_of(values: np.ndarray, correct: np.ndarray) -> Coverage:
    """Accuracy of the most certain questions against how many are answered; ties by their expected order."""
    found = risk_coverage(values, correct)
    coverages = COVERAGES if len(found.risk) else ()
    estimates = selective_accuracies(values, correct, coverages, n_resamples=N_RESAMPLES)
    rows = [{"coverage": own, **fields(estimate)} for own, estimate in zip(coverages, estimates, strict=True)]
    points = pd.DataFrame(rows, columns=["coverage", "value", "low", "high", "n"])
    curve = pd.DataFrame({"coverage": found.coverage, "value": 1 - found.risk})
    return Coverage(curve, points, is_constant(values, correct))


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """Probabilities of being correct that come from one score, before and after Platt scaling."""

    bins: pd.DataFrame  # when, probability, value (share correct), low, high (Wilson), n; one row a bin that is filled
    summary: pd.DataFrame  # when, measure (ECE, Brier), value, low, high, n


def calibration_of(values: np.ndarray, correct: np.ndarray) -> Calibration:
    """Reliability diagram, ECE and Brier score before and after Platt scaling, over the graded questions.

    ECE over ten bins; the diagram has five where there are fewer than 300 questions. Before: the score read as it
    stands, 1 where it is smallest and 0 where it is largest among these questions, in proportion between. After:
    `statistics.platt_probabilities`, out of fold. Both are undefined where the score is undefined; "after" also with
    fewer than five of a class, "before" also where all scores tie.
    """
    graded = ~np.isnan(values) & ~np.isnan(correct)
    shown = N_BINS if graded.sum() >= 30 * N_BINS else N_BINS // 2  # fewer bins where they would be nearly empty
    said = {"before": _as_it_stands(values, graded), "after": platt_probabilities(values, correct)}
    bins, summary = [], []
    for when, probability in said.items():
        diagram = reliability(probability, correct, shown)
        for mean, share, n in zip(diagram.probability, diagram.accuracy, diagram.count, strict=True):
            if n:
                bins.append({"when": when, "probability": mean, **fields(wilson_interval(round(share * n), int(n)))})
        for measure, found in calibration_estimates(probability, correct).items():
            summary.append({"when": when, "measure": measure, **fields(found)})
    columns = ["when", "probability", "value", "low", "high", "n"]
    return Calibration(pd.DataFrame(bins, columns=columns), pd.DataFrame(summary))


def _as_it_stands(values: np.ndarray, graded: np.ndarray) -> np.ndarray:
    finite = values[graded & np.isfinite(values)]
    if not len(finite) or np.ptp(finite) <= SAME:
        return np.full(len(values), np.nan)
    scaled = (np.clip(values, finite.min(), finite.max()) - finite.min()) / np.ptp(finite)
    return np.where(graded, 1 - scaled, np.nan)


def calibration_estimates(probability: np.ndarray, correct: np.ndarray, seed: int = 0) -> dict[str, Estimate]:
    """ECE and Brier score with 95 % basic intervals of one bootstrap over questions, cut at 0 and 1.

    Basic, not percentile: resampling adds to the ECE what sampling has added to it already, and the basic interval
    turns that round.
    """
    both = ~np.isnan(probability) & ~np.isnan(correct)
    p, right, n = probability[both], correct[both], int(both.sum())
    values = {"ECE": expected_calibration_error(p, right, N_BINS), "Brier": brier_score(p, right)}
    if n < 2:
        return {name: Estimate(value, np.nan, np.nan, n, "basic bootstrap") for name, value in values.items()}
    drawn = np.random.default_rng(seed).integers(n, size=(N_RESAMPLES, n))
    bin_of = np.minimum((p * N_BINS).astype(int), N_BINS - 1)
    gap = np.zeros((N_RESAMPLES, N_BINS))
    np.add.at(gap, (np.arange(N_RESAMPLES)[:, None], bin_of[drawn]), (right - p)[drawn])
    draws = {"ECE": np.abs(gap).sum(axis=1) / n, "Brier": ((p - right) ** 2)[drawn].mean(axis=1)}
    return {
        name: Estimate(value, *_reflected(value, draws[name]), n, "basic bootstrap") for name, value in values.items()
    }


def _reflected(value: float, draws: np.ndarray) -> tuple[float, float]:
    high, low = np.clip(2 * value - np.quantile(draws, [0.025, 0.975]), 0, 1)
    return float(low), float(high)
