"""All answers on one map: which there are, what is known of each, and where they are."""

import io

import numpy as np
import pandas as pd
import pytest
from fakes import FakeEncoder, bars_are_free, make_question
from hypothesis import given
from hypothesis import strategies as st
from scored_runs import BASE, DPO, EXACT, sampled, scored

from homog_core.analysis import answer_map
from homog_core.analysis.answer_map import (
    atlas_file,
    make_map,
    map_points,
    place,
    with_places,
    wordings,
    wordings_per_question,
)
from homog_core.analysis.scored_run import ScoredRun
from homog_core.errors import HomogError, InvalidInput
from homog_core.measures.encoders import windows
from homog_core.runs.answer_maps import sampled_answers
from homog_core.runs.store import open_run

pytestmark = pytest.mark.usefixtures("no_shipped_runs")

MANY = [f"answer number {i}" for i in range(60)]


class TwoTopics(FakeEncoder):
    """Even texts are near one direction, odd ones near another."""

    def encode(self, texts):
        vectors = 0.3 * super().encode(texts)
        for i, text in enumerate(texts):
            vectors[i, int(text.split()[-1]) % 2] += 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def placed():
    return place(MANY, TwoTopics())


# The answers


def test_equal_texts_to_one_question_are_one_wording_with_its_count():
    rows = [("q", 0, "a"), ("q", 1, "b"), ("q", 2, "a"), ("p", 0, "a")]
    found = wordings(pd.DataFrame(rows, columns=["question_id", "sample_index", "text"]))
    assert found.to_numpy().tolist() == [["q", "a", 0, 2], ["q", "b", 1, 1], ["p", "a", 0, 1]]


@given(st.lists(st.tuples(st.sampled_from("pq"), st.sampled_from("abc")), min_size=1))
def test_no_answer_is_lost_and_none_is_counted_twice(pairs):
    rows = [(key, i, text) for i, (key, text) in enumerate(pairs)]
    found = wordings(pd.DataFrame(rows, columns=["question_id", "sample_index", "text"]))
    assert found["count"].sum() == len(pairs)
    assert set(zip(found["question_id"], found["text"], strict=True)) == set(pairs)
    assert len(found) == len(set(pairs))


def test_what_is_known_of_each_wording():
    runs = [scored("base", BASE), scored("dpo", DPO, stage="dpo")]
    points = map_points(runs, EXACT)
    # BASE: q0 has three wordings, q1 "a fox" twice and "a seal", q2 one thrice. DPO: one, three, one.
    assert points[["run", "question_id", "text", "count"]].to_numpy().tolist() == [
        [0, "q0", "a fox", 1],
        [0, "q0", "a seal", 1],
        [0, "q0", "a whale", 1],
        [0, "q1", "a fox", 2],
        [0, "q1", "a seal", 1],
        [0, "q2", "a fox", 3],
        [1, "q0", "a fox", 3],
        [1, "q1", "a fox", 1],
        [1, "q1", "a seal", 1],
        [1, "q1", "a whale", 1],
        [1, "q2", "a seal", 3],
    ]
    assert points["sample_index"].tolist() == [0, 1, 2, 0, 2, 0, 0, 0, 1, 2, 0]  # the first in these words
    assert points["n_clusters"].tolist() == [3, 3, 3, 2, 2, 1, 1, 3, 3, 3, 1]
    assert points["cluster"].tolist() == [0, 1, 2, 0, 1, 0, 0, 0, 1, 2, 0]  # the largest is 0
    assert set(points["grade"]) == {"ungraded"}  # these questions have no reference
    assert wordings_per_question(points) == [pytest.approx(6 / 3), pytest.approx(5 / 3)]


def test_a_run_that_is_not_scored_has_neither_grades_nor_clusters_of_an_encoder():
    points = map_points([ScoredRun(sampled())], EXACT)
    assert set(points["grade"]) == {"ungraded"}
    assert points[["cluster", "n_clusters"]].isna().all(axis=None)


def test_a_question_with_one_valid_answer_has_no_number_of_different_ones():
    points = map_points([scored("base", {"q0": ("a fox", "", "")}, [make_question("q0")])], EXACT)
    assert points["text"].tolist() == ["a fox"]
    assert points["n_clusters"].isna().all()
    assert wordings_per_question(points) == [1]


def test_a_run_without_answers_on_the_map_has_no_mean():
    points = pd.DataFrame({"run": [1, 1], "question_id": ["q", "q"]})
    np.testing.assert_array_equal(wordings_per_question(points), [np.nan, 2])
    assert wordings_per_question(points.iloc[:0]) == []


# Their places


def test_two_topics_are_two_islands_and_the_same_texts_get_the_same_places(placed):
    # at the place of each text the nearest other one is of its own topic
    distances = np.linalg.norm(placed.coordinates[:, None] - placed.coordinates[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    assert (distances.argmin(axis=1) % 2 == np.arange(60) % 2).all()
    np.testing.assert_array_equal(place(MANY, TwoTopics()).coordinates, placed.coordinates)


def test_trustworthiness_is_that_of_venna_and_kaski(placed):
    # T = 1 − 2/(n k (2n − 3k − 1)) Σ_i Σ_{j in U_k(i)} (r(i, j) − k), U the neighbours on the map that are none in
    # truth, r their rank in truth
    vectors, n, k = TwoTopics().encode(MANY), 60, answer_map.NEIGHBOURS
    truth = 1 - vectors @ vectors.T
    here = np.linalg.norm(placed.coordinates[:, None] - placed.coordinates[None], axis=2)
    for distances in (truth, here):
        np.fill_diagonal(distances, -1)  # first of all
    ranks = np.argsort(np.argsort(truth, axis=1), axis=1)  # 1 is the nearest other one
    near = np.argsort(here, axis=1)[:, 1 : k + 1]
    excess = np.maximum(np.take_along_axis(ranks, near, axis=1) - k, 0).sum()
    assert placed.trustworthiness == pytest.approx(1 - 2 * excess / (n * k * (2 * n - 3 * k - 1)), abs=1e-6)
    assert 0.5 < placed.trustworthiness <= 1


def test_neighbours_are_exact():
    vectors = FakeEncoder().encode(MANY)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)  # of float16, a little off
    indices, distances = answer_map._neighbours(vectors, 5, lambda *_: None)
    truth = 1 - vectors @ vectors.T
    np.testing.assert_array_equal(indices, np.argsort(truth, axis=1)[:, :5])
    np.testing.assert_allclose(distances, np.sort(truth, axis=1)[:, :5], atol=1e-6)
    assert indices[:, 0].tolist() == list(range(60))  # itself first


@pytest.mark.parametrize("n", [1, 2, 7])
def test_few_texts_are_placed_by_their_distances(n):
    found = place(MANY[:n], FakeEncoder())
    assert found.coordinates.shape == (n, 2)
    assert np.isfinite(found.coordinates).all()
    assert np.isnan(found.trustworthiness)


@pytest.mark.parametrize("n", [8, 16])
def test_umap_takes_over_at_eight_texts(n):
    found = place(MANY[:n], FakeEncoder())
    assert found.coordinates.shape == (n, 2)
    assert np.isfinite(found.coordinates).all()


def test_a_long_text_is_the_mean_of_its_windows():
    # two sentences of 60 words are two windows; the mean of two unit vectors is as near to one as to the other
    text = f"{'One ' * 59}end. {'Two ' * 59}end."
    first, second = windows(text)
    vectors = answer_map._encoded([text, first, second], FakeEncoder(), lambda *_: None)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)
    assert vectors[0] @ vectors[1] == pytest.approx(vectors[0] @ vectors[2], abs=1e-3)
    assert vectors[0] @ vectors[1] > 0.6


def test_progress_is_told_in_order_and_may_stop_the_work():
    told = []
    place(MANY, FakeEncoder(), lambda what, done, total: told.append((what, done, total)))
    assert list(dict.fromkeys(what for what, _, _ in told)) == [
        "Reading the answers",
        "Looking for similar answers",
        "Placing the answers",
    ]
    assert (told[0], told[-1]) == (("Reading the answers", 0, 60), ("Placing the answers", 500, 500))  # epochs

    class Stop(Exception):
        pass

    def stop_at(what, done, total):
        if (what, done > 0) == ("Placing the answers", True):
            raise Stop

    with pytest.raises(Stop):
        place(MANY, FakeEncoder(), stop_at)


def test_a_map_that_is_stopped_leaves_no_lock_that_the_next_model_waits_for(monkeypatch):
    usual = answer_map._epochs
    monkeypatch.setattr(answer_map, "_epochs", lambda told: usual(told) | {"mininterval": 0})  # told at once

    def stop(what, done, total):
        if what == "Placing the answers" and done:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        place(MANY, FakeEncoder(), stop)
    assert bars_are_free()


def test_a_map_has_all_wordings_of_its_runs_in_whatever_order_they_are_named():
    base, dpo = sampled("base", BASE), sampled("dpo", DPO, stage="dpo")
    found, again = make_map([base, dpo], FakeEncoder()), make_map([dpo, base, dpo], FakeEncoder())
    assert found.header.id == again.header.id
    pd.testing.assert_frame_equal(found.places, again.places)
    assert (len(found.places), found.header.n_texts, found.header.trustworthiness) == (11, 3, None)
    assert [source.run_id for source in found.header.sources] == sorted([base.id, dpo.id])
    runs = [scored("base", BASE), scored("dpo", DPO, stage="dpo")]
    for chosen in (runs, runs[::-1], runs[1:]):  # another order, and a part of its runs
        points = with_places(map_points(chosen, EXACT), found, [one.run.id for one in chosen])
        assert points[["x", "y"]].notna().all(axis=None)
        assert len(points[["x", "y"]].drop_duplicates()) == 3  # equal texts have one place
        assert len(points[["text", "x", "y"]].drop_duplicates()) == 3


def test_runs_that_do_not_go_together_are_refused():
    base, five = sampled("base", BASE), sampled("five", BASE, n_samples=5)
    with pytest.raises(InvalidInput, match="another number of answers"):
        make_map([base, five], FakeEncoder())
    with pytest.raises(InvalidInput, match="one to 4 runs; these are 0"):
        make_map([], FakeEncoder())
    silent = sampled("silent", {f"q{i}": ("",) for i in range(3)})
    with pytest.raises(HomogError, match="no answers yet"):
        make_map([silent], FakeEncoder())


def test_the_file_for_embedding_atlas_has_a_row_a_mark():
    run = scored("base", BASE)
    points = with_places(map_points([run], EXACT), make_map([run.run], FakeEncoder()), [run.run.id])
    found = pd.read_parquet(io.BytesIO(atlas_file(points, ["base model"], pd.Series({"q0": "Zero?", "q1": "One?"}))))
    assert found.columns.tolist()[:5] == ["text", "x", "y", "model", "question"]
    assert found["text"].tolist() == points["text"].tolist()
    assert found["question"].iloc[0] == "Zero?"
    assert set(found["model"]) == {"base model"}
    assert found["cluster"].tolist() == [1, 2, 3, 1, 2, 1]
    np.testing.assert_array_equal(found[["x", "y"]], points[["x", "y"]])


def test_more_texts_take_longer_and_wordllama_is_quicker():
    assert answer_map.expected_seconds(100, "minilm") < answer_map.expected_seconds(10_000, "minilm")
    assert answer_map.expected_seconds(10_000, "wordllama") < answer_map.expected_seconds(10_000, "minilm")
    assert answer_map.expected_seconds(10_000, "own") == answer_map.expected_seconds(10_000, "minilm")


def test_answers_of_a_run_leave_out_what_is_not_valid():
    run = sampled("base", {"q0": ("a fox", "", "a seal")}, [make_question("q0")])
    assert sampled_answers(open_run(run.id)).to_numpy().tolist() == [["q0", 0, "a fox"], ["q0", 2, "a seal"]]
