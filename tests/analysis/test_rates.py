"""Rates by hand, and against the functions that compute the same one question and one threshold at a time."""

from dataclasses import astuple, replace

import numpy as np
import pytest
from scored_runs import ANSWERS, EXACT, QUESTIONS, run_of, sampled

from homog_core.analysis import rates
from homog_core.analysis.scored_run import ScoredRun
from homog_core.measures.clustering import Clusterer
from homog_core.statistics.budget import entropy_at_budget, scr_at_budget
from homog_core.statistics.intervals import single_cluster_rate, wilson_interval

pytestmark = pytest.mark.usefixtures("no_shipped_runs")
JACCARD = Clusterer("jaccard", 0.4)


@pytest.fixture
def run():
    return run_of()


@pytest.mark.parametrize("clusterer", [EXACT, JACCARD], ids=["embedding", "jaccard"])
def test_curves_are_those_of_one_point_at_a_time(run, clusterer):
    scored = ScoredRun(run)
    curve = rates.threshold_curve(scored, clusterer)
    for row in curve.itertuples():
        n_sets = scored.cluster_frame(replace(clusterer, threshold=row.threshold))["num_semantic_sets"]
        assert (row.value, row.low, row.high, row.n) == pytest.approx(
            astuple(single_cluster_rate(n_sets))[:4], nan_ok=True
        )
    partitions = [scored.labels(key, clusterer) for key in scored.questions.index if len(scored.valid(key)) > 1]
    found = rates.budget_curve(scored, clusterer)
    for row in found.itertuples():
        assert row.value == pytest.approx(scr_at_budget(partitions, row.n_samples))
        assert row.entropy_value == pytest.approx(entropy_at_budget(partitions, row.n_samples))
        assert row.n == sum(len(labels) >= row.n_samples for labels in partitions)
    assert (found["low"] <= found["value"]).all()
    assert (found["value"] <= found["high"]).all()


def test_a_category_is_a_filter(run):
    view = ScoredRun(run)
    # the first three questions have 1, 2 and 4 clusters; of the others one has a single valid answer
    assert rates.single_cluster_row(view, EXACT, "first") == pytest.approx(
        {
            **rates.fields(wilson_interval(1, 3)),
            "n_single": 1,
            "clusters_value": 7 / 3,
            "clusters_low": 7 / 3 - 4.302653 * np.std([1, 2, 4], ddof=1) / 3**0.5,
            "clusters_high": 7 / 3 + 4.302653 * np.std([1, 2, 4], ddof=1) / 3**0.5,
            "clusters_n": 3,
        }
    )
    assert rates.single_cluster_row(view, EXACT, "second")["n"] == 2
    assert rates.single_cluster_row(view, EXACT, "none")["n"] == 0
    assert rates.threshold_curve(view, EXACT, "none")["value"].isna().all()
    assert rates.budget_curve(view, EXACT, "none")["value"].isna().all()


def test_no_curve_over_thresholds_where_there_is_none(run):
    view = ScoredRun(run)
    assert rates.threshold_curve(view, replace(JACCARD, rule="first_member"), "").empty
    assert rates.threshold_curve(view, Clusterer("nli", 0.0, "x"), "").empty


def test_single_cluster_rates_are_compared_question_by_question(run):
    other = run_of("dpo", dict.fromkeys(ANSWERS, ("red fox",)), "dpo")
    # of five questions four become single-cluster and none ceases to be: p = 2/2⁴
    p = rates.single_cluster_test(ScoredRun(run), ScoredRun(other), EXACT, "")
    assert p == pytest.approx(2 / 2**4)


def test_every_clusterer_has_a_row_and_whole_answers_one_at_the_published_threshold(run):
    rows = rates.clusterer_rows(ScoredRun(run), "")
    kinds = {(row["clusterer"].key, row["kind"]) for row in rows}
    assert ("embedding/fake", "published threshold") in kinds
    assert {key for key, kind in kinds if kind == "as scored"} == {"jaccard", "embedding/fake", "embedding_masked/fake"}


def test_rates_of_a_run_need_no_scores(run):
    raw = ScoredRun(sampled("raw", ANSWERS, QUESTIONS, n_samples=4))
    view = ScoredRun(run)
    found, unscored = rates.run_rates(view, JACCARD), rates.run_rates(raw, JACCARD)
    row = rates.single_cluster_row(view, JACCARD, "")
    assert (found.single_cluster.value, found.clusters.value) == (row["value"], row["clusters_value"])
    assert found.token_entropy.value == view.scores["mean_token_entropy"].mean()
    assert unscored[:2] == found[:2]
    assert np.isnan(unscored.token_entropy.value)
