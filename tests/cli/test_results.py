"""The commands `compare` and `report`: tables, a document, and HTML files."""

import pytest
from fakes import FakeEncoder, FakeSampler, make_question

from homog_core.cli import main
from homog_core.records import Decoding
from homog_core.reports import tables
from homog_core.runs.sample import sample_run
from homog_core.runs.score import score_run


@pytest.fixture
def other():
    """A scored run of the same questions with another seed, in which the answers to each are the same."""
    questions = [make_question("one"), make_question("two")]
    same = FakeSampler({"one": ("red fox",), "two": ("red fox",)})
    return score_run(sample_run(same, questions, Decoding(3, seed=1), "plain").id, [FakeEncoder()])


def test_a_comparison_has_both_runs_and_their_tests(call, run, other):
    found = call("compare", run.id, other.id, "--clusterer", "jaccard", "--threshold", "0.5")
    assert (found["n_questions"], found["clusterer"]["threshold"]) == (2, 0.5)
    rates = {row["run"]: row["value"] for row in found["estimates"] if row["statistic"] == "single_cluster_rate"}
    assert rates == {run.id: 0.5, other.id: 1}
    (row,) = [row for row in found["tests"] if row["statistic"] == "single_cluster"]
    assert (row["from"], row["to"], row["difference"]) == (run.id, other.id, 0.5)


def test_a_comparison_is_printed_as_tables(run, other, capsys):
    assert main(["compare", run.id, other.id, "--clusterer", "jaccard"]) == 0
    shown = capsys.readouterr().out
    assert "2 questions · jaccard, τ = 0.4\nThe runs differ in the random seed (0 / 1)." in shown
    assert "mcnemar_exact" in shown


def test_a_comparison_by_an_unknown_clusterer_names_the_known(run, other, capsys):
    assert main(["compare", run.id, other.id, "--clusterer", "bleu"]) == 2
    assert f"no clusterer 'bleu' for run {run.id}; use one of " in capsys.readouterr().err


def test_the_report_has_every_run_and_goes_into_a_document(call, run, tmp_path, capsys):
    found = {table["title"]: table["rows"] for table in call("report")}
    assert found["Single-cluster rate by clusterer"][0]["run"] == "fake (base)"
    document = tmp_path / "results.md"
    document.write_text(f"Words before.\n{tables.BEGIN}\nold\n{tables.END}\nWords after.\n")
    assert main(["report", run.id, "--update", str(document)]) == 0
    text = document.read_text()
    assert text.startswith("Words before.") and text.endswith("Words after.\n")
    assert "AUROC of every score, test" in text and "\nold\n" not in text
    document.write_text("no marks")
    assert main(["report", run.id, "--update", str(document)]) == 2
    assert "the tables go between them" in capsys.readouterr().err


def test_a_report_without_runs_says_what_to_do(capsys):
    assert main(["report"]) == 1
    assert "sample" in capsys.readouterr().err


def test_an_html_report_of_a_run_and_of_a_comparison(call, run, tmp_path):
    (row,) = call("export", run.id, "--format", "html", "--output", str(tmp_path / "one.html"))
    assert (tmp_path / "one.html").stat().st_size == row["bytes"]
    other = sample_run(FakeSampler({}), [make_question("one"), make_question("two")], Decoding(3, seed=1), "plain")
    score_run(other.id, [FakeEncoder()])
    (row,) = call("report", run.id, other.id, "--html", str(tmp_path / "two.html"))
    assert row["run"] == f"{run.id} {other.id}"
    assert "report of a comparison" in (tmp_path / "two.html").read_text()


def test_an_html_report_needs_to_be_told_of_which_run(capsys, tmp_path):
    assert main(["report", "--html", str(tmp_path / "a.html")]) == 2
    assert "Name the run" in capsys.readouterr().err
