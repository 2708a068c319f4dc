"""sample → encode → cluster → score → store, with a fake model and a fake encoder."""

import math

import numpy as np
import pytest
from conftest import FakeEncoder, FakeSampler, make_question

from homog_core import pipeline, store
from homog_core.clustering import Clusterer
from homog_core.errors import HomogError, InvalidInput
from homog_core.pipeline import Progress, ScoredRun, sample_run, score_run, summarise
from homog_core.records import Decoding, Question

QUESTIONS = [make_question(key) for key in "abcd"]
ANSWERS = {"a": ("same", "same"), "b": ("one thing", "another matter"), "c": ("", "only one"), "d": ("", "")}
DECODING = Decoding(n_samples=2)
CLUSTERERS = [
    Clusterer("jaccard", 0.4),
    Clusterer("embedding", 0.8, "fake"),
    Clusterer("embedding_masked", 0.8, "fake"),
]


@pytest.fixture
def scored(no_shipped_runs):
    run = sample_run(FakeSampler(ANSWERS), QUESTIONS, DECODING, "plain")
    return ScoredRun(score_run(run.id, FakeEncoder(), CLUSTERERS))


def column(scored, name):
    return dict(zip(scored.scores["question_id"], scored.scores[name], strict=True))


def test_an_interrupted_run_goes_on_and_samples_nothing_twice(no_shipped_runs):
    def give_up(progress):
        if progress.n_done == 2:
            raise KeyboardInterrupt

    first, second = FakeSampler(), FakeSampler()
    with pytest.raises(KeyboardInterrupt):
        sample_run(first, QUESTIONS, DECODING, "plain", batch_questions=1, on_step=give_up)
    assert store.list_runs()[0].manifest.provenance["status"] == "interrupted"
    run = sample_run(second, QUESTIONS, DECODING, "plain", batch_questions=1)
    assert (first.asked, second.asked) == (["a", "b"], ["c", "d"])
    assert run.manifest.provenance["status"] == "complete"
    assert run.responses().groupby("question_id").size().to_dict() == dict.fromkeys("abcd", 3)


def test_tokens_are_counted_over_both_attempts(no_shipped_runs):
    run = sample_run(FakeSampler(), QUESTIONS, DECODING, "plain")
    assert run.manifest.provenance["n_tokens"] == 4 * 3 * 3  # questions, responses, tokens of "a b" and its end


def test_one_cluster_two_clusters_and_undefined(scored):
    clusters = column(scored, "num_semantic_sets@embedding/fake")
    entropy = column(scored, "discrete_semantic_entropy@embedding/fake")
    assert (clusters["a"], entropy["a"]) == (1, 0)
    assert clusters["b"] == 2
    assert entropy["b"] == pytest.approx(math.log(2))
    assert math.isnan(clusters["c"])  # one valid response
    assert math.isnan(entropy["d"])  # none
    assert column(scored, "n_valid") == {"a": 2, "b": 2, "c": 1, "d": 0}


def test_token_scores_leave_the_end_token_out(scored):
    assert column(scored, "mean_token_entropy")["b"] == pytest.approx(0.5)
    assert column(scored, "predictive_entropy")["b"] == pytest.approx(2 * 0.25)  # two words of −0.25 each
    assert math.isnan(column(scored, "mean_token_entropy")["d"])


def test_the_summary_counts_defined_questions_only(scored):
    rate = summarise(scored.run)["estimates"]["single_cluster_rate@embedding/fake"]
    assert (rate["value"], rate["n"]) == (0.5, 2)


def test_a_run_that_has_not_been_scored_says_so(no_shipped_runs):
    run = sample_run(FakeSampler(), QUESTIONS, DECODING, "plain")
    with pytest.raises(HomogError, match="has not been scored"):
        summarise(run)


def test_rescoring_changes_clusters_and_neither_samples_nor_embeds_again(scored):
    before = scored.run.responses()
    encoder = FakeEncoder()
    again = ScoredRun(score_run(scored.run.id, encoder, [Clusterer("embedding", 0.0, "fake")]))
    assert encoder.encoded == []
    assert column(again, "num_semantic_sets@embedding/fake")["b"] <= 2
    assert again.run.responses()["text"].tolist() == before["text"].tolist()


def test_the_slider_at_the_default_gives_the_stored_scores(scored):
    for clusterer in CLUSTERERS:
        frame = scored.cluster_frame(clusterer)
        stored = scored.scores.set_index("question_id")[f"num_semantic_sets@{clusterer.key}"]
        np.testing.assert_array_equal(frame["num_semantic_sets"], stored)


def test_maps_are_stored_for_every_clustered_answer(scored):
    assert len(scored.coordinates("b", CLUSTERERS[1], "umap")) == 2
    assert set(scored.coordinates("b", CLUSTERERS[1], "umap")["method"]) == {"mds"}  # too few for UMAP


def test_a_scored_run_verifies(scored):
    assert store.verify(scored.run.id) == []


@pytest.mark.parametrize(("words", "found"), [("ANOTHER matter", {"b"}), ("what is c", {"c"}), ("[", set())])
def test_search_looks_into_questions_and_answers(scored, words, found):
    assert scored.search(words) == found


def test_time_left_goes_by_the_questions_of_this_process():
    assert Progress(n_done=5, n_total=9, n_new=2, n_tokens=0, seconds=10).seconds_left == 20  # four left, five s each
    assert math.isnan(Progress(3, 9, 0, 0, 1.0).seconds_left)


def test_a_run_needs_questions_of_one_dataset(no_shipped_runs):
    with pytest.raises(InvalidInput, match="one dataset"):
        sample_run(FakeSampler(), [QUESTIONS[0], Question("x", "other", "Why?")], DECODING, "plain")
    with pytest.raises(InvalidInput, match="no questions"):
        sample_run(FakeSampler(), [], DECODING, "plain")


def test_calibration_puts_the_best_clusterer_first():
    cards, order = pipeline.report_cards(), pipeline.default_clusterers()
    aucs = [cards[clusterer.key].auc for clusterer in order]
    assert aucs == sorted(aucs, reverse=True)
    assert all(c.threshold == cards[c.key].threshold for c in order)
