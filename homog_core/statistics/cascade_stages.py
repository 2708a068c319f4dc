"""The stages of a cascade: one model a stage, fitted out of fold, and the stage at which each question stops.

Arrays only: it knows neither what a signal is nor what a decision is worth. Five folds, stratified by correctness; what
is said of a question comes from the models of the other four.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import logit

from homog_core.statistics.penalised_logistic import fit_rising

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
    return fit_many([data], [fold])[0]


def fit_many(several: Sequence[StageData], folds: Sequence[np.ndarray]) -> list[Stages]:
    """`fit_stages` of several data of the same signals at once, each with its folds."""
    n, n_signals = max(map(len, folds)), len(several[0].values)
    values, incorrect = np.full((len(several), n_signals, n), np.nan), np.zeros((len(several), n), dtype=bool)
    fold = np.full((len(several), n), -1)
    for i, (data, own) in enumerate(zip(several, folds, strict=True)):
        values[i, :, : len(own)], incorrect[i, : len(own)], fold[i, : len(own)] = data.values, data.incorrect, own
    training = np.concatenate([(fold != index) & (fold >= 0) for index in range(N_FOLDS)])
    fits = _Fits(np.tile(values, (N_FOLDS, 1, 1)), np.tile(incorrect, (N_FOLDS, 1)), training)
    found = [_fit_stage(fits, k) for k in range(n_signals)]
    shape = N_FOLDS, len(several), n
    rows = np.where(fold >= 0, fold, 0), np.arange(len(several))[:, None], np.arange(n)  # what was held out
    base_rate = np.broadcast_to(fits.base_rate()[:, None], training.shape).reshape(shape)[rows]
    evidence = np.stack([of_stage.reshape(shape)[rows] for of_stage, _ in found])
    weaker = np.stack([of_stage.reshape(shape)[rows] for _, of_stage in found])
    latest = np.zeros(fold.shape)
    for k in range(n_signals):
        evidence[k] = latest = np.where(np.isnan(evidence[k]), latest, evidence[k])
    return [
        Stages(evidence[:, i, : len(own)], weaker[:, i, : len(own)], base_rate[i, : len(own)], own, _cells(data, own))
        for i, (data, own) in enumerate(zip(several, folds, strict=True))
    ]


def _cells(data: StageData, fold: np.ndarray) -> np.ndarray:
    return np.unique(np.stack([fold, data.group]), axis=1, return_inverse=True)[1]


def stops(stages: Stages, passed_on: float | np.ndarray) -> np.ndarray:
    """Stage (…, Q) at which each question is decided: the first that does not pass it on, at the latest the last.

    `passed_on` is one share, one a question (Q,), or several (G, 1, 1), which give (G, Q).
    """
    return np.cumprod(stages.weaker[:-1] < passed_on, axis=-2).sum(axis=-2, dtype=int)


class _Fits(NamedTuple):
    """B fits of the same stages, each by other questions; padded to n of them."""

    values: np.ndarray  # (B, K, n) uncertainties, NaN where undefined
    incorrect: np.ndarray  # (B, n) bool
    training: np.ndarray  # (B, n) whether a question may be fitted on

    def base_rate(self) -> np.ndarray:
        """Log odds (B,) of an error among the training questions."""
        return logit((self.incorrect & self.training).sum(axis=1) / self.training.sum(axis=1))


def _fit_stage(fits: _Fits, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Evidence (B, n) and share of weaker evidence (B, n) by models of the questions that define this stage."""
    values, defined = fits.values[:, : k + 1], ~np.isnan(fits.values[:, k])
    training = fits.training & defined
    evidence, weaker = np.full(defined.shape, np.nan), np.full(defined.shape, -np.inf)
    n_incorrect = (training & fits.incorrect).sum(axis=1)
    fitted = np.flatnonzero((n_incorrect > 0) & (n_incorrect < training.sum(axis=1)))
    if not len(fitted):
        return evidence, weaker
    log_odds = _log_odds(values[fitted], fits.incorrect[fitted], training[fitted])
    found = log_odds - fits.base_rate()[fitted, None]
    evidence[fitted] = np.where(defined[fitted], np.round(found, 6), np.nan)  # what the solver leaves is no evidence
    for b in fitted:
        weights = np.sort(np.abs(evidence[b, training[b]]))
        weaker[b, defined[b]] = np.searchsorted(weights, np.abs(evidence[b, defined[b]])) / (len(weights) + 1)
    return evidence, weaker


def _log_odds(values: np.ndarray, incorrect: np.ndarray, training: np.ndarray) -> np.ndarray:
    """Log odds (B, n) of an error by logistic regressions on `values` (B, K, n) whose slopes are not negative.

    Higher is more uncertain by definition of a signal, so none may count the other way round; one that points the
    wrong way in the training folds has slope 0. L2 penalty with C = 1 on standardised signals, as scikit-learn's,
    which has no such bound; an undefined value counts as the mean.
    """
    known = ~np.isnan(values) & training[:, None]
    n_known = np.maximum(known.sum(axis=2, keepdims=True), 1)  # 0: a signal that is nowhere defined, whose sum is 0
    mean = np.where(known, values, 0.0).sum(axis=2, keepdims=True) / n_known
    scale = np.sqrt((np.where(known, values - mean, 0.0) ** 2).sum(axis=2, keepdims=True) / n_known)
    standardised = np.nan_to_num((values - mean) / np.where(scale > 0, scale, 1.0))
    columns = np.concatenate([np.ones((len(values), 1, values.shape[2])), standardised], axis=1)
    weights = fit_rising(columns, incorrect.astype(np.float64), training.astype(np.float64))
    return (weights[:, None, :] @ columns)[:, 0]
