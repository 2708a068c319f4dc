"""What is right: accuracy, corrected for the errors of the grades, and how right answers differ."""

from dataclasses import replace

import numpy as np
import pytest
from scored_runs import EXACT, QUESTIONS, graded_run, run_of

from homog_core.analysis import right_answers
from homog_core.analysis.right_answers import accuracy, corrected_accuracy, right_answers_differ, right_wordings_differ
from homog_core.analysis.scored_run import ScoredRun
from homog_core.runs.readings import GradeErrors

pytestmark = pytest.mark.usefixtures("no_shipped_runs")


def test_accuracy_is_of_the_graded_answers():
    found = accuracy(graded_run())
    assert (found.value, found.n) == (3 / 7, 7)


def test_samples_are_graded_and_counted():
    # The reference is "red fox"; "two" has three of it among four, "all" one, "three" one of three valid ones.
    shares = dict(zip(ScoredRun(run := run_of()).questions.index, ScoredRun(run).samples_correct, strict=True))
    assert (shares["same"], shares["two"], shares["all"]) == (1, 3 / 4, 1 / 4)


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        (GradeErrors(900, 1000, 1000), 3 / 7),  # as many wrongly called right as right ones missed
        (GradeErrors(500, 1000, 500), 3 / 14),  # half of those that are called right are wrong
        (GradeErrors(500, 500, 1000), 6 / 7),  # half of the right ones are missed
    ],
)
def test_a_corrected_accuracy_is_precision_over_recall(monkeypatch, errors, expected):
    monkeypatch.setattr(right_answers, "grade_errors", lambda: {"base": errors})
    found = corrected_accuracy(graded_run())
    assert found.value == pytest.approx(expected, abs=0.06)
    assert found.low < expected < found.high or found.high == 1


def test_without_readings_of_the_stage_there_is_no_corrected_accuracy(monkeypatch):
    monkeypatch.setattr(right_answers, "grade_errors", lambda: {"dpo": GradeErrors(1, 1, 1)})
    assert np.isnan(corrected_accuracy(graded_run()).value)


def test_how_right_answers_differ_by_hand():
    # Right: an answer that says "fox" (short answer "fox", reference "fox"). Under the exact clusterer two texts that
    # are not equal are two clusters.
    found = right_answers_differ(ScoredRun(run_of()), EXACT)
    assert found["same"] == 0  # four right answers in one cluster
    assert found["two"] == 0  # three
    assert np.isnan(found["all"])  # one


def test_how_right_wordings_differ_by_hand():
    # "near": "a red fox ran", "a red fox sat", "a red fox ran" are right; two of three pairs differ. Articles do not
    # count. "two" says the same three times.
    found = right_wordings_differ(ScoredRun(run_of()))
    assert (found["same"], found["two"], found["near"]) == (0, 0, pytest.approx(2 / 3))
    assert np.isnan(found["all"])
    assert list(found.index) == list(ScoredRun(run_of()).questions.index)


def test_without_graded_samples_no_right_ones_differ():
    questions = [replace(question, references=()) for question in QUESTIONS]
    found = ScoredRun(run_of(questions=questions))
    assert right_wordings_differ(found).isna().all()
    assert right_answers_differ(found, EXACT).isna().all()
