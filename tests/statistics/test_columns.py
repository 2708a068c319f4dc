"""What all statistics have in common: undefined values are left out, ties are no signal, order plays no part."""

import math

import numpy as np
import pytest
from graded_scores import CORRECT, QUESTIONS, SCORES, columns
from hypothesis import given
from hypothesis import strategies as st

from homog_core.errors import InvalidInput
from homog_core.statistics.calibration import brier_score, expected_calibration_error, platt_probabilities, reliability
from homog_core.statistics.dependence import correlation
from homog_core.statistics.discrimination import (
    auroc,
    auroc_bootstrap,
    auroc_estimate,
    delong_test,
    is_constant,
)
from homog_core.statistics.paired import mcnemar_exact
from homog_core.statistics.selective import (
    aurc,
    prediction_rejection_ratio,
    risk_coverage,
    selective_estimates,
)

NAN = math.nan


def test_columns_of_two_lengths_are_refused():
    with pytest.raises(InvalidInput, match="have 1 and 2"):
        mcnemar_exact([1], [1, 0])


@given(QUESTIONS, st.randoms())
def test_the_order_of_the_questions_changes_nothing(rows, random):
    shuffled = random.sample(rows, len(rows))
    (scores, wrong), (other_scores, other_wrong) = columns(rows), columns(shuffled)

    assert auroc(scores, wrong) == pytest.approx(auroc(other_scores, other_wrong))
    assert aurc(scores, ~wrong) == pytest.approx(aurc(other_scores, ~other_wrong))
    np.testing.assert_allclose(risk_coverage(scores, ~wrong).risk, risk_coverage(other_scores, ~other_wrong).risk)
    for estimate in (auroc_bootstrap, lambda u, w, **k: selective_estimates(u, ~w, **k)):
        ours, theirs = estimate(scores, wrong, n_resamples=20), estimate(other_scores, other_wrong, n_resamples=20)
        assert str(ours) == str(theirs)  # as text, since NaN is not itself


@given(QUESTIONS)
def test_all_ties_are_no_signal(rows):
    _, wrong = columns(rows)
    scores = np.full(len(wrong), 0.7) + np.linspace(0, 1e-12, len(wrong))  # a sum in another order is no signal

    assert is_constant(scores, wrong)
    assert auroc(scores, wrong) == 0.5
    found = auroc_estimate(scores, wrong)
    assert (found.value, found.low, found.high) == (0.5, 0.5, 0.5)
    np.testing.assert_allclose(risk_coverage(scores, ~wrong).risk, wrong.mean())
    assert aurc(scores, ~wrong) == pytest.approx(wrong.mean())
    assert prediction_rejection_ratio(scores, ~wrong) == pytest.approx(0, abs=1e-9)


def test_scores_and_grades_that_are_swapped_are_refused():
    with pytest.raises(InvalidInput, match=r"must be 0, 1 or NaN; there is 0\.1"):
        auroc(1 - CORRECT, SCORES)
    with pytest.raises(InvalidInput, match="have 8 and 7"):
        auroc(SCORES, CORRECT[:7])


@pytest.mark.parametrize(
    "statistic",
    [
        auroc,
        auroc_estimate,
        auroc_bootstrap,
        lambda u, w: delong_test(u, np.sin(9 * u), w),
        lambda u, w: risk_coverage(u, 1 - w).risk.tolist(),
        lambda u, w: selective_estimates(u, 1 - w),
        lambda u, w: correlation(u, w),
        lambda p, w: reliability(p, 1 - w)._asdict(),
        lambda p, w: (expected_calibration_error(p, 1 - w), brier_score(p, 1 - w)),
        lambda u, w: (lambda p: p[~np.isnan(p)].tolist())(platt_probabilities(u, 1 - w, folds=2)),
    ],
)
def test_questions_without_score_or_grade_are_left_out(statistic):
    wrong = 1.0 - CORRECT

    assert str(statistic(np.r_[0.3, SCORES, NAN, NAN], np.r_[NAN, wrong, 1, NAN])) == str(statistic(SCORES, wrong))
