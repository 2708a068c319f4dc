"""How far a single-cluster rate can be trusted: what bounds it, what readers make of it, and where clusterers agree."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from homog_core.analysis.scored_run import ScoredRun
from homog_core.measures.clustering import Clusterer
from homog_core.records import Estimate
from homog_core.runs import derived
from homog_core.runs.readings import StageErrors, stage_errors
from homog_core.statistics.intervals import single_cluster_rate, wilson_interval

N_DRAWS = 4000


@dataclass(frozen=True, slots=True)
class Bounds:
    """Single-cluster rates of one run; each over the questions with at least two valid answers."""

    identical: Estimate  # all answers are the same after normalisation: the lower bound
    complete: Estimate  # every two answers are joined (complete linkage)
    clusterer: Estimate
    corrected: Estimate  # for the errors that readers found at this stage; NaN where nobody read any
    robust: Estimate  # share of questions on which all clusterers agree whether there is a single cluster


def bounds(scored: ScoredRun, clusterer: Clusterer, category: str = "") -> Bounds:
    """The bounds of the single-cluster rate of a run under a clusterer."""
    kept = scored.in_category(category)
    n_sets = scored.cluster_frame(clusterer)["num_semantic_sets"]
    same = pd.Series(scored.n_wordings, scored.questions.index).where(n_sets.notna())
    every = pd.Series(_all_joined(scored, clusterer), scored.questions.index).where(n_sets.notna())
    agreed = robust(scored)[kept & n_sets.notna().to_numpy()]
    errors = stage_errors(clusterer.key).get(scored.run.provenance.stage or "")
    return Bounds(
        single_cluster_rate(same[kept]),
        single_cluster_rate(every[kept]),
        single_cluster_rate(n_sets[kept]),
        corrected_rate(n_sets[kept], same[kept], errors),
        wilson_interval(int(agreed.sum()), len(agreed)),
    )


def robust(scored: ScoredRun) -> pd.Series:
    """On which questions of a run all its clusterers `agree`, by id; kept on the disk."""
    clusterers = scored.clusterers()

    def find() -> derived.Arrays:
        n_sets = [scored.cluster_frame(clusterer)["num_semantic_sets"] for clusterer in clusterers]
        return {"agreed": agree(pd.concat(n_sets, axis=1)).to_numpy()}

    name = f"robust-{hashlib.sha256(repr(clusterers).encode()).hexdigest()[:16]}"
    return pd.Series(derived.kept_arrays(scored.run, name, find)["agreed"], scored.questions.index)


def agree(n_sets: pd.DataFrame) -> pd.Series:
    """Whether all clusterers say that a question has a single cluster, or that it has several: (Q,) of (Q, clusterers).

    A judge whose reply could not be read has no say. False where it is undefined by the first clusterer.
    """
    votes, voters = (n_sets == 1).sum(axis=1), n_sets.notna().sum(axis=1)
    return ((votes == 0) | (votes == voters)) & n_sets.iloc[:, 0].notna()


def agreed_change(runs: Sequence[ScoredRun], clusterers: Sequence[Clusterer], ids: Sequence[str]) -> pd.Series:
    """The smallest absolute change in K from the first run to the last under any of the clusterers, by question id.

    0 where they disagree on its sign. Questions are ranked by it, since a change that one clusterer alone sees may be
    its own.
    """
    first, last = runs[0], runs[-1]
    found = [
        last.cluster_frame(c)["num_semantic_sets"].loc[list(ids)]
        - first.cluster_frame(c)["num_semantic_sets"].loc[list(ids)]
        for c in clusterers
    ]
    frame = pd.concat(found, axis=1)
    agree = (frame.max(axis=1) < 0) | (frame.min(axis=1) > 0)
    return frame.abs().min(axis=1).where(agree, 0.0)


def corrected_rate(n_sets: pd.Series, wordings: pd.Series, errors: StageErrors | None, *, seed: int = 0) -> Estimate:
    """The single-cluster rate that readers would find, with an interval for questions and readings together.

    Questions with one wording are single. Of the other single-cluster ones readers accept a share, and of those with
    two clusters they call a share one answer. These shares, and how many questions are of each kind, are drawn from
    their posterior (Jeffreys' prior). Three clusters or more count as several. NaN where nobody read answers of this
    stage.
    """
    n_sets, wordings = n_sets.dropna().to_numpy(), wordings.dropna().to_numpy()
    n = len(n_sets)
    if errors is None or not n:
        return Estimate(np.nan, np.nan, np.nan, n, "readings")
    kinds = np.array(
        [(wordings == 1).sum(), ((n_sets == 1) & (wordings > 1)).sum(), ((n_sets == 2) & (wordings > 1)).sum()]
    )
    rng = np.random.default_rng(seed)
    drawn = rng.dirichlet([*(kinds + 0.5), n - kinds.sum() + 0.5], N_DRAWS)
    accepted = rng.beta(errors.accepted + 0.5, errors.n_single - errors.accepted + 0.5, N_DRAWS)
    missed = rng.beta(errors.missed + 0.5, errors.n_two - errors.missed + 0.5, N_DRAWS)
    rates = drawn[:, 0] + drawn[:, 1] * accepted + drawn[:, 2] * missed
    low, high = np.quantile(rates, [0.025, 0.975])
    return Estimate(float(rates.mean()), float(low), float(high), n, "readings")


def _all_joined(scored: ScoredRun, clusterer: Clusterer) -> np.ndarray:
    """1 (Q,) where every two answers are joined by themselves, otherwise 2."""
    least = scored.least_similarity(clusterer)
    joined = least >= clusterer.threshold if clusterer.method == "jaccard" else least > clusterer.threshold
    return np.where(joined, 1.0, 2.0)
