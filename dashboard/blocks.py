"""A chart with all that belongs to it, and a statistic with its interval: the blocks that pages are built of."""

import html
import re
from collections.abc import Callable, Sequence

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dashboard.text import plain, written
from homog_core.analysis import lineage
from homog_core.analysis.scored_run import ScoredRun
from homog_core.catalogue.models import role
from homog_core.figures.drawn import draws_something
from homog_core.figures.theme import role_colors
from homog_core.figures.titled import WIDTH, titled
from homog_core.records import ModelSpec
from homog_core.runs.spreadsheet import csv_bytes

CONFIG = {"displaylogo": False, "displayModeBar": False, "scrollZoom": False}  # of every Plotly chart
# Of a chart to move about in: it zooms by wheel, and its buttons choose between moving, boxes and the lasso.
EXPLORED = {**CONFIG, "displayModeBar": True, "scrollZoom": True, "modeBarButtonsToRemove": ["toImage", "autoScale2d"]}
# Plotly's own button, which is not shown, makes the file.
IMAGE_BUTTONS = """<div style="display:flex;gap:.5rem"><button class="quiet" data-format="png">Download PNG</button>
<button class="quiet" data-format="svg">Download SVG</button></div><style>.st-key-%s .modebar {display: none}</style>
<script>
{
  const place = document.querySelector(".st-key-%s");
  place.scrollIntoView({block: "nearest"});
  for (const button of place.querySelectorAll("button[data-format]")) button.onclick = () => {
    const plot = place.querySelector(".js-plotly-plot");
    plot._context.toImageButtonOptions.format = button.dataset.format;
    plot.querySelector('.modebar-btn[data-title^="Download"]').click();
  };
}
</script>"""


def chart(
    figure: go.Figure,
    *,
    title: str,
    how_to_read: str,
    recipe_line: str,
    data: pd.DataFrame,
    key: str,
    alt: str,
    about: str = "",
    on_select: Callable[[], None] | None = None,
    explored: bool = False,
    under: Callable[[], None] = lambda: None,
) -> None:
    """A chart with everything that belongs to it: the finding, how to read it, the recipe, the data, and downloads.

    `title` is Markdown. `about` is the question that a downloaded figure names, where it is about one. One that is
    `explored` can be zoomed and moved, and boxes and a lasso select in it. `under` draws what comes right under the
    figure, as a slider that chooses one of its points.
    """
    if not draws_something(figure):
        nothing(title)
        under()
        return
    heading(title, how_to_read, recipe_line)
    modes = ("points", "box", "lasso") if explored else "points"
    selecting = {"on_select": on_select, "selection_mode": modes} if on_select else {}
    st.plotly_chart(figure, key=key, alt=alt, config=EXPLORED if explored else CONFIG, **selecting)
    under()
    chart_foot([("", figure)], title, recipe_line, data, key, about)


def panels(
    figures: Sequence[tuple[str, go.Figure]],
    *,
    title: str,
    how_to_read: str,
    recipe_line: str,
    data: pd.DataFrame,
    key: str,
    alt: Sequence[str],
    about: str = "",
) -> None:
    """A chart of several figures side by side, each under a name: one title, one recipe, one table.

    The names are HTML, as `figures.html.model_heading` makes it.
    """
    if not any(draws_something(figure) for _, figure in figures):
        nothing(title)
        return
    heading(title, how_to_read, recipe_line)
    places = st.columns(len(figures), gap="medium")
    for i, (place, (name, figure)) in enumerate(zip(places, figures, strict=True)):
        with place:
            st.html(name)
            st.plotly_chart(figure, key=f"{key}:{i}", alt=alt[i], config=CONFIG)
    chart_foot(figures, title, recipe_line, data, key, about)


def nothing(title: str) -> None:
    """What stands in the place of a chart of which every value is undefined."""
    st.markdown(f"##### {title}")
    st.info("Nothing is drawn here: for these answers it is undefined.", icon=":material/hide_image:")


def heading(title: str, how_to_read: str, recipe_line: str) -> None:
    """The finding, with its recipe as a tooltip, and how to read what follows."""
    st.markdown(f"##### {title}", help=f"How it was made: {plain(recipe_line)}")
    st.caption(_stacked(how_to_read) if is_narrow() else how_to_read)


def _stacked(how_to_read: str) -> str:
    """How to read panels that stand one under the other, from what is said of panels side by side."""
    for beside, below in (("Left:", "Top:"), ("Middle:", "In the middle:"), ("Right:", "Bottom:")):
        how_to_read = how_to_read.replace(beside, below)
    return how_to_read


def is_dark() -> bool:
    """Whether the visitor sees the dark theme."""
    return getattr(st.context.theme, "type", None) == "dark"


def is_narrow() -> bool:
    """Whether the page is narrow, as on a phone; figures do not know their width.

    `page.start_page` lets the browser say so in a cookie; until then it goes by what the browser calls itself.
    """
    said = st.context.cookies.get("narrow")
    return said == "true" if said else "Mobi" in (st.context.headers.get("User-Agent") or "")


def run_colors(runs: Sequence[ScoredRun]) -> list[str]:
    """A colour for each of some runs, by what their models stand for."""
    return role_colors(lineage.roles([scored.run for scored in runs]))


def spec_colors(specs: Sequence[ModelSpec]) -> list[str]:
    """A colour for each of some models, by what they stand for."""
    return role_colors([role(spec.stage, spec.parent) for spec in specs])


@st.fragment
def chart_foot(
    figures: Sequence[tuple[str, go.Figure]],
    title: str,
    recipe_line: str,
    data: pd.DataFrame,
    key: str,
    about: str = "",
) -> None:
    """The data behind a chart and its figures as images, each made when it is asked for."""
    name = re.sub(r"[^a-z0-9]+", "-", f"{key} {written(title)}".lower()).strip("-")[:80]
    row = st.container(horizontal=True, horizontal_alignment="right")
    table = row.popover("Data", icon=":material/table:", type="tertiary", key=f"{key}:data", on_change="rerun")
    shows = f"{key}:images"  # no popover: one closes when a download begins, and takes Plotly's figure with it
    row.button(
        "Figure",
        icon=":material/image:",
        type="tertiary",
        key=f"{key}:figure",
        on_click=lambda: st.session_state.update({shows: not st.session_state.get(shows)}),
    )
    if table.open:
        with table:
            st.caption(plain(recipe_line))
            st.dataframe(data, hide_index=True)
            csv = csv_bytes(data)
            st.download_button("Download CSV", csv, f"{name}.csv", "text/csv", key=f"{key}:csv", on_click="ignore")
    if st.session_state.get(shows):
        with st.container(border=True):
            for i, (model, figure) in enumerate(figures):
                parts = (about, _words_of(model), written(title))
                _image(figure, " · ".join(part for part in parts if part), recipe_line, name, f"{key}:{i}")


def _image(figure: go.Figure, title: str, note: str, name: str, key: str) -> None:
    """One figure with its title and recipe, as PNG (twice the size) and as SVG."""
    place = re.sub(r"[^a-z0-9]+", "-", f"image-{key}".lower())
    whole = titled(figure, title, note, dark=is_dark())
    options = {"filename": name, "scale": 2, "width": WIDTH, "height": whole.layout.height}
    config = {**CONFIG, "displayModeBar": True, "toImageButtonOptions": options}
    with st.container(key=place):
        st.plotly_chart(whole, key=f"{key}:image", width=WIDTH, config=config, alt=title)
        st.html(IMAGE_BUTTONS % (place, place), unsafe_allow_javascript=True)


def _words_of(heading: str) -> str:
    """The words of a heading in HTML."""
    return html.unescape(re.sub(r"<[^>]*>", "", heading)).strip()
