"""The two examples of the Methods page that move with a slider: an AUROC and a threshold.

The numbers are invented, few enough to count by hand; what is computed from them is computed by the real functions.
"""

from dataclasses import dataclass

import numpy as np

from homog_core.measures.clustering import Clusterer, by_size, medoids
from homog_core.statistics.discrimination import auroc

RIGHT_SCORES = (0.31, 0.58, 0.83, 0.97, 1.12, 1.34, 1.66, 2.03)  # uncertainty of eight right answers


TOY_QUESTION = "What is the capital of Australia?"


TOY_ANSWERS = (
    "The capital is Canberra",
    "The capital is Canberra of course",
    "The capital city is Canberra",
    "The capital is Sydney",
    "It is Sydney",
    "Melbourne",
)


@dataclass(frozen=True, slots=True, eq=False)
class ToyAuroc:
    """Eight wrong answers against eight right ones, pair by pair."""

    wrong: np.ndarray  # (8,) scores, the highest first
    right: np.ndarray  # (8,) scores, the highest first
    won: np.ndarray  # (8, 8) 1 where the wrong answer has the higher score, ½ where both are equal, else 0
    auroc: float
    false_alarms: np.ndarray  # the ROC curve, in numbers of right answers …
    hits: np.ndarray  # … and of wrong ones


def toy_auroc(separation: float) -> ToyAuroc:
    """The scores of the wrong answers are those of the right ones plus `separation`."""
    from sklearn.metrics import roc_curve

    right = np.sort(np.array(RIGHT_SCORES))[::-1]
    wrong = np.round(right + separation, 9)
    difference = wrong[:, np.newaxis] - right[np.newaxis, :]
    won = (difference > 1e-9) + 0.5 * (np.abs(difference) <= 1e-9)
    incorrect = np.repeat([1, 0], len(right))
    scores = np.concatenate([wrong, right])
    false_alarms, hits, _ = roc_curve(incorrect, scores, drop_intermediate=False)
    return ToyAuroc(wrong, right, won, auroc(scores, incorrect), len(right) * false_alarms, len(right) * hits)


@dataclass(frozen=True, slots=True, eq=False)
class ToyClusters:
    """`TOY_ANSWERS` in clusters."""

    similarity: np.ndarray  # (6, 6)
    labels: np.ndarray  # (6,) 0 is the largest cluster
    typical: np.ndarray  # (K,) index of the most typical answer of each cluster


def toy_clusters(threshold: float) -> ToyClusters:
    """Clusters of `TOY_ANSWERS` by shared pairs of words (Jaccard) at a threshold."""
    clusterer = Clusterer("jaccard", threshold)
    similarity = clusterer.similarity(TOY_ANSWERS, {})
    labels = by_size(clusterer.labels(similarity))
    return ToyClusters(similarity, labels, medoids(similarity, labels))
