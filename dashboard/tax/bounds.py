"""How far the single-cluster rates can be trusted: their bounds, and what readers make of them."""

from typing import Any

import pandas as pd

from dashboard import blocks
from dashboard.tax import computed
from dashboard.tax.marks import hover, marks, span
from dashboard.tax.selection import Selection
from dashboard.text import plain
from homog_core.figures import dots
from homog_core.figures.dots import Panel, Row
from homog_core.figures.series import bound_series
from homog_core.wording import chart_titles
from homog_core.wording.numbers import counted, percent

KINDS = {
    "identical": "identical answers",
    "complete": "every two answers joined",
    "clusterer": "one cluster",
    "corrected": "corrected by readings",
}


def bounds(chosen: Selection) -> None:
    """Identical answers, complete linkage, the clusterer, and the rate that readers would find, by run."""
    rows = [
        {"label": label, "place": place, "kind": kind, **_fields(computed.bounds(run, *chosen.how), kind)}
        for place, (label, run) in enumerate(chosen.versions.items())
        for kind in KINDS
    ]
    frame = pd.DataFrame(rows)
    robust = {label: computed.bounds(run, *chosen.how).robust for label, run in chosen.versions.items()}
    found = [
        {
            "row": row.place,
            "panel": 0,
            "series": row.kind,
            "value": row.value,
            "low": row.low,
            "high": row.high,
            "hover": hover(row, f"{row.label}, {KINDS[row.kind]}", percent(row.value), show=percent),
            "words": "",
            "n": row.n,
        }
        for row in frame.dropna(subset=["value"]).itertuples()
    ]
    blocks.chart(
        dots.dots(
            [Row(label) for label in chosen.versions],
            marks(found),
            [Panel("questions with a single answer", range=(-0.02, 1.02), percent=True)],
            bound_series(KINDS, dark=blocks.is_dark()),
            dodge=True,
            narrow=blocks.is_narrow(),
        ),
        title=plain(chart_titles.rate_bounds(frame, robust, chosen.focus())),
        how_to_read=(
            "A single-cluster rate depends on what counts as the same. At least the questions whose answers are "
            "identical have a single answer. Stricter than one cluster: every two answers are joined. Corrected: "
            "readers said of such questions of this stage how many have one answer; its interval carries questions and "
            "readings. No mark: nobody has read answers of this stage under this clusterer."
        ),
        recipe_line=chosen.recipe(span(frame["n"]), "whiskers: 95 % Wilson; corrected: 95 % of draws"),
        data=frame.drop(columns="place"),
        key="bounds",
        alt=f"Bounds of the single-cluster rate of {counted(len(chosen.versions), 'run')}",
    )


def _fields(found: Any, kind: str) -> dict[str, float]:
    estimate = getattr(found, kind)
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high, "n": estimate.n}
