"""Homogenized or broken."""

import math
from dataclasses import replace

import pytest
from fakes import make_response

from homog_core.measures.diversity import degeneration


def test_degeneration_by_hand():
    greedy = [make_response(text) for text in ("Oslo.", "the oslo", "Rome", "")]
    cut = replace(make_response("a b c"), finish_reason="length")
    sampled = [make_response("x y z x y z x y z"), make_response(""), cut, make_response("fine")]
    found = degeneration(greedy, sampled)
    assert found.distinct_across_questions == pytest.approx(2 / 3)  # oslo twice, rome; the empty one is no answer
    assert found.most_common_answer == pytest.approx(2 / 3)
    assert (found.looping, found.cut, found.invalid) == (pytest.approx(1 / 3), 0.25, 0.25)
    assert all(math.isnan(value) for value in degeneration([], []))
