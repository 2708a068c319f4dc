"""The cascade of a run."""

from dataclasses import replace

import numpy as np
import pytest
from fakes import FAKE_SPEC, FakeEncoder, FakeSampler

from homog_core.analysis import cascade as analysis_cascade
from homog_core.analysis.scored_run import ScoredRun
from homog_core.errors import InvalidInput
from homog_core.measures.clustering import Clusterer
from homog_core.records import Decoding, ModelSpec, Question
from homog_core.runs.sample import sample_run
from homog_core.runs.score import score_run
from homog_core.statistics.cascade import Signal, cascade

pytestmark = pytest.mark.usefixtures("no_shipped_runs")
EXACT = Clusterer("embedding", 0.9, "fake")  # the fake encoder gives equal texts one vector and others nearly none

ANSWERS = {
    "same": ("red fox",),
    "two": ("red fox", "red fox", "blue whale", "red fox"),
    "all": ("red fox", "grey seal", "blue whale", "green frog"),
    "near": ("a red fox ran", "a red fox sat", "a red fox ran", "one blue whale"),
    "one": ("", "", "red fox", ""),  # one valid answer
    "three": ("grey seal", "", "grey seal", "red fox"),
}

QUESTIONS = [
    Question(key, "test", f"What is {key}?", ("red fox",), category="first" if i < 3 else "second")
    for i, key in enumerate(ANSWERS)
]


def run_of(key="model", answers=ANSWERS, stage="base", temperature=1.0, questions=QUESTIONS, family="Fake"):
    spec = ModelSpec(key, FAKE_SPEC.source, family=family, stage=stage)
    decoding = Decoding(n_samples=4, temperature=temperature)
    return score_run(sample_run(FakeSampler(answers, spec), questions, decoding, "plain").id, [FakeEncoder()])


GRADED = {  # the greedy answer is the first one
    **{f"right{i}": ("red fox",) * 4 for i in range(3)},
    **{f"wrong{i}": ("grey seal",) * 4 for i in range(3)},
    "spread": ("grey seal", "blue whale", "green frog", "red fox"),
}

GRADED_QUESTIONS = [Question(key, "test", f"What is {key}?", ("red fox",)) for key in GRADED]


@pytest.fixture
def graded():
    return ScoredRun(run_of(answers=GRADED, questions=GRADED_QUESTIONS))


MANY = {
    **{f"r{i}": ("red fox", "red fox", "red fox", "blue whale")[: 2 + i % 3] for i in range(8)},
    **{f"w{i}": ("grey seal", "blue whale", "green frog", "red fox")[: 1 + i % 4] for i in range(12)},
}


@pytest.fixture
def many():
    questions = [Question(key, "test", f"What {'big ' * (i % 5)}{key}?", ("red fox",)) for i, key in enumerate(MANY)]
    return ScoredRun(run_of(answers=MANY, questions=questions))


@pytest.mark.parametrize("seed", range(3))
def test_the_interval_within_folds_is_around_the_auroc_of_the_outcome(seed):
    rng = np.random.default_rng(seed)
    incorrect = (rng.random(120) < 0.4).astype(float)
    outcome = cascade([Signal("a", rng.normal(size=120) + incorrect, np.ones(120))], incorrect, 1.0)
    found = analysis_cascade.within_folds_auroc(outcome, incorrect)
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
    with pytest.raises(InvalidInput, match="needs 5 correct"):
        analysis_cascade.cascade_study(graded, EXACT, "")
    with pytest.raises(InvalidInput, match="NLI"):
        analysis_cascade.cascade_study(many, Clusterer("nli", 0.0, "x"), "")
