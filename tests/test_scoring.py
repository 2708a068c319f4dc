"""Stored answers → embeddings, clusters, scores, grades and maps, with a scripted model and a fake encoder."""

import math

import numpy as np
import pytest
from conftest import ENTROPY, LOGPROB, FakeEncoder, FakeSampler, make_question, make_response

from homog_core import scoring, uncertainty
from homog_core.clustering import Clusterer, cosine_similarity, mask_answer
from homog_core.errors import HomogError
from homog_core.pipeline import sample_run
from homog_core.records import Decoding
from homog_core.report import summarise
from homog_core.scoring import score_run
from homog_core.store import list_runs, verify

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


def test_scores_of_one_question_by_hand(run):
    score_run(run.id, [FakeEncoder()])
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
    score_run(run.id, [FakeEncoder()], clusterers=[Clusterer("embedding_masked", 0.7, "fake")])
    masked = [mask_answer(text, "What is mixed?") for text in ANSWERS["mixed"]]
    labels = Clusterer("embedding_masked", 0.7, "fake").labels(cosine_similarity(FakeEncoder().encode(masked)))
    scores = run.table("scores").set_index("question_id").loc["mixed"]
    expected = uncertainty.discrete_semantic_entropy(labels)
    assert scores["discrete_semantic_entropy@embedding_masked/fake"] == expected
    assert list(rows_of(run.table("clusters"), "mixed")["label"]) == list(labels)


def test_too_few_valid_responses_are_unscored(run):
    score_run(run.id, [FakeEncoder()])
    scores = run.table("scores").set_index("question_id")
    assert list(scores["n_valid"]) == [4, 4, 1, 0]
    clustered = scores.filter(like="@").drop(columns="embedding_density@fake")  # that one is of the question alone
    assert clustered.loc[["single", "empty"]].isna().all(axis=None)
    assert clustered.loc[["mixed", "same"]].notna().all(axis=None)
    assert np.isnan(scores.loc["empty", "predictive_entropy"])
    assert np.isnan(scores.loc["empty", "mean_token_entropy"])
    clusters = run.table("clusters")
    assert set(rows_of(clusters, "single")["sample_index"]) == {2}
    assert rows_of(clusters, "empty").empty


def test_a_run_of_empty_answers_is_scored():
    run = sample_run(FakeSampler({"empty": ("",)}), QUESTIONS[3:], DECODING, "plain")
    score_run(run.id, [FakeEncoder()])
    assert list(run.table("scores")["n_valid"]) == [0]
    assert run.table("clusters").empty
    assert summarise(run)["estimates"]["single_cluster_rate@jaccard"]["n"] == 0
    assert verify(run.id) == []


def test_every_table_is_written_and_verifies(run):
    said = []
    scored = score_run(run.id, [FakeEncoder()], report=lambda what, n, total: said.append((what, n, total)))
    assert [entry for entry in said if entry[0] == "Scoring"] == [("Scoring", n, 4) for n in (1, 2, 3, 4)]
    assert verify(run.id) == []
    assert scored.encoders() == ["fake"]
    maps = rows_of(scored.table("maps"), "mixed")
    assert len(maps) == 4  # of the clusterer that pages open with
    assert np.isfinite(maps[["x", "y"]]).all(axis=None)


def test_another_threshold_changes_clusters_but_not_samples(run):
    # "a b c" and "a b d" share one bigram of three: similarity ⅓
    question = make_question("near")
    run = sample_run(FakeSampler({"near": ("a b c", "a b d")}), [question], DECODING, "plain")
    shards = {path.name: path.read_bytes() for path in run.folder.glob("responses-*")}
    found = {}
    for threshold in (0.3, 0.4):
        score_run(run.id, [FakeEncoder()], clusterers=[Clusterer("jaccard", threshold)])
        found[threshold] = run.table("scores")["num_semantic_sets@jaccard"].item()
    assert found == {0.3: 1, 0.4: 2}
    assert {path.name: path.read_bytes() for path in run.folder.glob("responses-*")} == shards


def test_embeddings_are_computed_once(run):
    encoder = FakeEncoder()
    score_run(run.id, [encoder])
    assert len(encoder.encoded) == 2 * (4 + 4 + 1) + 4  # both views of every valid response, and the questions
    score_run(run.id, [encoder], clusterers=[Clusterer("embedding", 0.5, "fake")])
    assert len(encoder.encoded) == 22


def test_embeddings_are_computed_again_when_responses_were_missing():
    encoder = FakeEncoder()
    with pytest.raises(Interrupted):
        sample_run(FakeSampler(ANSWERS), QUESTIONS, DECODING, "plain", batch_questions=1, on_step=interrupt_after(1))
    (run,) = list_runs()
    score_run(run.id, [encoder])
    assert list(run.table("scores")["question_id"]) == ["mixed"]
    sample_run(FakeSampler(ANSWERS), QUESTIONS, DECODING, "plain")
    score_run(run.id, [encoder])
    assert list(run.table("scores")["question_id"]) == ["mixed", "same", "single", "empty"]
    assert len(run.embeddings("fake")) == 22


def test_summary_counts_single_clusters(run):
    with pytest.raises(HomogError, match="has not been scored"):
        summarise(run)
    summary = summarise(score_run(run.id, [FakeEncoder()]))
    rate = summary["estimates"]["single_cluster_rate@jaccard"]
    assert (rate["value"], rate["n"]) == (0.5, 2)  # "same" of "mixed" and "same"
    assert summary["n_questions"] == 4


def test_cut_answers_are_counted():
    whole = make_response("a b")
    cut = type(whole)(whole.text, whole.tokens, whole.token_entropies, whole.token_logprobs, "length")
    scores = scoring.response_scores([whole, cut, cut], whole)
    assert (scores["n_valid"], scores["n_cut"]) == (3, 2)
    # own tokens: two of the whole answer, all three of a cut one: −¼ · (2 + 3 + 3) / 3
    assert scores["predictive_entropy"] == pytest.approx(0.25 * 8 / 3)
