"""What runs have in common, what they differ in, and whether they may be compared. Values, no sentences."""

from collections.abc import Collection, Sequence
from dataclasses import asdict
from dataclasses import fields as fields_of
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from homog_core.records import Decoding, Identity
from homog_core.runs.store import Run

MOST_RUNS = 4  # that are compared at once
USUAL = {"temperature": 1.0, "prompt_style": "plain"}  # what a run is sampled with unless somebody says otherwise
_CONDITIONS = ("dataset", "question_ids_sha256", "prompt_style", *(field.name for field in fields_of(Decoding)))


def fields(run: Run) -> dict[str, Any]:
    """The fields of a run's identity and of its decoding, by name; None where nobody has said a setting."""
    return _fields(run.identity) | dict.fromkeys(run.provenance.not_said)


@lru_cache(maxsize=1024)
def _fields(identity: Identity) -> dict[str, Any]:
    whole = asdict(identity)
    return {name: value for name, value in (whole | whole["decoding"]).items() if name != "decoding"}


def differing_fields(runs: Sequence[Run]) -> dict[str, list[Any]]:
    """The `fields` that differ between runs, with the value of each."""
    found = [fields(run) for run in runs]
    return {key: [own[key] for own in found] for key in found[0] if any(own[key] != found[0][key] for own in found)}


def conditions(run: Run, *, but: Collection[str] = ()) -> tuple[tuple[str, Any], ...]:
    """The circumstances that runs must share to be compared: questions, decoding and style of the prompt.

    All of them but those named; and both or neither were computed in int8. Runs with equal conditions differ in the
    model alone.
    """
    own = _fields(run.identity)
    return (*((name, own[name]) for name in _CONDITIONS if name not in but), ("in_int8", own["dtype"] == "int8"))


class Obstacle(NamedTuple):
    """Why runs cannot be compared."""

    kind: Literal["one_run", "dataset", "n_samples"]
    runs: tuple[Run, ...]  # the two that do not go together


def obstacle(runs: Sequence[Run]) -> Obstacle | None:
    """Why these runs cannot be compared; None where they can, as far as their manifests say."""
    if len(runs) < 2:
        return Obstacle("one_run", tuple(runs))
    for other in runs[1:]:
        if other.identity.dataset != runs[0].identity.dataset:
            return Obstacle("dataset", (runs[0], other))
        if other.decoding.n_samples != runs[0].decoding.n_samples:
            return Obstacle("n_samples", (runs[0], other))
    return None
