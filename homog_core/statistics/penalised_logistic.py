"""Many small logistic regressions at once, by Newton's method.

Arrays only: it knows neither what a column is nor what is predicted.
"""

import numpy as np
from scipy.special import expit, logit

_MOST_STEPS = 100
_SMALLEST_STEP = 1e-10


def fit(columns: np.ndarray, y: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The weights (B, K) of B regressions of `y` (B, n) of 0 and 1 on `columns` (B, K, n).

    `counts` (B, n) is 1 where a row takes part in a regression and 0 where not. The first column is 1; every other one
    has an L2 penalty with C = 1. A regression whose last step was below 1e-10 is finished.
    """
    n_fits, n_columns, _ = columns.shape
    penalty = np.r_[0.0, np.ones(n_columns - 1)]
    weights = np.zeros((n_fits, n_columns))
    weights[:, 0] = logit((y * counts).sum(axis=1) / counts.sum(axis=1))
    at_work = np.arange(n_fits)
    for _ in range(_MOST_STEPS):
        own, now = columns[at_work], weights[at_work]
        probability = expit((now[:, None, :] @ own)[:, 0])
        error = (probability - y[at_work]) * counts[at_work]
        gradient = (own @ error[:, :, None])[:, :, 0] + penalty * now
        weight = probability * (1 - probability) * counts[at_work]
        curvature = (own * weight[:, None, :]) @ own.transpose(0, 2, 1) + np.diag(penalty)
        step = np.linalg.solve(curvature, gradient[:, :, None])[:, :, 0]
        weights[at_work] = now - step
        at_work = at_work[np.abs(step).max(axis=1) >= _SMALLEST_STEP]
        if not len(at_work):
            break
    return weights


def fit_rising(columns: np.ndarray, y: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The weights (B, K) of the smallest loss whose slopes are not negative; as `fit` otherwise.

    The slopes that are 0 are unknown, so each subset of the columns is solved and the best one without a negative slope
    is taken; the full set where it has none, which is then the minimum.
    """
    weights = fit(columns, y, counts)
    left = np.flatnonzero((weights[:, 1:] < 0).any(axis=1))
    if not len(left):
        return weights
    own, of_y, takes_part = columns[left], y[left], counts[left]
    best, least = np.zeros((len(left), columns.shape[1])), np.full(len(left), np.inf)
    slopes = columns.shape[1] - 1
    subsets = sorted(range(2**slopes - 1), key=lambda bits: -bits.bit_count())  # all but the full one, largest first
    for bits in subsets:
        chosen = [0, *(k + 1 for k in range(slopes) if bits >> k & 1)]
        found = np.zeros_like(best)
        found[:, chosen] = fit(own[:, chosen], of_y, takes_part)
        log_odds = (found[:, None, :] @ own)[:, 0]
        loss = ((np.logaddexp(0, log_odds) - of_y * log_odds) * takes_part).sum(axis=1)
        loss += (found[:, 1:] ** 2).sum(axis=1) / 2
        better = (loss < least) & (found[:, 1:] >= 0).all(axis=1)
        best[better], least[better] = found[better], loss[better]
    weights[left] = best
    return weights
