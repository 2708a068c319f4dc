"""Two runs side by side: by hand on scripted answers, and what cannot be compared."""

import math

import pytest
from fakes import FAKE_SPEC, FakeEncoder, FakeSampler, make_question

from homog_core.analysis.compare import compare
from homog_core.analysis.scored_run import ScoredRun
from homog_core.analysis.summary import (
    best_clusterer,
    budget_curve,
    cascade_signals,
    score_ranks,
    score_statistics,
    summarise,
    threshold_curve,
)
from homog_core.errors import InvalidInput
from homog_core.measures.clustering import Clusterer
from homog_core.records import Decoding, ModelSpec, Question
from homog_core.runs.sample import sample_run
from homog_core.runs.score import score_run
from homog_core.runs.store import open_run

pytestmark = pytest.mark.usefixtures("no_shipped_runs")

EXACT = Clusterer("embedding", 0.9, "fake")  # the fake encoder gives equal texts one vector and others nearly none
QUESTIONS = [Question(f"q{n}", "test", f"What is q{n}?", ("red fox",)) for n in range(6)]
DIVERSE = {question.id: ("red fox", "blue whale", "grey seal") for question in QUESTIONS}
COLLAPSED = {question.id: ("blue whale",) for question in QUESTIONS[:5]} | {"q5": ("red fox", "red fox", "grey seal")}


def run_of(key, answers, questions=QUESTIONS, decoding=Decoding(n_samples=3), score=True):  # noqa: B008
    sampler = FakeSampler(answers, ModelSpec(key, FAKE_SPEC.source, stage="base"))
    run = sample_run(sampler, questions, decoding, "plain")
    return ScoredRun(score_run(run.id, [FakeEncoder()]) if score else open_run(run.id))


@pytest.fixture
def found():
    return compare([run_of("base", DIVERSE), run_of("dpo", COLLAPSED)], EXACT)


def value(found, run, statistic):
    return next(row["value"] for row in found.estimates if row["run"].startswith(run) and row["statistic"] == statistic)


def test_what_each_run_found(found):
    assert found.n_questions == 6
    assert (value(found, "base", "single_cluster_rate"), value(found, "dpo", "single_cluster_rate")) == (0, 5 / 6)
    assert (value(found, "base", "num_semantic_sets"), value(found, "dpo", "num_semantic_sets")) == (3, 7 / 6)
    assert value(found, "base", "discrete_semantic_entropy") == pytest.approx(math.log(3))
    assert (value(found, "base", "accuracy"), value(found, "dpo", "accuracy")) == (1, 1 / 6)
    # the greedy answer is the first one: everywhere the same for the base, two different ones for the other
    assert value(found, "base", "distinct_across_questions") == 1 / 6
    assert value(found, "dpo", "most_common_answer") == 5 / 6


def test_paired_tests_by_hand(found):
    tests = {row["statistic"]: row for row in found.tests}
    # five questions became single-cluster, none ceased to be: p = 2/2^5
    assert tests["single_cluster"]["pvalue"] == pytest.approx(2 / 2**5)
    assert tests["single_cluster"]["difference"] == pytest.approx(5 / 6)
    # clusters: −2 five times and −1, all of one sign: exact two-sided p = 2/2^6
    assert tests["num_semantic_sets"]["pvalue"] == pytest.approx(2 / 2**6)
    assert tests["num_semantic_sets"]["difference"] == pytest.approx(-11 / 6)
    assert (tests["num_semantic_sets"]["n_lower"], tests["num_semantic_sets"]["n_higher"]) == (6, 0)
    assert (tests["mean_token_entropy"]["n_lower"], tests["mean_token_entropy"]["n_higher"]) == (0, 0)
    assert tests["correct"]["difference"] == pytest.approx(-5 / 6)
    assert tests["mean_token_entropy"]["pvalue"] == 1  # a fake model's entropies are all the same
    assert all(row["pvalue"] <= row["pvalue_holm"] <= 1 for row in found.tests)
    assert all(row["low"] <= row["difference"] <= row["high"] for row in found.tests)


def test_fields_that_differ_are_named(found):
    assert found.differing == {"model": ["base", "dpo"]}


def test_runs_that_were_graded_by_different_rules_say_so():
    one, other = run_of("base", DIVERSE), run_of("dpo", COLLAPSED)
    other.scores["grade_policy"] = "number"
    assert compare([one, other], EXACT).differing["grade_policy"] == ["phrase_or_f1", "number"]


def test_only_questions_that_all_runs_have_are_compared():
    found = compare([run_of("base", DIVERSE), run_of("dpo", COLLAPSED, QUESTIONS[:2])], EXACT)
    assert found.n_questions == 2
    assert {row["n"] for row in found.tests} == {2}
    assert "question_ids_sha256" in found.differing


def test_three_runs_give_three_pairs():
    runs = [run_of(key, answers) for key, answers in (("a", DIVERSE), ("b", COLLAPSED), ("c", DIVERSE))]
    pairs = {(row["from"], row["to"]) for row in compare(runs, EXACT).tests}
    ids = [scored.run.id for scored in runs]
    assert pairs == {(ids[0], ids[1]), (ids[0], ids[2]), (ids[1], ids[2])}


# What a run found


GRADED = [Question(f"g{n:02}", "test", f"Which is number {n}?", ("red fox",)) for n in range(24)]


def graded_run(right, diverse=()):
    """A run whose greedy answer is right on the questions `right`, and whose samples differ on those of `diverse`."""
    answers = {
        q.id: (
            "red fox" if i in right else "blue whale",
            *(("grey seal", "green frog") if i in diverse else ()),
        )
        for i, q in enumerate(GRADED)
    }
    return run_of("graded", answers, GRADED)


def test_the_statistics_of_every_score_by_hand():
    # samples differ on the twelve wrong ones alone: every pair is ranked right, token entropies all tie
    scored = graded_run(right=range(12), diverse=range(12, 24))
    found = {s.score: s for s in score_statistics(scored.scores)}
    entropy = found["discrete_semantic_entropy@embedding/fake"]
    assert (entropy.auroc.value, entropy.auroc.n, entropy.no_signal) == (1, 24, False)
    assert entropy.selective_accuracy.value == 1
    assert entropy.aurc.value == pytest.approx(sum((k - 12) / k for k in range(13, 25)) / 24)
    tied = found["mean_token_entropy"]
    assert (tied.auroc.value, tied.no_signal) == (0.5, True)
    assert tied.selective_accuracy.value == 0.5


def test_single_cluster_questions_have_no_signal_in_samples():
    scored = graded_run(right=range(12))
    found = {s.score: s for s in score_statistics(scored.scores)}
    assert found["discrete_semantic_entropy@embedding/fake"].no_signal
    assert found["num_semantic_sets@jaccard"].auroc.value == 0.5


def test_one_class_alone_is_undefined_and_said():
    summary = summarise(graded_run(right=range(24)).run)
    assert all(math.isnan(row["auroc"]["value"]) for row in summary["scores"])
    assert summary["estimates"]["accuracy"]["value"] == 1
    assert "needs 5 correct and 5 incorrect answers; 0 of 24 are incorrect" in summary["cascade"]["sentence"]


def test_the_cascade_knows_what_samples_cost():
    scored = graded_run(right=range(12), diverse=range(12, 24))
    signals = cascade_signals(scored.run, scored.scores)
    assert [signal.name for signal in signals] == [
        "mean_token_entropy",
        "embedding_density",
        "discrete_semantic_entropy",
    ]
    assert (signals[0].cost == 0).all()
    # four words, 4/3 tokens each, read by an encoder as large as the model (both sizes unknown)
    assert signals[1].cost == pytest.approx([4 * 4 / 3] * 24)
    assert best_clusterer(scored.scores).key == "jaccard"  # without report cards; no encoder reads the samples
    assert signals[2].cost == pytest.approx([9.0] * 24)  # three samples of two words and the end token


def test_every_score_of_a_question_has_its_rank():
    scored = graded_run(right=range(12), diverse=range(20, 24))
    ranks = score_ranks(scored.scores, "g00").set_index("score")
    assert ranks.loc["discrete_semantic_entropy@jaccard", ["value", "rank", "n"]].tolist() == [0, 5, 24]
    assert ranks.loc["mean_token_entropy", "rank"] == 1  # all tie
    assert score_ranks(scored.scores, "g21").set_index("score").loc["num_semantic_sets@jaccard", "rank"] == 1


def test_curves_over_thresholds_and_budgets():
    scored = run_of("dpo", COLLAPSED)
    budget = budget_curve(scored, EXACT).set_index("n_samples")
    # five questions of one cluster; of the three pairs of [0, 0, 1] one shares a cluster
    assert budget.loc[2, "single_cluster_rate"] == pytest.approx((5 + 1 / 3) / 6)
    assert budget.loc[3, "single_cluster_rate"] == pytest.approx(5 / 6)
    curve = threshold_curve(scored, EXACT).set_index("threshold")
    assert curve.loc[0.9, "value"] == pytest.approx(5 / 6)
    assert (curve["value"].diff().dropna() <= 0).all()
    assert set(curve["n"]) == {6}


def test_what_cannot_be_compared_is_said():
    one = run_of("base", DIVERSE)
    with pytest.raises(InvalidInput, match="at least two different runs"):
        compare([one, one], EXACT)
    with pytest.raises(InvalidInput, match=r"is not scored; run `python -m homog_core score raw--test"):
        compare([one, run_of("raw", DIVERSE, score=False)], EXACT)
    with pytest.raises(InvalidInput, match="no similarities by embedding/other"):
        compare([one, run_of("dpo", COLLAPSED)], Clusterer("embedding", 0.9, "other"))
    elsewhere = run_of("dpo", {}, [make_question("elsewhere")])
    with pytest.raises(InvalidInput, match="no question in common"):
        compare([one, elsewhere], EXACT)
