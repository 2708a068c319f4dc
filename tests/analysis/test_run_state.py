"""How far a run has come, and what it lacks."""

import pytest
from fakes import FakeEncoder, FakeSampler, edit_manifest, make_question, without_sentences

from homog_core import files
from homog_core.analysis.run_state import Lack, Scored, lacks, scored_state
from homog_core.records import Decoding, Question
from homog_core.runs import store
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
    edit_manifest(run.folder, lambda content: content["provenance"].update(status=status))
    assert lacks(store.open_run(run.id)) == [Lack.ANSWERS, Lack.SCORES]


def test_the_sentences_of_a_hub_dataset_may_be_elsewhere(monkeypatch):
    run = sampled(Question("t-1", "triviaqa", "Who?"))
    assert Lack.SENTENCES not in lacks(run)  # it holds them itself
    without_sentences(run.folder)
    monkeypatch.setattr(files, "dataset_folders", list)
    assert lacks(run) == [Lack.SENTENCES, Lack.SCORES]
