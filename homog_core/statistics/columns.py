"""Columns with one value per question, made ready for a statistic: what is undefined is left out, ties are found.

It does not know what is measured.
"""

from collections.abc import Sequence

import numpy as np
from scipy.stats import norm

from homog_core.errors import InvalidInput

Values = Sequence[float] | np.ndarray  # (n,) one per question, NaN where undefined

SAME = 1e-9  # what summing the same numbers in another order may do
Z = float(norm.ppf(0.975))  # of a two-sided 95 % interval


def complete_columns(*columns: Values) -> list[np.ndarray]:
    """The columns as floats, on the questions that all of them define. Raises `InvalidInput` where lengths differ."""
    arrays = [np.asarray(column, dtype=np.float64) for column in columns]
    if len({array.shape for array in arrays}) > 1:
        lengths = " and ".join(str(len(array)) for array in arrays)
        raise InvalidInput(f"The columns need one length, a value a question; these have {lengths}.")
    defined = ~np.any(np.isnan(arrays), axis=0)
    return [array[defined] for array in arrays]


def graded_columns(*columns: Values) -> list[np.ndarray]:
    """As `complete_columns`; the last one says yes or no. Raises `InvalidInput` where it holds other than 0 and 1."""
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
    """Dense ranks (n,) from 0. Neighbours in the sorted order tie when they are within `SAME`."""
    distinct, place = np.unique(scores, return_inverse=True)
    return np.concatenate([[0], np.cumsum(np.diff(distinct) > SAME)])[place]


def paired_differences(a: Values, b: Values) -> np.ndarray:
    """Differences b − a where both are defined. Raises `InvalidInput` where the lengths differ."""
    first, second = complete_columns(a, b)
    difference = np.round(second - first, 9)  # the same partition summed in another order is no difference
    return difference[~np.isnan(difference)]


def resampled_counts(values: np.ndarray, size: int, rng: np.random.Generator, n_resamples: int) -> np.ndarray:
    """How often each of 0 … size − 1 is drawn in resamples of `values` (n,): (n_resamples, size)."""
    drawn = np.sort(values)[rng.integers(len(values), size=(n_resamples, len(values)))]
    drawn += size * np.arange(n_resamples)[:, np.newaxis]
    return np.bincount(drawn.ravel(), minlength=n_resamples * size).reshape(n_resamples, size)
