"""Calibration: probabilities of being correct made from a score, and how far they can be believed."""

from typing import NamedTuple

import numpy as np

from homog_core.errors import InvalidInput
from homog_core.statistics.columns import Values, graded_columns


def platt_probabilities(uncertainty: Values, correct: Values, *, seed: int = 0, folds: int = 5) -> np.ndarray:
    """Out-of-fold probability (n,) of being correct: logistic regression on the standardised score. In [0, 1].

    Stratified folds over questions, shuffled by `seed`; each question is predicted by the model of the other folds. NaN
    where score or grade is undefined, and throughout with fewer than `folds` in a class. Infinite scores count as the
    largest finite one. All scores tie: the base rate of the other folds. Source: Platt 1999, by scikit-learn's
    `LogisticRegression` without penalty; Platt's own targets are pulled in from 0 and 1, so that classes which the
    score separates get less extreme probabilities there.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    scores, rows, right = graded_columns(uncertainty, np.arange(len(uncertainty)), correct)
    probabilities, finite = np.full(len(uncertainty), np.nan), scores[np.isfinite(scores)]
    if min(right.sum(), (~right).sum()) < folds or not len(finite):
        return probabilities
    order = np.lexsort((right, scores))  # the folds do not depend on the order of the questions
    model = make_pipeline(StandardScaler(), LogisticRegression(C=np.inf))
    split = StratifiedKFold(folds, shuffle=True, random_state=seed)
    inputs = np.clip(scores, finite.min(), finite.max())[order, np.newaxis]
    fitted = cross_val_predict(model, inputs, right[order], cv=split, method="predict_proba")
    probabilities[rows[order].astype(int)] = fitted[:, 1]
    return probabilities


class Reliability(NamedTuple):
    """A reliability diagram: what was said and what was true, in bins of equal width."""

    edges: np.ndarray  # (bins + 1,) from 0 to 1
    probability: np.ndarray  # (bins,) mean probability of being correct; NaN in an empty bin
    accuracy: np.ndarray  # (bins,) share that is correct; NaN in an empty bin
    count: np.ndarray  # (bins,) questions


def reliability(probability: Values, correct: Values, bins: int = 10) -> Reliability:
    """The diagram of probabilities of being correct. Bins are [k/bins, (k + 1)/bins), the last one with 1.

    Raises `InvalidInput` for a probability outside [0, 1]. scikit-learn's `calibration_curve` drops empty bins and has
    no counts; Guo et al. 2017 close the bins on the right.
    """
    p, right = graded_columns(probability, correct)
    if np.any((p < 0) | (p > 1)):
        raise InvalidInput(f"Probabilities lie between 0 and 1; these go from {p.min():g} to {p.max():g}.")
    index = np.digitize(p, np.arange(1, bins) / bins)
    count = np.bincount(index, minlength=bins)
    said, true = (np.bincount(index, weights=column, minlength=bins) for column in (p, right))
    filled = np.where(count, count, np.nan)
    return Reliability(np.arange(bins + 1) / bins, said / filled, true / filled, count)


def expected_calibration_error(probability: Values, correct: Values, bins: int = 10) -> float:
    """ECE = Σ_b (n_b/n) |accuracy_b − mean probability_b| over the bins of `reliability`. In [0, 1]; 0 is calibrated.

    No question: NaN. Source: Naeini et al. 2015; Guo et al. 2017. It depends on the number of bins and is biased
    upwards in small samples.
    """
    diagram = reliability(probability, correct, bins)
    n = diagram.count.sum()
    return float(np.nansum(diagram.count * np.abs(diagram.accuracy - diagram.probability)) / n) if n else np.nan


def brier_score(probability: Values, correct: Values) -> float:
    """Mean squared distance of the probability of being correct from 0 or 1. In [0, 1]; lower is better.

    Always 0.5: 0.25. No question: NaN. Source: Brier 1950, half of his two-class sum, by scikit-learn's
    `brier_score_loss`.
    """
    from sklearn.metrics import brier_score_loss

    p, right = graded_columns(probability, correct)
    return float(brier_score_loss(right, p, pos_label=True)) if len(p) else np.nan
