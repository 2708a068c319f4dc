"""Our figures beside the published ones."""

import math

import pytest
from fakes import FAKE_SPEC, FakeEncoder, FakeSampler

from homog_core.analysis import lineage, published
from homog_core.analysis.scored_run import ScoredRun
from homog_core.measures.clustering import Clusterer
from homog_core.records import Decoding, ModelSpec, Question
from homog_core.runs.sample import sample_run
from homog_core.runs.score import score_run

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


MANY = {
    **{f"r{i}": ("red fox", "red fox", "red fox", "blue whale")[: 2 + i % 3] for i in range(8)},
    **{f"w{i}": ("grey seal", "blue whale", "green frog", "red fox")[: 1 + i % 4] for i in range(12)},
}


@pytest.fixture
def many():
    questions = [Question(key, "test", f"What {'big ' * (i % 5)}{key}?", ("red fox",)) for i, key in enumerate(MANY)]
    return ScoredRun(run_of(answers=MANY, questions=questions))


def test_every_published_figure_has_a_counterpart(many):
    for metric in published.published_metrics():
        found = published.counterpart(many, metric, EXACT, "")
        constant = metric in ("cost_saving", "signal_correlation")  # a fake model's entropies are all the same
        assert constant or not math.isnan(found.value), metric
        assert found.n > 0


def test_published_rows_are_those_of_the_data_set_where_there_are_any():
    assert {p.dataset for p in published.published_rows("auroc", "GSM8K")} == {"GSM8K"}
    assert {p.dataset for p in published.published_rows("auroc", "Starter set (ours)")} == {
        "GSM8K",
        "TruthfulQA",
    }
    stages = [p.stage for p in published.published_rows("single_cluster_rate")]
    assert stages == sorted(stages, key=lineage.STAGES.index)
