"""What each score is worth, by hand; and why it is undefined."""

import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scored_runs import EXACT, graded_run, run_of

from homog_core.analysis import signals
from homog_core.analysis.scored_run import ScoredRun
from homog_core.analysis.signals import Undefined
from homog_core.measures.scores import CLUSTER_SCORES
from homog_core.statistics.discrimination import auroc_estimate
from homog_core.statistics.paired import holm

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


CONFOUNDED = np.repeat([1.0, 0.0], 15), np.repeat(["a", "b"], 15)  # each category is all correct or all incorrect


def test_no_pooled_auroc_stands_where_no_category_can_be_compared():
    row = signals.auroc_row(np.arange(30.0), *CONFOUNDED)
    assert (row["pooled"], row["undefined"], row["n"]) == (1, Undefined.NOT_MIXED, 30)
    assert np.isnan([row["value"], row["low"], row["high"]]).all()
    few = signals.auroc_row(np.arange(30.0)[8:22], *(column[8:22] for column in CONFOUNDED))
    assert few["undefined"] == Undefined.TOO_FEW


def compared(correct, category, token) -> SimpleNamespace:
    """What a difference reads of a scored run, with one to three clusters a question."""
    n = np.arange(len(correct)) % 3
    return SimpleNamespace(
        correct=correct,
        in_category=lambda category: np.full(len(correct), True),
        cluster_frame=lambda clusterer: pd.DataFrame({"num_semantic_sets": n + 1, "discrete_semantic_entropy": n}),
        column={"mean_token_entropy": pd.Series(token)}.get,
        questions=pd.DataFrame({"category": category}),
    )


def test_differences_allow_for_all_that_are_shown():
    rng, correct = np.random.default_rng(0), np.repeat([1.0, 0.0], 60)
    runs = {name: compared(correct, np.full(120, "a"), rng.normal(size=120) - correct) for name in "abc"}
    rows = signals.difference_rows(runs, EXACT, "")
    p = rows["pvalue"].to_numpy()
    assert len(p) == 9  # three runs, each with all, single-cluster and multi-cluster questions
    assert rows["pvalue_holm"].tolist() == pytest.approx(holm(p).tolist())
    assert rows["pvalue_holm"].min() == pytest.approx(9 * p.min())


def test_a_difference_says_that_no_category_can_be_compared():
    runs = {"a": compared(*CONFOUNDED, np.arange(30.0))}
    row = signals.difference_rows(runs, EXACT, "").set_index("subset").loc["all"]
    assert (row["undefined"], row["n"], row["n_graded"]) == (Undefined.NOT_MIXED, 0, 30)


def test_a_perfect_score_in_one_category_is_not_said_to_have_too_few_answers():
    row = signals.auroc_row(np.arange(30.0), CONFOUNDED[0], np.full(30, "a"))
    assert (row["value"], row["undefined"]) == (1, Undefined.NOT)
    assert (row["low"], row["high"]) == (auroc_estimate(np.arange(30.0), 1 - CONFOUNDED[0]).low, 1)


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
