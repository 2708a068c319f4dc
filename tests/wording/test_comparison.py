"""Runs side by side, in words."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scored_runs import THREE_QUESTIONS, sampled

from homog_core.analysis import comparable
from homog_core.analysis.changes import Changes
from homog_core.analysis.comparable import obstacle
from homog_core.analysis.compare import differing
from homog_core.analysis.scored_run import ScoredRun
from homog_core.records import Question
from homog_core.runs.importers import import_file
from homog_core.runs.importers.notes import About
from homog_core.wording.comparison import (
    STATISTICS,
    arrow,
    broken_title,
    chain_title,
    differences,
    in_words,
    obstacle_sentence,
    summary_sentence,
    verdict,
)
from homog_core.wording.numbers import percent

pytestmark = pytest.mark.usefixtures("no_shipped_runs")


def a_test(statistic, test="wilcoxon_signed_rank", **fields):
    row = {"n": 162, "n_lower": 126, "n_higher": 13, "difference": -2.735, "low": -3.148, "high": -2.333}
    return {"statistic": statistic, "test": test, "pvalue_holm": 8e-21} | row | fields


def test_what_cannot_be_compared_is_one_sentence():
    a = sampled("a")
    assert "One run alone" in obstacle_sentence(obstacle([a]))
    five = obstacle_sentence(obstacle([a, sampled("b", n_samples=5)]))
    assert "a (base) (" in five
    assert "3 times a question" in five
    elsewhere = sampled("b", questions=[Question("q0", "elsewhere", "What?")])
    assert "the questions of test, b" in obstacle_sentence(obstacle([a, elsewhere]))
    assert obstacle([a, sampled("b"), sampled("a", temperature=0.3)]) is None


def test_differences_in_words():
    a, b = ScoredRun(sampled("a")), ScoredRun(sampled("b"))
    assert differences(differing([a, b])) == "The runs differ in the model (a / b). Everything else is the same."
    cold = ScoredRun(sampled("b", temperature=0.25, seed=3))
    assert differences(differing([a, cold])) == (
        "The runs differ in the model (a / b), temperature (1 / 0.25) and random seed (0 / 3). A difference may come "
        "from any of these."
    )
    assert "style of the prompt (plain / few_shot)." in differences(
        differing([a, ScoredRun(sampled("a", style="few_shot"))])
    )
    assert "set of questions." in differences(differing([a, ScoredRun(sampled("a", questions=THREE_QUESTIONS[1:]))]))
    assert "nothing that is recorded" in differences({})
    assert "stop strings (none / '.')" in differences({"stop": [[], ["."]]})


def test_what_the_settings_do_not_say_is_named_too():
    """Prompts that differ on shared questions, and who says how imports were sampled."""
    two = ScoredRun(sampled("b", questions=THREE_QUESTIONS[1:]))
    assert "prompts of" not in differences(differing([ScoredRun(sampled("a")), two]))
    other = ScoredRun(sampled("b", questions=[replace(THREE_QUESTIONS[1], text="Which?"), THREE_QUESTIONS[2]]))
    assert "prompts of the questions that they share." in differences(differing([ScoredRun(sampled("a")), other]))


def test_without_greedy_answers_none_are_compared_across_questions():
    estimates = {"distinct_across_questions": np.nan, "looping": 0.1}
    found = SimpleNamespace(estimate=lambda run, key: SimpleNamespace(value=estimates[key]))
    title = broken_title(found, "a", "DPO")
    assert title.startswith("Homogenized or broken? no greedy answers, 10 % of the words repeat")
    assert "undefined" not in title


def imported(tmp_path, name, **about):
    path = tmp_path / f"{name}.jsonl"
    path.write_text('{"question": "Why?", "answers": ["a", "b"]}\n')
    return import_file(path, About(name, "theirs", **about))


def test_what_nobody_gave_of_an_import_is_not_called_the_same(tmp_path):
    a, b = imported(tmp_path, "a"), imported(tmp_path, "b", temperature=1.0)
    said = differences(comparable.differing_fields([a, b]), [a, b])
    assert "temperature (not known / 1)" in said
    assert said.endswith("Nobody gave the temperature and the token limit of any of them.")
    known = imported(tmp_path, "c", temperature=1.0, max_new_tokens=1024)
    assert "token limit (not known / 1024)" in differences(comparable.differing_fields([b, known]), [b, known])
    both = [imported(tmp_path, name, temperature=1.0) for name in "de"]
    found = {name: value for name, value in comparable.differing_fields(both).items() if name == "model"}
    assert "Everything else that is known is the same." in differences(found, both)
    assert both[0].identity.decoding == known.identity.decoding


def test_values_along_the_runs():
    assert arrow([9, 5, 1]) == "9 → 5 → 1"
    assert arrow([float("nan"), 0.25], percent) == "undefined → 25 %"


def test_a_chain_is_named_by_its_stages():
    chain = [sampled(key) for key in ("gemma-3-270m", "gemma-3-270m-sft", "gemma-3-270m-dpo")]
    assert chain_title([*chain, sampled("x", stage=None)]) == "base → SFT → DPO → x"


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ([3, 3, 2, 1], [1, 2, 3, 1], "On 2 of 4 questions B gives fewer different answers than A, on 1 more, on 1 as"),
        ([1, 1], [2, 3], "On 2 of 2 questions B gives more different answers than A, on 0 fewer"),
        ([2, 2], [2, 2], "B gives as many different answers as A on all 2 questions."),
        ([np.nan], [2], "There is no question on which both"),
    ],
)
def test_the_summary_leads_with_the_common_direction(before, after, sentence):
    clusters = pd.DataFrame({"a": before, "b": after}, dtype=float)
    agreed = clusters["b"] - clusters["a"]
    assert summary_sentence(Changes(clusters, clusters, agreed), ["A", "B"]).startswith(sentence)


def test_a_test_in_words():
    told = in_words(a_test("num_semantic_sets"))
    assert told.finding == "Fewer different answers on 126 of 162 questions, more on 13"
    assert told.detail == (
        "On average −2.73 (95 % interval −3.15 to −2.33). Wilcoxon signed-rank, p < 0.001: unlikely to be chance."
    )


def test_a_test_the_other_way_round_says_more():
    told = in_words(a_test("mean_token_entropy", n_lower=13, n_higher=126, difference=0.5, low=0.1, high=0.9))
    assert told.finding == "Higher token entropy of the greedy answer on 126 of 162 questions, lower on 13"
    assert "+0.50 nats (95 % interval +0.10 to +0.90)" in told.detail


def test_a_switch_in_words():
    told = in_words(
        a_test("correct", "mcnemar_exact", n=95, n_lower=7, n_higher=3, difference=-0.042, pvalue_holm=0.688)
    )
    assert told.finding == "3 of 95 questions became correct, 7 ceased to be"
    assert "changes by −4.2 points" in told.detail
    assert told.detail.endswith("McNemar, exact, p = 0.69: may be chance.")


@pytest.mark.parametrize("statistic", STATISTICS)
def test_an_undefined_test_says_so(statistic):
    told = in_words(a_test(statistic, n=0, difference=np.nan, low=np.nan, high=np.nan, pvalue_holm=np.nan))
    assert told.finding.endswith(": undefined")


def test_one_question_has_a_difference_without_an_interval():
    assert "interval" not in in_words(a_test("num_semantic_sets", n=1, low=np.nan, high=np.nan)).detail


@pytest.mark.parametrize(
    ("pvalue", "shown"), [(0.0009, "p < 0.001"), (0.049, "unlikely"), (0.05, "may be"), (1.0, "1.00")]
)
def test_p_values(pvalue, shown):
    assert shown in verdict(pvalue)
