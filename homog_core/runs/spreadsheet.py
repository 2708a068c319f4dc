"""A table → CSV that a spreadsheet may open: no text in it runs as a formula. The one writer of CSV."""

import csv
import re

import pandas as pd

_FORMULA = re.compile(r"[=+\-@＝＋－＠\t\r\n]")  # what a spreadsheet takes for the start of one


def csv_bytes(frame: pd.DataFrame) -> bytes:
    """The table as CSV in UTF-8. Answers and names are untrusted: one like a formula gets an apostrophe in front.

    Texts are quoted, so that a semicolon in one starts no cell. `importers.tables` takes the apostrophes off again.
    """
    safe = frame.rename(columns=_harmless)
    for place, (_, column) in enumerate(frame.items()):
        if not pd.api.types.is_numeric_dtype(column):
            safe.isetitem(place, [_harmless(cell) for cell in column])
    return safe.to_csv(index=False, quoting=csv.QUOTE_NONNUMERIC).encode()


def _harmless(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and _FORMULA.match(cell) else cell
