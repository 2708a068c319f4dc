"""Several runs side by side: which belong together, what changed, one joint space, and the words for it."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from fakes import FAKE_SPEC, FakeEncoder, FakeSampler, make_question

from homog_core.analysis.compare import (
    Changes,
    changes,
    common_clusterers,
    common_questions,
    differing_fields,
    levels,
    transitions,
)
from homog_core.analysis.joint import block_distances, joint, joint_clusterer
from homog_core.analysis.lineage import chain_runs, chain_title, default_runs, names, obstacle
from homog_core.analysis.scored_run import ScoredRun
from homog_core.catalogue.models import MODELS
from homog_core.measures.clustering import Clusterer
from homog_core.records import Decoding, Question
from homog_core.runs.evidence import stored_vectors
from homog_core.runs.sample import sample_run
from homog_core.runs.score import score_run
from homog_core.wording.comparison import STATISTICS, arrow, cell, differences, in_words, summary_sentence, verdict

pytestmark = pytest.mark.usefixtures("no_shipped_runs")

EXACT = Clusterer("embedding", 0.9, "fake")  # the fake encoder gives equal texts one vector and others nearly none
QUESTIONS = [make_question(f"q{n}") for n in range(3)]
BASE = {"q0": ("a fox", "a seal", "a whale"), "q1": ("a fox", "a fox", "a seal"), "q2": ("a fox",)}
DPO = {"q0": ("a fox",), "q1": ("a fox", "a seal", "a whale"), "q2": ("a seal",)}
CHAIN = ("gemma-3-270m", "gemma-3-270m-sft", "gemma-3-270m-dpo")


def sampled(key="base", answers=BASE, questions=QUESTIONS, style="plain", **decoding):
    spec = MODELS.get(key) or replace(FAKE_SPEC, key=key)
    return sample_run(FakeSampler(answers, spec), questions, Decoding(**{"n_samples": 3} | decoding), style)


def scored(*args, **kwargs):
    return ScoredRun(score_run(sampled(*args, **kwargs).id, [FakeEncoder()]))


def vectors(runs, question_id):
    return [stored_vectors(dict(tuple(s.run.embeddings("fake").groupby("question_id")))[question_id]) for s in runs]


# Which runs


def test_a_chain_is_found_among_the_runs_whatever_their_order():
    runs = [sampled(key) for key in reversed(CHAIN)]
    sampled("gemma-3-270m", temperature=0.3)

    for run in runs:
        assert [r.identity.model for r in chain_runs(run, runs)] == list(CHAIN)
    assert chain_title(chain_runs(runs[0], runs)) == "base → SFT → DPO"


def test_a_chain_has_only_runs_that_were_sampled_alike_and_prefers_the_same_prompt():
    plain, few_shot, other = sampled(CHAIN[0]), sampled(CHAIN[0], style="few_shot"), sampled(CHAIN[2], temperature=0.3)
    dpo = sampled(CHAIN[2])
    runs = [few_shot, other, plain, dpo]

    assert chain_runs(dpo, runs) == [plain, dpo]
    assert chain_runs(few_shot, runs) == [few_shot, dpo]  # itself; the others by their own default
    assert chain_runs(other, runs) == [other]


def test_a_model_that_is_not_in_the_catalogue_stands_alone():
    run = sampled("somebody-elses")
    assert chain_runs(run, [run, sampled(CHAIN[0])]) == [run]


def test_the_page_opens_with_both_ends_of_the_longest_chain():
    chain = [sampled(key) for key in CHAIN]
    assert default_runs([sampled("other"), chain[1], chain[2], chain[0]]) == [chain[0], chain[2]]


def test_without_a_chain_it_opens_with_two_runs_that_can_be_compared():
    first, five, second = sampled("a"), sampled("b", n_samples=5), sampled("c")
    assert default_runs([first, five, second]) == [first, second]
    assert default_runs([first, five]) == [first]
    assert default_runs([]) == []


def test_runs_are_named_by_what_tells_them_apart():
    a, cold, few = sampled("a"), sampled("a", temperature=0.3), sampled("a", style="few_shot")
    assert names([a, sampled("b")]) == ["a", "b"]
    assert names([a, cold, sampled("b")]) == ["a, T = 1", "a, T = 0.3", "b"]
    assert names([a, few]) == ["a, plain prompt", "a, few_shot prompt"]
    assert names([a, a]) == [f"a, {a.id[-10:]}"] * 2


def test_what_cannot_be_compared_is_one_sentence():
    a = sampled("a")
    assert "One run alone" in obstacle([a])
    assert "a (" in obstacle([a, sampled("b", n_samples=5)])
    assert "3 times a question" in obstacle([a, sampled("b", n_samples=5)])
    elsewhere = sampled("b", questions=[Question("q0", "elsewhere", "What?")])
    assert "the questions of test, b" in obstacle([a, elsewhere])
    assert obstacle([a, sampled("b"), sampled("a", temperature=0.3)]) == ""


def test_questions_and_clusterers_that_all_have():
    one, two = scored("a"), scored("b", questions=QUESTIONS[1:])
    raw = ScoredRun(sampled("c"))
    assert common_questions([one, two]) == ["q1", "q2"]
    assert {c.key for c in common_clusterers([one, two])} == {"jaccard", "embedding/fake", "embedding_masked/fake"}
    assert [c.key for c in common_clusterers([one, raw])] == ["jaccard"]


def test_differences_in_words():
    a, b = ScoredRun(sampled("a")), ScoredRun(sampled("b"))
    assert differences(differing_fields([a, b])) == "The runs differ in the model (a / b). Everything else is the same."
    cold = ScoredRun(sampled("b", temperature=0.25, seed=3))
    assert differences(differing_fields([a, cold])) == (
        "The runs differ in the model (a / b), temperature (1 / 0.25) and random seed (0 / 3). A difference may come "
        "from any of these."
    )
    assert "style of the prompt (plain / few_shot)." in differences(
        differing_fields([a, ScoredRun(sampled("a", style="few_shot"))])
    )
    assert "set of questions." in differences(differing_fields([a, ScoredRun(sampled("a", questions=QUESTIONS[1:]))]))
    assert "nothing that is recorded" in differences({})
    assert "stop strings (none / '.')" in differences({"stop": [[], ["."]]})


# What changed


def test_changes_are_ordered_by_size_whatever_their_direction():
    found = changes([scored("base"), scored("dpo", DPO)], EXACT)
    assert found.clusters.to_numpy().tolist() == [[3, 1], [2, 3], [1, 1]]
    assert list(found.clusters.index) == ["q0", "q1", "q2"]
    assert found.change.tolist() == [-2, 1, 0]
    assert (found.n_fewer, found.n_more) == (1, 1)
    assert found.entropies.loc["q0"].tolist() == pytest.approx([math.log(3), 0])


def test_equal_changes_are_ordered_by_entropy_then_id_and_undefined_ones_come_last():
    answers = {"q0": ("",), "q1": ("a fox", "a seal", "a seal"), "q2": ("a fox", "a seal", "a whale")}
    after = {"q0": ("a fox",), "q1": ("a fox", "a fox", "a fox"), "q2": ("a fox", "a seal", "a seal")}
    found = changes([scored("base", answers), scored("dpo", after)], EXACT)
    # 2 → 1: entropy 0.64; 3 → 2: 0.46
    assert list(found.clusters.index) == ["q1", "q2", "q0"]
    assert math.isnan(found.change["q0"])


def test_transitions_and_levels_count_questions():
    clusters = pd.DataFrame({"a": [3, 3, 2, np.nan], "b": [1, 1, 2, 1], "c": [1, 2, np.nan, 1]})
    rows = [tuple(row) for row in transitions(clusters).itertuples(index=False)]
    assert rows == [(0, 2, 2, 1), (0, 3, 1, 2), (1, 1, 1, 2), (1, 1, 2, 1)]
    counted = [tuple(row) for row in levels(clusters).itertuples(index=False)]
    assert counted == [(0, 2, 1), (0, 3, 2), (1, 1, 3), (1, 2, 1), (2, 1, 2), (2, 2, 1)]


# One question


def test_a_joint_space_keeps_each_runs_own_clusters():
    runs = [scored("base"), scored("dpo", DPO)]
    found = joint(runs, "q1", EXACT, vectors(runs, "q1"))
    assert found.position.tolist() == [0, 0, 0, 1, 1, 1]
    assert found.indices.tolist() == [0, 1, 2, 0, 1, 2]
    assert found.answers == ["a fox", "a fox", "a seal", "a fox", "a seal", "a whale"]
    assert found.labels.tolist() == [0, 0, 1, 0, 1, 2]  # the largest first, counted in each run
    assert found.similarity[0, 3] == pytest.approx(1, abs=1e-6)  # the same text in two runs
    assert found.similarity[0, 4] < 0.5
    assert found.of(1).tolist() == [3, 4, 5]
    # within a run it is what the run has stored
    assert found.similarity[:3, :3] == pytest.approx(runs[0].similarity("q1", EXACT), abs=1e-6)


def test_a_joint_space_leaves_empty_answers_out():
    runs = [scored("base", {"q0": ("", "a fox", "a seal")}), scored("dpo", {"q0": ("",)})]
    found = joint(runs, "q0", EXACT, [*vectors(runs[:1], "q0"), stored_vectors(None)])
    assert (found.position.tolist(), found.indices.tolist()) == ([0, 0], [1, 2])
    assert found.similarity.shape == (2, 2)
    empty = joint(runs[1:], "q0", EXACT, [stored_vectors(None)])
    assert (empty.answers, empty.similarity.shape) == ([], (0, 0))


def test_a_joint_space_by_words_needs_no_vectors():
    runs = [ScoredRun(sampled("base")), ScoredRun(sampled("dpo", DPO))]
    found = joint(runs, "q0", Clusterer("jaccard", 0.4))
    assert found.similarity[0].tolist() == [1, 0, 0, 1, 1, 1]


def test_vectors_that_do_not_go_with_the_answers_give_no_similarity():
    runs = [scored("base"), scored("dpo", DPO)]
    short = [{view: matrix[:1] for view, matrix in found.items()} for found in vectors(runs, "q0")]
    assert joint(runs, "q0", EXACT, short).similarity.shape == (0, 0)


def test_where_vectors_are_missing_the_nearest_clusterer_takes_over():
    runs = [scored("base"), scored("dpo", DPO)]
    masked = Clusterer("embedding_masked", 0.5, "gone")
    assert joint_clusterer(runs, EXACT) == EXACT
    assert joint_clusterer(runs, masked).key == "embedding_masked/fake"
    assert joint_clusterer(runs, Clusterer("nli", 0.0, "judge")).is_linkage
    raw = [ScoredRun(sampled("a")), runs[0]]
    assert joint_clusterer(raw, masked).key == "jaccard"


def test_block_distances_by_hand():
    runs = [ScoredRun(sampled("base")), ScoredRun(sampled("dpo", DPO))]
    found = block_distances(joint(runs, "q0", Clusterer("jaccard", 0.4)))
    # fox, seal, whale against three foxes: all different within, all the same within, two of three different between
    assert found.to_numpy() == pytest.approx(np.array([[1, 2 / 3], [2 / 3, 0]]))


def test_the_distance_within_a_run_of_one_answer_is_undefined():
    runs = [ScoredRun(sampled("base", {"q0": ("", "", "a fox")})), ScoredRun(sampled("dpo", DPO))]
    assert math.isnan(block_distances(joint(runs, "q0", Clusterer("jaccard", 0.4))).iloc[0, 0])


# In words


def test_values_along_the_runs():
    assert arrow([9, 5, 1]) == "9 → 5 → 1"
    assert arrow([float("nan"), 0.25], "{:.0%}") == "undefined → 25%"


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
    assert summary_sentence(Changes(clusters, clusters), ["A", "B"]).startswith(sentence)


def a_test(statistic, test="wilcoxon_signed_rank", **fields):
    row = {"n": 162, "n_lower": 126, "n_higher": 13, "difference": -2.735, "low": -3.148, "high": -2.333}
    return {"statistic": statistic, "test": test, "pvalue_holm": 8e-21} | row | fields


def test_a_test_in_words():
    told = in_words(a_test("num_semantic_sets"))
    assert told.finding == "Fewer different answers on 126 of 162 questions, more on 13"
    assert told.detail == (
        "On average −2.73 (95 % interval −3.15 to −2.33). Wilcoxon signed-rank, p < 0.001: chance alone would hardly "
        "give this."
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
    assert told.detail.endswith("McNemar, exact, p = 0.688: chance alone may give this.")


@pytest.mark.parametrize("statistic", STATISTICS)
def test_an_undefined_test_says_so(statistic):
    told = in_words(a_test(statistic, n=0, difference=np.nan, low=np.nan, high=np.nan, pvalue_holm=np.nan))
    assert told.finding.endswith(": undefined")


def test_one_question_has_a_difference_without_an_interval():
    assert "interval" not in in_words(a_test("num_semantic_sets", n=1, low=np.nan, high=np.nan)).detail


@pytest.mark.parametrize(("pvalue", "shown"), [(0.0009, "p < 0.001"), (0.049, "hardly"), (0.05, "may"), (1.0, "1.000")])
def test_p_values(pvalue, shown):
    assert shown in verdict(pvalue)


def test_cells():
    row = {"value": 0.25, "low": 0.1, "high": 0.5}
    assert cell(row, percent=True) == "25.0% [10.0%, 50.0%]"
    assert cell(row | {"low": np.nan}) == "0.25"
    assert cell(row | {"value": np.nan}) == "undefined"
