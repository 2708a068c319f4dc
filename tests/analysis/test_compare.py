"""Two runs side by side: by hand on scripted answers, and what cannot be compared."""

import math

import pytest
from fakes import FAKE_SPEC, FakeEncoder, FakeSampler, make_question
from scored_runs import EXACT, graded_run

from homog_core.analysis.compare import compare, run_statistics
from homog_core.analysis.scored_run import ScoredRun
from homog_core.errors import InvalidInput
from homog_core.measures.clustering import Clusterer
from homog_core.records import Decoding, ModelSpec, Question
from homog_core.runs.sample import sample_run
from homog_core.runs.score import score_run
from homog_core.runs.store import open_run

pytestmark = pytest.mark.usefixtures("no_shipped_runs")
QUESTIONS = [Question(f"q{n}", "test", f"What is q{n}?", ("red fox",)) for n in range(6)]
DIVERSE = {question.id: ("red fox", "blue whale", "grey seal") for question in QUESTIONS}
COLLAPSED = {question.id: ("blue whale",) for question in QUESTIONS[:5]} | {"q5": ("red fox", "red fox", "grey seal")}


def run_of(key, answers, questions=QUESTIONS, decoding=Decoding(n_samples=3), score=True):  # noqa: B008
    sampler = FakeSampler(answers, ModelSpec(key, FAKE_SPEC.source, stage="base"))
    run = sample_run(sampler, questions, decoding, "plain")
    return ScoredRun(score_run(run.id, [FakeEncoder()]) if score else open_run(run.id))


@pytest.fixture
def found():
    return compare([run_of("base", DIVERSE), run_of("dpo", COLLAPSED)], EXACT)


def value(found, run, statistic):
    return next(row["value"] for row in found.estimates if row["run"].startswith(run) and row["statistic"] == statistic)


def test_what_each_run_found(found):
    assert found.n_questions == 6
    assert (value(found, "base", "single_cluster_rate"), value(found, "dpo", "single_cluster_rate")) == (0, 5 / 6)
    assert (value(found, "base", "num_semantic_sets"), value(found, "dpo", "num_semantic_sets")) == (3, 7 / 6)
    assert value(found, "base", "discrete_semantic_entropy") == pytest.approx(math.log(3))
    assert (value(found, "base", "accuracy"), value(found, "dpo", "accuracy")) == (1, 1 / 6)
    # the greedy answer is the first one: everywhere the same for the base, two different ones for the other
    assert value(found, "base", "distinct_across_questions") == 1 / 6
    assert value(found, "dpo", "most_common_answer") == 5 / 6
    rate = found.estimate(found.estimates[0]["run"], "single_cluster_rate")
    assert (rate.value, rate.n, rate.low) == (0, 6, 0)


def test_paired_tests_by_hand(found):
    tests = {row["statistic"]: row for row in found.tests}
    # five questions became single-cluster, none ceased to be: p = 2/2^5
    assert tests["single_cluster"]["pvalue"] == pytest.approx(2 / 2**5)
    assert tests["single_cluster"]["difference"] == pytest.approx(5 / 6)
    # clusters: −2 five times and −1, all of one sign: exact two-sided p = 2/2^6
    assert tests["num_semantic_sets"]["pvalue"] == pytest.approx(2 / 2**6)
    assert tests["num_semantic_sets"]["difference"] == pytest.approx(-11 / 6)
    assert (tests["num_semantic_sets"]["n_lower"], tests["num_semantic_sets"]["n_higher"]) == (6, 0)
    assert (tests["mean_token_entropy"]["n_lower"], tests["mean_token_entropy"]["n_higher"]) == (0, 0)
    assert tests["correct"]["difference"] == pytest.approx(-5 / 6)
    assert tests["mean_token_entropy"]["pvalue"] == 1  # a fake model's entropies are all the same
    assert all(row["pvalue"] <= row["pvalue_holm"] <= 1 for row in found.tests)
    assert all(row["low"] <= row["difference"] <= row["high"] for row in found.tests)


def test_fields_that_differ_are_named(found):
    assert found.differing == {"model": ["base", "dpo"]}


def test_runs_that_were_graded_by_an_older_version_say_so():
    one, other = run_of("base", DIVERSE), run_of("dpo", COLLAPSED)
    one.scores["grade_policy"] = "several"  # other rules of this version are no difference
    assert compare([one, other], EXACT).differing == {"model": ["base", "dpo"]}
    other.scores.loc["q0", "grade_policy"] = "phrase_or_f1"
    other.scores.loc["q1", "grade_policy"] = "supported_margin/minilm"
    assert other.older_policies == ["phrase_or_f1", "supported_margin/minilm"]
    assert compare([one, other], EXACT).differing["grade_policy"] == ["", "phrase_or_f1, supported_margin/minilm"]
    one.scores[["grade_policy"]] = other.scores[["grade_policy"]]
    assert "grade_policy" not in compare([one, other], EXACT).differing  # both by the same ones


def test_only_questions_that_all_runs_have_are_compared():
    found = compare([run_of("base", DIVERSE), run_of("dpo", COLLAPSED, QUESTIONS[:2])], EXACT)
    assert found.n_questions == 2
    assert {row["n"] for row in found.tests} == {2}
    assert "question_ids_sha256" in found.differing


def test_three_runs_give_three_pairs():
    runs = [run_of(key, answers) for key, answers in (("a", DIVERSE), ("b", COLLAPSED), ("c", DIVERSE))]
    pairs = {(row["from"], row["to"]) for row in compare(runs, EXACT).tests}
    ids = [scored.run.id for scored in runs]
    assert pairs == {(ids[0], ids[1]), (ids[0], ids[2]), (ids[1], ids[2])}


def test_what_cannot_be_compared_is_said():
    one = run_of("base", DIVERSE)
    with pytest.raises(InvalidInput, match="at least two different runs"):
        compare([one, one], EXACT)
    with pytest.raises(InvalidInput, match=r"is not scored; run `python -m homog_core score raw--test"):
        compare([one, run_of("raw", DIVERSE, score=False)], EXACT)
    with pytest.raises(InvalidInput, match="no similarities by embedding/other"):
        compare([one, run_of("dpo", COLLAPSED)], Clusterer("embedding", 0.9, "other"))
    elsewhere = run_of("dpo", {}, [make_question("elsewhere")])
    with pytest.raises(InvalidInput, match="no question in common"):
        compare([one, elsewhere], EXACT)


def test_wordings_words_and_what_is_right_by_hand():
    run = graded_run()  # three questions all right, three all wrong, and one with four answers of which one is right
    found = run_statistics(run, EXACT, list(run.questions.index))
    assert found["wordings"].value == pytest.approx((6 * 1 + 4) / 7)
    assert found["words"].value == 2
    assert (found["all_right"].value, found["all_right"].n) == (pytest.approx(3 / 7), 7)
    assert (found["single_wrong"].value, found["single_wrong"].n) == (0.5, 6)


def test_nothing_is_said_of_the_words_of_questions_whose_texts_are_not_there():
    scored = run_of("a", {question.id: ["the fox", "Oslo", "Oslo"] for question in QUESTIONS})
    ids = [question.id for question in QUESTIONS]
    assert run_statistics(scored, EXACT, ids)["echo"].value >= 0
    scored.questions.loc[ids[0], "text"] = ""
    found = run_statistics(scored, EXACT, ids)
    assert all(math.isnan(found[name].value) for name in ("echo", "commonest_frame", "yes_no"))
    assert found["looping"].value == 0
