"""The cascade: cost against quality, and the operating point that a slider or a click chooses."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import blocks, url
from dashboard.tax import computed
from dashboard.tax.grades import grading
from dashboard.tax.marks import hover
from dashboard.tax.selection import Selection
from dashboard.text import plain
from homog_core.analysis.cascade import CascadeStudy, stop_shares
from homog_core.errors import InvalidInput
from homog_core.figures import aggregate
from homog_core.wording.cascade import cascade_sentence, cascade_title, operating_point_sentence
from homog_core.wording.labels import score_title
from homog_core.wording.numbers import number, percent, tokens, with_care


def cascade(chosen: Selection, of: str) -> None:
    """Cost against quality; the operating point by a slider or a click."""
    try:
        found = computed.cascade_figures(chosen.versions[of], *chosen.how)
    except InvalidInput as error:
        st.markdown("##### The cascade")
        st.info(plain(str(error)))
        return
    if found is None:
        return
    study, rows = found
    n = len(study.incorrect)
    points = with_x(rows[rows["kind"] == "cascade"].reset_index(drop=True))
    alone = alone_marks(rows)
    color = chosen.looks()[of].color

    def select() -> None:
        clicked = st.session_state["cascade"].selection.points
        if clicked and clicked[0].get("customdata", -1) >= 0:
            url.put(band=str(int(clicked[0]["customdata"]) * 5))

    blocks.chart(
        aggregate.cost_quality(points, alone, color, dark=blocks.is_dark(), narrow=blocks.is_narrow()),
        title=plain(cascade_title(study)),
        how_to_read=(
            "Cheap signals first; a question goes on to a costlier one only where the cheaper ones are unsure. Each "
            "point of the line passes more questions on than the one to its left. The other marks are single signals "
            "at their own cost, and all signals on every question (parallel use). Here only questions of one fold of "
            "one category are compared, so a signal alone may have another AUROC than under “Every score”. Click a "
            "point of the line, or move the slider under it." + with_care(n, "graded question")
        ),
        recipe_line=chosen.recipe(n, f"{grading(chosen.views[of])} · out of fold; 95 % DeLong", [of]),
        data=rows,
        key="cascade",
        alt=f"AUROC against cost: {len(points)} operating points of the cascade and {len(alone)} other uses of signals",
        on_select=select,
        under=lambda: operating_point(study, rows, color),
    )


def operating_point(study: CascadeStudy, rows: pd.DataFrame, color: str) -> None:
    """The chosen point under the curve: its place on the costs, who decides there, and what it costs and saves."""
    names = [signal.name for signal in study.signals]
    points, alone = with_x(rows[rows["kind"] == "cascade"]), alone_marks(rows)
    place = st.container()
    # It opens at the point that costs what the title is about: a cascade whose points were chosen on training folds.
    first = 5 * int(np.abs(points["cost"].to_numpy() - study.saving.cascade.mean_cost).argmin())
    band = url.number(
        "Operating point: per cent of all questions that a signal passes on when it is unsure", "band", first, 0, 100, 5
    )
    position = round(band / 5)
    shares = stop_shares(points.iloc[position])
    room = 0.3 if blocks.is_narrow() else 0.12
    labels = [
        (score_title(k), s, f"{score_title(k)} {percent(s)}" if s >= room else "")
        for k, s in zip(names, shares, strict=True)
    ]
    place.plotly_chart(
        aggregate.operating_point(points, alone, position, labels, color, dark=blocks.is_dark()),
        key="operating-point",
        config={"displayModeBar": False},
        alt="Place of the operating point on the costs, and which signal decides how many questions",
    )
    st.markdown(plain(operating_point_sentence(rows, position, names)))
    st.caption(
        "Choosing a point from this curve is optimistic. Chosen on training folds instead, with other folds than the "
        "curve's (of ten deals the one with the median saving): " + plain(cascade_sentence(study.saving))
    )


def with_x(points: pd.DataFrame) -> pd.DataFrame:
    """Operating points with their place and hover."""
    said = [
        hover(row, f"passes on {percent(row.passed_on)}", *_cost_and_auroc(row))
        + f"\naccuracy of the more certain half {percent(row.selective_accuracy)}"
        for row in points.itertuples()
    ]
    return points.assign(x=points["cost"], hover=said)


def alone_marks(rows: pd.DataFrame) -> pd.DataFrame:
    """Each signal by itself and all in parallel, with a symbol each."""
    own = rows[rows["kind"] != "cascade"].reset_index(drop=True)
    titles = [score_title(row.name) + (" alone" if row.kind == "alone" else ", parallel") for row in _tuples(own)]
    said = [hover(row, title, *_cost_and_auroc(row)) for title, row in zip(titles, _tuples(own), strict=True)]
    symbols = [("circle", "triangle-up", "square", "star")[i % 4] for i in range(len(own))]
    return own.assign(x=own["cost"], name=titles, hover=said, symbol=symbols)


def _cost_and_auroc(row: Any) -> tuple[str, str]:
    return f"{tokens(row.cost)} extra tokens a question", f"AUROC {number(row.value)}"


def _tuples(frame: pd.DataFrame) -> Any:
    return frame.itertuples(index=False)
