"""Marks of the page's charts with their hovers, and how runs and published figures look beside each other."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from dashboard import blocks
from dashboard.tax.selection import Selection
from homog_core.catalogue.published import Published
from homog_core.figures import series
from homog_core.figures.series import PUBLISHED, Series
from homog_core.figures.theme import INK
from homog_core.wording import numbers
from homog_core.wording.numbers import FEW, counted
from homog_core.wording.published import published_details

_COLUMNS = ["row", "panel", "series", "value", "low", "high", "faded", "hover", "words"]


def marks(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """The frame that `dots.dots` takes. Grey, and said so in the hover: few questions, or too few for an interval."""
    frame = pd.DataFrame(rows, columns=[*_COLUMNS, "n"]).fillna({"words": ""})
    n = pd.to_numeric(frame["n"])
    measured = frame["series"] != PUBLISHED
    bare = measured & frame["value"].notna() & frame["low"].isna()
    small = measured & ((n < FEW) | bare)
    note = np.where(small, f"\nfewer than {FEW} questions: read with care", "")
    note = np.where(bare, "\nno interval: fewer than ten of a kind", note)
    return frame.assign(faded=small, hover=frame["hover"] + note).drop(columns="n")


def bounds(row: Any, prefix: str = "") -> dict[str, float]:
    """Value, low and high of a row, whose columns may begin with a prefix, as a mark has them."""
    return {name: getattr(row, prefix + name) for name in ("value", "low", "high")}


def hover(row: Any, *lines: str, show: Callable[[float], str] = numbers.number, prefix: str = "") -> str:
    """Lines of a hover, the last of them a value; the interval of the row follows where there is one."""
    interval = numbers.interval(getattr(row, f"{prefix}low"), getattr(row, f"{prefix}high"), show)
    return "\n".join(line for line in (*lines, interval) if line)


def published_mark(p: Published, row: int, panel: int) -> dict[str, Any]:
    """A hollow diamond with its condition and source."""
    return {
        "row": row,
        "panel": panel,
        "series": PUBLISHED,
        "value": p.value,
        "low": np.nan,
        "high": np.nan,
        "hover": published_details(p),
        "words": "",
        "n": 0,
    }


def published_frame(reported: Sequence[Published]) -> pd.DataFrame:
    """Published figures as a table."""
    columns = ["model", "stage", "dataset", "n_questions", "condition", "value", "source"]
    return pd.DataFrame([{name: getattr(p, name) for name in columns} for p in reported], columns=columns)


def looks_and_published(chosen: Selection) -> list[Series]:
    """The looks of the runs, and of what others have published."""
    return [*chosen.looks().values(), series.published_series(dark=blocks.is_dark())]


def measured_or_published(chosen: Selection) -> list[Series]:
    """The legend where rows have the runs' names: it tells only measured from published."""
    return [
        Series("measured", f"{chosen.measured}, with 95 % interval", INK[blocks.is_dark()]),
        series.published_series(dark=blocks.is_dark()),
    ]


def span(n: pd.Series) -> str:
    """How many questions, where runs or points differ in it."""
    low, high = int(n.min()), int(n.max())
    return counted(high, "question") if low == high else f"{low} to {high} questions"
