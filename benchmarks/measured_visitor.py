"""A visitor of the dashboard without a browser: it speaks Streamlit's protocol to a server of its own.

It keeps the elements of a page as a browser does, so that a click in a fragment draws the fragment alone. What a click
costs is the processor time of the server's process, which does not depend on who else is at work.
"""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from homog_core import files

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
    """What the server took to answer."""

    cpu: float  # seconds of its process
    wall: float  # seconds until the page stood
    sent: int  # bytes
    is_fragment: bool  # whether only a part was drawn again


@dataclass(slots=True)
class _Element:
    kind: str
    proto: Any
    fragment: str


class Server:
    """A dashboard in a process of its own."""

    def __init__(self, process: subprocess.Popen, port: int) -> None:
        self.process, self.port = process, port

    def cpu(self) -> float:
        """Seconds of processor time that the process has used, in all of its threads, ended ones included."""
        return time.clock_gettime((~self.process.pid << 3) | 2)  # the clock of another process: clock_getcpuclockid(3)

    def memory(self, field: str) -> float:
        """Gigabytes: VmRSS now, VmHWM at most."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1e6

    def rest(self, quiet: float = 1.5) -> None:
        """Wait until what runs in the background is done."""
        while True:
            before = self.cpu()
            time.sleep(quiet)
            if self.cpu() - before < 0.02 * quiet:
                return


@contextmanager
def server(cache: Path | None) -> Iterator[Server]:
    """A server on a store of its own; None is the store of this checkout."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | ({"HOMOG_CACHE": str(cache)} if cache else {})
    command = [sys.executable, "-m", "streamlit", "run", "serve.py", "--server.port", str(port)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, cwd=files.PROJECT, env=environment, **quiet)
    try:
        _wait_for(f"http://localhost:{port}/_stcore/health", process)
        yield Server(process, port)
    finally:
        process.terminate()
        process.wait(timeout=30)


class Visitor:
    """One session. Open a page, then click; every call returns what the server took."""

    def __init__(self, of: Server) -> None:
        from websockets.sync.client import connect

        self._server = of
        self._socket = connect(f"ws://localhost:{of.port}/_stcore/stream", max_size=None)
        self._elements: dict[tuple[int, ...], _Element] = {}
        self._states: dict[str, tuple[str, Any]] = {}
        self._page_hash, self._page, self._query = "", "", ""

    def close(self) -> None:
        """End the session."""
        self._socket.close()

    def open(self, page: str, query: str = "") -> Answer:
        """A page by its name in the address, with parameters."""
        self._page_hash, self._page, self._query = "", page, query
        self._elements, self._states = {}, {}
        return self._run("")

    def set(self, kind: str, label: str, value: Any) -> Answer:
        """Change the first widget of a kind whose label begins so. Raises `LookupError` with what there is."""
        element = self.find(kind, label)
        key = getattr(element.proto, "id", "")
        self._states[key] = (_STATES[kind][0], value)
        answer = self._run(element.fragment)
        if kind == "button":
            self._states.pop(key, None)
        return answer

    def find(self, kind: str, label: str) -> _Element:
        """The first element of a kind whose label begins so."""
        there = [one for one in self._elements.values() if one.kind == kind]
        found = [one for one in there if getattr(one.proto, "label", "").replace("\\", "").startswith(label)]
        if not found:
            raise LookupError(f"no {kind} {label!r} among {[getattr(one.proto, 'label', '') for one in there]}")
        return found[0]

    def options(self, kind: str, label: str) -> list[str]:
        """What can be chosen in a widget."""
        return [getattr(option, "content", option) for option in self.find(kind, label).proto.options]

    def labels(self) -> list[tuple[str, str]]:
        """Kind and label of everything that can be changed."""
        return [(one.kind, getattr(one.proto, "label", "")) for one in self._elements.values() if one.kind in _STATES]

    def errors(self) -> list[str]:
        """Exceptions on the page."""
        return [one.proto.message for one in self._elements.values() if one.kind == "exception"]

    def _run(self, fragment: str) -> Answer:
        from streamlit.proto.BackMsg_pb2 import BackMsg
        from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

        message = BackMsg()
        state = message.rerun_script
        state.query_string, state.page_script_hash, state.fragment_id = self._query, self._page_hash, fragment
        if not self._page_hash:
            state.page_name = self._page
        for key, (field, value) in self._states.items():
            widget = state.widget_states.widgets.add(id=key)
            getattr(widget, field).data.extend(value) if isinstance(value, list) else setattr(widget, field, value)
        cpu, wall, sent = self._server.cpu(), time.perf_counter(), 0
        self._socket.send(message.SerializeToString())
        seen: dict[tuple[int, ...], _Element] = {}
        done = {ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY}
        while True:
            data = self._socket.recv(timeout=_TIMEOUT)
            sent += len(data)
            forward = ForwardMsg.FromString(data)
            kind = forward.WhichOneof("type")
            if kind == "new_session":
                seen = {}
                self._page_hash = forward.new_session.page_script_hash
            elif kind == "navigation":
                self._page_hash = forward.navigation.page_script_hash
            elif kind == "page_info_changed":
                self._query = forward.page_info_changed.query_string
            elif kind == "delta":
                self._take(forward, seen)
            elif kind == "script_finished" and forward.script_finished in done:
                break
        answer = Answer(self._server.cpu() - cpu, time.perf_counter() - wall, sent, bool(fragment))
        kept = {path: one for path, one in self._elements.items() if fragment and one.fragment != fragment}
        self._elements = kept | seen
        there = {getattr(one.proto, "id", "") for one in self._elements.values()}
        self._states = {key: value for key, value in self._states.items() if key in there}
        return answer

    def _take(self, forward: Any, seen: dict[tuple[int, ...], _Element]) -> None:
        """An element as it stands on the page now, and the value that the server gives it."""
        delta, path = forward.delta, tuple(forward.metadata.delta_path)
        of = delta.WhichOneof("type")
        if of not in ("new_element", "add_block"):
            return
        whole = getattr(delta, of)
        kind = whole.WhichOneof("type") or ""
        proto = getattr(whole, kind) if kind else whole
        seen[path] = _Element(kind, proto, delta.fragment_id)
        field, value = _STATES.get(kind, ("", ""))
        if value and getattr(proto, "set_value", False):
            found = getattr(proto, value)
            self._states[proto.id] = (field, list(found) if field.endswith("array_value") else found)


def _wait_for(url: str, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=1)
            return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError("the server did not start")
