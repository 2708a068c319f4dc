"""A stored run in memory, ready to be looked at question by question and as a whole. It writes nothing.

Clusters follow a threshold at once: the similarities are stored, and for every clusterer but NLI a question is one
cluster up to a threshold of its own.
"""

from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import squareform

from homog_core import uncertainty
from homog_core.clustering import Clusterer, jaccard_similarity
from homog_core.records import GREEDY, ResponseSet
from homog_core.scoring import MAP_COLUMNS, default_clusterers, square, stored_probabilities
from homog_core.store import Run, response_of, response_set


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
        return response_set(self._rows[question_id], prompt, self.run.manifest.identity["model"], self.run.decoding)

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
