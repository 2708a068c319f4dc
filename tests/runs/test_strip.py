"""A stripped run holds no sentence of its dataset, and has them again where the dataset is."""

import csv
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from fakes import FakeEncoder, FakeNli, FakeSampler, edit_rows

from homog_core import files as files_module
from homog_core.errors import HomogError
from homog_core.records import Decoding, Question
from homog_core.runs import questions as runs_questions
from homog_core.runs import score, store, strip
from homog_core.runs.questions import load_questions
from homog_core.runs.sample import sample_run
from homog_core.runs.score import score_run
from homog_core.runs.verify import verify

pytestmark = pytest.mark.usefixtures("no_shipped_runs")


DECODING = Decoding(n_samples=2, stop=("\n",))


def first_changed(**values):
    return lambda rows: [rows[0] | values, *rows[1:]]


COLUMNS = ("Type", "Category", "Question", "Best Answer", "Correct Answers", "Incorrect Answers", "Source")


SKY = ("Is the sky blue on Tuesdays?", "On every clear day", ("The weekday does not matter",), ("Only on Tuesdays",))


WALLS = ("What do walls hear?", "Walls hear nothing", ("They have no ears",), ("They hear all of it", "Secrets"))


SENTENCES = [text for question, best, right, wrong in (SKY, WALLS) for text in (question, best, *right, *wrong)]


@pytest.fixture
def truthfulqa(tmp_path, monkeypatch):
    """A dataset of two questions that is on this machine."""
    path = tmp_path / "data" / "truthfulqa.csv"
    path.parent.mkdir()
    rows = [("A", "Myths", q, best, "; ".join(right), "; ".join(wrong), "") for q, best, right, wrong in (SKY, WALLS)]
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows([COLUMNS, *rows])
    monkeypatch.setenv("HOMOG_DATA", str(path.parent))
    return path


class OtherEncoder(FakeEncoder):
    key = "other"


def scored(questions, style="few_shot"):
    run = sample_run(FakeSampler({q.id: ("red fox", "blue whale") for q in questions}), questions, DECODING, style)
    return score_run(run.id, [FakeEncoder(), OtherEncoder()], FakeNli({}))


def written(run):
    """Everything in a run's folder: the values of every column, and the bytes of every file."""
    files = [path for path in run.folder.iterdir() if path.name != ".lock"]
    tables = [str(pq.read_table(path).to_pylist()) for path in files if path.suffix == ".parquet"]
    return "\n".join([*tables, *(path.read_bytes().decode("latin-1") for path in files)])


@pytest.fixture
def elsewhere(monkeypatch):
    """A context in which no dataset is on this machine."""

    @contextmanager
    def without_datasets():
        with monkeypatch.context() as patch:
            patch.setattr(files_module, "dataset_folders", list)
            yield

    return without_datasets


def test_a_stripped_run_holds_no_sentence_of_its_dataset(truthfulqa):
    run = scored(load_questions("truthfulqa"))
    answers = {path.name: path.read_bytes() for path in run.folder.glob("responses-*")}
    assert [text for text in SENTENCES if text not in written(run)] == []
    assert strip.strip(run.id).id == run.id
    assert [text for text in SENTENCES if text in written(run)] == []
    assert {path.name: path.read_bytes() for path in run.folder.glob("responses-*")} == answers
    assert run.encoders() == []
    assert len(run.nli("scripted")) > 0
    assert verify(run.id) == []


@pytest.mark.parametrize("style", ["plain", "few_shot"])
@pytest.mark.parametrize("times", [1, 2])
def test_a_stripped_run_is_as_before_where_the_dataset_is(truthfulqa, style, times):
    run = scored(load_questions("truthfulqa"), style)
    questions, tables = run.questions(), {name: run.table(name) for name in store.TABLES}
    for _ in range(times):
        strip.strip(run.id)
    again = run.questions()
    for name in questions.columns:
        assert [list(cell) for cell in again[name]] == [list(cell) for cell in questions[name]]
    score_run(run.id, [FakeEncoder(), OtherEncoder()], FakeNli({}))
    for name, table in tables.items():
        pd.testing.assert_frame_equal(run.table(name), table)


def test_a_stripped_run_elsewhere_says_what_scoring_needs(truthfulqa, elsewhere):
    run = scored(load_questions("truthfulqa"))
    questions, scores = run.questions(), run.table("scores")
    strip.strip(run.id)
    with elsewhere():
        bare = run.questions()
        assert list(bare["id"]) == list(questions["id"])
        assert list(bare["category"]) == ["Myths", "Myths"]
        assert set(bare["text"]) == set(bare["prompt"]) == {""}
        assert not any(map(len, (*bare["references"], *bare["incorrect_references"])))
        assert verify(run.id) == []
        with pytest.raises(HomogError, match="without the sentences of TruthfulQA") as caught:
            score_run(run.id, [FakeEncoder()])
        assert str(caught.value).endswith("name the folder of truthfulqa.csv or TruthfulQA.csv in HOMOG_DATA.")
        strip.strip(run.id)  # nothing is left to take out
    pd.testing.assert_frame_equal(run.table("scores"), scores)
    assert list(run.questions()["prompt"]) == list(questions["prompt"])


def test_a_stripped_run_over_a_dataset_that_this_version_does_not_know_is_said(truthfulqa, monkeypatch):
    run = scored(load_questions("truthfulqa"))
    strip.strip(run.id)
    for module in (score, runs_questions):
        monkeypatch.setattr(module, "DATASETS", {})
    with pytest.raises(HomogError, match="sentences of truthfulqa, a dataset that this version does not know"):
        score_run(run.id, [FakeEncoder()])


def test_what_the_dataset_would_not_give_back_is_not_taken_out(truthfulqa):
    mine = Question("truthfulqa-mine", "truthfulqa", "Who wrote my own question?")
    run = scored([*load_questions("truthfulqa"), mine])
    before = written(run)
    with pytest.raises(HomogError, match="truthfulqa-mine is not in the TruthfulQA on this machine"):
        strip.strip(run.id)
    assert written(run) == before


def test_a_prompt_without_its_question_is_not_stripped(truthfulqa):
    run = scored(load_questions("truthfulqa"))
    edit_rows(run.folder, "questions.parquet", first_changed(prompt="Q: something else\nA:"))
    before = written(run)
    with pytest.raises(HomogError, match="does not hold its text, so the run cannot be stripped"):
        strip.strip(run.id)
    assert written(run) == before


@pytest.mark.parametrize("dataset", ["mine.jsonl", "starter"])
def test_own_questions_and_those_of_the_starter_set_stay(dataset, tmp_path, elsewhere, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.jsonl").write_text('{"question": "Who am I?", "references": ["me"], "incorrect_references": ["you"]}\n')
    run = scored(load_questions(dataset, limit=1))
    before = run.questions()
    strip.strip(run.id)
    with elsewhere():
        pd.testing.assert_frame_equal(run.questions(), before)
        assert before["text"].str.len().all() and before["prompt"].str.len().all()
        assert run.encoders() == []
        assert verify(run.id) == []


def test_sentences_that_could_not_come_back_are_not_taken_out(truthfulqa, elsewhere):
    run = scored(load_questions("truthfulqa"))
    before = written(run)
    with elsewhere(), pytest.raises(HomogError, match=r"would lose its questions for good.*HOMOG_DATA"):
        strip.strip(run.id)
    assert written(run) == before
