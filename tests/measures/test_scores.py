"""The scores of one question by name."""

import pytest
from fakes import (
    make_response,
)

from homog_core.measures.scores import response_scores

pytestmark = pytest.mark.usefixtures("no_shipped_runs")


def test_cut_answers_are_counted():
    whole = make_response("a b")
    cut = type(whole)(whole.text, whole.tokens, whole.token_entropies, whole.token_logprobs, "length")
    scores = response_scores([whole, cut, cut], whole)
    assert (scores["n_valid"], scores["n_cut"]) == (3, 2)
    # own tokens: two of the whole answer, all three of a cut one: −¼ · (2 + 3 + 3) / 3
    assert scores["predictive_entropy"] == pytest.approx(0.25 * 8 / 3)
