"""The frame and the pieces of the HTML report: every value is escaped, and nothing is loaded from anywhere."""

import base64
import hashlib
import json
import re

import plotly.graph_objects as go
import pytest
from html_reader import Reader, loads_nothing
from jinja2 import UndefinedError

from homog_core.reports.html import document, template
from homog_core.reports.html_charts import Chart, plain

UNTRUSTED = "<img src=x onerror=alert(1)>&\"'"


def whole(figure=None) -> str:
    return document("A title", "<p>x</p>", {"one": plain(go.Figure(figure))})


def macros():
    return template("macros.html.j2").module


def test_titles_are_escaped_and_markup_is_not():
    read = Reader(document(UNTRUSTED, "<i>yes</i>", {}))
    assert "img" not in read.tags
    assert "i" in read.tags
    assert UNTRUSTED in read.texts


def test_a_table_has_the_columns_of_all_rows():
    rows = {(UNTRUSTED, "w"): {UNTRUSTED: "1"}, ("x", "y"): {UNTRUSTED: UNTRUSTED, "head": "2", "Head": "3"}}
    read = Reader(macros().table(rows, ["head", UNTRUSTED]))
    assert read.tags.count("th") == 5  # a column may be called as a head is
    assert read.tags.count("td") == 10
    assert read.values("class").count("number") == 9
    assert read.texts.count(UNTRUSTED) == 4
    assert "img" not in read.tags


def test_a_chart_has_its_title_and_how_to_read_it():
    charts = {"one": Chart(UNTRUSTED, plain(go.Figure(layout={"height": 123})))}
    read = Reader(macros().chart(charts, "one", UNTRUSTED))
    assert read.tags == ["figure", "h3", "p", "div", "noscript", "p"]
    assert read.texts.count(UNTRUSTED) == 2
    assert read.values("aria-label") == [UNTRUSTED]
    assert read.values("id") == ["chart-one"]
    assert read.values("style") == ["min-height:123px"]


def test_a_value_that_is_missing_is_an_error():
    with pytest.raises(UndefinedError, match="no attribute 'one'"):
        macros().chart({}, "one", "")


@pytest.mark.parametrize("text", ["</script><script>alert(1)</script>", "<!-- <script>", "\u2028"])
def test_data_cannot_end_the_script_that_holds_it(text):
    read = Reader(whole(go.Scatter(x=[1], y=[1], text=[text])))
    assert read.tags.count("script") == 3  # the data, plotly.js, and what draws
    assert json.loads(read.raw["script"][0])["one"]["data"][0]["text"] == [text]
    assert "<" not in read.raw["script"][0]


def test_only_the_two_known_scripts_may_run_and_nothing_may_be_loaded():
    page = whole()
    read = Reader(page)
    (policy,) = [value for value in read.values("content") if "default-src" in value]
    assert "default-src 'none'" in policy
    allowed = re.search(r"script-src (.*)$", policy).group(1).split()
    scripts = [hashlib.sha256(text.encode()).digest() for text in read.raw["script"][1:]]
    assert allowed == [f"'sha256-{base64.b64encode(digest).decode()}'" for digest in scripts]
    assert loads_nothing(page)


def test_figures_come_without_a_theme_of_their_own_on_a_transparent_ground():
    layout = plain(go.Figure(go.Bar(x=[1], y=[2])))["layout"]
    assert not layout.get("template")
    assert (layout["paper_bgcolor"], layout["plot_bgcolor"]) == ("rgba(0,0,0,0)", "rgba(0,0,0,0)")
    assert layout["font"]["color"] == "#1a2026"


def test_a_legend_of_one_entry_is_left_out():
    one, two = go.Scatter(name="a"), go.Scatter(name="b")
    assert plain(go.Figure([one, go.Scatter(showlegend=False)]))["layout"]["showlegend"] is False
    assert "showlegend" not in plain(go.Figure([one, two]))["layout"]


def test_the_script_changes_the_inks_that_figures_have():
    page = whole(go.Bar(x=[1], y=[2]))
    data, _, draw = Reader(page).raw["script"]
    dark = dict(re.findall(r'\["(#\w+)", "(#\w+)"\]', draw))
    assert len(dark) == 2
    assert all(ink in data for ink in dark)


def test_both_themes_and_paper_have_rules():
    style = "".join(Reader(whole()).raw["style"])
    assert "@media screen and (prefers-color-scheme: dark)" in style  # so that paper is never dark
    assert "@media print" in style
    assert "break-inside: avoid" in style
