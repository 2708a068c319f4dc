"""What N answers a question do not show of a run's model: how likely another answer is new, how many there may be.

By the estimators of `statistics.richness`, averaged over questions. Values, no sentences.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import exp

import numpy as np
import pandas as pd

from homog_core.analysis.scored_run import ScoredRun
from homog_core.measures.clustering import Clusterer
from homog_core.records import Estimate
from homog_core.statistics.columns import Values
from homog_core.statistics.intervals import mean_estimate, mean_estimates
from homog_core.statistics.richness import (
    chao_shen_entropy,
    estimated_hill_number,
    expected_curve,
    good_turing_coverage,
    hill_number,
    unseen_mass,
    vendi_score,
)


@dataclass(frozen=True, slots=True)
class Unseen:
    """What the answers of a run leave open; over the questions with at least two valid answers."""

    n_samples: int
    new: Estimate  # chance that another answer is in none of the clusters: mean of `unseen_mass`
    drawn: Estimate  # effective number of answers among those drawn: geometric mean of `hill_number` of order 1
    estimated: Estimate  # that of the model: geometric mean of exp(`chao_shen_entropy`)
    n_all_different: int  # questions whose answers all differ: their estimate depends on N alone


def unseen(scored: ScoredRun, clusterer: Clusterer, category: str = "") -> Unseen:
    """`Unseen` of one run. Geometric means, since entropies are what the estimators are made for."""
    sizes = _sizes(scored, clusterer, category)
    values = _by_partition(sizes, _left_open, 3)
    return Unseen(
        scored.n_samples,
        mean_estimate(values[:, 0]),
        _geometric(values[:, 1]),
        _geometric(values[:, 2]),
        int(np.sum(sizes.max(axis=1, initial=0) == 1)),
    )


def how_many(counts: np.ndarray, similarity: np.ndarray) -> list[dict[str, str | float]]:
    """How many answers one question has, by its cluster sizes and its similarity (N, N): statistic, drawn, estimated.

    NaN where one of the two is not defined. The Vendi score knows no clusters, and only describes what was drawn.
    """
    whole = similarity.copy()
    np.fill_diagonal(whole, 1.0)  # vectors are rounded, so an answer may be 0.9998 like itself
    rows = [
        {"statistic": name, "drawn": hill_number(counts, order), "estimated": estimated_hill_number(counts, order)}
        for order, name in enumerate(("different answers", "effective number", "effective number, order 2"))
    ]
    return [
        *rows,
        {"statistic": "Vendi score", "drawn": vendi_score(whole), "estimated": np.nan},
        {"statistic": "share of the model's answers seen", "drawn": np.nan, "estimated": good_turing_coverage(counts)},
        {"statistic": "chance that the next is new", "drawn": np.nan, "estimated": unseen_mass(counts)},
    ]


def growth(scored: ScoredRun, clusterer: Clusterer, category: str = "") -> pd.DataFrame:
    """Mean number of different answers among 1 … 2N: n_samples, value, low, high (t, over questions), n.

    Up to N exactly, beyond by `expected_curve`. Over the questions with all N valid answers.
    """
    sizes = _sizes(scored, clusterer, category)
    sizes = sizes[sizes.sum(axis=1) == scored.n_samples]
    columns = ["n_samples", "value", "low", "high", "n"]
    if not len(sizes):
        return pd.DataFrame(columns=columns)
    found = mean_estimates(_by_partition(sizes, _curve, 2 * scored.n_samples))
    return pd.DataFrame({"n_samples": np.arange(1, 2 * scored.n_samples + 1), **found._asdict()})


def _sizes(scored: ScoredRun, clusterer: Clusterer, category: str) -> np.ndarray:
    """Cluster sizes (Q, N) of the questions with at least two valid answers."""
    sizes = scored.sizes(clusterer)[scored.in_category(category)]
    return sizes[sizes.sum(axis=1) > 1]


def _by_partition(sizes: np.ndarray, compute: Callable[[tuple[int, ...]], np.ndarray], width: int) -> np.ndarray:
    """What `compute` gives for the cluster sizes of each question: (Q, width). Equal ones are computed once."""
    different, place = np.unique(sizes, axis=0, return_inverse=True)
    found = [compute(tuple(own[own > 0].tolist())) for own in different]
    return np.array(found).reshape(-1, width)[place.ravel()]


@lru_cache(maxsize=4096)
def _left_open(sizes: tuple[int, ...]) -> np.ndarray:
    """Chance of a new answer, and the logarithms of the effective numbers, drawn and estimated: (3,)."""
    return np.array([unseen_mass(sizes), np.log(hill_number(sizes, 1)), chao_shen_entropy(sizes)])


@lru_cache(maxsize=4096)
def _curve(sizes: tuple[int, ...]) -> np.ndarray:
    return expected_curve(sizes)


def _geometric(entropies: Values) -> Estimate:
    """The exponential of a mean and of its bounds."""
    found = mean_estimate(entropies)
    return Estimate(exp(found.value), exp(found.low), exp(found.high), found.n, found.method)
