"""The command `score`: thresholds, what is in the summary, and an NLI model that is not there."""

from fakes import FakeEncoder, FakeNli

from homog_core.cli import main
from homog_core.errors import ModelUnavailable
from homog_core.measures import nli, report_cards
from homog_core.measures.combined import weights_of
from homog_core.measures.report_cards import ReadPair
from homog_core.runs import readings
from homog_core.runs.score import score_run


def test_score_at_another_threshold(call, run):
    # the three answers to "two" share no bigram; at threshold 0 every pair is joined
    summary = call("score", run.id, "--threshold", "jaccard=0")
    assert summary["estimates"]["single_cluster_rate@jaccard"]["value"] == 1
    summary = call("score", run.id)
    assert summary["estimates"]["single_cluster_rate@jaccard"]["value"] == 0.5


def test_score_with_another_rule(call, run):
    call("score", run.id, "--rule", "first_member")
    rules = run.table("clusters").groupby("clusterer")["rule"].unique()
    assert list(rules["jaccard"]) == ["first_member"]


def test_stored_nli_probabilities_are_joined_by_the_rule_that_is_given(call, run):
    score_run(run.id, [FakeEncoder()], FakeNli({}))
    for rule in ("either", "bidirectional"):
        call("score", run.id, "--entailment", rule)
        stored = run.table("clusters").groupby("clusterer")["entailment"].unique()
        assert list(stored["nli/scripted"]) == [rule]


def test_a_rule_for_leftovers_stays_until_another_one_is_given(call, run):
    (first, *_) = call("score", run.id, "--prefix", "blue")["texts"]["sentence"].split(". ")
    assert first == "Of 8 answers, left out: prefixes from 1"
    assert "the prefix blue" in call("score", run.id)["texts"]["sentence"]
    assert call("score", run.id, "--leftovers", "keep")["texts"]["prefixes_left_out"] == 0
    kept = call("show", run.id)["texts"]["sentence"]
    assert kept.startswith("What is left out here: nothing, texts count as they are.")
    assert "left out here" not in call("score", run.id, "--leftovers", "usual")["texts"]["sentence"]


def test_a_rule_that_cannot_be_leaves_the_run_as_it_is(run, capsys):
    for options in (["--reasoning", "a", "a"], ["--prefix", ""], ["--prefix", "a", "--leftovers", "keep"]):
        assert main(["score", run.id, *options]) == 2
        assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert run.has("scores")


def test_scores_and_cascade_are_part_of_the_summary(call, run):
    summary = call("show", run.id)
    scores = {row["score"]: row for row in summary["scores"]}
    assert {"mean_token_entropy", "semantic_entropy@jaccard", "sindex@fake", "embedding_density@fake"} <= set(scores)
    assert scores["mean_token_entropy"]["auroc"]["n"] == 0  # no references, so nothing is graded
    assert scores["mean_token_entropy"]["auroc"]["value"] is None
    assert "needs at least 10 correct and 10 incorrect answers" in summary["cascade"]["sentence"]
    assert "--nli" in summary["missing"]


def test_an_nli_model_that_is_not_there_leaves_the_rest(call, run, monkeypatch, capsys):
    def unavailable(self):
        raise ModelUnavailable("The NLI model 'some/model' is not on this machine.")

    monkeypatch.setattr(nli.NliCrossEncoder, "load", unavailable)
    assert main(["score", run.id, "--nli", "some/model"]) == 0
    captured = capsys.readouterr()
    assert "'some/model' is not on this machine. NLI scores are left out." in captured.err
    assert "single_cluster_rate@jaccard" in captured.out


def test_calibrate_makes_cards_and_weights_of_what_readers_said(call, monkeypatch):
    said = [("a red fox", "red fox", True), ("7 seals", "seven seals", True), ("blue whale", "green frog", False)]
    pairs = [
        ReadPair("Which?", first, second, same, half, "base", "fake")
        for half in ("choose", "card")
        for first, second, same in said
    ]
    monkeypatch.setattr(readings, "read_pairs", lambda: pairs)
    monkeypatch.setattr(readings, "pairs_judged_elsewhere", lambda: [], raising=False)
    cards = {card["clusterer"]: card for card in call("calibrate", "--encoder", "any")}
    assert {"jaccard", "embedding/fake", "embedding_masked/fake", "combined/fake"} <= set(cards)
    assert {(card["n_same"], card["n_different"]) for card in cards.values()} == {(2, 1)}
    assert cards["combined/fake"]["recall"] == 1
    assert cards["jaccard"]["reference_auc"] > 0  # of the starter questions
    assert weights_of("fake") is not None
    assert "combined/fake" in report_cards.report_cards()


def test_cores_of_workers_without_a_cluster_are_refused(run, capsys):
    assert main(["score", run.id, "--cpus-per-worker", "2"]) == 2
    assert "give --ray too" in capsys.readouterr().err
