"""What Alignment tax computes once, and what each figure depends on."""

import threading
from dataclasses import replace

import pytest
from fakes import FakeEncoder, FakeSampler
from page_testing import open_page, settled

from dashboard import background
from dashboard.cache import version
from dashboard.tax import computed
from homog_core.analysis.published import SLOW
from homog_core.measures.clustering import Clusterer
from homog_core.records import Decoding, Question
from homog_core.runs.sample import sample_run
from homog_core.runs.score import score_run
from homog_core.wording.labels import METRIC_TITLES

JACCARD = Clusterer("jaccard", 0.4)
ANSWERS = {"q0": ("red fox", "red fox", "blue whale"), "q1": ("red fox",), "q2": ("red fox", "blue whale", "grey seal")}
QUESTIONS = [Question(key, "test", f"What is {key}?", ("red fox",), category=f"of {key}") for key in ANSWERS]


@pytest.fixture
def run(no_shipped_runs):
    sampled = sample_run(FakeSampler(ANSWERS), QUESTIONS, Decoding(n_samples=3), "plain")
    return score_run(sampled.id, [FakeEncoder()])


def test_a_curve_over_thresholds_is_the_same_whatever_threshold_is_chosen(run):
    curve = computed.threshold_curve(version(run), JACCARD, "")
    assert computed.threshold_curve(version(run), replace(JACCARD, threshold=0.9), "") is curve
    assert computed.threshold_curve(version(run), JACCARD, "of q1") is not curve
    embedding = Clusterer("embedding", 0.4, "fake")
    assert not computed.threshold_curve(version(run), embedding, "").equals(curve)


def test_a_rate_depends_on_threshold_and_category(run):
    rate = computed.rate(version(run), JACCARD, "")
    assert computed.rate(version(run), JACCARD, "") is rate
    assert rate["value"] == pytest.approx(1 / 3)
    assert computed.rate(version(run), replace(JACCARD, threshold=0.0), "")["value"] == 1
    assert computed.rate(version(run), JACCARD, "of q1")["value"] == 1


def test_a_run_that_is_scored_again_is_computed_again(run):
    before, rate = version(run), computed.rate(version(run), JACCARD, "")
    again = score_run(run.id, [FakeEncoder()])
    assert version(again) != before
    assert computed.rate(version(again), JACCARD, "") is not rate


def test_a_slow_figure_is_computed_once_for_the_chart_and_the_table_of_published_figures(run, monkeypatch):
    asked, real = [], computed.published.counterpart

    def counterpart(scored, metric, *how):
        asked.append(metric)
        return real(scored, metric, *how)

    monkeypatch.setattr(computed.published, "counterpart", counterpart)
    computed._counterparts.clear()
    nothing_yet = background.Tasks()
    monkeypatch.setattr(background, "tasks", lambda: nothing_yet)
    for chart, n in (("one", 1), ("all", 10), ("one", 10)):
        app = settled(open_page("alignment_tax", view="published", chart=chart, figure="ece"))
        assert not app.exception
        assert len(asked) == len(set(asked)) == n


def test_a_figure_without_clusters_is_the_same_whatever_the_clusterer(run):
    def found(*how):
        return computed.counterparts(version(run), ("auroc", "single_cluster_rate"), *how)

    first, loose = found(JACCARD, ""), found(replace(JACCARD, threshold=0.0), "")
    assert loose["auroc"] is first["auroc"]
    assert loose["single_cluster_rate"] != first["single_cluster_rate"]
    assert found(JACCARD, "of q1")["auroc"] is not first["auroc"]


def test_figures_take_no_place_in_memory_for_what_nobody_has_asked_for(run, monkeypatch):
    asked = []
    monkeypatch.setattr(computed, "_counterparts", lambda run, metrics, *how: asked.append(metrics) or {})
    for metric in ("ece", "cost_saving"):  # of which clusters have a part in the second
        computed.counterparts(version(run), (metric,), JACCARD, "")
    assert asked == [("ece",), ("cost_saving",)]


def test_the_table_of_published_figures_waits_for_slow_ones_alone(run, monkeypatch):
    nothing_yet, let = background.Tasks(), threading.Event()
    monkeypatch.setattr(background, "tasks", lambda: nothing_yet)
    nothing_yet.get(("another",), lambda _: let.wait(60))
    app = open_page("alignment_tax", view="published", chart="all")
    shown = app.dataframe[0].value.drop_duplicates("figure").set_index("figure")["measured here"]
    assert {name for name, words in shown.items() if words == "…"} == {METRIC_TITLES[name] for name in SLOW}
    assert len(shown) == 10
    let.set()
    assert "…" not in set(settled(app).dataframe[0].value["measured here"])
