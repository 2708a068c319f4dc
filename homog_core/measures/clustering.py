"""Similarity of the responses to one question → one integer label per response (docs/methods.md §2).

Pure arrays and strings: it does not know where embeddings or NLI probabilities come from. Similarities are (N, N) and
symmetric; labels are (N,) integers numbered 0… by first appearance.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.cluster.hierarchy import linkage
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import squareform

from homog_core.errors import InvalidInput
from homog_core.measures.combined import Weights, probabilities, signs, weights_of
from homog_core.measures.conflicts import disagreements, statements
from homog_core.measures.overlap import shared_counts
from homog_core.typed import typed

_VIEWS = {"embedding": "answer", "embedding_masked": "masked", "combined": "masked"}  # which text is encoded
METHODS = ("jaccard", *_VIEWS, "nli", "judge")
ENTAILMENT_RULES = ("bidirectional", "non_contradiction", "either")
JACCARD_THRESHOLD = 0.4
PUBLISHED_COSINE_THRESHOLD = 0.85  # the one of arXiv:2603.24124, offered beside the calibrated default
MAX_THRESHOLD = 0.99  # at 1, floating point separates identical answers


def jaccard_similarity(texts: Sequence[str], n: int = 2) -> np.ndarray:
    """Jaccard index of the sets of lower-cased word n-grams, words split at white space.

    A text with fewer than `n` words is the set of its one whole text, so a one-word text is the set of that word.
    Two empty texts have similarity 1. Returns (N, N) in [0, 1]. Source: the published clusterer of arXiv:2603.24124.
    """
    shared = shared_counts([_ngrams(text, n) for text in texts])
    union = np.add.outer(np.diag(shared), np.diag(shared)) - shared
    return np.divide(shared, union, out=np.ones(shared.shape), where=union > 0)


def _ngrams(text: str, n: int) -> set[tuple[str, ...]]:
    words = text.lower().split()
    if len(words) < n:
        return {tuple(words)} if words else set()
    return {tuple(words[i : i + n]) for i in range(len(words) - n + 1)}


def cosine_similarity(embeddings: np.ndarray) -> np.ndarray:
    """Cosine of every pair of rows of `embeddings` (N, d) → (N, N) in [−1, 1] with an exact unit diagonal.

    A zero row has similarity 0 to every other.
    """
    embeddings = np.asarray(embeddings, dtype=np.float64)
    norms = np.linalg.norm(embeddings, axis=1, keepdims=True)
    unit = embeddings / np.where(norms > 0, norms, 1.0)
    similarity = np.clip(unit @ unit.T, -1.0, 1.0)
    np.fill_diagonal(similarity, 1.0)
    return similarity


def set_similarity(windows: Sequence[np.ndarray]) -> np.ndarray:
    """Similarity of answers that are read in windows: N arrays (w, d) of unit vectors → (N, N), unit diagonal.

    The cosine where both have one window. Otherwise each window's best cosine in the other answer, averaged both ways.
    """
    if all(len(own) == 1 for own in windows):
        return cosine_similarity(np.concatenate(windows)) if len(windows) else np.zeros((0, 0))
    stacked = np.concatenate(windows).astype(np.float64)  # (W, d)
    counts = np.array([len(own) for own in windows])
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    best = np.maximum.reduceat(stacked @ stacked.T, starts, axis=1)  # (W, N), of each window in each answer
    mean = np.add.reduceat(best, starts, axis=0) / counts[:, None]
    similarity = np.clip((mean + mean.T) / 2, -1.0, 1.0)
    np.fill_diagonal(similarity, 1.0)
    return similarity


def cluster_components(joined: np.ndarray) -> np.ndarray:
    """Connected components of the joined pairs (N, N) of booleans → labels (N,). Independent of the order."""
    joined = np.asarray(joined, dtype=bool)
    if not len(joined):
        return np.zeros(0, dtype=np.int64)
    _, labels = connected_components(joined | joined.T, directed=False)
    return first_appearance(labels)


def cluster_first_member(joined: np.ndarray) -> np.ndarray:
    """Each response joins the first cluster whose first member it is joined with → labels (N,).

    The greedy rule of much published code. It depends on the order: with A~B, B~C and A≁C it gives two clusters in
    the order A, B, C and one in the order B, A, C.
    """
    joined = np.asarray(joined, dtype=bool)
    labels = np.zeros(len(joined), dtype=np.int64)
    first_members: list[int] = []
    for i in range(len(joined)):
        label = next((k for k, first in enumerate(first_members) if joined[first, i]), len(first_members))
        if label == len(first_members):
            first_members.append(i)
        labels[i] = label
    return labels


def average_linkage_heights(similarity: np.ndarray) -> np.ndarray:
    """The N − 1 merge heights of average linkage on distance 1 − similarity, ascending; none for one response.

    They answer every threshold at once (`n_clusters_at`). Nothing here needs them: they are for those who check the
    clusters from outside.
    """
    if len(similarity) < 2:
        return np.zeros(0)
    return np.sort(_average_linkage(similarity)[:, 2])


def cluster_average_linkage(similarity: np.ndarray, threshold: float) -> np.ndarray:
    """Average linkage on distance 1 − similarity, merging strictly below 1 − `threshold` → labels (N,).

    The same as scikit-learn's `AgglomerativeClustering(metric="precomputed", linkage="average",
    distance_threshold=1 - threshold)`, from the same tree as `average_linkage_heights`.
    """
    if len(similarity) < 2:
        return np.zeros(len(similarity), dtype=np.int64)
    tree, n = _average_linkage(similarity).tolist(), len(similarity)  # SciPy's cut takes longer than its tree
    labels = [*range(n + len(tree))]  # of the answers, then of the merges: each its own, or that of the merge above it
    for node in reversed(range(len(tree))):
        first, second, height, _ = tree[node]
        if height < 1.0 - threshold:
            labels[int(first)] = labels[int(second)] = labels[n + node]
    return first_appearance(labels[:n])


def n_clusters_at(heights: np.ndarray, threshold: float) -> int:
    """K at a threshold from the `average_linkage_heights` of one question: 1 + #(heights ≥ 1 − τ)."""
    return 1 + int(np.count_nonzero(heights >= 1.0 - threshold))


def first_appearance(labels: Sequence[int] | np.ndarray) -> np.ndarray:
    """The same partition with labels renumbered 0… by first appearance."""
    _, index, inverse = np.unique(np.asarray(labels), return_index=True, return_inverse=True)
    rank = np.empty(len(index), dtype=np.int64)
    rank[np.argsort(index)] = np.arange(len(index))
    return rank[inverse]


def _average_linkage(similarity: np.ndarray) -> np.ndarray:
    distances = np.clip(1.0 - np.asarray(similarity, dtype=np.float64), 0.0, None)
    np.fill_diagonal(distances, 0.0)
    return linkage(squareform((distances + distances.T) / 2, checks=False), method="average")


def entailment_joins(probabilities: np.ndarray, rule: str = "bidirectional") -> np.ndarray:
    """Which pairs of responses an NLI model joins: (N, N) booleans, symmetric, every response joined with itself.

    `probabilities` (N, N, 3): entailment, neutral, contradiction of premise i and hypothesis j; the diagonal is not
    read. `bidirectional` (Kuhn et al. 2023; the default): entailment is the likeliest class both ways.
    `non_contradiction` (the laxer one of Farquhar et al. 2024): contradiction is the likeliest in neither direction,
    and not both are neutral. `either`: entailment is the likeliest in at least one direction, as some packages do.
    The first of tied classes counts as the likeliest. Raises `InvalidInput` for another rule or another shape.
    """
    probabilities = np.asarray(probabilities)
    if probabilities.ndim != 3 or probabilities.shape[0] != probabilities.shape[1] or probabilities.shape[2] != 3:
        raise InvalidInput(f"NLI probabilities must have shape (N, N, 3); these have {probabilities.shape}.")
    if rule not in ENTAILMENT_RULES:
        raise InvalidInput(f"There is no entailment rule {rule!r}; use one of {', '.join(ENTAILMENT_RULES)}.")
    likeliest = probabilities.argmax(axis=2)
    entails, neutral, contradicts = (likeliest == k for k in range(3))
    joined = {
        "bidirectional": entails & entails.T,
        "non_contradiction": ~contradicts & ~contradicts.T & ~(neutral & neutral.T),
        "either": entails | entails.T,
    }[rule]
    np.fill_diagonal(joined, True)
    return joined


def entailment_similarity(probabilities: np.ndarray) -> np.ndarray:
    """(P_ent(i→j) + P_ent(j→i)) / 2 with a unit diagonal → (N, N) in [0, 1]. Source: Lin et al. 2024."""
    entailment = np.asarray(probabilities, dtype=np.float64)[:, :, 0]
    similarity = (entailment + entailment.T) / 2
    np.fill_diagonal(similarity, 1.0)
    return similarity


RULES = {"components": cluster_components, "first_member": cluster_first_member}


@dataclass(frozen=True, slots=True)
class Clusterer:
    """A way to turn answers into clusters: the similarity, what joins two answers, and the assignment rule."""

    method: str  # one of METHODS
    threshold: float  # of the similarity; `nli` joins by `entailment`, and a judge has said what it joins
    encoder: str | None = None  # key of the encoder, NLI model or judge; None where the method needs none
    rule: str = "components"  # for methods that join pairs; average linkage has no such choice
    entailment: str = "bidirectional"  # for `nli`: one of ENTAILMENT_RULES

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise InvalidInput(f"There is no clusterer {self.method!r}; use one of {', '.join(METHODS)}.")
        if self.rule not in RULES:
            raise InvalidInput(f"There is no assignment rule {self.rule!r}; use one of {', '.join(RULES)}.")
        if not 0 <= self.threshold <= MAX_THRESHOLD:
            raise InvalidInput(f"The threshold is {self.threshold:g}; it must lie between 0 and {MAX_THRESHOLD}.")
        if self.entailment not in ENTAILMENT_RULES:
            raise InvalidInput(
                f"There is no entailment rule {self.entailment!r}; use one of {', '.join(ENTAILMENT_RULES)}."
            )

    @property
    def key(self) -> str:
        """Its name in tables and URLs, e.g. `jaccard` or `embedding_masked/minilm`."""
        return f"{self.method}/{self.encoder}" if self.encoder else self.method

    @property
    def settings(self) -> dict[str, float | str]:
        """What may be chosen of it, as it is stored beside the clusters."""
        return {"threshold": self.threshold, "rule": self.rule, "entailment": self.entailment}

    @property
    def has_threshold(self) -> bool:
        """Whether its threshold moves anything."""
        return self.method not in ("nli", "judge")

    @property
    def is_linkage(self) -> bool:
        """Whether it merges by average linkage."""
        return self.method in (*_VIEWS, "judge")  # on a judge's zeros and ones it gives the judge's groups

    @property
    def has_trees(self) -> bool:
        """Whether clusters only merge as the threshold falls, so that one tree a question holds every partition."""
        return self.is_linkage or (self.method == "jaccard" and self.rule == "components")

    def similarity(
        self, question: str, answers: Sequence[str], evidence: Mapping[str, Sequence[np.ndarray] | np.ndarray]
    ) -> np.ndarray:
        """Similarity (N, N) of answers to a question, in float32 as it is stored.

        `evidence` holds what models said of them: unit vectors by view, `answer` and `masked`, each N arrays (w, d) of
        w windows, `nli` probabilities (N, N, 3), and a judge's `groups` (N,). Where no reply of the judge could be read
        there are no groups, and no similarity, (0, 0), either. Answers that state different things (`conflicts`) have
        0 under `embedding_masked` and `combined`.
        """
        if self.method == "jaccard":
            return jaccard_similarity(answers).astype(np.float32)
        if self.method == "nli":
            return entailment_similarity(evidence["nli"]).astype(np.float32)
        if self.method == "judge":
            groups = np.asarray(evidence["groups"])
            return (groups[:, None] == groups[None, :]).astype(np.float32)
        similarity = set_similarity(evidence[_VIEWS[self.method]])
        if self.method != "embedding":
            if self.method == "combined":
                similarity = probabilities(signs(similarity, statements(answers, question)), self._weights())
            similarity[_disagreements(tuple(answers), question)] = 0.0
            place = np.array([*map({text: i for i, text in enumerate(answers)}.get, answers)], dtype=np.int64)
            similarity[place[:, None] == place] = 1.0  # equal answers are the same one, whatever the weights say
        return similarity.astype(np.float32)

    def _weights(self) -> Weights:
        found = weights_of(self.encoder or "")
        if found is None:
            raise InvalidInput(
                f"The clusterer combined has no weights for the encoder {self.encoder!r}; fit them with "
                f"`{typed('calibrate', encoder=self.encoder)}`."
            )
        return found

    def labels(self, similarity: np.ndarray, probabilities: np.ndarray | None = None) -> np.ndarray:
        """Labels (N,) by this clusterer's threshold or, for `nli`, by the `probabilities` (N, N, 3)."""
        if self.method == "nli":
            return RULES[self.rule](entailment_joins(probabilities, self.entailment))
        if self.method == "jaccard":
            return RULES[self.rule](similarity >= np.float32(self.threshold))
        return cluster_average_linkage(similarity, self.threshold)


@lru_cache(maxsize=16)  # every clusterer asks for those of the same answers
def _disagreements(answers: tuple[str, ...], question: str) -> np.ndarray:
    return disagreements(statements(answers, question))


def by_size(labels: np.ndarray) -> np.ndarray:
    """The same partition with 0 for the largest cluster, 1 for the next …; ties by first appearance. For showing."""
    if not len(labels):
        return labels
    found, counts = np.unique(first_appearance(labels), return_counts=True)
    rank = np.empty(len(found), dtype=np.int64)
    rank[np.lexsort((found, -counts))] = np.arange(len(found))
    return rank[first_appearance(labels)]


def medoids(similarity: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """For each label 0 … K−1 the index of the response most similar to the rest of its cluster (the first of ties)."""
    members = [np.flatnonzero(labels == k) for k in range(len(np.unique(labels)))]
    return np.array([m[np.argmax(similarity[np.ix_(m, m)].sum(axis=1).round(6))] for m in members], dtype=np.int64)


def square(condensed: Sequence[float] | np.ndarray, n: int) -> np.ndarray:
    """The similarity (n, n) of n responses from its stored upper triangle; (0, 0) where the number does not fit."""
    if len(condensed) != n * (n - 1) // 2:
        return np.zeros((0, 0), dtype=np.float32)
    similarity = squareform(np.asarray(condensed, dtype=np.float32)) if n > 1 else np.zeros((n, n), dtype=np.float32)
    np.fill_diagonal(similarity, 1.0)
    return similarity
