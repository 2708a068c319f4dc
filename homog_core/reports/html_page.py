"""Pieces of HTML → one file that opens without a network, in both themes and on paper. It does not know what they say.

Texts come from models, datasets and files of others: whatever is not `Markup` is escaped, by construction. The page's
own rules forbid it to load anything, and to run any script but the two that are known by their hash.
"""

import base64
import hashlib
import html
import json
from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

INK, PAPER_WIDTH = "#1a2026", 680  # of figures: the colour that changes with the theme; pixels between A4's margins


_GRID = "#dfe5ea"


_UNDER = -0.2  # where `charts` puts a legend under a horizontal axis


class Markup(str):
    """A text that is HTML already."""

    __slots__ = ()


def element(name: str, *children: str, **attributes: Any) -> Markup:
    """An element; texts among its children are escaped. `class_` is `class`; an attribute that is None is left out."""
    shown = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(str(value), quote=True)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{name}{shown}>{joined(*children)}</{name}>")


def joined(*children: str) -> Markup:
    """Texts, escaped, and markup one after the other."""
    return Markup("".join(c if isinstance(c, Markup) else html.escape(str(c), quote=False) for c in children))


def table(rows: Sequence[Mapping[str, str]], *, left: Sequence[str] = (), class_: str | None = None) -> Markup:
    """Rows as a table with the columns of all of them; those of `left` are texts, the others numbers."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    kind = {name: "words" if name in left else "number" for name in columns}
    head = element("tr", *(element("th", name, class_=kind[name], scope="col") for name in columns))
    body = [element("tr", *(element("td", row.get(name, ""), class_=kind[name]) for name in columns)) for row in rows]
    whole = element("table", element("thead", head), element("tbody", *body), class_=class_)
    return element("div", whole, class_="wide", tabindex="0", role="region", aria_label="table")


def chart(key: str, title: str, how_to_read: str, alt: str, height: float) -> Markup:
    """The place of a figure, with its title and how to read it."""
    return element(
        "figure",
        element("h3", title),
        element("p", how_to_read, class_="note"),
        element("div", id=key, class_="chart", role="img", aria_label=alt, style=f"min-height:{height:.0f}px"),
        element("noscript", element("p", "This chart is drawn by a script; the tables hold the same numbers.")),
    )


def document(title: str, body: Markup, figures: Mapping[str, go.Figure]) -> str:
    """The whole file. `figures` by the key of their place."""
    from plotly.offline import get_plotlyjs

    library = get_plotlyjs()
    data = json.dumps({key: _plain(figure) for key, figure in figures.items()}, separators=(",", ":"))
    policy = (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:; font-src data:; base-uri 'none'; "
        f"form-action 'none'; script-src {_source(library)} {_source(_DRAW)}"
    )
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{html.escape(policy)}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            element("title", title),
            f"<style>{_STYLE}</style>\n</head>\n<body>\n<main>",
            body,
            "</main>",
            f'<script type="application/json" id="figures">{script_safe(data)}</script>',
            f"<script>{library}</script>" if figures else "",
            f"<script>{_DRAW}</script>" if figures else "",
            "</body>\n</html>\n",
        ]
    )


def script_safe(data: str) -> str:
    """JSON that may stand inside a script element: it can neither end it nor open a comment."""
    return data.replace("<", "\\u003c")


def _plain(figure: go.Figure) -> dict[str, Any]:
    """A figure without Plotly's own theme, on a transparent ground."""
    figure = go.Figure(figure)
    axis = {"gridcolor": _GRID, "linecolor": _GRID, "automargin": True, "title": {"font": {"size": 13}}}
    if figure.layout.legend.y == _UNDER:  # in the theme of the pages axis titles are nearer
        figure.update_layout(legend={"y": 1.4 * _UNDER})
    figure.update_layout(
        template=None,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": INK, "family": "system-ui, sans-serif", "size": 13},
        hoverlabel={"font": {"size": 13}},
    )
    figure.update_xaxes(**axis)
    figure.update_yaxes(**axis)
    return json.loads(figure.to_json())


def _source(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


_DRAW = """
(() => {
  const source = document.getElementById("figures").textContent;
  const theme = matchMedia("(prefers-color-scheme: dark)");
  const dark = [["#1a2026", "#e8edf2"], ["#dfe5ea", "#2c3843"]];
  function draw(isDark, width) {
    const text = isDark ? dark.reduce((all, [from, to]) => all.replaceAll(from, to), source) : source;
    for (const [key, figure] of Object.entries(JSON.parse(text))) {
      const place = document.getElementById(key);
      figure.layout.width = width || place.clientWidth;
      Plotly.react(place, figure.data, figure.layout, {displayModeBar: false});
    }
  }
  const screen = () => draw(theme.matches);
  screen();
  theme.addEventListener("change", screen);
  let resized;
  addEventListener("resize", () => { clearTimeout(resized); resized = setTimeout(screen, 150); });
  addEventListener("beforeprint", () => { clearTimeout(resized); draw(false, 680); });
  addEventListener("afterprint", screen);
})();
"""


_STYLE = """
:root {
  --paper: #ffffff; --ink: #1a2026; --soft: #5a6672; --line: #d5dce3; --shade: #f3f6f9; --link: #0072b2;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --paper: #0e1318; --ink: #e8edf2; --soft: #a3afbb; --line: #2f3b46; --shade: #1a222b; --link: #56b4e9;
  }
}
* { box-sizing: border-box; }
html { background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; scroll-behavior: smooth; }
body { margin: 0; }
main { max-width: 1080px; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .4rem; overflow-wrap: anywhere; }
h2 { font-size: 1.35rem; margin: 2.6rem 0 .6rem; padding-top: .6rem; border-top: 1px solid var(--line); }
h3 { font-size: 1.05rem; margin: 0 0 .2rem; }
p { margin: 0 0 .6rem; max-width: 76ch; }
a { color: var(--link); }
code { font: .86em ui-monospace, monospace; overflow-wrap: anywhere; }
nav { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; margin: 1rem 0 0; }
.kicker, .note, .recipe, .meta, .few { color: var(--soft); }
.kicker { margin: 0 0 .3rem; }
.note, .recipe, .meta { font-size: .88rem; }
.lead { font-size: 1.15rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(190px, 1fr)); gap: .8rem; margin: 1rem 0; }
.tile { border: 1px solid var(--line); border-radius: 8px; padding: .7rem .9rem; }
.tile .label { font-size: .85rem; color: var(--soft); }
.tile .value { font-size: 1.6rem; line-height: 1.3; }
.tile.few .value { color: var(--soft); }
.tile .note { margin: 0; }
.wide { overflow-x: auto; margin: .8rem 0 1.2rem; }
table { border-collapse: collapse; font-size: .88rem; min-width: 100%; }
th, td { padding: .28rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
th { text-align: left; color: var(--soft); font-weight: 600; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
th.number { white-space: normal; }
figure { margin: 1.6rem 0; }
.chart { width: 100%; }
dl { display: grid; grid-template-columns: 9rem 1fr; gap: .35rem 1rem; margin: .6rem 0 1.2rem; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
article { border: 1px solid var(--line); border-radius: 8px; padding: .9rem 1.1rem; margin: .9rem 0;
  content-visibility: auto; contain-intrinsic-size: auto 320px; }
article h3 { overflow-wrap: anywhere; }
article p { max-width: none; }
.runs { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 300px), 1fr)); gap: 1rem 1.6rem; }
.name { font-weight: 600; border-left: 4px solid; padding-left: .5rem; overflow-wrap: anywhere; }
.strip { display: flex; gap: 2px; margin: .35rem 0 .5rem; }
.strip span { min-width: 1.1rem; padding: .1rem .2rem; border-radius: 3px; font-size: .78rem; text-align: center;
  overflow: hidden; -webkit-print-color-adjust: exact; print-color-adjust: exact; }
.answers { list-style: none; margin: 0; padding: 0; }
.answers li { display: grid; grid-template-columns: 3.4rem 1fr; gap: .6rem; padding: .12rem 0; }
.answers .of { color: var(--soft); font-size: .85rem; }
.answers li.first { border-top: 1px dotted var(--line); }
.text { white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: isolate; }
footer { margin-top: 3rem; border-top: 1px solid var(--line); padding-top: .8rem; }
@media (max-width: 600px) { dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .5rem; }
  main { padding-top: 1.2rem; } }
@media print {
  @page { size: A4; margin: 15mm; }
  html { font-size: 10.5pt; }
  main { max-width: none; padding: 0; }
  nav { display: none; }
  a { color: inherit; text-decoration: none; }
  h2 { break-after: avoid; }
  h3 { break-after: avoid; }
  figure, .tile, tr, .answers li { break-inside: avoid; }
  thead { display: table-header-group; }
  article { content-visibility: visible; break-inside: avoid-page; }
  article.long { break-inside: auto; }
  #questions { break-before: page; }
  .wide { overflow: visible; }
  table { font-size: 7.5pt; min-width: 0; width: 100%; }
  th, td { padding: 2pt 3pt; }
  article { font-size: 9pt; padding: 6pt 9pt; margin: 6pt 0; }
  article p, .meta { margin: 0 0 3pt; }
  .runs { grid-template-columns: repeat(auto-fit, minmax(38mm, 1fr)); gap: 6pt 10pt; font-size: 8pt; }
  .meta, .answers .of { font-size: 7.5pt; }
  .answers li { grid-template-columns: 2.6rem 1fr; gap: 4pt; }
  article h3, .name, .strip { break-inside: avoid; break-after: avoid; }
}
"""
