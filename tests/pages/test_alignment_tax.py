"""The page Alignment tax under AppTest, on the shipped runs and on small ones of its own."""

import json
from dataclasses import replace

import pytest
from fakes import FAKE_SPEC, SHIPPED_RUNS, FakeEncoder, FakeSampler
from page_testing import open_page, words

from homog_core.catalogue import published
from homog_core.records import Decoding, ModelSpec, Question
from homog_core.runs import store
from homog_core.runs.sample import sample_run
from homog_core.runs.score import score_run
from homog_core.wording import run_names

CHAIN = (
    "gemma-3-270m--facts--c168bbdbbe",
    "gemma-3-270m-sft--facts--f56e44327e",
    "gemma-3-270m-dpo--facts--2493e7c049",
)


def tax(**params):
    app = open_page("alignment_tax", **params)
    assert not app.exception, app.exception[0].message
    return app


def titles(app):
    return [text.value.replace("\\", "").removeprefix("##### ") for text in app.markdown if text.value[:5] == "#####"]


def test_the_page_opens_with_the_finding_and_says_that_it_is_no_law():
    app = tax()
    assert app.title[0].value == "Alignment tax"
    assert titles(app)[0].startswith("After DPO ")
    assert "varies by family" in words(app)
    assert "very small" in words(app)
    assert "Report card" in words(app)


@pytest.mark.parametrize(
    ("view", "found"),
    [
        ("answers", "depending on the clusterer"),
        ("scores", "AUROC of token entropy"),
        ("won", "Here a question costs"),
        ("published", f"{len(published.PUBLISHED)} published figures"),
    ],
)
def test_every_section_opens(view, found):
    app = tax(view=view, runs=",".join(CHAIN[1:3]))  # the base has too few right answers for a cascade
    assert found in words(app)
    assert not app.warning
    assert not app.error


def test_the_threshold_moves_what_is_said_at_once():
    loose, strict = (titles(tax(runs=CHAIN[0], tau=tau))[0] for tau in ("0.02", "0.99"))
    assert loose != strict
    assert sum("τ = 0.99" in title for title in titles(tax(runs=CHAIN[0], tau="0.99"))) == 1


def test_the_budget_and_the_operating_point_are_in_the_url():
    assert any("with 3 samples instead of 10" in title for title in titles(tax(budget="3")))
    everything = words(tax(view="won", band="100", runs=CHAIN[-1]))
    assert "0 % less" in everything


def test_a_category_filters_every_section():
    for view in ("answers", "scores", "won"):
        app = tax(view=view, category="yes or no", runs=CHAIN[-1])
        assert "yes or no" in words(app)
        assert "73 questions" in words(app) or view != "answers"


def test_within_categories_by_default_and_not_under_a_filter():
    within = "The same within each category"
    assert within in words(tax())
    assert within not in words(tax(category="yes or no"))


def test_a_clusterer_that_follows_no_threshold_says_so():
    assert "depends on the order" in words(tax(clusterer="jaccard", rule="first_member"))


def test_without_a_run_it_asks_for_one():
    assert "Choose at least one run" in words(tax(runs=","))


QUESTIONS = [Question(f"q{n}", "test", f"What is q{n}?", ("red fox",), category="only") for n in range(4)]


def own_run(answers=("red fox",), score=True, questions=QUESTIONS):
    sampler = FakeSampler(dict.fromkeys([q.id for q in questions], answers), ModelSpec("own", FAKE_SPEC.source))
    run = sample_run(sampler, questions, Decoding(n_samples=2), "plain")
    return score_run(run.id, [FakeEncoder()]) if score else run


@pytest.mark.usefixtures("no_shipped_runs")
class TestWithoutShippedRuns:
    def test_no_runs(self):
        assert "no scored runs yet" in words(tax())

    def test_a_run_that_is_not_scored_is_named_with_the_command(self):
        raw = own_run(score=False)
        assert "no scored runs yet" in words(tax())
        own_run(("blue whale",), questions=QUESTIONS[:3])
        assert f"score {raw.id}" in words(tax())

    def test_a_run_that_is_being_written(self):
        run = own_run()
        manifest = run.folder / "manifest.json"
        body = json.loads(manifest.read_text())
        body["provenance"]["status"] = "sampling"
        manifest.write_text(json.dumps(body))
        (run.folder / "responses-half.parquet.partial").write_bytes(b"half")
        assert "own: 100 % of the questions get a single answer" in titles(tax())

    @pytest.mark.parametrize("view", ["answers", "scores", "won", "published"])
    @pytest.mark.parametrize("answers", [("red fox",), ("",), ("grey seal", "blue whale")])
    def test_few_questions_all_alike_empty_or_different(self, view, answers):
        run = own_run(answers)
        app = tax(view=view, runs=run.id)
        assert not app.error

    def test_every_category_has_its_own_rate(self):
        questions = [replace(question, category="ab"[i % 2]) for i, question in enumerate(QUESTIONS)]
        answers = {q.id: ("red fox",) if q.category == "a" else ("grey seal", "blue whale") for q in questions}
        sampler = FakeSampler(answers, ModelSpec("own", FAKE_SPEC.source))
        score_run(sample_run(sampler, questions, Decoding(n_samples=2), "plain").id, [FakeEncoder()])
        assert "own: from 0 % (b) to 100 % (a) of the questions get a single answer" in titles(tax())

    def test_one_question_is_no_aggregate(self):
        own_run(questions=QUESTIONS[:1])
        assert "no scored runs yet" in words(tax())


def test_the_table_has_every_published_figure():
    app = tax(view="published", runs=CHAIN[0])
    table = app.dataframe[-1].value
    assert len(table) == len(published.PUBLISHED)
    assert set(table["source"]) == {p.source for p in published.PUBLISHED}


def test_labels_of_the_shipped_runs_are_unique():
    assert len(set(run_names.names([store.open_run(key) for key in SHIPPED_RUNS]).values())) == len(SHIPPED_RUNS)
