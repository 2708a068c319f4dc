"""sample → encode → cluster → score → store. Resumable: what is stored is not done again.

Sampling is expensive and its result is never changed; everything after it is recomputed from the stored samples.
The batch run and the live page share every function here.
"""

import hashlib
import json
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from homog_core import calibration, paths, uncertainty
from homog_core.calibration import ReportCard
from homog_core.catalogue import DEFAULT_ENCODER
from homog_core.clustering import JACCARD_THRESHOLD, METHODS, Clusterer, mask_answer
from homog_core.encoders import Encoder
from homog_core.errors import HomogError, InvalidInput
from homog_core.grading import Grade, grade
from homog_core.metrics import mean_estimate, single_cluster_rate, wilson_interval
from homog_core.projection import project
from homog_core.questions import question_ids_sha256
from homog_core.records import GREEDY, Decoding, Estimate, PromptStyle, Question, Response, ResponseSet
from homog_core.sampling import Sampler, probe_device
from homog_core.store import Run, RunWriter, open_run, question_of, response_of, response_set, write_run

FALLBACK_THRESHOLD = 0.85  # of an encoder that has not been calibrated: the published one

Vectors = Mapping[str, np.ndarray]  # view ("answer", "masked") → unit vectors (N, d)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a batch run is."""

    n_done: int  # questions, those of an earlier attempt included
    n_total: int
    n_new: int  # questions that this process has finished
    n_tokens: int  # tokens that this process has sampled
    seconds: float

    @property
    def seconds_left(self) -> float:
        """By the questions that this process has finished; NaN before the first."""
        return self.seconds / self.n_new * (self.n_total - self.n_done) if self.n_new else float("nan")


def report_cards() -> dict[str, ReportCard]:
    """The report cards of the clusterers, the user's own before the shipped ones."""
    found: dict[str, ReportCard] = {}
    for folder in (paths.SHIPPED, paths.cache()):
        found |= calibration.read_report_cards(folder / "report_cards.json")
    return found


def default_clusterers(encoder: str = DEFAULT_ENCODER) -> list[Clusterer]:
    """Every clusterer at its default threshold, the one with the best report card first."""
    cards = report_cards()

    def threshold(method: str, key: str) -> float:
        if method == "jaccard":
            return JACCARD_THRESHOLD
        return cards[key].threshold if key in cards else FALLBACK_THRESHOLD

    clusterers = []
    for method in METHODS:
        own_encoder = None if method == "jaccard" else encoder
        key = f"{method}/{own_encoder}" if own_encoder else method
        clusterers.append(Clusterer(method, threshold(method, key), own_encoder))
    return sorted(clusterers, key=lambda c: -cards[c.key].auc if c.key in cards else 0)


def calibrate(questions: Sequence[Question], encoder: Encoder) -> list[ReportCard]:
    """Report cards of all clusterers from the questions' references (docs/methods.md), also written to the cache."""
    cards = []
    for method in METHODS:
        is_jaccard = method == "jaccard"
        prototype = Clusterer(method, JACCARD_THRESHOLD, None if is_jaccard else encoder.key)

        def similarity(question: Question, texts: Sequence[str], prototype: Clusterer = prototype) -> np.ndarray:
            vectors = {} if prototype.encoder is None else encode(encoder, question.text, texts)
            return prototype.similarity(texts, vectors)

        pairs = calibration.pair_similarities(questions, similarity)
        threshold = JACCARD_THRESHOLD if is_jaccard else calibration.threshold_at_false_join_rate(pairs)
        dataset = questions[0].dataset
        cards.append(calibration.report_card(prototype.key, pairs, threshold, dataset, joins_at_equality=is_jaccard))
    calibration.write_report_cards(paths.cache() / "report_cards.json", cards)
    return cards


def encode(encoder: Encoder, question: str, answers: Sequence[str]) -> dict[str, np.ndarray]:
    """Unit vectors of answers in both views: whole, and without the question's words."""
    masked = [mask_answer(answer, question) for answer in answers]
    vectors = encoder.encode([*answers, *masked])
    return {"answer": vectors[: len(answers)], "masked": vectors[len(answers) :]}


def sample_run(
    sampler: Sampler,
    questions: Sequence[Question],
    decoding: Decoding,
    style: PromptStyle,
    *,
    batch_questions: int = 4,
    on_step: Callable[[Progress], None] = lambda progress: None,
) -> Run:
    """Sample every question that is not stored yet; return the complete run.

    Interrupted at any point it leaves a run that the same call goes on with: a question is stored as soon as its last
    answer ends, and none is sampled twice.
    """
    if not questions:
        raise InvalidInput("There are no questions to sample.")
    with plan_run(sampler, questions, decoding, style).open() as writer:
        remaining = [question for question in questions if question.id not in writer.sampled]
        n_before = len(writer.sampled)
        before, started, n_tokens = dict(writer.run.manifest.provenance), time.monotonic(), 0

        def count() -> dict[str, Any]:
            seconds = time.monotonic() - started
            return {
                "wall_seconds": round(before["wall_seconds"] + seconds, 1),
                "n_tokens": before["n_tokens"] + n_tokens,
            }

        try:
            for step in sampler.sample(remaining, decoding, style, batch_questions):
                n_tokens += len(step.tokens)
                for finished in step.finished:
                    writer.append(finished)
                n_done = len(writer.sampled)
                seconds = time.monotonic() - started
                on_step(Progress(n_done, len(questions), n_done - n_before, n_tokens, seconds))
        except BaseException:
            writer.update(status="interrupted", **count())
            raise
        if remaining:
            writer.update(**count())
        writer.merge()
        writer.update(status="complete")
        return writer.run


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What makes a run that run: its identity, its provenance, and its questions with their prompts."""

    identity: dict[str, Any]
    provenance: dict[str, Any]
    questions: list[tuple[Question, str]]

    def open(self) -> AbstractContextManager[RunWriter]:
        """The writer of this run, created or gone on with."""
        return write_run(self.identity, self.provenance, self.questions)


def plan_run(sampler: Sampler, questions: Sequence[Question], decoding: Decoding, style: PromptStyle) -> RunPlan:
    """The run that these settings identify."""
    prompts = {question.id: sampler.prompt(question.text, style).text for question in questions}
    spec = sampler.spec
    identity = {
        "model": spec.key,
        "revision": sampler.revision,
        "dtype": sampler.dtype,
        "dataset": _dataset_of(questions),
        "question_ids_sha256": question_ids_sha256(questions),
        "n_questions": len(questions),
        "decoding": asdict(decoding),
        "prompt_style": style,
        "prompts_sha256": hashlib.sha256(json.dumps([prompts[key] for key in sorted(prompts)]).encode()).hexdigest(),
    }
    provenance = {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "git_commit": _git_commit(),
        "packages": _package_versions(),
        "device": probe_device().name,
        "source": spec.source if not Path(spec.source).is_absolute() else Path(spec.source).name,
        "family": spec.family,
        "stage": spec.stage,
        "parent": spec.parent,
        "n_parameters": spec.n_parameters,
        "wall_seconds": 0.0,
        "n_tokens": 0,
        "status": "sampling",
    }
    return RunPlan(identity, provenance, [(question, prompts[question.id]) for question in questions])


def keep(plan: RunPlan, answers: ResponseSet, seconds: float) -> Run:
    """Store one finished live answer set as the run of one question that `plan` describes."""
    with plan.open() as writer:
        if answers.question_id not in writer.sampled:
            writer.append(answers)
            n_tokens = sum(len(response.tokens) for response in (*answers.responses, answers.greedy))
            writer.update(status="complete", n_tokens=n_tokens, wall_seconds=round(seconds, 1))
        return writer.run


def score_run(
    run_id: str,
    encoder: Encoder,
    clusterers: Sequence[Clusterer] | None = None,
    on_question: Callable[[int, int], None] = lambda done, total: None,
) -> Run:
    """Compute embeddings (where missing), clusters, scores, grades and maps of a stored run, and store them."""
    run = open_run(run_id)
    if not run.sampled_ids():
        raise HomogError(f"Run {run.id} has no answers yet; run `sample` with the same options first.")
    clusterers = list(clusterers) if clusterers is not None else default_clusterers(encoder.key)
    vectors = _stored_or_new_embeddings(run, encoder)
    clusters, scores, maps = [], [], []
    grades = grade_run(run, encoder)
    for analysis in analyse_run(run, vectors, clusterers, on_question):
        clusters += analysis.clusters
        verdict = grades[analysis.scores["question_id"]]
        scores.append({**analysis.scores, "grade": verdict.verdict, "grade_policy": verdict.policy})
        maps += analysis.maps
    run.write_table("clusters", pd.DataFrame(clusters, columns=_CLUSTER_COLUMNS))
    run.write_table("scores", pd.DataFrame(scores))
    run.write_table("maps", pd.DataFrame(maps, columns=_MAP_COLUMNS))
    return run


def grade_run(run: Run, encoder: Encoder) -> dict[str, Grade]:
    """The grade of every sampled question's greedy answer, by question id. Texts are encoded together, once."""
    questions = {row.id: question_of(row) for row in run.questions().itertuples()}
    rows = run.responses()
    answers = {row.question_id: response_of(row).answer for row in rows[rows["sample_index"] == GREEDY].itertuples()}
    texts = {
        text
        for key, answer in answers.items()
        if questions[key].incorrect_references
        for text in (answer, *questions[key].references, *questions[key].incorrect_references)
    }
    vectors = dict(zip(texts, encoder.encode(list(texts)), strict=True))

    def similarity(answer: str, references: Sequence[str]) -> np.ndarray:
        return np.stack([vectors[reference] for reference in references]) @ vectors[answer]

    return {key: grade(questions[key], answer, similarity) for key, answer in answers.items()}


@dataclass(frozen=True, slots=True)
class Analysis:
    """The rows that one question adds to the tables of a scored run."""

    clusters: list[dict[str, Any]]
    scores: dict[str, Any]
    maps: list[dict[str, Any]]


_CLUSTER_COLUMNS = ["question_id", "sample_index", "clusterer", "threshold", "rule", "label"]
_MAP_COLUMNS = ["question_id", "sample_index", "clusterer", "method", "x", "y", "faithfulness"]


def analyse_run(
    run: Run,
    vectors: pd.DataFrame,
    clusterers: Sequence[Clusterer],
    on_question: Callable[[int, int], None],
) -> Iterator[Analysis]:
    """The analysis of every sampled question of a run, in the order of its questions."""
    by_question = dict(tuple(run.responses().groupby("question_id", sort=False)))
    vectors_of = dict(tuple(vectors.groupby("question_id", sort=False)))
    questions = [row for row in run.questions().itertuples() if row.id in by_question]
    for number, question in enumerate(questions, start=1):
        answers = response_set(by_question[question.id], question.prompt, run.manifest.identity["model"], run.decoding)
        yield analyse(answers, stored_vectors(vectors_of.get(question.id)), clusterers)
        on_question(number, len(questions))


def analyse(answers: ResponseSet, vectors: Vectors, clusterers: Sequence[Clusterer]) -> Analysis:
    """Clusters, scores and map of one question's answers. `vectors` are those of the valid responses, in order."""
    valid = [i for i, response in enumerate(answers.responses) if response.is_valid]
    responses = [answers.responses[i] for i in valid]
    clusters, maps = [], []
    scores = {"question_id": answers.question_id, **response_scores(answers.responses, answers.greedy)}
    for clusterer in clusterers:
        similarity = clusterer.similarity([response.answer for response in responses], vectors)
        labels = clusterer.labels(similarity)
        scores |= {f"{name}@{clusterer.key}": value for name, value in cluster_scores(labels, responses).items()}
        common = {"question_id": answers.question_id, "clusterer": clusterer.key}
        clusters += [
            {**common, "sample_index": i, "threshold": clusterer.threshold, "rule": clusterer.rule, "label": int(label)}
            for i, label in zip(valid, labels, strict=True)
        ]
        maps += [{**common, "sample_index": valid[i], **row} for i, row in _map_rows(similarity)]
    return Analysis(clusters, scores, maps)


def cluster_scores(labels: np.ndarray, responses: Sequence[Response]) -> dict[str, float]:
    """The scores that depend on the clusters; NaN with fewer than two valid responses."""
    if len(responses) < 2:
        return dict.fromkeys(("num_semantic_sets", "discrete_semantic_entropy", "semantic_entropy"), float("nan"))
    mean_logprobs = [uncertainty.mean_logprob(r.token_logprobs[r.own_tokens]) for r in responses]
    return {
        "num_semantic_sets": uncertainty.num_semantic_sets(labels),
        "discrete_semantic_entropy": uncertainty.discrete_semantic_entropy(labels),
        "semantic_entropy": uncertainty.semantic_entropy(labels, mean_logprobs),
    }


def response_scores(responses: Sequence[Response], greedy: Response) -> dict[str, float]:
    """The scores that need no clusters, and the counts of valid and of cut responses."""
    valid = [response for response in responses if response.is_valid]
    logprobs = [response.token_logprobs[response.own_tokens] for response in valid]
    entropies = [response.token_entropies[response.own_tokens] for response in valid]
    own = greedy.own_tokens
    return {
        "n_valid": len(valid),
        "n_cut": sum(response.finish_reason == "length" for response in responses),
        "predictive_entropy": uncertainty.predictive_entropy(logprobs),
        "length_normalized_predictive_entropy": uncertainty.length_normalized_predictive_entropy(logprobs),
        "mean_token_entropy": uncertainty.mean_token_entropy(greedy.token_entropies[own]),
        "max_token_entropy": uncertainty.max_token_entropy(greedy.token_entropies[own]),
        "std_token_entropy": uncertainty.std_token_entropy(greedy.token_entropies[own]),
        "high_entropy_ratio": uncertainty.high_entropy_ratio(greedy.token_entropies[own]),
        "mean_token_entropy_sampled": uncertainty.mean_token_entropy_sampled(entropies),
        "perplexity": uncertainty.perplexity(greedy.token_logprobs[own]),
    }


def summarise(run: Run) -> dict[str, Any]:
    """What a run found: SCR by clusterer, mean clusters and entropies, each an `Estimate`; and its speed."""
    scores = run.table("scores")
    if scores is None:
        raise HomogError(f"Run {run.id} has not been scored; run `python -m homog_core score {run.id}`.")
    summary: dict[str, Any] = {"run": run.id, "n_questions": len(scores), **speed(run)}
    estimates: dict[str, Estimate] = {}
    for column in scores.columns:
        if column.startswith("num_semantic_sets@"):
            clusterer = column.partition("@")[2]
            estimates[f"single_cluster_rate@{clusterer}"] = single_cluster_rate(scores[column])
            estimates[f"mean_{column}"] = mean_estimate(scores[column])
    for column in ("mean_token_entropy", "mean_token_entropy_sampled"):
        estimates[column] = mean_estimate(scores[column])
    if "grade" in scores:
        grades = scores["grade"].value_counts().to_dict()
        summary["grades"] = grades
        correct, incorrect = grades.get("correct", 0), grades.get("incorrect", 0)
        estimates["accuracy"] = wilson_interval(correct, correct + incorrect)
    return {**summary, "estimates": {name: asdict(estimate) for name, estimate in estimates.items()}}


def speed(run: Run) -> dict[str, float]:
    """Tokens, seconds and tokens per second of a run, as its manifest has them."""
    tokens, seconds = run.manifest.provenance["n_tokens"], run.manifest.provenance["wall_seconds"]
    return {
        "n_tokens": tokens,
        "wall_seconds": seconds,
        "tokens_per_second": round(tokens / seconds, 1) if seconds else float("nan"),
    }


def stored_vectors(rows: pd.DataFrame | None) -> dict[str, np.ndarray]:
    """The vectors of one question, by view, from its rows of `Run.embeddings`."""
    if rows is None or rows.empty:
        return {"answer": np.zeros((0, 1)), "masked": np.zeros((0, 1))}  # no valid response
    return {view: np.stack(list(part["vector"])) for view, part in rows.groupby("view")}


def _stored_or_new_embeddings(run: Run, encoder: Encoder) -> pd.DataFrame:
    """The embeddings of every valid sampled response, in both views; computed and stored where one is missing."""
    valid = [
        (row.question_id, row.sample_index, response_of(row).answer)
        for row in run.responses().itertuples()
        if row.sample_index != GREEDY and response_of(row).is_valid
    ]
    stored = run.embeddings(encoder.key)
    if stored is not None and len(stored) == 2 * len(valid):
        return stored
    texts = run.questions().set_index("id")["text"]
    answers = [answer for _, _, answer in valid]
    masked = [mask_answer(answer, texts[question_id]) for question_id, _, answer in valid]
    vectors = encoder.encode([*answers, *masked]).astype(np.float16)
    rows = [(question_id, index, view) for view in ("answer", "masked") for question_id, index, _ in valid]
    frame = pd.DataFrame(rows, columns=["question_id", "sample_index", "view"]).assign(
        vector=pd.Series(list(vectors), dtype=object)
    )
    run.write_table(f"embeddings-{encoder.key}", frame)
    return run.embeddings(encoder.key)


def _map_rows(similarity: np.ndarray) -> Iterator[tuple[int, dict[str, Any]]]:
    """Coordinates of each response by MDS and, from eight distinct answers on, by UMAP."""
    distances = np.clip(1.0 - similarity, 0.0, None)
    projections = {p.method: p for p in (project(distances, "mds"), project(distances, "umap"))}
    for method, projection in projections.items():
        for i, (x, y) in enumerate(projection.coordinates):
            yield i, {"method": method, "x": float(x), "y": float(y), "faithfulness": projection.faithfulness}


def _dataset_of(questions: Sequence[Question]) -> str:
    names = {question.dataset for question in questions}
    if len(names) > 1:
        raise InvalidInput(f"A run holds the questions of one dataset; these are of {', '.join(sorted(names))}.")
    return names.pop()


def _git_commit() -> str | None:
    try:
        done = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=paths.PROJECT, capture_output=True, text=True, check=False
        )
    except OSError:  # no git on this machine
        return None
    return done.stdout.strip() or None


def _package_versions() -> dict[str, str]:
    found = {}
    for package in ("torch", "transformers", "sentence-transformers", "numpy", "umap-learn"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


class ScoredRun:
    """A stored run in memory, ready to be looked at question by question. Nothing here is recomputed on disk."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.questions = run.questions().set_index("id", drop=False)
        self.scores = run.table("scores")
        self.maps = run.table("maps")
        rows = run.responses()
        self._rows = dict(tuple(rows.groupby("question_id", sort=False)))
        self._vectors = {key: dict(tuple(run.embeddings(key).groupby("question_id"))) for key in run.encoders()}
        self._similarities: dict[tuple[str, str], np.ndarray] = {}
        self.questions = self.questions[self.questions["id"].isin(self._rows)]

    def answers(self, question_id: str) -> ResponseSet:
        """All answers to a question."""
        prompt = self.questions.loc[question_id, "prompt"]
        return response_set(self._rows[question_id], prompt, self.run.manifest.identity["model"], self.run.decoding)

    def valid(self, question_id: str) -> list[int]:
        """Sample indices of the valid responses, in order; rows and columns of `similarity` stand for them."""
        responses = self.answers(question_id).responses
        return [i for i, response in enumerate(responses) if response.is_valid]

    def clusterers(self) -> list[Clusterer]:
        """The clusterers that can be shown without a model, the one with the best report card first."""
        available = {c.key: c for key in [*self._vectors, DEFAULT_ENCODER] for c in default_clusterers(key)}
        return [c for c in available.values() if c.encoder is None or c.encoder in self._vectors]

    def similarity(self, question_id: str, clusterer: Clusterer) -> np.ndarray:
        """Similarity (N, N) of the valid responses under a clusterer; its threshold plays no part."""
        if (question_id, clusterer.key) not in self._similarities:
            responses = self.answers(question_id).responses
            answers = [responses[i].answer for i in self.valid(question_id)]
            vectors = stored_vectors(self._vectors.get(clusterer.encoder, {}).get(question_id))
            if clusterer.encoder and len(vectors["answer"]) != len(answers):
                return np.zeros((0, 0))  # answered since the run was scored
            self._similarities[question_id, clusterer.key] = clusterer.similarity(answers, vectors)
        return self._similarities[question_id, clusterer.key]

    def cluster_frame(self, clusterer: Clusterer) -> pd.DataFrame:
        """num_semantic_sets and discrete_semantic_entropy of every question at the clusterer's threshold.

        NaN where a question has fewer than two valid responses. Fast enough to follow a slider.
        """
        rows = {}
        for question_id in self.questions["id"]:
            similarity = self.similarity(question_id, clusterer)
            labels = clusterer.labels(similarity) if len(similarity) > 1 else []
            rows[question_id] = (
                uncertainty.num_semantic_sets(labels),
                uncertainty.discrete_semantic_entropy(labels),
            )
        return pd.DataFrame.from_dict(rows, orient="index", columns=["num_semantic_sets", "discrete_semantic_entropy"])

    def search(self, words: str) -> set[str]:
        """Ids of the questions whose text, id or answers contain `words`, whatever their case."""
        words = words.strip().lower()
        found = {row.id for row in self.questions.itertuples() if words in f"{row.id} {row.text}".lower()}
        return found | {
            key for key, rows in self._rows.items() if rows["text"].str.lower().str.contains(words, regex=False).any()
        }

    def coordinates(self, question_id: str, clusterer: Clusterer, method: str) -> pd.DataFrame:
        """Stored coordinates (sample_index, x, y, method, faithfulness); MDS where there is no UMAP; else empty."""
        if self.maps is None:
            return pd.DataFrame(columns=_MAP_COLUMNS)
        maps = self.maps[(self.maps["question_id"] == question_id) & (self.maps["clusterer"] == clusterer.key)]
        chosen = maps[maps["method"] == method]
        return (maps[maps["method"] == "mds"] if chosen.empty else chosen).sort_values("sample_index")
