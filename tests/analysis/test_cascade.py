"""The cascade of a run."""

from dataclasses import replace

import numpy as np
import pytest
from scored_runs import EXACT, graded_run, run_of

from homog_core.analysis import advice as analysis_advice
from homog_core.analysis import cascade as analysis_cascade
from homog_core.analysis.scored_run import ScoredRun
from homog_core.catalogue.encoders import DEFAULT_ENCODER, ENCODERS
from homog_core.errors import InvalidInput
from homog_core.measures.clustering import Clusterer
from homog_core.records import Question
from homog_core.statistics.cascade import Signal, cascade

pytestmark = pytest.mark.usefixtures("no_shipped_runs")


@pytest.fixture
def graded():
    return graded_run()


# Ten right and twelve wrong answers in two categories, enough to fit a cascade on
MANY = {
    **{f"r{i}": ("red fox", "red fox", "red fox", "blue whale")[: 2 + i % 3] for i in range(10)},
    **{f"w{i}": ("grey seal", "blue whale", "green frog", "red fox")[: 1 + i % 4] for i in range(12)},
}


@pytest.fixture
def many():
    questions = [
        Question(key, "test", f"What {'big ' * (i % 5)}{key}?", ("red fox",), category="even" if i % 2 else "odd")
        for i, key in enumerate(MANY)
    ]
    return ScoredRun(run_of(answers=MANY, questions=questions))


def test_questions_are_compared_within_their_category(many):
    found = analysis_cascade.cascade_signals(many, EXACT)
    assert found.incorrect.tolist() == [0] * 10 + [1] * 12
    assert found.group.tolist() == ["odd", "even"] * 11
    only = analysis_cascade.cascade_signals(many, EXACT, "odd")
    assert set(only.group) == {"odd"}
    assert len(only.incorrect) == 11


@pytest.mark.parametrize("seed", range(3))
def test_the_interval_within_folds_is_around_the_auroc_of_the_outcome(seed):
    rng = np.random.default_rng(seed)
    incorrect = (rng.random(120) < 0.4).astype(float)
    outcome = cascade([Signal("a", rng.normal(size=120) + incorrect, np.ones(120))], incorrect, 1.0)
    found = analysis_cascade.within_groups_auroc(outcome, incorrect)
    assert found.value == outcome.auroc
    assert (found.low + found.high) / 2 == pytest.approx(outcome.auroc)  # both the same statistic
    assert 0.05 < found.high - found.low < 0.3


def test_the_cascade_costs_nothing_at_first_and_everything_at_last(many):
    rows = analysis_cascade.cascade_rows(analysis_cascade.cascade_study(many, EXACT, ""))
    points = rows[rows["kind"] == "cascade"]
    assert (points["cost"].iloc[0], points["passed_on"].iloc[-1]) == (0, 1)
    assert points["cost"].is_monotonic_increasing
    assert points["cost"].iloc[-1] == rows.loc[rows["kind"] == "parallel", "cost"].item()
    assert list(rows.loc[rows["kind"] == "alone", "name"]) == [
        "mean_token_entropy",
        "embedding_density",
        "discrete_semantic_entropy",
    ]


def test_the_cascade_follows_clusterer_and_threshold(many):
    loose, strict = (
        analysis_cascade.cascade_study(many, replace(EXACT, threshold=tau), "").signals[-1].uncertainty
        for tau in (0.0, 0.9)
    )
    assert loose.max() < strict.max()


def test_a_cascade_that_cannot_be_fitted_says_why(many, graded):
    with pytest.raises(InvalidInput, match="needs at least 10 correct and 10 incorrect answers; 4 of 7"):
        analysis_cascade.cascade_study(graded, EXACT, "")
    with pytest.raises(InvalidInput, match="not counted here"):
        analysis_cascade.cascade_study(many, Clusterer("nli", 0.0, "x"), "")


def test_a_saving_is_computed_once_for_a_threshold_and_category(many, graded, monkeypatch):
    found = {tau: analysis_cascade.saving_estimate(many, replace(EXACT, threshold=tau)) for tau in (0.0, 0.9)}
    expected = analysis_cascade.saving(many, replace(EXACT, threshold=0.9)).saving
    assert found[0.9] == expected
    assert found[0.0] != expected
    assert np.isnan(analysis_cascade.saving_estimate(graded, EXACT).value)
    assert analysis_cascade.saving_estimate(many, replace(EXACT, threshold=0.9), "odd") != expected
    monkeypatch.setattr(analysis_cascade, "matched_saving", lambda *_, **__: pytest.fail("computed again"))
    assert analysis_cascade.saving_estimate(ScoredRun(many.run), replace(EXACT, threshold=0.9)) == expected


def test_a_kept_saving_is_that_of_the_sizes_that_models_have_now(many, monkeypatch):
    clusterer = Clusterer("embedding", 0.9, many.encoders[0])
    before = analysis_cascade.saving_estimate(many, clusterer)
    usual = ENCODERS[DEFAULT_ENCODER]
    large = replace(usual, key=clusterer.encoder, n_parameters=100 * usual.n_parameters)  # as a models.toml may say
    monkeypatch.setattr(analysis_cascade, "ENCODERS", {DEFAULT_ENCODER: usual, large.key: large})
    after = analysis_cascade.saving_estimate(many, clusterer)
    assert after == analysis_cascade.saving(many, clusterer).saving != before


def test_advice_is_computed_once_and_reads_back_as_it_was(many, graded, monkeypatch):
    found = analysis_advice.advice(many)
    whole = analysis_cascade.saving(many, many.clusterer)
    assert (found.saving, found.verdict) == (whole.saving, whole.verdict)
    assert found.cascade.tokens == whole.cascade.mean_cost
    assert (found.n_wrong, found.n_right) == (12, 10)
    assert isinstance(analysis_advice.advice(graded), InvalidInput)
    monkeypatch.setattr(analysis_advice, "matched_saving", lambda *_, **__: pytest.fail("computed again"))
    assert repr(analysis_advice.advice(ScoredRun(many.run))) == repr(found)  # NaN is not equal to itself
