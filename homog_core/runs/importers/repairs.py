"""The values of one answer as a file gives them → values that can be stored, and a note for each that could not be.

An answer is never refused: what is wrong with it counts as missing. Knows no format.
"""

import re
from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

import numpy as np

from homog_core.leftovers import answer_start
from homog_core.records import FinishReason
from homog_core.runs.importers.conversations import is_message
from homog_core.runs.importers.fields import MAX_CHARACTERS
from homog_core.runs.importers.notes import Notes
from homog_core.runs.importers.templates import text_of_content
from homog_core.runs.rows import kind_of

_MAX_ROUNDING = 1e-6  # what rounding may leave of a log-probability above 0, and of an entropy below it
_MAX_NUMBER = 1e30  # fits the stored float32
MAX_REASONING = 1_000_000  # characters before an answer
_PLACEHOLDER = -9999.0  # servers write it, or less, where they have no log-probability
_TEXT_KEYS = ("text", "generated_text", "content", "response", "answer", "output", "completion", "generation")
_FINISH: dict[str, FinishReason] = {
    "stop": "stop", "eos": "stop", "eos_token": "stop", "stop_sequence": "stop", "end_turn": "stop",
    "endoftext": "stop", "length": "length", "max_tokens": "length", "max_length": "length", "model_length": "length",
    "error": "error", "unknown": "unknown",
}  # fmt: skip


class Interval(NamedTuple):
    """What a number may be."""

    low: float
    high: float
    words: str


LOGPROBS = Interval(_PLACEHOLDER, _MAX_ROUNDING, "a log-probability is at most 0, and finite")
ENTROPIES = Interval(-_MAX_ROUNDING, _MAX_NUMBER, "an entropy is at least 0, and finite")


def text_from(value: Any, where: str, notes: Notes) -> str:
    """The text of an answer: also that of an object that holds one, and a number's. Of what is none, an empty one."""
    if isinstance(value, dict):
        value = _of_object(value, where, notes)
    if is_message(value):
        value = text_of_content(value)
    if isinstance(value, bool | date):
        notes.add("answers that are dates, or true or false, kept as text", where)
        return str(value).lower().removesuffix(" 00:00:00")
    if value is None or (isinstance(value, float) and value != value):  # NaN: a cell that pandas found empty
        notes.add("answers that are null, kept as empty and invalid", where)
        return ""
    if isinstance(value, int | float):
        notes.add("answers that are numbers, kept as text", where)
        return str(value)
    if not isinstance(value, str):
        notes.add("answers that are no text, kept as empty and invalid", f"{where}: it is {kind_of(value)}")
        return ""
    clean = value.replace("\0", "").encode("utf-8", "replace").decode()
    if clean != value:
        notes.add("answers with characters that no text can hold, taken out or replaced", where)
    if len(clean) > MAX_CHARACTERS:
        return _cut(clean, where, notes)
    return clean


def _cut(text: str, where: str, notes: Notes) -> str:
    """A text whose answer is as long as may be; reasoning before it does not count, up to a limit of its own."""
    start = answer_start(text)
    if start > MAX_REASONING:
        notes.add(f"answers after more than {MAX_REASONING:,} characters of reasoning, which is left out", where)
        text, start = text[start:], 0
    if len(text) - start > MAX_CHARACTERS:
        notes.add(f"answers cut to {MAX_CHARACTERS:,} characters", f"{where}: it has {len(text) - start:,}")
    return text[: start + MAX_CHARACTERS]


def _of_object(value: dict[str, Any], where: str, notes: Notes) -> Any:
    key = next((key for key in _TEXT_KEYS if key in value), None)
    for name in value:
        if name != key:
            notes.add(f"`{name[:40]}` of the answers is not read", where)
    return None if key is None else value[key]


def finish_reason_from(value: Any, where: str, notes: Notes) -> FinishReason | None:
    """Why an answer ended; "unknown" for a reason that is not one of ours."""
    if value is None or value == "":
        return None
    if isinstance(value, str) and (known := _FINISH.get(value.lower())):
        return known
    said = repr(value[:40]) if isinstance(value, str) else kind_of(value)
    notes.add("finish reasons that are not known, kept as unknown", f"{where}: it is {said}")
    return "unknown"


def entropy_kind_from(value: Any, where: str, notes: Notes) -> str | None:
    """How exact the entropies are; None where that is not said in a way that we know."""
    if value is None or value == "":
        return None
    if isinstance(value, str) and re.fullmatch(r"exact|none|top_k:[1-9][0-9]{0,8}", value):
        return value
    said = repr(value[:24]) if isinstance(value, str) else kind_of(value)
    notes.add(
        "entropy kinds that are not known, left out",
        f"{where}: it must be 'exact', 'none' or 'top_k:<k>', as in 'top_k:20', not {said}",
    )
    return None


def tokens_from(value: Any, where: str, notes: Notes) -> tuple[str, ...] | None:
    """The tokens of an answer; None where there are none, or one of them is no text."""
    if value is None:
        return None
    wrong = value if not isinstance(value, list) else next((one for one in value if not isinstance(one, str)), "")
    if wrong != "":
        said = f"it must be a list of texts, not {'with ' if isinstance(value, list) else ''}{kind_of(wrong)}"
        notes.add("tokens that could not be read, left out", f"{where}, `tokens`: {said}")
        return None
    return tuple(piece.replace("\0", "").encode("utf-8", "replace").decode() for piece in value)


def numbers_from(value: Any, allowed: Interval, where: str, notes: Notes) -> np.ndarray | None:
    """The numbers of an answer, float32 (T,); None where there are none, or one of them cannot be.

    One wrong number makes all of its answer missing: a sum would lack a term, and a mean without the least likely
    token would be too high.
    """
    if value is None:
        return None
    if not isinstance(value, list) or not {type(one) for one in value} <= {int, float, type(None)}:
        wrong = value if not isinstance(value, list) else next(v for v in value if type(v) not in (int, float))
        notes.add(
            "numbers that could not be read: those of their answer count as missing", f"{where}: {kind_of(wrong)}"
        )
        return None
    found = _array(value)
    if len(found) and np.isnan(found).all():  # as `export` writes numbers that are not known
        return None
    outside = np.flatnonzero(~((allowed.low < found) & (found <= allowed.high)))  # NaN is in no interval
    if not len(outside):
        return found.astype(np.float32)
    notes.add(
        f"numbers that cannot be ({allowed.words}): those of their answer count as missing",
        f"{where}: number {outside[0] + 1} is {found[outside[0]]:g}; {allowed.words}",
        len(outside),
    )
    return None


def _array(numbers: Sequence[int | float | None]) -> np.ndarray:
    try:
        return np.array(numbers, dtype=np.float64)
    except OverflowError:  # a whole number of hundreds of digits
        return np.array([np.nan if number is None or abs(number) > _MAX_NUMBER else number for number in numbers])
