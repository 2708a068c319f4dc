"""A real server, spoken to as a browser, a proxy and somebody with bad intentions do."""

import json
import logging
import re
import socket
import time
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import pytest
from fakes import TIMEOUT, serving
from streamlit.proto.BackMsg_pb2 import BackMsg
from websockets.exceptions import ConnectionClosed, InvalidStatus

from benchmarks.visitor import Visitor
from dashboard.serving import HEADERS, Lines


def get(url: str, **headers: str):
    """The status, headers and text of an address."""
    try:
        answer = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        answer = error
    return answer.status, answer.headers, answer.read().decode()


def connection_to(url: str) -> socket.socket:
    return socket.create_connection(("localhost", urlsplit(url).port))


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "169.254.1.1"])
def test_a_foreign_name_gets_nothing(bare_server, host):
    status, _, text = get(bare_server, Host=host)
    assert (status, "--server.allowedHosts" in text, "<script" in text) == (421, True, False)
    with pytest.raises(InvalidStatus, match="403"):
        Visitor(bare_server.replace("localhost", host), sock=connection_to(bare_server))


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://localhost:{other}",
        "http://127.0.0.1:{port}",
        "http://0.0.0.0:{port}",
        "null",
        "",
    ],
)
def test_a_page_of_another_site_or_port_cannot_connect(bare_server, origin):
    port = urlsplit(bare_server).port
    with pytest.raises(InvalidStatus, match="403"):
        Visitor(bare_server, origin=origin.format(port=port, other=port + 1))


def test_our_own_page_can_connect_by_any_name_of_ours(bare_server):
    port = urlsplit(bare_server).port
    for host in ("localhost", "LOCALHOST", "127.0.0.1"):
        url = f"http://{host}:{port}"
        with Visitor(url, origin=url) as own:
            own.open("methods")
            assert "Methods" in own.text


@pytest.mark.parametrize(
    "path", ["/", "/questions", "/api/health", "/_stcore/health", "/media/nothing", "/static/no.js"]
)
def test_every_answer_has_the_headers(bare_server, path):
    _, headers, _ = get(bare_server + path)
    assert {name: headers[name] for name in HEADERS} == HEADERS
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


def test_health_is_told_to_whoever_asks_by_any_name(bare_server):
    status, _, text = get(f"{bare_server}/api/health", Host="probe")
    assert (status, json.loads(text)["status"]) == (200, "ok")
    assert json.loads(text)["free_disk_bytes"] > 0


def test_who_comes_through_a_proxy_is_a_visitor(bare_server):
    with Visitor(bare_server) as own, Visitor(bare_server, {"X-Forwarded-For": "203.0.113.7"}) as other:
        for visitor in (own, other):
            visitor.open("runs")
        assert [("Verify" in one.buttons(), "Import and score" in one.buttons()) for one in (own, other)] == [
            (True, True),
            (False, False),
        ]


def test_no_visitor_empties_the_caches(bare_server):
    with Visitor(bare_server) as visitor:
        visitor.open("runs")
        visitor.set("button_group", "Format", ["csv"])
        visitor.press("Prepare the file")
        visitor.clear_cache()  # which would also empty what the server keeps of this visitor, as the file
        visitor.set("button_group", "Format", ["csv"])
        assert any(re.match(r"Download \d", label) for label in visitor.buttons())


def test_what_no_page_sends_reaches_nothing_and_fills_no_log(tmp_path, shipped):
    with serving(tmp_path, shipped) as (url, _, log):
        countless = BackMsg(file_urls_request={"file_names": ["a"] * 1001}).SerializeToString()
        for garbage in (b"\xff\xff", b"\x00" * 9, "text", b"a" * 10**6, countless):
            with Visitor(url) as visitor:
                visitor.send(garbage)
                with pytest.raises(ConnectionClosed):
                    visitor.open("methods")
        with Visitor(url) as visitor:
            for kind in ("load_git_info", "set_run_on_save", "debug_shutdown_runtime", "debug_disconnect_websocket"):
                visitor.send(BackMsg(**{kind: True}).SerializeToString())
            visitor.send(b"")
            visitor.open("methods")
            assert "Methods" in visitor.text
        assert "Traceback" not in log.read_text()
        assert "debug" not in log.read_text()


def test_a_server_that_is_told_to_end_ends_and_says_so(tmp_path, shipped):
    with serving(tmp_path, shipped) as (url, process, log), Visitor(url) as visitor:
        visitor.open("methods")
        process.terminate()
        process.wait(timeout=TIMEOUT)
        events = [json.loads(line)["event"] for line in log.read_text().splitlines() if line.startswith("{")]
    assert events == ["server started", "server ended"]


def test_a_log_line_is_json_with_its_facts():
    record = logging.makeLogRecord({"name": "n", "msg": "live job", "levelname": "INFO", "facts": {"job": "a\nb"}})
    record.created = time.time()
    line = Lines().format(record)
    assert "\n" not in line
    assert {"level": "INFO", "event": "live job", "job": "a\nb"}.items() <= json.loads(line).items()
