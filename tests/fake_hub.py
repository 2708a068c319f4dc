"""A hub on loopback: as much of huggingface.co's protocol as its client needs to list and fetch one repository.

The real client talks to it. It serves one commit, remembers what was asked, and can refuse or cut an answer.
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Refusal(NamedTuple):
    """An answer other than the file."""

    status: int
    headers: Mapping[str, str] = {}


class FakeHub:
    """One repository and what the hub does when it is asked for it."""

    def __init__(
        self, repository: str, files: Mapping[str, bytes], kind: Literal["model", "dataset"] = "model"
    ) -> None:
        self.repository, self.files, self.kind = repository, dict(files), kind
        self.refuse: Callable[[str], Refusal | None] = lambda path: None
        self.cut: str | None = None  # a file of which half is sent
        self.info: dict[str, object] = {}  # more that the hub says of the repository
        self.asked: list[str] = []  # method and path
        self.url = ""

    @property
    def fetched(self) -> set[str]:
        """The names of the files whose content was asked for."""
        start = f"GET {self.resolve}"
        return {line.removeprefix(start).partition("/")[2] for line in self.asked if line.startswith(start)}

    @property
    def resolve(self) -> str:
        """What the address of every file begins with."""
        return f"/{'datasets/' if self.kind == 'dataset' else ''}{self.repository}/resolve/"

    def describe(self) -> dict[str, object]:
        """The hub's description of the repository."""
        siblings = [{"rfilename": name, "size": len(data)} for name, data in self.files.items()]
        return {"id": self.repository, "sha": COMMIT, "siblings": siblings, "private": False, "tags": [], **self.info}

    def tree(self) -> list[dict[str, object]]:
        """The files of the commit."""
        return [
            {"type": "file", "path": name, "size": len(data), "oid": sha1(data).hexdigest()}
            for name, data in self.files.items()
        ]

    @contextmanager
    def serving(self) -> Iterator["FakeHub"]:
        """Answer at `url` while the context lasts."""
        hub = self

        class Handler(_Handler):
            """Of this hub."""

            def answer(self) -> None:
                _answer(hub, self)

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        raise NotImplementedError

    def do_GET(self) -> None:
        self.answer()

    def do_HEAD(self) -> None:
        self.answer()

    def log_message(self, *arguments: object) -> None:
        pass

    def send(self, status: int, headers: Mapping[str, str], body: bytes = b"", sent: int | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body[:sent])
        if sent is not None:
            self.close_connection = True


def _answer(hub: FakeHub, request: _Handler) -> None:
    path = urlsplit(request.path).path
    hub.asked.append(f"{request.command} {path}")
    api, resolve = f"/api/{hub.kind}s/{hub.repository}", hub.resolve
    if refusal := hub.refuse(path):
        request.send(refusal.status, refusal.headers)
    elif path.startswith(f"{api}/tree/"):
        request.send(200, {"Content-Type": "application/json"}, json.dumps(hub.tree()).encode())
    elif path.startswith(api):
        request.send(200, {"Content-Type": "application/json"}, json.dumps(hub.describe()).encode())
    elif path.startswith(resolve) and (name := path.removeprefix(resolve).partition("/")[2]) in hub.files:
        data = hub.files[name]
        start = int(request.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
        headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{sha1(data).hexdigest()}"', "X-Linked-Size": str(len(data))}
        sent = len(data) // 2 if name == hub.cut and request.command == "GET" else None
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        request.send(206 if start else 200, headers, data[start:], sent and max(0, sent - start))
    else:
        request.send(404, {"X-Error-Code": "EntryNotFound"})
