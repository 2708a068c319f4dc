"""A scored run in memory: what is stored, what follows a threshold, and search."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from fakes import ANSWERS, DECODING, QUESTIONS, FakeEncoder, FakeNli, FakeSampler, Interrupted, make_question
from scored_runs import ANSWERS as SIX_ANSWERS
from scored_runs import EXACT, run_of
from scored_runs import QUESTIONS as SIX_QUESTIONS

from homog_core.analysis.scored_run import ScoredRun
from homog_core.errors import HomogError
from homog_core.measures.clustering import Clusterer, square
from homog_core.measures.scores import GROUPS
from homog_core.measures.uncertainty import discrete_semantic_entropy
from homog_core.records import Decoding
from homog_core.runs.sample import sample_run
from homog_core.runs.score import score_run
from homog_core.runs.store import Run, list_runs, open_run

pytestmark = pytest.mark.usefixtures("no_shipped_runs")
JACCARD = Clusterer("jaccard", 0.4)


def test_cluster_frame_at_the_default_thresholds_is_what_is_stored(run):
    scored = ScoredRun(score_run(run.id, [FakeEncoder()]))
    clusterers = scored.clusterers()
    assert {clusterer.key for clusterer in clusterers} == {"jaccard", "embedding/fake", "embedding_masked/fake"}
    stored = run.table("scores").set_index("question_id")
    for clusterer in clusterers:
        frame = scored.cluster_frame(clusterer)
        for name in ("num_semantic_sets", "discrete_semantic_entropy"):
            expected = stored[f"{name}@{clusterer.key}"]
            pd.testing.assert_series_equal(frame[name], expected, check_names=False)


def test_answers_and_coordinates_of_a_question(run):
    scored = ScoredRun(score_run(run.id, [FakeEncoder()]))
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


# Scores and clusters of six questions


@pytest.fixture
def six():
    return ScoredRun(run_of())


@pytest.mark.parametrize("threshold", [0.0, 0.2, 0.4, 0.9, 0.99])
@pytest.mark.parametrize(
    "clusterer", [EXACT, JACCARD, replace(JACCARD, rule="first_member")], ids=["embedding", "jaccard", "first_member"]
)
def test_cluster_columns_are_those_of_the_run_question_by_question(six, clusterer, threshold):
    clusterer = replace(clusterer, threshold=threshold)
    found = six.cluster_frame(clusterer)
    for key in found.index:
        labels = six.labels(key, clusterer) if len(six.valid(key)) > 1 else []
        assert found["num_semantic_sets"].fillna(0)[key] == len(set(labels))
        np.testing.assert_allclose(
            found["discrete_semantic_entropy"][key], discrete_semantic_entropy(labels), atol=1e-12
        )


def test_scores_have_each_score_once_and_agree_with_what_is_stored(six):
    jaccard = next(c for c in six.clusterers() if c.method == "jaccard")
    scores = six.score_frame(jaccard)
    assert list(scores) == [name for names in GROUPS.values() for name in names if name != "selfcheck_nli"]
    for name in ("semantic_entropy", "num_semantic_sets", "degree_uncertainty"):
        np.testing.assert_allclose(scores[name], six.scores[f"{name}@jaccard"], atol=1e-12)
    assert scores.loc["same", "semantic_entropy"] == 0
    assert math.isnan(scores.loc["one", "semantic_entropy"])


def test_a_column_is_that_of_all_scores_whether_or_not_they_have_been_read(six):
    alone = six.column("grade")
    assert "scores" not in vars(six)
    assert alone.equals(six.scores["grade"])
    assert six.column("mean_token_entropy").equals(six.scores["mean_token_entropy"])


def test_a_run_that_is_not_scored_says_so():
    raw = sample_run(FakeSampler(SIX_ANSWERS), SIX_QUESTIONS, Decoding(n_samples=4), "plain")
    assert not ScoredRun(raw).is_scored
    with pytest.raises(HomogError, match="has not been scored"):
        _ = ScoredRun(raw).scores
    (score_run(raw.id, [FakeEncoder()]).folder / "similarities.parquet").unlink()
    with pytest.raises(HomogError, match="has not been scored"):
        _ = ScoredRun(open_run(raw.id)).correct


# Grades


def test_what_is_not_stored_is_not_looked_for_at_every_question(monkeypatch):
    raw = sample_run(FakeSampler(SIX_ANSWERS), SIX_QUESTIONS, Decoding(n_samples=4), "plain")
    asked = []
    monkeypatch.setattr(Run, "similarities", lambda run, *which: asked.append(which) or {})
    scored = ScoredRun(raw)
    (clusterer,) = scored.clusterers()
    assert (scored.label_matrix(clusterer) >= 0).any()
    assert not asked


def test_grades_of_greedy_and_of_sampled_answers(six):
    right = {"same": 1, "two": 1, "all": 1, "near": 1, "one": 0, "three": 0}
    assert dict(zip(six.questions.index, six.correct, strict=True)) == right
    grades = six.sample_grades.pivot_table("grade", "question_id", "sample_index", aggfunc="first").loc[list(right)]
    assert grades.shape == (6, 4)
    assert (grades.loc["same"] == "correct").all()
    assert grades.loc["three"].tolist() == ["incorrect", "incorrect", "incorrect", "correct"]
    # of "two" three of four say "red fox", of "near" three say it in a sentence; an empty answer is incorrect
    assert six.samples_correct.tolist() == [1, 0.75, 0.25, 0.75, 0.25, 0.25]


def test_answers_that_are_not_decided_are_left_out_of_the_share(six):
    grades = six.sample_grades
    grades.loc[grades["question_id"] == "same", "grade"] = ["correct", "incorrect", "abstained", "ambiguous"]
    grades.loc[grades["question_id"] == "two", "grade"] = "ungraded"
    share = dict(zip(six.questions.index, six.samples_correct, strict=True))
    assert share["same"] == 0.5
    assert math.isnan(share["two"])
    assert share["all"] == 0.25


def test_a_run_that_an_older_version_scored_has_no_grades_of_samples(six):
    (six.run.folder / "grades.parquet").unlink()
    older = ScoredRun(open_run(six.run.id))
    assert list(older.sample_grades) == ["question_id", "sample_index", "grade", "grade_policy"]
    assert older.sample_grades.empty
    assert np.isnan(older.samples_correct).all()
    assert older.samples_correct.shape == (6,)
    assert older.is_scored


def test_the_rules_that_graded(six):
    assert six.grade_policies == ["short_answer"]
    assert six.older_policies == []
    six.scores.loc["two", "grade_policy"] = "phrase_or_f1"
    assert six.grade_policies == ["phrase_or_f1", "short_answer"]
    assert six.older_policies == ["phrase_or_f1"]


# Entailment


NLI = Clusterer("nli", 0.0, "scripted")
SCRIPT = {
    ("red fox", "blue whale"): (0.9, 0.1, 0.0),  # one way only
    ("blue whale", "red fox"): (0.2, 0.7, 0.1),
}


@pytest.mark.parametrize(
    ("clusterer", "labels"),
    [(NLI, [0, 0, 1, 0]), (Clusterer("nli", 0.0, "scripted", entailment="either"), [0, 0, 0, 0])],
)
def test_labels_under_entailment_come_from_what_is_stored(run, clusterer, labels):
    scored = ScoredRun(score_run(run.id, [FakeEncoder()], FakeNli(SCRIPT)))
    assert NLI in scored.clusterers()
    assert scored.labels("mixed", clusterer).tolist() == labels
    assert scored.labels("same", clusterer).tolist() == [0, 0, 0, 0]
    assert scored.labels("single", clusterer).tolist() == [0]
    assert scored.labels("empty", clusterer).tolist() == []
    assert scored.similarity("mixed", clusterer)[0, 2] == pytest.approx(0.55)  # (.9 + .2) / 2
    sets = scored.cluster_frame(clusterer)["num_semantic_sets"]
    assert sets.fillna(0).to_dict() == {"mixed": len(set(labels)), "same": 1, "single": 0, "empty": 0}


# Thresholds


class NearEncoder(FakeEncoder):
    """Three dimensions, so that all similarities occur; `apple` and `pear` have a cosine of exactly ½."""

    def encode(self, texts):
        fixed = {"apple": (1, 0, 0, 0), "pear": (0.5, 0.5, 0.5, 0.5)}
        found = [fixed.get(text, (*row[:3], 0)) for text, row in zip(texts, super().encode(texts), strict=True)]
        rows = np.array(found, dtype=np.float64)
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype("float16").astype("float32")


@pytest.fixture
def varied_run():
    """Thirty questions of random answers, and some whose similarities lie exactly on a step of the sliders."""
    draw = np.random.default_rng(0)
    words = ["red", "fox", "blue"]
    answers = {
        f"q{n}": [" ".join(draw.choice(words, size=size)) for size in draw.integers(1, 2 + n % 12, size=4)]
        for n in range(30)
    }
    numbers = [f"w{n}" for n in range(21)]
    for pairs in (7, 9):  # of ten bigrams, 7 and 9
        answers[f"tenths{pairs}"] = [" ".join(numbers[:11]), " ".join(numbers[: pairs + 1])]
    answers |= {"exact": ("apple", "pear"), "single": ("", "red", "", ""), "empty": ("",)}
    run = sample_run(FakeSampler(answers), [make_question(name) for name in answers], DECODING, "plain")
    return score_run(run.id, [NearEncoder()])


@pytest.mark.parametrize("method", ["embedding", "embedding_masked", "jaccard"])
def test_single_clusters_are_those_of_clustering_again_at_every_threshold(varied_run, method):
    scored = ScoredRun(varied_run)
    default = next(clusterer for clusterer in scored.clusterers() if clusterer.method == method)
    keys = [key for key in scored.questions.index if len(scored.valid(key)) > 1]
    assert set(scored.questions.index) - set(keys) == {"single", "empty"}
    thresholds = np.round(np.arange(100) / 100, 2)
    single = pd.DataFrame(scored.trees(default).is_single(thresholds), scored.questions.index, thresholds)
    seen = set()
    for threshold in thresholds:
        clusterer = Clusterer(method, threshold, default.encoder)
        again = {key: len(set(scored.labels(key, clusterer))) == 1 for key in keys}
        assert single.loc[keys, threshold].to_dict() == again
        seen.add(sum(again.values()))
    assert len(seen) > 5  # the curve has steps
    last = single.idxmin(axis=1)  # the first threshold that tears a question apart
    assert last["exact"] == {"jaccard": 0.01, "embedding": 0.5, "embedding_masked": 0.5}[method]
    if method == "jaccard":
        assert last[["tenths7", "tenths9"]].tolist() == [0.71, 0.91]


# Answers that came later


def stop_after_one(progress):
    if progress.n_new == 1:
        raise Interrupted


def test_a_question_answered_since_the_run_was_scored_has_no_similarity():
    with pytest.raises(Interrupted):
        sample_run(FakeSampler(ANSWERS), QUESTIONS, DECODING, "plain", batch_questions=1, on_step=stop_after_one)
    score_run(list_runs()[0].id, [FakeEncoder()], FakeNli(SCRIPT))
    scored = ScoredRun(sample_run(FakeSampler(ANSWERS), QUESTIONS, DECODING, "plain"))
    embedding = Clusterer("embedding", 0.85, "fake")
    for clusterer in (NLI, embedding):
        assert scored.similarity("mixed", clusterer).shape == (4, 4)  # scored before
        assert scored.similarity("same", clusterer).shape == (0, 0)
        assert scored.labels("same", clusterer).tolist() == []
        assert scored.cluster_frame(clusterer)["num_semantic_sets"].notna().tolist() == [True, False, False, False]
    assert scored.trees(embedding).n_valid.tolist() == [4, 1, 1, 1]
    assert scored.labels("same", Clusterer("jaccard", 0.4)).tolist() == [0, 0, 0, 0]  # needs nothing stored


def test_a_square_of_another_number_of_answers_is_empty():
    assert square([0.5, 0.25, 0], 3).tolist() == [[1, 0.5, 0.25], [0.5, 1, 0], [0.25, 0, 1]]
    assert square([], 1).tolist() == [[1]]
    assert square([0.5], 3).shape == (0, 0)


def test_the_settings_that_a_run_was_scored_with_are_read_back(run):
    scored = ScoredRun(score_run(run.id, [FakeEncoder()], clusterers=[Clusterer("jaccard", 0.9, rule="first_member")]))
    assert [(c.threshold, c.rule) for c in scored.clusterers()] == [(0.9, "first_member")]


def test_a_view_reads_its_columns_and_one_clusterers_similarities(run):
    run = score_run(run.id, [FakeEncoder()])
    whole, stored = run.responses(), run.table("similarities")
    assert run.responses(["text"]).equals(whole[["question_id", "sample_index", "text"]])
    assert run.similar_by() == set(stored["clusterer"])
    for key in run.similar_by():
        own = stored[stored["clusterer"] == key].set_index("question_id")["similarity"]
        found = run.similarities(key)
        assert list(found) == list(own.index)
        assert all(np.array_equal(found[question], own[question]) for question in own.index)
        for question in own.index:
            assert np.array_equal(run.similarities(key, question)[question], own[question])
    assert run.similarities("none") == {}
    scored = ScoredRun(run)
    for question in scored.questions.index:
        answers = scored.answers(question).responses
        assert scored.valid(question) == [i for i, answer in enumerate(answers) if answer.is_valid]
