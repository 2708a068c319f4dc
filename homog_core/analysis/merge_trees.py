"""How the answers to many questions merge as the threshold falls: every partition at every threshold, without a loop.

Arrays only: it knows neither runs nor clusterers.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.cluster.hierarchy import linkage


@dataclass(frozen=True, slots=True, eq=False)
class MergeTrees:
    """The merge trees of Q questions: N − 1 steps a question, padded with +∞."""

    height: np.ndarray  # (Q, N − 1) distance at which a step merges; +∞ where there is none
    merges: np.ndarray  # (Q, N − 1, 2) the two that it merges: answer i is i, and what step s has made is N + s
    n_valid: np.ndarray  # (Q,) answers; 0 where the similarities do not fit them
    at_equality: bool  # whether a distance of exactly 1 − τ merges

    def merged(self, threshold: float) -> np.ndarray:
        """Which steps (Q, N − 1) have happened at a threshold."""
        if self.at_equality:  # as `Clusterer.labels`, which compares in the similarities' own precision
            return self.height <= 1.0 - float(np.float32(threshold))
        return self.height < 1.0 - threshold

    def labels(self, threshold: float) -> np.ndarray:
        """Labels (Q, N) of the valid answers at a threshold, any integers; −1 where there is no answer."""
        n_questions, steps, _ = self.merges.shape
        n = steps + 1
        owner = np.tile(np.arange(2 * n), (n_questions, 1))  # what an answer, or what a step has made, goes into
        q, step = np.nonzero(self.merged(threshold))
        for side in (0, 1):
            owner[q, self.merges[q, step, side]] = n + step
        for _ in range(int(np.ceil(np.log2(2 * n)))):  # an owner's owner, until nothing goes any further
            owner = np.take_along_axis(owner, owner, axis=1)
        return np.where(np.arange(n) < self.n_valid[:, None], owner[:, :n], -1)

    def is_single(self, thresholds: np.ndarray) -> np.ndarray:
        """Whether each question is one cluster at each of T thresholds: (Q, T). A question without two answers is."""
        last = np.where(np.isfinite(self.height), self.height, -np.inf).max(axis=1, initial=-np.inf)
        if self.at_equality:
            return last[:, None] <= 1.0 - thresholds.astype(np.float32).astype(np.float64)
        return last[:, None] < 1.0 - thresholds


def merge_trees(similarities: Iterable[np.ndarray], n: int, *, average: bool) -> MergeTrees:
    """The trees of Q questions from their condensed similarities; average linkage, or single linkage for components.

    Similarities are taken one after the other: those of 2,000 answers to one question fill 8 MB.
    """
    steps, found = max(n, 1) - 1, []
    for condensed in similarities:
        n_valid = n_answers(len(condensed))
        height, merges = np.full(steps, np.inf), np.zeros((steps, 2), dtype=np.int32)
        if n_valid > 1:
            distances = np.clip(1.0 - np.asarray(condensed, dtype=np.float64), 0.0, None)
            tree = linkage(distances, method="average" if average else "single")
            pairs = tree[:, :2].astype(np.int32)
            merges[: len(tree)] = np.where(pairs < n_valid, pairs, pairs - n_valid + steps + 1)
            height[: len(tree)] = tree[:, 2]
        found.append((height, merges, n_valid))
    heights, merges, n_valid = zip(*found, strict=True) if found else ((), (), ())
    return MergeTrees(
        np.array(heights, dtype=np.float64).reshape(len(found), steps),
        np.array(merges, dtype=np.int32).reshape(len(found), steps, 2),
        np.array(n_valid, dtype=int),
        at_equality=not average,
    )


def n_answers(n_pairs: int) -> int:
    """How many answers have that many pairs."""
    return int((1 + np.sqrt(1 + 8 * n_pairs)) / 2)


def cluster_sizes(labels: np.ndarray) -> np.ndarray:
    """Cluster sizes (Q, N), descending, from labels (Q, N) with −1 where there is no answer; 0 below two answers."""
    counts = by_cluster(labels, np.ones(labels.shape))
    sizes = -np.sort(-counts, axis=1)[:, : labels.shape[1]].astype(int)
    return np.where(sizes.sum(axis=1, keepdims=True) > 1, sizes, 0)


def cluster_scores(sizes: np.ndarray) -> dict[str, np.ndarray]:
    """num_semantic_sets and discrete_semantic_entropy (Q,) from cluster sizes; NaN with fewer than two answers."""
    total = sizes.sum(axis=1, keepdims=True)
    share = sizes / np.where(total, total, 1)
    entropy = -np.sum(share * np.log(np.where(share > 0, share, 1)), axis=1)
    n_sets = (sizes > 0).sum(axis=1).astype(float)
    undefined = total[:, 0] < 2
    entropy[n_sets == 1] = 0.0
    return {
        "num_semantic_sets": np.where(undefined, np.nan, n_sets),
        "discrete_semantic_entropy": np.where(undefined, np.nan, entropy),
    }


def likelihood_weighted_entropy(labels: np.ndarray, mean_logprobs: np.ndarray) -> np.ndarray:
    """`uncertainty.semantic_entropy` of all questions (Q,) in one go.

    `labels` (Q, N) with −1 where there is no answer, `mean_logprobs` (Q, N) with NaN there. NaN below two answers.
    """
    logprobs = np.where(labels >= 0, mean_logprobs, -np.inf)
    known = (labels >= 0).sum(axis=1) > 1
    best = np.max(logprobs, axis=1, keepdims=True, where=np.isfinite(logprobs), initial=-np.inf)
    weight = np.exp(logprobs - np.where(np.isfinite(best), best, 0))
    mass = by_cluster(labels, weight)
    total = mass.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = mass / total
        entropy = -np.sum(np.where(share > 0, share * np.log(share), 0), axis=1)
    entropy[(mass > 0).sum(axis=1) == 1] = 0.0
    return np.where(known & ~np.isnan(weight).any(axis=1), entropy, np.nan)


def by_cluster(labels: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Sums (Q, 2N) of the weights (Q, N) of each label of each question; labels are below 2N, −1 counts nowhere."""
    q, n = labels.shape
    width = 2 * n + 1  # the last place takes those without an answer
    places = np.where(labels < 0, 2 * n, labels) + width * np.arange(q)[:, None]
    sums = np.bincount(places.ravel(), weights=weights.ravel(), minlength=q * width)
    return sums.reshape(q, width)[:, : 2 * n]
