"""Quality beside diversity: how many answers are right, how many differ, and what became of the base's right answers.

The first objection to a fall in diversity is that only wrong answers went. So every number here is over the same
questions for all runs and at an equal number of answers: being right more often does not by itself raise or lower it.
It knows runs and their grades, and nothing of charts.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import comb

from homog_core.analysis.comparable import conditions
from homog_core.analysis.compare import common_questions
from homog_core.analysis.rates import fields
from homog_core.analysis.right_answers import right_answers_differ, right_wordings_differ
from homog_core.analysis.scored_run import ScoredRun
from homog_core.analysis.seeds import is_replicate
from homog_core.catalogue.models import MODELS
from homog_core.catalogue.recipes import without_seed
from homog_core.measures.clustering import Clusterer
from homog_core.records import Estimate
from homog_core.runs.store import Run
from homog_core.statistics.intervals import (
    MeanColumns,
    mean_estimate,
    mean_estimates,
    single_cluster_rate,
    wilson_bounds,
)

N_RESAMPLES = 2000


def n_answers(scored: ScoredRun, clusterer: Clusterer) -> pd.Series:
    """How many different answers each question gets, by its id: the number of clusters K, NaN below two valid answers.

    The one place that says what counts as a number of different answers beside quality.
    """
    return scored.cluster_frame(clusterer)["num_semantic_sets"]


# Right answers and different answers


def quality_rows(runs: Mapping[str, ScoredRun], clusterer: Clusterer, category: str = "") -> pd.DataFrame:
    """Accuracy of the samples beside diversity, one row a run; value, low, high and n of each with its prefix.

    answers: different answers a question. accuracy: share of right samples. wordings, meanings: share of the pairs of
    right samples of a question that are worded differently (after normalisation), or are in different clusters. It does
    not depend on how many samples are right: 1 + the share is the expected number of different ones among two of them.

    Means over questions: answers and accuracy where all runs have both (t intervals), the pairs where every run has two
    right samples (`wilson_bounds`, which are conservative for them). NaN where there is no such question.
    """
    ids = _ids(list(runs.values()), category)
    found: dict[str, list[np.ndarray]] = {name: [] for name in ("answers", "accuracy", "wordings", "meanings")}
    for scored in runs.values():
        places = scored.questions.index.get_indexer(ids)
        found["answers"].append(n_answers(scored, clusterer).to_numpy()[places])
        found["accuracy"].append(scored.samples_correct[places])
        found["wordings"].append(right_wordings_differ(scored).to_numpy()[places])
        found["meanings"].append(right_answers_differ(scored, clusterer).to_numpy()[places])
    values = {name: np.stack(own, axis=1) for name, own in found.items()}  # (questions, runs)
    defined = {name: ~np.isnan(own).any(axis=1) for name, own in values.items()}
    both, two_right = defined["answers"] & defined["accuracy"], defined["wordings"] & defined["meanings"]
    estimates = {name: mean_estimates(values[name][both]) for name in ("answers", "accuracy")}
    estimates |= {name: _mean_shares(values[name][two_right]) for name in ("wordings", "meanings")}
    columns = {f"{name}_{part}": own for name, one in estimates.items() for part, own in one._asdict().items()}
    return pd.DataFrame({"label": list(runs), **columns})


def _mean_shares(shares: np.ndarray) -> MeanColumns:
    """Means of the columns of (Q, runs), with conservative bounds."""
    n, runs = shares.shape
    mean = shares.mean(axis=0) if n else np.full(runs, np.nan)
    return MeanColumns(mean, *wilson_bounds(mean, n), np.full(runs, n))


def _ids(runs: Sequence[ScoredRun], category: str) -> list[str]:
    """The questions of a category that all runs have."""
    wanted = set(runs[0].questions.index[runs[0].in_category(category)])
    return [key for key in common_questions(runs) if key in wanted]


# What became of the base's right answers


def fate_rows(runs: Mapping[str, ScoredRun], base: str, category: str = "") -> pd.DataFrame:
    """What became of the questions that the base answers rightly, one row a run, with the prefixes below.

    A question counts by the chance w that h of the base's N samples, drawn without replacement, hold a right one;
    h = N // 2, the smallest among the runs. `kept`: the mean over w of the chance that h samples of the run hold one;
    of the base itself, its *other* h samples, so that its row says what asking again keeps. `lost` is 1 − kept.
    `greedy`: the same of the run's greedy answer. `gained`: the chance that h samples hold a right one, weighted by
    1 − w: where the base gets none. `more`: kept minus that of the base.

    Without the base's own row a loss would be claimed where a question was right by luck once in N. Every answer that
    is not graded correct counts as not right, as do empty ones. Over the questions that all runs have and that are
    graded. 95 % percentile bootstrap over questions, of the weighted means, seeded. NaN where no weight is left.
    """
    ids = _ids(list(runs.values()), category)
    counts = {label: _right_counts(scored).reindex(ids) for label, scored in runs.items()}
    graded = np.logical_and.reduce([found["right"].notna() for found in counts.values()])
    h = min(scored.n_samples for scored in runs.values()) // 2
    own = {label: found[graded] for label, found in counts.items()}
    n = runs[base].n_samples
    weight = _hit(own[base]["right"], n, h)
    again = 2 * weight - _hit(own[base]["right"], n, 2 * h)  # right in h of them and in h others
    hits = {label: _hit(found["right"], runs[label].n_samples, h) for label, found in own.items()}
    joint = {label: again if label == base else weight * hit for label, hit in hits.items()}
    columns = {
        "kept": _ratios(list(joint.values()), weight),
        "greedy": _ratios([weight * found["greedy"].to_numpy() for found in own.values()], weight),
        "gained": _ratios([hits[label] - joint[label] for label in own], 1 - weight),
        "more": _ratios([found - again for found in joint.values()], weight),
    }
    rows = [
        {"label": label, "h": h}
        | {key: part for name, found in columns.items() for key, part in fields(found[i], f"{name}_").items()}
        for i, label in enumerate(own)
    ]
    return pd.DataFrame(rows)


def _right_counts(scored: ScoredRun) -> pd.DataFrame:
    """Of the graded questions, by id: right samples, and greedy, 1 where the greedy answer is right and else 0."""
    right = pd.Series(scored.n_right, scored.questions.index).dropna()
    greedy = (scored.column("grade") == "correct").astype(float)
    return pd.DataFrame({"right": right, "greedy": greedy.reindex(right.index)})


def _hit(right: pd.Series, n: int, h: int) -> np.ndarray:
    """Chance that h of n samples, drawn without replacement, hold one of the right ones: 1 − C(n − c, h)/C(n, h)."""
    return 1 - comb(n - right.to_numpy(), h) / comb(n, h)


@lru_cache(maxsize=4)
def _resamples(n: int, *, seed: int = 0) -> np.ndarray:
    """How often each of n questions is drawn in each resample (resamples, n)."""
    if not n:
        return np.zeros((N_RESAMPLES, 0))
    shares = np.full(n, 1 / n)
    return np.random.default_rng(seed).multinomial(n, shares, N_RESAMPLES).astype(np.float64)


def _ratios(parts: Sequence[np.ndarray], weights: np.ndarray) -> list[Estimate]:
    """Σ parts / Σ weights over questions, of each of some parts, with its 95 % percentile bootstrap interval."""
    n, method = len(weights), "bootstrap of a ratio"
    if n < 2 or not weights.sum() > 0:
        return [Estimate(np.nan, np.nan, np.nan, n, method)] * len(parts)
    below = _resamples(n) @ weights
    drawn = (_resamples(n) @ np.stack(parts, axis=1))[below > 0] / below[below > 0, None]
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0).tolist()
    values = [float(own.sum() / weights.sum()) for own in parts]
    return [Estimate(*found, n, method) for found in zip(values, low, high, strict=True)]


# The order of training


class Step(NamedTuple):
    """One run's model was trained from that of another, as far as both are among the runs."""

    before: str  # ids of the runs
    after: str


def training_steps(runs: Sequence[Run]) -> list[Step]:
    """From each run to the nearest one that its model was trained from, under the same conditions."""
    steps = []
    for run in runs:
        same = {other.identity.model: other for other in runs if conditions(other) == conditions(run)}
        parent = run.provenance.parent
        while parent and parent not in same:
            parent = MODELS[parent].parent if parent in MODELS else None
        if parent:
            steps.append(Step(same[parent].id, run.id))
    return steps


# Training seeds


SEED_STATISTICS = ("single_cluster_rate", "num_semantic_sets", "accuracy_of_samples")


def same_but_for_seeds(run: Run, pool: Sequence[Run]) -> list[Run]:
    """The runs of models with several training seeds under the conditions of `run`, and of the base that all share.

    Empty where no model has several.
    """
    same = [other for other in pool if conditions(other) == conditions(run)]
    replicated = {without_seed(other.identity.model)[0] for other in same if is_replicate(other)}
    found = [other for other in same if without_seed(other.identity.model)[0] in replicated]
    return [other for other in same if other.provenance.stage == "base"] + found if found else []


def seed_frame(runs: Sequence[ScoredRun], clusterer: Clusterer, category: str = "") -> pd.DataFrame:
    """`SEED_STATISTICS` of every run by (model, seed), over the questions that all have.

    As `seeds.seed_statistics`, whose `over_seeds`, `difference` and `comparisons` read it, with those three alone: the
    others read every answer, which a page has no time for. A model with one seed, as the base, has one row.
    """
    ids = _ids(runs, category)
    rows = {}
    for scored in runs:
        clusters = n_answers(scored, clusterer).loc[ids]
        correct = pd.Series(scored.samples_correct, scored.questions.index).loc[ids]
        found = (single_cluster_rate(clusters), mean_estimate(clusters), mean_estimate(correct))
        rows[without_seed(scored.run.identity.model)] = [one.value for one in found]
    index = pd.MultiIndex.from_tuples(list(rows), names=["model", "seed"]) if rows else None
    return pd.DataFrame(list(rows.values()), index=index, columns=list(SEED_STATISTICS))
