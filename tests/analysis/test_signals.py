"""What each score is worth, by hand; and why it is undefined."""

import math

import numpy as np
import pandas as pd
import pytest
from scored_runs import EXACT, graded_run, run_of

from homog_core.analysis import signals
from homog_core.analysis.scored_run import ScoredRun
from homog_core.analysis.signals import Undefined
from homog_core.measures.scores import CLUSTER_SCORES

pytestmark = pytest.mark.usefixtures("no_shipped_runs")


@pytest.fixture
def run():
    return run_of()


@pytest.fixture
def graded():
    return graded_run()


def test_on_single_cluster_questions_cluster_scores_tie_in_words(graded):
    rows = signals.score_rows(graded, EXACT, "").set_index(["score", "subset"])
    for score in CLUSTER_SCORES:
        assert rows.loc[(score, "single"), "undefined"] == Undefined.ALL_TIE
        # 1 of 4 incorrect ones is above all 3 correct ones, 3 tie with them: (3 + 9/2)/12
        assert rows.loc[(score, "all"), "value"] == pytest.approx(7.5 / 12)
    assert rows.loc[("discrete_semantic_entropy", "multi"), "undefined"] == Undefined.ALL_INCORRECT
    assert rows.loc[("selfcheck_nli", "all"), "undefined"] == Undefined.NEEDS_NLI
    assert (
        rows.loc[("mean_token_entropy", "all"), "undefined"] == Undefined.ALL_TIE
    )  # a fake model's entropies are all the same
    assert rows.loc[("discrete_semantic_entropy", "all"), ["n_correct", "n_incorrect"]].tolist() == [3, 4]


def test_what_is_undefined_says_why():
    correct = np.array([1.0, 1.0, np.nan])
    assert signals.auroc_row(np.array([1, 2, 3.0]), correct)["undefined"] == Undefined.ALL_CORRECT
    assert signals.auroc_row(np.full(3, np.nan), correct)["undefined"] == Undefined.NO_VALUES
    assert signals.auroc_row(np.ones(3), np.full(3, np.nan))["undefined"] == Undefined.NO_GRADES


def test_difference_of_token_and_semantic_entropy(graded):
    rows = signals.difference_rows({"a": graded}, EXACT, "").set_index("subset")
    assert rows.loc["all", "value"] == pytest.approx(0.5 - 7.5 / 12)
    assert rows.loc["all", "pooled_value"] == rows.loc["all", "value"]  # there is one category
    assert (rows.loc["single", "value"], rows.loc["single", "pooled_pvalue"]) == (0, 1)
    assert rows.loc["single", "semantic_ties"]
    assert rows.loc["multi", "undefined"] == Undefined.ALL_INCORRECT
    assert math.isnan(rows.loc["multi", "pvalue_holm"])


def test_a_difference_is_within_categories_and_the_pooled_one_beside_it():
    graded = graded_run()
    graded.questions = graded.questions.assign(category=list("abcdefg"))  # so that no two can be compared
    row = signals.difference_rows({"a": graded}, EXACT, "").set_index("subset").loc["all"]
    assert math.isnan(row["value"])
    assert (row["undefined"], row["n"]) == (Undefined.TOO_FEW, 0)
    assert row["pooled_value"] == pytest.approx(0.5 - 7.5 / 12)


def test_rows_by_category_come_with_the_largest_first(run):
    rows = signals.category_rows(ScoredRun(run), EXACT, ("mean_token_entropy", "discrete_semantic_entropy"))
    assert list(dict.fromkeys(rows["category"])) == ["first", "second"]
    assert (rows["n_graded"] == 3).all()


def test_what_the_category_alone_would_reach(run):
    view = ScoredRun(run)
    categories = ["a"] * 20 + ["b"] * 20 + ["c", "d"]
    view.questions = pd.DataFrame({"category": categories})
    view.correct = np.array([1.0] * 15 + [0.0] * 5 + [0.0] * 20 + [0.0, 0.0])
    # shares incorrect: a 1/4, b 1, the two small ones together 1. 22 incorrect above all, 5 tie with all
    assert signals.category_auroc(view).value == pytest.approx((22 + 2.5) / 27)


def test_correlations_of_a_constant_are_undefined_in_words():
    scores = pd.DataFrame({"a": np.arange(9.0), "b": -np.arange(9.0), "c": np.ones(9)})
    rows = signals.correlation_rows(scores, ["a", "b", "c"]).set_index(["first", "second", "kind"])
    assert rows.loc[("a", "b", "pearson"), "value"] == pytest.approx(-1)
    assert rows.loc[("a", "c", "spearman"), "undefined"] == Undefined.CONSTANT
