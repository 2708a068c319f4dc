"""What bounds a single-cluster rate, where clusterers agree, and the rate that readers would find."""

import numpy as np
import pandas as pd
import pytest
from fakes import FakeEncoder, FakeJudge
from scored_runs import ANSWERS, DPO, EXACT, run_of, scored

from homog_core.analysis.bounds import agree, agreed_change, bounds, corrected_rate, robust
from homog_core.analysis.scored_run import ScoredRun
from homog_core.measures.clustering import Clusterer
from homog_core.runs.readings import StageErrors
from homog_core.runs.score import score_run

pytestmark = pytest.mark.usefixtures("no_shipped_runs")


def test_bounds_of_a_run_by_hand():
    # "same" is one text. At a threshold of 0 average linkage joins what is similar at all; complete linkage asks it of
    # every two. "one" has a single valid answer and counts nowhere.
    run = ScoredRun(run_of())
    found = bounds(run, EXACT)
    assert (found.identical.value, found.identical.n) == (1 / 5, 5)
    assert found.identical.value <= found.complete.value <= found.clusterer.value
    assert np.isnan(found.corrected.value)  # nobody has read answers under this clusterer


def test_complete_linkage_is_stricter_than_average_linkage():
    run = ScoredRun(run_of())
    loose = Clusterer("embedding", 0.0, "fake")
    found = bounds(run, loose)
    one, every = found.clusterer, found.complete
    similar = [run.similarity(key, loose) for key in ANSWERS if len(run.valid(key)) > 1]
    assert every.value == np.mean([matrix.min() > 0 for matrix in similar])
    assert every.value <= one.value


def test_a_question_is_robust_where_all_clusterers_agree():
    found = robust(ScoredRun(run_of()))
    assert found["same"]  # one text: one cluster for everybody
    assert found["all"]  # four texts without a word in common
    assert not found["one"]  # undefined


def test_a_judge_that_said_nothing_readable_has_no_say():
    run = run_of()
    before = robust(ScoredRun(run))
    score_run(run.id, [FakeEncoder()], judge=FakeJudge(str, unreadable=99))
    after = ScoredRun(run)
    assert any(clusterer.method == "judge" for clusterer in after.clusterers())
    assert robust(after).equals(before)
    disagreeing = FakeJudge(lambda answer: 0)  # all the same
    disagreeing.key = "lax"
    score_run(run.id, [FakeEncoder()], judge=disagreeing)
    assert not robust(ScoredRun(run))["all"]


def test_a_question_that_a_judge_left_open_is_robust_by_the_others():
    n_sets = pd.DataFrame({"words": [1, 1, 1, np.nan], "meaning": [1, 1, 1, 1], "judge": [np.nan, 2, 1, 1]})
    assert agree(n_sets).tolist() == [True, False, True, False]


def test_only_a_change_that_all_clusterers_see_counts():
    runs = [scored("base"), scored("dpo", DPO)]
    ids = ["q0", "q1", "q2"]
    alone = agreed_change(runs, [EXACT], ids)
    assert alone.tolist() == [2, 1, 0]  # 3 → 1, 2 → 3, 1 → 1
    lax = Clusterer("embedding", 0.0, "fake")
    both = agreed_change(runs, [EXACT, lax], ids)
    k = [run.cluster_frame(lax)["num_semantic_sets"] for run in runs]
    change = (k[1] - k[0]).loc[ids]
    expected = [min(a, abs(c)) if np.sign(c) == s else 0 for a, c, s in zip(alone, change, (-1, 1, 0), strict=True)]
    assert both.tolist() == expected


def rates(n_sets, wordings, errors):
    return corrected_rate(pd.Series(n_sets), pd.Series(wordings), errors)


def test_a_corrected_rate_by_hand():
    # 100 questions: 10 of one wording, 20 in one cluster, 30 in two. Readers accept 30 of 40 and find 4 of 40 missed:
    # .10 + .20 · ¾ + .30 · .1 = .28
    n_sets, wordings = [1] * 30 + [2] * 30 + [5] * 40, [1] * 10 + [3] * 90
    found = rates(n_sets, wordings, StageErrors(30, 40, 4, 40))
    assert found.value == pytest.approx(0.28, abs=0.015)
    assert found.low < 0.28 < found.high
    assert found.high - found.low < 0.2
    assert (found.n, found.method) == (100, "readings")


def test_readers_who_accept_nothing_leave_what_is_identical():
    found = rates([1] * 50 + [3] * 50, [1] * 20 + [4] * 80, StageErrors(0, 400, 0, 400))
    assert found.value == pytest.approx(0.2, abs=0.02)


def test_few_readings_widen_the_interval():
    n_sets, wordings = [1] * 60 + [3] * 140, [2] * 200
    few, many = (rates(n_sets, wordings, StageErrors(k * 3, k * 4, 0, k)) for k in (1, 100))
    assert few.high - few.low > 1.5 * (many.high - many.low)


@pytest.mark.parametrize(("n_sets", "errors"), [([1.0, 2.0], None), ([np.nan], StageErrors(1, 1, 1, 1))])
def test_without_readings_or_questions_there_is_no_corrected_rate(n_sets, errors):
    assert np.isnan(rates(n_sets, n_sets, errors).value)


def test_a_rate_of_zero_is_not_certain():
    found = rates([4] * 100, [5] * 100, StageErrors(10, 20, 1, 20))
    assert 0 < found.high < 0.05


def test_bounds_of_one_category():
    run = ScoredRun(run_of())
    assert bounds(run, EXACT, "first").clusterer.n == 3
    assert bounds(run, EXACT, "second").clusterer.n == 2  # one of three questions has a single valid answer
