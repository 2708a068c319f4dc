"""What a control shows beside the aligned model, on the shipped runs and by hand."""

import math
from dataclasses import replace

import pytest

from homog_core.analysis import story
from homog_core.analysis.control import Control, control_of, find_controls
from homog_core.analysis.scored_run import ScoredRun
from homog_core.catalogue.recipes import without_seed
from homog_core.records import Estimate
from homog_core.runs import store
from homog_core.wording import story as say


@pytest.fixture(scope="module")
def pairs():
    return find_controls(store.list_runs(), story.find_pair(store.list_runs()).aligned)


def test_the_control_is_the_one_that_the_recipe_names_with_all_its_seeds(pairs):
    seeds = [[without_seed(run.identity.model) for run in pair] for pair in pairs]
    assert seeds == [[("gemma-3-270m-sft-continued", i), ("gemma-3-270m-dpo", i)] for i in range(3)]
    pair = story.find_pair(store.list_runs())
    assert find_controls([pair.base, pair.aligned], pair.aligned) == []


def test_rates_and_the_share_of_the_drop_are_those_of_the_runs(pairs):
    scored = [tuple(map(ScoredRun, pair)) for pair in pairs[:2]]
    clusterer = scored[0][0].clusterer
    counts = [[run.cluster_frame(clusterer)["num_semantic_sets"] for run in pair] for pair in scored]
    found = control_of(scored, 8.0, clusterer)
    assert found.rates == pytest.approx([(own == 1).mean() for own, _ in counts])
    assert found.aligned_rates == pytest.approx([(own == 1).mean() for _, own in counts])
    control, aligned = (sum(pair[i].mean() for pair in counts) / 2 for i in range(2))
    assert found.share_without == pytest.approx((8 - control) / (8 - aligned))
    assert found.difference.n == 2


FOUND = Control((0.19, 0.36), (0.36, 0.4), Estimate(0.1, -0.06, 0.28, 2, "t"), 0.9)


def test_what_is_said_follows_the_interval_between_seeds():
    said = say.control(FOUND)
    assert "In 2 trainings it gives one single answer to 19 % and 36 % of the questions" in said
    assert said.endswith("So most of the drop comes without any preference. Whether preferences add to it is open.")
    assert "Preferences add to it." in say.control(replace(FOUND, difference=Estimate(0.1, 0.02, 0.18, 2, "t")))
    assert "part of the drop" in say.control(replace(FOUND, share_without=0.4))
    alone = replace(FOUND, rates=(0.19,), aligned_rates=(0.3,), difference=Estimate(0.1, math.nan, math.nan, 1, "t"))
    assert say.control(alone).endswith("is open, since there is one training alone.")
    assert say.control(None) == ""
