"""The page Alignment tax under AppTest, on the shipped runs and on small ones of its own."""

from dataclasses import replace

import pytest
from fakes import FAKE_SPEC, SHIPPED_RUNS, FakeEncoder, FakeSampler, edit_manifest, make_row, write_rows
from page_testing import open_page, settled, words

from dashboard.tax import computed
from homog_core.analysis import rates
from homog_core.catalogue import published
from homog_core.records import Decoding, ModelSpec, Question
from homog_core.runs import store
from homog_core.runs.importers import About, import_file
from homog_core.runs.sample import sample_run
from homog_core.runs.score import score_run
from homog_core.wording import run_names

CHAIN = (
    "gemma-3-270m--facts--c168bbdbbe",
    "gemma-3-270m-sft--facts--f56e44327e",
    "gemma-3-270m-dpo--facts--2493e7c049",
)


def tax(**params):
    app = settled(open_page("alignment_tax", **params))
    assert not app.exception, app.exception[0].message
    assert not [text.value for text in (*app.markdown, *app.caption) if "\\\\" in text.value]  # escaped twice
    return app


def titles(app):
    return [text.value.replace("\\", "").removeprefix("##### ") for text in app.markdown if text.value[:5] == "#####"]


CHARTS = {  # what each says or draws on runs of the chain, in its section
    ("answers", "runs"): "After DPO ",
    ("answers", "quality"): "of the samples are correct instead of",
    ("answers", "clusterers"): "depending on the clusterer",
    ("answers", "threshold"): "is furthest above",
    ("answers", "samples"): "instead of 10",
    ("answers", "categories"): "(continents, n = 23)",
    ("answers", "bounds"): "all clusterers agree on",
    ("answers", "temperature"): "no two runs differ in their temperature alone",
    ("answers", "seeds"): "over 3 training seeds",
    ("answers", "power"): "from gemma-3-270m (base)'s rate",
    ("scores", "aurocs"): "AUROC of token entropy",
    ("scores", "differences"): "Token entropy is not shown to be better than comparing samples: AUROC",
    ("scores", "within"): "Within “yes or no” token entropy",
    ("scores", "effects"): "the largest effect",
    ("won", "coverage"): "Answering only the half",
    ("won", "calibration"): "Platt scaling",
    ("won", "correlations"): "Most alike",
    ("won", "cascade"): "Here a question costs",
    ("models", "sorted"): "From 0",
    ("models", "sizes"): "No two of the chosen runs are of one family and stage",
    ("published", "one"): "Share of questions with a single answer: measured here",
    ("published", "all"): f"{len(published.PUBLISHED)} published figures",
}


def test_the_page_opens_with_the_finding_and_says_that_it_is_no_law():
    app = tax()
    assert app.title[0].value == "Alignment tax"
    assert titles(app)[0].startswith("After DPO ")
    assert "varies by family" in words(app)
    assert "very small" in words(app)
    compared = next(box for box in app.selectbox if box.label.startswith("Treat answers"))
    assert "Report card" in compared.help


def test_the_first_chart_says_what_the_control_has_and_where_seeds_are():
    said = words(tax())
    assert (
        "gemma-3-270m-sft-continued, its control, was trained on the same answers without preferences and has" in said
    )
    assert "stands under “Training seeds”" in said
    assert "“typical”: trained towards the commonest right answer" in said
    assert "“typical”" not in words(tax(runs=",".join(CHAIN)))


def test_an_empty_chart_names_the_data_sets_that_have_what_it_needs():
    assert "Data sets that have it: Starter set (ours)" in words(tax(chart="temperature"))


def test_scores_stay_in_the_address_only_where_they_are_chosen():
    app = tax(view="won", scores="perplexity")
    assert app.query_params["scores"] == "perplexity"
    app = tax(view="answers", scores="perplexity")
    assert "scores" not in app.query_params


@pytest.mark.parametrize(("at", "found"), CHARTS.items())
def test_every_chart_opens_alone(at, found):
    view, chart = at
    runs = CHAIN[1:] if chart in ("cascade", "all") else CHAIN  # the base has too few right answers for a cascade
    app = tax(view=view, chart=chart, runs=",".join(runs))
    assert found in words(app)
    assert len(titles(app)) == {"quality": 3, "temperature": 0, "sizes": 0, "power": 4}.get(chart, 1)
    assert not app.warning
    assert not app.error


def test_a_closed_chart_computes_nothing(monkeypatch):
    asked, real = [], rates.budget_curve
    monkeypatch.setattr(rates, "budget_curve", lambda *how: asked.append(how) or real(*how))
    computed.budget_curve.clear()
    tax(chart="runs", runs=CHAIN[0])
    assert not asked
    tax(chart="samples", runs=CHAIN[0])
    assert len(asked) == 1


def test_a_link_from_before_there_were_charts_opens_the_one_that_it_is_about():
    assert any("with 3 samples instead of 10" in title for title in titles(tax(budget="3")))
    assert "0 % less" in words(tax(view="won", band="100", runs=CHAIN[-1]))
    assert "Within categories, AUROC" in titles(tax(view="scores", of=CHAIN[-1]))[0]
    assert titles(tax(view="published", figure="ece"))[0].startswith("Calibration error (ECE)")


def test_a_chart_of_another_section_gives_way_to_the_first():
    app = tax(view="scores", chart="threshold")
    assert titles(app)[0].startswith("Token entropy is not shown to be better than comparing samples")
    assert not app.warning


def test_a_section_can_be_left_with_one_of_its_charts_open():
    app = tax(chart="threshold")
    app.segmented_control[0].set_value("scores").run()
    assert not app.exception
    assert titles(app)[0].startswith("Token entropy is not shown to be better than comparing samples")
    app.segmented_control[0].set_value("answers").run()
    assert titles(app)[0].startswith("After DPO ")


def test_the_threshold_moves_what_is_said_at_once():
    loose, strict = (titles(tax(runs=CHAIN[0], tau=tau))[0] for tau in ("0.02", "0.99"))
    assert loose != strict
    assert "τ = 0.99" in titles(tax(runs=CHAIN[0], chart="threshold", tau="0.99"))[0]


def test_a_category_filters_every_section():
    for view in ("answers", "scores", "won"):
        app = tax(view=view, category="yes or no", runs=CHAIN[-1])
        assert titles(app) != titles(tax(view=view, runs=CHAIN[-1]))
    assert "73 graded answers" in words(tax(view="scores", chart="aurocs", category="yes or no", runs=CHAIN[-1]))


def test_categories_are_not_compared_under_a_filter():
    assert "one category is chosen" in words(tax(chart="categories", category="yes or no"))


def test_a_clusterer_that_follows_no_threshold_says_so():
    assert "depends on the order" in words(tax(chart="threshold", clusterer="jaccard", rule="first_member"))


def test_what_the_category_alone_gives_stands_in_a_box_of_its_own():
    boxes = [box.value for box in tax(view="scores", chart="aurocs", runs=CHAIN[-1]).info]
    assert any("The category of a question alone gives an AUROC of 0.7" in box for box in boxes)
    assert not tax(view="scores", chart="aurocs", runs=CHAIN[-1], category="yes or no").info


def test_a_ranking_of_few_answers_is_not_drawn_and_says_what_is_missing():
    # gsm8k: 2 correct answers of 100. 30 take 1,500 questions, 1,400 more.
    app = tax(view="scores", chart="aurocs", dataset="gsm8k")
    said = words(app)
    assert "2 correct answers; a ranking needs 30: about 1,400 more questions like these" in said
    assert titles(app) == ["Too few graded answers to rank scores"]
    assert not app.get("plotly_chart")


def test_seeds_are_offered_only_where_there_are_several():
    def charts(**params):
        return next(one for one in tax(**params).segmented_control if one.label == "Chart").options

    assert "Training seeds" in charts()
    assert "Training seeds" in charts(dataset="truthfulqa")
    assert "Training seeds" not in charts(dataset="starter")
    assert not tax(dataset="starter", chart="seeds").warning


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
        edit_manifest(run.folder, lambda content: content["provenance"].update(status="sampling"))
        (run.folder / "responses-half.parquet.partial").write_bytes(b"half")
        assert "own: 100 % of the questions get a single answer" in titles(tax())

    @pytest.mark.parametrize(("view", "chart"), CHARTS)
    @pytest.mark.parametrize("answers", [("red fox",), ("",), ("grey seal", "blue whale")])
    def test_few_questions_all_alike_empty_or_different(self, view, chart, answers):
        run = own_run(answers)
        app = tax(view=view, chart=chart, runs=run.id)
        assert not app.error

    def test_every_category_has_its_own_rate(self):
        questions = [replace(question, category="ab"[i % 2]) for i, question in enumerate(QUESTIONS)]
        answers = {q.id: ("red fox",) if q.category == "a" else ("grey seal", "blue whale") for q in questions}
        sampler = FakeSampler(answers, ModelSpec("own", FAKE_SPEC.source))
        score_run(sample_run(sampler, questions, Decoding(n_samples=2), "plain").id, [FakeEncoder()])
        found = "own: from 0 % (b, n = 2) to 100 % (a, n = 2) of the questions get a single answer"
        assert found in titles(tax(chart="categories"))

    def test_what_models_share_is_a_matrix_with_links_to_compare(self):
        said = {"a": ("red fox",), "b": ("red fox",), "c": ("red fox", "blue whale"), "d": ("grey seal",)}
        for key, answers in said.items():
            sampler = FakeSampler(dict.fromkeys([q.id for q in QUESTIONS], answers), ModelSpec(key, "x", family=key))
            score_run(sample_run(sampler, QUESTIONS, Decoding(n_samples=4), "plain").id, [FakeEncoder()])
        app = tax(view="models", chart="between", cells="overlap", runs="all")
        # of one model the same: 1, 1, 1/3, 1; of two 1, 1/2 twice, and 0 with the one that says something else
        assert "in 83 % [83 %, 83 %] of cases, answers of two models in 33 %" in titles(app)[0]
        assert [link.proto.label.replace("\\", "") for link in app.get("page_link") if "alike" in link.proto.label] == [
            "Most alike: a and b (overlap 100 %)",
            "Least alike: a and d (overlap 0 %)",
        ]
        (figure,) = app.get("plotly_chart")
        assert "1.0" in figure.proto.spec
        assert "Choose at least two runs" in words(tax(view="models", chart="between", runs=own_run().id))

    def test_many_runs_are_chosen_by_family_or_all_at_once(self):
        for key in "abcdefghij":
            sampler = FakeSampler({}, ModelSpec(key, "x", family="Even" if key in "bdfhj" else "Odd"))
            run = sample_run(sampler, QUESTIONS[:2], Decoding(n_samples=2), "plain")
            score_run(run.id, [FakeEncoder()])
        app = tax(view="models")
        assert len(app.dataframe[-1].value) == 10
        assert next(one for one in app.multiselect if one.label == "Runs").value == ["all"]
        own = tax(view="models", runs="family-even")
        assert own.dataframe[-1].value["family"].tolist() == ["Even"] * 5
        assert next(one for one in own.multiselect if one.label == "Runs").value == ["family-even"]
        both = tax(view="models", runs=f"family-even,{run.id},all")
        assert len(both.dataframe[-1].value) == 10

    @pytest.mark.parametrize("chart", ["aurocs", "differences"])
    def test_an_import_without_greedy_answers_says_what_is_lacking(self, chart, tmp_path):
        rows = [make_row(f"What is {n}?", answers=["a", "b"], references=["a"]) for n in range(4)]
        run = import_file(write_rows(tmp_path / "a.jsonl", *rows), About("theirs"))
        app = tax(view="scores", chart=chart, runs=score_run(run.id, [FakeEncoder()]).id)
        (warning,) = app.warning
        assert "no greedy answers, which are what is graded" in warning.value
        assert "ten correct" not in " ".join(titles(app)) or chart == "aurocs"

    def test_one_question_is_no_aggregate(self):
        own_run(questions=QUESTIONS[:1])
        assert "no scored runs yet" in words(tax())


def test_the_table_has_every_published_figure():
    app = tax(view="published", chart="all", runs=CHAIN[0])
    table = app.dataframe[-1].value
    assert len(table) == len(published.PUBLISHED)
    assert set(table["source"]) == {p.source for p in published.PUBLISHED}


def test_labels_of_the_shipped_runs_are_unique():
    assert len(set(run_names.names([store.open_run(key) for key in SHIPPED_RUNS]).values())) == len(SHIPPED_RUNS)
