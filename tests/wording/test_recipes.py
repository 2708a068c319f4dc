"""Recipe lines: what is said once where runs are alike, and each by itself where they are not."""

from dataclasses import replace

import pytest
from fakes import FAKE_SPEC, FakeSampler, make_question

from homog_core.measures.clustering import Clusterer
from homog_core.records import Decoding
from homog_core.runs.sample import sample_run
from homog_core.wording import recipes

JACCARD = Clusterer("jaccard", 0.4)
pytestmark = pytest.mark.usefixtures("no_shipped_runs")


def sampled(key, style="plain", **decoding):
    sampler = FakeSampler({}, replace(FAKE_SPEC, key=key))
    return sample_run(sampler, [make_question("q0")], Decoding(**{"n_samples": 3} | decoding), style)


def test_runs_that_are_sampled_alike_share_one_recipe():
    found = recipes.side_by_side(["a", "b"], [sampled("a"), sampled("b")], JACCARD, 5, "intervals: t")
    assert found.startswith("a / b · N = 3 · temperature 1 · ")
    assert found.endswith(" · 5 questions · intervals: t")


def test_runs_that_are_not_have_one_each_and_the_clusterer_once():
    found = recipes.side_by_side(["a", "b"], [sampled("a"), sampled("b", temperature=0.5)], JACCARD, 5)
    first, second = found.split("; ")
    assert first.startswith("a · N = 3 · temperature 1 · ")
    assert second.startswith("b · N = 3 · temperature 0.5 · ")
    assert found.count("jaccard") == 1


def test_over_many_runs_every_value_of_a_setting_is_named_once():
    runs = [sampled("a"), sampled("b"), sampled("c", temperature=0.5), sampled("d", n_samples=4)]
    found = recipes.over_runs(list("abcd"), runs, JACCARD, "starter · 5 questions", "whiskers: t")
    assert found.startswith("4 runs · N = 3 and 4 · temperature 1 and 0.5 · at most ")
    assert found.endswith("starter · 5 questions · whiskers: t")
    assert recipes.over_runs(["a"], runs[:1], None, "starter", "t").startswith("a · N = 3")


def test_a_clusterer_among_others_has_its_encoder_and_its_threshold():
    assert recipes.clusterer_name(JACCARD) == "jaccard, τ = 0.4"
    assert (
        recipes.clusterer_name(Clusterer("embedding_masked", 0.37, "minilm")) == "masked embedding (minilm), τ = 0.37"
    )
    assert recipes.clusterer_name(Clusterer("nli", 0.0, "judge")) == "nli (judge)"


def test_a_report_card_has_its_own_threshold():
    said = recipes.report_card_sentence(replace(JACCARD, threshold=0.9))
    assert "**Report card** on " in said
    assert said.endswith("(Here τ is 0.9.)")
    assert recipes.report_card_sentence(Clusterer("embedding", 0.85, "own")) == (
        "No report card: this clusterer has not been calibrated. The published threshold is 0.85."
    )
