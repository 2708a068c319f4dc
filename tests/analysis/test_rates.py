"""Rates by hand, and against the functions that compute the same one question and one threshold at a time."""

import math
from dataclasses import astuple, replace

import numpy as np
import pytest
from fakes import FAKE_SPEC, FakeEncoder, FakeSampler

from homog_core.analysis import rates
from homog_core.analysis.scored_run import ScoredRun
from homog_core.errors import HomogError
from homog_core.measures.clustering import Clusterer
from homog_core.measures.scores import GROUPS
from homog_core.measures.uncertainty import discrete_semantic_entropy
from homog_core.records import Decoding, ModelSpec, Question
from homog_core.runs.sample import sample_run
from homog_core.runs.score import score_run
from homog_core.runs.store import open_run
from homog_core.statistics.budget import entropy_at_budget, scr_at_budget
from homog_core.statistics.intervals import single_cluster_rate, wilson_interval

pytestmark = pytest.mark.usefixtures("no_shipped_runs")
EXACT = Clusterer("embedding", 0.9, "fake")  # the fake encoder gives equal texts one vector and others nearly none
JACCARD = Clusterer("jaccard", 0.4)

ANSWERS = {
    "same": ("red fox",),
    "two": ("red fox", "red fox", "blue whale", "red fox"),
    "all": ("red fox", "grey seal", "blue whale", "green frog"),
    "near": ("a red fox ran", "a red fox sat", "a red fox ran", "one blue whale"),
    "one": ("", "", "red fox", ""),  # one valid answer
    "three": ("grey seal", "", "grey seal", "red fox"),
}

QUESTIONS = [
    Question(key, "test", f"What is {key}?", ("red fox",), category="first" if i < 3 else "second")
    for i, key in enumerate(ANSWERS)
]


def run_of(key="model", answers=ANSWERS, stage="base", temperature=1.0, questions=QUESTIONS, family="Fake"):
    spec = ModelSpec(key, FAKE_SPEC.source, family=family, stage=stage)
    decoding = Decoding(n_samples=4, temperature=temperature)
    return score_run(sample_run(FakeSampler(answers, spec), questions, decoding, "plain").id, [FakeEncoder()])


@pytest.fixture
def run():
    return run_of()


@pytest.mark.parametrize("threshold", [0.0, 0.2, 0.4, 0.9, 0.99])
@pytest.mark.parametrize(
    "clusterer", [EXACT, JACCARD, replace(JACCARD, rule="first_member")], ids=["embedding", "jaccard", "first_member"]
)
def test_cluster_columns_are_those_of_the_run_question_by_question(run, clusterer, threshold):
    clusterer = replace(clusterer, threshold=threshold)
    found = ScoredRun(run).cluster_frame(clusterer)
    scored = ScoredRun(run)
    for key in found.index:
        labels = scored.labels(key, clusterer) if len(scored.valid(key)) > 1 else []
        assert found["num_semantic_sets"].fillna(0)[key] == len(set(labels))
        np.testing.assert_allclose(
            found["discrete_semantic_entropy"][key], discrete_semantic_entropy(labels), atol=1e-12
        )


def test_scores_have_each_score_once_and_agree_with_what_is_stored(run):
    view = ScoredRun(run)
    jaccard = next(c for c in view.clusterers() if c.method == "jaccard")
    scores = view.score_frame(jaccard)
    assert list(scores) == [name for names in GROUPS.values() for name in names if name != "selfcheck_nli"]
    for name in ("semantic_entropy", "num_semantic_sets", "degree_uncertainty"):
        np.testing.assert_allclose(scores[name], view.scores[f"{name}@jaccard"], atol=1e-12)
    assert scores.loc["same", "semantic_entropy"] == 0
    assert math.isnan(scores.loc["one", "semantic_entropy"])


def test_a_run_that_is_not_scored_says_so():
    raw = sample_run(FakeSampler(ANSWERS), QUESTIONS, Decoding(n_samples=4), "plain")
    assert not ScoredRun(raw).is_scored
    with pytest.raises(HomogError, match="has not been scored"):
        _ = ScoredRun(raw).scores
    (score_run(raw.id, [FakeEncoder()]).folder / "similarities.parquet").unlink()
    with pytest.raises(HomogError, match="has not been scored"):
        _ = ScoredRun(open_run(raw.id)).correct


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
