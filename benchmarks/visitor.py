"""A visitor without a browser: speaks to a running server as Streamlit's own page does, over its WebSocket.

What the pages say is kept as text, and their buttons can be pressed. A page's fragments are asked for again as a
browser does it, so that a job is watched to its end.
"""

import time
from collections.abc import Iterator
from urllib.parse import urlencode, urlsplit

from google.protobuf.message import Message
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect


class Visitor:
    """One open page of a server at `url`, as http://localhost:8501."""

    def __init__(self, url: str, headers: dict[str, str] | None = None, **options: object) -> None:
        asked = urlsplit(url)
        place = asked._replace(scheme=asked.scheme.replace("http", "ws"), path="/_stcore/stream").geturl()
        self._socket = connect(
            place, subprotocols=["streamlit"], additional_headers=headers or {}, max_size=None, **options
        )
        self._page, self._query, self._hash = "", "", ""
        self._elements: dict[tuple[int, ...], Message] = {}  # by their place on the page
        self._polled: dict[str, float] = {}  # when a fragment is due, by its id
        self._every: dict[str, float] = {}  # seconds, by fragment

    def __enter__(self) -> "Visitor":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def open(self, page: str, **params: str) -> None:
        """Open a page by the last part of its address, and wait until it has been drawn."""
        self._page, self._query, self._hash = page, urlencode(params), ""
        self._elements, self._polled = {}, {}
        self._run()

    @property
    def text(self) -> str:
        """Everything that the page says, without the escapes of Markdown."""
        return "\n".join(filter(None, map(_words, self._elements.values()))).replace("\\", "")

    @property
    def query(self) -> str:
        """What stands behind the question mark of the page's address."""
        return self._query

    def buttons(self) -> list[str]:
        """The labels of the buttons that are there."""
        return [element.button.label for element in self._elements.values() if element.WhichOneof("type") == "button"]

    def errors(self) -> list[str]:
        """What is shown in red: sentences, and scripts that have ended with an exception."""
        kinds = [(element.WhichOneof("type"), element) for element in self._elements.values()]
        red = [e.alert.body for kind, e in kinds if kind == "alert" and e.alert.format == e.alert.ERROR]
        return red + [e.exception.message for kind, e in kinds if kind == "exception"]

    def press(self, label: str) -> None:
        """Press the first button with this label, and wait until the page has been drawn again."""
        found = (e.button for e in self._elements.values() if e.WhichOneof("type") == "button")
        self._run(button=next(button.id for button in found if button.label == label))

    def look_again(self) -> None:
        """Wait for the next fragment that is due, and ask for it, as a browser does."""
        if not self._polled:
            raise RuntimeError("Nothing on this page is looked at again and again.")
        fragment = min(self._polled, key=self._polled.__getitem__)
        time.sleep(max(0.0, self._polled[fragment] - time.monotonic()))
        self._polled[fragment] = time.monotonic() + self._every[fragment]
        self._run(fragment=fragment)

    def _run(self, button: str = "", fragment: str = "") -> None:
        """One run of the page's script, and of those that it asks for itself, to the end."""
        message = BackMsg()
        state = message.rerun_script
        state.query_string, state.page_script_hash, state.fragment_id = self._query, self._hash, fragment
        state.page_name = "" if self._hash else self._page
        state.is_auto_rerun = bool(fragment)
        state.context_info.timezone = "UTC"
        if button:
            pressed = state.widget_states.widgets.add()
            pressed.id, pressed.trigger_value = button, True
        self._socket.send(message.SerializeToString())
        part = bool(fragment)  # whether the next run draws a part of the page; one that follows draws all of it
        for heard in self._heard():
            if heard.WhichOneof("type") == "new_session":
                if not part:
                    self._elements, self._polled, self._every = {}, {}, {}
                part = False
            self._take(heard)

    def _heard(self) -> Iterator[ForwardMsg]:
        """The messages up to the end of a run; a run that another one follows at once does not count as an end."""
        while True:
            message = ForwardMsg.FromString(self._socket.recv(timeout=120))
            yield message
            kind = message.WhichOneof("type")
            if kind == "script_finished" and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                return

    def _take(self, message: ForwardMsg) -> None:
        match message.WhichOneof("type"):
            case "navigation":
                self._hash = message.navigation.page_script_hash
            case "page_info_changed":
                self._query = message.page_info_changed.query_string
            case "auto_rerun":
                rerun = message.auto_rerun
                self._every[rerun.fragment_id] = rerun.interval
                self._polled[rerun.fragment_id] = time.monotonic() + rerun.interval
            case "delta" if message.delta.WhichOneof("type") == "new_element":
                self._elements[tuple(message.metadata.delta_path)] = message.delta.new_element


def _words(element: Message) -> str:
    kind = element.WhichOneof("type")
    shown = getattr(element, kind) if kind else None
    return str(getattr(shown, "body", "") or getattr(shown, "label", "") or getattr(shown, "value", "") or "")
