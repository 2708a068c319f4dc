"""A stored run becomes one file of another tool, nothing is lost on the way, and JSONL imports as the same run."""

import csv
import json
import math
import os

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fakes import (
    FAKE_SPEC,
    make_identity,
    make_question,
    make_response,
    make_row,
    texts_of,
    without_sentences,
    write_rows,
)

from homog_core.errors import HomogError, InvalidInput
from homog_core.records import GREEDY, Decoding, Provenance, Question, Response, ResponseSet
from homog_core.runs.export import export_run
from homog_core.runs.importers import import_file, import_samples
from homog_core.runs.importers.notes import About
from homog_core.runs.write import write_run

pytestmark = pytest.mark.usefixtures("no_shipped_runs")


DECODING = Decoding(n_samples=2, temperature=0.7, stop=("\n",))


FOX, SUM = Question("fox", "test", "Which fox?", ("a red fox", "red; or so"), ("a blue fox",), "animals"), "=SUM(A1)"


QUESTIONS = [make_question("whale"), FOX]  # not in the order of their ids


def respond(text, tokens, entropies, logprobs, reason="stop", kind="exact"):
    return Response(text, tokens, np.float32(entropies), np.float32(logprobs), reason, kind)


RED = respond("Grüße 🎉\u2028", ("Grüße", " 🎉\u2028", ""), [0.1, 2.5, 1 / 3], [-0.1, -3e-9, -1 / 3])


CUT = respond("a\nb", ("a", "\nb"), [1, 2], [-1, -3], "length", "top_k:20")


FAILED = respond("", (), [], [], "error")


LOGPROBS_ALONE = {"token_logprobs": [[-1, -3], [-1]], "greedy_answer": "a", "greedy_token_logprobs": [-2]}


ENTROPIES_ALONE = {"token_entropies": [[1, 2], [4]], "greedy_answer": "a", "greedy_token_entropies": [3]}


def stored_run(answers, questions=QUESTIONS, dataset="test"):
    """A run in which the samples to every question, and its greedy answer, are `answers`."""
    identity = make_identity(questions, dataset=dataset, decoding=DECODING)
    provenance = Provenance("2025-01-01", "complete")
    with write_run(identity, provenance, [(q, f"Prompt: {q.text}") for q in questions]) as writer:
        for q in questions if answers else ():
            writer.append(ResponseSet(q.id, FAKE_SPEC.key, q.text, DECODING, tuple(answers[:2]), answers[2]))
        return writer.run


@pytest.fixture
def run():
    return stored_run([RED, CUT, FAILED])


def tabulated(run):
    """What a scored run has of its first question: two clusterers, a grade and an undefined score."""
    clusters = [
        {"question_id": "whale", "sample_index": i, "clusterer": key, "threshold": 0.4, "rule": "", "label": label}
        for i, key, label in [(0, "jaccard", 0), (1, "jaccard", 1), (0, "nli/x", 0)]
    ]
    run.write_table("clusters", pd.DataFrame(clusters))
    numbers = {"n_valid": [2], "mean_token_entropy": [math.nan], "perplexity": [math.inf], "entropy@jaccard": [0.5]}
    verdict = {"grade": ["correct"], "grade_policy": ["text"]}
    run.write_table("scores", pd.DataFrame({"question_id": ["whale"], **numbers, **verdict}))
    grades = {"question_id": ["whale"] * 2, "sample_index": [1, 0], "grade": ["incorrect", "correct"]}
    run.write_table("grades", pd.DataFrame(grades).assign(grade_policy="text"))


def lines_of(path):
    return [json.loads(line) for line in path.read_bytes().decode().split("\n")[:-1]]


def test_a_line_of_jsonl_holds_all_of_a_question(run, tmp_path):
    assert export_run(run, "jsonl", tmp_path / "run.jsonl") == tmp_path / "run.jsonl"
    whale, fox = lines_of(tmp_path / "run.jsonl")
    assert (whale["id"], fox["id"]) == ("whale", "fox")  # in the order of the questions
    assert fox == {
        "model": FAKE_SPEC.key,
        "id": "fox",
        "question": "Which fox?",
        "references": ["a red fox", "red; or so"],
        "incorrect_references": ["a blue fox"],
        "category": "animals",
        "answer_type": "text",
        "prompt": "Prompt: Which fox?",
        "answers": ["Grüße 🎉\u2028", "a\nb"],
        "greedy_answer": "",
        "finish_reasons": ["stop", "length"],
        "greedy_finish_reason": "error",
        "entropy_kinds": ["exact", "top_k:20"],
        "greedy_entropy_kind": "exact",
        "tokens": [["Grüße", " 🎉\u2028", ""], ["a", "\nb"]],
        "greedy_tokens": [],
        "token_logprobs": [[-0.1, -3e-9, -0.33333334], [-1, -3]],  # as short as a float32 can be written
        "greedy_token_logprobs": [],
        "token_entropies": [[0.1, 2.5, 0.33333334], [1, 2]],
        "greedy_token_entropies": [],
    }


def test_jsonl_has_grade_and_scores_where_there_are_any(run, tmp_path):
    tabulated(run)
    whale, fox = lines_of(export_run(run, "jsonl", tmp_path / "run.jsonl"))
    assert (whale["grade"], whale["grade_policy"]) == ("correct", "text")
    # neither NaN nor infinity is JSON
    assert whale["scores"] == {"n_valid": 2, "mean_token_entropy": None, "perplexity": None, "entropy@jaccard": 0.5}
    assert whale["sample_grades"] == ["correct", "incorrect"]
    assert not {"scores", "grade", "sample_grades"} & set(fox)


def test_parquet_has_one_row_a_response(run, tmp_path):
    tabulated(run)
    table = pq.read_table(export_run(run, "parquet", tmp_path / "run.parquet"))
    rows = table.to_pylist()
    assert [(row["question_id"], row["sample_index"]) for row in rows] == [
        (key, index) for key in ("whale", "fox") for index in (GREEDY, 0, 1)
    ]
    failed, red, cut = rows[:3]
    assert (red["question"], red["text"], red["finish_reason"]) == ("What is whale?", RED.text, "stop")
    assert (red["tokens"], cut["token_entropies"], cut["token_logprobs"]) == (list(RED.tokens), [1, 2], [-1, -3])
    # of its own tokens: two of three, since the last one ended it; (0.1 + 2.5) / 2 = 1.3
    assert (red["n_tokens"], red["mean_token_entropy"]) == (2, pytest.approx(1.3))
    assert (cut["n_tokens"], cut["mean_token_entropy"], cut["mean_logprob"]) == (2, 1.5, -2)
    assert failed["n_tokens"] == 0
    assert [row["grade"] for row in rows] == ["correct", "correct", "incorrect", None, None, None]
    assert (rows[3]["references"], rows[3]["category"]) == (["a red fox", "red; or so"], "animals")
    assert failed["mean_token_entropy"] is None
    assert [row["cluster:jaccard"] for row in rows] == [None, 0, 1, None, None, None]
    assert [row["cluster:nli/x"] for row in rows[:3]] == [None, 0, None]
    assert (table.schema.field("cluster:jaccard").type, table.schema.field("sample_index").type) == (
        pa.int64(),
        pa.int32(),
    )


def test_csv_has_the_same_rows_without_the_lists(run, tmp_path):
    tabulated(run)
    path = export_run(run, "csv", tmp_path / "run.csv")
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, strict=True))
    assert len(rows) == 6
    assert not {"tokens", "token_entropies", "token_logprobs"} & set(rows[0])
    failed, red, cut = rows[:3]
    assert (red["text"], cut["text"], cut["mean_logprob"]) == (RED.text, "a\nb", "-2.0")
    assert (failed["sample_index"], failed["text"], failed["mean_token_entropy"]) == ("-1", "", "")
    assert [row["cluster:jaccard"] for row in rows[:3]] == ["", "0", "1"]


@pytest.mark.parametrize("text", [SUM, "+1", "-1", "@A1", "\t=1", "\r=1", "\n=1", "＝1"])
def test_no_answer_becomes_a_formula_of_a_spreadsheet(text, tmp_path):
    question = Question(text, "test", f"{text.strip()}?")
    run = stored_run([make_response(text), make_response("1 = 1"), make_response("'=1")], [question])
    with export_run(run, "csv", tmp_path / "run.csv").open(encoding="utf-8", newline="") as stream:
        greedy, formula, harmless = csv.DictReader(stream)
    assert (formula["text"], formula["question_id"]) == (f"'{text}", f"'{text}")
    assert formula["question"] == f"'{text.strip()}?"
    assert (greedy["text"], harmless["text"], greedy["sample_index"]) == ("'=1", "1 = 1", "-1")
    assert lines_of(export_run(run, "jsonl", tmp_path / "run.jsonl"))[0]["answers"][0] == text  # only in CSV


def test_texts_are_quoted_so_that_a_semicolon_starts_no_cell(tmp_path):
    run = stored_run([make_response(f"a;{SUM}")] * 3)
    assert f'"a;{SUM}"' in export_run(run, "csv", tmp_path / "run.csv").read_text()


@pytest.mark.parametrize("format", ["parquet", "jsonl", "csv"])
def test_a_question_whose_text_is_not_here_is_null(format, tmp_path):
    run = stored_run([RED, CUT, FAILED], [Question("t-1", "triviaqa", "Who?")], dataset="triviaqa")
    without_sentences(run.folder)
    path = export_run(run, format, tmp_path / f"run.{format}")
    if format == "jsonl":
        assert (lines_of(path)[0]["question"], lines_of(path)[0]["prompt"]) == (None, None)
    elif format == "parquet":
        assert pq.read_table(path)["question"].to_pylist() == [None] * 3
    else:
        assert pd.read_csv(path)["question"].isna().all()


@pytest.mark.parametrize("format", ["parquet", "jsonl", "csv"])
def test_an_interrupted_run_is_exported_as_far_as_it_is(format, run, tmp_path):
    next(path for path in run.folder.glob("responses-*") if "fox" in str(pq.read_table(path)[0])).unlink()
    path = export_run(run, format, tmp_path / f"run.{format}")
    readers = {"parquet": pd.read_parquet, "csv": pd.read_csv, "jsonl": lambda path: pd.read_json(path, lines=True)}
    frame = readers[format](path)
    assert set(frame["id" if format == "jsonl" else "question_id"]) == {"whale"}


def test_a_run_without_answers_is_not_exported(tmp_path):
    with pytest.raises(HomogError, match="has no answers yet; sample it"):
        export_run(stored_run([]), "csv", tmp_path / "run.csv")
    assert not (tmp_path / "run.csv").exists()


@pytest.mark.parametrize(
    ("format", "target", "message"),
    [
        ("xlsx", "run.xlsx", "no export format 'xlsx'; use one of parquet, jsonl, csv"),
        ("csv", "missing/run.csv", "missing/run.csv cannot be written; name a file in a folder that exists"),
        ("csv", "", "cannot be written; name a file"),
    ],
)
def test_an_export_that_cannot_be_is_refused(format, target, message, run, tmp_path):
    with pytest.raises(InvalidInput, match=message):
        export_run(run, format, tmp_path / target)


@pytest.mark.parametrize("format", ["parquet", "jsonl", "csv"])
def test_an_export_that_fails_leaves_the_old_file(format, run, tmp_path, monkeypatch):
    def full_disk(descriptor):
        raise OSError(28, "No space left on device")

    target = write_rows(tmp_path / "run", "old")
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(HomogError, match=r"run could not be written \(No space left on device\)"):
        export_run(run, format, target)
    assert target.read_text() == "old\n"
    assert not list(tmp_path.glob("*.partial"))


@pytest.mark.parametrize("format", ["parquet", "csv"])
def test_a_run_in_which_nothing_could_be_clustered_is_exported(format, tmp_path):
    run = stored_run([FAILED] * 3)
    run.write_table("clusters", pd.DataFrame(columns=["question_id", "sample_index", "clusterer", "label"]))
    path = export_run(run, format, tmp_path / "run")
    frame = pd.read_parquet(path) if format == "parquet" else pd.read_csv(path)
    assert len(frame) == 6
    assert not [name for name in frame.columns if name.startswith("cluster:")]


@pytest.mark.parametrize("format", ["parquet", "jsonl", "csv"])
def test_an_export_replaces_the_file_of_that_name(format, run, tmp_path):
    export_run(run, format, write_rows(tmp_path / "run", "old"))
    assert b"old" not in (tmp_path / "run").read_bytes()
    assert not list(tmp_path.glob("*.partial"))


def test_what_is_exported_imports_as_the_same(run, tmp_path):
    first = export_run(run, "jsonl", tmp_path / "first.jsonl")
    back = import_samples(first, "fake", "test", DECODING)
    assert export_run(back, "jsonl", tmp_path / "second.jsonl").read_bytes() == first.read_bytes()
    assert back.decoding == DECODING
    columns = ["question_id", "sample_index", "text", "finish_reason", "entropy_kind"]
    pd.testing.assert_frame_equal(back.responses()[columns], run.responses()[columns])
    for name in ("tokens", "token_entropies", "token_logprobs"):
        for one, other in zip(back.responses()[name], run.responses()[name], strict=True):
            np.testing.assert_array_equal(one, other)
    pd.testing.assert_frame_equal(back.questions(), run.questions())


def test_what_is_exported_after_scoring_imports_as_well(run, tmp_path):
    tabulated(run)
    back = import_samples(export_run(run, "jsonl", tmp_path / "run.jsonl"), "fake", "test", DECODING)
    assert texts_of(back) == texts_of(run)
    assert back.table("scores") is None


def test_csv_comes_back_with_its_model_and_references_and_what_was_not_there_is_no_row(tmp_path):
    row = make_row("Which?", references=["a; b", "[c]"], incorrect_references=["d"], category="animals")
    run = import_samples(write_rows(tmp_path / "a.jsonl", row), "m")
    path = export_run(run, "csv", tmp_path / "run.csv")
    frame = pd.read_csv(path)
    assert list(frame["sample_index"]) == list(range(run.decoding.n_samples))  # no greedy answer
    assert frame["n_tokens"].isna().all() and set(frame["model"]) == {"m"}
    back = import_file(path, About(dataset="a"))
    assert back.identity.model == "m"
    columns = ["id", "text", "references", "incorrect_references", "category"]
    pd.testing.assert_frame_equal(back.questions()[columns], run.questions()[columns])
    assert not [note for note in back.provenance.import_notes if "not a field" in note.kind]


@pytest.mark.parametrize("fields", [LOGPROBS_ALONE, ENTROPIES_ALONE])
@pytest.mark.parametrize("format", ["parquet", "jsonl", "csv"])
def test_what_was_not_given_is_null_when_it_is_exported(format, fields, tmp_path):
    run = import_samples(write_rows(tmp_path / "a.jsonl", make_row(**fields), make_row("How?")), "m")
    path = export_run(run, format, tmp_path / f"run.{format}")
    if format == "jsonl":
        back = import_samples(path, "m", "a")
        assert export_run(back, "jsonl", tmp_path / "again.jsonl").read_bytes() == path.read_bytes()
        assert set(back.responses()["entropy_kind"]) == set(run.responses()["entropy_kind"])
        line = lines_of(path)[0]
        assert [line["token_logprobs"], line["token_entropies"]].count(None) == 1
    else:
        frame = pd.read_parquet(path) if format == "parquet" else pd.read_csv(path)
        column = "mean_token_entropy" if fields is LOGPROBS_ALONE else "mean_logprob"
        assert frame[column].isna().all()
