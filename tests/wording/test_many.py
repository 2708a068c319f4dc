"""Many models at once, in words."""

import numpy as np
import pandas as pd

from homog_core.analysis.many import SizeTest
from homog_core.statistics.between_models import between_models
from homog_core.wording import many as say

NAN = float("nan")
ROWS = pd.DataFrame(
    {"label": ["a2", "a27", "b1", "b7"], "value": [0.1, 0.4, 0.2, 0.2], "n_parameters": [2e9, 27e9, 1.24e9, NAN]}
)


def test_only_what_is_beyond_chance_is_told():
    tests = [SizeTest("a", "a2", "a27", 0.001), SizeTest("b", "b1", "b7", 0.5)]
    assert say.size_title(tests, ROWS) == (
        "The largest model differs from the smallest beyond chance in 1 of 2 families: a 10 % at 2 B, 40 % at 27 B"
    )
    assert say.size_title([tests[1]] * 2, ROWS) == (
        "In none of 2 families does the largest model differ from the smallest beyond chance"
    )
    assert say.size_title(tests[1:], ROWS) == (
        "No difference beyond chance between the smallest and the largest model of b"
    )
    assert "1 run without a known size is not here" in say.size_reading(tests, 1)
    assert [say.row_name(row) for _, row in ROWS.iterrows()] == ["a2 · 2 B", "a27 · 27 B", "b1 · 1.2 B", "b7"]


def found(families, within=0.5, between=0.3):
    tables = np.full((8, 3, 3), between) + np.linspace(-0.02, 0.02, 8)[:, None, None]
    tables[:, [0, 1, 2], [0, 1, 2]] = within
    tables[:, 0, 1] = tables[:, 1, 0] = within
    return between_models(tables, families)


def test_the_title_has_both_chances_and_their_share():
    title = say.between_title(found(["f", "f", "g"]))
    assert title.startswith(
        "Two answers of one model are the same in 50 % [50 %, 50 %] of cases, answers of two models"
    )
    assert "in 37 % [" in title
    assert "]: 73 % [" in title
    assert "Undefined" in say.between_title(between_models(np.full((3, 2, 2), NAN), ["a", "b"]))


def test_families_are_compared_only_as_far_as_the_interval_goes():
    assert "a difference of +40 points [" in say.families_sentence(found(["f", "f", "g"]))
    assert "may be chance" in say.families_sentence(found(["f", "f", "g"], 0.3, 0.3))
    assert say.families_sentence(found(["f", "g", "h"])) == ""


def test_a_hover_has_both_models_and_their_own_chances():
    one = found(["f", "f", "g"])
    assert say.pair_hover(one, ["a", "b", "c"], 0, 0) == "a\ntwo of its answers are the same: 50 % [50 %, 50 %]"
    lines = say.pair_hover(one, ["a", "b", "c"], 0, 2).split("\n")
    assert lines[0] == "a and c"
    assert lines[2] == "with themselves: 50 % and 50 %"
    assert lines[3].startswith("overlap: 60 % [")
