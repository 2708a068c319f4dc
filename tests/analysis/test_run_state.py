"""How far a run has come, and what it lacks."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fakes import FakeEncoder, FakeSampler, make_question

from homog_core import files
from homog_core.analysis.run_state import Lack, Scored, lacks, scored_state
from homog_core.records import Decoding, Question
from homog_core.runs import store, tables
from homog_core.runs.sample import sample_run
from homog_core.runs.score import score_run

pytestmark = pytest.mark.usefixtures("no_shipped_runs")


def sampled(*questions):
    return sample_run(FakeSampler({}), questions or [make_question("one")], Decoding(n_samples=3), "plain")


def test_a_run_is_not_scored_then_scored_and_perhaps_by_an_older_version():
    run = sampled()
    assert (scored_state(run), lacks(run)) == (Scored.NO, [Lack.SCORES])
    score_run(run.id, [FakeEncoder()])
    assert (scored_state(run), lacks(run)) == (Scored.YES, [Lack.NLI])
    (run.folder / "similarities.parquet").unlink()
    assert (scored_state(run), lacks(run)) == (Scored.OLDER, [Lack.TABLES, Lack.NLI])


@pytest.mark.parametrize("status", ["sampling", "interrupted", "importing"])
def test_answers_that_are_not_all_there_come_first(status):
    run = sampled()
    path = run.folder / "manifest.json"
    content = json.loads(path.read_text())
    content["provenance"]["status"] = status
    path.write_text(json.dumps(content))
    assert lacks(store.open_run(run.id)) == [Lack.ANSWERS, Lack.SCORES]


def test_the_sentences_of_a_hub_dataset_may_be_elsewhere(monkeypatch):
    run = sampled(Question("t-1", "triviaqa", "Who?"))
    assert Lack.SENTENCES not in lacks(run)  # it holds them itself
    path = run.folder / "questions.parquet"
    bare = [row | {"text": None} for row in pq.read_table(path).to_pylist()]
    tables.write_parquet(path, pa.Table.from_pylist(bare, schema=tables.SCHEMAS["questions"]))
    monkeypatch.setattr(files, "dataset_folders", list)
    assert lacks(run) == [Lack.SENTENCES, Lack.SCORES]
