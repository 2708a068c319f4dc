"""One space for the answers of several runs."""

import math

import numpy as np
import pytest
from scored_runs import DPO, EXACT, sampled, scored

from homog_core.analysis.joint import block_distances, joint, joint_clusterer, mean_distance
from homog_core.analysis.scored_run import ScoredRun
from homog_core.measures.clustering import Clusterer
from homog_core.runs.evidence import stored_vectors

pytestmark = pytest.mark.usefixtures("no_shipped_runs")


def vectors(runs, question_id):
    return [stored_vectors(dict(tuple(s.run.embeddings("fake").groupby("question_id")))[question_id]) for s in runs]


def test_a_joint_space_keeps_each_runs_own_clusters():
    runs = [scored("base"), scored("dpo", DPO)]
    found = joint(runs, "q1", EXACT, vectors(runs, "q1"))
    assert found.position.tolist() == [0, 0, 0, 1, 1, 1]
    assert found.indices.tolist() == [0, 1, 2, 0, 1, 2]
    assert found.answers == ["a fox", "a fox", "a seal", "a fox", "a seal", "a whale"]
    assert found.labels.tolist() == [0, 0, 1, 0, 1, 2]  # the largest first, counted in each run
    assert found.similarity[0, 3] == pytest.approx(1, abs=1e-6)  # the same text in two runs
    assert found.similarity[0, 4] < 0.5
    assert found.of(1).tolist() == [3, 4, 5]
    # within a run it is what the run has stored
    assert found.similarity[:3, :3] == pytest.approx(runs[0].similarity("q1", EXACT), abs=1e-6)


def test_a_joint_space_leaves_empty_answers_out():
    runs = [scored("base", {"q0": ("", "a fox", "a seal")}), scored("dpo", {"q0": ("",)})]
    found = joint(runs, "q0", EXACT, [*vectors(runs[:1], "q0"), stored_vectors(None)])
    assert (found.position.tolist(), found.indices.tolist()) == ([0, 0], [1, 2])
    assert found.similarity.shape == (2, 2)
    empty = joint(runs[1:], "q0", EXACT, [stored_vectors(None)])
    assert (empty.answers, empty.similarity.shape) == ([], (0, 0))


def test_a_joint_space_by_words_needs_no_vectors():
    runs = [ScoredRun(sampled("base")), ScoredRun(sampled("dpo", DPO))]
    found = joint(runs, "q0", Clusterer("jaccard", 0.4))
    assert found.similarity[0].tolist() == [1, 0, 0, 1, 1, 1]


def test_vectors_that_do_not_go_with_the_answers_give_no_similarity():
    runs = [scored("base"), scored("dpo", DPO)]
    short = [{view: matrix[:1] for view, matrix in found.items()} for found in vectors(runs, "q0")]
    assert joint(runs, "q0", EXACT, short).similarity.shape == (0, 0)


def test_where_vectors_are_missing_the_nearest_clusterer_takes_over():
    runs = [scored("base"), scored("dpo", DPO)]
    masked = Clusterer("embedding_masked", 0.5, "gone")
    assert joint_clusterer(runs, EXACT) == EXACT
    assert joint_clusterer(runs, masked).key == "embedding_masked/fake"
    assert joint_clusterer(runs, Clusterer("nli", 0.0, "judge")).is_linkage
    assert joint_clusterer(runs, masked, ["gone"]) == masked  # an encoder that can read the answers now
    raw = [ScoredRun(sampled("a")), runs[0]]
    assert joint_clusterer(raw, masked) == Clusterer("jaccard", 0.4)  # as it counts for one run


def test_block_distances_by_hand():
    runs = [ScoredRun(sampled("base")), ScoredRun(sampled("dpo", DPO))]
    found = block_distances(joint(runs, "q0", Clusterer("jaccard", 0.4)))
    # fox, seal, whale against three foxes: all different within, all the same within, two of three different between
    assert found.to_numpy() == pytest.approx(np.array([[1, 2 / 3], [2 / 3, 0]]))


def test_the_distance_within_a_run_of_one_answer_is_undefined():
    runs = [ScoredRun(sampled("base", {"q0": ("", "", "a fox")})), ScoredRun(sampled("dpo", DPO))]
    assert math.isnan(block_distances(joint(runs, "q0", Clusterer("jaccard", 0.4))).iloc[0, 0])


def test_the_mean_distance_is_that_of_different_answers():
    similarity = np.array([[1, 0.5, 0], [0.5, 1, 0.25], [0, 0.25, 1]])
    assert mean_distance(similarity) == 0.75
    assert math.isnan(mean_distance(similarity[:1, :1]))
