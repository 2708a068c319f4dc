"""Recipe lines: what is said once where runs are alike, and each by itself where they are not."""

import json
from dataclasses import replace

import pytest
from fakes import FAKE_SPEC, FakeSampler, make_question

from homog_core import files
from homog_core.measures.clustering import Clusterer
from homog_core.measures.report_cards import ReportCard, write_report_cards
from homog_core.records import Decoding
from homog_core.runs.importers import import_file
from homog_core.runs.importers.notes import About
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


def test_a_run_that_fails_the_check_of_its_sampler_says_so_in_every_recipe(tmp_path):
    path, answer = tmp_path / "theirs.jsonl", "so it is " * 6
    path.write_text("".join(json.dumps({"question": f"{i}?", "answers": [answer] * 3}) + "\n" for i in range(3)))
    bad, good = import_file(path, About("bad")), sampled("good")
    mark = "more identical answers than its sampler explains"
    assert recipes.run_recipe(bad, JACCARD, 3).endswith(f" · {mark}")
    assert recipes.side_by_side(["a", "b"], [good, bad], JACCARD, 3).endswith(f" · b: {mark}")
    assert recipes.over_runs(["a", "b"], [good, bad], JACCARD, "x", "t").endswith(f" · t · b: {mark}")
    assert mark not in recipes.run_recipe(good, JACCARD, 3)


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
    assert recipes.clusterer_name(Clusterer("combined", 0.5, "minilm")) == "combined signs (minilm), τ = 0.5"
    assert recipes.clusterer_name(Clusterer("nli", 0.0, "judge")) == "nli (judge)"


@pytest.fixture
def own_cards():
    """Cards of the user's own, with figures that can be worked out."""
    thresholds = {"jaccard": 0.4, "embedding/minilm": 0.7, "combined/minilm": 0.5, "nli/judge": 0.0}
    rates = {"auc": 0.875, "precision": 0.8, "recall": 0.75, "false_join_rate": 0.1}
    cards = [ReportCard(key, at, **rates, n_same=30, n_different=70) for key, at in thresholds.items()]
    write_report_cards(files.cache() / "report_cards.json", cards)


CARD = (
    "**Report card** on 100 pairs of sampled answers, in English and of at most 250 words, that readers compared: AUC "
    "0.88 (0.5 is chance); {joins} 75 % of the pairs that readers call the same and 10 % of the others."
)


@pytest.mark.parametrize(
    ("clusterer", "joins", "rest"),
    [
        (JACCARD, "at τ = 0.4 it joins", ""),
        (Clusterer("jaccard", 0.9), "at τ = 0.4 it joins", ""),
        (Clusterer("combined", 0.5, "minilm"), "at τ = 0.5 it joins", ""),
        (Clusterer("embedding", 0.7, "minilm"), "at τ = 0.7 it joins", " The published threshold is 0.85."),
        (Clusterer("nli", 0.0, "judge"), "it joins", ""),
    ],
)
@pytest.mark.usefixtures("own_cards")
def test_a_report_card_in_words(clusterer, joins, rest):
    assert recipes.report_card_sentence(clusterer) == CARD.format(joins=joins) + rest


@pytest.mark.parametrize(
    ("clusterer", "rest"),
    [
        (Clusterer("embedding", 0.85, "own"), " The published threshold is 0.85."),
        (Clusterer("embedding_masked", 0.85, "own"), ""),  # nobody has published one for masked text
        (Clusterer("combined", 0.5, "own"), ""),
    ],
)
def test_a_clusterer_without_a_card(clusterer, rest):
    said = recipes.report_card_sentence(clusterer)
    assert said == f"No report card: this clusterer has not been calibrated.{rest}"


@pytest.mark.usefixtures("own_cards")
def test_a_recipe_has_the_clusterer_with_its_card():
    assert recipes.clusterer_recipe(JACCARD) == "jaccard, τ = 0.4 · components · report card AUC 0.88"
    assert "report card" not in recipes.clusterer_recipe(Clusterer("embedding", 0.85, "own"))
