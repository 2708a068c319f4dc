"""What one run found: statistics, ranks, curves and costs by hand."""

import math

import pytest
from fakes import FAKE_SPEC, FakeEncoder, FakeSampler

from homog_core.analysis.cascade import cascade_signals
from homog_core.analysis.rates import budget_curve, threshold_curve
from homog_core.analysis.scored_run import ScoredRun
from homog_core.analysis.signals import score_ranks, score_statistics
from homog_core.analysis.summary import summarise
from homog_core.errors import InvalidInput
from homog_core.measures.clustering import Clusterer
from homog_core.records import Decoding, ModelSpec, Question
from homog_core.runs.sample import sample_run
from homog_core.runs.score import score_run
from homog_core.runs.store import open_run
from homog_core.wording.run_summary import summary_document

pytestmark = pytest.mark.usefixtures("no_shipped_runs")
EXACT = Clusterer("embedding", 0.9, "fake")  # the fake encoder gives equal texts one vector and others nearly none
QUESTIONS = [Question(f"q{n}", "test", f"What is q{n}?", ("red fox",)) for n in range(6)]
COLLAPSED = {question.id: ("blue whale",) for question in QUESTIONS[:5]} | {"q5": ("red fox", "red fox", "grey seal")}


def run_of(key, answers, questions=QUESTIONS, decoding=Decoding(n_samples=3), score=True):  # noqa: B008
    sampler = FakeSampler(answers, ModelSpec(key, FAKE_SPEC.source, stage="base"))
    run = sample_run(sampler, questions, decoding, "plain")
    return ScoredRun(score_run(run.id, [FakeEncoder()]) if score else open_run(run.id))


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
    found = {s.score: s for s in score_statistics(scored)}
    entropy = found["discrete_semantic_entropy@embedding/fake"]
    assert (entropy.auroc.value, entropy.auroc.n, entropy.no_signal) == (1, 24, False)
    assert entropy.selective_accuracy.value == 1
    assert entropy.aurc.value == pytest.approx(sum((k - 12) / k for k in range(13, 25)) / 24)
    tied = found["mean_token_entropy"]
    assert (tied.auroc.value, tied.no_signal) == (0.5, True)
    assert tied.selective_accuracy.value == 0.5


def test_single_cluster_questions_have_no_signal_in_samples():
    scored = graded_run(right=range(12))
    found = {s.score: s for s in score_statistics(scored)}
    assert found["discrete_semantic_entropy@embedding/fake"].no_signal
    assert found["num_semantic_sets@jaccard"].auroc.value == 0.5


def test_one_class_alone_is_undefined_and_said():
    found = summarise(graded_run(right=range(24)))
    assert isinstance(found.saving, InvalidInput)
    summary = summary_document(found)
    assert all(math.isnan(row["auroc"]["value"]) for row in summary["scores"])
    assert summary["estimates"]["accuracy"]["value"] == 1
    assert "needs at least 10 correct and 10 incorrect answers; 0 of 24 are incorrect" in summary["cascade"]["sentence"]


def test_the_cascade_knows_what_samples_cost():
    scored = graded_run(right=range(12), diverse=range(12, 24))
    signals, incorrect, group = cascade_signals(scored, scored.clusterer)
    assert (len(incorrect), incorrect.sum()) == (24, 12)
    assert set(group) == {""}  # one category
    assert [signal.name for signal in signals] == [
        "mean_token_entropy",
        "embedding_density",
        "discrete_semantic_entropy",
    ]
    assert (signals[0].cost == 0).all()
    # four words, 4/3 tokens each, read by an encoder as large as the model (both sizes unknown)
    assert signals[1].cost == pytest.approx([4 * 4 / 3] * 24)
    assert scored.clusterer.key == "jaccard"  # without report cards; no encoder reads the samples
    assert signals[2].cost == pytest.approx([9.0] * 24)  # three samples of two words and the end token


def test_every_score_of_a_question_has_its_rank():
    scored = graded_run(right=range(12), diverse=range(20, 24))
    ranks = score_ranks(scored, "g00").set_index("score")
    assert ranks.loc["discrete_semantic_entropy@jaccard", ["value", "rank", "n"]].tolist() == [0, 5, 24]
    assert ranks.loc["mean_token_entropy", "rank"] == 1  # all tie
    assert score_ranks(scored, "g21").set_index("score").loc["num_semantic_sets@jaccard", "rank"] == 1


def test_curves_over_thresholds_and_budgets():
    scored = run_of("dpo", COLLAPSED)
    budget = budget_curve(scored, EXACT).set_index("n_samples")
    # five questions of one cluster; of the three pairs of [0, 0, 1] one shares a cluster
    assert budget.loc[2, "value"] == pytest.approx((5 + 1 / 3) / 6)
    assert budget.loc[3, "value"] == pytest.approx(5 / 6)
    curve = threshold_curve(scored, EXACT).set_index("threshold")
    assert curve.loc[0.9, "value"] == pytest.approx(5 / 6)
    assert (curve["value"].diff().dropna() <= 0).all()
    assert set(curve["n"]) == {6}
