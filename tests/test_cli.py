"""`python -m homog_core`: exit statuses, JSON, sentences for bad calls, and a run that survives being killed."""

import json
import os
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest
from fakes import TIMEOUT, FakeEncoder, FakeSampler, make_question, tiny_model, tiny_tokenizer

from homog_core import files
from homog_core.catalogue.datasets import DATASETS
from homog_core.catalogue.models import MODELS
from homog_core.cli import main
from homog_core.errors import ModelUnavailable
from homog_core.measures import encoders, nli
from homog_core.records import Decoding
from homog_core.reports import results_md
from homog_core.runs.sample import sample_run
from homog_core.runs.score import score_run
from homog_core.runs.store import list_runs, open_run

pytestmark = pytest.mark.usefixtures("no_shipped_runs")

ANSWERS = {"one": ("red fox",), "two": ("red fox", "blue whale", "grey seal")}


@pytest.fixture(autouse=True)
def fake_encoder(monkeypatch):
    monkeypatch.setattr(encoders, "SentenceEncoder", lambda name: FakeEncoder())


@pytest.fixture
def run():
    """A scored run of two questions with three samples each."""
    questions = [make_question("one"), make_question("two")]
    sampled = sample_run(FakeSampler(ANSWERS), questions, Decoding(n_samples=3), "plain")
    return score_run(sampled.id, [FakeEncoder()])


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory):
    """A tiny model on disk, as somebody's own."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    tiny_model("llama").save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture
def csv(tmp_path):
    def write(n_questions):
        path = tmp_path / "own.csv"
        path.write_text("question\n" + "".join(f"What is number {n}?\n" for n in range(n_questions)))
        return str(path)

    return write


@pytest.fixture
def call(capsys):
    """Runs a command that succeeds and returns the JSON that it prints."""

    def run_json(*arguments, status=0):
        assert main([*arguments, "--json"]) == status
        return json.loads(capsys.readouterr().out)

    return run_json


# Lists


def test_models(call):
    rows = call("models")
    assert [row["key"] for row in rows] == list(MODELS)
    assert all(row["availability"] for row in rows)


def test_datasets(call):
    rows = {row["key"]: row for row in call("datasets")}
    assert set(rows) == set(DATASETS)
    assert rows["starter"]["where"].endswith("starter.jsonl")


def test_runs(call, run):
    (row,) = call("runs")
    assert row | {"run": run.id, "questions": 2, "samples": 3, "status": "complete"} == row


def test_no_runs(call, capsys):
    assert call("runs") == []
    assert main(["runs"]) == 0
    assert capsys.readouterr().out == "none\n"


# A run


def test_show_a_run(call, run):
    summary = call("show", run.id)
    assert (summary["run"], summary["n_questions"]) == (run.id, 2)
    rate = summary["estimates"]["single_cluster_rate@jaccard"]
    assert (rate["value"], rate["n"]) == (0.5, 2)  # "one" of two questions


def test_show_a_question(call, run):
    rows = call("show", run.id, "--question", "two")
    assert [(row["sample_index"], row["text"]) for row in rows] == [
        (-1, "red fox"),
        (0, "red fox"),
        (1, "blue whale"),
        (2, "grey seal"),
    ]


def test_tables_are_printed_without_json(run, capsys):
    assert main(["show", run.id]) == 0
    assert "single_cluster_rate@jaccard" in capsys.readouterr().out


def test_numbers_that_are_undefined_are_null(call):
    sampled = sample_run(FakeSampler({"one": ("",)}), [make_question("one")], Decoding(n_samples=2), "plain")
    score_run(sampled.id, [FakeEncoder()])
    assert call("show", sampled.id)["estimates"]["single_cluster_rate@jaccard"]["value"] is None


def test_verify(call, run):
    assert call("verify", run.id) == [{"run": run.id, "problem": "none"}]
    (run.folder / "scores.parquet").unlink()
    (row,) = call("verify", status=1)
    assert "no scores.parquet" in row["problem"]


def test_score_at_another_threshold(call, run):
    # the three answers to "two" share no bigram; at threshold 0 every pair is joined
    summary = call("score", run.id, "--threshold", "jaccard=0")
    assert summary["estimates"]["single_cluster_rate@jaccard"]["value"] == 1
    summary = call("score", run.id)
    assert summary["estimates"]["single_cluster_rate@jaccard"]["value"] == 0.5


def test_scores_and_cascade_are_part_of_the_summary(call, run):
    summary = call("show", run.id)
    scores = {row["score"]: row for row in summary["scores"]}
    assert {"mean_token_entropy", "semantic_entropy@jaccard", "sindex@fake", "embedding_density@fake"} <= set(scores)
    assert scores["mean_token_entropy"]["auroc"]["n"] == 0  # no references, so nothing is graded
    assert scores["mean_token_entropy"]["auroc"]["value"] is None
    assert "needs 5 correct and 5 incorrect answers" in summary["cascade"]["sentence"]
    assert "--nli" in summary["missing"]


def test_an_nli_model_that_is_not_there_leaves_the_rest(call, run, monkeypatch, capsys):
    def unavailable(self):
        raise ModelUnavailable("The NLI model 'some/model' is not on this machine.")

    monkeypatch.setattr(nli.NliCrossEncoder, "load", unavailable)
    assert main(["score", run.id, "--nli", "some/model"]) == 0
    captured = capsys.readouterr()
    assert "'some/model' is not on this machine. NLI scores are left out." in captured.err
    assert "single_cluster_rate@jaccard" in captured.out


# In and out


def test_an_export_comes_back_as_a_run(call, run, tmp_path):
    target = tmp_path / "run.jsonl"
    assert call("export", run.id, "--output", str(target)) == [{"run": run.id, "file": str(target)}]
    summary = call("import", str(target), "--model", "theirs", "--dataset", "elsewhere")
    again = open_run(summary["run"])
    assert list(again.responses()["text"]) == list(run.responses()["text"])
    same = run.table("scores").drop(columns=["grade", "grade_policy"])
    pd.testing.assert_frame_equal(again.table("scores")[same.columns], same)


def test_an_import_that_does_not_read_names_the_line(tmp_path, capsys):
    path = tmp_path / "theirs.jsonl"
    path.write_text('{"question": "Why?", "answers": ["a"]}\n{"question": "How?"}\n')
    assert main(["import", str(path), "--model", "theirs"]) == 2
    assert "theirs.jsonl, line 2" in capsys.readouterr().err


def test_the_report_has_every_run_and_goes_into_a_document(call, run, tmp_path, capsys):
    tables = {table["title"]: table["rows"] for table in call("report")}
    assert tables["Single-cluster rate by clusterer"][0]["run"] == "fake, n_samples=3"
    document = tmp_path / "results.md"
    document.write_text(f"Words before.\n{results_md.BEGIN}\nold\n{results_md.END}\nWords after.\n")
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


# Bad calls


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["show", "nonsense"], "no run 'nonsense'"),
        (["score", "nonsense"], "no run 'nonsense'"),
        (["verify", "nonsense"], "no run 'nonsense'"),
        (["score", "any", "--threshold", "jaccard=much"], "'jaccard=much' is not of the form"),
        (["score", "any", "--threshold", "jaccard"], "'jaccard' is not of the form"),
        (["score", "any", "--threshold", "bleu=0.5"], "no clusterer 'bleu'"),
        (["score", "any", "--threshold", "jaccard=2"], "threshold is 2"),
        (["score", "any", "--threshold", "jaccard=nan"], "threshold is nan"),
    ],
)
def test_a_wrong_value_exits_2_and_says_which(arguments, words, capsys):
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert words in captured.err


def test_an_unknown_question_of_a_run(run, capsys):
    assert main(["show", run.id, "--question", "nine"]) == 2
    assert "no question 'nine'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--model", "nonsense"], "no model 'nonsense'"),
        (["--dataset", "nonsense"], "no dataset 'nonsense'"),
        (["--dataset", "missing.csv"], "no file missing.csv"),
        (["--temperature", "-1"], "temperature is -1"),
        (["--temperature", "nan"], "temperature is nan"),
        (["--samples", "0"], "number of samples is 0"),
        (["--top-p", "0"], "top-p is 0"),
        (["--max-new-tokens", "0"], "token limit is 0"),
        (["--limit", "0"], "limit is 0"),
        (["--batch-questions", "0"], "--batch-questions is 0"),
    ],
)
def test_a_wrong_option_of_sample_is_found_before_the_model_is_loaded(options, words, capsys):
    good = ["--model", "gemma-3-270m", "--dataset", "starter"]  # a later option overrides an earlier one
    assert main(["sample", *good, *options]) == 2
    assert words in capsys.readouterr().err


def test_a_csv_without_questions_is_refused(tmp_path, capsys):
    path = tmp_path / "bad.csv"
    path.write_text("text\nWhy?\n")
    assert main(["sample", "--model", "gemma-3-270m", "--dataset", str(path)]) == 2
    assert "bad.csv" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["sample"], ["sample", "--samples", "many"], ["show"]])
def test_a_call_that_does_not_parse_exits_2(arguments, capsys):
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_work_that_fails_exits_1(run, capsys):
    (run.folder / "scores.parquet").write_bytes(b"damaged")
    assert main(["show", run.id]) == 1
    assert "scores.parquet" in capsys.readouterr().err


# Sampling


def sample_arguments(folder, dataset, *, tokens):
    return [
        *("sample", "--model", str(folder), "--dataset", dataset),
        *("--samples", "3", "--max-new-tokens", str(tokens), "--batch-questions", "1"),
    ]


def test_sample_from_end_to_end(call, model_folder, csv):
    summary = call(*sample_arguments(model_folder, csv(3), tokens=6))
    assert summary["n_questions"] == 3
    run = open_run(summary["run"])
    assert run.folder.is_relative_to(files.cache())
    assert run.identity.model == "tiny"
    assert run.provenance.status == "complete"
    assert len(run.responses()) == 3 * (3 + 1)
    assert call("verify", run.id) == [{"run": run.id, "problem": "none"}]
    shards = [path.read_bytes() for path in run.folder.glob("responses-*")]
    call(*sample_arguments(model_folder, csv(3), tokens=6))  # nothing is left to do
    assert [path.read_bytes() for path in run.folder.glob("responses-*")] == shards


def test_a_killed_run_is_gone_on_with(call, model_folder, csv, own_cache):
    n_questions = 60
    arguments = sample_arguments(model_folder, csv(n_questions), tokens=40)
    process = subprocess.Popen(
        [sys.executable, "-m", "homog_core", *arguments],
        cwd=files.PROJECT,
        env={**os.environ, "HOMOG_CACHE": str(own_cache)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 5 * TIMEOUT  # it imports torch first
    try:
        while not list(own_cache.glob("runs/*/responses-*.parquet")):
            assert time.monotonic() < deadline
            with pytest.raises(subprocess.TimeoutExpired):  # it is still at work
                process.wait(timeout=0.02)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=TIMEOUT)
    assert process.returncode == -signal.SIGKILL
    (folder,) = (path.parent for path in own_cache.glob("runs/*/manifest.json"))
    stored = open_run(folder.name).sampled_ids()
    assert 1 <= len(stored) < n_questions
    before = open_run(folder.name).responses()

    summary = call(*arguments)
    assert summary["run"] == folder.name
    rows = open_run(folder.name).responses()
    assert len(rows) == n_questions * (3 + 1)
    assert rows["question_id"].nunique() == n_questions
    assert not rows.duplicated(["question_id", "sample_index"]).any()
    kept = rows[rows["question_id"].isin(stored)].reset_index(drop=True)
    assert list(kept["text"]) == list(before["text"])
    # the killed process could count nothing, so the manifest has the second one's tokens: those of the other questions
    new = rows[~rows["question_id"].isin(stored)]
    assert open_run(folder.name).provenance.n_tokens == new["tokens"].map(len).sum()
    assert call("verify", folder.name) == [{"run": folder.name, "problem": "none"}]


def test_an_answer_cannot_speak_to_the_terminal(tmp_path, capsys):
    path = tmp_path / "theirs.jsonl"
    path.write_text(json.dumps({"id": "x", "question": "Why?", "answers": ["\u001b[31mred\u009b0m", "b"]}) + "\n")
    assert main(["import", str(path), "--model", "theirs"]) == 0
    capsys.readouterr()
    (run,) = list_runs()
    assert main(["show", run.id, "--question", "x"]) == 0
    shown = capsys.readouterr().out
    assert "red" in shown and "\u001b" not in shown and "\u009b" not in shown
