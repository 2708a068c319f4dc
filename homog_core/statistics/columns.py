"""TODO homog_core.statistics.columns."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import norm

from homog_core.errors import InvalidInput
from homog_core.records import Estimate

Values = Sequence[float] | np.ndarray  # (n,) one per question, NaN where undefined


Labels = Sequence[int] | np.ndarray  # (N,) one per response


NAN = float("nan")


SAME = 1e-9  # what summing the same numbers in another order may do


Z = float(norm.ppf(0.975))


def percentiles(value: float, drawn: np.ndarray, n: int) -> Estimate:
    defined = drawn[~np.isnan(drawn)]
    low, high = np.quantile(defined, [0.025, 0.975]) if len(defined) and not np.isnan(value) else (NAN, NAN)
    return Estimate(value, float(low), float(high), n, "percentile bootstrap")


# Columns


def complete_columns(*columns: Values) -> list[np.ndarray]:
    """The columns as floats, on the questions that all of them define. Raises `InvalidInput` where lengths differ."""
    arrays = [np.asarray(column, dtype=np.float64) for column in columns]
    if len({array.shape for array in arrays}) > 1:
        lengths = " and ".join(str(len(array)) for array in arrays)
        raise InvalidInput(f"The columns need one length, a value a question; these have {lengths}.")
    defined = ~np.any(np.isnan(arrays), axis=0)
    return [array[defined] for array in arrays]


def graded_columns(*columns: Values) -> list[np.ndarray]:
    """As `_complete`; the last column says yes or no. Raises `InvalidInput` where it holds other than 0 and 1."""
    *scores, outcome = complete_columns(*columns)
    others = outcome[(outcome != 0) & (outcome != 1)]
    if len(others):
        raise InvalidInput(f"The grades must be 0, 1 or NaN; there is {others[0]:g}. Are scores and grades swapped?")
    return [*scores, outcome == 1]


def ranked_columns(uncertainty: Values, outcome: Values) -> tuple[np.ndarray, np.ndarray]:
    """Dense ranks (n,) from 0, equal for ties, and yes or no (n,), on the questions that have both."""
    scores, flags = graded_columns(uncertainty, outcome)
    return tie_groups(scores), flags


def tie_groups(scores: np.ndarray) -> np.ndarray:
    """Dense ranks (n,) from 0. Neighbours in the sorted order tie when they are within 1e-9."""
    distinct, place = np.unique(scores, return_inverse=True)
    return np.concatenate([[0], np.cumsum(np.diff(distinct) > SAME)])[place]


def paired_differences(a: Values, b: Values) -> np.ndarray:
    """Differences b − a where both are defined. Raises `InvalidInput` where the lengths differ."""
    first, second = complete_columns(a, b)
    difference = np.round(second - first, 9)  # the same partition summed in another order is no difference
    return difference[~np.isnan(difference)]


def resampled_counts(values: np.ndarray, size: int, rng: np.random.Generator, n_resamples: int) -> np.ndarray:
    """How often each of 0 … size − 1 is among as many draws from `values` (n,): (n_resamples, size)."""
    drawn = np.sort(values)[rng.integers(len(values), size=(n_resamples, len(values)))]
    drawn += size * np.arange(n_resamples)[:, np.newaxis]
    return np.bincount(drawn.ravel(), minlength=n_resamples * size).reshape(n_resamples, size)
