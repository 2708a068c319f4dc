"""What readers said: the tables that ship, and their texts, as far as these are on this machine."""

import json

import pandas as pd
import pytest

from homog_core.measures.grading import Verdict
from homog_core.runs import public_answers, readings
from homog_core.runs.questions import load_questions
from homog_core.runs.readings import FOLDER, GradeErrors, grade_errors, grade_readings, read_answers, read_pairs

QUESTION = load_questions("starter")[0]
OF_PAIR = {"half": "card", "source": "own", "stage": "dpo", "dataset": "starter", "question_id": QUESTION.id}
OF_PAIR |= {"i": 0, "j": 1, "first": "red fox", "second": "a fox", "weight": 2.5, "same": 1}
OF_ANSWER = {"sample": 2, "source": "own", "stage": "dpo", "dataset": "starter", "question_id": QUESTION.id}
OF_ANSWER |= {
    "index": -1,
    "answer": "red fox",
    "verdict": "correct",
    "graded_before": "incorrect",
    "graded": "incorrect",
}
PUBLIC = "triviaqa-llama-13b/answers"


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    """A folder of data with one public question in it; what another test has read of public sets is forgotten."""
    row = {"id": "t1", "question": "Which animal?", "references": ["Fox"], "answers": ["Fox</s>", "Seal", "Whale"]}
    path = tmp_path / "public" / f"{PUBLIC}.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(row), encoding="utf-8")
    monkeypatch.setattr(public_answers, "dataset_folders", lambda: [tmp_path])
    readings._public.cache_clear()
    yield
    readings._public.cache_clear()


def table(path, *rows):
    """A table of these rows, with the marks of three readers who agree."""
    frame = pd.DataFrame(rows)
    frame[["reader_1", "reader_2", "reader_3"]] = ["same", "same", ""]
    frame.to_csv(path, index=False)
    return path


def test_a_pair_of_our_own_models_has_its_texts_in_the_table(tmp_path):
    (pair,) = read_pairs(table(tmp_path / "pairs.csv", OF_PAIR))
    assert (pair.question, pair.first, pair.second) == (QUESTION.text, "red fox", "a fox")
    assert (pair.same, pair.half, pair.stage, pair.source) == (True, "card", "dpo", "own")
    (other,) = read_pairs(table(tmp_path / "pairs.csv", OF_PAIR | {"same": 0}))
    assert not other.same


def test_a_public_pair_is_read_from_its_file(tmp_path):
    public = {"source": PUBLIC, "dataset": "triviaqa", "question_id": "t1", "i": 2, "j": 0, "first": "", "second": ""}
    (pair,) = read_pairs(table(tmp_path / "pairs.csv", OF_PAIR | public))
    assert (pair.question, pair.first, pair.second) == ("Which animal?", "Whale", "Fox")


@pytest.mark.parametrize(
    "fields",
    [
        {"source": PUBLIC, "question_id": "t2"},
        {"source": "alignment-chains/lima-zephyr", "question_id": "0"},  # no such file here
        {"question_id": "a question of tomorrow"},
        {"dataset": "astrology"},
    ],
)
def test_rows_whose_texts_are_not_here_are_left_out(fields, tmp_path):
    assert len(read_pairs(table(tmp_path / "pairs.csv", OF_PAIR | fields, OF_PAIR))) == 1
    assert len(read_answers(table(tmp_path / "answers.csv", OF_ANSWER | fields, OF_ANSWER))) == 1


def test_an_answer_stands_with_its_question_and_its_verdict(tmp_path):
    public = {"source": PUBLIC, "question_id": "t1", "answer": "", "sample": 1, "verdict": "abstained"}
    own, other = read_answers(table(tmp_path / "answers.csv", OF_ANSWER, OF_ANSWER | public))
    assert (own.sample, own.source, own.stage, own.verdict) == (2, "own", "dpo", "correct")
    assert (own.question, own.answer) == (QUESTION, "red fox")
    assert (other.sample, other.question.text, other.answer, other.verdict) == (1, "Which animal?", "Fox", "abstained")


def test_texts_are_read_as_they_are(tmp_path):
    said = {"first": "NA", "second": "007"}  # no missing value, and no number
    (pair,) = read_pairs(table(tmp_path / "pairs.csv", OF_PAIR | said))
    assert (pair.first, pair.second) == ("NA", "007")


def test_pairs_that_others_judged_are_drawn_and_marked(monkeypatch):
    every = [(f"Question {n}?", "a fox", "the fox", n % 2 == 0) for n in range(30)]
    monkeypatch.setattr(readings, "judged_pairs", lambda *, for_fitting: iter(every if for_fitting else []))
    drawn = readings.pairs_judged_elsewhere(12)
    assert len({pair.question for pair in drawn}) == 12
    assert {(pair.half, pair.source) for pair in drawn} == {("judged", "evouna")}
    assert all((pair.question, pair.first, pair.second, pair.same) in every for pair in drawn)
    assert readings.pairs_judged_elsewhere(12) == drawn  # the same ones every time
    assert len(readings.pairs_judged_elsewhere()) == 30  # no more than there are


def test_without_their_files_there_are_no_pairs_that_others_judged():
    assert readings.pairs_judged_elsewhere() == []


# The tables that ship


def shipped(name):
    return pd.read_csv(FOLDER / f"{name}.csv", dtype=str, keep_default_na=False)


def test_no_question_is_in_both_halves():
    halves = shipped("pairs").groupby(["dataset", "question_id"])["half"].agg(set)
    assert {len(half) for half in halves} == {1}
    assert set.union(*halves) == {"choose", "card"}


def test_a_third_reader_decides_where_two_differ():
    pairs, answers = shipped("pairs"), shipped("answers")
    for frame, said in ((pairs, pairs["same"].map({"1": "same", "0": "different"})), (answers, answers["verdict"])):
        third = frame["reader_3"] != ""
        assert (said == frame["reader_3"].where(third, frame["reader_1"])).all()
        assert (frame["reader_1"] == frame["reader_2"])[~third].all()


def test_texts_of_public_sets_are_not_shipped():
    pairs, answers = shipped("pairs"), shipped("answers")
    of_pair, of_answer = pairs["source"].str.contains("/"), answers["source"].str.contains("/")
    assert of_pair.any()
    assert (pairs.loc[of_pair, ["first", "second"]] == "").all(axis=None)
    assert (pairs.loc[~of_pair, ["first", "second"]] != "").all(axis=None)
    assert (answers.loc[of_answer, "answer"] == "").all()


def test_every_answer_of_our_own_models_to_our_own_questions_is_there():
    rows = shipped("answers")
    own = rows[(rows["dataset"] == "starter") & ~rows["source"].str.contains("/")]
    found = [answer for answer in read_answers() if answer.question.dataset == "starter"]
    assert [answer.answer for answer in found] == own["answer"].tolist()
    assert {answer.verdict for answer in found} <= {*Verdict.__args__, "unclear"}
    assert {answer.sample for answer in found} == {1, 2}


def test_the_table_says_how_each_answer_is_graded(tmp_path):
    """As `python -m benchmarks.reading grade` writes it, as far as the questions are on this machine."""
    stored = pd.read_csv(FOLDER / "answers.csv", dtype=str, keep_default_na=False)
    path = tmp_path / "answers.csv"
    stored.to_csv(path, index=False)
    assert grade_readings(path) < len(stored) / 2
    pd.testing.assert_frame_equal(pd.read_csv(path, dtype=str, keep_default_na=False), stored)


def test_errors_of_grades_need_no_dataset(tmp_path):
    unknown = {"dataset": "astrology", "question_id": "a question of tomorrow"}
    of_public, of_control = {"source": PUBLIC, "stage": "base"}, {"stage": "control", "verdict": "incorrect"}
    right, first = OF_ANSWER | {"graded": "correct"}, OF_ANSWER | {"sample": 1}
    path = table(tmp_path / "answers.csv", right, OF_ANSWER | unknown, OF_ANSWER | of_public, right | of_control, first)
    assert grade_errors(path) == {"dpo": GradeErrors(1, 1, 2), "sft": GradeErrors(0, 1, 0)}


def test_readings_fetch_nothing(monkeypatch, tmp_path):
    """A dataset of the hub that is not on this machine is not asked for."""

    def fetch(spec):
        raise AssertionError(f"{spec.title} was fetched")

    monkeypatch.setattr(readings, "dataset_file", lambda spec: None)
    monkeypatch.setattr("homog_core.runs.dataset_files._hub_rows", fetch)
    readings._questions.cache_clear()
    assert read_answers(table(tmp_path / "answers.csv", OF_ANSWER | {"dataset": "truthfulqa"})) == []
    readings._questions.cache_clear()
