"""Runs that lack greedy answers, references, numbers, second answers or any text: nothing absent is drawn."""

import json
import re

import plotly.graph_objects as go
import pytest
from fakes import FakeEncoder
from page_testing import html, open_page, settled, words

from homog_core.analysis.scored_run import ScoredRun
from homog_core.figures.drawn import draws_something
from homog_core.reports.html import write_report
from homog_core.reports.results_md import results_tables
from homog_core.reports.tables import markdown
from homog_core.runs.importers import About, import_file
from homog_core.runs.score import score_run

CITIES = ("Rome", "Oslo", "Lima")
KINDS = {  # the answers of a model to the question about a city
    "two_answers": lambda city, model: [city, f"{city} {model}"],
    "one_answer": lambda city, model: [f"{city} {model}"],
    "no_text": lambda city, model: ["", None, ""],
}
VIEWS = [
    ("questions", {"view": "answers"}),
    ("questions", {"view": "tokens"}),
    ("questions", {"view": "tree"}),
    ("questions", {"view": "details"}),
    ("compare", {"view": "answers"}),
    ("compare", {"view": "tokens"}),
    ("compare", {"level": "all", "chart": "slopes"}),
    ("compare", {"level": "all", "chart": "tests"}),
    ("alignment_tax", {"chart": "quality"}),
    ("alignment_tax", {"chart": "threshold"}),
    ("alignment_tax", {"chart": "unseen"}),
    ("alignment_tax", {"view": "won", "chart": "coverage"}),
]

pytestmark = pytest.mark.usefixtures("no_shipped_runs")


def runs_of(kind, folder):
    """Two scored imports of one kind."""
    found = []
    for model in "ab":
        path = folder / f"{model}.jsonl"
        rows = [{"question": f"Where is {city}?", "answers": KINDS[kind](city, model)} for city in CITIES]
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
        found.append(score_run(import_file(path, About(model, "cities")).id, [FakeEncoder()]))
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_no_page_draws_what_is_not_there(kind, tmp_path):
    a, b = runs_of(kind, tmp_path)
    own = {"questions": {"run": a.id}, "compare": {"runs": f"{a.id},{b.id}"}, "alignment_tax": {"dataset": "cities"}}
    for page, params in VIEWS:
        app = settled(open_page(page, **own[page], **params))
        assert not app.exception, (page, params)
        assert not re.search(r"\bnan\b", words(app) + html(app), re.IGNORECASE)
        assert "Greedy answer" not in html(app)  # there is none
        assert not [one for one in app.button if one.label == "**(empty)**"]
        for element in app.get("plotly_chart"):
            assert draws_something(go.Figure(json.loads(element.proto.spec))), (page, params)
        for element in app.dataframe:
            assert not element.value.isna().all().any(), (page, params)


@pytest.mark.parametrize("kind", KINDS)
def test_no_report_tells_what_is_not_there(kind, tmp_path):
    runs = runs_of(kind, tmp_path)
    for chosen in (runs[:1], runs):
        path = write_report(chosen, tmp_path / "report.html")
        text = re.sub(r"(?s)<(script|style).*?</\1>|<[^>]+>", " ", path.read_text())
        assert not re.search(r"\bnan\b", text, re.IGNORECASE)
        assert "Undefined for these answers: " in text
        assert text.count("undefined") < 16  # single-cluster rates by clusterer, and answers
    assert "nan" not in markdown(results_tables([ScoredRun(run) for run in runs]))
