"""Many scored runs → the numbers of the aggregate charts, fast enough to follow a slider. It writes nothing.

A `RunView` holds what a run has stored about its questions, without the answers. Its merge trees answer every
threshold at once, so that a curve over all thresholds, or every partition at one of them, is array arithmetic.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from math import comb, log
from typing import Any

import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import linkage

from homog_core import report, uncertainty
from homog_core.cascade import Curve, Outcome, Saving, Signal, cost_quality_curve, matched_saving, parallel
from homog_core.clustering import PUBLISHED_COSINE_THRESHOLD, Clusterer
from homog_core.errors import HomogError, InvalidInput
from homog_core.metrics import (
    auroc_estimate,
    brier_score,
    cohens_d_estimate,
    correlation,
    delong_test,
    expected_calibration_error,
    holm,
    is_constant,
    mcnemar_exact,
    mean_estimate,
    platt_probabilities,
    reliability,
    risk_coverage,
    selective_estimates,
    single_cluster_rate,
    wilson_interval,
)
from homog_core.published import PUBLISHED, Published
from homog_core.records import GREEDY, Estimate
from homog_core.scored import ScoredRun
from homog_core.scoring import QUESTION_ONLY, SAMPLED, SINGLE_PASS, default_clusterers, square
from homog_core.store import Run, response_of

STAGES = ("base", "sft", "dpo", "rlvr", "instruct", None)
THRESHOLDS = np.round(np.arange(0, 100) / 100, 2)
GROUPS = {"one answer": SINGLE_PASS, "samples": SAMPLED, "question": QUESTION_ONLY}  # what a score is read from
SUBSETS = ("all", "single", "multi")  # questions: all, with one cluster, with several
TOKEN_ENTROPY, SEMANTIC_ENTROPY, DENSITY = "mean_token_entropy", "discrete_semantic_entropy", "embedding_density"
CLUSTER_SCORES = ("num_semantic_sets", SEMANTIC_ENTROPY, "semantic_entropy")  # the ones that a threshold moves

NO_SIGNAL = "no signal: all scores tie"

_NAN = float("nan")
_Z = 1.959963984540054


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
        scores, stored = report.scores_of(run), run.table("similarities")
        if stored is None:
            raise HomogError(f"Run {run.id} has not been scored; run `python -m homog_core score {run.id}`.")
        categories = run.questions().set_index("id")["category"]
        self.frame = scores.set_index("question_id").assign(category=categories)
        self.correct = report.correctness(self.frame).to_numpy()
        self._condensed = stored.set_index(["question_id", "clusterer"])["similarity"].to_dict()
        self._trees: dict[tuple[str, bool], MergeTrees] = {}

    @property
    def n_samples(self) -> int:
        """How many answers were drawn to each question."""
        return self.run.decoding.n_samples

    def clusterers(self) -> list[Clusterer]:
        """The clusterers whose similarities are stored, the one with the best report card first."""
        stored = {key for _, key in self._condensed}
        found = default_clusterers(report.encoders_of(self.frame))
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
        encoders = report.encoders_of(self.frame)
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
        return np.where(known & ~np.isnan(weight).any(axis=1), entropy, _NAN)

    @cached_property
    def _mean_logprobs(self) -> np.ndarray:
        """Mean token log-probability (Q, N) of the valid sampled answers in their order, NaN after the last."""
        found: dict[str, list[float]] = {key: [] for key in self.frame.index}
        for row in self.run.responses().itertuples():
            response = response_of(row)
            if row.question_id in found and row.sample_index != GREEDY and response.is_valid:
                found[row.question_id].append(uncertainty.mean_logprob(response.token_logprobs[response.own_tokens]))
        matrix = np.full((len(found), max(self.n_samples, 1)), _NAN)
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
        "num_semantic_sets": np.where(undefined, _NAN, n_sets),
        SEMANTIC_ENTROPY: np.where(undefined, _NAN, entropy),
    }


# Which runs, in which order, under which name


def order(run: Run) -> tuple:
    """Sort key: by stage, then name, prompt and temperature."""
    identity = run.manifest.identity
    stage = run.manifest.provenance.get("stage")
    place = STAGES.index(stage) if stage in STAGES else len(STAGES)
    return place, identity["model"], identity["prompt_style"] != "plain", identity["decoding"]["temperature"], run.id


def run_labels(runs: Sequence[Run]) -> dict[str, str]:
    """A short and unique name for each run, by id: the model, its stage, and what is not usual about it."""
    found = {run.id: _label(run) for run in runs}
    names = list(found.values())
    return {key: name if names.count(name) == 1 else f"{name}, {key[-4:]}" for key, name in found.items()}


def _label(run: Run) -> str:
    identity, stage = run.manifest.identity, run.manifest.provenance.get("stage")
    decoding, style = identity["decoding"], identity["prompt_style"]
    parts = [identity["model"] + (f" ({stage})" if stage and stage not in identity["model"] else "")]
    parts += [f"T={decoding['temperature']:g}"] if decoding["temperature"] != 1 else []
    parts += [f"{style.replace('_', '-')} prompt"] if style != "plain" else []
    return ", ".join(parts)


def base_and_aligned(runs: Sequence[Run]) -> tuple[Run, Run] | None:
    """The base and the furthest stage made from it among the runs, alike in all but the model; None without a pair.

    Of several such pairs the one with the furthest stage; runs of our chain share everything but the training.
    """
    pairs = [
        (base, other)
        for base in runs
        for other in runs
        if base.manifest.provenance.get("stage") == "base"
        and other.manifest.provenance.get("stage") in STAGES[1:-1]
        and _family(base) == _family(other)
        and _all_but_the_model(base) == _all_but_the_model(other)
    ]
    return max(pairs, key=lambda pair: order(pair[1])[0], default=None)


def _family(run: Run) -> Any:
    return run.manifest.provenance.get("family") or run.manifest.identity["model"].partition("-")[0]


def _all_but_the_model(run: Run) -> dict[str, Any]:
    kept = ("dataset", "question_ids_sha256", "decoding", "prompt_style")
    return {key: run.manifest.identity.get(key) for key in kept}


def temperature_siblings(run: Run, runs: Sequence[Run]) -> list[Run]:
    """The runs that differ from `run` in nothing but the temperature, itself included, by temperature."""

    def rest(other: Run) -> dict[str, Any]:
        identity = other.manifest.identity
        return {**identity, "decoding": {**identity["decoding"], "temperature": None}}

    same = [other for other in runs if rest(other) == rest(run)]
    return sorted(same, key=lambda other: other.manifest.identity["decoding"]["temperature"])


# How often one answer


def wilson_bounds(share: np.ndarray, n: int | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """95 % Wilson bounds of shares of n, arrays in one go; NaN for n = 0.

    Also for the mean of n probabilities, as of the SCR at a smaller budget: their variance is at most that of a share,
    so the interval is no narrower than it should be.
    """
    share, n = np.asarray(share, dtype=np.float64), np.where(np.asarray(n) == 0, _NAN, n)
    centre = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * np.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    return np.clip(centre - half, 0, share), np.clip(centre + half, share, 1)


def fields(found: Estimate, prefix: str = "") -> dict[str, Any]:
    """An estimate as columns of a row."""
    return {f"{prefix}{name}": getattr(found, name) for name in ("value", "low", "high", "n")}


def single_cluster_row(view: RunView, clusterer: Clusterer, category: str) -> dict[str, Any]:
    """SCR (Wilson) and mean number of clusters (t) of one run, as columns of a row."""
    n_sets = cluster_columns(view.sizes(clusterer)[view.in_category(category)])["num_semantic_sets"]
    return {
        **fields(single_cluster_rate(n_sets)),
        "n_single": int(np.sum(n_sets == 1)),
        **fields(mean_estimate(n_sets), "clusters_"),
    }


def single_cluster_test(first: RunView, second: RunView, clusterer: Clusterer, category: str) -> float:
    """The p value of McNemar's exact test on single-cluster yes or no, over the questions that both have."""
    columns = []
    for view in (first, second):
        kept = view.in_category(category)
        n_sets = cluster_columns(view.sizes(clusterer)[kept])["num_semantic_sets"]
        single = pd.Series(np.where(np.isnan(n_sets), _NAN, n_sets == 1), index=view.frame.index[kept])
        columns.append(single)
    both = pd.concat(columns, axis=1, join="inner")
    return mcnemar_exact(both.iloc[:, 0].to_numpy(), both.iloc[:, 1].to_numpy()).pvalue


def threshold_curve(view: RunView, clusterer: Clusterer, category: str) -> pd.DataFrame:
    """SCR with its Wilson interval at every threshold of the sliders: threshold, value, low, high, n.

    As `report.threshold_curve`, for a category and without a loop. No rows for a clusterer without a threshold of its
    own per question: NLI, and the greedy rule.
    """
    columns = ["threshold", "value", "low", "high", "n"]
    if clusterer.method == "nli" or clusterer.rule != "components":
        return pd.DataFrame(columns=columns)
    trees = view.trees(clusterer)
    kept = view.in_category(category) & (trees.n_valid > 1)
    last = np.where(np.isfinite(trees.height[kept]), trees.height[kept], -np.inf).max(axis=1, initial=-np.inf)
    n = int(kept.sum())
    if trees.at_equality:
        single = last[:, None] <= 1.0 - THRESHOLDS.astype(np.float32).astype(np.float64)
    else:
        single = last[:, None] < 1.0 - THRESHOLDS
    share = single.mean(axis=0) if n else np.full(len(THRESHOLDS), _NAN)
    low, high = wilson_bounds(share, n)
    return pd.DataFrame({"threshold": THRESHOLDS, "value": share, "low": low, "high": high, "n": n})[columns]


@cache
def _budget_table(total: int) -> np.ndarray:
    """What a cluster of each size 0 … N adds at each budget 0 … N: (2, N + 1, N + 1) for SCR and entropy.

    C(size, n)/C(N, n), and −Σ_m Hypergeom(m; N, size, n) (m/n) ln(m/n): the terms of `metrics.scr_at_budget` and
    `metrics.entropy_at_budget`.
    """
    table = np.zeros((2, total + 1, total + 1))
    for n in range(1, total + 1):
        for size in range(1, total + 1):
            table[0, n, size] = comb(size, n) / comb(total, n)
            table[1, n, size] = sum(
                comb(size, m) * comb(total - size, n - m) / comb(total, n) * (m / n) * log(n / m)
                for m in range(1, min(size, n) + 1)
            )
    return table


def budget_curve(view: RunView, clusterer: Clusterer, category: str) -> pd.DataFrame:
    """SCR and discrete semantic entropy for n = 2 … N samples, exactly, with intervals over questions.

    As `report.budget_curve`, for a category: over the questions with at least n valid answers, whose clusters stay
    those of all of them. Wilson bounds for the SCR (`wilson_bounds`), t bounds for the entropy. One row an n.
    """
    sizes = view.sizes(clusterer)[view.in_category(category)]
    total = sizes.sum(axis=1)
    rows = []
    for n in range(2, view.n_samples + 1):
        values = np.full((2, len(sizes)), _NAN)
        for answers in np.unique(total[total >= n]):
            own = total == answers
            values[:, own] = _budget_table(int(answers))[:, n, sizes[own]].sum(axis=2)
        rate, entropy = values[:, total >= n]
        share = float(rate.mean()) if len(rate) else _NAN
        low, high = wilson_bounds(np.array(share), len(rate))
        scr = {"value": share, "low": float(low), "high": float(high), "n": len(rate)}
        rows.append({"n_samples": n, **scr, **fields(mean_estimate(entropy), "entropy_")})
    return pd.DataFrame(rows)


def clusterer_rows(view: RunView, category: str) -> list[dict[str, Any]]:
    """SCR by every clusterer at its default threshold, and by whole answers at the published one. One row a clusterer.

    Default thresholds of encoders join 15 % of the contradicting pairs, so that encoders are compared like with like.
    """
    found = [(clusterer, "default") for clusterer in view.clusterers()]
    found += [
        (Clusterer(c.method, PUBLISHED_COSINE_THRESHOLD, c.encoder), "published threshold")
        for c, _ in found
        if c.method == "embedding"
    ]
    return [
        {"clusterer": clusterer, "kind": kind, **single_cluster_row(view, clusterer, category)}
        for clusterer, kind in found
    ]


# What it does to uncertainty scores


def subset_of(subset: str, n_sets: np.ndarray) -> np.ndarray:
    """Which questions (Q,) belong to one of `SUBSETS`, by their number of clusters."""
    return {"all": np.full(len(n_sets), True), "single": n_sets == 1, "multi": n_sets > 1}[subset]


def group_of(score: str) -> str:
    """What a score is read from: a key of `GROUPS`."""
    return next(group for group, names in GROUPS.items() if score in names)


def auroc_row(values: np.ndarray, correct: np.ndarray) -> dict[str, Any]:
    """AUROC with its DeLong interval as columns, and `words` instead of it where it says nothing or is undefined."""
    graded = ~np.isnan(correct) & ~np.isnan(values)
    found = auroc_estimate(values, 1 - correct)
    n_wrong = int(np.sum(correct[graded] == 0))
    return {
        **fields(found),
        "n_incorrect": n_wrong,
        "n_correct": int(graded.sum()) - n_wrong,
        "words": _auroc_words(values, correct, graded, n_wrong),
    }


def _auroc_words(values: np.ndarray, correct: np.ndarray, graded: np.ndarray, n_wrong: int) -> str:
    n = int(graded.sum())
    if np.all(np.isnan(correct)):
        return "undefined: no graded question"
    if n == 0:
        return "undefined: the score has no value"
    if n_wrong in (0, n):
        return f"undefined: {'the only one' if n == 1 else f'all {n}'} {'correct' if n_wrong == 0 else 'incorrect'}"
    return NO_SIGNAL if is_constant(values, 1 - correct) else ""


def score_rows(view: RunView, clusterer: Clusterer, category: str) -> pd.DataFrame:
    """AUROC of every score on every subset of the graded questions, with Cohen's d: one row a score and subset."""
    scores, kept = view.scores(clusterer), view.in_category(category)
    correct, n_sets = view.correct[kept], scores["num_semantic_sets"].to_numpy()[kept]
    rows = []
    for score in (name for names in GROUPS.values() for name in names):
        for subset in SUBSETS:
            common = {"score": score, "group": group_of(score), "subset": subset}
            if score not in scores:
                rows.append({**common, **_missing_row()})
                continue
            own = subset_of(subset, n_sets)
            values, grades = scores[score].to_numpy()[kept][own], correct[own]
            d = cohens_d_estimate(values[grades == 0], values[grades == 1])
            rows.append({**common, **auroc_row(values, grades), **fields(d, "d_")})
    return pd.DataFrame(rows)


def _missing_row() -> dict[str, Any]:
    empty = Estimate(_NAN, _NAN, _NAN, 0, "")
    words = "needs an NLI model"
    return {**fields(empty), "n_incorrect": 0, "n_correct": 0, "words": words, **fields(empty, "d_")}


def category_rows(view: RunView, clusterer: Clusterer, scores: Sequence[str]) -> pd.DataFrame:
    """AUROC of some scores in every category of a run, the largest category first: one row a category and score."""
    found = view.scores(clusterer)
    graded = ~np.isnan(view.correct)
    counts = view.frame.loc[graded, "category"].value_counts()
    rows = [
        {
            "category": category,
            "score": score,
            "n_graded": int(counts.get(category, 0)),
            **auroc_row(found[score].to_numpy()[own], view.correct[own]),
        }
        for category in sorted(set(view.frame["category"]), key=lambda name: (-counts.get(name, 0), name))
        for score in scores
        if score in found
        for own in [view.in_category(category)]
        if category
    ]
    columns = ["category", "score", "n_graded", "value", "low", "high", "n", "n_incorrect", "n_correct", "words"]
    return pd.DataFrame(rows, columns=columns)


def category_auroc(view: RunView) -> Estimate:
    """AUROC of the share of incorrect answers in a question's category, as if it were an uncertainty score.

    What a score gets for telling categories apart. In-sample, so categories with fewer than 20 graded questions, whose
    share would know the question itself, count as one.
    """
    frame = pd.DataFrame({"category": view.frame["category"].to_numpy(), "incorrect": 1 - view.correct})
    sizes = frame.groupby("category")["incorrect"].transform("count")
    category = frame["category"].where(sizes >= 20, "other")
    return auroc_estimate(frame.groupby(category)["incorrect"].transform("mean"), frame["incorrect"])


def difference_rows(views: Mapping[str, RunView], clusterer: Clusterer, category: str) -> pd.DataFrame:
    """AUROC of token entropy minus that of semantic entropy by DeLong's paired test: one row a run and subset.

    p values are adjusted by Holm over all that are shown together. `words` where there is no difference to test.
    """
    rows = []
    for name, view in views.items():
        kept = view.in_category(category)
        columns = cluster_columns(view.sizes(clusterer)[kept])
        token, semantic = view.frame[TOKEN_ENTROPY].to_numpy(np.float64)[kept], columns[SEMANTIC_ENTROPY]
        for subset in SUBSETS:
            own = subset_of(subset, columns["num_semantic_sets"])
            found = _difference(token[own], semantic[own], view.correct[kept][own])
            rows.append({"run": name, "subset": subset, **found})
    frame = pd.DataFrame(rows)
    return frame.assign(pvalue_holm=holm(frame["pvalue"]))


def _difference(token: np.ndarray, semantic: np.ndarray, correct: np.ndarray) -> dict[str, Any]:
    both = np.where(np.isnan(token) | np.isnan(semantic), _NAN, correct)
    found = delong_test(token, semantic, 1 - correct)
    graded = both[~np.isnan(both)]
    return {
        "value": found.difference,
        "low": found.low,
        "high": found.high,
        "n": len(graded),
        "pvalue": found.pvalue,
        "token_entropy": auroc_estimate(token, 1 - both).value,
        "semantic_entropy": auroc_estimate(semantic, 1 - both).value,
        "semantic_ties": is_constant(semantic, 1 - both),
        "words": _auroc_words(token, both, ~np.isnan(both), int(np.sum(graded == 0)))
        if np.isnan(found.difference)
        else "",
    }


# What can be won back


COVERAGES = (0.25, 0.5, 0.75, 1.0)  # at which selective accuracy gets an interval
N_BINS = 10
N_RESAMPLES = 1000


@dataclass(frozen=True, slots=True, eq=False)
class Coverage:
    """Selective accuracy of one score: the whole curve, and some points of it with their intervals."""

    curve: pd.DataFrame  # coverage, value
    points: pd.DataFrame  # coverage, value, low, high, n
    no_signal: bool  # all scores tie: a flat line by definition


def coverage_of(values: np.ndarray, correct: np.ndarray) -> Coverage:
    """Accuracy of the most certain questions against how many are answered; ties by their expected order."""
    found = risk_coverage(values, correct)
    rows = []
    for coverage in COVERAGES if len(found.risk) else ():
        estimate = selective_estimates(values, correct, coverage, n_resamples=N_RESAMPLES).selective_accuracy
        rows.append({"coverage": coverage, **fields(estimate)})
    points = pd.DataFrame(rows, columns=["coverage", "value", "low", "high", "n"])
    curve = pd.DataFrame({"coverage": found.coverage, "value": 1 - found.risk})
    return Coverage(curve, points, is_constant(values, correct))


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """Probabilities of being correct that come from one score, before and after Platt scaling."""

    bins: pd.DataFrame  # when, probability, value (share correct), low, high (Wilson), n; one row a bin that is filled
    summary: pd.DataFrame  # when, measure (ECE, Brier), value, low, high, n


def calibration_of(values: np.ndarray, correct: np.ndarray) -> Calibration:
    """Reliability diagram, ECE and Brier score before and after Platt scaling, over the graded questions.

    ECE over ten bins; the diagram has five where there are fewer than 300 questions. Before: the score read as it
    stands, 1 where it is smallest and 0 where it is largest among these questions, in proportion between. After:
    `metrics.platt_probabilities`, out of fold. Both are undefined where the score is undefined; after, with fewer than
    five of a class; before, where all scores tie.
    """
    graded = ~np.isnan(values) & ~np.isnan(correct)
    shown = N_BINS if graded.sum() >= 30 * N_BINS else N_BINS // 2  # fewer bins where they would be nearly empty
    said = {"before": _as_it_stands(values, graded), "after": platt_probabilities(values, correct)}
    bins, summary = [], []
    for when, probability in said.items():
        diagram = reliability(probability, correct, shown)
        for mean, share, n in zip(diagram.probability, diagram.accuracy, diagram.count, strict=True):
            if n:
                bins.append({"when": when, "probability": mean, **fields(wilson_interval(round(share * n), int(n)))})
        for measure, found in _calibration_estimates(probability, correct).items():
            summary.append({"when": when, "measure": measure, **fields(found)})
    columns = ["when", "probability", "value", "low", "high", "n"]
    return Calibration(pd.DataFrame(bins, columns=columns), pd.DataFrame(summary))


def _as_it_stands(values: np.ndarray, graded: np.ndarray) -> np.ndarray:
    finite = values[graded & np.isfinite(values)]
    if not len(finite) or np.ptp(finite) <= 1e-9:
        return np.full(len(values), _NAN)
    scaled = (np.clip(values, finite.min(), finite.max()) - finite.min()) / np.ptp(finite)
    return np.where(graded, 1 - scaled, _NAN)


def _calibration_estimates(probability: np.ndarray, correct: np.ndarray, seed: int = 0) -> dict[str, Estimate]:
    """ECE and Brier score with 95 % basic intervals of one bootstrap over questions, cut at 0 and 1.

    Basic, not percentile: resampling adds to the ECE what sampling has added to it already, and the basic interval
    turns that round.
    """
    both = ~np.isnan(probability) & ~np.isnan(correct)
    p, right, n = probability[both], correct[both], int(both.sum())
    values = expected_calibration_error(p, right, N_BINS), brier_score(p, right)
    if n < 2:
        return {m: Estimate(v, _NAN, _NAN, n, "basic bootstrap") for m, v in zip(("ECE", "Brier"), values, strict=True)}
    drawn = np.random.default_rng(seed).integers(n, size=(N_RESAMPLES, n))
    bin_of = np.minimum((p * N_BINS).astype(int), N_BINS - 1)
    gap = np.zeros((N_RESAMPLES, N_BINS))
    np.add.at(gap, (np.arange(N_RESAMPLES)[:, None], bin_of[drawn]), (right - p)[drawn])
    draws = np.abs(gap).sum(axis=1) / n, ((p - right) ** 2)[drawn].mean(axis=1)
    return {
        measure: Estimate(value, *_reflected(value, found), n, "basic bootstrap")
        for measure, value, found in zip(("ECE", "Brier"), values, draws, strict=True)
    }


def _reflected(value: float, draws: np.ndarray) -> tuple[float, float]:
    high, low = np.clip(2 * value - np.quantile(draws, [0.025, 0.975]), 0, 1)
    return float(low), float(high)


def correlation_rows(scores: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Pearson's r and Spearman's rho of every two scores over the questions that define both, with intervals."""
    rows = []
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            found = correlation(scores[first].to_numpy(), scores[second].to_numpy())
            for kind, estimate in found._asdict().items():
                words = ""
                if np.isnan(estimate.value):
                    words = "undefined: a score is the same for all" if estimate.n > 1 else "undefined: no questions"
                rows.append({"first": first, "second": second, "kind": kind, **fields(estimate), "words": words})
    return pd.DataFrame(rows, columns=["first", "second", "kind", "value", "low", "high", "n", "words"])


@dataclass(frozen=True, slots=True, eq=False)
class CascadeStudy:
    """The cascade of a run at every operating point, beside single signals and the parallel use of all."""

    signals: list[Signal]
    incorrect: np.ndarray  # (Q,) of the graded questions
    curve: Curve
    alone: dict[str, Outcome]  # each signal by itself, at its own cost
    saving: Saving  # at the operating point that is chosen on training folds


def cascade_study(view: RunView, clusterer: Clusterer, category: str) -> CascadeStudy:
    """The signals of `cascade_signals` as a cascade, each alone, and what is saved.

    Raises `InvalidInput` with fewer than five correct or incorrect answers, and as `cascade_signals` does.
    """
    signals, incorrect = cascade_signals(view, clusterer, category)
    return CascadeStudy(
        signals,
        incorrect,
        cost_quality_curve(signals, incorrect),
        {signal.name: parallel([signal], incorrect) for signal in signals},
        matched_saving(signals, incorrect),
    )


def cascade_signals(view: RunView, clusterer: Clusterer, category: str) -> tuple[list[Signal], np.ndarray]:
    """Token entropy, then question density, then semantic entropy by the clusterer, over the graded questions.

    With whether each answer is incorrect (Q,). Raises `InvalidInput` for NLI, whose cost is not counted.
    """
    if clusterer.method == "nli":
        raise InvalidInput("The cost of an NLI model is not counted here; choose a clusterer by words or embeddings.")
    kept = view.in_category(category) & ~np.isnan(view.correct)
    others = [name for name in view.frame if name.partition("@")[0] in CLUSTER_SCORES]
    own = {f"{k}@{clusterer.key}": v for k, v in cluster_columns(view.sizes(clusterer)).items()}
    scores = view.frame.drop(columns=others).assign(**own)[kept]
    return report.cascade_signals(view.run, scores), 1 - view.correct[kept]


def within_folds_auroc(outcome: Outcome, incorrect: np.ndarray) -> Estimate:
    """`Outcome.auroc` with DeLong's 95 % interval: the paired test against scores that all tie within a fold.

    Folds are set so far apart that pairs across them are ranked alike by both and cancel, as in `cascade`. The fitted
    models are taken as given.
    """
    found = delong_test(outcome.score + 2 * outcome.fold, 2.0 * outcome.fold, incorrect)
    folds = [incorrect[outcome.fold == fold] == 1 for fold in np.unique(outcome.fold)]
    within = sum(int(wrong.sum()) * int((~wrong).sum()) for wrong in folds)
    scale = int((incorrect == 1).sum()) * int((incorrect == 0).sum()) / within
    low, high = np.clip([0.5 + scale * found.low, 0.5 + scale * found.high], 0, 1)
    return Estimate(outcome.auroc, float(low), float(high), len(incorrect), "delong")


def outcome_row(outcome: Outcome, incorrect: np.ndarray) -> dict[str, Any]:
    """What one way of using the signals costs and is worth, as columns of a row."""
    return {
        "cost": outcome.mean_cost,
        **fields(within_folds_auroc(outcome, incorrect)),
        "selective_accuracy": outcome.selective_accuracy,
        "accepted": float(outcome.accepted.mean()),
        "accepted_accuracy": outcome.accepted_accuracy,
        **{f"reached_{k + 1}": float(share) for k, share in enumerate(outcome.reached)},
    }


def cascade_rows(study: CascadeStudy) -> pd.DataFrame:
    """One row an operating point, and one for each signal alone: kind, name, passed_on, and `outcome_row`."""
    points = [
        {"kind": "cascade", "name": "cascade", "passed_on": share, **outcome_row(outcome, study.incorrect)}
        for share, outcome in zip(study.curve.passed_on, study.curve.outcomes, strict=True)
    ]
    alone = [
        {"kind": "alone", "name": name, "passed_on": _NAN, **outcome_row(outcome, study.incorrect)}
        for name, outcome in study.alone.items()
    ]
    everything = {"kind": "parallel", "name": "all signals", **outcome_row(study.curve.outcomes[-1], study.incorrect)}
    return pd.DataFrame([*points, *alone, everything])


# Published beside measured


def published_rows(metric: str, dataset: str | None = None) -> list[Published]:
    """The published figures of a metric, by stage; on one dataset where it is named and there are any."""
    found = [p for p in PUBLISHED if p.metric == metric]
    on_it = [p for p in found if p.dataset == dataset]
    return sorted(on_it or found, key=lambda p: STAGES.index(p.stage))


def published_metrics() -> list[str]:
    """The names of the figures that others have reported, in the order of the table."""
    return list(dict.fromkeys(p.metric for p in PUBLISHED))


def counterpart(view: RunView, metric: str, clusterer: Clusterer, category: str) -> Estimate:
    """Our figure of a published metric on a run; NaN where it is undefined.

    AUROC, d, selective accuracy (at half coverage) and ECE (after Platt scaling) are those of token entropy; the
    correlation is the largest |r| among the signals of the cascade; its saving is against running every signal.
    """
    kept = view.in_category(category)
    columns = cluster_columns(view.sizes(clusterer)[kept])
    token, correct = view.frame[TOKEN_ENTROPY].to_numpy(np.float64)[kept], view.correct[kept]
    if metric == "single_cluster_rate":
        return single_cluster_rate(columns["num_semantic_sets"])
    if metric in ("mean_num_clusters", "mean_discrete_semantic_entropy"):
        name = "num_semantic_sets" if metric == "mean_num_clusters" else SEMANTIC_ENTROPY
        return mean_estimate(columns[name])
    if metric == "mean_token_entropy":
        return mean_estimate(token)
    if metric == "auroc":
        return auroc_estimate(token, 1 - correct)
    if metric == "cohens_d":
        return cohens_d_estimate(token[correct == 0], token[correct == 1])
    if metric == "selective_accuracy":
        return selective_estimates(token, correct, n_resamples=N_RESAMPLES).selective_accuracy
    if metric == "ece":
        return _calibration_estimates(platt_probabilities(token, correct), correct)["ECE"]
    if metric == "signal_correlation":
        return _largest_correlation(view.scores(clusterer)[kept])
    if metric == "cost_saving":
        try:
            signals, incorrect = cascade_signals(view, clusterer, category)
            return matched_saving(signals, incorrect).saving
        except InvalidInput:
            pass
    return Estimate(_NAN, _NAN, _NAN, int(kept.sum()), "")


def _largest_correlation(scores: pd.DataFrame) -> Estimate:
    """|r| of the two signals that depend most on each other, with its interval folded to positive values."""
    rows = correlation_rows(scores, [name for name in (TOKEN_ENTROPY, DENSITY, SEMANTIC_ENTROPY) if name in scores])
    rows = rows[(rows["kind"] == "pearson") & rows["value"].notna()]
    if rows.empty:
        return Estimate(_NAN, _NAN, _NAN, len(scores), "fisher-z")
    row = rows.loc[rows["value"].abs().idxmax()]
    low, high = sorted((abs(row["low"]), abs(row["high"])))
    low = 0.0 if row["low"] < 0 < row["high"] else low
    return Estimate(float(abs(row["value"])), float(low), float(high), int(row["n"]), "fisher-z")
