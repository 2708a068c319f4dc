"""A run in words: the list, the card, what is missing; also of one that is damaged, imported or not scored."""

from dataclasses import replace

import pytest
from fakes import FAKE_SPEC, FakeEncoder, FakeSampler, edit_manifest, make_question, without_sentences

from dashboard.runs import card_html
from homog_core import files
from homog_core.catalogue.models import MODELS
from homog_core.records import Decoding, Question
from homog_core.runs import importers, store
from homog_core.runs.importers import jsonl
from homog_core.runs.importers.notes import About
from homog_core.runs.sample import sample_run
from homog_core.runs.score import score_run
from homog_core.wording import run_card

pytestmark = pytest.mark.usefixtures("no_shipped_runs")


def fake_run(key="fake", score=False, spec=FAKE_SPEC, questions=None, **decoding):
    questions = questions or [make_question("one"), make_question("two")]
    sampler = FakeSampler({}, replace(spec, key=key))
    run = sample_run(sampler, questions, Decoding(**{"n_samples": 3} | decoding), "plain")
    return score_run(run.id, [FakeEncoder()]) if score else run


def edit_provenance(run, **changes):
    edit_manifest(run.folder, lambda content: content["provenance"].update(changes))
    return store.open_run(run.id)


def facts(run):
    return {fact.label: fact.text for fact in run_card.card(run)}


# The list


def test_a_row_a_run_in_the_order_of_their_names_and_the_damaged_last():
    old = edit_provenance(fake_run("old"), created="2025-01-01T00:00:00+00:00", n_tokens=100, wall_seconds=4.0)
    new = edit_provenance(fake_run("new", score=True), created="2025-02-01T00:00:00+00:00")
    broken = fake_run("broken")
    (broken.folder / "manifest.json").write_text("{")
    rows = run_card.run_rows()
    assert [(row["run"], row["status"]) for row in rows] == [
        (new.id, "complete"),
        (old.id, "complete"),
        (broken.id, run_card.DAMAGED),
    ]
    assert (
        rows[1] | {"model": "old", "n_questions": 2, "n_samples": 3, "tokens_per_second": 25, "scored": "no"} == rows[1]
    )
    assert rows[0]["scored"] == "yes"
    assert set(rows[0]) == set(rows[2])


def test_a_manifest_that_says_little_still_has_a_row_and_a_card():
    run = fake_run()
    edit_manifest(run.folder, lambda content: content.update(provenance={"created": "yesterday", "status": "complete"}))
    (row,) = run_card.run_rows()
    assert (row["n_tokens"], row["device"]) == (0, "")
    assert facts(store.open_run(run.id))["When and where"] == "Begun yesterday."


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("", {"a-model", "b-model"}),
        ("A-MODEL", {"a-model"}),
        ("model complete", {"a-model", "b-model"}),
        ("zzz", set()),
    ],
)
def test_a_filter_takes_rows_in_which_every_word_occurs(words, found):
    fake_run("a-model"), fake_run("b-model")
    assert {row["model"] for row in run_card.matching(run_card.run_rows(), words)} == found


# The card


def test_the_card_of_a_sampled_run():
    run = edit_provenance(
        fake_run(temperature=0.7, max_new_tokens=16, seed=5, top_p=0.9),
        created="2025-03-04T05:06:07+00:00",
        device="Abacus",
        n_tokens=7200,
        wall_seconds=3720.0,
        git_commit="0123456789abcdef",
        packages={"torch": "9.9"},
        n_parameters=268_000_000,
    )
    said = facts(run)
    assert said["What"].startswith("fake was asked 2 questions of test, 3 times each at temperature 0.7")
    assert said["How"] == "Top-p 0.9, at most 16 tokens an answer, seed 5, prompt plain: Q: … / A:, nothing before it."
    assert said["Model"].startswith("Fake, stage: base, 268 million parameters, computed in float32")
    assert said["When and where"] == (
        "Begun on 4 March 2025 at 05:06 UTC. Device: Abacus. 4 questions at a time. 7,200 tokens in 1 h 2 min, 2 "
        "tokens a second."
    )
    assert said["Software"] == "torch 9.9; this project at commit 0123456789ab."
    assert said["Identity"].startswith(run.id)


def test_the_lineage_of_a_model_of_ours_names_its_chain_and_its_card():
    run = fake_run(spec=MODELS["gemma-3-270m-dpo"], key="gemma-3-270m-dpo")
    assert facts(run)["Lineage"] == ("gemma-3-270m (base) → gemma-3-270m-sft (SFT) → gemma-3-270m-dpo (DPO, this run).")


def test_the_card_of_an_import_says_what_its_importer_said(tmp_path):
    path = tmp_path / "theirs.jsonl"
    path.write_text(jsonl.EXAMPLE_JSONL)

    def card(model, **said):
        return facts(importers.import_file(path, About(model, **said)))

    alone = card("alone")
    assert alone["Model"].endswith("Nothing else is known of it.") and "Lineage" not in alone
    assert card("sft", parent="base", stage="sft")["Lineage"] == "Trained from base."
    dpo = card("dpo", parent="sft", stage="dpo", family="F", n_parameters=7_000_000_000)
    assert dpo["Model"].endswith("They say: F, stage: DPO, 7,000 million parameters.")
    assert dpo["Lineage"] == "base → sft (SFT) → dpo (DPO, this run)."


def test_the_model_card_is_that_of_our_adapter(shipped, monkeypatch):
    monkeypatch.setattr(files, "SHIPPED", shipped)
    run = fake_run(spec=MODELS["gemma-3-270m-dpo"], key="gemma-3-270m-dpo")
    assert run_card.model_card(run).startswith("# gemma-3-270m-dpo")
    assert run_card.model_card(fake_run(spec=MODELS["gemma-3-270m"], key="gemma-3-270m")) == ""


def test_an_import_may_call_itself_anything_and_gets_no_model_card(shipped, monkeypatch):
    monkeypatch.setattr(files, "SHIPPED", shipped)
    run = importers.import_upload("mine.jsonl", jsonl.EXAMPLE_JSONL.encode(), About("gemma-3-270m-dpo", "starter"))
    assert run_card.model_card(run) == ""
    said = facts(run)
    assert "Lineage" not in said
    assert said["When and where"].endswith("from the file mine.jsonl; sampled elsewhere.")
    assert "Nothing else is known of it" in said["Model"]
    assert said["What"] == "2 questions of Starter set (ours), 3 answers to each, by gemma-3-270m-dpo."


def test_the_card_as_html_is_escaped():
    run = importers.import_upload("a<b>.jsonl", jsonl.EXAMPLE_JSONL.encode(), About("<script>x</script>"))
    found = card_html(run_card.card(run))
    assert "<script" not in found
    assert "&lt;script&gt;" in found
    assert "a&lt;b&gt;.jsonl" in found


# What is missing


def test_an_unscored_run_says_how_to_score_it():
    run = fake_run()
    (found,) = run_card.missing(run)
    assert "has not been scored" in found.what
    assert found.command == f"python -m homog_core score {run.id}"


def test_a_scored_run_lacks_nli_alone():
    run = fake_run(score=True)
    (found,) = run_card.missing(run)
    assert "NLI" in found.what
    assert found.command.startswith(f"python -m homog_core score {run.id} --nli nli-deberta")


def test_a_run_of_an_older_version_says_so():
    run = fake_run(score=True)
    (run.folder / "similarities.parquet").unlink()
    assert run_card.run_rows()[0]["scored"] == "by an older version"
    assert "older version" in run_card.missing(run)[0].what


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("sampling", "is being sampled, or was killed"),
        ("interrupted", "is interrupted; the same sample command goes on"),
        ("importing", "Import the same file under the same names again"),
    ],
)
def test_an_unfinished_run_says_how_to_go_on(status, words):
    run = edit_provenance(fake_run(), status=status)
    assert words in run_card.missing(run)[0].what


def test_a_run_without_its_sentences_says_where_they_come_from(monkeypatch):
    run = fake_run(questions=[Question("t-1", "triviaqa", "Who?")])
    without_sentences(run.folder)
    monkeypatch.setattr(files, "dataset_folders", list)
    assert "they belong to TriviaQA" in run_card.missing(run)[0].what


def test_verdicts():
    assert run_card.verdict("x", []).startswith("Nothing is wrong with x")
    assert run_card.verdict("x", ["a"]) == "1 thing to look at in x:"
    assert run_card.verdict("x", ["a", "b"]) == "2 things to look at in x:"
