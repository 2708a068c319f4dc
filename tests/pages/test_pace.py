"""The longer it takes to draw a job, the rarer it is drawn."""

from hypothesis import given
from hypothesis import strategies as st

from dashboard.live.pace import Pace, pause_after

seconds = st.floats(0, 100)


@given(seconds, seconds)
def test_what_takes_longer_comes_no_more_often(one, other):
    assert pause_after(min(one, other)) <= pause_after(max(one, other))


@given(st.floats(0, 0.3))
def test_drawing_takes_at_most_a_tenth_of_the_time(one):
    assert one <= 0.1 * pause_after(one) + 1e-9


def test_a_page_looks_at_least_every_three_seconds_and_at_most_twice_a_second():
    assert (pause_after(0), pause_after(60)) == (0.5, 3.0)


def test_what_the_last_drawing_took_counts(monkeypatch):
    now, pace = [0.0], Pace()
    monkeypatch.setattr("dashboard.live.pace.time.perf_counter", lambda: now[0])
    with pace.drawing():
        now[0] += 0.2
    assert pace.pause == pause_after(0.2) == 2.0
    with pace.drawing():
        now[0] += 0.01
    assert pace.pause == 0.5
