"""A judge's groups in a run: asked for once, stored, and shown like any other clusterer's."""

import numpy as np
import pytest
from fakes import DECODING, FakeEncoder, FakeJudge, FakeSampler, make_question

from homog_core.analysis.scored_run import ScoredRun
from homog_core.measures import uncertainty
from homog_core.measures.clustering import Clusterer
from homog_core.runs.sample import sample_run
from homog_core.runs.score import score_run
from homog_core.runs.verify import verify

pytestmark = pytest.mark.usefixtures("no_shipped_runs")
ANSWERS = {"fox": ("a red fox", "the fox", "a bear", "a red fox"), "same": ("green frog",), "empty": ("",)}
JUDGE = Clusterer("judge", 0.5, "fair")


def is_fox(answer):
    return "fox" in answer


@pytest.fixture
def fox_run():
    return sample_run(FakeSampler(ANSWERS), [make_question(name) for name in ANSWERS], DECODING, "plain")


def test_one_call_a_question_with_two_different_answers(fox_run):
    judge = FakeJudge(is_fox)
    score_run(fox_run.id, [FakeEncoder()], judge=judge)
    assert len(judge.asked) == 1
    stored = fox_run.judgements("fair").set_index("question_id")
    assert stored["n_calls"].to_dict() == {"fox": 1, "same": 0, "empty": 0}
    again = FakeJudge(is_fox)
    score_run(fox_run.id, [FakeEncoder()], judge=again)
    assert again.asked == []
    assert verify(fox_run.id) == []


def test_its_groups_are_clusters(fox_run):
    score_run(fox_run.id, [FakeEncoder()], judge=FakeJudge(is_fox))
    scores = fox_run.table("scores").set_index("question_id")
    assert scores["num_semantic_sets@judge/fair"].fillna(-1).to_dict() == {"fox": 2, "same": 1, "empty": -1}
    labels = np.array([0, 0, 1, 0])
    entropy = uncertainty.discrete_semantic_entropy(labels)
    assert scores.loc["fox", "discrete_semantic_entropy@judge/fair"] == entropy
    clusters = fox_run.table("clusters")
    own = clusters[(clusters["clusterer"] == "judge/fair") & (clusters["question_id"] == "fox")]
    assert own["label"].tolist() == labels.tolist()


@pytest.mark.parametrize("threshold", [0.01, 0.5, 0.99])
def test_the_pages_see_them_whatever_the_threshold(fox_run, threshold):
    score_run(fox_run.id, [FakeEncoder()], judge=FakeJudge(is_fox))
    scored = ScoredRun(fox_run)
    assert JUDGE in scored.clusterers()
    assert scored.labels("fox", Clusterer("judge", threshold, "fair")).tolist() == [0, 0, 1, 0]
    assert scored.cluster_frame(JUDGE)["num_semantic_sets"].fillna(-1).to_dict() == {"fox": 2, "same": 1, "empty": -1}


def test_a_reply_that_cannot_be_read_leaves_the_question_undefined(fox_run):
    score_run(fox_run.id, [FakeEncoder()], judge=FakeJudge(is_fox, unreadable=99))
    found = ScoredRun(fox_run).cluster_frame(JUDGE)["num_semantic_sets"]
    assert found.fillna(-1).to_dict() == {"fox": -1, "same": 1, "empty": -1}
    assert fox_run.judgements("fair").set_index("question_id").loc["fox", "n_calls"] == 2
    assert np.isnan(fox_run.table("scores").set_index("question_id").loc["fox", "degree_uncertainty@judge/fair"])
    assert verify(fox_run.id) == []


def test_scoring_again_without_the_judge_keeps_what_it_said(fox_run):
    score_run(fox_run.id, [FakeEncoder()], judge=FakeJudge(is_fox))
    score_run(fox_run.id, [FakeEncoder()])
    assert "num_semantic_sets@judge/fair" in fox_run.table("scores")


def test_other_answers_are_asked_about_anew(fox_run):
    score_run(fox_run.id, [FakeEncoder()], judge=FakeJudge(is_fox))
    stored = fox_run.judgements("fair")
    stored.at[stored.index[stored["question_id"] == "fox"][0], "answers"] = ["a red fox", "a bear"]
    fox_run.write_table("judge-fair", stored)
    score_run(fox_run.id, [FakeEncoder()])
    assert "num_semantic_sets@judge/fair" not in fox_run.table("scores")  # it does not fit any more
    judge = FakeJudge(is_fox)
    score_run(fox_run.id, [FakeEncoder()], judge=judge)
    assert len(judge.asked) == 1
