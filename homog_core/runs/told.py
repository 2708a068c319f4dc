"""What the files of a run say of it as a whole, read once and kept on the disk, so that to open it is quick."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from homog_core.runs import derived
from homog_core.runs.score import stored_settings
from homog_core.runs.store import Run


@dataclass(frozen=True, slots=True)
class Told:
    """Which questions of a run are answered, what was compared by what, and with which settings."""

    answered: list[str]  # ids of questions
    similar_by: list[str]  # keys of the clusterers whose similarities are stored
    settings: dict[str, dict[str, Any]]  # `stored_settings`
    score_columns: list[str]  # of the table of scores


def told_of(run: Run) -> Told:
    """`Told` of a run as it is now."""
    return Told(**json.loads(derived.kept(run, "told", lambda: json.dumps(asdict(_read(run))).encode())))


def _read(run: Run) -> Told:
    scores = run.table("scores")
    columns = [] if scores is None else list(scores.columns)
    return Told(sorted(run.sampled_ids()), sorted(run.similar_by()), stored_settings(run), columns)
