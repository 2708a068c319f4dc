"""What is right: accuracy of greedy and sampled answers, corrected for the grades' errors; how right ones differ."""

import numpy as np
import pandas as pd

from homog_core.analysis.scored_run import ScoredRun
from homog_core.measures.clustering import Clusterer
from homog_core.records import Estimate
from homog_core.runs.readings import grade_errors
from homog_core.statistics.intervals import wilson_interval

N_DRAWS = 4000


def accuracy(scored: ScoredRun) -> Estimate:
    """The share of graded greedy answers that are correct."""
    graded = scored.correct[~np.isnan(scored.correct)]
    return wilson_interval(int(graded.sum()), len(graded))


def corrected_accuracy(scored: ScoredRun, *, seed: int = 0) -> Estimate:
    """The share of greedy answers that readers would call correct, over all questions with references.

    The share that is graded correct, times the grades' precision over their recall at the stage of the model. The
    interval carries the questions (bootstrap) and the readings (Jeffreys' prior). NaN where nobody read answers of this
    stage.
    """
    grades = scored.scores["grade"]
    n = int(grades.isin(["correct", "incorrect", "ambiguous", "abstained"]).sum())
    errors = grade_errors().get(scored.run.provenance.stage or "")
    if errors is None or not n:
        return Estimate(np.nan, np.nan, np.nan, n, "readings")
    rng = np.random.default_rng(seed)
    share = rng.binomial(n, (grades == "correct").sum() / n, N_DRAWS) / n
    precision = rng.beta(errors.both + 0.5, errors.graded - errors.both + 0.5, N_DRAWS)
    recall = rng.beta(errors.both + 0.5, errors.read - errors.both + 0.5, N_DRAWS)
    found = np.clip(share * precision / recall, 0, 1)
    low, high = np.quantile(found, [0.025, 0.975])
    return Estimate(float(np.median(found)), float(low), float(high), n, "readings")


def right_answers_differ(scored: ScoredRun, clusterer: Clusterer) -> pd.Series:
    """The share of pairs of right samples that are in different clusters, by question id; NaN below two right ones.

    Unlike the number of clusters it does not grow with the number of right samples.
    """
    grades = scored.sample_grades
    right = grades[grades["grade"] == "correct"].groupby("question_id")["sample_index"].apply(set).to_dict()
    shares = {}
    for position, labels in zip(scored.questions.index, scored.label_matrix(clusterer), strict=True):
        own = [label for i, label in zip(scored.valid(position), labels, strict=False) if i in right.get(position, ())]
        sizes = np.unique(own, return_counts=True)[1]
        n = len(own)
        shares[position] = 1 - float((sizes * (sizes - 1)).sum()) / (n * (n - 1)) if n > 1 else np.nan
    return pd.Series(shares, dtype=np.float64)
