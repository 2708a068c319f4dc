"""How series look."""

import pytest

from homog_core.figures.series import run_series, score_series, whiskers

NAN = float("nan")


def test_eight_runs_can_be_told_apart():
    looks = run_series([str(i) for i in range(8)], ["dpo", "instruct"] * 4)
    assert len({(look.color, look.dash) for look in looks}) == 8
    assert len({(look.color, look.symbol) for look in looks}) == 8


def test_one_run_of_each_stage_is_told_by_its_colour_alone():
    looks = run_series(["a", "b", "c", "d"], ["base", "sft", "control", "dpo"])
    assert len({look.color for look in looks}) == 4
    assert {(look.symbol, look.dash) for look in looks} == {("circle", "solid")}


def test_scores_of_one_group_share_a_colour_and_differ_in_their_dashes():
    names = [("a", "A", "samples"), ("b", "B", "samples"), ("c", "C", "question")]
    first, second, other = score_series(names, dark=True)
    assert first.color == second.color != other.color
    assert first.dash != second.dash


def test_a_value_without_an_interval_has_no_whisker():
    found = whiskers([{"value": 0.5, "low": 0.4, "high": 0.7}, {"value": 0.5, "low": NAN, "high": NAN}])
    assert found["array"] == pytest.approx([0.2, 0])
    assert found["arrayminus"] == pytest.approx([0.1, 0])
    assert found["visible"]
    assert not whiskers([{"value": 0.5, "low": NAN, "high": NAN}])["visible"]
