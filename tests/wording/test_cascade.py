"""The cascade in words."""

import math
from dataclasses import replace

import pandas as pd
import pytest
from graded_scores import half_decided

from homog_core.analysis.cascade import CascadeStudy, stop_shares
from homog_core.records import Estimate
from homog_core.statistics.cascade import matched_saving
from homog_core.statistics.discrimination import AurocDifference
from homog_core.wording.cascade import cascade_sentence, cascade_title, operating_point_sentence

NAN = math.nan
GAIN, NO_GAIN = AurocDifference(0.05, 0.01, 0.09, 0.01), AurocDifference(0.05, -0.01, 0.11, 0.1)


@pytest.mark.parametrize(
    ("gain", "difference", "verdict", "ending"),
    [
        (
            NO_GAIN,
            AurocDifference(0.0, 0.0, 0.0, 1.0),
            "no gain",
            "(difference +0.000, +0.000 to +0.000); but all signals together are not shown to be better than free "
            "alone (0.87), which would save 100 %.",
        ),
        (
            GAIN,
            AurocDifference(-0.004, -0.019, 0.011, 0.6),
            "kept",
            "(difference −0.004, −0.019 to +0.011); a loss of more than 0.02 is ruled out, and stopping every question "
            "at the same signal would save 0 % at 1.00.",
        ),
        (
            GAIN,
            AurocDifference(-0.03, -0.05, -0.01, 0.01),
            "lost",
            "(difference −0.030, −0.050 to −0.010); part of this is paid for with quality, and stopping every question "
            "at the same signal would save 0 % at 1.00.",
        ),
        (
            GAIN,
            AurocDifference(-0.03, -0.07, 0.01, 0.2),
            "unclear",
            "(difference −0.030, −0.070 to +0.010); 40 questions are too few to rule out a loss of more than 0.02, and "
            "stopping every question at the same signal would save 0 % at 1.00.",
        ),
        (
            GAIN,
            AurocDifference(-0.03, NAN, NAN, NAN),
            "unclear",
            "(difference −0.030); 40 questions are too few to rule out a loss of more than 0.02, and stopping every "
            "question at the same signal would save 0 % at 1.00.",
        ),
    ],
)
def test_the_sentence_says_what_the_evidence_says(gain, difference, verdict, ending):
    found = matched_saving(*half_decided())
    found = replace(
        found,
        gain=gain,
        difference=difference,
        saving=Estimate(0.5, 0.35, 0.65, 40, "paired bootstrap"),
        cheapest=replace(found.cheapest, auroc=0.87),
    )

    assert found.verdict == verdict
    assert cascade_sentence(found) == (
        "Running costly signals only where the cheaper ones are unsure costs 4 instead of 8 tokens a question, 50 % "
        f"less (95 % interval 35 % to 65 %), at an AUROC of 1.00 instead of 1.00 {ending}"
    )


def test_where_everything_is_free_there_is_nothing_to_save():
    found = matched_saving(*half_decided(extra=0))
    assert cascade_sentence(found) == "Running every signal costs nothing extra here, so there is nothing to save."


def test_what_an_operating_point_costs_and_saves():
    common = {"kind": "cascade", "accepted": 0.4, "accepted_accuracy": 0.9, "value": 0.7}
    rows = pd.DataFrame(
        [
            {**common, "cost": 25.0, "reached_1": 1.0, "reached_2": 0.25},
            {**common, "cost": 100.0, "reached_1": 1.0, "reached_2": 1.0},
        ]
    )
    names = ["mean_token_entropy", "discrete_semantic_entropy"]
    assert operating_point_sentence(rows, 0, names) == (
        "Here a question costs 25 extra tokens on average instead of 100, 75 % less, at an AUROC of 0.70 instead of "
        "0.70. Questions are decided 75 % at token entropy, 25 % at semantic entropy. It accepts 40 % of the answers, "
        "of which 90 % are correct."
    )
    assert operating_point_sentence(rows.assign(accepted=0.0), 0, names).endswith("It accepts no answer.")
    assert "less" not in operating_point_sentence(rows.assign(cost=0.0), 0, names)


@pytest.mark.parametrize(
    ("share", "n", "stops"),
    [([1.0, 0.25], 2, [0.75, 0.25]), ([1.0, 0.5, 0.5], 3, [0.5, 0, 0.5]), ([1.0, NAN], 1, [1.0])],
)
def test_a_question_is_decided_by_the_last_signal_that_it_reaches(share, n, stops):
    point = pd.Series({f"reached_{k}": value for k, value in enumerate(share, start=1)})
    assert stop_shares(point) == stops


def test_the_title_is_the_verdict():
    found = matched_saving(*half_decided(n=400))
    study = CascadeStudy([], None, None, {}, found)
    assert cascade_title(study) == "The cascade saves 50 % at the same quality"
    study = CascadeStudy([], None, None, {}, matched_saving(*half_decided(extra=0)))
    assert cascade_title(study) == "Every signal is free here: there is nothing to save"
