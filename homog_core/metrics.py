"""Statistics of a run, with their intervals (docs/methods.md §4).

Each takes one value per question and returns an `Estimate`. Randomness, where there is any, is an argument.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import binomtest, t, wilcoxon

from homog_core.errors import InvalidInput
from homog_core.grading import normalise
from homog_core.records import Estimate, Response

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


class Degeneration(NamedTuple):
    """What tells a broken model from a homogenised one: shares of answers, in [0, 1]."""

    distinct_across_questions: float  # different greedy answers over questions; 1: every question has its own
    most_common_answer: float  # the greedy answer given to most questions
    looping: float  # of all valid answers: one word 3-gram three times or more
    cut: float  # of all answers: ended by the token limit
    invalid: float  # of all answers: empty, or ended in an error


def degeneration(greedy: Sequence[Response], sampled: Sequence[Response]) -> Degeneration:
    """How far a model's answers are broken. Greedy answers (one a question) are compared by their normalised words.

    A homogenised model gives one answer per question and different ones to different questions; a broken one loops,
    says nothing, or says the same to everything. No answers: NaN.
    """
    counts = Counter(normalise(response.answer) for response in greedy if response.is_valid)
    answers = [response for response in sampled if response.is_valid]
    return Degeneration(
        len(counts) / counts.total() if counts else _NAN,
        max(counts.values()) / counts.total() if counts else _NAN,
        _share([is_looping(response.answer) for response in answers]),
        _share([response.finish_reason == "length" for response in sampled]),
        _share([not response.is_valid for response in sampled]),
    )


def is_looping(text: str) -> bool:
    """Whether three neighbouring words come back at least three times."""
    words = normalise(text).split()
    return max(Counter(zip(words, words[1:], words[2:], strict=False)).values(), default=0) >= 3


def _share(flags: Sequence[bool]) -> float:
    return sum(flags) / len(flags) if flags else _NAN


class PairedTest(NamedTuple):
    """A paired comparison of two runs over the same questions."""

    difference: float  # second minus first: mean, or rate
    pvalue: float  # two-sided; NaN where nothing can be compared
    n: int  # questions where both are defined


def wilcoxon_signed_rank(a: Sequence[float] | np.ndarray, b: Sequence[float] | np.ndarray) -> PairedTest:
    """Wilcoxon signed-rank test of b − a, paired by question, zero differences by Pratt's rule; NaN pairs are left out.

    `difference` is the mean of b − a. All differences zero: p = 1. No pair: NaN. Source: Pratt 1959, by
    `scipy.stats.wilcoxon`; SPSS and R drop the zeros instead, which overstates an effect on the questions that moved.
    """
    difference = _paired(a, b)
    if len(difference) == 0:
        return PairedTest(_NAN, _NAN, 0)
    pvalue = float(wilcoxon(difference, zero_method="pratt").pvalue) if np.any(difference) else 1.0
    return PairedTest(float(difference.mean()), pvalue, len(difference))


def mcnemar_exact(a: Sequence[float] | np.ndarray, b: Sequence[float] | np.ndarray) -> PairedTest:
    """McNemar's exact test of two yes/no columns paired by question; NaN pairs are left out.

    Two-sided binomial test of the discordant pairs against one half; none discordant: p = 1. `difference` is the
    second rate minus the first. Source: McNemar 1947, by `scipy.stats.binomtest`; statsmodels' `mcnemar(exact=True)`.
    """
    difference = _paired(a, b)
    if len(difference) == 0:
        return PairedTest(_NAN, _NAN, 0)
    gained, lost = int(np.sum(difference > 0)), int(np.sum(difference < 0))
    pvalue = float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0
    return PairedTest(float(difference.mean()), pvalue, len(difference))


def paired_bootstrap_difference(
    a: Sequence[float] | np.ndarray, b: Sequence[float] | np.ndarray, *, seed: int = 0, n_resamples: int = 2000
) -> Estimate:
    """Mean of b − a over the questions where both are defined, with its 95 % percentile interval over questions.

    Every question is drawn together with its partner. Seeded by an argument; NaN bounds below two pairs.
    """
    difference = _paired(a, b)
    n = len(difference)
    if n < 2:
        return Estimate(float(difference[0]) if n else _NAN, _NAN, _NAN, n, "paired bootstrap")
    drawn = np.random.default_rng(seed).integers(n, size=(n_resamples, n))
    low, high = np.quantile(difference[drawn].mean(axis=1), [0.025, 0.975])
    return Estimate(float(difference.mean()), float(low), float(high), n, "paired bootstrap")


def holm(pvalues: Sequence[float] | np.ndarray) -> np.ndarray:
    """P values (m,) adjusted by Holm's step-down method for the m comparisons shown together; NaN stays NaN.

    The k-th smallest is multiplied by m − k + 1, made monotone and cut at 1. Source: Holm 1979; the same as
    statsmodels' `multipletests(method="holm")`.
    """
    p = np.asarray(pvalues, dtype=np.float64)
    adjusted = np.full(len(p), _NAN)
    order = np.argsort(p)[: np.count_nonzero(~np.isnan(p))]
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1)), 1.0)
    return adjusted


def _paired(a: Sequence[float] | np.ndarray, b: Sequence[float] | np.ndarray) -> np.ndarray:
    """Differences b − a where both are defined. Raises `InvalidInput` where the lengths differ."""
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if first.shape != second.shape:
        raise InvalidInput(f"A paired test needs two columns of one length; these have {len(first)} and {len(second)}.")
    difference = np.round(second - first, 9)  # the same partition summed in another order is no difference
    return difference[~np.isnan(difference)]
