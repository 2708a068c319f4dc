"""A job steps aside while somebody waits for a page, and is never held up for longer than its last step took."""

import asyncio
import threading
import time
from types import SimpleNamespace

import pytest
from fakes import TIMEOUT
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Delta_pb2 import Delta
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.Text_pb2 import Text

from dashboard import serving
from dashboard.clicks import Clicks


def passed(clicks: Clicks, seconds: float) -> threading.Event:
    """Set when a job in another thread has been let go on."""
    gone = threading.Event()
    threading.Thread(target=lambda: (clicks.let_pass(seconds), gone.set()), daemon=True).start()
    return gone


def test_where_nobody_waits_a_job_goes_on_at_once():
    started = time.monotonic()
    Clicks().let_pass(TIMEOUT)
    assert time.monotonic() - started < 1.0


def test_a_job_waits_until_the_last_of_those_who_wait_has_been_answered():
    clicks = Clicks()
    clicks.asked("one")
    clicks.asked("one")  # a second click before the first is answered
    clicks.asked("other")
    gone = passed(clicks, TIMEOUT)
    clicks.answered("one")
    assert not gone.wait(0.2)
    clicks.answered("other")
    assert gone.wait(TIMEOUT)


def test_a_job_waits_no_longer_than_it_is_told():
    clicks = Clicks()
    clicks.asked("somebody who never gets an answer")
    assert passed(clicks, 0.05).wait(TIMEOUT)


def test_who_has_gone_is_waited_for_no_longer():
    clicks = Clicks()
    clicks.answered("nobody")  # the end of a script that drew a page again by itself
    clicks.let_pass(TIMEOUT)


@pytest.fixture
def socket(monkeypatch):
    """Both directions of a WebSocket, as the server's guard sees them."""
    clicks = Clicks()
    monkeypatch.setattr(serving, "CLICKS", clicks)

    def said(message: BackMsg) -> None:
        async def receive():
            return {"type": "websocket.receive", "bytes": message.SerializeToString()}

        asyncio.run(serving._of_pages(receive, 1)())

    def answer(message: ForwardMsg) -> None:
        async def send(message):
            pass

        asyncio.run(serving._to_pages(send, 1)({"type": "websocket.send", "bytes": message.SerializeToString()}))

    return SimpleNamespace(clicks=clicks, said=said, answer=answer)


def click(**how: bool) -> BackMsg:
    message = BackMsg()
    message.rerun_script.query_string = "question=fact-001"
    message.rerun_script.is_auto_rerun = how.get("by_itself", False)
    return message


def test_from_a_click_to_the_end_of_its_script_somebody_waits(socket):
    socket.said(click())
    socket.answer(ForwardMsg(delta=Delta(new_element=Element(text=Text(body="half of the page")))))
    socket.answer(ForwardMsg(script_finished=ForwardMsg.FINISHED_EARLY_FOR_RERUN))  # another one follows
    gone = passed(socket.clicks, TIMEOUT)
    assert not gone.wait(0.2)
    socket.answer(ForwardMsg(script_finished=ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY))
    assert gone.wait(TIMEOUT)


def test_nobody_waits_for_a_page_that_looks_again_by_itself(socket):
    socket.said(click(by_itself=True))
    assert passed(socket.clicks, TIMEOUT).wait(1.0)
