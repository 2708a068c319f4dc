"""A small server of OpenAI's protocol with a model of six words, and with every fault that one can ask of it."""

import json
import random
import threading
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

WORDS = (" red", " blue", " grey", " fox", " whale", "\n", "")  # "": the end
LOGITS = np.log([0.3, 0.2, 0.15, 0.15, 0.1, 0.07, 0.03])


class FakeServer:
    """Answers with seeded draws. `faults` are names; a fault with a number is over after so many requests for it.

    With `sound` all streams but the first so many break off.
    """

    def __init__(self, **faults: int) -> None:
        self.faults = dict(faults)
        self.requests: list[dict] = []
        self.paths = Counter()
        self.keys: set[str] = set()
        self.hung_up = threading.Event()  # a client has closed a stream before its end
        self.release = threading.Event()  # lets slow answers go on
        self.lock = threading.Condition()
        self.at_once = self.most_at_once = 0

    def takes(self, fault: str) -> bool:
        """Whether a fault strikes now."""
        with self.lock:
            left = self.faults.get(fault, 0)
            self.faults[fault] = left - 1 if left > 0 else left
            return left != 0


@contextmanager
def serving(**faults: int):
    """A server that is up; its `url` ends in /v1."""
    server = FakeServer(**faults)
    http = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"server_state": server}))
    server.url = f"http://127.0.0.1:{http.server_address[1]}/v1"
    threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield server
    finally:
        server.release.set()
        http.shutdown()
        http.server_close()


class _Handler(BaseHTTPRequestHandler):
    server_state: FakeServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments) -> None:
        pass

    def do_GET(self) -> None:
        if self.server_state.takes("no_list"):
            return self._json(404, {"error": {"message": "no such path"}})
        return self._json(200, {"object": "list", "data": [{"id": "toy/six"}, {"id": 7}, "nonsense"]})

    def do_POST(self) -> None:
        state = self.server_state
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with state.lock:
            state.requests.append(body)
            state.paths[self.path] += 1
            state.keys.add(self.headers.get("Authorization", ""))
            state.at_once += 1
            state.most_at_once = max(state.most_at_once, state.at_once)
        try:
            self._answer(body)
        except OSError:
            state.hung_up.set()
        finally:
            with state.lock:
                state.at_once -= 1

    def _answer(self, body: dict) -> None:
        state = self.server_state
        if state.takes("refuses_key"):
            key = self.headers.get("Authorization", "")
            return self._json(401, {"error": {"message": f"wrong key: {key}"}})
        if state.takes("busy"):
            return self._json(429, {"error": {"message": "slow down"}}, **{"Retry-After-Ms": "1"})
        if state.takes("fails"):
            echo = f"oh no: {self.headers.get('Authorization')}"
            return self._json(500, {"error": {"message": echo}}, **{"Retry-After-Ms": "1"})
        if "min_p" in body and state.takes("strict"):
            return self._json(400, {"error": {"message": "unknown argument min_p"}})
        if "max_tokens" in body and state.takes("newer_limit"):
            message = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
            return self._json(400, {"error": {"message": message, "code": "unsupported_parameter"}})
        body = {"max_tokens": body.get("max_completion_tokens")} | body
        asked = body.get("top_logprobs") or body.get("logprobs") or 0
        if asked > 5 and state.takes("five"):
            return self._json(400, {"error": {"message": "at most 5"}})
        if body["n"] > state.faults.get("slots", body["n"]):
            return self._json(400, {"error": {"message": "n must be at most the number of slots"}})
        if not body["stream"]:
            if state.takes("nonsense"):
                return self._send(200, b'{"choices": [')
            return self._json(200, self._whole(body))
        return self._stream(body)

    def _stream(self, body: dict) -> None:
        state = self.server_state
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        with state.lock:
            state.lock.notify_all()
            state.lock.wait_for(lambda: state.most_at_once >= state.faults.get("meet", 0), 20)
        rows = [self._draw(body, i) for i in range(body["n"])]
        is_broken = state.takes("breaks") or ("sound" in state.faults and not state.takes("sound"))
        is_damaged = state.takes("damaged")
        for place in range(max(map(len, rows))):
            if state.takes("slow"):
                while not state.release.wait(0.02):
                    self._write(b": wait\n\n")  # a comment, by which a closed connection is noticed
            for index, row in enumerate(rows):
                if place < len(row):
                    self._event({"choices": [{"index": index, **row[place]}], "system_fingerprint": "toy-1"})
            if is_broken and place == 1:
                return None
            if is_damaged and place == 1:
                return self._write(b"data: {not json\n\n")
        return self._write(b"data: [DONE]\n\n")

    def _whole(self, body: dict) -> dict:
        choices = []
        for index in range(body["n"]):
            row = self._draw(body, index)
            text = "".join(_text(one) for one in row)
            shown = [piece["logprobs"] for piece in row if piece["logprobs"]]
            logprobs = {key: [one for each in shown for one in each[key]] for key in (shown[0] if shown else ())}
            said = {"message": {"content": text}} if "messages" in body else {"text": text}
            choices.append({"index": index, **said, "logprobs": logprobs or None, "finish_reason": "stop"})
        return {"choices": choices}

    def _draw(self, body: dict, index: int) -> list[dict]:
        """The pieces of one answer."""
        state = self.server_state
        seed = (
            0 if state.faults.get("fixed_seed") else body["seed"] + (0 if state.faults.get("copies") else 7919 * index)
        )
        source, temperature = random.Random(seed), body["temperature"]
        pieces = []
        for _ in range(body["max_tokens"]):
            scaled = LOGITS / temperature if temperature else np.where(LOGITS.max() > LOGITS, -1e9, 0.0)
            p = np.exp(scaled) / np.exp(scaled).sum()
            token = source.choices(range(len(WORDS)), p)[0]
            if not WORDS[token]:
                return [*pieces, _piece(body, "", "stop", None)]
            shown = scaled - np.log(np.exp(scaled).sum()) if state.faults.get("after") else LOGITS
            pieces.append(_piece(body, WORDS[token], None, None if state.faults.get("bare") else (shown, token)))
        return [*pieces, _piece(body, "", "length", None)]

    def _event(self, content: dict) -> None:
        self._write(f"data: {json.dumps(content)}\n\n".encode())

    def _write(self, content: bytes) -> None:
        self.wfile.write(content)
        self.wfile.flush()

    def _json(self, status: int, content: dict, **headers: str) -> None:
        self._send(status, json.dumps(content).encode(), **headers)

    def _send(self, status: int, content: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


def _piece(body: dict, text: str, finish: str | None, numbers: tuple[np.ndarray, int] | None) -> dict:
    """One choice of a chunk, as chat or as the old completions say it."""
    is_chat, asked = "messages" in body, body.get("top_logprobs") or body.get("logprobs") or 0
    logprobs = None
    if numbers and asked:
        logprob, token = numbers
        best = np.argsort(-logprob)[:asked]
        if is_chat:
            top = [{"token": WORDS[i], "logprob": float(logprob[i])} for i in best]
            logprobs = {"content": [{"token": text, "logprob": float(logprob[token]), "top_logprobs": top}]}
        else:
            top = {WORDS[i]: float(logprob[i]) for i in {*best.tolist(), token}}
            logprobs = {"tokens": [text], "token_logprobs": [float(logprob[token])], "top_logprobs": [top]}
    said = {"delta": {"content": text}} if is_chat else {"text": text}
    return {**said, "finish_reason": finish, "logprobs": logprobs}


def _text(piece: dict) -> str:
    return piece["delta"]["content"] if "delta" in piece else piece["text"]
