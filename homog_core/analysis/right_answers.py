"""What is right: accuracy of greedy answers, corrected for the grades' errors, and how right samples differ."""

from functools import cache

import numpy as np
import pandas as pd

from homog_core.analysis.scored_run import ScoredRun
from homog_core.leftovers import answer_text
from homog_core.measures.clustering import Clusterer
from homog_core.measures.words import normalise
from homog_core.records import Estimate
from homog_core.runs import derived
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

    Unlike the number of clusters it does not grow with the number of right samples: 1 + the share is the expected
    number of different answers among two right ones, whatever their number.
    """
    labels = scored.label_matrix(clusterer)
    q, i = np.nonzero(scored.right_samples & (labels >= 0))
    n = np.bincount(q, minlength=len(labels))
    n_labels = labels.max(initial=0) + 1
    cluster, size = np.unique(q * n_labels + labels[q, i], return_counts=True)
    alike = np.bincount(cluster // n_labels, size * (size - 1), minlength=len(labels))
    with np.errstate(invalid="ignore"):
        return pd.Series(np.where(n > 1, 1 - alike / (n * (n - 1)), np.nan), scored.questions.index)


def right_wordings_differ(scored: ScoredRun) -> pd.Series:
    """As `right_answers_differ` for different wordings after normalisation: no clusterer has a part in it.

    Kept on the disk.
    """
    found = derived.kept_arrays(scored.run, "right-wordings", lambda: {"share": _right_wordings_differ(scored)})
    return pd.Series(found["share"], scored.questions.index)


def _right_wordings_differ(scored: ScoredRun) -> np.ndarray:
    texts = scored.run.responses(["text"]).set_index(["question_id", "sample_index"])["text"]
    texts = texts[texts.index.isin(_right_samples(scored))]
    wording = cache(lambda text: normalise(answer_text(text, scored.run.leftovers)))
    return _pairs_that_differ(scored, texts.map(wording)).to_numpy()


def _right_samples(scored: ScoredRun) -> pd.MultiIndex:
    """(question, sample) of the samples that are graded correct."""
    grades = scored.sample_grades
    return pd.MultiIndex.from_frame(grades.loc[grades["grade"] == "correct", ["question_id", "sample_index"]])


def _pairs_that_differ(scored: ScoredRun, kinds: pd.Series) -> pd.Series:
    """The share of pairs of right samples of a question that are of different kinds. `kinds` by (question, sample)."""
    right = kinds[kinds.index.isin(_right_samples(scored))]
    question = right.index.get_level_values(0)
    sizes = right.groupby([question, right.to_numpy()]).size()
    n = sizes.groupby(level=0).sum()
    n = n[n > 1]
    alike = (sizes * (sizes - 1)).groupby(level=0).sum().reindex(n.index)
    return (1 - alike / (n * (n - 1))).reindex(scored.questions.index).astype(np.float64)
