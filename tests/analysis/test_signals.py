"""What each score is worth, by hand; and why it is undefined."""

import math

import numpy as np
import pandas as pd
import pytest
from fakes import FAKE_SPEC, FakeEncoder, FakeSampler

from homog_core.analysis import signals
from homog_core.analysis.scored_run import ScoredRun
from homog_core.analysis.signals import Undefined
from homog_core.measures.clustering import Clusterer
from homog_core.measures.scores import CLUSTER_SCORES
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


@pytest.fixture
def run():
    return run_of()


GRADED = {  # the greedy answer is the first one
    **{f"right{i}": ("red fox",) * 4 for i in range(3)},
    **{f"wrong{i}": ("grey seal",) * 4 for i in range(3)},
    "spread": ("grey seal", "blue whale", "green frog", "red fox"),
}

GRADED_QUESTIONS = [Question(key, "test", f"What is {key}?", ("red fox",)) for key in GRADED]


@pytest.fixture
def graded():
    return ScoredRun(run_of(answers=GRADED, questions=GRADED_QUESTIONS))


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
    assert (rows.loc["single", "value"], rows.loc["single", "pvalue"]) == (0, 1)
    assert rows.loc["single", "semantic_ties"]
    assert rows.loc["multi", "undefined"] == Undefined.ALL_INCORRECT
    assert math.isnan(rows.loc["multi", "pvalue_holm"])


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
