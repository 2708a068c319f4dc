"""Stored answers → embeddings, clusters, scores, grades and maps, with a scripted model and a fake encoder."""

import math
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from fakes import (
    ANSWERS,
    DECODING,
    ENTROPY,
    LOGPROB,
    QUESTIONS,
    FakeEncoder,
    FakeNli,
    FakeSampler,
    Interrupted,
    interrupt_after,
    make_question,
    make_responses,
)

from homog_core import files
from homog_core.analysis.scored_run import ScoredRun
from homog_core.analysis.summary import summarise
from homog_core.errors import HomogError
from homog_core.measures import uncertainty
from homog_core.measures.clustering import Clusterer, cosine_similarity
from homog_core.measures.words import mask_answer
from homog_core.records import Question
from homog_core.runs import analysed, contents, evidence, kept
from homog_core.runs.program import program_sha256
from homog_core.runs.sample import sample_run
from homog_core.runs.score import score_run, stored_settings
from homog_core.runs.store import TABLES, list_runs
from homog_core.runs.verify import verify

pytestmark = pytest.mark.usefixtures("no_shipped_runs")


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
    assert summarise(ScoredRun(run)).estimates["single_cluster_rate@jaccard"].n == 0
    assert verify(run.id) == []


def test_empty_answers_stand_between_others_and_take_no_part():
    run = sample_run(FakeSampler({"fox": ("red fox", "", "grey seal", " ")}), [make_question("fox")], DECODING, "plain")
    score_run(run.id, [FakeEncoder()])
    clusters = run.table("clusters")
    for _, rows in clusters.groupby("clusterer"):
        assert dict(zip(rows["sample_index"], rows["label"], strict=True)) == {0: 0, 2: 1}
    assert run.table("similarities")["similarity"].map(len).tolist() == [1] * 3  # of one pair
    assert run.table("scores")["n_valid"].item() == 2


def test_questions_with_one_text_and_two_prompts_stay_two():
    stem = "Which of these is red?"
    questions = [Question(f"stem{n}", "test", stem) for n in (1, 2)]
    answers = {"stem1": ("red fox", "grey seal", "red fox", "red fox"), "stem2": ("blue whale",)}
    run = sample_run(FakeSampler(answers), questions, DECODING, "plain")
    score_run(run.id, [FakeEncoder()])
    labels = (
        run.table("clusters").query("clusterer == 'embedding_masked/fake'").groupby("question_id")["label"].agg(list)
    )
    assert labels.to_dict() == {"stem1": [0, 1, 0, 0], "stem2": [0, 0, 0, 0]}
    assert verify(run.id) == []


def test_every_table_is_written_and_verifies(run):
    said = []
    scored = score_run(run.id, [FakeEncoder()], on_progress=lambda what, n, total: said.append((what, n, total)))
    assert [entry for entry in said if entry[0] == "Scoring"] == [("Scoring", n, 4) for n in (1, 2, 3, 4)]
    assert verify(run.id) == []
    assert scored.encoders() == ["fake"]
    maps = rows_of(scored.table("maps"), "mixed")
    assert len(maps) == 4  # of the clusterer that pages open with
    assert np.isfinite(maps[["x", "y"]]).all(axis=None)


def test_processes_for_all_cores_leave_the_same_tables(run, monkeypatch):
    names = ("similarities", "clusters", "grades", "scores", "maps")
    alone = {name: score_run(run.id, [FakeEncoder()]).table(name) for name in names}
    monkeypatch.setattr(analysed, "PAYS_BACK", 1)
    monkeypatch.setattr(analysed, "n_cores", lambda: 2)
    monkeypatch.setattr(analysed, "analyse", lambda *given: pytest.fail("other processes are to analyse"))
    reported = []

    score_run(run.id, [FakeEncoder()], on_progress=lambda *said: reported.append(said))

    n = len(QUESTIONS)
    assert [done for what, done, _ in reported if what == "Scoring"] == [*range(1, n + 1)]
    for name in names:
        pd.testing.assert_frame_equal(run.table(name), alone[name], check_exact=True)


def test_workers_that_answer_in_any_order_leave_the_same_tables(run):
    names = ("similarities", "clusters", "grades", "scores", "maps")
    alone = {name: score_run(run.id, [FakeEncoder()]).table(name) for name in names}

    def shuffled(function, items):
        found = [function(item) for item in items]
        return [*found[1::2], *found[::2][::-1]]

    score_run(run.id, [FakeEncoder()], spread=shuffled)

    for name in names:
        pd.testing.assert_frame_equal(run.table(name), alone[name], check_exact=True)


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
    assert len(encoder.encoded) == len(set(encoder.encoded)) == 4 + 4  # the different answers, and the questions
    score_run(run.id, [encoder], clusterers=[Clusterer("embedding", 0.5, "fake")])
    assert len(encoder.encoded) == 8


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
    assert len(encoder.encoded) == 3 + 8  # those of other answers are not taken for these answers' own


def test_summary_counts_single_clusters(run):
    with pytest.raises(HomogError, match="has not been scored"):
        summarise(ScoredRun(run))
    summary = summarise(ScoredRun(score_run(run.id, [FakeEncoder()])))
    rate = summary.estimates["single_cluster_rate@jaccard"]
    assert (rate.value, rate.n) == (0.5, 2)  # "same" of "mixed" and "same"
    assert summary.n_questions == 4


# Kills


class Killed(BaseException):
    pass


@pytest.mark.parametrize("step", ["Encoding, fake", "Scoring", "Drawing maps"])
def test_a_killed_scoring_goes_on_where_it_was(run, step, monkeypatch):
    monkeypatch.setattr(kept, "KEEP_SECONDS", 0.0)
    monkeypatch.setattr(evidence, "ENCODED_CHUNK", 3)
    score_run(run.id, [FakeEncoder()])
    expected = {name: run.table(name) for name in TABLES}
    (run.folder / "embeddings-fake.parquet").unlink()
    contents.commit(run.folder, drop=["embeddings-fake.parquet"])
    before = {path.name: path.read_bytes() for path in run.folder.glob("*.parquet")}

    def killed(what, done, total):
        if what == step and done > 1:
            raise Killed

    first, second, said = FakeEncoder(), FakeEncoder(), []
    with pytest.raises(Killed):
        score_run(run.id, [first], on_progress=killed)
    after = {path.name: path.read_bytes() for path in run.folder.glob("*.parquet")}
    assert {name: after[name] for name in before} == before  # nothing half-written is shown
    score_run(run.id, [second], on_progress=lambda *one: said.append(one))
    for name, table in expected.items():
        pd.testing.assert_frame_equal(run.table(name), table)
    assert sorted([*first.encoded, *second.encoded]) == sorted(set(first.encoded) | set(second.encoded))
    assert next(done for what, done, _ in said if what == step) > 1  # not from the beginning
    assert not kept.folder_of(run.id).exists()
    assert verify(run.id) == []


def test_parts_of_other_settings_and_damaged_ones_are_not_used(run, monkeypatch):
    monkeypatch.setattr(kept, "KEEP_SECONDS", 0.0)

    def killed(what, done, total):
        if what == "Scoring" and done == 3:
            raise Killed

    def kill(clusterer):
        with pytest.raises(Killed):
            score_run(run.id, [FakeEncoder()], clusterers=[clusterer], on_progress=killed)
        return sorted((kept.folder_of(run.id) / "analyses").rglob("*.arrow"))

    kill(Clusterer("jaccard", 0.9))
    parts = kill(Clusterer("jaccard", 0.2))  # the parts of the other threshold are gone
    assert len(parts) == 3
    content = bytearray(parts[1].read_bytes())
    content[len(content) // 2] ^= 1
    parts[1].write_bytes(content)
    said = []
    score_run(run.id, [FakeEncoder()], None, [Clusterer("jaccard", 0.2)], None, lambda *one: said.append(one))
    assert [done for what, done, _ in said if what == "Scoring"] == [2, 3, 4]
    assert set(run.table("clusters")["threshold"]) == {0.2}
    assert list(run.table("scores")["question_id"]) == ["mixed", "same", "single", "empty"]
    assert verify(run.id) == []


@pytest.mark.parametrize("module", ["leftovers.py", "measures/scores.py", "runs/tables.py"])
def test_parts_of_another_version_of_the_code_are_not_used(tmp_path, module, monkeypatch):
    package = shutil.copytree(files.PACKAGE, tmp_path / "package", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(files, "PACKAGE", package)
    program_sha256.cache_clear()
    before = program_sha256()
    (package / module).write_text((package / module).read_text() + "\n")
    program_sha256.cache_clear()
    assert program_sha256() != before
    program_sha256.cache_clear()


# Entailment


RED, B, C = "It is red.", "It is a fox.", "It is a whale."
A = f"{RED} {B}"
NLI_ANSWERS = {"fox": (A, B, C)}  # four samples: A, B, C and A again; the greedy answer is A
SCRIPT = {
    (A, B): (0.9, 0.1, 0.0),
    (B, A): (0.3, 0.6, 0.1),
    (A, C): (0.1, 0.1, 0.8),
    (C, A): (0.0, 0.2, 0.8),
    (B, C): (0.2, 0.2, 0.6),
    (C, B): (0.5, 0.1, 0.4),
    (A, RED): (0.8, 0.1, 0.1),
    (B, RED): (0.2, 0.6, 0.2),
    (C, RED): (0.1, 0.6, 0.3),
}


def sampled(answers):
    return sample_run(FakeSampler(answers), [make_question(name) for name in answers], DECODING, "plain")


@pytest.fixture
def fox_run():
    return sampled(NLI_ANSWERS)


def test_every_pair_of_different_texts_is_judged_once(fox_run):
    nli = FakeNli(SCRIPT)
    score_run(fox_run.id, [FakeEncoder()], nli)
    # all ordered pairs of three answers, and each answer with the sentences of A that are not an answer themselves
    assert sorted(nli.judged) == sorted(SCRIPT)
    assert len(fox_run.nli("scripted")) == 9
    again = FakeNli({})
    score_run(fox_run.id, [FakeEncoder()], again)
    assert again.judged == []


@pytest.mark.parametrize("context", [True, False])
def test_the_question_stands_before_both_texts_where_it_is_context(fox_run, context):
    nli = FakeNli({}, context=context)
    evidence.entail_run(fox_run, nli)
    before = "What is fox? " if context else ""
    assert set(nli.judged) == {(before + premise, before + hypothesis) for premise, hypothesis in SCRIPT}
    assert set(fox_run.nli("scripted")["premise"]) == {A, B, C}  # stored without it


def test_an_interrupted_judge_keeps_whole_chunks(fox_run, monkeypatch):
    class Crashing(FakeNli):
        def predict(self, pairs, **options):
            if self.judged:
                raise Interrupted
            return super().predict(pairs, **options)

    whole = evidence.entail_run(sampled(NLI_ANSWERS | {"other": ("a", "b")}), FakeNli(SCRIPT))
    monkeypatch.setattr(evidence, "NLI_CHUNK", 4)
    with pytest.raises(Interrupted):
        evidence.entail_run(fox_run, Crashing(SCRIPT))
    assert len(fox_run.nli("scripted")) == 4
    rest, said = FakeNli(SCRIPT), []
    found = evidence.entail_run(fox_run, rest, lambda *step: said.append(step))
    assert len(rest.judged) == 5
    assert said == [("Judging pairs", 4, 5), ("Judging pairs", 5, 5)]
    assert found.equals(rows_of(whole, "fox").reset_index(drop=True))


@pytest.mark.parametrize(
    ("options", "labels"),  # of A, B, C and A
    [
        ({}, [0, 1, 2, 0]),  # A entails B, but B is neutral to A
        ({"entailment": "non_contradiction"}, [0, 0, 1, 0]),  # B contradicts C
        ({"entailment": "either"}, [0, 0, 0, 0]),  # A entails B, C entails B
        ({"entailment": "either", "rule": "first_member"}, [0, 0, 1, 0]),  # but C is not joined with A
    ],
)
def test_every_entailment_rule_reads_the_stored_probabilities(fox_run, options, labels):
    evidence.entail_run(fox_run, FakeNli(SCRIPT))
    silent = FakeNli({})
    score_run(fox_run.id, [FakeEncoder()], silent, [Clusterer("nli", 0.0, "scripted", **options)])
    assert silent.judged == []
    assert list(fox_run.table("clusters")["label"]) == labels
    scores = fox_run.table("scores").iloc[0]
    assert scores["num_semantic_sets@nli/scripted"] == len(set(labels))
    assert scores["discrete_semantic_entropy@nli/scripted"] == uncertainty.discrete_semantic_entropy(labels)


def test_scores_from_probabilities_by_hand(fox_run):
    score_run(fox_run.id, [FakeEncoder()], FakeNli(SCRIPT))
    scores = fox_run.table("scores").iloc[0]
    # A–B (.9 + .3)/2 = .6, A–C .05, B–C .35; among A, B, C, A: .6 .05 1 .35 .6 .05, in sum 2.65
    stored = fox_run.table("similarities").set_index("clusterer").loc["nli/scripted", "similarity"]
    assert stored == pytest.approx([0.6, 0.05, 1, 0.35, 0.6, 0.05])
    assert scores["degree_uncertainty@nli/scripted"] == pytest.approx(1 - (4 + 2 * 2.65) / 16)
    # p_c / (p_e + p_c) of the samples A, B, C, A. "It is red.": 1/9, 1/2, 3/4, 1/9. "It is a fox.": 0, itself 0, 4/9, 0
    assert scores["selfcheck_nli@scripted"] == pytest.approx(((2 / 9 + 1.25) / 4 + (4 / 9) / 4) / 2)
    assert verify(fox_run.id) == []


def test_stored_probabilities_stand_in_their_places(fox_run):
    answers = make_responses(make_question("fox"), NLI_ANSWERS["fox"], DECODING)
    found = evidence.stored_probabilities(evidence.entail_run(fox_run, FakeNli(SCRIPT)), answers)
    assert {name: matrix.shape for name, matrix in found.items()} == {"nli": (4, 4, 3), "selfcheck": (2, 4, 3)}
    assert found["nli"][2, 1] == pytest.approx(SCRIPT[C, B])
    assert found["nli"][0, 3].tolist() == [1, 0, 0]  # the same answer twice
    assert found["selfcheck"][0, 2] == pytest.approx(SCRIPT[C, RED])


def test_nothing_to_judge():
    run = sampled({"same": ("green frog",), "single": ("grey seal", "", "", ""), "empty": ("",)})
    nli = FakeNli({})
    score_run(run.id, [FakeEncoder()], nli)
    assert nli.judged == []
    assert run.nli("scripted").empty
    scores = run.table("scores").set_index("question_id")
    assert scores.loc["same", "num_semantic_sets@nli/scripted"] == 1
    assert scores.loc[["single", "empty"], "num_semantic_sets@nli/scripted"].isna().all()
    # one sample is enough to check the greedy answer, and it is that answer itself
    assert scores["selfcheck_nli@scripted"].fillna(-1).to_dict() == {"same": 0, "single": 0, "empty": -1}
    assert verify(run.id) == []


# Densities


VECTORS = {"What is mixed?": (1, 0), "What is same?": (0.6, 0.8), "What is single?": (0, 1)}


class TableEncoder(FakeEncoder):
    def encode(self, texts):
        return np.array([VECTORS.get(text, (1, 0)) for text in texts], dtype="float16").astype("float32")


@pytest.mark.parametrize(("n", "densities"), [(3, [-0.3, -0.7, -0.4]), (2, [-0.6, -0.6]), (1, [float("nan")])])
def test_embedding_density_by_hand(n, densities):
    # cosines: mixed–same .6, mixed–single 0, same–single .8; minus the mean over the other questions
    run = sample_run(FakeSampler(ANSWERS), QUESTIONS[:n], DECODING, "plain")
    score_run(run.id, [TableEncoder()])
    found = run.table("scores")["embedding_density@fake"].to_numpy()
    np.testing.assert_allclose(found, densities, atol=1e-3)


# Settings


def test_scoring_again_without_the_nli_model_keeps_its_scores(fox_run):
    score_run(fox_run.id, [FakeEncoder()], FakeNli(SCRIPT))
    before = fox_run.table("scores")
    assert "selfcheck_nli@scripted" in before
    score_run(fox_run.id, [FakeEncoder()])
    pd.testing.assert_frame_equal(fox_run.table("scores"), before)


def test_pairs_that_were_half_judged_are_not_used(fox_run):
    evidence.entail_run(fox_run, FakeNli(SCRIPT))
    fox_run.write_table("nli-scripted", fox_run.nli("scripted").iloc[:4])
    score_run(fox_run.id, [FakeEncoder()])
    assert [name for name in fox_run.table("scores") if "scripted" in name] == []


STRICT = Clusterer("jaccard", 0.9, rule="first_member")
LAX = Clusterer("nli", 0.0, "scripted", entailment="either")


def test_the_settings_of_a_scoring_read_back(fox_run):
    assert stored_settings(fox_run) == {}
    score_run(fox_run.id, [FakeEncoder()], FakeNli(SCRIPT), [STRICT, LAX])
    settings = stored_settings(fox_run)
    assert settings == {
        "jaccard": {"threshold": 0.9, "rule": "first_member", "entailment": "bidirectional"},
        "nli/scripted": {"threshold": 0.0, "rule": "components", "entailment": "either"},
    }
    assert replace(Clusterer("nli", 0.0, "scripted"), **settings["nli/scripted"]) == LAX


def test_a_run_that_was_scored_before_the_entailment_rule_was_stored_has_the_default(fox_run):
    score_run(fox_run.id, [FakeEncoder()], FakeNli(SCRIPT))
    fox_run.write_table("clusters", fox_run.table("clusters").drop(columns="entailment"))
    assert stored_settings(fox_run)["nli/scripted"]["entailment"] == "bidirectional"


def test_scoring_again_without_the_nli_model_keeps_its_settings(fox_run):
    score_run(fox_run.id, [FakeEncoder()], FakeNli(SCRIPT), [STRICT, LAX])
    before = fox_run.table("clusters").query("clusterer == 'nli/scripted'")
    score_run(fox_run.id, [FakeEncoder()], clusterers=[STRICT])
    pd.testing.assert_frame_equal(fox_run.table("clusters").query("clusterer == 'nli/scripted'"), before)
