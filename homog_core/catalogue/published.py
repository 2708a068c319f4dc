"""Figures that others have reported, each with its source; data, in published.csv.

They stand beside ours in a mark and a column of their own and never enter a statistic. What was not reported is None.
"""

import csv
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Published:
    """One reported figure and the circumstances that it was reported under."""

    metric: str
    value: float
    unit: str
    model: str | None
    family: str | None
    stage: str | None
    dataset: str | None
    n_questions: int | None
    coverage: float | None  # of a selective accuracy: the share of questions that was answered
    condition: str
    source: str


def _read(path: Path) -> tuple[Published, ...]:
    with path.open(encoding="utf-8", newline="") as stream:
        rows = [{name: text or None for name, text in row.items()} for row in csv.DictReader(stream)]
    for row in rows:
        row["value"] = float(row["value"])
        row["n_questions"] = row["n_questions"] and int(row["n_questions"])
        row["coverage"] = row["coverage"] and float(row["coverage"])
    return tuple(Published(**row) for row in rows)


PUBLISHED = _read(Path(__file__).with_name("published.csv"))
