"""The parameters of an address as inputs: given to every kind of control that reads one, and to whole pages.

An input is JSON: which page, and its parameters. A list is a parameter that stands there several times.
"""

import json
from pathlib import Path
from typing import Any
from unittest.mock import patch

from streamlit.testing.v1 import AppTest

from benchmarks.reliability.scenes import scored_run
from dashboard.text import written
from homog_core import files
from homog_core.errors import InvalidInput
from homog_core.live import LiveQueue
from homog_core.runs.store import list_runs

_CONTROLS = {"choice": "b", "segments": "c", "several": "a,b", "number": "0.5", "whole": "3"}
CONTROLS = (json.dumps({"page": "", "params": _CONTROLS}).encode(),)
_CLUSTERED = {"clusterer": "jaccard", "tau": "0.5", "rule": "components"}
_TAX = {"dataset": "own", "runs": "one,other", "category": "x", **_CLUSTERED}
_LIVE = {"model": "gemma-3-270m", "dataset": "own", "question": "What?", "n": "4", "t": "1.0", "p": "1.0", "l": "16"}
PAGES = tuple(
    json.dumps({"page": page, "params": params}).encode()
    for page, params in (
        ("start", {"step": "2", "present": "1", "as": "piles"}),
        ("questions", {"run": "one", "question": "q000", "answer": "1", "single": "true", "q": "red"}),
        ("questions", {**_CLUSTERED, "view": "picture", "answer": "greedy"}),
        ("compare", {"runs": "one,other", "level": "one", **_CLUSTERED, "question": "q000", "find": "red"}),
        ("compare", {"level": "all", "chart": "clusters", "entailment": "bidirectional"}),
        ("map", {"runs": "one", "color": "run", "encoder": "minilm", "question": "q000"}),
        ("live_lab", {**_LIVE, "seed": "7", "prompt": "chat", **_CLUSTERED, "ask": "Why?", "job": ""}),
        ("live_lab", {"seed": "0", "prompt": "plain", "n": "10", "of": "2"}),
        ("alignment_tax", {**_TAX, "view": "answers", "chart": "samples", "budget": "3"}),
        ("alignment_tax", {**_TAX, "view": "scores", "of": "one"}),
        ("alignment_tax", {**_TAX, "view": "won", "scores": "num_semantic_sets", "of": "one", "band": "50"}),
        ("alignment_tax", {"view": "won", "chart": "power", "points": "5", "band": "10"}),
        ("alignment_tax", {"view": "models", "chart": "between", "cells": "share", "order": "family"}),
        ("alignment_tax", {"view": "published", "figure": "scr", "chart": "one"}),
        ("fair_draws", {"sets": "a,b", "draw": "coin"}),
        ("runs", {"run": "one", "list": "own"}),
        ("methods", {"term": "auroc", "code": "true", "separation": "1.5"}),
        ("methods", {"term": "threshold", "toy-tau": "0.4"}),
    )
)  # fmt: skip


def controls(path: Path) -> None:
    """Each control of `dashboard.url`, with the parameters of a file. Raises AssertionError where one fails."""
    _run(AppTest.from_function(_page_of_controls, default_timeout=_PATIENCE), _input(path)[1])


def page(path: Path) -> None:
    """A whole page over two small runs, with the parameters of a file.

    Raises AssertionError where it fails, and `InvalidInput` with the sentence of an error that it shows.
    """
    if not list_runs():
        for key in ("one", "other"):
            scored_run(key, 3)
    name, params = _input(path)
    app = AppTest.from_file(str(files.PROJECT / "app.py"), default_timeout=_PATIENCE)
    known = {json.loads(example)["page"] for example in PAGES} - {"start"}
    if name in known:
        app.switch_page(f"pages/{name}.py")
    with patch.object(LiveQueue, "prepare", lambda self, model: ""):  # the Live lab would unpack a model into the cache
        _run(app, params)


_PATIENCE = 25.0  # seconds


def _input(path: Path) -> tuple[str, dict[str, list[str]]]:
    """The page and the parameters that a file names. Raises `InvalidInput` where it is no JSON."""
    try:
        given = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise InvalidInput("This is no JSON.") from error
    given = given if isinstance(given, dict) else {"params": given}
    params = given.get("params")
    named = params if isinstance(params, dict) else {"question": params}
    return str(given.get("page")), {_text(name): _texts(value) for name, value in named.items()}


def _texts(value: Any) -> list[str]:
    return [_text(one) for one in (value if isinstance(value, list) else [value])] or [""]


def _text(value: Any) -> str:
    """A value as an address can hold it."""
    return (value if isinstance(value, str) else json.dumps(value)).encode("utf-8", "replace").decode()


def _run(app: AppTest, params: dict[str, list[str]]) -> None:
    for name, values in params.items():
        if name not in ("embed", "embed_options"):  # Streamlit's own; the test refuses them
            app.query_params[name] = values
    app.run()
    for failed in app.exception:
        where = [line.strip() for line in failed.proto.stack_trace if "dashboard" in line or "homog_core" in line]
        raise AssertionError(f"{failed.proto.type}: {failed.message[:200]} {where[-1:]}")
    if app.error:  # a sentence, as of a job that is not known any more
        raise InvalidInput(written(app.error[0].value))


def _page_of_controls() -> None:
    from dashboard import url

    options = ["a", "b", "c"]
    assert url.choice("Choice", options, "choice") in options
    assert url.segments("Segments", options, "segments") in options
    assert set(url.choices("Several", options, "several", 2, ["a"])) <= set(options)
    assert 0.0 <= url.number("Number", "number", 0.5, 0.0, 1.0, 0.01) <= 1.0
    assert 1 <= url.number("Whole", "whole", 3, 1, 10, 1) <= 10
