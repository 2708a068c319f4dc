"""Aggregates by hand, and against the functions that compute the same for one run, question by question."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from fakes import FAKE_SPEC, FakeEncoder, FakeSampler

from homog_core.analysis import beside_published, lineage, rates, scored_run, selective, signals
from homog_core.analysis.scored_run import RunView, ScoredRun
from homog_core.analysis.signals import NO_SIGNAL
from homog_core.analysis.summary import budget_curve, threshold_curve
from homog_core.errors import HomogError, InvalidInput
from homog_core.measures.clustering import Clusterer
from homog_core.measures.scores import CLUSTER_SCORES, GROUPS
from homog_core.records import Decoding, ModelSpec, Question
from homog_core.runs.sample import sample_run
from homog_core.runs.score import score_run
from homog_core.runs.store import open_run
from homog_core.statistics import intervals
from homog_core.statistics.cascade import Signal, cascade
from homog_core.statistics.intervals import wilson_interval

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


@pytest.mark.parametrize("average", [True, False])
def test_trees_give_the_partition_of_the_clusterer_at_every_threshold(average):
    rng = np.random.default_rng(0)
    clusterer = Clusterer("embedding", 0.5, "x") if average else Clusterer("jaccard", 0.5)
    triangles, squares = [], []
    for n in (5, 2, 4, 5):
        similarity = np.round(rng.random((n, n)), 1).astype(np.float32)  # rounded, so that there are ties
        similarity = np.maximum(similarity, similarity.T)
        np.fill_diagonal(similarity, 1)
        squares.append(similarity)
        triangles.append(similarity[np.triu_indices(n, 1)])
    trees = scored_run.merge_trees([*triangles, np.zeros(0)], 5, average=average)
    for threshold in np.arange(0, 100) / 100:
        found = trees.labels(threshold)
        assert (found[-1, 1:] == -1).all()
        for labels, similarity in zip(found, squares, strict=False):
            own = labels[labels >= 0]
            expected = replace(clusterer, threshold=threshold).labels(similarity)
            assert ((own[:, None] == own) == (expected[:, None] == expected)).all()


@pytest.mark.parametrize("threshold", [0.0, 0.2, 0.4, 0.9, 0.99])
@pytest.mark.parametrize(
    "clusterer", [EXACT, JACCARD, replace(JACCARD, rule="first_member")], ids=["embedding", "jaccard", "first_member"]
)
def test_cluster_columns_are_those_of_the_run_question_by_question(run, clusterer, threshold):
    clusterer = replace(clusterer, threshold=threshold)
    found = scored_run.cluster_columns(RunView(run).sizes(clusterer))
    expected = ScoredRun(run).cluster_frame(clusterer)
    for name, values in found.items():
        np.testing.assert_allclose(values, expected[name], atol=1e-12)


def test_scores_have_each_score_once_and_agree_with_what_is_stored(run):
    view = RunView(run)
    jaccard = next(c for c in view.clusterers() if c.method == "jaccard")
    scores = view.scores(jaccard)
    assert list(scores) == [name for names in GROUPS.values() for name in names if name != "selfcheck_nli"]
    for name in ("semantic_entropy", "num_semantic_sets", "degree_uncertainty"):
        np.testing.assert_allclose(scores[name], view.frame[f"{name}@jaccard"], atol=1e-12)
    assert scores.loc["same", "semantic_entropy"] == 0
    assert math.isnan(scores.loc["one", "semantic_entropy"])


def test_a_run_that_is_not_scored_says_so():
    raw = sample_run(FakeSampler(ANSWERS), QUESTIONS, Decoding(n_samples=4), "plain")
    with pytest.raises(HomogError, match="has not been scored"):
        RunView(raw)
    (score_run(raw.id, [FakeEncoder()]).folder / "similarities.parquet").unlink()
    with pytest.raises(HomogError, match="has not been scored"):
        RunView(open_run(raw.id))


@pytest.mark.parametrize("clusterer", [EXACT, JACCARD], ids=["embedding", "jaccard"])
def test_curves_are_those_of_the_report(run, clusterer):
    view, scored = RunView(run), ScoredRun(run)
    expected = threshold_curve(scored, clusterer)
    pd.testing.assert_frame_equal(rates.threshold_curve(view, clusterer, ""), expected, check_dtype=False)
    found, expected = rates.budget_curve(view, clusterer, ""), budget_curve(scored, clusterer)
    np.testing.assert_allclose(found["value"], expected["single_cluster_rate"])
    np.testing.assert_allclose(found["entropy_value"], expected["discrete_semantic_entropy"])
    assert list(found["n"]) == list(expected["n"])
    assert (found["low"] <= found["value"]).all()
    assert (found["value"] <= found["high"]).all()


def test_a_category_is_a_filter(run):
    view = RunView(run)
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
    view = RunView(run)
    assert rates.threshold_curve(view, replace(JACCARD, rule="first_member"), "").empty
    assert rates.threshold_curve(view, Clusterer("nli", 0.0, "x"), "").empty


def test_wilson_bounds_are_those_of_the_interval():
    for k, n in ((0, 5), (2, 7), (7, 7)):
        found = wilson_interval(k, n)
        assert [float(b) for b in intervals.wilson_bounds(np.array(k / n), n)] == pytest.approx([found.low, found.high])
    assert np.isnan(intervals.wilson_bounds(np.array(float("nan")), 0)).all()


def test_single_cluster_rates_are_compared_question_by_question(run):
    other = run_of("dpo", dict.fromkeys(ANSWERS, ("red fox",)), "dpo")
    # of five questions four become single-cluster and none ceases to be: p = 2/2⁴
    p = rates.single_cluster_test(RunView(run), RunView(other), EXACT, "")
    assert p == pytest.approx(2 / 2**4)


def test_every_clusterer_has_a_row_and_whole_answers_one_at_the_published_threshold(run):
    rows = rates.clusterer_rows(RunView(run), "")
    kinds = {(row["clusterer"].key, row["kind"]) for row in rows}
    assert ("embedding/fake", "published threshold") in kinds
    assert {key for key, kind in kinds if kind == "default"} == {"jaccard", "embedding/fake", "embedding_masked/fake"}


def test_runs_are_ordered_named_and_paired():
    base, dpo = run_of("fake-b"), run_of("fake-a-dpo", stage="dpo")
    warm, other = run_of("fake-a-dpo", stage="dpo", temperature=1.5), run_of("other", stage="instruct", family="Other")
    runs = sorted([other, warm, dpo, base], key=lineage.order)
    assert [run.id for run in runs] == [base.id, dpo.id, warm.id, other.id]
    assert list(lineage.run_labels(runs).values()) == [
        "fake-b (base)",
        "fake-a-dpo",
        "fake-a-dpo, T=1.5",
        "other (instruct)",
    ]
    assert lineage.base_and_aligned(runs) == (base, dpo)
    assert lineage.base_and_aligned([dpo, warm]) is None
    assert lineage.temperature_siblings(warm, runs) == [dpo, warm]
    assert lineage.temperature_siblings(base, runs) == [base]


def test_runs_that_look_alike_get_different_names(run):
    again = run_of(questions=QUESTIONS[:3])
    names = lineage.run_labels([run, again])
    assert len(set(names.values())) == 2
    assert all(names[key].endswith(key[-4:]) for key in names)


# Uncertainty


GRADED = {  # the greedy answer is the first one
    **{f"right{i}": ("red fox",) * 4 for i in range(3)},
    **{f"wrong{i}": ("grey seal",) * 4 for i in range(3)},
    "spread": ("grey seal", "blue whale", "green frog", "red fox"),
}
GRADED_QUESTIONS = [Question(key, "test", f"What is {key}?", ("red fox",)) for key in GRADED]


@pytest.fixture
def graded():
    return RunView(run_of(answers=GRADED, questions=GRADED_QUESTIONS))


def test_on_single_cluster_questions_cluster_scores_tie_in_words(graded):
    rows = signals.score_rows(graded, EXACT, "").set_index(["score", "subset"])
    for score in CLUSTER_SCORES:
        assert rows.loc[(score, "single"), "words"] == NO_SIGNAL
        # 1 of 4 incorrect ones is above all 3 correct ones, 3 tie with them: (3 + 9/2)/12
        assert rows.loc[(score, "all"), "value"] == pytest.approx(7.5 / 12)
    assert rows.loc[("discrete_semantic_entropy", "multi"), "words"] == "undefined: the only one incorrect"
    assert rows.loc[("selfcheck_nli", "all"), "words"] == "needs an NLI model"
    assert rows.loc[("mean_token_entropy", "all"), "words"] == NO_SIGNAL  # a fake model's entropies are all the same
    assert rows.loc[("discrete_semantic_entropy", "all"), ["n_correct", "n_incorrect"]].tolist() == [3, 4]


def test_what_is_undefined_says_why():
    correct = np.array([1.0, 1.0, np.nan])
    assert signals.auroc_row(np.array([1, 2, 3.0]), correct)["words"] == "undefined: all 2 correct"
    assert signals.auroc_row(np.full(3, np.nan), correct)["words"] == "undefined: the score has no value"
    assert signals.auroc_row(np.ones(3), np.full(3, np.nan))["words"] == "undefined: no graded question"


def test_difference_of_token_and_semantic_entropy(graded):
    rows = signals.difference_rows({"a": graded}, EXACT, "").set_index("subset")
    assert rows.loc["all", "value"] == pytest.approx(0.5 - 7.5 / 12)
    assert (rows.loc["single", "value"], rows.loc["single", "pvalue"]) == (0, 1)
    assert rows.loc["single", "semantic_ties"]
    assert rows.loc["multi", "words"] == "undefined: the only one incorrect"
    assert math.isnan(rows.loc["multi", "pvalue_holm"])


def test_rows_by_category_come_with_the_largest_first(run):
    rows = signals.category_rows(RunView(run), EXACT, ("mean_token_entropy", "discrete_semantic_entropy"))
    assert list(dict.fromkeys(rows["category"])) == ["first", "second"]
    assert (rows["n_graded"] == 3).all()


def test_what_the_category_alone_would_reach(run):
    view = RunView(run)
    categories = ["a"] * 20 + ["b"] * 20 + ["c", "d"]
    view.frame = pd.DataFrame({"category": categories})
    view.correct = np.array([1.0] * 15 + [0.0] * 5 + [0.0] * 20 + [0.0, 0.0])
    # shares incorrect: a 1/4, b 1, the two small ones together 1. 22 incorrect above all, 5 tie with all
    assert signals.category_auroc(view).value == pytest.approx((22 + 2.5) / 27)


# What can be won back


def test_coverage_of_a_score_that_ties_is_flat():
    found = selective.coverage_of(np.ones(8), np.array([1, 0, 1, 1, 0, 0, 1, 1.0]))
    assert found.no_signal
    np.testing.assert_allclose(found.curve["value"], 5 / 8)
    assert list(found.points["coverage"]) == list(selective.COVERAGES)
    assert selective.coverage_of(np.ones(2), np.full(2, np.nan)).points.empty


def test_calibration_before_reads_the_score_as_it_stands():
    values, correct = np.linspace(2, 4, 40), (np.arange(40) < 20).astype(float)
    found = selective.calibration_of(values, correct)
    before = found.bins[found.bins["when"] == "before"]
    assert len(before) == 5  # fewer bins in small samples
    assert before["probability"].iloc[-1] > 0.9  # the lowest scores
    assert before["value"].iloc[-1] == 1
    summary = found.summary.set_index(["when", "measure"])
    assert summary.loc[("after", "ECE"), "value"] < summary.loc[("before", "ECE"), "value"]
    assert ((summary["low"] <= summary["high"]) & (summary["low"] >= 0)).all()


def test_calibration_of_a_constant_and_of_too_few_is_undefined():
    constant = selective.calibration_of(np.ones(20), np.r_[np.ones(10), np.zeros(10)])
    values = constant.summary.set_index(["when", "measure"])["value"]
    assert math.isnan(values["before", "ECE"])
    assert values["after", "Brier"] == pytest.approx(0.25, abs=0.02)
    few = selective.calibration_of(np.arange(6.0), np.array([1, 0, 0, 0, 0, 0.0]))
    assert few.summary.set_index(["when", "measure"])["value"].loc["after"].isna().all()


def test_correlations_of_a_constant_are_undefined_in_words():
    scores = pd.DataFrame({"a": np.arange(9.0), "b": -np.arange(9.0), "c": np.ones(9)})
    rows = signals.correlation_rows(scores, ["a", "b", "c"]).set_index(["first", "second", "kind"])
    assert rows.loc[("a", "b", "pearson"), "value"] == pytest.approx(-1)
    assert rows.loc[("a", "c", "spearman"), "words"] == "undefined: a score is the same for all"


@pytest.mark.parametrize("seed", range(3))
def test_the_interval_within_folds_is_around_the_auroc_of_the_outcome(seed):
    rng = np.random.default_rng(seed)
    incorrect = (rng.random(120) < 0.4).astype(float)
    outcome = cascade([Signal("a", rng.normal(size=120) + incorrect, np.ones(120))], incorrect, 1.0)
    found = selective.within_folds_auroc(outcome, incorrect)
    assert found.value == outcome.auroc
    assert (found.low + found.high) / 2 == pytest.approx(outcome.auroc)  # both the same statistic
    assert 0.05 < found.high - found.low < 0.3


MANY = {
    **{f"r{i}": ("red fox", "red fox", "red fox", "blue whale")[: 2 + i % 3] for i in range(8)},
    **{f"w{i}": ("grey seal", "blue whale", "green frog", "red fox")[: 1 + i % 4] for i in range(12)},
}


@pytest.fixture
def many():
    questions = [Question(key, "test", f"What {'big ' * (i % 5)}{key}?", ("red fox",)) for i, key in enumerate(MANY)]
    return RunView(run_of(answers=MANY, questions=questions))


def test_the_cascade_costs_nothing_at_first_and_everything_at_last(many):
    rows = selective.cascade_rows(selective.cascade_study(many, EXACT, ""))
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
        selective.cascade_study(many, replace(EXACT, threshold=tau), "").signals[-1].uncertainty for tau in (0.0, 0.9)
    )
    assert loose.max() < strict.max()


def test_a_cascade_that_cannot_be_fitted_says_why(many, graded):
    with pytest.raises(InvalidInput, match="needs 5 correct"):
        selective.cascade_study(graded, EXACT, "")
    with pytest.raises(InvalidInput, match="NLI"):
        selective.cascade_study(many, Clusterer("nli", 0.0, "x"), "")


# Published beside measured


def test_every_published_figure_has_a_counterpart(many):
    for metric in beside_published.published_metrics():
        found = beside_published.counterpart(many, metric, EXACT, "")
        constant = metric in ("cost_saving", "signal_correlation")  # a fake model's entropies are all the same
        assert constant or not math.isnan(found.value), metric
        assert found.n > 0


def test_published_rows_are_those_of_the_data_set_where_there_are_any():
    assert {p.dataset for p in beside_published.published_rows("auroc", "GSM8K")} == {"GSM8K"}
    assert {p.dataset for p in beside_published.published_rows("auroc", "Starter set (ours)")} == {
        "GSM8K",
        "TruthfulQA",
    }
    stages = [p.stage for p in beside_published.published_rows("single_cluster_rate")]
    assert stages == sorted(stages, key=lineage.STAGES.index)
