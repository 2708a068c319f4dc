"""Whether different models say the same: how often, and how much of what their own concentration allows.

A model that always gives one answer is homogenized within itself; models that give each other's answers are homogenized
between themselves. Arrays only: the answers of all models to a question have been clustered together.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from homog_core.records import Estimate

N_RESAMPLES = 1000
MOST_UNDEFINED = 0.025  # share of the resamples without a value; beyond it there is no interval
_METHOD = "bootstrap over questions"


@dataclass(frozen=True, slots=True, eq=False)
class Matrix:
    """A statistic of every two of R models, with its 95 % interval; the diagonal is of a model with itself."""

    value: np.ndarray  # (R, R), symmetric; NaN where it is not defined
    low: np.ndarray  # (R, R)
    high: np.ndarray  # (R, R)


@dataclass(frozen=True, slots=True, eq=False)
class BetweenModels:
    """How R models overlap in their answers; all intervals are over questions, the models being given."""

    n: np.ndarray  # (R, R) questions on which both have at least two answers
    same: Matrix  # probability that an answer of one and an answer of the other are the same
    overlap: Matrix  # that probability as a share of its ceiling, the geometric mean of their own; 1 on the diagonal
    within: Estimate  # mean of the diagonal of `same`
    between: Estimate  # mean of what is off the diagonal
    shared: Estimate  # mean overlap of the pairs
    within_families: Estimate  # mean overlap of the pairs of one family
    between_families: Estimate  # mean overlap of the pairs of two families
    families_differ: Estimate  # the first minus the second


def same_answer(labels: np.ndarray, model: np.ndarray, n_models: int) -> np.ndarray:
    """Probability that two answers to one question are the same, for every two of R models: (R, R), symmetric.

    `labels` (M,) is the cluster of each answer, `model` (M,) the model that it is from, 0 … R − 1. Of two models
    Σ_c p_i(c) p_j(c), of one with itself Σ_c n(n − 1) / N(N − 1): both without bias for the models' own clusters. NaN
    where a model has fewer than two answers. Source: Simpson 1949 on the diagonal; off it Nei 1978, who has it as J_XY.
    """
    _, cluster = np.unique(labels, return_inverse=True)
    counts = np.zeros((n_models, cluster.max(initial=-1) + 1))
    np.add.at(counts, (model, cluster), 1)
    total = counts.sum(axis=1)
    total[total < 2] = np.nan
    found = counts @ counts.T / np.outer(total, total)
    np.fill_diagonal(found, (counts * (counts - 1)).sum(axis=1) / (total * (total - 1)))
    return found


def between_models(same: np.ndarray, families: Sequence[str], seed: int = 0) -> BetweenModels:
    """`BetweenModels` of R models from the `same_answer` of Q ≥ 1 questions, (Q, R, R); `families` names each model's.

    With B_ij the mean of Σ p_i p_j over the questions that both have, and W_i and W_j the means of their own over the
    same questions, the overlap is B_ij / √(W_i W_j). By Cauchy and Schwarz it is at most 1 in the models themselves,
    and 1 only where both have the same distribution on every question, however concentrated; 0 where they never meet.
    Estimates of few answers can go beyond 1. A ratio of means, since a question whose answers all differ has a W of 0;
    NaN where W_i or W_j is 0 throughout. Intervals by the percentile bootstrap over questions, each drawn with all its
    models; none for fewer than two questions. Source: Nei 1978 (genetic identity, without bias); Pianka 1973 for the
    name of overlap. Morisita's index has the arithmetic mean instead, and so falls where two models differ in
    concentration alone.
    """
    n_questions, n_models = same.shape[:2]
    n = (~np.isnan(same)).sum(axis=0)
    mean, overlap = _matrices(same, np.ones((1, n_questions)))
    drawn = np.random.default_rng(seed).multinomial(n_questions, np.full(n_questions, 1 / n_questions), N_RESAMPLES)
    again = _matrices(same, drawn.astype(float)) if n_questions > 1 else (np.full((1, n_models, n_models), np.nan),) * 2
    pairs, own = np.triu(np.ones((n_models, n_models), dtype=bool), 1), np.eye(n_models, dtype=bool)
    alike = np.array(families)[:, None] == np.array(families)[None, :]
    asked = {
        "within": (mean, again[0], own),
        "between": (mean, again[0], pairs),
        "shared": (overlap, again[1], pairs),
        "within_families": (overlap, again[1], pairs & alike),
        "between_families": (overlap, again[1], pairs & ~alike),
    }
    values = {name: (_mean(first, where)[0], _mean(more, where)) for name, (first, more, where) in asked.items()}
    inside, across = values["within_families"], values["between_families"]
    values["families_differ"] = (inside[0] - across[0], inside[1] - across[1])
    means = {
        name: Estimate(value, *(float(b) for b in _bounds(value, more)), n_questions, _METHOD)
        for name, (value, more) in values.items()
    }
    return BetweenModels(n, _matrix(mean[0], again[0]), _matrix(overlap[0], again[1]), **means)


def similar_order(overlap: np.ndarray) -> list[int]:
    """The models (R,) in an order that sets similar ones side by side: average linkage on 1 − overlap, best leaves."""
    if len(overlap) < 3:
        return list(range(len(overlap)))
    distance = np.clip(1 - np.nan_to_num(overlap), 0, None)
    np.fill_diagonal(distance, 0)
    tree = linkage(squareform(distance, checks=False), method="average", optimal_ordering=True)
    return leaves_list(tree).tolist()


def _matrices(same: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean of `same` (Q, R, R) and the overlap, each (S, R, R), for S ways to weigh the questions, (S, Q)."""
    n_questions, n_models = same.shape[:2]
    known = ~np.isnan(same)
    own = np.where(known, np.diagonal(same, axis1=1, axis2=2)[:, :, None], 0.0)  # W_i of the pair's questions
    shape = (len(weights), n_models, n_models)
    joint, first, n = (
        (weights @ table.reshape(n_questions, -1)).reshape(shape) for table in (np.nan_to_num(same), own, known * 1.0)
    )
    ceiling = np.sqrt(first * first.transpose(0, 2, 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(n > 0, joint / n, np.nan), np.where(ceiling > 0, joint / ceiling, np.nan)


def _mean(found: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Mean (S,) over some cells of (S, R, R), without those that are not defined; NaN where there is none."""
    cells = found[:, where]
    known = ~np.isnan(cells)
    total = known.sum(axis=1)
    return np.where(total > 0, np.where(known, cells, 0).sum(axis=1) / np.maximum(total, 1), np.nan)


def _matrix(value: np.ndarray, again: np.ndarray) -> Matrix:
    low, high = _bounds(value, again)
    return Matrix(value, low, high)


def _bounds(value: np.ndarray | float, again: np.ndarray) -> np.ndarray:
    """The bounds (2, …) of a value from what the resamples (S, …) gave; NaN where too many of them gave none."""
    bad = np.isnan(value) | (np.isnan(again).mean(axis=0) > MOST_UNDEFINED)
    drawn = np.where(bad, 0.0, again)
    cells = drawn.reshape(len(drawn), -1)
    some = np.isnan(cells).any(axis=0)  # which cost a loop in Python
    found = np.empty((2, cells.shape[1]))
    found[:, ~some] = np.quantile(cells[:, ~some], [0.025, 0.975], axis=0)
    found[:, some] = np.nanquantile(cells[:, some], [0.025, 0.975], axis=0)
    return found.reshape((2, *drawn.shape[1:])) + np.where(bad, np.nan, 0.0)
