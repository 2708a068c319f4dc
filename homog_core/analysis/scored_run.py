"""A stored run in memory: its answers, and what was computed from them, with the settings that it was scored with.

It reads and computes; it writes nothing. Clusters follow a threshold at once: the similarities are stored, and merge
trees answer every threshold. Whoever shows a run keeps it: trees and likelihoods are computed once.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache, cached_property
from urllib.parse import quote

import numpy as np
import pandas as pd

from homog_core.analysis.graded_samples import graded_samples
from homog_core.analysis.merge_trees import (
    MergeTrees,
    cluster_scores,
    cluster_sizes,
    likelihood_weighted_entropy,
    merge_trees,
)
from homog_core.errors import HomogError
from homog_core.measures.clustering import Clusterer, jaccard_similarity, square
from homog_core.measures.grading import POLICIES
from homog_core.measures.report_cards import default_clusterers, judge_clusterer
from homog_core.measures.scores import GROUPS
from homog_core.measures.uncertainty import mean_logprob
from homog_core.measures.words import normalise
from homog_core.records import GREEDY, FinishReason, Response, ResponseSet
from homog_core.runs import derived
from homog_core.runs.analysed import MAP_COLUMNS
from homog_core.runs.evidence import stored_probabilities
from homog_core.runs.store import Run
from homog_core.runs.tables import compared, response_of, response_set, valid_rows
from homog_core.runs.told import told_of
from homog_core.typed import typed


class ScoredRun:
    """A stored run and what was computed from it; also one that has not been scored, as far as that goes.

    Q questions are those that have answers, in the run's order; every array and table has them as its rows.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        questions, told = run.questions(), told_of(run)
        self.questions = questions[questions["id"].isin(told.answered)].set_index("id", drop=False)
        self._stored = set(told.similar_by)
        self._settings = told.settings
        self._condensed: dict[str, dict[str, np.ndarray]] = {}  # by clusterer and question, as far as it was read
        self._score_columns = told.score_columns
        self._columns: dict[str, pd.Series] = {}  # of `scores`, as far as they were read one by one
        self._trees: dict[tuple[str, bool], MergeTrees] = {}

    # Answers

    @property
    def n_samples(self) -> int:
        """How many answers were drawn to each question."""
        return self.run.decoding.n_samples

    @cached_property
    def _rows(self) -> pd.DataFrame:
        return self.run.responses()

    @cached_property
    def _places(self) -> dict[str, slice]:
        """Which of the rows are those of a question: they are sorted by it."""
        codes, ids = pd.factorize(self._rows["question_id"])
        edges = [0, *(np.flatnonzero(np.diff(codes)) + 1), len(codes)]
        return {key: slice(a, b) for key, a, b in zip(ids, edges[:-1], edges[1:], strict=True)} if len(codes) else {}

    @cached_property
    def _valid(self) -> dict[str, list[int]]:
        found = derived.kept_arrays(self.run, "valid", self._valid_indices)
        parts = np.split(found["index"], np.cumsum(found["n"])[:-1])
        return {key: own.tolist() for key, own in zip(self.questions.index, parts, strict=True) if len(own)}

    def _valid_indices(self) -> derived.Arrays:
        """How many valid answers each question has, (Q,), and their sample indices one question after the other."""
        rows = self._valid_rows([])
        q = self.questions.index.get_indexer(rows["question_id"])
        order = np.argsort(q, kind="stable")
        return {"n": np.bincount(q, minlength=len(self.questions)), "index": rows["sample_index"].to_numpy()[order]}

    @cached_property
    def _valid_answers(self) -> dict[str, list[str]]:
        rows = self._valid_rows([])
        return {key: own.tolist() for key, own in rows.groupby("question_id", sort=False)["answer"]}

    @cached_property
    def n_texts(self) -> pd.Series:
        """How many different texts are compared (`Response.answer`) of the sampled answers to a question, by its id."""
        rows = self.run.responses(["text"])
        rows = rows[rows["sample_index"] != GREEDY]
        answers = pd.Series(compared(rows["text"], self.run.leftovers), rows["question_id"])
        return answers.groupby(level=0, sort=False).nunique()

    def _valid_rows(self, columns: Sequence[str]) -> pd.DataFrame:
        """The rows of valid sampled answers to these questions; others may have been answered since."""
        rows = valid_rows(self.run.responses(["text", "finish_reason", *columns]), self.run.leftovers)
        return rows[rows["question_id"].isin(self.questions.index)]

    def answers(self, question_id: str) -> ResponseSet:
        """All answers to a question."""
        prompt = self.questions.loc[question_id, "prompt"]
        rows, run = self._rows.iloc[self._places[question_id]], self.run
        return response_set(rows.itertuples(), prompt, run.identity.model, run.decoding, run.leftovers)

    def valid(self, question_id: str) -> list[int]:
        """Sample indices of the valid answers, in order; rows and columns of `similarity` stand for them."""
        return self._valid.get(question_id, [])

    def valid_responses(self, question_id: str) -> list[Response]:
        """The valid sampled answers to a question, in order."""
        responses = self.answers(question_id).responses
        return [responses[i] for i in self.valid(question_id)]

    def valid_answers(self, question_id: str) -> list[str]:
        """What is compared of the valid sampled answers to a question (`Response.answer`), in order."""
        return self._valid_answers.get(question_id, [])

    @cached_property
    def n_wordings(self) -> np.ndarray:
        """How many different wordings (Q,) the valid answers of a question have after normalisation."""
        return derived.kept_arrays(self.run, "wordings", self._n_wordings)["n"]

    def _n_wordings(self) -> derived.Arrays:
        known = cache(normalise)
        found = [len({known(answer) for answer in self.valid_answers(key)}) for key in self.questions.index]
        return {"n": np.array(found, dtype=np.float64)}

    def share_ended(self, reason: FinishReason) -> float:
        """The share of the sampled answers that ended for this reason; 0 without answers."""
        found = self._finish_reasons
        return float((found == reason).mean()) if len(found) else 0.0

    @cached_property
    def _finish_reasons(self) -> np.ndarray:
        rows = self.run.responses(["finish_reason"])
        return rows.loc[rows["sample_index"] != GREEDY, "finish_reason"].to_numpy()

    @cached_property
    def _texts(self) -> pd.Series:
        rows = self.run.responses(["text"])
        return pd.Series(rows["text"].str.lower().array, rows["question_id"])

    def search(self, words: str) -> set[str]:
        """Ids of the questions whose text, id or answers contain `words`, whatever their case."""
        words = words.strip().lower()
        found = {row.id for row in self.questions.itertuples() if words in f"{row.id} {row.text}".lower()}
        return found | set(self._texts.index[self._texts.str.contains(words, regex=False)])

    # Scores and grades

    @property
    def is_scored(self) -> bool:
        """Whether scores and similarities are stored, by this version of the program."""
        return "lexical_dissimilarity" in self._score_columns and bool(self._stored)

    @cached_property
    def scores(self) -> pd.DataFrame:
        """The stored scores and grades (Q, …) by question id, with the question's `category` and `answer_type`.

        NaN for a question that was answered since. Raises `HomogError` where the run has not been scored.
        """
        return self._read_scores().assign(**self.questions[["category", "answer_type"]])

    def column(self, name: str) -> pd.Series:
        """One column (Q,) of `scores`, read by itself as long as nobody has read them all."""
        if name not in self._columns:
            is_read = "scores" in self.__dict__
            self._columns[name] = (self.scores if is_read else self._read_scores(["question_id", name]))[name]
        return self._columns[name]

    def _read_scores(self, columns: Sequence[str] | None = None) -> pd.DataFrame:
        if not self.is_scored:
            raise HomogError(f"Run {self.run.id} has not been scored; run `{typed('score', self.run.id)}`.")
        return self.run.table("scores", columns).set_index("question_id").reindex(self.questions.index)

    @cached_property
    def correct(self) -> np.ndarray:
        """(Q,) 1 for a correct greedy answer, 0 for an incorrect one, NaN for one that is neither."""
        return self.column("grade").map({"correct": 1.0, "incorrect": 0.0}).to_numpy(np.float64)

    @property
    def has_nli(self) -> bool:
        """Whether an NLI model has read the answers."""
        return any("nli/" in column for column in self._score_columns)

    @property
    def grade_policies(self) -> list[str]:
        """The rules that graded the answers."""
        return sorted(set(self.scores["grade_policy"].dropna()))

    @property
    def older_policies(self) -> list[str]:
        """Those of them that an older version of the program graded by."""
        return [policy for policy in self.grade_policies if policy not in POLICIES]

    @cached_property
    def sample_grades(self) -> pd.DataFrame:
        """question_id, sample_index, grade, grade_policy of the sampled answers; none where an older version scored."""
        stored = self.run.table("grades")
        return (
            pd.DataFrame(columns=["question_id", "sample_index", "grade", "grade_policy"]) if stored is None else stored
        )

    @property
    def samples_correct(self) -> np.ndarray:
        """(Q,) share of correct answers among the graded samples of a question; NaN where none is graded."""
        return self._grades["share"]

    @property
    def n_right(self) -> np.ndarray:
        """(Q,) how many samples of a question are graded correct; NaN where all of them are ungraded."""
        return self._grades["n_right"]

    @property
    def right_samples(self) -> np.ndarray:
        """(Q, N) whether a valid sampled answer is graded correct, in their order; False where there is no answer."""
        return self._grades["right"]

    @cached_property
    def _grades(self) -> derived.Arrays:
        def find() -> derived.Arrays:
            valid = [self.valid(key) for key in self.questions.index]
            return graded_samples(self.sample_grades, valid, self.questions.index, max(self.n_samples, 1))

        return derived.kept_arrays(self.run, "sample-grades", find)

    def in_category(self, category: str) -> np.ndarray:
        """Which questions (Q,) a filter keeps; "" keeps all."""
        if not category:
            return np.full(len(self.questions), True)
        return (self.questions["category"] == category).to_numpy()

    @cached_property
    def encoders(self) -> list[str]:
        """Keys of the encoders that the run was scored with, the one that graded first."""
        named = [name.partition("@")[2] for name in self._score_columns if name.startswith("embedding_density@")]
        return named or sorted({key.partition("/")[2] for key in self._stored if key.startswith("embedding")})

    def score_columns(self, clusterer: Clusterer) -> dict[str, str]:
        """The column of `scores` that holds each score of the run, by its bare name, in the order of `GROUPS`.

        What depends on an encoder alone is by the clusterer's, or by the first one where it has none.
        """
        encoder = clusterer.encoder if clusterer.encoder in self.encoders else next(iter(self.encoders), "")
        owners = ("", f"@{clusterer.key}", f"@{encoder}", *(f"@{key}" for key in self.run.nli_models()))
        names = (name for names in GROUPS.values() for name in names)
        columns = {name: next((name + o for o in owners if name + o in self._score_columns), "") for name in names}
        return {name: column for name, column in columns.items() if column}

    def score_frame(self, clusterer: Clusterer) -> pd.DataFrame:
        """Every uncertainty score once (Q, …), by its bare name; those of clusters at the clusterer's threshold."""
        columns = self.score_columns(clusterer)
        found = {name: self.scores[column].to_numpy(np.float64) for name, column in columns.items()}
        labels = self.label_matrix(clusterer)
        found |= cluster_scores(cluster_sizes(labels))
        found["semantic_entropy"] = likelihood_weighted_entropy(labels, self.mean_logprobs)
        return pd.DataFrame(found, index=self.questions.index)

    @cached_property
    def mean_logprobs(self) -> np.ndarray:
        """Mean token log-probability (Q, N) of the valid sampled answers in their order, NaN after the last."""
        return derived.kept_arrays(self.run, "mean-logprobs", self._find_mean_logprobs)["matrix"]

    def _find_mean_logprobs(self) -> derived.Arrays:
        matrix = np.full((len(self.questions), max(self.n_samples, 1)), np.nan)
        rows = self._valid_rows(["entropy_kind", "tokens", "token_entropies", "token_logprobs"])
        answers = (response_of(row, self.run.leftovers) for row in rows.itertuples())
        found = pd.Series([mean_logprob(answer.token_logprobs[answer.own_tokens]) for answer in answers], dtype=float)
        q = self.questions.index.get_indexer(rows["question_id"])
        matrix[q, rows.groupby("question_id", sort=False).cumcount()] = found
        return {"matrix": matrix}

    # Clusters, and their maps

    def clusterers(self) -> list[Clusterer]:
        """The clusterers that can be shown without a model, as the run was scored, the best report card first."""
        known = default_clusterers(self.encoders) + [Clusterer("nli", 0.0, key) for key in self.run.nli_models()]
        known += [judge_clusterer(key) for key in self.run.judges()]
        return [
            replace(c, **self._settings.get(c.key, {})) for c in known if c.key in self._stored or c.method == "jaccard"
        ]

    @cached_property
    def clusterer(self) -> Clusterer:
        """The clusterer with the best report card."""
        return self.clusterers()[0]

    def similarity(self, question_id: str, clusterer: Clusterer) -> np.ndarray:
        """Similarity (N, N) of the valid answers under a clusterer; its threshold plays no part.

        (0, 0) where the question has been answered since the run was scored.
        """
        return square(self._pairs(question_id, clusterer), len(self.valid(question_id)))

    def _pairs(self, question_id: str, clusterer: Clusterer) -> np.ndarray:
        """Condensed similarity of the valid answers; none where what is stored does not fit them."""
        n = len(self.valid(question_id))
        known = self._condensed.setdefault(clusterer.key, {})
        if question_id not in known and clusterer.key in self._stored:
            known |= self.run.similarities(clusterer.key, question_id)
        if question_id not in known and clusterer.method == "jaccard":
            similarity = jaccard_similarity(self.valid_answers(question_id))
            known[question_id] = similarity[np.triu_indices(n, k=1)].astype(np.float32)
        found = known.setdefault(question_id, np.zeros(0, dtype=np.float32))
        return found if len(found) == n * (n - 1) // 2 else np.zeros(0, dtype=np.float32)

    def _read_all(self, clusterer: Clusterer) -> None:
        known = self._condensed.setdefault(clusterer.key, {})
        if clusterer.key in self._stored and not known.keys() >= set(self.questions.index):
            known |= self.run.similarities(clusterer.key)

    def labels(self, question_id: str, clusterer: Clusterer) -> np.ndarray:
        """Labels (N,) of the valid answers under a clusterer; none where there is no similarity."""
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

    def trees(self, clusterer: Clusterer) -> MergeTrees:
        """The merge trees under a clusterer that has them (`Clusterer.has_trees`)."""
        key = clusterer.key, clusterer.is_linkage
        if key not in self._trees:
            found = derived.kept_arrays(self.run, _name("trees", clusterer), lambda: self._merge_trees(clusterer))
            self._trees[key] = MergeTrees(**found, at_equality=not clusterer.is_linkage)
        return self._trees[key]

    def _merge_trees(self, clusterer: Clusterer) -> derived.Arrays:
        self._read_all(clusterer)
        pairs = (self._pairs(question_id, clusterer) for question_id in self.questions.index)
        found = merge_trees(pairs, self.n_samples, average=clusterer.is_linkage)
        return {"height": found.height, "merges": found.merges, "n_valid": found.n_valid}

    def least_similarity(self, clusterer: Clusterer) -> np.ndarray:
        """The smallest similarity (Q,) of two valid answers; 1 where there is one answer, 0 where there is none."""
        name = _name("least", clusterer)
        return derived.kept_arrays(self.run, name, lambda: self._least_similarity(clusterer))["least"]

    def _least_similarity(self, clusterer: Clusterer) -> derived.Arrays:
        self._read_all(clusterer)
        found = (self.similarity(question_id, clusterer) for question_id in self.questions.index)
        return {"least": np.array([own.min(initial=1.0) if len(own) else 0.0 for own in found], dtype=np.float32)}

    def label_matrix(self, clusterer: Clusterer) -> np.ndarray:
        """Labels (Q, N) of the valid answers to every question, any integers; −1 where there is no answer."""
        if clusterer.has_trees:
            return self.trees(clusterer).labels(clusterer.threshold)
        self._read_all(clusterer)
        matrix = np.full((len(self.questions), max(self.n_samples, 1)), -1)
        for q, key in enumerate(self.questions.index):
            found = self.labels(key, clusterer)
            matrix[q, : len(found)] = found
        return matrix

    def sizes(self, clusterer: Clusterer) -> np.ndarray:
        """Cluster sizes (Q, N) of every question, the largest first; all 0 with fewer than two valid answers."""
        return cluster_sizes(self.label_matrix(clusterer))

    def n_clusters(self, clusterer: Clusterer) -> np.ndarray:
        """How many clusters (Q,) the valid answers of a question form; NaN where there are fewer than two."""
        return cluster_scores(self.sizes(clusterer))["num_semantic_sets"]

    def cluster_frame(self, clusterer: Clusterer) -> pd.DataFrame:
        """num_semantic_sets and discrete_semantic_entropy (Q, 2) by question id, at the clusterer's threshold.

        NaN where a question has fewer than two valid answers. Fast enough to follow a slider.
        """
        return pd.DataFrame(cluster_scores(self.sizes(clusterer)), index=self.questions.index)

    @cached_property
    def _maps(self) -> pd.DataFrame:
        stored = self.run.table("maps")
        return pd.DataFrame(columns=MAP_COLUMNS) if stored is None else stored

    def coordinates(self, question_id: str, clusterer: Clusterer, method: str) -> pd.DataFrame:
        """Stored coordinates (sample_index, x, y, method, faithfulness); empty where there are none by `method`.

        Where UMAP was asked for and there are too few distinct answers, they are by MDS, and say so.
        """
        maps = self._maps
        maps = maps[(maps["question_id"] == question_id) & (maps["clusterer"] == clusterer.key)]
        return (maps if method == "umap" else maps[maps["method"] == method]).sort_values("sample_index")


def _name(what: str, clusterer: Clusterer) -> str:
    """What is kept under a clusterer, as the name of a file."""
    return f"{what}-{quote(clusterer.key, safe='')}"
