"""A visitor without a browser: speaks to a running server as Streamlit's own page does, over its WebSocket.

It keeps the elements of a page as a browser does: what the page says can be read, what can be clicked can be clicked,
and a click in a fragment draws that fragment alone. Fragments that are drawn again and again are asked for as a browser
does it, so that a job is watched to its end.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect

_TIMEOUT = 600.0  # seconds until a page has to be there
# How the state of each kind of widget is called in the protocol, and where the server writes a value that it sets.
_STATES = {
    "slider": ("double_array_value", "value"),
    "selectbox": ("string_value", "raw_value"),
    "multiselect": ("string_array_value", "raw_values"),
    "button_group": ("string_array_value", "raw_values"),
    "text_input": ("string_value", "value"),
    "checkbox": ("bool_value", "value"),
    "button": ("trigger_value", ""),
    "popover": ("bool_value", ""),
    "dataframe": ("string_value", ""),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back from a click."""

    wall: float  # seconds until the page stood
    sent: int  # bytes
    is_fragment: bool  # whether only a part was drawn again


@dataclass(slots=True)
class Element:
    """One thing on the page."""

    kind: str
    proto: Any
    fragment: str


class Visitor:
    """One open page of a server at `url`, as http://localhost:8501."""

    def __init__(self, url: str, headers: dict[str, str] | None = None, **options: object) -> None:
        asked = urlsplit(url)
        place = asked._replace(scheme=asked.scheme.replace("http", "ws"), path="/_stcore/stream").geturl()
        self._socket = connect(
            place,
            subprotocols=["streamlit"],
            additional_headers=headers or {},
            max_size=None,
            ping_interval=None,  # a busy machine may be late
            **options,
        )
        self._page, self._query, self._hash = "", "", ""
        self._elements: dict[tuple[int, ...], Element] = {}  # by their place on the page
        self._states: dict[str, tuple[str, Any]] = {}  # field and value of each widget that has one, by its id
        self._polled: dict[str, float] = {}  # when a fragment is due, by its id
        self._every: dict[str, float] = {}  # seconds, by fragment

    def __enter__(self) -> "Visitor":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    # What is there

    @property
    def text(self) -> str:
        """Everything that the page says, without the escapes of Markdown."""
        return "\n".join(filter(None, map(_words, self._elements.values()))).replace("\\", "")

    @property
    def query(self) -> str:
        """What stands behind the question mark of the page's address."""
        return self._query

    @property
    def is_waiting(self) -> bool:
        """Whether a part of the page is drawn again and again."""
        return bool(self._polled)

    def kinds(self) -> list[str]:
        """What kind each element on the page is of."""
        return [one.kind for one in self._elements.values()]

    def buttons(self) -> list[str]:
        """The labels of the buttons that are there, those that download a file included."""
        return [one.proto.label for one in self._elements.values() if one.kind in ("button", "download_button")]

    def errors(self) -> list[str]:
        """What is shown in red: sentences, and scripts that have ended with an exception."""
        shown = list(self._elements.values())
        red = [one.proto.body for one in shown if one.kind == "alert" and one.proto.format == one.proto.ERROR]
        return red + [one.proto.message for one in shown if one.kind == "exception"]

    def find(self, kind: str, label: str) -> Element:
        """The first element of a kind whose label begins so. Raises `LookupError` with what there is."""
        there = [one for one in self._elements.values() if one.kind == kind]
        found = [one for one in there if getattr(one.proto, "label", "").replace("\\", "").startswith(label)]
        if not found:
            raise LookupError(f"no {kind} {label!r} among {[getattr(one.proto, 'label', '') for one in there]}")
        return found[0]

    def options(self, kind: str, label: str) -> list[str]:
        """What can be chosen in a widget."""
        return [getattr(option, "content", option) for option in self.find(kind, label).proto.options]

    # What can be done

    def open(self, page: str, **params: str) -> Answer:
        """Open a page by the last part of its address, and wait until it has been drawn."""
        self._page, self._query, self._hash = page, urlencode(params), ""
        self._elements, self._states, self._polled = {}, {}, {}
        return self._run()

    def press(self, label: str) -> Answer:
        """Press the first button with this label, and wait until the page has been drawn again."""
        found = (one for one in self._elements.values() if one.kind == "button" and one.proto.label == label)
        return self._change(next(found), True)

    def set(self, kind: str, label: str, value: Any) -> Answer:
        """Change the first widget of a kind whose label begins so. Raises `LookupError` with what there is."""
        return self._change(self.find(kind, label), value)

    def look_again(self) -> Answer:
        """Wait for the next fragment that is due, and ask for it, as a browser does."""
        if not self._polled:
            raise RuntimeError("Nothing on this page is looked at again and again.")
        fragment = min(self._polled, key=self._polled.__getitem__)
        time.sleep(max(0.0, self._polled[fragment] - time.monotonic()))
        self._polled[fragment] = time.monotonic() + self._every[fragment]
        return self._run(fragment, is_auto_rerun=True)

    def clear_cache(self) -> None:
        """Send what empties Streamlit's caches for everybody; no button of ours does."""
        self.send(BackMsg(clear_cache=True).SerializeToString())

    def send(self, frame: bytes | str) -> None:
        """Send what a page may not send at all."""
        self._socket.send(frame)

    # The protocol

    def _change(self, element: Element, value: Any) -> Answer:
        self._states[element.proto.id] = (_STATES[element.kind][0], value)
        if element.kind == "button":
            try:
                return self._run(element.fragment)
            finally:
                self._states.pop(element.proto.id, None)
        return self._run(element.fragment)

    def _run(self, fragment: str = "", *, is_auto_rerun: bool = False) -> Answer:
        """One run of the page's script, and of those that it asks for itself, to the end."""
        message = BackMsg()
        state = message.rerun_script
        state.query_string, state.page_script_hash, state.fragment_id = self._query, self._hash, fragment
        state.page_name = "" if self._hash else self._page
        state.is_auto_rerun = is_auto_rerun
        state.context_info.timezone = "UTC"
        for key, (field, value) in self._states.items():
            widget = state.widget_states.widgets.add(id=key)
            getattr(widget, field).data.extend(value) if isinstance(value, list) else setattr(widget, field, value)
        started, sent = time.perf_counter(), 0
        self._socket.send(message.SerializeToString())
        part, seen, n_runs = fragment, {}, 0
        for heard, size in self._heard():
            sent += size
            if heard.WhichOneof("type") == "new_session":
                n_runs, seen = n_runs + 1, {}
                part = fragment if n_runs == 1 else ""  # a run that follows a part of the page draws all of it
                if not part:
                    self._polled, self._every = {}, {}
            self._take(heard, seen)
        kept = {path: one for path, one in self._elements.items() if part and one.fragment != part}
        self._elements = kept | seen
        there = {getattr(one.proto, "id", "") for one in self._elements.values()}
        self._states = {key: value for key, value in self._states.items() if key in there}
        return Answer(time.perf_counter() - started, sent, bool(part))

    def _heard(self) -> Iterator[tuple[ForwardMsg, int]]:
        """The messages up to the end of a run; a run that another one follows at once does not count as an end."""
        while True:
            data = self._socket.recv(timeout=_TIMEOUT)
            message = ForwardMsg.FromString(data)
            yield message, len(data)
            is_end = message.WhichOneof("type") == "script_finished"
            if is_end and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                return

    def _take(self, message: ForwardMsg, seen: dict[tuple[int, ...], Element]) -> None:
        match message.WhichOneof("type"):
            case "new_session":
                self._hash = message.new_session.page_script_hash
            case "navigation":
                self._hash = message.navigation.page_script_hash
            case "page_info_changed":
                self._query = message.page_info_changed.query_string
            case "auto_rerun":
                rerun = message.auto_rerun
                self._every[rerun.fragment_id] = rerun.interval
                self._polled[rerun.fragment_id] = time.monotonic() + rerun.interval
            case "delta":
                self._draw(message, seen)

    def _draw(self, message: ForwardMsg, seen: dict[tuple[int, ...], Element]) -> None:
        """An element as it stands on the page now, and the value that the server gives it."""
        delta, of = message.delta, message.delta.WhichOneof("type")
        if of not in ("new_element", "add_block"):
            return
        whole = getattr(delta, of)
        kind = whole.WhichOneof("type") or ""
        proto = getattr(whole, kind) if kind else whole
        seen[tuple(message.metadata.delta_path)] = Element(kind, proto, delta.fragment_id)
        field, value = _STATES.get(kind, ("", ""))
        if value and getattr(proto, "set_value", False):
            found = getattr(proto, value)
            self._states[proto.id] = (field, list(found) if field.endswith("array_value") else found)


def _words(element: Element) -> str:
    shown = element.proto
    said = (getattr(shown, name, "") for name in ("body", "label", "text", "value"))  # `text` is that of a bar
    return str(next(filter(None, said), ""))
