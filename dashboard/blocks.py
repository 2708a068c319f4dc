"""A chart with all that belongs to it, and a statistic with its interval: the blocks that pages are built of."""

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dashboard.text import plain
from homog_core.figures.theme import MODEL_COLORS
from homog_core.records import Estimate
from homog_core.wording import numbers

CONFIG = {"displaylogo": False, "scrollZoom": False}  # of every Plotly chart


def estimate(place: Any, label: str, found: Estimate, *, percent: bool = False, unit: str = "", help: str = "") -> None:
    """A statistic with its interval and denominator; greyed below `numbers.FEW`."""
    show = numbers.tenth_percent if percent else numbers.number
    if math.isnan(found.value):
        place.metric(label, numbers.UNDEFINED, help=help)
        return
    with place:
        st.metric(label, show(found.value) + unit, help=help)
        interval = numbers.interval(found.low, found.high, show)
        small = " — few questions, read with care" if found.n < numbers.FEW else ""
        st.caption(f"{f'{interval}, ' if interval else ''}n = {found.n}{small}")


def chart(
    figure: go.Figure,
    *,
    title: str,
    how_to_read: str,
    recipe_line: str,
    data: pd.DataFrame,
    key: str,
    alt: str,
    on_select: Callable[[], None] | None = None,
    under: Callable[[], None] = lambda: None,
) -> None:
    """A chart with everything that belongs to it: the finding, how to read it, the recipe, the data and a download.

    `under` draws what comes right under the figure, as a slider that chooses one of its points.
    """
    st.markdown(f"##### {title}")
    st.caption(how_to_read)
    selecting = {"on_select": on_select, "selection_mode": "points"} if on_select else {}
    st.plotly_chart(figure, key=key, alt=alt, config=CONFIG, **selecting)
    under()
    chart_foot(recipe_line, data, key)


def panels(
    figures: Sequence[tuple[str, go.Figure]],
    *,
    title: str,
    how_to_read: str,
    recipe_line: str,
    data: pd.DataFrame,
    key: str,
    alt: Sequence[str],
) -> None:
    """A chart of several figures side by side, each under a heading (HTML): one title, one recipe, one table."""
    st.markdown(f"##### {title}")
    st.caption(how_to_read)
    places = st.columns(len(figures), gap="medium")
    for i, (place, (heading, figure)) in enumerate(zip(places, figures, strict=True)):
        with place:
            st.html(heading)
            st.plotly_chart(figure, key=f"{key}:{i}", alt=alt[i], config=CONFIG)
    chart_foot(recipe_line, data, key)


def is_dark() -> bool:
    """Whether the visitor sees the dark theme."""
    return getattr(st.context.theme, "type", None) == "dark"


def is_narrow() -> bool:
    """Whether the page is looked at on a phone, by what its browser calls itself; figures do not know their width."""
    return "Mobi" in (st.context.headers.get("User-Agent") or "")


def model_color(position: int = 0) -> str:
    """The colour of the model in that position of a comparison."""
    return MODEL_COLORS[position % len(MODEL_COLORS)]


def chart_foot(recipe_line: str, data: pd.DataFrame, key: str) -> None:
    """The recipe line, the data behind the chart, and a download."""
    row = st.container(horizontal=True, vertical_alignment="center")
    row.caption(plain(recipe_line))
    with row.popover("Data", icon=":material/table:", width="content"):
        st.dataframe(data, hide_index=True)
        st.download_button(
            "Download CSV",
            data.to_csv(index=False).encode(),
            file_name=f"{re.sub(r'[^a-z0-9]+', '-', key.lower())}.csv",
            mime="text/csv",
            key=f"{key}:csv",
        )
