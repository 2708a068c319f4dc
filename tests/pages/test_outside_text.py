"""Text that comes from outside, in every place where it can stand: no page reads any of it as Markdown or as HTML."""

import json
from dataclasses import replace

import pytest
from fakes import FAKE_SPEC, FakeEncoder, FakeSampler, write_rows
from google.protobuf.descriptor import FieldDescriptor
from page_testing import open_page, settled
from streamlit.testing.v1.element_tree import UnknownElement

from homog_core.analysis import story
from homog_core.analysis.answer_map import make_map
from homog_core.catalogue.datasets import FIRST_DATASET
from homog_core.catalogue.encoders import DEFAULT_ENCODER
from homog_core.records import Decoding, Question
from homog_core.runs.answer_maps import write_map
from homog_core.runs.draw_sets import DrawSet, StoredDraw, write_draws
from homog_core.runs.importers import import_file
from homog_core.runs.importers.notes import About
from homog_core.runs.sample import sample_run
from homog_core.runs.score import score_run

MARKDOWN, HTML = "*Zq*", "</style><i>Zq</i>"
OUTSIDE = f"{MARKDOWN}{HTML}"
# Names that nobody sees, and what Streamlit shows as it is.
AS_IT_IS = ("id", "code_text", "options", "raw_value", "raw_values", "spec", "data")
DRAWN_AS_HTML = ("text", "hovertext", "hovertemplate", "title", "label", "labels", "name", "ticktext")


class MapEncoder(FakeEncoder):
    key = DEFAULT_ENCODER


def texts_of(message, name=""):
    """Every text in an element, with the name of its field."""
    if isinstance(message, str):
        yield name, message
    elif hasattr(message, "ListFields"):
        for field, value in message.ListFields():
            one = field.type == FieldDescriptor.TYPE_MESSAGE or isinstance(value, str | int | float | bytes)
            for each in [value] if one and not field.is_repeated else value:
                yield from texts_of(each, field.name)


def drawn(figure, name=""):
    """Every text of a figure that Plotly reads as HTML, with the name of its attribute."""
    if isinstance(figure, str):
        if name in DRAWN_AS_HTML:
            yield figure
    elif isinstance(figure, dict):
        for key, value in figure.items():
            yield from drawn(value, key)
    elif isinstance(figure, list):
        for value in figure:
            yield from drawn(value, name)


def elements(block):
    """All blocks and elements of a page."""
    yield block
    for child in getattr(block, "children", {}).values():
        yield from elements(child)


@pytest.fixture
def runs(no_shipped_runs, tmp_path):
    """Three runs, the last of them imported, with text from outside wherever a run can have it."""
    questions = [
        Question(
            f"{OUTSIDE}{i}",
            FIRST_DATASET,
            f"What {OUTSIDE} is {i}?",
            (f"red {OUTSIDE}",),
            (f"blue {OUTSIDE}",),
            OUTSIDE,
        )
        for i in range(3)
    ]
    found = []
    said = {story.BASE: (f"red {OUTSIDE}", f"blue {OUTSIDE}", OUTSIDE), story.ALIGNED: (f"red {OUTSIDE}",)}
    for key, answers in said.items():
        sampler = FakeSampler({q.id: answers for q in questions}, replace(FAKE_SPEC, key=key, family=OUTSIDE))
        run = sample_run(sampler, questions, Decoding(n_samples=3, temperature=1.5), "plain")
        found.append(score_run(run.id, [FakeEncoder()]))
    rows = [
        {"question_id": q.id, "question": q.text, "prompt": OUTSIDE, "responses": [OUTSIDE, "red", f"blue {OUTSIDE}"]}
        | {"greedy": OUTSIDE, "references": [OUTSIDE], "category": OUTSIDE, OUTSIDE: 1}
        for q in questions
    ]
    imported = import_file(write_rows(tmp_path / "outside.jsonl", *rows), About(OUTSIDE, OUTSIDE))
    found.append(score_run(imported.id, [FakeEncoder()]))
    write_map(make_map(found[:2], MapEncoder()))
    coin = StoredDraw("coin", (OUTSIDE, "tails"), (OUTSIDE,), ((0.4, 0.2),), (0.0,))
    write_draws(DrawSet(f"{MARKDOWN}<i>", "r", "float32", "plain", "", None, None, "2026-01-01", "CPU", (coin,)))
    return found


PLACES = [
    ("start", {"step": "1"}),
    ("start", {"step": "4"}),
    *(("questions", {"view": view}) for view in ("answers", "tree", "map", "tokens")),
    ("questions", {"run": True}),
    ("compare", {}),
    ("compare", {"level": "all"}),
    ("map", {}),
    ("live_lab", {"dataset": "typed", "ask": OUTSIDE}),
    ("live_lab", {"job": OUTSIDE}),
    ("alignment_tax", {}),
    ("alignment_tax", {"view": "models", "chart": "between"}),
    ("alignment_tax", {"view": "won", "chart": "cascade"}),
    ("alignment_tax", {"view": "scores", "chart": "aurocs"}),
    ("fair_draws", {}),
    ("runs", {"run": True}),
    ("runs", {"run": OUTSIDE}),
]


@pytest.mark.parametrize(("page", "params"), PLACES)
def test_no_page_reads_it(runs, page, params):
    asked = {name: runs[-1].id if value is True else value for name, value in params.items()}
    app = settled(open_page(page, **asked))
    assert not app.exception
    n_seen = 0
    for element in elements(app._tree):
        for name, text in texts_of(getattr(element, "proto", None)):
            n_seen += "Zq" in text
            if name not in AS_IT_IS and element.type != "text_input":
                assert HTML not in text, (element.type, name, text)
                assert MARKDOWN not in text or element.type == "html", (element.type, name, text)
        if isinstance(element, UnknownElement) and element.type == "plotly_chart":
            for text in drawn(json.loads(element.proto.spec)):
                assert HTML not in text, text
    assert n_seen or page in ("alignment_tax", "start")
