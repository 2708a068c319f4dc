"""All answers of several runs to one question, together: their distances across runs, for one map and one matrix."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from homog_core.analysis.scored_run import ScoredRun
from homog_core.measures.clustering import JACCARD_THRESHOLD, Clusterer, by_size
from homog_core.measures.report_cards import default_clusterers

# The vectors of some answers: of a question's id and text, the answers, and which view of them (`encoders.encode`).
Vectors = Callable[[str, str, Sequence[str], str], list[np.ndarray]]


@dataclass(frozen=True, slots=True, eq=False)
class Grouped:
    """All runs' valid answers to one question, with the clusters that each run has of its own."""

    position: np.ndarray  # (M,) which run an answer comes from
    indices: np.ndarray  # (M,) its sample index there
    answers: list[str]
    labels: np.ndarray  # (M,) its cluster in its own run's clustering, 0 the largest; 0 where a run has none

    def of(self, run: int) -> np.ndarray:
        """Rows (N,) of one run's answers."""
        return np.flatnonzero(self.position == run)


@dataclass(frozen=True, slots=True, eq=False)
class Joint(Grouped):
    """The same with the distances between all of them."""

    similarity: np.ndarray  # (M, M); (0, 0) where the stored vectors do not go with the answers
    clusterer: Clusterer  # what the similarity is by


def grouped(runs: Sequence[ScoredRun], question_id: str, clusterer: Clusterer) -> Grouped | None:
    """All answers to one question; None where a run's clusters do not go with its answers."""
    valid = [scored.valid(question_id) for scored in runs]
    clusters = [by_size(scored.labels(question_id, clusterer)) for scored in runs]
    if [len(labels) for labels in clusters] != [len(own) for own in valid]:
        return None
    return Grouped(*_positions(valid), _answers(runs, question_id), np.concatenate(clusters))


def _positions(valid: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
    position = np.repeat(np.arange(len(valid)), [len(own) for own in valid])
    return position, np.array([i for own in valid for i in own], dtype=np.int64)


def _answers(runs: Sequence[ScoredRun], question_id: str) -> list[str]:
    return [response.answer for scored in runs for response in scored.valid_responses(question_id)]


def joint_clusterer(runs: Sequence[ScoredRun], clusterer: Clusterer, encoders: Collection[str] = ()) -> Clusterer:
    """The clusterer itself where answers of different runs can be compared by it, otherwise the nearest one that can.

    Only vectors say how near answers of different runs are: those that all runs have stored, or those of `encoders`,
    which can read the answers now. An NLI model or a judge has compared no pair across runs. The nearest one is then
    the same method by another encoder, then any by vectors, then the words (Jaccard).
    """
    stored = set.intersection(*(set(scored.run.encoders()) for scored in runs)) | set(encoders)
    if clusterer.method == "jaccard" or (has_vectors(clusterer) and clusterer.encoder in stored):
        return clusterer
    possible = [c for c in default_clusterers(sorted(stored)) if has_vectors(c)]
    same = [c for c in possible if c.method == clusterer.method]
    return next(iter(same + possible), Clusterer("jaccard", JACCARD_THRESHOLD))


def has_vectors(clusterer: Clusterer) -> bool:
    """Whether a clusterer compares vectors."""
    return clusterer.is_linkage and clusterer.method != "judge"


def joint(
    runs: Sequence[ScoredRun],
    question_id: str,
    clusterer: Clusterer,
    vectors: Sequence[Mapping[str, Sequence[np.ndarray]]] = (),
    by: Clusterer | None = None,
) -> Joint:
    """All answers to one question together; clusters as each run has them under `clusterer`.

    `by` is what compares across runs, the `joint_clusterer` by default. `vectors`, one mapping a run, are those of its
    encoder by view (`evidence.stored_vectors`, `encoders.encode`).
    """
    by = by or joint_clusterer(runs, clusterer)
    found = grouped(runs, question_id, clusterer)
    none = np.zeros((0, 0), dtype=np.float32)
    similarity = joint_similarity(runs, question_id, by, vectors) if found else none
    if found and len(similarity) == len(found.answers):
        return Joint(found.position, found.indices, found.answers, found.labels, similarity, by)
    position, indices = _positions([scored.valid(question_id) for scored in runs])
    return Joint(position, indices, _answers(runs, question_id), np.zeros_like(indices), similarity, by)


def joint_similarity(
    runs: Sequence[ScoredRun],
    question_id: str,
    by: Clusterer,
    vectors: Sequence[Mapping[str, Sequence[np.ndarray]]] = (),
) -> np.ndarray:
    """Similarity (M, M) of all runs' valid answers to one question, run after run; `by` and `vectors` as of `joint`.

    (0, 0) where the vectors do not go with the answers.
    """
    answers, n_valid = _answers(runs, question_id), [len(scored.valid(question_id)) for scored in runs]
    fits = not has_vectors(by) or [len(found["answer"]) for found in vectors] == n_valid
    if not fits or not answers:
        return np.zeros((0, 0), dtype=np.float32)
    question = runs[0].questions.loc[question_id, "text"]
    return by.similarity(question, answers, _together(vectors) if has_vectors(by) else {})


def joint_distinct(runs: Sequence[ScoredRun], question_id: str, by: Clusterer, vectors: Vectors) -> np.ndarray:
    """`joint_similarity` (M, M), for which every different answer is read and compared once.

    Under `embedding` each is compared as often as it stands: an answer without any word that its encoder knows is
    similar to nothing, itself included.
    """
    answers = [answer for scored in runs for answer in scored.valid_answers(question_id)]
    if not answers:
        return np.zeros((0, 0), dtype=np.float32)
    distinct = answers if by.method == "embedding" else list(dict.fromkeys(answers))
    question = runs[0].questions.loc[question_id, "text"]
    view = "answer" if by.method == "embedding" else "masked"
    evidence = {view: vectors(question_id, question, distinct, view)} if has_vectors(by) else {}
    similarity = by.similarity(question, distinct, evidence)
    if distinct is answers:
        return similarity
    place = np.array([*map({text: i for i, text in enumerate(distinct)}.get, answers)])
    return similarity[np.ix_(place, place)]


def _together(vectors: Sequence[Mapping[str, Sequence[np.ndarray]]]) -> dict[str, list[np.ndarray]]:
    return {view: [own for found in vectors for own in found[view]] for view in ("answer", "masked")}


def block_distances(found: Joint) -> pd.DataFrame:
    """Mean distance 1 − similarity of two different answers, run × run; NaN where there is no such pair."""
    n = int(found.position.max()) + 1 if len(found.position) else 0
    distances = np.clip(1 - found.similarity.astype(np.float64), 0, 1)
    means = np.full((n, n), np.nan)
    for a in range(n):
        for b in range(n):
            block = distances[np.ix_(found.of(a), found.of(b))]
            if a == b:
                block = block[np.triu_indices(len(block), 1)]
            means[a, b] = block.mean() if block.size else np.nan
    return pd.DataFrame(means)


def mean_distance(similarity: np.ndarray) -> float:
    """Mean distance 1 − similarity of two different answers (N, N); NaN below two answers."""
    pairs = similarity[np.triu_indices(len(similarity), 1)]
    return float(1 - pairs.mean()) if len(pairs) else np.nan
