"""What a page waits for: computed once, in turn, the newest alone, never for nobody, and told where it fails."""

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
        found.append(tasks.get(("of", "key"), slow))

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
    one = tasks.get(("of", "one"), first)
    assert first.begun.wait(TIMEOUT)
    other = tasks.get(("another", "other"), second)
    assert not second.begun.wait(0.2)
    assert (one.what, one.done, one.total, other.what) == ("Half", 1, 2, "Starting")
    first.end.set()
    assert second.begun.wait(TIMEOUT)
    second.end.set()
    assert (over(one).value, over(other).value) == (1, 2)


def test_what_has_not_begun_when_nobody_looks_any_more_does_not_begin(tasks, monkeypatch):
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(background, "time", SimpleNamespace(monotonic=lambda: clock.now))
    first, left, watched = Slow(), Slow(), Slow("shown")
    begun = tasks.get(("of", "first"), first)
    assert first.begun.wait(TIMEOUT)
    tasks.get(("of", "left"), left, "somebody")
    waiting = tasks.get(("of", "watched"), watched, "somebody else")
    watched.end.set()
    clock.now = background._LEFT_SECONDS + 1
    waiting.look("somebody else")  # this page goes on looking
    first.end.set()
    assert over(begun).value == "found"  # it had begun, and nobody looked
    assert over(waiting).value == "shown"
    assert (left.n, watched.n) == (0, 1)
    left.end.set()
    assert over(tasks.get(("of", "left"), left, "somebody")).value == "found"  # whoever comes back gets it


def test_the_newest_takes_the_place_of_what_waits_for_the_same_session(tasks):
    first, dragged, again, of_another_kind = Slow(), [Slow(step) for step in range(20)], Slow("again"), Slow("kind")
    tasks.get(("tau", "first"), first, "me")
    assert first.begun.wait(TIMEOUT)
    for step, one in enumerate(dragged):
        tasks.get(("tau", step), one, "me")
    shared = tasks.get(("tau", 10), again, "you")  # another session is at a step that I have left
    other = tasks.get(("another kind", 0), of_another_kind, "me")
    for one in (first, *dragged, of_another_kind):
        one.end.set()
    assert [over(task).value for task in (shared, tasks.get(("tau", 19), again, "me"), other)] == [10, 19, "kind"]
    assert [step for step, one in enumerate(dragged) if one.n] == [10, 19]
    assert again.n == 0


def test_no_more_than_the_latest_are_kept(tasks, monkeypatch):
    monkeypatch.setattr(background, "_MOST", 3)
    for key in range(6):
        over(tasks.get(("of", key), lambda _: key))  # noqa: B023
    again = Slow("again")
    again.end.set()
    assert over(tasks.get(("of", 5), again)).value == 5
    assert over(tasks.get(("of", 0), again)).value == "again"


@pytest.mark.parametrize(("raised", "told"), [(InvalidInput("No."), "No."), (ZeroDivisionError("by 0"), "by 0")])
def test_what_goes_wrong_is_told_once_and_tried_again(tasks, raised, told):
    attempts = []

    def compute(on_progress):
        attempts.append(1)
        if len(attempts) == 1:
            raise raised
        return "found"

    with pytest.raises(HomogError, match=told):
        background.computed(("of", "key"), compute)
    assert background.computed(("of", "key"), compute) == "found"


def test_a_page_shows_a_bar_until_it_is_there(tasks):
    slow = Slow()
    tasks.get(("of", "key"), slow)

    def page():
        import streamlit as st

        from dashboard.background import computed

        found = computed(("of", "key"), lambda on_progress: "another")
        st.markdown(f"shown: {found}")

    app = AppTest.from_function(page, default_timeout=TIMEOUT).run()
    assert [bar.proto.text for bar in app.get("progress")] == ["Computing, while you may go on elsewhere. Half: 1 of 2"]
    assert [text.value for text in app.markdown] == ["shown: None"]
    slow.end.set()
    over(tasks.get(("of", "key"), slow))
    app.run()
    assert not app.get("progress")
    assert [text.value for text in app.markdown] == ["shown: found"]
