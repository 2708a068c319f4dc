"""Statistics over training seeds."""

import math

import pytest
from scored_runs import EXACT, scored

from homog_core.analysis import seeds
from homog_core.catalogue.recipes import adapter_name, without_seed

pytestmark = pytest.mark.usefixtures("no_shipped_runs")

ONE, TWO, THREE = ("a fox",), ("a fox", "a fox", "a seal"), ("a fox", "a seal", "a whale")


def chain(stage, seed, *answers):
    """A scored run of one stage and seed over three questions."""
    return scored(adapter_name("m", stage, seed), dict(zip(("q0", "q1", "q2"), answers, strict=True)))


@pytest.fixture
def runs():
    return [
        chain("dpo", 0, ONE, ONE, TWO),  # 4/3 clusters on average
        chain("dpo", 1, ONE, TWO, TWO),  # 5/3
        chain("sft", 0, TWO, TWO, THREE),  # 7/3
        chain("sft", 1, THREE, THREE, THREE),  # 3
        chain("typical", 0, ONE, ONE, ONE),  # one seed: no replicate
    ]


def test_every_seed_of_a_replicated_stage_has_a_row_in_the_order_of_the_recipes(runs):
    found = seeds.seed_statistics(runs, EXACT)
    assert list(found.index) == [("m-sft", 0), ("m-sft", 1), ("m-dpo", 0), ("m-dpo", 1)]
    assert found["num_semantic_sets"].to_list() == pytest.approx([7 / 3, 3, 4 / 3, 5 / 3])
    assert found["single_cluster_rate"].to_list() == pytest.approx([0, 0, 2 / 3, 1 / 3])


def test_the_interval_is_between_seeds_not_between_questions(runs):
    found = seeds.over_seeds(seeds.seed_statistics(runs, EXACT), "m-dpo", "num_semantic_sets")
    assert (found.value, found.n) == (pytest.approx(1.5), 2)
    # t(0.975, 1) = 12.706; sd of 4/3 and 5/3 is 0.2357, over sqrt(2)
    assert found.high - found.value == pytest.approx(12.706 * 0.2357 / math.sqrt(2), rel=1e-3)


def test_a_difference_is_taken_within_a_seed(runs):
    found = seeds.seed_statistics([*runs, chain("dpo", 2, THREE, THREE, THREE)], EXACT)  # no SFT of that seed
    assert seeds.comparisons(found) == [("m-sft", "m-dpo")]
    difference = seeds.difference(found, "m-sft", "m-dpo", "num_semantic_sets")
    assert (difference.value, difference.n) == (pytest.approx((-1 - 4 / 3) / 2), 2)


def test_without_replicates_there_is_nothing_to_say(runs):
    assert seeds.seed_statistics(runs[-1:], EXACT).empty


@pytest.mark.parametrize("seed", [0, 1, 12])
def test_the_seed_of_a_name_is_read_back(seed):
    assert without_seed(adapter_name("gemma-3-270m", "sft-continued", seed)) == ("gemma-3-270m-sft-continued", seed)
