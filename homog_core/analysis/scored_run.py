"""A stored run in memory, ready to be looked at question by question and as a whole. It writes nothing.

Clusters follow a threshold at once: the similarities are stored, and for every clusterer but NLI a question is one
cluster up to a threshold of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import squareform

from homog_core.errors import HomogError
from homog_core.measures import uncertainty
from homog_core.measures.clustering import Clusterer, jaccard_similarity, square
from homog_core.measures.report_cards import default_clusterers
from homog_core.measures.scores import GROUPS, SEMANTIC_ENTROPY
from homog_core.records import GREEDY, ResponseSet
from homog_core.runs.evidence import stored_probabilities
from homog_core.runs.score import MAP_COLUMNS
from homog_core.runs.store import Run
from homog_core.runs.tables import response_of, response_set
from homog_core.statistics.columns import NAN


class ScoredRun:
    """A stored run and what was computed from it; also one that has not been scored, as far as that goes."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.questions = run.questions().set_index("id", drop=False)
        self.scores = run.table("scores")
        self.maps = run.table("maps")
        rows = run.responses()
        self._rows = dict(tuple(rows.groupby("question_id", sort=False)))
        self._valid = {
            key: [r.sample_index for r in part.itertuples() if r.sample_index != GREEDY and response_of(r).is_valid]
            for key, part in self._rows.items()
        }
        stored = run.table("similarities")
        self._condensed = (
            {} if stored is None else stored.set_index(["question_id", "clusterer"])["similarity"].to_dict()
        )
        self._similarities: dict[tuple[str, str], np.ndarray] = {}
        self.questions = self.questions[self.questions["id"].isin(self._rows)]

    def answers(self, question_id: str) -> ResponseSet:
        """All answers to a question."""
        prompt = self.questions.loc[question_id, "prompt"]
        return response_set(self._rows[question_id], prompt, self.run.identity.model, self.run.decoding)

    def valid(self, question_id: str) -> list[int]:
        """Sample indices of the valid responses, in order; rows and columns of `similarity` stand for them."""
        return self._valid[question_id]

    def clusterers(self) -> list[Clusterer]:
        """The clusterers that can be shown without a model, as the run was scored, the best report card first."""
        stored = {clusterer for _, clusterer in self._condensed}
        encoders = sorted({key.partition("/")[2] for key in stored if key.startswith("embedding")})
        available = default_clusterers(encoders) + [
            Clusterer("nli", 0.0, key) for key in self.run.nli_models() if f"nli/{key}" in stored
        ]
        return [
            replace(c, **self._settings.get(c.key, {})) for c in available if c.key in stored or c.method == "jaccard"
        ]

    @cached_property
    def _settings(self) -> dict[str, dict[str, Any]]:
        """Threshold and rule that the run was scored with, by clusterer."""
        clusters = self.run.table("clusters")
        if clusters is None:
            return {}
        return clusters.groupby("clusterer")[["threshold", "rule"]].first().to_dict("index")

    def similarity(self, question_id: str, clusterer: Clusterer) -> np.ndarray:
        """Similarity (N, N) of the valid responses under a clusterer; its threshold plays no part.

        (0, 0) where the question has been answered since the run was scored.
        """
        key = question_id, clusterer.key
        if key not in self._similarities:
            if key in self._condensed:
                found = square(self._condensed[key], len(self._valid[question_id]))
            elif clusterer.method == "jaccard":
                responses = self.answers(question_id).responses
                found = jaccard_similarity([responses[i].answer for i in self._valid[question_id]]).astype(np.float32)
            else:
                found = np.zeros((0, 0), dtype=np.float32)
            self._similarities[key] = found
        return self._similarities[key]

    def labels(self, question_id: str, clusterer: Clusterer) -> np.ndarray:
        """Labels (N,) of the valid responses under a clusterer; none where there is no similarity."""
        similarity = self.similarity(question_id, clusterer)
        if not len(similarity):
            return np.zeros(0, dtype=np.int64)
        if clusterer.method != "nli":
            return clusterer.labels(similarity)
        rows = self._judged.get(clusterer.encoder, {}).get(question_id)
        return clusterer.labels(similarity, stored_probabilities(rows, self.answers(question_id))["nli"])

    @cached_property
    def _judged(self) -> dict[str, dict[str, pd.DataFrame]]:
        return {key: dict(tuple(self.run.nli(key).groupby("question_id"))) for key in self.run.nli_models()}

    def partitions(self, clusterer: Clusterer) -> dict[str, np.ndarray]:
        """Labels of every question with at least two valid responses, by question id."""
        return {
            key: self.labels(key, clusterer)
            for key in self.questions["id"]
            if len(self._valid[key]) > 1 and len(self.similarity(key, clusterer)) > 1
        }

    def cluster_frame(self, clusterer: Clusterer) -> pd.DataFrame:
        """num_semantic_sets and discrete_semantic_entropy of every question at the clusterer's threshold.

        NaN where a question has fewer than two valid responses. Fast enough to follow a slider.
        """
        partitions = self.partitions(clusterer)
        rows = {
            key: (
                uncertainty.num_semantic_sets(partitions.get(key, [])),
                uncertainty.discrete_semantic_entropy(partitions.get(key, [])),
            )
            for key in self.questions["id"]
        }
        return pd.DataFrame.from_dict(rows, orient="index", columns=["num_semantic_sets", "discrete_semantic_entropy"])

    def collapse_thresholds(self, clusterer: Clusterer) -> pd.Series:
        """The threshold up to which each question is one cluster, by question id; NaN below two valid responses.

        1 − the largest merge height: of average linkage, or of single linkage where connected components are taken.
        So the SCR at every threshold is the share of questions whose value is above it (at it, for Jaccard). For a
        clusterer without a threshold, and for the greedy rule, NaN throughout.
        """
        found = {}
        for key in self.questions["id"]:
            similarity = self.similarity(key, clusterer)
            if len(similarity) < 2 or clusterer.method == "nli" or clusterer.rule != "components":
                found[key] = float("nan")
                continue
            distances = squareform(np.clip(1.0 - similarity.astype(np.float64), 0.0, None), checks=False)
            method = "average" if clusterer.is_linkage else "single"
            found[key] = 1.0 - float(linkage(distances, method=method)[-1, 2])
        return pd.Series(found, dtype=np.float64)

    def search(self, words: str) -> set[str]:
        """Ids of the questions whose text, id or answers contain `words`, whatever their case."""
        words = words.strip().lower()
        found = {row.id for row in self.questions.itertuples() if words in f"{row.id} {row.text}".lower()}
        return found | {
            key for key, rows in self._rows.items() if rows["text"].str.lower().str.contains(words, regex=False).any()
        }

    def coordinates(self, question_id: str, clusterer: Clusterer, method: str) -> pd.DataFrame:
        """Stored coordinates (sample_index, x, y, method, faithfulness); empty where there are none by `method`.

        Where UMAP was asked for and there are too few distinct answers, they are by MDS, and say so.
        """
        if self.maps is None:
            return pd.DataFrame(columns=MAP_COLUMNS)
        maps = self.maps
        maps = maps[(maps["question_id"] == question_id) & (maps["clusterer"] == clusterer.key)]
        return (maps if method == "umap" else maps[maps["method"] == method]).sort_values("sample_index")


# One run, without its answers


@dataclass(frozen=True, slots=True, eq=False)
class MergeTrees:
    """How the answers to Q questions merge as the threshold falls: N − 1 steps a question, padded with +∞."""

    height: np.ndarray  # (Q, N − 1) distance at which a step merges; +∞ where there is none
    members: np.ndarray  # (Q, N − 1, N) bool, the answers that are together after it
    n_valid: np.ndarray  # (Q,) answers; 0 where the similarities do not fit them
    at_equality: bool  # whether a distance of exactly 1 − τ merges

    def merged(self, threshold: float) -> np.ndarray:
        """Which steps (Q, N − 1) have happened at a threshold."""
        if self.at_equality:  # as `Clusterer.labels`, which compares in the similarities' own precision
            return self.height <= 1.0 - float(np.float32(threshold))
        return self.height < 1.0 - threshold

    def labels(self, threshold: float) -> np.ndarray:
        """Labels (Q, N) of the valid answers at a threshold, any integers; −1 where there is no answer."""
        _, steps, n = self.members.shape
        labels = np.where(np.arange(n) < self.n_valid[:, None], np.arange(n), -1)
        merged = self.merged(threshold)
        for step in range(steps):  # heights never fall, so a later step overrules an earlier one
            labels = np.where(self.members[:, step] & merged[:, step, None], n + step, labels)
        return labels


def merge_trees(similarities: Sequence[np.ndarray], n: int, *, average: bool) -> MergeTrees:
    """The trees of Q questions from their condensed similarities; average linkage, or single linkage for components."""
    size = max(n, 1)
    height = np.full((len(similarities), size - 1), np.inf)
    members = np.zeros((len(similarities), size - 1, size), dtype=bool)
    n_valid = np.zeros(len(similarities), dtype=int)
    for q, condensed in enumerate(similarities):
        n_valid[q] = answers = _n_answers(len(condensed))
        if answers < 2:
            continue
        distances = np.clip(1.0 - np.asarray(condensed, dtype=np.float64), 0.0, None)
        found = linkage(distances, method="average" if average else "single")
        groups = [np.arange(size) == i for i in range(answers)]
        for step, (a, b, distance, _) in enumerate(found):
            groups.append(groups[int(a)] | groups[int(b)])
            height[q, step], members[q, step] = distance, groups[-1]
    return MergeTrees(height, members, n_valid, at_equality=not average)


def _n_answers(pairs: int) -> int:
    return int((1 + np.sqrt(1 + 8 * pairs)) / 2)


class RunView:
    """What a scored run has stored about its questions. Raises `HomogError` where it has not been scored.

    Rows are the scored questions in their order. Whoever shows it keeps it: trees and likelihoods are computed once.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        scores, stored = scores_of(run), run.table("similarities")
        if stored is None:
            raise HomogError(f"Run {run.id} has not been scored; run `python -m homog_core score {run.id}`.")
        categories = run.questions().set_index("id")["category"]
        self.frame = scores.set_index("question_id").assign(category=categories)
        self.correct = correctness(self.frame).to_numpy()
        self._condensed = stored.set_index(["question_id", "clusterer"])["similarity"].to_dict()
        self._trees: dict[tuple[str, bool], MergeTrees] = {}

    @property
    def n_samples(self) -> int:
        """How many answers were drawn to each question."""
        return self.run.decoding.n_samples

    def clusterers(self) -> list[Clusterer]:
        """The clusterers whose similarities are stored, the one with the best report card first."""
        stored = {key for _, key in self._condensed}
        found = default_clusterers(encoders_of(self.frame))
        nli = [Clusterer("nli", 0.0, key) for key in self.run.nli_models()]
        return [clusterer for clusterer in found + nli if clusterer.key in stored]

    def in_category(self, category: str) -> np.ndarray:
        """Which questions (Q,) a filter keeps; "" keeps all."""
        return np.full(len(self.frame), True) if not category else (self.frame["category"] == category).to_numpy()

    def labels(self, clusterer: Clusterer) -> np.ndarray:
        """Labels (Q, N) of the valid answers, any integers; −1 where there is no answer."""
        if clusterer.method == "nli" or clusterer.rule != "components":
            return self._labels_one_by_one(clusterer)
        return self.trees(clusterer).labels(clusterer.threshold)

    def trees(self, clusterer: Clusterer) -> MergeTrees:
        """The merge trees under a clusterer with connected components or average linkage."""
        key = clusterer.key, clusterer.is_linkage
        if key not in self._trees:
            self._trees[key] = merge_trees(self._similarities(clusterer), self.n_samples, average=clusterer.is_linkage)
        return self._trees[key]

    def _similarities(self, clusterer: Clusterer) -> list[np.ndarray]:
        """Condensed similarities; none for a question that was answered again since the run was scored."""
        none = np.zeros(0, dtype=np.float32)
        found = [self._condensed.get((key, clusterer.key), none) for key in self.frame.index]
        n_valid = self.frame["n_valid"].to_numpy()
        return [pairs if len(pairs) == n * (n - 1) // 2 else none for pairs, n in zip(found, n_valid, strict=True)]

    def _labels_one_by_one(self, clusterer: Clusterer) -> np.ndarray:
        """For rules that follow no tree: the greedy one, and what an NLI model joins."""
        labels = np.full((len(self.frame), max(self.n_samples, 1)), -1)
        if clusterer.method == "nli":
            partitions = ScoredRun(self.run).partitions(clusterer)
        else:
            pairs = zip(self.frame.index, self._similarities(clusterer), strict=True)
            partitions = {key: clusterer.labels(square(found, _n_answers(len(found)))) for key, found in pairs}
        for q, key in enumerate(self.frame.index):
            found = partitions.get(key, ())
            labels[q, : len(found)] = found
        return labels

    def sizes(self, clusterer: Clusterer) -> np.ndarray:
        """Cluster sizes (Q, N) of every question, the largest first; all 0 with fewer than two valid answers."""
        return _sizes(self.labels(clusterer))

    def score_columns(self, clusterer: Clusterer) -> dict[str, str]:
        """The column that holds each score that the run has, by its bare name, in the order of `GROUPS`.

        What depends on an encoder alone is by the clusterer's, or by the first one where it has none.
        """
        encoders = encoders_of(self.frame)
        encoder = clusterer.encoder if clusterer.encoder in encoders else (encoders[0] if encoders else "")
        owners = ("", f"@{clusterer.key}", f"@{encoder}", *(f"@{key}" for key in self.run.nli_models()))
        names = (name for names in GROUPS.values() for name in names)
        columns = {name: next((name + o for o in owners if name + o in self.frame), "") for name in names}
        return {name: column for name, column in columns.items() if column}

    def scores(self, clusterer: Clusterer) -> pd.DataFrame:
        """Every uncertainty score once, by its bare name, of all questions; those of clusters at the threshold."""
        columns = self.score_columns(clusterer)
        found = {name: self.frame[column].to_numpy(np.float64) for name, column in columns.items()}
        labels = self.labels(clusterer)
        found |= cluster_columns(_sizes(labels)) | {"semantic_entropy": self._likelihood_weighted(labels)}
        return pd.DataFrame(found, index=self.frame.index)

    def _likelihood_weighted(self, labels: np.ndarray) -> np.ndarray:
        """`uncertainty.semantic_entropy` of all questions (Q,) in one go."""
        logprobs = np.where(labels >= 0, self._mean_logprobs, -np.inf)
        known = (labels >= 0).sum(axis=1) > 1
        best = np.max(logprobs, axis=1, keepdims=True, where=np.isfinite(logprobs), initial=-np.inf)
        weight = np.exp(logprobs - np.where(np.isfinite(best), best, 0))
        mass = _by_cluster(labels, weight)
        total = mass.sum(axis=1, keepdims=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = mass / total
            entropy = -np.sum(np.where(share > 0, share * np.log(share), 0), axis=1)
        entropy[(mass > 0).sum(axis=1) == 1] = 0.0
        return np.where(known & ~np.isnan(weight).any(axis=1), entropy, NAN)

    @cached_property
    def _mean_logprobs(self) -> np.ndarray:
        """Mean token log-probability (Q, N) of the valid sampled answers in their order, NaN after the last."""
        found: dict[str, list[float]] = {key: [] for key in self.frame.index}
        for row in self.run.responses().itertuples():
            response = response_of(row)
            if row.question_id in found and row.sample_index != GREEDY and response.is_valid:
                found[row.question_id].append(uncertainty.mean_logprob(response.token_logprobs[response.own_tokens]))
        matrix = np.full((len(found), max(self.n_samples, 1)), NAN)
        for q, values in enumerate(found.values()):
            matrix[q, : len(values)] = values
        return matrix


def _sizes(labels: np.ndarray) -> np.ndarray:
    """Cluster sizes (Q, N), descending, from labels (Q, N) with −1 where there is no answer."""
    counts = _by_cluster(labels, np.ones(labels.shape))
    sizes = -np.sort(-counts, axis=1)[:, : labels.shape[1]].astype(int)
    return np.where(sizes.sum(axis=1, keepdims=True) > 1, sizes, 0)


def _by_cluster(labels: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Sums (Q, 2N) of the weights (Q, N) of each label of each question; labels are below 2N, −1 counts nowhere."""
    q, n = labels.shape
    width = 2 * n + 1  # the last place takes those without an answer
    places = np.where(labels < 0, 2 * n, labels) + width * np.arange(q)[:, None]
    sums = np.bincount(places.ravel(), weights=weights.ravel(), minlength=q * width)
    return sums.reshape(q, width)[:, : 2 * n]


def cluster_columns(sizes: np.ndarray) -> dict[str, np.ndarray]:
    """num_semantic_sets and discrete_semantic_entropy (Q,) from cluster sizes; NaN with fewer than two valid ones."""
    total = sizes.sum(axis=1, keepdims=True)
    share = sizes / np.where(total, total, 1)
    entropy = -np.sum(share * np.log(np.where(share > 0, share, 1)), axis=1)
    n_sets = (sizes > 0).sum(axis=1).astype(float)
    undefined = total[:, 0] < 2
    entropy[n_sets == 1] = 0.0
    return {
        "num_semantic_sets": np.where(undefined, NAN, n_sets),
        SEMANTIC_ENTROPY: np.where(undefined, NAN, entropy),
    }


def scores_of(run: Run) -> pd.DataFrame:
    """The table of scores. Raises `HomogError` where the run has not been scored, or not by this version."""
    scores = run.table("scores")
    if scores is None or "lexical_dissimilarity" not in scores:
        raise HomogError(f"Run {run.id} has not been scored; run `python -m homog_core score {run.id}`.")
    return scores


def correctness(scores: pd.DataFrame) -> pd.Series:
    """1 for a correct greedy answer, 0 for an incorrect one; NaN for abstained, ambiguous and ungraded ones."""
    return scores["grade"].map({"correct": 1.0, "incorrect": 0.0}).astype(np.float64)


def encoders_of(scores: pd.DataFrame) -> list[str]:
    """Keys of the encoders that a table of scores was computed with, the one that graded first."""
    return [name.partition("@")[2] for name in scores.columns if name.startswith("embedding_density@")]
