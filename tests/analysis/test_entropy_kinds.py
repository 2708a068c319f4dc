"""Token entropies that are lower bounds: named so, and never set against exact ones."""

from dataclasses import replace

import numpy as np
import pytest
from fakes import ANSWERS, DECODING, QUESTIONS, FakeEncoder, FakeSampler

from homog_core.analysis.compare import MEANS, compare
from homog_core.analysis.scored_run import ScoredRun
from homog_core.analysis.summary import run_estimates
from homog_core.records import ModelSpec, Served
from homog_core.runs.sample import sample_run
from homog_core.runs.score import score_run
from homog_core.wording import recipes, run_card
from homog_core.wording.comparison import differences

pytestmark = pytest.mark.usefixtures("no_shipped_runs")


class ServedSampler(FakeSampler):
    """The scripted answers, as a server would have given them."""

    def sample(self, *arguments):
        known = Served("localhost:8000", "toy", ("v1",), "before", True, False, covered_mass=0.9, n_covered=10)
        for step in super().sample(*arguments):
            yield replace(step, finished=tuple(map(bounded, step.finished)), served=known)


def bounded(found):
    kind = {"entropy_kind": "top_k:5"}
    return replace(
        found, responses=tuple(replace(r, **kind) for r in found.responses), greedy=replace(found.greedy, **kind)
    )


def scored(sampler):
    run = sample_run(sampler, QUESTIONS, DECODING, "plain")
    return ScoredRun(score_run(run.id, [FakeEncoder()]))


@pytest.fixture
def exact():
    return scored(FakeSampler(ANSWERS))


@pytest.fixture
def bounds():
    return scored(ServedSampler(ANSWERS, ModelSpec("toy", "served:mine/toy")))


def test_runs_of_different_kinds_have_no_test_and_no_mean_of_token_entropies(exact, bounds):
    found = compare([exact, bounds], exact.clusterers()[0])
    assert {test["statistic"] for test in found.tests}.isdisjoint(MEANS[2:])
    assert "num_semantic_sets" in {test["statistic"] for test in found.tests}
    assert np.isnan(found.estimate(bounds.run.id, "mean_token_entropy").value)
    assert "kind of token entropies (exact / lower bounds from 5 tokens)" in differences(found.differing)


def test_runs_of_one_kind_are_compared(exact):
    other = scored(FakeSampler(ANSWERS, ModelSpec("other", "x/y")))
    found = compare([exact, other], exact.clusterers()[0])
    assert set(MEANS) <= {test["statistic"] for test in found.tests}
    assert "entropy_kind" not in found.differing


def test_a_lower_bound_is_named(exact, bounds):
    words = "token entropies are lower bounds, from the 5 likeliest tokens"
    assert words in recipes.run_recipe(bounds.run, None, None)
    assert words not in recipes.run_recipe(exact.run, None, None)
    assert f"in some runs {words}" in recipes.over_runs(["a", "b"], [exact.run, bounds.run], None, "all", "")
    assert run_estimates(bounds)["mean_token_entropy"].method == "t, of lower bounds"
    card = dict(run_card.card(bounds.run))
    assert "hold 90 % of the probability" in card["Server"]
    assert "It takes no order to leave out top-k" in card["Server"]
    assert "Server" not in dict(run_card.card(exact.run))


def test_what_is_known_of_two_sessions_is_weighted_by_their_tokens():
    before = Served("h", "m", ("v1",), "before", covered_mass=0.9, n_covered=30)
    after = Served("h", "m", ("v2", "v1"), "before", covered_mass=0.5, n_covered=10).after(before)
    assert (after.covered_mass, after.n_covered, after.fingerprints) == (pytest.approx(0.8), 40, ("v1", "v2"))
