"""A real server on this machine that replies with whatever it is told to, and how the product reads its replies."""

import asyncio
import json
import threading
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from homog_core.catalogue.servers import Server
from homog_core.errors import InvalidInput
from homog_core.records import Decoding, ModelSpec, Question, ResponseSet
from homog_core.sampling.prompts import build_prompt
from homog_core.sampling.rows import Encoded, response_set
from homog_core.sampling.served_line import BrokenStream, Form, Line, Order, first_choices, list_models
from homog_core.sampling.served_rows import rows_of
from homog_core.sampling.served_tests import find_terms
from homog_core.sampling.served_tokens import said

_DECODING = Decoding(n_samples=1, max_new_tokens=8)
_ORDER = Order(build_prompt("Which?", "plain", None), True, 1.0, 1.0, 8, 0)
_TOP = 2


class _Replies(BaseHTTPRequestHandler):
    """Says the same to every request."""

    content, status, kind = b"", 200, "application/json"
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments: object) -> None:
        """Nothing is logged."""

    def do_GET(self) -> None:
        """Reply."""
        self.send_response(self.status)
        self.send_header("Content-Type", self.kind)
        self.send_header("Content-Length", str(len(self.content)))
        self.end_headers()
        self.wfile.write(self.content)

    def do_POST(self) -> None:
        """Reply, when all has been said."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()


@cache
def _line() -> tuple[asyncio.AbstractEventLoop, Line]:
    """A line to a server that is up as long as this process."""
    http = ThreadingHTTPServer(("127.0.0.1", 0), _Replies)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    server = Server("fuzzed", f"http://127.0.0.1:{http.server_address[1]}/v1", top_logprobs=_TOP, check=False)
    return asyncio.new_event_loop(), Line(server, "toy")


def _replying(path: Path, status: int = 200, kind: str = "application/json") -> tuple[asyncio.AbstractEventLoop, Line]:
    _Replies.content, _Replies.status, _Replies.kind = path.read_bytes(), status, kind
    return _line()


def streamed(path: Path) -> ResponseSet | None:
    """Take a stream as an answer to one question."""
    loop, line = _replying(path, kind="text/event-stream")
    encoded = Encoded(Question("q", "own", "Which?"), _ORDER.prompt, [])
    rows = rows_of(encoded, _DECODING, [0, 1], (_TOP, _TOP))

    async def listen() -> None:
        async for choice in line.stream(_ORDER, Form(_TOP, True)):
            for row in rows:
                for answer in row.take(said(choice, _TOP)):
                    json.dumps(answer.text).encode()

    try:
        loop.run_until_complete(listen())
    except BrokenStream as error:
        raise InvalidInput(f"It broke off ({error}).") from error  # as the sampler does after some attempts
    return (
        response_set(rows, ModelSpec("m", "served:fuzzed/m"), _DECODING) if all(row.is_over for row in rows) else None
    )


def whole(path: Path) -> object:
    """Try out a server that gives the same whole answer to everything."""
    loop, line = _replying(path)
    return loop.run_until_complete(find_terms(line, is_chat=True))


def refused(path: Path) -> object:
    """Ask a server that refuses every form of a request."""
    loop, line = _replying(path, status=400)
    return loop.run_until_complete(first_choices(line, _ORDER, Form(_TOP, True)))


def listed(path: Path) -> list[str]:
    """Ask a server for its models."""
    return list_models(_replying(path)[1].server)
