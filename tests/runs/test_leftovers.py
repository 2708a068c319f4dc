"""A run with a rule of its own for what is left out of its texts: it holds wherever answers are used."""

import json
from dataclasses import replace

import numpy as np
import pytest
from fakes import FAKE_SPEC, FakeEncoder, FakeSampler, make_question, make_row, write_rows

from homog_core.analysis.compare import compare
from homog_core.analysis.scored_run import ScoredRun
from homog_core.analysis.texts import run_texts
from homog_core.errors import InvalidInput
from homog_core.leftovers import USUAL, Leftovers
from homog_core.measures.clustering import Clusterer
from homog_core.records import Decoding
from homog_core.runs.importers import import_samples
from homog_core.runs.leftovers import set_leftovers
from homog_core.runs.manifest import with_checksum
from homog_core.runs.sample import sample_run
from homog_core.runs.score import score_run
from homog_core.runs.store import TABLES, open_run
from homog_core.runs.verify import verify
from homog_core.wording import comparison, recipes, run_card

pytestmark = pytest.mark.usefixtures("no_shipped_runs")
RULE = Leftovers((("<plan>", "</plan>"),), ("A:",))
JACCARD = Clusterer("jaccard", 0.4)
TEXTS = ["<plan>it has fur</plan>A: red fox", "A: red fox", "<plan>blue sea, no legs</plan>red fox"]


@pytest.fixture
def run(tmp_path):
    row = make_row("Which animal?", TEXTS, greedy_answer=TEXTS[0], references=["red fox"])
    return score_run(import_samples(write_rows(tmp_path / "a.jsonl", row), "m").id, [FakeEncoder()])


def scored_with(run, rule):
    return score_run(set_leftovers(run.id, rule).id, [FakeEncoder()])


def n_clusters(run):
    return run.table("scores")["num_semantic_sets@jaccard"].item()


def test_answers_are_clustered_graded_and_shown_by_the_rule_of_the_run(run):
    assert n_clusters(run) > 1
    own = scored_with(run, RULE)
    shown = ScoredRun(own)
    (question_id,) = shown.questions.index
    assert shown.valid_answers(question_id) == ["red fox"] * 3
    assert [response.answer for response in shown.answers(question_id).responses] == ["red fox"] * 3
    assert (n_clusters(own), list(shown.n_wordings), own.table("scores")["grade"].item()) == (1, [1], "correct")
    assert set(own.responses()["text"]) == set(TEXTS)  # as they were stored
    assert verify(own.id) == []


def test_a_run_begins_with_the_marks_that_its_model_s_entry_names():
    spec = replace(FAKE_SPEC, reasoning=(("<plan>", "</plan>"),))
    asked = make_question("Which animal?")
    said = {asked.id: [text.replace("A: ", "") for text in TEXTS]}
    sampled = sample_run(FakeSampler(said, spec), [asked], Decoding(n_samples=3), "plain")
    assert sampled.leftovers == Leftovers((("<plan>", "</plan>"),))
    own = score_run(sampled.id, [FakeEncoder()])
    assert n_clusters(own) == 1
    usual = replace(spec, key="usual", reasoning=())
    assert (
        n_clusters(
            score_run(sample_run(FakeSampler(said, usual), [asked], Decoding(n_samples=3), "plain").id, [FakeEncoder()])
        )
        > 1
    )


def test_what_another_rule_has_made_goes_with_it(run):
    before = n_clusters(run)
    changed = set_leftovers(run.id, RULE)
    assert not any(map(changed.has, (*TABLES, "embeddings-fake")))
    assert set_leftovers(run.id, RULE).leftovers == RULE  # again: nothing happens
    assert n_clusters(score_run(run.id, [FakeEncoder()])) == 1  # scoring keeps the rule
    assert n_clusters(scored_with(run, USUAL)) == before
    assert n_clusters(scored_with(run, Leftovers(are_kept=True))) == before


def test_a_manifest_that_says_nothing_has_the_usual_rule(run):
    path = run.folder / "manifest.json"
    content = json.loads(path.read_text())
    assert content.pop("checksum") and content["provenance"].pop("leftovers") is not None
    path.write_text(with_checksum(content))
    assert open_run(run.id).leftovers == USUAL
    assert verify(run.id) == []


def test_a_rule_is_named_on_the_card_in_recipes_and_in_comparisons(run, tmp_path):
    words = "beside the usual reasoning from <plan> to </plan> and the prefix A:"
    assert run_texts(run).n_removed["prefixes"] == 0
    other = import_samples(write_rows(tmp_path / "b.jsonl", make_row("Which animal?", TEXTS)), "m", "a")
    own = scored_with(run, RULE)
    card = dict(run_card.card(own))["Texts"]
    assert card.startswith(
        f"Of 4 answers, left out: reasoning from 3, prefixes from 3. What is left out here: {words}."
    )
    assert recipes.run_recipe(own, JACCARD, 1).endswith(f" · left out of texts: {words}")
    assert "left out" not in recipes.run_recipe(other, JACCARD, 1)
    differing = compare([ScoredRun(own), ScoredRun(score_run(other.id, [FakeEncoder()]))], JACCARD).differing
    assert differing["leftovers"] == [RULE, USUAL]
    assert f"left out of texts ({words} / the usual one)" in comparison.differences(differing)


def test_own_tokens_are_those_behind_what_is_left_out(tmp_path):
    tokens = ["<pl", "an>", "hm", "</plan>", "A", ":", " red", " fox"]
    row = make_row("Why?", ["".join(tokens)], tokens=[tokens], token_logprobs=[[-1.0] * 6 + [-2.0, -4.0]])
    run = import_samples(write_rows(tmp_path / "a.jsonl", row), "m")
    (response,) = ScoredRun(set_leftovers(run.id, RULE)).answers(run.questions()["id"].item()).responses
    assert response.tokens[response.own_tokens] == (" red", " fox")
    assert np.mean(response.token_logprobs[response.own_tokens]) == -3


def test_numbers_that_a_rule_cannot_tell_apart_are_refused(tmp_path):
    row = make_row("Why?", ["A: fox"], token_logprobs=[[-1.0, -2.0]])
    run = import_samples(write_rows(tmp_path / "a.jsonl", row), "m")
    with pytest.raises(InvalidInput, match="import the answers without these numbers"):
        set_leftovers(run.id, RULE)
    assert open_run(run.id).leftovers == USUAL
