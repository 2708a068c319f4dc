"""The story of the first page: a question that shows the effect, how typical it is, what finds wrong answers.

It reads scored runs and computes; it knows nothing of how they are shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
import pandas as pd

from homog_core.analysis.comparable import USUAL, conditions
from homog_core.analysis.compare import common_clusterers, common_questions
from homog_core.analysis.lineage import stage_rank, usual_runs
from homog_core.analysis.scored_run import ScoredRun
from homog_core.catalogue.datasets import FIRST_DATASET
from homog_core.errors import InvalidInput
from homog_core.measures.clustering import Clusterer, by_size, medoids
from homog_core.measures.short_answers import repeats_question
from homog_core.measures.uncertainty import mean_token_entropy
from homog_core.records import Estimate, Response
from homog_core.runs.store import Run
from homog_core.statistics.discrimination import auroc, is_constant
from homog_core.statistics.intervals import mean_estimate, single_cluster_rate, wilson_interval
from homog_core.statistics.within_groups import auroc_within_categories

BASE, ALIGNED = "gemma-3-270m", "gemma-3-270m-dpo"
_QUESTIONS = ("dataset", "question_ids_sha256")


@dataclass(frozen=True, slots=True)
class Pair:
    """A run of the base model and one of the aligned model, alike in everything but the training."""

    base: Run
    aligned: Run


def find_pair(runs: Sequence[Run]) -> Pair | None:
    """The first pair of complete runs over `FIRST_DATASET` under the same conditions.

    The usual prompt goes before others, then the most questions.
    """
    own = [run for run in runs if run.identity.dataset == FIRST_DATASET]
    complete = [run for run in own if run.provenance.status == "complete"]
    pairs = [
        Pair(base, aligned)
        for aligned in complete
        for base in complete
        if (base.identity.model, aligned.identity.model) == (BASE, ALIGNED) and conditions(base) == conditions(aligned)
    ]
    return max(pairs, key=_preference, default=None)


def _preference(pair: Pair) -> tuple[bool, int]:
    identity = pair.aligned.identity
    return identity.prompt_style == USUAL["prompt_style"], identity.n_questions


def question_table(base: ScoredRun, aligned: ScoredRun, clusterer: Clusterer) -> pd.DataFrame:
    """One row a question that both runs have, by id.

    text; base, aligned: number of different answers (clusters), NaN below two valid ones; n_empty: invalid answers of
    both; wordings: different texts among the aligned model's answers; n_echo: those of its answers that only repeat the
    question; correct: 1 or 0 for its greedy answer, or NaN; base_right, aligned_right: share of right sampled answers.
    """
    keys = common_questions([aligned, base])
    correct = pd.Series(aligned.correct, aligned.questions.index)
    before, after = (run.cluster_frame(clusterer)["num_semantic_sets"] for run in (base, aligned))
    before_right, after_right = (pd.Series(run.samples_correct, run.questions.index) for run in (base, aligned))
    n_drawn, texts, n_texts = base.n_samples + aligned.n_samples, aligned.questions["text"], aligned.n_texts
    echoes = {key: cache(partial(repeats_question, question=texts[key])) for key in keys}
    return pd.DataFrame(
        {
            "text": texts[keys],
            "base": before[keys],
            "aligned": after[keys],
            "n_empty": [n_drawn - len(base.valid(key)) - len(aligned.valid(key)) for key in keys],
            "wordings": n_texts.reindex(keys, fill_value=0),
            "n_echo": [sum(map(echoes[key], aligned.valid_answers(key))) for key in keys],
            "correct": correct[keys],
            "base_right": before_right[keys],
            "aligned_right": after_right[keys],
        },
        index=pd.Index(keys),
    )


def candidates(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of a `question_table` that may be an example.

    No answer is empty, the aligned answers are one cluster, none of them only repeats the question, and the greedy one
    is right or wrong.
    """
    fits = (table["aligned"] == 1) & (table["n_empty"] == 0) & (table["n_echo"] == 0) & (table["text"] != "")
    return table[fits & table["base"].notna() & table["correct"].notna()]


def choose(table: pd.DataFrame, *, correct: bool) -> str | None:
    """The question that shows most clearly how answers become one, with a greedy answer that is right, or wrong.

    Of the `candidates`: the largest drop in clusters, then the fewest wordings, then the shortest text, then the first
    id. None where there is no such question.
    """
    found = candidates(table)
    found = found[found["correct"] == correct]
    ranked = sorted(
        found.index, key=lambda key: (-found["base"][key], found["wordings"][key], len(found["text"][key]), key)
    )
    return ranked[0] if ranked else None


@dataclass(frozen=True, slots=True)
class Typical:
    """How far what the example shows holds for the other questions; each estimate with its 95 % interval."""

    n: int  # questions that both models have at least two answers to
    base_rate: Estimate  # single-cluster rate
    aligned_rate: Estimate
    base_clusters: Estimate  # mean number of different answers
    aligned_clusters: Estimate
    base_right: Estimate  # share of the sampled answers that are right, mean over the questions
    aligned_right: Estimate
    n_fewer: int  # questions with fewer different answers by the aligned model
    n_more: int


def typical(table: pd.DataFrame) -> Typical:
    """`Typical` over the questions of a `question_table`."""
    both = table[table["base"].notna() & table["aligned"].notna()]
    return Typical(
        n=len(both),
        base_rate=single_cluster_rate(both["base"]),
        aligned_rate=single_cluster_rate(both["aligned"]),
        base_clusters=mean_estimate(both["base"]),
        aligned_clusters=mean_estimate(both["aligned"]),
        base_right=mean_estimate(both["base_right"]),
        aligned_right=mean_estimate(both["aligned_right"]),
        n_fewer=int((both["aligned"] < both["base"]).sum()),
        n_more=int((both["aligned"] > both["base"]).sum()),
    )


def graded(scored: ScoredRun, clusterer: Clusterer) -> pd.DataFrame:
    """The questions whose greedy answer is right or wrong, by id.

    correct (1 or 0); clusters; disagreement: discrete semantic entropy of the sampled answers; hesitation: mean token
    entropy of the greedy answer; both in nats; category: the kind of question.
    """
    clusters = scored.cluster_frame(clusterer)
    frame = pd.DataFrame(
        {
            "correct": scored.correct,
            "clusters": clusters["num_semantic_sets"],
            "disagreement": clusters["discrete_semantic_entropy"],
            "hesitation": scored.scores["mean_token_entropy"],
            "category": scored.questions["category"].fillna(""),
        }
    )
    return frame.dropna()


@dataclass(frozen=True, slots=True)
class Detection:
    """How well one signal tells wrong from right answers: the share of pairs in which the wrong one is higher."""

    signal: str  # a column of `graded`
    questions: str  # "one": all answers in one cluster; "several"; "all"
    auroc: Estimate  # over the pairs of one category
    pooled: float  # over all pairs, where telling the categories apart counts too
    n_wrong: int
    n_right: int
    no_signal: bool  # all scores tie: 0.5 by definition

    @property
    def right(self) -> Estimate:
        """The share of right answers."""
        return wilson_interval(self.n_right, self.n_wrong + self.n_right)


def detections(frame: pd.DataFrame) -> list[Detection]:
    """What disagreement and hesitation are worth where the answers are one cluster, where they are several, and in all.

    `frame` is that of `graded`.
    """
    subsets = {
        "one": frame[frame["clusters"] == 1],
        "several": frame[frame["clusters"] > 1],
        "all": frame,
    }
    return [
        Detection(
            signal,
            name,
            auroc_within_categories(part[signal], 1 - part["correct"], part["category"].to_numpy()),
            auroc(part[signal], 1 - part["correct"]),
            int((part["correct"] == 0).sum()),
            int((part["correct"] == 1).sum()),
            is_constant(part[signal], 1 - part["correct"]),
        )
        for signal in ("disagreement", "hesitation")
        for name, part in subsets.items()
    ]


@dataclass(frozen=True, slots=True, eq=False)
class Story:
    """All that the first page tells, but for the cascade, which takes longer."""

    base: ScoredRun
    aligned: ScoredRun
    clusterer: Clusterer
    table: pd.DataFrame  # `question_table`
    example: str  # question id
    counterpart: str | None  # another single-cluster question, answered correctly where the example is wrong
    typical: Typical
    graded: pd.DataFrame
    detections: list[Detection]

    def detection(self, signal: str, questions: str) -> Detection:
        """One of `detections`."""
        return next(found for found in self.detections if (found.signal, found.questions) == (signal, questions))

    def right_answer(self, question_id: str) -> str:
        """The first reference answer to a question; "" where there is none."""
        return next(iter(self.aligned.questions.loc[question_id, "references"]), "")


def story_of(base: ScoredRun, aligned: ScoredRun) -> Story:
    """The story of two scored runs, by the clusterer with the best report card that both have.

    Raises `HomogError` for a run that has not been scored and where no question comes down to one answer.
    """
    clusterer = common_clusterers([aligned, base])[0]
    table = question_table(base, aligned, clusterer)
    wrong, right = choose(table, correct=False), choose(table, correct=True)
    if wrong is None and right is None:
        raise InvalidInput(
            f"No question of run {aligned.run.id} comes down to one answer that is right or wrong, so these two runs "
            "do not tell the story. Browse them under Questions."
        )
    frame = graded(aligned, clusterer)
    return Story(
        base,
        aligned,
        clusterer,
        table,
        wrong or right,
        right if wrong else None,
        typical(table),
        frame,
        detections(frame),
    )


def other_question_sets(runs: Sequence[Run], aligned: Run) -> list[Run]:
    """Complete and scored runs of the aligned model over other question sets, under otherwise the same conditions."""
    return [
        run
        for run in runs
        if run.identity.model == aligned.identity.model
        and run.identity.dataset != aligned.identity.dataset
        and run.identity.n_questions > 1
        and run.provenance.status == "complete"
        and conditions(run, but=_QUESTIONS) == conditions(aligned, but=_QUESTIONS)
        and run.has("scores")
    ]


@dataclass(frozen=True, slots=True)
class Measured:
    """The single-cluster rate of one stored run."""

    run: Run
    rate: Estimate


def measured_rates(runs: Sequence[Run], like: Run, clusterer: Clusterer) -> list[Measured]:
    """The single-cluster rates of complete runs under the conditions of `like`, whatever the prompt.

    By stage of training, from the stored scores; runs that have not been scored by the clusterer are left out, and so
    are other prompts and training seeds of a model.
    """
    column, found = f"num_semantic_sets@{clusterer.key}", []
    for run in usual_runs(runs):
        same = conditions(run, but=["prompt_style"]) == conditions(like, but=["prompt_style"])
        scores = run.table("scores") if same and run.provenance.status == "complete" else None
        if scores is not None and column in scores:
            found.append(Measured(run, single_cluster_rate(scores[column])))
    return sorted(found, key=lambda m: (stage_rank(m.run.provenance.stage), m.run.id))


# For the pictures


@dataclass(frozen=True, slots=True)
class AnswerCluster:
    """The answers to one question that count as the same."""

    text: str  # the most typical one
    count: int
    wordings: int  # different texts among them


def answer_clusters(scored: ScoredRun, clusterer: Clusterer, question_id: str) -> list[AnswerCluster]:
    """The clusters of a question's valid answers, the largest first; none below two valid answers."""
    texts = [response.answer for response in scored.valid_responses(question_id)]
    similarity = scored.similarity(question_id, clusterer)
    if len(texts) < 2 or len(similarity) != len(texts):
        return []
    labels = by_size(scored.labels(question_id, clusterer))
    members = [[texts[i] for i in np.flatnonzero(labels == k)] for k in range(labels.max() + 1)]
    typical_ones = [texts[i] for i in medoids(similarity, labels)]
    return [AnswerCluster(text, len(found), len(set(found))) for text, found in zip(typical_ones, members, strict=True)]


def hesitation_of(response: Response) -> float:
    """Mean token entropy of a response over its own tokens."""
    return mean_token_entropy(response.token_entropies[response.own_tokens])


def mean_hesitation(scored: ScoredRun) -> Estimate:
    """Mean over all questions of the `hesitation_of` the greedy answers, in nats."""
    return mean_estimate(scored.scores["mean_token_entropy"])


def cut_share(scored: ScoredRun) -> float:
    """Share of the sampled answers that the token limit has cut."""
    return float(scored.scores["n_cut"].mean() / scored.n_samples)


def answers_per_question(clusters: pd.Series, most: int) -> np.ndarray:
    """Number of questions (most,) with one, two, … different answers."""
    return np.bincount(clusters.dropna().astype(int), minlength=most + 1)[1 : most + 1]


def heap(values: np.ndarray, width: float, most: int = 16) -> tuple[np.ndarray, np.ndarray]:
    """Dots in columns that far apart, each value in the nearest: (x, place from 1 at the bottom).

    A column of more than `most` dots is set in several around its place, each half as wide.
    """
    column = np.rint(np.asarray(values, dtype=np.float64) / width).astype(int)
    place = np.array([np.count_nonzero(column[:i] == c) for i, c in enumerate(column)], dtype=int)
    in_column = np.array([np.count_nonzero(column == c) for c in column], dtype=int)
    n_narrow = -(-in_column // most)
    height = -(-in_column // np.maximum(n_narrow, 1))
    narrow, place = np.divmod(place, np.maximum(height, 1))
    aside = (narrow - (n_narrow - 1) / 2) * 0.5 * width
    return column * width + aside, place + 1
