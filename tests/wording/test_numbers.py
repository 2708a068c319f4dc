"""How numbers are written."""

import math

import pytest

from homog_core.records import Estimate
from homog_core.wording import numbers

NAN = math.nan


@pytest.mark.parametrize(
    ("share", "words"),
    [(0, "0 %"), (1, "100 %"), (0.145, "14 %"), (0.004, "0.4 %"), (0.996, "99.6 %"), (NAN, "undefined")],
)
def test_a_share_that_is_neither_none_nor_all_does_not_look_like_it(share, words):
    assert numbers.percent(share) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (numbers.number(-1234.5), "−1,234.50"),
        (numbers.whole(1234.4), "1,234"),
        (numbers.tenth(-0.25), "−0.2"),
        (numbers.signed(0.5), "+0.50"),
        (numbers.signed(-0.0004, 3), "−0.000"),
        (numbers.given(0.70), "0.7"),
        (numbers.given(-2.0), "−2"),
        (numbers.tenth_percent(0.1234), "12.3 %"),
        (numbers.percent(-0.5), "−50 %"),
        (numbers.millions(8_030_000_000), "8,030 million"),
        (numbers.counted(1, "question"), "1 question"),
        (numbers.counted(1200, "category", "categories"), "1,200 categories"),
        (numbers.times(1), "once"),
        (numbers.times(10), "10 times"),
        (numbers.p_value(0.0005), "p < 0.001"),
        (numbers.p_value(0.0123), "p = 0.012"),
        (numbers.p_value(0.688), "p = 0.69"),
        (numbers.published_value("single_cluster_rate", 0.285), "28.5 %"),
        (numbers.published_value("auroc", 0.51), "0.51"),
    ],
)
def test_a_number_is_written_in_one_way(written, words):
    assert written == words


def test_an_interval_stands_behind_its_value():
    found = Estimate(0.14, 0.09, 0.2, 162, "wilson")
    assert numbers.with_interval(found) == "0.14 [0.09, 0.20]"
    assert numbers.with_interval(found, numbers.tenth_percent) == "14.0 % [9.0 %, 20.0 %]"
    assert numbers.with_interval(Estimate(0.5, NAN, NAN, 1, "t")) == "0.50"
    assert numbers.interval(-0.1, 0.2, numbers.signed) == "95 % interval −0.10 to +0.20"
    assert numbers.interval(NAN, NAN) == ""


@pytest.mark.parametrize("show", [numbers.number, numbers.whole, numbers.signed, numbers.percent, numbers.p_value])
def test_what_is_undefined_says_so(show):
    assert show(NAN) == "undefined"


@pytest.mark.parametrize(("cost", "shown"), [(0, "0"), (0.123, "0.12"), (4.5, "4.5"), (1234.4, "1,234")])
def test_costs_are_readable(cost, shown):
    assert numbers.tokens(cost) == shown


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (59.6, "1 min 0 s"), (203, "3 min 23 s"), (3600, "1 h 0 min"), (7380, "2 h 3 min")],
)
def test_durations(seconds, words):
    assert numbers.duration(seconds) == words
