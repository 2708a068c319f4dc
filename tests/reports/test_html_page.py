"""One HTML file: whatever is not markup is escaped, and nothing is loaded from anywhere."""

import base64
import hashlib
import json
import re

import plotly.graph_objects as go
import pytest
from html_reader import Reader, loads_nothing

from homog_core.reports.html_page import Markup, document, element, joined, script_safe, table

UNTRUSTED = "<img src=x onerror=alert(1)>&\"'"


def whole(figures=None) -> str:
    return document("A title", Markup("<p>x</p>"), {"one": go.Figure()} if figures is None else figures)


def test_texts_are_escaped_and_markup_is_not():
    found = element("p", UNTRUSTED, element("b", "<i>"), Markup("<i>yes</i>"), class_=UNTRUSTED, id=None)
    read = Reader(found)
    assert read.tags == ["p", "b", "i"]
    assert read.values("class") == [UNTRUSTED]
    assert "".join(read.texts) == f"{UNTRUSTED}<i>yes"
    assert "id=" not in found
    assert joined("a", Markup("<br>"), 1) == "a<br>1"


def test_a_table_has_the_columns_of_all_rows():
    read = Reader(table([{"a": UNTRUSTED}, {"a": "1", "b": "2"}], left=("a",)))
    assert read.tags.count("th") == 2
    assert read.tags.count("td") == 4
    assert UNTRUSTED in read.texts
    assert read.values("class").count("number") == 3  # the heading and the cells of b


@pytest.mark.parametrize("text", ["</script><script>alert(1)</script>", "<!-- <script>", "\u2028"])
def test_data_cannot_end_the_script_that_holds_it(text):
    figure = go.Figure(go.Scatter(x=[1], y=[1], text=[text]))
    page = whole(figures={"one": figure})
    read = Reader(page)
    assert read.tags.count("script") == 3  # the data, plotly.js, and what draws
    assert json.loads(read.raw["script"][0])["one"]["data"][0]["text"] == [text]
    assert "<" not in script_safe(json.dumps(text))


def test_only_the_two_known_scripts_may_run_and_nothing_may_be_loaded():
    page = whole()
    read = Reader(page)
    (policy,) = [value for value in read.values("content") if "default-src" in value]
    assert "default-src 'none'" in policy
    allowed = re.search(r"script-src (.*)$", policy).group(1).split()
    scripts = [hashlib.sha256(text.encode()).digest() for text in read.raw["script"][1:]]
    assert allowed == [f"'sha256-{base64.b64encode(digest).decode()}'" for digest in scripts]
    assert loads_nothing(page)


def test_without_figures_there_is_no_library():
    assert len(whole(figures={})) < 20_000


def test_figures_come_without_a_theme_of_their_own_on_a_transparent_ground():
    read = Reader(whole(figures={"one": go.Figure(go.Bar(x=[1], y=[2]))}))
    layout = json.loads(read.raw["script"][0])["one"]["layout"]
    assert not layout.get("template")
    assert (layout["paper_bgcolor"], layout["plot_bgcolor"]) == ("rgba(0,0,0,0)", "rgba(0,0,0,0)")
    assert layout["font"]["color"] == "#1a2026"


def test_both_themes_and_paper_have_rules():
    style = "".join(Reader(whole()).raw["style"])
    assert "@media screen and (prefers-color-scheme: dark)" in style  # so that paper is never dark
    assert "@media print" in style
    assert "break-inside: avoid" in style
