"""A coroutine in a thread of its own: what it says arrives, and it is left without a fuss however it ends."""

import sys

import pytest

from homog_core.sampling.background import Background


@pytest.fixture
def hasty_threads():
    """Threads that take turns so often that every order of two steps comes up."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def test_work_that_has_just_ended_is_left_without_an_error(hasty_threads):
    async def work(emit):
        emit("said")

    for _ in range(1500):
        with Background(work) as found:
            assert [one for several in found.said(5) for one in several] == ["said"]


def test_the_error_of_the_work_is_the_one_that_is_raised():
    async def work(emit):
        raise ValueError("of the work")

    with pytest.raises(ValueError, match="of the work"), Background(work) as found:
        list(found.said(5))
