"""What a control shows beside the aligned model, on the shipped runs and by hand."""

import math
from dataclasses import replace

import pytest

from homog_core.analysis import story
from homog_core.analysis.control import control_of, find_control
from homog_core.analysis.scored_run import ScoredRun
from homog_core.runs import store
from homog_core.wording import story as say


@pytest.fixture(scope="module")
def told():
    pair = story.find_pair(store.list_runs())
    return story.story_of(ScoredRun(pair.base), ScoredRun(pair.aligned))


def test_the_control_of_the_shipped_chain_is_the_one_that_its_recipe_names(told):
    found = find_control(store.list_runs(), told.aligned.run)
    assert found.identity.model == "gemma-3-270m-sft-continued"
    assert find_control([told.base.run, told.aligned.run], told.aligned.run) is None


def test_the_share_of_the_drop_that_comes_without_preferences(told):
    control = ScoredRun(find_control(store.list_runs(), told.aligned.run))
    found = control_of(control, told.clusterer, told.typical)
    counts = control.cluster_frame(told.clusterer)["num_semantic_sets"]
    assert found.clusters.value == pytest.approx(counts.mean())
    base, aligned = told.typical.base_clusters.value, told.typical.aligned_clusters.value
    assert found.share_without == pytest.approx((base - counts.mean()) / (base - aligned))
    assert "most of the drop comes without any preference" in say.control(found)
    assert "part of the drop comes without any preference" in say.control(replace(found, share_without=0.4))
    assert say.control(None) == ""


def test_without_a_drop_there_is_no_share_of_it(told):
    same = replace(told.typical, base_clusters=told.typical.aligned_clusters)
    assert math.isnan(control_of(told.aligned, told.clusterer, same).share_without)
