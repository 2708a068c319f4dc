"""Several runs over the same questions, question by question: which belong together, what changed, and in what words.

The paired tests are those of `report.compare`; here they become sentences. The first run is what the others are
compared with, the last one is what it became. It reads runs and computes; it neither samples nor writes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from homog_core.catalogue import DATASETS, MODELS
from homog_core.clustering import Clusterer, by_size
from homog_core.scored import ScoredRun
from homog_core.scoring import default_clusterers
from homog_core.store import Run
from homog_core.weights import training_chain

MOST_RUNS = 4
CHANCE = 0.05  # a p value below it is called more than chance would give
_STAGES = {"sft": "SFT", "dpo": "DPO", "rlvr": "RLVR"}


# Which runs


def chain_runs(run: Run, runs: Sequence[Run]) -> list[Run]:
    """The runs of the training chain that a run's model stands in, the base first, as far as there are such runs.

    They are over the same questions with the same decoding, and prompted as `run` is or as their own model is by
    default. A model that is not in the catalogue stands alone.
    """
    spec = MODELS.get(run.manifest.identity["model"])
    if spec is None:
        return [run]
    found = []
    for stage in training_chain(spec):
        styles = (run.manifest.identity["prompt_style"], stage.prompt_style)
        same = [r for r in runs if r.manifest.identity["model"] == stage.key and _same_questions(r, run)]
        same = [r for r in same if r.manifest.identity["prompt_style"] in styles]
        same.sort(key=lambda r: (r.id != run.id, styles.index(r.manifest.identity["prompt_style"])))
        found += same[:1]
    return found


def _same_questions(a: Run, b: Run) -> bool:
    fields = ("dataset", "question_ids_sha256", "decoding")
    return all(a.manifest.identity.get(name) == b.manifest.identity.get(name) for name in fields)


def default_runs(runs: Sequence[Run]) -> list[Run]:
    """The two runs to open with: both ends of the longest chain, of equals one on the starter set, usual, and first.

    Without a chain the first run and the first one that it can be compared with; the first alone where there is none.
    """
    chains = [chain_runs(run, runs) for run in runs]
    chain = max(chains, key=lambda found: (len(found) > 1, _is_usual(found[0]), len(found)), default=[])
    if len(chain) > 1:
        return [chain[0], chain[-1]]
    return list(runs[:1]) + next(([run] for run in runs[1:] if not _unlike(runs[0], run)), [])


def _is_usual(run: Run) -> bool:
    identity = run.manifest.identity
    return (
        identity["dataset"] == "starter"
        and identity["prompt_style"] == "plain"
        and identity["decoding"]["temperature"] == 1
    )


def chain_title(runs: Sequence[Run]) -> str:
    """The stages of a chain, as in `base → SFT → DPO`."""
    return " → ".join(stage_of(run) or run.manifest.identity["model"] for run in runs)


def stage_of(run: Run) -> str:
    """The training stage of a run's model as it is usually written; "" where nobody has said."""
    stage = run.manifest.provenance.get("stage") or ""
    return _STAGES.get(stage, stage)


def names(runs: Sequence[Run]) -> list[str]:
    """A short name for each run: its model, and where the same model comes twice what else tells the runs apart."""
    models = [run.manifest.identity["model"] for run in runs]
    found = []
    for run, model in zip(runs, models, strict=True):
        same = [other for other, name in zip(runs, models, strict=True) if name == model]
        found.append(", ".join([model, *_marks(run, same)]))
    return [
        name if found.count(name) == 1 else f"{name}, {run.id[-10:]}" for name, run in zip(found, runs, strict=True)
    ]


def _marks(run: Run, same: Sequence[Run]) -> list[str]:
    """What tells a run from those of the same model."""
    shown = {
        "temperature": "T = {:g}",
        "prompt_style": "{} prompt",
        "top_p": "top-p {:g}",
        "max_new_tokens": "{} tokens",
    }
    shown |= {"seed": "seed {}", "n_samples": "N = {}", "dataset": "{}"}
    fields = [{**r.manifest.identity, **r.manifest.identity["decoding"]} for r in same]
    own = {**run.manifest.identity, **run.manifest.identity["decoding"]}
    return [form.format(own[key]) for key, form in _MARKS.items() if any(f[key] != own[key] for f in fields)]


_MARKS = {
    "temperature": "T = {:g}",
    "prompt_style": "{} prompt",
    "top_p": "top-p {:g}",
    "max_new_tokens": "{} tokens",
    "seed": "seed {}",
    "n_samples": "N = {}",
    "dataset": "{}",
}


def obstacle(runs: Sequence[Run]) -> str:
    """Why these runs cannot be compared, in one sentence; "" where they can, as far as their manifests say."""
    if len(runs) < 2:
        return "One run alone has nothing to be compared with: add a second one to the list."
    return next((found for run in runs[1:] if (found := _unlike(runs[0], run))), "")


def _unlike(first: Run, other: Run) -> str:
    one, two = (f"{name} ({run.id[-10:]})" for name, run in zip(names([first, other]), (first, other), strict=True))
    a, b = (run.manifest.identity["dataset"] for run in (first, other))
    if a != b:
        return f"{one} answered the questions of {_title(a)}, {two} those of {_title(b)}: choose runs of one dataset."
    n, m = (run.decoding.n_samples for run in (first, other))
    if n != m:
        return (
            f"{one} was asked {n} times a question and {two} {m} times: more answers make more different ones, so "
            "choose runs with the same number."
        )
    return ""


def _title(dataset: str) -> str:
    return DATASETS[dataset].title if dataset in DATASETS else dataset


def common_questions(runs: Sequence[ScoredRun]) -> list[str]:
    """Ids of the questions that all runs have answers to, in the order of the first run."""
    return [key for key in runs[0].questions["id"] if all(key in scored.questions.index for scored in runs[1:])]


def common_clusterers(runs: Sequence[ScoredRun]) -> list[Clusterer]:
    """The clusterers that every one of the runs can be shown under, the one with the best report card first."""
    first, *others = (scored.clusterers() for scored in runs)
    return [clusterer for clusterer in first if all(clusterer in other for other in others)]


def differences(differing: Mapping[str, Sequence[Any]]) -> str:
    """The fields in which runs differ (`report.differing_fields`) in words, with a caution where it is not one alone.

    Weights go with the model and the exact prompts with the prompt's style, so they are named only where they differ
    alone.
    """
    parts = []
    for key, values in differing.items():
        if key in _DEPENDENT and _DEPENDENT[key] in differing:
            continue
        shown = "" if key.endswith("sha256") else f" ({' / '.join(_shown(value) for value in values)})"
        parts.append(_FIELDS.get(key, key) + shown)
    if not parts:
        return "The runs differ in nothing that is recorded."
    listed = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
    last = "A difference may come from any of these." if len(parts) > 1 else "Everything else is the same."
    return f"The runs differ in the {listed}. {last}"


_DEPENDENT = {
    "revision": "model",
    "prompts_sha256": "prompt_style",
    "n_questions": "question_ids_sha256",
}
_FIELDS = {
    "model": "model",
    "revision": "version of the weights",
    "dataset": "dataset",
    "question_ids_sha256": "set of questions",
    "n_questions": "number of questions",
    "n_samples": "number of answers a question",
    "prompt_style": "style of the prompt",
    "prompts_sha256": "exact prompts",
    "max_new_tokens": "token limit",
    "dtype": "number format of the weights",
    "top_p": "top-p",
    "top_k": "top-k",
    "stop": "stop strings",
    "seed": "random seed",
}


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(repr, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


# What changed, over all questions


@dataclass(frozen=True, slots=True, eq=False)
class Changes:
    """How many different answers every run gives to the questions that all of them have."""

    clusters: pd.DataFrame  # K, question × run id, the largest change first; NaN below two valid answers
    entropies: pd.DataFrame  # discrete semantic entropy, likewise

    @property
    def change(self) -> pd.Series:
        """K of the last run minus K of the first, by question."""
        return self.clusters.iloc[:, -1] - self.clusters.iloc[:, 0]

    @property
    def n_fewer(self) -> int:
        """Questions to which the last run gives fewer different answers than the first."""
        return int((self.change < 0).sum())

    @property
    def n_more(self) -> int:
        """Questions to which it gives more."""
        return int((self.change > 0).sum())


def changes(runs: Sequence[ScoredRun], clusterer: Clusterer) -> Changes:
    """K and entropy of every common question, ordered by the size of the change from the first run to the last.

    Of equal changes in K the larger one in entropy comes first, then the id; questions without a change that is
    defined come last.
    """
    ids = common_questions(runs)
    frames = {scored.run.id: scored.cluster_frame(clusterer).loc[ids] for scored in runs}
    clusters, entropies = (
        pd.DataFrame({key: frame[name] for key, frame in frames.items()}, index=ids, dtype=np.float64)
        for name in ("num_semantic_sets", "discrete_semantic_entropy")
    )
    size = pd.DataFrame({name: (f.iloc[:, -1] - f.iloc[:, 0]).abs() for name, f in (("k", clusters), ("h", entropies))})
    size["h"] = size["h"].round(9)  # sums of the same numbers in another order
    order = size.rename_axis("id").reset_index().sort_values(["k", "h", "id"], ascending=[False, False, True])["id"]
    return Changes(clusters.loc[order], entropies.loc[order])


def transitions(clusters: pd.DataFrame) -> pd.DataFrame:
    """How many questions go from one K to another between neighbouring runs: step, k_from, k_to, n."""
    columns = [clusters.iloc[:, i] for i in range(clusters.shape[1])]
    parts = []
    for step, (a, b) in enumerate(pairwise(columns)):
        pairs = pd.DataFrame({"k_from": a, "k_to": b}).dropna().astype(int)
        parts.append(pairs.groupby(["k_from", "k_to"]).size().rename("n").reset_index().assign(step=step))
    return pd.concat(parts, ignore_index=True)[["step", "k_from", "k_to", "n"]]


def levels(clusters: pd.DataFrame) -> pd.DataFrame:
    """How many questions have K different answers in each run: step (the run's position), k, n."""
    parts = [clusters.iloc[:, i].dropna().astype(int).value_counts().sort_index() for i in range(clusters.shape[1])]
    return pd.concat(
        [pd.DataFrame({"step": i, "k": part.index, "n": part.to_numpy()}) for i, part in enumerate(parts)],
        ignore_index=True,
    )


# One question


@dataclass(frozen=True, slots=True, eq=False)
class Joint:
    """All runs' valid answers to one question, with the distances between all of them."""

    position: np.ndarray  # (M,) which run an answer comes from
    indices: np.ndarray  # (M,) its sample index there
    answers: list[str]
    labels: np.ndarray  # (M,) its cluster in its own run's clustering, 0 the largest
    similarity: np.ndarray  # (M, M); (0, 0) where the stored vectors do not go with the answers
    clusterer: Clusterer  # what the similarity is by

    def of(self, run: int) -> np.ndarray:
        """Rows (N,) of one run's answers."""
        return np.flatnonzero(self.position == run)


def joint_clusterer(runs: Sequence[ScoredRun], clusterer: Clusterer) -> Clusterer:
    """The clusterer itself where answers of different runs can be compared by it, otherwise the nearest one that can.

    Only vectors that all runs have stored say how near answers of different runs are. A run may ship without those of
    a second encoder, and an NLI model has judged no pair across runs. Then the same method by another encoder, then
    any by stored vectors, then the words (Jaccard).
    """
    stored = set.intersection(*(set(scored.run.encoders()) for scored in runs))
    if clusterer.method == "jaccard" or (clusterer.is_linkage and clusterer.encoder in stored):
        return clusterer
    possible = [c for c in default_clusterers(sorted(stored)) if c.is_linkage]
    same = [c for c in possible if c.method == clusterer.method]
    return next(iter(same + possible), Clusterer("jaccard", 0.0))


def joint(
    runs: Sequence[ScoredRun],
    question_id: str,
    clusterer: Clusterer,
    vectors: Sequence[Mapping[str, np.ndarray]] = (),
) -> Joint:
    """All answers to one question together; clusters as each run has them under `clusterer`.

    `vectors` are those of the encoder of `joint_clusterer`, by view (`scoring.stored_vectors`), one mapping a run.
    """
    by = joint_clusterer(runs, clusterer)
    valid = [scored.valid(question_id) for scored in runs]
    sets = [scored.answers(question_id).responses for scored in runs]
    answers = [responses[i].answer for responses, own in zip(sets, valid, strict=True) for i in own]
    clusters = [by_size(scored.labels(question_id, clusterer)) for scored in runs]
    fits = [len(labels) for labels in clusters] == [len(own) for own in valid]
    if by.is_linkage:
        fits = fits and all(len(v["answer"]) == len(own) for v, own in zip(vectors, valid, strict=True))
    similarity = np.zeros((0, 0), dtype=np.float32)
    if fits and answers:
        similarity = by.similarity(answers, _stacked(vectors) if by.is_linkage else {})
    return Joint(
        np.repeat(np.arange(len(runs)), [len(own) for own in valid]),
        np.array([i for own in valid for i in own], dtype=np.int64),
        answers,
        np.concatenate(clusters) if fits else np.zeros(len(answers), dtype=np.int64),
        similarity,
        by,
    )


def _stacked(vectors: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    filled = [found for found in vectors if len(found["answer"])]
    return {view: np.concatenate([found[view] for found in filled]) for view in ("answer", "masked")}


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


# In words


def arrow(values: Sequence[float], form: str = "{:.0f}") -> str:
    """Values along the runs, as in `9 → 5 → 1`."""
    return " → ".join("undefined" if np.isnan(value) else form.format(value) for value in values)


def summary_sentence(found: Changes, titles: Sequence[str]) -> str:
    """On how many questions the last run gives fewer different answers than the first, and on how many more."""
    first, last = titles[0], titles[-1]
    n, fewer, more = int(found.change.notna().sum()), found.n_fewer, found.n_more
    if not n:
        return "There is no question on which both have at least two answers, so nothing can be compared."
    if not fewer and not more:
        return f"{last} gives as many different answers as {first} on all {n} questions."
    one, two = ("fewer", "more") if fewer >= more else ("more", "fewer")
    return (
        f"On {max(fewer, more)} of {n} questions {last} gives {one} different answers than {first}, on "
        f"{min(fewer, more)} {two}, on {n - fewer - more} as many."
    )


_TESTS = {"wilcoxon_signed_rank": "Wilcoxon signed-rank", "mcnemar_exact": "McNemar, exact"}
_STATISTICS = {  # noun, unit of the difference
    "num_semantic_sets": ("different answers", ""),
    "discrete_semantic_entropy": ("semantic entropy", " nats"),
    "mean_token_entropy": ("token entropy of the greedy answer", " nats"),
    "mean_token_entropy_sampled": ("token entropy of the sampled answers", " nats"),
}
_SWITCHES = {  # what a question becomes or ceases to be, and the rate
    "single_cluster": ("single-cluster", "single-cluster rate"),
    "correct": ("correct", "accuracy of the graded greedy answers"),
}
STATISTICS = ("num_semantic_sets", "single_cluster", "correct", *list(_STATISTICS)[1:])  # in the order of telling


class Told(NamedTuple):
    """A paired test in words."""

    finding: str
    detail: str


def in_words(test: Mapping[str, Any]) -> Told:
    """One row of `report.Comparison.tests` in plain words."""
    n, lower, higher = test["n"], test["n_lower"], test["n_higher"]
    if not n or np.isnan(test["pvalue_holm"]):
        return Told(f"{_statistic(test['statistic'])}: undefined", "There is no question on which both have it.")
    if test["statistic"] in _SWITCHES:
        state, rate = _SWITCHES[test["statistic"]]
        finding = f"{higher} of {n} questions became {state}, {lower} ceased to be"
        detail = f"The {rate} changes by {_difference(test, 100, ' points', 1)}."
    else:
        noun, unit = _STATISTICS[test["statistic"]]
        one, two = ("more", "fewer") if noun == "different answers" else ("higher", "lower")
        if lower >= higher:
            one, two, lower, higher = two, one, higher, lower
        finding = f"{one.capitalize()} {noun} on {higher} of {n} questions, {two} on {lower}"
        detail = f"On average {_difference(test, 1, unit, 2)}."
    return Told(finding, f"{detail} {_TESTS[test['test']]}, {verdict(test['pvalue_holm'])}.")


def verdict(pvalue: float) -> str:
    """A p value and what it says about chance."""
    shown = "p < 0.001" if pvalue < 0.001 else f"p = {pvalue:.3f}"
    return f"{shown}: {'chance alone would hardly give this' if pvalue < CHANCE else 'chance alone may give this'}"


def _statistic(name: str) -> str:
    noun = _STATISTICS[name][0] if name in _STATISTICS else _SWITCHES[name][1]
    return noun[0].upper() + noun[1:]


def _difference(test: Mapping[str, Any], scale: float, unit: str, digits: int) -> str:
    value, low, high = (f"{scale * test[key]:+.{digits}f}".replace("-", "−") for key in ("difference", "low", "high"))
    return f"{value}{unit}" + ("" if np.isnan(test["low"]) else f" (95 % interval {low} to {high})")


def cell(row: Mapping[str, Any], *, percent: bool = False) -> str:
    """A row of `report.Comparison.estimates` for a cell of a table."""
    value, low, high = row["value"], row["low"], row["high"]
    if np.isnan(value):
        return "undefined"
    form = "{:.1%}" if percent else "{:.2f}"
    interval = "" if np.isnan(low) else f" [{form.format(low)}, {form.format(high)}]"
    return form.format(value) + interval
