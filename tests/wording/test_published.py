"""What others have published, in words."""

import math

import pytest

from homog_core.catalogue.published import PUBLISHED
from homog_core.wording import published

NAN = math.nan


def test_published_figures_keep_their_digits_and_ours_their_undefined():
    title = published.beside_published("single_cluster_rate", [0.1, NAN], [0.285, 0.005])
    assert title == "Share of questions with a single answer: measured here 10 %, published 0.5 % to 28.5 %"
    assert "measured here undefined" in published.beside_published("auroc", [NAN], [0.5])


def test_the_tax_is_not_called_universal_and_the_models_are_called_small():
    note = published.severity_note({"a": 135_000_000, "b": 268_000_000})
    assert "varies by family" in note
    assert "Measured here: 2 models of 135 million to 268 million parameters, which is very small." in note
    assert "Measured here: 1 model of 268 million parameters" in published.severity_note({"b": 268_000_000})
    assert "very small" not in published.severity_note({"b": None})
    assert published.severity_note({"b": 8_000_000_000}).endswith("1 model of 8,000 million parameters.")


def test_one_sentence_tells_what_is_published_and_of_whom():
    said = published.published_rates(PUBLISHED)
    assert "0.5 % to 28.5 % of questions with a single answer for the 5 aligned models that they name, 4 of" in said
    assert "Where they name no model it is 33.5 % to 92 %" in said
    assert said in published.severity_note({"b": None})
    assert published.published_rates(()) == ""


def figure(**circumstances):
    """The first published figure under these circumstances."""
    return next(p for p in PUBLISHED if all(getattr(p, name) == value for name, value in circumstances.items()))


@pytest.mark.parametrize(
    ("circumstances", "title"),
    [
        ({"model": "Qwen3-14B-Base"}, "Qwen3-14B-Base"),
        ({"model": "Qwen3-14B"}, "Qwen3-14B (instruct)"),
        ({"model": "Zephyr-7B"}, "Zephyr-7B (DPO)"),
        ({"model": "Mistral-7B (Zephyr chain)"}, "Mistral-7B (Zephyr chain, base)"),
        ({"model": None, "value": 0.40}, "published: instruct model, Jaccard clusters"),
    ],
)
def test_a_published_figure_is_called_by_its_model_or_its_condition(circumstances, title):
    assert published.published_title(figure(**circumstances)) == title


def test_the_details_of_a_published_figure_are_all_that_is_known():
    assert published.published_details(figure(model="Qwen3-14B")).splitlines() == [
        "Qwen3-14B (instruct): 28.5 %",
        "published: base-vs-instruct ablation",
        "TruthfulQA, 200 questions",
        "arXiv:2603.24124",
    ]
    assert "data set not said" in published.published_details(figure(metric="ece"))


def test_published_errors_have_their_conditions():
    said = published.published_errors([p for p in PUBLISHED if p.metric == "ece"])
    assert "ECE 0.182 before Platt scaling, 0.021 after Platt scaling (project repository" in said
