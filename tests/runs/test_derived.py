"""What follows from a run, kept on the disk: the same as computed, and never used where anything has changed."""

import threading
from dataclasses import replace

import numpy as np
import pytest
from fakes import ANSWERS, DECODING, QUESTIONS, FakeEncoder, FakeSampler

from homog_core.analysis.sampler_check import sampler_check
from homog_core.analysis.scored_run import ScoredRun
from homog_core.analysis.texts import run_texts
from homog_core.leftovers import Leftovers
from homog_core.runs import derived
from homog_core.runs.leftovers import set_leftovers
from homog_core.runs.sample import sample_run
from homog_core.runs.score import score_run
from homog_core.runs.store import list_runs, open_run


class Counted:
    """Gives a content, and counts how often it was asked."""

    def __init__(self, content=b"found"):
        self.content, self.n = content, 0

    def __call__(self):
        self.n += 1
        return self.content


def kept_files():
    return sorted(derived.folder().glob("*/*"))


def test_what_was_computed_is_not_computed_again(run):
    compute = Counted()
    assert [derived.kept(run, "a-thing", compute) for _ in range(3)] == [b"found"] * 3
    assert compute.n == 1


@pytest.mark.parametrize("place", range(0, 69, 7))
def test_a_damaged_file_is_computed_again(run, place):
    compute = Counted()
    derived.kept(run, "thing", compute)
    (path,) = kept_files()
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    assert derived.kept(run, "thing", compute) == b"found"
    path.write_bytes(b"")
    assert derived.kept(run, "thing", compute) == b"found"
    assert compute.n == 3


def test_another_content_of_the_run_or_of_the_program_is_another_key(run, monkeypatch):
    compute = Counted()
    derived.kept(run, "thing", compute)
    score_run(run.id, [FakeEncoder()])
    derived.kept(open_run(run.id), "thing", compute)
    monkeypatch.setattr(derived, "program_sha256", lambda: "another")
    derived.kept(open_run(run.id), "thing", compute)
    assert compute.n == 3
    assert len(kept_files()) == 1  # what nobody asks for any more goes


def test_nothing_is_kept_of_a_run_with_a_damaged_file(run):
    path = next(run.folder.glob("responses-*.parquet"))
    derived.kept(run, "thing", Counted())
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    compute = Counted(b"new")
    assert derived.kept(run, "thing", compute) == b"new"
    assert compute.n == 1


class Killed(Exception):
    """In the middle of sampling."""


def test_what_was_opened_while_the_run_was_sampled_is_not_kept_of_the_whole_one():
    def stop(progress):
        if progress.n_done == 2:
            raise Killed

    sampler, decoding = FakeSampler(ANSWERS), replace(DECODING, temperature=0.5)
    with pytest.raises(Killed):
        sample_run(sampler, QUESTIONS, decoding, "plain", batch_questions=1, on_step=stop)
    (begun,) = (one for one in list_runs() if one.provenance.status != "complete")
    early = ScoredRun(begun)
    assert len(early.questions) == 2
    whole = sample_run(sampler, QUESTIONS, decoding, "plain")
    assert [len(early.mean_logprobs), len(early.n_wordings), len(early.valid("mixed"))] == [2, 2, 4]
    late = ScoredRun(whole)
    assert early.mean_logprobs[-1].tolist() == late.mean_logprobs[1].tolist()  # and not of a question that came later
    assert [len(late.mean_logprobs), len(late.n_wordings), len(late.valid("mixed"))] == [4, 4, 4]


def test_what_was_opened_under_another_rule_is_not_kept_under_this_one(run):
    set_leftovers(run.id, Leftovers(prefixes=("It",)))
    assert derived.key_of(run) is None
    assert derived.key_of(open_run(run.id)) is not None


def test_a_disk_that_cannot_be_written_to_changes_nothing(run):
    derived.folder().write_text("a file in the place of the folder")
    assert derived.kept(run, "thing", Counted()) == b"found"


def test_threads_that_compute_at_once_leave_one_whole_file(run):
    start = threading.Barrier(8)

    def ask():
        start.wait()
        assert derived.kept(run, "thing", Counted(b"x" * 100_000)) == b"x" * 100_000

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(kept_files()) == 1
    assert derived.kept(run, "thing", Counted(b"never")) == b"x" * 100_000


def test_arrays_come_back_as_they_were():
    arrays = {"a": np.array([[0.1, np.nan], [np.inf, -0.0]]), "b": np.arange(3, dtype=np.int32), "empty": np.zeros(0)}
    again = derived.arrays_from(derived.bytes_of(arrays))
    assert again.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(again[name], array)
        assert again[name].dtype == array.dtype


def test_shipped_runs_are_read_from_the_disk_as_they_are_computed():
    runs = [run for run in list_runs() if run.identity.dataset == "starter"]
    assert len(runs) > 3
    for run in runs:
        first, second = ScoredRun(run), ScoredRun(run)
        clusterer = first.clusterer
        assert repr(sampler_check(run)) == repr(sampler_check.__wrapped__(run))
        assert run_texts(run) == run_texts.__wrapped__(run)
        for one, other in ((first, second), (second, first)):
            np.testing.assert_array_equal(one.label_matrix(clusterer), other.label_matrix(clusterer))
            np.testing.assert_array_equal(one.score_frame(clusterer), other.score_frame(clusterer))
            np.testing.assert_array_equal(one.n_wordings, other.n_wordings)
            np.testing.assert_array_equal(one.least_similarity(clusterer), other.least_similarity(clusterer))
