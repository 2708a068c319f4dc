"""Names, order, pairs, chains and obstacles of runs."""

import pytest
from scored_runs import THREE_QUESTIONS, sampled

from homog_core.analysis import lineage
from homog_core.analysis.lineage import chain, default_runs, names
from homog_core.records import Question

pytestmark = pytest.mark.usefixtures("no_shipped_runs")

CHAIN = ("gemma-3-270m", "gemma-3-270m-sft", "gemma-3-270m-dpo")


# Names and order


def test_runs_are_ordered_named_and_paired():
    base, dpo = sampled("fake-b"), sampled("fake-a-dpo", stage="dpo")
    warm, other = sampled("fake-a-dpo", stage="dpo", temperature=1.5), sampled("other", stage="instruct", family="Else")
    runs = sorted([other, warm, dpo, base], key=lineage.order)
    assert [run.id for run in runs] == [base.id, dpo.id, warm.id, other.id]
    assert list(names(runs).values()) == ["fake-b (base)", "fake-a-dpo", "fake-a-dpo, T = 1.5", "other (instruct)"]
    assert lineage.base_and_aligned(runs) == (base, dpo)
    assert lineage.base_and_aligned([dpo, warm]) is None
    assert lineage.temperature_siblings(warm, runs) == [dpo, warm]
    assert lineage.temperature_siblings(base, runs) == [base]
    assert lineage.temperature_groups([base, warm], runs) == {warm.id: [dpo, warm]}
    assert lineage.temperature_groups([dpo, warm], runs) == {dpo.id: [dpo, warm]}  # one group, once
    assert lineage.at_usual_temperature(runs) == [base, dpo, other]
    assert lineage.at_usual_temperature([warm]) == [warm]


def test_runs_are_named_by_what_tells_them_apart():
    a, cold, few = sampled("a"), sampled("a", temperature=0.3), sampled("a", style="few_shot")
    assert list(names([a, sampled("b")]).values()) == ["a (base)", "b (base)"]
    assert list(names([a, cold, few]).values()) == ["a (base)", "a (base), T = 0.3", "a (base), few-shot prompt"]
    assert list(names([cold], but=["temperature"]).values()) == ["a (base)"]
    other = sampled("a", seed=1)
    assert list(names([a, other]).values()) == ["a (base), seed 0", "a (base), seed 1"]


def test_runs_that_look_alike_get_different_names():
    runs = [sampled("a"), sampled("a", questions=THREE_QUESTIONS[:2])]
    assert list(names(runs).values()) == [f"a (base), {run.id[-10:]}" for run in runs]


# Chains


def test_a_chain_is_found_among_the_runs_whatever_their_order():
    runs = [sampled(key) for key in reversed(CHAIN)]
    sampled("gemma-3-270m", temperature=0.3)

    for run in runs:
        assert [r.identity.model for r in chain(run, runs)] == list(CHAIN)


def test_a_chain_has_only_runs_that_were_sampled_alike_and_prefers_the_same_prompt():
    plain, few_shot, other = sampled(CHAIN[0]), sampled(CHAIN[0], style="few_shot"), sampled(CHAIN[2], temperature=0.3)
    dpo = sampled(CHAIN[2])
    runs = [few_shot, other, plain, dpo]

    assert chain(dpo, runs) == [plain, dpo]
    assert chain(few_shot, runs) == [few_shot, dpo]  # itself; the others by their own default
    assert chain(other, runs) == [other]


def test_a_model_that_is_not_in_the_catalogue_stands_alone():
    run = sampled("somebody-elses")
    assert chain(run, [run, sampled(CHAIN[0])]) == [run]


def test_the_page_opens_with_both_ends_of_the_longest_chain():
    base, sft, dpo = (sampled(key) for key in CHAIN)
    assert default_runs([sampled("other"), sft, dpo, base]) == [base, dpo]


def test_without_a_chain_it_opens_with_two_runs_that_can_be_compared():
    first, five, second = sampled("a"), sampled("b", n_samples=5), sampled("c")
    assert default_runs([first, five, second]) == [first, second]
    assert default_runs([first, five]) == [first]
    assert default_runs([]) == []


# What cannot be compared


def test_an_obstacle_names_the_two_runs_that_do_not_go_together():
    a, five = sampled("a"), sampled("b", n_samples=5)
    elsewhere = sampled("b", questions=[Question("q0", "elsewhere", "What?")])
    assert lineage.obstacle([a]) == ("one_run", (a,))
    assert lineage.obstacle([a, sampled("c"), five]) == ("n_samples", (a, five))
    assert lineage.obstacle([a, elsewhere]) == ("dataset", (a, elsewhere))
    assert lineage.obstacle([a, sampled("b"), sampled("a", temperature=0.3)]) is None
