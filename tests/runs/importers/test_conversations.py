"""Shapes of real files: chat data sets, traces, tables of trackers. Each has the same two answers to a question."""

import datetime
import json

import pandas as pd
import pytest

from homog_core.runs.importers import About, import_file

pytestmark = pytest.mark.usefixtures("no_shipped_runs")
ASKED, ANSWERS = "Which planet is red?", ("Mars", "Venus")
USER = {"role": "user", "content": ASKED}
said = lambda text: {"role": "assistant", "content": text}
parts = lambda text: [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": text}]

SHAPES = {
    "messages": [{"messages": [{"role": "system", "content": "Be brief."}, USER, said(a)]} for a in ANSWERS],
    "ShareGPT": [{"conversations": [{"from": "human", "value": ASKED}, {"from": "gpt", "value": a}]} for a in ANSWERS],
    "a trace": [{"type": "GENERATION", "input": [USER], "output": said(a)} for a in ANSWERS],
    "a chat completion": [{"messages": [USER], "choices": [{"message": said(a)} for a in ANSWERS]}],
    "parts of messages": [{"question": ASKED, "answers": [parts(a) for a in ANSWERS]}],
    "outputs with reasoning": [
        {
            "question": ASKED,
            "output": [
                {"type": "reasoning", "summary": []},
                {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": a}]},
            ],
        }
        for a in ANSWERS
    ],
    "later turns": [{"messages": [{"role": "user", "content": "Hi"}, said("Hello"), USER, said(a)]} for a in ANSWERS],
    "a row with a question": [
        {"question": ASKED, "messages": [{"role": "user", "content": "x"}], "answer": a} for a in ANSWERS
    ],
}
WHOLE = {
    "a table of a tracker": {"columns": ["question", "answer"], "data": [[ASKED, a] for a in ANSWERS], "nrows": 2},
    "questions by id": {
        "q1": {"question": ASKED, "responses": ANSWERS},
        "q2": {"question": "Who?", "responses": ANSWERS},
    },
    "columns of texts": {"input_texts": [ASKED], "greedy_texts": ["Mars"], "sample_texts": [ANSWERS]},
}


def imported(path):
    """The question of a file and its sampled answers, as far as they are text."""
    run = import_file(path, About("m"))
    first = run.questions().iloc[0]
    rows = run.responses()
    own = rows[(rows["question_id"] == first["id"]) & (rows["sample_index"] >= 0)]
    return first["text"], tuple(own["text"].str.removeprefix("<think>hm</think>")), run


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("packing", ["jsonl", "json"])
def test_rows_with_conversations(name, packing, tmp_path):
    path, rows = tmp_path / f"a.{packing}", SHAPES[name]
    path.write_text(json.dumps(rows, indent=1) if packing == "json" else "\n".join(map(json.dumps, rows)))
    assert imported(path)[:2] == (ASKED, ANSWERS)


def test_messages_in_parquet(tmp_path):
    pd.DataFrame(SHAPES["messages"]).to_parquet(tmp_path / "a.parquet")
    assert imported(tmp_path / "a.parquet")[:2] == (ASKED, ANSWERS)


@pytest.mark.parametrize("name", WHOLE)
def test_objects_that_hold_a_table(name, tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(WHOLE[name]))
    assert imported(tmp_path / "a.json")[:2] == (ASKED, ANSWERS)


def test_a_table_of_markdown(tmp_path):
    lines = ("| question | answer |", "|---|:--:|", *(f"| {ASKED} | {answer} |" for answer in ANSWERS))
    (tmp_path / "a.md").write_text("\n".join(lines))
    assert imported(tmp_path / "a.md")[:2] == (ASKED, ANSWERS)


def test_dates_and_booleans_are_text(tmp_path):
    days = [datetime.datetime(1969, 7, 20), datetime.datetime(1969, 7, 21, 2, 56)]
    pd.DataFrame({"question": ASKED, "answer": days}).to_parquet(tmp_path / "a.parquet")
    assert imported(tmp_path / "a.parquet")[1] == ("1969-07-20", "1969-07-21 02:56:00")
    (tmp_path / "a.jsonl").write_text(json.dumps({"question": ASKED, "answers": [True, False]}))
    _, answers, run = imported(tmp_path / "a.jsonl")
    assert answers == ("true", "false")
    assert [note.kind for note in run.provenance.import_notes] == [
        "answers that are dates, or true or false, kept as text"
    ]


def test_a_setting_with_a_decimal_comma_is_read_and_one_that_is_no_number_is_noted(tmp_path):
    rows = [
        {"question": ASKED, "answer": a, "temperature": t} for a, t in zip("xyz", ("0,7", "0,7", "hot"), strict=True)
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    run = imported(tmp_path / "a.jsonl")[2]
    assert run.decoding.temperature == 0.7
    assert "`temperature` that is no number, left out" in {note.kind for note in run.provenance.import_notes}
