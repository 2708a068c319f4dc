"""The story of the first page, told with stored runs: which question it shows, and how typical that question is.

Every number of that page comes from here. It reads scored runs and computes; it knows nothing of how they are shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from homog_core.analysis import summary
from homog_core.analysis.scored_run import ScoredRun, correctness, scores_of
from homog_core.errors import InvalidInput
from homog_core.measures.clustering import Clusterer, by_size, medoids
from homog_core.measures.uncertainty import mean_token_entropy
from homog_core.records import Estimate, Response
from homog_core.runs.store import Run
from homog_core.statistics.cascade import Outcome, Saving, matched_saving
from homog_core.statistics.discrimination import auroc_estimate, delong_test, is_constant
from homog_core.statistics.intervals import mean_estimate, single_cluster_rate

DATASET = "starter"  # the one whose sentences may be shown


BASE, ALIGNED = "gemma-3-270m", "gemma-3-270m-dpo"


_STAGES = ["base", "sft", "dpo", "rlvr", "instruct", ""]


RULE = (
    "Of the questions to which both models gave nothing but answers that are not empty, and whose answers by the "
    "aligned model form one pile, it is the one with the largest drop in different answers; a wrong answer goes before "
    "a right one. Ties go to the fewest different wordings, then to the shortest question."
)


@dataclass(frozen=True, slots=True)
class Pair:
    """A run of the base model and one of the aligned model, alike in everything but the training."""

    base: Run
    aligned: Run


def find_pair(runs: Sequence[Run]) -> Pair | None:
    """The first pair of complete runs over `DATASET` with one prompt and one decoding, the most questions first."""
    complete = [run for run in runs if run.provenance.status == "complete" and run.identity.dataset == DATASET]
    pairs = [
        Pair(base, aligned)
        for aligned in complete
        for base in complete
        if (base.identity.model, aligned.identity.model) == (BASE, ALIGNED)
        and _circumstances(base) == _circumstances(aligned)
    ]
    return max(pairs, key=lambda pair: pair.aligned.identity.n_questions, default=None)


def _circumstances(run: Run) -> tuple:
    """Decoding and prompt; for models of one chain everything else is the training."""
    return run.decoding, run.identity.prompt_style


def question_table(base: ScoredRun, aligned: ScoredRun, clusterer: Clusterer) -> pd.DataFrame:
    """One row a question that both runs have, by id.

    text; base, aligned: number of different answers (clusters), NaN below two valid ones; n_empty: invalid answers of
    both; wordings: different texts among the aligned model's answers; correct: 1 or 0 for its greedy answer, or NaN.
    """
    correct = correctness(scores_of(aligned.run).set_index("question_id"))
    clusters = {name: run.cluster_frame(clusterer)["num_semantic_sets"] for name, run in _named(base, aligned).items()}
    rows = {
        key: {
            "text": aligned.questions.loc[key, "text"],
            **{name: found[key] for name, found in clusters.items()},
            "n_empty": sum(run.run.decoding.n_samples - len(run.valid(key)) for run in (base, aligned)),
            "wordings": len({response.answer for response in aligned.answers(key).responses}),
            "correct": correct.get(key, float("nan")),
        }
        for key in aligned.questions["id"]
        if key in base.questions.index
    }
    columns = ["text", "base", "aligned", "n_empty", "wordings", "correct"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


def _named(base: ScoredRun, aligned: ScoredRun) -> dict[str, ScoredRun]:
    return {"base": base, "aligned": aligned}


def choose(table: pd.DataFrame, *, correct: bool) -> str | None:
    """The question that shows most clearly how answers become one, with a greedy answer that is right, or wrong.

    Of the questions without an empty answer whose aligned answers are one cluster: the largest drop in clusters, then
    the fewest wordings, then the shortest text, then the first id. None where there is no such question.
    """
    fits = (table["aligned"] == 1) & (table["n_empty"] == 0) & (table["text"] != "") & (table["correct"] == correct)
    found = table[fits & table["base"].notna()]
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
        n_fewer=int((both["aligned"] < both["base"]).sum()),
        n_more=int((both["aligned"] > both["base"]).sum()),
    )


def graded(scored: ScoredRun, clusterer: Clusterer) -> pd.DataFrame:
    """The questions whose greedy answer is right or wrong, by id.

    correct (1 or 0); clusters; disagreement: discrete semantic entropy of the sampled answers; hesitation: mean token
    entropy of the greedy answer; both in nats; answer_type: what is asked for, `text` or `number`.
    """
    scores = scores_of(scored.run).set_index("question_id")
    clusters = scored.cluster_frame(clusterer)
    frame = pd.DataFrame(
        {
            "correct": correctness(scores),
            "clusters": clusters["num_semantic_sets"],
            "disagreement": clusters["discrete_semantic_entropy"],
            "hesitation": scores["mean_token_entropy"],
            "answer_type": scored.questions["answer_type"],
        }
    )
    return frame.dropna()


@dataclass(frozen=True, slots=True)
class Detection:
    """How well one signal tells wrong from right answers: the share of pairs in which the wrong one is higher."""

    signal: str  # a column of `graded`
    questions: str  # "one": all answers in one cluster; "several"; "all"; "text": of all, those that ask for no number
    auroc: Estimate
    n_wrong: int
    n_right: int
    no_signal: bool  # all scores tie: 0.5 by definition


def detections(frame: pd.DataFrame) -> list[Detection]:
    """What disagreement and hesitation are worth where the answers are one cluster, where they are several, and in all.

    Also where no number is asked for: a score can seem to find errors by telling arithmetic, which is mostly answered
    wrong, from the rest. `frame` is that of `graded`.
    """
    subsets = {
        "one": frame[frame["clusters"] == 1],
        "several": frame[frame["clusters"] > 1],
        "all": frame,
        "text": frame[frame["answer_type"] == "text"],
    }
    return [
        Detection(
            signal,
            name,
            auroc_estimate(part[signal], 1 - part["correct"]),
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
    counterpart: str | None  # another single-cluster question, answered rightly where the example is wrong
    typical: Typical
    graded: pd.DataFrame
    detections: list[Detection]

    def detection(self, signal: str, questions: str) -> Detection:
        """One of `detections`."""
        return next(found for found in self.detections if (found.signal, found.questions) == (signal, questions))


def tell(base: ScoredRun, aligned: ScoredRun) -> Story:
    """The story of two scored runs, by the clusterer with the best report card that both have.

    Raises `HomogError` for a run that has not been scored and where no question comes down to one answer.
    """
    for scored in (base, aligned):
        scores_of(scored.run)
    known = {clusterer.key for clusterer in base.clusterers()}
    clusterer = next(c for c in aligned.clusterers() if c.key in known)
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


def elsewhere(runs: Sequence[Run], aligned: Run) -> list[Run]:
    """Complete and scored runs of the aligned model over other question sets, under the same circumstances."""
    return [
        run
        for run in runs
        if run.identity.model == aligned.identity.model
        and run.identity.dataset != aligned.identity.dataset
        and run.identity.n_questions > 1
        and run.provenance.status == "complete"
        and _circumstances(run) == _circumstances(aligned)
        and run.table("scores") is not None
    ]


@dataclass(frozen=True, slots=True)
class Measured:
    """The single-cluster rate of one stored run."""

    run: Run
    rate: Estimate


def measured_rates(runs: Sequence[Run], like: Run, clusterer: Clusterer) -> list[Measured]:
    """The single-cluster rates of complete runs over the questions of `like`, with its decoding, whatever the prompt.

    By stage of training, from the stored scores; runs that have not been scored by the clusterer are left out.
    """
    column, found = f"num_semantic_sets@{clusterer.key}", []
    for run in runs:
        same = run.identity.dataset == like.identity.dataset and run.decoding == like.decoding
        scores = run.table("scores") if same and run.provenance.status == "complete" else None
        if scores is not None and column in scores:
            found.append(Measured(run, single_cluster_rate(scores[column])))
    return sorted(found, key=lambda m: (_STAGES.index(m.run.provenance.stage or ""), m.run.id))


# For the pictures


@dataclass(frozen=True, slots=True)
class Pile:
    """The answers to one question that count as the same."""

    text: str  # the most typical one
    count: int
    wordings: int  # different texts among them


def piles(scored: ScoredRun, clusterer: Clusterer, question_id: str) -> list[Pile]:
    """The clusters of a question's valid answers, the largest first; none below two valid answers."""
    responses = scored.answers(question_id).responses
    texts = [responses[i].answer for i in scored.valid(question_id)]
    similarity = scored.similarity(question_id, clusterer)
    if len(texts) < 2 or len(similarity) != len(texts):
        return []
    labels = by_size(scored.labels(question_id, clusterer))
    members = [[texts[i] for i in np.flatnonzero(labels == k)] for k in range(labels.max() + 1)]
    typical_ones = [texts[i] for i in medoids(similarity, labels)]
    return [Pile(text, len(found), len(set(found))) for text, found in zip(typical_ones, members, strict=True)]


def hesitation_of(response: Response) -> float:
    """Mean token entropy of a response over its own tokens."""
    return mean_token_entropy(response.token_entropies[response.own_tokens])


def answers_per_question(clusters: pd.Series, most: int) -> np.ndarray:
    """Number of questions (most,) with one, two, … different answers."""
    return np.bincount(clusters.dropna().astype(int), minlength=most + 1)[1 : most + 1]


def heap(values: np.ndarray, width: float) -> tuple[np.ndarray, np.ndarray]:
    """Dots in columns that far apart, each value in the nearest: (x of the column, place in it from 1)."""
    column = np.rint(np.asarray(values, dtype=np.float64) / width).astype(int)
    place = np.array([np.count_nonzero(column[: i + 1] == c) for i, c in enumerate(column)], dtype=int)
    return column * width, place


# The cascade


@dataclass(frozen=True, slots=True)
class Way:
    """One way of looking for wrong answers: what it costs and how well it ranks them."""

    tokens: float  # a question, on top of the answer
    quality: Estimate  # share of pairs of a wrong and a right answer that are ranked rightly, out of fold


@dataclass(frozen=True, slots=True, eq=False)
class Advice:
    """What the cascade costs and is worth on a run."""

    stage_tokens: tuple[float, ...]  # extra tokens of each signal where it is run
    reached: tuple[float, ...]  # share of the questions that each signal is run on
    cheapest: Way
    cascade: Way
    everything: Way
    saving: Saving
    n_wrong: int
    n_right: int


def advice(scored: ScoredRun) -> Advice | str:
    """The cascade of `report.cascade_signals` on a run, or why there is none."""
    scores = scores_of(scored.run)
    correct = correctness(scores)
    known = scores[correct.notna()]
    incorrect = 1 - correct.dropna().to_numpy()
    signals = summary.cascade_signals(scored.run, known)
    try:
        saving = matched_saving(signals, incorrect)
    except InvalidInput as error:
        return str(error)
    return Advice(
        stage_tokens=tuple(float(signal.cost.mean()) for signal in signals),
        reached=tuple(map(float, saving.cascade.reached)),
        cheapest=_way(saving.cheapest, incorrect),
        cascade=_way(saving.cascade, incorrect),
        everything=_way(saving.everything, incorrect),
        saving=saving,
        n_wrong=int(incorrect.sum()),
        n_right=int((1 - incorrect).sum()),
    )


def _way(outcome: Outcome, incorrect: np.ndarray) -> Way:
    return Way(outcome.mean_cost, fold_auroc(outcome, incorrect))


def fold_auroc(outcome: Outcome, incorrect: np.ndarray) -> Estimate:
    """An outcome's AUROC within folds, which is `outcome.auroc`, with its DeLong interval.

    DeLong's paired difference from a score that ties within every fold, whose AUROC is 0.5; pairs across folds are
    ranked alike in both and cancel (as in `cascade`). The fitted models are taken as given.
    """
    found = delong_test(outcome.score + 2 * outcome.fold, 2.0 * outcome.fold, incorrect)
    within = sum(
        incorrect[outcome.fold == fold].sum() * (1 - incorrect[outcome.fold == fold]).sum()
        for fold in np.unique(outcome.fold)
    )
    scale = incorrect.sum() * (1 - incorrect).sum() / within
    low, high = np.clip([0.5 + scale * found.low, 0.5 + scale * found.high], 0, 1)
    return Estimate(outcome.auroc, float(low), float(high), len(incorrect), "delong, within folds")
