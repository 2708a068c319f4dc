"""CSV, one row an answer: what it becomes, and the line and column that a complaint names."""

import csv

import pytest
from fakes import texts_of, write_rows

from homog_core.errors import InvalidInput
from homog_core.records import GREEDY, Question
from homog_core.runs.importers import import_samples
from homog_core.runs.store import list_runs
from homog_core.runs.tables import question_of

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


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["question,text", "Why?,a"], "own.csv, line 2: there is no `answer`; `question` and `answer` must be there"),
        (["text,answer", "Why?,a"], "own.csv, line 2: there is no `question`"),
        (["question,answer", "Why?,a", " ,b"], "own.csv, line 3: the question is empty"),
        (["question,answer", "Why?"], "own.csv, line 2: the row does not have the 2 columns"),
        (["question,answer", "Why?,a,b"], "own.csv, line 2: the row does not have the 2 columns"),
        (["question,answer", '"Why?" not,a'], "own.csv, line 2: "),
        (["question,answer", 'Why?,"a'], "own.csv, line 2: this is not CSV .unexpected end of data"),
        (["question,answer", "Why?," + "x" * 100_001], "own.csv, line 2, `answer`: it has 100,001 characters"),
        (["question,answer", "Why?,a\0"], "own.csv, line 2, `answer`: it holds a null character"),
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
        (["question,answer,sample_index", "Why?,a,1.0"], "line 2, `sample_index`: it is '1.0'; give 0, 1, …, or -1"),
        (["question,answer,sample_index", "Why?,a,"], "line 2, `sample_index`: it is ''"),
        (["question,answer,sample_index", "Why?,a,-2"], "line 2, `sample_index`: it is '-2'"),
        (["question,answer,sample_index", "Why?,a,-1"], "line 2: .* has a greedy answer and no sample"),
        (["question,answer,answer", "Why?,a,b"], "own.csv, line 1: the column 'answer' is there twice; keep one"),
        (
            ["question,answer,refs", "Why?,a,b"],
            "line 2: 'refs' is not a field that an import reads; take it out",
        ),
        (["question,answer,catgory", "Why?,a,b"], "line 2: 'catgory' is not a field .* did you mean `category`"),
        (["question,answer,", "Why?,a,"], "own.csv, line 2: '' is not a field that an import reads"),
        (
            ["question,answer,answer_type", "Why?,a,date"],
            "own.csv, line 2: .* answer_type 'date'; use",
        ),
        (["question,answer", *["Why?,a"] * 501], "line 2: the question has 501 answers; give 1 to 500"),
        (["question,answer"], "own.csv has no rows"),
        ([], "own.csv has no rows"),
    ],
)
def test_a_complaint_names_the_line_of_a_csv(rows, message, tmp_path):
    with pytest.raises(InvalidInput, match=message):
        import_samples(write_rows(tmp_path / "own.csv", *rows), "m")
    assert list_runs() == []
