"""Selective accuracy and calibration of one score."""

import math

import numpy as np
import pytest

from homog_core.analysis import selective

pytestmark = pytest.mark.usefixtures("no_shipped_runs")


def test_coverage_of_a_score_that_ties_is_flat():
    found = selective.coverage_of(np.ones(8), np.array([1, 0, 1, 1, 0, 0, 1, 1.0]))
    assert found.no_signal
    np.testing.assert_allclose(found.curve["value"], 5 / 8)
    assert list(found.points["coverage"]) == list(selective.COVERAGES)
    assert selective.coverage_of(np.ones(2), np.full(2, np.nan)).points.empty


def test_calibration_before_reads_the_score_as_it_stands():
    values, correct = np.linspace(2, 4, 40), (np.arange(40) < 20).astype(float)
    found = selective.calibration_of(values, correct)
    before = found.bins[found.bins["when"] == "before"]
    assert len(before) == 5  # fewer bins in small samples
    assert before["probability"].iloc[-1] > 0.9  # the lowest scores
    assert before["value"].iloc[-1] == 1
    summary = found.summary.set_index(["when", "measure"])
    assert summary.loc[("after", "ECE"), "value"] < summary.loc[("before", "ECE"), "value"]
    assert ((summary["low"] <= summary["high"]) & (summary["low"] >= 0)).all()


def test_calibration_of_a_constant_and_of_too_few_is_undefined():
    constant = selective.calibration_of(np.ones(20), np.r_[np.ones(10), np.zeros(10)])
    values = constant.summary.set_index(["when", "measure"])["value"]
    assert math.isnan(values["before", "ECE"])
    assert values["after", "Brier"] == pytest.approx(0.25, abs=0.02)
    few = selective.calibration_of(np.arange(6.0), np.array([1, 0, 0, 0, 0, 0.0]))
    assert few.summary.set_index(["when", "measure"])["value"].loc["after"].isna().all()
