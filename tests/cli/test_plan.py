"""The command `plan`: from two runs, and from figures."""

import math

import pytest
from fakes import FakeEncoder, FakeSampler, make_question

from homog_core.analysis.plan import Cost
from homog_core.cli import main
from homog_core.records import Decoding
from homog_core.runs.sample import sample_run
from homog_core.runs.score import score_run
from homog_core.wording.plan import cost_sentence


@pytest.fixture
def other():
    """A scored run of the same two questions, in which the answers to each are the same."""
    same = FakeSampler({"one": ("red fox",), "two": ("red fox",)})
    sampled = sample_run(same, [make_question("one"), make_question("two")], Decoding(3, seed=1), "plain")
    return score_run(sampled.id, [FakeEncoder()])


def test_a_plan_from_two_runs(call, run, other):
    found = call("plan", run.id, other.id, "--clusterer", "jaccard", "--questions", "50", "--samples", "4")
    rate = found["detectable"]["rate"]
    assert (rate["n"], rate["first"], rate["second"], rate["gained"]) == (2, 0.5, 1, 1)
    assert rate["detectable"]["effect"] is None  # two questions find nothing
    # half of the questions gain: P(Bin(n, 0.5) ≥ 6) reaches 0.8 at 15
    assert found["needed"]["rate"]["n"] == 15
    first, second = found["costs"]
    assert (first["n_answers"], first["like"], second["like"]) == (250, run.id, other.id)


def test_a_plan_from_two_runs_in_words(run, other, capsys):
    assert main(["plan", run.id, other.id, "--clusterer", "jaccard"]) == 0
    shown = capsys.readouterr().out
    assert "of 2 questions, 1 became single-cluster and 0 ceased to be." in shown
    assert "To find a single-cluster rate that differs by +50.0 points: 15 questions." in shown
    assert "3 samples: 50.0 % and 100.0 %, a difference of +50.0 points; the 2 questions with so many answers" in shown
    assert "fake, 15 questions with 3 samples and a greedy answer each:" in shown


def test_a_plan_from_rates(call, capsys):
    nested, unrelated = call("plan", "--scr", "0.02", "0.10")["designs"]
    assert (nested["assumption"], nested["n"], unrelated["n"]) == ("nested", 98, 148)
    assert main(["plan", "--scr", "0.02", "0.10"]) == 0
    shown = capsys.readouterr().out
    assert "98" in shown and "+0.080" in shown and "Nested: all questions that change" in shown


def test_what_a_number_of_questions_finds(call):
    arguments = ("--scr", "0.02", "--clusters", "2.4", "--auroc", "--accuracy", "0.2", "--questions", "200")
    found = {row["assumption"]: row for row in call("plan", *arguments)["designs"]}
    assert set(found) == {"nested", "unrelated", "normal differences", "20 % right answers"}
    assert {row["n"] for row in found.values()} == {200}
    assert all(row["power"] == pytest.approx(0.8, abs=1e-3) and row["effect"] > 0 for row in found.values())


def test_a_higher_power_takes_more_questions(call):
    usual, higher = (call("plan", "--auroc", "0.6", "0.72", "--power", power)["designs"][0] for power in ("0.8", "0.9"))
    assert higher["n"] > usual["n"]


def test_what_sampling_a_model_costs(call, run):
    found = call("plan", "--model", "fake", "--questions", "10", "--samples", "1")
    # 20 answers, each as long as those of the stored run
    assert (found["designs"], found["cost"]["n_answers"], found["cost"]["like"]) == ([], 20, run.id)


def test_no_cost_where_no_number_of_questions_does(run, capsys):
    assert main(["plan", "--scr", "0.30", "0.31", "--model", "fake"]) == 0
    shown = capsys.readouterr().out
    assert "more than 10,000" in shown and "No cost" in shown


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Name two runs over the same questions, or a difference"),
        (["--scr", "0.02"], "Give the two single-cluster rates"),
        (["--scr", "2", "0.1"], "Rates must be in [0, 1], as 0.02 for 2 %; these are 2 and 0.1."),
        (["--scr", "0.1", "0.2", "0.3"], "--scr takes one or two rates; there are 3."),
        (["--clusters", "1", "2", "3"], "--clusters takes one or two"),
        (["--auroc", "0.6", "0.7", "0.8"], "--auroc takes at most two"),
        (["--scr", "0.1", "0.2", "--questions", "0"], "--questions is 0; it must be at least 1."),
        (["--scr", "0.1", "0.2", "--power", "1.5"], "The power is 1.5"),
        (["--scr", "0.1", "0.2", "--model", "nobody"], "--model nobody --dataset starter --limit 5"),
        (["--scr", "0.1", "0.2", "--dataset", "facts"], "give --model too"),
        (["a", "b", "--scr", "0.1", "0.2"], "not both"),
    ],
)
def test_a_call_that_says_too_little_or_too_much(arguments, words, capsys):
    assert main(["plan", *arguments]) == 2
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1


def test_runs_that_do_not_go_together(run, other, capsys):
    assert main(["plan", run.id]) == 2
    assert "One run alone" in capsys.readouterr().err
    assert main(["plan", run.id, other.id, "--clusterer", "bleu"]) == 2
    assert "no clusterer 'bleu' for both of these runs; use one of " in capsys.readouterr().err


def test_a_cost_says_what_it_rests_on():
    known = Cost("m", 10, 9, 100, 1000.0, 10.0, "run-a", 20.0, "run-b", "a GPU", 50.0, 50.0)
    assert cost_sentence(known).endswith(
        "On this device (a GPU) it takes about 50 s, as run-b was sampled there with 20 tokens a second."
    )
    nan = math.nan
    elsewhere = Cost("m", 10, 9, 100, 1000.0, 10.0, "run-a", 20.0, "run-b", "a GPU", nan, 50.0)
    assert "on this device is not known" in cost_sentence(elsewhere)
    assert "On a GPU it takes about 50 s" in cost_sentence(elsewhere)
    unknown = Cost("m", 10, 9, 100, 1000.0, 10.0, "run-a", nan, "", "", nan, nan)
    assert cost_sentence(unknown).endswith("is not known: no run of this model says how fast it was.")
