"""The stages of a cascade: one model a stage, fitted out of fold, and the stage at which each question stops.

Arrays only: it knows neither what a signal is nor what a decision is worth. Five folds, stratified by correctness; what
is said of a question comes from the models of the other four.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import logit

N_FOLDS = 5


class StageData(NamedTuple):
    """K signals in order over Q graded questions."""

    values: np.ndarray  # (K, Q) uncertainties, NaN where undefined
    cost: np.ndarray  # (K, Q) of all stages up to this one
    incorrect: np.ndarray  # (Q,) bool

    def at(self, questions: np.ndarray) -> "StageData":
        """The same of some questions alone."""
        return StageData(self.values[:, questions], self.cost[:, questions], self.incorrect[questions])


class Stages(NamedTuple):
    """What each stage says of each question, out of fold."""

    evidence: np.ndarray  # (K, Q) log odds of an error minus the base rate's; the latest defined one, otherwise 0
    weaker: np.ndarray  # (K, Q) share of the training questions with weaker evidence; −∞ where the stage is undefined
    base_rate: np.ndarray  # (Q,) log odds of an error in the training folds
    fold: np.ndarray  # (Q,)


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
    return Stages(evidence, weaker, base_rate, fold)


def stops(stages: Stages, passed_on: float | np.ndarray) -> np.ndarray:
    """Stage (Q,) at which each question is decided: the first that does not pass it on, at the latest the last."""
    return np.cumprod(stages.weaker[:-1] < passed_on, axis=0).sum(axis=0, dtype=int)


def _fit_stage(values: np.ndarray, incorrect: np.ndarray, held_out: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Evidence and share of weaker evidence (n held out,) by a model of the other questions that define this stage."""
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    defined = ~np.isnan(values[-1])
    training = defined & ~held_out
    if len(np.unique(incorrect[training])) < 2:
        return np.full(held_out.sum(), np.nan), np.full(held_out.sum(), -np.inf)
    model = make_pipeline(
        SimpleImputer(keep_empty_features=True),
        StandardScaler(),
        LogisticRegression(solver="newton-cholesky", tol=1e-9),
    ).fit(values[:, training].T, incorrect[training])
    evidence = np.full(len(incorrect), np.nan)
    evidence[defined] = model.decision_function(values[:, defined].T) - logit(incorrect[~held_out].mean())
    evidence = np.round(evidence, 6)  # what the solver leaves over is no evidence
    weights = np.sort(np.abs(evidence[training]))
    weaker = np.searchsorted(weights, np.abs(evidence)) / (len(weights) + 1)
    return evidence[held_out], np.where(defined, weaker, -np.inf)[held_out]
