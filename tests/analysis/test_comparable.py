"""What runs share, and whether they may be compared."""

import pytest
from fakes import FakeSampler
from scored_runs import sampled

from homog_core.analysis import comparable
from homog_core.analysis.lineage import chain, default_runs
from homog_core.records import Question

pytestmark = pytest.mark.usefixtures("no_shipped_runs")


def test_without_a_chain_it_opens_with_two_runs_that_can_be_compared():
    first, five, second = sampled("a"), sampled("b", n_samples=5), sampled("c")
    assert default_runs([first, five, second]) == [first, second]
    assert default_runs([first, five]) == [first]
    assert default_runs([]) == []


def test_an_obstacle_names_the_two_runs_that_do_not_go_together():
    a, five = sampled("a"), sampled("b", n_samples=5)
    elsewhere = sampled("b", questions=[Question("q0", "elsewhere", "What?")])
    assert comparable.obstacle([a]) == ("one_run", (a,))
    assert comparable.obstacle([a, sampled("c"), five]) == ("n_samples", (a, five))
    assert comparable.obstacle([a, elsewhere]) == ("dataset", (a, elsewhere))
    assert comparable.obstacle([a, sampled("b"), sampled("a", temperature=0.3)]) is None


def test_a_run_in_int8_stands_in_no_chain_with_others(monkeypatch):
    base, aligned = sampled("gemma-3-270m"), sampled("gemma-3-270m-dpo")
    assert chain(base, [base, aligned]) == [base, aligned]
    monkeypatch.setattr(FakeSampler, "dtype", "int8")
    in_int8 = sampled("gemma-3-270m-dpo")
    assert in_int8.id != aligned.id
    assert chain(base, [base, in_int8]) == [base]
    assert chain(in_int8, [base, aligned, in_int8]) == [in_int8]
    assert comparable.differing_fields([aligned, in_int8]) == {"dtype": ["float32", "int8"]}
    monkeypatch.setattr(FakeSampler, "dtype", "bfloat16")
    assert chain(base, [base, half := sampled("gemma-3-270m-dpo")]) == [base, half]
