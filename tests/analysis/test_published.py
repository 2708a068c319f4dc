"""Our figures beside the published ones."""

import math

import pytest
from scored_runs import EXACT, many_run

from homog_core.analysis import lineage, published

pytestmark = pytest.mark.usefixtures("no_shipped_runs")


@pytest.fixture
def many():
    return many_run()


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
