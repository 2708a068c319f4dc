"""What changed between runs, and the questions that they share."""

import math

import numpy as np
import pandas as pd
import pytest
from scored_runs import DPO, EXACT, THREE_QUESTIONS, sampled, scored

from homog_core.analysis.changes import agreed_of, changes, levels, transitions
from homog_core.analysis.compare import common_clusterers, common_questions
from homog_core.analysis.scored_run import ScoredRun
from homog_core.measures.clustering import Clusterer

pytestmark = pytest.mark.usefixtures("no_shipped_runs")


def test_questions_and_clusterers_that_all_have():
    one, two = scored("a"), scored("b", questions=THREE_QUESTIONS[1:])
    raw = ScoredRun(sampled("c"))
    assert common_questions([one, two]) == ["q1", "q2"]
    assert {c.key for c in common_clusterers([one, two])} == {"jaccard", "embedding/fake", "embedding_masked/fake"}
    assert [c.key for c in common_clusterers([one, raw])] == ["jaccard"]


def test_changes_are_ordered_by_size_whatever_their_direction():
    found = changes([scored("base"), scored("dpo", DPO)], EXACT)
    assert found.clusters.to_numpy().tolist() == [[3, 1], [2, 3], [1, 1]]
    assert list(found.clusters.index) == ["q0", "q1", "q2"]
    assert found.change.tolist() == [-2, 1, 0]
    assert (found.n_fewer, found.n_more, found.n_in_all) == (1, 1, 3)
    assert [mean.value for mean in found.means] == [2, pytest.approx(5 / 3)]
    assert [rate.value for rate in found.rates] == [pytest.approx(1 / 3), pytest.approx(2 / 3)]
    assert found.entropies.loc["q0"].tolist() == pytest.approx([math.log(3), 0])


def test_what_all_clusterers_agree_on_does_not_depend_on_the_one_that_is_looked_at():
    runs = [scored("base"), scored("dpo", DPO)]
    for clusterer in (EXACT, Clusterer("jaccard", 0.0), Clusterer("jaccard", 0.9)):
        found, given = changes(runs, clusterer), changes(runs, clusterer, agreed_of(runs))
        pd.testing.assert_frame_equal(found.clusters, given.clusters)
        pd.testing.assert_series_equal(found.agreed, given.agreed)
        assert given.agreed.sort_index().tolist() == agreed_of(runs).sort_index().tolist()


def test_equal_changes_are_ordered_by_entropy_then_id_and_undefined_ones_come_last():
    answers = {"q0": ("",), "q1": ("a fox", "a seal", "a seal"), "q2": ("a fox", "a seal", "a whale")}
    after = {"q0": ("a fox",), "q1": ("a fox", "a fox", "a fox"), "q2": ("a fox", "a seal", "a seal")}
    found = changes([scored("base", answers), scored("dpo", after)], EXACT)
    # 2 → 1: entropy 0.64; 3 → 2: 0.46
    assert list(found.clusters.index) == ["q1", "q2", "q0"]
    assert math.isnan(found.change["q0"])
    assert found.n_in_all == 2


def test_transitions_and_levels_count_questions():
    clusters = pd.DataFrame({"a": [3, 3, 2, np.nan], "b": [1, 1, 2, 1], "c": [1, 2, np.nan, 1]})
    rows = [tuple(row) for row in transitions(clusters).itertuples(index=False)]
    assert rows == [(0, 2, 2, 1), (0, 3, 1, 2), (1, 1, 1, 2), (1, 1, 2, 1)]
    counted = [tuple(row) for row in levels(clusters).itertuples(index=False)]
    assert counted == [(0, 2, 1), (0, 3, 2), (1, 1, 3), (1, 2, 1), (2, 1, 2), (2, 2, 1)]
