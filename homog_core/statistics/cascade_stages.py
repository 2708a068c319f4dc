"""The stages of a cascade: one model a stage, fitted out of fold, and the stage at which each question stops.

Arrays only: it knows neither what a signal is nor what a decision is worth. Five folds, stratified by correctness; what
is said of a question comes from the models of the other four.
"""

import warnings
from itertools import combinations
from typing import NamedTuple

import numpy as np
from scipy.special import expit, logit

N_FOLDS = 5


class StageData(NamedTuple):
    """K signals in order over Q graded questions."""

    values: np.ndarray  # (K, Q) uncertainties, NaN where undefined
    cost: np.ndarray  # (K, Q) of all stages up to this one
    incorrect: np.ndarray  # (Q,) bool
    group: np.ndarray  # (Q,) integers; only questions of one group are compared

    def at(self, questions: np.ndarray) -> "StageData":
        """The same of some questions alone."""
        rows = self.values[:, questions], self.cost[:, questions], self.incorrect[questions], self.group[questions]
        return StageData(*rows)


class Stages(NamedTuple):
    """What each stage says of each question, out of fold."""

    evidence: np.ndarray  # (K, Q) log odds of an error minus the base rate's; the latest defined one, otherwise 0
    weaker: np.ndarray  # (K, Q) share of the training questions with weaker evidence; −∞ where the stage is undefined
    base_rate: np.ndarray  # (Q,) log odds of an error in the training folds
    fold: np.ndarray  # (Q,)
    cell: np.ndarray  # (Q,) one fold of one group: the questions that are compared with each other


def deal_folds(data: StageData, seed: int) -> np.ndarray:
    """Fold (Q,) of each question: dealt within each class, in an order drawn over the sorted questions."""
    order = np.lexsort((data.incorrect, *data.cost[::-1], *data.values[::-1]))
    order = np.random.default_rng(seed).permutation(order)
    fold = np.empty(len(order), dtype=int)
    fold[order[np.argsort(data.incorrect[order], kind="stable")]] = np.arange(len(order)) % N_FOLDS
    return fold


def fit_stages(data: StageData, fold: np.ndarray) -> Stages:
    """Fit every stage on four folds and apply it to the fifth, for each of the five."""
    evidence, weaker = np.empty_like(data.values), np.empty_like(data.values)
    base_rate = np.empty(len(fold))
    for held_out in (fold == index for index in range(N_FOLDS)):
        latest = np.zeros(np.count_nonzero(held_out))
        for k in range(len(data.values)):
            found, weaker[k, held_out] = _fit_stage(data.values[: k + 1], data.incorrect, held_out)
            evidence[k, held_out] = latest = np.where(np.isnan(found), latest, found)
        base_rate[held_out] = logit(data.incorrect[~held_out].mean())
    cell = np.unique(np.stack([fold, data.group]), axis=1, return_inverse=True)[1]
    return Stages(evidence, weaker, base_rate, fold, cell)


def stops(stages: Stages, passed_on: float | np.ndarray) -> np.ndarray:
    """Stage (Q,) at which each question is decided: the first that does not pass it on, at the latest the last."""
    return np.cumprod(stages.weaker[:-1] < passed_on, axis=0).sum(axis=0, dtype=int)


def _fit_stage(values: np.ndarray, incorrect: np.ndarray, held_out: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Evidence and share of weaker evidence (n held out,) by a model of the other questions that define this stage."""
    defined = ~np.isnan(values[-1])
    training = defined & ~held_out
    if len(np.unique(incorrect[training])) < 2:
        return np.full(held_out.sum(), np.nan), np.full(held_out.sum(), -np.inf)
    log_odds = _fit_rising(values[:, training], incorrect[training], values)
    evidence = np.where(defined, log_odds - logit(incorrect[~held_out].mean()), np.nan)
    evidence = np.round(evidence, 6)  # what the solver leaves over is no evidence
    weights = np.sort(np.abs(evidence[training]))
    weaker = np.searchsorted(weights, np.abs(evidence)) / (len(weights) + 1)
    return evidence[held_out], np.where(defined, weaker, -np.inf)[held_out]


def _fit_rising(training: np.ndarray, incorrect: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Log odds (Q,) of an error by a logistic regression whose slopes are not negative.

    It is fitted on `training` (K, n) with `incorrect` (n,), and applied to `values` (K, Q).
    Higher is more uncertain by definition of a signal, so none may count the other way round; one that points the
    wrong way in the training folds has slope 0. L2 penalty with C = 1 on standardised signals, as scikit-learn's,
    which has no such bound; an undefined value counts as the mean.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a signal that is nowhere defined
        mean, scale = np.nanmean(training, axis=1), np.nanstd(training, axis=1)
    mean, scale = np.nan_to_num(mean), np.where(np.nan_to_num(scale) > 0, scale, 1.0)

    def standardised(rows: np.ndarray) -> np.ndarray:
        return np.nan_to_num((rows.T - mean) / scale)

    columns = np.column_stack([np.ones(len(incorrect)), standardised(training)])
    weights = _smallest_loss(columns, incorrect.astype(np.float64))
    return np.column_stack([np.ones(values.shape[1]), standardised(values)]) @ weights


def _smallest_loss(columns: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The weights (K + 1,) of the smallest loss whose slopes are not negative; the first column is the intercept.

    The slopes that are 0 are unknown, so each subset is solved and the best one without a negative slope is taken; the
    full set where it has none, which is then the minimum.
    """
    slopes = range(1, columns.shape[1])
    best, least = np.zeros(columns.shape[1]), np.inf
    for size in reversed(range(columns.shape[1])):
        for chosen in combinations(slopes, size):
            weights = np.zeros(columns.shape[1])
            weights[[0, *chosen]] = _newton(columns[:, [0, *chosen]], y)
            if (weights[1:] < 0).any():
                continue
            log_odds = columns @ weights
            loss = np.logaddexp(0, log_odds).sum() - y @ log_odds + weights[1:] @ weights[1:] / 2
            if size == len(slopes):
                return weights
            if loss < least:
                best, least = weights, loss
    return best


def _newton(columns: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Logistic regression by Newton's method; every column but the first has an L2 penalty with C = 1."""
    penalty = np.r_[0.0, np.ones(columns.shape[1] - 1)]
    weights = np.r_[logit(y.mean()), np.zeros(columns.shape[1] - 1)]
    for _ in range(100):
        probability = expit(columns @ weights)
        gradient = columns.T @ (probability - y) + penalty * weights
        curvature = (columns * (probability * (1 - probability))[:, None]).T @ columns + np.diag(penalty)
        step = np.linalg.solve(curvature, gradient)
        weights = weights - step
        if np.abs(step).max() < 1e-10:
            break
    return weights
