"""sample → encode → cluster → score → store, with a scripted model and a fake encoder."""

import math

import numpy as np
import pandas as pd
import pytest
from conftest import ENTROPY, LOGPROB, FakeEncoder, FakeSampler, make_question, make_response

from homog_core import pipeline, uncertainty
from homog_core.clustering import Clusterer, cosine_similarity, mask_answer
from homog_core.errors import HomogError, InvalidInput
from homog_core.pipeline import Progress, ScoredRun, plan_run, sample_run, score_run, summarise
from homog_core.records import Decoding, Question
from homog_core.store import list_runs, open_run, run_id_of, verify

pytestmark = pytest.mark.usefixtures("no_shipped_runs")

DECODING = Decoding(n_samples=4)
QUESTIONS = [make_question(name) for name in ("mixed", "same", "single", "empty")]
ANSWERS = {
    "mixed": ("red fox", "red fox", "blue whale", "red fox"),
    "same": ("green frog",),
    "single": ("", "", "grey seal", ""),  # one valid response
    "empty": ("",),
}


class Interrupted(Exception):
    pass


def interrupt_after(n_questions):
    def on_step(progress):
        if progress.n_new == n_questions:
            raise Interrupted

    return on_step


@pytest.fixture
def run():
    return sample_run(FakeSampler(ANSWERS), QUESTIONS, DECODING, "plain")


def rows_of(frame, question_id):
    return frame[frame["question_id"] == question_id]


# Sampling


def test_an_interrupted_run_is_gone_on_with():
    first, second = FakeSampler(ANSWERS), FakeSampler(ANSWERS)
    with pytest.raises(Interrupted):
        sample_run(first, QUESTIONS, DECODING, "plain", batch_questions=1, on_step=interrupt_after(2))
    (run,) = list_runs()
    assert run.manifest.provenance["status"] == "interrupted"
    assert run.sampled_ids() == {"mixed", "same"}

    run = sample_run(second, QUESTIONS, DECODING, "plain", batch_questions=1)
    assert run.manifest.provenance["status"] == "complete"
    assert second.asked == ["single", "empty"]
    rows = run.responses()
    assert len(rows) == 4 * (4 + 1)
    assert not rows.duplicated(["question_id", "sample_index"]).any()
    assert set(rows["question_id"]) == {question.id for question in QUESTIONS}
    # no question was cut in the middle, so both attempts together have sampled every stored token once
    assert run.manifest.provenance["n_tokens"] == rows["tokens"].map(len).sum()


def test_interrupting_within_a_batch_keeps_the_questions_that_were_done():
    # "empty" ends at the first step, "single" and the rest need three
    with pytest.raises(Interrupted):
        sample_run(FakeSampler(ANSWERS), QUESTIONS, DECODING, "plain", on_step=interrupt_after(1))
    again = FakeSampler(ANSWERS)
    run = sample_run(again, QUESTIONS, DECODING, "plain")
    assert again.asked == ["mixed", "same", "single"]
    assert len(run.responses()) == 4 * (4 + 1)


def test_a_complete_run_is_not_sampled_again(run):
    again = FakeSampler(ANSWERS)
    same = sample_run(again, QUESTIONS, DECODING, "plain")
    assert again.asked == []
    assert same.manifest == run.manifest


def test_progress_counts_up():
    seen = []
    sample_run(FakeSampler(ANSWERS), QUESTIONS, DECODING, "plain", batch_questions=1, on_step=seen.append)
    assert [progress.n_done for progress in seen] == [0, 0, 1, 1, 1, 2, 2, 2, 3, 4]  # 3 + 3 + 3 + 1 steps
    assert seen[-1].n_tokens == 5 * 3 + 5 * 3 + (3 + 4) + 5  # rows · tokens, the end token included
    assert {progress.n_total for progress in seen} == {4}


def test_seconds_left():
    # two questions in 10 s, six are left: 30 s; the three of an earlier attempt say nothing about the speed
    assert Progress(n_done=5, n_total=11, n_new=2, n_tokens=7, seconds=10.0).seconds_left == 30
    assert math.isnan(Progress(n_done=3, n_total=11, n_new=0, n_tokens=7, seconds=10.0).seconds_left)


def test_no_questions_and_questions_of_two_datasets_are_refused():
    with pytest.raises(InvalidInput, match="no questions"):
        sample_run(FakeSampler(), [], DECODING, "plain")
    with pytest.raises(InvalidInput, match="other, test"):
        sample_run(FakeSampler(), [*QUESTIONS, Question("x", "other", "Why?")], DECODING, "plain")


def test_the_settings_identify_the_run():
    def run_id(questions=QUESTIONS, style="plain", **decoding):
        return run_id_of(plan_run(FakeSampler(), questions, Decoding(**decoding), style).identity)

    assert run_id() == run_id()
    assert run_id() == run_id(QUESTIONS[::-1])
    different = [run_id(seed=1), run_id(temperature=0.5), run_id(QUESTIONS[:2]), run_id(style="few_shot"), run_id()]
    assert len(set(different)) == 5


# Scoring


def test_scores_of_one_question_by_hand(run):
    score_run(run.id, FakeEncoder())
    scores = run.table("scores").set_index("question_id").loc["mixed"]
    # clusters of 3 and 1: −(¾ ln ¾ + ¼ ln ¼); every l_i is the same, so the weighted entropy is that too
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    for clusterer in ("jaccard", "embedding/fake", "embedding_masked/fake"):
        assert scores[f"num_semantic_sets@{clusterer}"] == 2
        assert scores[f"discrete_semantic_entropy@{clusterer}"] == pytest.approx(entropy)
        assert scores[f"semantic_entropy@{clusterer}"] == pytest.approx(entropy)
    assert (scores["n_valid"], scores["n_cut"]) == (4, 0)
    assert scores["predictive_entropy"] == pytest.approx(-2 * LOGPROB)  # two own tokens
    assert scores["length_normalized_predictive_entropy"] == pytest.approx(-LOGPROB)
    assert scores["mean_token_entropy"] == pytest.approx(ENTROPY)
    assert scores["mean_token_entropy_sampled"] == pytest.approx(ENTROPY)
    assert scores["std_token_entropy"] == 0
    assert scores["perplexity"] == pytest.approx(math.exp(-LOGPROB))
    clusters = rows_of(run.table("clusters"), "mixed")
    for _, rows in clusters.groupby("clusterer"):
        assert list(rows.sort_values("sample_index")["label"]) == [0, 0, 1, 0]


def test_scores_agree_with_the_functions_called_directly(run):
    score_run(run.id, FakeEncoder(), [Clusterer("embedding_masked", 0.7, "fake")])
    masked = [mask_answer(text, "What is mixed?") for text in ANSWERS["mixed"]]
    labels = Clusterer("embedding_masked", 0.7, "fake").labels(cosine_similarity(FakeEncoder().encode(masked)))
    scores = run.table("scores").set_index("question_id").loc["mixed"]
    expected = uncertainty.discrete_semantic_entropy(labels)
    assert scores["discrete_semantic_entropy@embedding_masked/fake"] == expected
    assert list(rows_of(run.table("clusters"), "mixed")["label"]) == list(labels)


def test_too_few_valid_responses_are_unscored(run):
    score_run(run.id, FakeEncoder())
    scores = run.table("scores").set_index("question_id")
    assert list(scores["n_valid"]) == [4, 4, 1, 0]
    clustered = scores.filter(like="@")
    assert clustered.loc[["single", "empty"]].isna().all(axis=None)
    assert clustered.loc[["mixed", "same"]].notna().all(axis=None)
    assert np.isnan(scores.loc["empty", "predictive_entropy"])
    assert np.isnan(scores.loc["empty", "mean_token_entropy"])
    clusters = run.table("clusters")
    assert set(rows_of(clusters, "single")["sample_index"]) == {2}
    assert rows_of(clusters, "empty").empty


def test_a_run_of_empty_answers_is_scored():
    run = sample_run(FakeSampler({"empty": ("",)}), QUESTIONS[3:], DECODING, "plain")
    score_run(run.id, FakeEncoder())
    assert list(run.table("scores")["n_valid"]) == [0]
    assert run.table("clusters").empty
    assert summarise(run)["estimates"]["single_cluster_rate@jaccard"]["n"] == 0
    assert verify(run.id) == []


def test_every_table_is_written_and_verifies(run):
    done = []
    scored = score_run(run.id, FakeEncoder(), on_question=lambda n, total: done.append((n, total)))
    assert done == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert verify(run.id) == []
    assert scored.encoders() == ["fake"]
    maps = rows_of(scored.table("maps"), "mixed")
    assert len(maps) == 3 * 2 * 4 or len(maps) == 3 * 4  # clusterers · methods · responses; MDS alone below 8 distinct
    assert np.isfinite(maps[["x", "y"]]).all(axis=None)


def test_another_threshold_changes_clusters_but_not_samples(run):
    # "a b c" and "a b d" share one bigram of three: similarity ⅓
    question = make_question("near")
    run = sample_run(FakeSampler({"near": ("a b c", "a b d")}), [question], DECODING, "plain")
    shards = {path.name: path.read_bytes() for path in run.folder.glob("responses-*")}
    found = {}
    for threshold in (0.3, 0.4):
        score_run(run.id, FakeEncoder(), [Clusterer("jaccard", threshold)])
        found[threshold] = run.table("scores")["num_semantic_sets@jaccard"].item()
    assert found == {0.3: 1, 0.4: 2}
    assert {path.name: path.read_bytes() for path in run.folder.glob("responses-*")} == shards


def test_embeddings_are_computed_once(run):
    encoder = FakeEncoder()
    score_run(run.id, encoder)
    assert len(encoder.encoded) == 2 * (4 + 4 + 1)  # both views of every valid response
    score_run(run.id, encoder, [Clusterer("embedding", 0.5, "fake")])
    assert len(encoder.encoded) == 18


def test_embeddings_are_computed_again_when_responses_were_missing():
    encoder = FakeEncoder()
    with pytest.raises(Interrupted):
        sample_run(FakeSampler(ANSWERS), QUESTIONS, DECODING, "plain", batch_questions=1, on_step=interrupt_after(1))
    (run,) = list_runs()
    score_run(run.id, encoder)
    assert list(run.table("scores")["question_id"]) == ["mixed"]
    sample_run(FakeSampler(ANSWERS), QUESTIONS, DECODING, "plain")
    score_run(run.id, encoder)
    assert list(run.table("scores")["question_id"]) == ["mixed", "same", "single", "empty"]
    assert len(run.embeddings("fake")) == 18


def test_summary_counts_single_clusters(run):
    with pytest.raises(HomogError, match="has not been scored"):
        summarise(run)
    summary = summarise(score_run(run.id, FakeEncoder()))
    rate = summary["estimates"]["single_cluster_rate@jaccard"]
    assert (rate["value"], rate["n"]) == (0.5, 2)  # "same" of "mixed" and "same"
    assert summary["n_questions"] == 4


# A scored run in memory


def test_cluster_frame_at_the_default_thresholds_is_what_is_stored(run):
    scored = ScoredRun(score_run(run.id, FakeEncoder()))
    clusterers = scored.clusterers()
    assert {clusterer.key for clusterer in clusterers} == {"jaccard", "embedding/fake", "embedding_masked/fake"}
    stored = run.table("scores").set_index("question_id")
    for clusterer in clusterers:
        frame = scored.cluster_frame(clusterer)
        for name in ("num_semantic_sets", "discrete_semantic_entropy"):
            expected = stored[f"{name}@{clusterer.key}"]
            pd.testing.assert_series_equal(frame[name], expected, check_names=False)


def test_answers_and_coordinates_of_a_question(run):
    scored = ScoredRun(score_run(run.id, FakeEncoder()))
    assert [response.text for response in scored.answers("mixed").responses] == list(ANSWERS["mixed"])
    assert scored.answers("mixed").greedy.text == "red fox"
    assert scored.valid("single") == [2]
    jaccard = next(clusterer for clusterer in scored.clusterers() if clusterer.key == "jaccard")
    assert list(scored.coordinates("mixed", jaccard, "umap")["method"]) == ["mds"] * 4  # two distinct answers


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("BLUE wh", {"mixed"}),
        ("what is same", {"same"}),
        ("single", {"single"}),
        ("(", set()),
        ("", {"mixed", "same", "single", "empty"}),
    ],
)
def test_search_in_questions_and_answers(run, words, found):
    assert ScoredRun(run).search(words) == found


def test_keeping_a_live_answer_stores_it_once():
    question = QUESTIONS[0]
    plan = plan_run(FakeSampler(), [question], DECODING, "plain")
    steps = FakeSampler(ANSWERS).sample([question], DECODING, "plain", 1)
    (answers,) = [done for step in steps for done in step.finished]
    run = pipeline.keep(plan, answers, seconds=1.5)
    again = pipeline.keep(plan, answers, seconds=99.0)
    assert run.id == again.id == open_run(run.id).id
    assert again.manifest.provenance["wall_seconds"] == 1.5
    assert again.manifest.provenance["n_tokens"] == 5 * 3
    assert len(again.responses()) == 5


def test_cut_answers_are_counted():
    whole = make_response("a b")
    cut = type(whole)(whole.text, whole.tokens, whole.token_entropies, whole.token_logprobs, "length")
    scores = pipeline.response_scores([whole, cut, cut], whole)
    assert (scores["n_valid"], scores["n_cut"]) == (3, 2)
    # own tokens: two of the whole answer, all three of a cut one: −¼ · (2 + 3 + 3) / 3
    assert scores["predictive_entropy"] == pytest.approx(0.25 * 8 / 3)
