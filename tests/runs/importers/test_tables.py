"""Tables: one row an answer or lists in a column, the columns guessed, and what is noted of them."""

import csv
import gzip
import json
import zipfile
from contextlib import nullcontext

import numpy as np
import pandas as pd
import pytest
from fakes import make_row, texts_of, write_rows
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from homog_core.errors import InvalidInput
from homog_core.records import GREEDY, Question
from homog_core.runs.export import export_run
from homog_core.runs.importers import About, import_file, import_samples, of_each_model, tables
from homog_core.runs.importers.uploads import Upload, import_uploads
from homog_core.runs.store import list_runs, open_run
from homog_core.runs.tables import question_of
from homog_core.runs.verify import verify

pytestmark = pytest.mark.usefixtures("no_shipped_runs")


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
    run = import_samples(write_rows(tmp_path / "a.csv", "question,answer", "Why?,b", "How?,x", "Why?,a", "How?,y"), "m")
    assert list(run.responses().groupby("question_id")["text"].apply(list)) in (
        [["", "b", "a"], ["", "x", "y"]],
        [["", "x", "y"], ["", "b", "a"]],
    )


def noted(run):
    """What an import has noted, as one text a note."""
    return [f"{note.kind} | {note.count} | {note.first}" for note in run.provenance.import_notes]


def answers_of(run):
    """The texts of the samples of each question."""
    rows = run.responses().query("sample_index >= 0").merge(run.questions(), left_on="question_id", right_on="id")
    return {text: list(group["text_x"]) for text, group in rows.groupby("text_y", sort=False)}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["question,text2", "Why?,a"], "own.csv, line 2: there is no `answers` among 'question', 'text2'"),
        (["question,answr", "Why?,a"], "is it `answr`"),
        (["words,answer", "Why?,a"], "own.csv, line 2: there is no `question` among 'words', 'answer'"),
        (["question,answer", "Why?"], "own.csv, line 2: the row does not have the 2 columns"),
        (["question,answer", "Why?,a,b"], "own.csv, line 2: the row does not have the 2 columns"),
        (["question,answer", '"Why?" not,a'], "own.csv, line 2: this is not CSV"),
        (["question,answer", 'Why?,"a'], "own.csv, line 2: this is not CSV .unexpected end of data"),
        (["question,answer,answer", "Why?,a,b"], "own.csv, line 1: the column 'answer' is there twice; keep one"),
        (
            ["question,answer,sample_index", "Why?,a,-1"],
            "own.csv has no rows with answers .questions without an answer",
        ),
        (["question,answer"], "own.csv has no rows"),
        ([], "own.csv has no rows"),
    ],
)
def test_a_file_of_which_nothing_reads_is_refused(rows, message, tmp_path):
    with pytest.raises(InvalidInput, match=message):
        import_samples(write_rows(tmp_path / "own.csv", *rows), "m")
    assert list_runs() == []


@pytest.mark.parametrize(
    ("rows", "answers", "message"),
    [
        (["question,answer", "Why?,a", " ,b"], {"Why?": ["a"]}, "own.csv, line 3: the question is empty"),
        (["question,answer", "Why?,a", "How?"], {"Why?": ["a"]}, "own.csv, line 3: the row does not have the 2 col"),
        (["question,answer", "Why?,a", "Why?,a\0b"], {"Why?": ["a", "ab"]}, "characters that no text can hold"),
        (
            ["question,answer", "Why?,a", "How?,x", "How?,y"],
            {"Why?": ["a"], "How?": ["x"]},
            "questions with more than 1 answers, of which the first 1 are kept | 1 | own.csv, line 3",
        ),
        (
            ["question,references,answer", "Why?,x,a", "Why?,,b", "Why?,y,c"],
            {"Why?": ["a", "b", "c"]},
            "`references` that differs between rows of a question: the first one counts | 1 | own.csv, line 4",
        ),
        (
            ["question,answer,sample_index", "Why?,a,0", "Why?,b,0", "Why?,c,1"],
            {"Why?": ["a", "c"]},
            "answers whose sample index came before, left out | 1 | own.csv, line 3: sample 0 is there twice",
        ),
        (["question,answer,sample_index", "Why?,b,2", "Why?,a,0"], {"Why?": ["a", "b"]}, None),
        (
            ["question,answer,sample_index", "Why?,b,1.5", "Why?,a,0"],
            {"Why?": ["a", "b"]},
            "line 2, `sample_index`: it",
        ),
        (["question,answer,refs", "Why?,a,b"], {"Why?": ["a"]}, "'refs' is not a field that an import reads | 1"),
        (["question,answer,catgory", "Why?,a,b"], {"Why?": ["a"]}, "did you mean `category`?"),
        (["question,answer,answer_type", "Why?,a,date"], {"Why?": ["a"]}, "`answer_type`: it must be 'text', 'number'"),
        (["question,answer,answer_type", "Why?,a,"], {"Why?": ["a"]}, None),
        (["Question ,ANSWER", "Why?,a"], {"Why?": ["a"]}, "the column `ANSWER` is read as `answer`"),
        (["question;answer", "Why, then?;a, b", 'Why, then?;"c;d"'], {"Why, then?": ["a, b", "c;d"]}, None),
        (["question\tanswer", "Why?\ta"], {"Why?": ["a"]}, None),
        (["id,question,answer", "1,Why?,a", "2,Why?,b"], {"Why?": ["a", "b"]}, "ids that number the answers, not the"),
        (["instruction,output", "Why?,a", "Why?,b"], {"Why?": ["a", "b"]}, "the column `output` is read as `answer`"),
        (["question,answers", 'Why?,"[""a"", ""b, c""]"'], {"Why?": ["a", "b, c"]}, None),
        (["question,responses", "Why?,\"['a', 'b']\""], {"Why?": ["a", "b"]}, "`responses` is read as `answers`"),
    ],
)
def test_a_table_is_read_and_what_is_odd_is_noted(rows, answers, message, tmp_path):
    run = import_samples(write_rows(tmp_path / "own.csv", *rows), "m")
    assert answers_of(run) == answers
    assert any(message in note for note in noted(run)) if message else noted(run) == []


def test_rows_of_one_id_with_other_questions_are_two_questions(tmp_path):
    run = import_samples(write_rows(tmp_path / "own.csv", "id,question,answer", "q,Why?,a", "q,How?,b"), "m")
    assert answers_of(run) == {"Why?": ["a"], "How?": ["b"]}
    assert len(set(run.questions()["id"])) == 2
    assert noted(run) == ["questions that share an id: theirs are made of the prompts | 2 | own.csv, line 2: q"]


ROWS = [{"question": "Why?", "x": ["a", "b"]}, {"question": "How?", "x": ["c", "d"]}]


@pytest.mark.parametrize("suffix", ["json", "jsonl", "jsonl.gz", "json.gz", "parquet"])
@pytest.mark.parametrize("column", ["answers", "responses", "generations", "sampled_responses"])
def test_lists_in_a_column_of_every_packing(suffix, column, tmp_path):
    rows = [{"question": row["question"], column: row["x"]} for row in ROWS]
    path = tmp_path / f"a.{suffix}"
    if suffix == "parquet":
        pd.DataFrame(rows).to_parquet(path)
    else:
        text = json.dumps(rows) if "jsonl" not in suffix else "".join(json.dumps(row) + "\n" for row in rows)
        path.write_bytes(gzip.compress(text.encode()) if suffix.endswith("gz") else text.encode())
    assert answers_of(import_samples(path, "m")) == {"Why?": ["a", "b"], "How?": ["c", "d"]}


def test_a_pretty_printed_list_and_one_object_are_json(tmp_path):
    (tmp_path / "a.txt").write_text(json.dumps([make_row(), make_row("How?")], indent=1))
    assert len(answers_of(import_samples(tmp_path / "a.txt", "m"))) == 2
    (tmp_path / "b.txt").write_text(json.dumps(make_row(), indent=1))
    assert answers_of(import_samples(tmp_path / "b.txt", "m")) == {"Why?": ["a", "b"]}


def test_outputs_of_a_server_with_templates_find_the_same_question(tmp_path):
    """The question of both files is the one between the marks, so that their ids are the same."""
    base = {"prompt": "# Query:\n```\nWhy?\n```\n\n# Answer:\n```\n", "outputs": [{"generated_text": "a\n```"}]}
    chat = {"prompt": "<|user|>\nWhy?</s>\n<|assistant|>\n", "outputs": [{"generated_text": "b ```"}]}
    first = import_samples(write_rows(tmp_path / "a.jsonl", base), "m", "d")
    second = import_samples(write_rows(tmp_path / "b.jsonl", chat), "n", "d")
    assert answers_of(first) == {"Why?": ["a"]}  # the fence that the prompt opened is closed, and not the answer's
    assert answers_of(second) == {"Why?": ["b ```"]}
    assert first.identity.question_ids_sha256 == second.identity.question_ids_sha256
    assert first.questions()["prompt"][0] == base["prompt"]


def test_the_model_is_what_the_file_says_unless_somebody_names_it(tmp_path):
    rows = [{"prompt": "Why?", "model": "m1", "generations": ["a"]}]
    path = write_rows(tmp_path / "a.jsonl", *rows)
    assert import_file(path, About()).identity.model == "m1"
    assert import_file(path, About("mine")).identity.model == "mine"
    several = write_rows(tmp_path / "b.jsonl", *rows, {"prompt": "Why?", "model": "m2", "generations": ["b"]})
    with pytest.raises(InvalidInput, match=r"b\.jsonl has answers of several models; name one of m1, m2"):
        import_file(several, About())
    assert answers_of(import_file(several, About("m2"))) == {"Why?": ["b"]}
    both = of_each_model(lambda about: import_file(several, about), About(dataset="theirs"))
    assert [(run.identity.model, answers_of(run)) for run in both] == [("m1", {"Why?": ["a"]}), ("m2", {"Why?": ["b"]})]
    with pytest.raises(InvalidInput, match="several models"):  # a stage is of one of them
        of_each_model(lambda about: import_file(several, about), About(stage="sft"))
    (sent,) = [Upload(several.name, several.read_bytes())]
    assert [run.identity.model for run in import_uploads([sent], About(dataset="sent")).runs] == ["m1", "m2"]
    with pytest.raises(InvalidInput, match="does not say which model gave the answers"):
        import_file(write_rows(tmp_path / "c.jsonl", make_row()), About())


def test_columns_are_named_where_a_guess_is_wrong(tmp_path):
    rows = [{"question": "Why?", "wanted": ["a"], "answers": ["not these"], "gold2": "r"}]
    path = write_rows(tmp_path / "a.jsonl", *rows)
    run = import_file(path, About("m", columns={"answers": "wanted", "references": "gold2"}))
    assert answers_of(run) == {"Why?": ["a"]}
    assert list(run.questions()["references"][0]) == ["r"]
    assert any(note.startswith("'answers' is not a field") for note in noted(run))
    assert answers_of(import_samples(path, "m")) == {"Why?": ["not these"]}  # of the same file, and another run
    with pytest.raises(InvalidInput, match="there is no column 'wnted'; there are question, wanted, answers, gold2"):
        import_file(path, About("m", columns={"answers": "wnted"}))
    with pytest.raises(InvalidInput, match="There is no field 'anwers'; name columns for question"):
        import_file(path, About("m", columns={"anwers": "wanted"}))


def test_uqlm_has_the_first_response_beside_the_sampled_ones(tmp_path):
    row = {"prompt": "Why?", "response": "g", "sampled_responses": ["a", "b"], "semantic_negentropy": 0.5}
    run = import_samples(write_rows(tmp_path / "a.jsonl", row), "m")
    assert list(texts_of(run).values()) == ["g", "a", "b"]
    assert any("'semantic_negentropy' is not a field that an import reads" in note for note in noted(run))


@pytest.mark.parametrize("orient", ["columns", "records", "lines", "csv"])
def test_a_frame_is_read_as_pandas_writes_it(orient, tmp_path):
    frame = pd.DataFrame({"prompt": ["Why?", "How?"], "sampled_responses": [["a", "b"], ["c", "d"]]})
    path = tmp_path / "a.json"
    if orient == "csv":
        frame.to_csv(path, index=False)
    elif orient == "lines":
        frame.to_json(path, orient="records", lines=True)
    else:
        frame.to_json(path, orient=orient)
    assert answers_of(import_samples(path, "m")) == {"Why?": ["a", "b"], "How?": ["c", "d"]}


def test_records_of_the_older_repositories_once_exported(tmp_path):
    row = {
        "question": "Which planet is red?",
        "most_likely_answer": {"response": "Mars.", "token_log_likelihoods": [-0.1], "embedding": None},
        "reference": {"answers": {"answer_start": [], "text": ["Mars"]}, "id": "id0"},
        "responses": [["It is Mars.", [-0.5, -0.25], None, 1.0], ["Venus.", [-1.0], None, 0.0]],
    }
    run = import_samples(write_rows(tmp_path / "a.jsonl", row), "m")
    assert list(texts_of(run).values()) == ["Mars.", "It is Mars.", "Venus."]
    assert [list(numbers) for numbers in run.responses()["token_logprobs"]] == [
        [pytest.approx(-0.1)],
        [-0.5, -0.25],
        [-1.0],
    ]
    assert list(run.questions()["references"][0]) == ["Mars"]


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_our_own_export_comes_back(format, tmp_path):
    lines = [
        make_row("Why?", ["=1+1", "", "ü 🙂\nline"], id="a", greedy_answer="-5", token_logprobs=[[-1], [], [-2, -3]]),
        make_row("=How?", ["x", "y", "'z"], id="b"),
    ]
    run = import_samples(write_rows(tmp_path / "a.jsonl", *lines), "m")
    path = export_run(run, format, tmp_path / f"run.{format}")
    back = import_samples(path, "m")
    assert texts_of(back) == texts_of(run)
    assert list(back.responses()["finish_reason"]) == list(run.responses()["finish_reason"])
    if format == "parquet":
        for one, other in zip(back.responses()["token_logprobs"], run.responses()["token_logprobs"], strict=True):
            np.testing.assert_array_equal(one, other)


@given(
    st.dictionaries(
        st.text(st.characters(categories=("L", "N", "P", "Zs")), min_size=1, max_size=8).map(str.strip).filter(bool),
        st.lists(st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=8), min_size=2, max_size=2),
        min_size=1,
        max_size=4,
    )
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_packing_gives_the_same_answers(tmp_path, answers):
    rows = [{"question": question, "answers": texts} for question, texts in answers.items()]
    write_rows(tmp_path / "a.jsonl", *rows)
    (tmp_path / "a.json").write_text(json.dumps(rows))
    with (tmp_path / "a.csv").open("w", newline="") as stream:
        writer = csv.writer(stream, delimiter=";")
        writer.writerows(
            [["question", "answer"], *([row["question"], text] for row in rows for text in row["answers"])]
        )
    found = [answers_of(import_samples(tmp_path / name, "m")) for name in ("a.jsonl", "a.json", "a.csv")]
    assert found[0] == found[1] == found[2]


def test_a_table_with_more_answers_than_can_be_compared_is_cut(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("question,answer\n" + "".join(f"What?,a{i}\n" for i in range(700)))
    run = import_file(path, About("m"))
    assert (run.decoding.n_samples, len(run.responses())) == (500, 501)
    (note,) = [note for note in run.provenance.import_notes if "more than 500 answers" in note.kind]
    assert note.first.endswith(": 700")


@pytest.mark.parametrize(
    ("field", "value", "complaint"),
    [
        ("references", ["x"] * 1001, "it has more than 1,000 entries; cut it"),
        ("id", 10**30, "1000000000000000000"),
        ("prompt", "p" * 100_001, "the limit is 100,000; cut it"),
    ],
)
def test_what_is_too_long_is_left_out(field, value, complaint, tmp_path):
    run = import_file(
        write_rows(tmp_path / "a.jsonl", {"question": "What?", "answers": ["a"], field: value}), About("m")
    )
    (note,) = [note for note in run.provenance.import_notes if f"`{field}`" in note.kind]
    assert complaint in note.first
    assert len(note.first) < 200


# What spreadsheets and libraries write


@pytest.mark.parametrize(
    "lines",
    [
        ["sep=;", "question;answer", "Why?;a", "Why?;b"],
        ["sep=|", "question|answer", "Why?|a", "Why?|b"],
        ["question|answer", "Why?|a", "Why?|b"],
        ["", "question\tanswer", "Why?\ta", "Why?\tb"],
        ["question,answer,,", "Why?,a,,", ",,,", "Why?,b,,"],
        ["question,answer_2,answer_1", "Why?,b,a"],
        ["Question,Response 1,Response 2,Response 3", "Why?,a,b,"],
    ],
)
def test_forms_of_csv(lines, tmp_path):
    assert answers_of(import_samples(write_rows(tmp_path / "a.csv", *lines), "m")) == {"Why?": ["a", "b"]}


def test_lines_are_counted_from_the_first_of_the_file(tmp_path):
    path = write_rows(tmp_path / "a.csv", "sep=;", "question;answer", "Why?;a", "Why?;b;c", "Why?;b")
    assert any(
        "a.csv, line 4: the row does not have the 2 columns" in note for note in noted(import_samples(path, "m"))
    )


@pytest.mark.parametrize(
    "content",
    [
        '{"data": [{"question": "Why?", "answers": ["a", "b"]}]}',
        '{"question": ["Why?"], "answers": [["a", "b"]]}',
        '{"Why?": ["a", "b"]}',
        '{"question": "Why?", "answers": ["a", "b"]},\n{"question": "How?", "answers": ["c", "d"]},\n',
        '{\n "question": "Why?",\n "answers": ["a", "b"]\n}\n{\n "question": "How?",\n "answers": ["c", "d"]\n}',
    ],
)
def test_forms_of_json(content, tmp_path):
    (tmp_path / "a.json").write_text(content)
    found = answers_of(import_samples(tmp_path / "a.json", "m"))
    assert found == {"Why?": ["a", "b"]} | ({"How?": ["c", "d"]} if "How?" in content else {})


@pytest.mark.parametrize(
    ("head", "remedy"),
    [
        (b"BZh91AY", "packed with bzip2; unpack it first"),
        (b"\xfd7zXZ\x00", "packed with xz; unpack it first"),
        (b"\x28\xb5\x2f\xfd", "packed with zstd; unpack it first"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "a workbook of Excel; save the sheet as CSV"),
    ],
)
def test_a_packing_that_is_not_read_is_named(head, remedy, tmp_path):
    (tmp_path / "a.csv").write_bytes(head + bytes(range(200)))
    with pytest.raises(InvalidInput, match=remedy):
        import_samples(tmp_path / "a.csv", "m")


def test_a_workbook_is_told_by_what_is_in_it(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.csv", "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
    with pytest.raises(InvalidInput, match="a workbook of Excel; save the sheet as CSV"):
        import_samples(tmp_path / "a.csv", "m")


def test_nobody_has_said_the_model(tmp_path):
    with pytest.raises(InvalidInput, match=r"does not say which model gave the answers; name it \(`--model NAME`"):
        import_file(write_rows(tmp_path / "a.csv", "question,answer", "Why?,a"), About())


# How the answers were drawn


def test_rows_say_how_they_were_drawn(tmp_path):
    path = write_rows(
        tmp_path / "a.csv", "question,answer,temperature,top_p,max_tokens", "Why?,a,0.7,0.9,64", "Why?,b,,,"
    )
    found = import_samples(path, "m").decoding
    assert (found.temperature, found.top_p, found.max_new_tokens) == (0.7, 0.9, 64)


@pytest.mark.parametrize(("named", "wanted", "left_out"), [(None, "a", "1.0"), (1.0, "b", "0.7"), (0.2, "a", "1.0")])
def test_answers_at_several_temperatures_are_no_one_run(named, wanted, left_out, tmp_path):
    """Those of the temperature that a person names, else of the first; a person's word counts for what is recorded."""
    rows = [{"question": "Why?", "answers": [text], "temperature": t} for text, t in (("a", 0.7), ("b", 1.0))]
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    run = import_file(path, About("m", temperature=named))
    assert answers_of(run) == {"Why?": [wanted]}
    assert run.decoding.temperature == (named or 0.7)
    assert any("another `temperature`" in note and f"it is {left_out}" in note for note in noted(run))


def test_a_greedy_answer_in_the_first_row_is_not_how_the_samples_were_drawn(tmp_path):
    rows = [{"question": "Why?", "answer": f"at {t}", "temperature": t} for t in (0.0, 0.7, 0.7)]
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    run = import_file(path, About("m"))
    assert (answers_of(run), run.decoding.temperature) == ({"Why?": ["at 0.7", "at 0.7"]}, 0.7)
    assert any("another `temperature`" in note and "it is 0.0" in note for note in noted(run))


@pytest.mark.parametrize(("top_k", "stored"), [(50.0, 50), (2.5, 0), (-1, 0)])
def test_how_rows_were_drawn_is_stored_as_the_run_reads_it_back(tmp_path, top_k, stored):
    rows = [{"question": "Why?", "answer": answer, "top_k": top_k} for answer in "ab"]
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    run = open_run(import_file(path, About("m")).id)
    assert run.decoding.top_k == stored
    assert [problem for problem in verify(run.id) if "There is no" not in problem] == []
    assert any(("cannot be" if stored == 0 else "as the file says it") in note for note in noted(run))


# Answers that repeat their prompt


def test_a_prompt_before_every_answer_is_taken_out(tmp_path):
    asked = "Which planet is red?"
    rows = [
        make_row(question=asked, answers=[f"{asked}\nMars.", f"{asked} Venus."]),
        make_row(question="Which planet is blue?", answers=["Which planet is blue? Neptune.", "Earth."]),
    ]
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    run = import_samples(path, "m")
    texts = {q: [t.strip() for t in texts] for q, texts in answers_of(run).items()}
    assert texts[asked] == ["Mars.", "Venus."]
    assert texts["Which planet is blue?"] == ["Which planet is blue? Neptune.", "Earth."]
    assert any("begin with their prompt, which is taken out | 2" in note for note in noted(run))


def test_a_prompt_is_taken_out_of_the_greedy_answer_too_and_beside_answers_that_are_null(tmp_path):
    asked = "Which planet is red?"
    row = make_row(question=asked, answers=[f"{asked} Mars.", None], greedy_answer=f"{asked} Mars, I think.")
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(row))
    rows = import_samples(path, "m").responses().set_index("sample_index")
    assert [rows.loc[i, "text"].strip() for i in (GREEDY, 0, 1)] == ["Mars, I think.", "Mars.", ""]


@pytest.mark.parametrize("said", [True, "warm", -1, 10**400, float("nan"), [0.7]])
def test_a_decoding_that_cannot_be_is_noted(said, tmp_path):
    path = tmp_path / "a.jsonl"
    rows = [{"question": "Why?", "answers": ["a"], "max_tokens": said, "temperature": said}]
    path.write_text("\n".join(json.dumps(row) for row in rows))
    run = import_samples(path, "m")
    assert (run.decoding.temperature, run.decoding.max_new_tokens) == (1.0, 1024)
    assert list_runs()[0].identity == run.identity  # as it is read back


def test_the_greedy_answer_may_be_drawn_in_another_way(tmp_path):
    path = write_rows(
        tmp_path / "a.csv", "question,answer,sample_index,temperature", "Why?,g,-1,0", "Why?,a,0,1.0", "Why?,b,1,1.0"
    )
    assert texts_of(import_samples(path, "m")) == {(q, i): t for q, i, t in _why((GREEDY, "g"), (0, "a"), (1, "b"))}


def _why(*answers):
    (question,) = {row["question_id"] for row in list_runs()[0].responses().to_dict("records")}
    return [(question, index, text) for index, text in answers]


def test_what_is_said_beside_a_list_of_rows_is_said_of_each(tmp_path):
    path = tmp_path / "a.json"
    rows = [{"question": "Why?", "answers": ["a"]}]
    path.write_text(json.dumps({"model": "m", "temperature": 0.7, "seed": 3, "results": rows}))
    run = import_file(path, About())
    assert (run.identity.model, run.decoding.temperature, answers_of(run)) == ("m", 0.7, {"Why?": ["a"]})
    assert any("'seed' is not a field that an import reads" in note for note in noted(run))
    path.write_text('{"question": "Why?", "answers": ["a"], "examples": [{"question": "How?", "answers": ["b"]}]}')
    assert answers_of(import_file(path, About("m2"))) == {"Why?": ["a"]}


@pytest.mark.parametrize("answers", [{"answers": ["a", "b"]}, {}])
def test_of_a_row_with_ever_so_many_fields_a_few_are_guessed_at(tmp_path, monkeypatch, answers):
    guesses = []
    near = tables.get_close_matches
    monkeypatch.setattr(
        tables, "get_close_matches", lambda *args, **kwargs: guesses.append(args) or near(*args, **kwargs)
    )
    path = write_rows(tmp_path / "wide.jsonl", {"question": "Why?", **answers, **{f"f{i}": i for i in range(10_000)}})
    with nullcontext() if answers else pytest.raises(InvalidInput, match="no `answers` among"):
        import_samples(path, "m")
    assert 0 < len(guesses) < 500
