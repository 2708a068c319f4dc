"""The cascade of a run."""

from dataclasses import replace

import numpy as np
import pytest
from scored_runs import EXACT, graded_run, many_run

from homog_core.analysis import cascade as analysis_cascade
from homog_core.errors import InvalidInput
from homog_core.measures.clustering import Clusterer
from homog_core.statistics.cascade import Signal, cascade

pytestmark = pytest.mark.usefixtures("no_shipped_runs")


@pytest.fixture
def graded():
    return graded_run()


@pytest.fixture
def many():
    return many_run()


@pytest.mark.parametrize("seed", range(3))
def test_the_interval_within_folds_is_around_the_auroc_of_the_outcome(seed):
    rng = np.random.default_rng(seed)
    incorrect = (rng.random(120) < 0.4).astype(float)
    outcome = cascade([Signal("a", rng.normal(size=120) + incorrect, np.ones(120))], incorrect, 1.0)
    found = analysis_cascade.within_groups_auroc(outcome, incorrect)
    assert found.value == outcome.auroc
    assert (found.low + found.high) / 2 == pytest.approx(outcome.auroc)  # both the same statistic
    assert 0.05 < found.high - found.low < 0.3


def test_the_cascade_costs_nothing_at_first_and_everything_at_last(many):
    rows = analysis_cascade.cascade_rows(analysis_cascade.cascade_study(many, EXACT, ""))
    points = rows[rows["kind"] == "cascade"]
    assert (points["cost"].iloc[0], points["passed_on"].iloc[-1]) == (0, 1)
    assert points["cost"].is_monotonic_increasing
    assert points["cost"].iloc[-1] == rows.loc[rows["kind"] == "parallel", "cost"].item()
    assert list(rows.loc[rows["kind"] == "alone", "name"]) == [
        "mean_token_entropy",
        "embedding_density",
        "discrete_semantic_entropy",
    ]


def test_the_cascade_follows_clusterer_and_threshold(many):
    loose, strict = (
        analysis_cascade.cascade_study(many, replace(EXACT, threshold=tau), "").signals[-1].uncertainty
        for tau in (0.0, 0.9)
    )
    assert loose.max() < strict.max()


def test_a_cascade_that_cannot_be_fitted_says_why(many, graded):
    with pytest.raises(InvalidInput, match="needs 5 correct"):
        analysis_cascade.cascade_study(graded, EXACT, "")
    with pytest.raises(InvalidInput, match="NLI"):
        analysis_cascade.cascade_study(many, Clusterer("nli", 0.0, "x"), "")
