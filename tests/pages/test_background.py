"""What a page waits for: computed once for all, in turn, never for nobody, and told where it fails."""

import threading
from types import SimpleNamespace

import pytest
from fakes import TIMEOUT
from streamlit.testing.v1 import AppTest

from dashboard import background
from dashboard.background import Tasks
from homog_core.errors import HomogError, InvalidInput


class Slow:
    """A computation that ends when it is let, and counts how often it was begun."""

    def __init__(self, value="found"):
        self.value, self.n, self.begun, self.end = value, 0, threading.Event(), threading.Event()

    def __call__(self, on_progress):
        self.n += 1
        self.begun.set()
        on_progress("Half", 1, 2)
        assert self.end.wait(TIMEOUT)
        return self.value


@pytest.fixture
def tasks(monkeypatch):
    """Those of a server of its own."""
    own = Tasks()
    monkeypatch.setattr(background, "tasks", lambda: own)
    return own


def over(task):
    assert task.over.wait(TIMEOUT)
    return task


def test_many_who_ask_at_once_get_one_computation(tasks):
    slow, start, found = Slow(), threading.Barrier(8), []

    def ask():
        start.wait()
        found.append(tasks.get("key", slow))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    slow.end.set()
    assert {over(task).value for task in found} == {"found"}
    assert (len(set(map(id, found))), slow.n) == (1, 1)


def test_one_works_at_a_time_and_the_next_one_begins_after_it(tasks):
    first, second = Slow(1), Slow(2)
    one = tasks.get("one", first)
    assert first.begun.wait(TIMEOUT)
    other = tasks.get("other", second)
    assert not second.begun.wait(0.2)
    assert (one.what, one.done, one.total, other.what) == ("Half", 1, 2, "Starting")
    first.end.set()
    assert second.begun.wait(TIMEOUT)
    second.end.set()
    assert (over(one).value, over(other).value) == (1, 2)


def test_what_has_not_begun_when_nobody_looks_any_more_does_not_begin(tasks, monkeypatch):
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(background, "time", SimpleNamespace(monotonic=lambda: clock.now))
    first, dragged = Slow(), [Slow(step) for step in range(20)]
    begun = tasks.get("first", first)
    assert first.begun.wait(TIMEOUT)
    waiting = [tasks.get(step, one) for step, one in enumerate(dragged)]
    dragged[-1].end.set()
    clock.now = background._LEFT_SECONDS + 1
    waiting[-1].look()  # the page of the last step goes on looking
    first.end.set()
    assert over(begun).value == "found"  # it had begun, and nobody looked
    assert over(waiting[-1]).value == 19
    assert [over(task).is_left for task in waiting[:-1]] == [True] * 19
    assert [one.n for one in dragged] == [0] * 19 + [1]
    dragged[0].end.set()
    assert over(tasks.get(0, dragged[0])).value == 0  # whoever comes back gets it


def test_no_more_than_the_latest_are_kept(tasks, monkeypatch):
    monkeypatch.setattr(background, "_MOST", 3)
    for key in range(6):
        over(tasks.get(key, lambda _: key))  # noqa: B023
    again = Slow("again")
    again.end.set()
    assert over(tasks.get(5, again)).value == 5
    assert over(tasks.get(0, again)).value == "again"


@pytest.mark.parametrize(("raised", "told"), [(InvalidInput("No."), "No."), (ZeroDivisionError("by 0"), "by 0")])
def test_what_goes_wrong_is_told_once_and_tried_again(tasks, raised, told):
    attempts = []

    def compute(on_progress):
        attempts.append(1)
        if len(attempts) == 1:
            raise raised
        return "found"

    with pytest.raises(HomogError, match=told):
        background.computed("key", compute)
    assert background.computed("key", compute) == "found"


def test_a_page_shows_a_bar_until_it_is_there(tasks):
    slow = Slow()
    tasks.get("key", slow)

    def page():
        import streamlit as st

        from dashboard.background import computed

        found = computed("key", lambda on_progress: "another")
        st.markdown(f"shown: {found}")

    app = AppTest.from_function(page, default_timeout=TIMEOUT).run()
    assert [bar.proto.text for bar in app.get("progress")] == ["Computing, while you may go on elsewhere. Half: 1 of 2"]
    assert [text.value for text in app.markdown] == ["shown: None"]
    slow.end.set()
    over(tasks.get("key", slow))
    app.run()
    assert not app.get("progress")
    assert [text.value for text in app.markdown] == ["shown: found"]
