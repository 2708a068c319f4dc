"""The cascade in words."""

import math
from dataclasses import replace

import pytest
from graded_scores import half_decided

from homog_core.records import Estimate
from homog_core.statistics.cascade import matched_saving
from homog_core.statistics.discrimination import AurocDifference
from homog_core.wording.cascade import cascade_sentence

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
            "alone (0.870), which would save 100 %.",
        ),
        (
            GAIN,
            AurocDifference(-0.004, -0.019, 0.011, 0.6),
            "kept",
            "(difference −0.004, −0.019 to +0.011); a loss of more than 0.02 is ruled out, and stopping every question "
            "at the same signal would save 0 % at 1.000.",
        ),
        (
            GAIN,
            AurocDifference(-0.03, -0.05, -0.01, 0.01),
            "lost",
            "(difference −0.030, −0.050 to −0.010); part of this is paid for with quality, and stopping every question "
            "at the same signal would save 0 % at 1.000.",
        ),
        (
            GAIN,
            AurocDifference(-0.03, -0.07, 0.01, 0.2),
            "unclear",
            "(difference −0.030, −0.070 to +0.010); 40 questions are too few to rule out a loss of more than 0.02, and "
            "stopping every question at the same signal would save 0 % at 1.000.",
        ),
        (
            GAIN,
            AurocDifference(-0.03, NAN, NAN, NAN),
            "unclear",
            "(difference −0.030); 40 questions are too few to rule out a loss of more than 0.02, and stopping every "
            "question at the same signal would save 0 % at 1.000.",
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
        "Running dear signals only where the cheaper ones are unsure costs 4 instead of 8 tokens a question, 50 % less "
        f"(95 % interval 35 % to 65 %), at an AUROC of 1.000 instead of 1.000 {ending}"
    )


def test_where_everything_is_free_there_is_nothing_to_save():
    found = matched_saving(*half_decided(extra=0))
    assert cascade_sentence(found) == "Running every signal costs nothing extra here, so there is nothing to save."
