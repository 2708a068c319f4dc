"""The commands about stored runs: `runs`, `show`, `verify`, `export`, `import`."""

import json

import pandas as pd
import pytest
from fakes import FakeEncoder, FakeSampler, make_question

from homog_core import files
from homog_core.analysis import lineage
from homog_core.cli import main
from homog_core.errors import InvalidInput
from homog_core.records import Decoding
from homog_core.runs import shipped
from homog_core.runs.sample import sample_run
from homog_core.runs.score import score_run
from homog_core.runs.store import list_runs, open_run


def test_runs(call, run):
    (row,) = call("runs")
    assert row | {"run": run.id, "questions": 2, "samples": 3, "status": "complete"} == row


def test_no_runs(call, capsys):
    assert call("runs") == []
    assert main(["runs"]) == 0
    assert capsys.readouterr().out == "none\n"


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


def test_an_unknown_question_of_a_run(run, capsys):
    assert main(["show", run.id, "--question", "nine"]) == 2
    assert "no question 'nine'" in capsys.readouterr().err


def test_tables_are_printed_without_json(run, capsys):
    assert main(["show", run.id]) == 0
    assert "single_cluster_rate@jaccard" in capsys.readouterr().out


def test_numbers_that_are_undefined_are_null(call):
    sampled = sample_run(FakeSampler({"one": ("",)}), [make_question("one")], Decoding(n_samples=2), "plain")
    score_run(sampled.id, [FakeEncoder()])
    assert call("show", sampled.id)["estimates"]["single_cluster_rate@jaccard"]["value"] is None


def test_a_rule_for_leftovers_can_be_given_on_import(call, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"question": "Which?", "answers": ["<plan>x y</plan>red fox", "red fox"]}))
    marks = ("--reasoning", "<plan>", "</plan>")
    summary = call("import", str(path), "--model", "m", *marks)
    assert summary["estimates"]["single_cluster_rate@jaccard"]["value"] == 1
    assert summary["texts"]["reasoning_left_out"] == 1


def test_an_answer_cannot_speak_to_the_terminal(tmp_path, capsys):
    path = tmp_path / "theirs.jsonl"
    path.write_text(json.dumps({"id": "x", "question": "Why?", "answers": ["\u001b[31mred\u009b0m", "b"]}) + "\n")
    assert main(["import", str(path), "--model", "theirs"]) == 0
    capsys.readouterr()
    (run,) = list_runs()
    assert main(["show", run.id, "--question", "x"]) == 0
    shown = capsys.readouterr().out
    assert "red" in shown and "\u001b" not in shown and "\u009b" not in shown


def test_verify(call, run):
    assert call("verify", run.id) == [{"run": run.id, "problem": "none"}]
    (run.folder / "scores.parquet").unlink()
    (row,) = call("verify", status=1)
    assert "no scores.parquet" in row["problem"]


def test_work_that_fails_exits_1(run, capsys):
    (run.folder / "scores.parquet").write_bytes(b"damaged")
    assert main(["show", run.id]) == 1
    assert "scores.parquet" in capsys.readouterr().err


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
    path.write_text('{"question": "Why?", "answers": "a"}\n{"question": "How?"}\n')
    assert main(["import", str(path), "--model", "theirs"]) == 2
    assert "theirs.jsonl, line 1, `answers`: it must be a list" in capsys.readouterr().err


def test_what_an_import_leaves_out_is_printed(tmp_path, capsys, call):
    path = tmp_path / "theirs.jsonl"
    path.write_text('{"question": "Why?", "answers": ["a"], "refs\\u001b": []}\n{"question": "How?"}\n')
    summary = call("import", str(path), "--model", "theirs")
    assert summary["n_questions"] == 1
    notes = summary["import_notes"]
    assert notes[-1]["count"] == 1 and "line 2" in notes[-1]["first"]
    assert call("show", summary["run"])["import_notes"] == notes
    assert summary["sampler"]["verdict"] == "cannot be told"  # one answer
    assert main(["import", str(path), "--model", "theirs"]) == 0
    said = capsys.readouterr().err
    assert "theirs.jsonl: rows that could not be read, left out: 1 (theirs.jsonl, line 2: there is no `answers`" in said
    assert "refs" in said and "\u001b" not in said


def test_lineage_and_columns_are_given_on_import(tmp_path, call):
    path = tmp_path / "theirs.jsonl"
    path.write_text('{"q": "Why?", "wanted": ["a", "b"]}\n')
    lineage = ["--stage", "sft", "--parent", "theirs", "--family", "F", "--parameters", "7", "--prompt-style", "chat"]
    columns = ["--column", "question=q", "--column", "answers=wanted"]
    run = open_run(
        call("import", str(path), "--model", "theirs-sft", "--temperature", "0.5", *lineage, *columns)["run"]
    )
    provenance = run.provenance
    assert (provenance.stage, provenance.parent, provenance.family) == ("sft", "theirs", "F")
    assert (provenance.n_parameters, run.identity.prompt_style, run.decoding.temperature) == (7, "chat", 0.5)
    assert main(["import", str(path), "--model", "m", "--column", "answers"]) == 2


STUDY = """
[defaults]
dataset = "open-questions"
temperature = 0.5
family = "Mistral"
[[run]]
file = "base.jsonl"
model = "mistral-7b"
stage = "base"
[[run]]
file = "sft.jsonl"
model = "mistral-sft"
stage = "sft"
parent = "mistral-7b"
[[run]]
file = "dpo.jsonl"
model = "zephyr"
stage = "dpo"
parent = "mistral-sft"
"""


def test_a_study_is_imported_by_one_command_and_is_a_chain(tmp_path, call):
    folder = tmp_path / "study"
    folder.mkdir()
    (folder / "import.toml").write_text(STUDY)
    for name in ("base", "sft", "dpo"):
        (folder / f"{name}.jsonl").write_text(json.dumps({"question": "Why?", "answers": ["a", name]}) + "\n")
    rows = call("import", str(folder))
    assert [(row["model"], row["stage"], row["parent"]) for row in rows] == [
        ("mistral-7b", "base", ""),
        ("mistral-sft", "sft", "mistral-7b"),
        ("zephyr", "dpo", "mistral-sft"),
    ]
    assert rows[0]["import_notes"] == []
    runs = [open_run(row["run"]) for row in rows]
    assert {run.decoding.temperature for run in runs} == {0.5}
    assert {run.identity.dataset for run in runs} == {"open-questions"}
    assert all(run.table("scores") is not None for run in runs)
    assert [run.id for run in lineage.chain(runs[1], list_runs())] == [run.id for run in runs]
    assert [run.id for run in lineage.default_runs(list_runs())] == [runs[0].id, runs[2].id]


def test_a_run_is_deleted_after_a_question(call, run, monkeypatch, capsys):
    monkeypatch.setattr("builtins.input", lambda question: "n")
    assert call("delete", run.id) == [{"run": run.id, "deleted": "no"}]
    monkeypatch.setattr("builtins.input", lambda question: "y")
    assert call("delete", run.id) == [{"run": run.id, "deleted": "yes"}]
    assert list_runs() == []
    assert main(["delete", run.id, "--yes"]) == 2
    assert "There is no run" in capsys.readouterr().err


def test_nothing_is_deleted_where_nobody_can_be_asked(run, monkeypatch, capsys):
    def nobody(question):
        raise EOFError

    monkeypatch.setattr("builtins.input", nobody)
    assert main(["delete", run.id]) == 2
    assert "--yes" in capsys.readouterr().err
    assert list_runs() != []


def test_a_shipped_run_is_refused_before_anybody_is_asked(run, monkeypatch, capsys):
    monkeypatch.setattr(shipped, "shipped_ids", lambda: (run.id,))
    monkeypatch.setattr(files, "SHIPPED", files.cache())
    monkeypatch.setattr("builtins.input", lambda question: pytest.fail("asked"))
    assert main(["delete", run.id]) == 2
    assert "ships with the project" in capsys.readouterr().err
    assert open_run(run.id).id == run.id


def test_scoring_changes_no_shipped_run_in_silence(run, monkeypatch, capsys, call):
    monkeypatch.setattr(shipped, "shipped_ids", lambda: (run.id,))
    monkeypatch.setattr(files, "SHIPPED", files.cache())
    before = {path.name: path.read_bytes() for path in run.folder.glob("*.*")}
    assert main(["score", run.id, "--threshold", "jaccard=0.9"]) == 2
    assert "--shipped" in capsys.readouterr().err
    with pytest.raises(InvalidInput, match="ships with the project"):
        score_run(run.id, [FakeEncoder()])
    assert {path.name: path.read_bytes() for path in run.folder.glob("*.*")} == before
    call("score", run.id, "--threshold", "jaccard=0.9", "--shipped")
    assert set(open_run(run.id).table("clusters").query("clusterer == 'jaccard'")["threshold"]) == {0.9}
