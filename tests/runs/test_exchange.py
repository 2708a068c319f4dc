"""Runs out into one file and samples of others in: nothing is lost on the way, and every complaint names its line."""

import csv
import json
import math
import os
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fakes import FAKE_SPEC, FakeEncoder, make_identity, make_question, make_response

from homog_core.errors import HomogError, InvalidInput, NotFound
from homog_core.measures.clustering import Clusterer
from homog_core.records import GREEDY, Decoding, Identity, Provenance, Question, Response, ResponseSet
from homog_core.runs import importers, store
from homog_core.runs import write as write_module
from homog_core.runs.export import export_run
from homog_core.runs.importers import csv_rows, import_samples, import_upload, jsonl, reading
from homog_core.runs.manifest import run_id_of
from homog_core.runs.questions import load_questions, question_ids_sha256
from homog_core.runs.score import score_run
from homog_core.runs.store import list_runs, open_run
from homog_core.runs.tables import SCHEMAS, question_of, response_of, write_parquet
from homog_core.runs.verify import verify
from homog_core.runs.write import RunWriter, write_run

pytestmark = pytest.mark.usefixtures("no_shipped_runs")

DECODING = Decoding(n_samples=2, temperature=0.7, stop=("\n",))
FOX, SUM = Question("fox", "test", "Which fox?", ("a red fox", "red; or so"), ("a blue fox",), "animals"), "=SUM(A1)"
QUESTIONS = [make_question("whale"), FOX]  # not in the order of their ids


def respond(text, tokens, entropies, logprobs, reason="stop", kind="exact"):
    return Response(text, tokens, np.float32(entropies), np.float32(logprobs), reason, kind)


RED = respond("Grüße 🎉\u2028", ("Grüße", " 🎉\u2028", ""), [0.1, 2.5, 1 / 3], [-0.1, -3e-9, -1 / 3])
CUT = respond("a\nb", ("a", "\nb"), [1, 2], [-1, -3], "length", "top_k:20")
FAILED = respond("", (), [], [], "error")


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


def lines_of(path):
    return [json.loads(line) for line in path.read_bytes().decode().split("\n")[:-1]]


def write(path, *rows):
    path.write_bytes(b"".join((row if isinstance(row, str) else json.dumps(row)).encode() + b"\n" for row in rows))
    return path


def sampled(question="Why?", answers=("a", "b"), **fields):
    return {"question": question, "answers": list(answers), **fields}


def texts_of(run):
    rows = run.responses()
    return {(row.question_id, row.sample_index): row.text for row in rows.itertuples()}


# Out


def test_a_line_of_jsonl_holds_all_of_a_question(run, tmp_path):
    assert export_run(run, "jsonl", tmp_path / "run.jsonl") == tmp_path / "run.jsonl"
    whale, fox = lines_of(tmp_path / "run.jsonl")
    assert (whale["id"], fox["id"]) == ("whale", "fox")  # in the order of the questions
    assert fox == {
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
    assert "scores" not in fox
    assert "grade" not in fox


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
    bare = [row | {"text": None} for row in pq.read_table(run.folder / "questions.parquet").to_pylist()]
    table = pa.Table.from_pylist(bare, schema=SCHEMAS["questions"])
    pq.write_table(table, run.folder / "questions.parquet")
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

    target = write(tmp_path / "run", "old")
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
    export_run(run, format, write(tmp_path / "run", "old"))
    assert b"old" not in (tmp_path / "run").read_bytes()
    assert not list(tmp_path.glob("*.partial"))


# There and back


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


# In: what a run becomes


def test_the_least_that_a_line_can_say(tmp_path):
    run = import_samples(write(tmp_path / "My set!.jsonl", sampled("Why?", ["a", ""])), "Lab/model-7B")
    (question,) = run.questions().itertuples()
    assert (question.dataset, question.text, question.prompt) == ("my-set", "Why?", "Q: Why?\nA:")
    rows = run.responses()
    assert list(rows["text"]) == ["", "a", ""]  # greedy, 0, 1; the empty answer is kept
    assert list(rows["finish_reason"]) == ["error", "unknown", "unknown"]
    assert list(rows["entropy_kind"]) == ["exact"] * 3
    assert [len(tokens) for tokens in rows["tokens"]] == [0, 0, 0]
    assert run.identity == Identity(
        model="Lab/model-7B",
        revision=run.identity.revision,
        dtype="unknown",
        dataset="my-set",
        question_ids_sha256=question_ids_sha256([question.id]),
        n_questions=1,
        decoding=Decoding(n_samples=2),
        prompt_style="unknown",
        prompts_sha256=run.identity.prompts_sha256,
    )
    assert run.provenance == Provenance(
        run.provenance.created, "complete", device="elsewhere", imported_from="My set!.jsonl"
    )
    assert run.is_imported


def test_nothing_is_wrong_with_an_imported_run_but_that_it_is_not_scored(tmp_path):
    numbers = {"token_logprobs": [[-1, 0], []], "token_entropies": [[1, 0], []]}
    run = import_samples(write(tmp_path / "a.jsonl", sampled(**numbers), sampled("How?", ["", "b"])), "m")
    assert verify(run.id) == [
        f"There is no {name}.parquet; run `python -m homog_core score {run.id}`." for name in store.TABLES
    ]
    assert len(list(run.folder.glob("responses-*"))) == 1


def test_an_imported_run_is_scored_like_any_other(tmp_path):
    numbers = {"token_logprobs": [[-1, -3], [-1], [-1]], "token_entropies": [[1, 2], [1], [3]]}
    lines = [sampled("Why?", ["a b", "a b", "c d"], **numbers), sampled("How?", ["x", "", ""])]
    run = import_samples(write(tmp_path / "a.jsonl", *lines), "m")
    scored = score_run(run.id, [FakeEncoder()], clusterers=[Clusterer("jaccard", 0.4)])
    scores = scored.table("scores").set_index("question_id").loc[list(scored.questions()["id"])]
    assert list(scores["n_valid"]) == [3, 1]
    assert scores["num_semantic_sets@jaccard"].iloc[0] == 2
    assert scores["mean_token_entropy"].isna().all()  # there is no greedy answer
    assert scores["mean_token_entropy_sampled"].iloc[0] == pytest.approx((1.5 + 1 + 3) / 3)
    assert verify(run.id) == []


LOGPROBS_ALONE = {"token_logprobs": [[-1, -3], [-1]], "greedy_answer": "a", "greedy_token_logprobs": [-2]}
ENTROPIES_ALONE = {"token_entropies": [[1, 2], [4]], "greedy_answer": "a", "greedy_token_entropies": [3]}


@pytest.mark.parametrize(
    ("fields", "known", "unknown"),
    [
        (LOGPROBS_ALONE, {"perplexity": math.exp(2), "predictive_entropy": 2.5}, "mean_token_entropy"),  # (4 + 1) / 2
        (ENTROPIES_ALONE, {"mean_token_entropy": 3, "mean_token_entropy_sampled": 2.75}, "perplexity"),
    ],
    ids=["log-probabilities alone", "entropies alone"],
)
def test_log_probabilities_and_entropies_may_come_alone(fields, known, unknown, tmp_path):
    lines = [sampled("Why?", ["a b", "c"], **fields), sampled("How?", ["x", ""])]
    run = import_samples(write(tmp_path / "a.jsonl", *lines), "m")
    scores = score_run(run.id, [FakeEncoder()], clusterers=[Clusterer("jaccard", 0.4)]).table("scores")
    row = scores.set_index("question_id").loc[run.questions()["id"].iloc[0]]
    assert {name: row[name] for name in known} == pytest.approx(known)
    assert math.isnan(row[unknown])
    if fields is LOGPROBS_ALONE:
        entropy_scores = ("max_token_entropy", "std_token_entropy", "high_entropy_ratio", "mean_token_entropy_sampled")
        assert row[list(entropy_scores)].isna().all()
    assert row["num_semantic_sets@jaccard"] == 2
    assert verify(run.id) == []


@pytest.mark.parametrize("fields", [LOGPROBS_ALONE, ENTROPIES_ALONE])
@pytest.mark.parametrize("format", ["parquet", "jsonl", "csv"])
def test_what_was_not_given_is_null_when_it_is_exported(format, fields, tmp_path):
    run = import_samples(write(tmp_path / "a.jsonl", sampled(**fields), sampled("How?")), "m")
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


def test_verify_stays_strict_where_numbers_were_given(tmp_path):
    run = import_samples(write(tmp_path / "a.jsonl", sampled(**LOGPROBS_ALONE)), "m")
    shard = next(run.folder.glob("responses-*"))
    rows = pq.read_table(shard).to_pylist()
    for changed in (
        {"token_logprobs": [math.nan, -1]},
        {"token_entropies": [1.0, math.nan]},
        {"entropy_kind": "exact"},
    ):
        edited = [row | (changed if row["sample_index"] == 0 else {}) for row in rows]
        write_parquet(shard, pa.Table.from_pylist(edited, schema=SCHEMAS["responses"]))
        assert any("sample 0: a number is not finite" in problem for problem in verify(run.id))


def test_numbers_without_tokens_get_empty_ones(tmp_path):
    fields = {"token_logprobs": [[-1.5, 5e-7]], "token_entropies": [[0.25, 10**20]]}
    run = import_samples(write(tmp_path / "a.jsonl", sampled(answers=["a"], **fields)), "m")
    _, response = (response_of(row) for row in run.responses().itertuples())
    assert response.tokens == ("", "")
    np.testing.assert_array_equal(response.token_logprobs, np.float32([-1.5, 5e-7]))
    np.testing.assert_array_equal(response.token_entropies, np.float32([0.25, 1e20]))
    assert response.own_tokens == slice(0, 2)  # nobody has said that the last one ended it
    assert run.provenance.n_tokens == 2


def test_the_greedy_answer_with_what_is_known_of_it(tmp_path):
    greedy = {
        "greedy_answer": "g",
        "greedy_token_logprobs": [-1],
        "greedy_token_entropies": [2],
        "greedy_tokens": ["g"],
    }
    run = import_samples(write(tmp_path / "a.jsonl", sampled(**greedy, greedy_finish_reason="length")), "m")
    response = response_of(next(run.responses().itertuples()))
    assert (response.text, response.tokens, response.finish_reason) == ("g", ("g",), "length")
    assert (list(response.token_logprobs), list(response.token_entropies)) == ([-1], [2])


def test_the_fields_of_a_question(tmp_path):
    fields = {"id": 7, "references": ["x", 3], "incorrect_references": "y; z", "category": "c", "answer_type": "number"}
    own = write(tmp_path / "own.jsonl", sampled(**fields), sampled("How?"))
    run = import_samples(own, "m")
    assert [question_of(row) for row in run.questions().itertuples()] == load_questions(str(own))
    assert run.questions()["id"][0] == "7"


def test_null_is_as_good_as_absent(tmp_path):
    names = ["id", "references", "category", "answer_type", "prompt", "tokens", "finish_reasons", "greedy_answer"]
    null = dict.fromkeys([*names, "token_logprobs", "greedy_tokens"])
    run = import_samples(write(tmp_path / "a.jsonl", sampled(**null), ""), "m")
    assert run.questions()["id"][0].startswith("a-")
    assert len(run.responses()) == 3


def test_a_byte_order_mark_and_windows_lines_are_read(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(b"\xef\xbb\xbf" + json.dumps(sampled()).encode() + b"\r\n\r\n")
    (tmp_path / "b.csv").write_bytes(b"\xef\xbb\xbfquestion,answer\r\nWhy?,a\r\nWhy?,b\r\n")
    for name in ("a.jsonl", "b.csv"):
        assert list(texts_of(import_samples(tmp_path / name, "m")).values()) == ["", "a", "b"]


def test_dataset_and_decoding_are_what_the_caller_knows(tmp_path):
    path = write(tmp_path / "a.jsonl", sampled())
    run = import_samples(path, " m ", "Truthful QA/", Decoding(n_samples=99, temperature=0.5, max_new_tokens=64))
    assert (run.identity.model, run.identity.dataset) == ("m", "truthful-qa")
    assert run.decoding == Decoding(n_samples=2, temperature=0.5, max_new_tokens=64)
    assert run.id != import_samples(path, "m", "Truthful QA/").id


def test_the_same_file_is_the_same_run(tmp_path):
    path = write(tmp_path / "a.jsonl", sampled(), sampled("How?"))
    first, created = import_samples(path, "m"), "first"
    with write_run(first.identity, first.provenance, []) as writer:
        writer.update(created=created)
    second = import_samples(path, "m")
    assert (second.id, second.provenance.created) == (first.id, created)
    assert len(list_runs()) == 1
    assert len(second.responses()) == 2 * 3
    write(path, sampled(), sampled("How?", ["a", "c"]))  # another file
    assert import_samples(path, "m").id != first.id


def test_csv_has_a_row_an_answer(tmp_path):
    rows = [
        ["id", "question", "answer", "sample_index", "references", "category", "answer_type"],
        ["q1", "Why?", "b", "1", "x; y", "c", "text"],
        ["q2", "How many?", "3", "0", "3", "", "number"],
        ["q1", "Why?", "a,\nthen", "0", "x; y", "c", "text"],
        ["q1", "Why?", "g", "-1", "x; y", "c", "text"],
        ["q2", "How many?", "", "1", "3", "", "number"],
    ]
    with (tmp_path / "a.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)
    run = import_samples(tmp_path / "a.csv", "m")
    assert texts_of(run) == {
        ("q1", GREEDY): "g",
        ("q1", 0): "a,\nthen",
        ("q1", 1): "b",
        ("q2", GREEDY): "",
        ("q2", 0): "3",
        ("q2", 1): "",
    }
    first, second = (question_of(row) for row in run.questions().itertuples())
    assert first == Question("q1", "a", "Why?", ("x", "y"), (), "c")
    assert (second.references, second.answer_type) == (("3",), "number")
    assert run.decoding.n_samples == 2


def test_csv_rows_without_an_index_count_as_they_come(tmp_path):
    run = import_samples(write(tmp_path / "a.csv", "question,answer", "Why?,b", "How?,x", "Why?,a", "How?,y"), "m")
    assert list(run.responses().groupby("question_id")["text"].apply(list)) in (
        [["", "b", "a"], ["", "x", "y"]],
        [["", "x", "y"], ["", "b", "a"]],
    )


# In: what is refused


def pair(**fields):
    """Numbers of one answer with two tokens, some of them replaced."""
    numbers = {"token_logprobs": [[-1, -2]], "token_entropies": [[1, 2]]}
    return sampled(**({"answers": ["a b"]} | numbers | fields))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"answers": ["a"]}, "there is no `question`; `question` and `answers` must be there"),
        ({"question": "Why?"}, "there is no `answers`; `question` and `answers` must be there"),
        (sampled(" \n"), "the question is empty"),
        (sampled(None), "`question` must be a text, not null"),
        (sampled(5), "`question` must be a text, not a number"),
        (sampled("x" * 100_001), "the question has 100,001 characters; cut it"),
        (sampled() | {"answers": "a"}, "`answers` must be a list of texts, not a text"),
        (sampled() | {"answers": None}, "`answers` must be a list of texts, not null"),
        (sampled() | {"answers": []}, "`answers` has 0 entries; give 1 to 500"),
        (sampled(answers=["a", None]), "answer 2: this must be a text, not null"),
        (sampled(answers=["a", {}]), "answer 2: this must be a text, not an object"),
        (sampled(answers=["a", "x" * 123_456]), "answer 2: it has 123,456 characters and the limit is 100,000; cut it"),
        (sampled(answers=["a\0b"]), "answer 1: it holds a null character; take that out"),
        (sampled(answers=["a", "\ud800"]), "answer 2: it holds half of a surrogate pair"),
        (sampled("Why\0?"), "`question`: it holds a null character"),
        (sampled("Why \udc00?"), "`question`: it holds half of a surrogate pair"),
        (sampled(id="\0"), "`id`: it holds a null character"),
        (sampled(references=["a", "\0"]), "`references`: it holds a null character"),
        (sampled(id=True), "`id` must be a text or a whole number, not true or false"),
        (sampled(id=[1]), "`id` must be a text or a whole number, not a list"),
        (sampled(references={"a": 1}), "`references` must be a text or a list of texts"),
        (sampled(category=["a"]), "`category` must be a text, not a list"),
        (sampled(answer_type="date"), "answer_type 'date'; use 'text' or 'number'"),
        (sampled(prompt=1), "`prompt` must be a text, not a number"),
        (sampled(greedy_answer=["a"]), "`greedy_answer` must be a text, not a list"),
        (sampled(greedy_answer="x" * 100_001), "greedy answer: it has 100,001 characters"),
        (sampled(greedy_tokens=[]), "a `greedy_tokens` without a `greedy_answer`; give both or neither"),
        (sampled(finish_reasons=["stop"]), "`finish_reasons` has 1 entries for 2 answers; give one per answer"),
        (sampled(finish_reasons=["stop", "tired"]), "answer 2: its finish reason is not one of stop, length, error"),
        (sampled(finish_reasons=["stop", ["stop"]]), "answer 2: its finish reason is not one of"),
        (sampled(finish_reasons="stop"), "`finish_reasons` must be a list with one entry per answer, not a text"),
        (sampled(entropy_kinds=["exact", "top_k"]), "answer 2: its entropy kind is neither 'exact' nor 'top_k:<k>'"),
        (sampled(tokens=[["a"], ["b"]]), "answer 1: there are tokens and no numbers; give token_logprobs, token_entro"),
        (pair(token_entropies=None, tokens=[["a"]]), "answer 1: there are 1 tokens, 2 token_logprobs and 2 token_ent"),
        (pair(entropy_kinds=["none"]), "answer 1: its entropy kind is 'none' and token_entropies are there; leave"),
        (
            pair(token_entropies=None, entropy_kinds=["exact"]),
            "its entropy kind is 'exact' and token_entropies are not",
        ),
        (sampled(token_logprobs=[[-1]], token_entropies=[[1], [1]]), "`token_logprobs` has 1 entries for 2 answers"),
        (pair(token_logprobs=[None]), "`token_logprobs` has an entry that is null; give all of them or leave the"),
        (pair(token_logprobs=[-1]), "answer 1, token_logprobs: this must be a list of numbers, not a number"),
        (pair(token_logprobs=[[-1]]), "answer 1: there are 1 tokens, 1 token_logprobs and 2 token_entropies"),
        (pair(tokens=[["a"]]), "answer 1: there are 1 tokens, 2 token_logprobs and 2 token_entropies; give as many"),
        (pair(tokens=[["a", 1]]), "answer 1: its tokens must be a list of texts"),
        (pair(tokens=[["a", "\0"]]), "answer 1, tokens: it holds a null character"),
        (pair(token_entropies=[[1, None]]), "answer 1, token_entropies: number 2 is null; every token needs a number"),
        (pair(token_entropies=[[True, 1]]), "answer 1, token_entropies: number 1 is true or false"),
        (pair(token_entropies=[[1, "2"]]), "answer 1, token_entropies: number 2 is a text"),
        (pair(token_entropies=[[1, -0.1]]), "number 2 is -0.1; an entropy is at least 0, and finite"),
        (pair(token_entropies=[[math.nan, 1]]), "number 1 is nan; an entropy is at least 0, and finite"),
        (pair(token_entropies=[[math.inf, 1]]), "number 1 is inf; an entropy"),
        (pair(token_entropies=[[10**40, 1]]), "number 1 is 100000000000000000000000; an entropy"),  # no float32
        (pair(token_logprobs=[[-1, 2e-6]]), "number 2 is 2e-06; a log-probability is at most 0, and finite"),
        (pair(token_logprobs=[[-math.inf, -1]]), "number 1 is -inf; a log-probability"),
        (pair(token_logprobs=[[math.nan, -1]]), "number 1 is nan; a log-probability"),
        (
            pair(answers=["<think>hm</think>a"]),
            "answer 1: the numbers of its reasoning cannot be told from its own; give the tokens as pieces of the text",
        ),
        (sampled(greedy_answer="g", greedy_tokens=["g"]), "line 3, greedy answer: there are tokens and no numbers"),
        ([sampled()], "a line must be a JSON object, not a list"),
        ("{'question': 1}", "this is not JSON"),
        ('{"question": "Why?", "answers": ["a\0"]}', "this is not JSON"),
        ("[" * 200_000, "this is not JSON"),
        ('{"id": ' + "9" * 5000 + "}", "this is not JSON"),
    ],
)
def test_a_complaint_names_the_line(row, message, tmp_path):
    good = sampled("Good?", ["a"] * len(row["answers"]) if isinstance(row, dict) and row.get("answers") else ["a"])
    path = write(tmp_path / "own.jsonl", good, "", row)
    with pytest.raises(InvalidInput) as caught:
        import_samples(path, "m")
    assert str(caught.value).startswith("own.jsonl, line 3")
    assert message in str(caught.value)
    assert len(str(caught.value)) < 250
    assert list_runs() == []  # the good line before it is not stored either


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [sampled(), sampled("How?", ["a"])],
            "line 2: the question has 1 answers, but that of line 1 has 2; a run needs",
        ),
        ([sampled(id="q"), sampled("How?", id="q")], "line 2: the id 'q' already stands in line 1"),
        ([sampled(id=1), sampled("How?", id="1")], "line 2: the id '1' already stands in line 1"),
        ([sampled(id="a"), sampled(" Why? ", id="b")], "line 2: the question already stands in line 1; keep one"),
        ([sampled(), sampled()], "line 2: the id 'own-[0-9a-f]{10}' already stands in line 1"),
        ([], "own.jsonl has no rows; give at least one question"),
        (["", "  "], "own.jsonl has no rows"),
    ],
)
def test_lines_that_do_not_go_together(rows, message, tmp_path):
    with pytest.raises(InvalidInput, match=message):
        import_samples(write(tmp_path / "own.jsonl", *rows), "m")
    assert list_runs() == []


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["question,text", "Why?,a"], "own.csv, line 2: there is no `answer`; `question` and `answer` must be there"),
        (["text,answer", "Why?,a"], "own.csv, line 2: there is no `question`"),
        (["question,answer", "Why?,a", " ,b"], "own.csv, line 3: the question is empty"),
        (["question,answer", "Why?"], "own.csv, line 2: the row does not have the 2 columns"),
        (["question,answer", "Why?,a,b"], "own.csv, line 2: the row does not have the 2 columns"),
        (["question,answer", '"Why?" not,a'], "own.csv, line 2: "),
        (["question,answer", 'Why?,"a'], "own.csv, line 2: unexpected end of data"),
        (["question,answer", "Why?," + "x" * 100_001], "own.csv, line 2, answer: it has 100,001 characters"),
        (["question,answer", "Why?,a\0"], "own.csv, line 2, answer: it holds a null character"),
        (["question,answer", "Why?,a", "How?,a", "How?,b"], "own.csv, line 3: the question has 2 answers, but that of"),
        (["id,question,answer", "q,Why?,a", "q,How?,b"], "line 3: the id 'q' stands for another question in line 2"),
        (["id,question,answer", "q,Why?,a", "r,Why?,b"], "line 3: the question already stands in line 2"),
        (
            ["question,references,answer", "Why?,x,a", "Why?,,b"],
            "line 3: references, category or answer_type of the question are not those of line 2; repeat them",
        ),
        (["question,answer,sample_index", "Why?,a,0", "Why?,b,0"], "line 3: sample 0 of question .* is there twice"),
        (["question,answer,sample_index", "Why?,a,-1", "Why?,b,-1"], "line 3: sample -1 of question .* is there twice"),
        (["question,answer,sample_index", "Why?,a,0", "Why?,b,2"], "line 2: .* has 2 samples and the last is number 2"),
        (["question,answer,sample_index", "Why?,a,1.0"], "line 2: the sample_index is '1.0'; give 0, 1, …, or -1"),
        (["question,answer,sample_index", "Why?,a,"], "line 2: the sample_index is ''"),
        (["question,answer,sample_index", "Why?,a,-2"], "line 2: the sample_index is '-2'"),
        (["question,answer,sample_index", "Why?,a,-1"], "line 2: .* has a greedy answer and no sample"),
        (["question,answer"], "own.csv has no rows"),
        ([], "own.csv has no rows"),
    ],
)
def test_a_complaint_names_the_line_of_a_csv(rows, message, tmp_path):
    with pytest.raises(InvalidInput, match=message):
        import_samples(write(tmp_path / "own.csv", *rows), "m")
    assert list_runs() == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("own.jsonl", '{"question": "Why?", "answers": ["a"]}\n{"question": "Où?", "answers": ["a"]}\n'),
        ("own.csv", "question,answer\nOù?,a\n"),
    ],
)
def test_a_file_that_is_not_utf_8_is_refused(name, content, tmp_path):
    (tmp_path / name).write_bytes(content.encode("latin-1"))
    with pytest.raises(InvalidInput, match=f"{name}, line 2: this is not UTF-8 text; save it as UTF-8"):
        import_samples(tmp_path / name, "m")


def test_a_file_that_is_not_there_is_not_found(tmp_path):
    with pytest.raises(NotFound, match=r"There is no file .*own\.jsonl"):
        import_samples(tmp_path / "own.jsonl", "m")


def test_a_folder_another_format_and_a_file_of_somebody_else_are_refused(tmp_path, monkeypatch):
    (tmp_path / "folder.jsonl").mkdir()
    with pytest.raises(InvalidInput, match=r"folder\.jsonl is a folder; give a \.jsonl or \.csv file"):
        import_samples(tmp_path / "folder.jsonl", "m")
    with pytest.raises(InvalidInput, match=r"own\.json is neither a \.jsonl nor a \.csv file"):
        import_samples(write(tmp_path / "own.json", sampled()), "m")
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.R_OK)
    with pytest.raises(InvalidInput, match="may not be read by you"):
        import_samples(write(tmp_path / "own.jsonl", sampled()), "m")


def test_what_is_too_large_is_refused(tmp_path, monkeypatch):
    path = write(tmp_path / "own.jsonl", sampled("One?"), sampled("Two?"), sampled("Three?"))
    with monkeypatch.context() as patch:
        patch.setattr(importers, "MAX_QUESTIONS", 2)
        with pytest.raises(InvalidInput, match=r"own\.jsonl, line 3: there are more than 2 questions; import them in"):
            import_samples(path, "m")
    with monkeypatch.context() as patch:
        patch.setattr(reading, "MAX_LINE", 44)  # the first line has 43 bytes and its end
        with pytest.raises(InvalidInput, match=r"own\.jsonl, line 3: the line is longer than 44 bytes"):
            import_samples(path, "m")
    with monkeypatch.context() as patch:
        patch.setattr(importers, "MAX_BYTES", 100)
        with pytest.raises(InvalidInput, match=r"own\.jsonl has 134 bytes and the limit is 100; import it in parts"):
            import_samples(path, "m")
    assert import_samples(path, "m").identity.n_questions == 3


@pytest.mark.parametrize("model", ["", "  ", "x" * 101, "a\nb", "a\0"])
def test_a_name_that_is_none_is_refused(model, tmp_path):
    path = write(tmp_path / "a.jsonl", sampled())
    with pytest.raises(InvalidInput, match="is no name for a model; give one of 1 to 100 printable characters"):
        import_samples(path, model)
    with pytest.raises(InvalidInput, match="is no name for a dataset"):
        import_samples(path, "m", "../..")
    assert list_runs() == []


def test_names_cannot_leave_the_cache(tmp_path):
    run = import_samples(write(tmp_path / "a.jsonl", sampled()), "../../" + "ü" * 94, "..//" + "é" * 96)
    assert run.folder.parent == tmp_path / "runs"
    assert run.folder.name == run_id_of(run.identity)


# In: what happens meanwhile


class Killed(BaseException):
    pass


def killed_after(n_questions, monkeypatch):
    """Make the writer die after that many questions, with shards of one question."""
    write_shard = RunWriter._write_shard

    def dying(self, tables):
        if len(self.sampled) == n_questions:
            raise Killed
        write_shard(self, tables)

    monkeypatch.setattr(write_module, "SHARD_QUESTIONS", 1)
    monkeypatch.setattr(RunWriter, "_write_shard", dying)


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv"])
def test_an_import_that_was_killed_is_gone_on_with(name, tmp_path, monkeypatch):
    questions = ["One?", "Two?", "Three?"]
    if name == "a.csv":
        path = write(tmp_path / name, "question,answer", *(f"{q},{a}" for q in questions for a in "ab"))
    else:
        path = write(tmp_path / name, *(sampled(q) for q in questions))
    with monkeypatch.context() as patch, pytest.raises(Killed):
        killed_after(2, patch)
        import_samples(path, "m")
    (half,) = list_runs()
    assert half.provenance.status == "importing"
    assert len(half.sampled_ids()) == 2
    assert "The run is importing; import the same file under the same names again to go on with it." in verify(half.id)

    run = import_samples(path, "m")
    assert run.id == half.id
    assert run.provenance.status == "complete"
    assert len(run.responses()) == 3 * 3
    assert len(verify(run.id)) == len(store.TABLES)


def test_an_import_that_was_killed_at_its_end_is_completed(tmp_path, monkeypatch):
    def killed(self):
        raise Killed

    path = write(tmp_path / "a.jsonl", sampled(), sampled("How?"))
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(RunWriter, "merge", killed)
        import_samples(path, "m")
    assert open_run(list_runs()[0].id).provenance.status == "importing"
    assert import_samples(path, "m").provenance.status == "complete"


def test_a_file_that_changes_meanwhile_is_not_mixed(tmp_path, monkeypatch):
    path = write(tmp_path / "a.jsonl", sampled("One?"), sampled("Two?"))
    write_shard = RunWriter._write_shard

    def changing(self, tables):
        write_shard(self, tables)
        write(path, sampled("One?"), sampled("Two?", ["other", "answers"]), sampled("Three?"))

    with monkeypatch.context() as patch:
        patch.setattr(write_module, "SHARD_QUESTIONS", 1)
        patch.setattr(RunWriter, "_write_shard", changing)
        with pytest.raises(HomogError, match=r"a\.jsonl has changed while it was being imported; import it again"):
            import_samples(path, "m")
    assert [run.provenance.status for run in list_runs()] == ["importing"]
    assert len(import_samples(path, "m").sampled_ids()) == 3


def test_a_file_that_changes_before_anything_is_stored_leaves_nothing(tmp_path, monkeypatch):
    path = write(tmp_path / "a.jsonl", sampled())
    survey = importers._survey

    def changing(samples, source):
        found = survey(samples, source)
        write(path, sampled(), sampled("How?"))
        return found

    monkeypatch.setattr(importers, "_survey", changing)
    with pytest.raises(HomogError, match="has changed while it was being imported"):
        import_samples(path, "m")
    assert list_runs() == []


# In: a file that somebody sends


def leftovers(own_cache):
    """What an upload has left in the folder of temporary files, and in the cache."""
    return [*Path(tempfile.gettempdir()).glob("homog-upload-*"), *own_cache.rglob("*.parquet")]


def test_an_upload_becomes_a_run_and_nothing_else_is_left(own_cache):
    content = json.dumps(sampled()).encode()
    run = import_upload("My answers.jsonl", content, "m", None, Decoding(temperature=0.5))
    assert (run.provenance.imported_from, run.identity.dataset) == ("My answers.jsonl", "my-answers")
    assert run.id == import_upload("other.jsonl", memoryview(content), "m", "My answers", Decoding(temperature=0.5)).id
    assert {path.parent for path in leftovers(own_cache)} == {run.folder}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("../../evil.jsonl", b"{}", "is not the plain name of a file; rename the file"),
        ("/etc/passwd.csv", b"question,answer", "is not the plain name of a file"),
        (r"C:\\evil.csv", b"question,answer", "is not the plain name of a file"),
        ("..", b"", "is not the plain name of a file"),
        ("", b"", "is not the plain name of a file"),
        ("a\0.csv", b"", "is not the plain name of a file"),
        ("x" * 300 + ".csv", b"", "is not the plain name of a file"),
        ("picture.png", b"\x89PNG", "picture.png is neither a .jsonl nor a .csv file"),
        ("picture.jsonl", b"\x89PNG\r\n", "picture.jsonl, line 1: this is not UTF-8 text"),
        ("lines.csv", b'{"question": "Why?", "answers": ["a"]}\n', "lines.csv has no rows"),
        ("table.jsonl", b"question,answer\nWhy?,a\n", "table.jsonl, line 1: this is not JSON"),
        ("a.jsonl", b'{"question": "Why?", "answers": ["a"], "token_entropies": [[NaN]]}', "number 1 is nan"),
        ("a.jsonl", b'{"question": "Why?", "answers": [NaN]}', "answer 1: this must be a text, not a number"),
        ("empty.csv", b"", "empty.csv has no rows"),
    ],
)
def test_a_bad_upload_gets_a_sentence_and_leaves_nothing(name, content, message, own_cache):
    with pytest.raises(InvalidInput) as caught:
        import_upload(name, content, "m")
    assert message in str(caught.value)
    assert str(caught.value).count("\n") == 0
    assert leftovers(own_cache) == []


@pytest.mark.parametrize(("name", "content"), [("a.jsonl", jsonl.EXAMPLE_JSONL), ("a.csv", csv_rows.EXAMPLE_CSV)])
def test_the_example_is_what_it_shows(name, content):
    run = import_upload(name, content.encode(), "m")
    assert "It is Mars." in set(run.responses()["text"])


def test_progress_is_told(tmp_path):
    told = []
    import_samples(
        write(tmp_path / "a.jsonl", sampled(), sampled("How?")), "m", on_progress=lambda *step: told.append(step)
    )
    assert told == [("Storing", 1, 2), ("Storing", 2, 2)]


def test_an_import_never_writes_into_a_run_whose_id_it_was_made_to_match(tmp_path, monkeypatch):
    run = stored_run([RED, CUT, FAILED])
    before = {path.name: path.read_bytes() for path in run.folder.iterdir()}
    monkeypatch.setattr(write_module, "run_id_of", lambda identity: run.id)
    with pytest.raises(HomogError, match=f"Another run is stored as {run.id}; give the model or the dataset another"):
        import_samples(write(tmp_path / "a.jsonl", sampled()), "fake", "test")
    assert {path.name: path.read_bytes() for path in run.folder.iterdir()} == before


def test_two_imports_at_once_are_not_mixed(tmp_path):
    path = write(tmp_path / "a.jsonl", sampled())
    run = import_samples(path, "m")
    with write_run(run.identity, run.provenance, []), pytest.raises(HomogError, match="written by another process"):
        import_samples(path, "m")


def test_reasoning_is_told_by_its_tokens(tmp_path):
    row = pair(answers=["<think>hm</think>a"], tokens=[["<think>hm</think>", "a"]])
    run = import_samples(write(tmp_path / "a.jsonl", row), "m")
    response = response_of(list(run.responses().itertuples())[1])
    assert list(response.token_entropies[response.own_tokens]) == [2]


@pytest.mark.parametrize(
    ("tokens", "own"),
    [
        ([" Pa", "ris"], [0.1, 5.0]),  # the token that ended it was not returned
        (["Paris", "</s>"], [0.1]),
        (["Paris", ".\n"], [0.1]),  # it ends the line
        (None, [0.1, 5.0]),  # nobody knows, so none is left out
    ],
)
def test_the_last_token_of_an_answer_is_not_taken_for_the_one_that_ended_it(tokens, own, tmp_path):
    text = "Paris." if tokens == ["Paris", ".\n"] else "Paris"
    row = sampled(answers=[text], finish_reasons=["stop"], token_entropies=[[0.1, 5.0]])
    path = write(tmp_path / "own.jsonl", row | ({"tokens": [tokens]} if tokens else {}))
    run = import_samples(path, "theirs")
    response = response_of(next(run.responses().query("sample_index == 0").itertuples()))
    assert response.token_entropies[response.own_tokens].tolist() == pytest.approx(own)


def test_more_answers_than_can_be_compared_are_refused(tmp_path):
    path = write(tmp_path / "own.jsonl", sampled(answers=["a"] * 501))
    with pytest.raises(InvalidInput, match="line 1: `answers` has 501 entries; give 1 to 500"):
        import_samples(path, "theirs")
