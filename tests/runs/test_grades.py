"""The grades of a run: of every answer, the greedy ones in its scores and the sampled ones in a table of their own."""

import pytest
from fakes import FakeEncoder, FakeSampler, make_row, write_rows

from homog_core.measures import grading
from homog_core.records import GREEDY, Decoding, Question
from homog_core.runs import score
from homog_core.runs.importers import import_samples
from homog_core.runs.sample import sample_run
from homog_core.runs.score import grade_run, score_run
from homog_core.runs.verify import verify

pytestmark = pytest.mark.usefixtures("no_shipped_runs")
DECODING = Decoding(n_samples=3)
QUESTIONS = [
    Question("both", "test", "Which animal?", ("red fox",), ("blue whale",)),
    Question("number", "test", "How many?", ("7",), answer_type="number"),
    Question("polar", "test", "Is it a fox?", ("Yes",), ("No",)),
    Question("none", "test", "Which one?"),
]
ANSWERS = {
    "both": ("red fox", "a blue whale", "fox or whale"),
    "number": ("9", "7. It took 3 steps.", "I don't know"),
    "polar": ("No.", "It is a fox", ""),
    "none": ("red fox",),
}
GRADES = {
    ("both", GREEDY): ("correct", "short_answer"),
    ("both", 0): ("correct", "short_answer"),
    ("both", 1): ("incorrect", "short_answer"),
    ("both", 2): ("incorrect", "several"),
    ("number", GREEDY): ("incorrect", "number"),
    ("number", 0): ("incorrect", "number"),
    ("number", 1): ("correct", "number"),
    ("number", 2): ("abstained", "refusal"),
    ("polar", GREEDY): ("incorrect", "yes_no"),
    ("polar", 0): ("incorrect", "yes_no"),
    ("polar", 1): ("correct", "yes_no"),  # the question again
    ("polar", 2): ("incorrect", "short_answer"),
    **{("none", i): ("ungraded", "none") for i in range(-1, 3)},
}


@pytest.fixture
def graded():
    return sample_run(FakeSampler(ANSWERS), QUESTIONS, DECODING, "plain")


def by_answer(frame):
    return {(row.question_id, row.sample_index): (row.grade, row.grade_policy) for row in frame.itertuples()}


def test_every_answer_has_a_grade(graded):
    assert by_answer(grade_run(graded)) == GRADES


def test_greedy_grades_are_scores_and_the_others_a_table(graded):
    score_run(graded.id, [FakeEncoder()])
    scores = graded.table("scores")
    assert by_answer(scores.assign(sample_index=GREEDY)) == {k: g for k, g in GRADES.items() if k[1] == GREEDY}
    assert by_answer(graded.table("grades")) == {k: g for k, g in GRADES.items() if k[1] != GREEDY}
    assert verify(graded.id) == []


def test_grades_need_no_encoder_and_do_not_depend_on_one(graded):
    before = grade_run(graded)
    score_run(graded.id, [FakeEncoder()])
    assert grade_run(graded).equals(before)


def test_equal_answers_are_graded_once(graded, monkeypatch):
    asked = []

    def counted(question, response):
        asked.append((question.id, response.text))
        return grading.grade(question, response)

    monkeypatch.setattr(score, "grade", counted)
    assert by_answer(grade_run(graded)) == GRADES
    assert len(asked) == len(set(asked)) == 3 + 3 + 3 + 1


def test_a_question_that_was_not_asked_has_no_grade(graded):
    whole = graded.responses()
    assert set(grade_run(graded)["question_id"]) == set(whole["question_id"])
    assert len(grade_run(graded)) == len(whole)


def test_an_imported_run_without_greedy_answers(tmp_path):
    row = make_row("Which animal?", ["red fox", "grey seal"], references=["red fox"])
    run = import_samples(write_rows(tmp_path / "a.jsonl", row), "m")
    assert [grade for grade, _ in by_answer(grade_run(run)).values()] == ["ungraded", "correct", "incorrect"]
    score_run(run.id, [FakeEncoder()])
    assert run.table("scores")["grade"].tolist() == ["ungraded"]
    assert run.table("grades")["grade"].tolist() == ["correct", "incorrect"]


NUMBERS = {
    "−5": "-5",
    "1.000.000": "1000000",
    "1 million": "1000000",
    "1/2": "0.5",
    "½": "0.5",
    "The answer is 42. It took 3 steps.": "42",
}


def test_an_imported_run_of_numbers_in_every_spelling(tmp_path):
    rows = [
        make_row(f"Case {i}: how many?", ["x", said], greedy_answer=said, references=[right], answer_type="number")
        for i, (said, right) in enumerate(NUMBERS.items())
    ]
    run = import_samples(write_rows(tmp_path / "a.jsonl", *rows), "m")
    found = grade_run(run).groupby("sample_index")["grade"].agg(list).to_dict()
    assert found == {GREEDY: ["correct"] * 6, 0: ["incorrect"] * 6, 1: ["correct"] * 6}


def test_an_imported_answer_with_special_tokens(tmp_path):
    said = ["Madrid", "Madrid</s>", "Madrid<|im_end|>", "▁Madrid", "ĠMadrid", "Lisbon</s>"]
    row = make_row("Where is the Prado?", said, greedy_answer="Madrid</s>", references=["Madrid"])
    run = import_samples(write_rows(tmp_path / "a.jsonl", row), "m")
    assert grade_run(run)["grade"].tolist() == ["correct"] * 6 + ["incorrect"]
    score_run(run.id, [FakeEncoder()])
    for _, rows in run.table("clusters").groupby("clusterer"):
        assert rows.sort_values("sample_index")["label"].tolist() == [0] * 5 + [1]
