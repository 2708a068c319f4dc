"""Questions → a stored run, with a scripted model."""

import errno
import math
import os

import pytest
from fakes import ANSWERS, DECODING, QUESTIONS, FakeSampler, Interrupted, interrupt_after, make_plan

from homog_core.errors import HomogError, InvalidInput
from homog_core.records import Decoding, Question
from homog_core.runs import sample
from homog_core.runs.manifest import run_id_of
from homog_core.runs.sample import Progress, sample_run
from homog_core.runs.store import list_runs, open_run

pytestmark = pytest.mark.usefixtures("no_shipped_runs")


def rows_of(frame, question_id):
    return frame[frame["question_id"] == question_id]


# Sampling


def test_an_interrupted_run_is_gone_on_with():
    first, second = FakeSampler(ANSWERS), FakeSampler(ANSWERS)
    with pytest.raises(Interrupted):
        sample_run(first, QUESTIONS, DECODING, "plain", batch_questions=1, on_step=interrupt_after(2))
    (run,) = list_runs()
    assert run.provenance.status == "interrupted"
    assert run.sampled_ids() == {"mixed", "same"}

    run = sample_run(second, QUESTIONS, DECODING, "plain", batch_questions=1)
    assert run.provenance.status == "complete"
    assert second.asked == ["single", "empty"]
    rows = run.responses()
    assert len(rows) == 4 * (4 + 1)
    assert not rows.duplicated(["question_id", "sample_index"]).any()
    assert set(rows["question_id"]) == {question.id for question in QUESTIONS}
    # no question was cut in the middle, so both attempts together have sampled every stored token once
    assert run.provenance.n_tokens == rows["tokens"].map(len).sum()


def test_interrupting_within_a_batch_keeps_the_questions_that_were_done():
    # "empty" ends at the first step, "single" and the rest need three
    with pytest.raises(Interrupted):
        sample_run(FakeSampler(ANSWERS), QUESTIONS, DECODING, "plain", on_step=interrupt_after(1))
    again = FakeSampler(ANSWERS)
    run = sample_run(again, QUESTIONS, DECODING, "plain")
    assert again.asked == ["mixed", "same", "single"]
    assert len(run.responses()) == 4 * (4 + 1)


def test_a_full_disk_is_said_and_gone_on_with(monkeypatch):
    written, real = [], os.fsync

    def full_after_four(descriptor):
        written.append(descriptor)
        if len(written) > 9:  # questions, manifest, and two questions' answers, each a file and its folder; the folder
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    with monkeypatch.context() as patch, pytest.raises(HomogError, match=r"No space left on device.*make room"):
        patch.setattr(os, "fsync", full_after_four)
        sample_run(FakeSampler(ANSWERS), QUESTIONS, DECODING, "plain", batch_questions=1)
    again = FakeSampler(ANSWERS)
    run = sample_run(again, QUESTIONS, DECODING, "plain", batch_questions=1)
    assert again.asked == ["single", "empty"]
    assert len(run.responses()) == 4 * (4 + 1)
    assert list(run.folder.glob("*.partial")) == []


def test_a_complete_run_is_not_sampled_again(run):
    again = FakeSampler(ANSWERS)
    same = sample_run(again, QUESTIONS, DECODING, "plain")
    assert again.asked == []
    assert same.manifest == run.manifest


def test_progress_counts_up():
    seen = []
    sample_run(FakeSampler(ANSWERS), QUESTIONS, DECODING, "plain", batch_questions=1, on_step=seen.append)
    assert [progress.n_done for progress in seen] == [0, 0, 1, 1, 1, 2, 2, 2, 3, 4]  # 3 + 3 + 3 + 1 steps
    assert seen[-1].n_tokens == 5 * 3 + 5 * 3 + (3 + 4) + 5  # rows · tokens, the end token included
    assert {progress.n_total for progress in seen} == {4}


def test_seconds_left():
    # two questions in 10 s, six are left: 30 s; the three of an earlier attempt say nothing about the speed
    assert Progress(n_done=5, n_total=11, n_new=2, n_tokens=7, seconds=10.0).seconds_left == 30
    assert math.isnan(Progress(n_done=3, n_total=11, n_new=0, n_tokens=7, seconds=10.0).seconds_left)


def test_no_questions_and_questions_of_two_datasets_are_refused():
    with pytest.raises(InvalidInput, match="no questions"):
        sample_run(FakeSampler(), [], DECODING, "plain")
    with pytest.raises(InvalidInput, match="other, test"):
        sample_run(FakeSampler(), [*QUESTIONS, Question("x", "other", "Why?")], DECODING, "plain")


def test_the_settings_identify_the_run():
    def run_id(questions=QUESTIONS, style="plain", **decoding):
        return run_id_of(make_plan(questions, Decoding(**decoding), style=style).identity)

    assert run_id() == run_id()
    assert run_id() == run_id(QUESTIONS[::-1])
    different = [run_id(seed=1), run_id(temperature=0.5), run_id(QUESTIONS[:2]), run_id(style="few_shot"), run_id()]
    assert len(set(different)) == 5


def test_keeping_a_live_answer_stores_it_once():
    question = QUESTIONS[0]
    plan = make_plan([question], DECODING)
    steps = FakeSampler(ANSWERS).sample([question], DECODING, "plain", 1)
    (answers,) = [done for step in steps for done in step.finished]
    run = sample.keep(plan, answers, seconds=1.5)
    again = sample.keep(plan, answers, seconds=99.0)
    assert run.id == again.id == open_run(run.id).id
    assert again.provenance.wall_seconds == 1.5
    assert again.provenance.n_tokens == 5 * 3
    assert len(again.responses()) == 5


def test_a_live_answer_whose_keeping_was_killed_half_way_is_complete_when_it_is_kept_again():
    question = QUESTIONS[0]
    plan = make_plan([question], DECODING)
    steps = FakeSampler(ANSWERS).sample([question], DECODING, "plain", 1)
    (answers,) = [done for step in steps for done in step.finished]
    with plan.open() as writer:
        writer.append(answers)
    assert open_run(writer.run.id).provenance.status == "sampling"
    assert sample.keep(plan, answers, seconds=1.5).provenance.status == "complete"
