"""The published figures: all of them read, with their circumstances, and none without its source."""

import math

from homog_core.catalogue import PUBLISHED
from homog_core.catalogue.published import Published

PAPER = "arXiv:2603.24124"
UNITS = {
    "single_cluster_rate": "share",
    "mean_num_clusters": "clusters",
    "mean_discrete_semantic_entropy": "nats",
    "mean_token_entropy": "nats",
    "auroc": "auroc",
    "cohens_d": "d",
    "selective_accuracy": "share",
    "cost_saving": "share",
    "signal_correlation": "abs_r_max",
    "ece": "share",
}


def test_a_figure_with_a_model_and_one_without():
    assert len(PUBLISHED) == len(set(PUBLISHED)) == 36
    assert PUBLISHED[2] == Published(
        metric="single_cluster_rate",
        value=0.285,
        unit="share",
        model="Qwen3-14B",
        family="Qwen3",
        stage="instruct",
        dataset="TruthfulQA",
        n_questions=200,
        coverage=None,
        condition="base-vs-instruct ablation",
        source=PAPER,
    )
    assert PUBLISHED[-1] == Published(
        "ece",
        0.021,
        "share",
        None,
        None,
        "instruct",
        None,
        None,
        None,
        "after Platt scaling",
        f"project repository of {PAPER}",
    )


def test_every_figure_has_its_unit_condition_and_source():
    assert {(p.metric, p.unit) for p in PUBLISHED} == set(UNITS.items())
    assert all(p.condition and p.source.endswith(PAPER) for p in PUBLISHED)
    assert {p.stage for p in PUBLISHED} == {"base", "sft", "dpo", "instruct"}


def test_shares_are_shares():
    assert all(0 <= p.value <= 1 for p in PUBLISHED if p.unit in ("share", "auroc", "abs_r_max"))
    assert all(math.isfinite(p.value) and (p.n_questions is None or p.n_questions > 0) for p in PUBLISHED)


def test_a_selective_accuracy_has_its_coverage_and_nothing_else_does():
    assert [(p.value, p.coverage) for p in PUBLISHED if p.coverage] == [(0.844, 1.0), (0.932, 0.5)]
    assert {p.metric for p in PUBLISHED if p.coverage} == {"selective_accuracy"}
