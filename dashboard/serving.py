"""What stands around the pages when they are served: which names the server answers to, headers, health, logs, the end.

It knows nothing of what is on a page.
"""

import json
import logging
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dashboard.ahead import Ahead
from homog_core import files
from homog_core.live import LiveQueue

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import JSONResponse
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEALTH = "/api/health"
OPEN = (HEALTH, "/_stcore/health")  # asked by monitors, by whatever name they know the server
# Streamlit's pages set styles and run small scripts of their own, and Plotly compiles functions to draw by the graphics
# card, as the map does; nothing is loaded from or sent elsewhere, and no other site shows the pages in a frame.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; media-src 'self' data: blob:; connect-src 'self'; "
    "worker-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # an address holds questions
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
# Of what Streamlit's protocol has, the rest would empty the caches of everybody, or tell of this machine's checkout.
SENT_BY_PAGES = ("rerun_script", "stop_script", "file_urls_request", "app_heartbeat", "backend_operation_request")
MOST_FILES = 1000  # that a page may send at once; everybody waits while Streamlit makes an address for each
END_SECONDS = 10.0  # that a running job is given to stop in

_GARBAGE = {"type": "websocket.disconnect", "code": 1002}  # Streamlit itself would log a traceback for each
_QUIET_SECONDS = 20.0  # after a live job, until what nobody waits for begins
_MOST_SECONDS = 300.0  # that it waits where one job follows another
_LOG = logging.getLogger(__name__)
_QUEUES: list[LiveQueue] = []  # the one of this server, once somebody has needed it
_AHEAD: list[Ahead] = []  # the one of this server, while it runs


def served_with(queue: LiveQueue) -> LiveQueue:
    """The queue, which the server's health tells of from now on, and which ends with the server."""
    _QUEUES.append(queue)
    return queue


def page_served() -> None:
    """Let what waits for the first page begin; nothing waits where no server runs."""
    for ahead in _AHEAD:
        ahead.page_served()


def rest() -> None:
    """Wait until nobody waits for a live job: what nobody waits for would take its cores, and Python's lock.

    Where one job follows another it goes on after some minutes all the same.
    """
    for queue in _QUEUES:
        queue.rest(_QUIET_SECONDS, _MOST_SECONDS)


class Guard:
    """Around the whole server: refuses a request by a name that is not `server.allowedHosts`, and adds the headers.

    Streamlit itself checks the name for its WebSocket alone. A page of another site whose name was made to point here
    (DNS rebinding) gets nothing. A WebSocket is for our own pages and for what they send. Streamlit also takes those of
    whatever else this machine serves, at any port, and to tell who is foreign it asks a server on the internet for this
    machine's address, while everybody waits.
    """

    def __init__(self, app: "ASGIApp") -> None:
        self._app = app

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Serve one request; of a WebSocket Streamlit checks the name."""
        if scope["type"] == "websocket" and _is_foreign(scope):
            await receive()
            await send({"type": "websocket.close"})  # which the server makes a 403 of
            return
        if scope["type"] != "http":
            await self._app(scope, _of_pages(receive), send)
            return
        from starlette.datastructures import Headers, MutableHeaders
        from streamlit.web.server.starlette.starlette_websocket import is_host_allowed

        async def send_with_headers(message: "Message") -> None:
            if message["type"] == "http.response.start":
                own = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    own[name] = value
            await send(message)

        host = Headers(scope=scope).get("host")
        if scope["path"] in OPEN or is_host_allowed(host):
            await self._app(scope, receive, send_with_headers)
        else:
            _LOG.warning("host refused", extra={"facts": {"host": host}})
            await _refusal()(scope, receive, send_with_headers)


def _is_foreign(scope: "Scope") -> bool:
    """Whether a page of another origin asks, one that `server.corsAllowedOrigins` does not name."""
    from starlette.datastructures import Headers
    from streamlit import config
    from streamlit.web.server.server_util import allowlisted_origins

    headers = Headers(scope=scope)
    origin, host = headers.get("origin"), headers.get("host", "")
    if origin is None or not config.get_option("server.enableCORS"):
        return False
    is_own = origin.lower().partition("://")[2] == host.lower() != ""
    if is_own or origin in allowlisted_origins():
        return False
    _LOG.warning("origin refused", extra={"facts": {"origin": origin, "host": host}})
    return True


def _of_pages(receive: "Receive") -> "Receive":
    """What comes from a WebSocket, as long as it is what pages send: others are left out, and garbage ends it."""
    from google.protobuf.message import DecodeError
    from streamlit.proto.BackMsg_pb2 import BackMsg

    async def receive_known() -> "Message":
        while True:
            message = await receive()
            if message["type"] != "websocket.receive":
                return message
            try:
                sent = BackMsg.FromString(message.get("bytes") or b"")
            except DecodeError:
                return _GARBAGE
            if message.get("text") is not None or len(sent.file_urls_request.file_names) > MOST_FILES:
                return _GARBAGE
            if sent.WhichOneof("type") in SENT_BY_PAGES:
                return message

    return receive_known


def health(request: "Request") -> "JSONResponse":
    """Whether jobs are served, how many wait, and how much room the disk has; status 503 where none can be served."""
    from starlette.responses import JSONResponse

    found: dict[str, Any] = {"status": "ok", "free_disk_bytes": _free_disk()}
    for queue in _QUEUES:
        load = queue.load()
        found |= {"running": load.running, "waiting": load.waiting}
        if not load.is_alive:
            found["status"] = "no jobs are served any more: restart the server"
    return JSONResponse(found, status_code=200 if found["status"] == "ok" else 503)


@asynccontextmanager
async def lifetime(app: object) -> AsyncIterator[None]:
    """From the start of the server to its end, at which what waits and what runs is stopped."""
    _LOG.info("server started")
    _AHEAD.append(Ahead(rest=rest))
    yield
    _AHEAD.pop().stop()
    for queue in _QUEUES:
        queue.close(END_SECONDS)
    _LOG.info("server ended")


class Lines(logging.Formatter):
    """A log record as one line of JSON: time (UTC), level, logger, event and its facts."""

    def format(self, record: logging.LogRecord) -> str:
        """The line; an exception's traceback is in it."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {"time": time, "level": record.levelname, "logger": record.name, "event": record.getMessage()}
        line |= getattr(record, "facts", {})
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def log_lines() -> None:
    """Write what this project logs to standard error, a line of JSON each, and no progress bars of libraries."""
    os.environ.setdefault("TQDM_DISABLE", "1")  # read when tqdm is imported; pages show how far work is
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines())
    for name in ("homog_core", "dashboard"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(logging.INFO)


def _refusal() -> "ASGIApp":
    from starlette.responses import PlainTextResponse

    return PlainTextResponse(
        "This server does not answer to this name. Whoever runs it starts it with --server.allowedHosts NAME "
        "(docs/deploy.md).",
        status_code=421,
    )


def _free_disk() -> int:
    folder = files.cache()
    return shutil.disk_usage(next(path for path in (folder, *folder.parents) if path.is_dir())).free
