"""Deleting a run."""

import pyarrow as pa
import pytest
from fakes import SHIPPED_RUNS, FakeSampler, make_plan, make_question

from homog_core.errors import HomogError, InvalidInput, NotFound
from homog_core.records import Decoding
from homog_core.runs import derived, kept, shipped, store
from homog_core.runs.delete import deletable, delete_run
from homog_core.runs.sample import sample_run
from homog_core.runs.sentences import sentences_folder

QUESTIONS = [make_question("q0")]


@pytest.fixture
def run(no_shipped_runs):
    return sample_run(FakeSampler({}), QUESTIONS, Decoding(n_samples=3), "plain")


def test_a_run_is_gone_with_its_folder(run):
    assert deletable(run.id)
    delete_run(run.id)
    assert run.id not in store.runs_by_id()
    assert not list(run.folder.parent.iterdir())
    with pytest.raises(NotFound, match="There is no run"):
        delete_run(run.id)


def test_a_damaged_run_can_be_deleted(run):
    (run.folder / "manifest.json").write_text("[")
    delete_run(run.id)
    assert not run.folder.exists()


def test_a_shipped_run_stays():
    assert not deletable(SHIPPED_RUNS[0])
    with pytest.raises(InvalidInput, match="ships with the project"):
        delete_run(SHIPPED_RUNS[0])
    assert SHIPPED_RUNS[0] in store.runs_by_id()


def test_a_run_of_ones_own_beside_the_shipped_ones_can_be_deleted(no_shipped_runs, monkeypatch):
    monkeypatch.setenv("HOMOG_CACHE", str(no_shipped_runs))  # as in a checkout that has no other folder for new runs
    own = sample_run(FakeSampler({}), QUESTIONS, Decoding(n_samples=3), "plain")
    assert own.folder.parent == no_shipped_runs / "runs"
    assert deletable(own.id)
    delete_run(own.id)
    assert own.id not in store.runs_by_id()


def test_without_a_list_all_runs_beside_the_code_are_shipped(no_shipped_runs, monkeypatch):
    monkeypatch.setattr(shipped, "shipped_ids", lambda: ())
    assert shipped.ships(no_shipped_runs / "runs" / "any--run")
    assert not shipped.ships(no_shipped_runs / "elsewhere" / "any--run")


def test_a_run_that_is_being_written_stays(no_shipped_runs):
    sampler = FakeSampler({})
    with make_plan(QUESTIONS, Decoding(n_samples=3), sampler.spec).open() as writer:
        with pytest.raises(HomogError, match="is being written"):
            delete_run(writer.run.id)
        assert writer.run.id in store.runs_by_id()


def test_what_a_kill_has_left_of_a_deletion_is_no_run(run):
    run.folder.rename(run.folder.with_name(".deleted-1"))
    assert store.runs_by_id() == {}


def test_what_was_kept_of_a_run_goes_with_it_and_nothing_of_another(run):
    derived.kept(run, "thing", lambda: b"found")
    assert (derived.folder() / run.id).is_dir()
    other = derived.folder() / "another--run" / "thing-0123456789abcdef"
    other.parent.mkdir()
    other.write_bytes(b"x")
    delete_run(run.id)
    assert list(derived.folder().iterdir()) == [other.parent]
    assert other.read_bytes() == b"x"


def test_what_a_killed_scoring_has_left_goes_with_it(run):
    kept.Kept(run.id, "analyses", "anything").add(pa.table({"label": [0]}))
    delete_run(run.id)
    assert not kept.folder_of(run.id).exists()


def test_the_sentences_of_a_run_go_with_it(run):
    folder = sentences_folder(run.id)
    folder.mkdir(parents=True)
    (folder / "answers.parquet").write_bytes(b"x")
    delete_run(run.id)
    assert not folder.exists()
